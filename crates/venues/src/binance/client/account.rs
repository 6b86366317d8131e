//! The account's events, as they come over the WebSocket API.
//!
//! Source: user-data-stream.md and web-socket-api.md, read 2026-07-21.

use std::borrow::Cow;

use model::venue::{AccountEvent, Execution, Unread, VenueError, VenueOrder};
use model::{Amount, Balance, Fill, Liquidity, Timestamp, TradeId};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::DecodeError;
use super::convert::{self, OrderWords, asset, client_id, fee, price, qty, time};
use crate::binance::symbols::Symbols;
use crate::binance::wire::{self, ExecutionReport, Fixed8};
use crate::rows::{self, Keys};

/// How a report names its order.
const REPORT: Keys = Keys { symbol: "s", order: "i", client: "c", trade: &[] };

/// One message of the connection that carries an account's events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountMessage {
    /// Something happened to the account.
    Event(AccountEvent),
    /// Something happened to an order in an instrument that is not followed.
    NotFollowed {
        /// The venue's text for it.
        symbol: String,
    },
    /// Something happened to an order, and what is not understood.
    NotUnderstood(Unread),
    /// From now on events come.
    Subscribed,
    /// The request to subscribe was refused.
    Refused {
        /// As HTTP's.
        status: u16,
        /// The venue's code and words.
        detail: String,
        /// Do not try again before this time, where the venue names one.
        retry_at: Option<Timestamp>,
    },
    /// No more events come on this connection.
    Terminated,
    /// Something that changes neither orders nor balances.
    Other,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(default, borrow)]
    event: Option<&'a RawValue>,
    #[serde(default)]
    status: Option<u16>,
    #[serde(default)]
    error: Option<wire::SocketError>,
}

#[derive(Deserialize)]
struct Head<'a> {
    e: Cow<'a, str>,
    /// Read before the rest: what is not ours to trade may be of a kind that we do not know.
    #[serde(default)]
    s: Option<Cow<'a, str>>,
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, DecodeError> {
    serde_json::from_str(text).map_err(|error| DecodeError::Shape(error.to_string()))
}

/// Reads one message.
pub fn decode_account(text: &str, symbols: &Symbols) -> Result<AccountMessage, DecodeError> {
    let envelope: Envelope<'_> = parse(text)?;
    if let Some(body) = envelope.event {
        return event(body, symbols);
    }
    match (envelope.status, envelope.error) {
        (Some(200), None) => Ok(AccountMessage::Subscribed),
        (Some(status), Some(error)) => Ok(refused(status, &error)),
        // The shutdown notice comes without an envelope.
        _ => Ok(AccountMessage::Other),
    }
}

fn refused(status: u16, error: &wire::SocketError) -> AccountMessage {
    // Here the venue names an instant, not a duration.
    let retry_at = error.data.as_ref().and_then(|data| data.get("retryAfter")?.as_i64());
    AccountMessage::Refused {
        status,
        detail: format!("code {}: {}", error.code, error.msg),
        retry_at: retry_at.and_then(Timestamp::from_millis),
    }
}

fn event(raw: &RawValue, symbols: &Symbols) -> Result<AccountMessage, DecodeError> {
    let body = raw.get();
    let head: Head<'_> = parse(body)?;
    if head.e == "executionReport"
        && let Some(symbol) = &head.s
    {
        if symbols.find(symbol).is_none() {
            return Ok(AccountMessage::NotFollowed { symbol: symbol.clone().into_owned() });
        }
        let report = parse::<ExecutionReport>(body).and_then(|report| execution(&report, symbols));
        return Ok(
            report.map_or_else(|error| not_understood(raw, &error, symbols), AccountMessage::Event)
        );
    }
    Ok(match head.e.as_ref() {
        "executionReport" => AccountMessage::Event(execution(&parse(body)?, symbols)?),
        "outboundAccountPosition" => AccountMessage::Event(balances(&parse(body)?)?),
        "balanceUpdate" => AccountMessage::Event(transfer(&parse(body)?)?),
        "eventStreamTerminated" => AccountMessage::Terminated,
        _ => AccountMessage::Other,
    })
}

/// Its order is asked for, and the books are read: it may have been an execution.
fn not_understood(row: &RawValue, error: &DecodeError, symbols: &Symbols) -> AccountMessage {
    let instrument = |symbol: &str| Some(symbols.find(symbol)?.instrument.id);
    AccountMessage::NotUnderstood(rows::unread(row, error, &REPORT, instrument))
}

