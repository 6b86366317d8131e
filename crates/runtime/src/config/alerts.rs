//! The `[[alert]]` tables: where alerts go.
//!
//! Each has a `kind` and the keys of that kind and no other. Tokens, passwords and addresses that hold a token
//! are named by environment variable or file, as every secret.

use std::path::{Path, PathBuf};

use alerts::{EmailSettings, Hidden, Kind, SinkSettings, Tls};
use model::AlertLevel;
use serde::Deserialize;
use serde::de::Error as _;

use super::secret::{SecretError, SecretSource};

/// Sinks of one gateway.
const SINKS_MAX: usize = 16;

/// One sink as it is configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertConfig {
    /// Its name: its own, or its kind.
    pub name: String,
    /// What is less than this does not go there.
    pub min_level: AlertLevel,
    kind: AlertKind,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
enum AlertKind {
    Webhook {
        url: Address,
        secret: Option<SecretSource>,
    },
    Slack {
        url: SecretSource,
    },
    Telegram {
        #[serde(default = "telegram")]
        base: String,
        token: SecretSource,
        chat_id: ChatId,
    },
    Email {
        server: String,
        #[serde(default)]
        tls: TlsWord,
        user: Option<String>,
        password: Option<SecretSource>,
        from: String,
        to: Vec<String>,
    },
    Desktop {},
    Log {
        path: PathBuf,
    },
}

fn telegram() -> String {
    "https://api.telegram.org".to_owned()
}

/// An address that may stand in the file, or where it is to be found when it holds a token.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Address {
    Plain(String),
    Kept(SecretSource),
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Address, D::Error> {
        match toml::Value::deserialize(from)? {
            toml::Value::String(text) => Ok(Address::Plain(text)),
            other => SecretSource::deserialize(other).map(Address::Kept).map_err(D::Error::custom),
        }
    }
}

/// Telegram's chats are numbers, its channels names.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "write chat_id = \"…\"")]
enum ChatId {
    Number(i64),
    Name(String),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum TlsWord {
    None,
    #[default]
    StartTls,
    Implicit,
}

impl AlertConfig {
    /// The sink with its secrets in place.
    pub fn settings(&self) -> Result<SinkSettings, SecretError> {
        let hidden = |source: &SecretSource| Ok(Hidden::new(source.read()?.reveal()));
        let kind = match &self.kind {
            AlertKind::Webhook { url, secret } => {
                let url = match url {
                    Address::Plain(text) => Hidden::new(text),
                    Address::Kept(source) => hidden(source)?,
                };
                Kind::Webhook { url, secret: secret.as_ref().map(hidden).transpose()? }
            }
            AlertKind::Slack { url } => Kind::Slack { url: hidden(url)? },
            AlertKind::Telegram { base, token, chat_id } => {
                let chat_id = match chat_id {
                    ChatId::Number(number) => number.to_string(),
                    ChatId::Name(name) => name.clone(),
                };
                Kind::Telegram { base: base.clone(), token: hidden(token)?, chat_id }
            }
            AlertKind::Email { server, tls, user, password, from, to } => {
                let login = match (user, password) {
                    (Some(user), Some(password)) => Some((user.clone(), hidden(password)?)),
                    _ => None,
                };
                let (host, port) = host_and_port(server, *tls);
                let (from, to, tls) = (from.clone(), to.clone(), tls.meaning());
                Kind::Email(EmailSettings { host, port, tls, login, from, to })
            }
            AlertKind::Desktop {} => Kind::Desktop,
            AlertKind::Log { path } => Kind::Log { path: path.clone() },
        };
        Ok(SinkSettings { name: self.name.clone(), min_level: self.min_level, kind })
    }

    /// Where its secrets are to be found.
    pub(super) fn secrets_mut(&mut self) -> Vec<&mut SecretSource> {
        match &mut self.kind {
            AlertKind::Webhook { url: Address::Kept(url), secret } => {
                std::iter::once(url).chain(secret).collect()
            }
            AlertKind::Webhook { url: Address::Plain(_), secret } => secret.iter_mut().collect(),
            AlertKind::Slack { url } => vec![url],
            AlertKind::Telegram { token, .. } => vec![token],
            AlertKind::Email { password, .. } => password.iter_mut().collect(),
            AlertKind::Desktop {} | AlertKind::Log { .. } => Vec::new(),
        }
    }
}

impl TlsWord {
    const fn meaning(self) -> Tls {
        match self {
            TlsWord::None => Tls::None,
            TlsWord::StartTls => Tls::StartTls,
            TlsWord::Implicit => Tls::Implicit,
        }
    }

