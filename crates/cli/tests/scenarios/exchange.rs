//! EXS: what the exchange does, and PRC-01: its rules change. EXS-01, 03, 04 and 08, in which the books
//! have to be set right afterwards, are in `account.rs`.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::time::{Duration, Instant};

use model::{
    Ending, Entry, IntentId, Link, OrderState, Record, Refusal, Side, TradingMode, TradingState,
};
use serde_json::{Value, json};

use crate::breakers::losses_as_usual;
use crate::common::{Gateway, Venue, book};
use crate::stage::{
    Account, BOTH, CREATE, Stage, Want, books, count, is_active, is_live, is_refused, order_of,
    orders, refusal, signed,
};

/// How often an agent asks again that does not take no for an answer.
const AGAIN: Duration = Duration::from_millis(150);

fn limit(price: f64) -> Value {
    json!({"type": "limit", "price": format!("{price:.2}")})
}

/// An order of somebody else, around the gateway; what the exchange answers.
fn somebody(stage: &Stage, key: &str, side: &str, qty: &str, price: f64, lasts: &str) -> String {
    orders_at(&stage.venue, key, side, qty, price, lasts)
}

fn orders_at(venue: &Venue, key: &str, side: &str, qty: &str, price: f64, lasts: &str) -> String {
    let params = format!(
        "symbol=BTCUSDT&side={side}&type=LIMIT&timeInForce={lasts}&quantity={qty}&price={price:.2}"
    );
    signed(venue, "POST", "/api/v3/order", key, &params)
}

/// Asks for a resting order again and again for so long.
fn insists(stage: &mut Stage, time: Duration) -> Vec<IntentId> {
    let (end, mut wanted) = (Instant::now() + time, Vec::new());
    while Instant::now() < end {
        wanted.push(stage.place(Want::BuyLow));
        std::thread::sleep(AGAIN);
    }
    wanted
}

/// The same until one is taken; how long that took.
fn insists_until_taken(stage: &mut Stage, max: Duration) -> Duration {
    let (start, mut wanted) = (Instant::now(), Vec::new());
    loop {
        wanted.push(stage.place(Want::BuyLow));
        std::thread::sleep(AGAIN);
        let books = books(&stage.gateway.entries());
        let is_working =
            |of: &IntentId| order_of(&books, *of).is_some_and(|o| o.state == OrderState::Working);
        if wanted.iter().any(is_working) {
            return start.elapsed();
        }
        assert!(start.elapsed() < max, "nothing is taken: {}", stage.gateway.log());
    }
}

fn halts(entries: &[Entry]) -> usize {
    count(entries, |r| matches!(r, Record::Trading { state: TradingState::Halted, .. }))
}

/// The mode of the instrument as the gateway last learned it.
fn mode(entries: &[Entry]) -> Option<TradingMode> {
    entries.iter().rev().find_map(|entry| match &entry.record {
        Record::Rules { instrument } => Some(instrument.mode),
        _ => None,
    })
}

/// EXS-02: every new order is refused for twenty seconds, and cancels are not. One order is tried every
/// five seconds however often the agent asks; it is said with what is at stake, nothing bans, and orders
/// go at once when one is taken.
#[test]
fn exs_02_everything_is_refused() {
    let mut stage = Stage::open(502);
    let resting = stage.send(Want::BuyLow);
    stage.working(resting);
    let body = json!({"code": -2010, "msg": "This action is disabled on this account."});
    stage
        .fault(json!({"kind": "status", "route": CREATE, "status": 400, "body": body.to_string()}));
    let before = stage.requests(CREATE);
    let wanted = insists(&mut stage, Duration::from_secs(20));
    let attempts = stage.requests(CREATE) - before;
    println!("{attempts} attempts of {} wanted", wanted.len());
    assert!((4..=3 + 4).contains(&attempts), "{attempts}");
    assert_eq!(stage.fired("status"), attempts);
    stage.cancel(resting);
    assert_eq!(stage.done(5, resting).ending(), Some(Ending::Canceled), "cancels go");
    let held =
        |r: &Record| matches!(r, Record::Refused { because: Refusal::VenueRefuses { .. }, .. });
    assert!(count(&stage.gateway.entries(), held) > wanted.len() / 2);
    let said = "the venue has refused 3 orders in a row";
    assert_eq!(stage.gateway.log().matches(said).count(), 1, "{}", stage.gateway.log());
    assert_eq!((stage.answers(429), stage.answers(418)), (0, 0));
    let healed = stage.heal();
    let took = insists_until_taken(&mut stage, Duration::from_secs(6));
    println!("taken {took:?} after the relief");
    let next = stage.send(Want::BuyNow);
    assert_eq!(stage.done(5, next).ending(), Some(Ending::Filled), "and the next one at once");
    stage.recover(healed, took + Duration::from_secs(10));
}

