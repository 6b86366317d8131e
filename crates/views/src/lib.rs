//! Questions about a journal: in SQL, as reports, and why an order came to what it came to.
//!
//! A journal is a chain of entries, and each question over a million of them would read them all. So there is a
//! file of tables beside it that is made from the entries and follows them ([`Views`]); it is derived, may be
//! removed at any time, and is no part of what a gateway needs. The gateway's process never touches it.

mod error;
mod exact;
mod fold;
mod money;
pub mod parquet;
mod query;
pub mod report;
mod schema;
mod store;
mod table;
pub mod why;

pub use error::ViewsError;
pub use fold::{link_name, refusal_tag, what_went_wrong};
pub use query::Bounds;
pub use schema::{SCHEMA, home_of};
pub use store::{Views, path_of};
pub use table::{Cell, Table};
pub use why::words;
