//! Sinks: the journal's records on their way to ClickHouse, Elasticsearch and Parquet files, and as traces to OpenTelemetry.
//!
//! A sink stands behind the journal and never beside it: it reads what is durable, by entry number, through a
//! connection of its own, and no order waits for it. What it has had is a number, the cursor, which is written
//! down only after the target has acknowledged; in doubt a record is sent again, under the same id, so that it
//! is there once. Whatever fails, the answer is the same: let go, wait, begin again at the cursor.
//!
//! [`schema`] is the one shape of a row, [`Sink`] the loop, and each target has a file. What is left out: ways
//! to change records on their way, and questions; those are asked where the records are.

mod clickhouse;
mod cursor;
mod date;
mod dead;
mod elastic;
mod engine;
mod fold;
mod http;
mod journey;
mod lock;
mod otlp;
mod parquet;
mod row;
mod row_binary;
pub mod schema;
mod settings;
mod state;
mod target;
mod typed;

pub use cursor::Cursor;
pub use engine::{Ended, Sink, Until};
pub use lock::{Lock, Locked};
pub use row::{Missing, Row};
pub use settings::{Auth, Hidden, Kind, Settings};
pub use state::{SinkState, Trouble, had, path as state_path, read as read_state};
