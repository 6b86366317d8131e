//! What every simulated world has: one instrument, one account with funds, and the limits of its gateway.

use std::collections::BTreeMap;

use gateway::{InstrumentLimits, Limits, OrderFlowLimits};
use model::market::{Grid, GridPrice};
use model::venue::FeeRates;
use model::{
    AccountId, AgentId, Amount, Asset, Decimal, Instrument, InstrumentId, Notional, Price, Qty,
    Step, Timestamp,
};
use sim_venue::{FeesIn, SimConfig, SimVenue};

use crate::dice::Dice;
use crate::plan::Kind;

/// 2026-01-01T00:00:00Z: when every world begins.
pub(crate) const BEGINNING: Timestamp = Timestamp::from_nanos(1_767_225_600_000_000_000);
/// Where the market starts, in ticks of a hundredth.
pub(crate) const START: GridPrice = GridPrice(10_000);
/// Decimals of a price and of a quantity.
pub(crate) const GRID: Grid = Grid { price_decimals: 2, qty_decimals: 3 };

/// Limits of the gateway, as the checkers know them: in lots, ticks and hundredths of a percent.
pub(crate) mod limit {
    use std::time::Duration;

    /// Largest order, lots of 0.001.
    pub(crate) const QTY: i64 = 2_000;
    /// Largest order in quote units, times 100 000: ticks times lots.
    pub(crate) const NOTIONAL: i64 = 25_000_000;
    /// Largest position either way, lots.
    pub(crate) const POSITION: i64 = 5_000;
    /// How far an order's price may be from the reference price.
    pub(crate) const COLLAR_BPS: i64 = 500;
    /// Oldest reference price.
    pub(crate) const AGE: Duration = Duration::from_secs(5);
    /// Open orders.
    pub(crate) const OPEN: u32 = 8;
    /// Orders of one agent in a second.
    pub(crate) const RATE: u32 = 10;
    /// Smallest order the venue takes, ticks times lots.
    pub(crate) const NOTIONAL_MIN: i64 = 500_000;
}

/// The names that a world needs.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    pub(crate) instrument: Instrument,
    pub(crate) account: AccountId,
    pub(crate) maker: AgentId,
    pub(crate) reversion: AgentId,
    pub(crate) hostile: AgentId,
    pub(crate) probe: AgentId,
}

impl Names {
    pub(crate) fn new() -> Names {
        let asset = |name| Asset::new(name).expect("a valid constant");
        let step = |text: &str| text.parse::<Step>().expect("a valid constant");
        let agent = |name| AgentId::new(name).expect("a valid constant");
        let (tick, lot) = (step("0.01"), step("0.001"));
        let mut instrument = Instrument::spot(asset("BTC"), asset("USDT"), tick, lot)
            .expect("two short names make a name");
        instrument.limits.notional_min = notional(limit::NOTIONAL_MIN);
        Names {
            instrument,
            account: AccountId::new("ours").expect("a valid constant"),
            maker: agent("maker"),
            reversion: agent("reversion"),
            hostile: agent("hostile"),
            probe: agent("probe"),
        }
    }

    pub(crate) fn id(&self) -> InstrumentId {
        self.instrument.id
    }
}

/// A price of so many ticks.
pub(crate) fn price(ticks: i64) -> Option<Price> {
    GRID.price(GridPrice(ticks))
}

/// A quantity of so many lots.
pub(crate) fn qty(lots: i64) -> Qty {
    GRID.qty(model::market::GridQty(lots)).unwrap_or(Qty::ZERO)
}

/// Quote units from ticks times lots.
pub(crate) fn notional(product: i64) -> Notional {
    Notional::try_from(Decimal::new(product, 5)).unwrap_or(Notional::ZERO)
}

/// So many lots; `None` for what is off the grid.
pub(crate) fn lots(qty: Qty) -> Option<i64> {
    qty.get().mantissa_at(3)
}

/// So many ticks; `None` for what is off the grid.
pub(crate) fn ticks(price: Price) -> Option<i64> {
    price.get().mantissa_at(2)
}

/// The gateway's limits.
pub(crate) fn limits(instrument: InstrumentId) -> Limits {
    let limits = InstrumentLimits {
        qty_max: qty(limit::QTY),
        notional_max: notional(limit::NOTIONAL),
        position_max: qty(limit::POSITION),
        collar_bps: u32::try_from(limit::COLLAR_BPS).unwrap_or(0),
    };
    Limits {
        reference_age_max_ms: u64::try_from(limit::AGE.as_millis()).unwrap_or(0),
        orders: OrderFlowLimits {
            open_max: limit::OPEN,
            rate_max: limit::RATE,
            rate_window_ms: 1_000,
        },
        instrument: [(instrument, limits)].into(),
    }
}

/// The exchange with the account's funds; how much is drawn.
pub(crate) fn exchange(names: &Names, kind: Kind, dice: &mut Dice) -> SimVenue {
    let fees_in = match kind {
        Kind::Binance => FeesIn::Received,
        Kind::Coinbase => FeesIn::Quote,
    };
    let fees = FeeRates { maker: Decimal::new(2, 4), taker: Decimal::new(1, 3) };
    let instruments = vec![names.instrument.clone()];
    let mut venue = SimVenue::new(SimConfig { instruments, fees, fees_in });
    let amount = |number: u64| {
        let number = Decimal::new(i64::try_from(number).unwrap_or(0), 0);
        Amount::try_from(number).unwrap_or(Amount::ZERO)
    };
    let funds = BTreeMap::from([
        (names.instrument.quote, amount(400 + dice.below(2_000))),
        (names.instrument.base, amount(4 + dice.below(20))),
    ]);
    venue.add_account(names.account, &funds);
    venue
}
