//! What is counted, and what happens to those who use too much.
//!
//! Windows are fixed and aligned, not sliding: a minute begins at second 0. Weight and raw requests
//! are counted by address, unfilled orders by account. Who goes on after a 429 is banned, each time
//! for longer.
//!
//! Source: rest-api.md "Limits", faqs/order_count_decrement.md, read 2026-07-21.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use model::{AccountId, Timestamp, VenueOrderId};

use super::config::ServerConfig;
use super::errors::ApiError;
use crate::binance::wire::RateLimit;

/// Addresses remembered; beyond that the counting starts anew for all that are not banned, and
/// when so many are banned, for them, too.
const ADDRESSES_MAX: usize = 10_000;
/// Requests after a 429 in one window that are still only refused; the next one is a ban.
const IGNORED_MAX: u32 = 20;
/// First ban; each one after it is twice as long.
const BAN_MIN: Duration = Duration::from_secs(120);
/// Longest ban.
const BAN_MAX: Duration = Duration::from_secs(3 * 86_400);

const MINUTE: Duration = Duration::from_secs(60);
const FIVE_MINUTES: Duration = Duration::from_secs(300);
const TEN_SECONDS: Duration = Duration::from_secs(10);
const DAY: Duration = Duration::from_secs(86_400);

/// A count within one aligned window.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    start: Timestamp,
    used: u32,
}

impl Window {
    fn at(&mut self, now: Timestamp, length: Duration) -> &mut Window {
        let start = now.floor_to(length);
        if start != self.start {
            *self = Window { start, used: 0 };
        }
        self
    }

    fn end(&self, length: Duration) -> Timestamp {
        self.start.after(length)
    }
}

#[derive(Clone, Debug, Default)]
struct Address {
    weight: Window,
    raw: Window,
    connections: Window,
    ignored: Window,
    bans: u32,
    banned_until: Timestamp,
}

#[derive(Clone, Debug, Default)]
struct Orders {
    ten_seconds: Window,
    day: Window,
}

/// All counts.
#[derive(Debug, Default)]
pub(super) struct Limits {
    addresses: BTreeMap<IpAddr, Address>,
    accounts: BTreeMap<AccountId, Orders>,
    /// What somebody else on every address uses of its weight, in thousandths of the limit.
    neighbour_permille: u32,
}

impl Limits {
    /// From now on somebody else on every address uses this share of its weight, in thousandths.
    pub(super) fn set_neighbour(&mut self, permille: u32) {
        self.neighbour_permille = permille;
    }

    fn neighbour(&self, config: &ServerConfig) -> u32 {
        let used = u64::from(config.weight_per_minute) * u64::from(self.neighbour_permille);
        u32::try_from(used / 1_000).unwrap_or(config.weight_per_minute)
    }

    fn address(&mut self, peer: IpAddr) -> &mut Address {
        if self.addresses.len() >= ADDRESSES_MAX && !self.addresses.contains_key(&peer) {
            self.addresses.retain(|_, address| address.bans > 0);
            if self.addresses.len() >= ADDRESSES_MAX {
                self.addresses.clear();
            }
        }
        self.addresses.entry(peer).or_default()
    }

    /// Counts a request of this weight, or says why it may not be.
    pub(super) fn charge(
        &mut self,
        config: &ServerConfig,
        now: Timestamp,
        peer: IpAddr,
        weight: u32,
    ) -> Result<(), ApiError> {
        let others = self.neighbour(config);
        let address = self.address(peer);
        if now < address.banned_until {
            return Err(banned(address.banned_until));
        }
        address.raw.at(now, FIVE_MINUTES).used += 1;
        let minute = address.weight.at(now, MINUTE);
        minute.used = minute.used.saturating_add(weight);
        let used = address.weight.used.saturating_add(others);
        if used <= config.weight_per_minute && address.raw.used <= config.raw_per_5m {
            return Ok(());
        }
        // A refused request costs nothing more, so that the count says what was used.
        address.weight.used = address.weight.used.saturating_sub(weight);
        address.ignored.at(now, MINUTE).used += 1;
        if address.ignored.used > IGNORED_MAX {
            let length = BAN_MIN.saturating_mul(1 << address.bans.min(12)).min(BAN_MAX);
            address.bans += 1;
            address.banned_until = now.after(length);
            return Err(banned(address.banned_until));
        }
        let (what, again) = if address.raw.used > config.raw_per_5m {
            (
                format!("{} raw requests per 5 MINUTE", config.raw_per_5m),
                address.raw.end(FIVE_MINUTES),
            )
        } else {
            let limit = config.weight_per_minute;
            (format!("{limit} request weight per 1 MINUTE"), address.weight.end(MINUTE))
        };
        let mut error = too_much(&what);
        error.retry_at_ms = Some(again.millis());
        Err(error)
    }

