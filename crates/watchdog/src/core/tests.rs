//! The core as a whole: what is done, in which order, and by what it is not held up.

use super::effect::Cancel;
use super::ledger::Cursors;
use super::reset::ResetError;
use super::testing::{LIMITS, instruments, order};
use super::words::{Balance, Beat, Family, Order, Side, Top, Transfer};
use super::*;
use crate::amount::Amount;
use crate::core::flatten::Sale;

/// A core, and an exchange that answers at once unless told otherwise.
struct World {
    core: Core,
    ms: u64,
    orders: Vec<Order>,
    price: i64,
    usdt: i64,
    reads: bool,
    cancels: bool,
    beats: bool,
    open_said: Option<u64>,
    equity_said: Option<i64>,
    session: u64,
    history: Vec<Transfer>,
    done: Vec<Effect>,
}

impl World {
    fn new() -> World {
        World::with(|_| {}, None)
    }

    fn with(change: impl FnOnce(&mut Setup), latch: Option<Latch>) -> World {
        let text = format!(
            "{LIMITS}\n[flatten]\ncollar_bps = 100\nslice_max = \"500\"\ndepth_max_percent = 50\n"
        );
        let limits = Limits::parse(&text, &instruments(), true).unwrap();
        let mut setup = Setup {
            instruments: instruments(),
            limits,
            own_prefix: vec!["plim-".into()],
            kill_gateway: false,
            flatten: false,
            pace: Pace {
                prices_ms: 500,
                balances_ms: 5_000,
                orders_ms: 2_000,
                fills_ms: 2_000,
                all_orders_ms: 60_000,
                transfers_ms: 7_000,
            },
            all_executions: false,
            paper: false,
        };
        change(&mut setup);
        let mut done = Vec::new();
        let core = Core::start(setup, latch, Marks::default(), &mut done);
        World {
            core,
            ms: 0,
            orders: Vec::new(),
            price: 100,
            usdt: 10_000,
            reads: true,
            cancels: true,
            beats: true,
            open_said: None,
            equity_said: None,
            session: 1,
            history: Vec::new(),
            done,
        }
    }

    fn now(&self) -> Moment {
        let utc_ms = 1_767_225_600_000 + i64::try_from(self.ms).unwrap();
        Moment { steady_ms: self.ms, utc_ms, utc_told: true }
    }

    fn tell(&mut self, input: Input) {
        let mut effects = Vec::new();
        self.core.apply(self.now(), input, &mut effects);
        for effect in effects {
            self.done.push(effect.clone());
            if let Some(answer) = self.answer(effect) {
                self.tell(answer);
            }
        }
    }

    fn answer(&mut self, effect: Effect) -> Option<Input> {
        let no = || "no answer".to_owned();
        Some(match effect {
            Effect::Write(_) => Input::Written(Ok(())),
            Effect::Lift(_) => Input::Lifted(Ok(())),
            Effect::ReadOrders { n, all, .. } => {
                let told = if self.reads { Ok(self.orders.clone()) } else { Err(no()) };
                Input::Orders { n, all, told }
            }
            Effect::ReadPrices => {
                let side = Some((Amount::whole(self.price), Amount::whole(9)));
                let top = |symbol: &str| Top { symbol: symbol.into(), bid: side, ask: side };
                let tops = vec![top("BTCUSDT"), top("ETHUSDT")];
                Input::Prices(if self.reads { Ok(tops) } else { Err(no()) })
            }
            Effect::ReadBalances => {
                let balance = |asset: &str, total| {
                    let total = Amount::whole(total);
                    Balance { asset: asset.into(), free: total, total }
                };
                let balances = vec![balance("USDT", self.usdt), balance("BTC", 10)];
                Input::Balances(if self.reads { Ok(balances) } else { Err(no()) })
            }
            Effect::ReadFills(_) => {
                let cursors = Cursors::from([("BTCUSDT".into(), "0".into())]);
                Input::Fills(if self.reads { Ok((Vec::new(), cursors)) } else { Err(no()) })
            }
            Effect::ReadTransfers(_) => Input::Transfers(Ok(self.history.clone())),
            Effect::Cancel { n, batches } => {
                let ids: Vec<&String> = batches.iter().flat_map(|batch| &batch.ids).collect();
                if self.cancels {
                    self.orders.retain(|order| !ids.contains(&&order.id));
                }
                let told = if self.cancels { Ok(ids.len()) } else { Err(no()) };
                Input::Canceled { n, told }
            }
            Effect::KillGateway => Input::Killed(Ok("ended".into())),
            Effect::Sell(_) => Input::Sold(Ok("sold".into())),
            Effect::Keep(_) | Effect::Alert(_) => return None,
        })
    }

