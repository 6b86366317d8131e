//! `[[sink]]`: where the journal's records are streamed to (`docs/sinks.md`).

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use sinks::{Auth, Hidden, Kind, Settings};

use super::secret::{Secret, SecretError, SecretSource};

/// Sinks of one gateway.
const SINKS_MAX: usize = 8;
/// Longest name of a sink.
const NAME_MAX: usize = 40;
/// How long a file of records is open, seconds.
const FILE_S: std::ops::RangeInclusive<u64> = 1..=86_400;
/// Rows of one file.
const FILE_ROWS: std::ops::RangeInclusive<u64> = 1_000..=10_000_000;
/// When a sink that is behind is worth an alert, seconds.
const ALERT_BEHIND_S: std::ops::RangeInclusive<u64> = 10..=86_400;

/// One sink as it is configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkConfig {
    /// Its name: its own, or its kind.
    pub name: String,
    /// How long a record may wait before people are told, seconds; a file that is open is no such wait.
    pub alert_behind_s: u64,
    kind: SinkKind,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
enum SinkKind {
    ClickHouse {
        url: String,
        #[serde(default = "default_database")]
        database: String,
        #[serde(default = "default_name")]
        table: String,
        user: Option<String>,
        password: Option<SecretSource>,
    },
    Elasticsearch {
        url: String,
        #[serde(default = "default_name")]
        stream: String,
        #[serde(default = "default_data_stream")]
        data_stream: bool,
        user: Option<String>,
        password: Option<SecretSource>,
        api_key: Option<SecretSource>,
    },
    Otlp {
        url: String,
        #[serde(default = "default_header")]
        header: String,
        value: Option<SecretSource>,
    },
    Parquet {
        dir: PathBuf,
        #[serde(default = "default_file_s")]
        file_s: u64,
        #[serde(default = "default_file_rows")]
        file_rows: u64,
    },
}

fn default_database() -> String {
    "default".to_owned()
}

fn default_name() -> String {
    "plimsoll".to_owned()
}

fn default_header() -> String {
    "authorization".to_owned()
}

const fn default_data_stream() -> bool {
    true
}

const fn default_file_s() -> u64 {
    3_600
}

const fn default_file_rows() -> u64 {
    1_000_000
}

const fn default_alert() -> u64 {
    300
}

impl SinkConfig {
    /// Its word in the configuration.
    pub const fn kind(&self) -> &'static str {
        match &self.kind {
            SinkKind::ClickHouse { .. } => "clickhouse",
            SinkKind::Elasticsearch { .. } => "elasticsearch",
            SinkKind::Otlp { .. } => "otlp",
            SinkKind::Parquet { .. } => "parquet",
        }
    }

    /// How long a record may wait, seconds: in an open file as long as that may be open.
    pub const fn behind_max_s(&self) -> u64 {
        match &self.kind {
            SinkKind::Parquet { file_s, .. } => self.alert_behind_s + *file_s,
            SinkKind::ClickHouse { .. }
            | SinkKind::Elasticsearch { .. }
            | SinkKind::Otlp { .. } => self.alert_behind_s,
        }
    }

    /// The sink with its secrets in place.
    pub fn settings(&self) -> Result<Settings, SecretError> {
        let hidden = |source: &SecretSource| Ok(Hidden::new(source.read()?.reveal()));
        let kind = match &self.kind {
            SinkKind::ClickHouse { url, database, table, user, password } => {
                let password = password.as_ref().map(hidden).transpose()?;
                Kind::ClickHouse {
                    url: url.clone(),
                    database: database.clone(),
                    table: table.clone(),
                    login: user.clone().map(|user| (user, password)),
                }
            }
            SinkKind::Elasticsearch { url, stream, data_stream, user, password, api_key } => {
                let auth = match (user, password, api_key) {
                    (Some(user), Some(password), None) => {
                        Some(Auth::Basic(user.clone(), hidden(password)?))
                    }
                    (_, _, Some(key)) => Some(Auth::ApiKey(hidden(key)?)),
                    _ => None,
                };
                Kind::Elasticsearch {
                    url: url.clone(),
                    stream: stream.clone(),
                    is_data_stream: *data_stream,
                    auth,
                }
            }
            SinkKind::Otlp { url, header, value } => {
                let value = value.as_ref().map(hidden).transpose()?;
                let header = value.map(|value| (header.clone(), value));
                Kind::Otlp { url: url.clone(), header }
            }
            SinkKind::Parquet { dir, file_s, file_rows } => Kind::Parquet {
                dir: dir.clone(),
                file_rows: *file_rows,
                file_time: Duration::from_secs(*file_s),
            },
        };
        Ok(Settings { name: self.name.clone(), kind })
    }

    /// Its secret, where it has one: it has one at most.
    pub const fn secret(&self) -> Option<&SecretSource> {
        match &self.kind {
            SinkKind::ClickHouse { password, .. } => password.as_ref(),
            SinkKind::Elasticsearch { password, api_key, .. } => match api_key {
                Some(key) => Some(key),
                None => password.as_ref(),
            },
            SinkKind::Otlp { value, .. } => value.as_ref(),
            SinkKind::Parquet { .. } => None,
        }
    }

    /// The same sink with its secret already found.
    #[must_use]
    pub fn with_secret(mut self, found: Secret) -> SinkConfig {
        if let Some(source) = self.secret_mut() {
            *source = SecretSource::Taken(found);
        }
        self
    }

    /// Where its secret is to be found.
    pub(super) const fn secret_mut(&mut self) -> Option<&mut SecretSource> {
        match &mut self.kind {
            SinkKind::ClickHouse { password, .. } => password.as_mut(),
            SinkKind::Elasticsearch { password, api_key, .. } => match api_key {
                Some(key) => Some(key),
                None => password.as_mut(),
            },
            SinkKind::Otlp { value, .. } => value.as_mut(),
            SinkKind::Parquet { .. } => None,
        }
    }
}

