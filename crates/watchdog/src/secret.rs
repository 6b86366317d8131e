//! Secrets: read from an environment variable, a file or a sealed file; never printed, and overwritten when
//! they go.
//!
//! The likeliest mistake is to write the secret itself where its place belongs, so nothing here repeats what
//! it was given unless it looks like the name of a place.

use std::fmt;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::Error as _;
use zeroize::Zeroizing;

use crate::sealed;

/// Longest name of an environment variable.
const NAME_MAX: usize = 40;
/// A part of an address that is longer than this may be a token, characters.
const PART_MAX: usize = 20;
const FORM: &str = "write { env = \"NAME\" }, { file = \"PATH\" } or { encrypted = \"PATH\", \
                    passphrase = { env = \"NAME\" } }: where the secret is, never the secret itself";

/// A secret that is not there: the key of the table that names it, and why.
#[derive(Debug, thiserror::Error)]
#[error("watchdog.{0}: {1}")]
pub struct SecretError(pub String, pub String);

/// Where a secret is. Never the secret itself.
#[derive(Clone)]
pub enum Secret {
    /// An environment variable.
    Env(String),
    /// A file.
    File(PathBuf),
    /// A sealed file, and what opens it.
    Encrypted {
        /// The sealed secret.
        path: PathBuf,
        /// Where the passphrase is: a variable or a file.
        passphrase: Box<Secret>,
    },
    /// It was in the environment, and is not any more; see `take`.
    Taken(Zeroizing<String>),
}

/// One of the forms; of everything else no error has any of it.
impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Secret, D::Error> {
        let value = toml::Value::deserialize(from).map_err(|_| D::Error::custom(FORM))?;
        Secret::parse(&value).ok_or_else(|| D::Error::custom(FORM))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    fn parse(value: &toml::Value) -> Option<Secret> {
        let table = value.as_table()?;
        let text = |key: &str| table.get(key)?.as_str();
        match table.len() {
            1 => {
                let file = || text("file").map(|path| Secret::File(path.into()));
                let env = text("env").filter(|name| is_name(name));
                env.map(|name| Secret::Env(name.to_owned())).or_else(file)
            }
            2 => {
                let passphrase = Secret::parse(table.get("passphrase")?)?;
                let path = text("encrypted")?.into();
                // What opens a sealed file is not sealed itself.
                let plain = !matches!(passphrase, Secret::Encrypted { .. });
                plain.then(|| Secret::Encrypted { path, passphrase: Box::new(passphrase) })
            }
            _ => None,
        }
    }

    /// The same with paths that are relative to `here`.
    pub(crate) fn within(&mut self, here: &Path) {
        match self {
            Secret::File(path) => *path = here.join(&path),
            Secret::Encrypted { path, passphrase } => {
                *path = here.join(&path);
                passphrase.within(here);
            }
            Secret::Env(_) | Secret::Taken(_) => {}
        }
    }

    /// The secret; `key` is the key of the table that names it.
    pub fn read(&self, key: &str) -> Result<Zeroizing<String>, SecretError> {
        let text = self.text().map_err(|problem| SecretError(key.to_owned(), problem))?;
        match text.trim() {
            "" => Err(SecretError(key.to_owned(), "is empty".to_owned())),
            text => Ok(Zeroizing::new(text.to_owned())),
        }
    }

    fn text(&self) -> Result<Zeroizing<String>, String> {
        match self {
            Secret::Env(variable) => std::env::var(variable)
                .map(Zeroizing::new)
                .map_err(|_| format!("{} is not set; export it before starting", named(variable))),
            Secret::File(path) => {
                check_permissions(path)?;
                let text = std::fs::read_to_string(path).map(Zeroizing::new);
                text.map_err(|error| unreadable(path, &error))
            }
            Secret::Encrypted { path, passphrase } => {
                let with = passphrase.text().map_err(|problem| format!("passphrase: {problem}"))?;
                opened(path, with.trim())
            }
            Secret::Taken(secret) => Ok(secret.clone()),
        }
    }

    /// Reads what is in the environment, and names the variable that is to go. What cannot be read is an error
    /// when it is wanted.
    fn take(&mut self) -> Option<String> {
        match self {
            Secret::Env(variable) => {
                let variable = variable.clone();
                let text = std::env::var(&variable).ok().map(Zeroizing::new)?;
                *self = Secret::Taken(text);
                Some(variable)
            }
            Secret::Encrypted { passphrase, .. } => passphrase.take(),
            Secret::File(_) | Secret::Taken(_) => None,
        }
    }
}

