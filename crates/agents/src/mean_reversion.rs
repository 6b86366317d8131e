//! Buys when the price is far below its rolling mean, sells when it is back.
//!
//! Waits at the best price instead of taking, for a while; an order that did not fill by then is
//! taken back and the market looked at again.

use std::time::Duration;

use engine::{Event, Intents, Strategy, View};
use model::{IntentId, Qty, Side, TimeInForce, Timestamp};

use crate::desk::Desk;
use crate::indicators::Rolling;
use crate::info::StrategyInfo;
use crate::params::{BuildError, INSTRUMENT, ParamInfo, ParamKind, Params, QTY, SAMPLE_MS};

pub(crate) const INFO: StrategyInfo = StrategyInfo {
    name: "mean-reversion",
    about: "buys far below the rolling mean of the price, sells when it is back",
    params: PARAMS,
    source: crate::info::source!("mean_reversion.rs"),
    make,
};

const PARAMS: &[ParamInfo] = &[
    ParamInfo {
        name: "lookback",
        kind: ParamKind::Whole { min: 2, max: 100_000 },
        default: Some("60"),
        about: "length of the window, samples",
    },
    ParamInfo {
        name: "entry_z",
        kind: ParamKind::Number { min_milli: 100, max_milli: 20_000 },
        default: Some("2.0"),
        about: "buys this many standard deviations below the mean",
    },
    ParamInfo {
        name: "exit_z",
        kind: ParamKind::Number { min_milli: 0, max_milli: 20_000 },
        default: Some("0.5"),
        about: "sells when it is at most this many below; less than entry_z",
    },
    QTY,
    SAMPLE_MS,
    ParamInfo {
        name: "patience_ms",
        kind: ParamKind::Whole { min: 1, max: 86_400_000 },
        default: Some("3000"),
        about: "how long an order waits to be filled, milliseconds",
    },
    INSTRUMENT,
];

fn make(params: &Params<'_>) -> Result<Box<dyn Strategy>, BuildError> {
    let instrument = params.instrument()?;
    let (entry_z, exit_z) = (params.number("entry_z")?, params.number("exit_z")?);
    if exit_z >= entry_z {
        let problem = format!("it must be less than entry_z, which is {entry_z}");
        return Err(params.wrong("exit_z", &exit_z.to_string(), problem));
    }
    Ok(Box::new(MeanReversion {
        desk: Desk::new(instrument, params.whole("sample_ms")?),
        qty: params.qty("qty", instrument)?,
        window: Rolling::new(usize::try_from(params.whole("lookback")?).unwrap_or(usize::MAX)),
        entry_z,
        exit_z,
        patience: Duration::from_millis(params.whole("patience_ms")?),
        z: None,
        waiting: None,
    }))
}

struct MeanReversion {
    desk: Desk,
    qty: Qty,
    window: Rolling,
    entry_z: f64,
    exit_z: f64,
    patience: Duration,
    /// Of the last sample.
    z: Option<f64>,
    /// The order that waits, and since when.
    waiting: Option<(IntentId, Timestamp)>,
}

impl Strategy for MeanReversion {
    fn on_event(&mut self, view: &View<'_>, event: &Event<'_>, intents: &mut Intents) {
        self.desk.hear(view.now, event);
        if let Some(price) = self.desk.sample(view, event) {
            self.z = self.window.z(price);
            self.window.add(price);
        }
        self.lose_patience(view, intents);
        self.act(view, intents);
    }
}

impl MeanReversion {
    fn lose_patience(&mut self, view: &View<'_>, intents: &mut Intents) {
        // An order of an earlier life of this agent: nobody remembers since when it waits.
        let forgotten = view.books.open_in(self.desk.id()).find(|order| {
            order.cancel.is_none() && self.waiting.is_none_or(|(id, _)| id != order.intent)
        });
        if let Some(order) = forgotten {
            intents.cancel(order.intent, "an order of before the restart");
        }
        let Some((id, since)) = self.waiting else { return };
        match view.books.open_order(id) {
            None => self.waiting = None,
            Some(order) if order.cancel.is_none() && view.now.since(since) >= self.patience => {
                intents.cancel(id, format!("not filled within {:?}", self.patience));
            }
            Some(_) => {}
        }
    }

    fn act(&mut self, view: &View<'_>, intents: &mut Intents) {
        let (Some(z), Some(market)) = (self.z, view.tradable(self.desk.id())) else { return };
        if self.desk.is_quiet(view.now) || view.books.open_in(self.desk.id()).next().is_some() {
            return;
        }
        let held = self.desk.sellable(view);
        let (side, qty, why) = if held.is_zero() && z <= -self.entry_z {
            (Side::Buy, self.qty, format!("z {z:.2} is below -{}", self.entry_z))
        } else if !held.is_zero() && z >= -self.exit_z {
            (Side::Sell, held, format!("z {z:.2} is back above -{}", self.exit_z))
        } else {
            return;
        };
        let Some(price) = self.desk.best(market, side) else { return };
        let order = self.desk.limit(side, qty, price, TimeInForce::Gtc, false);
        self.waiting = Some((intents.place(order, why), view.now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Stage, build};
    use model::Action;

    fn stage() -> Stage {
        let params = [("lookback", "4"), ("entry_z", "1.5"), ("patience_ms", "2000")];
        Stage::new(build(&INFO, &params).unwrap())
    }

    #[test]
    fn buys_far_below_the_mean_and_sells_when_it_is_back() {
        let mut stage = stage();
        let mut sides = Vec::new();
        for price in [100, 102, 100, 102, 96, 99, 102, 103] {
            for intent in stage.price(price) {
                sides.push((price, stage.side(&intent)));
                stage.fill(&intent);
            }
        }
        assert_eq!(sides, [(96, Side::Buy), (99, Side::Sell)]);
    }

    #[test]
    fn an_order_that_does_not_fill_is_taken_back() {
        let mut stage = stage();
        for price in [100, 102, 100, 102] {
            assert!(stage.price(price).is_empty());
        }
        let order = stage.price(96).remove(0);
        assert!(stage.price(96).is_empty(), "one second");
        let cancel = stage.price(96).remove(0);
        assert_eq!(cancel.action, Action::Cancel(order.id));
        assert!(stage.price(96).is_empty(), "asked for once");
    }
}