/// Reads and checks all tables; what is wrong is told with its key.
pub(super) fn read(
    tables: Vec<toml::Table>,
    here: &Path,
) -> Result<Vec<SinkConfig>, (String, String)> {
    if tables.len() > SINKS_MAX {
        let problem = format!("there are {}; {SINKS_MAX} are the most", tables.len());
        return Err(("sink".to_owned(), problem));
    }
    let mut configs: Vec<SinkConfig> = Vec::new();
    for (number, table) in tables.into_iter().enumerate() {
        let key = format!("sink[{number}]");
        let mut config = read_one(table).map_err(|problem| (key.clone(), problem))?;
        check(&config).map_err(|(field, problem)| (format!("{key}.{field}"), problem))?;
        if configs.iter().any(|other| other.name == config.name) {
            let problem =
                format!("{:?} is the name of another one; give each a `name`", config.name);
            return Err((format!("{key}.name"), problem));
        }
        if let SinkKind::Parquet { dir, .. } = &mut config.kind {
            *dir = here.join(&*dir);
        }
        if let Some(source) = config.secret_mut() {
            *source = source.clone().within(here);
        }
        configs.push(config);
    }
    Ok(configs)
}

fn read_one(mut table: toml::Table) -> Result<SinkConfig, String> {
    let word = match table.get("kind") {
        Some(toml::Value::String(word)) => word.clone(),
        _ => {
            let kinds = "\"clickhouse\", \"elasticsearch\", \"otlp\" or \"parquet\"";
            return Err(format!("needs kind = {kinds}"));
        }
    };
    let name = match table.remove("name") {
        None => word,
        Some(toml::Value::String(name)) => name,
        Some(_) => return Err("name: is to be a text".to_owned()),
    };
    let alert_behind_s = match table.remove("alert_behind_s") {
        None => default_alert(),
        Some(value) => {
            value.try_into().map_err(|_| "alert_behind_s: is to be a number".to_owned())?
        }
    };
    // The parser's words alone: they name keys, and never repeat what may be a secret.
    let kind = table.try_into().map_err(|error: toml::de::Error| error.message().to_owned())?;
    Ok(SinkConfig { name, alert_behind_s, kind })
}

