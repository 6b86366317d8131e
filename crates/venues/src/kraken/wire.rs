//! Kraken's JSON as Kraken prints it, under Kraken's names, as far as it is read here.
//!
//! REST prints decimals in quotes, the streams print them as numbers of full precision: both are read as
//! text, because a float has not the digits, and a checksum counts the zeros.
//!
//! Source: REST reference and `spot-websocket-v2` pages, read 2026-08-21.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use model::{Decimal, Timestamp};
use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;

/// A decimal, in quotes or not. Averages come with more digits than a [`Decimal`] has; what is behind the
/// eighteenth is cut off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Num(pub Decimal);

impl Num {
    fn parse(text: &str) -> Option<Num> {
        let cut = || {
            let point = text.find('.')?;
            let digits = text.get(point + 1..)?;
            let long = digits.len() > 18 && digits.bytes().all(|byte| byte.is_ascii_digit());
            long.then(|| text.get(..point + 19)).flatten()
        };
        let parse = |text: &str| Decimal::parse(text.as_bytes()).ok();
        parse(text).or_else(|| parse(cut()?)).map(Num)
    }

    /// The number, when it is above zero: prices are zero where there is none.
    pub fn above_zero(self) -> Option<Decimal> {
        Some(self.0).filter(|number| number.signum() > 0)
    }

    /// Seconds since the epoch as a time; zero is none.
    pub fn seconds(self) -> Option<Timestamp> {
        let cut = self.0.round_to(9, model::Rounding::Down)?;
        let nanos = cut.mantissa_at(9).filter(|nanos| *nanos > 0)?;
        Some(Timestamp::from_nanos(nanos))
    }
}

impl fmt::Display for Num {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for Num {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Num, D::Error> {
        Printed::deserialize(from).map(|printed| printed.number)
    }
}

/// A decimal, and how it was printed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Printed {
    /// The number.
    pub number: Num,
    /// Its digits, with all zeros.
    pub text: String,
}

impl<'de> Deserialize<'de> for Printed {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Printed, D::Error> {
        let raw = <Box<RawValue>>::deserialize(from)?;
        let text = raw.get().trim();
        let bare = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
        let number = Num::parse(bare);
        let number = number.ok_or_else(|| de::Error::custom(format!("{bare:.40} is no number")))?;
        Ok(Printed { number, text: bare.to_owned() })
    }
}

/// Every answer of REST.
#[derive(Debug, Deserialize)]
pub struct Reply<T> {
    /// Nothing, where it worked; entries that begin with W are warnings.
    #[serde(default)]
    pub error: Vec<String>,
    /// Absent where it did not.
    #[serde(default = "none")]
    pub result: Option<T>,
}

fn none<T>() -> Option<T> {
    None
}

/// `Time`.
#[derive(Debug, Deserialize)]
pub struct Time {
    /// Seconds.
    pub unixtime: i64,
}

/// One of `AssetPairs`.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "Kraken's names")]
pub struct Pair {
    pub altname: String,
    #[serde(default)]
    pub wsname: String,
    pub pair_decimals: u8,
    pub lot_decimals: u8,
    #[serde(default)]
    pub ordermin: Option<Num>,
    #[serde(default)]
    pub costmin: Option<Num>,
    #[serde(default)]
    pub tick_size: Option<Num>,
    #[serde(default)]
    pub status: String,
}

/// `Depth` of one pair: price, quantity and time.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "Kraken's names")]
pub struct Depth {
    pub asks: Vec<(Num, Num, de::IgnoredAny)>,
    pub bids: Vec<(Num, Num, de::IgnoredAny)>,
}

/// One of `Trades`: price, quantity, time, side, kind, flags and number.
pub type TradeRow = (Num, Num, Num, String, String, String, u64);

/// One of `OHLC`: time, open, high, low, close, average, volume and count.
pub type CandleRow = (i64, Num, Num, Num, Num, Num, Num, u64);

/// `AddOrder`.
#[derive(Debug, Deserialize)]
pub struct Added {
    /// Absent where it was only checked.
    #[serde(default)]
    pub txid: Vec<String>,
}

/// `CancelOrder`, `CancelAll`.
#[derive(Debug, Deserialize)]
pub struct Canceled {
    /// How many.
    pub count: u32,
    /// They are being canceled.
    #[serde(default)]
    pub pending: Option<bool>,
}

/// An order over REST.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "Kraken's names")]
pub struct Order {
    pub txid: String,
    #[serde(default)]
    pub cl_ord_id: Option<String>,
    pub status: String,
    pub opentm: Num,
    #[serde(default)]
    pub closetm: Num,
    #[serde(default)]
    pub expiretm: Num,
    pub descr: Descr,
    pub vol: Num,
    pub vol_exec: Num,
    pub cost: Num,
    #[serde(default)]
    pub oflags: String,
    #[serde(default)]
    pub timeinforce: Option<String>,
    #[serde(default)]
    pub reason: Option<String>,
}

/// What was ordered.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "Kraken's names")]
pub struct Descr {
    pub pair: String,
    #[serde(rename = "type")]
    pub side: String,
    pub ordertype: String,
    #[serde(default)]
    pub price: Num,
    #[serde(default)]
    pub price2: Num,
}

/// `OpenOrders`.
#[derive(Debug, Deserialize)]
pub struct OpenOrders {
    /// By their names.
    pub open: BTreeMap<String, Box<RawValue>>,
}

/// `ClosedOrders`.
#[derive(Debug, Deserialize)]
pub struct ClosedOrders {
    /// By their names, 50 at most.
    pub closed: BTreeMap<String, Box<RawValue>>,
    /// How many there are.
    #[serde(default)]
    pub count: usize,
}

