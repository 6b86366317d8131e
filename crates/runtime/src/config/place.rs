//! Where a gateway is to be found, of a configuration that need not be whole.
//!
//! Who wants to halt is not to be told first that a limit is missing: this reads what names the journal, the
//! state directory and the watchdog, and nothing else.

use std::path::{Path, PathBuf};

use journal::Address;
use serde::Deserialize;

use super::{ConfigError, SecretSource, read};

/// Where a gateway and its watchdog are.
#[derive(Debug)]
pub struct Place {
    /// Where the journal is kept.
    pub store: Address,
    /// Where what all processes of the host share is kept; `None` leaves it to the environment.
    pub state_dir: Option<PathBuf>,
    /// The watchdog's HTTP control, `HOST:PORT`, and its token; `None` where there is none.
    pub watchdog: Option<(String, SecretSource)>,
}

#[derive(Deserialize)]
struct File {
    store: String,
    state_dir: Option<PathBuf>,
    watchdog: Option<Watchdog>,
}

#[derive(Deserialize)]
struct Watchdog {
    control: Option<String>,
    token: Option<SecretSource>,
}

/// Reads it.
pub fn place(path: &Path) -> Result<Place, ConfigError> {
    let (_, file): (String, File) = read(path)?;
    let here = path.parent().unwrap_or(Path::new("."));
    let store = Address::parse(&file.store, here).map_err(|problem| ConfigError::Value {
        path: path.to_owned(),
        key: "store".to_owned(),
        problem,
    })?;
    let state_dir = file.state_dir.map(|directory| here.join(directory));
    let watchdog = file.watchdog.and_then(|watchdog| watchdog.control.zip(watchdog.token));
    let watchdog = watchdog.map(|(control, token)| (control, token.within(here)));
    Ok(Place { store, state_dir, watchdog })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_elsewhere_does_not_matter() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("plimsoll.toml");
        let text = "mode = 7\nstore = \"sqlite:x.db\"\nstate_dir = \"state\"\nlimit = 3\n\
                    [watchdog]\ncontrol = \"127.0.0.1:9201\"\ntoken = { env = \"TOKEN\" }\nx = 1\n";
        std::fs::write(&path, text).unwrap();
        let place = place(&path).unwrap();
        assert_eq!(place.store, Address::Sqlite(directory.path().join("x.db")));
        assert_eq!(place.state_dir, Some(directory.path().join("state")));
        let (control, token) = place.watchdog.unwrap();
        assert_eq!(
            (control.as_str(), token),
            ("127.0.0.1:9201", SecretSource::Env("TOKEN".into()))
        );
    }
}