/// EXS-05: all bids are gone, and somebody sells at a quarter of the price. The price that orders are
/// measured by is not moved by that print, nor by the order that it left in the book: nothing is sold
/// into it, and nothing halts.
#[test]
fn exs_05_wick() {
    BOTH.into_iter().for_each(a_wick);
}

fn a_wick(account: Account) {
    let mut stage = Stage::open_as_with(account, 505, losses_as_usual);
    let bought = stage.send(Want::BuyNow);
    assert_eq!(stage.done(5, bought).ending(), Some(Ending::Filled));
    let (bid, _) = stage.touch();
    let wick = bid * 0.25;
    stage.fault(json!({"kind": "book_empty", "side": "bids"}));
    assert!(somebody(&stage, "third", "BUY", "0.01", wick, "GTC").contains("\"NEW\""));
    assert!(somebody(&stage, "other", "SELL", "0.005", wick, "IOC").contains("\"FILLED\""));
    for _ in 0..8 {
        let market = stage.place_as("sell", &json!({"type": "market"}), "ioc");
        let wanted = stage.place_as("sell", &limit(wick), "ioc");
        stage.until(5, "refused", |entries| is_refused(entries, wanted));
        // While the middle of before is fresh it may be sent, with a limit at the edge of its collar.
        stage.decided(market);
        std::thread::sleep(AGAIN);
    }
    let wide = count(&stage.gateway.entries(), |r| {
        matches!(r, Record::Refused { because: Refusal::WideSpread { .. }, .. })
    });
    assert!(wide > 0, "between an order far away and the asks there is no price");
    // On paper the bids of before are there until the feed has brought their end.
    let price = |fill: &model::Fill| fill.price.to_string().parse::<f64>().unwrap();
    let sold: Vec<f64> = stage.executed(Side::Sell).iter().map(price).collect();
    assert!(sold.iter().all(|price| *price > 2.0 * wick), "nothing is sold into it: {sold:?}");
    assert!(account == Account::OnPaper || sold.is_empty(), "{sold:?}");
    assert_eq!(stage.fired("book_empty"), 1);
    // What is left of the wick goes with whoever made it.
    stage.signed("DELETE", "/api/v3/openOrders", "third", "symbol=BTCUSDT");
    let healed = stage.heal();
    stage.recovers(healed);
    assert_eq!(halts(&stage.gateway.entries()), 0);
}

/// EXS-06: nobody bids. A market order sells at the collar's edge or not at all: by the middle as it last
/// was while that is fresh, and then it is refused. Somebody who bids within the collar is sold to, one
/// who bids below it is not.
#[test]
fn exs_06_an_empty_side() {
    BOTH.into_iter().for_each(an_empty_side);
}

