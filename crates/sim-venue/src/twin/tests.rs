//! Random commands to both exchanges; after each they must agree, and the money must add up.

use std::time::Duration;

use model::market::{Book, GridPrice, GridQty, Level, LevelUpdate};
use model::venue::{
    AccountEvent, AccountRequest, CancelReplace, Execution, MarketRequest, OrderKey, PublicMarket,
    Response, VenueEvent,
};
use model::{Amount, Balance, ClientOrderId, InstrumentId, PriceBand};
use proptest::prelude::*;

use super::*;
use crate::{Background, SimConfig, SimVenue};

/// One step of a story.
#[derive(Clone, Debug)]
enum Step {
    Request { account: usize, request: AccountRequest },
    Background { market: usize, event: Background },
    Transfer { account: usize, base: bool, amount: i64 },
    Mode { market: usize, mode: TradingMode },
    Time,
}

fn asset(name: &str) -> Asset {
    Asset::new(name).unwrap()
}

/// Two markets with one quote asset and tight limits, so that every filter is met now and then.
fn instruments() -> Vec<Instrument> {
    let make = |base: &str, tick: &str, lot: &str| {
        let (tick, lot) = (tick.parse().unwrap(), lot.parse().unwrap());
        Instrument::spot(asset(base), asset("USDT"), tick, lot).unwrap()
    };
    let mut tight = make("BTC", "0.5", "0.02");
    tight.limits.price_max = Some("105".parse().unwrap());
    tight.limits.qty_min = "0.04".parse().unwrap();
    tight.limits.qty_max = Some("0.8".parse().unwrap());
    tight.limits.market_qty_max = Some("0.6".parse().unwrap());
    tight.limits.notional_min = "5".parse().unwrap();
    tight.limits.notional_max = Some("75".parse().unwrap());
    let times = |text: &str| text.parse().unwrap();
    let (bid_min, bid_max) = (times("0.96"), times("1.05"));
    let (ask_min, ask_max) = (times("0.95"), times("1.04"));
    tight.limits.band = Some(PriceBand { bid_min, bid_max, ask_min, ask_max });
    tight.limits.open_orders_max = Some(5);
    tight.limits.stop_orders_max = Some(2);
    vec![tight, make("ETH", "0.1", "0.01")]
}

fn fees() -> FeeRates {
    FeeRates { maker: Decimal::new(123, 5), taker: Decimal::new(2_345, 6) }
}

fn config(fees_in: FeesIn) -> SimConfig {
    SimConfig { instruments: instruments(), fees: fees(), fees_in }
}

fn fees_in_one_of(index: usize) -> FeesIn {
    let third = FeesIn::Third(asset("BNB"), Price::try_from(Decimal::new(600, 0)).unwrap());
    [FeesIn::Received, FeesIn::Quote, third][index % 3]
}

fn account(index: usize) -> AccountId {
    AccountId::new(["alice", "bob"][index]).unwrap()
}

fn balances(index: usize) -> BTreeMap<Asset, Amount> {
    let amount = |text: &str| text.parse::<Amount>().unwrap();
    let funds = [["150", "3", "2", "0.0001"], ["400.00000001", "1", "5", "1"]][index];
    ["USDT", "BTC", "ETH", "BNB"]
        .into_iter()
        .zip(funds)
        .map(|(a, sum)| (asset(a), amount(sum)))
        .collect()
}

fn id(market: usize) -> InstrumentId {
    instruments()[market].id
}

/// Half a unit around 100, seldom off the grid.
fn price() -> impl Strategy<Value = Price> {
    let on_grid = (190i64..212).prop_map(|halves| halves * 5);
    prop_oneof![30 => on_grid, 1 => 950i64..1060]
        .prop_map(|tenths| Price::try_from(Decimal::new(tenths, 1)).unwrap())
}

fn qty() -> impl Strategy<Value = Qty> {
    prop_oneof![30 => (1i64..30).prop_map(|n| n * 2), 1 => 0i64..90]
        .prop_map(|hundredths| Qty::try_from(Decimal::new(hundredths, 2)).unwrap())
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Buy), Just(Side::Sell)]
}

