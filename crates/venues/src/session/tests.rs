//! The machine alone, with a protocol of three words: `up`, `complete` and `end`; anything else is
//! news.

use model::FeedNotice;

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const AGE: Duration = Duration::from_secs(1_000);
const SILENCE: Duration = Duration::from_secs(30);
const MUTE: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
struct Words {
    opened: u32,
    overlap: Duration,
}

#[derive(Debug)]
struct Conn {
    number: u32,
    data_at: Timestamp,
}

impl Protocol for Words {
    type Conn = Conn;

    fn link(&self) -> Link {
        Link::Market
    }

    fn url(&self) -> String {
        "ws://venue".to_owned()
    }

    fn timing(&self) -> Timing {
        Timing { silence_max: SILENCE, age_max: Some(AGE), overlap: self.overlap }
    }

    fn open(&mut self, now: Timestamp, _stamp: Stamp, say: &mut Vec<String>) -> Conn {
        self.opened += 1;
        say.push(format!("subscribe {}", self.opened));
        Conn { number: self.opened, data_at: now }
    }

    fn text(&mut self, now: Timestamp, conn: &mut Conn, text: &str, heard: &mut Vec<Heard>) {
        conn.data_at = now;
        heard.push(match text {
            "up" => Heard::Up,
            "complete" => Heard::Complete,
            "end" => Heard::end("told to"),
            "later" => {
                let not_before = Some(now.after(SECOND * 500));
                Heard::End { cause: "banned".to_owned(), not_before }
            }
            _ => news(u64::from(conn.number)),
        });
    }

    fn answer(
        &mut self,
        _now: Timestamp,
        _conn: &mut Conn,
        _asked: &MarketRequest,
        _outcome: Outcome,
        heard: &mut Vec<Heard>,
    ) {
        heard.push(news(0));
    }

    fn distrust(
        &mut self,
        _now: Timestamp,
        conn: &mut Conn,
        _instrument: InstrumentId,
        heard: &mut Vec<Heard>,
    ) {
        heard.push(news(1_000 + u64::from(conn.number)));
    }

    fn dead_at(&self, conn: &Conn) -> Option<(Timestamp, String)> {
        Some((conn.data_at.after(MUTE), "mute".to_owned()))
    }

    fn closed(&mut self, _now: Timestamp, conn: Conn, heard: &mut Vec<Heard>) {
        heard.push(news(100 + u64::from(conn.number)));
    }
}

/// A number that can be told apart.
fn news(number: u64) -> Heard {
    Heard::News(Input::Feed(FeedNotice::Duplicates(number)))
}

/// What was done, in short.
fn short(done: &Done) -> String {
    match done {
        Done::Open(id, _) => format!("open {}", id.0),
        Done::Say(id, text) => format!("{}: {text}", id.0),
        Done::Close(id) => format!("close {}", id.0),
        Done::Ask(id, ..) => format!("ask {}", id.0),
        Done::Hold(..) => "hold".to_owned(),
        Done::WakeAt(_) => String::new(),
        Done::Emit(Input::Link { up: true, .. }) => "link up".to_owned(),
        Done::Emit(Input::Link { up: false, cause, .. }) => format!("link down: {cause}"),
        Done::Emit(Input::Feed(FeedNotice::Duplicates(number))) => format!("news {number}"),
        Done::Emit(Input::Feed(FeedNotice::HandedOver(_))) => "handed over".to_owned(),
        Done::Emit(other) => format!("{other:?}"),
    }
}

struct World {
    session: Session<Words>,
    now: Timestamp,
    wake: Option<Timestamp>,
}

impl World {
    fn new() -> World {
        let now = Timestamp::EPOCH.after(SECOND);
        World { session: Session::new(Words::default(), 1), now, wake: None }
    }

    fn apply(&mut self, happened: Happened<'_>) -> Vec<String> {
        let mut done = Vec::new();
        self.session.apply(self.now, happened, &mut done);
        for thing in &done {
            if let Done::WakeAt(at) = thing {
                self.wake = Some(self.wake.map_or(*at, |set| set.min(*at)));
            }
        }
        done.iter().map(short).filter(|text| !text.is_empty()).collect()
    }

    fn open(&mut self, id: u32) -> Vec<String> {
        let stamp = Stamp { venue_now: self.now, nonce: 7, ticket: None };
        self.apply(Happened::Opened(ConnId(id), stamp))
    }

    fn text(&mut self, id: u32, text: &str) -> Vec<String> {
        self.apply(Happened::Text(ConnId(id), text))
    }

