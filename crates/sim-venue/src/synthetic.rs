//! A made-up market: the same on every machine for the same seed.
//!
//! The middle price walks in ticks, with a little pull back to where it started and with bursts;
//! around it stand twenty levels a side; now and then somebody takes from the touch, and sometimes
//! sweeps a few levels. Only integers, so nothing depends on a machine's floating point.

use std::collections::VecDeque;
use std::time::Duration;

use model::market::{GridPrice, GridQty, Level, LevelUpdate};
use model::{Instrument, Price, Side};

use crate::background::Background;

/// Levels on each side.
const LEVELS: i64 = 20;

/// A seeded, endless market.
#[derive(Clone, Debug)]
pub struct Synthetic {
    random: SplitMix,
    tick: i64,
    lot: i64,
    anchor: i64,
    middle: i64,
    /// Ticks that the price drifts by in each step, in thousandths; changes now and then.
    drift: i64,
    /// Half the distance between best bid and best ask.
    half_spread: i64,
    typical: i64,
    at: Duration,
    queue: VecDeque<Background>,
    started: bool,
}

impl Synthetic {
    /// A market around a starting price.
    pub fn new(seed: u64, instrument: &Instrument, start: Price) -> Synthetic {
        let grid = instrument.grid();
        let tick = instrument.tick.get().mantissa_at(u32::from(grid.price_decimals)).unwrap_or(1);
        let lot = instrument.lot.get().mantissa_at(u32::from(grid.qty_decimals)).unwrap_or(1);
        let on_grid = start.get().down_to(instrument.tick.get());
        let start = on_grid
            .and_then(|price| price.mantissa_at(u32::from(grid.price_decimals)))
            .unwrap_or(tick.saturating_mul(1_000))
            .max(tick.saturating_mul(LEVELS + 2))
            .min(i64::MAX / 4);
        // A level holds a few thousand units of quote, whatever the price.
        let decimals = u32::from(grid.price_decimals) + u32::from(grid.qty_decimals);
        let one_quote = 10i128.checked_pow(decimals).unwrap_or(i128::MAX);
        let typical = 2_000i128.saturating_mul(one_quote) / i128::from(start);
        let typical = typical.max(i128::from(lot)).min(i128::from(i64::MAX / 1_000_000));
        Synthetic {
            random: SplitMix(seed ^ 0x9e37_79b9_7f4a_7c15),
            tick,
            lot,
            anchor: start,
            middle: start,
            drift: 0,
            half_spread: (start / 20_000 / tick).max(1) * tick,
            typical: i64::try_from(typical).unwrap_or(lot),
            at: Duration::ZERO,
            queue: VecDeque::new(),
            started: false,
        }
    }

    /// The next event and its time from the start.
    pub fn next_event(&mut self) -> (Duration, Background) {
        loop {
            if let Some(event) = self.queue.pop_front() {
                return (self.at, event);
            }
            if self.started {
                self.at += Duration::from_millis(5 + self.random.below(40));
                self.step();
            } else {
                self.started = true;
                let side = |random: &mut SplitMix, side| Self::ladder(random, side);
                let (bids, asks) =
                    (side(&mut self.random, Side::Buy), side(&mut self.random, Side::Sell));
                let bids = bids.into_iter().map(|(i, q)| self.level(Side::Buy, i, q)).collect();
                let asks = asks.into_iter().map(|(i, q)| self.level(Side::Sell, i, q)).collect();
                self.queue.push_back(Background::Snapshot { bids, asks });
            }
        }
    }

    fn ladder(random: &mut SplitMix, _side: Side) -> Vec<(i64, i64)> {
        (0..LEVELS).map(|i| (i, 200 + random.below(1_800) as i64)).collect()
    }

    /// Level number `i` from the touch, with a quantity in thousandths of the typical one.
    fn level(&self, side: Side, i: i64, thousandths: i64) -> Level {
        let away = self.half_spread + i * self.gap();
        let price = match side {
            Side::Buy => self.middle - away,
            Side::Sell => self.middle + away,
        };
        let qty = (self.typical / 1_000).max(1).saturating_mul(thousandths);
        Level { price: GridPrice(price), qty: GridQty((qty - qty % self.lot).max(self.lot)) }
    }

    fn gap(&self) -> i64 {
        self.half_spread.max(self.tick)
    }

    fn step(&mut self) {
        match self.random.below(100) {
            0..30 => self.take(1),
            30..33 => self.take(3),
            33..60 => self.refresh(),
            _ => self.walk(),
        }
        if self.random.below(400) == 0 {
            self.drift = self.random.below(7) as i64 * 250 - 750;
        }
    }

    /// The middle moves, and with it the ladder.
    fn walk(&mut self) {
        // Steps of about 0.003 % with a drift, and a pull of a hundredth of the distance.
        let unit = (self.anchor / 33_000 / self.tick).max(1) * self.tick;
        let noise = self.random.below(2_001) as i64 - 1_000;
        let pull = (self.anchor - self.middle) / 400;
        let change = unit * (noise + self.drift) / 1_000 + pull;
        let lowest = self.gap() * (LEVELS + 2);
        let middle = (self.middle + change).max(lowest);
        let old = self.middle;
        self.middle = middle - middle.rem_euclid(self.tick);
        if self.middle != old {
            let (bids, asks) = (
                Self::ladder(&mut self.random, Side::Buy),
                Self::ladder(&mut self.random, Side::Sell),
            );
            let bids = bids.into_iter().map(|(i, q)| self.level(Side::Buy, i, q)).collect();
            let asks = asks.into_iter().map(|(i, q)| self.level(Side::Sell, i, q)).collect();
            self.queue.push_back(Background::Snapshot { bids, asks });
        }
    }

