//! What a file of market data holds, as text and as JSON.

use std::fmt::Write as _;
use std::path::Path;

use ::data::{Checks, Kind, Meta, Remarks};
use serde_json::{Value, json};

/// What is known of the file, its name, and its size.
type File<'a, P> = (&'a Meta, &'a P, u64);

/// Bad rows, on standard error: they are what has to be looked at.
pub(crate) fn warn(remarks: &Remarks) {
    for (place, problem) in &remarks.first {
        eprintln!("bad row: {place}: {problem}");
    }
    let shown = remarks.first.len() as u64;
    if remarks.bad > shown {
        eprintln!("bad row: … and {} more", remarks.bad - shown);
    }
}

pub(crate) fn json<P: AsRef<Path>>(
    (meta, path, size): File<'_, P>,
    checks: &Checks,
    remarks: &Remarks,
) -> Value {
    json!({
        "file": path.as_ref().display().to_string(),
        "kind": meta.kind.name(),
        "layout": meta.layout,
        "instrument": meta.instrument,
        "rows": checks.rows,
        "first": checks.first.map(|time| time.to_string()),
        "last": checks.last.map(|time| time.to_string()),
        "interval_s": (meta.kind == Kind::Bars).then_some(meta.interval.as_secs_f64()),
        "received": meta.has_received,
        "price_decimals": meta.grid.price_decimals,
        "qty_decimals": meta.grid.qty_decimals,
        "price_min": checks.prices.map(|(low, _)| low.to_string()),
        "price_max": checks.prices.map(|(_, high)| high.to_string()),
        "gaps": checks.gaps.map(|gaps| gaps.count),
        "missing": checks.gaps.map(|gaps| gaps.missing),
        "longest_silence_s": checks.silence.map(|(length, _)| length.as_secs_f64()),
        "duplicates": checks.duplicates,
        "crossed": checks.crossed,
        "snapshots": checks.snapshots,
        "lost": checks.lost.0,
        "lost_s": checks.lost.1.as_secs_f64(),
        "events": checks.events,
        "reordered": remarks.reordered,
        "rounded": remarks.rounded,
        "bad_rows": remarks.bad,
        "other_symbols": remarks.other_symbols,
        "bytes": size,
    })
}

pub(crate) fn text<P: AsRef<Path>>(
    file: File<'_, P>,
    checks: &Checks,
    remarks: &Remarks,
) -> String {
    let mut text = String::new();
    // Writing into a string cannot fail.
    let _ = write_text(&mut text, file, checks, remarks);
    text
}

fn write_text<P: AsRef<Path>>(
    out: &mut String,
    (meta, path, size): File<'_, P>,
    checks: &Checks,
    remarks: &Remarks,
) -> std::fmt::Result {
    let instrument =
        meta.instrument.map_or_else(|| "an unknown instrument".to_owned(), |id| id.to_string());
    let length = match meta.kind {
        Kind::Bars => format!(" of {} s", meta.interval.as_secs_f64()),
        Kind::Trades | Kind::Quotes | Kind::Book => String::new(),
    };
    writeln!(out, "{}", path.as_ref().display())?;
    writeln!(out, "  holds       {}{length}, {instrument}, layout {}", meta.kind, meta.layout)?;
    writeln!(out, "  rows        {} in {size} bytes", checks.rows)?;
    if let (Some(first), Some(last)) = (checks.first, checks.last) {
        writeln!(out, "  time        {first} to {last}")?;
    }
    if let Some((low, high)) = checks.prices {
        writeln!(out, "  prices      {low} to {high}")?;
    }
    let grid = meta.grid;
    let digits = (grid.price_decimals, grid.qty_decimals);
    writeln!(
        out,
        "  digits      {} behind the point of prices, {} of quantities",
        digits.0, digits.1
    )?;
    if meta.kind == Kind::Book {
        writeln!(out, "  book        {} events, {} snapshots", checks.events, checks.snapshots)?;
    }
    let (lost, length) = checks.lost;
    if lost > 0 {
        let length = length.as_secs_f64();
        writeln!(
            out,
            "  lost        {lost} times the book was not known from there on, {length} s in all"
        )?;
    }
    match checks.gaps {
        Some(gaps) if gaps.count > 0 => {
            let first = gaps.first.map(|first| format!(", the first before {first}"));
            let first = first.unwrap_or_default();
            writeln!(
                out,
                "  gaps        {}, {} rows are missing{first}",
                gaps.count, gaps.missing
            )?;
        }
        Some(_) => writeln!(out, "  gaps        none")?,
        None => writeln!(out, "  gaps        cannot be told: nothing numbers these rows")?,
    }
    if let Some((length, from)) = checks.silence {
        writeln!(out, "  silence     {} s at most, from {from}", length.as_secs_f64())?;
    }
    if matches!(meta.kind, Kind::Quotes | Kind::Book) {
        writeln!(out, "  crossed     {} times the bid was not below the ask", checks.crossed)?;
    }
    writeln!(out, "  repeated    {} rows, taken once", checks.duplicates)?;
    writeln!(out, "  reordered   {} rows", remarks.reordered)?;
    if remarks.rounded > 0 {
        writeln!(out, "  rounded     {} numbers", remarks.rounded)?;
    }
    if remarks.other_symbols > 0 {
        writeln!(out, "  left out    {} rows of other symbols", remarks.other_symbols)?;
    }
    if remarks.bad > 0 {
        writeln!(out, "  BAD         {} rows, left out", remarks.bad)?;
    }
    Ok(())
}
