//! The exchange's answers in Kraken's words, and what has to be asked besides.

use std::collections::VecDeque;

use model::venue::{AccountRequest, OrderKey, Response, VenueError};
use model::{Decimal, InstrumentId};
use serde_json::{Map, Value, json};

use super::ids;
use super::render;
use crate::kraken::symbols::{Symbols, rest_name};

/// How the answer of the exchange is told.
#[derive(Debug)]
pub(super) enum Wording {
    /// A new order, over REST.
    Placed,
    /// One that was checked.
    Tested { sentence: String },
    /// Balances, with what is set aside or without.
    Balances { extended: bool },
    /// One cancel.
    Canceled,
    /// Several, one after the other.
    Many { left: VecDeque<(InstrumentId, OrderKey)>, count: u32 },
    /// A request on a connection.
    Stream { method: String, id: Option<u64>, order: Option<String> },
}

/// What an answer comes to.
pub(super) enum Worded {
    Again(AccountRequest, Wording),
    Result(Value),
}

/// The cancel of one order.
pub(super) fn cancel((instrument, order): (InstrumentId, OrderKey)) -> AccountRequest {
    AccountRequest::Cancel { instrument, order, cancel_id: None, only: None }
}

impl Wording {
    pub(super) fn word(
        self,
        symbols: &Symbols,
        answer: Result<Response, VenueError>,
    ) -> Result<Worded, String> {
        let result = match (self, answer) {
            (Wording::Many { mut left, count }, answer) => {
                // One that is over by now is none that was taken back.
                let count = count + u32::from(answer.is_ok());
                match left.pop_front() {
                    Some(next) => {
                        return Ok(Worded::Again(cancel(next), Wording::Many { left, count }));
                    }
                    None => json!({"count": count}),
                }
            }
            (_, Err(error)) => return Err(render::error(&error)),
            (Wording::Placed, Ok(Response::Placed { order, .. })) => {
                let row = symbols.get(order.instrument).ok_or("EGeneral:Internal error")?;
                let sentence = render::sentence(row, &order);
                json!({"descr": {"order": sentence}, "txid": [ids::order_id(order.id)]})
            }
            (Wording::Tested { sentence }, Ok(_)) => json!({"descr": {"order": sentence}}),
            (Wording::Canceled, Ok(_)) => json!({"count": 1}),
            (Wording::Balances { extended }, Ok(Response::Account(account))) => {
                let balances = account.balances.iter().filter_map(|(asset, held)| {
                    let all = held.free.checked_add(held.locked)?;
                    let text = |amount: Decimal| render::fixed(amount, amount.decimals().max(4));
                    let told = if extended {
                        let locked = text(held.locked.get());
                        json!({"balance": text(all.get()), "hold_trade": locked})
                    } else {
                        text(all.get()).into()
                    };
                    Some((rest_name(asset.as_str()), told))
                });
                Value::Object(balances.collect::<Map<_, _>>())
            }
            (Wording::Placed | Wording::Balances { .. } | Wording::Stream { .. }, Ok(_)) => {
                return Err("EGeneral:Internal error".to_owned());
            }
        };
        Ok(Worded::Result(result))
    }
}
