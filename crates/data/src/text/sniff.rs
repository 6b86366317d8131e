//! What a text is, from its first MiB: header, columns, digits, length of bars.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use model::market::Grid;

use super::columns::{self, Columns, Role};
use super::{fields, percent};
use crate::batch::Kind;
use crate::error::{DataError, LayoutProblem};
use crate::format::{Format, NAMED, Named};
use crate::guess;
use crate::lines::Lines;
use crate::number;
use crate::options::Options;
use crate::source::Meta;
use crate::time;

/// What was found out.
pub(crate) struct Sniffed {
    pub(crate) columns: Columns,
    pub(crate) delimiter: u8,
    /// Lines before the first row.
    pub(crate) skip: u64,
    /// What most rows are about, where they say it.
    pub(crate) symbol: Option<String>,
    pub(crate) meta: Meta,
}

/// Looks, without taking a line. With `exact` the grid has no more digits than the rows that were seen need.
pub(crate) fn sniff(lines: &Lines, options: &Options, exact: bool) -> Result<Sniffed, DataError> {
    let file = lines.file();
    let layout = |why| DataError::Layout { file: file.to_owned(), why };
    let mut ahead = Vec::new();
    let mut skip = 0;
    for line in lines.ahead() {
        // Some recorders write what they are in front.
        let comment = line.first() == Some(&b'#') || line.trim_ascii().is_empty();
        if comment && ahead.is_empty() {
            skip += 1;
        } else if !comment {
            ahead.push(line);
        }
    }
    let first = *ahead.first().ok_or_else(|| DataError::Empty { file: file.to_owned() })?;
    let delimiter = fields::delimiter(first);
    let first_fields = texts(first, delimiter);
    let has_header = !first_fields.iter().any(|field| is_value(field));
    let rows = &ahead[usize::from(has_header)..];
    if rows.is_empty() {
        return Err(DataError::Empty { file: file.to_owned() });
    }
    skip += u64::from(has_header);
    let row = texts(rows[0], delimiter);
    let (names, known) = if has_header && options.columns.is_none() {
        (first_fields, None)
    } else {
        let sample = || rows.iter().take(SAMPLE).map(|row| texts(row, delimiter));
        headerless(&row, sample, options).map_err(layout)?
    };
    let bid_or_ask =
        row.iter().any(|field| ["bid", "ask"].iter().any(|word| field.eq_ignore_ascii_case(word)));
    let known = match options.format {
        Format::Named(named) => Some(named),
        Format::Auto | Format::Csv | Format::Parquet => known,
    };
    let wanted = options.kind.or(known.map(|named| named.kind));
    let mut columns = columns::by_name(&names, wanted, bid_or_ask).map_err(layout)?;
    if let Some(named) = known {
        (columns.layout, columns.consecutive_ids) = (named.name, named.consecutive_ids);
    }
    let mut seen = Seen::default();
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for row in rows {
        fields::split(row, delimiter, &mut ranges);
        seen.see(row, &ranges, &columns.roles);
    }
    let meta = describe((file, lines.name()), &columns, &seen, options, exact)?;
    Ok(Sniffed { columns, delimiter, skip, symbol: seen.symbol(), meta })
}

/// What is known of a file with such columns and such first rows. The name is that of what is inside a zip.
pub(crate) fn describe(
    (file, name): (&Path, &str),
    columns: &Columns,
    seen: &Seen,
    options: &Options,
    exact: bool,
) -> Result<Meta, DataError> {
    let interval = match (columns.kind, options.interval) {
        (Kind::Bars, None) => seen
            .interval()
            .or_else(|| guess::interval_of_file(name))
            .ok_or_else(|| DataError::Layout {
                file: file.to_owned(),
                why: LayoutProblem::Interval { rows: seen.times.len() },
            })?,
        (Kind::Bars, Some(told)) => told,
        _ => Duration::ZERO,
    };
    let guessed = || {
        let told = seen.symbol().as_deref().and_then(guess::instrument);
        told.or_else(|| guess::instrument_of_file(name))
    };
    let kept = options.round.unwrap_or(Grid { price_decimals: 18, qty_decimals: 18 });
    Ok(Meta {
        kind: columns.kind,
        instrument: options.instrument.or_else(guessed),
        grid: Grid {
            price_decimals: options
                .price_decimals
                .unwrap_or_else(|| seen.price.decimals(exact).min(kept.price_decimals)),
            qty_decimals: options
                .qty_decimals
                .unwrap_or_else(|| seen.qty.decimals(exact).min(kept.qty_decimals)),
        },
        interval,
        has_received: columns.roles.contains(&Role::Received),
        consecutive_ids: columns.consecutive_ids,
        layout: columns.layout,
        rows: None,
        span: None,
    })
}

/// Rows that are compared to tell two orders of columns apart.
const SAMPLE: usize = 1_000;

