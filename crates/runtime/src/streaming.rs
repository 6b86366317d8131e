//! The gateway's sinks: one process beside it, looked after.
//!
//! A process of its own, below the gateway in everything: it reads the journal as any reader does, the gateway
//! waits for none of its words, and what it does wrong (hang, leak, crash) it does alone. It ends when its
//! input ends, and so with the gateway, however that ends. Its secrets come by that input: they are in nobody's
//! environment. How it is is read from the files that it keeps in the state directory.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use alerts::{Alerts, Standing};
use journal::Readers;
use model::{Alert, AlertKey};
use serde::{Deserialize, Serialize};
use sinks::SinkState;
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, ChildStdin, Command};

use crate::clock;
use crate::config::{Config, Secret, SecretError};
use crate::control;

/// What the process keeps of our environment. No secret is named by these.
const ENVIRONMENT_KEPT: &[&str] = &[
    "PATH",
    "LANG",
    "TZ",
    "RUST_LOG",
    "HOME",
    "XDG_STATE_HOME",
    crate::budget::STATE_DIR,
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];
/// First pause before a process that has ended is started again; each next one is twice as long.
const PAUSE_MIN: Duration = Duration::from_secs(1);
/// Longest such pause.
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// A process that has run so long is not one that keeps dying.
const RAN_WELL: Duration = Duration::from_secs(60);
/// Ends in a row before people are told.
const ENDS_TOLD: u32 = 3;
/// How often the sinks are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How often a sink that stays behind is said again.
const SAY_EVERY: Duration = Duration::from_secs(3_600);
/// How old an answer about how far the sinks are may be.
const HAD_OLD_MAX: Duration = Duration::from_secs(1);

/// What the process is told on its input, on one line.
#[derive(Default, Serialize, Deserialize)]
pub struct Secrets {
    /// The store's password, where there is one.
    pub store: Option<String>,
    /// By the name of the sink.
    pub sinks: BTreeMap<String, String>,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(…)")
    }
}

impl Secrets {
    fn of(config: &Config) -> Result<Secrets, SecretError> {
        let store = config.store_password.as_ref().map(|source| source.read()).transpose()?;
        let mut sinks = BTreeMap::new();
        for sink in &config.sinks {
            if let Some(source) = sink.secret() {
                sinks.insert(sink.name.clone(), source.read()?.reveal().to_owned());
            }
        }
        Ok(Secrets { store: store.map(|secret| secret.reveal().to_owned()), sinks })
    }

    /// The configuration with these in place.
    pub fn put_into(self, config: &mut Config) {
        if let Some(secret) = self.store {
            config.store_password = Some(crate::config::SecretSource::Taken(Secret::new(secret)));
        }
        for (name, secret) in self.sinks {
            if let Some(sink) = config.sinks.iter_mut().find(|sink| sink.name == name) {
                *sink = sink.clone().with_secret(Secret::new(secret));
            }
        }
    }
}

/// What is to be run and looked at.
#[derive(Debug)]
pub(crate) struct Plan {
    config: PathBuf,
    arguments: Vec<String>,
    /// Name, and how long a record may wait, seconds.
    sinks: Vec<(String, u64)>,
    directory: io::Result<PathBuf>,
    secrets: Result<Secrets, SecretError>,
}

impl Plan {
    pub(crate) fn of(config: &Config, state_dir: &Path) -> Plan {
        let of = |sink: &crate::config::SinkConfig| (sink.name.clone(), sink.behind_max_s());
        Plan {
            config: config.path.clone(),
            arguments: config.own_arguments.clone(),
            sinks: config.sinks.iter().map(of).collect(),
            directory: control::sinks_directory(state_dir, &config.store),
            secrets: Secrets::of(config),
        }
    }
}

/// Whom the journal keeps entries for; `None` where there are no sinks.
pub(crate) fn readers(config: &Config, state_dir: &Path) -> Option<Held> {
    if config.sinks.is_empty() {
        return None;
    }
    Some(Held {
        directory: control::sinks_directory(state_dir, &config.store).ok()?,
        names: config.sinks.iter().map(|sink| sink.name.clone()).collect(),
        max: config.held_for_sinks,
    })
}

/// Sinks whose entries are kept.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    directory: PathBuf,
    names: Vec<String>,
    max: u64,
}

