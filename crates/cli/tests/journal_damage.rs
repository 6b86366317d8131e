//! What happens to the journal's files while nobody looks: a flipped bit, a torn end, an older copy put
//! back, a disk that is full or may only be read. The gateway refuses, halts or goes on without a loss,
//! and says which.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant, SystemTime};

use common::{Gateway, Venue, not_tested};
use model::{Entry, Record, Timestamp, TradingState};

/// It trades as often as it can.
const MAKER: &str = "[agent.maker]\nvenue = \"sim\"\nstrategy = \"market-maker\"\n\
                     params = { qty = \"0.001\", half_spread_bps = 0, requote_every = 200 }\n";
/// Its orders rest, far from the market.
const RESTER: &str = "[agent.rester]\nvenue = \"sim\"\nstrategy = \"market-maker\"\n\
                      params = { qty = \"0.001\", half_spread_bps = 100, requote_every = 60000 }\n";

fn count(entries: &[Entry], is: impl Fn(&Record) -> bool) -> usize {
    entries.iter().filter(|entry| is(&entry.record)).count()
}

fn accepted(record: &Record) -> bool {
    matches!(record, Record::Accepted { .. })
}

/// Runs it until so many orders were accepted, and kills it or asks it to end.
fn trade(gateway: &mut Gateway, orders: usize, kill: bool) {
    let before = gateway.entries().len();
    gateway.start();
    gateway.wait(30, "it trades", |entries| count(&entries[before..], accepted) >= orders);
    if kill {
        gateway.process = None;
    } else {
        assert!(gateway.stop().success(), "{}", gateway.log());
    }
}

/// All files of the journal, and nothing else, from one directory to another.
fn copy_journal(from: &Path, to: &Path) {
    for suffix in ["", "-wal", "-shm"] {
        let name = format!("plimsoll.db{suffix}");
        let _ = std::fs::remove_file(to.join(&name));
        if from.join(&name).exists() {
            std::fs::copy(from.join(&name), to.join(&name)).unwrap();
        }
    }
}

/// Names of orders at the venue; no name twice.
fn names_once(venue: &Venue) -> usize {
    let state = venue.state();
    let orders = state["orders"].as_array().unwrap();
    let names: BTreeSet<&str> = orders.iter().map(|o| o["client_id"].as_str().unwrap()).collect();
    assert_eq!(names.len(), orders.len(), "a name was used twice");
    names.len()
}

fn open_at(venue: &Venue) -> usize {
    let state = venue.state();
    state["orders"].as_array().unwrap().iter().filter(|order| order["status"] == "new").count()
}

/// It ends by itself, with an error; returns what it said.
fn refused(gateway: &mut Gateway) -> String {
    let end = Instant::now() + Duration::from_secs(20);
    while gateway.is_alive() {
        assert!(Instant::now() < end, "it goes on: {}", gateway.log());
        std::thread::sleep(Duration::from_millis(20));
    }
    let status = gateway.process.take().unwrap().0.wait().unwrap();
    assert_eq!(status.code(), Some(1), "{}", gateway.log());
    gateway.log()
}

#[test]
fn a_flipped_bit_in_the_middle_refuses_the_start_and_names_its_entry() {
    let venue = Venue::start(&["--market", "synthetic:41"]);
    let mut gateway = Gateway::prepare(&venue.addr, MAKER);
    trade(&mut gateway, 5, false);
    let path = gateway.path("plimsoll.db");
    // A snapshot has this entry in it, so that no start would read it. It is looked at all the same.
    let text = serde_json::to_string(&gateway.entries()[9]).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    // Wherever it is: pages that were moved leave copies behind.
    let starts: Vec<usize> = (0..bytes.len() - text.len())
        .filter(|start| bytes[*start..].starts_with(text.as_bytes()))
        .collect();
    assert!(!starts.is_empty());
    starts.iter().for_each(|start| bytes[start + text.len() - 3] ^= 0x01);
    std::fs::write(&path, bytes).unwrap();
    let before = names_once(&venue);
    gateway.start();
    let said = refused(&mut gateway);
    assert!(said.contains("entry 10 is damaged") && said.contains("restore a backup"), "{said}");
    assert_eq!(names_once(&venue), before, "nothing was sent");
}

