//! Requests over REST: what is asked, by whom, and whether the exchange must be asked.

use model::Timestamp;
use model::venue::PublicMarket;

use super::account_calls::Plan;
use super::calls::Call;
use super::errors::ApiError;
use super::params::Params;
use super::state::{BinanceServer, Pending, Way};
use super::time_unit::TimeUnit;
use super::{auth, calls, strict, wallet};
use crate::server::{HttpRequest, Step};

impl BinanceServer {
    /// Answers a request, or says what to ask.
    pub(super) fn rest(
        &mut self,
        now: Timestamp,
        request: &HttpRequest<'_>,
        market: &dyn PublicMarket,
    ) -> Result<Step<String, Pending>, ApiError> {
        let unit = TimeUnit::parse(request.header("x-mbx-time-unit"))?;
        if request.path == "/api/v3/userDataStream" {
            return self.listen_key(now, request).map(Step::Done);
        }
        let body = std::str::from_utf8(request.body)
            .map_err(|_| ApiError::bad(-1100, "Illegal characters found in a parameter."))?;
        // Some clients send an empty JSON object where nothing is meant.
        let body = if body.trim_start().starts_with('{') { "" } else { body };
        let params = Params::from_form(request.query, body);
        let Some(call) = calls::route(request.method, request.path) else {
            self.limits.charge(&self.config, now, request.peer, 1)?;
            return Err(ApiError::not_found());
        };
        let weight = call.weight(&params);
        self.limits.charge(&self.config, now, request.peer, weight)?;
        if call.is_public() {
            strict::check(call, &params, strict::Frame::Public)?;
            let answer = self.public(now, market).answer(call, &params)?;
            return Ok(Step::Done(unit.convert(answer)));
        }
        let key = self.keys.find(request.header("x-mbx-apikey"))?;
        strict::check(call, &params, strict::Frame::Signed)?;
        auth::check_rest(key, &params, request.query, body, now)?;
        key.may(now, call)?;
        if call == Call::ApiRestrictions {
            return Ok(Step::Done(wallet::api_restrictions(now, &key.scopes)));
        }
        let account = key.account;
        let plan = self.plan(now, account, call, &params)?;
        Ok(match plan {
            Plan::Ready(body) => Step::Done(body),
            Plan::Ask(asked, wording) => {
                let (peer, way) = (request.peer, Way::Http(unit));
                let pending = Pending { account, call, weight, peer, wording, way };
                Step::Ask { account, request: asked, pending }
            }
        })
    }
}
