//! A gateway that dies at any moment: the next one knows what it sent, asks for the rest, and ends
//! with the exchange's own books.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::collections::BTreeSet;
use std::time::Duration;

use common::{Gateway, Venue, assert_agrees};
use model::{Entry, Record, TradingState};

const MAKER: &str = "[agent.maker]\nvenue = \"sim\"\nstrategy = \"market-maker\"\n\
                     params = { qty = \"0.001\", half_spread_bps = 0, requote_every = 200 }\n";

fn count(entries: &[Entry], is: impl Fn(&Record) -> bool) -> usize {
    entries.iter().filter(|entry| is(&entry.record)).count()
}

/// Starts it and waits until this start, not an earlier one, has compared the books.
fn start_and_reconcile(gateway: &mut Gateway) {
    let before = gateway.entries().len();
    gateway.start();
    gateway.wait(40, "reconciled", |entries| {
        count(&entries[before..], |record| matches!(record, Record::Reconciled { .. })) > 0
    });
}

#[test]
fn killed_again_and_again_it_never_loses_or_repeats_an_order() {
    let venue = Venue::start(&["--market", "synthetic:11"]);
    let mut gateway = Gateway::prepare(&venue.addr, MAKER);
    for round in 0..4u64 {
        let before = gateway.entries().len();
        gateway.start();
        gateway.wait(20, "it trades", |entries| {
            count(&entries[before..], |record| matches!(record, Record::Prepared { .. })) > 4
        });
        // Not at a moment of its choosing.
        std::thread::sleep(Duration::from_millis(37 * (round + 1)));
        // Dropping it kills it.
        gateway.process = None;
    }
    start_and_reconcile(&mut gateway);
    assert!(gateway.stop().success(), "{}", gateway.log());
    assert_agrees(&gateway, &venue);
    let mut ids = BTreeSet::new();
    for entry in gateway.entries() {
        if let Record::Prepared { order, .. } = entry.record {
            assert!(ids.insert(order.client_order_id), "{} was used twice", order.client_order_id);
        }
    }
    let open =
        venue.state()["orders"].as_array().unwrap().iter().filter(|o| o["status"] == "new").count();
    assert_eq!(open, 0, "an orderly stop leaves no entry order");
}

#[test]
fn answers_that_are_lost_leave_orders_in_doubt_and_both_books_agree_in_the_end() {
    let venue = Venue::start(&["--market", "synthetic:12"]);
    let lost = r#"{"kind": "drop_response", "route": "POST /api/v3/order", "probability": 0.4}"#;
    venue.http("POST", "/_sim/faults", lost);
    let refused = r#"{"kind": "status", "status": 503, "route": "DELETE", "probability": 0.3}"#;
    venue.http("POST", "/_sim/faults", refused);
    let mut gateway = Gateway::prepare(&venue.addr, MAKER);
    gateway.start();
    gateway.wait(30, "orders in doubt", |entries| {
        count(entries, |record| matches!(record, Record::InDoubt { .. })) > 3
    });
    venue.http("POST", "/_sim/heal", "");
    std::thread::sleep(Duration::from_secs(1));
    assert!(gateway.stop().success(), "{}", gateway.log());
    assert_agrees(&gateway, &venue);
    let orders = venue.state()["orders"].as_array().unwrap().len();
    let sent = count(&gateway.entries(), |record| matches!(record, Record::Prepared { .. }));
    assert!(orders <= sent, "{orders} orders at the exchange, {sent} written down");
}

