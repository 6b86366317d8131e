//! Secrets: read from an environment variable, a file or a sealed file, held in a type that cannot be
//! printed and that overwrites itself when it goes.
//!
//! The likeliest mistake is to write the secret itself where its place belongs, so nothing here
//! repeats what it was given unless it looks like the name of a place.

use std::fmt;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde::de::{Deserialize, Deserializer, Error as _};
use zeroize::Zeroizing;

/// Longest name of an environment variable that is repeated in a message.
const NAME_MAX: usize = 40;

/// Where a secret is to be found. Never the secret itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// An environment variable.
    Env(String),
    /// A file; white space at its end is cut off.
    File(PathBuf),
    /// A file that `plimsoll secret encrypt` has made, or `age -p`, and what opens it.
    Encrypted {
        /// The sealed secret.
        path: PathBuf,
        /// Where the passphrase is: a variable or a file.
        passphrase: Box<SecretSource>,
    },
    /// It has been found; see `take_from_environment`.
    Taken(Secret),
}

const FORM: &str = "write { env = \"NAME\" }, { file = \"PATH\" } or { encrypted = \"PATH\", \
                    passphrase = { env = \"NAME\" } }: where the secret is, never the secret itself";

/// One of the three forms; everything else is refused without repeating it.
impl<'de> Deserialize<'de> for SecretSource {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<SecretSource, D::Error> {
        let value = toml::Value::deserialize(from).map_err(|_| D::Error::custom(FORM))?;
        source(&value).ok_or_else(|| D::Error::custom(FORM))
    }
}

fn source(value: &toml::Value) -> Option<SecretSource> {
    let table = value.as_table()?;
    let text = |key: &str| table.get(key)?.as_str();
    match table.len() {
        1 => {
            let file = || text("file").map(|path| SecretSource::File(path.into()));
            text("env").map(|name| SecretSource::Env(name.to_owned())).or_else(file)
        }
        2 => {
            let path = text("encrypted")?.into();
            // What opens a sealed file is not sealed itself.
            let passphrase = source(table.get("passphrase")?)?;
            let is_plain = !matches!(passphrase, SecretSource::Encrypted { .. });
            is_plain.then(|| SecretSource::Encrypted { path, passphrase: Box::new(passphrase) })
        }
        _ => None,
    }
}

/// A secret. Prints as dots.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// One that was found by other ways than these.
    pub(crate) fn new(text: String) -> Secret {
        Secret(Zeroizing::new(text))
    }

    /// The secret itself, for the one place that signs with it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A secret that is not where it should be.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The variable is not set.
    #[error("{0} is not set; export it before starting")]
    NotSet(String),
    /// The file cannot be read.
    #[error("{name}: cannot be read: {source}")]
    Unreadable {
        /// Which file.
        name: String,
        /// Why.
        source: std::io::Error,
    },
    /// Everybody on this machine can read the file.
    #[error("{name} can be read by everybody on this machine; chmod 600 {name}")]
    Open {
        /// Which file.
        name: String,
    },
    /// A sealed file is not opened.
    #[error("{name} {source}")]
    Sealed {
        /// Which file.
        name: String,
        /// Why not.
        source: sealed::OpenError,
    },
    /// The passphrase of a sealed file is not where it should be.
    #[error("passphrase: {0}")]
    Passphrase(Box<SecretError>),
    /// There is nothing in it.
    #[error("{0} is empty")]
    Empty(String),
    /// An HMAC secret is one word and a key in PEM begins with its own line; this is neither.
    #[error(
        "{0} holds several words and is no key in PEM; a key file is taken as it is, with its lines \
         -----BEGIN … and -----END …"
    )]
    NoKey(String),
}

impl SecretSource {
    /// Reads the secret.
    pub fn read(&self) -> Result<Secret, SecretError> {
        let (text, name) = self.text()?;
        let text = text.trim();
        if text.contains(char::is_whitespace) && !text.contains("-----BEGIN") {
            return Err(SecretError::NoKey(name));
        }
        checked(text, name)
    }

    /// Reads a passphrase, which may hold several words.
    pub fn read_words(&self) -> Result<Secret, SecretError> {
        let (text, name) = self.text()?;
        checked(text.trim(), name)
    }

    /// What is there, and a name for the place.
    fn text(&self) -> Result<(Zeroizing<String>, String), SecretError> {
        Ok(match self {
            SecretSource::Env(variable) => {
                let name = variable_name(variable);
                let text =
                    std::env::var(variable).map_err(|_| SecretError::NotSet(name.clone()))?;
                (Zeroizing::new(text), name)
            }
            SecretSource::File(path) => {
                let name = file_name(path);
                check_permissions(path, &name)?;
                let text = std::fs::read_to_string(path)
                    .map_err(|source| SecretError::Unreadable { name: name.clone(), source })?;
                (Zeroizing::new(text), name)
            }
            SecretSource::Encrypted { path, passphrase } => {
                let passphrase = passphrase
                    .read_words()
                    .map_err(|error| SecretError::Passphrase(Box::new(error)))?;
                let name = file_name(path);
                (opened(path, &name, &passphrase)?, name)
            }
            SecretSource::Taken(secret) => (secret.0.clone(), "the secret".to_owned()),
        })
    }

