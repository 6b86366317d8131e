//! The way of a question to the venue and of its answer back, and all that can happen to them. Every
//! question ends in exactly one outcome, as in `runtime/src/gateway/rest.rs`.

use std::time::Duration;

use model::venue::{AccountRequest, IdClass, Response, VenueError};
use model::{Input, Outcome, Reply, RequestId, Timestamp};

use crate::agenda::{Event, Flight};
use crate::disk::Question;
use crate::faults::Fault;
use crate::front::{Answer, Manners};
use crate::oracle::HUMAN;
use crate::trial_kind::Fate;
use crate::world::World;

/// Time for an answer (`rest.rs`).
const ANSWER_MAX: Duration = Duration::from_secs(11);
/// The longest delay there is.
const DELAY_MAX: Duration = Duration::from_secs(30);
/// The code of a request that came too late, and of one too many.
const TOO_LATE: i64 = -1021;
const TOO_MANY: i64 = -1003;

impl World {
    /// A question leaves for the venue.
    pub(crate) fn dispatch(&mut self, question: Question, decided: Timestamp) {
        let Some(life) = &self.life else { return };
        let Question { id, request, not_after } = question;
        let ours = if not_after.is_some() { decided } else { life.clock(self.now) };
        let (life, stamp) = (life.number, ours.shifted_ms(life.offset_ms));
        self.count(id.0);
        if self.trouble.rest_down {
            self.fired.note(Fault::RestDown);
            let pause = self.dice.network.between(Duration::ZERO, Duration::from_secs(3));
            let outcome = Box::new(Outcome::NotSent("no connection".to_owned()));
            return self.after(pause, Event::Reply { life, id, outcome });
        }
        let mut there = self.way();
        if self.strikes_by_chance(Fault::Delay) {
            there += self.dice.network.heavy(DELAY_MAX);
        }
        let mut lost = self.strikes_by_chance(Fault::DropRequest);
        let placed = match &request {
            AccountRequest::Place(order) => Some(order.client_order_id),
            _ => None,
        };
        if let (Some(trial), Some(_)) = (self.plan.trial, placed) {
            lost |= trial.fate == Fate::LosesRequest;
            if trial.fate == Fate::TooLate {
                there += self.profile.order_validity.unwrap_or_default();
            }
        }
        let arrives = self.now.after(there);
        let in_time = self.front.in_time(self.venue_time(arrives), stamp);
        let lands = placed.is_some() && in_time && !lost;
        if let Some(order) = placed {
            let last = self.front.last_moment(stamp);
            let last = last.map_or(Timestamp::MAX, |last| last.shifted_ms(-self.venue_ahead_ms));
            self.oracle.leaves_for_the_venue(order, lands.then_some(last));
        }
        self.tell(|| {
            format!("{}{}", crate::story::sent(&request), if lost { ": lost" } else { "" })
        });
        let sent = self.now;
        let flight = Flight { life, id, request, stamp, sent, lands, copy: false };
        if lost {
            self.fails(&flight, "the connection broke");
            return;
        }
        if there >= ANSWER_MAX {
            // Nobody waits for so long; what comes of it is found later.
            self.fails(&flight, "timed out");
        }
        self.doubles(&flight, arrives);
        self.agenda.at(arrives, Event::Arrive(Box::new(flight)));
    }

    /// A second copy of it is under way, where the venue or the request itself makes that harmless.
    fn doubles(&mut self, flight: &Flight, arrives: Timestamp) {
        let guarded = match self.plan.venue.ids {
            IdClass::FirstOrder | IdClass::UniqueForUnknownTime => true,
            IdClass::UniqueWhileOpen | IdClass::Unchecked => false,
        };
        let placed = match &flight.request {
            AccountRequest::Place(order) => Some(order.client_order_id),
            _ => None,
        };
        if (placed.is_some() && !guarded) || !self.strikes_by_chance(Fault::Duplicate) {
            return;
        }
        let at = arrives.after(self.dice.network.heavy(Duration::from_secs(5)));
        let copy = Flight { lands: false, copy: true, ..flight.clone() };
        self.agenda.at(at, Event::Arrive(Box::new(copy)));
    }