    /// Counts a new WebSocket connection, or says why it may not be.
    pub(super) fn connect(
        &mut self,
        config: &ServerConfig,
        now: Timestamp,
        peer: IpAddr,
    ) -> Result<(), ApiError> {
        self.check_ban(now, peer)?;
        let connections = self.address(peer).connections.at(now, FIVE_MINUTES);
        let limit = config.connections_per_5m;
        if connections.used < limit {
            connections.used += 1;
            return Ok(());
        }
        let text = format!(
            "Too many connection attempts from IP; current limit is {limit} per '5 MINUTE'."
        );
        let mut error = ApiError::new(429, -1034, text);
        error.retry_at_ms = Some(connections.end(FIVE_MINUTES).millis());
        Err(error)
    }

    /// Gives weight back: an order call that worked is free.
    pub(super) fn refund(&mut self, now: Timestamp, peer: IpAddr, weight: u32) {
        let window = self.address(peer).weight.at(now, MINUTE);
        window.used = window.used.saturating_sub(weight);
    }

    /// Is this address banned?
    pub(super) fn check_ban(&mut self, now: Timestamp, peer: IpAddr) -> Result<(), ApiError> {
        let until = self.address(peer).banned_until;
        if now < until { Err(banned(until)) } else { Ok(()) }
    }

    /// Weight used in the current minute, somebody else's on this address included.
    pub(super) fn used_weight(
        &mut self,
        config: &ServerConfig,
        now: Timestamp,
        peer: IpAddr,
    ) -> u32 {
        let others = self.neighbour(config);
        self.address(peer).weight.at(now, MINUTE).used.saturating_add(others)
    }

    /// May this account place one more order?
    pub(super) fn check_orders(
        &mut self,
        config: &ServerConfig,
        now: Timestamp,
        account: AccountId,
    ) -> Result<(), ApiError> {
        let orders = self.accounts.entry(account).or_default();
        let ten = *orders.ten_seconds.at(now, TEN_SECONDS);
        let day = *orders.day.at(now, DAY);
        let (limit, words, end) = if day.used >= config.orders_per_day {
            (config.orders_per_day, "1 DAY", day.end(DAY))
        } else if ten.used >= config.orders_per_10s {
            (config.orders_per_10s, "10 SECOND", ten.end(TEN_SECONDS))
        } else {
            return Ok(());
        };
        let text = format!("Too many new orders; current limit is {limit} orders per {words}.");
        let mut error = ApiError::new(429, -1015, text);
        error.retry_at_ms = Some(end.millis());
        Err(error)
    }

    /// An order goes to the exchange. It counts at once: what it fills there is given back before
    /// its answer comes.
    pub(super) fn placed(&mut self, now: Timestamp, account: AccountId) {
        let orders = self.accounts.entry(account).or_default();
        orders.ten_seconds.at(now, TEN_SECONDS).used += 1;
        orders.day.at(now, DAY).used += 1;
    }

    /// An order was not accepted after all.
    pub(super) fn withdrawn(&mut self, now: Timestamp, account: AccountId) {
        self.give_back(now, account, 1);
    }

    /// An order traded for the first time: as maker it gives back more.
    pub(super) fn first_fill(&mut self, now: Timestamp, account: AccountId, maker: bool) {
        self.give_back(now, account, if maker { 5 } else { 1 });
    }

    fn give_back(&mut self, now: Timestamp, account: AccountId, back: u32) {
        let orders = self.accounts.entry(account).or_default();
        let ten = orders.ten_seconds.at(now, TEN_SECONDS);
        ten.used = ten.used.saturating_sub(back);
        let day = orders.day.at(now, DAY);
        day.used = day.used.saturating_sub(back);
    }

    /// Unfilled orders of the current ten seconds and day.
    pub(super) fn orders(&mut self, now: Timestamp, account: AccountId) -> (u32, u32) {
        let orders = self.accounts.entry(account).or_default();
        (orders.ten_seconds.at(now, TEN_SECONDS).used, orders.day.at(now, DAY).used)
    }
}

/// More than this limit allows.
pub(super) fn too_much(limit: &str) -> ApiError {
    let text = format!(
        "Too much request weight used; current limit is {limit}. Please use WebSocket Streams \
         for live updates to avoid polling the API."
    );
    ApiError::new(429, -1003, text)
}

/// Who went on after a refusal.
pub(super) fn banned(until: Timestamp) -> ApiError {
    let text = format!(
        "Way too much request weight used; IP banned until {}. Please use WebSocket Streams for \
         live updates to avoid bans.",
        until.millis()
    );
    let mut error = ApiError::new(418, -1003, text);
    error.retry_at_ms = Some(until.millis());
    error
}

/// The limiters as `exchangeInfo` lists them.
pub(super) fn limiters(config: &ServerConfig) -> Vec<RateLimit> {
    vec![
        limiter("REQUEST_WEIGHT", "MINUTE", 1, config.weight_per_minute, None),
        limiter("ORDERS", "SECOND", 10, config.orders_per_10s, None),
        limiter("ORDERS", "DAY", 1, config.orders_per_day, None),
        limiter("RAW_REQUESTS", "MINUTE", 5, config.raw_per_5m, None),
    ]
}

