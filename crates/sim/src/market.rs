//! The market around the account: a book of four levels a side whose middle walks, jumps and rests.
//!
//! Coarser than `sim_venue::synthetic`, because an hour of it has to cost a few milliseconds: levels lie
//! on every tenth tick, so that a step changes few of them.

use std::time::Duration;

use model::Side;
use model::market::{GridPrice, GridQty, Level, LevelUpdate};
use sim_venue::Background;

use crate::dice::Dice;
use crate::setup::START;

/// Ticks between two levels.
const GAP: i64 = 10;
/// Levels a side.
const LEVELS: i64 = 4;
/// Mean time between two steps.
const EVERY: Duration = Duration::from_millis(1_000);
/// One step in so many is a jump.
const JUMPS: u64 = 700;

/// A seeded market.
#[derive(Debug)]
pub(crate) struct Market {
    dice: Dice,
    /// Ticks.
    pub(crate) middle: i64,
    pub(crate) still: bool,
    /// Something is seen of it at least every two seconds: whoever counts the time in which the exchange is
    /// seen alive counts all of it.
    pub(crate) busy: bool,
}

/// Longest pause of a busy market.
const BUSY_PAUSE: Duration = Duration::from_secs(2);

impl Market {
    pub(crate) const fn new(dice: Dice) -> Market {
        Market { dice, middle: START.0, still: false, busy: false }
    }

    /// Time until the next step.
    pub(crate) fn pause(&mut self) -> Duration {
        let pause = self.dice.pause(EVERY).max(Duration::from_millis(20));
        if self.busy { pause.min(BUSY_PAUSE) } else { pause }
    }

    /// What happens now. While the market is still nothing trades and the levels stand.
    pub(crate) fn step(&mut self) -> Background {
        if self.still {
            return self.book();
        }
        // A book that has not moved is nothing to be seen.
        let seen = if self.busy { 45 + self.dice.below(55) } else { self.dice.below(100) };
        match seen {
            0..45 => {
                let step = i64::try_from(self.dice.below(13)).unwrap_or(0) - 6;
                let pull = (START.0 - self.middle) / 400;
                self.middle += step + pull;
                if self.dice.below(JUMPS) == 0 {
                    let jump = i64::try_from(self.dice.below(401)).unwrap_or(0) - 200;
                    self.middle = (self.middle + jump).clamp(START.0 / 2, START.0 * 2);
                }
                self.book()
            }
            45..80 => self.trade(),
            _ => self.refresh(),
        }
    }

    /// A print far below or above everything.
    pub(crate) fn wick(&mut self, thousandths: u64) -> Background {
        let taker_side = if self.dice.below(2) == 0 { Side::Buy } else { Side::Sell };
        let away = self.middle * i64::try_from(thousandths.min(990)).unwrap_or(0) / 1_000;
        let price = match taker_side {
            Side::Buy => self.middle + away,
            Side::Sell => (self.middle - away).max(1),
        };
        Background::Trade { price: GridPrice(price), qty: GridQty(1_000), taker_side }
    }

    pub(crate) fn book(&self) -> Background {
        let bids = (0..LEVELS).map(|i| self.level(Side::Buy, i)).collect();
        let asks = (0..LEVELS).map(|i| self.level(Side::Sell, i)).collect();
        Background::Snapshot { bids, asks }
    }

    /// Levels keep their size while they stand, so that most of a snapshot changes nothing.
    fn level(&self, side: Side, i: i64) -> Level {
        let below = self.middle.div_euclid(GAP) * GAP;
        let price = match side {
            Side::Buy => below - i * GAP,
            Side::Sell => below + (i + 1) * GAP,
        };
        let size = 500 + (price / GAP).rem_euclid(7) * 400;
        Level { price: GridPrice(price), qty: GridQty(size) }
    }

    fn trade(&mut self) -> Background {
        let taker_side = if self.dice.below(2) == 0 { Side::Buy } else { Side::Sell };
        let i = i64::from(self.dice.below(6) == 0);
        let level = self.level(taker_side.opposite(), i);
        let qty = 20 + i64::try_from(self.dice.below(600)).unwrap_or(0);
        Background::Trade { price: level.price, qty: GridQty(qty), taker_side }
    }

    fn refresh(&mut self) -> Background {
        let side = if self.dice.below(2) == 0 { Side::Buy } else { Side::Sell };
        let i = i64::try_from(self.dice.below(LEVELS as u64)).unwrap_or(0);
        let Level { price, qty } = self.level(side, i);
        let more = i64::try_from(self.dice.below(200)).unwrap_or(0);
        Background::Level(LevelUpdate { side, price, qty: GridQty(qty.0 + more) })
    }
}
