//! A server as the list of venues opens it.

use model::Instrument;

use super::{CoinbaseServer, ServerConfig};
use crate::coinbase::sign::VerifyingKey;
use crate::server::{AnyDialect, erased};
use crate::venue::{KeyError, ServerError, ServerKey, Settings};

/// A server for these instruments that lets these keys in: EC or Ed25519 in PEM, or an Ed25519 seed in
/// base64.
pub(in crate::coinbase) fn open(
    settings: &Settings,
    instruments: Vec<Instrument>,
    keys: &[ServerKey<'_>],
) -> Result<AnyDialect, ServerError> {
    if settings.orders_per_10s.is_some() {
        return Err(ServerError::Setting(
            "--orders-per-10s: Coinbase counts requests a second, orders among them",
        ));
    }
    let (usual, times) = (ServerConfig::default(), settings.limits_times);
    let config = ServerConfig {
        private_per_s: usual.private_per_s * times,
        public_per_s: usual.public_per_s * times,
        app_per_hour: usual.app_per_hour * times,
        connections_per_s: usual.connections_per_s * times,
        messages_per_s: usual.messages_per_s * times,
        fees: settings.fees,
    };
    let mut server = CoinbaseServer::new(config, instruments);
    for ServerKey { name, secret, account, scopes } in keys {
        let verifying = VerifyingKey::new(secret).map_err(|error| ServerError::Key {
            name: (*name).to_owned(),
            source: KeyError(error.to_string()),
        })?;
        server.add_key_with(name, verifying, *account, *scopes);
    }
    Ok(erased(server))
}

/// Names are Coinbase's. How many orders may be open no source says; stops count as any other.
pub(in crate::coinbase) fn adapt(instrument: &mut Instrument) {
    instrument.symbol = instrument.id.to_string();
    instrument.limits.open_orders_max = Some(500);
    instrument.limits.stop_orders_max = None;
}
