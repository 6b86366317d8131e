//! Where a venue is reached: its own addresses, or those that are given in their place.

use super::feeds::StreamAddresses;
use crate::config::{VenueConfig, VenueKind};

/// Where the venue is.
pub(super) struct Addresses {
    pub(super) rest: String,
    pub(super) streams: StreamAddresses,
}

impl Addresses {
    /// An address that is given moves the others along: a simulated venue has one port for all.
    pub(super) fn of(settings: &VenueConfig) -> Addresses {
        let VenueConfig { kind, rest, streams, ws_api, .. } = settings;
        Addresses::at(*kind, rest.as_deref(), streams.as_deref(), ws_api.as_deref())
    }

    pub(super) fn at(
        kind: VenueKind,
        rest: Option<&str>,
        streams_are: Option<&str>,
        api_is: Option<&str>,
    ) -> Addresses {
        let own = kind.addresses;
        let (streams, streams_at) = (own.market, own.market_path);
        let sockets = rest.map(|rest| rest.replacen("http", "ws", 1));
        let sockets = sockets.as_deref().map(|base| base.trim_end_matches('/'));
        let market = match (streams_are, sockets) {
            (Some(streams), _) => streams.trim_end_matches('/'),
            (None, Some(base)) => base,
            (None, None) => streams,
        };
        let account = match (api_is, sockets) {
            (Some(api), _) => api.to_owned(),
            (None, Some(base)) => format!("{base}{}", own.account_path),
            (None, None) => own.account.to_owned(),
        };
        Addresses {
            rest: rest.unwrap_or(own.rest).to_owned(),
            streams: StreamAddresses { market: format!("{market}{streams_at}"), account },
        }
    }
}
