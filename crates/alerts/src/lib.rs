//! Alerts on their way to people: webhooks, chats, e-mail, the desktop, a file.
//!
//! Who raises an alert never waits: it is counted against its cause (`limit.rs`: one in a minute), laid into
//! a queue for each sink (`queue.rs`: bounded, the worst first), and carried out by that sink's own task
//! (`worker.rs`), so that a sink that is dead or hangs holds up no other and nobody else. What fails is tried
//! again with growing pauses (`backoff.rs`) until it is delivered, at least once; each message has an id by
//! which a second delivery is known.
//!
//! Nothing here decides anything about trading, and nothing that a sink says is believed further than
//! whether it took a message. Addresses with tokens in them, tokens and passwords are in no message of
//! this crate (`hidden.rs`).

mod backoff;
mod desk;
mod hidden;
mod limit;
mod mark;
mod message;
mod queue;
mod settings;
mod sink;
mod trial;
mod worker;

pub use desk::{Alerts, SinkState};
pub use hidden::Hidden;
pub use mark::{keep_good, last_good};
pub use message::Standing;
pub use queue::QUEUE_MAX;
pub use settings::{EmailSettings, Kind, Settings, SinkSettings, Tls};
pub use sink::check_mail_address;
pub use trial::{Tried, trial};
