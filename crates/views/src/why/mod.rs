//! Why: one order's whole story, from the decision to its last execution, with what the agent saw, what each
//! guardrail found, what was asked and answered and when, and what happened around it.

mod find;
mod html;
mod story;
mod summary;
mod text;
mod words;

use journal::Filter;
use model::{AgentId, Check, ClientOrderId, Entry, Record, Timestamp};
use rusqlite::params;
use serde_json::{Map, Value};

use self::find::Found;
pub use self::story::{Line, Story};
use crate::error::ViewsError;
use crate::query::{gather, names};
use crate::store::Views;
use crate::table::{Cell, Table};

/// Lines of what happened around an order that are told at most.
const AROUND_MAX: usize = 200;
/// Kinds of record that are told as what happened around an order.
const AROUND: &str = "'started', 'stopped', 'link', 'feed', 'gap', 'missed_trades', 'trading', 'resumed',
    'breaker', 'rate_limited', 'budget_wait', 'agent', 'agent_disabled', 'agent_enabled', 'alerted', 'rules',
    'limits', 'reconciled', 'flatten'";
/// What ends a look into the journal where all that was wanted is there.
const ENOUGH: &str = "all that was wanted is read";

/// A record in words, as one line of a story.
pub fn words(record: &Record) -> String {
    words::of(record)
}

impl Views {
    /// Tells why. `id` is a client order id, a venue order id, a trade id, `AGENT/INTENT`, or `#NUMBER` of an entry;
    /// `order:`, `venue:`, `trade:` in front say which is meant.
    pub fn why(&self, id: &str) -> Result<Story, ViewsError> {
        let found = find::find(self, id)?;
        let sql = |error: rusqlite::Error| self.wrong(&error);
        let decision = found.decision.map(|seq| self.row("decisions", seq)).transpose();
        let decision = decision.map_err(sql)?.flatten().unwrap_or_default();
        let order = found.order_seq.map(|seq| self.row("orders", seq)).transpose();
        let order = order.map_err(sql)?.flatten().unwrap_or_default();
        let mut notes = Vec::new();
        let mut lines = self.own_lines(&found, &mut notes)?;
        let (checks, refused) = verdict(&lines);
        let first = lines.iter().map(|(seq, _)| *seq).min().unwrap_or(found.seq());
        let last = lines.iter().map(|(seq, _)| *seq).max().unwrap_or(first);
        let mut told: Vec<Line> =
            lines.drain(..).map(|(seq, entry)| Line::of(seq, &entry, false)).collect();
        let (around, left_out) = self.around(&found, (first, last))?;
        told.extend(around);
        told.sort_by_key(|line| line.seq);
        let fills = self.fills(&found).map_err(sql)?;
        let mut state = self.state_at(first, &found).map_err(sql)?;
        state.extend(self.held(&found).map_err(sql)?);
        let timings = timings(&order);
        let mut story = Story {
            of: found.name(),
            summary: Vec::new(),
            order,
            decision,
            state,
            checks,
            refused,
            fills,
            timings,
            lines: told,
            left_out,
            notes,
        };
        story.summary = summary::of(self, &found, &story).map_err(sql)?;
        Ok(story)
    }

    /// A row as an object.
    fn row(&self, table: &str, seq: i64) -> rusqlite::Result<Option<Map<String, Value>>> {
        let found = self.rows(&format!("SELECT * FROM {table} WHERE seq = ?1"), params![seq])?;
        let Value::Array(mut rows) = found.json() else { return Ok(None) };
        Ok(rows.pop().and_then(|row| match row {
            Value::Object(row) => Some(row),
            _ => None,
        }))
    }

    fn rows(&self, sql: &str, values: &[&dyn rusqlite::ToSql]) -> rusqlite::Result<Table> {
        let mut select = self.connection().prepare_cached(sql)?;
        let columns = names(&select);
        gather(columns, select.query(values)?, usize::MAX)
    }

    /// The entries about the order itself, out of the journal.
    fn own_lines(
        &self,
        found: &Found,
        notes: &mut Vec<String>,
    ) -> Result<Vec<(u64, Entry)>, ViewsError> {
        let sql = |error: rusqlite::Error| self.wrong(&error);
        let mut lines = Vec::new();
        let cancels = self.cancel_decisions(found).map_err(sql)?;
        let singles = found.decision.into_iter().chain(found.refusal).chain(cancels);
        for seq in singles.map(i64::cast_unsigned) {
            match self.entry(seq, found)? {
                Some(entry) => lines.push((seq, entry)),
                None => notes.push(format!("entry {seq} was removed from the journal")),
            }
        }
        let Some(id) = found.order.as_deref().and_then(|id| ClientOrderId::new(id).ok()) else {
            return Ok(lines);
        };
        let (first, last, count) = self.span_of(&id).map_err(sql)?;
        let wanted = Filter {
            after: first.saturating_sub(1),
            client_order_id: Some(id),
            ..Filter::default()
        };
        let before = lines.len();
        self.look(&wanted, &mut |seq, entry| {
            lines.push((seq, entry));
            seq < last
        })?;
        let missing = count.saturating_sub(lines.len() - before);
        if missing > 0 {
            notes.push(format!("{missing} entries of it were removed from the journal"));
        }
        Ok(lines)
    }

