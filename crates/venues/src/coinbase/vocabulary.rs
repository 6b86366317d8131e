//! Coinbase's words for sides, kinds and states, in one table each, used by both sides.
//!
//! Source: create-order.md, list-orders.md, websocket-channels.md, read 2026-08-08.

use model::market::Interval;
use model::venue::{ExpiryReason, VenueOrderStatus};
use model::{OrderKind, Price, Side, TimeInForce, Timestamp};

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

/// The side of a book in `l2_data`.
pub(crate) const fn book_side(side: Side) -> &'static str {
    match side {
        Side::Buy => "bid",
        Side::Sell => "offer",
    }
}

pub(crate) fn parse_book_side(text: &str) -> Option<Side> {
    match text {
        "bid" => Some(Side::Buy),
        "offer" => Some(Side::Sell),
        _ => None,
    }
}

/// The key of `order_configuration` for an order; `None` where Coinbase has no such order. There is
/// no stop-market order, and a stop-limit order rests once it is triggered.
pub(crate) const fn configuration_key(kind: OrderKind, tif: TimeInForce) -> Option<&'static str> {
    match (kind, tif) {
        // What fills at once fills, whatever was asked for; fill-or-kill is for perpetuals only.
        (OrderKind::Market, TimeInForce::Gtc | TimeInForce::Ioc) => Some("market_market_ioc"),
        (OrderKind::Limit { .. }, TimeInForce::Gtc) => Some("limit_limit_gtc"),
        (OrderKind::Limit { .. }, TimeInForce::Gtd(_)) => Some("limit_limit_gtd"),
        (OrderKind::Limit { .. }, TimeInForce::Ioc) => Some("sor_limit_ioc"),
        (OrderKind::Limit { .. }, TimeInForce::Fok) => Some("limit_limit_fok"),
        (OrderKind::StopLimit { .. } | OrderKind::TakeProfitLimit { .. }, TimeInForce::Gtc) => {
            Some("stop_limit_stop_limit_gtc")
        }
        (OrderKind::StopLimit { .. } | OrderKind::TakeProfitLimit { .. }, TimeInForce::Gtd(_)) => {
            Some("stop_limit_stop_limit_gtd")
        }
        (OrderKind::Market, TimeInForce::Fok | TimeInForce::Gtd(_))
        | (
            OrderKind::StopLimit { .. } | OrderKind::TakeProfitLimit { .. },
            TimeInForce::Ioc | TimeInForce::Fok,
        )
        | (OrderKind::StopLoss { .. } | OrderKind::TakeProfit { .. }, _) => None,
    }
}

/// The numbers of a configuration that its kind and time in force are made of.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Numbers {
    pub(crate) price: Option<Price>,
    pub(crate) trigger: Option<Price>,
    /// Does it wake when the market rises to the trigger?
    pub(crate) upward: Option<bool>,
    pub(crate) end: Option<Timestamp>,
}

/// Kind and time in force by the key of a configuration. `None` for an unknown key, or one that
/// lacks a number it needs.
///
/// A bracket and a TWAP order, which we never send, are read as the limit order that they rest as.
pub(crate) fn parse_configuration(
    key: &str,
    side: Side,
    numbers: Numbers,
) -> Option<(OrderKind, TimeInForce)> {
    let Numbers { price, trigger, upward, end } = numbers;
    let limit = || Some(OrderKind::Limit { price: price? });
    let stop = || stop_limit(side, upward?, trigger?, price?);
    Some(match key {
        "market_market_ioc" => (OrderKind::Market, TimeInForce::Ioc),
        "market_market_fok" => (OrderKind::Market, TimeInForce::Fok),
        "sor_limit_ioc" => (limit()?, TimeInForce::Ioc),
        "limit_limit_gtc" | "trigger_bracket_gtc" => (limit()?, TimeInForce::Gtc),
        "limit_limit_gtd" | "trigger_bracket_gtd" | "twap_limit_gtd" => {
            (limit()?, TimeInForce::Gtd(end?))
        }
        "limit_limit_fok" => (limit()?, TimeInForce::Fok),
        "stop_limit_stop_limit_gtc" => (stop()?, TimeInForce::Gtc),
        "stop_limit_stop_limit_gtd" => (stop()?, TimeInForce::Gtd(end?)),
        _ => return None,
    })
}

/// A trigger above the market stops a buy and takes the profit of a sell; below it is the reverse.
pub(crate) fn stop_limit(
    side: Side,
    upward: bool,
    trigger: Price,
    price: Price,
) -> Option<OrderKind> {
    let stop = OrderKind::StopLimit { trigger, price };
    Some(if stop.triggers_upward(side)? == upward {
        stop
    } else {
        OrderKind::TakeProfitLimit { trigger, price }
    })
}

