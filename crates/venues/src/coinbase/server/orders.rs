//! An order's body in our words, with every check that Coinbase makes before an order reaches its
//! engine. What is wrong with the numbers is a refusal; what cannot be read is a bad request.
//!
//! Source: create-order.md, preview-orders.md, read 2026-08-08. In which order the checks come no
//! source says (unverified).

use model::{
    ClientOrderId, Decimal, NewOrder, Notional, OrderKind, OrderQty, Price, Qty, Side, TimeInForce,
    Timestamp,
};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::errors::{ApiError, Refusal, UNSUPPORTED, previewed};
use super::params;
use crate::coinbase::symbols::{Row, Symbols};
use crate::coinbase::vocabulary::{self, Numbers};

/// The body as it comes.
#[derive(Debug, Deserialize)]
struct Body {
    #[serde(default)]
    client_order_id: String,
    #[serde(default)]
    product_id: String,
    #[serde(default)]
    side: String,
    #[serde(default)]
    order_configuration: Option<Map<String, Value>>,
    #[serde(default)]
    attached_order_configuration: Option<Map<String, Value>>,
}

/// A body that can be read, and what became of the order in it.
#[derive(Debug)]
pub(super) struct Draft {
    /// `None` in a preview.
    pub(super) client_order_id: Option<ClientOrderId>,
    /// As it was sent: it is echoed in the answer.
    pub(super) configuration: Value,
    pub(super) order: Result<NewOrder, Refusal>,
}

/// Reads an order; one to preview has no client order id.
pub(super) fn read(
    bytes: &[u8],
    symbols: &Symbols,
    now: Timestamp,
    is_preview: bool,
) -> Result<Draft, ApiError> {
    let body: Body = params::body(bytes)?;
    let client_order_id = match (is_preview, body.client_order_id.as_str()) {
        (true, _) => None,
        (false, "") => return Err(ApiError::invalid("client_order_id is required")),
        (false, text) => Some(ClientOrderId::new(text).map_err(|error| {
            ApiError::invalid(format!("client_order_id is invalid: {}", error.problem))
        })?),
    };
    if body.product_id.is_empty() {
        return Err(ApiError::invalid("product_id is required"));
    }
    let side =
        vocabulary::parse_side(&body.side).ok_or_else(|| ApiError::no_value("side", &body.side))?;
    let Some(mut configuration) = body.order_configuration else {
        return Err(ApiError::invalid("order_configuration is required"));
    };
    // Some clients send null for every kind that is not meant.
    configuration.retain(|_, numbers| !numbers.is_null());
    let order = match symbols.find(&body.product_id) {
        None => Err(previewed("PREVIEW_INVALID_PRODUCT_ID")),
        Some(_) if body.attached_order_configuration.is_some() => Err(UNSUPPORTED),
        Some(row) => {
            // A preview is an order like any other, under a name that nobody will see.
            let id = client_order_id.map_or_else(|| ClientOrderId::new("preview"), Ok);
            let id = id.map_err(|_| ApiError::internal())?;
            new_order(row, id, side, &configuration, now)?
        }
    };
    Ok(Draft { client_order_id, configuration: Value::Object(configuration), order })
}

type Checked<T> = Result<T, Refusal>;

fn new_order(
    row: &Row,
    client_order_id: ClientOrderId,
    side: Side,
    configuration: &Map<String, Value>,
    now: Timestamp,
) -> Result<Checked<NewOrder>, ApiError> {
    let mut all = configuration.iter();
    let (Some((key, numbers)), None) = (all.next(), all.next()) else {
        return Ok(Err(previewed("PREVIEW_INVALID_ORDER_CONFIG")));
    };
    let Value::Object(numbers) = numbers else {
        return Err(ApiError::invalid(format!("{key} is not an object")));
    };
    let fields = Fields { key, numbers };
    let post_only = fields.flag("post_only")?;
    let text = |name| fields.text(name);
    let texts = Texts {
        base: text("base_size")?,
        quote: text("quote_size")?,
        limit: text("limit_price")?,
        stop: text("stop_price")?,
        direction: text("stop_direction")?,
        end: text("end_time")?,
    };
    Ok(texts.order(row, side, key, post_only, now).map(|(kind, qty, time_in_force)| NewOrder {
        client_order_id,
        instrument: row.instrument.id,
        side,
        kind,
        qty,
        time_in_force,
        post_only,
        reduce_only: false,
        self_trade_prevention: None,
    }))
}

