//! Two gateways on one journal: one of them trades.

use std::time::{Duration, Instant, SystemTime};

use model::{Entry, Record, Timestamp};

use crate::common::{Gateway, Venue, buyer};
use crate::{arrived, prepared, trading};

/// How often a gateway started.
fn starts_in(entries: &[Entry]) -> usize {
    entries.iter().filter(|e| matches!(e.record, Record::Started { .. })).count()
}

fn starts(gateway: &Gateway) -> usize {
    starts_in(&gateway.entries())
}

/// An agent that wants something four times a second, whether anybody listens or not: what it says while
/// its gateway is stopped waits in the pipe.
const EAGER: &str = r#"
read -r hello
[[ $hello =~ \"next_intent\":([0-9]+) ]] && id=${BASH_REMATCH[1]}
echo '{"ready":{"version":1,"strategy":"eager"}}'
(
    side=buy
    while sleep 0.25; do
        order="\"instrument\":\"BTC-USDT\",\"side\":\"$side\",\"kind\":{\"type\":\"market\"},\"qty\":\"0.001\""
        order="$order,\"time_in_force\":\"ioc\",\"post_only\":false,\"reduce_only\":false"
        echo "{\"intent\":{\"id\":$id,\"action\":{\"place\":{$order}},\"reason\":\"eager\"}}"
        id=$((id + 1))
        [[ $side == buy ]] && side=sell || side=buy
    done
) &
while read -r line; do
    [[ $line =~ \"seq\":([0-9]+) ]] && echo "{\"handled\":{\"seq\":${BASH_REMATCH[1]}}}"
done
kill $!
"#;

/// The host's clock, which is the exchange's, too.
fn now() -> Timestamp {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Timestamp::from_millis(i64::try_from(now.as_millis()).unwrap()).unwrap()
}

fn eager(addr: &str) -> Gateway {
    let gateway = Gateway::prepare(addr, "");
    let path = gateway.path("eager.sh");
    std::fs::write(&path, EAGER).unwrap();
    gateway.add(&format!("[agent.eager]\nvenue = \"sim\"\ncommand = [\"bash\", {path:?}]\n"));
    gateway
}

/// Trials that run beside each other: each has two gateways and an exchange.
const BESIDE: u64 = 5;
/// Trials on each server.
const TRIALS: u64 = 10;
/// Trials on a file.
const FILE_TRIALS: u64 = 20;

/// RST-05: stopped for longer than its lease while it trades, overtaken, and woken up with intents that
/// wait. It sends nothing any more, says why, and ends; the exchange's books are the successor's. Returns
/// how many of its orders arrived later than what it had sent before it was stopped can.
fn a_zombie_sends_nothing(url: &str, trial: u64) -> usize {
    let venue = Venue::start(&["--market", &format!("synthetic:{}", 410 + trial)]);
    let mut zombie = eager(&venue.addr);
    zombie.keep_in(url);
    zombie.start();
    zombie.wait(40, "it trades", |entries| prepared(entries).len() >= 3);
    let mut successor = zombie.twin();

    // Not at a moment of its choosing.
    std::thread::sleep(Duration::from_millis(29 * trial));
    zombie.signal("-STOP");
    let stopped = now();
    let before = arrived(&venue).len();
    successor.start();
    successor.wait(60, "the successor trades", |entries| {
        let started = entries.iter().rposition(|e| matches!(e.record, Record::Started { .. }));
        let since = prepared(&entries[started.unwrap_or(0)..]).len();
        starts_in(entries) == 2 && since >= 2
    });
    assert!(successor.log().contains("the journal is lent to process"), "{}", successor.log());
    zombie.signal("-CONT");
    let status = zombie.wait_for_end(20);
    assert_eq!(status.code(), Some(1), "{}", zombie.log());
    let log = zombie.log();
    assert!(log.contains("another gateway has taken over"), "{log}");
    assert!(log.contains("as session 2; this was session 1"), "{log}");
    // The request's own validity, should one have been on its way.
    std::thread::sleep(Duration::from_secs(2));
    assert!(successor.stop().success(), "{}", successor.log());

    let entries = successor.entries();
    let second = entries.iter().rposition(|e| matches!(e.record, Record::Started { .. })).unwrap();
    let theirs = prepared(&entries[second..]);
    let all = arrived(&venue);
    assert!(all.len() >= before + 2, "the successor's arrived");
    crate::common::assert_agrees(&successor, &venue);
    // What it had sent before it was stopped is good for two seconds. All that comes later of it comes after its
    // lease ended, or after it woke up.
    let valid = stopped.after(Duration::from_secs(2));
    let late = all.iter().filter(|(id, created)| {
        **created > valid && !theirs.keys().any(|known| known.as_str() == id.as_str())
    });
    late.count()
}

fn zombies(url: &str, name: &str) {
    let mut late = 0;
    for wave in 0..TRIALS / BESIDE {
        late += std::thread::scope(|scope| {
            let trials = (wave * BESIDE..(wave + 1) * BESIDE).map(|trial| {
                let url = format!("{url}?{name}=trial{trial}");
                scope.spawn(move || a_zombie_sends_nothing(&url, trial))
            });
            let trials: Vec<_> = trials.collect();
            trials.into_iter().map(|trial| trial.join().unwrap()).sum::<usize>()
        });
    }
    assert_eq!(late, 0, "orders of the one that was outrun, sent after it was stopped");
}

#[test]
fn a_zombie_on_postgres_sends_nothing() {
    let Some(server) = servers::postgres("a zombie gateway") else { return };
    zombies(&server.url(), "schema");
}

#[test]
fn a_zombie_on_redis_sends_nothing() {
    let Some(server) = servers::redis("a zombie gateway") else { return };
    zombies(&server.url(), "prefix");
}

/// RST-05 with a file: nobody overtakes one that is stopped, however long, because its process holds the
/// file. The other one is never granted anything, and what waited is not sent late.
#[test]
fn a_stopped_gateway_keeps_its_file() {
    let venue = Venue::start(&["--market", "synthetic:45"]);
    let mut first = eager(&venue.addr);
    first.start();
    first.wait(30, "it trades", |entries| prepared(entries).len() >= 2);
    let mut second = first.twin();
    for trial in 0..FILE_TRIALS {
        first.signal("-STOP");
        let before = arrived(&venue);
        second.start();
        assert_eq!(second.wait_for_end(10).code(), Some(1), "{}", second.log());
        assert!(second.log().contains("in use by the process"), "{}", second.log());
        // From nothing to longer than an order may be on its way.
        std::thread::sleep(Duration::from_millis(150 * (trial % 16)));
        let on_its_way = arrived(&venue).len() - before.len();
        assert!(on_its_way <= 1, "trial {trial}: {on_its_way} orders of a gateway that is stopped");
        first.signal("-CONT");
        let traded = prepared(&first.entries()).len();
        first.wait(40, "it trades on", |entries| prepared(entries).len() > traded + 1);
    }
    assert!(first.stop().success(), "{}", first.log());
    assert_eq!(starts(&first), 1, "the second one never began");
    crate::assert_in_time(&first, &venue);
    crate::common::assert_agrees(&first, &venue);
}

/// RST-06: the second instance ends with the name of the first, which trades on.
fn the_second_one_names_the_first(first: &mut Gateway, venue: &Venue) {
    first.start();
    first.wait(30, "it trades", |entries| prepared(entries).len() >= 2);
    let process = first.process.as_ref().unwrap().0.id();
    let mut second = first.twin();
    let since = Instant::now();
    second.start();
    let status = second.wait_for_end(30);
    assert_eq!(status.code(), Some(1), "{}", second.log());
    assert!(since.elapsed() < Duration::from_secs(20), "the wait is bounded");
    let log = second.log();
    assert!(log.contains(&format!("in use by the process with id {process}")), "{log}");
    assert!(log.contains("one journal has one gateway"), "{log}");
    let traded = prepared(&first.entries()).len();
    first.wait(20, "it trades on", |entries| prepared(entries).len() > traded);
    assert!(first.stop().success(), "{}", first.log());
    assert_eq!(starts(first), 1, "the second one never began");
    crate::common::assert_agrees(first, venue);
}

#[test]
fn a_second_gateway_on_sqlite_is_refused() {
    let venue = Venue::start(&["--market", "synthetic:42"]);
    let mut first = Gateway::prepare(&venue.addr, "");
    first.add(&buyer(&first));
    the_second_one_names_the_first(&mut first, &venue);
}

#[test]
fn a_second_gateway_on_postgres_is_refused() {
    let Some(server) = servers::postgres("two gateways") else { return };
    let venue = Venue::start(&["--market", "synthetic:43"]);
    the_second_one_names_the_first(&mut trading(&venue, &server), &venue);
}

#[test]
fn a_second_gateway_on_redis_is_refused() {
    let Some(server) = servers::redis("two gateways") else { return };
    let venue = Venue::start(&["--market", "synthetic:44"]);
    the_second_one_names_the_first(&mut trading(&venue, &server), &venue);
}
