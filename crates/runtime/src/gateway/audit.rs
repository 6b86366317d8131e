//! What the key may do: asked before anything starts, and again and again while it runs.
//!
//! A start is refused for what is missing or in excess; a run is halted for it. That the venue does not
//! answer refuses and halts nothing by itself, but at the exchange's own address a key of which nothing
//! is told is refused at the start: there the question exists.

use std::collections::BTreeSet;
use std::time::Duration;

use model::venue::{
    AccountRequest, KeyAudit, KeyFinding, KeyPolicy, KeyScopes, Request, Response, VenueError,
};
use model::{Input, Outcome, VenueId};
use tokio::time::sleep;

use super::error::RunError;
use super::knock::ask_at_start;
use super::rest::Rest;
use crate::config::VenueConfig;

/// Attempts at the start, and the pause between them: a refusal comes within a second.
const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_millis(200);
/// How soon again after a question without an answer.
const AGAIN: Duration = Duration::from_secs(60);

/// What is accepted and demanded of the key of this venue.
pub(super) fn policy(settings: &VenueConfig) -> KeyPolicy {
    let accept: BTreeSet<KeyFinding> = settings.accept_key_scopes.iter().copied().collect();
    let mut demand: BTreeSet<KeyFinding> = settings.demand_key_scopes.iter().copied().collect();
    if settings.is_the_exchange() {
        demand.insert(KeyFinding::Unaudited);
    }
    KeyPolicy { accept, demand }
}

/// A wrong key is said before anything starts, and so is one with the wrong rights.
pub(super) async fn at_start(
    venue: VenueId,
    settings: &VenueConfig,
    rest: &Rest,
) -> Result<KeyAudit, RunError> {
    let may_trade = may_trade(venue, settings.rest_address(), rest).await?;
    let mut told = read(rest).await;
    for _ in 1..ATTEMPTS {
        if told.is_ok() {
            break;
        }
        sleep(PAUSE).await;
        told = read(rest).await;
    }
    let scopes = told.unwrap_or_else(|cause| {
        tracing::warn!(%venue, cause, "what the key may do could not be read");
        None
    });
    // The key may, and the account may not.
    if !may_trade && scopes.is_none_or(|scopes| scopes.trade != Some(false)) {
        return Err(RunError::Credentials { venue, refusal: VenueError::NotAllowed });
    }
    let audit = KeyAudit::of(scopes, &policy(settings), rest.venue_now());
    match audit.refusal() {
        None => Ok(audit),
        Some(cause) => {
            let accept = audit.refused_names();
            Err(RunError::KeyScopes { venue, cause, accept })
        }
    }
}

/// A key that the venue takes; may its account trade?
pub(super) async fn may_trade(
    venue: VenueId,
    address: &str,
    rest: &Rest,
) -> Result<bool, RunError> {
    let request = Request::Account(AccountRequest::Rights);
    match ask_at_start(venue, address, rest, request).await? {
        Ok(Response::Rights(rights)) => Ok(rights.can_trade),
        Ok(other) => {
            let cause = format!("unexpected answer about the account: {other:?}");
            Err(RunError::Unreachable { venue, address: address.to_owned(), cause })
        }
        Err(refusal) => Err(RunError::Credentials { venue, refusal }),
    }
}

/// What the venue says of the key; `None` where it has no such question.
pub(super) async fn read(rest: &Rest) -> Result<Option<KeyScopes>, String> {
    match rest.ask(&Request::Account(AccountRequest::Scopes)).await {
        Outcome::Done(Response::Scopes(scopes)) => Ok(scopes),
        Outcome::Done(other) => Err(format!("unexpected answer about the key: {other:?}")),
        Outcome::Refused(refusal) => Err(refusal.to_string()),
        Outcome::NotSent(cause) | Outcome::InDoubt(cause) => Err(cause),
    }
}

/// The key as it is, asked once; or why that is not known.
pub(super) async fn look(
    venue: VenueId,
    settings: &VenueConfig,
    rest: &Rest,
) -> Result<KeyAudit, String> {
    let rights = rest.ask(&Request::Account(AccountRequest::Rights)).await;
    match rights {
        Outcome::Done(Response::Rights(_)) => {}
        Outcome::Done(other) => return Err(format!("unexpected answer: {other:?}")),
        Outcome::Refused(refusal) => {
            return Err(RunError::Credentials { venue, refusal }.to_string());
        }
        Outcome::NotSent(cause) | Outcome::InDoubt(cause) => return Err(cause),
    }
    let scopes = read(rest).await?;
    Ok(KeyAudit::of(scopes, &policy(settings), rest.venue_now()))
}

/// Asks again and again, and tells the core.
pub(super) async fn keep(rest: Rest, mut policy: KeyPolicy, every: Duration) {
    // A question that the exchange has dropped is no reason to stop what goes well.
    policy.demand.remove(&KeyFinding::Unaudited);
    let rest = rest.for_routine(true);
    let mut silent = false;
    let mut pause = every;
    loop {
        sleep(pause).await;
        pause = match read(&rest).await {
            Ok(scopes) => {
                silent = false;
                let audit = KeyAudit::of(scopes, &policy, rest.venue_now());
                if rest.inputs().send(Input::Key(audit)).await.is_err() {
                    return;
                }
                every
            }
            Err(cause) => {
                if !silent {
                    tracing::warn!(cause, "what the key may do could not be read; asked again");
                }
                silent = true;
                every.min(AGAIN)
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Elsewhere than at the exchange nobody may have the question; there it is there.
    #[test]
    fn only_the_exchange_itself_has_to_tell() {
        let of = |lines: &str| {
            let text = format!(
                "kind = \"binance-spot\"\ninstruments = [\"BTC-USDT\"]\nkey = {{ env = \"A\" }}\n\
                 secret = {{ env = \"B\" }}\n{lines}"
            );
            let policy = policy(&toml::from_str(&text).unwrap());
            KeyAudit::of(None, &policy, model::Timestamp::EPOCH).refusal().is_some()
        };
        assert!(of(""));
        assert!(of("rest = \"https://api.binance.com/\""));
        assert!(!of("accept_key_scopes = [\"unaudited\"]"));
        assert!(!of("rest = \"https://testnet.binance.vision\""));
        assert!(of(
            "rest = \"https://testnet.binance.vision\"\ndemand_key_scopes = [\"unaudited\"]"
        ));
    }
}