/// The direction in which the market reaches the trigger.
pub(crate) const fn stop_direction(upward: bool) -> &'static str {
    if upward { "STOP_DIRECTION_STOP_UP" } else { "STOP_DIRECTION_STOP_DOWN" }
}

pub(crate) fn parse_stop_direction(text: &str) -> Option<bool> {
    match text {
        "STOP_DIRECTION_STOP_UP" => Some(true),
        "STOP_DIRECTION_STOP_DOWN" => Some(false),
        _ => None,
    }
}

/// The `order_type` of an order.
pub(crate) const fn order_type(kind: OrderKind) -> &'static str {
    match kind {
        OrderKind::Market => "MARKET",
        OrderKind::Limit { .. } => "LIMIT",
        OrderKind::StopLoss { .. } | OrderKind::TakeProfit { .. } => "STOP",
        OrderKind::StopLimit { .. } | OrderKind::TakeProfitLimit { .. } => "STOP_LIMIT",
    }
}

/// The kind by `order_type`, which the `user` channel says instead of a configuration. It does not
/// say the direction of a trigger, so a stop is taken for a stop. `None` for an unknown type, or one
/// that lacks a price it needs.
pub(crate) fn parse_order_type(
    text: &str,
    price: Option<Price>,
    trigger: Option<Price>,
) -> Option<OrderKind> {
    Some(match text.to_ascii_uppercase().as_str() {
        "MARKET" => OrderKind::Market,
        "LIMIT" | "BRACKET" | "TWAP" => OrderKind::Limit { price: price? },
        "STOP" => OrderKind::StopLoss { trigger: trigger? },
        "STOP_LIMIT" | "STOP LIMIT" => OrderKind::StopLimit { trigger: trigger?, price: price? },
        _ => return None,
    })
}

pub(crate) const fn time_in_force(tif: TimeInForce) -> &'static str {
    match tif {
        TimeInForce::Gtc => "GOOD_UNTIL_CANCELLED",
        TimeInForce::Ioc => "IMMEDIATE_OR_CANCEL",
        TimeInForce::Fok => "FILL_OR_KILL",
        TimeInForce::Gtd(_) => "GOOD_UNTIL_DATE_TIME",
    }
}

/// `None` for an unknown word, or for a date that is missing.
pub(crate) fn parse_time_in_force(text: &str, end: Option<Timestamp>) -> Option<TimeInForce> {
    match text {
        "GOOD_UNTIL_CANCELLED" => Some(TimeInForce::Gtc),
        "IMMEDIATE_OR_CANCEL" => Some(TimeInForce::Ioc),
        "FILL_OR_KILL" => Some(TimeInForce::Fok),
        "GOOD_UNTIL_DATE_TIME" => end.map(TimeInForce::Gtd),
        _ => None,
    }
}

/// The status of an order. Coinbase has no word for "partly filled"; and what ends by its time in
/// force at once is canceled there, while what ends by a date expires (unverified).
pub(crate) const fn status(status: VenueOrderStatus, expiry: Option<ExpiryReason>) -> &'static str {
    match (status, expiry) {
        (VenueOrderStatus::New | VenueOrderStatus::PartiallyFilled, _) => "OPEN",
        (VenueOrderStatus::Filled, _) => "FILLED",
        (VenueOrderStatus::Canceled | VenueOrderStatus::ExpiredInMatch, _)
        | (
            VenueOrderStatus::Expired,
            Some(
                ExpiryReason::IocRemainder
                | ExpiryReason::FokUnfilled
                | ExpiryReason::InsufficientLiquidity,
            ),
        ) => "CANCELLED",
        (VenueOrderStatus::Expired, Some(ExpiryReason::EndTime | ExpiryReason::Venue) | None) => {
            "EXPIRED"
        }
        (VenueOrderStatus::Rejected, _) => "FAILED",
        (VenueOrderStatus::Unknown, _) => "UNKNOWN_ORDER_STATUS",
    }
}

