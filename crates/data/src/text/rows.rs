//! From the fields of a line to the rows of a batch.

use std::cell::Cell;

use model::market::Grid;

use super::columns::{Columns, Role};
use super::levels::{Levels, Wide};
use super::line::{Line, Times};
use super::percent::Percent;
use super::single::{Bars, Quotes, Taker, Trades};
use super::values::{self, Bad, Scale};
use crate::batch::{self, Batch, Kind};
use crate::error::RowProblem;

/// Turns lines of one file into rows.
pub(crate) struct Rows {
    scale: Scale,
    /// Added to the time of a bar, which is its start.
    interval: i64,
    time: usize,
    received: Option<usize>,
    symbol: Option<usize>,
    /// Rows are about this one …
    only: Option<String>,
    /// … because the caller said so.
    chosen: bool,
    shape: Shape,
}

/// Where the columns of the kind are.
enum Shape {
    Bars(Bars),
    Trades(Trades),
    Quotes(Quotes),
    Levels(Levels),
    Wide(Wide),
    Percent { percent: usize, depth: usize, notional: usize, state: Percent },
}

impl Rows {
    /// The columns are complete (`columns::by_name`), so what the kind needs is found. Numbers with more digits
    /// than `kept` are rounded.
    pub(crate) fn new(
        columns: &Columns,
        (grid, kept): (Grid, Option<Grid>),
        interval: i64,
        usual_symbol: Option<String>,
        chosen: Option<String>,
    ) -> Rows {
        let at = |role: Role| columns.roles.iter().position(|each| *each == role);
        Rows {
            scale: Scale { grid, kept, rounded: Cell::new(0) },
            interval,
            time: at(Role::Time).unwrap_or(0),
            received: at(Role::Received),
            symbol: at(Role::Symbol),
            chosen: chosen.is_some(),
            only: chosen.or(usual_symbol),
            shape: Shape::new(columns),
        }
    }

    /// Numbers that were rounded so far.
    pub(crate) fn rounded(&self) -> u64 {
        self.scale.rounded.get()
    }

    /// The most rows that one line adds to a batch.
    pub(crate) fn most(&self) -> usize {
        match &self.shape {
            Shape::Wide(wide) => wide.len(),
            Shape::Percent { .. } => Percent::LEVELS,
            Shape::Bars(_) | Shape::Trades(_) | Shape::Quotes(_) | Shape::Levels(_) => 1,
        }
    }

    /// Adds the rows of a line. After an error nothing of the line is in the batch.
    pub(crate) fn add(&mut self, line: &Line<'_>, batch: &mut Batch) -> Result<(), Bad> {
        if let Some(symbol) = self.symbol {
            self.check_symbol(line.field(symbol))?;
        }
        let mut times = Times {
            time: values::time(line.field(self.time), "time")?,
            received: match self.received {
                Some(at) => Some(values::time(line.field(at), "received")?),
                None => None,
            },
        };
        let scale = &self.scale;
        match (&mut self.shape, &mut batch.columns) {
            (Shape::Bars(bars), batch::Columns::Bars(columns)) => {
                let end = times.time.checked_add(self.interval);
                let text = || String::from_utf8_lossy(line.field(self.time)).into_owned();
                times.time =
                    end.ok_or_else(|| RowProblem::Time { column: "time", text: text() })?;
                bars.add(line, scale, columns)?;
            }
            (Shape::Trades(trades), batch::Columns::Trades(columns)) => {
                trades.add(line, scale, columns)?;
            }
            (Shape::Quotes(quotes), batch::Columns::Quotes(columns)) => {
                quotes.add(line, scale, columns)?;
            }
            (Shape::Levels(levels), _) => return levels.add(line, times, scale, batch),
            (Shape::Wide(wide), _) => return wide.add(line, times, scale, batch),
            (Shape::Percent { percent, depth, notional, state }, _) => {
                let fields = [*percent, *depth, *notional].map(|at| line.field(at));
                return state.add(times.time, fields, scale.grid, line.number, batch);
            }
            (Shape::Bars(_) | Shape::Trades(_) | Shape::Quotes(_), _) => {
                unreachable!("a batch is of the kind of its source")
            }
        }
        batch.time.push(times.time);
        batch.received.extend(times.received);
        batch.place.push(line.number);
        Ok(())
    }

    /// Adds what still waited for a next line.
    pub(crate) fn finish(&mut self, batch: &mut Batch) {
        match &mut self.shape {
            Shape::Levels(levels) => levels.finish(batch),
            Shape::Percent { state, .. } => state.finish(self.scale.grid, batch),
            Shape::Bars(_) | Shape::Trades(_) | Shape::Quotes(_) | Shape::Wide(_) => {}
        }
    }

    fn check_symbol(&self, symbol: &[u8]) -> Result<(), Bad> {
        match &self.only {
            Some(only) if only.as_bytes() == symbol => Ok(()),
            Some(_) if self.chosen => Err(Bad::OtherSymbol),
            Some(most) => {
                let text = String::from_utf8_lossy(symbol).into_owned();
                Err(RowProblem::Symbol { text, most: most.clone() }.into())
            }
            None => Ok(()),
        }
    }
}

impl Shape {
    fn new(columns: &Columns) -> Shape {
        let at = |role: Role| columns.roles.iter().position(|each| *each == role);
        // What is not there is not needed, so whichever column stands in for it is not read.
        let must = |role: Role| at(role).unwrap_or(0);
        let is_wide = columns.roles.iter().any(|role| matches!(role, Role::Level(_)));
        match columns.kind {
            Kind::Bars => Shape::Bars(Bars::new(&must)),
            Kind::Trades => {
                let taker = match (at(Role::Side), at(Role::BuyerMaker)) {
                    (Some(at), _) => Taker::Side(at),
                    (None, Some(at)) => Taker::BuyerMaker(at),
                    (None, None) => Taker::Unknown,
                };
                Shape::Trades(Trades::new(&must, at(Role::Id), taker))
            }
            Kind::Quotes => Shape::Quotes(Quotes::new(&must)),
            Kind::Book if at(Role::Percent).is_some() => Shape::Percent {
                percent: must(Role::Percent),
                depth: must(Role::Depth),
                notional: must(Role::Notional),
                state: Percent::default(),
            },
            Kind::Book if is_wide => Shape::Wide(Wide::new(&columns.roles)),
            Kind::Book => Shape::Levels(Levels::new(&at)),
        }
    }
}
