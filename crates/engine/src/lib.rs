//! Strategies and how they meet the gateway.
//!
//! A [`Strategy`] sees what happens and says what it wants; whether it may is the gateway's
//! business alone. The same strategy runs in two places: in process, inside the [`Engine`] of a
//! backtest, and in a process of its own, inside a [`Runner`] that speaks the line protocol of
//! [`protocol`] with the gateway. Both fold the same events into the same [`AgentBooks`], so the
//! strategy cannot tell where it is.

pub mod protocol;

mod books;
mod engine;
mod intents;
mod pace;
mod runner;
mod strategy;

pub use books::{AgentBooks, AgentOrder};
pub use engine::Engine;
pub use intents::{EXPIRES_AFTER, Intents};
pub use pace::Pace;
pub use runner::Runner;
pub use strategy::{Event, Rest, Strategy, View};
