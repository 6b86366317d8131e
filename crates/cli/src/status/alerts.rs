//! How the sinks of alerts are doing: only the running gateway knows, so it is asked.

use std::fmt::Write as _;
use std::path::Path;

use alerts::SinkState;
use journal::Address;
use model::Timestamp;
use runtime::control::{self, Answer, Ask};

use super::words::ago;

/// Asks the gateway that runs on this journal; `None` where it does not say.
pub(super) fn ask(directory: &Path, store: &Address) -> Option<Vec<SinkState>> {
    let socket = control::socket(directory, store).ok()?;
    match control::ask(&socket, &Ask::Alerts) {
        Ok(Answer::Alerts(sinks)) => Some(sinks),
        Ok(_) | Err(_) => None,
    }
}

pub(super) fn write(out: &mut String, sinks: &[SinkState], now: Timestamp) -> std::fmt::Result {
    if sinks.is_empty() {
        writeln!(out, "alerts       go NOWHERE: no [[alert]] is configured")?;
    }
    for sink in sinks {
        let SinkState { name, kind, to, delivered, queued, dropped, .. } = sink;
        write!(out, "alerts       {name} ({kind}, {to}): {delivered} delivered")?;
        if let Some(at) = sink.last_success {
            write!(out, ", the last {} ago", ago(now, at))?;
        }
        write!(out, "; {queued} wait, {dropped} dropped")?;
        match &sink.last_failure {
            Some((at, failure)) if sink.failures_in_a_row > 0 => {
                let (times, ago) = (sink.failures_in_a_row, ago(now, *at));
                writeln!(out, "; FAILS, {times} in a row, the last {ago} ago: {failure}")?;
            }
            Some((at, failure)) => writeln!(out, "; failed {} ago: {failure}", ago(now, *at))?,
            None => writeln!(out)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use model::AlertLevel;

    use super::*;

    #[test]
    fn a_sink_that_fails_is_seen() {
        let at = |seconds: i64| Timestamp::from_millis(seconds * 1_000).unwrap();
        let good = SinkState {
            name: "ops".to_owned(),
            kind: "webhook".to_owned(),
            to: "https://example.com/…".to_owned(),
            min_level: AlertLevel::Info,
            delivered: 12,
            last_success: Some(at(90)),
            last_failure: None,
            failures_in_a_row: 0,
            queued: 0,
            dropped: 0,
        };
        let bad = SinkState {
            name: "chat".to_owned(),
            last_failure: Some((at(95), "no connection".to_owned())),
            failures_in_a_row: 3,
            queued: 2,
            ..good.clone()
        };
        let mended = SinkState { failures_in_a_row: 0, ..bad.clone() };
        let mut text = String::new();
        write(&mut text, &[good, bad, mended], at(100)).unwrap();
        write(&mut text, &[], at(100)).unwrap();
        assert_eq!(
            text,
            "alerts       ops (webhook, https://example.com/…): 12 delivered, the last 10 s ago; 0 wait, 0 \
             dropped\n\
             alerts       chat (webhook, https://example.com/…): 12 delivered, the last 10 s ago; 2 wait, 0 \
             dropped; FAILS, 3 in a row, the last 5 s ago: no connection\n\
             alerts       chat (webhook, https://example.com/…): 12 delivered, the last 10 s ago; 2 wait, 0 \
             dropped; failed 5 s ago: no connection\n\
             alerts       go NOWHERE: no [[alert]] is configured\n"
        );
    }
}
