//! One check, one small function: it looks at one thing and says how that is. The gates before real money are a list
//! of their own (`runtime/src/gates`).

use std::path::Path;

use runtime::config::SecretSource;

use super::finding::{Finding, Verdict};
use super::patient::{Journal, Patient};

/// All of them, in the order in which they are told.
pub(super) const ALL: &[fn(&Patient) -> Vec<Finding>] =
    &[secrets, state_directory, store, latch, ramp, disk, sinks, venue, clock, key];

/// Room on a disk that is said, and room without which a journal soon ends, bytes.
const ROOM_LOW: u64 = 1 << 30;
const ROOM_LEAST: u64 = 100 << 20;
/// A clock that is off by more is corrected for and said, milliseconds.
const CLOCK_MAX_MS: u64 = 1_000;

/// Every secret can be read, and by its owner alone.
fn secrets(patient: &Patient) -> Vec<Finding> {
    let one = |(name, source): (String, &SecretSource)| match source.read_words() {
        Ok(_) => {
            let place = match source {
                SecretSource::Env(_) | SecretSource::Taken(_) => "in the environment",
                SecretSource::File(_) => "in a file",
                SecretSource::Encrypted { .. } => "in a sealed file",
            };
            Finding::good("secret", format!("{name} is there, {place}"))
        }
        Err(error) => {
            let advice = "docs/keys.md says where a secret may be";
            Finding::bad("secret", Verdict::Wrong, format!("{name}: {error}"), advice)
        }
    };
    patient.secrets().into_iter().map(one).collect()
}

fn state_directory(patient: &Patient) -> Vec<Finding> {
    const NAME: &str = "state_dir";
    let finding = match &patient.state_dir {
        Err(problem) => Finding::bad(NAME, Verdict::Wrong, problem.as_str(), "name one"),
        Ok(path) => match std::fs::metadata(path) {
            Ok(found) if !found.is_dir() => {
                let text = format!("{} is no directory", path.display());
                Finding::bad(NAME, Verdict::Wrong, text, "name another in state_dir")
            }
            Ok(found) if found.permissions().readonly() => {
                let text = format!("{} cannot be written to", path.display());
                Finding::bad(NAME, Verdict::Wrong, text, "give it to the gateway's user")
            }
            Ok(_) => Finding::good(NAME, path.display().to_string()),
            Err(_) => Finding::good(NAME, format!("{} is made by the start", path.display())),
        },
    };
    vec![finding]
}

/// The journal's store is reachable.
fn store(patient: &Patient) -> Vec<Finding> {
    let address = &patient.config.store;
    let finding = match &patient.journal {
        Journal::New if !has_place(address) => {
            let text = format!("{address}: the directory is not there");
            Finding::bad("store", Verdict::Wrong, text, "make it, or name another in store")
        }
        Journal::New => Finding::good("store", format!("{address} is made by the first start")),
        Journal::There(kept) => {
            let held = match &kept.holder {
                Some(holder) => format!("in use by process {holder}"),
                None => "in use by nobody".to_owned(),
            };
            let session = kept.health.session;
            Finding::good("store", format!("{address}: session {session}, {held}"))
        }
        Journal::Unreadable(problem) => {
            let advice = "docs/stores.md and docs/journal.md say what to do";
            Finding::bad("store", Verdict::Wrong, format!("{address}: {problem}"), advice)
        }
    };
    vec![finding]
}

/// Is there a directory for a journal in a file?
fn has_place(store: &journal::Address) -> bool {
    match store {
        journal::Address::Sqlite(path) => path.parent().is_none_or(|at| named(at).is_dir()),
        journal::Address::Postgres(_) | journal::Address::Redis(_) => true,
    }
}

/// A path that is empty is where we are.
fn named(path: &Path) -> &Path {
    if path.as_os_str().is_empty() { Path::new(".") } else { path }
}

/// A halt is kept in the journal and does not go by itself.
fn latch(patient: &Patient) -> Vec<Finding> {
    let trading = patient.kept().and_then(|kept| kept.health.trading.as_ref());
    match trading {
        Some((state, cause, _)) if state.is_latched() => {
            let advice = "look at the exchange and at plimsoll status before it is lifted";
            vec![Finding::bad(
                "latch",
                Verdict::Wrong,
                format!("{}: {cause}", state.name()),
                advice,
            )]
        }
        Some(_) | None => vec![Finding::good("latch", "nothing is halted")],
    }
}

/// How much of the limits holds.
fn ramp(patient: &Patient) -> Vec<Finding> {
    let words = crate::status::ramp(&patient.config, patient.kept().map(|kept| &kept.books));
    words.map(|words| Finding::good("ramp", words)).into_iter().collect()
}