    fn passes(&mut self, ms: u64) {
        for _ in 0..ms / 50 {
            self.ms += 50;
            if self.beats && self.ms.is_multiple_of(250) {
                let open_orders = self.open_said.unwrap_or(self.orders.len() as u64);
                let (session, state) = (self.session, "active".to_owned());
                let equity = self.equity_said.map(Amount::whole);
                let beat =
                    Beat { session, progress: self.ms, state, open_orders, in_doubt: 0, equity };
                self.tell(Input::Beat(beat));
            }
            self.tell(Input::Tick);
        }
    }

    fn kind(&self) -> Option<Kind> {
        self.core.latch().map(|latch| latch.kind)
    }

    fn steps(&self) -> Vec<&'static str> {
        let step = |effect: &Effect| match effect {
            Effect::Write(_) => Some("latch"),
            Effect::Cancel { .. } => Some("cancel"),
            Effect::Alert(alert) => Some(alert.cause),
            Effect::KillGateway => Some("kill"),
            Effect::Sell(_) => Some("sell"),
            Effect::Lift(_) => Some("lift"),
            _ => None,
        };
        self.done.iter().filter_map(step).collect()
    }

    fn halt(&mut self) {
        self.tell(Input::Halt { by: "http", cause: "enough".into() });
    }
}

fn stop(id: &str) -> Order {
    let leaves = Some(Amount::whole(1));
    Order { side: Side::Sell, family: Family::Stop, leaves, ..order(id) }
}

#[test]
fn what_is_done_comes_in_order_and_the_lease_ends_with_the_latch() {
    let mut world = World::with(|setup| setup.kill_gateway = true, None);
    world.orders = vec![order("1"), order("2"), stop("3")];
    world.passes(3_000);
    assert_eq!(world.core.answer(world.now(), 1).lease_ms, 1_000);
    world.done.clear();
    world.halt();
    let answer = world.core.answer(world.now(), 1);
    assert!(answer.lease_ms == 0 && answer.halted && answer.cause.contains("http: enough"));
    assert_eq!(world.steps()[..4], ["latch", "cancel", "tripped", "kill"]);
    world.passes(500);
    assert_eq!(world.orders, [stop("3")], "protection stays");
    assert!(world.steps().contains(&"cleared"), "{:?}", world.steps());
    // Again and again changes nothing.
    let writes = |world: &World| world.steps().iter().filter(|step| **step == "latch").count();
    world.halt();
    assert_eq!(writes(&world), 1);
    assert!(world.core.latch().unwrap().cause.contains("enough"));
}

#[test]
fn a_gateway_that_is_gone_matters_only_while_something_is_open() {
    let mut world = World::new();
    world.passes(3_000);
    world.beats = false;
    world.passes(20_000);
    assert_eq!(world.kind(), None);
    world.orders = vec![stop("3")];
    world.passes(5_000);
    assert_eq!(world.kind(), None, "a stop protects without a gateway");
    world.orders.push(order("1"));
    world.passes(2_500);
    assert_eq!(world.kind(), Some(Kind::HeartbeatLost));
    assert_eq!(world.orders, [stop("3")]);
}

#[test]
fn three_seconds_of_silence_and_not_less() {
    let mut world = World::new();
    world.orders = vec![order("1")];
    world.passes(3_000);
    world.beats = false;
    world.passes(2_950);
    assert_eq!(world.kind(), None);
    assert_eq!(world.core.answer(world.now(), 1).lease_ms, 0, "suspect: no lease");
    world.passes(100);
    assert_eq!((world.kind(), world.orders.len()), (Some(Kind::HeartbeatLost), 0));
}

#[test]
fn a_gateway_that_never_came_is_gone_after_a_grace() {
    let mut world = World::new();
    world.beats = false;
    world.orders = vec![order("1")];
    world.passes(7_900);
    assert_eq!(world.kind(), None);
    world.passes(200);
    assert_eq!(world.kind(), Some(Kind::HeartbeatLost));
}

