//! `kill -9` within five milliseconds of an order's first byte, again and again: no order is lost, none
//! is there twice, and the next start knows what this one sent.
//!
//! The gateway and the exchange are real processes; what is between them is a relay that sees the first
//! bytes of an order pass (`relay.rs`) and kills just before it lets them through, or a little later, or
//! never lets them through at all. A few trials in the tests; `cargo xtask kills` for thousands.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "../common/mod.rs"]
mod common;
mod relay;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant, SystemTime};

use common::{Gateway, Venue, assert_agrees, with_room};
use gateway::Books;
use journal::Address;
use model::{Entry, Record, Timestamp};

use relay::{Moment, Relay};

/// Trials where nobody says how many.
const TRIALS: u32 = 12;
/// After so many trials the books are compared, and a new account begins: neither the exchange's memory
/// of what is over nor the journal is to be the thing that is measured.
const CAMPAIGN: u32 = 120;
/// A start that has not sent an order after this long is killed all the same, and counts as not reached.
const REACHED_MAX: Duration = Duration::from_secs(10);

/// An agent that never rests: a purchase, a sale, an order that expires, and again as soon as that is
/// over; now and then a quote far away that is taken back. What rests when it is killed is asked for at
/// the end, one by one, so it must not be hundreds.
const RESTLESS: &str = r#"
read -r hello
[[ $hello =~ \"next_intent\":([0-9]+) ]] && id=${BASH_REMATCH[1]}
echo '{"ready":{"version":1,"strategy":"restless"}}'
intent() {
    echo "{\"intent\":{\"id\":$id,\"action\":$1,\"reason\":\"never rests\"}}"
    id=$((id + 1))
}
order() {
    local order="\"instrument\":\"INSTRUMENT\",\"side\":\"$1\",\"kind\":$2,\"qty\":\"0.0001\""
    intent "{\"place\":{$order,\"time_in_force\":\"$3\",\"post_only\":false,\"reduce_only\":false}}"
}
round() {
    local quote=$id
    ((RANDOM % 8 == 0)) && order buy '{"type":"limit","price":"59500"}' gtc && intent "{\"cancel\":$quote}"
    order buy '{"type":"market"}' ioc
    order sell '{"type":"market"}' ioc
    order buy '{"type":"limit","price":"59500"}' ioc
}
while read -r line; do
    [[ $line =~ \"seq\":([0-9]+) ]] && echo "{\"handled\":{\"seq\":${BASH_REMATCH[1]}}}"
    case $line in
    '{"timer"'*) intent '{"cancel_all":"INSTRUMENT"}'; round ;;
    *'"trading":{"state":"active"'* | *'"done":"expired"'*) round ;;
    esac
done
"#;

/// Room for all that is in doubt at once, where a doubt lasts for minutes.
const LIMITS: &str = r#"
reference_age_max_ms = 5000
[orders]
open_max = 2000
rate_max = 1000
rate_window_ms = 10000
[instrument.BTC-USDT]
qty_max = "0.0001"
notional_max = "100"
position_max = "0.9"
collar_bps = 400
"#;

struct Dialect {
    name: &'static str,
    /// How the first bytes of an order begin.
    order: &'static [u8],
    /// As long as an order that never arrived may be in doubt, and hundreds of questions take within the
    /// rate budget, seconds.
    doubt_s: u64,
    prepare: fn(&Venue) -> Gateway,
    venue: fn(&[&str]) -> Venue,
}

const BINANCE: Dialect = Dialect {
    name: "binance",
    order: b"POST /api/v3/order?",
    doubt_s: 300,
    prepare: |venue| Gateway::prepare(&venue.addr, ""),
    venue: Venue::start,
};

const COINBASE: Dialect = Dialect {
    name: "coinbase",
    order: b"POST /api/v3/brokerage/orders ",
    doubt_s: 300,
    prepare: |venue| Gateway::prepare_coinbase(venue, ""),
    venue: Venue::coinbase,
};

#[derive(Default)]
struct Tally {
    trials: u32,
    not_reached: u32,
    moments: BTreeMap<&'static str, u32>,
    orders: usize,
    never_arrived: usize,
}

#[test]
fn on_binance_no_order_is_lost_or_doubled() {
    trials(&BINANCE);
}

#[test]
fn on_coinbase_no_order_is_lost_or_doubled() {
    trials(&COINBASE);
}

fn trials(dialect: &Dialect) {
    let wanted = std::env::var("PLIMSOLL_KILLS").ok().map(|text| text.parse().unwrap());
    let wanted: u32 = wanted.unwrap_or(TRIALS);
    let begin = Instant::now();
    let mut tally = Tally::default();
    while tally.trials < wanted {
        let count = CAMPAIGN.min(wanted - tally.trials);
        campaign(dialect, count, &mut tally);
        println!(
            "{}: {} kills in {:.0} s, not reached {}, by moment {:?}, {} orders at the exchange, \
             {} never arrived there: 0 lost, 0 doubled",
            dialect.name,
            tally.trials,
            begin.elapsed().as_secs_f64(),
            tally.not_reached,
            tally.moments,
            tally.orders,
            tally.never_arrived,
        );
    }
    // A trial counts only when its order was written down: a cancel that passes is no trial.
    assert!(tally.orders + tally.never_arrived >= tally.trials as usize / 2, "hardly an order");
    let reached = tally.trials - tally.not_reached;
    assert!(reached * 10 >= tally.trials * 9, "{} of {} never fired", tally.not_reached, wanted);
}

/// One account: killed so many times, then left alone until everything is settled, then judged.
fn campaign(dialect: &Dialect, count: u32, tally: &mut Tally) {
    let seed = tally.trials + 1;
    let venue = (dialect.venue)(&["--market", &format!("synthetic:{seed}")]);
    let mut gateway = (dialect.prepare)(&venue);
    let limits = std::fs::read_to_string(gateway.path("limits.toml")).unwrap();
    let instrument = if limits.contains("BTC-USDT") { "BTC-USDT" } else { "BTC-USD" };
    let limits = with_room(LIMITS).replace("BTC-USDT", instrument);
    std::fs::write(gateway.path("limits.toml"), limits).unwrap();
    let agent = gateway.path("restless.sh");
    std::fs::write(&agent, RESTLESS.replace("INSTRUMENT", instrument)).unwrap();
    gateway.add(&format!("[agent.restless]\nvenue = \"sim\"\ncommand = [\"bash\", {agent:?}]\n"));
    let relay = Relay::start(&venue.addr, dialect.order, u64::from(seed));
    let path = gateway.path("plimsoll.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace(&venue.addr, relay.address())).unwrap();

    for _ in 0..count {
        // Another machine each time, as far as its budget and the exchange's count of its requests go: a
        // real one would not start again three times a second.
        let _ = std::fs::remove_dir_all(gateway.path("state"));
        relay.next_address();
        gateway.start();
        match relay.kill(gateway.process.take().unwrap(), REACHED_MAX) {
            Some(moment) => *tally.moments.entry(moment.name()).or_default() += 1,
            None => tally.not_reached += 1,
        }
        forget_the_death(&gateway);
        tally.trials += 1;
    }
    settle(dialect, &mut gateway, &venue, &relay, count);
    judge(&gateway, &venue, tally);
}

/// As if it had been asked to end: a few deaths in minutes are a crash loop, which does not trade
/// (`restart.rs`), and each of these is to be looked at by itself.
fn forget_the_death(gateway: &Gateway) {
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let stopped = Entry { at: Timestamp::EPOCH.after(since_1970), record: Record::Stopped };
    let address = Address::Sqlite(gateway.path("plimsoll.db"));
    address.open(Box::new(|_, _| {})).unwrap().append(&[stopped]).unwrap();
}

/// A last start without agents, which is left alone until everything is over. After a few trials only
/// what reached the exchange is waited for: that the rest did not takes minutes to prove at some.
fn settle(dialect: &Dialect, gateway: &mut Gateway, venue: &Venue, relay: &Relay, count: u32) {
    let path = gateway.path("plimsoll.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.split_once("[agent.").unwrap().0).unwrap();
    let _ = std::fs::remove_dir_all(gateway.path("state"));
    relay.next_address();
    gateway.start();
    let wait_s = if count > TRIALS { dialect.doubt_s } else { 30 };
    gateway.wait(wait_s, "every order is over", |entries| {
        let mut open = open(entries);
        if count <= TRIALS {
            let there = at_exchange(venue);
            open.retain(|id| there.contains(id));
        }
        open.is_empty()
    });
    let before = gateway.entries().len();
    gateway.wait(20, "compared", |entries| {
        entries[before..].iter().any(|e| matches!(e.record, Record::Reconciled { .. }))
    });
    assert!(gateway.stop().success(), "{}", gateway.log());
}

fn open(entries: &[Entry]) -> BTreeSet<String> {
    let mut books = Books::default();
    entries.iter().for_each(|entry| books.apply(entry));
    books.open_orders().map(|o| o.order.client_order_id.to_string()).collect()
}

/// Names of the orders at the exchange, each once.
fn at_exchange(venue: &Venue) -> BTreeSet<String> {
    let state = venue.state();
    let mut there = BTreeSet::new();
    for order in state["orders"].as_array().unwrap() {
        let id = order["client_id"].as_str().unwrap().to_owned();
        assert!(there.insert(id.clone()), "{id} is at the exchange twice");
    }
    there
}

/// Every order at the exchange was written down before, under a name of its own; the books agree to the
/// last unit.
fn judge(gateway: &Gateway, venue: &Venue, tally: &mut Tally) {
    let mut written = BTreeSet::new();
    for entry in gateway.entries() {
        if let Record::Prepared { order, .. } = entry.record {
            let id = order.client_order_id.to_string();
            assert!(written.insert(id.clone()), "{id} was given twice");
        }
    }
    let there = at_exchange(venue);
    let unwritten: Vec<_> = there.difference(&written).collect();
    assert!(unwritten.is_empty(), "at the exchange and not in the journal: {unwritten:?}");
    tally.orders += there.len();
    tally.never_arrived += written.len() - there.len();
    assert_agrees(gateway, venue);
}

impl Moment {
    const fn name(self) -> &'static str {
        match self {
            Moment::Before => "before it leaves",
            Moment::Lost => "as it is lost",
            Moment::After => "after it left",
            Moment::Answered => "as the answer comes",
        }
    }
}
