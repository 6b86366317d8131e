//! Lists of an account, read row by row: one that is not understood does not hide the others, and is not
//! dropped either.

use std::fmt::Display;

use model::venue::Unread;
use model::{ClientOrderId, InstrumentId, TradeId, VenueOrderId};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// Characters of what is said about a row, at most.
const WORDS_MAX: usize = 200;

/// By which keys a row names what it is of.
pub(crate) struct Keys {
    pub(crate) symbol: &'static str,
    pub(crate) order: &'static str,
    pub(crate) client: &'static str,
    /// Of the row itself, where it is one of the executions: the first that is there.
    pub(crate) trade: &'static [&'static str],
}

/// Reads each row by itself: what is understood, and the rest.
pub(crate) fn each<W, T, E>(
    rows: &[Box<RawValue>],
    read: impl Fn(&W) -> Result<T, E>,
    unread: impl Fn(&RawValue, &dyn Display) -> Unread,
) -> (Vec<T>, Vec<Unread>)
where
    W: for<'de> Deserialize<'de>,
    E: Display,
{
    let (mut understood, mut strange) = (Vec::with_capacity(rows.len()), Vec::new());
    for row in rows {
        match serde_json::from_str::<W>(row.get()) {
            Ok(words) => match read(&words) {
                Ok(value) => understood.push(value),
                Err(error) => strange.push(unread(row, &error)),
            },
            Err(error) => strange.push(unread(row, &error)),
        }
    }
    (understood, strange)
}

/// What can be read of a row that is not understood.
pub(crate) fn unread(
    row: &RawValue,
    because: &dyn Display,
    keys: &Keys,
    instrument: impl Fn(&str) -> Option<InstrumentId>,
) -> Unread {
    let fields: Value = serde_json::from_str(row.get()).unwrap_or_default();
    let text = |key: &str| match fields.get(key) {
        Some(Value::String(text)) if !text.is_empty() => Some(text.clone()),
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => None,
    };
    let order = text(keys.order);
    Unread {
        instrument: text(keys.symbol).and_then(|symbol| instrument(&symbol)),
        order: order.as_ref().and_then(|id| VenueOrderId::new(id).ok()),
        // The venue's name stands for one that ours cannot be.
        client_order_id: text(keys.client).and_then(|name| {
            let own = ClientOrderId::new(&name).ok();
            own.or_else(|| ClientOrderId::new(order.as_deref()?).ok())
        }),
        trade: (!keys.trade.is_empty())
            .then(|| trade(keys.trade.iter().find_map(|key| text(key)).as_deref())),
        because: because.to_string().chars().take(WORDS_MAX).collect(),
    }
}

/// The name of a row, or as much of it as has room. One without a name is told from all others of its
/// order by having none.
fn trade(name: Option<&str>) -> TradeId {
    let name: String = name.unwrap_or_default().chars().take(TradeId::LEN_MAX).collect();
    TradeId::new(&name).unwrap_or_else(|_| TradeId::from_number(0))
}
