//! A comparison without a gateway: what differs, and what a start would do.
//!
//! The journal is held, so that no gateway starts meanwhile, and only read. The same core as always runs on
//! its books; its questions are asked, and everything else that it wants to send is said and not sent. What
//! it writes down is forgotten with it.

use std::time::Duration;

use gateway::{Books, Gateway};
use journal::{Address, Comparisons, Hold, JournalReader, Place, StoreError};
use model::venue::{AccountRequest, OrderKey, Request, VenueError};
use model::{Effect, Effects, Input, Link, Reply, StoreTag, Timestamp};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::rest::Rest;
use super::{Addresses, INPUTS_MAX, RunError, adapter, audit, disown, instruments};
use crate::budget::{BudgetError, HostBudget, Of};
use crate::clock;
use crate::config::Config;
use crate::control::{Compared, Trading};
use crate::state::State;

/// What a start would send is said up to so many.
const WOULD_MAX: usize = 1_000;
/// Longest sleep of the loop.
const SLEEP_MAX: Duration = Duration::from_secs(1);

/// Compares the journal's books with the venue's. `None` when that was not complete within `wait`.
pub async fn compare(config: Config, wait: Duration) -> Result<Option<Compared>, RunError> {
    let journal = config.journal().map_err(RunError::StorePassword)?;
    let read = tokio::task::spawn_blocking(move || read(&journal)).await;
    let gone = |_| StoreError::Lost("the thread that read it is gone".to_owned());
    let (books, _hold) = read.map_err(gone)??;
    let (venue, settings) = &config.venue;
    let (key, adapter) = adapter(*venue, settings)?;
    let address = Addresses::of(settings).rest;
    let (inputs, queue) = mpsc::channel(INPUTS_MAX);
    let directory =
        crate::budget::directory(config.state_dir.as_deref()).map_err(BudgetError::from)?;
    let shares = settings.rate_reserve_percent;
    let of = Of { venue: settings.kind, address: &address, account: &key, shares };
    let budget = HostBudget::open(&directory, &of, None)?;
    let rest = Rest::new(&address, adapter, budget, inputs.clone())?;
    let instruments = instruments(*venue, &settings.instruments, &address, &rest).await?;
    let rest = rest.following(instruments.clone());
    rest.measure_clock().await;
    if !audit::may_trade(*venue, &address, &rest).await? {
        return Err(RunError::Credentials { venue: *venue, refusal: VenueError::NotAllowed });
    }
    let session = books.session().saturating_add(1);
    let mut effects = Vec::new();
    // Nothing is sent that a watchdog would have to allow.
    let start = super::start_config(&config, &rest, Vec::new());
    let start = gateway::Config { watched: false, ramp: None, ..start };
    // No order is placed, so no name is made from this tag.
    let tag = StoreTag::new(0);
    let gateway =
        Gateway::start(start, books, tag, session, instruments, clock::now(), &mut effects);
    let dry = Dry { gateway, rest, inputs, comparisons: Comparisons::default(), would: Vec::new() };
    Ok(dry.run(&config, effects, queue, wait).await)
}

/// The books of a journal that no gateway holds. A file is held, so that none starts meanwhile; a server
/// lends to gateways only, and one that starts meanwhile makes this comparison old and nothing else.
fn read(journal: &Address) -> Result<(Books, Option<Hold>), StoreError> {
    let reader = JournalReader::of(journal)?;
    let hold = match journal {
        Address::Sqlite(path) => Some(journal::hold(path)?),
        server => match reader.holder()? {
            Some(holder) => {
                let place = Place::Server(server.to_string());
                return Err(StoreError::InUse { place, holder });
            }
            None => None,
        },
    };
    let restored =
        State::restore(reader.snapshots()?, &mut |after, each| reader.replay(after, each))?;
    Ok((restored.state.books, hold))
}

struct Dry {
    gateway: Gateway,
    rest: Rest,
    inputs: mpsc::Sender<Input>,
    comparisons: Comparisons,
    would: Vec<String>,
}

