//! Orders that are written down beforehand, on a recorded book: what fills, and when.
//!
//! `passive ORDERS.csv FILE…` places each order when its time has come, post-only, takes it back when that
//! time has come, and prints the executions as CSV. It is how `peers/test_queue.py` compares our queue with
//! hftbacktest's, and an example of a backtest with a strategy of one's own.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use backtest::{
    Assumptions, Backtest, Delay, FeeSchedule, FeesIn, Intrabar, Latency, Setup, Trouble,
};
use engine::{Event, Intents, Strategy, View};
use model::venue::FeeRates;
use model::{
    AgentId, Amount, Asset, Decimal, InstrumentId, IntentId, OrderKind, OrderSpec, Side,
    TimeInForce, Timestamp,
};
use plimsoll_backtest as backtest;

/// Requests and answers are under way for ten milliseconds and a half: rows have whole milliseconds, so no order
/// arrives together with one.
const ONE_WAY: Duration = Duration::from_micros(10_500);

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let orders = args.next().ok_or("usage: passive ORDERS.csv FILE…")?;
    let instrument = InstrumentId::new("BTC-USDT")?;
    let script = Script::read(&orders, instrument)?;
    // Orders may be finer than what was recorded.
    let (instrument, qty_decimals) = (Some(instrument), Some(4));
    let options = data::Options { instrument, qty_decimals, ..data::Options::default() };
    let sources = args.map(|file| data::open(Path::new(&file), &options));
    let sources = sources.collect::<Result<Vec<_>, _>>()?;
    let mut backtest = Backtest::new(&setup()?, sources, None, |_| script)?;
    backtest.run(|_, _| {})?;
    let report = backtest.report();
    let mut out = std::io::stdout().lock();
    writeln!(out, "time,side,price,qty")?;
    for trade in &report.trades {
        let side = if trade.side == Side::Buy { "buy" } else { "sell" };
        writeln!(out, "{},{side},{},{}", trade.at, trade.price, trade.qty)?;
    }
    if report.refused > 0 {
        return Err(format!("{} refused: {:?}", report.refused, report.refusals).into());
    }
    Ok(())
}

fn setup() -> Result<Setup, Box<dyn Error>> {
    let much = Amount::try_from("1000000000".parse::<Decimal>()?)?;
    let way = Delay::Constant(ONE_WAY);
    Ok(Setup {
        agent: AgentId::new("passive")?,
        cash: BTreeMap::from([(Asset::new("USDT")?, much), (Asset::new("BTC")?, much)]),
        fees: FeeSchedule::flat(FeeRates { maker: Decimal::ZERO, taker: Decimal::ZERO }),
        fees_in: FeesIn::Quote,
        assumptions: Assumptions::default(),
        latency: Latency { feed: Delay::default(), entry: way, response: way },
        intrabar: Intrabar::default(),
        trouble: Trouble::default(),
        limits: None,
        seed: 0,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        text: String::new(),
        of_run: None,
    })
}

/// An order and its times.
struct Line {
    placed: Timestamp,
    canceled: Timestamp,
    spec: OrderSpec,
    intent: Option<IntentId>,
}

/// Orders one after the other: the next one is looked at when the time of the one before it is over.
struct Script {
    lines: Vec<Line>,
    at: usize,
}

impl Script {
    fn read(path: &str, instrument: InstrumentId) -> Result<Script, Box<dyn Error>> {
        let text = std::fs::read_to_string(path)?;
        let lines = text.lines().skip(1).map(|line| Line::read(line, instrument));
        Ok(Script { lines: lines.collect::<Result<_, _>>()?, at: 0 })
    }
}

impl Line {
    /// Number, side, price, quantity, and the microseconds at which it is placed and taken back.
    fn read(line: &str, instrument: InstrumentId) -> Result<Line, Box<dyn Error>> {
        let fields: Vec<&str> = line.split(',').collect();
        let [_, side, price, qty, placed, canceled] = fields[..] else {
            return Err(format!("{line:?}: not six fields").into());
        };
        let time = |text: &str| text.parse().map(|us: i64| Timestamp::from_nanos(us * 1_000));
        let spec = OrderSpec {
            instrument,
            side: if side == "buy" { Side::Buy } else { Side::Sell },
            kind: OrderKind::Limit { price: price.parse()? },
            qty: qty.parse()?,
            time_in_force: TimeInForce::Gtc,
            post_only: true,
            reduce_only: false,
            effect: None,
        };
        Ok(Line { placed: time(placed)?, canceled: time(canceled)?, spec, intent: None })
    }
}

impl Strategy for Script {
    fn on_event(&mut self, view: &View<'_>, event: &Event<'_>, intents: &mut Intents) {
        let Some(line) = self.lines.get_mut(self.at) else { return };
        if !matches!(event, Event::Market(_)) {
            return;
        }
        match line.intent {
            None if view.now >= line.placed => {
                line.intent = Some(intents.place(line.spec.clone(), "its time has come"));
            }
            Some(intent) if view.now >= line.canceled => {
                if view.books.open_order(intent).is_some() {
                    intents.cancel(intent, "its time is over");
                }
                self.at += 1;
            }
            None | Some(_) => {}
        }
    }
}