impl Held {
    /// Asked by the journal's thread, which reads a few small files once a second at most.
    pub(crate) fn readers(self, tag: String) -> Readers {
        let Held { directory, names, max } = self;
        let mut known: Option<(Instant, u64)> = None;
        let had = move || match known {
            Some((at, had)) if at.elapsed() < HAD_OLD_MAX => had,
            _ => {
                let had = sinks::had(&directory, &names, &tag);
                known = Some((Instant::now(), had));
                had
            }
        };
        Readers { had: Box::new(had), held_max: max }
    }
}

/// Looks after the sinks until it is dropped, which ends their process.
pub(crate) async fn run(plan: Plan, alerts: Alerts) {
    if plan.sinks.is_empty() {
        return;
    }
    let tell = |alert: Alert| {
        tracing::warn!("{}", alert.text);
        alerts.raise(alert, Standing::default());
    };
    let (directory, secrets) = match (&plan.directory, &plan.secrets) {
        (Ok(directory), Ok(secrets)) => (directory, secrets),
        (Err(error), _) => return tell(not_started(error)),
        (_, Err(error)) => return tell(not_started(error)),
    };
    let mut looked = Looked::default();
    let mut ends = 0;
    let mut wait = PAUSE_MIN;
    loop {
        let began = Instant::now();
        let why = match start(&plan.config, &plan.arguments, secrets).await {
            Ok((mut child, _input)) => loop {
                tokio::select! {
                    ended = child.wait() => break match ended {
                        Ok(status) => status.to_string(),
                        Err(error) => error.to_string(),
                    },
                    () = tokio::time::sleep(LOOK_EVERY) => {
                        looked.at(&plan.sinks, directory).into_iter().for_each(&tell);
                    }
                }
            },
            Err(error) => error.to_string(),
        };
        if began.elapsed() >= RAN_WELL {
            (ends, wait) = (0, PAUSE_MIN);
        }
        ends += 1;
        tracing::warn!(
            "the process of the sinks has ended ({why}) and is started again; trading goes on"
        );
        if ends == ENDS_TOLD {
            let text = format!(
                "the process of the sinks has ended {ends} times in a row ({why}); trading goes on, and records wait \
                 in the journal; the gateway's log has its last words"
            );
            tell(Alert::warning(AlertKey::Notice, "sinks", text));
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(PAUSE_MAX);
    }
}

fn not_started(error: &dyn std::fmt::Display) -> Alert {
    let text = format!("the sinks are not started, and trading goes on: {error}");
    Alert::warning(AlertKey::Notice, "sinks", text)
}

/// A process with its input, which it ends with.
async fn start(
    config: &Path,
    arguments: &[String],
    secrets: &Secrets,
) -> io::Result<(Child, ChildStdin)> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("sink").arg("--config").arg(config).arg("--supervised").args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).env_clear();
    for name in ENVIRONMENT_KEPT {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    // A group of its own: ctrl-c at our terminal is not for it, it is told by the end of its input.
    command.process_group(0);
    let mut child = command.spawn()?;
    let mut line = serde_json::to_vec(secrets)?;
    line.push(b'\n');
    // Taken out of the child, for waiting for that one would close it.
    let mut input = child.stdin.take().ok_or_else(|| io::Error::other("it has no input"))?;
    input.write_all(&line).await?;
    input.flush().await?;
    Ok((child, input))
}

/// What was said of each sink already.
#[derive(Debug, Default)]
struct Looked {
    behind: BTreeMap<String, Instant>,
    dead: BTreeMap<String, u64>,
    missing: BTreeMap<String, u64>,
}

