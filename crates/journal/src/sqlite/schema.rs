//! The tables of a journal, and views with plain names for people who ask in SQL.
//!
//! A table's layout has a version, and a journal of a later one is refused. Views only say
//! differently what the tables hold, so each writer brings its own and they have no version.

use std::fs::File;
use std::path::Path;

use rusqlite::Connection;

use super::explain::explain;
use crate::storage::StoreError;

/// Marks the file as ours: "PLIM".
const APPLICATION_ID: i32 = 0x504c_494d;
/// Layout of the tables; a later one is refused, an earlier one is brought up to this when it is opened
/// for writing. 2: snapshots, and a beginning that may be missing.
const SCHEMA_VERSION: i32 = 2;

const TABLES: &str = "
CREATE TABLE journal (
    seq INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    agent TEXT,
    instrument TEXT,
    client_order_id TEXT,
    body TEXT NOT NULL,
    chain BLOB NOT NULL
) STRICT;
CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
INSERT INTO counters VALUES ('session', 0);
";

/// What layout 2 has beyond layout 1. A snapshot is kept once it has its row; pieces without one are of
/// one that is being written, or was let go of. The anchor is the last entry that was removed: the chain goes on
/// behind it.
const SINCE_2: &str = "
CREATE TABLE snapshots (seq INTEGER PRIMARY KEY, format INTEGER NOT NULL, hash BLOB NOT NULL) STRICT;
CREATE TABLE snapshot_pieces (id INTEGER PRIMARY KEY, seq INTEGER NOT NULL, body BLOB NOT NULL) STRICT;
CREATE INDEX snapshot_pieces_seq ON snapshot_pieces (seq, id);
CREATE TABLE anchor (one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL,
    chain BLOB NOT NULL) STRICT;
";

/// What questions are found by. `at` is nanoseconds since 1970; the views say it as a date, UTC.
const VIEWS: &str = "
CREATE INDEX IF NOT EXISTS journal_kind ON journal (kind, at);
CREATE INDEX IF NOT EXISTS journal_order ON journal (client_order_id)
    WHERE client_order_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS journal_agent ON journal (agent) WHERE agent IS NOT NULL;

DROP VIEW IF EXISTS orders;
CREATE VIEW orders AS SELECT seq, at,
    strftime('%Y-%m-%dT%H:%M:%fZ', at / 1e9, 'unixepoch') AS time,
    agent, instrument, client_order_id, body ->> '$.intent' AS intent,
    body ->> '$.order.side' AS side, body ->> '$.order.kind.type' AS type,
    body ->> '$.order.qty.base' AS qty, body ->> '$.order.qty.quote' AS quote_qty,
    body ->> '$.order.kind.price' AS price, body ->> '$.worst_price' AS worst_price
    FROM journal WHERE kind = 'prepared';

DROP VIEW IF EXISTS fills;
CREATE VIEW fills AS SELECT seq, at,
    strftime('%Y-%m-%dT%H:%M:%fZ', at / 1e9, 'unixepoch') AS time,
    instrument, client_order_id, body ->> '$.fill.trade_id' AS trade_id,
    body ->> '$.fill.side' AS side, body ->> '$.fill.price' AS price, body ->> '$.fill.qty' AS qty,
    body ->> '$.fill.fee.amount' AS fee, body ->> '$.fill.fee.asset' AS fee_asset,
    body ->> '$.fill.liquidity' AS liquidity, body ->> '$.late' AS late
    FROM journal WHERE kind = 'filled';

DROP VIEW IF EXISTS decisions;
CREATE VIEW decisions AS SELECT seq, at,
    strftime('%Y-%m-%dT%H:%M:%fZ', at / 1e9, 'unixepoch') AS time,
    agent, instrument, body ->> '$.intent.id' AS intent, body ->> '$.intent.reason' AS reason,
    body ->> '$.position' AS position, body ->> '$.reference' AS reference
    FROM journal WHERE kind = 'decided';

DROP VIEW IF EXISTS refusals;
CREATE VIEW refusals AS SELECT seq, at,
    strftime('%Y-%m-%dT%H:%M:%fZ', at / 1e9, 'unixepoch') AS time,
    agent, body ->> '$.intent' AS intent, body ->> '$.because.refusal' AS refusal,
    body -> '$.because' AS because
    FROM journal WHERE kind = 'refused';

DROP VIEW IF EXISTS rejections;
CREATE VIEW rejections AS SELECT seq, at,
    strftime('%Y-%m-%dT%H:%M:%fZ', at / 1e9, 'unixepoch') AS time,
    client_order_id, body ->> '$.because.refusal' AS refusal, body -> '$.because' AS because
    FROM journal WHERE kind = 'rejected';