#[test]
fn figures_that_are_not_the_exchanges() {
    let mut world = World::new();
    world.orders = vec![order("1")];
    world.open_said = Some(0);
    world.passes(12_000);
    assert_eq!(world.kind(), Some(Kind::HeartbeatLies));
    let mut world = World::new();
    world.equity_said = Some(11_200);
    world.passes(30_000);
    assert_eq!(world.kind(), None);
    world.passes(5_000);
    assert_eq!(world.kind(), Some(Kind::HeartbeatLies), "it is worth 11000");
    assert!(world.core.latch().unwrap().cause.contains("11200, it is worth 11000"));
    let mut world = World::new();
    world.equity_said = Some(11_100);
    world.passes(60_000);
    assert_eq!(world.kind(), None);
}

#[test]
fn losses_exposure_and_foreign_orders() {
    let trips = |change: fn(&mut World)| {
        let mut world = World::new();
        world.passes(3_000);
        change(&mut world);
        world.passes(8_000);
        world.kind()
    };
    assert_eq!(trips(|_| {}), None);
    assert_eq!(trips(|world| world.price = 70), None, "2.7 % are within 3 %");
    assert_eq!(trips(|world| world.price = 66), Some(Kind::DayLoss));
    assert_eq!(trips(|world| world.price = 2), Some(Kind::DayLoss).filter(|_| true));
    assert_eq!(trips(|world| world.usdt = 1), None, "it may still be explained");
    assert_eq!(trips(|world| world.price = 2_001), Some(Kind::Exposure), "10 BTC, 20000 allowed");
    let large = Order { leaves: Some(Amount::whole(501)), ..order("1") };
    assert_eq!(trips(|world| world.orders = vec![order("1")]), None);
    let mut world = World::new();
    world.orders = vec![large];
    world.passes(6_000);
    assert_eq!(world.kind(), Some(Kind::OpenNotional));
    let foreign = |world: &mut World| {
        world.orders = vec![Order { client_id: "web_1".into(), ..order("1") }];
    };
    assert_eq!(trips(foreign), Some(Kind::ForeignOrder));
}

/// SEC-04: somebody with a key to trade buys a coin that nobody follows. That nobody announced it, and no history
/// shows it, is all that can be known.
#[test]
fn what_leaves_and_is_not_explained_trips_and_a_person_may_accept_it() {
    let mut world = World::new();
    world.passes(3_000);
    world.usdt = 9_900;
    world.passes(12_000);
    assert_eq!(world.kind(), None);
    assert!(world.done.contains(&Effect::ReadTransfers(world.core.ledger.marks().settled_ms)));
    world.passes(12_000);
    assert_eq!(world.kind(), Some(Kind::Unexplained));
    let cause = &world.core.latch().unwrap().cause;
    assert!(cause.contains("100 has left the account today (USDT -100)"), "{cause}");
    assert_eq!(world.core.ledger.marks().high_water, Some(Amount::whole(11_000)));
    let now = world.now();
    let also = world.core.offer_reset(now, "a".into()).unwrap().also;
    assert_eq!(also, "100 that left and nothing explains: the loss is accepted");
    world.passes(31_000);
    let (now, mut effects) = (world.now(), Vec::new());
    world.core.reset(now, "a", &mut effects).unwrap();
    world.tell(Input::Lifted(Ok(())));
    world.passes(5_000);
    assert_eq!(world.kind(), None);
}

#[test]
fn a_withdrawal_that_was_announced_or_is_in_the_history_is_no_loss() {
    for announced in [true, false] {
        let mut world = World::new();
        world.passes(3_000);
        let (now, mut effects) = (world.now(), Vec::new());
        if announced {
            let amount = Amount::whole(9_000);
            assert!(world.core.announce(now, "USDT".into(), amount, &mut effects));
            assert!(matches!(&effects[..], [Effect::Alert(alert)] if alert.cause == "announced"));
        } else {
            let (id, asset) = ("1".to_owned(), "USDT".to_owned());
            let (amount, at_ms) = (Amount::whole(9_000), now.utc_ms);
            world.history = vec![Transfer { id, asset, amount, at_ms }];
        }
        world.usdt = 1_000;
        world.passes(30_000);
        assert_eq!(world.kind(), None, "{announced}");
        let status = world.core.status(world.now());
        assert_eq!(status.high_water, Some(Amount::whole(2_000)));
        assert!(status.expected.is_empty() && status.unexplained.is_zero());
        assert!(world.steps().contains(&"balance"), "a mark does not move in silence");
    }
}

