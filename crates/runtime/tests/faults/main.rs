//! Every kind of fault over real sockets: it fires, its effect is on the wire, and the oracle counts
//! it.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod bench;
mod engine;
mod front;
mod limits;
mod network;
mod streams;