    /// Lets time pass, waking when it was asked for; what was done meanwhile.
    fn pass(&mut self, time: Duration) -> Vec<String> {
        let end = self.now.after(time);
        let mut all = Vec::new();
        while let Some(at) = self.wake.filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.wake = None;
            all.extend(self.apply(Happened::Wake));
        }
        self.now = end;
        all
    }

    /// Connected and complete, as connection 0.
    fn live() -> World {
        let mut world = World::new();
        assert_eq!(world.apply(Happened::Wake), ["open 0"]);
        assert_eq!(world.open(0), ["0: subscribe 1"]);
        assert_eq!(world.text(0, "up"), ["link up"]);
        assert!(world.text(0, "complete").is_empty());
        world
    }
}

#[test]
fn it_connects_subscribes_and_comes_back_after_a_pause() {
    let mut world = World::live();
    assert_eq!(world.text(0, "data"), ["news 1"]);
    let lost = world.apply(Happened::Closed(ConnId(0), "reset".to_owned()));
    assert_eq!(lost, ["link down: reset", "news 101"]);
    assert!(world.text(0, "data").is_empty(), "of a connection that is gone");
    assert_eq!(world.pass(PAUSE_FIRST), ["open 1"], "and not at once");
    assert_eq!(world.open(1), ["1: subscribe 2"]);
    assert_eq!(world.text(1, "up"), ["link up"]);
}

#[test]
fn what_cannot_be_reached_is_tried_again_and_again_and_ever_later() {
    let mut world = World::new();
    world.apply(Happened::Wake);
    let mut pauses = Vec::new();
    for id in 0..90 {
        let failed = world.now;
        assert!(world.apply(Happened::Closed(ConnId(id), "refused".to_owned())).is_empty());
        while world.pass(Duration::from_millis(10)).is_empty() {}
        pauses.push(world.now.since(failed));
    }
    assert!(pauses[..20].iter().all(|pause| *pause <= PAUSE_SOON_MAX + SECOND), "{pauses:?}");
    assert!(pauses.iter().all(|pause| *pause <= PAUSE_MAX + SECOND), "{pauses:?}");
    assert!(pauses[70..].iter().max() > Some(&(PAUSE_MAX / 2)), "{pauses:?}");
}

#[test]
fn silence_of_everything_or_of_one_stream_is_death() {
    let mut world = World::live();
    for _ in 0..4 {
        assert!(world.pass(SECOND * 5).is_empty());
        world.text(0, "data");
    }
    let mute = world.pass(MUTE);
    assert_eq!(mute, ["close 0", "link down: mute", "news 101"]);

    // A zombie: it answers pings, and its stream says nothing.
    let mut world = World::live();
    let mut done = Vec::new();
    for _ in 0..3 {
        done.extend(world.pass(SECOND * 4));
        done.extend(world.apply(Happened::Control(ConnId(0))));
    }
    assert_eq!(done, ["close 0", "link down: mute", "news 101", "open 1"]);
}

#[test]
fn a_subscription_without_an_answer_is_given_up() {
    let mut world = World::new();
    world.apply(Happened::Wake);
    world.open(0);
    for _ in 0..2 {
        assert!(world.pass(SECOND * 6).is_empty());
        world.text(0, "data");
    }
    assert_eq!(world.pass(SECOND * 3)[0], "close 0");
}

#[test]
fn the_venues_word_on_when_to_come_back_counts() {
    let mut world = World::live();
    assert_eq!(world.text(0, "later")[..3], ["close 0", "hold", "link down: banned"]);
    assert!(world.pass(SECOND * 499).is_empty());
    assert_eq!(world.pass(SECOND * 2), ["open 1"]);
}

/// Keeps the first connection talking until the second is asked for.
fn until_second(world: &mut World) {
    for _ in 0..AGE.as_secs() {
        let done = world.pass(SECOND);
        world.text(0, "data");
        if done == ["open 1"] {
            return;
        }
        assert!(done.is_empty(), "{done:?}");
    }
    panic!("no second connection");
}

#[test]
fn before_it_is_too_old_another_takes_over_and_the_link_never_goes_down() {
    let mut world = World::live();
    until_second(&mut world);
    assert_eq!(world.open(1), ["1: subscribe 2"]);
    assert!(world.text(1, "up").is_empty(), "the link is up already");
    assert_eq!(world.text(0, "data"), ["news 1"]);
    assert_eq!(world.text(1, "data"), ["news 2"], "both tell, and the protocol sorts it out");
    assert_eq!(world.text(1, "complete"), ["close 0", "news 101", "handed over"]);
    assert!(world.text(0, "data").is_empty());
    assert_eq!(world.text(1, "data"), ["news 2"]);
    assert!(world.session.is_up());
    assert_eq!(world.session.connections(), 1);
}

