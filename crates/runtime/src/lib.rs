//! Real time: the only threads, sockets, files and clock.

pub mod agent;
pub mod budget;
pub mod clock;
pub mod config;
pub mod control;
pub mod gates;
pub mod gateway;
pub mod record;
pub mod state;
pub mod streaming;
pub mod venue;
