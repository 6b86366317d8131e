//! Requests over REST: who asks, whether they may, and whether the exchange must be asked.

use model::venue::{AccountRequest, PublicMarket};
use model::{AccountId, Decimal, NewOrder, OrderKind, OrderQty, Rounding, Side, Timestamp};

use super::accounts::{self, Page};
use super::auth::Known;
use super::calls::{Access, Call, Route, route};
use super::errors::{ApiError, previewed};
use super::limits::{Caller, Usage};
use super::market_data::{Public, best, price, qty, text};
use super::params::{self, Params};
use super::render::with_fee;
use super::state::{CoinbaseServer, Pending};
use super::wording::{Cancels, Sent, Worded, Wording};
use super::{history, ids, orders};
use crate::coinbase::wire::{self, CancelOrders, Num, Preview};
use crate::coinbase::{ACCOUNTS_PAGE_MAX, CANCELS_MAX};
use crate::server::{HttpRequest, Step};

/// Wallets in a page when the question does not say (list-accounts.md).
const ACCOUNTS_PAGE: usize = 49;

/// A request, counted or not, and what it comes to.
pub(super) struct Outcome {
    pub(super) usage: Option<Usage>,
    pub(super) answer: Result<Step<String, Pending>, ApiError>,
}

impl CoinbaseServer {
    /// Answers a request, or says what to ask.
    pub(super) fn rest(
        &mut self,
        now: Timestamp,
        request: &HttpRequest<'_>,
        market: &dyn PublicMarket,
    ) -> Outcome {
        let Some(route) = route(request.method, request.path) else {
            return Outcome { usage: None, answer: Err(ApiError::not_found("path not found")) };
        };
        let (usage, known) = match self.admit(now, request, &route) {
            Ok(admitted) => admitted,
            Err((usage, error)) => return Outcome { usage, answer: Err(error) },
        };
        let answer = self.answer(now, request, market, &route, known.as_ref());
        let answer = answer.map(|step| match step {
            Step::Ask { account, request, mut pending } => {
                pending.usage = Some(usage);
                Step::Ask { account, request, pending }
            }
            done @ Step::Done(_) => done,
        });
        Outcome { usage: Some(usage), answer }
    }

    /// Who asks, counted; whoever is not known counts by address.
    fn admit(
        &mut self,
        now: Timestamp,
        request: &HttpRequest<'_>,
        route: &Route<'_>,
    ) -> Result<(Usage, Option<Known>), (Option<Usage>, ApiError)> {
        let known = match route.access {
            Access::Public => Ok(None),
            Access::View | Access::Trade => self.keys.of_request(now, request).map(Some),
        };
        let config = &self.config;
        let (caller, limit) = match (&known, route.call.is_app()) {
            (Ok(Some(known)), false) => (Caller::Key(known.key_name.clone()), config.private_per_s),
            (Ok(Some(known)), true) => {
                (Caller::AppKey(known.key_name.clone()), config.app_per_hour)
            }
            (Ok(None) | Err(_), false) => (Caller::Address(request.peer), config.public_per_s),
            (Ok(None) | Err(_), true) => (Caller::AppAddress(request.peer), config.app_per_hour),
        };
        let usage = self.limits.charge(now, caller, limit);
        let usage = usage.map_err(|usage| (Some(usage), ApiError::too_many()))?;
        let known = known.map_err(|error| (Some(usage), error))?;
        if let Some(known) = &known {
            known.may(now, route.access).map_err(|error| (Some(usage), error))?;
        }
        Ok((usage, known))
    }