fn kind() -> impl Strategy<Value = OrderKind> {
    prop_oneof![
        6 => price().prop_map(|price| OrderKind::Limit { price }),
        3 => Just(OrderKind::Market),
        1 => price().prop_map(|trigger| OrderKind::StopLoss { trigger }),
        1 => price().prop_map(|trigger| OrderKind::TakeProfit { trigger }),
        1 => (price(), price())
            .prop_map(|(trigger, price)| OrderKind::StopLimit { trigger, price }),
        1 => (price(), price())
            .prop_map(|(trigger, price)| OrderKind::TakeProfitLimit { trigger, price }),
    ]
}

fn stp() -> impl Strategy<Value = Option<SelfTradePrevention>> {
    prop_oneof![
        2 => Just(None),
        1 => Just(Some(SelfTradePrevention::None)),
        1 => Just(Some(SelfTradePrevention::ExpireTaker)),
        1 => Just(Some(SelfTradePrevention::ExpireBoth)),
        1 => Just(Some(SelfTradePrevention::Decrement)),
    ]
}

fn order() -> impl Strategy<Value = NewOrder> {
    let time = prop_oneof![
        6 => Just(TimeInForce::Gtc),
        2 => Just(TimeInForce::Ioc),
        2 => Just(TimeInForce::Fok),
        2 => (0i64..20_000).prop_map(|ms| TimeInForce::Gtd(start().after(Duration::from_millis(ms as u64)))),
    ];
    let by_quote = prop::option::weighted(0.3, 0i64..60_000);
    let post_only = prop::bool::weighted(0.1);
    (0..2usize, 0..6u8, side(), kind(), (qty(), by_quote), time, post_only, stp()).prop_map(
        |(market, name, side, kind, (qty, by_quote), time_in_force, post_only, stp)| NewOrder {
            client_order_id: ClientOrderId::new(&format!("n{name}")).unwrap(),
            instrument: id(market),
            side,
            kind,
            qty: match by_quote.filter(|_| kind == OrderKind::Market) {
                Some(sum) => OrderQty::Quote(Notional::try_from(Decimal::new(sum, 3)).unwrap()),
                None => OrderQty::Base(qty),
            },
            time_in_force,
            post_only,
            reduce_only: false,
            self_trade_prevention: stp,
        },
    )
}

fn key() -> impl Strategy<Value = OrderKey> {
    let client = (0..6u8).prop_map(|n| ClientOrderId::new(&format!("n{n}")).unwrap());
    let venue = (1..40u64).prop_map(VenueOrderId::from_number);
    prop_oneof![
        client.clone().prop_map(OrderKey::Client),
        venue.clone().prop_map(OrderKey::Venue),
        (venue, client).prop_map(|(venue, client)| OrderKey::Both(venue, client)),
    ]
}

fn request() -> impl Strategy<Value = AccountRequest> {
    prop_oneof![
        12 => order().prop_map(AccountRequest::Place),
        3 => (0..2usize, key()).prop_map(|(market, order)| AccountRequest::Cancel {
            instrument: id(market), order, cancel_id: None, only: None,
        }),
        1 => (0..2usize).prop_map(|market| AccountRequest::CancelAll(id(market))),
        2 => (key(), any::<bool>(), order()).prop_map(|(cancel, stop_on_failure, order)| {
            AccountRequest::CancelReplace(CancelReplace {
                cancel, cancel_id: None, only: None, stop_on_failure, order,
            })
        }),
    ]
}

/// Levels around 100, on the grid of both markets: one counts tenths and hundredths alike.
fn level() -> impl Strategy<Value = Level> {
    (190i64..212, 0i64..90)
        .prop_map(|(halves, qty)| Level { price: GridPrice(halves * 5), qty: GridQty(qty) })
}

fn background() -> impl Strategy<Value = Background> {
    let side_of_book = || prop::collection::vec(level(), 0..5);
    prop_oneof![
        4 => (side(), level()).prop_map(|(side, Level { price, qty })| {
            Background::Level(LevelUpdate { side, price, qty })
        }),
        3 => (level(), side()).prop_map(|(Level { price, qty }, taker_side)| Background::Trade {
            price, qty: GridQty(qty.0.max(1)), taker_side,
        }),
        1 => (side_of_book(), side_of_book())
            .prop_map(|(bids, asks)| Background::Snapshot { bids, asks }),
    ]
}

