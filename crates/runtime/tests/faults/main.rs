//! Every kind of fault over real sockets: it fires, its effect is on the wire, and the oracle counts
//! it. All on Binance's protocol; on Coinbase's what a dialect has a say in.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod bench;
mod coinbase;
mod engine;
mod front;
mod limits;
mod network;
mod streams;
