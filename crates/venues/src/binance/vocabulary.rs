//! Binance's words for sides, kinds and states, in one table each, used by both sides.
//!
//! Source: enums.md, read 2026-07-21.

use model::market::Interval;
use model::venue::{ExpiryReason, VenueOrderStatus};
use model::{OrderKind, Price, SelfTradePrevention, Side, TimeInForce};

/// `BUY` or `SELL`.
pub(crate) const fn side(side: Side) -> &'static str {
    match side {
        Side::Buy => "BUY",
        Side::Sell => "SELL",
    }
}

pub(crate) fn parse_side(text: &str) -> Option<Side> {
    match text {
        "BUY" => Some(Side::Buy),
        "SELL" => Some(Side::Sell),
        _ => None,
    }
}

/// The order type; a post-only limit order is a type of its own here.
pub(crate) const fn kind(kind: OrderKind, post_only: bool) -> &'static str {
    match kind {
        OrderKind::Market => "MARKET",
        OrderKind::Limit { .. } if post_only => "LIMIT_MAKER",
        OrderKind::Limit { .. } => "LIMIT",
        OrderKind::StopLoss { .. } => "STOP_LOSS",
        OrderKind::StopLimit { .. } => "STOP_LOSS_LIMIT",
        OrderKind::TakeProfit { .. } => "TAKE_PROFIT",
        OrderKind::TakeProfitLimit { .. } => "TAKE_PROFIT_LIMIT",
    }
}

/// The kind and whether it is post-only, from the type and the prices it came with. `None` for an
/// unknown type, or one that lacks a price it needs.
pub(crate) fn parse_kind(
    text: &str,
    price: Option<Price>,
    trigger: Option<Price>,
) -> Option<(OrderKind, bool)> {
    let kind = match text {
        "MARKET" => OrderKind::Market,
        "LIMIT" => OrderKind::Limit { price: price? },
        "LIMIT_MAKER" => return Some((OrderKind::Limit { price: price? }, true)),
        "STOP_LOSS" => OrderKind::StopLoss { trigger: trigger? },
        "STOP_LOSS_LIMIT" => OrderKind::StopLimit { trigger: trigger?, price: price? },
        "TAKE_PROFIT" => OrderKind::TakeProfit { trigger: trigger? },
        "TAKE_PROFIT_LIMIT" => OrderKind::TakeProfitLimit { trigger: trigger?, price: price? },
        _ => return None,
    };
    Some((kind, false))
}

/// `GTC`, `IOC` or `FOK`; Binance has no good-till-date.
pub(crate) const fn time_in_force(tif: TimeInForce) -> Option<&'static str> {
    match tif {
        TimeInForce::Gtc => Some("GTC"),
        TimeInForce::Ioc => Some("IOC"),
        TimeInForce::Fok => Some("FOK"),
        TimeInForce::Gtd(_) => None,
    }
}

pub(crate) fn parse_time_in_force(text: &str) -> Option<TimeInForce> {
    match text {
        "GTC" => Some(TimeInForce::Gtc),
        "IOC" => Some(TimeInForce::Ioc),
        "FOK" => Some(TimeInForce::Fok),
        _ => None,
    }
}

pub(crate) const fn status(status: VenueOrderStatus) -> &'static str {
    match status {
        VenueOrderStatus::New => "NEW",
        VenueOrderStatus::PartiallyFilled => "PARTIALLY_FILLED",
        VenueOrderStatus::Filled => "FILLED",
        VenueOrderStatus::Canceled => "CANCELED",
        VenueOrderStatus::Rejected => "REJECTED",
        VenueOrderStatus::Expired => "EXPIRED",
        VenueOrderStatus::ExpiredInMatch => "EXPIRED_IN_MATCH",
        VenueOrderStatus::Unknown => "UNKNOWN",
    }
}

