//! Building and signing one order.

use model::venue::{AccountRequest, Request};
use venues::binance::Symbols;
use venues::binance::client::{Credentials, encode};
use venues::binance::sign::SigningKey;

use crate::samples::{at, instrument, new_order};
use crate::table::{Latencies, Row};

const ORDERS: i64 = 200_000;

pub(crate) fn credentials() -> anyhow::Result<Credentials> {
    let key = SigningKey::new("madeUpSecretForTests0123456789abcdefghijklmnopqrstuvwxyzABCDEFGH")?;
    Ok(Credentials { api_key: "bench".to_owned(), key })
}

pub(crate) fn run() -> anyhow::Result<Vec<Row>> {
    let (symbols, credentials) = (Symbols::new(vec![instrument()]), credentials()?);
    let request = Request::Account(AccountRequest::Place(new_order("bench-1-1")));
    let mut latencies = Latencies::new();
    for number in 0..ORDERS {
        let call = latencies.time(|| encode(&request, &symbols, Some(&credentials), at(number)))?;
        anyhow::ensure!(call.query.contains("&signature="), "{}", call.query);
    }
    let row = |what, quantile, target, peer| Row {
        what,
        measured: latencies.at(quantile) / 1_000.0,
        unit: "µs",
        target,
        peer,
    };
    Ok(vec![
        row("build and sign one order (HMAC), median", 0.5, "<= 3", "CCXT Python 83, Node 16"),
        row("build and sign one order (HMAC), p99", 0.99, "", ""),
    ])
}
