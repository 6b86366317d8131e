//! Tests of the PostgreSQL store on real servers: what survives, what is found, what is refused.

use super::*;
use crate::Address;
use crate::samples::{entry, sample};
use crate::served::{self, Stage};

impl Stage for servers::Postgres {
    fn address(&self, at: Option<&str>, name: &str) -> Address {
        let url = at.map_or_else(|| self.url(), |at| self.url_at(at));
        Address::parse(&format!("{url}?schema={name}"), std::path::Path::new(".")).unwrap()
    }
    fn port(&self) -> u16 {
        self.port()
    }
    fn kill(&mut self) {
        self.kill();
    }
    fn restart(&mut self) {
        self.restart().unwrap();
    }
    fn pause(&self) {
        self.pause();
    }
    fn resume(&self) {
        self.resume();
    }
    fn lose_behind(&self, name: &str, seq: u64) {
        self.sql(&format!("DELETE FROM {name}.journal WHERE seq > {seq}")).unwrap();
    }
    fn lend_to_other(&self, name: &str, epoch: u64) {
        let lent = "holder = '1 on b', token = '1-1', valid_until = now() + interval '1 hour'";
        self.sql(&format!("UPDATE {name}.lease SET epoch = {epoch}, {lent}")).unwrap();
    }
    fn open(
        &self,
        address: &Address,
        tell: OnWait,
        away_max: Duration,
        take_over_max: Duration,
    ) -> Result<Box<dyn Storage>, StoreError> {
        let Address::Postgres(url) = address else { panic!("{address}") };
        let mut store = Postgres::open_within(url, tell, take_over_max)?;
        store.patience.away_max = away_max;
        Ok(Box::new(store))
    }
}

fn open(server: &servers::Postgres) -> Result<Postgres, StoreError> {
    let url = Url::parse(&server.url()).unwrap().unwrap();
    Postgres::open_within(&url, Box::new(|_, _| {}), Duration::ZERO)
}

fn replayed(store: &mut Postgres) -> Result<u64, StoreError> {
    let mut count = 0;
    store.replay(0, &mut |_, _| {
        count += 1;
        Ok(())
    })?;
    Ok(count)
}

#[test]
fn it_is_a_store() {
    let Some(server) = servers::postgres("the suite of all stores") else { return };
    served::is_a_store(&server);
}

#[test]
fn lost_answers_are_settled() {
    let Some(server) = servers::postgres("lost answers") else { return };
    served::settles_what_was_lost(&server);
}

#[test]
fn a_server_that_is_away_is_waited_for() {
    let Some(mut server) = servers::postgres("a server that is away") else { return };
    served::gives_up_on_its_server(&server);
    server.sql("DROP SCHEMA plimsoll CASCADE").unwrap();
    served::waits_for_its_server(&mut server);
}

#[test]
fn one_gateway_holds_it() {
    let Some(server) = servers::postgres("one gateway at a time") else { return };
    served::has_one_holder(&server);
}

#[test]
fn what_is_lost_is_no_successor() {
    let Some(server) = servers::postgres("a fail-over that lost entries") else { return };
    served::knows_what_is_lost(&server);
}

