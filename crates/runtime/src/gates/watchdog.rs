//! Asks the kill switch how it is, and whether its key is another one than the gateway's.
//!
//! Neither tells the other its key. Both make a fingerprint of their own with the token that they share, and these are
//! compared: HMAC-SHA256 under the token over `plimsoll key: ` and the key.

use std::fmt::Write as _;
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;

use crate::config::Config;

/// Longest wait for its word.
const WAIT_MAX: Duration = Duration::from_secs(2);
/// Largest answer of it that is read, bytes.
const ANSWER_MAX: usize = 1 << 20;

/// What it answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Watchdog {
    /// There is none in the configuration.
    None,
    /// It has no control address, so nobody can ask it.
    Unasked,
    /// Its own words.
    Answers(Value),
    /// It does not answer, or not as it should.
    Silent(String),
}

impl Watchdog {
    /// `GET /status` of the kill switch.
    pub async fn ask(config: &Config) -> Watchdog {
        let Some(settings) = &config.watchdog else { return Watchdog::None };
        let Some(control) = &settings.control else { return Watchdog::Unasked };
        let token = match settings.token.read_words() {
            Ok(token) => token,
            Err(error) => return Watchdog::Silent(format!("token: {error}")),
        };
        let ask = async {
            let client = reqwest::Client::builder().no_proxy().timeout(WAIT_MAX).build()?;
            let asked = client.get(format!("http://{control}/status")).bearer_auth(token.reveal());
            let mut answer = asked.send().await?;
            let status = answer.status().as_u16();
            let mut body = Vec::new();
            while let Some(chunk) = answer.chunk().await? {
                if body.len() + chunk.len() > ANSWER_MAX {
                    break;
                }
                body.extend_from_slice(&chunk);
            }
            Ok::<_, reqwest::Error>((status, body))
        };
        match ask.await {
            Ok((200, body)) => match serde_json::from_slice(&body) {
                Ok(told) => Watchdog::Answers(told),
                Err(_) => Watchdog::Silent(format!("{control} answers something else")),
            },
            Ok((401 | 403, _)) => Watchdog::Silent(format!("{control} does not take the token")),
            Ok((status, _)) => Watchdog::Silent(format!("{control} answers with status {status}")),
            // Its address is ours to say, and the error's text may hold it twice.
            Err(error) if error.is_timeout() => Watchdog::Silent(format!("{control} is silent")),
            Err(_) => Watchdog::Silent(format!("nobody listens at {control}")),
        }
    }

    /// Does it live and see the account? Why not, otherwise. One that has tripped lives.
    pub(super) fn lives(&self) -> Result<&Value, String> {
        match self {
            Watchdog::None => Err("there is no [watchdog]".to_owned()),
            Watchdog::Unasked => Err("[watchdog] has no control, so it cannot be asked".to_owned()),
            Watchdog::Silent(problem) => Err(problem.clone()),
            Watchdog::Answers(told) if told["halted"] == true || told["watching"] == true => {
                Ok(told)
            }
            Watchdog::Answers(told) => {
                let problem = told["problem"].as_str().unwrap_or("it does not say why");
                Err(format!("it cannot read the account: {problem}"))
            }
        }
    }
}

/// The fingerprint of the gateway's own key; `None` where key or token cannot be read.
pub(super) fn own_fingerprint(config: &Config) -> Option<String> {
    let token = config.watchdog.as_ref()?.token.read_words().ok()?;
    let key = config.venue.1.key.as_ref()?.read_words().ok()?;
    Some(fingerprint(token.reveal(), key.reveal()))
}

fn fingerprint(token: &str, key: &str) -> String {
    let mut text = String::new();
    // A key of any length is taken.
    if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(token.as_bytes()) {
        mac.update(b"plimsoll key: ");
        mac.update(key.as_bytes());
        for byte in mac.finalize().into_bytes() {
            let _ = write!(text, "{byte:02x}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The kill switch makes the same one, with code of its own: the figure is in both tests.
    #[test]
    fn the_fingerprint_is_the_one_of_the_page() {
        let made = fingerprint("madeUpTokenForTests", "madeUpKeyForTests");
        assert_eq!(made, FINGERPRINT);
        assert_ne!(made, fingerprint("madeUpTokenForTests", "another"));
    }

    const FINGERPRINT: &str = "70b69d7eb53209d61e034c755361e04e9010bb75c224a68eaf0478537ab1edb1";
}