/// `None` for a status never seen before: guessing here would be trading on a guess.
pub(crate) fn parse_status(text: &str) -> Option<VenueOrderStatus> {
    Some(match text {
        // Pending new waits for the other leg of a list; pending cancel is documented as unused.
        "NEW" | "PENDING_NEW" | "PENDING_CANCEL" => VenueOrderStatus::New,
        "PARTIALLY_FILLED" => VenueOrderStatus::PartiallyFilled,
        "FILLED" => VenueOrderStatus::Filled,
        "CANCELED" => VenueOrderStatus::Canceled,
        "REJECTED" => VenueOrderStatus::Rejected,
        "EXPIRED" => VenueOrderStatus::Expired,
        "EXPIRED_IN_MATCH" => VenueOrderStatus::ExpiredInMatch,
        _ => return None,
    })
}

pub(crate) const fn stp(mode: SelfTradePrevention) -> &'static str {
    match mode {
        SelfTradePrevention::None => "NONE",
        SelfTradePrevention::ExpireMaker => "EXPIRE_MAKER",
        SelfTradePrevention::ExpireTaker => "EXPIRE_TAKER",
        SelfTradePrevention::ExpireBoth => "EXPIRE_BOTH",
        SelfTradePrevention::Decrement => "DECREMENT",
    }
}

/// `TRANSFER` moves funds between accounts of a group, which is not modelled; between orders of
/// one account it works as `DECREMENT`.
pub(crate) fn parse_stp(text: &str) -> Option<SelfTradePrevention> {
    Some(match text {
        "NONE" => SelfTradePrevention::None,
        "EXPIRE_MAKER" => SelfTradePrevention::ExpireMaker,
        "EXPIRE_TAKER" => SelfTradePrevention::ExpireTaker,
        "EXPIRE_BOTH" => SelfTradePrevention::ExpireBoth,
        "DECREMENT" | "TRANSFER" => SelfTradePrevention::Decrement,
        _ => return None,
    })
}

pub(crate) const fn expiry(reason: ExpiryReason) -> &'static str {
    match reason {
        ExpiryReason::IocRemainder => "UNFILLED_IOC_QUANTITY_EXPIRED",
        ExpiryReason::FokUnfilled => "UNFILLED_FOK_ORDER_EXPIRED",
        ExpiryReason::InsufficientLiquidity => "INSUFFICIENT_LIQUIDITY",
        // Binance has no orders until a date.
        ExpiryReason::EndTime | ExpiryReason::Venue => "EXCHANGE_CANCELED",
    }
}

pub(crate) fn parse_expiry(text: &str) -> Option<ExpiryReason> {
    Some(match text {
        "UNFILLED_IOC_QUANTITY_EXPIRED" => ExpiryReason::IocRemainder,
        "UNFILLED_FOK_ORDER_EXPIRED" => ExpiryReason::FokUnfilled,
        "INSUFFICIENT_LIQUIDITY" => ExpiryReason::InsufficientLiquidity,
        "NONE" => return None,
        _ => ExpiryReason::Venue,
    })
}

/// All candle lengths, with Binance's names. Case matters: `1m` is a minute and `1M` a month.
pub(crate) const INTERVALS: [(&str, Interval); 16] = [
    ("1s", Interval::Seconds(1)),
    ("1m", Interval::Seconds(60)),
    ("3m", Interval::Seconds(180)),
    ("5m", Interval::Seconds(300)),
    ("15m", Interval::Seconds(900)),
    ("30m", Interval::Seconds(1_800)),
    ("1h", Interval::Seconds(3_600)),
    ("2h", Interval::Seconds(7_200)),
    ("4h", Interval::Seconds(14_400)),
    ("6h", Interval::Seconds(21_600)),
    ("8h", Interval::Seconds(28_800)),
    ("12h", Interval::Seconds(43_200)),
    ("1d", Interval::Seconds(86_400)),
    ("3d", Interval::Seconds(259_200)),
    ("1w", Interval::Week),
    ("1M", Interval::Month),
];

pub(crate) fn interval(interval: Interval) -> Option<&'static str> {
    INTERVALS.iter().find(|(_, i)| *i == interval).map(|(name, _)| *name)
}

pub(crate) fn parse_interval(text: &str) -> Option<Interval> {
    INTERVALS.iter().find(|(name, _)| *name == text).map(|(_, i)| *i)
}