fn an_empty_side(account: Account) {
    const COLLAR: f64 = 0.03;
    let mut stage = Stage::open_as(account, 506);
    for _ in 0..3 {
        let bought = stage.send(Want::BuyNow);
        assert_eq!(stage.done(5, bought).ending(), Some(Ending::Filled));
    }
    let (bid, ask) = stage.touch();
    let market = json!({"type": "market"});
    stage.fault(json!({"kind": "book_empty", "side": "bids"}));
    let first = stage.place_as("sell", &market, "ioc");
    stage.decided(first);
    std::thread::sleep(Duration::from_millis(1_200));
    let late = stage.place_as("sell", &market, "ioc");
    stage.until(5, "held", |entries| is_refused(entries, late));
    let why = refusal(&stage.gateway.entries(), late);
    assert!(matches!(why, Some(Refusal::StalePrice { .. })), "{why:?}");

    let near = bid * (1.0 - COLLAR / 2.0);
    assert!(somebody(&stage, "third", "BUY", "0.001", near, "GTC").contains("\"NEW\""));
    // The first that is wanted may come before the gateway's book has the bid.
    let sold = (0..50).find(|_| {
        let wanted = stage.place_as("sell", &market, "ioc");
        stage.decided(wanted).is_some_and(|order| order.ending() == Some(Ending::Filled))
    });
    assert!(sold.is_some(), "nothing is sold: {}", stage.gateway.log());
    if account == Account::OnPaper {
        // The market does not answer a paper order: who bid is still there, and goes by himself.
        stage.signed("DELETE", "/api/v3/openOrders", "third", "symbol=BTCUSDT");
    }
    let far = bid * (1.0 - 2.5 * COLLAR);
    assert!(somebody(&stage, "third", "BUY", "0.001", far, "GTC").contains("\"NEW\""));
    let kept = (0..50).find(|_| {
        let wanted = stage.place_as("sell", &market, "ioc");
        stage.decided(wanted);
        let why = refusal(&stage.gateway.entries(), wanted);
        matches!(why, Some(Refusal::WideSpread { .. }))
    });
    assert!(kept.is_some(), "{}", stage.gateway.log());
    let least = f64::midpoint(bid, ask) * (1.0 - COLLAR);
    for fill in stage.executed(Side::Sell) {
        let price: f64 = fill.price.to_string().parse().unwrap();
        assert!(price >= least, "{fill:?}: below {least}");
    }
    assert_eq!(stage.fired("book_empty"), 1);
    stage.signed("DELETE", "/api/v3/openOrders", "third", "symbol=BTCUSDT");
    let healed = stage.heal();
    stage.recovers(healed);
}

/// EXS-07: the price jumps over the limit of a stop. It is known to have been triggered, it stands where it
/// is and counts in full, and nothing closes the position a second time.
#[test]
fn exs_07_a_stop_is_jumped_over() {
    let mut stage = Stage::open(507);
    let bought = stage.send(Want::BuyNow);
    assert_eq!(stage.done(5, bought).ending(), Some(Ending::Filled));
    let (bid, _) = stage.touch();
    let trigger = json!({"type": "stop_loss", "trigger": format!("{:.2}", bid * 0.99)});
    let stop = stage.place_as("sell", &trigger, "gtc");
    let order = stage.working(stop);
    let sent = stage.requests(CREATE);
    // Nobody asks either, or somebody would buy what the stop leaves there.
    stage.fault(json!({"kind": "book_empty"}));
    let below = bid * 0.90;
    assert!(somebody(&stage, "third", "BUY", "0.001", below, "GTC").contains("\"NEW\""));
    assert!(somebody(&stage, "other", "SELL", "0.001", below, "IOC").contains("\"FILLED\""));
    let order =
        stage.order(5, stop, "triggered", |known| known.triggered && known.qty() == order.qty());
    assert_eq!((order.state, order.filled.to_string()), (OrderState::Working, "0".to_owned()));
    // It is compared a few times, and stays what it is.
    std::thread::sleep(Duration::from_secs(4));
    let exposure = books(&stage.gateway.entries()).exposure("BTC-USDT".parse().unwrap());
    assert_eq!(exposure.working_sells.to_string(), "0.001", "its whole size counts");
    assert_eq!(stage.requests(CREATE), sent + 2, "the two of the others");
    assert_eq!(stage.fired("book_empty"), 1);
    let healed = stage.heal();
    assert_eq!(stage.done(5, stop).ending(), Some(Ending::Filled), "when the price is back");
    stage.recovers(healed);
    let position = books(&stage.gateway.entries()).exposure("BTC-USDT".parse().unwrap()).position;
    assert_eq!(position.to_string(), "0", "closed once");
}