#[test]
fn an_exchange_that_cannot_be_read_trips_where_something_may_be_open() {
    let trips = |open: bool, beats: bool| {
        let mut world = World::new();
        if open {
            world.orders = vec![order("1")];
        }
        world.passes(3_000);
        world.open_said = Some(u64::from(open));
        (world.reads, world.beats) = (false, beats);
        world.passes(30_000);
        world.kind()
    };
    assert_eq!(trips(true, true), Some(Kind::Unreadable));
    assert_eq!(trips(false, false), Some(Kind::Unreadable), "nobody knows");
    assert_eq!(trips(false, true), None, "the gateway is there and has nothing open");
    // Not to be read from the start: nobody knows what is open.
    let mut world = World::new();
    (world.reads, world.beats) = (false, false);
    world.passes(11_000);
    assert_eq!(world.kind(), Some(Kind::Unreadable));
}

/// On paper the account goes with the gateway: one that is gone with nothing open is no account that cannot be read.
/// One that lives and shows nothing is.
#[test]
fn a_paper_account_that_is_gone_is_not_unreadable() {
    let paper = |open: bool, beats: bool| {
        let mut world = World::with(|setup| setup.paper = true, None);
        if open {
            world.orders = vec![order("1")];
        }
        world.passes(3_000);
        (world.reads, world.beats) = (false, beats);
        world.open_said = Some(1);
        world.passes(40_000);
        world.kind()
    };
    assert_eq!(paper(false, false), None);
    assert_eq!(paper(true, false), Some(Kind::HeartbeatLost), "the next start brings it back");
    assert_eq!(paper(false, true), Some(Kind::Unreadable));
    let mut world = World::with(|setup| setup.paper = true, None);
    (world.reads, world.beats) = (false, false);
    world.passes(120_000);
    assert_eq!(world.kind(), None, "there has not been a gateway yet");
}

/// No lease while the account cannot be seen.
#[test]
fn a_lease_needs_eyes() {
    let mut world = World::new();
    world.passes(1_000);
    assert_eq!(world.core.answer(world.now(), 1).lease_ms, 1_000);
    world.reads = false;
    world.passes(16_000);
    let answer = world.core.answer(world.now(), 1);
    assert!(!answer.watching && answer.lease_ms == 0, "{answer:?}");
}

/// KIL-02: cancels go on in an outage, and what is open is gone soon after it.
#[test]
fn an_outage_is_outlasted() {
    let mut world = World::new();
    world.orders = vec![order("1"), order("2")];
    world.passes(3_000);
    (world.reads, world.cancels) = (false, false);
    world.halt();
    world.passes(60_000);
    assert_eq!(world.orders.len(), 2);
    let attempts = world.steps().iter().filter(|step| **step == "cancel").count();
    assert!((30..=150).contains(&attempts), "{attempts} attempts in a minute");
    (world.reads, world.cancels) = (true, true);
    world.passes(2_000);
    assert!(world.orders.is_empty() && world.core.status(world.now()).cleared == Some(true));
}

/// Lists fail and cancels work: what was known is canceled all the same.
#[test]
fn what_was_known_is_canceled_without_a_list() {
    let mut world = World::new();
    world.orders = vec![order("1")];
    world.passes(3_000);
    world.reads = false;
    world.halt();
    assert!(world.orders.is_empty());
}

/// A cancel that fails for a whole symbol is followed by one for each order.
#[test]
fn a_cancel_of_all_that_fails_is_followed_by_single_ones() {
    let mut world = World::new();
    world.orders = vec![order("1")];
    world.passes(3_000);
    world.cancels = false;
    world.done.clear();
    world.halt();
    world.passes(500);
    let whole: Vec<bool> = world
        .done
        .iter()
        .filter_map(|effect| match effect {
            Effect::Cancel { batches, .. } => {
                Some(batches.iter().any(|Cancel { whole, .. }| *whole))
            }
            _ => None,
        })
        .collect();
    // The list of the first is a second old: one request could take a stop that it does not have.
    assert_eq!(whole[..4], [false, true, false, true], "{whole:?}");
}