    /// Numbers of the first and last entry that name an order, and how many there are.
    fn span_of(&self, id: &ClientOrderId) -> rusqlite::Result<(u64, u64, usize)> {
        let sql = "SELECT coalesce(min(seq), 0), coalesce(max(seq), 0), count(*) FROM records
                   WHERE client_order_id = ?1";
        self.connection().prepare_cached(sql)?.query_row([id.as_str()], |row| {
            let number = |index| row.get::<_, i64>(index).map(i64::cast_unsigned);
            let count = usize::try_from(number(2)?).unwrap_or(usize::MAX);
            Ok((number(0)?, number(1)?, count))
        })
    }

    /// Decisions of its agent to take it back.
    fn cancel_decisions(&self, found: &Found) -> rusqlite::Result<Vec<i64>> {
        let Some(order) = found.order_seq else { return Ok(Vec::new()) };
        let sql = "SELECT d.seq FROM orders o JOIN decisions d ON d.agent = o.agent
                AND d.session IS o.session AND d.seq > o.seq
            WHERE o.seq = ?1 AND ((d.action = 'cancel' AND d.of_intent = o.intent)
                OR (d.action = 'cancel_all' AND d.instrument = o.instrument
                    AND d.at <= coalesce(o.ended_at, d.at)))
                AND d.seq <= (SELECT max(seq) FROM records WHERE client_order_id = o.client_order_id)
            ORDER BY d.seq LIMIT 20";
        let mut select = self.connection().prepare_cached(sql)?;
        let rows = select.query_map([order], |row| row.get(0))?;
        rows.collect()
    }

    /// One entry by its number, with the agent as a help to find it.
    fn entry(&self, seq: u64, found: &Found) -> Result<Option<Entry>, ViewsError> {
        let agent = found.agent.as_deref().and_then(|agent| AgentId::new(agent).ok());
        let wanted = Filter { after: seq.saturating_sub(1), agent, ..Filter::default() };
        let mut got = None;
        self.look(&wanted, &mut |number, entry| {
            if number == seq {
                got = Some(entry);
            }
            false
        })?;
        Ok(got)
    }

    /// Hands over entries until it is told that these are enough.
    fn look(
        &self,
        wanted: &Filter,
        each: &mut dyn FnMut(u64, Entry) -> bool,
    ) -> Result<(), ViewsError> {
        let looked = self.journal().find(wanted, &mut |seq, entry| {
            if each(seq, entry) {
                Ok(())
            } else {
                Err(journal::StoreError::Lost(ENOUGH.to_owned()))
            }
        });
        match looked {
            Err(journal::StoreError::Lost(said)) if said == ENOUGH => Ok(()),
            done => Ok(done?),
        }
    }

    /// What happened around it, from its first entry to its last.
    fn around(
        &self,
        found: &Found,
        (first, last): (u64, u64),
    ) -> Result<(Vec<Line>, usize), ViewsError> {
        let sql = |error: rusqlite::Error| self.wrong(&error);
        let condition = format!(
            "FROM records INDEXED BY records_body WHERE body IS NOT NULL AND seq BETWEEN ?1 AND ?2
                AND kind IN ({AROUND}) AND (instrument IS NULL OR ?3 IS NULL OR instrument = ?3)
                AND (agent IS NULL OR ?4 IS NULL OR agent = ?4)
                AND (kind <> 'reconciled' OR body ->> '$.found' > 0 OR body ->> '$.left' > 0)"
        );
        let values =
            params![first.cast_signed(), last.cast_signed(), found.instrument, found.agent,];
        let select = format!("SELECT seq, at, body {condition} ORDER BY seq LIMIT {AROUND_MAX}");
        let rows = self.rows(&select, values).map_err(sql)?;
        let mut lines = Vec::new();
        for row in rows.rows {
            let [Cell::Integer(seq), Cell::Integer(at), Cell::Text(body)] = row.as_slice() else {
                continue;
            };
            // What this program wrote it reads.
            let Ok(record) = serde_json::from_str::<Record>(body) else { continue };
            let entry = Entry { at: Timestamp::from_nanos(*at), record };
            lines.push(Line::of(seq.cast_unsigned(), &entry, true));
        }
        if lines.len() < AROUND_MAX {
            return Ok((lines, 0));
        }
        let count = format!("SELECT count(*) {condition}");
        let all = self.connection().query_row(&count, values, |row| row.get::<_, i64>(0));
        let all = usize::try_from(all.map_err(sql)?).unwrap_or(usize::MAX);
        let left_out = all.saturating_sub(lines.len());
        Ok((lines, left_out))
    }

