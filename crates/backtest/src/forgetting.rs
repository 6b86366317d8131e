//! What of the exchange's books nobody will ask for any more is forgotten, so that memory does not grow with the number
//! of orders.
//!
//! The gateway asks for what is in doubt, and compares its books after an outage. Messages are under way for a minute at
//! most, so that what was over before the last minutes, with nothing failing since, is known to it.

use engine::Strategy;
use model::Timestamp;

use crate::driver::Backtest;

impl<S: Strategy> Backtest<S> {
    /// The exchange has got a request.
    pub(crate) fn forgets_now_and_then(&mut self) {
        let Some(kept) = self.memory.is_asked(self.trouble.is_on) else { return };
        let before = Timestamp::from_nanos(self.now).before(kept);
        if self.trouble.calm_since.is_some_and(|since| since <= before.nanos()) {
            self.venue.forget(before);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use data::{BUY, SELL};
    use engine::{Event, Intents, View};
    use model::{OrderKind, Side, TimeInForce};

    use super::*;
    use crate::memory::Memory;
    use crate::testing::{Rows, order, setup};
    use crate::{Begins, Fails, Latency, Outage, Setup, Trouble};

    /// Buys and sells at each trade, and rests an order now and then that it takes back later.
    struct Busy {
        seen: u64,
        rests: Option<model::IntentId>,
    }

    impl Strategy for Busy {
        fn on_event(&mut self, _: &View<'_>, event: &Event<'_>, intents: &mut Intents) {
            if !matches!(event, Event::Market(event) if matches!(event.kind, model::market::MarketKind::Trade(_)))
            {
                return;
            }
            self.seen += 1;
            let side = if self.seen.is_multiple_of(2) { Side::Buy } else { Side::Sell };
            intents.place(order(side, OrderKind::Market, TimeInForce::Ioc), "busy");
            if self.seen.is_multiple_of(300) {
                if let Some(rests) = self.rests.take() {
                    intents.cancel(rests, "busy");
                }
                let price = "91".parse().unwrap();
                let spec = order(Side::Buy, OrderKind::Limit { price }, TimeInForce::Gtc);
                self.rests = Some(intents.place(spec, "busy"));
            }
        }
    }

    /// So many trades a second apart.
    fn trades(count: i64) -> Box<dyn data::Source> {
        let row = |n: i64| (n * 1_000, 100 + n % 3, 1_000, if n % 2 == 0 { BUY } else { SELL });
        Rows::trades(&(0..count).map(row).collect::<Vec<_>>())
    }

    /// Its records, and what the exchange remembers at the end.
    fn run(setup: &Setup, count: i64, memory: Memory) -> (String, usize) {
        let written = Arc::new(Mutex::new(String::new()));
        let into = written.clone();
        let journal: crate::Journal = Box::new(move |entry| {
            into.lock().unwrap().push_str(&format!("{entry:?}\n"));
        });
        let busy = |_: &[model::Instrument]| Busy { seen: 0, rests: None };
        let mut backtest = Backtest::new(setup, vec![trades(count)], Some(journal), busy).unwrap();
        backtest.memory = memory;
        backtest.run(|_, _| {}).unwrap();
        let fills = backtest.report().fills;
        assert!(fills > count.unsigned_abs() / 2, "{fills}");
        let text = written.lock().unwrap().clone();
        (text, backtest.venue.remembered())
    }

    /// As in earnest, in a tenth of the time or less.
    fn short() -> Memory {
        let (kept, kept_in_trouble) = (Duration::from_secs(60), Duration::from_secs(200));
        Memory { every: 64, kept, kept_in_trouble, requests: 0 }
    }

    /// The gateway cannot tell whether the exchange forgets: its records are the same to the byte.
    #[test]
    fn nobody_misses_what_is_forgotten() {
        let failing = |fails| Outage {
            begins: Begins::Every(Duration::from_secs(400)),
            lasts: Duration::from_secs(50),
            fails,
        };
        let latency = Latency::constant(Duration::from_millis(300));
        for fails in [None, Some(Fails::Orders), Some(Fails::All)] {
            let trouble =
                Trouble { outages: fails.map(failing).into_iter().collect(), rate_limit: None };
            let setup = Setup { trouble, latency, ..setup() };
            let (with, few) = run(&setup, 1_500, short());
            let (without, all) = run(&setup, 1_500, Memory { every: u64::MAX, ..short() });
            assert!(few * 2 < all, "{few} {all} {fails:?}");
            assert!(with == without, "{fails:?}");
        }
    }

    #[test]
    fn what_is_remembered_does_not_grow_with_the_number_of_orders() {
        let remembered = |count| run(&setup(), count, short()).1;
        let (few, many) = (remembered(500), remembered(5_000));
        // Sixty seconds and sixty-four requests, of each the order and its execution.
        assert!(few < 400 && many < 400, "{few} {many}");
    }
}