/// `TradesHistory`.
#[derive(Debug, Deserialize)]
pub struct TradesHistory {
    /// By their names, 50 at most.
    pub trades: BTreeMap<String, Box<RawValue>>,
    /// How many there are.
    #[serde(default)]
    pub count: usize,
}

/// An execution over REST.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "Kraken's names")]
pub struct Trade {
    pub txid: String,
    pub ordertxid: String,
    pub pair: String,
    pub time: Num,
    #[serde(rename = "type")]
    pub side: String,
    pub price: Num,
    pub fee: Num,
    pub vol: Num,
    #[serde(default)]
    pub maker: Option<bool>,
}

/// One of `BalanceEx`.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "Kraken's names")]
pub struct Balance {
    pub balance: Num,
    #[serde(default)]
    pub hold_trade: Num,
}

/// `TradeVolume`.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "Kraken's names")]
pub struct TradeVolume {
    #[serde(default)]
    pub fees: BTreeMap<String, Fee>,
    #[serde(default)]
    pub fees_maker: BTreeMap<String, Fee>,
}

/// A rate in percent.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "Kraken's names")]
pub struct Fee {
    pub fee: Num,
}

/// `GetApiKeyInfo`. Two spellings of its fields are known.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "Kraken's names")]
pub struct KeyInfo {
    pub permissions: Vec<String>,
    #[serde(default, alias = "ipAllowlist")]
    pub ip_allowlist: Option<Vec<String>>,
    #[serde(default, alias = "validUntil")]
    pub valid_until: Option<Num>,
}

/// `GetWebSocketsToken`.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "Kraken's names")]
pub struct Token {
    pub token: String,
}

/// What every message of a stream is read for first.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "Kraken's names")]
pub struct Head<'a> {
    #[serde(default, borrow)]
    pub channel: Option<Cow<'a, str>>,
    #[serde(default, borrow, rename = "type")]
    pub kind: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    pub method: Option<Cow<'a, str>>,
    #[serde(default)]
    pub success: Option<bool>,
    #[serde(default)]
    pub error: Option<String>,
    #[serde(default)]
    pub sequence: Option<u64>,
    #[serde(default, borrow)]
    pub result: Option<&'a RawValue>,
    #[serde(default, borrow)]
    pub data: Option<&'a RawValue>,
}

/// What a subscription's acknowledgement says of itself.
#[derive(Debug, Default, Deserialize)]
#[expect(missing_docs, reason = "Kraken's names")]
pub struct Subscribed {
    #[serde(default)]
    pub channel: String,
    #[serde(default)]
    pub symbol: String,
}

/// A book, or a change of one.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "Kraken's names")]
pub struct Book {
    pub symbol: String,
    #[serde(default)]
    pub bids: Vec<BookLevel>,
    #[serde(default)]
    pub asks: Vec<BookLevel>,
    pub checksum: u32,
    #[serde(default)]
    pub timestamp: Option<String>,
}

/// One of its levels.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "Kraken's names")]
pub struct BookLevel {
    pub price: Printed,
    pub qty: Printed,
}

/// A public trade.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "Kraken's names")]
pub struct StreamTrade {
    pub symbol: String,
    pub side: String,
    pub price: Num,
    pub qty: Num,
    pub trade_id: u64,
    pub timestamp: String,
}

/// What a stop order waits for.
#[derive(Clone, Debug, Default, Deserialize)]
#[expect(missing_docs, reason = "Kraken's names")]
pub struct Triggers {
    #[serde(default)]
    pub price: Num,
    #[serde(default)]
    pub status: Option<String>,
}

/// What was paid for an execution.
#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "Kraken's names")]
pub struct FeePaid {
    pub asset: String,
    pub qty: Num,
}

/// Something that happened to an order. Which fields it has depends on what.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "Kraken's names")]
pub struct Report {
    pub order_id: String,
    pub cl_ord_id: Option<String>,
    pub exec_type: String,
    pub order_status: String,
    pub timestamp: String,
    pub symbol: Option<String>,
    pub side: Option<String>,
    pub order_type: Option<String>,
    pub order_qty: Option<Num>,
    /// Of a market buy by amount of quote.
    pub cash_order_qty: Option<Num>,
    pub limit_price: Option<Num>,
    pub triggers: Option<Triggers>,
    pub time_in_force: Option<String>,
    pub expire_time: Option<String>,
    pub post_only: Option<bool>,
    pub cum_qty: Option<Num>,
    pub cum_cost: Option<Num>,
    pub exec_id: Option<String>,
    pub last_qty: Option<Num>,
    pub last_price: Option<Num>,
    pub liquidity_ind: Option<String>,
    pub fees: Vec<FeePaid>,
    pub reason: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_they_are_printed() {
        let read = |text: &str| serde_json::from_str::<Printed>(text).ok();
        for (text, digits) in
            [("0.01500000", "0.01500000"), ("\"61234.60\"", "61234.60"), ("7", "7")]
        {
            let printed = read(text).unwrap();
            assert_eq!(
                (printed.text.as_str(), printed.number),
                (digits, Num(digits.parse().unwrap()))
            );
        }
        assert_eq!(
            read("0.1234567890123456789").unwrap().number,
            Num("0.123456789012345678".parse().unwrap())
        );
        for text in ["\"\"", "null", "\"NaN\"", "{}", "true", "1e400"] {
            assert!(read(text).is_none(), "{text}");
        }
    }

    #[test]
    fn seconds_have_fractions() {
        let at = |text: &str| serde_json::from_str::<Num>(text).unwrap().seconds();
        assert_eq!(at("1767225600.8974").unwrap().millis(), 1_767_225_600_897);
        assert_eq!(at("0"), None);
    }
}
