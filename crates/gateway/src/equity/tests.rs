//! What holdings are worth at the prices of the last second, exactly.

use std::time::Duration;

use super::*;
use crate::testing::{ether, id, instrument, number};

fn at(ms: u64) -> Timestamp {
    Timestamp::EPOCH.after(Duration::from_millis(ms))
}

fn held(amounts: &[(&str, &str)]) -> BTreeMap<Asset, Amount> {
    amounts.iter().map(|(asset, amount)| (number(asset), number(amount))).collect()
}

fn equity() -> Equity {
    Equity::new(None, &[instrument(), ether()])
}

#[test]
fn what_is_held_is_valued_exactly() {
    let mut equity = equity();
    let account = held(&[("USDT", "1000.5"), ("BTC", "0.123"), ("DOGE", "5")]);
    assert_eq!(equity.value(&account, At::Highest), None, "a price is missing");
    equity.looked(at(0), id(), Look::Tight(number("100.01")), false);
    assert_eq!(equity.value(&account, At::Highest), Some(number("1012.80123")));
    equity.looked(at(500), id(), Look::Tight(number("99")), false);
    assert_eq!(equity.value(&account, At::Highest), Some(number("1012.80123")));
    assert_eq!(equity.value(&account, At::Lowest), Some(number("1012.677")));
    let more = held(&[("USDT", "1"), ("ETH", "1")]);
    assert_eq!(equity.value(&more, At::Lowest), None, "of what is held a price is missing");
    let none = held(&[("USDT", "1"), ("ETH", "0")]);
    assert_eq!(equity.value(&none, At::Lowest), Some(number("1")));
    for (amounts, both) in [
        (&account, Some((number("1012.80123"), number("1012.677")))),
        (&more, None),
        (&none, Some((number("1"), number("1")))),
    ] {
        assert_eq!(equity.value_of_held(), None, "it is not known what is held");
        equity.gather(amounts);
        assert_eq!(equity.value_of_held(), both);
        equity.is_to_be_gathered();
    }
}

/// Prices of what is not held change nothing that is held, except that the first one says that there is one.
#[test]
fn only_what_is_held_is_counted_anew() {
    let mut equity = equity();
    let changes = |equity: &mut Equity, ms, of: &model::Instrument, rests| {
        equity.changed = false;
        equity.looked(at(ms), of.id, Look::Tight(number("100")), rests);
        (equity.changed, equity.held().is_some())
    };
    equity.gather(&held(&[("USDT", "1"), ("ETH", "1")]));
    assert_eq!(changes(&mut equity, 0, &instrument(), true), (true, false), "the first price");
    assert_eq!(changes(&mut equity, 100, &instrument(), true), (true, false), "not yet gathered");
    equity.gather(&held(&[("USDT", "1"), ("ETH", "1")]));
    assert_eq!(changes(&mut equity, 200, &instrument(), true), (false, true));
    assert_eq!(equity.stayed, Some(at(200)));
    assert_eq!(changes(&mut equity, 300, &instrument(), false), (true, true));
    assert_eq!(changes(&mut equity, 400, &ether(), true), (true, false));
    equity.gather(&held(&[("USDT", "1"), ("ETH", "1")]));
    assert_eq!(changes(&mut equity, 500, &ether(), true), (true, true), "it is held");
}

#[test]
fn what_nothing_values_is_left_out_and_said_once() {
    let mut equity = equity();
    let account = held(&[("USDT", "1"), ("DOGE", "5"), ("XRP", "0")]);
    assert_eq!(equity.left_out(&account), vec![number::<Asset>("DOGE")]);
    assert_eq!(equity.left_out(&account), vec![]);
    let more = held(&[("DOGE", "6"), ("XRP", "1")]);
    assert_eq!(equity.left_out(&more), vec![number::<Asset>("XRP")]);
}

#[test]
fn it_is_settled_when_every_price_that_it_needs_is() {
    let mut equity = equity();
    let account = held(&[("USDT", "1"), ("BTC", "1")]);
    for (ms, settled) in [(0, false), (999, false), (1_000, true)] {
        equity.looked(at(ms), id(), Look::Tight(number("100")), false);
        assert!(!equity.is_settled(), "it is not known what is held");
        equity.gather(&account);
        assert_eq!(equity.is_settled(), settled, "{ms}");
        equity.is_to_be_gathered();
    }
    equity.gather(&held(&[("ETH", "1")]));
    assert!(!equity.is_settled());
    equity.gather(&held(&[("USDT", "1")]));
    assert!(equity.is_settled());
}
