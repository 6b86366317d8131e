//! Metrics: how a gateway is, in numbers, for Prometheus and whoever reads its format.
//!
//! Two sources, both of which exist without it. What is counted (orders, refusals, times) is a fold over the journal's
//! records from the newest start on, so that a process that dies here loses no count. What is so now (state, equity,
//! budget) is the object of `plimsoll status`. It runs in a process of its own, like the dashboard, and looks only when
//! somebody scrapes; the loop of orders knows nothing of it (ADR 19).
//!
//! [`CATALOG`] is the list of all there is: what is not in it cannot be served. It leaves out
//! what has no bound: no label holds an order's id.

mod catalog;
mod figures;
mod fold;
mod format;
mod known;
mod look;
mod page;
mod process;
mod server;

pub use catalog::{CATALOG, Kind, Metric};
pub use known::Known;
pub use look::Settings;
pub use server::{ServeError, Server, serve};
