//! Faults that come and go: each strikes at random while it is on, and some last.

use std::time::Duration;

use model::venue::{AccountRequest, OrderKey, Response};
use model::{
    AgentId, Amount, Decimal, Link, NewOrder, OrderKind, OrderQty, Side, TimeInForce, Timestamp,
    TradingMode,
};

use crate::agenda::Event;
use crate::dice::Dice;
use crate::faults::Fault;
use crate::hostile::{Hostile, Probe};
use crate::plan::concern;
use crate::setup::{price, qty};
use crate::streams::SILENCE_MAX;
use crate::trial::Once;
use crate::trouble::lasts;
use crate::world::World;

/// Of so many of the last executions one is taken back.
const BUSTED_OF: u64 = 20;
/// Nothing younger is taken back: exchanges take minutes to hours (`faults.md`, EXS-08), and a gateway takes
/// two to believe it.
const BUSTED_AFTER_NANOS: i64 = 180_000_000_000;

impl World {
    /// A fault strikes, and will again.
    pub(crate) fn strike(&mut self, fault: Fault, round: u64) {
        if round != self.round || !self.trouble.on.has(fault) {
            return;
        }
        let every = self.trouble.every(fault);
        let next = self.dice.people.pause(every);
        self.after(next, Event::Strike { fault, round });
        let most = lasts(fault).unwrap_or_default();
        let level = u32::try_from(self.trouble.level(fault)).unwrap_or(0);
        let time = self.dice.people.heavy(most * level / 1_000 + Duration::from_secs(1));
        self.tell(|| format!("fault     {fault}"));
        if self.strikes(fault, time) {
            self.fired.note(fault);
        }
        if !most.is_zero() {
            self.after(time, Event::Ease(fault));
        }
    }

    /// What it does; `true` when that already changes something.
    fn strikes(&mut self, fault: Fault, time: Duration) -> bool {
        match fault {
            Fault::RestDown => self.trouble.rest_down = true,
            Fault::Stall => self.trouble.stalled = true,
            Fault::CancelOnly => return self.mode(TradingMode::CancelOnly),
            Fault::VenueHalted => return self.mode(TradingMode::Halted),
            Fault::BookEmpty => return self.hide(true),
            Fault::Wick => return self.wick(),
            Fault::AccountSilent => self.trouble.account_silent = true,
            Fault::AccountClose => return self.close(Link::Account),
            Fault::MarketClose => return self.close(Link::Market),
            Fault::MarketSilent => {
                self.trouble.market_silent = true;
                self.dies_of_silence();
                return time > SILENCE_MAX / 2;
            }
            Fault::Step => {
                let minutes = i64::try_from(self.dice.people.below(121)).unwrap_or(0) - 60;
                self.machine_ahead_ms = minutes * 60_000;
                return true;
            }
            Fault::SlowDisk => {
                let slow = self.dice.people.heavy(Duration::from_secs(5));
                self.trouble.slow = Some((self.now.after(time), slow));
            }
            Fault::DiskFull => self.disk.full = true,
            Fault::Kill => {
                let again = self.dice.people.heavy(Duration::from_secs(20));
                let runs = self.life.is_some();
                self.dies("killed", again + Duration::from_millis(300));
                return runs;
            }
            Fault::TornWrite => self.trouble.tears = true,
            Fault::Pause => return self.stop(time),
            Fault::SecondInstance => return self.is_followed(time),
            Fault::AgentDies => {
                let hosts = self.life.as_ref().map_or(0, |life| life.hosts.len());
                let host = usize::try_from(self.dice.people.below(hosts as u64)).unwrap_or(0);
                self.agent_dies(host);
                return hosts > 0;
            }
            Fault::Burst => return self.burst(),
            Fault::HumanTrades => return self.human_trades(),
            Fault::HumanCancels => return self.human_cancels(),
            Fault::Transfer => return self.transfer(),
            Fault::Bust => return self.bust(),
            // These strike by chance, or are drawn once.
            _ => {}
        }
        false
    }

