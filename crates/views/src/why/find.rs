//! What an id means: an order, an execution or a decision; and what is near when it means nothing.

use rusqlite::{OptionalExtension as _, params};

use crate::error::ViewsError;
use crate::store::Views;

/// Names that are told as near, or as what an id could mean.
const NEAR_MAX: usize = 8;

/// What an id was found to mean.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// The order's name, where it is one of ours.
    pub(super) order: Option<String>,
    pub(super) order_seq: Option<i64>,
    pub(super) decision: Option<i64>,
    pub(super) refusal: Option<i64>,
    /// An execution that belongs to no order of ours.
    pub(super) fill: Option<i64>,
    pub(super) agent: Option<String>,
    pub(super) intent: Option<i64>,
    pub(super) instrument: Option<String>,
}

impl Found {
    pub(super) fn name(&self) -> String {
        match (&self.order, &self.agent, self.intent) {
            (Some(id), ..) => format!("order {id}"),
            (None, Some(agent), Some(intent)) => format!("decision {intent} of agent {agent}"),
            _ => "an execution of an order that is not ours".to_owned(),
        }
    }

    /// An entry of it.
    pub(super) fn seq(&self) -> u64 {
        let any = self.decision.or(self.refusal).or(self.order_seq).or(self.fill);
        any.unwrap_or(0).cast_unsigned()
    }
}

/// One thing that an id may mean.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Candidate {
    Order(String),
    Fill(i64),
    Decision(i64),
}

pub(super) fn find(views: &Views, id: &str) -> Result<Found, ViewsError> {
    let sql = |error: rusqlite::Error| views.wrong(&error);
    let meant = candidates(views, id.trim()).map_err(sql)?;
    match meant.as_slice() {
        [] => Err(ViewsError::Unknown(nothing(views, id).map_err(sql)?)),
        [(_, one)] => whole(views, one).map_err(sql),
        several => {
            let shown: Vec<String> = several
                .iter()
                .take(NEAR_MAX)
                .map(|(as_what, candidate)| match candidate {
                    Candidate::Order(order) => format!("order:{order} (by its {as_what})"),
                    Candidate::Fill(seq) | Candidate::Decision(seq) => {
                        format!("#{seq} (by its {as_what})")
                    }
                })
                .collect();
            let several = shown.join(", ");
            Err(ViewsError::Unknown(format!("{id:?} may mean {several}; ask for one of these")))
        }
    }
}

