//! The connection to a PostgreSQL server: made when it is needed, checked, and bounded in time.
//!
//! The client is an asynchronous one on a small runtime of its own, because the synchronous one
//! waits for ever on a server that is stopped.

use std::future::Future;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Config, NoTls, Statement};

use super::explain::{away, explain, is_passing};
use crate::patience::Failure;
use crate::place::Place;
use crate::storage::StoreError;
use crate::url::Url;

/// How long a connection may take to be made and checked.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// How long the answer to a question may take, on this side.
pub(super) const ANSWER_MAX: Duration = Duration::from_secs(5);

/// What every connection is checked for: an answer of the server that would not be kept, or would
/// not be kept as it is, is found before the first word is written.
const CHECK: &str = "SELECT current_setting('fsync'), current_setting('full_page_writes'),
    current_setting('server_encoding'), current_setting('synchronous_commit'),
    current_setting('server_version_num')::int, pg_is_in_recovery()";

/// Oldest server that this was written for: 12.
const VERSION_MIN: i32 = 120_000;

pub(super) struct Link {
    pub(super) place: Place,
    config: Config,
    /// Only looks; a server that takes no writes will do.
    reads: bool,
    runtime: Runtime,
    client: Option<Connected>,
}

struct Connected {
    client: Client,
    /// The one statement that is asked again and again.
    prepared: Option<Statement>,
    connection: JoinHandle<()>,
}

impl Drop for Connected {
    fn drop(&mut self) {
        // A connection that hangs would stay for ever.
        self.connection.abort();
    }
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
        let mut config = Config::new();
        config.host(&url.host).dbname(&url.database);
        config.application_name("plimsoll").connect_timeout(CONNECT_MAX);
        config.ssl_mode(tokio_postgres::config::SslMode::Disable);
        if let Some(port) = url.port {
            config.port(port);
        }
        if let Some(user) = &url.user {
            config.user(user);
        }
        if let Some(password) = &url.password {
            config.password(password);
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| StoreError::unusable(&place, error))?;
        Ok(Link { place, config, reads, runtime, client: None })
    }

    /// Is there a connection, as far as is known?
    pub(super) fn is_up(&self) -> bool {
        self.client.as_ref().is_some_and(|connected| !connected.client.is_closed())
    }

    /// The next question makes a new one.
    pub(super) fn drop_connection(&mut self) {
        self.client = None;
    }

    /// Asks, with a connection that is made first where there is none. An answer that does not come
    /// in time is a connection that is lost: what the question did is not known then.
    pub(super) fn ask<'l, T, F>(
        &'l mut self,
        answer_max: Duration,
        question: impl FnOnce(&'l Client) -> F,
    ) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, tokio_postgres::Error>>,
    {
        self.connect()?;
        let Link { place, runtime, client, .. } = self;
        let Some(connected) = client.as_ref() else {
            return Err(Failure::Passing(away(place, "the connection was lost")));
        };
        let question = question(&connected.client);
        let answer =
            runtime.block_on(async move { tokio::time::timeout(answer_max, question).await });
        match answer {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) if is_passing(&error) => Err(Failure::Passing(explain(place, &error))),
            Ok(Err(error)) => Err(Failure::Final(explain(place, &error))),
            Err(_) => {
                let problem = format!("no answer within {answer_max:?}");
                Err(Failure::Passing(away(place, &problem)))
            }
        }
    }

    /// The statement that is asked again and again, understood by the server once a connection.
    pub(super) fn prepared(&mut self, sql: &str) -> Result<Statement, Failure> {
        self.connect()?;
        if let Some(Connected { prepared: Some(statement), .. }) = &self.client {
            return Ok(statement.clone());
        }
        let statement = self.ask(ANSWER_MAX, |client| client.prepare(sql))?;
        if let Some(connected) = &mut self.client {
            connected.prepared = Some(statement.clone());
        }
        Ok(statement)
    }

    fn connect(&mut self) -> Result<(), Failure> {
        if self.is_up() {
            return Ok(());
        }
        self.client = None;
        let (place, config) = (&self.place, &self.config);
        let made =
            self.runtime.block_on(async { tokio::time::timeout(CONNECT_MAX, made(config)).await });
        let (client, connection, row) = match made {
            Ok(Ok(made)) => made,
            Ok(Err(error)) if is_passing(&error) => {
                return Err(Failure::Passing(explain(place, &error)));
            }
            Ok(Err(error)) => return Err(Failure::Final(explain(place, &error))),
            Err(_) => {
                let problem = format!("no connection within {CONNECT_MAX:?}");
                return Err(Failure::Passing(away(place, &problem)));
            }
        };
        let connected = Connected { client, prepared: None, connection };
        check(place, &row, self.reads)?;
        self.client = Some(connected);
        Ok(())
    }
}

type Made = (Client, JoinHandle<()>, tokio_postgres::Row);

/// A connection that flushes what it commits, with what the server says of itself.
async fn made(config: &Config) -> Result<Made, tokio_postgres::Error> {
    let (client, connection) = config.connect(NoTls).await?;
    // What it ends with, the questions under way end with, too.
    let connection = tokio::spawn(async move { drop(connection.await) });
    // A stronger promise than `on` stays; `local` is as good as `on` without standby servers and
    // weaker with them. A statement that nobody waits for any more ends on the server, too.
    client
        .batch_execute(
            "SET statement_timeout = '60s'; SELECT set_config('synchronous_commit', 'on', false)
             WHERE current_setting('synchronous_commit') NOT IN ('on', 'remote_apply')",
        )
        .await?;
    let row = client.query_one(CHECK, &[]).await?;
    Ok((client, connection, row))
}

fn check(place: &Place, row: &tokio_postgres::Row, reads: bool) -> Result<(), Failure> {
    let explain = |error: tokio_postgres::Error| Failure::Final(explain(place, &error));
    let text = |index| row.try_get::<_, &str>(index).map_err(explain);
    let refuse = |problem: &str| Err(Failure::Final(StoreError::unusable(place, problem)));
    let version: i32 = row.try_get(4).map_err(explain)?;
    let in_recovery: bool = row.try_get(5).map_err(explain)?;
    if version < VERSION_MIN {
        return refuse("the server is older than PostgreSQL 12; use a newer one");
    }
    if text(2)? != "UTF8" {
        return refuse(
            "the database does not keep text as UTF8; create one that does (CREATE DATABASE … \
             ENCODING 'UTF8' TEMPLATE template0)",
        );
    }
    if reads {
        return Ok(());
    }
    if in_recovery {
        let problem = "the server is a standby, which takes no writes".to_owned();
        return Err(Failure::Final(StoreError::NotWritable { place: place.clone(), problem }));
    }
    for (index, setting) in [(0, "fsync"), (1, "full_page_writes")] {
        if text(index)? != "on" {
            let problem = format!(
                "the server runs with {setting} = off and would lose the journal in a crash; set it \
                 to on"
            );
            return refuse(&problem);
        }
    }
    Ok(())
}