/// The names of the columns of a text without a header, and the layout that they are of.
fn headerless<I: Iterator<Item = Vec<String>>>(
    row: &[String],
    sample: impl Fn() -> I,
    options: &Options,
) -> Result<(Vec<String>, Option<&'static Named>), LayoutProblem> {
    if let Some(told) = &options.columns {
        let mut told = told.clone();
        told.resize(row.len().max(told.len()), String::new());
        return Ok((told, None));
    }
    // A version of an archive may have fewer columns at the end.
    let names = |list: &str| list.split(',').take(row.len()).map(str::to_owned).collect();
    if let Format::Named(named) = options.format
        && !named.columns.is_empty()
    {
        return Ok((names(named.columns), Some(named)));
    }
    let boolean = |at: usize| {
        let text = row.get(at).map(|text| text.to_ascii_lowercase());
        matches!(text.as_deref(), Some("true" | "false"))
    };
    let number = |at: usize| row.get(at).is_some_and(|text| is_value(text));
    // How many columns Binance's archive has, and where the flags are, tells its layouts apart.
    let known = match row.len() {
        12 if (0..12).all(number) => "binance-klines",
        8 if boolean(6) && boolean(7) => "binance-agg-trades",
        7 if boolean(5) && boolean(6) => "binance-trades",
        7 if boolean(6) => "binance-agg-trades",
        6 if boolean(5) => "binance-trades",
        7 if (0..7).all(number) => "binance-book-ticker",
        3 if (0..3).all(number) => "kraken-trades",
        6 if (0..6).all(number) => match bars_in_order(sample) {
            (true, false) => return Ok((names("time,open,high,low,close,volume"), None)),
            (false, true) => "bitfinex-candles",
            _ => return Err(LayoutProblem::NoHeader { columns: 6 }),
        },
        columns => return Err(LayoutProblem::NoHeader { columns }),
    };
    let known = NAMED.iter().find(|named| named.name == known);
    Ok((names(known.map_or("", |named| named.columns)), known))
}

/// Could the rows be time, open, high, low, close, volume? Could they be time, open, close, high, low, volume?
fn bars_in_order<I: Iterator<Item = Vec<String>>>(sample: impl Fn() -> I) -> (bool, bool) {
    let all = |high: usize, low: usize, close: usize| {
        sample().all(|row| {
            let price = |at: usize| row.get(at).and_then(|text| text.parse::<f64>().ok());
            match (price(1), price(high), price(low), price(close)) {
                (Some(open), Some(high), Some(low), Some(close)) => {
                    high >= open.max(close) && low <= open.min(close)
                }
                _ => false,
            }
        })
    };
    (all(2, 3, 4), all(3, 4, 2))
}

fn texts(line: &[u8], delimiter: u8) -> Vec<String> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    fields::split(line, delimiter, &mut ranges);
    ranges.into_iter().map(|field| String::from_utf8_lossy(&line[field]).into_owned()).collect()
}

/// Names of columns are neither numbers nor times.
fn is_value(field: &str) -> bool {
    number::shape(field.as_bytes()).is_some() || time::parse(field.as_bytes()).is_some()
}

/// What the first rows need.
#[derive(Default)]
pub(crate) struct Seen {
    price: Digits,
    qty: Digits,
    times: Vec<i64>,
    symbols: BTreeMap<String, u64>,
}

/// Digits behind the point, and before it.
#[derive(Default)]
struct Digits {
    behind: u8,
    before: u8,
}

/// Room for a number to grow to a thousand times of what was seen.
const GROWTH: u8 = 3;
/// Digits to spare, where there is room for them.
const SPARE: u8 = 4;

impl Digits {
    fn see(&mut self, text: &[u8]) {
        if let Some((behind, before)) = number::shape(text) {
            self.behind = self.behind.max(behind);
            self.before = self.before.max(before);
        }
    }

    fn decimals(&self, exact: bool) -> u8 {
        let room = 18u8.saturating_sub(self.before + GROWTH);
        let spare = if exact { 0 } else { SPARE };
        (self.behind + spare).min(room).max(self.behind).min(18)
    }
}

impl Seen {
    /// Looks at a row.
    pub(crate) fn see(&mut self, row: &[u8], fields: &[Range<usize>], roles: &[Role]) {
        use Role::{
            AskPrice, AskQty, BidPrice, BidQty, Close, Depth, High, Level, Low, Notional, Open,
            Price, Qty,
        };
        for (field, role) in fields.iter().zip(roles) {
            let text = &row[field.clone()];
            match role {
                Price | Open | High | Low | Close | BidPrice | AskPrice => self.price.see(text),
                Qty | BidQty | AskQty | Depth => self.qty.see(text),
                Level(level) if level.price => self.price.see(text),
                Level(_) => self.qty.see(text),
                Notional => {
                    let depth = roles.iter().position(|role| *role == Depth);
                    let depth = depth.and_then(|at| fields.get(at)).cloned();
                    let decimals = depth.and_then(|at| percent::price_decimals(&row[at], text));
                    self.price.behind = self.price.behind.max(decimals.unwrap_or(0));
                }
                Role::Time => self.times.extend(time::parse(text)),
                Role::Symbol => {
                    let symbol = String::from_utf8_lossy(text).into_owned();
                    *self.symbols.entry(symbol).or_default() += 1;
                }
                _ => {}
            }
        }
    }

    /// What most rows are about.
    pub(crate) fn symbol(&self) -> Option<String> {
        self.symbols.iter().max_by_key(|(_, rows)| **rows).map(|(symbol, _)| symbol.clone())
    }

    /// The step that occurs most often.
    fn interval(&self) -> Option<Duration> {
        super::step::most_frequent(&self.times)
    }
}