/// EXS-07, where the configuration says what is to be done: the price falls through the limit of a stop. It is taken
/// back and what it should have sold is sold in slices, within five seconds and once; trading goes on.
#[test]
fn exs_07_a_late_stop_is_closed_by_policy() {
    let mut stage = Stage::open_with(512, |gateway, _| {
        let path = gateway.path("plimsoll.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        let text = text.replace("[venue.sim]\n", "[venue.sim]\nlate_stops = \"close\"\n");
        std::fs::write(&path, text).unwrap();
    });
    let bought = stage.send(Want::BuyNow);
    assert_eq!(stage.done(5, bought).ending(), Some(Ending::Filled));
    let (bid, _) = stage.touch();
    // Its limit is above the market when it is triggered.
    let kind = json!({"type": "stop_limit", "trigger": format!("{:.2}", bid * 0.99),
        "price": format!("{:.2}", bid * 1.01)});
    let stop = stage.place_as("sell", &kind, "gtc");
    stage.working(stop);
    stage.fault(json!({"kind": "book_empty"}));
    let below = bid * 0.90;
    assert!(somebody(&stage, "third", "BUY", "0.001", below, "GTC").contains("\"NEW\""));
    assert!(somebody(&stage, "other", "SELL", "0.001", below, "IOC").contains("\"FILLED\""));
    stage.order(5, stop, "triggered", |known| known.triggered);
    let passed = stage.heal();
    assert_eq!(stage.done(10, stop).ending(), Some(Ending::Canceled));
    let flat = |entries: &[Entry]| {
        let exposure = books(entries).exposure("BTC-USDT".parse().unwrap());
        exposure.position.to_string() == "0" && exposure.working_sells.to_string() == "0"
    };
    stage.until(10, "it is closed", flat);
    println!(
        "closed {} ms after the market was back below its limit",
        passed.elapsed().as_millis()
    );
    let own = stage.gateway.entries().into_iter().filter(|entry| {
        matches!(&entry.record, Record::Prepared { agent, order, .. }
            if agent.as_str() == ::gateway::OWN_AGENT && order.reduce_only)
    });
    assert!(own.count() >= 1, "by slices of the gateway");
    let fills = stage.venue.state()["fills"].as_array().unwrap().clone();
    let sold = fills.iter().filter(|f| f["account"] == "account-1" && f["side"] == "sell");
    let qty = |f: &Value| f["qty"].as_str().unwrap().parse::<f64>().unwrap();
    let sold: f64 = sold.map(qty).sum();
    assert!((sold - 0.001).abs() < 1e-9, "closed once: {sold}");
    assert!(is_active(&stage.gateway.entries()), "trading goes on");
    stage.recovers(Instant::now());
}

/// EXS-10: the exchange stands still for 25 s and then carries out all that waited. What was in flight is
/// in doubt and never given up, nothing new is sent meanwhile, and what executes late is counted.
#[test]
fn exs_10_the_queue_is_drained_late() {
    let mut stage = Stage::open(510);
    let (stalled, wait) = (Instant::now(), Duration::from_secs(25));
    let (bid, ask) = stage.touch();
    stage.fault(json!({"kind": "stall", "for": "25s"}));
    let wanted = [
        stage.place_as("buy", &limit(bid * 0.99), "gtc"),
        stage.place_as("buy", &limit(ask * 1.005), "gtc"),
        stage.place_as("sell", &limit(ask * 1.01), "gtc"),
    ];
    for intent in wanted {
        stage.order(5, intent, "sent", |order| order.state == OrderState::PendingNew);
    }
    while stage.requests(CREATE) < 3 {}
    std::thread::sleep(Duration::from_secs(2));
    let blind = insists_refused(&mut stage, bid);
    for intent in wanted {
        stage.order(15, intent, "in doubt", |order| order.state == OrderState::InDoubt);
    }
    std::thread::sleep(wait.saturating_sub(stalled.elapsed()));
    let healed = Instant::now();
    for intent in wanted {
        let known = stage.order(5, intent, "there", |order| order.accepted_at.is_some());
        assert_ne!(known.ending(), Some(Ending::NotPlaced));
    }
    assert_eq!(stage.done(5, wanted[1]).ending(), Some(Ending::Filled));
    assert_eq!(stage.fired("stall"), 1);
    stage.recover(healed, Duration::from_secs(10));
    let absent = |r: &Record| matches!(r, Record::Ended { ending: Ending::NotPlaced, .. });
    assert_eq!(count(&stage.gateway.entries(), absent), 0, "none was given up");
    assert_eq!(stage.requests(CREATE), 3, "nothing new during it: {blind} refused");
    assert_eq!(halts(&stage.gateway.entries()), 0);
}

/// Orders that are wanted while the book does not move; all are refused.
fn insists_refused(stage: &mut Stage, bid: f64) -> usize {
    let wanted: Vec<_> = (0..5).map(|_| stage.place_as("buy", &limit(bid * 0.99), "gtc")).collect();
    for intent in &wanted {
        stage.until(5, "refused", |entries| is_refused(entries, *intent));
    }
    wanted.len()
}

