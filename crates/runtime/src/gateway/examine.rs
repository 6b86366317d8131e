//! A look at the venue for whoever wants to know whether all is well: is it there, what is its clock, what
//! may the key do. It asks and changes nothing, whether a gateway runs or not; what it asks is paid from the
//! host's budget, as everything is.

use std::time::Duration;

use model::venue::{KeyAudit, MarketRequest, Profile, Request, Response};
use model::{Input, Outcome};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::adapter::Adapter;
use super::rest::Rest;
use super::{Addresses, RunError, adapter, audit};
use crate::budget::{BudgetError, HostBudget, Of};
use crate::clock;
use crate::config::Config;

/// Longest wait for one answer, the budget's own wait included.
const WAIT_MAX: Duration = Duration::from_secs(5);
/// Notices of the budget that nobody here reads.
const NOTICES_MAX: usize = 16;

/// What was seen.
#[derive(Clone, Debug)]
pub struct Examined {
    /// Where it was looked for.
    pub address: String,
    /// What this kind of venue offers.
    pub profile: Profile,
    /// The venue's clock minus ours, milliseconds; or why it does not answer.
    pub clock: Result<i64, String>,
    /// What the key may do and what follows from it; or why that is not known.
    pub key: Result<KeyAudit, String>,
}

/// Looks. An error is a secret that is not there or is no key, or no room for the budget.
pub async fn examine(config: &Config) -> Result<Examined, RunError> {
    let (venue, settings) = &config.venue;
    let (key, adapter) = match &config.paper {
        None => adapter(*venue, settings)?,
        Some(_) => (String::new(), Adapter::public(settings.kind)),
    };
    let address = Addresses::of(settings).rest;
    let directory =
        crate::budget::directory(config.state_dir.as_deref()).map_err(BudgetError::from)?;
    let shares = settings.rate_reserve_percent;
    let of = Of { venue: settings.kind, address: &address, account: &key, shares };
    let budget = HostBudget::open(&directory, &of, None)?;
    // Held, so that nobody waits for room in it.
    let (inputs, _unread) = mpsc::channel::<Input>(NOTICES_MAX);
    let rest = Rest::new(&address, adapter, budget, inputs)?;
    let profile = rest.venue().profile;
    let too_long = || format!("no answer within {} s", WAIT_MAX.as_secs());
    let clock = timeout(WAIT_MAX, ahead_ms(&rest)).await.unwrap_or_else(|_| Err(too_long()));
    let key = match &clock {
        Err(cause) => Err(cause.clone()),
        Ok(_) if config.paper.is_some() => Err("a paper run has none".to_owned()),
        Ok(_) => {
            let asked = timeout(WAIT_MAX, audit::look(*venue, settings, &rest)).await;
            asked.unwrap_or_else(|_| Err(too_long()))
        }
    };
    Ok(Examined { address, profile, clock, key })
}

/// The venue's clock minus ours, milliseconds; taken over, so that what is signed is in time.
async fn ahead_ms(rest: &Rest) -> Result<i64, String> {
    let sent = clock::now();
    match rest.ask_once(&Request::Market(MarketRequest::Time)).await {
        Outcome::Done(Response::Time(theirs)) => {
            Ok(rest.clock().take(sent, theirs, clock::now()).0)
        }
        Outcome::Done(_) => Err("it answers something else".to_owned()),
        Outcome::Refused(refusal) => Err(refusal.to_string()),
        Outcome::NotSent(cause) | Outcome::InDoubt(cause) => Err(cause),
    }
}