fn step() -> impl Strategy<Value = (u64, Step)> {
    let mode = prop_oneof![
        3 => Just(TradingMode::Live),
        1 => Just(TradingMode::CancelOnly),
        1 => Just(TradingMode::Halted),
    ];
    let what = prop_oneof![
        20 => (0..2usize, request()).prop_map(|(account, request)| Step::Request { account, request }),
        14 => (0..2usize, background()).prop_map(|(market, event)| Step::Background { market, event }),
        1 => (0..2usize, any::<bool>(), -300i64..300)
            .prop_map(|(account, base, amount)| Step::Transfer { account, base, amount }),
        1 => (0..2usize, mode).prop_map(|(market, mode)| Step::Mode { market, mode }),
        1 => Just(Step::Time),
    ];
    let pause = prop_oneof![20 => 0u64..1_500, 1 => 100_000u64..400_000];
    (pause, what)
}

/// What somebody who hears all events knows.
#[derive(Default)]
struct Listener {
    books: BTreeMap<InstrumentId, (u64, Book)>,
    balances: BTreeMap<(AccountId, Asset), Balance>,
    orders: BTreeMap<VenueOrderId, VenueOrder>,
    executions: u64,
}

impl Listener {
    fn hear(&mut self, events: &[VenueEvent]) {
        for event in events {
            match event {
                VenueEvent::Level { instrument, update_id, level, .. } => {
                    let (last, book) = self.books.entry(*instrument).or_default();
                    assert_eq!(*update_id, *last + 1, "levels are numbered without a gap");
                    *last = *update_id;
                    book.set(level.side, level.price, level.qty);
                }
                VenueEvent::Trade { .. } => {}
                VenueEvent::Account { account, event } => self.hear_private(*account, event),
            }
        }
    }

    fn hear_private(&mut self, account: AccountId, event: &AccountEvent) {
        match event {
            AccountEvent::Order { order, execution, execution_id, .. } => {
                assert!(*execution_id > self.executions, "executions are numbered upwards");
                self.executions = *execution_id;
                let known = self.orders.insert(order.id, order.clone());
                assert_eq!(known.is_none(), *execution == Execution::New);
                let filled = known.map_or(Qty::ZERO, |known| known.filled);
                let by = match execution {
                    Execution::Trade(fill) => fill.qty,
                    _ => Qty::ZERO,
                };
                assert_eq!(order.filled, filled.checked_add(by).unwrap(), "fills add up");
            }
            AccountEvent::Balances { balances, .. } => {
                for (asset, balance) in balances {
                    self.balances.insert((account, *asset), *balance);
                }
            }
            AccountEvent::Transfer { .. } => {}
        }
    }

    /// What was heard is what is asked.
    fn agrees(&self, now: Timestamp, venue: &SimVenue) {
        for instrument in instruments() {
            let ask = MarketRequest::Book { instrument: instrument.id, depth: 1_000 };
            let Ok(Response::Book(book)) = venue.read(now, &ask) else { panic!("no book") };
            let (update_id, heard) = self.books.get(&instrument.id).cloned().unwrap_or_default();
            assert_eq!(book.update_id, update_id);
            assert!(heard.bids().eq(book.bids.iter().copied()), "{heard:?} {book:?}");
            assert!(heard.asks().eq(book.asks.iter().copied()), "{heard:?} {book:?}");
        }
        let oracle = venue.oracle();
        for (account, balances) in &oracle.balances {
            for (asset, balance) in balances {
                let heard = self.balances.get(&(*account, *asset)).copied().unwrap_or_default();
                assert_eq!(heard, *balance, "{account} {asset}");
            }
        }
        assert_eq!(oracle.orders.len(), self.orders.len());
        for order in oracle.orders {
            assert_eq!(self.orders[&order.order.id], order.order);
        }
    }
}

