//! How far the sinks are, by the files that they keep.

use std::fmt::Write as _;

use ::sinks::SinkState;
use model::Timestamp;
use runtime::config::Config;
use serde_json::{Value, json};

use super::words::ago;

/// A configured sink, and how it is; `None` for one that has never run.
pub(crate) type Shown = (String, &'static str, u64, Option<SinkState>);

/// All that are configured.
pub(crate) fn look(config: &Config) -> Vec<Shown> {
    let directory = runtime::budget::directory(config.state_dir.as_deref()).ok();
    let directory =
        directory.and_then(|at| runtime::control::sinks_directory(&at, &config.store).ok());
    let of = |sink: &runtime::config::SinkConfig| {
        let state = directory.as_deref().and_then(|at| ::sinks::read_state(at, &sink.name));
        (sink.name.clone(), sink.kind(), sink.behind_max_s(), state)
    };
    config.sinks.iter().map(of).collect()
}

pub(super) fn write(out: &mut String, shown: &[Shown], now: Timestamp) -> std::fmt::Result {
    for (name, kind, _, state) in shown {
        let Some(state) = state else {
            writeln!(out, "sink         {name} ({kind}): has NEVER RUN")?;
            continue;
        };
        let (place, had) = (&state.cursor.place, state.cursor.had);
        write!(out, "sink         {name} ({kind}, {place}): {had} records")?;
        match state.behind() {
            0 => write!(out, ", all")?,
            behind => write!(out, ", {behind} wait, the oldest for {} s", state.behind_s(now))?,
        }
        write!(out, ", looked {} ago", ago(now, state.written_at))?;
        if state.dead_letters > 0 {
            write!(out, "; {} DEAD LETTERS", state.dead_letters)?;
        }
        if state.missing > 0 {
            write!(out, "; {} MISSING", state.missing)?;
        }
        match &state.trouble {
            Some(trouble) => {
                writeln!(out, "; FAILS since {}: {}", ago(now, trouble.since), trouble.what)?;
            }
            None => writeln!(out)?,
        }
    }
    Ok(())
}

pub(super) fn json(shown: &[Shown]) -> Value {
    let one = |(name, kind, _, state): &Shown| match state {
        Some(state) => crate::sink::as_json(state),
        None => json!({"name": name, "kind": kind, "had": null}),
    };
    shown.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use ::sinks::Trouble;

    use super::*;

    #[test]
    fn a_sink_that_waits_is_seen() {
        let at = |seconds: i64| Timestamp::from_millis(seconds * 1_000).unwrap();
        let mut good = SinkState { last: 12, written_at: at(99), ..SinkState::default() };
        good.cursor.had = 12;
        good.cursor.place = "records".to_owned();
        let mut bad = SinkState { waiting_since: Some(at(40)), dead_letters: 2, ..good.clone() };
        bad.cursor.had = 5;
        bad.trouble = Some(Trouble { what: "no room".to_owned(), since: at(70), attempts: 9 });
        let shown = [
            ("files".to_owned(), "parquet", 300, Some(good)),
            ("more".to_owned(), "parquet", 300, Some(bad)),
            ("new".to_owned(), "clickhouse", 300, None),
        ];
        let mut text = String::new();
        write(&mut text, &shown, at(100)).unwrap();
        assert_eq!(
            text,
            "sink         files (parquet, records): 12 records, all, looked 1 s ago\n\
             sink         more (parquet, records): 5 records, 7 wait, the oldest for 60 s, looked 1 s ago; 2 DEAD \
             LETTERS; FAILS since 30 s: no room\n\
             sink         new (clickhouse): has NEVER RUN\n"
        );
    }
}
