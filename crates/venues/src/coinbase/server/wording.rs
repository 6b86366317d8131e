//! How the exchange's answer to a private call is worded.
//!
//! Source: create-order.md, preview-orders.md, cancel-orders.md, read 2026-08-08.

use std::collections::{BTreeSet, VecDeque};

use model::venue::{AccountRequest, OrderKey, Response, VenueError, VenueOrder};
use model::{Asset, ClientOrderId};
use serde_json::{Value, json};

use super::accounts::{self, Page};
use super::app_api;
use super::errors::{
    ApiError, NO_CANCEL_FAILURE, Refusal, UNKNOWN_CANCEL, cancel_refusal, refusal,
};
use super::ids;
use super::ledger::Desk;
use super::market_data::text;
use super::render::Renderer;
use crate::coinbase::vocabulary;
use crate::coinbase::wire::{CancelResult, CancelResults, Preview};

/// What to make of the answer.
#[derive(Clone, Debug)]
pub(super) enum Wording {
    Placed(Sent),
    Previewed { figures: Box<Preview>, upward: Option<bool> },
    Canceled(Cancels),
    Accounts { listed: BTreeSet<Asset>, page: Page },
    Account { listed: BTreeSet<Asset>, uuid: String },
    AppAccounts { listed: BTreeSet<Asset> },
}

/// An order as it was sent, for the echo in its answer.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) client_order_id: ClientOrderId,
    pub(super) configuration: Value,
    pub(super) upward: Option<bool>,
}

/// A batch of cancels under way: the first of those that are left is being asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Cancels {
    pub(super) left: VecDeque<String>,
    pub(super) done: Vec<CancelResult>,
}

/// What an answer comes to.
#[derive(Debug)]
pub(super) enum Worded {
    Body(String),
    /// Ask this next.
    Again(AccountRequest, Wording),
}

impl Wording {
    pub(super) fn word(
        self,
        renderer: &Renderer<'_>,
        desk: &Desk,
        answer: Result<Response, VenueError>,
    ) -> Result<Worded, ApiError> {
        let account = renderer.account;
        match (self, answer) {
            (Wording::Placed(sent), Ok(Response::Placed { order, .. })) => {
                Ok(Worded::Body(sent.taken(renderer, &order)))
            }
            // Two requests with one id were under way at the same time.
            (Wording::Placed(sent), Err(VenueError::DuplicateClientOrderId)) => {
                let first = desk.named(sent.client_order_id).ok_or_else(ApiError::internal)?;
                Ok(Worded::Body(sent.taken(renderer, &first.order)))
            }
            (Wording::Placed(sent), Err(error)) => {
                Ok(Worded::Body(sent.refused(refusal(&error, sent.upward))))
            }
            (Wording::Previewed { figures, .. }, Ok(Response::Tested)) => {
                Ok(Worded::Body(text(&figures)))
            }
            (Wording::Previewed { figures, upward }, Err(error)) => {
                let errs = vec![refusal(&error, upward).preview.to_owned()];
                Ok(Worded::Body(text(&Preview { errs, ..*figures })))
            }
            (Wording::Canceled(mut cancels), Ok(Response::Canceled { .. })) => {
                cancels.settle(true, NO_CANCEL_FAILURE);
                Ok(cancels.proceed(desk))
            }
            (Wording::Canceled(mut cancels), Err(error)) => {
                cancels.settle(false, cancel_refusal(&error));
                Ok(cancels.proceed(desk))
            }
            (Wording::Accounts { listed, page }, Ok(Response::Account(held))) => {
                Ok(Worded::Body(accounts::list(account, &held, &listed, &page)))
            }
            (Wording::Account { listed, uuid }, Ok(Response::Account(held))) => {
                accounts::one(account, &held, &listed, &uuid).map(Worded::Body)
            }
            (Wording::AppAccounts { listed }, Ok(Response::Account(held))) => {
                Ok(Worded::Body(app_api::accounts(account, &held, &listed)))
            }
            (wording, answer) => {
                debug_assert!(answer.is_err(), "{wording:?} was answered with {answer:?}");
                Err(ApiError::internal())
            }
        }
    }
}

impl Sent {
    /// The order was taken, or the first one of this name was long ago: the two cannot be told
    /// apart, save by an id that is known already.
    pub(super) fn taken(&self, renderer: &Renderer<'_>, order: &VenueOrder) -> String {
        json!({
            "success": true,
            "success_response": {
                "order_id": ids::order_id(order.id),
                "product_id": renderer.product(order.instrument),
                "side": vocabulary::side(order.side),
                "client_order_id": self.client_order_id,
            },
            "order_configuration": self.configuration,
        })
        .to_string()
    }

    pub(super) fn refused(&self, refusal: Refusal) -> String {
        json!({
            "success": false,
            "error_response": refusal.to_wire(),
            "order_configuration": self.configuration,
        })
        .to_string()
    }
}

impl Cancels {
    /// The first of those that are left is done.
    fn settle(&mut self, success: bool, failure_reason: &str) {
        if let Some(order_id) = self.left.pop_front() {
            let failure_reason = failure_reason.to_owned();
            self.done.push(CancelResult { success, failure_reason, order_id });
        }
    }

    /// Settles those that are over or were never there, up to one that the exchange must be asked
    /// for.
    pub(super) fn proceed(mut self, desk: &Desk) -> Worded {
        while let Some(name) = self.left.front() {
            let entry = ids::parse_order_id(name).and_then(|id| desk.order(id));
            let Some(entry) = entry.filter(|entry| entry.order.status.is_open()) else {
                self.settle(false, UNKNOWN_CANCEL);
                continue;
            };
            let request = AccountRequest::Cancel {
                instrument: entry.order.instrument,
                order: OrderKey::Venue(entry.order.id),
                cancel_id: None,
                only: None,
            };
            return Worded::Again(request, Wording::Canceled(self));
        }
        Worded::Body(text(&CancelResults { results: self.done }))
    }
}