    /// The port where a server listens for this, by custom.
    const fn port(self) -> u16 {
        match self {
            TlsWord::None => 25,
            TlsWord::StartTls => 587,
            TlsWord::Implicit => 465,
        }
    }
}

fn host_and_port(server: &str, tls: TlsWord) -> (String, u16) {
    let split = server.rsplit_once(':');
    let split = split.and_then(|(host, port)| Some((host.to_owned(), port.parse().ok()?)));
    split.unwrap_or_else(|| (server.to_owned(), tls.port()))
}

/// Reads and checks all tables; what is wrong is told with its key.
pub(super) fn read(
    tables: Vec<toml::Table>,
    here: &Path,
) -> Result<Vec<AlertConfig>, (String, String)> {
    if tables.len() > SINKS_MAX {
        let problem = format!("there are {}; {SINKS_MAX} are the most", tables.len());
        return Err(("alert".to_owned(), problem));
    }
    let mut configs: Vec<AlertConfig> = Vec::new();
    for (number, table) in tables.into_iter().enumerate() {
        let key = format!("alert[{number}]");
        let mut config = read_one(table).map_err(|problem| (key.clone(), problem))?;
        check(&config).map_err(|(field, problem)| (format!("{key}.{field}"), problem))?;
        if configs.iter().any(|other| other.name == config.name) {
            let problem =
                format!("{:?} is the name of another one; give each a `name`", config.name);
            return Err((format!("{key}.name"), problem));
        }
        if let AlertKind::Log { path } = &mut config.kind {
            *path = here.join(&*path);
        }
        configs.push(config);
    }
    Ok(configs)
}

fn read_one(mut table: toml::Table) -> Result<AlertConfig, String> {
    let word = match table.get("kind") {
        Some(toml::Value::String(word)) => word.clone(),
        _ => {
            let kinds = "\"webhook\", \"slack\", \"telegram\", \"email\", \"desktop\" or \"log\"";
            return Err(format!("needs kind = {kinds}"));
        }
    };
    let name = match table.remove("name") {
        None => word,
        Some(toml::Value::String(name)) if !name.is_empty() => name,
        Some(_) => return Err("name: is to be a text".to_owned()),
    };
    let min_level = match table.remove("min_level") {
        None => AlertLevel::Info,
        Some(level) => level
            .try_into()
            .map_err(|_| "min_level: is to be \"info\", \"warning\" or \"critical\"".to_owned())?,
    };
    // The parser's words alone: they name keys, and never repeat what may be a secret.
    let kind = table.try_into().map_err(|error: toml::de::Error| error.message().to_owned())?;
    Ok(AlertConfig { name, min_level, kind })
}

/// What is wrong, under its key.
fn check(config: &AlertConfig) -> Result<(), (&'static str, String)> {
    match &config.kind {
        AlertKind::Webhook { url: Address::Plain(url), .. } => {
            check_address(url).map_err(|problem| ("url", problem))?;
            if url.contains(['?', '@']) {
                let problem =
                    "may hold a token; write url = { env = \"NAME\" } or { file = \"PATH\" }";
                return Err(("url", problem.to_owned()));
            }
            Ok(())
        }
        AlertKind::Telegram { base, .. } => {
            check_address(base).map_err(|problem| ("base", problem))
        }
        AlertKind::Email { server, tls, user, password, from, to } => {
            if user.is_some() != password.is_some() {
                return Err((
                    "user",
                    "user and password go together; give both or none".to_owned(),
                ));
            }
            let (host, _) = host_and_port(server, *tls);
            let is_local = ["localhost", "127.0.0.1", "[::1]"].contains(&host.as_str());
            if *tls == TlsWord::None && password.is_some() && !is_local {
                let problem =
                    "would send the password in the clear; use \"starttls\" or \"implicit\"";
                return Err(("tls", problem.to_owned()));
            }
            if to.is_empty() {
                return Err(("to", "is empty; list who is to be told".to_owned()));
            }
            alerts::check_mail_address(from).map_err(|problem| ("from", problem))?;
            to.iter()
                .try_for_each(|to| alerts::check_mail_address(to))
                .map_err(|problem| ("to", problem))
        }
        AlertKind::Webhook { .. }
        | AlertKind::Slack { .. }
        | AlertKind::Desktop {}
        | AlertKind::Log { .. } => Ok(()),
    }
}

fn check_address(text: &str) -> Result<(), String> {
    if text.starts_with("http://") || text.starts_with("https://") {
        return Ok(());
    }
    // It is not repeated: it may be the token itself.
    Err("does not start with http:// or https://".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configs(text: &str) -> Result<Vec<AlertConfig>, (String, String)> {
        let file: toml::Table = text.parse().unwrap();
        let tables = file["alert"].as_array().unwrap().iter();
        read(tables.map(|table| table.as_table().unwrap().clone()).collect(), Path::new("base"))
    }

    const GOOD: &str = r#"
[[alert]]
kind = "webhook"
url = "https://hooks.example.com/plimsoll"
secret = { env = "PATH" }
[[alert]]
kind = "webhook"
name = "second"
min_level = "critical"
url = { env = "PATH" }
[[alert]]
kind = "slack"
url = { file = "slack" }
[[alert]]
kind = "telegram"
token = { env = "PATH" }
chat_id = -100200
[[alert]]
kind = "email"
server = "smtp.example.com"
user = "me"
password = { env = "PATH" }
from = "Plimsoll <plimsoll@example.com>"
to = ["me@example.com"]
[[alert]]
kind = "desktop"
[[alert]]
kind = "log"
path = "alerts.jsonl"
"#;

    #[test]
    fn each_kind_is_read() {
        let mut configs = configs(GOOD).unwrap();
        let names: Vec<&str> = configs.iter().map(|config| config.name.as_str()).collect();
        assert_eq!(names, ["webhook", "second", "slack", "telegram", "email", "desktop", "log"]);
        assert_eq!(configs[0].min_level, AlertLevel::Info);
        assert_eq!(configs[1].min_level, AlertLevel::Critical);
        let secrets: usize = configs.iter_mut().map(|config| config.secrets_mut().len()).sum();
        assert_eq!(secrets, 5);
        assert!(configs[2].settings().is_err(), "there is no such file");
        let telegram = configs[3].settings().unwrap();
        assert_eq!(telegram.to(), "https://api.telegram.org, chat -100200");
        let email = configs[4].settings().unwrap();
        assert_eq!(email.to(), "me@example.com by smtp.example.com:587");
        assert_eq!(configs[6].settings().unwrap().to(), "base/alerts.jsonl");
    }

    #[test]
    fn each_mistake_is_said_with_its_key_and_no_secret() {
        let email = "kind = \"email\"\nfrom = \"a@example.com\"\nto = [\"b@example.com\"]\n";
        let login = "user = \"me\"\npassword = { env = \"PATH\" }\n";
        for (table, key, said) in [
            ("url = \"https://example.com\"", "alert[0]", "needs kind ="),
            ("kind = \"pager\"", "alert[0]", "unknown variant `pager`"),
            ("kind = \"desktop\"\nurl = \"x\"", "alert[0]", "unknown field `url`"),
            ("kind = \"webhook\"", "alert[0]", "missing field `url`"),
            ("kind = \"webhook\"\nurl = \"canary\"", "alert[0].url", "does not start with http"),
            ("kind = \"webhook\"\nurl = \"https://example.com?canary\"", "alert[0].url", "token"),
            ("kind = \"webhook\"\nurl = \"https://canary@example.com\"", "alert[0].url", "token"),
            ("kind = \"webhook\"\nurl = { canary = \"x\" }", "alert[0]", "where the secret is"),
            (
                "kind = \"slack\"\nurl = \"https://example.com/canary\"",
                "alert[0]",
                "where the secret is",
            ),
            (
                "kind = \"telegram\"\ntoken = \"canary\"\nchat_id = 1",
                "alert[0]",
                "where the secret is",
            ),
            (
                "kind = \"log\"\npath = \"x\"\nmin_level = \"all\"",
                "alert[0]",
                "min_level: is to be",
            ),
            ("kind = \"log\"\npath = \"x\"\nname = 1", "alert[0]", "name: is to be a text"),
            (&format!("{email}server = \"x\"\nuser = \"me\""), "alert[0].user", "go together"),
            (
                &format!("{email}server = \"x\"\ntls = \"none\"\n{login}"),
                "alert[0].tls",
                "in the clear",
            ),
            (&email.replace("\"b@example.com\"", ""), "alert[0]", "missing field `server`"),
            (
                &format!("{}server = \"x\"", email.replace("\"b@example.com\"", "")),
                "alert[0].to",
                "empty",
            ),
            (
                &format!("{}server = \"x\"", email.replace("a@", "a ")),
                "alert[0].from",
                "no mail address",
            ),
        ] {
            let (at, problem) = configs(&format!("[[alert]]\n{table}")).unwrap_err();
            assert!(at == key && problem.contains(said), "{table}: {at}: {problem}");
            assert!(!problem.contains("canary"), "{problem}");
        }
        let twice = "[[alert]]\nkind = \"desktop\"\n[[alert]]\nkind = \"desktop\"";
        let (at, problem) = configs(twice).unwrap_err();
        assert_eq!(at, "alert[1].name");
        assert!(problem.contains("give each a `name`"), "{problem}");
        let many = "[[alert]]\nkind = \"desktop\"\n".repeat(17);
        assert_eq!(configs(&many).unwrap_err().0, "alert");
    }

    #[test]
    fn a_local_server_may_have_the_password_in_the_clear() {
        let table = "[[alert]]\nkind = \"email\"\nserver = \"127.0.0.1:2525\"\ntls = \"none\"\nuser = \"me\"\n\
                     password = { env = \"PATH\" }\nfrom = \"a@example.com\"\nto = [\"b@example.com\"]";
        let config = configs(table).unwrap().pop().unwrap();
        assert!(config.settings().unwrap().to().ends_with("127.0.0.1:2525"));
    }
}