/// EXS-10 on paper: while nothing moves there, nothing that adds risk is sent, what rests does not execute and can be
/// taken back, and nothing is in doubt.
#[test]
fn exs_10_a_market_that_stands_still_on_paper() {
    let mut stage = Stage::open_as(Account::OnPaper, 510);
    let resting = [stage.send(Want::BuyLow), stage.send(Want::SellHigh)];
    for intent in resting {
        stage.working(intent);
    }
    let (bid, _) = stage.touch();
    stage.fault(json!({"kind": "stall"}));
    std::thread::sleep(Duration::from_secs(2));
    let known = stage.executed(Side::Buy).len();
    let wanted = insists_refused(&mut stage, bid);
    stage.cancel(resting[0]);
    assert_eq!(stage.done(5, resting[0]).ending(), Some(Ending::Canceled));
    std::thread::sleep(Duration::from_secs(8));
    assert_eq!(stage.executed(Side::Buy).len(), known, "{wanted} refused");
    assert!(stage.agent_was_told("\"stale\""), "the agent knows");
    let doubts = count(&stage.gateway.entries(), |r| matches!(r, Record::InDoubt { .. }));
    assert_eq!((doubts, stage.fired("stall")), (0, 1));
    let healed = stage.heal();
    stage.recover(healed, Duration::from_secs(10));
    assert_eq!(stage.order(1, resting[1], "open", |_| true).state, OrderState::Working);
}

/// EXS-11: the exchange only takes orders back, then stops altogether, then does not know the instrument
/// any more, with a position open. Three requests at the most are refused each time, what is stuck is said,
/// cancels go where they can, and orders go by themselves soon after.
#[test]
fn exs_11_modes_of_the_exchange() {
    let mut stage = Stage::open(511);
    let bought = stage.send(Want::BuyNow);
    assert_eq!(stage.done(5, bought).ending(), Some(Ending::Filled));
    let gone = json!({"code": -1121, "msg": "Invalid symbol."}).to_string();
    let unknown =
        |route: &str| json!({"kind": "status", "route": route, "status": 400, "body": gone});
    let cases = [
        (vec![json!({"kind": "cancel_only"})], "only takes orders back", TradingMode::CancelOnly),
        (vec![json!({"kind": "halted"})], "has stopped trading", TradingMode::Halted),
        (
            vec![unknown(CREATE), unknown("GET /api/v3/exchangeInfo")],
            "is not listed by the venue any more",
            TradingMode::Halted,
        ),
    ];
    for (faults, said, as_known) in cases {
        let resting = stage.send(Want::SellHigh);
        stage.working(resting);
        let before = stage.requests(CREATE);
        faults.into_iter().for_each(|fault| stage.fault(fault));
        let wanted = insists(&mut stage, Duration::from_secs(3));
        let attempts = stage.requests(CREATE) - before;
        println!("{said}: {attempts} attempts of {} wanted", wanted.len());
        assert!((1..=3).contains(&attempts), "{said}: {attempts}");
        assert_eq!(mode(&stage.gateway.entries()), Some(as_known), "{}", stage.gateway.log());
        let log = stage.gateway.log();
        let line = log.lines().find(|line| line.contains(said)).unwrap_or_else(|| panic!("{log}"));
        assert!(line.contains("the position is 0.001"), "{line}");
        stage.cancel(resting);
        if as_known == TradingMode::CancelOnly {
            assert_eq!(stage.done(5, resting).ending(), Some(Ending::Canceled), "cancels go");
        }
        let healed = stage.heal();
        let took = insists_until_taken(&mut stage, Duration::from_secs(5));
        println!("{said}: taken {took:?} after the relief");
        assert_eq!(stage.done(10, resting).ending(), Some(Ending::Canceled));
        stage.recover(healed, took + Duration::from_secs(10));
    }
    assert_eq!((stage.fired("cancel_only"), stage.fired("halted")), (1, 1));
    assert!(stage.fired("status") > 0);
    assert_eq!(halts(&stage.gateway.entries()), 0);
}

