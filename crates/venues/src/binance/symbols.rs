//! Instruments by our name and by Binance's.

use std::collections::BTreeMap;

use model::market::Grid;
use model::{Instrument, InstrumentId};

/// A two-way table of the instruments in use.
#[derive(Clone, Debug, Default)]
pub struct Symbols {
    rows: Vec<Row>,
    by_id: BTreeMap<InstrumentId, usize>,
    by_symbol: BTreeMap<String, usize>,
}

/// One instrument of the table.
#[derive(Clone, Debug)]
pub struct Row {
    /// Everything about it.
    pub instrument: Instrument,
    /// Its integer grid.
    pub grid: Grid,
    /// Its name in streams: the symbol in lower case.
    pub stream: String,
}

impl Symbols {
    /// A table of these instruments.
    pub fn new(instruments: Vec<Instrument>) -> Symbols {
        let mut symbols = Symbols::default();
        for instrument in instruments {
            let index = symbols.rows.len();
            symbols.by_id.insert(instrument.id, index);
            symbols.by_symbol.insert(instrument.symbol.clone(), index);
            let (grid, stream) = (instrument.grid(), instrument.symbol.to_lowercase());
            symbols.rows.push(Row { instrument, grid, stream });
        }
        symbols
    }

    /// By our name.
    pub fn get(&self, id: InstrumentId) -> Option<&Row> {
        self.by_id.get(&id).map(|index| &self.rows[*index])
    }

    /// By Binance's name, upper case.
    pub fn find(&self, symbol: &str) -> Option<&Row> {
        // The usual case is a handful of instruments: comparing beats a search tree.
        if self.rows.len() <= 8 {
            return self.rows.iter().find(|row| row.instrument.symbol == symbol);
        }
        self.by_symbol.get(symbol).map(|index| &self.rows[*index])
    }

    /// By the name in streams, lower case.
    pub fn find_stream(&self, name: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.stream == name)
    }

    /// All, in the order in which they were given.
    pub fn iter(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter()
    }
}
