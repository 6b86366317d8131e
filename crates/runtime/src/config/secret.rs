//! Secrets: read from an environment variable or a file, held in a type that cannot be printed.
//!
//! The likeliest mistake is to write the secret itself where its place belongs, so nothing here
//! repeats what it was given unless it looks like the name of a place.

use std::fmt;
use std::path::PathBuf;

use serde::de::{Deserialize, Deserializer, Error as _};

/// Longest name of an environment variable that is repeated in a message.
const NAME_MAX: usize = 40;

/// Where a secret is to be found. Never the secret itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// An environment variable.
    Env(String),
    /// A file; white space at its end is cut off.
    File(PathBuf),
    /// It has been found; see `take_from_environment`.
    Taken(Secret),
}

/// `{ env = "NAME" }` or `{ file = "PATH" }`; everything else is refused without repeating it.
impl<'de> Deserialize<'de> for SecretSource {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<SecretSource, D::Error> {
        let form = "write { env = \"NAME\" } or { file = \"PATH\" }: where the secret is, never the \
                    secret itself";
        let value = toml::Value::deserialize(from).map_err(|_| D::Error::custom(form))?;
        let mut entries = value.as_table().into_iter().flatten();
        match (entries.next(), entries.next()) {
            (Some((key, toml::Value::String(text))), None) if key == "env" => {
                Ok(SecretSource::Env(text.clone()))
            }
            (Some((key, toml::Value::String(text))), None) if key == "file" => {
                Ok(SecretSource::File(text.into()))
            }
            _ => Err(D::Error::custom(form)),
        }
    }
}

/// A secret. Prints as dots.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
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
        let (text, name) = match self {
            SecretSource::Env(variable) => {
                let name = variable_name(variable);
                let text =
                    std::env::var(variable).map_err(|_| SecretError::NotSet(name.clone()))?;
                (text, name)
            }
            SecretSource::File(path) => {
                let name = file_name(path);
                let text = std::fs::read_to_string(path)
                    .map_err(|source| SecretError::Unreadable { name: name.clone(), source })?;
                (text, name)
            }
            SecretSource::Taken(secret) => return Ok(secret.clone()),
        };
        let text = text.trim();
        if text.is_empty() {
            return Err(SecretError::Empty(name));
        }
        if text.contains(char::is_whitespace) && !text.contains("-----BEGIN") {
            return Err(SecretError::NoKey(name));
        }
        Ok(Secret(text.to_owned()))
    }
}

/// Reads what these name in the environment and removes it from there, so that nothing in this
/// process comes upon it later. What cannot be read stays as it is and is an error when it is wanted.
///
/// The environment is changed only while the process has one thread; else it stays as it is.
pub(super) fn take_from_environment<'s>(sources: impl IntoIterator<Item = &'s mut SecretSource>) {
    let mut variables = Vec::new();
    for source in sources {
        if let SecretSource::Env(variable) = &*source
            && let Ok(secret) = source.read()
        {
            variables.push(variable.clone());
            *source = SecretSource::Taken(secret);
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
fn file_name(path: &std::path::Path) -> String {
    let text = path.display().to_string();
    if text.contains("-----BEGIN") { "the file that is named there".to_owned() } else { text }
}