fn execution(report: &ExecutionReport, symbols: &Symbols) -> Result<AccountEvent, DecodeError> {
    let order = order(report, symbols)?;
    let execution = match report.x.as_str() {
        // A stop order is new twice: when it is accepted, and when it goes to the book.
        "NEW" if order.kind.trigger().is_some() && report.w => Execution::Triggered,
        // An amendment leaves a living order with another quantity, which the order itself says.
        "NEW" | "REPLACED" => Execution::New,
        "TRADE" => Execution::Trade(fill(report, &order)?),
        "CANCELED" => Execution::Canceled(client_id(&report.c)?),
        "EXPIRED" => Execution::Expired,
        "REJECTED" => Execution::Rejected(rejection(&report.r)),
        "TRADE_PREVENTION" => Execution::Prevented,
        // How it stands is in the report, whatever made it so.
        _ => Execution::Standing,
    };
    let (execution_id, time) = (report.execution_id, time(report.transaction_time)?);
    Ok(AccountEvent::Order { order, execution, execution_id, time })
}

fn order(report: &ExecutionReport, symbols: &Symbols) -> Result<VenueOrder, DecodeError> {
    OrderWords {
        symbol: &report.s,
        id: report.i,
        // On a cancel `c` names the cancel and `C` the order; on all else `C` is empty.
        client_id: match report.original_client_id.as_str() {
            "" => &report.c,
            original => original,
        },
        side: &report.side,
        kind: &report.o,
        time_in_force: &report.f,
        stp: &report.stp,
        status: &report.status,
        price: report.p,
        trigger: report.stop_price,
        qty: report.q,
        quote_qty: report.quote_order_qty,
        filled: report.z,
        filled_quote: report.filled_quote,
        prevented: report.prevented_qty.unwrap_or_default(),
        created: report.created,
        updated: report.transaction_time,
        working: report.working_time,
        expiry: report.expiry_reason.as_deref(),
    }
    .read_any(symbols)
}

fn fill(report: &ExecutionReport, order: &VenueOrder) -> Result<Fill, DecodeError> {
    let trade_id =
        u64::try_from(report.t).map_err(|_| DecodeError::Number(report.t.to_string()))?;
    Ok(Fill {
        trade_id: TradeId::from_number(trade_id),
        venue_order_id: order.id,
        client_order_id: Some(order.client_order_id),
        instrument: order.instrument,
        side: order.side,
        price: price(report.last_price)?,
        qty: qty(report.l)?,
        fee: fee(report.n, report.fee_asset.as_deref())?,
        liquidity: if report.m { Liquidity::Maker } else { Liquidity::Taker },
        venue_time: convert::time(report.transaction_time)?,
    })
}

fn rejection(reason: &str) -> VenueError {
    match reason {
        "INSUFFICIENT_BALANCES" => VenueError::InsufficientBalance,
        "STOP_PRICE_WOULD_TRIGGER_IMMEDIATELY" => VenueError::WouldTrigger,
        "WOULD_MATCH_IMMEDIATELY" => VenueError::WouldTake,
        other => VenueError::Other { code: 0, message: other.to_owned() },
    }
}

fn amount(value: Fixed8) -> Result<Amount, DecodeError> {
    Amount::try_from(value.0).map_err(|_| DecodeError::Number(value.to_string()))
}

fn balances(position: &wire::AccountPosition) -> Result<AccountEvent, DecodeError> {
    let balances = position.balances.iter().map(|balance| {
        let held = Balance { free: amount(balance.f)?, locked: amount(balance.l)? };
        Ok((asset(&balance.a)?, held))
    });
    Ok(AccountEvent::Balances {
        balances: balances.collect::<Result<_, DecodeError>>()?,
        time: time(position.u)?,
    })
}

fn transfer(update: &wire::BalanceUpdate) -> Result<AccountEvent, DecodeError> {
    Ok(AccountEvent::Transfer {
        asset: asset(&update.a)?,
        amount: amount(update.d)?,
        time: time(update.clear_time)?,
    })
}

#[cfg(test)]
mod tests {
    use model::venue::VenueOrderStatus;
    use model::{ClientOrderId, Side};
    use proptest::prelude::*;

    use super::*;
    use crate::binance::client::testing::symbols;

    const TRADE: &str = r#"{"subscriptionId":0,"event":{"e":"executionReport","E":1767225600350,"s":"BTCUSDT","c":"agent-7-000001","S":"BUY","o":"LIMIT","f":"GTC","q":"0.00200000","p":"61234.50000000","P":"0.00000000","F":"0.00000000","g":-1,"C":"","x":"TRADE","X":"PARTIALLY_FILLED","r":"NONE","i":7001,"l":"0.00100000","z":"0.00100000","L":"61234.50000000","n":"0.00000100","N":"BTC","T":1767225600345,"t":40015,"I":88120,"w":true,"m":false,"M":true,"O":1767225600345,"Z":"61.23450000","Y":"61.23450000","Q":"0.00000000","W":1767225600345,"V":"EXPIRE_MAKER"}}"#;

