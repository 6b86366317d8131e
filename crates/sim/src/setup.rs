//! What every simulated world has: one instrument, one account with funds, and the limits of its gateway.

use std::collections::BTreeMap;
use std::time::Duration;

use gateway::{BreakerLimits, Limits, Ramp, RampStep};
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
    /// Largest exposure in quote units, times 100 000: ticks times lots.
    pub(crate) const EXPOSURE: i64 = 120_000_000;
    /// How far an order's price may be from the reference price.
    pub(crate) const COLLAR_BPS: i64 = 500;
    /// Oldest reference price.
    pub(crate) const AGE: Duration = Duration::from_secs(5);
    /// Open orders.
    pub(crate) const OPEN: u32 = 8;
    /// Orders of one agent in a second.
    pub(crate) const RATE: u32 = 10;
    /// Loss since the high-water mark that halts, hundredths of a percent.
    pub(crate) const DRAWDOWN_BPS: u32 = 4_000;
    /// The same in worlds that are to lose so much now and then.
    pub(crate) const DRAWDOWN_NEAR_BPS: u32 = 200;
    /// The same since the day began.
    pub(crate) const DAY_LOSS_BPS: u32 = 4_000;
    /// The same within a minute.
    pub(crate) const LOSS_VELOCITY_BPS: u32 = 1_500;
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

/// Breakers as an account in such a market would have them: the price walks by percents within minutes, agents
/// want what they should not on purpose, and connections fail all the time. What lowers lasts shorter than
/// the minute in which trading has to be possible again.
fn breakers() -> BreakerLimits {
    BreakerLimits {
        valuation: None,
        day_loss_bps: limit::DAY_LOSS_BPS,
        loss_velocity_bps: limit::LOSS_VELOCITY_BPS,
        rejections_percent: 100,
        rejections_of: 1_000,
        rejections_min: 1_000,
        rejections_in_a_row: 1_000,
        refusals_in_a_row: 10_000,
        refusals_for_size: 10_000,
        refusals_for_effect: 10_000,
        // At the end of each round the market rests on purpose.
        stale_ms: 60_000,
        // A proof of absence takes many questions, while faults are on few are answered, and what has lowered
        // stays for its dwell: longer than a world has after its faults.
        doubt_grace_ms: 3_600_000,
        repeats_max: 1_000,
        dwell_ms: 20_000,
        ..BreakerLimits::default()
    }
}

/// Where the gateway's drawdown halts, hundredths of a percent: in one world of eight it is near enough to be
/// reached.
pub(crate) const fn drawdown_bps(seed: u64) -> u32 {
    if seed % 8 == 5 { limit::DRAWDOWN_NEAR_BPS } else { limit::DRAWDOWN_BPS }
}

/// In one world of four the account begins with a part of its limits, and is through within a round or two.
pub(crate) fn ramp(seed: u64) -> Option<Ramp> {
    let step = |seconds, percent| RampStep { after: Duration::from_secs(seconds), percent };
    let steps = vec![step(20, 60), step(60, 100)];
    (seed % 4 == 2).then_some(Ramp { start_percent: 30, steps })
}

/// The gateway's limits.
pub(crate) fn limits(instrument: InstrumentId, drawdown_bps: u32) -> Limits {
    let mut limits = Limits::wide([instrument]);
    limits.breakers = BreakerLimits { drawdown_bps, ..breakers() };
    limits.reference_age_max_ms = u64::try_from(limit::AGE.as_millis()).unwrap_or(0);
    (limits.orders.open_max, limits.orders.rate_max) = (limit::OPEN, limit::RATE);
    for exposure in limits.account.exposure_max.values_mut() {
        *exposure = notional(limit::EXPOSURE);
    }
    for limits in limits.instrument.values_mut() {
        limits.qty_max = qty(limit::QTY);
        limits.notional_max = notional(limit::NOTIONAL);
        limits.position_max = qty(limit::POSITION);
        limits.collar_bps = u32::try_from(limit::COLLAR_BPS).unwrap_or(0);
    }
    limits
}

/// The exchange with the account's funds; how much is drawn.
pub(crate) fn exchange(
    names: &Names,
    kind: Kind,
    dice: &mut Dice,
) -> (SimVenue, BTreeMap<Asset, Amount>) {
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
    (venue, funds)
}