/// RST-08: a supervisor starts it again whenever it dies. It dies four times in a few seconds; the next
/// one does not trade, takes back what rests, says why, and so does the one after.
#[test]
fn a_crash_loop_is_a_latch() {
    let venue = Venue::start(&["--market", "synthetic:16"]);
    let far = MAKER.replace("half_spread_bps = 0", "half_spread_bps = 50");
    let mut gateway = Gateway::prepare(&venue.addr, &far);
    let prepared = |record: &Record| matches!(record, Record::Prepared { .. });
    // A start that is asked to end is none of them.
    gateway.start();
    gateway.wait(20, "it trades", |entries| count(entries, prepared) > 0);
    assert!(gateway.stop().success(), "{}", gateway.log());
    assert_eq!(count(&gateway.entries(), |record| *record == Record::Stopped), 1);
    for life in 1..=4 {
        let before = count(&gateway.entries(), prepared);
        gateway.start();
        gateway
            .wait(20, &format!("life {life} trades"), |entries| count(entries, prepared) > before);
        gateway.process = None;
    }
    let sent = count(&gateway.entries(), prepared);
    for life in 5..=6 {
        start_and_reconcile(&mut gateway);
        let end = std::time::Instant::now() + Duration::from_secs(10);
        while open_at(&venue) > 0 {
            assert!(std::time::Instant::now() < end, "still open: {}", gateway.log());
            std::thread::sleep(Duration::from_millis(50));
        }
        let why = gateway.entries().into_iter().find_map(|entry| match entry.record {
            Record::Trading { state: TradingState::Halted, cause, .. } => Some(cause),
            _ => None,
        });
        let why = why.unwrap();
        assert!(why.contains("crash loop: 4 gateways") && why.contains("plimsoll resume"), "{why}");
        assert!(life > 5 || gateway.log().contains("halted: crash loop"), "{}", gateway.log());
        assert!(gateway.stop().success(), "{}", gateway.log());
        assert_eq!(count(&gateway.entries(), prepared), sent, "life {life} sends nothing");
    }
    assert_agrees(&gateway, &venue);
}

fn open_at(venue: &Venue) -> usize {
    let state = venue.state();
    state["orders"].as_array().unwrap().iter().filter(|order| order["status"] == "new").count()
}

/// The disk is full in the middle: nothing that cannot be written down is sent any more, entry orders
/// are taken back, the gateway says why it ends, and the next start agrees with the exchange.
#[test]
fn a_full_disk_ends_the_gateway_and_leaves_no_entry_order() {
    let venue = Venue::start(&["--market", "synthetic:13"]);
    let mut gateway = Gateway::prepare(&venue.addr, MAKER);
    let command = gateway.command();
    // No file may grow beyond this many blocks, and the signal that says so is ignored: writes fail.
    let limited = "trap '' XFSZ; ulimit -f 300; exec \"$0\" \"$@\"";
    let output = std::process::Command::new("bash")
        .args(["-c", limited])
        .arg(command.get_program())
        .args(command.get_args())
        .envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("journal") && said.contains("plimsoll.db"), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    let is_open = |order: &&serde_json::Value| order["status"] == "new";
    let state = venue.state();
    let orders = state["orders"].as_array().unwrap();
    assert!(!orders.is_empty(), "it must have traded before: {said}");
    assert_eq!(orders.iter().filter(is_open).count(), 0, "{said}");

    start_and_reconcile(&mut gateway);
    assert!(gateway.stop().success(), "{}", gateway.log());
    assert_agrees(&gateway, &venue);
}

