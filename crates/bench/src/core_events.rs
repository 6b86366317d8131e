//! What a market event that causes nothing costs the core: the gateway's look at it and the agent's, in process
//! and with no journal. A backtest is little else.

use std::collections::BTreeMap;
use std::time::Instant;

use agents::build;
use engine::{Engine, Strategy};
use model::market::{
    BookUpdate, Candle, GridPrice, GridQty, Interval, LevelUpdate, MarketEvent, MarketKind,
    PublicTrade,
};
use model::venue::{AccountRequest, Request};
use model::{Effect, Effects, Input, Side};

use crate::samples::{agent, at, gateway, id, instrument};
use crate::table::{Row, per_second};

const EVENTS: i64 = 1_000_000;
/// Different ones that take turns: few enough to stay in the cache, as what was just read from a file does.
const DIFFERENT: i64 = 100;
const MINUTE_MS: i64 = 60_000;

pub(crate) fn run() -> anyhow::Result<Vec<Row>> {
    let row = |what, measured, target| Row { what, measured, unit: "ns", target, peer: "" };
    Ok(vec![
        row("a public trade through the core", measure(&[trade], 1)?, "<= 60"),
        row("a change of a book level through the core", measure(&[change], 1)?, "<= 60"),
        row("a bar through the core", measure(&[bar], 1)?, "<= 60"),
        row("the book and the bar of a minute, together", measure(&[book, bar], MINUTE_MS)?, ""),
    ])
}

/// Makes the event of this number.
type Make = fn(i64) -> MarketKind;

/// Nanoseconds for such events at one time, so many milliseconds after the time before.
fn measure(makes: &[Make], every_ms: i64) -> anyhow::Result<f64> {
    let event = |kind| MarketEvent { instrument: id(), venue_time: at(0), kind };
    let at_once = |number| makes.iter().map(move |make| Input::Market(event(make(number))));
    let mut inputs: Vec<Vec<Input>> = (0..DIFFERENT).map(|n| at_once(n).collect()).collect();
    let mut caused = 0;
    let rate = per_second(|| {
        let (mut engine, mut effects) = (engine(), Effects::new());
        let mut number = 0;
        let start = Instant::now();
        for _ in 0..EVENTS / DIFFERENT {
            for at_once in &mut inputs {
                number += 1;
                let now = at(number * every_ms);
                for input in at_once {
                    if let Input::Market(event) = input {
                        event.venue_time = now;
                    }
                    engine.apply(now, input, &mut effects);
                }
            }
            caused += effects.drain(..).filter(is_order).count();
        }
        (EVENTS.unsigned_abs(), start.elapsed())
    });
    anyhow::ensure!(caused == 0, "{caused} orders, where nothing was to be caused");
    Ok(1e9 / rate)
}

fn is_order(effect: &Effect) -> bool {
    let Effect::Send { request: Request::Account(asked), .. } = effect else { return false };
    matches!(asked, AccountRequest::Place(_))
}

/// A gateway that trades, and an agent that sees no reason to.
fn engine() -> Engine<Box<dyn Strategy>> {
    let strategy = match build("ema-cross", &BTreeMap::new(), &[instrument()]) {
        Ok(strategy) => strategy,
        Err(error) => unreachable!("its parameters have defaults: {error}"),
    };
    Engine::start(gateway(), agent(), strategy, None, at(0), &mut Effects::new())
}

/// Near the middle.
fn trade(number: i64) -> MarketKind {
    MarketKind::Trade(PublicTrade {
        id: number.unsigned_abs(),
        price: GridPrice(6_000_000 + number % 10),
        qty: GridQty(1 + number % 90),
        taker_side: if number % 3 == 0 { Side::Buy } else { Side::Sell },
        time: at(0),
    })
}

/// The quantity of one of twenty levels: the middle stays.
fn change(number: i64) -> MarketKind {
    let away = number / 2 % 10 * 10;
    let level = match number % 2 {
        0 => level(Side::Buy, 6_000_000 - away, number),
        _ => level(Side::Sell, 6_000_010 + away, number),
    };
    MarketKind::Book(BookUpdate { snapshot: false, levels: vec![level] })
}

/// As one is made around a bar's price.
fn book(number: i64) -> MarketKind {
    let levels = vec![level(Side::Buy, 6_000_000, number), level(Side::Sell, 6_000_010, number)];
    MarketKind::Book(BookUpdate { snapshot: true, levels })
}

fn level(side: Side, price: i64, number: i64) -> LevelUpdate {
    LevelUpdate { side, price: GridPrice(price), qty: GridQty(1 + number % 90) }
}

fn bar(number: i64) -> MarketKind {
    let mut candle = Candle::empty(Interval::Seconds(60), at(0), GridPrice(6_000_000));
    candle.close = GridPrice(6_000_000 + number % 10);
    candle.closed = true;
    MarketKind::Candle(candle)
}
