//! Alerts of a real gateway, to sinks on loopback; and the command that tries the sinks.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::net::TcpListener;
use std::time::{Duration, Instant};

use common::posts::{Post, Posts};
use common::{Gateway, Venue, plimsoll, stderr};
use model::{Entry, Record, Timestamp, TradingState};
use serde_json::Value;

/// An alert has to be with every sink so long after its cause at the latest.
const HARD_BOUND: Duration = Duration::from_secs(5);

/// Buys at the market, leaves an order that rests, and asks for a halt; then it wants nothing any more.
const AGENT: &str = r#"
read -r hello
[[ $hello =~ \"next_intent\":([0-9]+) ]] && id=${BASH_REMATCH[1]}
echo '{"ready":{"version":1,"strategy":"halts"}}'
timers=0
order() {
    local order='"instrument":"BTC-USDT","side":"buy","qty":"0.001","post_only":false,"reduce_only":false'
    say "{\"place\":{$order,$1}}"
}
say() {
    echo "{\"intent\":{\"id\":$id,\"action\":$1,\"reason\":\"a test\"}}"
    id=$((id + 1))
}
while read -r line; do
    [[ $line =~ \"seq\":([0-9]+) ]] && echo "{\"handled\":{\"seq\":${BASH_REMATCH[1]}}}"
    if [[ $line == '{"timer"'* ]]; then
        timers=$((timers + 1))
        [[ $timers == 2 ]] && order '"kind":{"type":"market"},"time_in_force":"ioc"'
        [[ $timers == 3 ]] && order "\"kind\":{\"type\":\"limit\",\"price\":\"$1\"},\"time_in_force\":\"gtc\""
        [[ $timers == 5 ]] && say '"halt"'
    fi
done
"#;

fn closed() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

/// One percent below the best bid, once there is one.
fn below(venue: &Venue) -> String {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let answer = venue.http("GET", "/api/v3/ticker/bookTicker?symbol=BTCUSDT", "");
        let ticker: Value = serde_json::from_str(&answer).unwrap();
        let bid: f64 = ticker["bidPrice"].as_str().unwrap().parse().unwrap();
        if bid > 0.0 {
            return format!("{:.2}", bid * 0.99);
        }
        assert!(Instant::now() < end, "nobody bids: {answer}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn halted_at(entries: &[Entry]) -> Option<Timestamp> {
    let halted = |entry: &&Entry| {
        matches!(&entry.record, Record::Trading { state: TradingState::Halted, .. })
    };
    entries.iter().find(halted).map(|entry| entry.at)
}

fn wait_for(what: &str, so: impl Fn() -> Option<Post>) -> Post {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(post) = so() {
            return post;
        }
        assert!(Instant::now() < end, "never came: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Every level is told, and a halt with position and open orders, to two sinks and a file, while a third sink
/// is dead.
#[test]
fn a_halt_reaches_every_sink_with_position_and_open_orders() {
    let (venue, posts) = (Venue::start(&["--market", "synthetic:31"]), Posts::start());
    let mut gateway = Gateway::prepare(&venue.addr, "");
    let script = gateway.path("halts.sh");
    std::fs::write(&script, AGENT).unwrap();
    common::secret_file(&gateway.path("slack"), &format!("http://{}/slack/canary\n", posts.addr));
    let (hook, dead, price) = (posts.addr, closed(), below(&venue));
    gateway.add(&format!(
        "[agent.halts]\nvenue = \"sim\"\ncommand = [\"bash\", {script:?}, {price:?}]\n\
         [[alert]]\nkind = \"webhook\"\nname = \"dead\"\nurl = \"http://{dead}/\"\n\
         [[alert]]\nkind = \"webhook\"\nurl = \"http://{hook}/hook\"\n\
         [[alert]]\nkind = \"slack\"\nmin_level = \"critical\"\nurl = {{ file = {:?} }}\n\
         [[alert]]\nkind = \"log\"\npath = \"alerts.jsonl\"\n",
        gateway.path("slack")
    ));
    gateway.start();
    gateway.wait(40, "it halts", |entries| halted_at(entries).is_some());
    let caused = halted_at(&gateway.entries()).unwrap();

    let is_halt = |post: &Post| post.json["key"] == "halted";
    let hook = wait_for("the halt", || posts.to("/hook").into_iter().find(is_halt));
    let chat = wait_for("the message", || posts.to("/slack/canary").into_iter().next());
    for post in [&hook, &chat] {
        let took = post.at.since(caused);
        eprintln!("{} {took:?} after its cause", post.path);
        assert!(took < HARD_BOUND, "{took:?}");
    }
    let json = &hook.json;
    assert_eq!((&json["level"], &json["source"]), (&"critical".into(), &"sim".into()));
    assert_eq!((&json["trading"], &json["orders_open"]), (&"halted".into(), &1.into()), "{json}");
    assert_eq!(json["positions"]["BTC-USDT"], "0.001", "{json}");
    assert!(json["text"].as_str().unwrap().contains("halts"), "{json}");
    let text = chat.json["text"].as_str().unwrap();
    assert!(text.contains("position 0.001 BTC-USDT; open orders: 1"), "{text}");
    let file = std::fs::read_to_string(gateway.path("alerts.jsonl")).unwrap();
    assert!(file.lines().any(|line| line.contains("\"key\":\"halted\"")), "{file}");

    // How it got so far is told, too.
    let told = posts.to("/hook");
    assert!(told.iter().any(|post| post.json["key"] == "trading"), "{told:#?}");

    let config = gateway.path("plimsoll.toml");
    let status = plimsoll(&["status", "--config", config.to_str().unwrap(), "--json"]);
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    let sinks = status["alerts"].as_array().unwrap();
    let names: Vec<&Value> = sinks.iter().map(|sink| &sink["name"]).collect();
    assert_eq!(names, ["dead", "webhook", "slack", "log"]);
    assert_eq!(sinks[0]["delivered"], 0);
    assert!(
        sinks[0]["queued"].as_u64() > Some(0) && sinks[0]["last_failure"].is_array(),
        "{status}"
    );
    assert!(sinks[1]["delivered"].as_u64() > Some(1), "{status}");

    // The dead one does not hold up the end beyond its three seconds.
    assert!(gateway.stop().success(), "{}", gateway.log());
    wait_for("the end", || {
        posts.to("/hook").into_iter().find(|post| post.json["key"] == "stopped")
    });
    assert!(!gateway.log().contains("canary"), "{}", gateway.log());
}

/// Each sink is tried and said by itself; a good one is remembered.
#[test]
fn the_sinks_are_tried_before_anybody_relies_on_them() {
    let posts = Posts::start();
    let gateway = Gateway::prepare("127.0.0.1:9", "");
    let config = gateway.path("plimsoll.toml");
    let run = |args: &[&str]| {
        let all = [&["alerts", "--config", config.to_str().unwrap()], args].concat();
        plimsoll(&all)
    };
    let none = run(&["--test"]);
    assert_eq!(none.status.code(), Some(2));
    assert!(stderr(&none).contains("add an [[alert]] table"), "{}", stderr(&none));

    gateway.add(&format!(
        "[[alert]]\nkind = \"webhook\"\nname = \"good\"\nurl = \"http://{}/hook\"\n",
        posts.addr
    ));
    let untested = run(&[]);
    let text = String::from_utf8(untested.stdout).unwrap();
    assert!(untested.status.success() && text.contains("never tested"), "{text}");
    assert!(posts.to("/hook").is_empty());
    let good = run(&["--test"]);
    let text = String::from_utf8(good.stdout.clone()).unwrap();
    assert!(good.status.success(), "{}", stderr(&good));
    assert!(text.starts_with("good         webhook (") && text.contains("): taken in "), "{text}");
    assert_eq!(posts.to("/hook")[0].json["key"], "test");
    let text = String::from_utf8(run(&[]).stdout).unwrap();
    assert!(text.contains("took a test"), "{text}");

    common::secret_file(&gateway.path("token"), "123:canary");
    gateway.add(&format!(
        "[[alert]]\nkind = \"telegram\"\nbase = \"http://{}\"\ntoken = {{ file = {:?} }}\nchat_id = 5\n",
        closed(),
        gateway.path("token")
    ));
    let mixed = run(&["--test", "--json"]);
    assert_eq!(mixed.status.code(), Some(1));
    let json: Value = serde_json::from_slice(&mixed.stdout).unwrap();
    assert_eq!(json["sinks"][0]["failure"], Value::Null);
    let failure = json["sinks"][1]["failure"].as_str().unwrap();
    assert!(failure.contains("no connection"), "{failure}");
    assert!(stderr(&mixed).contains("1 of 2 sinks did not take the test"), "{}", stderr(&mixed));
    let said = format!("{json}{}", stderr(&mixed));
    assert!(!said.contains("canary"), "{said}");
    gateway.add("[[alert]]\nkind = \"slack\"\nurl = { env = \"NOT_SET_ANYWHERE\" }\n");
    let unset = run(&["--test"]);
    assert_eq!(unset.status.code(), Some(2));
    assert!(stderr(&unset).contains("alert \"slack\""), "{}", stderr(&unset));
}