/// An agent is renamed while its orders rest: nobody would look after them, so they are taken back
/// at the next start, and that is said.
#[test]
fn orders_of_an_agent_that_is_no_more_are_taken_back() {
    let venue = Venue::start(&["--market", "synthetic:14"]);
    let far = MAKER.replace("half_spread_bps = 0", "half_spread_bps = 50");
    let mut gateway = Gateway::prepare(&venue.addr, &far);
    gateway.start();
    gateway.wait(20, "quotes rest", |entries| {
        count(entries, |record| matches!(record, Record::Accepted { .. })) >= 2
    });
    let open = |venue: &Venue| {
        let state = venue.state();
        let orders = state["orders"].as_array().unwrap().clone();
        orders.iter().filter(|o| o["status"] == "new").count()
    };
    gateway.process = None;
    assert!(open(&venue) > 0, "they rest while nobody is there");

    let path = gateway.path("plimsoll.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let (head, _) = text.split_once("[agent.maker]").unwrap();
    std::fs::write(&path, head).unwrap();
    start_and_reconcile(&mut gateway);
    let end = std::time::Instant::now() + Duration::from_secs(10);
    while open(&venue) > 0 {
        assert!(std::time::Instant::now() < end, "still open: {}", gateway.log());
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(gateway.log().contains("not configured any more"), "{}", gateway.log());
    assert!(gateway.stop().success(), "{}", gateway.log());
    assert_agrees(&gateway, &venue);
}

/// The same, where the venue takes no cancels until the gateway is asked to end: it still does not
/// leave before they are gone.
#[test]
fn an_orderly_stop_takes_back_the_orders_of_all() {
    let venue = Venue::start(&["--market", "synthetic:15"]);
    let far = MAKER.replace("half_spread_bps = 0", "half_spread_bps = 50");
    let mut gateway = Gateway::prepare(&venue.addr, &far);
    gateway.start();
    gateway.wait(20, "quotes rest", |entries| {
        count(entries, |record| matches!(record, Record::Accepted { .. })) >= 2
    });
    gateway.process = None;
    let path = gateway.path("plimsoll.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("[agent.maker]", "[agent.other]")).unwrap();
    let refused = r#"{"kind": "status", "status": 503, "route": "DELETE"}"#;
    venue.http("POST", "/_sim/faults", refused);
    let before = gateway.entries().len();
    gateway.start();
    gateway.wait(20, "cancels fail", |entries| {
        count(&entries[before..], |record| matches!(record, Record::InDoubt { .. })) > 1
    });
    venue.http("POST", "/_sim/heal", "");
    let since = std::time::Instant::now();
    assert!(gateway.stop().success(), "{}", gateway.log());
    assert!(since.elapsed() < Duration::from_secs(9), "it waited for what it did not cancel");
    let state = venue.state();
    let open = state["orders"].as_array().unwrap().iter().filter(|o| o["status"] == "new");
    assert_eq!(open.count(), 0, "{}", gateway.log());
    assert_agrees(&gateway, &venue);
}

/// Does not end when it is told to, nor when nobody speaks to it any more.
const STUBBORN: &str = r#"
trap '' TERM HUP PIPE
read -r hello
echo '{"ready":{"version":1,"strategy":"stubborn"}}'
while :; do
    read -r -t 1 line || sleep 0.1
    [[ $line =~ \"seq\":([0-9]+) ]] && echo "{\"handled\":{\"seq\":${BASH_REMATCH[1]}}}"
    line=
done
"#;

/// Each takes seconds to be ended. They are ended side by side, so an orderly stop has time left to take back
/// what is open.
#[test]
fn agents_that_do_not_want_to_stop_do_not_use_up_its_time() {
    let venue = Venue::start(&["--market", "synthetic:17"]);
    let far = MAKER.replace("half_spread_bps = 0", "half_spread_bps = 50");
    let mut gateway = Gateway::prepare(&venue.addr, &far);
    let script = gateway.path("stubborn.sh");
    std::fs::write(&script, STUBBORN).unwrap();
    // One after the other, five would take as long as a stop may.
    for number in 1..=5 {
        let command = format!("command = [\"bash\", {script:?}]");
        gateway.add(&format!("[agent.stubborn-{number}]\nvenue = \"sim\"\n{command}\n"));
    }
    gateway.start();
    let up = |record: &Record| matches!(record, Record::Agent { event, .. } if event == "up");
    gateway.wait(30, "all are up and quotes rest", |entries| {
        count(entries, up) >= 6 && count(entries, |r| matches!(r, Record::Accepted { .. })) >= 2
    });
    assert!(gateway.stop().success(), "{}", gateway.log());
    assert!(!gateway.log().contains("questions unanswered"), "{}", gateway.log());
    assert_eq!(open_at(&venue), 0, "{}", gateway.log());
    assert_agrees(&gateway, &venue);
}
