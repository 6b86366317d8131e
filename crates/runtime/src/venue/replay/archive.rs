//! Files of trades: Binance's public archive, and CSV with a header.

use std::collections::VecDeque;
use std::time::Duration;

use model::market::Grid;
use model::{Instrument, Side};
use sim_venue::Background;

use super::file::Lines;
use super::ladder::Ladder;
use super::row::{ReplayError, ReplayEvent};

/// Which column holds what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    header: bool,
    time: usize,
    price: usize,
    qty: usize,
    side: SideColumn,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SideColumn {
    /// `true` when the buyer was the maker.
    BuyerIsMaker(usize),
    /// `buy` or `sell`: the taker's.
    Taker(usize),
}

/// Tells the layout by the first line; `None` when it is none that is known.
pub(super) fn layout(first: &str) -> Option<Layout> {
    let columns: Vec<&str> = first.split(',').map(str::trim).collect();
    let named = |names: &[&str]| columns.iter().position(|column| names.contains(column));
    let time = named(&["timestamp", "time", "transact_time"]);
    let price = named(&["price"]);
    let qty = named(&["amount", "qty", "quantity", "size"]);
    if let (Some(time), Some(price), Some(qty)) = (time, price, qty) {
        let maker = named(&["is_buyer_maker", "isBuyerMaker"]).map(SideColumn::BuyerIsMaker);
        let side = maker.or(named(&["side"]).map(SideColumn::Taker))?;
        return Some(Layout { header: true, time, price, qty, side });
    }
    let number = |i: usize| columns.get(i).is_some_and(|c: &&str| c.parse::<f64>().is_ok());
    let flag = |i: usize| {
        columns
            .get(i)
            .is_some_and(|c| c.eq_ignore_ascii_case("true") || c.eq_ignore_ascii_case("false"))
    };
    let bare = |qty, time, side| Layout {
        header: false,
        time,
        price: 1,
        qty,
        side: SideColumn::BuyerIsMaker(side),
    };
    match columns.len() {
        // aggTrades: id, price, qty, first, last, time, buyer is maker, best match
        7 | 8 if (0..6).all(number) && flag(6) => Some(bare(2, 5, 6)),
        // trades: id, price, qty, quote qty, time, buyer is maker, best match
        6 | 7 if (0..5).all(number) && flag(5) => Some(bare(2, 4, 5)),
        _ => None,
    }
}

pub(super) struct Archive {
    lines: Lines,
    layout: Layout,
    grid: Grid,
    ladder: Ladder,
    first: Option<i64>,
    queue: VecDeque<ReplayEvent>,
}

impl Archive {
    pub(super) fn new(lines: Lines, layout: Layout, instrument: &Instrument) -> Archive {
        let ladder = Ladder::new(instrument);
        let grid = instrument.grid();
        Archive { lines, layout, grid, ladder, first: None, queue: VecDeque::new() }
    }

    fn read(&mut self) -> Result<bool, ReplayError> {
        if std::mem::take(&mut self.layout.header) {
            self.lines.next_line()?;
        }
        let Some((_, line)) = self.lines.next_line()? else { return Ok(false) };
        let columns: Vec<&str> = line.split(',').collect();
        let column = |i: usize, name: &str| {
            let text = columns.get(i).map(|text| text.trim());
            text.ok_or_else(|| self.lines.bad(format!("column {} ({name}) is missing", i + 1)))
        };
        let time = column(self.layout.time, "time")?;
        let time: i64 = time
            .parse()
            .map_err(|_| self.lines.bad(format!("time {time:?} is no whole number")))?;
        let time =
            to_nanos(time).ok_or_else(|| self.lines.bad(format!("time {time} is out of range")))?;
        let price = column(self.layout.price, "price")?;
        let price = self.grid.parse_price(price.as_bytes()).map_err(|_| {
            self.lines.bad(format!("price {price:?} is not on the instrument's grid; give it with --instrument BASE-QUOTE:tick=…,lot=…"))
        })?;
        let qty = column(self.layout.qty, "quantity")?;
        let qty = self.grid.parse_qty(qty.as_bytes()).map_err(|_| {
            self.lines.bad(format!("quantity {qty:?} is not on the instrument's grid; give it with --instrument BASE-QUOTE:tick=…,lot=…"))
        })?;
        let taker_side = match self.layout.side {
            SideColumn::BuyerIsMaker(i) => match column(i, "buyer is maker")? {
                flag if flag.eq_ignore_ascii_case("true") => Side::Sell,
                flag if flag.eq_ignore_ascii_case("false") => Side::Buy,
                other => {
                    return Err(self.lines.bad(format!("{other:?} is neither true nor false")));
                }
            },
            SideColumn::Taker(i) => match column(i, "side")? {
                "buy" => Side::Buy,
                "sell" => Side::Sell,
                other => return Err(self.lines.bad(format!("{other:?} is neither buy nor sell"))),
            },
        };
        if price.0 <= 0 || qty.0 <= 0 {
            return Err(self.lines.bad("price and quantity must be above zero"));
        }
        let first = *self.first.get_or_insert(time);
        let at = Duration::from_nanos(u64::try_from(time - first).unwrap_or(0));
        let trade = Background::Trade { price, qty, taker_side };
        if let Some(event) = self.ladder.around(price, qty, taker_side) {
            self.queue.push_back(ReplayEvent { at, event });
        }
        self.queue.push_back(ReplayEvent { at, event: trade });
        Ok(true)
    }
}

/// Seconds, milliseconds, microseconds or nanoseconds, told apart by their size: all of them lie
/// between 2001 and 2286.
fn to_nanos(time: i64) -> Option<i64> {
    let factor = match time {
        1_000_000_000..10_000_000_000 => 1_000_000_000,
        1_000_000_000_000..10_000_000_000_000 => 1_000_000,
        1_000_000_000_000_000..10_000_000_000_000_000 => 1_000,
        1_000_000_000_000_000_000.. => 1,
        _ => return None,
    };
    time.checked_mul(factor)
}

impl Iterator for Archive {
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