    /// One level gets another quantity.
    fn refresh(&mut self) {
        let side = if self.random.below(2) == 0 { Side::Buy } else { Side::Sell };
        let i = self.random.below(LEVELS as u64) as i64;
        let thousandths = 200 + self.random.below(1_800) as i64;
        let Level { price, qty } = self.level(side, i, thousandths);
        self.queue.push_back(Background::Level(LevelUpdate { side, price, qty }));
    }

    /// Somebody takes from the first levels of a side.
    fn take(&mut self, levels: i64) {
        let taker_side = if self.random.below(2) == 0 { Side::Buy } else { Side::Sell };
        for i in 0..levels {
            let thousandths = 20 + self.random.below(180) as i64;
            let Level { price, qty } = self.level(taker_side.opposite(), i, thousandths);
            self.queue.push_back(Background::Trade { price, qty, taker_side });
        }
    }
}

/// Sebastiano Vigna's SplitMix64: one multiplication chain a number, and good enough to shuffle a
/// market.
#[derive(Clone, Debug)]
pub struct SplitMix(pub u64);

impl SplitMix {
    /// The next number.
    pub fn next_number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`; zero for a bound of zero.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next_number()) * u128::from(bound)) >> 64) as u64
    }
}

#[cfg(test)]
mod tests {
    use model::venue::FeeRates;
    use model::{Asset, Decimal, Timestamp};

    use super::*;
    use crate::{FeesIn, SimConfig, SimVenue};

    #[test]
    fn the_same_seed_makes_the_same_market_and_another_does_not() {
        let instrument = crate::testing::btc_usdt();
        let make = |seed| {
            let mut market = Synthetic::new(seed, &instrument, "60000".parse().unwrap());
            (0..5_000).map(|_| market.next_event()).collect::<Vec<_>>()
        };
        assert_eq!(make(7), make(7));
        assert_ne!(make(7), make(8));
        let prints = make(7).iter().filter(|(_, e)| matches!(e, Background::Trade { .. })).count();
        assert!(prints > 300, "only {prints} prints in 5000 events");
    }

    /// An exchange with this market alone: what its book and its tape show.
    fn seconds(seed: u64, instrument: &Instrument, start: &str, seconds: usize) -> Vec<f64> {
        let mut market = Synthetic::new(seed, instrument, start.parse().unwrap());
        let fees = FeeRates { maker: Decimal::ZERO, taker: Decimal::ZERO };
        let mut venue = SimVenue::new(SimConfig {
            instruments: vec![instrument.clone()],
            fees,
            fees_in: FeesIn::Received,
        });
        let (mut middles, mut events) = (Vec::new(), Vec::new());
        while middles.len() < seconds {
            let (at, event) = market.next_event();
            venue.background(Timestamp::EPOCH.after(at), instrument.id, &event, &mut events);
            events.clear();
            let book = &venue.markets[0].book;
            let best = book.best(Side::Buy).zip(book.best(Side::Sell));
            let (bid, ask) = best.expect("a side is empty");
            assert!(bid < ask && bid.0 > 0, "{bid:?} {ask:?}");
            if at.as_secs() as usize > middles.len() {
                middles.push((bid.0 + ask.0) as f64 / 2.0);
            }
        }
        middles
    }

    #[test]
    fn it_moves_as_a_market_does() {
        let instrument = crate::testing::btc_usdt();
        for seed in 0..4 {
            let middles = seconds(seed, &instrument, "60000", 600);
            let returns: Vec<f64> = middles.windows(2).map(|w| w[1] / w[0] - 1.0).collect();
            let variance = returns.iter().map(|r| r * r).sum::<f64>() / returns.len() as f64;
            let percent = variance.sqrt() * 100.0;
            assert!((0.01..0.06).contains(&percent), "seed {seed}: {percent} % a second");
            let drift = (middles[middles.len() - 1] / middles[0] - 1.0).abs();
            assert!(drift < 0.05, "seed {seed} ran away by {drift}");
        }
    }

    #[test]
    fn it_works_on_any_grid() {
        let make = |tick: &str, lot: &str| {
            let (base, quote) = (Asset::new("A").unwrap(), Asset::new("B").unwrap());
            Instrument::spot(base, quote, tick.parse().unwrap(), lot.parse().unwrap()).unwrap()
        };
        for (tick, lot, start) in [
            ("0.00000001", "1", "0.00000812"),
            ("0.01", "0.00000001", "60000"),
            ("0.5", "0.02", "100"),
            ("1", "1", "7"),
            ("0.01", "0.001", "0.001"),
            ("0.00000001", "0.00000001", "90000000"),
            ("0.000000000000000001", "0.000000000000000001", "1"),
        ] {
            seconds(1, &make(tick, lot), start, 20);
        }
    }
}