/// Reads the secrets that are in the environment and removes them from it, so that nothing in this process,
/// and nothing that it starts, comes upon them later.
///
/// The environment is changed only while the process has one thread; else it stays as it is.
pub(crate) fn take_from_environment<'s>(secrets: impl IntoIterator<Item = &'s mut Secret>) {
    let variables: Vec<String> = secrets.into_iter().filter_map(Secret::take).collect();
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

/// Where alerts are posted to: an address that holds no token, or where one is to be found.
#[derive(Clone, Debug)]
pub enum AlertAddress {
    /// It may stand in the file.
    Plain(String),
    /// It holds a token.
    Kept(Secret),
}

impl<'de> Deserialize<'de> for AlertAddress {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<AlertAddress, D::Error> {
        match toml::Value::deserialize(from).map_err(|_| D::Error::custom(FORM))? {
            toml::Value::String(text) => plain(&text).map_err(D::Error::custom),
            other => {
                Secret::parse(&other).map(AlertAddress::Kept).ok_or_else(|| D::Error::custom(FORM))
            }
        }
    }
}

/// What looks as if it held a token does not belong in a file that the gateway copies into its journal.
fn plain(text: &str) -> Result<AlertAddress, String> {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let rest = rest.ok_or("alert: an address does not start with http:// or https://")?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = host.split(':').next().unwrap_or_default().to_ascii_lowercase();
    let tokens = ["slack.com", "telegram.org", "discord.com", "discordapp.com"];
    let holds = text.contains(['?', '@', '#'])
        || tokens.iter().any(|known| host == *known || host.ends_with(&format!(".{known}")))
        || path.split('/').any(|part| part.chars().count() > PART_MAX);
    if holds {
        return Err("alert: an address may hold a token; write { env = \"NAME\" }, \
                    { file = \"PATH\" } or { encrypted = … } instead of it"
            .to_owned());
    }
    Ok(AlertAddress::Plain(text.to_owned()))
}

impl AlertAddress {
    /// The address.
    pub(crate) fn read(&self) -> Result<Zeroizing<String>, SecretError> {
        match self {
            AlertAddress::Plain(text) => Ok(Zeroizing::new(text.clone())),
            AlertAddress::Kept(secret) => {
                let text = secret.read("alert")?;
                if text.starts_with("http://") || text.starts_with("https://") {
                    return Ok(text);
                }
                let problem = "what is there does not start with http:// or https://";
                Err(SecretError("alert".to_owned(), problem.to_owned()))
            }
        }
    }

    pub(crate) fn secret_mut(&mut self) -> Option<&mut Secret> {
        match self {
            AlertAddress::Plain(_) => None,
            AlertAddress::Kept(secret) => Some(secret),
        }
    }
}

fn opened(path: &Path, passphrase: &str) -> Result<Zeroizing<String>, String> {
    let unread = |error: std::io::Error| unreadable(path, &error);
    if std::fs::metadata(path).map_err(unread)?.len() > sealed::FILE_MAX {
        return Err(format!("{} {}", file_name(path), sealed::OpenError::Damaged));
    }
    let file = std::fs::read(path).map_err(unread)?;
    let secret = sealed::open(&file, passphrase.as_bytes())
        .map_err(|error| format!("{} {error}", file_name(path)))?;
    let text = std::str::from_utf8(&secret);
    let text = text.map_err(|_| format!("{} holds no text", file_name(path)))?;
    Ok(Zeroizing::new(text.to_owned()))
}

fn unreadable(path: &Path, error: &std::io::Error) -> String {
    format!("the file cannot be read: {}: {error}", file_name(path))
}

/// A key that others can read is a key that others have. Where one of the directories above lets nobody in
/// the file's own permissions do not matter.
fn check_permissions(path: &Path) -> Result<(), String> {
    // What is not there is said when it is read.
    let Ok(path) = path.canonicalize() else { return Ok(()) };
    let mode = |path: &Path| std::fs::metadata(path).map_or(0, |found| found.permissions().mode());
    let reach = |bits: u32| path.ancestors().skip(1).all(|above| mode(above) & bits != 0);
    let (own, name) = (mode(&path), file_name(&path));
    if own & 0o004 != 0 && reach(0o001) {
        return Err(format!("{name} can be read by everybody on this machine; chmod 600 {name}"));
    }
    if own & 0o040 != 0 && reach(0o011) {
        tracing::warn!("{name} can be read by its group; chmod 600 {name} keeps it to its owner");
    }
    Ok(())
}

/// What is longer, or has other signs in it, may be the secret itself.
fn is_name(text: &str) -> bool {
    text.len() <= NAME_MAX && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// A variable by name only when it looks like one: it may be the secret itself.
fn named(variable: &str) -> String {
    let plain = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    if variable.len() <= NAME_MAX && variable.chars().all(plain) {
        format!("the environment variable {variable}")
    } else {
        "the environment variable that is named there".to_owned()
    }
}

/// A file in words; a key's text is no path.
fn file_name(path: &Path) -> String {
    let text = path.display().to_string();
    if text.contains("-----BEGIN") { "the file that is named there".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(text: &str) -> Result<AlertAddress, String> {
        #[derive(Deserialize)]
        struct One {
            alert: AlertAddress,
        }
        let one: Result<One, _> = toml::from_str(&format!("alert = {text}"));
        one.map(|one| one.alert).map_err(|error| error.message().to_owned())
    }

    fn private(path: &Path, bytes: &[u8]) {
        std::fs::write(path, bytes).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    #[test]
    fn an_address_that_may_hold_a_token_is_not_written_down() {
        for good in ["http://127.0.0.1:9000/hook", "https://alerts.example.com/a/b", "https://x"] {
            let read = alert(&format!("{good:?}")).unwrap().read().unwrap();
            assert_eq!(read.as_str(), good);
        }
        for bad in [
            "https://hooks.slack.com/services/T0/B0/canary",
            "https://SLACK.com:443/canary",
            "https://api.telegram.org/botcanary/sendMessage",
            "https://discord.com/api/webhooks/1/canary",
            "https://example.com/hook?token=canary",
            "https://me:canary@example.com/hook",
            "https://example.com/hook#canary",
            "https://example.com/canaryCanaryCanary123",
            "ftp://example.com/canary",
            "canary",
        ] {
            let error = alert(&format!("{bad:?}")).unwrap_err();
            assert!(error.starts_with("alert: an address") && !error.contains("canary"), "{error}");
        }
        for place in ["{ canary = \"x\" }", "{ env = \"https://x/canary\" }"] {
            assert!(!alert(place).unwrap_err().contains("canary"));
        }
        assert!(!alert("7").unwrap_err().contains('7'));
    }

    #[test]
    fn an_address_is_found_where_it_is_kept() {
        let directory = tempfile::tempdir().unwrap();
        let write = |text: &str| private(&directory.path().join("url"), text.as_bytes());
        let mut address = alert("{ file = \"url\" }").unwrap();
        address.secret_mut().unwrap().within(directory.path());
        write("https://hooks.slack.com/services/T0/B0/canary\n");
        assert!(address.read().unwrap().ends_with("/canary"));
        write("hooks.slack.com/services/canary");
        let error = address.read().unwrap_err().to_string();
        assert!(error.contains("does not start with http") && !error.contains("canary"), "{error}");
    }

    #[test]
    fn sealed_files_are_opened() {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| private(&directory.path().join(name), bytes);
        write("key.age", include_bytes!("../../sealed/fixtures/armored.age"));
        let secret = |pass: &str| {
            write("pass", pass.as_bytes());
            let text = "x = { encrypted = \"key.age\", passphrase = { file = \"pass\" } }";
            let table: toml::Table = toml::from_str(text).unwrap();
            let mut secret = Secret::parse(&table["x"]).unwrap();
            secret.within(directory.path());
            secret.read("key").map_err(|error| error.to_string())
        };
        assert_eq!(
            secret("correct horse battery staple\n").unwrap().as_str(),
            "madeUpSecretOfAge0123456789"
        );
        let error = secret("hush hush").unwrap_err();
        assert!(error.contains("is not opened by this passphrase"), "{error}");
        assert!(!error.contains("hush"), "{error}");
    }

    #[test]
    fn a_file_that_everybody_can_read_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let set = |name: &str, mode: u32| {
            let path = directory.path().join(name);
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        std::fs::write(directory.path().join("key"), "hush").unwrap();
        let read = || Secret::File(directory.path().join("key")).read("key");
        for (above, own, taken) in
            [(0o755, 0o644, false), (0o755, 0o600, true), (0o700, 0o644, true)]
        {
            set("", above);
            set("key", own);
            assert_eq!(read().is_ok(), taken, "{above:o} {own:o}");
        }
        set("", 0o755);
        let error = read().unwrap_err().to_string();
        assert!(error.contains("watchdog.key") && error.contains("chmod 600"), "{error}");
    }
}