/// Every unit is somewhere: with an account, with the market, or among the fees.
fn conserved(venue: &SimVenue, deposited: &BTreeMap<Asset, Decimal>, fees_in: FeesIn) {
    let oracle = venue.oracle();
    let mut sums: BTreeMap<Asset, Decimal> = oracle.market.clone();
    for (asset, fee) in &oracle.fees {
        let sum = sums.entry(*asset).or_default();
        *sum = plus(*sum, *fee);
    }
    for (asset, balance) in oracle.balances.values().flatten() {
        assert!(balance.free >= Amount::ZERO && balance.locked >= Amount::ZERO, "{balance:?}");
        let sum = sums.entry(*asset).or_default();
        *sum = plus(*sum, balance.total().unwrap().get());
    }
    for (asset, sum) in deposited {
        assert_eq!(sums.get(asset).copied().unwrap_or_default(), *sum, "{asset} leaked");
    }
    // And what is locked is what the open orders need, to the last digit.
    for (account, balances) in &oracle.balances {
        for (asset, balance) in balances {
            let open = oracle.orders.iter().filter(|o| o.account == *account);
            let needed = open.map(|o| needed(&o.order, *asset, fees_in)).fold(Decimal::ZERO, plus);
            assert_eq!(balance.locked.get(), needed, "{account} {asset}");
        }
    }
}

fn needed(order: &VenueOrder, asset: Asset, fees_in: FeesIn) -> Decimal {
    let (base, quote) = order.instrument.assets().unwrap();
    let price = order.kind.price().or(order.kind.trigger());
    match (order.side, price) {
        (Side::Sell, _) if asset == base => order.leaves().get(),
        (Side::Buy, Some(price)) if asset == quote => {
            let notional = times(price.get(), order.leaves().get());
            match fees_in {
                FeesIn::Received | FeesIn::Third(..) => notional,
                FeesIn::Quote => {
                    let fee = notional.checked_mul(fees().taker, Rounding::Up).unwrap();
                    plus(notional, upwards(fee))
                }
            }
        }
        _ => Decimal::ZERO,
    }
}

fn both(fees_in: FeesIn) -> (SimVenue, Twin, Listener, BTreeMap<Asset, Decimal>) {
    let (mut venue, mut twin) = (SimVenue::new(config(fees_in)), Twin::new(config(fees_in)));
    let mut listener = Listener::default();
    let mut deposited: BTreeMap<Asset, Decimal> = BTreeMap::new();
    for index in 0..2 {
        venue.add_account(account(index), &balances(index));
        twin.add_account(account(index), &balances(index));
        for (asset, amount) in balances(index) {
            let sum = deposited.entry(asset).or_default();
            *sum = plus(*sum, amount.get());
            let balance = Balance { free: amount, locked: Amount::ZERO };
            listener.balances.insert((account(index), asset), balance);
        }
    }
    (venue, twin, listener, deposited)
}

/// The response as the twin gives it.
fn done(response: Response) -> Vec<VenueOrder> {
    match response {
        Response::Placed { order, .. } | Response::Canceled { order, .. } => vec![order],
        Response::CanceledAll(orders) => orders.into_iter().map(|(order, _)| order).collect(),
        Response::Replaced(replaced) => {
            let new = replaced.new.and_then(Result::ok).map(|(order, _)| order);
            new.into_iter().chain(replaced.cancel.ok().map(|(order, _)| order)).collect()
        }
        other => panic!("unexpected {other:?}"),
    }
}

fn start() -> Timestamp {
    Timestamp::from_millis(1_767_225_600_000).unwrap()
}