/// What is wrong, under its key.
fn check(config: &SinkConfig) -> Result<(), (&'static str, String)> {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if config.name.is_empty() || config.name.len() > NAME_MAX || !config.name.chars().all(is_plain)
    {
        let problem = format!("is to have 1 to {NAME_MAX} small letters, digits or dashes");
        return Err(("name", problem));
    }
    within("alert_behind_s", config.alert_behind_s, &ALERT_BEHIND_S)?;
    match &config.kind {
        SinkKind::ClickHouse { url, database, table, user, password } => {
            check_address(url)?;
            check_word("database", database)?;
            check_word("table", table)?;
            if password.is_some() && user.is_none() {
                return Err(("user", "is missing; a password is somebody's".to_owned()));
            }
            in_the_clear(url, password.is_some())
        }
        SinkKind::Elasticsearch { url, stream, user, password, api_key, .. } => {
            check_address(url)?;
            let is_plain = |c: char| is_plain(c) || c == '_' || c == '.';
            let starts = stream.starts_with(|c: char| c.is_ascii_lowercase());
            if !starts || stream.len() > 200 || !stream.chars().all(is_plain) {
                let problem =
                    "is to begin with a small letter and have small letters, digits, - _ . alone";
                return Err(("stream", problem.to_owned()));
            }
            if user.is_some() != password.is_some() {
                return Err((
                    "user",
                    "user and password go together; give both or none".to_owned(),
                ));
            }
            if user.is_some() && api_key.is_some() {
                return Err(("api_key", "there is a user, too; it is one or the other".to_owned()));
            }
            in_the_clear(url, password.is_some() || api_key.is_some())
        }
        SinkKind::Otlp { url, header, value } => {
            check_address(url)?;
            let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
            if header.is_empty() || header.len() > 100 || !header.bytes().all(is_plain) {
                let problem = "is to be a header's name in small letters, as authorization";
                return Err(("header", problem.to_owned()));
            }
            in_the_clear(url, value.is_some())
        }
        SinkKind::Parquet { dir, file_s, file_rows } => {
            if dir.as_os_str().is_empty() {
                return Err(("dir", "is empty; name a directory".to_owned()));
            }
            within("file_s", *file_s, &FILE_S)?;
            within("file_rows", *file_rows, &FILE_ROWS)
        }
    }
}

fn within(
    key: &'static str,
    value: u64,
    range: &std::ops::RangeInclusive<u64>,
) -> Result<(), (&'static str, String)> {
    if range.contains(&value) {
        return Ok(());
    }
    Err((key, format!("is {value}, and is to be {} to {}", range.start(), range.end())))
}

fn check_address(url: &str) -> Result<(), (&'static str, String)> {
    if !url.starts_with("http://") && !url.starts_with("https://") {
        // It is not repeated: it may hold a secret.
        return Err(("url", "does not start with http:// or https://".to_owned()));
    }
    if url.contains(['?', '@', '#']) {
        let problem =
            "may hold a secret; write scheme, host and port alone, and user and password beside it";
        return Err(("url", problem.to_owned()));
    }
    Ok(())
}

/// A name that stands in SQL.
fn check_word(key: &'static str, word: &str) -> Result<(), (&'static str, String)> {
    let starts = word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let rest = word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if starts && rest && word.len() <= 100 {
        return Ok(());
    }
    Err((key, "is to be one word of letters, digits and _".to_owned()))
}