    /// A request has reached the venue.
    pub(crate) fn arrives(&mut self, flight: Flight) {
        if let (true, AccountRequest::Place(order)) = (flight.copy, &flight.request)
            && !self.front.knows(&order.client_order_id)
        {
            // What was refused is not doubled: the copy would be a first order.
            return;
        }
        let changes =
            matches!(flight.request, AccountRequest::Place(_) | AccountRequest::Cancel { .. });
        if changes && self.trouble.stalled {
            self.fired.note(Fault::Stall);
            self.fails(&flight, "timed out");
            return self.trouble.queue.push(flight);
        }
        if self.strikes_by_chance(Fault::ErrorNothingDone) {
            self.lands(&flight);
            return self.answers(&flight, Outcome::InDoubt("status 503".to_owned()));
        }
        if self.strikes_by_chance(Fault::Throttle) {
            self.lands(&flight);
            let because = VenueError::Other { code: TOO_MANY, message: "too many".to_owned() };
            return self.answers(&flight, Outcome::Refused(because));
        }
        self.carries_out(flight);
    }

    /// What came while the exchange stood still is worked off, in order.
    pub(crate) fn drain(&mut self) {
        for flight in std::mem::take(&mut self.trouble.queue) {
            self.carries_out(flight);
        }
    }

    fn carries_out(&mut self, flight: Flight) {
        let now = self.venue_now();
        if let AccountRequest::Place(order) = &flight.request
            && self.strikes_by_chance(Fault::AckThenReject)
            && let Some((id, answer)) = self.front.pretend(now, order, flight.stamp)
        {
            self.oracle.is_pretended(&order.client_order_id);
            let pause = self.dice.venue.heavy(Duration::from_secs(10));
            self.after(pause, Event::RejectLater(id));
            self.lands(&flight);
            return self.concludes(&flight, answer);
        }
        let manners = self.manners();
        if matches!(flight.request, AccountRequest::Account) {
            self.lag();
        }
        let (hidden, full) = (self.front.hidden, self.front.full_pages);
        let answer =
            self.front.execute(now, &flight.request, flight.stamp, manners, &mut self.events);
        if self.front.hidden > hidden {
            self.fired.note(Fault::NegativeRead);
        }
        if self.front.full_pages > full && self.plan.faults.has(Fault::PageCap) {
            self.fired.note(Fault::PageCap);
        }
        // Taken before it is told: the copy that was under way is the order that stands.
        self.lands(&flight);
        self.publish();
        if let Answer::Taken(id) = &answer {
            let pause = self.dice.venue.heavy(Duration::from_millis(800));
            self.after(pause, Event::CancelLater(*id));
        }
        self.concludes(&flight, answer);
    }

    fn manners(&mut self) -> Manners {
        let ppm = self.trouble.ppm(Fault::NegativeRead);
        if !self.dice.venue.chance(ppm) {
            return Manners::default();
        }
        Manners { hides_younger: Some(self.dice.venue.heavy(Duration::from_secs(15))) }
    }

    /// Balances are read from a copy that lags, while that fault is on.
    fn lag(&mut self) {
        let on = self.trouble.on.has(Fault::ReadLag);
        let most = 120 * self.trouble.level(Fault::ReadLag) / 1_000;
        let now = self.venue_now();
        self.front.lag(now, on.then(|| Duration::from_secs(most)));
        if self.front.lags() {
            self.fired.note(Fault::ReadLag);
        }
    }

    fn lands(&mut self, flight: &Flight) {
        if let (true, AccountRequest::Place(order)) = (flight.lands, &flight.request) {
            self.oracle.has_landed(&order.client_order_id);
        }
    }

