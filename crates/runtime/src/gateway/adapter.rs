//! One venue of the list, with a client of it.

use venues::Venue;
use venues::client::Client;

pub use venues::KeyError;

use crate::config::VenueKind;

/// A venue and the way to speak with it.
pub(super) struct Adapter {
    pub(super) venue: &'static Venue,
    pub(super) client: Box<dyn Client>,
}

impl Adapter {
    /// With a key; it knows no instrument yet.
    pub(super) fn new(kind: VenueKind, key: &str, secret: &str) -> Result<Adapter, KeyError> {
        let venue = kind.venue();
        Ok(Adapter { venue, client: (venue.client)(key, secret)? })
    }

    /// One that asks for what is public, and has no key that could do more.
    pub(super) fn public(kind: VenueKind) -> Adapter {
        let venue = kind.venue();
        Adapter { venue, client: (venue.public)() }
    }
}