fn candidates(views: &Views, id: &str) -> rusqlite::Result<Vec<(&'static str, Candidate)>> {
    let mut meant: Vec<(&'static str, Candidate)> = Vec::new();
    let (only, id) = match id.split_once(':') {
        Some((prefix @ ("order" | "venue" | "trade"), rest)) => (Some(prefix), rest),
        _ => (None, id),
    };
    let asks = |what: &str| only.is_none_or(|only| only == what);
    let mut add = |as_what: &'static str, candidate: Candidate| {
        if !meant.iter().any(|(_, known)| *known == candidate) {
            meant.push((as_what, candidate));
        }
    };
    let names = |sql: &str| -> rusqlite::Result<Vec<(Option<String>, i64)>> {
        let mut select = views.connection().prepare_cached(sql)?;
        let rows = select.query_map([id], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect()
    };
    if asks("order") {
        let found = names("SELECT client_order_id, seq FROM orders WHERE client_order_id = ?1")?;
        found.into_iter().filter_map(|(name, _)| name).for_each(|name| {
            add("client order id", Candidate::Order(name));
        });
    }
    if asks("venue") {
        let found = names("SELECT client_order_id, seq FROM orders WHERE venue_order_id = ?1")?;
        found.into_iter().filter_map(|(name, _)| name).for_each(|name| {
            add("venue order id", Candidate::Order(name));
        });
    }
    if asks("trade") {
        for (name, seq) in names("SELECT client_order_id, seq FROM fills WHERE trade_id = ?1")? {
            add("trade id", name.map_or(Candidate::Fill(seq), Candidate::Order));
        }
    }
    if let Some(seq) = id.strip_prefix('#').and_then(|seq| seq.parse::<i64>().ok()) {
        add("number", entry(views, seq)?);
    }
    if let Some((agent, intent)) = id.rsplit_once('/')
        && let Ok(intent) = intent.parse::<i64>()
    {
        let sql = "SELECT client_order_id, seq FROM decisions WHERE agent = ?1 AND intent = ?2";
        let mut select = views.connection().prepare_cached(sql)?;
        let rows = select.query_map(params![agent, intent], |row| {
            Ok((row.get::<_, Option<String>>(0)?, row.get(1)?))
        })?;
        for row in rows {
            let (name, seq) = row?;
            add("decision", name.map_or(Candidate::Decision(seq), Candidate::Order));
        }
    }
    meant.retain(|(_, candidate)| *candidate != Candidate::Decision(0));
    Ok(meant)
}

/// What an entry is about; decision 0 where it is about none.
fn entry(views: &Views, seq: i64) -> rusqlite::Result<Candidate> {
    let connection = views.connection();
    let one = |sql: &str| -> rusqlite::Result<Option<Option<String>>> {
        connection.prepare_cached(sql)?.query_row([seq], |row| row.get(0)).optional()
    };
    if let Some(Some(name)) = one("SELECT client_order_id FROM records WHERE seq = ?1")? {
        return Ok(Candidate::Order(name));
    }
    if let Some(name) = one("SELECT client_order_id FROM decisions WHERE seq = ?1")? {
        return Ok(name.map_or(Candidate::Decision(seq), Candidate::Order));
    }
    let sql = "SELECT decision FROM refusals WHERE seq = ?1";
    let decision = connection.prepare_cached(sql)?.query_row([seq], |row| row.get(0)).optional()?;
    if let Some(Some(decision)) = decision {
        return Ok(Candidate::Decision(decision));
    }
    let fill = one("SELECT trade_id FROM fills WHERE seq = ?1")?.flatten();
    Ok(fill.map_or(Candidate::Decision(0), |_| Candidate::Fill(seq)))
}

fn whole(views: &Views, candidate: &Candidate) -> rusqlite::Result<Found> {
    let connection = views.connection();
    match candidate {
        Candidate::Order(name) => connection.query_row(
            "SELECT seq, decision, agent, intent, instrument FROM orders WHERE client_order_id = ?1",
            [name],
            |row| {
                Ok(Found {
                    order: Some(name.clone()),
                    order_seq: row.get(0)?,
                    decision: row.get(1)?,
                    agent: row.get(2)?,
                    intent: row.get(3)?,
                    instrument: row.get(4)?,
                    ..Found::default()
                })
            },
        ),
        Candidate::Decision(seq) => {
            let refusal = connection
                .query_row("SELECT seq FROM refusals WHERE decision = ?1", [seq], |row| row.get(0))
                .optional()?;
            connection.query_row(
                "SELECT agent, intent, instrument FROM decisions WHERE seq = ?1",
                [seq],
                |row| {
                    Ok(Found {
                        decision: Some(*seq),
                        refusal,
                        agent: row.get(0)?,
                        intent: row.get(1)?,
                        instrument: row.get(2)?,
                        ..Found::default()
                    })
                },
            )
        }
        Candidate::Fill(seq) => {
            connection.query_row("SELECT instrument FROM fills WHERE seq = ?1", [seq], |row| {
                Ok(Found { fill: Some(*seq), instrument: row.get(0)?, ..Found::default() })
            })
        }
    }
}

/// What is near: names that have it in them, else the newest orders.
fn nothing(views: &Views, id: &str) -> rusqlite::Result<String> {
    let names = |sql: &str, value: &str| -> rusqlite::Result<Vec<String>> {
        let mut select = views.connection().prepare(sql)?;
        let rows = select.query_map(params![value, NEAR_MAX as i64], |row| row.get(0))?;
        rows.collect()
    };
    let part: String = id.chars().filter(|c| !"%_\\".contains(*c)).collect();
    let mut near = Vec::new();
    // The end of a long name is what people mistype and cut off; so fewer and fewer of it.
    let mut begins = part.clone();
    while near.is_empty() && begins.chars().count() >= 3 {
        let sql = "SELECT client_order_id FROM orders WHERE client_order_id LIKE '%' || ?1 || '%'
            OR venue_order_id LIKE ?1 || '%' ORDER BY seq DESC LIMIT ?2";
        near = names(sql, &begins)?;
        begins.pop();
    }
    let last = "SELECT client_order_id FROM orders WHERE ?1 = ?1 ORDER BY seq DESC LIMIT ?2";
    let (words, near) = if near.is_empty() {
        ("the newest orders are", names(last, "")?)
    } else {
        ("near it are", near)
    };
    let none = "this journal has no orders".to_owned();
    let rest = if near.is_empty() { none } else { format!("{words} {}", near.join(", ")) };
    Ok(format!("{id:?} is no client order id, venue order id or trade id of this journal; {rest}"))
}
