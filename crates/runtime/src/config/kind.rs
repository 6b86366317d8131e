//! Which exchange a venue is, by its name in a configuration.

use std::fmt;
use std::ops::Deref;

use serde::{Deserialize, Deserializer, de};
use venues::{VENUES, Venue};

/// One of the venues there are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct VenueKind(&'static Venue);

impl VenueKind {
    /// This one.
    pub const fn of(venue: &'static Venue) -> VenueKind {
        VenueKind(venue)
    }

    /// The venue's entry in the list.
    pub const fn venue(self) -> &'static Venue {
        self.0
    }

    /// The one of this name, as `binance-spot`.
    pub fn named(name: &str) -> Option<VenueKind> {
        VENUES.into_iter().find(|venue| venue.name == name).map(VenueKind)
    }

    /// All names.
    pub fn names() -> impl Iterator<Item = &'static str> {
        VENUES.into_iter().map(|venue| venue.name)
    }
}

impl Deref for VenueKind {
    type Target = Venue;

    fn deref(&self) -> &Venue {
        self.0
    }
}

impl fmt::Debug for VenueKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name)
    }
}

impl<'de> Deserialize<'de> for VenueKind {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<VenueKind, D::Error> {
        let name = String::deserialize(from)?;
        VenueKind::named(&name).ok_or_else(|| {
            let names: Vec<String> = VenueKind::names().map(|name| format!("`{name}`")).collect();
            let names = names.join(", ");
            de::Error::custom(format!("unknown variant `{name}`, expected one of {names}"))
        })
    }
}
