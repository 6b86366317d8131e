//! What is over is forgotten on command, so that a long backtest has room.

use model::Timestamp;

use crate::desk::Desk;
use crate::orders::Orders;
use crate::venue::SimVenue;

impl SimVenue {
    /// Forgets orders that are over and executions, of before this time: nobody will ask for them. What is open stays,
    /// and of each account the newest execution in each instrument, where lists begin. Sums and numbers go on.
    pub fn forget(&mut self, before: Timestamp) {
        self.orders.forget(before);
        let orders = &self.orders;
        self.desks.iter_mut().flatten().for_each(|desk| desk.forget(orders, before));
    }

    /// Numbers of orders, executions and trades go on behind this one: an exchange that was here before gave out
    /// those up to it. To be said before anything has happened.
    pub fn number_behind(&mut self, last: u64) {
        self.orders.begin_at(usize::try_from(last).unwrap_or_default());
        self.next_execution = last;
        self.next_cancel = last;
        self.markets.iter_mut().for_each(|market| market.tape.number_behind(last));
    }

    /// Orders and executions that are remembered.
    pub fn remembered(&self) -> usize {
        let fills: usize = self.desks.iter().flatten().map(|desk| desk.fills.len()).sum();
        let names: usize = self.desks.iter().flatten().map(|desk| desk.by_client.len()).sum();
        self.orders.iter().count().max(names) + fills
    }
}

impl Desk {
    fn forget(&mut self, orders: &Orders, before: Timestamp) {
        self.orders.retain(|index| orders.get(*index).is_some());
        self.by_client.retain(|_, index| orders.get(*index).is_some());
        let old = self.fills.partition_point(|fill| fill.venue_time < before);
        self.fills.drain(..old.min(self.fills.len().saturating_sub(1)));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use model::venue::{AccountRequest, FeeRates, OrderKey, Response, TradesFrom, VenueError};
    use model::{
        AccountId, Amount, Asset, ClientOrderId, Decimal, Instrument, NewOrder, OrderKind,
        OrderQty, Side, TimeInForce,
    };

    use super::*;
    use crate::{FeesIn, SimConfig};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_nanos(seconds * 1_000_000_000)
    }

    fn account() -> AccountId {
        AccountId::new("a").unwrap()
    }

    fn name(number: u64) -> ClientOrderId {
        ClientOrderId::new(&format!("c{number}")).unwrap()
    }

    /// A venue of which only the last price is known.
    fn venue() -> SimVenue {
        let asset = |name| Asset::new(name).unwrap();
        let (tick, lot) = ("0.01".parse().unwrap(), "0.001".parse().unwrap());
        let instrument = Instrument::spot(asset("BTC"), asset("USDT"), tick, lot).unwrap();
        let id = instrument.id;
        let fees = FeeRates { maker: Decimal::ZERO, taker: Decimal::ZERO };
        let instruments = vec![instrument];
        let config = SimConfig { instruments, fees, fees_in: FeesIn::Quote };
        let mut venue = SimVenue::new(config);
        venue.keep_no_tape();
        venue.follow_prints(venue.number_of(id).unwrap());
        let much: Amount = "1000000".parse().unwrap();
        let funds = [(asset("USDT"), much), (asset("BTC"), much)];
        venue.add_account(account(), &BTreeMap::from(funds));
        venue
    }

    fn request(
        venue: &mut SimVenue,
        now: i64,
        request: &AccountRequest,
    ) -> Result<Response, VenueError> {
        venue.execute(at(now), account(), request, &mut Vec::new())
    }

    fn place(venue: &mut SimVenue, now: i64, number: u64, price: &str) {
        let instrument = venue.instruments().next().unwrap().id;
        let side = if number.is_multiple_of(2) { Side::Buy } else { Side::Sell };
        let order = NewOrder {
            client_order_id: name(number),
            instrument,
            side,
            kind: OrderKind::Limit { price: price.parse().unwrap() },
            qty: OrderQty::Base("1".parse().unwrap()),
            time_in_force: TimeInForce::Gtc,
            post_only: false,
            reduce_only: false,
            self_trade_prevention: None,
        };
        request(venue, now, &AccountRequest::Place(order)).unwrap();
    }

