//! What every store must do.

use model::{Entry, StoreTag};

use crate::samples::{at, entry, sample};
use crate::storage::{REMOVED_MAX, Snapshot, Storage, StoreError};
use crate::{Memory, Sqlite};

/// Entries of one write that is larger than any the writer makes by itself.
const MANY: i64 = 5_000;

pub(crate) fn collect(store: &mut dyn Storage, after: u64) -> Vec<(u64, Entry)> {
    let mut found = Vec::new();
    store
        .replay(after, &mut |seq, entry| {
            found.push((seq, entry));
            Ok(())
        })
        .unwrap();
    found
}

/// The suite that every store passes, on a new one.
pub(crate) fn conforms(store: &mut dyn Storage) {
    let mut written = sample();
    assert_eq!(store.append(&[]).unwrap(), 0, "nothing is written by writing nothing");
    assert_eq!(collect(store, 0), []);
    assert_eq!(store.append(&written[..1]).unwrap(), 1);
    assert_eq!(store.append(&written[1..]).unwrap(), written.len() as u64);
    assert_eq!(store.append(&[]).unwrap(), written.len() as u64);
    let more = odd();
    assert_eq!(store.append(&more).unwrap(), (written.len() + more.len()) as u64);
    written.extend(more);
    let many: Vec<Entry> = (0..MANY).map(entry).collect();
    assert_eq!(store.append(&many).unwrap(), (written.len() + many.len()) as u64);
    written.extend(many);
    for number in 0..20 {
        let last = store.append(&[entry(number)]).unwrap();
        written.push(entry(number));
        assert_eq!(last, written.len() as u64);
    }

    let numbered: Vec<(u64, Entry)> = (1..).zip(written).collect();
    let all = numbered.len();
    assert_eq!(collect(store, 0), numbered, "every record reads back as it was written");
    for after in [1, 2, 5, all / 2, all - 1, all] {
        assert_eq!(collect(store, after as u64), numbered[after..], "behind {after}");
    }
    assert_eq!(collect(store, all as u64 + 1), [], "behind the end there is nothing");
    assert_eq!(collect(store, u64::MAX), []);
    let mut seen = 0;
    let stopped = store.replay(0, &mut |seq, _| {
        seen = seq;
        if seq == 3 { Err(StoreError::Lost("enough".to_owned())) } else { Ok(()) }
    });
    assert!(stopped.is_err() && seen == 3, "a reader can stop");
    let sessions: Vec<u64> = (0..3).map(|_| store.take_session().unwrap()).collect();
    assert_eq!(sessions, [1, 2, 3]);
    let tags = [7, 8].map(|number| store.take_tag(StoreTag::new(number)).unwrap());
    assert_eq!(tags, [StoreTag::new(7); 2], "the first one is kept");
    assert_eq!(store.append(&[entry(1)]).unwrap(), all as u64 + 1, "a new session writes on");
}

/// The same of a store that is opened again and again, with nothing in it at first.
pub(crate) fn keeps(open: &mut dyn FnMut() -> Box<dyn Storage>) {
    let entries = sample();
    let mut written = Vec::new();
    for (session, part) in (1..).zip(entries.chunks(4)) {
        let mut store = open();
        assert_eq!(store.take_tag(StoreTag::new(session)).unwrap(), StoreTag::new(1));
        assert_eq!(store.take_session().unwrap(), session, "one more than ever before");
        let before: Vec<Entry> = collect(&mut *store, 0).into_iter().map(|(_, e)| e).collect();
        assert_eq!(before, written);
        assert_eq!(store.append(&[]).unwrap(), written.len() as u64);
        written.extend_from_slice(part);
        assert_eq!(store.append(part).unwrap(), written.len() as u64);
    }
}

/// Text that a server, a query or a script could take for something else.
fn odd() -> Vec<Entry> {
    let words = [
        "",
        "'; DROP TABLE journal; --",
        "\" \\ \\\" $1 $$ {} %s %%",
        "line\nline\r\n\ttab",
        "\u{0} and \u{1b}[31m",
        "größer 五 🚢 \u{202e}right to left \u{feff}",
        "ends with \u{0}",
    ];
    let long = "long ".repeat(40_000);
    let words = words.into_iter().chain([long.as_str()]);
    let record = |event: &str| model::Record::Agent {
        agent: model::AgentId::new("odd").unwrap(),
        event: event.to_owned(),
        version: None,
    };
    (1..).zip(words).map(|(second, word)| Entry { at: at(-second), record: record(word) }).collect()
}

/// The part of the suite about snapshots, on a store with nothing in it.
pub(crate) fn keeps_snapshots(store: &mut dyn Storage) {
    let snapshot =
        |seq: u64| Snapshot { seq, format: 3, body: format!("up to {seq}").into_bytes() };
    let seqs = |store: &mut dyn Storage| -> Vec<u64> {
        store.snapshots().unwrap().iter().map(|kept| kept.seq).collect()
    };
    let batch: Vec<Entry> = sample().into_iter().cycle().take(2_500).collect();
    assert_eq!(store.append(&batch).unwrap(), 2_500);
    assert_eq!(store.remove_until(2_500).unwrap(), 0, "without a snapshot a start needs all");
    store.keep_snapshot(&snapshot(2_501)).unwrap();
    assert!(seqs(store).is_empty(), "of entries that are not there yet");
    store.keep_snapshot(&snapshot(1_500)).unwrap();
    assert_eq!(store.remove_until(2_500).unwrap(), 0, "should the only one be damaged");
    store.keep_snapshot(&snapshot(2_400)).unwrap();
    assert_eq!(store.snapshots().unwrap(), [snapshot(2_400), snapshot(1_500)], "newest first");
    assert_eq!(store.remove_until(0).unwrap(), 0);
    assert_eq!(store.remove_until(u64::MAX).unwrap(), REMOVED_MAX);
    assert_eq!(store.remove_until(u64::MAX).unwrap(), 500, "what the older one has in it");
    assert_eq!(store.remove_until(u64::MAX).unwrap(), 0);
    store.check().unwrap();
    let kept: Vec<u64> = collect(store, 0).iter().map(|(seq, _)| *seq).collect();
    assert_eq!(kept, (1_501..=2_500).collect::<Vec<_>>(), "numbers stay");
    assert_eq!(collect(store, 2_400).len(), 100);
    assert_eq!(collect(store, 1_000).len(), 1_000, "from what is kept on");
    store.keep_snapshot(&snapshot(2_500)).unwrap();
    assert_eq!(seqs(store), [2_500, 2_400], "the newest two");
    while store.remove_until(u64::MAX).unwrap() > 0 {}
    assert_eq!(store.append(&batch[..7]).unwrap(), 2_507, "the count goes on");
    store.check().unwrap();
    assert_eq!(collect(store, 2_500).len(), 7);
    assert_eq!(collect(store, 2_500)[6].1, batch[6]);
}

#[test]
fn memory_conforms() {
    conforms(&mut Memory::default());
    keeps_snapshots(&mut Memory::default());
}

#[test]
fn sqlite_conforms() {
    let directory = tempfile::tempdir().unwrap();
    conforms(&mut Sqlite::open(&directory.path().join("j.db")).unwrap());
    let kept = directory.path().join("kept.db");
    keeps(&mut || Box::new(Sqlite::open(&kept).unwrap()));
    let path = directory.path().join("snapshots.db");
    keeps_snapshots(&mut Sqlite::open(&path).unwrap());
    let mut again = Sqlite::open(&path).unwrap();
    again.check().unwrap();
    assert_eq!(again.append(&sample()[..1]).unwrap(), 2_508, "also after opening again");
}
