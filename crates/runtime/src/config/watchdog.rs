//! The `[watchdog]` table: what the gateway needs of it, and that nothing in it is misspelt.
//!
//! Gateway and kill switch read one file. The kill switch has a parser of its own and reads the rest of
//! this table with it; the gateway takes where to send its heartbeat and the secret they share.

use std::path::PathBuf;

use serde::Deserialize;
use serde::de::Error as _;

use super::SecretSource;

/// A part of an address that is longer than this may be a token, characters.
const PART_MAX: usize = 20;
/// Longest name of an environment variable.
const NAME_MAX: usize = 40;
/// Whose addresses are tokens.
const TOKENS: [&str; 4] = ["slack.com", "telegram.org", "discord.com", "discordapp.com"];

/// The kill switch, as its table says it. `docs/watchdog.md` tells what each key means.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WatchdogConfig {
    /// `HOST:PORT` on which the kill switch listens for the gateway's heartbeat.
    pub heartbeat: String,
    /// The secret that gateway and kill switch share: every line of the heartbeat is signed with it, and a
    /// person's requests carry it.
    pub token: SecretSource,
    /// `HOST:PORT` of its HTTP control. The gateway does not use it.
    pub control: Option<String>,
    /// `HOST:PORT` where its metrics are scraped. The gateway does not use it.
    pub metrics: Option<String>,
    /// Its own API key, never the gateway's. The gateway does not read it.
    pub key: Option<SecretSource>,
    /// The secret of that key.
    pub secret: Option<SecretSource>,
    /// Its own limits, a second file.
    pub limits: Option<PathBuf>,
    /// Where its latch is kept.
    pub state_dir: Option<PathBuf>,
    /// A file whose existence halts.
    pub halt_file: Option<PathBuf>,
    /// Where its alerts are posted to. The gateway does not read them.
    #[serde(default)]
    pub alert: Vec<AlertAddress>,
    /// What the client order ids of the gateway's orders begin with; other orders are foreign.
    #[serde(default)]
    pub own_prefix: Vec<String>,
    /// The local address that its connections to the exchange leave from.
    pub local_address: Option<std::net::IpAddr>,
    /// Whether it ends the gateway's process once it has tripped.
    #[serde(default)]
    pub kill_gateway: bool,
    /// Where the gateway writes its process id while it runs.
    pub gateway_pid_file: Option<PathBuf>,
    /// Whether it sells what is held once no entry order is left.
    #[serde(default)]
    pub flatten: bool,
}

/// An address of the kill switch's alerts, or where one is to be found.
///
/// The text of the configuration goes into the journal, so an address that may hold a token is refused here,
/// and not by the kill switch alone.
#[derive(Debug)]
pub enum AlertAddress {
    /// It holds no token.
    Plain(String),
    /// It is kept elsewhere.
    Kept(SecretSource),
}

impl<'de> Deserialize<'de> for AlertAddress {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<AlertAddress, D::Error> {
        let text = match toml::Value::deserialize(from)? {
            toml::Value::String(text) => text,
            other => {
                let source = SecretSource::deserialize(other)
                    .map_err(|error| D::Error::custom(error.message()))?;
                return match source {
                    SecretSource::Env(name) if !is_name(&name) => {
                        Err(D::Error::custom("alert: env is no name of a variable"))
                    }
                    source => Ok(AlertAddress::Kept(source)),
                };
            }
        };
        if may_hold_a_token(&text) {
            return Err(D::Error::custom(
                "alert: an address may hold a token; write { env = \"NAME\" }, { file = \"PATH\" } or \
                 { encrypted = … } instead of it",
            ));
        }
        Ok(AlertAddress::Plain(text))
    }
}

/// The address itself in the place of its variable's name would be in the journal, too.
fn is_name(text: &str) -> bool {
    text.len() <= NAME_MAX && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn may_hold_a_token(text: &str) -> bool {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    // What is no address at all may be the token itself.
    let Some(rest) = rest else { return true };
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = host.split(':').next().unwrap_or_default().to_ascii_lowercase();
    let known = |known: &&str| host == **known || host.ends_with(&format!(".{known}"));
    text.contains(['?', '@', '#'])
        || TOKENS.iter().any(known)
        || path.split('/').any(|part| part.chars().count() > PART_MAX)
}

/// The heartbeat's address needs a host and a port; the rest is the kill switch's to check.
pub(super) fn check(watchdog: &WatchdogConfig) -> Result<(), (String, String)> {
    match watchdog.heartbeat.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => Ok(()),
        _ => {
            let problem =
                format!("{:?} is not HOST:PORT, as in 127.0.0.1:9200", watchdog.heartbeat);
            Err(("watchdog.heartbeat".to_owned(), problem))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_may_hold_a_token_is_refused_and_not_repeated() {
        let read = |alert: &str| {
            let text = format!("heartbeat = \"x:1\"\ntoken = {{ env = \"T\" }}\nalert = [{alert}]");
            let config: Result<WatchdogConfig, toml::de::Error> = toml::from_str(&text);
            config.map(|config| config.alert.len()).map_err(|error| error.message().to_owned())
        };
        for good in [
            "\"http://127.0.0.1:9000/hook\"",
            "{ env = \"URL\" }",
            "{ file = \"url\" }",
            "{ encrypted = \"url.age\", passphrase = { env = \"P\" } }",
        ] {
            assert_eq!(read(good), Ok(1), "{good}");
        }
        for bad in [
            "\"https://hooks.slack.com/services/T0/B0/canary\"",
            "\"https://api.telegram.org:443/botcanary/sendMessage\"",
            "\"https://example.com/hook?token=canary\"",
            "\"https://me:canary@example.com/hook\"",
            "\"https://example.com/canaryCanaryCanary123\"",
            "\"canary\"",
            "{ canary = \"x\" }",
            "{ env = \"https://hooks.slack.com/services/canary\" }",
            "{ env = \"canaryCanaryCanaryCanaryCanaryCanaryCanary\" }",
        ] {
            let error = read(bad).unwrap_err();
            assert!(!error.contains("canary"), "{error}");
        }
    }
}