    /// A fault that lasted ends.
    pub(crate) fn ease(&mut self, fault: Fault) {
        match fault {
            Fault::RestDown => self.trouble.rest_down = false,
            Fault::Stall => {
                // With nothing waiting there is nothing to work off.
                self.trouble.stalled = false;
                self.after(Duration::ZERO, Event::Drain);
            }
            Fault::CancelOnly | Fault::VenueHalted => {
                self.mode(TradingMode::Live);
            }
            Fault::BookEmpty => {
                self.hide(false);
            }
            Fault::AccountSilent => self.trouble.account_silent = false,
            Fault::MarketSilent => {
                let was_silent = std::mem::take(&mut self.trouble.market_silent);
                // What was not told is a hole.
                let _ = was_silent && self.close(Link::Market);
            }
            Fault::DiskFull => self.disk.full = false,
            Fault::SlowDisk => self.trouble.slow = None,
            _ => {}
        }
    }

    fn mode(&mut self, mode: TradingMode) -> bool {
        let id = self.names.id();
        self.front.engine.set_mode(id, mode);
        mode != TradingMode::Live
    }

    fn hide(&mut self, hidden: bool) -> bool {
        self.oracle.book_is_torn(hidden);
        let now = self.venue_now();
        let side = if self.dice.venue.below(2) == 0 { Side::Buy } else { Side::Sell };
        let sides = if hidden { vec![side] } else { vec![Side::Buy, Side::Sell] };
        for side in sides {
            self.front.engine.hide_background(now, side, hidden, &mut self.events);
        }
        self.publish();
        hidden
    }

    fn wick(&mut self) -> bool {
        if self.trouble.stalled {
            return false;
        }
        let background = self.market.wick(self.trouble.level(Fault::Wick));
        let (now, id) = (self.venue_now(), self.names.id());
        self.front.engine.background(now, id, &background, &mut self.events);
        self.publish();
        true
    }

    fn close(&mut self, link: Link) -> bool {
        let line = *self.line(link);
        let (conn, cause) = (line.conn, "the venue closed it");
        if line.up {
            self.after(Duration::ZERO, Event::Cut { link, conn, cause });
        }
        line.up
    }

    fn stop(&mut self, time: Duration) -> bool {
        let Some(life) = &mut self.life else { return false };
        life.stopped.get_or_insert_default();
        let number = life.number;
        self.after(time, Event::Resume { life: number });
        self.tell(|| format!("gateway   is stopped for {time:?}"));
        // Agents are processes of their own, and what they say meanwhile waits.
        self.timer(number);
        true
    }

    fn burst(&mut self) -> bool {
        let instrument = self.names.id();
        let Some(life) = &mut self.life else { return false };
        let now = life.clock(self.now);
        let Some(host) = life.hosts.iter().position(|host| host.up) else { return false };
        life.hosts[host].burst(now, &life.gateway, instrument, &mut self.dice.agents);
        let number = life.number;
        self.after(Duration::from_millis(1), Event::Words { life: number, host });
        true
    }

    /// A person places an order on the account, beside the gateway.
    fn human_trades(&mut self) -> bool {
        let Some(client_order_id) = self.name_for_a_person() else { return false };
        let side = if self.dice.people.below(2) == 0 { Side::Buy } else { Side::Sell };
        let rests = self.dice.people.below(3) == 0;
        let away = if rests { 9_000 } else { 10_300 };
        let ticks = match side {
            Side::Buy => 10_000 * away / 10_000,
            Side::Sell => 10_000 * 10_000 / away,
        };
        let Some(price) = price(ticks) else { return false };
        let order = NewOrder {
            client_order_id,
            instrument: self.names.id(),
            side,
            kind: OrderKind::Limit { price },
            qty: OrderQty::Base(qty(60 + i64::try_from(self.dice.people.below(300)).unwrap_or(0))),
            time_in_force: if rests { TimeInForce::Gtc } else { TimeInForce::Ioc },
            post_only: false,
            reduce_only: false,
            self_trade_prevention: None,
        };
        self.tell(|| format!("person    {side:?} {} on the account", order.client_order_id));
        let (now, account) = (self.venue_now(), self.names.account);
        let request = AccountRequest::Place(order);
        let done = self.front.engine.execute(now, account, &request, &mut self.events).is_ok();
        self.publish();
        done
    }

