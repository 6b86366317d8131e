//! Signed orders a second through the exchange's REST server over loopback.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use model::venue::{AccountRequest, FeeRates, Request};
use model::{Amount, Decimal};
use runtime::venue::{FeesIn, MarketSource, Scenario, VenueConfig};
use venues::binance::Symbols;
use venues::binance::client::encode;
use venues::binance::server::{BinanceServer, ServerConfig};
use venues::binance::sign::VerifyingKey;

use crate::samples::{account, instrument, new_order, parse};
use crate::sign::credentials;
use crate::table::{Row, per_second};

const CLIENTS: usize = 8;
const ROUND: Duration = Duration::from_millis(700);

pub(crate) fn run() -> anyhow::Result<Vec<Row>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    // Nothing is counted here but the work itself.
    let config = ServerConfig {
        weight_per_minute: u32::MAX,
        raw_per_5m: u32::MAX,
        orders_per_10s: u32::MAX,
        orders_per_day: u32::MAX,
        ..ServerConfig::default()
    };
    let fees = FeeRates { maker: Decimal::new(1, 3), taker: Decimal::new(1, 3) };
    let mut dialect = BinanceServer::new(config, vec![instrument()]);
    let secret = "madeUpSecretForTests0123456789abcdefghijklmnopqrstuvwxyzABCDEFGH";
    dialect.add_key("bench", VerifyingKey::new(secret)?, account());
    let money: BTreeMap<_, Amount> = [(parse("USDT"), parse("1000000000000"))].into();
    let venue = runtime.block_on(runtime::venue::start(
        VenueConfig {
            listen: parse("127.0.0.1:0"),
            instruments: vec![instrument()],
            fees,
            fees_in: FeesIn::Received,
            accounts: vec![(account(), money)],
            market: MarketSource::Empty,
            speed: 1.0,
            scenario: Scenario::default(),
            seed: 1,
        },
        venues::server::erased(dialect),
    ))?;
    let base = format!("http://{}", venue.addr);
    let number = Arc::new(AtomicU64::new(0));
    let mut failed = None;
    let measured = per_second(|| {
        let start = Instant::now();
        match runtime.block_on(round(&base, &number)) {
            Ok(count) => (count, start.elapsed()),
            Err(error) => {
                failed = Some(error);
                (1, start.elapsed())
            }
        }
    });
    runtime.block_on(venue.stop());
    match failed {
        Some(error) => Err(error),
        None => Ok(vec![Row {
            what: "venue: signed REST orders over loopback, 8 clients",
            measured,
            unit: "orders/s",
            target: "",
            peer: "",
        }]),
    }
}

async fn round(base: &str, number: &Arc<AtomicU64>) -> anyhow::Result<u64> {
    let clients = (0..CLIENTS).map(|_| tokio::spawn(client(base.to_owned(), Arc::clone(number))));
    let mut total = 0;
    for client in clients.collect::<Vec<_>>() {
        total += client.await??;
    }
    Ok(total)
}

async fn client(base: String, number: Arc<AtomicU64>) -> anyhow::Result<u64> {
    let http = reqwest::Client::builder().no_proxy().tcp_nodelay(true).build()?;
    let (symbols, credentials) = (Symbols::new(vec![instrument()]), credentials()?);
    let end = Instant::now() + ROUND;
    let mut count = 0;
    while Instant::now() < end {
        let name = format!("bench-{}", number.fetch_add(1, Ordering::Relaxed));
        let new = new_order(&name);
        let request = Request::Account(AccountRequest::Place(new));
        let call = encode(&request, &symbols, Some(&credentials), runtime::clock::now())?;
        let url = format!("{base}{}?{}", call.path, call.query);
        let answer = http.post(url).header("X-MBX-APIKEY", "bench").send().await?;
        let status = answer.status();
        let body = answer.text().await?;
        anyhow::ensure!(status.is_success(), "{status}: {body}");
        count += 1;
    }
    Ok(count)
}
