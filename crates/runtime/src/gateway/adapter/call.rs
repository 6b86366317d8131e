//! A request on its way and its answer, as every venue's client has them.

use std::time::Duration;

use ::budget::{Charge, Counted, Limit, Usage};
use model::{Outcome, Timestamp};
use reqwest::header::HeaderMap;

/// Hold still for this long when the venue says stop without saying how long.
pub(super) const STOP_DEFAULT: Duration = Duration::from_secs(60);

/// A request on its way.
pub(crate) struct Call {
    pub(crate) method: reqwest::Method,
    /// With the query.
    pub(crate) path: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    /// JSON, or empty.
    pub(crate) body: String,
    pub(crate) cost: Cost,
}

/// What a request costs, whoever makes it.
#[derive(Clone, Debug)]
pub(crate) struct Cost {
    pub(crate) charge: Charge,
    /// What is given back when the answer is that it worked.
    pub(crate) free_when_it_works: Option<(Counted, u32)>,
    /// It counts as a new order unless it is proven that there is none.
    pub(crate) places: bool,
}

/// An answer as it came.
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) headers: &'a HeaderMap,
    /// The body, or why it could not be read.
    pub(crate) body: Result<&'a [u8], &'a str>,
    /// When the request was sent and when this came, by the venue's clock.
    pub(crate) asked: Timestamp,
    pub(crate) answered: Timestamp,
}

/// What an answer means, and what it says of limits.
pub(crate) struct Heard {
    pub(crate) outcome: Outcome,
    /// What the venue says is used.
    pub(crate) used: Vec<Usage>,
    /// What the venue says is allowed.
    pub(crate) limits: Vec<Limit>,
    /// What is stopped, everything where it does not say what, and for how long.
    pub(crate) stop: Option<(Option<Counted>, Duration)>,
}

/// Headers that are text.
pub(super) fn texts(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
}

/// A verb as the codecs write it.
pub(super) fn method(name: &str) -> Result<reqwest::Method, String> {
    reqwest::Method::from_bytes(name.as_bytes()).map_err(|_| format!("no such method: {name}"))
}