pub(super) fn limiter(
    kind: &str,
    interval: &str,
    interval_num: u32,
    limit: u32,
    count: Option<u32>,
) -> RateLimit {
    let (rate_limit_type, interval) = (kind.to_owned(), interval.to_owned());
    RateLimit { rate_limit_type, interval, interval_num, limit, count }
}

/// Orders that have filled before, so that only the first fill counts.
#[derive(Debug, Default)]
pub(super) struct FirstFills {
    seen: std::collections::BTreeSet<VenueOrderId>,
}

/// Orders remembered; beyond that each fill of a new order counts as its first.
const FIRST_FILLS_MAX: usize = 100_000;

impl FirstFills {
    /// Is this the order's first fill? Asked once a fill.
    pub(super) fn is_first(&mut self, order: VenueOrderId) -> bool {
        let is_known = self.seen.contains(&order);
        if !is_known && self.seen.len() < FIRST_FILLS_MAX {
            self.seen.insert(order);
        }
        !is_known
    }

    /// The order is over.
    pub(super) fn forget(&mut self, order: VenueOrderId) {
        self.seen.remove(&order);
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const PEER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_nanos(seconds * 1_000_000_000)
    }

    #[test]
    fn the_limit_holds_until_the_minute_ends() {
        let config = ServerConfig { weight_per_minute: 100, ..ServerConfig::default() };
        let mut limits = Limits::default();
        assert!(limits.charge(&config, at(61), PEER, 100).is_ok());
        let error = limits.charge(&config, at(119), PEER, 1).unwrap_err();
        assert_eq!((error.status, error.code, error.retry_at_ms), (429, -1003, Some(120_000)));
        assert_eq!(limits.used_weight(&config, at(119), PEER), 100);
        assert!(limits.charge(&config, at(120), PEER, 100).is_ok());
    }

    #[test]
    fn who_ignores_the_limit_is_banned_and_then_for_longer() {
        let config = ServerConfig { weight_per_minute: 0, ..ServerConfig::default() };
        let mut limits = Limits::default();
        let mut first = |now: i64| {
            let statuses = (0..=IGNORED_MAX)
                .map(|_| limits.charge(&config, at(now), PEER, 1).unwrap_err().status);
            statuses.collect::<Vec<_>>()
        };
        assert_eq!(first(60).last(), Some(&418));
        assert!(first(60 + 119).iter().all(|status| *status == 418), "two minutes");
        assert_eq!(first(60 + 120).first(), Some(&429));
        assert_eq!(limits.check_ban(at(180 + 239), PEER).unwrap_err().status, 418, "four minutes");
        assert!(limits.check_ban(at(180 + 240), PEER).is_ok());
    }

    #[test]
    fn the_wait_names_the_limit_that_is_used_up() {
        let config = ServerConfig { raw_per_5m: 2, ..ServerConfig::default() };
        let mut limits = Limits::default();
        for _ in 0..2 {
            assert!(limits.charge(&config, at(299), PEER, 1).is_ok());
        }
        let error = limits.charge(&config, at(299), PEER, 1).unwrap_err();
        assert_eq!((error.status, error.retry_at_ms), (429, Some(300_000)));
        assert!(error.msg.contains("2 raw requests per 5 MINUTE"), "{}", error.msg);
        assert!(limits.charge(&config, at(300), PEER, 1).is_ok());
    }

    #[test]
    fn connections_are_counted_by_address() {
        let config = ServerConfig { connections_per_5m: 1, ..ServerConfig::default() };
        let mut limits = Limits::default();
        assert!(limits.connect(&config, at(0), PEER).is_ok());
        let error = limits.connect(&config, at(299), PEER).unwrap_err();
        assert_eq!((error.status, error.code, error.retry_at_ms), (429, -1034, Some(300_000)));
        let other = IpAddr::V4(Ipv4Addr::BROADCAST);
        assert!(limits.connect(&config, at(299), other).is_ok());
        assert!(limits.connect(&config, at(300), PEER).is_ok());
    }

    #[test]
    fn only_the_first_fill_of_an_order_counts() {
        let mut fills = FirstFills::default();
        let (one, two) = (VenueOrderId::from_number(1), VenueOrderId::from_number(2));
        assert!(fills.is_first(one) && !fills.is_first(one) && fills.is_first(two));
        fills.forget(one);
        assert!(fills.is_first(one));
    }

    #[test]
    fn orders_are_counted_by_account_and_given_back_by_fills() {
        let config = ServerConfig { orders_per_10s: 2, ..ServerConfig::default() };
        let mut limits = Limits::default();
        let account = AccountId::new("a").unwrap();
        for _ in 0..2 {
            assert!(limits.check_orders(&config, at(10), account).is_ok());
            limits.placed(at(10), account);
        }
        let error = limits.check_orders(&config, at(19), account).unwrap_err();
        assert_eq!((error.status, error.code, error.retry_at_ms), (429, -1015, Some(20_000)));
        limits.first_fill(at(19), account, false);
        assert!(limits.check_orders(&config, at(19), account).is_ok());
        assert!(limits.check_orders(&config, at(20), account).is_ok());
    }
}
