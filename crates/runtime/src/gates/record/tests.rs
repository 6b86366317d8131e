//! Journals of paper runs, and what they say of an agent.

use std::collections::BTreeMap;

use model::{
    Action, Ending, Intent, IntentId, Liquidity, NetQty, NewOrder, OrderKind, OrderQty, OrderSpec,
    Side, TimeInForce, TradeId, VenueOrderId,
};

use super::*;

fn number<T: std::str::FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| panic!("{text}"))
}

fn version(digit: u8) -> AgentVersion {
    AgentVersion::new([digit; 32])
}

/// A journal that is written line by line, a second each.
struct Story {
    fold: Fold,
    second: i64,
    orders: u64,
}

impl Story {
    fn new() -> Story {
        let wanted = BTreeMap::from([(number("trend"), version(1))]);
        let mut story = Story { fold: Fold::new(wanted), second: 0, orders: 0 };
        story.starts(true);
        story
    }

    fn write(&mut self, record: Record) {
        self.second += 1;
        self.fold.add(&Entry { at: Timestamp::from_millis(self.second * 1_000).unwrap(), record });
    }

    fn starts(&mut self, paper: bool) {
        let (version, config) = (String::new(), String::new());
        self.write(Record::Started { session: 1, version, config, paper });
    }

    fn up(&mut self, version: Option<AgentVersion>) {
        self.write(Record::Agent { agent: number("trend"), event: "up".to_owned(), version });
    }

    fn market(&mut self, price: &str) {
        let spec = OrderSpec {
            instrument: number("BTC-USDT"),
            side: Side::Buy,
            kind: OrderKind::Market,
            qty: number("1"),
            time_in_force: TimeInForce::Ioc,
            post_only: false,
            reduce_only: false,
            effect: None,
        };
        let intent = Intent {
            id: IntentId(9),
            agent: number("trend"),
            action: Action::Place(spec),
            reason: String::new(),
            expires: Timestamp::MAX,
        };
        let reference = Some(number(price));
        self.write(Record::Decided {
            intent,
            position: NetQty::ZERO,
            reference,
            limits: None,
            seen: None,
        });
    }

    fn trades(&mut self, side: Side, price: &str) {
        self.orders += 1;
        let id = ClientOrderId::new(&format!("o-{}", self.orders)).unwrap();
        let order = NewOrder {
            client_order_id: id,
            instrument: number("BTC-USDT"),
            side,
            kind: OrderKind::Limit { price: number(price) },
            qty: OrderQty::Base(number("1")),
            time_in_force: TimeInForce::Ioc,
            post_only: false,
            reduce_only: false,
            self_trade_prevention: None,
        };
        let (agent, intent, worst_price) = (number("trend"), IntentId(1), number(price));
        self.write(Record::Prepared {
            agent,
            intent,
            order,
            worst_price,
            limits: None,
            checks: Vec::new(),
        });
        let fill = Fill {
            trade_id: TradeId::from_number(self.orders),
            venue_order_id: VenueOrderId::from_number(self.orders),
            client_order_id: Some(id),
            instrument: number("BTC-USDT"),
            side,
            price: number(price),
            qty: number("1"),
            fee: None,
            liquidity: Liquidity::Taker,
            venue_time: Timestamp::EPOCH,
        };
        self.write(Record::Filled { client_order_id: Some(id), fill, late: false });
        let (ending, cause) = (Ending::Filled, None);
        self.write(Record::Ended { client_order_id: id, ending, lost: false, cause });
    }

    fn tells(self) -> Result<OfAgent, String> {
        let mut record = self.fold.finish()?;
        Ok(record.agents.remove(&number::<AgentId>("trend")).unwrap_or_default())
    }
}

fn earned(of: &OfAgent) -> Vec<String> {
    of.trips.values().flatten().map(ToString::to_string).collect()
}

#[test]
fn what_this_version_opened_and_closed_counts() {
    let mut story = Story::new();
    story.up(Some(version(2)));
    story.trades(Side::Buy, "100");
    story.trades(Side::Sell, "200");
    story.trades(Side::Buy, "100");
    story.up(Some(version(1)));
    // Closes what the other one bought.
    story.trades(Side::Sell, "300");
    story.trades(Side::Buy, "100");
    story.trades(Side::Sell, "103");
    story.up(None);
    story.trades(Side::Buy, "1");
    story.trades(Side::Sell, "2");
    let of = story.tells().unwrap();
    assert_eq!(earned(&of), ["3"]);
    // From its coming up to the other's, nine orders' lines and its own.
    assert_eq!((of.up.as_secs(), of.last), (10, None));
}

#[test]
fn a_loss_that_is_never_taken_counts_and_a_gain_does_not() {
    for (market, expected) in [("90", vec!["3", "-10"]), ("110", vec!["3"])] {
        let mut story = Story::new();
        story.up(Some(version(1)));
        story.trades(Side::Buy, "100");
        story.trades(Side::Sell, "103");
        story.trades(Side::Buy, "100");
        story.market(market);
        assert_eq!(earned(&story.tells().unwrap()), expected, "{market}");
    }
}

#[test]
fn time_counts_while_the_agent_was_up() {
    let mut story = Story::new();
    story.up(Some(version(1)));
    story.second += 100;
    story.write(Record::Stopped);
    story.second += 1_000;
    story.starts(true);
    story.up(Some(version(1)));
    story.second += 50;
    story.market("100");
    // It died: what came last is the last that is known of it.
    story.second += 1_000;
    story.starts(true);
    assert_eq!(story.tells().unwrap().up.as_secs(), 101 + 51);
}

#[test]
fn a_real_account_has_no_paper_record() {
    let mut story = Story::new();
    story.starts(false);
    assert!(story.tells().unwrap_err().contains("real account"));
}
