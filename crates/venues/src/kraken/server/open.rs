//! A server as the list of venues opens it.

use model::Instrument;

use super::{KrakenServer, ServerConfig};
use crate::kraken::sign::SigningKey;
use crate::kraken::symbols::pair_name;
use crate::server::{AnyDialect, erased};
use crate::venue::{KeyError, ServerError, ServerKey, Settings};

/// A server for these instruments that lets these keys in: base64, as the portal shows private keys.
pub(in crate::kraken) fn open(
    settings: &Settings,
    instruments: Vec<Instrument>,
    keys: &[ServerKey<'_>],
) -> Result<AnyDialect, ServerError> {
    if settings.orders_per_10s.is_some() {
        return Err(ServerError::Setting(
            "--orders-per-10s: Kraken counts what its matching engine does for a pair, and lets that fall",
        ));
    }
    let config = ServerConfig { fees: settings.fees, ..ServerConfig::default() };
    let mut server = KrakenServer::new(config.times(settings.limits_times), instruments);
    for ServerKey { name, secret, account, scopes } in keys {
        let key = SigningKey::new(secret).map_err(|error| ServerError::Key {
            name: (*name).to_owned(),
            source: KeyError(error.to_string()),
        })?;
        server.add_key(name, key, *account, *scopes);
    }
    Ok(erased(server))
}

/// Names are Kraken's, and as many orders of a pair may be open as of an account of the middle tier.
pub(in crate::kraken) fn adapt(instrument: &mut Instrument) {
    instrument.symbol = pair_name(instrument.base.as_str(), instrument.quote.as_str());
    instrument.limits.open_orders_max = Some(80);
    instrument.limits.stop_orders_max = None;
    // No page knows of one.
    instrument.limits.band = None;
}