/// A secret is sent in the clear to this machine alone.
fn in_the_clear(url: &str, has_secret: bool) -> Result<(), (&'static str, String)> {
    let host = url.strip_prefix("http://").map(|rest| rest.split('/').next().unwrap_or_default());
    let is_local = |host: &str| {
        ["localhost", "127.0.0.1", "[::1]"].iter().any(|local| {
            host == *local || host.strip_prefix(local).is_some_and(|p| p.starts_with(':'))
        })
    };
    match host {
        Some(host) if has_secret && !is_local(host) => Err((
            "url",
            "would send the secret in the clear; use https://, or a tunnel to 127.0.0.1".to_owned(),
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configs(text: &str) -> Result<Vec<SinkConfig>, (String, String)> {
        let file: toml::Table = text.parse().unwrap();
        let tables = file["sink"].as_array().unwrap().iter();
        read(tables.map(|table| table.as_table().unwrap().clone()).collect(), Path::new("base"))
    }

    #[test]
    fn each_kind_is_read() {
        let configs = configs(
            r#"
[[sink]]
kind = "clickhouse"
url = "http://127.0.0.1:8123"
[[sink]]
kind = "clickhouse"
name = "far"
url = "https://click.example.com:8443"
database = "trading"
table = "records"
user = "me"
password = { env = "PATH" }
alert_behind_s = 60
[[sink]]
kind = "elasticsearch"
url = "https://search.example.com"
api_key = { env = "PATH" }
[[sink]]
kind = "parquet"
dir = "records"
file_s = 60
[[sink]]
kind = "otlp"
url = "https://traces.example.com/otlp"
header = "x-team"
value = { env = "PATH" }
"#,
        )
        .unwrap();
        let names: Vec<&str> = configs.iter().map(|config| config.name.as_str()).collect();
        assert_eq!(names, ["clickhouse", "far", "elasticsearch", "parquet", "otlp"]);
        let waits: Vec<u64> = configs.iter().map(SinkConfig::behind_max_s).collect();
        assert_eq!(waits, [300, 60, 300, 360, 300]);
        let secrets = configs.iter().filter(|config| config.secret().is_some()).count();
        assert_eq!(secrets, 3);
        let Kind::Parquet { dir, .. } = configs[3].settings().unwrap().kind else { panic!() };
        assert_eq!(dir, Path::new("base/records"));
        assert!(!format!("{:?}", configs[1].settings().unwrap()).contains("/bin"), "it is hidden");
    }

    #[test]
    fn each_mistake_is_said_with_its_key_and_no_secret() {
        let click = "kind = \"clickhouse\"\nurl = \"http://click.example.com\"\n";
        let elastic = "kind = \"elasticsearch\"\nurl = \"https://search.example.com\"\n";
        for (table, key, said) in [
            ("url = \"https://example.com\"", "sink[0]", "needs kind ="),
            ("kind = \"kafka\"", "sink[0]", "unknown variant `kafka`"),
            ("kind = \"parquet\"\ndir = \"x\"\nurl = \"y\"", "sink[0]", "unknown field `url`"),
            ("kind = \"clickhouse\"", "sink[0]", "missing field `url`"),
            ("kind = \"clickhouse\"\nurl = \"canary\"", "sink[0].url", "does not start with http"),
            (
                "kind = \"clickhouse\"\nurl = \"https://canary@x\"",
                "sink[0].url",
                "may hold a secret",
            ),
            (&format!("{click}table = \"a;b\""), "sink[0].table", "one word"),
            (&format!("{click}database = \"\""), "sink[0].database", "one word"),
            (&format!("{click}password = {{ env = \"PATH\" }}"), "sink[0].user", "is missing"),
            (&format!("{click}password = \"canary\""), "sink[0]", "where the secret is"),
            (
                &format!("{click}user = \"me\"\npassword = {{ env = \"PATH\" }}"),
                "sink[0].url",
                "in the clear",
            ),
            (&format!("{elastic}stream = \"Big\""), "sink[0].stream", "small letter"),
            (&format!("{elastic}user = \"me\""), "sink[0].user", "go together"),
            (
                &format!(
                    "{elastic}user = \"me\"\npassword = {{ env = \"PATH\" }}\napi_key = {{ env = \"PATH\" }}"
                ),
                "sink[0].api_key",
                "one or the other",
            ),
            ("kind = \"otlp\"\nurl = \"canary\"", "sink[0].url", "does not start with http"),
            (
                "kind = \"otlp\"\nurl = \"http://x\"\nvalue = { env = \"PATH\" }",
                "sink[0].url",
                "in the clear",
            ),
            (
                "kind = \"otlp\"\nurl = \"https://x\"\nheader = \"Not one\"",
                "sink[0].header",
                "small letters",
            ),
            ("kind = \"parquet\"\ndir = \"\"", "sink[0].dir", "empty"),
            ("kind = \"parquet\"\ndir = \"x\"\nfile_s = 0", "sink[0].file_s", "1 to 86400"),
            ("kind = \"parquet\"\ndir = \"x\"\nname = \"../up\"", "sink[0].name", "small letters"),
            (
                "kind = \"parquet\"\ndir = \"x\"\nalert_behind_s = 1",
                "sink[0].alert_behind_s",
                "10 to",
            ),
        ] {
            let (at, problem) = configs(&format!("[[sink]]\n{table}")).unwrap_err();
            assert!(at == key && problem.contains(said), "{table}: {at}: {problem}");
            assert!(!problem.contains("canary"), "{problem}");
        }
        let twice =
            "[[sink]]\nkind = \"parquet\"\ndir = \"a\"\n[[sink]]\nkind = \"parquet\"\ndir = \"b\"";
        let (at, problem) = configs(twice).unwrap_err();
        assert_eq!(at, "sink[1].name");
        assert!(problem.contains("give each a `name`"), "{problem}");
    }
}
