//! A market message in, an order's bytes out, in process and without the durable write: decode the
//! text, keep the book in sync, let the strategy decide, check every guardrail, build and sign.

use engine::{Engine, Event, Intents, Strategy, View};
use model::market::{BookUpdate, LevelUpdate, MarketEvent, MarketKind};
use model::venue::{BookSnapshot, VenueError};
use model::{Effect, Effects, Input, OrderKind, OrderSpec, Outcome, Qty, Reply, Side, TimeInForce};
use venues::binance::Symbols;
use venues::binance::client::{BookSync, StreamMessage, SyncStep, decode_market, encode};

use crate::samples::{agent, at, depth_text, gateway, id, instrument, parse};
use crate::sign::credentials;
use crate::table::{Latencies, Row};

const FRAMES: u64 = 50_000;

/// Orders at the best bid each time the market moves, never twice the same: that would halt it.
struct Eager {
    qtys: [Qty; 2],
}

impl Strategy for Eager {
    fn on_event(&mut self, view: &View<'_>, event: &Event<'_>, intents: &mut Intents) {
        let Event::Market(moved) = event else { return };
        let Some(market) = view.tradable(moved.instrument) else { return };
        let Some(bid) = market.book().best_bid() else { return };
        let Some(price) = market.instrument().grid().price(bid.price) else { return };
        let spec = OrderSpec {
            instrument: moved.instrument,
            side: Side::Buy,
            kind: OrderKind::Limit { price },
            qty: self.qtys[0],
            time_in_force: TimeInForce::Gtc,
            post_only: false,
            reduce_only: false,
            effect: None,
        };
        self.qtys.swap(0, 1);
        intents.place(spec, "measured");
    }
}

pub(crate) fn run() -> anyhow::Result<Vec<Row>> {
    let (symbols, credentials) = (Symbols::new(vec![instrument()]), credentials()?);
    let mut effects = Effects::new();
    let eager = Eager { qtys: [parse("0.001"), parse("0.002")] };
    let mut engine = Engine::start(gateway(), agent(), eager, None, at(0), &mut effects);
    let mut sync = BookSync::default();
    sync.snapshot(&BookSnapshot {
        instrument: id(),
        update_id: 0,
        bids: Vec::new(),
        asks: Vec::new(),
    });
    let mut levels: Vec<LevelUpdate> = Vec::new();
    let (mut latencies, mut sent) = (Latencies::new(), 0);
    for number in 0..FRAMES {
        let text = depth_text(number);
        let now = at(i64::try_from(number)?);
        effects.clear();
        let call = latencies.time(|| {
            let message = decode_market(&text, &symbols, &mut levels);
            let Ok(StreamMessage::Depth { instrument, first, last, time }) = message else {
                return None;
            };
            if sync.change(first, last, &levels) != SyncStep::Apply {
                return None;
            }
            let update = BookUpdate { snapshot: false, levels: levels.clone() };
            let event =
                MarketEvent { instrument, venue_time: time, kind: MarketKind::Book(update) };
            engine.apply(now, &Input::Market(event), &mut effects);
            effects.iter().find_map(|effect| match effect {
                Effect::Send { request, .. } => {
                    encode(request, &symbols, Some(&credentials), now).ok()
                }
                _ => None,
            })
        });
        sent += u64::from(call.is_some());
        answer(&mut engine, now, &mut effects);
    }
    anyhow::ensure!(sent * 10 > FRAMES * 9, "{sent} orders for {FRAMES} messages");
    let row = |what, quantile, target| Row {
        what,
        measured: latencies.at(quantile) / 1_000.0,
        unit: "µs",
        target,
        peer: "",
    };
    Ok(vec![
        row("market message to order bytes, median", 0.5, "<= 20"),
        row("market message to order bytes, p99", 0.99, "<= 100"),
    ])
}

/// The venue refuses each order, so that orders do not pile up as they never do within limits.
fn answer(engine: &mut Engine<Eager>, now: model::Timestamp, effects: &mut Effects) {
    for effect in std::mem::take(effects) {
        if let Effect::Send { id, .. } = effect {
            let outcome = Outcome::Refused(VenueError::WouldTake);
            let reply = Input::Reply(Reply { request: id, outcome, sent: model::Sent::default() });
            engine.apply(now, &reply, effects);
        }
    }
}
