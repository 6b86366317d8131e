//! The tables of a journal in a schema of its own, and views with plain names for people.
//!
//! As in SQLite: a table's layout has a version, a journal of a later one is refused, and views only
//! say differently what the tables hold, so each version of them replaces the one before.

use tokio_postgres::Client;

use super::link::{ANSWER_MAX, Link};
use crate::patience::Failure;
use crate::storage::StoreError;

/// Layout of the tables; a later one is refused.
const LAYOUT: i32 = 1;
/// Of the views below, and of the table of pieces that came with them: without it a journal is read all the
/// same, and who does not know it makes a snapshot anew.
const VIEWS_VERSION: i32 = 2;

/// `{s}` is the schema. `id` keeps the single rows single. The anchor is the last entry that was
/// removed, or the nothing before the first: the chain goes on behind it.
const TABLES: &str = "
IF to_regnamespace('{s}') IS NULL THEN CREATE SCHEMA {s}; END IF;
CREATE TABLE {s}.about (id boolean PRIMARY KEY CHECK (id), layout integer NOT NULL, views integer NOT NULL);
CREATE TABLE {s}.journal (
    seq bigint PRIMARY KEY,
    at bigint NOT NULL,
    kind text NOT NULL,
    agent text,
    instrument text,
    client_order_id text,
    body text NOT NULL,
    chain bytea NOT NULL
);
CREATE INDEX journal_kind ON {s}.journal (kind, at);
CREATE INDEX journal_order ON {s}.journal (client_order_id) WHERE client_order_id IS NOT NULL;
CREATE INDEX journal_agent ON {s}.journal (agent) WHERE agent IS NOT NULL;
CREATE TABLE {s}.counters (name text PRIMARY KEY, value bigint NOT NULL);
CREATE TABLE {s}.lease (
    id boolean PRIMARY KEY CHECK (id),
    epoch bigint NOT NULL,
    holder text NOT NULL,
    token text NOT NULL,
    valid_until timestamptz NOT NULL
);
CREATE TABLE {s}.snapshots (seq bigint PRIMARY KEY, format bigint NOT NULL, body bytea NOT NULL, hash bytea NOT NULL);
CREATE TABLE {s}.anchor (id boolean PRIMARY KEY CHECK (id), seq bigint NOT NULL, chain bytea NOT NULL);
INSERT INTO {s}.about VALUES (true, 1, 0);
INSERT INTO {s}.anchor VALUES (true, 0, decode(repeat('00', 32), 'hex'));
INSERT INTO {s}.lease VALUES (true, 0, 'nobody', '', '-infinity');
";

/// Name, columns behind `seq`, `at` and `time`, and kind.
const VIEWS: &[(&str, &str, &str)] = &[
    (
        "orders",
        "agent, instrument, client_order_id, b ->> 'intent' AS intent, b #>> '{order,side}' AS side,
         b #>> '{order,kind,type}' AS type, b #>> '{order,qty,base}' AS qty,
         b #>> '{order,qty,quote}' AS quote_qty, b #>> '{order,kind,price}' AS price,
         b ->> 'worst_price' AS worst_price",
        "prepared",
    ),
    (
        "fills",
        "instrument, client_order_id, b #>> '{fill,trade_id}' AS trade_id,
         b #>> '{fill,side}' AS side, b #>> '{fill,price}' AS price, b #>> '{fill,qty}' AS qty,
         b #>> '{fill,fee,amount}' AS fee, b #>> '{fill,fee,asset}' AS fee_asset,
         b #>> '{fill,liquidity}' AS liquidity, b ->> 'late' AS late",
        "filled",
    ),
    (
        "decisions",
        "agent, instrument, b #>> '{intent,id}' AS intent, b #>> '{intent,reason}' AS reason,
         b ->> 'position' AS position, b ->> 'reference' AS reference",
        "decided",
    ),
    (
        "refusals",
        "agent, b ->> 'intent' AS intent, b #>> '{because,refusal}' AS refusal,
         b -> 'because' AS because",
        "refused",
    ),
    (
        "rejections",
        "client_order_id, b #>> '{because,refusal}' AS refusal, b -> 'because' AS because",
        "rejected",
    ),
    ("connections", "b ->> 'link' AS link, b ->> 'up' AS up, b ->> 'cause' AS cause", "link"),
    (
        "sessions",
        "b ->> 'session' AS session, b ->> 'version' AS version, b ->> 'config' AS config",
        "started",
    ),
    ("states", "b ->> 'state' AS state, b ->> 'cause' AS cause", "trading"),
];

