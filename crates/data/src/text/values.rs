//! One value of a row, or why it is none.

use std::cell::Cell;

use model::market::Grid;

use crate::batch::{ASK, BUY, SELL};
use crate::error::{DataError, Place, RowProblem};
use crate::number::{self, NumberProblem};
use crate::time;

/// Why a row is not taken.
#[derive(Debug)]
pub(crate) enum Bad {
    /// The row is wrong.
    Row(RowProblem),
    /// The row is right, and the grid too coarse for it.
    Digits { column: &'static str, price: bool, text: String, needs: u8 },
    /// The row is about another symbol, which was not asked for.
    OtherSymbol,
}

impl From<RowProblem> for Bad {
    fn from(problem: RowProblem) -> Bad {
        Bad::Row(problem)
    }
}

impl Bad {
    /// As an error of the file; `None` for a row that was not asked for.
    pub(crate) fn error(self, place: Place, grid: Grid) -> Option<DataError> {
        Some(match self {
            Bad::OtherSymbol => return None,
            Bad::Row(problem) => DataError::Row { place, problem },
            Bad::Digits { column, price, text, needs } => {
                let has = if price { grid.price_decimals } else { grid.qty_decimals };
                DataError::Digits { place, column, price, text, has, needs }
            }
        })
    }
}

/// What numbers are counted in, and what happens to digits beyond that.
#[derive(Debug)]
pub(crate) struct Scale {
    pub(crate) grid: Grid,
    /// Digits beyond these are rounded away …
    pub(crate) kept: Option<Grid>,
    /// … and counted.
    pub(crate) rounded: Cell<u64>,
}

fn shown(text: &[u8]) -> String {
    String::from_utf8_lossy(&text[..text.len().min(64)]).into_owned()
}

pub(crate) fn time(text: &[u8], column: &'static str) -> Result<i64, Bad> {
    time::parse(text).ok_or_else(|| match text {
        [] => RowProblem::Missing { column }.into(),
        _ => RowProblem::Time { column, text: shown(text) }.into(),
    })
}

/// Above zero.
pub(crate) fn price(text: &[u8], scale: &Scale, column: &'static str) -> Result<i64, Bad> {
    match number(text, scale, true, column)? {
        0 => Err(RowProblem::Zero { column }.into()),
        price => Ok(price),
    }
}

/// Zero or above.
pub(crate) fn qty(text: &[u8], scale: &Scale, column: &'static str) -> Result<i64, Bad> {
    number(text, scale, false, column)
}

/// One side of a quote: nothing, or a zero, is an empty one.
pub(crate) fn side_of_quote(
    (price_text, qty_text): (&[u8], &[u8]),
    scale: &Scale,
    (price_column, qty_column): (&'static str, &'static str),
) -> Result<(i64, i64), Bad> {
    if price_text.is_empty() && qty_text.is_empty() {
        return Ok((0, 0));
    }
    let price = number(price_text, scale, true, price_column)?;
    let qty = number(qty_text, scale, false, qty_column)?;
    Ok(if price == 0 { (0, 0) } else { (price, qty) })
}

fn number(text: &[u8], scale: &Scale, price: bool, column: &'static str) -> Result<i64, Bad> {
    let decimals = if price { scale.grid.price_decimals } else { scale.grid.qty_decimals };
    let parsed = if let Some(kept) = scale.kept {
        let kept = if price { kept.price_decimals } else { kept.qty_decimals };
        number::parse_rounded(text, decimals, kept).map(|(count, rounded)| {
            scale.rounded.set(scale.rounded.get() + u64::from(rounded));
            count
        })
    } else {
        number::parse(text, decimals)
    };
    parsed.map_err(|problem| match problem {
        NumberProblem::NoNumber if text.is_empty() => RowProblem::Missing { column }.into(),
        NumberProblem::NoNumber => RowProblem::Number { column, text: shown(text) }.into(),
        NumberProblem::Negative => RowProblem::Negative { column, text: shown(text) }.into(),
        NumberProblem::Large => RowProblem::Large { column, text: shown(text), decimals }.into(),
        NumberProblem::Fine => RowProblem::Fine { column, text: shown(text) }.into(),
        NumberProblem::Digits(needs) => Bad::Digits { column, price, text: shown(text), needs },
    })
}

/// [`BUY`], [`SELL`], or 0 for a field that is empty.
pub(crate) fn taker(text: &[u8]) -> Result<i32, Bad> {
    match word(text).as_slice() {
        b"buy" | b"b" | b"bid" => Ok(BUY),
        b"sell" | b"s" | b"ask" | b"a" => Ok(SELL),
        b"" | b"unknown" => Ok(0),
        _ => Err(RowProblem::Side { column: "side", text: shown(text) }.into()),
    }
}

/// [`ASK`] or 0.
pub(crate) fn side_of_level(text: &[u8]) -> Result<i32, Bad> {
    match word(text).as_slice() {
        b"buy" | b"b" | b"bid" | b"bids" => Ok(0),
        b"sell" | b"s" | b"ask" | b"a" | b"asks" => Ok(ASK),
        _ => Err(RowProblem::Side { column: "side", text: shown(text) }.into()),
    }
}

/// True or false, in any of the ways in which files say so.
pub(crate) fn truth(text: &[u8], column: &'static str) -> Result<bool, Bad> {
    match text {
        b"True" | b"true" | b"TRUE" | b"1" | b"t" => Ok(true),
        b"False" | b"false" | b"FALSE" | b"0" | b"f" => Ok(false),
        b"" => Err(RowProblem::Missing { column }.into()),
        _ => Err(RowProblem::Side { column, text: shown(text) }.into()),
    }
}

/// A number that names something. Texts, and numbers beyond 63 bits, are none.
pub(crate) fn id(text: &[u8]) -> i64 {
    if text.is_empty() || text.len() > 18 {
        return 0;
    }
    text.iter()
        .try_fold(0i64, |value, byte| {
            let digit = byte.wrapping_sub(b'0');
            (digit <= 9).then(|| value * 10 + i64::from(digit))
        })
        .unwrap_or(0)
}

/// Lower case, without an allocation.
fn word(text: &[u8]) -> arrayvec::ArrayVec<u8, 8> {
    text.iter().take(8).map(u8::to_ascii_lowercase).collect()
}
