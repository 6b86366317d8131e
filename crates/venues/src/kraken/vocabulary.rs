//! Kraken's words for kinds, times in force and states, both ways. Over REST words are joined by dashes and
//! times are in capitals; in the streams it is the other way round only for times.
//!
//! Source: AddOrder and the channel `executions`, read 2026-08-21.

use model::venue::VenueOrderStatus;
use model::{OrderKind, Price, SelfTradePrevention, Side, TimeInForce, Timestamp};

pub(super) const fn side(side: Side) -> &'static str {
    match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    }
}

pub(super) fn parse_side(word: &str) -> Option<Side> {
    match word {
        "buy" | "b" => Some(Side::Buy),
        "sell" | "s" => Some(Side::Sell),
        _ => None,
    }
}

pub(super) const fn kind(kind: OrderKind) -> &'static str {
    match kind {
        OrderKind::Market => "market",
        OrderKind::Limit { .. } => "limit",
        OrderKind::StopLoss { .. } => "stop-loss",
        OrderKind::StopLimit { .. } => "stop-loss-limit",
        OrderKind::TakeProfit { .. } => "take-profit",
        OrderKind::TakeProfitLimit { .. } => "take-profit-limit",
    }
}

/// `None` for a kind that is not ours, or that lacks a price.
pub(super) fn parse_kind(
    word: &str,
    limit: Option<Price>,
    trigger: Option<Price>,
) -> Option<OrderKind> {
    Some(match word {
        "market" => OrderKind::Market,
        "limit" => OrderKind::Limit { price: limit? },
        "stop-loss" => OrderKind::StopLoss { trigger: trigger? },
        "stop-loss-limit" => OrderKind::StopLimit { trigger: trigger?, price: limit? },
        "take-profit" => OrderKind::TakeProfit { trigger: trigger? },
        "take-profit-limit" => OrderKind::TakeProfitLimit { trigger: trigger?, price: limit? },
        _ => return None,
    })
}

pub(super) const fn time_in_force(time_in_force: TimeInForce) -> &'static str {
    match time_in_force {
        TimeInForce::Gtc => "GTC",
        TimeInForce::Ioc => "IOC",
        TimeInForce::Fok => "FOK",
        TimeInForce::Gtd(_) => "GTD",
    }
}

/// In either case; `end` is when an order until a date ends.
pub(super) fn parse_time_in_force(word: &str, end: Option<Timestamp>) -> Option<TimeInForce> {
    Some(match word.to_ascii_uppercase().as_str() {
        "GTC" => TimeInForce::Gtc,
        "IOC" => TimeInForce::Ioc,
        "FOK" => TimeInForce::Fok,
        "GTD" => TimeInForce::Gtd(end?),
        _ => return None,
    })
}

/// A state as the streams have it.
pub(super) fn parse_status(word: &str) -> VenueOrderStatus {
    match word {
        "pending_new" | "new" => VenueOrderStatus::New,
        "partially_filled" => VenueOrderStatus::PartiallyFilled,
        "filled" => VenueOrderStatus::Filled,
        "canceled" => VenueOrderStatus::Canceled,
        "expired" => VenueOrderStatus::Expired,
        _ => VenueOrderStatus::Unknown,
    }
}

/// A state as REST has it.
pub(super) fn parse_rest_status(word: &str, some_filled: bool) -> VenueOrderStatus {
    match (word, some_filled) {
        ("pending" | "open", false) => VenueOrderStatus::New,
        ("pending" | "open", true) => VenueOrderStatus::PartiallyFilled,
        ("closed", _) => VenueOrderStatus::Filled,
        ("canceled", _) => VenueOrderStatus::Canceled,
        ("expired", _) => VenueOrderStatus::Expired,
        _ => VenueOrderStatus::Unknown,
    }
}

/// `None` for what Kraken has no word for: its prevention is always on.
pub(super) const fn self_trades(prevention: SelfTradePrevention) -> Option<&'static str> {
    match prevention {
        SelfTradePrevention::ExpireTaker => Some("cancel-newest"),
        SelfTradePrevention::ExpireMaker => Some("cancel-oldest"),
        SelfTradePrevention::ExpireBoth => Some("cancel-both"),
        SelfTradePrevention::None | SelfTradePrevention::Decrement => None,
    }
}

/// With dashes or underlines.
pub(super) fn parse_self_trades(word: &str) -> Option<SelfTradePrevention> {
    Some(match word.replace('_', "-").as_str() {
        "cancel-newest" => SelfTradePrevention::ExpireTaker,
        "cancel-oldest" => SelfTradePrevention::ExpireMaker,
        "cancel-both" => SelfTradePrevention::ExpireBoth,
        _ => return None,
    })
}

/// Lengths of candles, minutes (OHLC).
pub(super) const CANDLE_MINUTES: [u32; 9] = [1, 5, 15, 30, 60, 240, 1_440, 10_080, 21_600];
