//! Where alerts go: checked by who reads the configuration, with the secrets in place.

use std::path::PathBuf;

use model::AlertLevel;
use sha2::{Digest as _, Sha256};

use crate::hidden::Hidden;

/// All sinks of one gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Whose alerts these are: the venue's name in the configuration.
    pub source: String,
    /// Where they go.
    pub sinks: Vec<SinkSettings>,
}

/// One sink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkSettings {
    /// Its name, unique among all.
    pub name: String,
    /// What is less than this does not go there.
    pub min_level: AlertLevel,
    /// What it is.
    pub kind: Kind,
}

/// What a sink is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A POST of JSON.
    Webhook {
        /// Where.
        url: Hidden,
        /// Signs the body: HMAC-SHA256.
        secret: Option<Hidden>,
    },
    /// A POST of `{"text": …}`, as Slack and what is compatible with it want it.
    Slack {
        /// Where; it holds a token.
        url: Hidden,
    },
    /// A bot of Telegram, or what is compatible with it.
    Telegram {
        /// Address of the API.
        base: String,
        /// The bot's token.
        token: Hidden,
        /// Whom it tells.
        chat_id: String,
    },
    /// A mail by SMTP.
    Email(EmailSettings),
    /// The desktop of this machine, by `notify-send`.
    Desktop,
    /// A file, one line of JSON each.
    Log {
        /// Which file.
        path: PathBuf,
    },
}

/// A mail by SMTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmailSettings {
    /// The server's name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is secured.
    pub tls: Tls,
    /// User and password, where the server wants them.
    pub login: Option<(String, Hidden)>,
    /// From whom.
    pub from: String,
    /// To whom.
    pub to: Vec<String>,
}

/// How a connection to a mail server is secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// Not at all.
    None,
    /// It begins plain and has to turn to TLS before anything is said.
    StartTls,
    /// TLS from the first byte.
    Implicit,
}

impl SinkSettings {
    /// The kind's word in the configuration.
    pub const fn word(&self) -> &'static str {
        match self.kind {
            Kind::Webhook { .. } => "webhook",
            Kind::Slack { .. } => "slack",
            Kind::Telegram { .. } => "telegram",
            Kind::Email(_) => "email",
            Kind::Desktop => "desktop",
            Kind::Log { .. } => "log",
        }
    }

    /// Where it goes, without secrets.
    pub fn to(&self) -> String {
        match &self.kind {
            Kind::Webhook { url, .. } | Kind::Slack { url } => url.origin(),
            Kind::Telegram { base, chat_id, .. } => format!("{base}, chat {chat_id}"),
            Kind::Email(email) => {
                format!("{} by {}:{}", email.to.join(", "), email.host, email.port)
            }
            Kind::Desktop => "this machine".to_owned(),
            Kind::Log { path } => path.display().to_string(),
        }
    }

    /// Every secret of it, to be cut out of what others say.
    pub(crate) fn secrets(&self) -> Vec<&Hidden> {
        match &self.kind {
            Kind::Webhook { url, secret } => std::iter::once(url).chain(secret.as_ref()).collect(),
            Kind::Slack { url } => vec![url],
            Kind::Telegram { token, .. } => vec![token],
            Kind::Email(email) => email.login.iter().map(|(_, password)| password).collect(),
            Kind::Desktop | Kind::Log { .. } => Vec::new(),
        }
    }

    /// A number of where it goes: another address or token gives another one. A password is not in it, for
    /// what a person chose can be guessed from such a number.
    pub(crate) fn fingerprint(&self) -> u64 {
        let mut hash = Sha256::new();
        let mut add = |text: &str| {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text);
        };
        add(self.word());
        add(&self.to());
        match &self.kind {
            Kind::Webhook { url, .. } | Kind::Slack { url } => add(url.reveal()),
            Kind::Telegram { token, .. } => add(token.reveal()),
            Kind::Email(_) | Kind::Desktop | Kind::Log { .. } => {}
        }
        hash.finalize().iter().take(8).fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slack(url: &str) -> SinkSettings {
        let kind = Kind::Slack { url: Hidden::new(url) };
        SinkSettings { name: "a".to_owned(), min_level: AlertLevel::Info, kind }
    }

    #[test]
    fn another_token_is_another_place_and_is_not_shown() {
        let (one, two) = (slack("https://x.example/canary1"), slack("https://x.example/canary2"));
        assert_eq!(one.to(), two.to());
        assert_ne!(one.fingerprint(), two.fingerprint());
        assert_eq!(
            one.fingerprint(),
            SinkSettings { name: "b".to_owned(), ..one.clone() }.fingerprint()
        );
        assert!(!format!("{one:?} {}", one.to()).contains("canary"));
    }
}
