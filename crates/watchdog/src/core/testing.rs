//! What tests of the core share.

use super::words::{Family, Instrument, Order, Side};
use crate::amount::Amount;

pub(crate) const LIMITS: &str = r#"
quote = "USDT"
drawdown_max_bps = 1000
day_loss_max_bps = 300
open_notional_max = "50000"
unreadable_max_s = 10
[asset.BTC]
value_max = "20000"
[asset.ETH]
value_max = "5000"
"#;

pub(crate) fn instruments() -> Vec<Instrument> {
    let instrument = |base: &str| Instrument {
        symbol: format!("{base}USDT"),
        base: base.to_owned(),
        quote: "USDT".to_owned(),
    };
    vec![instrument("BTC"), instrument("ETH")]
}

/// An open buy of one at a hundred.
pub(crate) fn order(id: &str) -> Order {
    Order {
        symbol: "BTCUSDT".into(),
        id: id.to_owned(),
        client_id: format!("plim-{id}"),
        side: Side::Buy,
        family: Family::Plain,
        price: Some(Amount::whole(100)),
        leaves: Some(Amount::whole(1)),
        list: None,
    }
}