    fn order_event(text: &str) -> (VenueOrder, Execution) {
        match decode_account(text, &symbols()).unwrap() {
            AccountMessage::Event(AccountEvent::Order { order, execution, .. }) => {
                (order, execution)
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_execution() {
        let (order, execution) = order_event(TRADE);
        assert_eq!((order.id.as_str(), order.client_order_id.as_str()), ("7001", "agent-7-000001"));
        assert_eq!(order.status, VenueOrderStatus::PartiallyFilled);
        let Execution::Trade(fill) = execution else { panic!("{execution:?}") };
        assert_eq!((fill.trade_id.as_str(), fill.side), ("40015", Side::Buy));
        assert_eq!(fill.qty, "0.001".parse().unwrap());
        assert_eq!(fill.fee.unwrap().asset.as_str(), "BTC");
    }

    /// Another symbol is passed over whatever it is; without one the event is read, and fails.
    #[test]
    fn an_event_on_a_symbol_that_is_not_followed() {
        let text = TRADE.replace("BTCUSDT", "ETHUSDT").replace("PARTIALLY_FILLED", "NEVER_SEEN");
        let symbol = "ETHUSDT".to_owned();
        assert_eq!(decode_account(&text, &symbols()), Ok(AccountMessage::NotFollowed { symbol }));
        let text = TRADE.replace(r#""s":"BTCUSDT","#, "");
        assert!(decode_account(&text, &symbols()).is_err());
    }

    /// `C` names the order and `c` the cancel.
    #[test]
    fn a_cancel_keeps_the_orders_own_name() {
        let text = TRADE
            .replace(r#""x":"TRADE","X":"PARTIALLY_FILLED""#, r#""x":"CANCELED","X":"CANCELED""#)
            .replace(r#""c":"agent-7-000001""#, r#""c":"cancel-1""#)
            .replace(r#""C":"""#, r#""C":"agent-7-000001""#);
        let (order, execution) = order_event(&text);
        assert_eq!(order.client_order_id.as_str(), "agent-7-000001");
        assert_eq!(execution, Execution::Canceled(ClientOrderId::new("cancel-1").unwrap()));
    }

    #[test]
    fn of_words_never_seen_what_is_known_is_told() {
        let (order, execution) = order_event(&TRADE.replace("PARTIALLY_FILLED", "HALF"));
        assert_eq!(order.status, VenueOrderStatus::Unknown);
        assert!(matches!(execution, Execution::Trade(_)));
        let (_, execution) = order_event(&TRADE.replace("\"TRADE\"", "\"GIFT\""));
        assert_eq!(execution, Execution::Standing);
        for (known, never) in [("\"BUY\"", "\"BOTH\""), (r#""q":"0.00200000","#, "")] {
            assert!(TRADE.contains(known), "{known}");
            let read = decode_account(&TRADE.replace(known, never), &symbols());
            let Ok(AccountMessage::NotUnderstood(row)) = read else { panic!("{read:?}") };
            assert_eq!(row.order, Some(model::VenueOrderId::from_number(7_001)));
            assert_eq!(row.client_order_id, ClientOrderId::new("agent-7-000001").ok());
            assert_eq!((row.instrument.unwrap().as_str(), row.trade), ("BTC-USDT", None));
        }
    }

    #[test]
    fn balances_answers_and_the_rest() {
        let read = |text: &str| decode_account(text, &symbols()).unwrap();
        let position = r#"{"subscriptionId":0,"event":{"e":"outboundAccountPosition","E":1,"u":2,"B":[{"a":"USDT","f":"877.5","l":"1"}]}}"#;
        let AccountMessage::Event(AccountEvent::Balances { balances, .. }) = read(position) else {
            panic!("no balances")
        };
        assert_eq!(balances[0].1.free, "877.5".parse().unwrap());
        assert_eq!(
            read(r#"{"id":"1","status":200,"result":{"subscriptionId":0}}"#),
            AccountMessage::Subscribed
        );
        let banned = r#"{"id":"1","status":418,"error":{"code":-1003,"msg":"m","data":{"retryAfter":5000}}}"#;
        let AccountMessage::Refused { status: 418, retry_at: Some(at), .. } = read(banned) else {
            panic!("no refusal")
        };
        assert_eq!(at.millis(), 5_000);
        let over = r#"{"subscriptionId":0,"event":{"e":"eventStreamTerminated","E":1}}"#;
        assert_eq!(read(over), AccountMessage::Terminated);
    }

    proptest! {
        #[test]
        fn damage_never_panics(at in 0usize..700, byte in any::<u8>()) {
            let mut bytes = TRADE.as_bytes().to_vec();
            let last = bytes.len() - 1;
            bytes[at.min(last)] = byte;
            let _ = decode_account(&String::from_utf8_lossy(&bytes), &symbols());
        }
    }
}