impl Dry {
    async fn run(
        mut self,
        config: &Config,
        mut effects: Effects,
        mut queue: mpsc::Receiver<Input>,
        wait: Duration,
    ) -> Option<Compared> {
        let end = Instant::now() + wait;
        let mut wake = None;
        disown(&mut self.gateway, config, &mut effects);
        self.carry_out(&mut effects, &mut wake);
        // As if both connections were up: only a comparison made then counts for what is let through.
        for link in [Link::Market, Link::Account] {
            let input = Input::Link { link, up: true, cause: String::new() };
            self.take(&input, &mut effects, &mut wake);
        }
        while self.comparisons.last().is_none() {
            let due = wake.map_or(SLEEP_MAX, |at: Timestamp| at.since(clock::now()).min(SLEEP_MAX));
            // Timers have a resolution of a millisecond.
            let alarm = (Instant::now() + due + Duration::from_millis(1)).min(end);
            match tokio::time::timeout_at(alarm, queue.recv()).await {
                Ok(Some(input)) => self.take(&input, &mut effects, &mut wake),
                Ok(None) | Err(_) if Instant::now() >= end => return None,
                Ok(None) => return None,
                Err(_) if wake.is_some_and(|at| at <= clock::now()) => {
                    wake = None;
                    self.take(&Input::Wake, &mut effects, &mut wake);
                }
                Err(_) => {}
            }
        }
        let comparison = self.comparisons.last().cloned()?;
        let (state, cause) = self.gateway.state();
        let trading = Trading { state, cause: cause.to_owned() };
        Some(Compared {
            running: false,
            comparison,
            accepted: Vec::new(),
            trading,
            would: self.would,
        })
    }

    fn take(&mut self, input: &Input, effects: &mut Effects, wake: &mut Option<Timestamp>) {
        self.gateway.apply(clock::now(), input, effects);
        self.carry_out(effects, wake);
    }

    fn carry_out(&mut self, effects: &mut Effects, wake: &mut Option<Timestamp>) {
        for effect in effects.drain(..) {
            match effect {
                Effect::Persist(entry) => self.comparisons.add(&entry),
                Effect::Send { id, request, .. } => match words(&request) {
                    None => {
                        let (rest, inputs) = (self.rest.clone(), self.inputs.clone());
                        tokio::spawn(async move {
                            let outcome = rest.ask(&request).await;
                            // Nobody hears it when the comparison is over.
                            let _ = inputs
                                .send(Input::Reply(Reply {
                                    request: id,
                                    outcome,
                                    sent: model::Sent::default(),
                                }))
                                .await;
                        });
                    }
                    // Never answered, so it is said once.
                    Some(words) if self.would.len() < WOULD_MAX => self.would.push(words),
                    Some(_) => {}
                },
                Effect::WakeAt(at) => *wake = Some(wake.map_or(at, |earlier| earlier.min(at))),
                Effect::Distrust { .. } | Effect::Notify(_) => {}
            }
        }
    }
}

/// What a request changes at the venue, in words. `None` for a question.
fn words(request: &Request) -> Option<String> {
    let Request::Account(request) = request else { return None };
    let named = |order: &OrderKey| match order {
        OrderKey::Venue(id) => id.to_string(),
        OrderKey::Client(id) | OrderKey::Both(_, id) => id.to_string(),
    };
    match request {
        AccountRequest::Order { .. }
        | AccountRequest::OpenOrders(_)
        | AccountRequest::Orders { .. }
        | AccountRequest::Fills { .. }
        | AccountRequest::Account
        | AccountRequest::Rights
        | AccountRequest::Scopes
        | AccountRequest::Fees(_)
        | AccountRequest::Ticket => None,
        AccountRequest::Cancel { instrument, order, .. } => {
            Some(format!("take back order {} of {instrument}", named(order)))
        }
        // A start sends none of these; should one ever do, it is not sent here either.
        other => Some(format!("{other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use model::{ClientOrderId, InstrumentId};

    use super::*;

    #[test]
    fn only_questions_are_asked() {
        let instrument = InstrumentId::new("BTC-USDT").unwrap();
        let order = OrderKey::Client(ClientOrderId::new("a").unwrap());
        let said = |request| words(&Request::Account(request));
        assert_eq!(said(AccountRequest::Account), None);
        assert_eq!(said(AccountRequest::OpenOrders(None)), None);
        assert_eq!(said(AccountRequest::Order { instrument, order, since: None }), None);
        let cancel = AccountRequest::Cancel { instrument, order, cancel_id: None, only: None };
        assert_eq!(said(cancel).as_deref(), Some("take back order a of BTC-USDT"));
        assert!(said(AccountRequest::CancelAll(instrument)).is_some());
    }
}