    fn answer(
        &self,
        now: Timestamp,
        request: &HttpRequest<'_>,
        market: &dyn PublicMarket,
        route: &Route<'_>,
        known: Option<&Known>,
    ) -> Result<Step<String, Pending>, ApiError> {
        let params = Params::new(request.query);
        let public = self.public(now, market);
        let open = public.answer(route.call, route.name, &params);
        if let Some(answer) = open.or_else(|| public.app_answer(route.call)) {
            return answer.map(Step::Done);
        }
        let known = known.ok_or_else(ApiError::unauthorized)?;
        let account = known.account;
        let (renderer, desk) = (self.renderer(account), self.ledger.desk(account));
        let listed = || public.assets();
        let ask_account = |wording| Ok(ask(account, AccountRequest::Account, wording));
        match route.call {
            Call::Place => self.place(now, request.body, &public, account),
            Call::Preview => self.preview(now, request.body, &public, account),
            Call::Cancel => self.cancel(request.body, account),
            Call::Edit => Ok(Step::Done(self.edit(request.body, account, true)?)),
            Call::EditPreview => Ok(Step::Done(self.edit(request.body, account, false)?)),
            Call::Orders => history::orders(&renderer, desk, &params, None).map(Step::Done),
            Call::Order => history::order(&renderer, desk, route.name).map(Step::Done),
            Call::Fills => history::fills(&renderer, desk, &params, None).map(Step::Done),
            Call::Summary => Ok(Step::Done(accounts::summary(desk, self.config.fees))),
            Call::Permissions => Ok(Step::Done(accounts::permissions(now, known))),
            Call::Accounts => {
                let limit = params.number("limit")?.filter(|limit| *limit > 0);
                let limit =
                    limit.map_or(ACCOUNTS_PAGE, |limit| limit.min(ACCOUNTS_PAGE_MAX) as usize);
                let page = Page { limit, after: params.get("cursor").map(str::to_owned) };
                ask_account(Wording::Accounts { listed: listed(), page })
            }
            Call::Account => {
                let uuid = route.name.to_owned();
                ask_account(Wording::Account { listed: listed(), uuid })
            }
            Call::AppAccounts => ask_account(Wording::AppAccounts { listed: listed() }),
            Call::Time
            | Call::Products
            | Call::Product
            | Call::Book
            | Call::Candles
            | Call::Trades
            | Call::BestBidAsk
            | Call::AppTime
            | Call::AppCurrencies
            | Call::AppCrypto
            | Call::AppRates => Err(ApiError::internal()),
        }
    }

    fn place(
        &self,
        now: Timestamp,
        body: &[u8],
        public: &Public<'_>,
        account: AccountId,
    ) -> Result<Step<String, Pending>, ApiError> {
        let draft = orders::read(body, &self.symbols, now, false)?;
        let client_order_id = draft.client_order_id.ok_or_else(ApiError::internal)?;
        let sent = Sent {
            client_order_id,
            configuration: draft.configuration,
            upward: draft.order.as_ref().ok().and_then(|o| o.kind.triggers_upward(o.side)),
        };
        // Whatever stands in the body: an id that was used before names its first order.
        if let Some(first) = self.ledger.desk(account).named(client_order_id) {
            return Ok(Step::Done(sent.taken(&self.renderer(account), &first.order)));
        }
        match draft.order.and_then(|order| has_liquidity(public, &order).map(|()| order)) {
            Err(refusal) => Ok(Step::Done(sent.refused(refusal))),
            Ok(order) => Ok(ask(account, AccountRequest::Place(order), Wording::Placed(sent))),
        }
    }

    fn preview(
        &self,
        now: Timestamp,
        body: &[u8],
        public: &Public<'_>,
        account: AccountId,
    ) -> Result<Step<String, Pending>, ApiError> {
        let draft = orders::read(body, &self.symbols, now, true)?;
        match draft.order.and_then(|order| has_liquidity(public, &order).map(|()| order)) {
            Err(refusal) => {
                let errs = vec![refusal.preview.to_owned()];
                Ok(Step::Done(text(&Preview { errs, ..Preview::default() })))
            }
            Ok(order) => {
                let figures = Box::new(self.figures(public, &order)?);
                let upward = order.kind.triggers_upward(order.side);
                let wording = Wording::Previewed { figures, upward };
                Ok(ask(account, AccountRequest::Test(order), wording))
            }
        }
    }

