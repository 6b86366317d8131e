//! What the checks look at, read once: they compute and ask nobody.

use std::path::PathBuf;
use std::time::Duration;

use gateway::Books;
use journal::{Health, JournalReader};
use runtime::config::{Config, SecretError, SecretSource};
use runtime::control::{self, Answer, Ask, ControlError};
use runtime::gates::{self, Evidence, Gate, KeySeen, Watchdog};
use runtime::gateway::Examined;
use runtime::state::State;

/// All that is looked at.
pub(super) struct Patient {
    pub(super) config: Config,
    /// Where the host's shared state is, or why nowhere.
    pub(super) state_dir: Result<PathBuf, String>,
    pub(super) journal: Journal,
    pub(super) gateway: Control,
    pub(super) watchdog: Watchdog,
    /// The venue, or why it could not be looked at.
    pub(super) venue: Result<Examined, String>,
    /// Every gate before real money.
    pub(super) gates: Vec<Gate>,
}

/// The journal.
pub(super) enum Journal {
    /// None has been made yet.
    New,
    /// It is there.
    There(Box<Kept>),
    /// It is not to be read.
    Unreadable(String),
}

/// What a journal says.
pub(super) struct Kept {
    pub(super) health: Health,
    pub(super) books: Books,
    /// Who runs on it.
    pub(super) holder: Option<String>,
}

/// What the running gateway answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Control {
    /// It does, after this long.
    Answers(Duration),
    /// Nobody listens.
    Nobody,
    /// Somebody does and does not answer.
    Silent(String),
}

impl Patient {
    pub(super) fn read(config: Config) -> Result<Patient, crate::failure::Failure> {
        let state_dir = runtime::budget::directory(config.state_dir.as_deref());
        let state_dir = state_dir.map_err(|error| error.to_string());
        let journal = journal(&config);
        let gateway = gateway(&config, state_dir.as_ref().ok());
        let (venue, watchdog) = crate::sockets::threads()?.block_on(async {
            let (venue, watchdog) =
                tokio::join!(runtime::gateway::examine(&config), Watchdog::ask(&config));
            (venue.map_err(|error| error.to_string()), watchdog)
        });
        let key = match &venue {
            Ok(Examined { key: Ok(audit), .. }) => KeySeen::Audited(audit.clone()),
            Ok(Examined { key: Err(cause), .. }) | Err(cause) => KeySeen::Unknown(cause.clone()),
        };
        let at = state_dir.as_ref().ok().map(PathBuf::as_path);
        let now = runtime::clock::now();
        let evidence = Evidence::gather(&config, at, watchdog.clone(), key, now);
        let gates = gates::judge(&config, &evidence);
        Ok(Patient { config, state_dir, journal, gateway, watchdog, venue, gates })
    }

    /// Every secret that the configuration names, with its key there.
    pub(super) fn secrets(&self) -> Vec<(String, &SecretSource)> {
        let (name, venue) = &self.config.venue;
        let of_venue = [("key", &venue.key), ("secret", &venue.secret)].into_iter();
        let of_venue = of_venue.filter_map(|(key, at)| Some((key, at.as_ref()?)));
        let mut all: Vec<_> =
            of_venue.map(|(key, at)| (format!("venue.{name}.{key}"), at)).collect();
        all.extend(self.config.store_password.iter().map(|at| ("store_password".to_owned(), at)));
        let paper = self.config.gates.paper_store_password.iter();
        all.extend(paper.map(|at| ("gates.paper_store_password".to_owned(), at)));
        let token = self.config.watchdog.iter().map(|watchdog| &watchdog.token);
        all.extend(token.map(|at| ("watchdog.token".to_owned(), at)));
        let of_sinks = self.config.sinks.iter().filter_map(|sink| Some((sink, sink.secret()?)));
        all.extend(of_sinks.map(|(sink, at)| (format!("sink {}", sink.name), at)));
        all
    }

    pub(super) fn kept(&self) -> Option<&Kept> {
        match &self.journal {
            Journal::There(kept) => Some(kept),
            Journal::New | Journal::Unreadable(_) => None,
        }
    }

    /// Does a gateway hold the journal?
    pub(super) fn holder(&self) -> Option<&str> {
        self.kept()?.holder.as_deref()
    }
}

fn journal(config: &Config) -> Journal {
    if let journal::Address::Sqlite(path) = &config.store
        && !path.exists()
    {
        return Journal::New;
    }
    let read = || -> Result<Kept, String> {
        let address = config.journal().map_err(|error: SecretError| error.to_string())?;
        let reader = JournalReader::of(&address).map_err(|error| error.to_string())?;
        let snapshots = reader.snapshots().map_err(|error| error.to_string())?;
        let restored = State::restore(snapshots, &mut |after, each| reader.replay(after, each));
        let State { health, books } = restored.map_err(|error| error.to_string())?.state;
        let holder = reader.holder().map_err(|error| error.to_string())?;
        Ok(Kept { health, books, holder })
    };
    match read() {
        Ok(kept) => Journal::There(Box::new(kept)),
        Err(problem) => Journal::Unreadable(problem),
    }
}

/// Asks for something that the gateway's own loop has to answer.
fn gateway(config: &Config, state_dir: Option<&PathBuf>) -> Control {
    let Some(socket) = state_dir.and_then(|at| control::socket(at, &config.store).ok()) else {
        return Control::Nobody;
    };
    let Some(instrument) = config.venue.1.instruments.first() else { return Control::Nobody };
    let asked = std::time::Instant::now();
    match control::ask(&socket, &Ask::Book { instrument: *instrument, depth: 1 }) {
        Ok(Answer::Error(problem)) => Control::Silent(problem),
        Ok(_) => Control::Answers(asked.elapsed()),
        Err(ControlError::Nobody { .. }) => Control::Nobody,
        Err(error) => Control::Silent(error.to_string()),
    }
}