/// A snapshot of 64 MB goes in and out in pieces, with a write between any two of them, whose answers may be
/// lost; it counts when it is whole and not before.
#[test]
fn a_large_snapshot_holds_up_no_write() {
    let Some(server) = servers::postgres("a large snapshot") else { return };
    let proxy = servers::Proxy::before(server.port()).unwrap();
    let url = Url::parse(&server.url_at(proxy.address())).unwrap().unwrap();
    let mut store = Postgres::open_within(&url, Box::new(|_, _| {}), Duration::ZERO).unwrap();
    store.append(&[entry(1)]).unwrap();
    // Nothing that a server could make smaller.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let body: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state.to_be_bytes()
    })
    .take(8 * 1_024 * 1_024)
    .flatten()
    .collect();
    let snapshot = Snapshot { seq: 1, format: 1, body };
    let (mut stored, mut pieces) = (0, 0);
    while stored < snapshot.body.len() {
        if pieces % 64 == 3 {
            proxy.lose_answer();
        }
        stored = store.keep_piece(&snapshot, stored).unwrap();
        pieces += 1;
        assert_eq!(store.append(&[entry(pieces)]).unwrap(), 1 + pieces as u64);
        if pieces == 100 {
            assert_eq!(store.snapshots().unwrap(), [], "it is not whole");
        }
    }
    assert!(pieces > 500, "{pieces}");
    assert_eq!(store.snapshots().unwrap(), std::slice::from_ref(&snapshot));
    let newer = Snapshot { seq: 2, format: 1, body: vec![7; 300_000] };
    store.keep_snapshot(&newer).unwrap();
    store.keep_snapshot(&Snapshot { seq: 3, ..newer.clone() }).unwrap();
    let kept: Vec<u64> = store.snapshots().unwrap().iter().map(|kept| kept.seq).collect();
    assert_eq!(kept, [3, 2], "the large one is let go of");
    // Half of one is left behind, and a piece of a whole one is lost.
    store.keep_piece(&Snapshot { seq: 4, ..snapshot.clone() }, 0).unwrap();
    server.sql("DELETE FROM plimsoll.snapshot_pieces WHERE seq = 3 AND start > 200000").unwrap();
    assert_eq!(store.damaged_snapshots().unwrap(), [3]);
    store.keep_snapshot(&Snapshot { seq: 5, ..newer.clone() }).unwrap();
    // As an older version wrote it, in one row.
    server
        .sql(
            "UPDATE plimsoll.snapshots s SET body = (SELECT string_agg(body, '' ORDER BY start)
                 FROM plimsoll.snapshot_pieces p WHERE p.seq = s.seq);
             DROP TABLE plimsoll.snapshot_pieces; UPDATE plimsoll.about SET views = 1",
        )
        .unwrap();
    let reader = PostgresReader::open(&url).unwrap();
    let read = crate::source::Source::snapshots(&reader).unwrap();
    assert_eq!(read, [Snapshot { seq: 5, ..newer.clone() }]);
    drop(store);
    let mut store = open(&server).unwrap();
    assert_eq!(store.snapshots().unwrap(), read);
    store.keep_snapshot(&Snapshot { seq: 6, ..newer.clone() }).unwrap();
    assert_eq!(store.snapshots().unwrap().len(), 2);
}

#[test]
fn a_damaged_middle_names_its_entry() {
    let Some(server) = servers::postgres("a damaged journal") else { return };
    for (sql, seq) in [
        ("UPDATE plimsoll.journal SET body = replace(body, 'one', 'two') WHERE seq = 2", 2),
        ("DELETE FROM plimsoll.journal WHERE seq = 2", 2),
        ("UPDATE plimsoll.journal SET chain = decode(repeat('00', 32), 'hex') WHERE seq = 3", 3),
        ("UPDATE plimsoll.journal SET kind = 'filled' WHERE seq = 4", 4),
    ] {
        let mut store = open(&server).unwrap();
        store.append(&[entry(1), entry(2), entry(3), entry(4)]).unwrap();
        server.sql(sql).unwrap();
        match replayed(&mut store) {
            Err(StoreError::Damaged { seq: named, .. }) => assert_eq!(named, seq, "{sql}"),
            other => panic!("{sql}: {other:?}"),
        }
        drop(store);
        server.sql("DROP SCHEMA plimsoll CASCADE").unwrap();
    }
}

/// What was removed is gone with the anchor's word for it; what is missing without it is damage.
#[test]
fn a_beginning_that_is_missing_is_damage_unless_it_was_removed() {
    let Some(server) = servers::postgres("removed entries") else { return };
    for (sql, seq) in [
        ("DELETE FROM plimsoll.journal WHERE seq = 4", 4),
        ("UPDATE plimsoll.anchor SET seq = 2", 3),
        ("UPDATE plimsoll.anchor SET chain = decode(repeat('00', 32), 'hex')", 4),
    ] {
        let mut store = open(&server).unwrap();
        store.append(&sample()).unwrap();
        for seq in [4, 6] {
            store.keep_snapshot(&Snapshot { seq, format: 1, body: vec![7; 100] }).unwrap();
        }
        assert_eq!(store.remove_until(3).unwrap(), 3);
        store.check().unwrap();
        for change in ["format = 2", "body = 'x'", "hash = 'x'"] {
            server.sql("CREATE TABLE public.kept AS SELECT * FROM plimsoll.snapshots").unwrap();
            server.sql(&format!("UPDATE plimsoll.snapshots SET {change} WHERE seq = 6")).unwrap();
            let kept: Vec<u64> = store.snapshots().unwrap().iter().map(|kept| kept.seq).collect();
            assert_eq!(kept, [4], "one that was changed is passed over");
            assert_eq!(store.damaged_snapshots().unwrap(), [6]);
            server
                .sql(
                    "DELETE FROM plimsoll.snapshots;
                     INSERT INTO plimsoll.snapshots SELECT * FROM public.kept;
                     DROP TABLE public.kept",
                )
                .unwrap();
        }
        server.sql(sql).unwrap();
        let found = store.check().unwrap_err();
        assert!(
            matches!(found, StoreError::Damaged { seq: at, .. } if at == seq),
            "{sql}: {found}"
        );
        drop(store);
        server.sql("DROP SCHEMA plimsoll CASCADE").unwrap();
    }
    // An end that a snapshot has in it is missed, too.
    let mut store = open(&server).unwrap();
    store.append(&sample()).unwrap();
    store.keep_snapshot(&Snapshot { seq: 6, format: 1, body: Vec::new() }).unwrap();
    server.sql("DELETE FROM plimsoll.journal WHERE seq > 4").unwrap();
    let found = store.check().unwrap_err();
    assert!(matches!(found, StoreError::Damaged { seq: 5, .. }), "{found}");
}