/// KIL-01: an order of the gateway that was under way is canceled on sight.
#[test]
fn an_order_that_arrives_late_is_canceled_on_sight() {
    let mut world = World::new();
    world.passes(3_000);
    world.halt();
    world.passes(2_000);
    world.orders = vec![order("9")];
    world.passes(1_500);
    assert!(world.orders.is_empty());
    assert!(world.steps().contains(&"again"));
}

/// KIL-07: the latch cannot be written, and everything else goes on.
#[test]
fn a_latch_that_is_not_durable_is_tried_again() {
    let mut world = World::new();
    world.orders = vec![order("1")];
    world.passes(3_000);
    world.halt();
    world.tell(Input::Written(Err("read-only".into())));
    assert_eq!(world.core.status(world.now()).durable, Some(false));
    world.done.clear();
    world.passes(1_100);
    assert!(world.steps().contains(&"latch"), "{:?}", world.steps());
    assert!(world.orders.is_empty());
    assert_eq!(world.core.status(world.now()).durable, Some(true));
}

#[test]
fn a_latched_start_gives_no_lease_and_cancels_again() {
    let latch = Latch { v: 1, kind: Kind::Person, cause: "file".into(), at_ms: 5 };
    let mut world = World::with(|_| {}, Some(latch.clone()));
    world.orders = vec![order("1")];
    world.passes(500);
    assert!(world.orders.is_empty());
    let answer = world.core.answer(world.now(), 1);
    assert!(answer.halted && answer.lease_ms == 0);
    assert_eq!(world.core.latch(), Some(&latch));
}

#[test]
fn a_reset_takes_two_steps_and_half_a_minute() {
    let mut world = World::new();
    world.passes(3_000);
    let mut effects = Vec::new();
    let offer = |world: &mut World, code: &str| {
        world.core.offer_reset(world.now(), code.to_owned()).map(|shown| shown.cause)
    };
    assert_eq!(offer(&mut world, "a"), Err(ResetError::NotLatched));
    world.halt();
    assert!(matches!(offer(&mut world, "a"), Err(ResetError::NotYet(_))), "not clear yet");
    world.passes(3_000);
    assert!(offer(&mut world, "a").unwrap().contains("enough"));
    let now = world.now();
    let early = world.core.reset(now, "a", &mut effects);
    assert!(matches!(early, Err(ResetError::TooEarly(30))), "{early:?}");
    world.passes(30_000);
    let now = world.now();
    assert_eq!(world.core.reset(now, "b", &mut effects), Err(ResetError::WrongCode));
    assert_eq!(world.core.reset(now, "a", &mut effects), Err(ResetError::WrongCode), "used up");
    offer(&mut world, "c").unwrap();
    world.passes(120_100);
    let now = world.now();
    assert_eq!(world.core.reset(now, "c", &mut effects), Err(ResetError::TooLate));
    offer(&mut world, "d").unwrap();
    world.passes(31_000);
    let now = world.now();
    world.core.reset(now, "d", &mut effects).unwrap();
    assert!(matches!(effects[..], [Effect::Lift(_)]));
    assert!(world.core.latch().is_some(), "until that is durable");
    world.tell(Input::Lifted(Ok(())));
    assert_eq!(world.kind(), None);
    world.passes(1_000);
    assert_eq!(world.core.answer(world.now(), 1).lease_ms, 1_000);
    // Nobody asked for this one.
    world.halt();
    world.tell(Input::Lifted(Ok(())));
    assert_eq!(world.kind(), Some(Kind::Person));
}

#[test]
fn a_reset_is_refused_while_the_cause_holds_and_accepts_a_loss() {
    let mut world = World::new();
    world.passes(3_000);
    world.tell(Input::HaltFile(true));
    world.passes(2_000);
    let offer = |world: &mut World| {
        let now = world.now();
        world.core.offer_reset(now, "a".into()).map(|shown| shown.also)
    };
    assert!(offer(&mut world).unwrap_err().to_string().contains("remove it"));
    world.tell(Input::HaltFile(false));
    assert!(offer(&mut world).is_ok());
    world.price = 3_000;
    world.passes(3_000);
    assert!(offer(&mut world).unwrap_err().to_string().contains("exposure holds"));
    let mut world = World::new();
    world.passes(3_000);
    world.price = 60;
    world.passes(5_000);
    assert_eq!(world.kind(), Some(Kind::DayLoss));
    assert!(offer(&mut world).unwrap().contains("will be 10600"));
    world.passes(31_000);
    let (now, mut effects) = (world.now(), Vec::new());
    world.core.reset(now, "a", &mut effects).unwrap();
    world.tell(Input::Lifted(Ok(())));
    world.passes(5_000);
    assert_eq!(world.kind(), None, "the loss is accepted");
}