    fn concludes(&mut self, flight: &Flight, answer: Answer) {
        let outcome = match answer {
            Answer::Done(response) => Outcome::Done(response),
            Answer::Refused(because) => Outcome::Refused(because),
            Answer::Taken(id) => Outcome::Done(Response::CancelTaken(id)),
        };
        let fate = self.plan.trial.map(|trial| trial.fate);
        if let (Some(fate), AccountRequest::Place(_)) = (fate, &flight.request) {
            return match fate {
                Fate::Error => self.answers(flight, Outcome::InDoubt("status 504".to_owned())),
                _ => self.fails(flight, "timed out"),
            };
        }
        if self.strikes_by_chance(Fault::ErrorButAccepted) {
            return self.answers(flight, Outcome::InDoubt("status 504".to_owned()));
        }
        if self.strikes_by_chance(Fault::DropResponse) {
            self.tell(|| format!("{}: the answer is lost", crate::story::sent(&flight.request)));
            return self.fails(flight, "timed out");
        }
        self.answers(flight, outcome);
    }

    /// The answer is on its way back.
    fn answers(&mut self, flight: &Flight, outcome: Outcome) {
        if flight.copy {
            return;
        }
        let mut back = self.way();
        if self.strikes_by_chance(Fault::Delay) {
            back += self.dice.network.heavy(DELAY_MAX);
        }
        let (at, late) = (self.now.after(back), flight.sent.after(ANSWER_MAX));
        if at > late {
            return self.fails(flight, "timed out");
        }
        let (life, id) = (flight.life, flight.id);
        self.agenda.at(at, Event::Reply { life, id, outcome: Box::new(outcome) });
    }

    /// Nobody knows what became of it: said when the time for an answer is over.
    fn fails(&mut self, flight: &Flight, cause: &str) {
        if flight.copy {
            return;
        }
        // A connection that breaks is seen at once; one that is silent is waited for.
        let broke = cause != "timed out" && self.dice.network.below(2) == 0;
        let wait = if broke {
            self.dice.network.between(Duration::from_millis(10), Duration::from_secs(1))
        } else {
            ANSWER_MAX
        };
        let at = flight.sent.after(wait).max(self.now);
        let (life, id) = (flight.life, flight.id);
        let outcome = Box::new(Outcome::InDoubt(cause.to_owned()));
        self.agenda.at(at, Event::Reply { life, id, outcome });
    }

    /// How a question ended is known to the gateway. Only the first word counts.
    pub(crate) fn replied(&mut self, life: u32, id: RequestId, outcome: Outcome) {
        let Some(running) = self.life.as_mut().filter(|running| running.number == life) else {
            return;
        };
        if running.waiting.remove(&id).is_none() {
            return;
        }
        if let Some(clearing) = &mut running.clearing {
            let flying = running.waiting.values().any(|places| *places);
            if let Outcome::Done(Response::Orders(open)) = outcome {
                let ours =
                    open.iter().filter(|order| clearing.ids.contains(&order.client_order_id));
                clearing.shown =
                    ours.map(|order| model::venue::OrderKey::Venue(order.id)).collect();
                if self.profile.cancels_by_client_id {
                    let ours = open.iter().map(|order| order.client_order_id);
                    let ours = ours.filter(|id| clearing.ids.contains(id));
                    clearing.shown = ours.map(model::venue::OrderKey::Client).collect();
                }
                if clearing.shown.is_empty() && !flying {
                    let pause = Duration::from_secs(1);
                    self.dies("the journal failed, and all is taken back", pause);
                }
            }
            return;
        }
        if let Outcome::Refused(VenueError::Other { code: TOO_LATE, .. }) = &outcome {
            let pause = self.way();
            self.after(pause, Event::Clock { life, goes_on: false });
        }
        self.tell(|| crate::story::outcome(id, &outcome));
        self.take(&Input::Reply(Reply { request: id, outcome, sent: model::Sent::default() }));
    }

    /// Does a kind that strikes by chance do so now?
    pub(crate) fn strikes_by_chance(&mut self, fault: Fault) -> bool {
        let ppm = self.trouble.ppm(fault);
        let strikes = self.dice.network.chance(ppm);
        if strikes {
            self.fired.note(fault);
        }
        strikes
    }

    /// A person's order at the venue, beside the gateway.
    pub(crate) fn name_for_a_person(&mut self) -> Option<model::ClientOrderId> {
        self.humans += 1;
        model::ClientOrderId::new(&format!("{HUMAN}{}", self.humans)).ok()
    }
}
