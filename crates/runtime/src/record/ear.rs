//! What a gateway hears, passed on to its recording. Orders never wait for it: when the disk is so far behind that
//! the queue is full, what comes is left out, and the recording has a gap there, as after a lost connection.

use model::{Input, Instrument, Link, Timestamp};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::in_venue_time;
use super::keeper::Event;

/// The way to a recording.
#[derive(Debug)]
pub(crate) struct Ear {
    events: mpsc::Sender<Event>,
    instruments: Vec<Instrument>,
    /// Something was left out, and the recording does not know yet.
    behind: bool,
}

impl Ear {
    /// An ear for these instruments.
    pub(crate) fn new(events: mpsc::Sender<Event>, instruments: Vec<Instrument>) -> Ear {
        // As if something had been left out: what is followed is told first.
        Ear { events, instruments, behind: true }
    }

    /// Passes on what belongs to the market. `venue_now` is the venue's time as well as it is known.
    pub(crate) fn hears(&mut self, now: Timestamp, venue_now: Timestamp, input: &Input) {
        match input {
            Input::Market(event) => {
                let event = in_venue_time(event.clone(), venue_now);
                self.offer(Event::Market(now, event), (now, venue_now));
            }
            Input::Link { link: Link::Market, up: false, .. } => {
                self.offer(Event::Down(now, venue_now), (now, venue_now));
            }
            Input::Instruments { found, .. } => {
                for known in &mut self.instruments {
                    if let Some(found) = found.iter().find(|found| found.id == known.id) {
                        let grid = known.grid();
                        *known = found.clone().on_grid_of(Some(known));
                        // Told with all others, before whatever comes next.
                        self.behind |= known.grid() != grid;
                    }
                }
            }
            // Nothing of the market.
            _ => {}
        }
    }

    fn offer(&mut self, event: Event, times: (Timestamp, Timestamp)) {
        if self.behind && !self.catches_up(times) {
            return;
        }
        if let Err(TrySendError::Full(_)) = self.events.try_send(event) {
            tracing::warn!("the recording of market data is behind: a gap is left in it");
            self.behind = true;
        }
    }

    /// From here on it goes on: no book is known, and these are the instruments.
    fn catches_up(&mut self, (now, venue_now): (Timestamp, Timestamp)) -> bool {
        let follow = self.instruments.iter().map(|known| Event::Follow(known.id, known.grid()));
        let mut all = [Event::Down(now, venue_now)].into_iter().chain(follow);
        let told = all.all(|event| self.events.try_send(event).is_ok());
        self.behind = !told;
        told
    }
}

#[cfg(test)]
mod tests {
    use model::Asset;
    use model::market::{GridPrice, GridQty, MarketEvent, MarketKind, PublicTrade};

    use super::*;

    fn instrument(tick: &str) -> Instrument {
        let asset = |name| Asset::new(name).unwrap();
        let (tick, lot) = (tick.parse().unwrap(), "0.001".parse().unwrap());
        Instrument::spot(asset("BTC"), asset("USDT"), tick, lot).unwrap()
    }

    fn trade(id: u64) -> Input {
        let (price, qty) = (GridPrice(1), GridQty(1));
        let taker_side = model::Side::Buy;
        let trade = PublicTrade { id, price, qty, taker_side, time: Timestamp::EPOCH };
        let (instrument, kind) = (instrument("0.01").id, MarketKind::Trade(trade));
        Input::Market(MarketEvent { instrument, venue_time: Timestamp::EPOCH, kind })
    }

    fn told(events: &mut mpsc::Receiver<Event>) -> Vec<&'static str> {
        let mut all = Vec::new();
        while let Ok(event) = events.try_recv() {
            all.push(match event {
                Event::Market(..) => "market",
                Event::Down(..) => "down",
                Event::Follow(..) => "follow",
                Event::Tick(..) | Event::End(..) => "other",
            });
        }
        all
    }

    #[test]
    fn a_queue_that_is_full_leaves_a_gap_and_keeps_nobody_waiting() {
        let (events, mut queue) = mpsc::channel(4);
        let mut ear = Ear::new(events, vec![instrument("0.01")]);
        let mut hears = |input: &Input| ear.hears(Timestamp::EPOCH, Timestamp::EPOCH, input);
        (1..=4).for_each(|id| hears(&trade(id)));
        assert_eq!(told(&mut queue), ["down", "follow", "market", "market"]);
        hears(&trade(5));
        assert_eq!(told(&mut queue), ["down", "follow", "market"], "a gap, and then it goes on");
        // A grid that has become finer is told before anything that counts in it.
        hears(&Input::Instruments { found: vec![instrument("0.001")], gone: Vec::new() });
        hears(&trade(6));
        assert_eq!(told(&mut queue), ["down", "follow", "market"]);
        drop(queue);
        // Nobody records any more.
        hears(&trade(7));
    }
}
