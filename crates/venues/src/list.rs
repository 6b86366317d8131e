//! The venues there are. One line each: whoever needs a venue finds it here and never asks which one it is.

use crate::venue::Venue;

/// Every venue.
pub static VENUES: [&Venue; 3] =
    [&crate::binance::VENUE, &crate::coinbase::VENUE, &crate::kraken::VENUE];

/// The venue of this name, as configurations or command lines have it.
pub fn named(name: &str) -> Option<&'static Venue> {
    VENUES.into_iter().find(|venue| venue.name == name || venue.dialect == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_found() {
        let mut names = BTreeSet::new();
        for venue in VENUES {
            assert!(names.insert(venue.name) && names.insert(venue.dialect), "{venue:?}");
            assert_eq!(named(venue.name), Some(venue));
            assert_eq!(named(venue.dialect), Some(venue));
        }
        assert_eq!(named("nowhere"), None);
    }
}