/// A person has halted, and the account loses while it is halted. What was lost before the first step is shown and
/// accepted; what is lost after it nobody has seen, and it trips again.
#[test]
fn a_loss_of_another_halt_is_accepted_if_it_was_shown() {
    for (seen_first, kind) in [(true, None), (false, Some(Kind::DayLoss))] {
        let mut world = World::new();
        world.passes(3_000);
        world.halt();
        world.passes(3_000);
        if seen_first {
            world.price = 60;
            world.passes(5_000);
        }
        let now = world.now();
        let also = world.core.offer_reset(now, "a".into()).unwrap().also;
        assert_eq!(also.contains("the loss is accepted"), seen_first, "{also}");
        world.price = 60;
        world.passes(31_000);
        let (now, mut effects) = (world.now(), Vec::new());
        world.core.reset(now, "a", &mut effects).unwrap();
        world.tell(Input::Lifted(Ok(())));
        world.passes(5_000);
        assert_eq!(world.kind(), kind, "{seen_first}");
    }
}

/// Something happens while a reset is under way: the latch stays.
#[test]
fn a_halt_beats_a_reset() {
    let mut world = World::new();
    world.halt();
    world.passes(3_000);
    let now = world.now();
    world.core.offer_reset(now, "a".into()).unwrap();
    world.passes(31_000);
    let (now, mut effects) = (world.now(), Vec::new());
    world.core.reset(now, "a", &mut effects).unwrap();
    world.tell(Input::Halt { by: "signal", cause: "again".into() });
    world.done.clear();
    world.tell(Input::Lifted(Ok(())));
    assert!(world.core.latch().unwrap().cause.contains("again"));
    // The disk may have done the two in either order.
    assert_eq!(world.steps(), ["latch"]);
}

#[test]
fn alerts_of_one_cause_come_once_a_minute() {
    let mut world = World::new();
    for _ in 0..50 {
        world.tell(Input::Refused("x".into()));
        world.passes(1_000);
    }
    let told = world.steps().iter().filter(|step| **step == "forged").count();
    assert_eq!((told, world.core.status(world.now()).refused), (1, 50));
    world.passes(15_000);
    world.tell(Input::Refused("x".into()));
    assert_eq!(world.steps().iter().filter(|step| **step == "forged").count(), 2);
}

#[test]
fn an_older_gateway_gets_no_lease() {
    let mut world = World::new();
    world.session = 7;
    world.passes(2_000);
    let beat = Beat {
        session: 6,
        progress: 1,
        state: "active".into(),
        open_orders: 0,
        in_doubt: 0,
        equity: None,
    };
    world.tell(Input::Beat(beat));
    assert_eq!(world.core.answer(world.now(), 6).lease_ms, 0);
    assert_eq!(world.core.answer(world.now(), 7).lease_ms, 1_000);
}

#[test]
fn holdings_are_sold_only_where_that_was_asked_for_and_after_everything_else() {
    for (wanted, sold) in [(false, false), (true, true)] {
        let mut world = World::with(|setup| setup.flatten = wanted, None);
        world.orders = vec![order("1")];
        world.passes(3_000);
        world.halt();
        world.passes(5_000);
        let steps = world.steps();
        let at = |what| steps.iter().position(|step| *step == what);
        assert_eq!(at("sell").is_some(), sold);
        assert!(!sold || at("sell") > at("cleared"), "{steps:?}");
        let first = world.done.iter().find_map(|effect| match effect {
            Effect::Sell(sale) => Some(sale.clone()),
            _ => None,
        });
        let expected = Sale {
            symbol: "BTCUSDT".into(),
            qty: Amount::parse("4.5").unwrap(),
            price: Amount::whole(99),
        };
        assert_eq!(first, sold.then_some(expected), "half of what is wanted at the best bid");
    }
}