impl Looked {
    /// What people are to be told now.
    fn at(&mut self, sinks: &[(String, u64)], directory: &Path) -> Vec<Alert> {
        let now = clock::now();
        let mut alerts = Vec::new();
        for (name, behind_max_s) in sinks {
            let Some(state) = sinks::read_state(directory, name) else { continue };
            let behind_s = state.behind_s(now);
            let said = self.behind.get(name).copied();
            match (behind_s > *behind_max_s, said) {
                (true, said) if said.is_none_or(|said| said.elapsed() >= SAY_EVERY) => {
                    self.behind.insert(name.clone(), Instant::now());
                    alerts.push(is_behind(&state, behind_s));
                }
                (false, Some(_)) => {
                    self.behind.remove(name);
                    tracing::info!(sink = name, "the sink has caught up");
                }
                _ => {}
            }
            let dead = self.dead.insert(name.clone(), state.dead_letters);
            // What an earlier run has left was said then.
            if dead.is_some_and(|dead| dead < state.dead_letters) {
                let (count, file) =
                    (state.dead_letters, directory.join(format!("{name}.dead.jsonl")));
                let text = format!(
                    "sink {name}: {count} records were not taken as they are and lie in {}",
                    file.display()
                );
                alerts.push(Alert::warning(AlertKey::Notice, format!("sink {name} dead"), text));
            }
            let missing = self.missing.insert(name.clone(), state.missing);
            if missing.is_some_and(|missing| missing < state.missing) {
                let text = format!(
                    "sink {name}: {} records were removed from the journal before it had them; rows of kind missing \
                     say which",
                    state.missing
                );
                alerts.push(Alert::warning(AlertKey::Notice, format!("sink {name} missing"), text));
            }
        }
        alerts
    }
}

fn is_behind(state: &SinkState, behind_s: u64) -> Alert {
    let (name, behind) = (&state.name, state.behind());
    let why = state.trouble.as_ref().map_or("it is slower than the journal grows", |t| &t.what);
    let text = format!(
        "sink {name} is {behind} records and {behind_s} seconds behind, and trading goes on: {why}"
    );
    Alert::warning(AlertKey::Notice, format!("sink {name}"), text)
}

#[cfg(test)]
mod tests {
    use model::{StoreTag, Timestamp};
    use sinks::Trouble;

    use super::*;

    /// A sink's file, as its process writes it.
    fn write(directory: &Path, change: impl FnOnce(&mut SinkState)) {
        let mut state = SinkState { name: "files".to_owned(), last: 12, ..SinkState::default() };
        state.cursor.had = 5;
        state.cursor.journal = StoreTag::new(7).to_string();
        change(&mut state);
        let text = serde_json::to_string(&state).unwrap();
        std::fs::write(sinks::state_path(directory, "files"), text).unwrap();
    }

    #[test]
    fn people_are_told_once_of_what_is_behind_not_taken_or_missing() {
        let directory = tempfile::tempdir().unwrap();
        let at = directory.path();
        let all = [("files".to_owned(), 60), ("never-run".to_owned(), 60)];
        let mut looked = Looked::default();
        let mut look =
            || -> Vec<String> { looked.at(&all, at).into_iter().map(|alert| alert.text).collect() };
        assert_eq!(look(), [""; 0]);
        let ago = |seconds: u64| clock::now().before(Duration::from_secs(seconds));
        write(at, |state| state.waiting_since = Some(ago(30)));
        assert_eq!(look(), [""; 0], "that is no long time");
        let late = |state: &mut SinkState| {
            state.waiting_since = Some(ago(90));
            state.trouble = Some(Trouble {
                what: "no room".to_owned(),
                since: Timestamp::from_nanos(0),
                attempts: 3,
            });
        };
        write(at, late);
        let told = look();
        assert_eq!(told.len(), 1);
        assert!(told[0].starts_with("sink files is 7 records and"), "{told:?}");
        assert!(told[0].ends_with("no room"), "{told:?}");
        assert_eq!(look(), [""; 0], "it is known");
        write(at, |_| {});
        assert_eq!(look(), [""; 0], "it has caught up");
        write(at, late);
        assert_eq!(look().len(), 1, "again");
        write(at, |state| (state.dead_letters, state.missing) = (2, 3));
        let told = look();
        assert!(told[0].contains("2 records were not taken"), "{told:?}");
        assert!(told[1].contains("3 records were removed"), "{told:?}");
        assert_eq!(look(), [""; 0]);
    }

    #[test]
    fn entries_are_kept_for_the_slowest_sink_of_this_journal() {
        let directory = tempfile::tempdir().unwrap();
        let had = |names: &[&str], tag: u64| {
            let names = names.iter().map(|name| (*name).to_owned()).collect();
            let held = Held { directory: directory.path().to_owned(), names, max: 9 };
            let mut readers = held.readers(StoreTag::new(tag).to_string());
            assert_eq!(readers.held_max, 9);
            (readers.had)()
        };
        write(directory.path(), |_| {});
        assert_eq!(had(&["files"], 7), 5);
        assert_eq!(had(&["files", "never-run"], 7), 0);
        assert_eq!(had(&["files"], 8), 0, "a cursor of another journal says nothing");
    }
}