    /// What an order would come to: a limit order at its price, a market order at what the book has.
    fn figures(&self, public: &Public<'_>, order: &NewOrder) -> Result<Preview, ApiError> {
        let row = self.symbols.get(order.instrument).ok_or_else(ApiError::product)?;
        let book = public.book(order.instrument, u32::MAX)?;
        let quote = model::market::Quote {
            bid: book.bids.first().copied(),
            ask: book.asks.first().copied(),
        };
        let (bid, ask) = best(row, &quote);
        let limit = order.kind.price().map(model::Price::get);
        let (mut base, mut spent) = (Decimal::ZERO, Decimal::ZERO);
        let levels = if order.side == Side::Buy { &book.asks } else { &book.bids };
        let mut take = |at: Decimal, there: Decimal| {
            let wanted = match order.qty {
                OrderQty::Base(qty) => qty.get().checked_sub(base),
                OrderQty::Quote(sum) => sum.get().checked_sub(spent).and_then(|left| {
                    let qty = left.checked_div(at, Rounding::Down)?;
                    qty.down_to(row.instrument.lot.get())
                }),
            };
            let taken = wanted.unwrap_or(Decimal::ZERO).min(there).max(Decimal::ZERO);
            base = base.checked_add(taken).unwrap_or(base);
            let cost = at.checked_mul(taken, Rounding::Down);
            spent = cost.and_then(|cost| spent.checked_add(cost)).unwrap_or(spent);
        };
        match limit {
            Some(limit) => take(limit, Decimal::MAX),
            None => levels.iter().for_each(|l| take(price(row, l.price), qty(row, l.qty))),
        }
        let notional = model::Notional::try_from(spent).unwrap_or(model::Notional::ZERO);
        let whole = with_fee(notional, self.config.fees).unwrap_or(spent);
        let commission = whole.checked_sub(spent).unwrap_or(Decimal::ZERO);
        let total = match order.side {
            Side::Buy => Some(whole),
            Side::Sell => spent.checked_sub(commission),
        };
        let is_market = order.kind == OrderKind::Market;
        Ok(Preview {
            order_total: total.unwrap_or(spent).into(),
            commission_total: commission.into(),
            errs: Vec::new(),
            warning: vec!["UNKNOWN".to_owned()],
            quote_size: spent.into(),
            base_size: base.into(),
            best_bid: Num(bid),
            best_ask: Num(ask),
            is_max: false,
            slippage: Decimal::ZERO.into(),
            preview_id: ids::named(&["preview", &public.now.nanos().to_string()]),
            est_average_filled_price: Num(limit
                .filter(|_| !is_market)
                .or_else(|| spent.checked_div(base, Rounding::Down))),
        })
    }

    fn cancel(&self, body: &[u8], account: AccountId) -> Result<Step<String, Pending>, ApiError> {
        let CancelOrders { order_ids } = params::body(body)?;
        if order_ids.is_empty() {
            return Err(ApiError::invalid("order_ids is required"));
        }
        if order_ids.len() > CANCELS_MAX {
            let text = format!("cannot cancel more than {CANCELS_MAX} orders at a time");
            return Err(ApiError::invalid(text));
        }
        let cancels = Cancels { left: order_ids.into(), done: Vec::new() };
        Ok(match cancels.proceed(self.ledger.desk(account)) {
            Worded::Body(body) => Step::Done(body),
            Worded::Again(request, wording) => ask(account, request, wording),
        })
    }

    /// The exchange behind has no amendments: an edit of an order that could be edited is refused in
    /// the words of the engine.
    fn edit(&self, body: &[u8], account: AccountId, is_real: bool) -> Result<String, ApiError> {
        let edit: wire::EditOrder = params::body(body)?;
        let entry =
            ids::parse_order_id(&edit.order_id).and_then(|id| self.ledger.desk(account).order(id));
        let reason = match entry {
            None => "ORDER_NOT_FOUND",
            Some(_) if edit.price.is_unset() || edit.size.is_unset() => "INVALID_EDITED_SIZE",
            Some(entry) if !entry.order.status.is_open() => "ONLY_OPEN_ORDERS_CAN_BE_EDITED",
            Some(entry) if edit.size.or_zero() < entry.order.filled.get() => {
                "CANNOT_EDIT_TO_BELOW_FILLED_SIZE"
            }
            Some(_) => "COMMANDER_REJECTED_EDIT_ORDER",
        };
        let errors = vec![wire::EditError {
            edit_failure_reason: reason.to_owned(),
            preview_failure_reason: "UNKNOWN_PREVIEW_FAILURE_REASON".to_owned(),
        }];
        if is_real {
            return Ok(text(&wire::EditReply { success: false, errors }));
        }
        Ok(serde_json::json!({ "errors": errors }).to_string())
    }
}

fn ask(account: AccountId, request: AccountRequest, wording: Wording) -> Step<String, Pending> {
    Step::Ask { account, request, pending: Pending { account, usage: None, wording } }
}

/// A market order needs somebody on the other side.
fn has_liquidity(public: &Public<'_>, order: &NewOrder) -> Result<(), super::errors::Refusal> {
    if order.kind != OrderKind::Market {
        return Ok(());
    }
    let book = public.book(order.instrument, 1);
    let is_empty = book.is_ok_and(|book| match order.side {
        Side::Buy => book.asks.is_empty(),
        Side::Sell => book.bids.is_empty(),
    });
    if is_empty { Err(previewed("PREVIEW_INVALID_NO_LIQUIDITY")) } else { Ok(()) }
}
