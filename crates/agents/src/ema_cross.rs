//! Long while the fast average of the price is above the slow one, flat while it is below.
//!
//! Takes at once with a limit a little beyond the best price, so that a thin book cannot fill it
//! anywhere. One order at a time: what it holds is looked at again when that one is over.

use engine::{Event, Intents, Rest, Strategy, View};
use model::{Qty, Side};

use crate::desk::Desk;
use crate::indicators::Ema;
use crate::info::StrategyInfo;
use crate::params::{BuildError, INSTRUMENT, ParamInfo, ParamKind, Params, QTY, SAMPLE_MS};

pub(crate) const INFO: StrategyInfo = StrategyInfo {
    name: "ema-cross",
    about: "long while the fast moving average is above the slow one, flat while it is below",
    params: PARAMS,
    source: crate::info::source!("ema_cross.rs"),
    make,
};

const PARAMS: &[ParamInfo] = &[
    ParamInfo {
        name: "fast",
        kind: ParamKind::Whole { min: 1, max: 100_000 },
        default: Some("10"),
        about: "length of the fast average, samples",
    },
    ParamInfo {
        name: "slow",
        kind: ParamKind::Whole { min: 2, max: 100_000 },
        default: Some("30"),
        about: "length of the slow average, samples; more than fast",
    },
    QTY,
    SAMPLE_MS,
    ParamInfo {
        name: "slippage_bps",
        kind: ParamKind::Whole { min: 0, max: 1_000 },
        default: Some("10"),
        about: "how far beyond the best price it takes, hundredths of a percent",
    },
    INSTRUMENT,
];

fn make(params: &Params<'_>) -> Result<Box<dyn Strategy>, BuildError> {
    let instrument = params.instrument()?;
    let (fast, slow) = (params.whole("fast")?, params.whole("slow")?);
    if fast >= slow {
        let problem = format!("it must be less than slow, which is {slow}");
        return Err(params.wrong("fast", &fast.to_string(), problem));
    }
    Ok(Box::new(EmaCross {
        desk: Desk::new(instrument, params.whole("sample_ms")?),
        qty: params.qty("qty", instrument)?,
        slippage_bps: i64::try_from(params.whole("slippage_bps")?).unwrap_or(i64::MAX),
        fast: Ema::new(fast),
        slow: Ema::new(slow),
        warm_up: slow,
        wanted: None,
        is_there: None,
    }))
}

struct EmaCross {
    desk: Desk,
    qty: Qty,
    slippage_bps: i64,
    fast: Ema,
    slow: Ema,
    /// Samples until the averages mean something.
    warm_up: u64,
    /// Long or flat, with the averages that say so.
    wanted: Option<(bool, f64, f64)>,
    /// Long or flat as wanted, with the books like this: as long as they are, there is nothing to do.
    is_there: Option<(bool, u64)>,
}

impl Strategy for EmaCross {
    fn on_event(&mut self, view: &View<'_>, event: &Event<'_>, intents: &mut Intents) {
        self.desk.hear(view.now, event);
        if let Some(price) = self.desk.sample(view, event) {
            let (fast, slow) = (self.fast.add(price), self.slow.add(price));
            self.warm_up = self.warm_up.saturating_sub(1);
            if self.warm_up == 0 {
                self.wanted = Some((fast > slow, fast, slow));
            }
        }
        self.act(view, intents);
    }

    fn rest(&self, view: &View<'_>) -> Rest {
        let there = |long| Some((long, view.books.changes()));
        if self.wanted.is_some_and(|(long, ..)| self.is_there != there(long)) {
            return Rest::NONE;
        }
        Rest { until: self.desk.next_sample(), while_best_stays: false, trades_too: true }
    }
}

impl EmaCross {
    fn act(&mut self, view: &View<'_>, intents: &mut Intents) {
        let Some((long, fast, slow)) = self.wanted else { return };
        let there = Some((long, view.books.changes()));
        if self.is_there == there {
            return;
        }
        let Some(market) = view.tradable(self.desk.id()) else { return };
        if self.desk.is_quiet(view.now) || view.books.open_in(self.desk.id()).next().is_some() {
            return;
        }
        let held = self.desk.sellable(view);
        let (side, qty, word) = match long {
            true if held.is_zero() => (Side::Buy, self.qty, "above"),
            false if !held.is_zero() => (Side::Sell, held, "below"),
            true | false => {
                self.is_there = there;
                return;
            }
        };
        if let Some(order) = self.desk.taking(market, side, qty, self.slippage_bps) {
            intents.place(order, format!("fast EMA {fast:.2} is {word} slow EMA {slow:.2}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Stage, build};

    fn stage() -> Stage {
        Stage::new(build(&INFO, &[("fast", "2"), ("slow", "4"), ("sample_ms", "1000")]).unwrap())
    }

    #[test]
    fn nothing_before_the_averages_are_warm() {
        let mut stage = stage();
        for price in [100, 101, 102] {
            assert!(stage.price(price).is_empty());
        }
        let wanted = stage.price(103);
        assert_eq!(wanted.len(), 1, "the fourth sample");
        assert!(wanted[0].reason.contains("above slow EMA"), "{}", wanted[0].reason);
    }

    #[test]
    fn buys_once_when_it_rises_and_sells_it_when_it_falls() {
        let mut stage = stage();
        let mut orders = Vec::new();
        for price in [100, 101, 102, 103, 104, 105, 104, 100, 95, 90, 88] {
            for intent in stage.price(price) {
                orders.push(stage.side(&intent));
                stage.fill(&intent);
            }
        }
        assert_eq!(orders, [Side::Buy, Side::Sell]);
    }

    #[test]
    fn one_order_at_a_time_and_a_pause_after_a_refusal() {
        let mut stage = stage();
        for price in [100, 101, 102] {
            stage.price(price);
        }
        let first = stage.price(103).remove(0);
        assert!(stage.price(104).is_empty(), "the first one is open");
        stage.refuse(&first);
        assert!(stage.price(105).is_empty(), "a second after the refusal");
        assert_eq!(stage.price(106).len(), 1, "two seconds after it");
    }

    #[test]
    fn parameters_that_make_no_sense() {
        let error = |params: &[(&str, &str)]| build(&INFO, params).err().unwrap().to_string();
        assert!(error(&[("fast", "30"), ("slow", "30")]).contains("less than slow"));
        assert!(error(&[("qty", "0.000001")]).contains("lot size"));
        assert!(error(&[("fsat", "3")]).contains("it has: fast, slow, qty"));
    }
}
