//! The catalogue of faults, groups network, protocol, rate limits, clock, exchange, accounting, agents and security: each scenario against a
//! real gateway and a real simulated exchange, over real sockets, in a short version.
//!
//! Every test asserts what its scenario asks for, that its fault struck, and that all books agree
//! within five seconds after it is healed. The many trials of a scenario (NET-01, PRO-04, PRO-05,
//! PRO-06) run in the gateway's own tests without sockets. What needs the watchdog (the second halves
//! of NET-05, RL-02 and CLK-03) comes with the watchdog; the gateway's half of NET-07 is in `lease/`.

#[path = "../common/mod.rs"]
mod common;

mod account;
mod accounting;
mod agents;
mod breakers;
mod clock;
mod exchange;
mod habits;
mod hands;
mod kill;
mod network;
mod people;
mod protocol;
mod rates;
mod security;
mod stage;
