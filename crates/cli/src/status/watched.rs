//! A gateway that is looked at again and again: what its journal came to so far is kept, and only what is new is read.

use std::path::PathBuf;

use journal::{Address, Fold as _, JournalReader, StoreError};
use runtime::config::Config;
use runtime::state::State;
use serde_json::{Value, json};

use super::Status;

/// Where it is, and how far its journal was read.
pub(crate) struct Watched {
    journal: Address,
    directory: PathBuf,
    config: Option<Config>,
    read: Option<Read>,
}

struct Read {
    reader: JournalReader,
    state: State,
    last: u64,
}

impl Watched {
    /// The gateway of this journal. Without a configuration nothing is known of the host's budget.
    pub(crate) const fn new(
        journal: Address,
        directory: PathBuf,
        config: Option<Config>,
    ) -> Watched {
        Watched { journal, directory, config, read: None }
    }

    /// How it is now: the object of `plimsoll status --json`, and its balances.
    pub(crate) fn look(&mut self) -> Result<Value, StoreError> {
        let read = match self.read.take() {
            Some(read) => read.on().or_else(|_| Read::anew(&self.journal)),
            None => Read::anew(&self.journal),
        }?;
        let Read { reader, state, last } = read;
        let holder = reader.holder()?;
        let (directory, config) = (Some(self.directory.as_path()), self.config.as_ref());
        let status = Status::of(state, holder, directory, &self.journal, config);
        let mut object = status.json();
        object["balances"] = json!(status.books.balances());
        object["entries"] = json!(last);
        let Status { health, books, .. } = status;
        self.read = Some(Read { reader, state: State { books, health }, last });
        Ok(object)
    }
}

impl Read {
    fn anew(journal: &Address) -> Result<Read, StoreError> {
        let reader = JournalReader::of(journal)?;
        let restored =
            State::restore(reader.snapshots()?, &mut |after, each| reader.replay(after, each))?;
        Ok(Read { reader, state: restored.state, last: restored.last })
    }

    /// Reads what is new. An error where what was read before is not the beginning of what is there.
    fn on(mut self) -> Result<Read, StoreError> {
        let last = self.reader.last()?;
        if last < self.last {
            return Err(StoreError::Lost("the journal is another one".to_owned()));
        }
        if last > self.last {
            let (state, reached) = (&mut self.state, &mut self.last);
            self.reader.replay(*reached, &mut |seq, entry| {
                if seq != *reached + 1 {
                    let problem = "entries were removed meanwhile".to_owned();
                    return Err(StoreError::Removed { removed: seq - 1, problem });
                }
                state.add(&entry);
                *reached = seq;
                Ok(())
            })?;
        }
        Ok(self)
    }
}
