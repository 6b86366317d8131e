//! The client side of a venue: what a request looks like on the wire, what it costs, and what an answer means.
//!
//! Pure: the caller owns sockets, time and chance. Each venue implements [`Client`] in its own folder, and
//! nobody who uses one asks which venue it is.

use std::time::Duration;

use budget::{Charge, Counted, Keys, Limit, Usage};
use model::venue::{Request, VenueError};
use model::{Instrument, Link, Outcome, Timestamp};

use crate::session::{Machine, Pace, Stamp};

/// Hold still for this long when the venue says stop without saying how long.
pub const STOP_DEFAULT: Duration = Duration::from_secs(60);

/// A request on its way.
#[derive(Clone, Debug)]
pub struct Call {
    /// `GET`, `POST`, …
    pub method: &'static str,
    /// With the query.
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// Empty where there is none.
    pub body: String,
    /// What it costs.
    pub cost: Cost,
}

/// What a request costs, whoever makes it.
#[derive(Clone, Debug)]
pub struct Cost {
    /// What is counted.
    pub charge: Charge,
    /// What is given back when the answer is that it worked.
    pub free_when_it_works: Option<(Counted, u32)>,
    /// It counts as a new order unless it is proven that there is none.
    pub places: bool,
}

/// An answer as it came.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// HTTP's.
    pub status: u16,
    /// Headers that are text; names in lower case.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body, or why it could not be read.
    pub body: Result<&'a [u8], &'a str>,
    /// When the request was sent, by the venue's clock.
    pub asked: Timestamp,
    /// When the answer came, by the same clock.
    pub answered: Timestamp,
}

/// What an answer means, and what it says of limits.
#[derive(Clone, Debug)]
pub struct Heard {
    /// What became of the request.
    pub outcome: Outcome,
    /// What the venue says is used.
    pub used: Vec<Usage>,
    /// What the venue says is allowed.
    pub limits: Vec<Limit>,
    /// What is stopped, everything where it does not say what, and for how long.
    pub stop: Option<(Option<Counted>, Duration)>,
}

/// One venue, asked with a key or without one.
pub trait Client: Send + Sync {
    /// The same, knowing these instruments.
    fn following(&self, instruments: Vec<Instrument>) -> Box<dyn Client>;

    /// The request on the wire, or why this venue has no words for it.
    fn call(&self, request: &Request, stamp: Stamp, keys: Keys) -> Result<Call, String>;

    /// What the request costs, or why this venue has no words for it. No key is needed, and nothing is signed.
    fn cost(&self, request: &Request, keys: Keys) -> Result<Cost, String>;

    /// What the answer to a request means.
    fn read(&self, request: &Request, answer: &Answer<'_>) -> Heard;

    /// What an attempt to connect costs.
    fn connection(&self, link: Link, keys: Keys) -> Charge;

    /// Is this a refusal because our time is wrong?
    fn is_of_clock(&self, refusal: &VenueError) -> bool;

    /// Does it tell its limits beside its instruments?
    fn tells_limits(&self) -> bool {
        false
    }

    /// Does the venue take an account's requests in the order in which they were made alone? Then one leaves
    /// when the one before has been answered, and is made just before it leaves.
    fn one_by_one(&self) -> bool {
        false
    }

    /// The session with the market's streams, at this address.
    fn market(&self, url: String, pace: Pace) -> Box<dyn Machine>;

    /// The session with the account's stream; `None` without a key.
    fn account(&self, url: String, pace: Pace) -> Option<Box<dyn Machine>>;
}
