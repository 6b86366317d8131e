//! The end of a story in a few sentences: what became of the order, and what made it cost what it cost.

use model::{Decimal, Side};
use rusqlite::{OptionalExtension as _, params};
use serde_json::Value;

use super::find::Found;
use super::story::Story;
use crate::money::{plus, worse_by};
use crate::store::Views;
use crate::table::Cell;

pub(super) fn of(views: &Views, found: &Found, story: &Story) -> rusqlite::Result<Vec<String>> {
    let mut said = Vec::new();
    if let Some(because) = &story.refused {
        said.push(format!("No order was sent: a guardrail refused it ({because})."));
        return Ok(said);
    }
    if story.order.is_empty() {
        let none = match found.fill {
            Some(_) => "This execution belongs to an order that this gateway did not place.",
            None => "No order came of this decision.",
        };
        said.push(none.to_owned());
        return Ok(said);
    }
    said.push(outcome(story));
    doubt(story, &mut said);
    away(views, found, story, &mut said)?;
    let busted = story.lines.iter().filter(|line| line.kind == "busted").count();
    if busted > 0 {
        let plural = if busted == 1 { "execution" } else { "executions" };
        said.push(format!("{busted} {plural} of it was taken back, and is in no figure here."));
    }
    money(story, &mut said);
    Ok(said)
}

fn text<'s>(story: &'s Story, key: &str) -> &'s str {
    story.order.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn number(story: &Story, key: &str) -> i64 {
    story.order.get(key).and_then(Value::as_i64).unwrap_or(0)
}

fn decimal(text: &str) -> Option<Decimal> {
    text.parse().ok()
}

fn outcome(story: &Story) -> String {
    let (agent, instrument) = (text(story, "agent"), text(story, "instrument"));
    let (qty, filled) = (text(story, "qty"), text(story, "filled"));
    let did = if text(story, "side") == "buy" { "bought" } else { "sold" };
    let cause = match text(story, "cause") {
        "" => String::new(),
        cause => format!(" ({cause})"),
    };
    let end = match (text(story, "state"), text(story, "ending")) {
        ("done", "filled") => String::new(),
        ("done", ending) => format!("; it ended {}{cause}", ending.replace('_', " ")),
        (state, _) => format!("; it is {} still", state.replace('_', " ")),
    };
    if decimal(filled).is_none_or(Decimal::is_zero) {
        return format!("{agent} {did} nothing of {qty} {instrument}{end}.");
    }
    let average = text(story, "average");
    format!("{agent} {did} {filled} of {qty} {instrument} at {average} on average{end}.")
}

fn doubt(story: &Story, said: &mut Vec<String>) {
    let doubts = number(story, "doubts");
    if doubts == 0 {
        return;
    }
    let began = story.lines.iter().find(|line| line.kind == "in_doubt");
    let settled = began.and_then(|began| {
        let kinds = ["accepted", "ended", "rejected", "filled", "discrepancy"];
        let mut after = story.lines.iter().filter(|line| line.seq > began.seq && !line.around);
        after.find(|line| kinds.contains(&line.kind))
    });
    let how_long = match began.zip(settled) {
        Some((began, settled)) => {
            format!(" for {:.3} s", (settled.at.nanos() - began.at.nanos()) as f64 / 1e9)
        }
        None => String::new(),
    };
    said.push(format!(
        "Its outcome was unknown{how_long}: it was asked for and never sent again, and counted in full meanwhile."
    ));
}

