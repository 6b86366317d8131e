//! A server as the list of venues opens it.

use model::Instrument;

use super::{BinanceServer, ServerConfig};
use crate::binance::sign::VerifyingKey;
use crate::server::{AnyDialect, erased};
use crate::venue::{KeyError, ServerError, ServerKey, Settings};

/// A server for these instruments that lets these keys in: a secret for HMAC, or an Ed25519 key in PEM.
pub(in crate::binance) fn open(
    settings: &Settings,
    instruments: Vec<Instrument>,
    keys: &[ServerKey<'_>],
) -> Result<AnyDialect, ServerError> {
    let (usual, times) = (ServerConfig::default(), settings.limits_times);
    let config = ServerConfig {
        weight_per_minute: usual.weight_per_minute * times,
        orders_per_10s: settings.orders_per_10s.unwrap_or(usual.orders_per_10s * times),
        connections_per_5m: usual.connections_per_5m * times,
        legacy_listen_key: settings.legacy_listen_key,
        fees: settings.fees,
        ..usual
    };
    let mut server = BinanceServer::new(config, instruments);
    for ServerKey { name, secret, account, scopes } in keys {
        let verifying = VerifyingKey::new(secret).map_err(|error| ServerError::Key {
            name: (*name).to_owned(),
            source: KeyError(error.to_string()),
        })?;
        server.add_key_with(name, verifying, *account, *scopes);
    }
    Ok(erased(server))
}