    fn print(venue: &mut SimVenue, now: i64) {
        let number = venue.number_of(venue.instruments().next().unwrap().id).unwrap();
        let price = (model::market::GridPrice(10_000), model::market::GridQty(1));
        venue.printed(at(now), number, price, None, &mut Vec::new());
    }

    #[test]
    fn what_is_over_is_forgotten_and_what_is_open_is_not() {
        let mut venue = venue();
        print(&mut venue, 1);
        place(&mut venue, 2, 0, "50");
        for number in 1..=10 {
            place(&mut venue, 10 * i64::try_from(number).unwrap(), number, "100");
        }
        let balances = venue.oracle().balances;
        venue.forget(at(75));
        let instrument = venue.instruments().next().unwrap().id;
        let ask = |order| AccountRequest::Order { instrument, order, since: None };
        for (number, known) in [(0, true), (1, false), (7, false), (8, true), (10, true)] {
            let venue_id = model::VenueOrderId::from_number(number + 1);
            for key in [OrderKey::Client(name(number)), OrderKey::Venue(venue_id)] {
                let found = request(&mut venue, 200, &ask(key));
                assert_eq!(found.is_ok(), known, "{number}: {found:?}");
            }
        }
        let fills = AccountRequest::Fills {
            instrument,
            order: None,
            from: TradesFrom::Id(1),
            limit: 100,
            page: None,
        };
        let Ok(Response::Fills(fills)) = request(&mut venue, 200, &fills) else { panic!() };
        assert_eq!(fills.len(), 3);
        assert_eq!(venue.oracle().balances, balances);
        // It rests as before, by its old number, and the next order has the next one.
        let order = OrderKey::Client(name(0));
        let cancel = AccountRequest::Cancel { instrument, order, cancel_id: None, only: None };
        assert!(request(&mut venue, 201, &cancel).is_ok());
        place(&mut venue, 202, 11, "100");
        let newest = venue.oracle().orders.last().unwrap().order.clone();
        assert_eq!((newest.id.as_str(), newest.client_order_id), ("12", name(11)));
        venue.forget(at(1_000));
        assert_eq!(
            (venue.remembered(), venue.oracle().fills.len()),
            (1, 1),
            "the newest execution"
        );
        place(&mut venue, 1_001, 12, "100");
        assert_eq!(venue.oracle().orders.len(), 1);
    }

    #[test]
    fn numbers_go_on_behind_those_of_an_exchange_that_was_here_before() {
        let mut venue = venue();
        venue.number_behind(7_000_000_000);
        print(&mut venue, 1);
        place(&mut venue, 2, 1, "100");
        let oracle = venue.oracle();
        assert_eq!(oracle.orders[0].order.id.as_str(), "7000000001");
        let trade: u64 = oracle.fills[0].fill.trade_id.as_str().parse().unwrap();
        assert!(trade > 7_000_000_000, "{trade}");
        let instrument = venue.instruments().next().unwrap().id;
        for (number, known) in [(1, false), (7_000_000_000, false), (7_000_000_001, true)] {
            let order = OrderKey::Venue(model::VenueOrderId::from_number(number));
            let ask = AccountRequest::Order { instrument, order, since: None };
            assert_eq!(request(&mut venue, 3, &ask).is_ok(), known, "{number}");
        }
    }

    /// However many there were: what stays is what the time between holds, and one order that rests all along keeps
    /// no other.
    #[test]
    fn what_is_remembered_does_not_grow_with_the_number_of_orders() {
        let remembered = |count: u64| {
            let mut venue = venue();
            print(&mut venue, 1);
            place(&mut venue, 2, 0, "50");
            let mut most = 0;
            for number in 1..=count {
                let now = 10 + i64::try_from(number).unwrap();
                place(&mut venue, now, number, "100");
                if number.is_multiple_of(100) {
                    venue.forget(at(now - 50));
                }
                most = most.max(venue.remembered());
            }
            most
        };
        let few = remembered(1_000);
        assert_eq!(remembered(10_000), few);
        assert!((200..400).contains(&few), "{few}");
    }
}