    /// A person takes an order of the account back.
    fn human_cancels(&mut self) -> bool {
        let (now, account) = (self.venue_now(), self.names.account);
        let ask = AccountRequest::OpenOrders(None);
        let open = self.front.engine.execute(now, account, &ask, &mut self.events);
        let Ok(Response::Orders(open)) = open else { return false };
        let at = usize::try_from(self.dice.people.below(open.len() as u64)).unwrap_or(0);
        let Some(order) = open.get(at) else { return false };
        self.tell(|| format!("person    takes {} back", order.client_order_id));
        let (instrument, key) = (order.instrument, OrderKey::Venue(order.id));
        let cancel = AccountRequest::Cancel { instrument, order: key, cancel_id: None, only: None };
        let done = self.front.engine.execute(now, account, &cancel, &mut self.events).is_ok();
        self.publish();
        done
    }

    /// Funds come or go.
    fn transfer(&mut self) -> bool {
        let quote = self.dice.people.below(3) > 0;
        let asset = if quote { self.names.instrument.quote } else { self.names.instrument.base };
        let size = i64::try_from(self.dice.people.below(2_001)).unwrap_or(0) - 1_000;
        let amount = Decimal::new(size, if quote { 1 } else { 3 });
        let Ok(amount) = Amount::try_from(amount) else { return false };
        self.tell(|| format!("person    moves {amount} {asset}"));
        let (now, account) = (self.venue_now(), self.names.account);
        self.front.engine.transfer(now, account, asset, amount, &mut self.events);
        let moved = !self.events.is_empty();
        if moved && !quote {
            self.oracle.is_moved(amount);
        }
        self.publish();
        moved
    }

    /// The exchange takes one of the account's last executions back.
    fn bust(&mut self) -> bool {
        // Rare, as it is.
        if self.dice.people.below(4) > 0 {
            return false;
        }
        let back = self.dice.people.below(BUSTED_OF);
        let (now, account) = (self.venue_now(), self.names.account);
        let before = Timestamp::from_nanos(now.nanos() - BUSTED_AFTER_NANOS);
        let Some(trade) = self.oracle.trade_before(before, back) else { return false };
        let busted = self.front.engine.bust(now, account, Some(trade), &mut self.events);
        if busted.is_some() {
            self.tell(|| format!("venue     takes execution {trade} back"));
            self.oracle.is_busted(trade);
        }
        self.publish();
        busted.is_some()
    }

    /// The strategy of an agent, as it is at the start of its process.
    pub(crate) fn strategy(&self, agent: AgentId) -> Box<dyn engine::Strategy> {
        let names = &self.names;
        let life = u64::from(self.lives);
        let mut dice = Dice::new(self.plan.seed, concern::HOSTILE + (life << 16));
        if agent == names.hostile {
            let eagerness = 30 + dice.below(250);
            // One world in sixteen has an agent that may want all to stop.
            let halts = Dice::new(self.plan.seed, concern::HOSTILE).below(16) == 0;
            return Box::new(Hostile::new(dice, names.id(), eagerness, halts));
        }
        if let Some(trial) = self.plan.trial {
            return Box::new(Once::new(names.id(), trial.filled, self.lives > 1));
        }
        if agent == names.probe {
            return Box::new(Probe::new(names.id()));
        }
        let mut fixed = Dice::new(self.plan.seed, concern::AGENTS + 1_000);
        let lots = 60 + i64::try_from(fixed.below(500)).unwrap_or(0);
        let size = qty(lots).to_string();
        let (name, params) = if agent == names.maker {
            let requote = 4_000 + fixed.below(20_000);
            ("market-maker", vec![("qty", size), ("requote_every", requote.to_string())])
        } else {
            let params = vec![
                ("qty", size),
                ("lookback", "20".to_owned()),
                ("sample_ms", "2000".to_owned()),
                ("entry_z", "1.2".to_owned()),
            ];
            ("mean-reversion", params)
        };
        let params = params.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        let instruments = [names.instrument.clone()];
        agents::build(name, &params, &instruments)
            .unwrap_or_else(|_| Box::new(Probe::new(names.id())))
    }
}