DROP VIEW IF EXISTS connections;
CREATE VIEW connections AS SELECT seq, at,
    strftime('%Y-%m-%dT%H:%M:%fZ', at / 1e9, 'unixepoch') AS time,
    body ->> '$.link' AS link, body ->> '$.up' AS up, body ->> '$.cause' AS cause
    FROM journal WHERE kind = 'link';

DROP VIEW IF EXISTS sessions;
CREATE VIEW sessions AS SELECT seq, at,
    strftime('%Y-%m-%dT%H:%M:%fZ', at / 1e9, 'unixepoch') AS time,
    body ->> '$.session' AS session, body ->> '$.version' AS version, body ->> '$.config' AS config
    FROM journal WHERE kind = 'started';

DROP VIEW IF EXISTS states;
CREATE VIEW states AS SELECT seq, at,
    strftime('%Y-%m-%dT%H:%M:%fZ', at / 1e9, 'unixepoch') AS time,
    body ->> '$.state' AS state, body ->> '$.cause' AS cause
    FROM journal WHERE kind = 'trading';
";

/// Whose file it is.
enum Owner {
    /// Nobody's: nothing is in it.
    Empty,
    /// Ours, of the layout this program writes or an earlier one.
    Us(i32),
    /// Another program's, or a later version's.
    Other(String),
}

/// Makes the tables of a new journal, or checks that those there are ours, and sets the connection
/// up so that a transaction that has returned survives a loss of power.
pub(super) fn prepare(path: &Path, connection: &mut Connection) -> Result<(), StoreError> {
    let sql = |error: rusqlite::Error| explain(path, &error);
    let owner = owner(connection).map_err(sql)?;
    if let Owner::Other(problem) = owner {
        return Err(StoreError::Foreign { place: path.into(), problem });
    }
    // Also for a journal that is there: a copy may have been made without it.
    let mode: String = connection
        .pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))
        .map_err(sql)?;
    if mode != "wal" {
        let problem = "this file system cannot keep it (no shared memory); use a local disk";
        return Err(StoreError::unusable(path, problem));
    }
    connection.pragma_update(None, "synchronous", "full").map_err(sql)?;
    // Where a flush does not reach the disk by itself, which is on macOS.
    connection.pragma_update(None, "fullfsync", true).map_err(sql)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true).map_err(sql)?;
    let layout = if let Owner::Us(layout) = owner { layout } else { 0 };
    build(connection, layout).map_err(sql)?;
    sync_directory(path);
    Ok(())
}

/// That the file a reader has opened is a journal it understands; returns its layout.
pub(crate) fn check(path: &Path, connection: &Connection) -> Result<i32, StoreError> {
    match owner(connection).map_err(|error| explain(path, &error))? {
        Owner::Us(layout) => Ok(layout),
        Owner::Empty => Err(StoreError::unusable(path, "nothing has been written to it yet")),
        Owner::Other(problem) => Err(StoreError::Foreign { place: path.into(), problem }),
    }
}

fn owner(connection: &Connection) -> rusqlite::Result<Owner> {
    // One statement, so that a reader cannot look in the middle of the making.
    let (application, version, tables) = connection.query_row(
        "SELECT (SELECT application_id FROM pragma_application_id),
                (SELECT user_version FROM pragma_user_version),
                (SELECT count(*) FROM sqlite_schema)",
        [],
        |row| Ok((row.get::<_, i32>(0)?, row.get::<_, i32>(1)?, row.get::<_, i64>(2)?)),
    )?;
    Ok(match (application, version) {
        (0, 0) if tables == 0 => Owner::Empty,
        (APPLICATION_ID, 1..=SCHEMA_VERSION) => Owner::Us(version),
        (APPLICATION_ID, _) => Owner::Other(format!(
            "its layout is version {version}, this program knows {SCHEMA_VERSION}"
        )),
        _ => Owner::Other("it is a database of another program".to_owned()),
    })
}

fn build(connection: &mut Connection, layout: i32) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    if layout < 1 {
        transaction.execute_batch(TABLES)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    }
    if layout < 2 {
        transaction.execute_batch(SINCE_2)?;
    }
    if layout < SCHEMA_VERSION {
        transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    }
    transaction.execute_batch(VIEWS)?;
    transaction.commit()
}

/// A new file's name is durable only when its directory is.
fn sync_directory(path: &Path) {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Ok(directory) = File::open(directory.unwrap_or(Path::new("."))) {
        // Systems that cannot sync a directory keep the name by other means.
        let _ = directory.sync_all();
    }
}
