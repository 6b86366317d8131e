//! A journal as a gateway writes it, of any length, and what it answers when it is asked itself.

use std::path::Path;

use journal::{Address, Sqlite, Storage};
use model::{Decimal, Entry, StoreTag};
use rusqlite::Connection;

/// The order that the first question is about: this one of each story.
pub(crate) const ASKED: u64 = 300;
const SECOND: i64 = 1_000_000_000;
/// Six hours before a month ends, so that a story goes into the next one.
const START: i64 = 1_796_061_600 * SECOND;

/// The answers to the three questions.
#[derive(Debug, PartialEq)]
pub(crate) struct Answers {
    /// The account's position when the order was placed.
    pub(crate) position: Decimal,
    /// Connections lost, and so made again, in the hour before the last record.
    pub(crate) reconnects: u64,
    /// Orders rejected for insufficient balance, and all orders.
    pub(crate) rejected: (u64, u64),
}

/// So many records.
pub(crate) fn entries(count: u64) -> Vec<Entry> {
    let mut story = Story { at: START, entries: Vec::new(), position: 0 };
    story.add(r#""kind":"started","session":1,"version":"0.1.0","config":"mode = \"live\" — ü\n""#);
    story.add(r#""kind":"balances","balances":{"USDT":{"free":"10000.000000000000000001","locked":"0"}},"venue_time":5"#);
    let mut order = 0;
    while (story.entries.len() as u64) < count {
        order += 1;
        story.order(order);
    }
    story.entries.truncate(usize::try_from(count).unwrap());
    story.entries
}

struct Story {
    at: i64,
    entries: Vec<Entry>,
    /// In thousandths.
    position: i64,
}

impl Story {
    fn add(&mut self, fields: &str) {
        // Two months have to fit in a short story as in a long one.
        self.at += 3 * SECOND + 1;
        let text = format!("{{\"at\":{},{fields}}}", self.at);
        self.entries.push(serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}")));
    }

    fn order(&mut self, number: u64) {
        let side = if number.is_multiple_of(3) { "sell" } else { "buy" };
        let id = format!("trend-00007-1-{number}");
        let position = Decimal::new(self.position, 3);
        let what = format!(
            r#""instrument":"BTC-USDT","side":"{side}","kind":{{"type":"limit","price":"60000.01"}}"#
        );
        self.add(&format!(
            r#""kind":"decided","intent":{{"id":{number},"agent":"trend","action":{{"place":{{{what},"qty":"0.001",
            "time_in_force":"gtc"}}}},"reason":"the fast \"EMA\"\tcrossed — №{number}","expires":9}},
            "position":"{position}","reference":"60000""#
        ));
        self.add(&format!(
            r#""kind":"prepared","agent":"trend","intent":{number},"order":{{"client_order_id":"{id}",{what},
            "qty":{{"base":"0.001"}},"time_in_force":"gtc","post_only":false,"reduce_only":false,
            "self_trade_prevention":null}},"worst_price":"60000.01""#
        ));
        if number.is_multiple_of(7) {
            let why = if number.is_multiple_of(14) { "insufficient_balance" } else { "would_take" };
            return self.add(&format!(
                r#""kind":"rejected","client_order_id":"{id}","because":{{"refusal":"{why}"}}"#
            ));
        }
        self.add(&format!(
            r#""kind":"accepted","client_order_id":"{id}","venue_order_id":"{number}","venue_time":5"#
        ));
        if number.is_multiple_of(2) {
            self.add(&format!(
                r#""kind":"filled","client_order_id":"{id}","fill":{{"trade_id":"{number}","venue_order_id":"{number}",
                "client_order_id":"{id}","instrument":"BTC-USDT","side":"{side}","price":"60000.01","qty":"0.001",
                "fee":{{"asset":"USDT","amount":"0.060000010000000001"}},"liquidity":"maker","venue_time":5}},"late":false"#
            ));
            self.position += if side == "buy" { 1 } else { -1 };
        }
        if number.is_multiple_of(50) {
            self.add(r#""kind":"link","link":"market","up":false,"cause":"the peer closed it""#);
            self.add(r#""kind":"link","link":"market","up":true,"cause":"connected""#);
        }
    }
}

/// Writes a story to a journal that there is not yet, or goes on behind what is there.
pub(crate) fn write(store: &Address, entries: &[Entry]) {
    let mut storage = store.open(Box::new(|_, _| {})).unwrap();
    storage.take_tag(StoreTag::new(7)).unwrap();
    for part in entries.chunks(5_000) {
        storage.append(part).unwrap();
    }
}

pub(crate) fn file(path: &Path) -> Address {
    Address::Sqlite(path.to_owned())
}

/// Lets the beginning of a journal go, as a gateway with `keep_records` does.
pub(crate) fn forget(path: &Path, until: u64) {
    let mut storage = Sqlite::open(path).unwrap();
    for seq in [until + 10, until + 20] {
        let snapshot = journal::Snapshot { seq, format: 1, body: b"all".to_vec() };
        storage.keep_snapshot(&snapshot).unwrap();
    }
    while storage.remove_until(until).unwrap() > 0 {}
}

/// Each record's id and text, as lines.
pub(crate) fn lines(path: &Path) -> Vec<String> {
    let connection = Connection::open(path).unwrap();
    let mut select = connection.prepare("SELECT seq, body FROM journal ORDER BY seq").unwrap();
    let line = |row: &rusqlite::Row<'_>| {
        Ok(format!("00007-{}\t{}", row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
    };
    select.query_map([], line).unwrap().map(Result::unwrap).collect()
}

/// What the journal itself answers, in SQL.
pub(crate) fn answers(path: &Path) -> Answers {
    let connection = Connection::open(path).unwrap();
    let one = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    let position: String = connection
        .query_row(
            "SELECT d.body ->> '$.position' FROM journal d JOIN journal p ON p.kind = 'prepared' AND d.kind = 'decided'
             AND d.agent = p.agent AND d.body ->> '$.intent.id' = p.body ->> '$.intent' WHERE p.client_order_id = ?1",
            [format!("trend-00007-1-{ASKED}")],
            |row| row.get(0),
        )
        .unwrap();
    let count = |sql: &str| u64::try_from(one(sql)).unwrap();
    Answers {
        position: position.parse().unwrap(),
        reconnects: count(
            "SELECT count(*) FROM journal WHERE kind = 'link' AND body ->> '$.up' = 0
             AND at > (SELECT max(at) FROM journal) - 3600000000000",
        ),
        rejected: (
            count(
                "SELECT count(*) FROM journal WHERE kind = 'rejected'
                 AND body ->> '$.because.refusal' = 'insufficient_balance'",
            ),
            count("SELECT count(*) FROM journal WHERE kind = 'prepared'"),
        ),
    }
}

/// That what a target has is what the journal has, in order and once.
pub(crate) fn is_same(target: &[String], journal: &[String]) {
    for (index, (there, here)) in target.iter().zip(journal).enumerate() {
        assert_eq!(there, here, "record {}", index + 1);
    }
    assert_eq!(target.len(), journal.len(), "none is missing and none is twice");
}
