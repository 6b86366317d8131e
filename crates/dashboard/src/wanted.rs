//! Which entries of the journal a page wants: what it says is checked here, and only then part of a question.

use model::{AgentId, ClientOrderId, InstrumentId};

use crate::problem::Problem;

/// Entries of one answer unless told, and at the most.
const LIMIT: [usize; 2] = [100, 500];
/// Kinds that one filter names at the most.
const KINDS_MAX: usize = 40;

/// A filter. What is `None` holds of every entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Only entries before this one.
    pub(crate) before: Option<u64>,
    /// Only entries up to this time, nanoseconds since 1970.
    pub(crate) until: Option<i64>,
    /// Only these kinds.
    pub(crate) kinds: Vec<String>,
    pub(crate) agent: Option<AgentId>,
    pub(crate) instrument: Option<InstrumentId>,
    pub(crate) order: Option<ClientOrderId>,
    /// Only what went wrong.
    pub(crate) errors: bool,
    /// So many at the most.
    pub(crate) limit: usize,
}

impl Wanted {
    /// Reads the pairs of a query.
    pub(crate) fn read(pairs: &[(String, String)]) -> Result<Wanted, Problem> {
        let mut wanted = Wanted { limit: LIMIT[0], ..Wanted::default() };
        for (name, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
            wanted
                .take(name, value.trim())
                .map_err(|problem| Problem::wrong(format!("{name}: {problem}")))?;
        }
        Ok(wanted)
    }

    fn take(&mut self, name: &str, value: &str) -> Result<(), String> {
        let number = || value.parse::<u64>().map_err(|_| "is no number".to_owned());
        match name {
            "before" => self.before = Some(number()?),
            "until" => {
                let nanos = i64::try_from(number()?).ok().and_then(|ms| ms.checked_mul(1_000_000));
                self.until = Some(nanos.ok_or("is no time")?);
            }
            "kind" => {
                let kinds: Vec<&str> = value.split(',').collect();
                let is_kind = |kind: &&str| {
                    !kind.is_empty() && kind.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
                };
                if kinds.len() > KINDS_MAX || !kinds.iter().all(is_kind) {
                    return Err("is no list of kinds, as in docs/journal.md".to_owned());
                }
                self.kinds = kinds.into_iter().map(str::to_owned).collect();
            }
            "agent" => self.agent = Some(value.parse().map_err(text)?),
            "instrument" => self.instrument = Some(value.parse().map_err(text)?),
            "order" => self.order = Some(value.parse().map_err(text)?),
            "errors" => self.errors = value == "1",
            "limit" => {
                let limit = usize::try_from(number()?).unwrap_or(usize::MAX);
                self.limit = limit.clamp(1, LIMIT[1]);
            }
            _ => return Err("there is no such filter".to_owned()),
        }
        Ok(())
    }

    /// The question for the numbers of these entries, newest first, and of one more.
    pub(crate) fn sql(&self) -> String {
        let mut conditions = Vec::new();
        if let Some(before) = self.before {
            conditions.push(format!("seq < {}", before.min(i64::MAX.cast_unsigned())));
        }
        if let Some(until) = self.until {
            conditions.push(format!("at <= {until}"));
        }
        if !self.kinds.is_empty() {
            let kinds: Vec<String> = self.kinds.iter().map(|kind| quoted(kind)).collect();
            conditions.push(format!("kind IN ({})", kinds.join(", ")));
        }
        let ids = [
            ("agent", self.agent.map(|id| quoted(id.as_str()))),
            ("instrument", self.instrument.map(|id| quoted(id.as_str()))),
            ("client_order_id", self.order.map(|id| quoted(id.as_str()))),
        ];
        conditions
            .extend(ids.into_iter().filter_map(|(name, id)| Some(format!("{name} = {}", id?))));
        let from = if self.errors {
            "(SELECT DISTINCT seq, at, kind, agent, instrument, client_order_id FROM errors)"
        } else {
            "records"
        };
        let all = if conditions.is_empty() { "1".to_owned() } else { conditions.join(" AND ") };
        let limit = self.limit + 1;
        format!("SELECT seq FROM {from} WHERE {all} ORDER BY seq DESC LIMIT {limit}")
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// A text of SQL. The only character that means something in one is its own end.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Wanted, String> {
        let owned: Vec<(String, String)> =
            pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        Wanted::read(&owned).map_err(|problem| problem.text)
    }

    #[test]
    fn what_a_page_says_is_checked() {
        assert_eq!(
            read(&[]).unwrap().sql(),
            "SELECT seq FROM records WHERE 1 ORDER BY seq DESC LIMIT 101"
        );
        let all = [
            ("before", "7"),
            ("until", "5"),
            ("kind", "filled,link"),
            ("agent", "maker"),
            ("instrument", "BTC-USDT"),
            ("order", "maker-1-1"),
            ("limit", "9"),
        ];
        assert_eq!(
            read(&all).unwrap().sql(),
            "SELECT seq FROM records WHERE seq < 7 AND at <= 5000000 AND kind IN ('filled', 'link') AND \
             agent = 'maker' AND instrument = 'BTC-USDT' AND client_order_id = 'maker-1-1' ORDER BY seq DESC \
             LIMIT 10"
        );
        assert!(read(&[("errors", "1")]).unwrap().sql().contains("FROM errors"));
        assert_eq!(read(&[("limit", "100000")]).unwrap().limit, 500);
        assert_eq!(
            read(&[("agent", "")]).unwrap(),
            read(&[]).unwrap(),
            "an empty field says nothing"
        );
    }

    #[test]
    fn nothing_but_a_value_comes_through() {
        for (name, value) in [
            ("kind", "x') OR 1=1 --"),
            ("kind", "Filled"),
            ("before", "1 OR 1"),
            ("before", "-1"),
            ("until", "18446744073709551615"),
            ("agent", "a' OR '1'='1"),
            ("instrument", "BTC'--USDT"),
            ("limit", "many"),
            ("seq", "1"),
        ] {
            let error = read(&[(name, value)]).unwrap_err();
            assert!(error.starts_with(name), "{name}={value}: {error}");
        }
        assert_eq!(quoted("it's"), "'it''s'");
    }
}