/// PRC-01: tick and lot become ten times as large and the smallest notional twice, while the gateway runs.
/// The exchange refuses two orders at the most, then the gateway does, with the reason. No size is rounded
/// up, and what stood before is taken back though it lies between the new steps.
#[test]
fn prc_01_filter_change_live() {
    let mut stage = Stage::open(512);
    let (bid, _) = stage.touch();
    // On the old steps and not on the new ones.
    let price = |part: f64| (bid * part * 10.0).floor() / 10.0 + 0.03;
    let old = stage.place_spec("buy", &limit(price(0.99)), "0.00103", "gtc");
    stage.working(old);
    stage.fault(json!({"kind": "filter_change"}));
    let before = stage.requests(CREATE);
    for _ in 0..20 {
        let wanted = stage.place_spec("buy", &limit(price(0.985)), "0.00103", "gtc");
        stage.decided(wanted);
    }
    let attempts = stage.requests(CREATE) - before;
    assert!((1..=2).contains(&attempts), "{attempts}");
    stage.until(5, "the new rules are known", |entries| mode(entries).is_some());
    let mut refused = |qty: &str, price: f64| {
        let wanted = stage.place_spec("buy", &limit(price), qty, "gtc");
        stage.until(5, "refused", |entries| is_refused(entries, wanted));
        refusal(&stage.gateway.entries(), wanted).unwrap()
    };
    let round = (bid * 0.985).floor();
    assert!(matches!(refused("0.001", price(0.985)), Refusal::OffTick { .. }));
    assert!(matches!(refused("0.00103", round), Refusal::OffLot { .. }));
    assert!(matches!(refused("0.0001", round), Refusal::NotionalTooSmall { .. }));
    assert_eq!(stage.requests(CREATE), before + attempts, "no loop");
    let next = stage.place_spec("buy", &limit(round), "0.0011", "gtc");
    stage.working(next);
    // At the market: its limit is on the new tick.
    let taken = stage.place_spec("buy", &json!({"type": "market"}), "0.0011", "ioc");
    assert_eq!(stage.done(5, taken).ending(), Some(Ending::Filled));
    let shown: Vec<_> = orders(&stage.venue.state()).map(|o| o["qty"].clone()).collect();
    assert_eq!(shown, ["0.00103", "0.0011", "0.0011"], "as they were wanted");
    stage.working(old);
    stage.cancel(old);
    assert_eq!(stage.done(5, old).ending(), Some(Ending::Canceled));
    assert_eq!(stage.fired("filter_change"), 1);
    assert!(stage.gateway.log().contains("the venue has new rules: tick 0.1 (was 0.01)"));
    // The book is still the exchange's own: counted in the digits that are in it.
    stage.until(5, "it trades", |entries| is_active(entries) && is_live(entries));
    let healed = stage.heal();
    stage.recovers(healed);
}

/// PRC-01, the other way: the tick becomes finer than any that the gateway has seen. Both sessions begin
/// anew on the finer grid, with what stands between the old steps.
#[test]
fn prc_01_a_finer_tick() {
    let venue =
        Venue::start(&["--market", "empty", "--account", "other:secret:100000 USDT,10 BTC"]);
    let break_it = |fault: Value| {
        assert!(!venue.http("POST", "/_sim/faults", &fault.to_string()).contains("error"));
    };
    break_it(json!({"kind": "filter_change"}));
    for (side, price) in [("BUY", 59_999.5), ("SELL", 60_000.5)] {
        let answer = orders_at(&venue, "other", side, "0.01", price, "GTC");
        assert!(answer.contains("\"NEW\""), "{answer}");
    }
    let mut gateway = Gateway::prepare(&venue.addr, "");
    gateway.start();
    gateway.wait(20, "the book is there", is_live);
    venue.http("POST", "/_sim/heal", "");
    // A stop has it look at once and not within a minute.
    break_it(json!({"kind": "throttle", "retry_after_s": 1, "count": 1}));
    gateway.wait(20, "the finer tick is known", |entries| {
        let finer = |r: &Record| {
            matches!(r, Record::Rules { instrument } if instrument.grid().price_decimals == 2)
        };
        count(entries, finer) == 1
    });
    for link in [Link::Market, Link::Account] {
        gateway.wait(20, "it has begun anew", |entries| {
            let of = |is: bool| {
                count(
                    entries,
                    |r| matches!(r, Record::Link { link: l, up, .. } if *l == link && *up == is),
                )
            };
            (of(false), of(true)) == (1, 2)
        });
    }
    let answer = orders_at(&venue, "other", "BUY", "0.00123", 59_999.57, "GTC");
    assert!(answer.contains("\"NEW\""), "{answer}");
    book::assert_agrees(&gateway, &venue, Duration::from_secs(4));
    assert!(gateway.stop().success(), "{}", gateway.log());
}