    /// The same with paths that are relative to `here`.
    pub(super) fn within(self, here: &Path) -> SecretSource {
        match self {
            SecretSource::File(path) => SecretSource::File(here.join(path)),
            SecretSource::Encrypted { path, passphrase } => SecretSource::Encrypted {
                path: here.join(path),
                passphrase: Box::new(passphrase.within(here)),
            },
            SecretSource::Env(_) | SecretSource::Taken(_) => self,
        }
    }
}

fn checked(text: &str, name: String) -> Result<Secret, SecretError> {
    if text.is_empty() {
        return Err(SecretError::Empty(name));
    }
    Ok(Secret(Zeroizing::new(text.to_owned())))
}

fn opened(path: &Path, name: &str, with: &Secret) -> Result<Zeroizing<String>, SecretError> {
    let unreadable = |source| SecretError::Unreadable { name: name.to_owned(), source };
    let sealed = |source| SecretError::Sealed { name: name.to_owned(), source };
    let length = std::fs::metadata(path).map_err(unreadable)?.len();
    if length > sealed::FILE_MAX as u64 {
        return Err(sealed(sealed::OpenError::TooLarge));
    }
    let file = std::fs::read(path).map_err(unreadable)?;
    let secret = sealed::open(&file, with.reveal().as_bytes()).map_err(sealed)?;
    let text = std::str::from_utf8(&secret).map_err(|_| SecretError::NoKey(name.to_owned()))?;
    Ok(Zeroizing::new(text.to_owned()))
}

/// A key that others can read is a key that others have. Where one of the directories above lets nobody
/// in the file's own permissions do not matter.
fn check_permissions(path: &Path, name: &str) -> Result<(), SecretError> {
    // What is not there is said when it is read.
    let Ok(path) = path.canonicalize() else { return Ok(()) };
    let mode = |path: &Path| std::fs::metadata(path).map_or(0, |found| found.permissions().mode());
    let reach = |bits: u32| path.ancestors().skip(1).all(|above| mode(above) & bits != 0);
    let own = mode(&path);
    if own & 0o004 != 0 && reach(0o001) {
        return Err(SecretError::Open { name: name.to_owned() });
    }
    if own & 0o040 != 0 && reach(0o011) {
        tracing::warn!("{name} can be read by its group; chmod 600 {name} keeps it to its owner");
    }
    Ok(())
}

/// Reads what these name in the environment and removes it from there, so that nothing in this
/// process comes upon it later. What cannot be read stays as it is and is an error when it is wanted.
///
/// The environment is changed only while the process has one thread; else it stays as it is.
pub(super) fn take_from_environment<'s>(sources: impl IntoIterator<Item = &'s mut SecretSource>) {
    let mut variables = Vec::new();
    for source in sources {
        match source {
            SecretSource::Encrypted { passphrase, .. } => {
                let read = passphrase.read_words();
                take(passphrase, read, &mut variables);
            }
            SecretSource::Env(_) => {
                let read = source.read();
                take(source, read, &mut variables);
            }
            SecretSource::File(_) | SecretSource::Taken(_) => {}
        }
    }
    let threads = std::fs::read_dir("/proc/self/task").map(Iterator::count);
    if !threads.is_ok_and(|threads| threads == 1) {
        return;
    }
    for variable in variables {
        #[expect(unsafe_code, reason = "the environment is one for all threads")]
        // SAFETY: this thread is the only one, so nobody reads the environment meanwhile.
        unsafe {
            std::env::remove_var(variable);
        }
    }
}

/// One that was in a variable is kept, and the variable is to go.
fn take(source: &mut SecretSource, read: Result<Secret, SecretError>, variables: &mut Vec<String>) {
    if let SecretSource::Env(variable) = &*source
        && let Ok(secret) = read
    {
        variables.push(variable.clone());
        *source = SecretSource::Taken(secret);
    }
}

/// A variable in words, by name only when it looks like one: it may be the secret itself.
fn variable_name(variable: &str) -> String {
    let plain = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    if variable.len() <= NAME_MAX && variable.chars().all(plain) {
        format!("environment variable {variable}")
    } else {
        "the environment variable that is named there".to_owned()
    }
}

/// A file in words; a key's text is no path.
fn file_name(path: &Path) -> String {
    let text = path.display().to_string();
    if text.contains("-----BEGIN") { "the file that is named there".to_owned() } else { text }
}