/// The members of one configuration.
struct Fields<'a> {
    key: &'a str,
    numbers: &'a Map<String, Value>,
}

impl<'a> Fields<'a> {
    /// A text, where it is there and not empty.
    fn text(&self, name: &str) -> Result<Option<&'a str>, ApiError> {
        match self.numbers.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
            Some(_) => Err(ApiError::invalid(format!("{}.{name} is not a string", self.key))),
        }
    }

    fn flag(&self, name: &str) -> Result<bool, ApiError> {
        match self.numbers.get(name) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(ApiError::invalid(format!("{}.{name} is not a bool", self.key))),
        }
    }
}

/// The members, as texts.
struct Texts<'a> {
    base: Option<&'a str>,
    quote: Option<&'a str>,
    limit: Option<&'a str>,
    stop: Option<&'a str>,
    direction: Option<&'a str>,
    end: Option<&'a str>,
}

impl Texts<'_> {
    fn order(
        &self,
        row: &Row,
        side: Side,
        key: &str,
        post_only: bool,
        now: Timestamp,
    ) -> Checked<(OrderKind, OrderQty, TimeInForce)> {
        let (has_price, has_trigger, has_end) = match key {
            "market_market_ioc" => (false, false, false),
            "sor_limit_ioc" | "limit_limit_gtc" => (true, false, false),
            "limit_limit_fok" if post_only => {
                return Err(previewed("PREVIEW_POST_ONLY_NOT_ALLOWED_WITH_FOK"));
            }
            "limit_limit_fok" => (true, false, false),
            "limit_limit_gtd" => (true, false, true),
            "stop_limit_stop_limit_gtc" => (true, true, false),
            "stop_limit_stop_limit_gtd" => (true, true, true),
            _ => return Err(UNSUPPORTED),
        };
        let price = has_price.then(|| on_tick(row, self.limit, "PREVIEW_INVALID_LIMIT_PRICE"));
        let trigger = has_trigger.then(|| on_tick(row, self.stop, "PREVIEW_INVALID_STOP_PRICE"));
        let (price, trigger) = (price.transpose()?, trigger.transpose()?);
        let upward = match self.direction {
            _ if !has_trigger => None,
            None => return Err(previewed("PREVIEW_INVALID_ORDER_CONFIG")),
            Some(word) => {
                let upward = vocabulary::parse_stop_direction(word);
                Some(upward.ok_or(previewed("PREVIEW_INVALID_ORDER_CONFIG"))?)
            }
        };
        let end = if has_end { Some(self.end_time(now)?) } else { None };
        let numbers = Numbers { price, trigger, upward, end };
        let parsed = vocabulary::parse_configuration(key, side, numbers);
        let (kind, time_in_force) = parsed.ok_or(UNSUPPORTED)?;
        let rests = matches!(time_in_force, TimeInForce::Gtc | TimeInForce::Gtd(_));
        if post_only && !(rests && matches!(kind, OrderKind::Limit { .. })) {
            return Err(UNSUPPORTED);
        }
        if let OrderKind::StopLimit { trigger, price } = kind {
            stop_before_limit(side, trigger, price)?;
        }
        let qty = self.qty(row, kind)?;
        notional(row, kind, qty)?;
        Ok((kind, qty, time_in_force))
    }

    fn end_time(&self, now: Timestamp) -> Checked<Timestamp> {
        let text = self.end.ok_or(previewed("PREVIEW_GTD_ORDERS_MUST_HAVE_END_TIME"))?;
        let end = Timestamp::parse_rfc3339(text.as_bytes());
        let end = end.ok_or(previewed("PREVIEW_INVALID_END_TIME"))?;
        if end <= now { Err(previewed("PREVIEW_END_TIME_IS_IN_THE_PAST")) } else { Ok(end) }
    }

    fn qty(&self, row: &Row, kind: OrderKind) -> Checked<OrderQty> {
        let limits = &row.instrument.limits;
        match (self.base, self.quote) {
            (Some(text), None) => {
                let qty = number(text)?;
                if qty.signum() <= 0 {
                    return Err(previewed("PREVIEW_INVALID_BASE_SIZE_TOO_SMALL"));
                }
                if !row.instrument.lot.divides(qty) {
                    return Err(previewed("PREVIEW_INVALID_SIZE_PRECISION"));
                }
                let qty = Qty::try_from(qty).map_err(|_| too_large())?;
                if qty < limits.qty_min {
                    return Err(previewed("PREVIEW_INVALID_BASE_SIZE_TOO_SMALL"));
                }
                if limits.qty_max.is_some_and(|max| qty > max) {
                    return Err(too_large());
                }
                Ok(OrderQty::Base(qty))
            }
            // Only a market order can be for an amount of quote at the exchange behind.
            (None, Some(_)) if kind != OrderKind::Market => Err(UNSUPPORTED),
            (None, Some(text)) => {
                let sum = number(text)?;
                if sum.signum() <= 0 {
                    return Err(previewed("PREVIEW_INVALID_QUOTE_SIZE_TOO_SMALL"));
                }
                if sum.checked_rem(quote_increment(row)).is_none_or(|rest| !rest.is_zero()) {
                    return Err(previewed("PREVIEW_INVALID_QUOTE_SIZE_PRECISION"));
                }
                let sum = Notional::try_from(sum);
                let sum = sum.map_err(|_| previewed("PREVIEW_INVALID_QUOTE_SIZE_TOO_LARGE"))?;
                if limits.notional_max.is_some_and(|max| sum > max) {
                    return Err(previewed("PREVIEW_INVALID_QUOTE_SIZE_TOO_LARGE"));
                }
                Ok(OrderQty::Quote(sum))
            }
            (Some(_), Some(_)) | (None, None) => Err(previewed("PREVIEW_INVALID_ORDER_CONFIG")),
        }
    }
}

