//! `plimsoll sink`: streams the journal's records to where the configuration says.
//!
//! The gateway runs this by itself, as a process beside it; by hand it hands over a journal whose gateway does
//! not run, or runs without its own. Each sink has a thread and a connection to the journal of its own, so
//! that one which hangs holds up no other.

use std::io::{BufRead as _, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use journal::Address;
use runtime::config::{Config, SinkConfig};
use runtime::streaming::Secrets;
use rustix::process::nice;
use serde_json::{Value, json};
use sinks::{Ended, Lock, Locked, Sink, SinkState, Until};

use crate::failure::Failure;
use crate::{signals, sockets};

/// Sinks go after everything else that wants the processor, the agents among it.
const NICENESS: i32 = 10;
/// And first when the machine is out of memory (proc(5), -1000 to 1000).
const OOM_SCORE: &str = "700";
/// Longest line with secrets, bytes.
const SECRETS_MAX: u64 = 64 << 10;
/// How long a supervised sink goes on when its gateway has ended: its last records are to arrive.
const LAST_RECORDS: Duration = Duration::from_secs(3);
/// How often a supervised sink looks whether another process has let go of its lock.
const LOCK_AGAIN: Duration = Duration::from_secs(2);

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The configuration file of the gateway.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// This sink alone.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// End when all that is in the journal is handed over, instead of waiting for more.
    #[arg(long)]
    once: bool,
    /// Print one JSON object at the end.
    #[arg(long)]
    json: bool,
    /// Started by a gateway: secrets come on the first line of the input, and its end is the end.
    #[arg(long, hide = true, conflicts_with_all = ["once", "name"])]
    supervised: bool,
}

/// One thread's work.
struct Work {
    config: SinkConfig,
    journal: Address,
    directory: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    crate::private::keep();
    if !args.once {
        yield_to_others();
    }
    let mut config = runtime::config::load(&args.config).map_err(Failure::usage)?;
    if args.supervised {
        secrets()?.put_into(&mut config);
    } else {
        config.take_secrets();
    }
    let works = works(&config, args.name.as_deref())?;
    let directory = works.first().map(|work| work.directory.clone()).unwrap_or_default();
    let names: Vec<String> = works.iter().map(|work| work.config.name.clone()).collect();
    let stop = Arc::new(AtomicBool::new(false));
    let threads = sockets::threads()?;
    let mut signal = threads.block_on(async { signals::stop_on_signal() })?;
    let told = Arc::clone(&stop);
    threads.spawn(async move {
        // Where the sender is gone the process ends anyway.
        drop(signal.wait_for(|stop| *stop).await);
        told.store(true, Ordering::Relaxed);
    });
    if args.supervised {
        let told = Arc::clone(&stop);
        std::thread::spawn(move || {
            // Nothing more is said on it; that it ends is the word.
            drop(std::io::stdin().lock().read_to_end(&mut Vec::new()));
            std::thread::sleep(LAST_RECORDS);
            told.store(true, Ordering::Relaxed);
        });
    }
    let until = if args.once { Until::Done } else { Until::Told };
    let failures = work_all(works, until, args.supervised, &stop);
    report(args, &directory, &names)?;
    match failures.is_empty() {
        true => Ok(()),
        false => Err(anyhow!(failures.join("; ")).into()),
    }
}

/// A sink must never take what trading needs.
fn yield_to_others() {
    if let Err(error) = nice(NICENESS) {
        tracing::warn!(%error, "the sinks run with the priority of everything else");
    }
    // A wish: a kernel that forbids it is no reason not to go on.
    drop(std::fs::write("/proc/self/oom_score_adj", OOM_SCORE));
}

/// What the gateway says on the first line.
fn secrets() -> Result<Secrets, Failure> {
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .take(SECRETS_MAX)
        .read_line(&mut line)
        .context("the gateway's line with the secrets cannot be read")?;
    serde_json::from_str(&line).map_err(|_| {
        // The error would repeat what it has read.
        Failure::Usage(anyhow!(
            "--supervised is for the gateway: its first line of input has the secrets"
        ))
    })
}

