//! The connection to a Redis server: made when it is needed, checked, and bounded in time.

use std::time::Duration;

use redis::io::tcp::TcpSettings;
use redis::{Client, Cmd, Connection, ConnectionAddr, FromRedisValue, RedisConnectionInfo};
use redis::{ErrorKind, IntoConnectionInfo as _, RedisError, ServerErrorKind};

use super::explain::failure;
use crate::patience::Failure;
use crate::place::Place;
use crate::storage::StoreError;
use crate::url::Url;

/// Where Redis listens when nothing is said.
const PORT: u16 = 6_379;
/// How long a connection may take to be made.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// How long an answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// What the server must be set to, so that an answer means that the journal is kept, and why.
const SETTINGS: &[(&str, &str, &str)] = &[
    ("appendonly", "yes", "it keeps nothing through a restart"),
    ("appendfsync", "always", "it answers before the disk has it, and a crash loses what it said"),
    ("no-appendfsync-on-rewrite", "no", "it answers before the disk has it while it tidies up"),
];

pub(super) struct Link {
    pub(super) place: Place,
    client: Client,
    /// Only looks; how the server keeps what others write is their business.
    reads: bool,
    connection: Option<Connection>,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Link({})", self.place)
    }
}

impl Link {
    /// To write.
    pub(super) fn to_write(url: &Url) -> Result<Link, StoreError> {
        Link::new(url, false)
    }

    /// To look on.
    pub(super) fn to_read(url: &Url) -> Result<Link, StoreError> {
        Link::new(url, true)
    }

    fn new(url: &Url, reads: bool) -> Result<Link, StoreError> {
        let place = Place::Server(url.to_string());
        let problem = |error: RedisError| StoreError::unusable(&place, error);
        let mut login = RedisConnectionInfo::default();
        if let Some(user) = &url.user {
            login = login.set_username(user);
        }
        if let Some(password) = &url.password {
            login = login.set_password(password);
        }
        if !url.database.is_empty() {
            let number = url.database.parse();
            login = login.set_db(number.map_err(|_| {
                StoreError::unusable(&place, "the number of the database is too large")
            })?);
        }
        let address = ConnectionAddr::Tcp(url.host.clone(), url.port.unwrap_or(PORT));
        let at_once = TcpSettings::default().set_nodelay(true);
        let info = address.into_connection_info().map_err(problem)?;
        let info = info.set_redis_settings(login).set_tcp_settings(at_once);
        let client = Client::open(info).map_err(problem)?;
        Ok(Link { place, client, reads, connection: None })
    }

    /// Is there a connection, as far as is known?
    pub(super) fn is_up(&self) -> bool {
        self.connection.is_some()
    }

    /// Asks, with a connection that is made first where there is none. After a passing failure the
    /// connection is given up: an answer that comes too late must not be taken for another's.
    pub(super) fn ask<T: FromRedisValue>(&mut self, question: &Cmd) -> Result<T, Failure> {
        let answer =
            self.connect().and_then(|connection| question.query(connection).map_err(Refused::Told));
        let failed = match answer {
            Ok(answer) => return Ok(answer),
            Err(Refused::Told(error)) => failure(&self.place, &error),
            Err(Refused::Setting(problem)) => {
                Failure::Final(StoreError::unusable(&self.place, problem))
            }
        };
        if matches!(failed, Failure::Passing(_)) {
            self.connection = None;
        }
        Err(failed)
    }

    fn connect(&mut self) -> Result<&mut Connection, Refused> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                let made = self.client.get_connection_with_timeout(CONNECT_MAX)?;
                made.set_read_timeout(Some(ANSWER_MAX))?;
                made.set_write_timeout(Some(ANSWER_MAX))?;
                let mut made = made;
                if !self.reads {
                    check(&mut made)?;
                }
                made
            }
        };
        Ok(self.connection.insert(connection))
    }
}

/// Why there is no answer.
enum Refused {
    Told(RedisError),
    /// The server is not set up for this.
    Setting(String),
}

impl From<RedisError> for Refused {
    fn from(error: RedisError) -> Refused {
        Refused::Told(error)
    }
}

/// A server that would forget is found before the first word is written.
fn check(connection: &mut Connection) -> Result<(), Refused> {
    for (setting, wanted, because) in SETTINGS {
        let is = config(connection, setting)?;
        if is != *wanted {
            return Err(Refused::Setting(format!(
                "the server runs with {setting} {is}: {because}; set it to {wanted} in redis.conf"
            )));
        }
    }
    let (max, policy) = (config(connection, "maxmemory")?, config(connection, "maxmemory-policy")?);
    if max != "0" && policy != "noeviction" {
        return Err(Refused::Setting(format!(
            "the server runs with maxmemory-policy {policy}: it throws away what it has no room \
             for; set it to noeviction in redis.conf"
        )));
    }
    let info: String = redis::cmd("INFO").query(connection)?;
    let has = |line: &str| info.lines().any(|found| found == line);
    if has("cluster_enabled:1") {
        let problem = "the server is one of a cluster, which cannot keep a journal; use a lone one";
        return Err(Refused::Setting(problem.to_owned()));
    }
    if !has("role:master") {
        let problem = "the server is a replica, which takes no writes; name the one it follows";
        return Err(Refused::Setting(problem.to_owned()));
    }
    Ok(())
}

fn config(connection: &mut Connection, setting: &str) -> Result<String, Refused> {
    let found: Result<Vec<String>, RedisError> =
        redis::cmd("CONFIG").arg("GET").arg(setting).query(connection);
    match found {
        Ok(pair) => Ok(pair.into_iter().nth(1).unwrap_or_else(|| "unknown".to_owned())),
        // What cannot be seen cannot be relied on: a server that hides its settings is one of those.
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::Server(ServerErrorKind::NoPerm | ServerErrorKind::ResponseError)
            ) =>
        {
            Err(Refused::Setting(format!(
                "the server does not show its setting {setting} ({error}), so it is not known \
                 whether it keeps what it answers; let this user run CONFIG GET"
            )))
        }
        Err(error) => Err(Refused::Told(error)),
    }
}