    fn fills(&self, found: &Found) -> rusqlite::Result<Table> {
        let columns = "seq, time, venue_at, trade_id, side, price, qty, fee, fee_asset, liquidity, late, busted,
            position_before, position_after, balance_before, balance_asset, mid, slippage_mid,
            slippage_touch, pnl";
        match (&found.order, found.fill) {
            (Some(id), _) => self.rows(
                &format!("SELECT {columns} FROM fills WHERE client_order_id = ?1 ORDER BY seq"),
                params![id],
            ),
            (None, Some(seq)) => {
                self.rows(&format!("SELECT {columns} FROM fills WHERE seq = ?1"), params![seq])
            }
            (None, None) => Ok(Table::default()),
        }
    }

    /// What its agent held, and what was free to pay with.
    fn held(&self, found: &Found) -> rusqlite::Result<Vec<String>> {
        let (table, seq) = match (found.order_seq, found.refusal) {
            (Some(seq), _) => ("orders", seq),
            (None, Some(seq)) => ("refusals", seq),
            (None, None) => return Ok(Vec::new()),
        };
        let sql = format!(
            "SELECT agent, position_before, balance_before, balance_asset, instrument FROM {table} WHERE seq = ?1"
        );
        let row = self.rows(&sql, params![seq])?;
        let Some([agent, position, free, asset, instrument]) = row.rows.first().map(Vec::as_slice)
        else {
            return Ok(Vec::new());
        };
        let mut held =
            vec![format!("{} held {} of {}", agent.text(), position.text(), instrument.text())];
        if *free != Cell::Null {
            let (free, asset) = (free.text(), asset.text());
            held.push(format!("{free} {asset} were free to pay with, as the venue last told"));
        }
        Ok(held)
    }

    /// How things stood before an entry: the newest word on each.
    fn state_at(&self, seq: u64, found: &Found) -> rusqlite::Result<Vec<String>> {
        let newest = |kind: &str, extra: &str, value: &dyn rusqlite::ToSql| {
            let sql = format!(
                "SELECT at, body FROM records WHERE body IS NOT NULL AND kind = ?1 AND seq < ?2 AND {extra}
                 ORDER BY seq DESC LIMIT 1"
            );
            self.rows(&sql, params![kind, seq.cast_signed(), value])
        };
        let instrument = found.instrument.clone();
        let looks = [
            newest("trading", "?3 IS NULL", &Option::<String>::None)?,
            newest("link", "body ->> '$.link' = ?3", &"market")?,
            newest("link", "body ->> '$.link' = ?3", &"account")?,
            newest("feed", "instrument = ?3", &instrument)?,
            newest("limits", "?3 IS NULL", &Option::<String>::None)?,
        ];
        let mut state = Vec::new();
        for table in looks {
            let Some([Cell::Integer(at), Cell::Text(body)]) = table.rows.first().map(Vec::as_slice)
            else {
                continue;
            };
            if let Ok(record) = serde_json::from_str::<Record>(body) {
                let since = Timestamp::from_nanos(*at);
                state.push(format!("{}, since {since}", words::of(&record)));
            }
        }
        Ok(state)
    }
}

/// What the guardrails found, and what one of them refused.
fn verdict(lines: &[(u64, Entry)]) -> (Vec<Check>, Option<String>) {
    for (_, entry) in lines {
        match &entry.record {
            Record::Prepared { checks, .. } => return (checks.clone(), None),
            Record::Refused { checks, because, .. } => {
                return (checks.clone(), Some(because.to_string()));
            }
            _ => {}
        }
    }
    (Vec::new(), None)
}

/// Times between the stages of an order that were measured.
fn timings(order: &Map<String, Value>) -> Vec<(&'static str, f64)> {
    let at = |name: &str| order.get(name).and_then(Value::as_i64);
    [
        ("decided to durable", "decided_at", "durable_at"),
        ("durable to sent", "durable_at", "left_at"),
        ("sent to reply", "left_at", "answered_at"),
        ("decided to accepted", "decided_at", "accepted_at"),
        ("decided to first fill", "decided_at", "first_fill_at"),
        ("decided to last fill", "decided_at", "last_fill_at"),
        ("decided to end", "decided_at", "ended_at"),
    ]
    .into_iter()
    .filter_map(|(name, from, to)| Some((name, (at(to)? - at(from)?) as f64 / 1e6)))
    .collect()
}