fn works(config: &Config, name: Option<&str>) -> Result<Vec<Work>, Failure> {
    if config.sinks.is_empty() {
        return Err(Failure::Usage(anyhow!(
            "the configuration has no [[sink]]; docs/sinks.md says how to write one"
        )));
    }
    let journal = config.journal().map_err(Failure::usage)?;
    let state_dir =
        runtime::budget::directory(config.state_dir.as_deref()).map_err(Failure::usage)?;
    let directory = runtime::control::sinks_directory(&state_dir, &config.store)
        .with_context(|| format!("{}: is not there; start a gateway first", config.store))?;
    let wanted = |sink: &&SinkConfig| name.is_none_or(|name| sink.name == name);
    let works: Vec<Work> = config
        .sinks
        .iter()
        .filter(wanted)
        .map(|sink| Work {
            config: sink.clone(),
            journal: journal.clone(),
            directory: directory.clone(),
        })
        .collect();
    if works.is_empty() {
        let known: Vec<&str> = config.sinks.iter().map(|sink| sink.name.as_str()).collect();
        let (name, known) = (name.unwrap_or_default(), known.join(", "));
        return Err(Failure::Usage(anyhow!("there is no sink {name:?}; there are: {known}")));
    }
    Ok(works)
}

/// Runs all of them, each on a thread; returns what failed.
fn work_all(works: Vec<Work>, until: Until, is_patient: bool, stop: &AtomicBool) -> Vec<String> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = works
            .iter()
            .map(|work| {
                let name = &work.config.name;
                (name, scope.spawn(move || work_one(work, until, is_patient, stop)))
            })
            .collect();
        let failure =
            |(name, thread): (&String, std::thread::ScopedJoinHandle<'_, _>)| match thread.join() {
                Ok(Ok(())) => None,
                Ok(Err(problem)) => Some(format!("sink {name}: {problem}")),
                Err(_) => Some(format!("sink {name}: has panicked; this is a bug")),
            };
        threads.into_iter().filter_map(failure).collect()
    })
}

fn work_one(work: &Work, until: Until, is_patient: bool, stop: &AtomicBool) -> Result<(), String> {
    let stopped = || stop.load(Ordering::Relaxed);
    let settings = work.config.settings().map_err(|error| error.to_string())?;
    let mut was_said = false;
    let _lock = loop {
        match Lock::take(&work.directory, &work.config.name) {
            Ok(lock) => break lock,
            Err(error @ Locked::Held { .. }) if is_patient => {
                if !was_said {
                    tracing::warn!("{error}");
                    was_said = true;
                }
                if stopped() {
                    return Ok(());
                }
                std::thread::sleep(LOCK_AGAIN);
            }
            Err(error) => return Err(error.to_string()),
        }
    };
    let sink = Sink::new(&settings, work.journal.clone(), &work.directory)?;
    match sink.run(until, &stopped) {
        Ended::Well => Ok(()),
        Ended::GaveUp(problem) => Err(problem),
    }
}

fn report(args: &Args, directory: &Path, names: &[String]) -> Result<(), Failure> {
    if args.supervised {
        return Ok(());
    }
    let states: Vec<SinkState> =
        names.iter().filter_map(|name| sinks::read_state(directory, name)).collect();
    let mut out = std::io::stdout().lock();
    if args.json {
        let all: Vec<Value> = states.iter().map(as_json).collect();
        writeln!(out, "{}", json!({ "sinks": all }))?;
    } else {
        for state in &states {
            let SinkState { name, kind, cursor, last, .. } = state;
            let place = &cursor.place;
            writeln!(out, "{name} ({kind}, {place}): {} of {last} records", cursor.had)?;
        }
    }
    Ok(())
}

/// How a sink is, for programs.
pub(crate) fn as_json(state: &SinkState) -> Value {
    json!({
        "name": state.name,
        "kind": state.kind,
        "place": state.cursor.place,
        "had": state.cursor.had,
        "last": state.last,
        "behind": state.behind(),
        "behind_s": state.behind_s(runtime::clock::now()),
        "dead_letters": state.dead_letters,
        "missing": state.missing,
        "trouble": state.trouble.as_ref().map(|trouble| &trouble.what),
        "trouble_since": state.trouble.as_ref().map(|trouble| trouble.since),
        "written_at": state.written_at,
    })
}
