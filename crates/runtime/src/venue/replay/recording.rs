//! Recordings of Binance's combined stream: `<receive time, ns> <raw JSON>` a line.
//!
//! Diffs before the REST snapshot are dropped, and those that it already holds: the book starts
//! with the snapshot, as a live one does. Without a snapshot it starts empty and fills up.

use std::collections::VecDeque;
use std::time::Duration;

use model::market::{Grid, GridPrice, Level, LevelUpdate};
use model::{Instrument, Side};
use serde::Deserialize;
use sim_venue::Background;

use super::file::Lines;
use super::row::{ReplayError, ReplayEvent};

/// A file without a snapshot within this many lines has none.
const LOOK_FOR_SNAPSHOT: usize = 2_000;

/// Does a file that starts with this line hold such a recording?
pub(super) fn is_recording(line: &str) -> bool {
    line.split_once(' ').is_some_and(|(time, json)| {
        time.len() >= 13 && time.bytes().all(|b| b.is_ascii_digit()) && json.starts_with('{')
    })
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    stream: Option<std::borrow::Cow<'a, str>>,
    #[serde(borrow, default)]
    data: Option<Data<'a>>,
    #[serde(rename = "lastUpdateId", default)]
    last_update_id: Option<u64>,
    #[serde(borrow, default)]
    bids: Vec<(&'a str, &'a str)>,
    #[serde(borrow, default)]
    asks: Vec<(&'a str, &'a str)>,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(borrow, default)]
    e: Option<&'a str>,
    #[serde(default, rename = "u")]
    last: Option<u64>,
    #[serde(borrow, default)]
    p: Option<&'a str>,
    #[serde(borrow, default)]
    q: Option<&'a str>,
    #[serde(default)]
    m: Option<bool>,
    #[serde(borrow, default)]
    b: Option<Levels<'a>>,
    #[serde(borrow, default)]
    a: Option<Levels<'a>>,
}

/// `b` and `a` are lists of levels in a diff and plain prices in a best-price message.
#[derive(Deserialize)]
#[serde(untagged)]
enum Levels<'a> {
    #[serde(borrow)]
    List(Vec<(&'a str, &'a str)>),
    Other(serde::de::IgnoredAny),
}

pub(super) struct Recording {
    lines: Lines,
    grid: Grid,
    first: Option<i64>,
    snapshot: Option<u64>,
    waited: usize,
    queue: VecDeque<ReplayEvent>,
}

impl Recording {
    pub(super) fn new(lines: Lines, instrument: &Instrument) -> Recording {
        Recording {
            lines,
            grid: instrument.grid(),
            first: None,
            snapshot: None,
            waited: 0,
            queue: VecDeque::new(),
        }
    }

    fn read(&mut self) -> Result<bool, ReplayError> {
        let Some((_, line)) = self.lines.next_line()? else { return Ok(false) };
        let (time, json) = line.split_once(' ').ok_or_else(|| self.lines.bad("no receive time"))?;
        let time: i64 = time.parse().map_err(|_| self.lines.bad("receive time is no number"))?;
        let message: Message<'_> =
            serde_json::from_str(json).map_err(|e| self.lines.bad(format!("not JSON: {e}")))?;
        let first = *self.first.get_or_insert(time);
        let at = Duration::from_nanos(u64::try_from(time - first).unwrap_or(0));
        self.waited += 1;
        if let Some(update_id) = message.last_update_id {
            let (bids, asks) = (self.levels(&message.bids)?, self.levels(&message.asks)?);
            self.snapshot = Some(update_id);
            self.queue.push_back(ReplayEvent { at, event: Background::Snapshot { bids, asks } });
            return Ok(true);
        }
        let _ = message.stream;
        let Some(data) = message.data else { return Ok(true) };
        match data.e {
            Some("depthUpdate") => self.diff(at, &data)?,
            Some("trade") => self.trade(at, &data)?,
            // Best prices follow from the book.
            _ => {}
        }
        Ok(true)
    }

    fn levels(&self, levels: &[(&str, &str)]) -> Result<Vec<Level>, ReplayError> {
        levels.iter().map(|(price, qty)| self.level(price, qty)).collect()
    }

    fn level(&self, price: &str, qty: &str) -> Result<Level, ReplayError> {
        let price = self.grid.parse_price(price.as_bytes());
        let qty = self.grid.parse_depth(qty.as_bytes());
        match (price, qty) {
            (Ok(price), Ok(qty)) => Ok(Level { price, qty }),
            _ => Err(self.lines.bad(
                "a price or quantity has more digits than the instrument; give its steps with \
                 --instrument BASE-QUOTE:tick=…,lot=…",
            )),
        }
    }

    fn diff(&mut self, at: Duration, data: &Data<'_>) -> Result<(), ReplayError> {
        match (self.snapshot, data.last) {
            (Some(snapshot), Some(last)) if last <= snapshot => return Ok(()),
            (None, _) if self.waited < LOOK_FOR_SNAPSHOT => return Ok(()),
            _ => {}
        }
        for (side, levels) in [(Side::Buy, &data.b), (Side::Sell, &data.a)] {
            let Some(Levels::List(levels)) = levels else { continue };
            for (price, qty) in levels {
                let Level { price, qty } = self.level(price, qty)?;
                let event = Background::Level(LevelUpdate { side, price, qty });
                self.queue.push_back(ReplayEvent { at, event });
            }
        }
        Ok(())
    }

    fn trade(&mut self, at: Duration, data: &Data<'_>) -> Result<(), ReplayError> {
        let (Some(price), Some(qty), Some(buyer_is_maker)) = (data.p, data.q, data.m) else {
            return Err(self.lines.bad("a trade without price, quantity or side"));
        };
        let Level { price, qty } = self.level(price, qty)?;
        let taker_side = if buyer_is_maker { Side::Sell } else { Side::Buy };
        if price > GridPrice(0) {
            let event = Background::Trade { price, qty, taker_side };
            self.queue.push_back(ReplayEvent { at, event });
        }
        Ok(())
    }
}

impl Iterator for Recording {
    type Item = Result<ReplayEvent, ReplayError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(event) = self.queue.pop_front() {
                return Some(Ok(event));
            }
            match self.read() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