/// Executions that nobody heard of, the outage that they fell into, and what they cost by what the market was
/// when it could be seen again.
fn away(
    views: &Views,
    found: &Found,
    story: &Story,
    said: &mut Vec<String>,
) -> rusqlite::Result<()> {
    let column = |name: &str| story.fills.columns.iter().position(|column| column == name);
    let late: Vec<&Vec<Cell>> = story
        .fills
        .rows
        .iter()
        .filter(|row| column("late").is_some_and(|index| row[index] == Cell::Integer(1)))
        .collect();
    let Some(first) = late.first() else { return Ok(()) };
    let at = |row: &[Cell], name: &str| match column(name).map(|index| &row[index]) {
        Some(Cell::Integer(number)) => Some(*number),
        _ => None,
    };
    let (Some(seq), Some(executed)) = (at(first, "seq"), at(first, "venue_at")) else {
        return Ok(());
    };
    let count = late.len();
    let plural = if count == 1 { "execution" } else { "executions" };
    let sql = "SELECT link, at - lasted_ns, at, cause FROM connections WHERE reconnect = 1
        AND at - lasted_ns <= ?1 + 1000000000 AND at >= ?1 - 1000000000 ORDER BY lasted_ns DESC LIMIT 1";
    let outage: Option<(String, i64, i64)> = views
        .connection()
        .query_row(sql, [executed], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let because = match outage {
        Some((link, from, until)) => {
            let cause: Option<String> = views
                .connection()
                .query_row(
                    "SELECT cause FROM connections WHERE up = 0 AND link = ?1 AND at = ?2",
                    params![link, from],
                    |row| row.get(0),
                )
                .optional()?;
            let cause = cause.map(|cause| format!(" ({cause})")).unwrap_or_default();
            let lasted = (until - from) as f64 / 1e9;
            format!(
                "the {link} connection was down for {lasted:.3} s{cause}, and the order rested at the venue meanwhile"
            )
        }
        None => "the account's stream did not tell them".to_owned(),
    };
    said.push(format!(
        "{count} {plural} happened while nobody was there to hear of it: {because}."
    ));
    if let Some(cost) = cost_after(views, found, story, &late, seq)? {
        said.push(cost);
    }
    Ok(())
}

fn cost_after(
    views: &Views,
    found: &Found,
    story: &Story,
    late: &[&Vec<Cell>],
    seq: i64,
) -> rusqlite::Result<Option<String>> {
    let sql = "SELECT mid FROM orders WHERE seq > ?1 AND instrument = ?2 AND bid IS NOT NULL
        AND ask IS NOT NULL ORDER BY seq LIMIT 1";
    let after: Option<String> = views
        .connection()
        .query_row(sql, params![seq, found.instrument], |row| row.get(0))
        .optional()?;
    let Some(after) = after else { return Ok(None) };
    let side = if text(story, "side") == "buy" { Side::Buy } else { Side::Sell };
    let column = |name: &str| story.fills.columns.iter().position(|column| column == name);
    let (Some(price), Some(qty), Some(middle)) = (column("price"), column("qty"), decimal(&after))
    else {
        return Ok(None);
    };
    let cost = late.iter().try_fold(Decimal::ZERO, |sum, row| {
        let (price, qty) = (decimal(&row[price].text())?, decimal(&row[qty].text())?);
        plus(Some(sum), worse_by(side, price, middle, qty))
    });
    let quote = quote(found);
    Ok(cost.map(|cost| {
        let (words, size) =
            if cost.signum() < 0 { ("better", cost.abs()) } else { ("worse", cost) };
        format!(
            "When the market could be seen again its middle was {after}: what had executed was {size} {quote} {words} than that."
        )
    }))
}

fn quote(found: &Found) -> String {
    let instrument = found.instrument.as_deref().unwrap_or_default();
    instrument.rsplit_once('-').map_or(String::new(), |(_, quote)| quote.to_owned())
}

fn money(story: &Story, said: &mut Vec<String>) {
    let quote = text(story, "instrument").rsplit_once('-').map_or("", |(_, quote)| quote);
    if number(story, "fills") == 0 {
        return;
    }
    let sum = |name: &str| {
        let column = |name: &str| story.fills.columns.iter().position(|column| column == name);
        let (index, busted) = (column(name)?, column("busted")?);
        let mut counted = story.fills.rows.iter().filter(|row| row[busted] == Cell::Integer(0));
        counted.try_fold(Decimal::ZERO, |sum, row| plus(Some(sum), decimal(&row[index].text())))
    };
    if let Some(slipped) = sum("slippage_mid") {
        let words = if slipped.signum() < 0 { "better" } else { "worse" };
        said.push(format!(
            "Against the middle when it was decided ({}) it was {} {quote} {words}.",
            text(story, "mid"),
            slipped.abs()
        ));
    }
    let (realized, fees) = (text(story, "pnl"), text(story, "fee_quote"));
    let net = decimal(realized).zip(decimal(fees)).and_then(|(pnl, fees)| pnl.checked_sub(fees));
    if let Some(net) = net {
        said.push(format!(
            "It realized {realized} {quote} by average cost and paid {fees} {quote} in fees: {net} {quote}."
        ));
    }
}