/// Yesterday's copy on the same host: the state directory knows how many sessions there were.
#[test]
fn an_older_copy_halts_by_the_hosts_own_word() {
    put_back(43, true);
}

/// The same where the directory is gone, too: the venue is the witness.
#[test]
fn an_older_copy_halts_by_the_venues_word() {
    put_back(44, false);
}

fn put_back(seed: u16, with_state_dir: bool) {
    let venue = Venue::start(&["--market", &format!("synthetic:{seed}")]);
    let mut gateway = Gateway::prepare(&venue.addr, RESTER);
    trade(&mut gateway, 2, false);
    let yesterday = tempfile::tempdir().unwrap();
    copy_journal(gateway.directory.path(), yesterday.path());
    // Its orders rest when it is killed.
    trade(&mut gateway, 2, true);
    assert!(open_at(&venue) > 0);
    let sent = names_once(&venue);

    copy_journal(yesterday.path(), gateway.directory.path());
    if !with_state_dir {
        std::fs::remove_dir_all(gateway.path("state").join("sessions")).unwrap();
    }
    let known = gateway.entries().len();
    gateway.start();
    let halted = |record: &Record| matches!(record, Record::Trading { state: TradingState::Halted, cause, .. } if cause.contains("older copy"));
    gateway.wait(30, "it halts", |entries| count(&entries[known..], halted) > 0);
    gateway.wait(30, "it has looked at the account", |entries| {
        count(&entries[known..], |record| matches!(record, Record::Foreign { .. })) >= 2
    });
    assert!(gateway.log().contains("halted: "), "{}", gateway.log());
    assert!(gateway.stop().success(), "{}", gateway.log());
    assert_eq!(names_once(&venue), sent, "nothing was sent");
    // It is a latch: the next start knows it, too.
    gateway.start();
    gateway.wait(30, "it looks again", |entries| {
        count(entries, |record| matches!(record, Record::Started { .. })) == 3
            && matches!(
                entries.iter().rfind(|e| matches!(e.record, Record::Reconciled { .. })),
                Some(last) if last.at > entries[known].at
            )
    });
    assert!(gateway.stop().success(), "{}", gateway.log());
    assert_eq!(names_once(&venue), sent, "nor later");
}

/// A disk that lied: what it had said to be durable is gone at the end. Whatever is left, no name comes
/// twice and no order is forgotten in silence.
#[test]
fn a_torn_end_is_cut_and_what_it_had_in_it_is_found_at_the_venue() {
    for (seed, part) in [(45, 3), (46, 2), (47, 0)] {
        let venue = Venue::start(&["--market", &format!("synthetic:{seed}")]);
        let mut gateway = Gateway::prepare(&venue.addr, RESTER);
        trade(&mut gateway, 2, true);
        assert!(open_at(&venue) > 0);
        let sent = names_once(&venue);
        let log = gateway.path("plimsoll.db-wal");
        let bytes = std::fs::read(&log).unwrap();
        // In the middle of a page; of the last one, nothing but the last bytes are gone.
        let length = if part == 3 { bytes.len() - 100 } else { bytes.len() * part / 3 + 77 };
        std::fs::write(&log, &bytes[..length]).unwrap();
        let _ = std::fs::remove_file(gateway.path("plimsoll.db-shm"));
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let killed = Timestamp::EPOCH.after(since_1970);
        gateway.start();
        let end = Instant::now() + Duration::from_secs(30);
        let said = loop {
            let entries = gateway.entries().into_iter();
            let told: Vec<Record> = entries.filter(|e| e.at > killed).map(|e| e.record).collect();
            if told.iter().any(|record| matches!(record, Record::Reconciled { .. })) {
                break "compared";
            }
            let halted = |r: &Record| matches!(r, Record::Trading { state: TradingState::Halted, cause, .. } if cause.contains("journal"));
            if told.iter().any(halted) {
                break "halted";
            }
            if !gateway.is_alive() {
                break "refused";
            }
            assert!(Instant::now() < end, "cut at {part}/3: {}", gateway.log());
            std::thread::sleep(Duration::from_millis(50));
        };
        match (part, said) {
            // Almost nothing is gone: an answer, perhaps an order that was just written down.
            (3, "compared" | "halted") | (2, "compared" | "halted") => {}
            // All of it: not even the journal's own tag is left, so its orders are somebody else's, or the
            // tables are only half there.
            (0, _) => {}
            (_, said) => panic!("cut at {part}/3: {said}: {}", gateway.log()),
        }
        if said == "refused" {
            assert!(gateway.log().contains("plimsoll.db"), "{}", gateway.log());
        } else {
            assert!(gateway.stop().success(), "{}", gateway.log());
        }
        assert!(names_once(&venue) >= sent);
    }
}

