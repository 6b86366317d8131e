//! `[paper]`: the account of a paper run, and what the exchange in this process assumes. The words are those of
//! `plimsoll backtest`. What decides whether a strategy earns has no default: what the account holds, and fees.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use model::venue::FeeRates;
use model::{Amount, Asset, Decimal, Rounding};
use serde::Deserialize;
use sim_venue::{Assumptions, FeesIn, RestingFills};

/// What a paper run is made of besides what a live one is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaperConfig {
    /// What the account holds when its store is new.
    pub cash: BTreeMap<Asset, Amount>,
    /// What trading costs, as fractions.
    pub fees: FeeRates,
    /// In which asset.
    pub fees_in: FeesIn,
    /// What the feeds do not tell.
    pub assumptions: Assumptions,
    /// How long a request takes, and as long its answer.
    pub latency: Duration,
    /// Where the kill switch finds the account, on this host.
    pub listen: SocketAddr,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PaperFile {
    cash: String,
    maker_bps: toml::Value,
    taker_bps: toml::Value,
    #[serde(default)]
    fees_in: FeesInName,
    #[serde(default)]
    fill: FillName,
    #[serde(default)]
    slippage_bps: u32,
    share: Option<u32>,
    #[serde(default = "default_latency")]
    latency_ms: u64,
    #[serde(default = "default_listen")]
    listen: String,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum FeesInName {
    #[default]
    Quote,
    Received,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum FillName {
    Optimistic,
    Conservative,
    #[default]
    Queue,
}

/// A request that was longer under way than the exchange takes orders for would be one that it refuses.
const LATENCY_MAX_MS: u64 = 1_000;

const fn default_latency() -> u64 {
    50
}

/// Beside the kill switch's own ports in the examples. It has the same default.
fn default_listen() -> String {
    "127.0.0.1:9202".to_owned()
}

/// The most that can be said of hundredths of a percent.
const BPS_MAX: i64 = 10_000;

/// Checks the table.
pub(super) fn checked(file: &PaperFile) -> Result<PaperConfig, (String, String)> {
    let bad = |key: &str, problem: String| (format!("paper.{key}"), problem);
    let rate = |key, value| rate(value).map_err(|problem| bad(key, problem));
    let cash = sums(&file.cash).map_err(|problem| bad("cash", problem))?;
    if !cash.values().any(|sum| *sum > Amount::ZERO) {
        let problem = "holds nothing to trade with; write cash = \"10000 USDT, 1 BTC\"";
        return Err(bad("cash", problem.to_owned()));
    }
    if file.latency_ms > LATENCY_MAX_MS {
        return Err(bad("latency_ms", format!("is not 0 to {LATENCY_MAX_MS} milliseconds")));
    }
    if i64::from(file.slippage_bps) > BPS_MAX {
        return Err(bad("slippage_bps", format!("is not 0 to {BPS_MAX} hundredths of a percent")));
    }
    if file.share.is_some_and(|share| !(1..=100).contains(&share)) {
        return Err(bad("share", "is not 1 to 100 percent".to_owned()));
    }
    let listen = file.listen.parse().ok().filter(|address: &SocketAddr| address.ip().is_loopback());
    let listen = listen.ok_or_else(|| {
        let problem =
            format!("{:?} is no port of this host alone, as in 127.0.0.1:9202", file.listen);
        bad("listen", problem)
    })?;
    let fees = FeeRates {
        maker: rate("maker_bps", &file.maker_bps)?,
        taker: rate("taker_bps", &file.taker_bps)?,
    };
    let resting = match file.fill {
        FillName::Optimistic => RestingFills::Touch,
        FillName::Conservative => RestingFills::Through,
        FillName::Queue => RestingFills::Queue,
    };
    let fees_in = match file.fees_in {
        FeesInName::Quote => FeesIn::Quote,
        FeesInName::Received => FeesIn::Received,
    };
    let assumptions =
        Assumptions { resting, slippage_bps: file.slippage_bps, share_percent: file.share };
    let latency = Duration::from_millis(file.latency_ms);
    Ok(PaperConfig { cash, fees, fees_in, assumptions, latency, listen })
}

/// Hundredths of a percent, as a number or as its text, as a fraction.
fn rate(value: &toml::Value) -> Result<Decimal, String> {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let bps: Decimal = text.parse().map_err(|_| format!("{text:?} is no number"))?;
    let most = Decimal::new(BPS_MAX, 0);
    if bps > most || bps < most.checked_neg().unwrap_or_default() {
        return Err(format!("is not within -{BPS_MAX} and {BPS_MAX} hundredths of a percent"));
    }
    Ok(bps.checked_mul(Decimal::new(1, 4), Rounding::Up).unwrap_or_default())
}

/// Amounts with their assets, as in `10000 USDT, 1 BTC`.
fn sums(text: &str) -> Result<BTreeMap<Asset, Amount>, String> {
    let mut sums = BTreeMap::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let wrong = || format!("{part:?} is no amount and asset, such as 1 BTC");
        let (amount, asset) = part.split_once(' ').ok_or_else(wrong)?;
        let amount: Amount = amount.parse().map_err(|_| wrong())?;
        let asset: Asset = asset.trim().parse().map_err(|_| wrong())?;
        if amount < Amount::ZERO {
            return Err(format!("{part:?} is below zero"));
        }
        if sums.insert(asset, amount).is_some() {
            return Err(format!("{asset} is given twice"));
        }
    }
    Ok(sums)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<PaperConfig, (String, String)> {
        checked(&toml::from_str::<PaperFile>(text).unwrap())
    }

    const GOOD: &str = "cash = \"10000 USDT, 1 BTC\"\nmaker_bps = -0.5\ntaker_bps = \"7.5\"\n";

    #[test]
    fn what_is_not_said_has_the_defaults_of_the_documentation() {
        let paper = read(GOOD).unwrap();
        assert_eq!(paper.cash.len(), 2);
        assert_eq!(paper.fees.maker.to_string(), "-0.00005");
        assert_eq!(paper.fees.taker.to_string(), "0.00075");
        assert_eq!(paper.latency, Duration::from_millis(50));
        assert_eq!(paper.listen.to_string(), "127.0.0.1:9202");
        assert_eq!((paper.fees_in, paper.assumptions), (FeesIn::Quote, Assumptions::default()));
        let all = "fees_in = \"received\"\nfill = \"conservative\"\nslippage_bps = 3\nshare = 20\n\
                   latency_ms = 7";
        let paper = read(&format!("{GOOD}{all}")).unwrap();
        let assumed = Assumptions {
            resting: RestingFills::Through,
            slippage_bps: 3,
            share_percent: Some(20),
        };
        assert_eq!((paper.fees_in, paper.assumptions), (FeesIn::Received, assumed));
        assert_eq!(paper.latency, Duration::from_millis(7));
    }

    #[test]
    fn mistakes_name_their_key() {
        for (from, to, key) in [
            ("10000 USDT, 1 BTC", "", "cash"),
            ("10000 USDT, 1 BTC", "0 USDT", "cash"),
            ("10000 USDT, 1 BTC", "USDT", "cash"),
            ("10000 USDT, 1 BTC", "-1 USDT", "cash"),
            ("10000 USDT, 1 BTC", "1 USDT, 2 USDT", "cash"),
            ("-0.5", "-10001", "maker_bps"),
            ("7.5", "x", "taker_bps"),
            ("taker", "latency_ms = 1001\ntaker", "latency_ms"),
            ("taker", "listen = \"0.0.0.0:9202\"\ntaker", "listen"),
            ("taker", "listen = \"localhost\"\ntaker", "listen"),
            ("taker", "share = 0\ntaker", "share"),
            ("taker", "slippage_bps = 10001\ntaker", "slippage_bps"),
        ] {
            let (named, problem) = read(&GOOD.replace(from, to)).unwrap_err();
            assert_eq!(named, format!("paper.{key}"), "{to}: {problem}");
        }
    }
}