/// Entries that the server has lost, or that were put in by hand, are found before the next write.
#[test]
fn an_end_that_is_not_ours_is_not_written_behind() {
    let Some(server) = servers::postgres("a journal that lost its end") else { return };
    for sql in [
        "DELETE FROM plimsoll.journal WHERE seq = 3",
        "INSERT INTO plimsoll.journal VALUES (4, 1, 'x', NULL, NULL, NULL, 'x', 'x')",
        "UPDATE plimsoll.journal SET chain = decode(repeat('00', 32), 'hex') WHERE seq = 3",
    ] {
        let mut store = open(&server).unwrap();
        store.append(&[entry(1), entry(2), entry(3)]).unwrap();
        server.sql(sql).unwrap();
        let error = store.append(&[entry(4)]).unwrap_err();
        assert!(
            matches!(error, StoreError::Forgot { .. } | StoreError::Broken { .. }),
            "{sql}: {error}"
        );
        drop(store);
        server.sql("DROP SCHEMA plimsoll CASCADE").unwrap();
    }
}

#[test]
fn what_is_no_journal_is_left_alone() {
    let Some(server) = servers::postgres("a schema of something else") else { return };
    server.sql("CREATE SCHEMA plimsoll; CREATE TABLE plimsoll.other (x int)").unwrap();
    assert!(matches!(open(&server), Err(StoreError::Foreign { .. })));
    server.sql("DROP TABLE plimsoll.other").unwrap();
    drop(open(&server).unwrap());
    server.sql("UPDATE plimsoll.about SET layout = 99").unwrap();
    let error = open(&server).unwrap_err().to_string();
    assert!(error.contains("version 99"), "{error}");
    let url = Url::parse(&server.url()).unwrap().unwrap();
    let error = PostgresReader::open(&url).unwrap_err().to_string();
    assert!(error.contains("version 99"), "{error}");
    server.sql("UPDATE plimsoll.about SET layout = 1; DELETE FROM plimsoll.anchor").unwrap();
    assert!(matches!(open(&server), Err(StoreError::Broken { .. })));
    server.sql("DELETE FROM plimsoll.lease").unwrap();
    assert!(matches!(open(&server), Err(StoreError::Broken { .. })));
}

/// Who cannot be reached, or lets nobody in, is named with what to do, and without the password.
#[test]
fn mistakes_are_explained() {
    let Some(server) = servers::postgres("wrong addresses") else { return };
    let port = server.port();
    server.sql("CREATE ROLE guest LOGIN PASSWORD 'hush'").unwrap();
    server.sql("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0").unwrap();
    for (url, said) in [
        (format!("postgres://plimsoll:hush@127.0.0.1:{port}/nowhere"), "create the database"),
        (format!("postgres://plimsoll:hushhush@127.0.0.1:{port}/postgres"), "check the user"),
        (format!("postgres://plimsoll@127.0.0.1:{port}/postgres"), "password"),
        (format!("postgres://nobody:hush@127.0.0.1:{port}/postgres"), "check the user"),
        (format!("postgres://plimsoll:hush@127.0.0.1:{port}/latin"), "UTF8"),
        (format!("postgres://guest:hush@127.0.0.1:{port}/postgres"), "give its user the right"),
        ("postgres://plimsoll:hush@127.0.0.1:1/postgres".to_owned(), "is up and reachable"),
    ] {
        let url = Url::parse(&url).unwrap().unwrap();
        let since = Instant::now();
        let error = Postgres::open(&url, Box::new(|_, _| {})).unwrap_err().to_string();
        assert!(error.contains(said) && !error.contains("hush"), "{url}: {error}");
        assert!(error.contains("127.0.0.1"), "{error}");
        assert!(since.elapsed() < Duration::from_secs(9), "{url}");
    }
}