/// Each sink is where it should be.
fn sinks(patient: &Patient) -> Vec<Finding> {
    let now = runtime::clock::now();
    let one = |(name, kind, behind_max_s, state): crate::status::sinks::Shown| {
        let bad = |text: String, advice: &str| {
            Finding::bad("sink", Verdict::Warning, format!("{name} ({kind}): {text}"), advice)
        };
        let Some(state) = state else {
            return bad("has never run".to_owned(), "the gateway runs it, or plimsoll sink");
        };
        let behind_s = state.behind_s(now);
        match &state.trouble {
            Some(trouble) => bad(trouble.what.clone(), "it goes on by itself when that is over"),
            None if state.missing > 0 => bad(
                format!("{} records were removed before it had them", state.missing),
                "let the journal keep more: held_for_sinks, docs/sinks.md",
            ),
            None if state.dead_letters > 0 => bad(
                format!("{} records were not taken as they are", state.dead_letters),
                "look at NAME.dead.jsonl in the state directory, docs/sinks.md",
            ),
            None if behind_s > behind_max_s => bad(
                format!("{} records and {behind_s} s behind", state.behind()),
                "see whether its server is fast enough, and whether the gateway runs",
            ),
            None => Finding::good("sink", format!("{name} ({kind}): {} records", state.cursor.had)),
        }
    };
    crate::status::sinks::look(&patient.config).into_iter().map(one).collect()
}

/// Room for the journal and the budgets.
fn disk(patient: &Patient) -> Vec<Finding> {
    let mut places: Vec<&Path> = patient.state_dir.iter().map(|path| path.as_path()).collect();
    if let journal::Address::Sqlite(path) = &patient.config.store {
        places.extend(path.parent());
    }
    places.into_iter().filter_map(room).collect()
}

/// Of the disk that holds this, or will.
fn room(place: &Path) -> Option<Finding> {
    let there = place.ancestors().map(named).find(|path| path.is_dir())?;
    let found = rustix::fs::statvfs(there).ok()?;
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    let text = format!("{}: {} MiB are free", there.display(), free >> 20);
    Some(match free {
        ..ROOM_LEAST => {
            let advice = "make room: without a journal nothing is sent";
            Finding::bad("disk", Verdict::Wrong, text, advice)
        }
        ROOM_LEAST..ROOM_LOW => Finding::bad(
            "disk",
            Verdict::Warning,
            text,
            "make room; journal.keep_records bounds it",
        ),
        _ => Finding::good("disk", text),
    })
}

/// It is there, by its own answer.
fn venue(patient: &Patient) -> Vec<Finding> {
    let (name, settings) = &patient.config.venue;
    let finding = match &patient.venue {
        Err(problem) => {
            let advice = "put that right; nothing was asked of the exchange";
            Finding::bad("venue", Verdict::Wrong, problem.as_str(), advice)
        }
        Ok(seen) => match &seen.clock {
            Err(cause) => {
                let text = format!("{name} at {} does not answer: {cause}", seen.address);
                Finding::bad("venue", Verdict::Wrong, text, "check the address and that it is up")
            }
            Ok(_) if settings.is_the_exchange() => {
                Finding::good("venue", format!("{name} answers at {}", seen.address))
            }
            Ok(_) => {
                let text = format!("{name} answers at {}, which is not the exchange", seen.address);
                Finding::good("venue", text)
            }
        },
    };
    vec![finding]
}

/// The venue's clock against ours.
fn clock(patient: &Patient) -> Vec<Finding> {
    let Some(ahead_ms) = patient.venue.as_ref().ok().and_then(|seen| seen.clock.as_ref().ok())
    else {
        return Vec::new();
    };
    let text = format!("the venue's clock is {ahead_ms} ms ahead of this machine's");
    vec![if ahead_ms.unsigned_abs() > CLOCK_MAX_MS {
        let advice =
            "it is corrected for; times in the journal are by this machine's: set its clock";
        Finding::bad("clock", Verdict::Warning, text, advice)
    } else {
        Finding::good("clock", text)
    }]
}

/// The gate that a start has: what the key may do.
fn key(patient: &Patient) -> Vec<Finding> {
    let Ok(seen) = &patient.venue else { return Vec::new() };
    if patient.config.paper.is_some() {
        return vec![Finding::good("key", "none: a paper run asks for what is public")];
    }
    let audit = match &seen.key {
        // That it does not answer is said already.
        Err(_) if seen.clock.is_err() => return Vec::new(),
        Err(cause) => {
            return vec![Finding::bad("key", Verdict::Wrong, cause.as_str(), "docs/keys.md")];
        }
        Ok(audit) => audit,
    };
    let name = &patient.config.venue.0;
    let mut findings = Vec::new();
    for finding in &audit.refused {
        let advice = format!(
            "or, if it has to be so, accept_key_scopes = [\"{}\"] in [venue.{name}]",
            finding.name()
        );
        findings.push(Finding::bad("key", Verdict::Refused, finding.words(), advice));
    }
    for finding in &audit.accepted {
        let advice = "accepted by accept_key_scopes";
        findings.push(Finding::bad("key", Verdict::Warning, finding.words(), advice));
    }
    for finding in &audit.warned {
        let advice = format!(
            "demand_key_scopes = [\"{}\"] in [venue.{name}] refuses a start for it",
            finding.name()
        );
        findings.push(Finding::bad("key", Verdict::Warning, finding.words(), advice));
    }
    if findings.is_empty() {
        let text = match seen.profile.tells_key_addresses {
            true => "may trade, may not withdraw or transfer, is bound to addresses",
            false => {
                "may trade, may not withdraw or transfer; whether it is bound to addresses the \
                 exchange does not tell"
            }
        };
        findings.push(Finding::good("key", text));
    }
    findings
}
