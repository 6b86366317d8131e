//! What can happen to what a store keeps, behind its back: the same on each kind of store.

use std::path::PathBuf;

use model::Entry;

use crate::common::Gateway;

/// A journal that is kept somewhere.
pub(crate) trait Kept {
    /// Where, and `None` for the file that a gateway has by itself.
    fn url(&self) -> Option<String>;
    /// Everything behind this entry is gone although it was answered: a flush that lied, or an older copy.
    fn lose_behind(&mut self, seq: u64);
    /// One bit of the text of an entry is another.
    fn flip(&mut self, seq: u64, entry: &Entry);
    /// Goes back to a time before so many sessions were known.
    fn forget_sessions(&mut self, last: u64);
    /// Was written by a later version of the program.
    fn is_of_a_later_version(&mut self);
}

/// A gateway on it.
pub(crate) fn prepare(addr: &str, agents: &str, kept: &dyn Kept) -> Gateway {
    let mut gateway = Gateway::prepare(addr, agents);
    if let Some(url) = kept.url() {
        gateway.keep_in(&url);
    }
    gateway
}

/// An SQLite file, which is known when its gateway is.
#[derive(Default)]
pub(crate) struct File(pub(crate) PathBuf);

impl File {
    fn run(&self, sql: &str) {
        let journal = rusqlite::Connection::open(&self.0).unwrap();
        journal.execute_batch(sql).unwrap();
    }
}

impl Kept for File {
    fn url(&self) -> Option<String> {
        None
    }
    fn lose_behind(&mut self, seq: u64) {
        self.run(&format!(
            "DELETE FROM journal WHERE seq > {seq}; DELETE FROM snapshots WHERE seq > {seq}"
        ));
    }
    fn flip(&mut self, _seq: u64, entry: &Entry) {
        self.run("PRAGMA wal_checkpoint(TRUNCATE)");
        flip(std::slice::from_ref(&self.0), entry);
    }
    fn forget_sessions(&mut self, last: u64) {
        self.run(&format!("UPDATE counters SET value = {last} WHERE name = 'session'"));
    }
    fn is_of_a_later_version(&mut self) {
        self.run("PRAGMA user_version = 99");
    }
}

impl Kept for servers::Postgres {
    fn url(&self) -> Option<String> {
        Some(servers::Postgres::url(self))
    }
    fn lose_behind(&mut self, seq: u64) {
        self.sql(&format!("DELETE FROM plimsoll.journal WHERE seq > {seq}")).unwrap();
        self.sql(&format!("DELETE FROM plimsoll.snapshots WHERE seq > {seq}")).unwrap();
    }
    fn flip(&mut self, seq: u64, _entry: &Entry) {
        let flipped = "overlay(body PLACING '~' FROM length(body) - 3 FOR 1)";
        let sql = format!("UPDATE plimsoll.journal SET body = {flipped} WHERE seq = {seq}");
        self.sql(&sql).unwrap();
    }
    fn forget_sessions(&mut self, last: u64) {
        self.sql(&format!("UPDATE plimsoll.lease SET epoch = {last}")).unwrap();
    }
    fn is_of_a_later_version(&mut self) {
        self.sql("UPDATE plimsoll.about SET layout = 99").unwrap();
    }
}

impl Kept for servers::Redis {
    fn url(&self) -> Option<String> {
        Some(servers::Redis::url(self))
    }
    fn lose_behind(&mut self, seq: u64) {
        // Far more than these tests write.
        for gone in seq + 1..seq + 300 {
            self.command(&format!("XDEL plimsoll:journal {gone}-0")).unwrap();
            self.command(&format!("HDEL plimsoll:snapshots {gone}")).unwrap();
        }
        self.command(&format!("XSETID plimsoll:journal {seq}-0")).unwrap();
    }
    fn flip(&mut self, _seq: u64, entry: &Entry) {
        self.kill();
        let files = std::fs::read_dir(self.directory().join("appendonlydir")).unwrap();
        let files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
        flip(&files, entry);
        self.restart().unwrap();
    }
    fn forget_sessions(&mut self, last: u64) {
        self.command(&format!("HSET plimsoll:counters epoch {last}")).unwrap();
    }
    fn is_of_a_later_version(&mut self) {
        self.command("HSET plimsoll:counters layout 99").unwrap();
    }
}

/// Flips a bit of an entry's text wherever it is: pages that were moved leave copies behind.
fn flip(files: &[PathBuf], entry: &Entry) {
    let text = serde_json::to_string(entry).unwrap();
    let mut flipped = 0;
    for path in files {
        let mut bytes = std::fs::read(path).unwrap();
        let starts: Vec<usize> = (0..bytes.len().saturating_sub(text.len()))
            .filter(|start| bytes[*start..].starts_with(text.as_bytes()))
            .collect();
        starts.iter().for_each(|start| bytes[start + text.len() - 3] ^= 0x01);
        flipped += starts.len();
        std::fs::write(path, bytes).unwrap();
    }
    assert!(flipped > 0, "{text} is nowhere in {files:?}");
}
