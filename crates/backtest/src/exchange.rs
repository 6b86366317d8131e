//! The exchange's side of a backtest: requests arrive, and what it has to say leaves for the gateway.

use engine::Strategy;
use model::market::{BookUpdate, LevelUpdate, MarketEvent, MarketKind};
use model::venue::{AccountEvent, AccountRequest, VenueEvent};
use model::{Input, InstrumentId, Outcome, Reply, RequestId, Timestamp};

use crate::driver::Backtest;
use crate::wire::Under;

impl<S: Strategy> Backtest<S> {
    pub(crate) fn is_there(&mut self, what: Under) {
        let Some(what) = self.gets_through(what) else { return };
        match what {
            Under::Request(id, request) => self.exchange_gets(id, request),
            Under::Answer(request, outcome) => {
                let reply = Input::Reply(Reply {
                    request,
                    outcome: *outcome,
                    sent: model::Sent::default(),
                });
                self.gateway_hears(&reply);
            }
            Under::Report(event) => self.gateway_hears(&Input::Account(*event)),
            Under::Again { id, request, since } => self.sends_in_turn(id, request, since),
            Under::Notice(notice) => self.gateway_hears(&Input::Feed(notice)),
        }
    }

    /// A request is at the exchange. Where only bars are known one that has to do with orders meets the price on
    /// its way through the bar, and waits for the next bar between two of them.
    fn exchange_gets(&mut self, id: RequestId, request: Box<AccountRequest>) {
        let traded = match &*request {
            AccountRequest::Place(order) => Some(order.instrument),
            AccountRequest::Cancel { instrument, .. } => Some(*instrument),
            // The gateway sends nothing else that changes anything.
            _ => None,
        };
        if let Some(market) = traded.and_then(|id| self.market_of(id))
            && self.markets[market].has_bars
        {
            let is_new = matches!(*request, AccountRequest::Place(_));
            let waits = self.held.iter().any(|(of, ..)| *of == market);
            match &mut self.markets[market].bar {
                // What takes a waiting order back waits behind it.
                None if is_new || waits => return self.held.push_back((market, id, request)),
                None => {}
                Some(bar) => {
                    let held = self.equity.held(market);
                    let price = bar.price_at(self.now, self.intrabar, held);
                    let (now, number) =
                        (Timestamp::from_nanos(self.now), self.markets[market].number);
                    self.venue.moves_to(now, number, price, &mut self.events);
                    self.publish(None);
                }
            }
        }
        self.execute(id, &request);
    }

    pub(crate) fn execute(&mut self, id: RequestId, request: &AccountRequest) {
        self.forgets_now_and_then();
        let now = Timestamp::from_nanos(self.now);
        let done = self.venue.execute(now, self.account, request, &mut self.events);
        let outcome = match done {
            Ok(response) => Outcome::Done(response),
            Err(error) => Outcome::Refused(error),
        };
        let at = self.ways.response.arrives(self.now, None);
        self.wire.send(at, Under::Answer(id, Box::new(outcome)));
        self.publish(None);
    }

    /// What had arrived between two bars meets the open of the later one.
    pub(crate) fn release(&mut self, market: usize) {
        for _ in 0..self.held.len() {
            let Some((of, id, request)) = self.held.pop_front() else { return };
            if of == market {
                self.execute(id, &request);
            } else {
                self.held.push_back((of, id, request));
            }
        }
    }

    fn market_of(&self, id: InstrumentId) -> Option<usize> {
        self.markets.iter().position(|market| market.id == id)
    }

    /// What the exchange has to say leaves for the gateway. `received` is when the row that it is about was
    /// received by who recorded it.
    #[inline]
    pub(crate) fn publish(&mut self, received: Option<i64>) {
        if !self.events.is_empty() {
            self.publish_events(received);
        }
    }

    fn publish_events(&mut self, received: Option<i64>) {
        let mut events = std::mem::take(&mut self.events);
        let mut touched = false;
        let mut shown: Option<usize> = None;
        let mut levels = self.spare.pop().unwrap_or_default();
        for event in events.drain(..) {
            match event {
                VenueEvent::Account { event, .. } => {
                    touched |= matches!(event, AccountEvent::Balances { .. });
                    if self.trouble.hides_account {
                        self.trouble.counts.reports_missed += 1;
                        continue;
                    }
                    let at = self.ways.response.arrives(self.now, None);
                    self.wire.send(at, Under::Report(Box::new(event)));
                }
                // The market is what was heard of it.
                VenueEvent::Level { .. } | VenueEvent::Trade { .. } if self.as_recorded => {}
                VenueEvent::Level { instrument, level, .. } => {
                    let market = self.market_of(instrument);
                    let Some(market) = market.filter(|m| self.markets[*m].has_book) else {
                        continue;
                    };
                    shown = Some(market);
                    levels.push(level);
                }
                VenueEvent::Trade { instrument, trade } => {
                    let market = self.market_of(instrument);
                    if let Some(market) = market.filter(|m| self.markets[*m].has_book) {
                        self.tell(received, market, MarketKind::Trade(trade));
                    }
                }
            }
        }
        self.events = events;
        match shown {
            // One request or one row is of one instrument.
            Some(market) => self.tell_book(received, market, levels),
            None => self.spare.push(levels),
        }
        if touched {
            self.equity.balances(self.now, &self.venue, self.account);
        }
    }

    pub(crate) fn tell_book(
        &mut self,
        received: Option<i64>,
        market: usize,
        levels: Vec<LevelUpdate>,
    ) {
        if self.trouble.hides_market {
            self.trouble.counts.market_missed += 1;
            return self.spare.push(cleared(levels));
        }
        let snapshot = !std::mem::replace(&mut self.markets[market].has_begun, true);
        let update = BookUpdate { snapshot, levels };
        self.tell(received, market, MarketKind::Book(update));
    }

    /// The market's stream tells something.
    pub(crate) fn tell(&mut self, received: Option<i64>, market: usize, kind: MarketKind) {
        if self.trouble.hides_market {
            self.trouble.counts.market_missed += 1;
            return;
        }
        let instrument = self.markets[market].id;
        let venue_time = Timestamp::from_nanos(self.now);
        let mut input = Input::Market(MarketEvent { instrument, venue_time, kind });
        if self.ways.feed_is_instant {
            self.gateway_hears(&input);
            self.keep_levels(&mut input);
        } else {
            let at = self.ways.feed.arrives(self.now, received);
            self.lagged.push_back((at, input));
        }
    }

    /// The room of a message that was heard is used again.
    pub(crate) fn keep_levels(&mut self, input: &mut Input) {
        if let Input::Market(MarketEvent { kind: MarketKind::Book(update), .. }) = input {
            self.spare.push(cleared(std::mem::take(&mut update.levels)));
        }
    }
}

fn cleared(mut levels: Vec<LevelUpdate>) -> Vec<LevelUpdate> {
    levels.clear();
    levels
}
