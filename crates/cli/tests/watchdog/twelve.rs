//! Twelve instruments at Binance, where each of them costs: what is seen stays as new as the page says, never for
//! more than the kill switch's share of the exchange's limit, and what is kept for the kill is there.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::stage::{Beats, Stage};

const COUNT: usize = 12;
/// How long it is watched: longer than the minute that the exchange counts in.
const WATCHED: Duration = Duration::from_secs(95);
/// Weight a minute for watching, and for everything: four fifths of a fifth of 6000, and a fifth.
const WATCH_MAX: usize = 960;
const ALL_MAX: usize = 1_200;
/// A list of twelve symbols costs 72 of the 240 a minute that are for lists.
const ROUND: Duration = Duration::from_secs(18);

/// What the exchange has counted of this address in its running minute, and what of it was asked by this test.
struct Weights<'a> {
    stage: &'a Stage,
    own: VecDeque<Instant>,
}

impl Weights<'_> {
    /// Weight of the kill switch: not less than it was.
    fn now(&mut self) -> usize {
        let answer = self.stage.venue.raw("GET", "/api/v3/time", "");
        self.own.push_back(Instant::now());
        while self.own.front().is_some_and(|at| at.elapsed() > Duration::from_secs(60)) {
            self.own.pop_front();
        }
        let name = "x-mbx-used-weight-1m: ";
        let line = answer.lines().find(|line| line.to_lowercase().starts_with(name)).unwrap();
        let used: usize = line[name.len()..].trim().parse().unwrap();
        used.saturating_sub(self.own.len())
    }
}

#[test]
fn twelve_instruments_are_watched_within_the_share_and_as_new_as_is_said() {
    let stage = Stage::many(COUNT);
    let mut weights = Weights { stage: &stage, own: VecDeque::new() };
    // The quotes of the stage.
    weights.own.extend(std::iter::repeat_n(Instant::now(), 2 * COUNT));
    let watchdog = stage.watchdog();
    let beats = Beats::start(&watchdog, 0);
    watchdog.until(&stage, |status| status["watching"] == true && !status["equity"].is_null());
    let began = Instant::now();
    let (mut traded, mut most) = (false, 0);
    while began.elapsed() < WATCHED {
        std::thread::sleep(Duration::from_secs(1));
        let status = watchdog.status();
        assert_eq!(status["watching"], true, "{:?}: {status}\n{}", began.elapsed(), stage.log());
        assert_eq!(status["halted"], false, "{status}\n{}", stage.log());
        most = most.max(weights.now());
        assert!(most <= WATCH_MAX, "{most} after {:?}", began.elapsed());
        // A trade: executions of all twelve are read on top.
        if !traded && began.elapsed() > Duration::from_secs(40) {
            stage.order("key", "C01USDT", "BUY", "1", "101");
            weights.own.push_back(Instant::now());
            traded = true;
        }
    }
    assert!(most > WATCH_MAX / 2, "{most}: the exchange does not count");
    // One that opens is seen within a round.
    stage.order("key", "C12USDT", "BUY", "1", "98");
    beats.says_open(1);
    let opened = Instant::now();
    while watchdog.status()["open_orders"].as_array().unwrap().is_empty() {
        assert!(opened.elapsed() < ROUND + Duration::from_secs(3), "{}", watchdog.status());
        std::thread::sleep(Duration::from_millis(100));
    }
    // However much was spent on watching, there is room for the kill.
    beats.stop();
    let silent = Instant::now();
    // The quotes of somebody else are open on.
    let status = watchdog.until(&stage, |status| status["cleared"] == true);
    assert_eq!((&status["open_orders"], &status["canceled"]), (&json!([]), &json!(1)), "{status}");
    assert_eq!(watchdog.status()["kind"], "heartbeat_lost");
    let used = weights.now();
    println!(
        "at most {most} of weight watching, {used} after the kill; seen after {:?}, cleared after {:?}",
        silent - opened,
        silent.elapsed()
    );
    assert!(used <= ALL_MAX, "{used}");
}