/// A full disk and a server that takes no writes: nothing of the write is kept, the error says
/// what to do, and with room again the journal goes on without a hole.
#[test]
fn a_write_that_fails_keeps_nothing() {
    let Some(server) = servers::postgres("a full disk") else { return };
    let mut store = open(&server).unwrap();
    store.append(&[entry(1)]).unwrap();
    server
        .sql(
            "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 IF new.seq >= 3 THEN RAISE 'no space left on device' USING ERRCODE = '53100';
                 END IF; RETURN new; END $$;
             CREATE TRIGGER full_disk BEFORE INSERT ON plimsoll.journal
                 FOR EACH ROW EXECUTE FUNCTION full_disk()",
        )
        .unwrap();
    let error = store.append(&[entry(2), entry(3)]).unwrap_err();
    assert!(matches!(error, StoreError::DiskFull { .. }), "{error}");
    server.sql("DROP FUNCTION full_disk CASCADE").unwrap();
    assert_eq!(store.append(&[entry(2)]).unwrap(), 2);
    drop(store);

    server.sql("ALTER ROLE plimsoll SET default_transaction_read_only = on").unwrap();
    let error = open(&server).unwrap_err();
    assert!(matches!(error, StoreError::NotWritable { .. }), "{error}");
    let url = Url::parse(&server.url()).unwrap().unwrap();
    let reader = PostgresReader::open(&url).unwrap();
    assert_eq!(crate::source::Source::last(&reader).unwrap(), 2, "it can be read");
}

#[test]
fn settings_that_lose_a_journal_are_refused() {
    let Some(server) = servers::postgres("settings that lose a journal") else { return };
    for setting in ["fsync", "full_page_writes"] {
        server.sql(&format!("ALTER SYSTEM SET {setting} = off")).unwrap();
        server.sql("SELECT pg_reload_conf(), pg_sleep(0.3)").unwrap();
        let error = open(&server).unwrap_err().to_string();
        assert!(error.contains(&format!("{setting} = off")), "{error}");
        server.sql(&format!("ALTER SYSTEM RESET {setting}")).unwrap();
        server.sql("SELECT pg_reload_conf(), pg_sleep(0.3)").unwrap();
    }
    server.sql("ALTER ROLE plimsoll SET synchronous_commit = off").unwrap();
    let mut store = open(&server).unwrap();
    let sql = "SELECT current_setting('synchronous_commit')";
    let asked = store.link.ask(ANSWER_MAX, |client| client.query_one(sql, &[])).unwrap();
    assert_eq!(asked.get::<_, &str>(0), "on", "what would lose a write is set right");
}

#[test]
fn views_answer_in_plain_words() {
    let Some(server) = servers::postgres("the views") else { return };
    let mut store = open(&server).unwrap();
    store.append(&sample()).unwrap();
    // One row that says the most, for each view.
    for (sql, expected) in [
        (
            "agent, instrument, client_order_id, intent, side, type, qty, price FROM orders",
            "trend BTC-USDT trend-1-1 1 buy limit 0.5 60000",
        ),
        (
            "extract(epoch FROM time)::int, trade_id, side, price, qty, fee, fee_asset, liquidity,
             late FROM fills",
            "7 5 buy 60000 0.5 0.001 BTC taker true",
        ),
        (
            "agent, instrument, intent, reason, position, reference FROM decisions",
            "trend BTC-USDT 1 because 0 60000",
        ),
        ("agent, intent, refusal FROM refusals", "trend 2 nothing_to_cancel"),
        ("client_order_id, refusal FROM rejections", "trend-1-1 filter"),
        ("link, up, cause FROM connections", "account true subscribed"),
        ("session, version, config FROM sessions", "1 0 x = 1"),
        ("state, cause FROM states", "halted asked for"),
    ] {
        let (columns, view) = sql.rsplit_once(" FROM ").unwrap();
        let sql = format!("SELECT concat_ws(' ', {columns}) FROM plimsoll.{view}");
        let rows =
            store.link.ask(ANSWER_MAX, |client| async move { client.query(&sql, &[]).await });
        let rows = rows.unwrap();
        assert_eq!(rows.len(), 1, "{view}: one row");
        assert_eq!(rows[0].get::<_, &str>(0), expected, "{view}");
    }
}