/// The status by its word and by whether something is filled. `None` for a word never seen before
/// and for `UNKNOWN_ORDER_STATUS`: guessing here would be trading on a guess.
pub(crate) fn parse_status(text: &str, filled: bool) -> Option<VenueOrderStatus> {
    Some(match text {
        "PENDING" | "QUEUED" | "OPEN" | "CANCEL_QUEUED" | "EDIT_QUEUED" if filled => {
            VenueOrderStatus::PartiallyFilled
        }
        "PENDING" | "QUEUED" | "OPEN" | "CANCEL_QUEUED" | "EDIT_QUEUED" => VenueOrderStatus::New,
        "FILLED" => VenueOrderStatus::Filled,
        "CANCELLED" => VenueOrderStatus::Canceled,
        "EXPIRED" => VenueOrderStatus::Expired,
        // What has executed was accepted; then the venue ended it.
        "FAILED" if filled => VenueOrderStatus::Expired,
        "FAILED" => VenueOrderStatus::Rejected,
        _ => return None,
    })
}

/// All candle lengths, with Coinbase's names.
pub(crate) const GRANULARITIES: [(&str, Interval); 9] = [
    ("ONE_MINUTE", Interval::Seconds(60)),
    ("FIVE_MINUTE", Interval::Seconds(300)),
    ("FIFTEEN_MINUTE", Interval::Seconds(900)),
    ("THIRTY_MINUTE", Interval::Seconds(1_800)),
    ("ONE_HOUR", Interval::Seconds(3_600)),
    ("TWO_HOUR", Interval::Seconds(7_200)),
    ("FOUR_HOUR", Interval::Seconds(14_400)),
    ("SIX_HOUR", Interval::Seconds(21_600)),
    ("ONE_DAY", Interval::Seconds(86_400)),
];

/// The length of a candle in the `candles` channel.
pub(crate) const STREAM_INTERVAL: Interval = Interval::Seconds(300);

pub(crate) fn granularity(interval: Interval) -> Option<&'static str> {
    GRANULARITIES.iter().find(|(_, i)| *i == interval).map(|(name, _)| *name)
}

pub(crate) fn parse_granularity(text: &str) -> Option<Interval> {
    GRANULARITIES.iter().find(|(name, _)| *name == text).map(|(_, i)| *i)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_that_has_words_comes_back() {
        let (trigger, price): (Price, Price) = ("99".parse().unwrap(), "100".parse().unwrap());
        let end = Timestamp::from_nanos(1_000_000_000);
        let kinds = [
            OrderKind::Market,
            OrderKind::Limit { price },
            OrderKind::StopLoss { trigger },
            OrderKind::StopLimit { trigger, price },
            OrderKind::TakeProfit { trigger },
            OrderKind::TakeProfitLimit { trigger, price },
        ];
        let tifs = [TimeInForce::Gtc, TimeInForce::Ioc, TimeInForce::Fok, TimeInForce::Gtd(end)];
        let mut said = 0;
        for (kind, tif) in kinds.into_iter().flat_map(|kind| tifs.map(|tif| (kind, tif))) {
            for side in [Side::Buy, Side::Sell] {
                let Some(key) = configuration_key(kind, tif) else { continue };
                let numbers = Numbers {
                    price: kind.price(),
                    trigger: kind.trigger(),
                    upward: kind.triggers_upward(side),
                    end: Some(end),
                };
                let tif = if kind == OrderKind::Market { TimeInForce::Ioc } else { tif };
                assert_eq!(parse_configuration(key, side, numbers), Some((kind, tif)), "{key}");
                said += 1;
            }
        }
        assert_eq!(said, 2 * (2 + 4 + 2 + 2));
        assert_eq!(parse_configuration("scaled_limit_gtc", Side::Buy, Numbers::default()), None);
        assert_eq!(parse_configuration("limit_limit_gtc", Side::Buy, Numbers::default()), None);
    }

    #[test]
    fn statuses_come_back_and_unknown_ones_do_not() {
        use VenueOrderStatus as Status;
        for (given, filled) in [
            (Status::New, false),
            (Status::PartiallyFilled, true),
            (Status::Filled, true),
            (Status::Canceled, true),
            (Status::Rejected, false),
            (Status::Expired, true),
        ] {
            assert_eq!(parse_status(status(given, None), filled), Some(given), "{given:?}");
        }
        assert_eq!(parse_status("FAILED", true), Some(Status::Expired));
        for word in ["UNKNOWN_ORDER_STATUS", "PARTIALLY_FILLED", "CANCELED", ""] {
            assert_eq!(parse_status(word, false), None, "{word}");
        }
    }

    #[test]
    fn candle_lengths_come_back() {
        for (name, interval) in GRANULARITIES {
            assert_eq!(
                (granularity(interval), parse_granularity(name)),
                (Some(name), Some(interval))
            );
        }
        assert_eq!(granularity(Interval::Week), None);
    }
}