/// What was said before the second was there may still be on its way on the first.
#[test]
fn the_first_is_heard_for_a_moment_beside_a_second_that_is_complete() {
    let mut world = World::live();
    world.session.protocol.overlap = SECOND * 2;
    until_second(&mut world);
    world.open(1);
    world.text(1, "up");
    assert!(world.text(1, "complete").is_empty());
    assert_eq!(world.text(0, "data"), ["news 1"], "it was on its way");
    assert!(world.pass(SECOND).is_empty());
    assert_eq!(world.text(0, "data"), ["news 1"]);
    assert_eq!(world.pass(SECOND * 2), ["close 0", "news 101", "handed over"]);
    assert!(world.text(0, "data").is_empty());
    assert_eq!(world.text(1, "data"), ["news 2"]);
}

/// Both are told to be wrong: the link goes down, or whoever waits for it to come back waits for ever.
#[test]
fn evidence_against_two_that_overlap_ends_both() {
    let mut world = World::live();
    world.session.protocol.overlap = SECOND * 2;
    until_second(&mut world);
    world.open(1);
    world.text(1, "up");
    world.text(1, "complete");
    let all = world.apply(Happened::Distrusted(None, "deaf".to_owned()));
    assert_eq!(all, ["close 1", "news 102", "close 0", "link down: deaf", "news 101"]);
    assert_eq!(world.pass(PAUSE_FIRST * 2), ["open 2"]);
}

/// The first is closed by the venue while both are heard: nobody notices.
#[test]
fn the_first_may_end_by_itself_beside_a_second_that_is_complete() {
    let mut world = World::live();
    world.session.protocol.overlap = SECOND * 2;
    until_second(&mut world);
    world.open(1);
    world.text(1, "up");
    world.text(1, "complete");
    let ended = world.apply(Happened::Closed(ConnId(0), "too old".to_owned()));
    assert_eq!(ended, ["news 101"]);
    assert!(world.pass(SECOND * 3).is_empty());
    assert_eq!(world.text(1, "data"), ["news 2"]);
}

#[test]
fn planned_ends_are_spread() {
    let handover = |seed| {
        let mut world = World::live();
        world.session = Session::new(Words::default(), seed);
        world.wake = None;
        world.apply(Happened::Wake);
        world.open(0);
        world.text(0, "up");
        world.text(0, "complete");
        let begin = world.now;
        until_second(&mut world);
        world.now.since(begin)
    };
    let ends: std::collections::BTreeSet<_> = (0..20).map(handover).collect();
    assert!(ends.len() > 10, "{ends:?}");
    assert!(ends.iter().all(|end| *end <= AGE && *end >= AGE - AGE / AGE_SPREAD), "{ends:?}");
}

#[test]
fn a_second_that_fails_or_is_too_slow_costs_nothing_and_is_tried_again() {
    let mut world = World::live();
    until_second(&mut world);
    assert!(world.apply(Happened::Closed(ConnId(1), "refused".to_owned())).is_empty());
    world.text(0, "data");
    assert_eq!(world.pass(PAUSE_FIRST * 2), ["open 2"]);
    world.text(0, "data");
    world.open(2);
    world.text(2, "up");
    let mut done = Vec::new();
    for _ in 0..HAND_OVER_MAX.as_secs() {
        done.extend(world.pass(SECOND));
        world.text(0, "data");
        world.text(2, "data");
    }
    assert_eq!(done, ["close 2", "news 102"], "never complete");
    assert!(world.session.is_up());
}

#[test]
fn when_the_first_dies_during_the_hand_over_the_second_goes_on_alone() {
    let mut world = World::live();
    until_second(&mut world);
    world.open(1);
    world.text(1, "up");
    let lost = world.apply(Happened::Closed(ConnId(0), "reset".to_owned()));
    assert_eq!(lost, ["news 101"], "the link is up by the second");
    assert!(world.text(1, "complete").is_empty());
    assert_eq!(world.text(1, "data"), ["news 2"]);
}

#[test]
fn evidence_from_elsewhere_starts_it_again() {
    let mut world = World::live();
    let instrument = Some(InstrumentId::new("BTC-USDT").unwrap());
    assert_eq!(world.apply(Happened::Distrusted(instrument, String::new())), ["news 1001"]);
    let all = world.apply(Happened::Distrusted(None, "deaf".to_owned()));
    assert_eq!(all, ["close 0", "link down: deaf", "news 101"]);
    assert_eq!(world.pass(PAUSE_FIRST), ["open 1"]);
}

#[test]
fn an_answer_to_a_connection_that_is_gone_is_nothing() {
    let mut world = World::live();
    let answer = || Happened::Answer(ConnId(0), MarketRequest::Ping, Outcome::NotSent("".into()));
    assert_eq!(world.apply(answer()), ["news 0"]);
    world.apply(Happened::Closed(ConnId(0), "reset".to_owned()));
    assert!(world.apply(answer()).is_empty());
}