fn run(steps: Vec<(u64, Step)>, fees_in: FeesIn) -> Ends {
    let (mut venue, mut twin, mut listener, mut deposited) = both(fees_in);
    let mut now = start();
    let mut events = Vec::new();
    for (pause, step) in steps {
        now = now.after(Duration::from_millis(pause));
        if let Step::Request { .. } = step {
            // A refusal changes nothing, but the time does.
            venue.pass_time(now, &mut events);
            listener.hear(&events);
            events.clear();
            twin.pass_time(now);
        }
        let before = venue.state_hash();
        match &step {
            Step::Request { account: who, request } => {
                let ours = venue.execute(now, account(*who), request, &mut events);
                let theirs = twin.execute(now, *who, request);
                if ours.is_err() {
                    assert_eq!(venue.state_hash(), before, "a refusal changes nothing");
                    assert!(events.is_empty());
                }
                assert_eq!(ours.map(done), theirs, "{step:?}");
            }
            Step::Background { market, event } => {
                venue.background(now, id(*market), event, &mut events);
                twin.background(now, *market, event);
            }
            Step::Transfer { account: who, base, amount } => {
                let asset = asset(if *base { "ETH" } else { "USDT" });
                let amount = Decimal::new(*amount, 1);
                let free = venue.oracle().balances[&account(*who)][&asset].free.get();
                let moved = Amount::try_from(amount).unwrap();
                venue.transfer(now, account(*who), asset, moved, &mut events);
                twin.transfer(*who, asset, amount);
                let sum = deposited.entry(asset).or_default();
                *sum = plus(*sum, amount.max(minus(Decimal::ZERO, free)));
            }
            Step::Time => {
                venue.pass_time(now, &mut events);
                twin.pass_time(now);
            }
            Step::Mode { market, mode } => {
                venue.set_mode(id(*market), *mode);
                twin.set_mode(*market, *mode);
            }
        }
        let (ours, theirs) = (venue.describe(), twin.describe());
        for (ours, theirs) in ours.lines().zip(theirs.lines()) {
            assert_eq!(ours, theirs, "engine, twin; after {step:?}");
        }
        assert_eq!(ours, theirs, "engine, twin; after {step:?}");
        assert_eq!(venue.state_hash(), crate::oracle::fnv(theirs.as_bytes()));
        listener.hear(&events);
        listener.agrees(now, &venue);
        conserved(&venue, &deposited, fees_in);
        events.clear();
    }
    let oracle = venue.oracle();
    let ended = |o: &&crate::OracleOrder| o.order.expiry == Some(ExpiryReason::EndTime);
    Ends {
        orders: oracle.orders.len(),
        fills: oracle.fills.len(),
        ended: oracle.orders.iter().filter(ended).count(),
    }
}

/// How much a story came to.
struct Ends {
    orders: usize,
    fills: usize,
    ended: usize,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn the_engine_and_its_twin_agree_after_every_command(
        steps in prop::collection::vec(step(), 1..60),
        fees_in in 0usize..3,
    ) {
        run(steps, fees_in_one_of(fees_in));
    }
}

/// A comparison of two machines that refuse everything would prove nothing.
#[test]
fn the_random_stories_trade() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let (mut orders, mut fills, mut ended) = (0, 0, 0);
    for turn in 0..20 {
        let steps = prop::collection::vec(step(), 59..60).new_tree(&mut runner).unwrap().current();
        let story = run(steps, fees_in_one_of(turn));
        orders += story.orders;
        fills += story.fills;
        ended += story.ended;
    }
    assert!(orders > 120 && fills > 60 && ended > 5, "{orders} orders, {fills} fills, {ended}");
}

/// A recorded print went to an order at a better price, and it wakes the stop that its own price reached.
#[test]
fn a_print_that_better_orders_take_wakes_the_stops_at_its_price() {
    let order = |account, client: &str, side, kind, qty: &str| Step::Request {
        account,
        request: AccountRequest::Place(NewOrder {
            client_order_id: ClientOrderId::new(client).unwrap(),
            instrument: id(1),
            side,
            kind,
            qty: OrderQty::Base(qty.parse().unwrap()),
            time_in_force: TimeInForce::Gtc,
            post_only: false,
            reduce_only: false,
            self_trade_prevention: None,
        }),
    };
    let stop = OrderKind::StopLoss { trigger: "96".parse().unwrap() };
    let bid = |price: &str| OrderKind::Limit { price: price.parse().unwrap() };
    let print =
        Background::Trade { price: GridPrice(950), qty: GridQty(1), taker_side: Side::Sell };
    let ends = run(
        vec![
            (0, order(0, "n0", Side::Sell, stop, "0.02")),
            (0, order(1, "n1", Side::Buy, bid("96.5"), "0.38")),
            (0, Step::Background { market: 1, event: print }),
        ],
        fees_in_one_of(0),
    );
    assert_eq!(ends.fills, 3, "the print's at 96.5, then both sides of the stop's");
}