/// Runs a gateway in a file system of its own, of this size in KiB.
fn in_small_disk(gateway: &Gateway, script: &str) -> Output {
    let command = gateway.command();
    Command::new("unshare")
        .args(["-rm", "bash", "-c", script, "bash"])
        .arg(gateway.path("disk"))
        .arg(command.get_program())
        .args(command.get_args())
        .envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .output()
        .unwrap()
}

/// A gateway whose journal is in a directory of its own, where that can be mounted; `None` loudly else.
fn on_a_disk_of_its_own(venue: &Venue, agents: &str) -> Option<Gateway> {
    let gateway = Gateway::prepare(&venue.addr, agents);
    let path = gateway.path("plimsoll.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("sqlite:plimsoll.db", "sqlite:disk/plimsoll.db")).unwrap();
    std::fs::create_dir(gateway.path("disk")).unwrap();
    let probe = in_small_disk(&gateway, "mount -t tmpfs -o size=64k none \"$1\"");
    if probe.status.success() {
        return Some(gateway);
    }
    not_tested("a full and a read-only disk, because no file system can be mounted here");
    None
}

#[test]
fn a_full_disk_takes_entry_orders_back_and_says_so() {
    let venue = Venue::start(&["--market", "synthetic:48"]);
    let Some(gateway) = on_a_disk_of_its_own(&venue, MAKER) else { return };
    let output = in_small_disk(
        &gateway,
        "mount -t tmpfs -o size=400k none \"$1\"; shift; exec timeout 60 \"$@\"",
    );
    let said = common::stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("the disk is full; free some space"), "{said}");
    assert!(said.contains("the journal failed: taking back entry orders"), "{said}");
    assert!(names_once(&venue) > 0, "it must have traded before: {said}");
    assert_eq!(open_at(&venue), 0, "{said}");
}

#[test]
fn a_disk_that_may_only_be_read_refuses_the_start() {
    let venue = Venue::start(&["--market", "synthetic:49"]);
    let Some(mut gateway) = on_a_disk_of_its_own(&venue, MAKER) else { return };
    gateway.start();
    let end = Instant::now() + Duration::from_secs(30);
    while names_once(&venue) == 0 {
        assert!(Instant::now() < end, "{}", gateway.log());
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(gateway.stop().success(), "{}", gateway.log());
    let sent = names_once(&venue);
    let output = in_small_disk(
        &gateway,
        "mount --bind \"$1\" \"$1\" && mount -o remount,bind,ro \"$1\"; shift; exec timeout 60 \"$@\"",
    );
    let said = common::stderr(&output);
    assert!(matches!(output.status.code(), Some(1 | 2)), "{said}");
    assert!(said.contains("disk/plimsoll.db") && said.contains("writable"), "{said}");
    assert_eq!(names_once(&venue), sent, "nothing was sent");
}
