//! Tests of the state: from whichever snapshot it is read, it is the one that all entries come to.

use std::collections::BTreeMap;

use journal::{Memory, Storage as _};
use model::{
    AgentId, Amount, Asset, Balance, FeedHealth, InstrumentId, Link, Record, Timestamp,
    TradingState,
};

use super::*;

/// A day of a gateway, in short: starts, losses, gaps, balances, a halt.
fn entries() -> Vec<Entry> {
    let instrument = InstrumentId::new("BTC-USDT").unwrap();
    let agent = AgentId::new("trend").unwrap();
    let asset = Asset::new("USDT").unwrap();
    let records = (0..400u64).map(|number| match number % 8 {
        0 if number % 40 == 0 => Record::Started {
            session: number,
            version: "1".to_owned(),
            config: String::new(),
            paper: false,
        },
        0 | 1 => Record::Link { link: Link::Account, up: number % 16 == 1, cause: "x".to_owned() },
        2 => Record::Gap { instrument, detail: "1 is missing".to_owned() },
        3 => Record::Feed { instrument, health: FeedHealth::Live },
        4 => {
            let free: Amount = number.to_string().parse().unwrap();
            let held = Balance { free, locked: Amount::ZERO };
            let venue_time = Timestamp::from_nanos(number.cast_signed());
            Record::Balances {
                balances: BTreeMap::from([(asset, held)]),
                venue_time,
                partial: false,
            }
        }
        5 => Record::Transferred { asset, amount: "1.5".parse().unwrap(), taken_until: None },
        6 if number == 390 => {
            Record::Trading { state: TradingState::Halted, cause: "asked for".to_owned(), by: None }
        }
        _ => Record::Agent { agent, event: format!("number {number}"), version: None },
    });
    let at = |number: i64| Timestamp::from_nanos(number * 1_000_000_000);
    (1..).zip(records).map(|(number, record)| Entry { at: at(number), record }).collect()
}

fn folded(entries: &[Entry]) -> State {
    let mut state = State::default();
    entries.iter().for_each(|entry| state.add(entry));
    state
}

fn snapshot(entries: &[Entry]) -> Snapshot {
    let state = folded(entries);
    Snapshot { seq: entries.len() as u64, format: state.format(), body: state.body() }
}

fn restored(store: &mut Memory) -> Result<Restored, StoreError> {
    State::restore(store.snapshots().unwrap(), &mut |after, each| store.replay(after, each))
}

#[test]
fn from_any_snapshot_it_is_what_all_entries_come_to() {
    let entries = entries();
    let all = folded(&entries);
    assert!(all.books.halted().is_some() && all.health.links.len() == 1);
    for made in 0..=entries.len() {
        let mut store = Memory::default();
        store.append(&entries).unwrap();
        if made > 0 {
            store.keep_snapshot(&snapshot(&entries[..made])).unwrap();
        }
        let restored = restored(&mut store).unwrap();
        assert_eq!(restored.state, all, "made after {made}");
        assert_eq!((restored.last, restored.snapshot), (entries.len() as u64, made as u64));
    }
}

/// A store that remembers nothing but its snapshot is of the same kind of account.
#[test]
fn that_an_account_is_on_paper_is_in_a_snapshot() {
    for paper in [false, true] {
        let (version, config) = (String::new(), String::new());
        let record = Record::Started { session: 1, version, config, paper };
        let entries = [Entry { at: Timestamp::EPOCH, record }];
        let mut store = Memory::default();
        store.append(&entries).unwrap();
        store.keep_snapshot(&snapshot(&entries)).unwrap();
        let found = restored(&mut store).unwrap();
        assert_eq!((found.snapshot, found.state.books.is_paper()), (1, paper));
    }
}

#[test]
fn a_snapshot_of_another_form_is_passed_over_while_the_entries_are_there() {
    let entries = entries();
    let good = snapshot(&entries[..100]);
    let strange = [
        Snapshot { format: FORMAT + 1, ..snapshot(&entries[..200]) },
        Snapshot { body: b"{}".to_vec(), ..snapshot(&entries[..200]) },
        Snapshot { body: Vec::new(), ..snapshot(&entries[..200]) },
    ];
    for strange in strange {
        let mut store = Memory::default();
        store.append(&entries).unwrap();
        store.keep_snapshot(&good).unwrap();
        store.keep_snapshot(&strange).unwrap();
        let found = restored(&mut store).unwrap();
        assert_eq!((found.snapshot, found.passed_over.len()), (100, 1));
        assert_eq!(found.state, folded(&entries));
        // Both are strange.
        store.keep_snapshot(&Snapshot { seq: 300, ..strange }).unwrap();
        let found = restored(&mut store).unwrap();
        assert_eq!((found.snapshot, found.passed_over.len()), (0, 2));
        assert_eq!(found.state, folded(&entries));
    }
}

#[test]
fn without_a_readable_snapshot_removed_entries_are_said() {
    let entries = entries();
    let mut store = Memory::default();
    store.append(&entries).unwrap();
    for seq in [100, 200] {
        store.keep_snapshot(&snapshot(&entries[..seq])).unwrap();
    }
    assert_eq!(store.remove_until(u64::MAX).unwrap(), 100);
    assert_eq!(restored(&mut store).unwrap().state, folded(&entries));
    for seq in [300, 350] {
        let later = Snapshot { format: FORMAT + 1, ..snapshot(&entries[..seq]) };
        store.keep_snapshot(&later).unwrap();
    }
    let error = restored(&mut store).unwrap_err();
    assert!(matches!(error, StoreError::Removed { removed: 100, .. }), "{error}");
    let text = error.to_string();
    assert!(
        text.contains(&format!("form {FORMAT}")) && text.contains("up to 100 were removed"),
        "{text}"
    );
}

/// The shape of a snapshot is pinned: one that changes needs a form of its own, or a snapshot of before
/// would be read as what it is not. The state is what every kind of record ever written comes to.
#[test]
fn the_form_of_a_snapshot_changes_with_its_shape() {
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let records = here.join("../journal/fixtures/records.jsonl");
    let records = std::fs::read_to_string(records).unwrap();
    let entries: Vec<Entry> =
        records.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let state = folded(&entries);
    let body = serde_json::to_string_pretty(&state).unwrap() + "\n";
    assert_eq!(serde_json::from_str::<State>(&body).unwrap(), state);
    let fixture = here.join(format!("fixtures/state-{FORMAT}.json"));
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&fixture, &body).unwrap();
    }
    let pinned = std::fs::read_to_string(&fixture).unwrap_or_default();
    assert!(
        body == pinned,
        "a state is kept in another shape than {} says: where a released version wrote that, make FORMAT \
         one more (docs/journal.md says what else); then write it anew with UPDATE=1:\n{body}",
        fixture.display()
    );
}