/// Two gateways that start at the same time make the tables one after the other.
const LOCK: i64 = 0x504c_494d;

/// Whose schema it is.
enum Owner {
    /// Nobody's: nothing is in it.
    Empty,
    /// Ours, of the layout this program writes, with views of this version.
    Us(i32),
    /// Another program's, or a later version's.
    Other(String),
}

/// Makes the tables of a new journal, or checks that those there are ours.
pub(super) fn prepare(link: &mut Link, schema: &str) -> Result<(), Failure> {
    // Looked at first without a lock: nothing is to be done at nearly every start, and the right to
    // create is needed once only.
    let found = match owner(link, schema)? {
        Owner::Us(VIEWS_VERSION) => return Ok(()),
        Owner::Other(problem) => return Err(foreign(link, problem)),
        Owner::Us(views) => views,
        Owner::Empty => 0,
    };
    // Several statements in one question are one transaction.
    let sql = format!(
        "SELECT pg_advisory_xact_lock({LOCK});
         DO $do$ BEGIN IF to_regclass('{schema}.about') IS NULL THEN {} END IF; END $do$;
         {} UPDATE {schema}.about SET views = {VIEWS_VERSION} WHERE views = {found}",
        TABLES.replace("{s}", schema),
        views(schema)
    );
    link.ask(ANSWER_MAX, |client| async move { client.batch_execute(&sql).await })?;
    match owner(link, schema)? {
        Owner::Us(_) => Ok(()),
        Owner::Empty => Err(foreign(link, "its tables cannot be seen".to_owned())),
        Owner::Other(problem) => Err(foreign(link, problem)),
    }
}

/// That there is a journal that a reader understands.
pub(super) fn check(link: &mut Link, schema: &str) -> Result<(), Failure> {
    match owner(link, schema)? {
        Owner::Us(_) => Ok(()),
        Owner::Empty => {
            let problem =
                "nothing has been written to it yet; start a gateway with this `store` first";
            Err(Failure::Final(StoreError::unusable(&link.place, problem)))
        }
        Owner::Other(problem) => Err(foreign(link, problem)),
    }
}

fn foreign(link: &Link, problem: String) -> Failure {
    Failure::Final(StoreError::Foreign { place: link.place.clone(), problem })
}

fn owner(link: &mut Link, schema: &str) -> Result<Owner, Failure> {
    link.ask(ANSWER_MAX, |client| ask_owner(client, schema))
}

async fn ask_owner(client: &Client, schema: &str) -> Result<Owner, tokio_postgres::Error> {
    let sql = "SELECT count(*), count(*) FILTER (WHERE relname = 'about') FROM pg_class
               JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = $1";
    let row = client.query_one(sql, &[&schema]).await?;
    let (all, about): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
    if about == 0 {
        return Ok(match all {
            0 => Owner::Empty,
            _ => Owner::Other("the schema is another program's".to_owned()),
        });
    }
    let row = client.query_one(&format!("SELECT layout, views FROM {schema}.about"), &[]).await?;
    let (layout, views): (i32, i32) = (row.try_get(0)?, row.try_get(1)?);
    Ok(if layout == LAYOUT {
        Owner::Us(views)
    } else {
        let problem = format!("its layout is version {layout}, this program knows {LAYOUT}");
        Owner::Other(problem)
    })
}

/// What each version of them replaces. `at` is nanoseconds since 1970; the views say it as a time.
fn views(schema: &str) -> String {
    let pieces = format!(
        "CREATE TABLE IF NOT EXISTS {schema}.snapshot_pieces
             (seq bigint, start bigint, body bytea NOT NULL, PRIMARY KEY (seq, start));"
    );
    let view = |(name, columns, kind): &(&str, &str, &str)| {
        format!(
            "DROP VIEW IF EXISTS {schema}.{name};
             CREATE VIEW {schema}.{name} AS SELECT seq, at, to_timestamp(at / 1e9) AS time, {columns}
             FROM (SELECT *, body::jsonb AS b FROM {schema}.journal WHERE kind = '{kind}') AS entry;"
        )
    };
    std::iter::once(pieces).chain(VIEWS.iter().map(view)).collect()
}