const fn too_large() -> Refusal {
    previewed("PREVIEW_INVALID_BASE_SIZE_TOO_LARGE")
}

/// Price times size within the product's limits. What a market order comes to nobody knows yet.
fn notional(row: &Row, kind: OrderKind, qty: OrderQty) -> Checked<()> {
    let limits = &row.instrument.limits;
    let sum = match (qty, kind.price()) {
        (OrderQty::Quote(sum), _) => Some(sum),
        (OrderQty::Base(qty), Some(price)) => price.notional(qty, model::Rounding::Down),
        (OrderQty::Base(_), None) => return Ok(()),
    };
    let sum = sum.ok_or(previewed("PREVIEW_INVALID_QUOTE_SIZE_TOO_LARGE"))?;
    if sum < limits.notional_min {
        return Err(previewed("PREVIEW_INVALID_QUOTE_SIZE_TOO_SMALL"));
    }
    if limits.notional_max.is_some_and(|max| sum > max) {
        return Err(previewed("PREVIEW_INVALID_QUOTE_SIZE_TOO_LARGE"));
    }
    Ok(())
}

fn number(text: &str) -> Checked<Decimal> {
    text.parse().map_err(|_| previewed("PREVIEW_NON_NUMERIC_ORDER_SIZE"))
}

/// A price that is there, above zero and on the grid.
fn on_tick(row: &Row, text: Option<&str>, missing: &'static str) -> Checked<Price> {
    let number = text.and_then(|text| text.parse::<Decimal>().ok());
    let number = number.filter(|number| number.signum() > 0).ok_or(previewed(missing))?;
    if !row.instrument.tick.divides(number) {
        return Err(previewed("PREVIEW_INVALID_PRICE_PRECISION"));
    }
    let price = Price::try_from(number).map_err(|_| previewed(missing))?;
    let limits = &row.instrument.limits;
    if limits.price_max.is_some_and(|max| price > max) {
        return Err(previewed("PREVIEW_INVALID_PRICE_TOO_LARGE"));
    }
    Ok(price)
}

/// Once it is triggered, an order must have a chance to trade.
fn stop_before_limit(side: Side, trigger: Price, price: Price) -> Checked<()> {
    match side {
        Side::Buy if trigger > price => Err(previewed("PREVIEW_STOP_PRICE_ABOVE_LIMIT_PRICE")),
        Side::Sell if trigger < price => Err(previewed("PREVIEW_STOP_PRICE_BELOW_LIMIT_PRICE")),
        Side::Buy | Side::Sell => Ok(()),
    }
}

/// The smallest step of an amount of quote: a hundredth, or the tick where that is smaller.
pub(super) fn quote_increment(row: &Row) -> Decimal {
    row.instrument.tick.get().min(Decimal::new(1, 2))
}
