//! How much of the limits holds and when more does, and which version of each agent came up last: by the journal and
//! the configuration's schedule.

use std::fmt::Write as _;
use std::time::Duration;

use gateway::{Books, Ramp, Ramped};
use model::Timestamp;
use runtime::config::Config;
use serde_json::{Map, Value, json};

use super::words::ago;

pub(super) fn write(
    out: &mut String,
    ramp: Option<&Ramp>,
    books: &Books,
    now: Timestamp,
) -> std::fmt::Result {
    if let Some(ramp) = ramp {
        let ramped = books.ramped();
        writeln!(out, "ramp         {}", words(ramp, ramped))?;
        if let Some((at, why)) = ramped.fell() {
            writeln!(out, "             last sent back {} ago: {why}", ago(now, at))?;
        }
    }
    for (agent, version) in books.ramped().versions() {
        writeln!(out, "agent        {agent} version {}", version.short())?;
    }
    Ok(())
}

/// The part that holds, and when the next one does.
pub(crate) fn words(ramp: &Ramp, ramped: &Ramped) -> String {
    let clean = ramped.clean();
    let percent = ramp.percent(clean);
    match ramp.next(clean) {
        Some((more, next)) => {
            let more = length(more);
            format!(
                "{percent} % of the limits; {next} % after {more} more that are active and clean"
            )
        }
        None if percent < 100 => format!("{percent} % of the limits, and the schedule has no more"),
        None => "all of the limits".to_owned(),
    }
}

/// For `plimsoll doctor`: of the journal that was read, or of one that is yet to be made.
pub(crate) fn of(config: &Config, books: Option<&Books>) -> Option<String> {
    let ramp = config.ramp.as_ref()?;
    let none = Ramped::default();
    Some(words(ramp, books.map_or(&none, Books::ramped)))
}

fn length(time: Duration) -> String {
    ago(Timestamp::EPOCH.after(time), Timestamp::EPOCH)
}

pub(super) fn json(ramp: Option<&Ramp>, books: &Books) -> (Value, Value) {
    let ramped = books.ramped();
    let versions = ramped.versions().iter();
    let versions: Map<String, Value> =
        versions.map(|(agent, version)| (agent.to_string(), json!(version))).collect();
    let ramp = ramp.map(|ramp| {
        let next = ramp.next(ramped.clean());
        json!({
            "percent": ramp.percent(ramped.clean()),
            "clean_s": ramped.clean().as_secs(),
            "next_percent": next.map(|(_, percent)| percent),
            "next_in_s": next.map(|(more, _)| more.as_secs()),
            "sent_back": ramped.fell().map(|(at, why)| json!({"at": at, "because": why})),
        })
    });
    (json!(ramp), Value::Object(versions))
}

#[cfg(test)]
mod tests {
    use gateway::RampStep;

    use super::*;

    #[test]
    fn the_part_and_the_next_one_in_words() {
        let step =
            |hours: u64, percent| RampStep { after: Duration::from_secs(hours * 3_600), percent };
        let ramp = |steps| Ramp { start_percent: 10, steps };
        let none = Ramped::default();
        let text = words(&ramp(vec![step(26, 25)]), &none);
        assert_eq!(text, "10 % of the limits; 25 % after 1 d 2 h more that are active and clean");
        assert!(words(&ramp(vec![]), &none).ends_with("the schedule has no more"));
        assert_eq!(words(&Ramp { start_percent: 100, steps: vec![] }, &none), "all of the limits");
    }
}
