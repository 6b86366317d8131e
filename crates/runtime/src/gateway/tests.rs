//! The sessions, the pump and the core against the simulated exchange over real sockets, with their
//! exchange's whole truth beside them: what every public trade and every execution was.

mod accounts;
mod hand_over;
mod reconnects;
mod resources;
mod stage;
