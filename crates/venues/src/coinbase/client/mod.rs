//! The client side: what the gateway says to Coinbase, and what it makes of the answers.
//!
//! Pure: requests become bytes, bytes become our words. Sockets, time and retries are the runtime's.
