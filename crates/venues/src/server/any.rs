//! Any dialect as one type, so that whoever serves one need not know which it is.

use std::any::Any;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use model::venue::{PublicMarket, Response, VenueError, VenueEvent};
use model::{AccountId, Timestamp};

use super::{
    ConnId, Dialect, Frame, HttpRequest, HttpResponse, LimitChange, SocketClass, Step, Telling,
    Topic,
};

/// What some dialect remembers between a question and its answer.
pub struct AnyPending(Box<dyn Any + Send>);

/// Some dialect.
pub type AnyDialect = Box<dyn Dialect<Pending = AnyPending>>;

/// A dialect without the type of what it remembers.
pub fn erased<D: Dialect<Pending: 'static> + 'static>(dialect: D) -> AnyDialect {
    Box::new(Erased(dialect))
}

struct Erased<D>(D);

fn hidden<Done, P: Send + 'static>(step: Step<Done, P>) -> Step<Done, AnyPending> {
    match step {
        Step::Done(done) => Step::Done(done),
        Step::Ask { account, request, pending } => {
            Step::Ask { account, request, pending: AnyPending(Box::new(pending)) }
        }
    }
}

/// What this dialect remembered.
///
/// # Panics
///
/// Where it is another dialect's: an answer was handed to somebody who never asked.
fn known<P: 'static>(pending: AnyPending) -> P {
    *pending.0.downcast().expect("an answer goes to the dialect that asked")
}

impl<D: Dialect<Pending: 'static>> Dialect for Erased<D> {
    type Pending = AnyPending;

    fn http(
        &mut self,
        now: Timestamp,
        request: &HttpRequest<'_>,
        market: &dyn PublicMarket,
    ) -> Step<HttpResponse, AnyPending> {
        hidden(self.0.http(now, request, market))
    }

    fn http_reply(
        &mut self,
        now: Timestamp,
        pending: AnyPending,
        answer: Result<Response, VenueError>,
    ) -> Step<HttpResponse, AnyPending> {
        hidden(self.0.http_reply(now, known(pending), answer))
    }

    fn connect(
        &mut self,
        now: Timestamp,
        conn: ConnId,
        request: &HttpRequest<'_>,
    ) -> Result<(), HttpResponse> {
        self.0.connect(now, conn, request)
    }

    fn text(
        &mut self,
        now: Timestamp,
        conn: ConnId,
        text: &str,
        market: &dyn PublicMarket,
        out: &mut Vec<Frame>,
    ) -> Step<(), AnyPending> {
        hidden(self.0.text(now, conn, text, market, out))
    }

    fn socket_reply(
        &mut self,
        now: Timestamp,
        conn: ConnId,
        pending: AnyPending,
        answer: Result<Response, VenueError>,
        out: &mut Vec<Frame>,
    ) {
        self.0.socket_reply(now, conn, known(pending), answer, out);
    }

    fn control(&mut self, now: Timestamp, conn: ConnId, pong: bool, out: &mut Vec<Frame>) {
        self.0.control(now, conn, pong, out);
    }

    fn disconnect(&mut self, conn: ConnId) {
        self.0.disconnect(conn);
    }

    fn events(
        &mut self,
        now: Timestamp,
        events: &[VenueEvent],
        market: &dyn PublicMarket,
        out: &mut Vec<Frame>,
    ) {
        self.0.events(now, events, market, out);
    }

    fn tick(&mut self, now: Timestamp, market: &dyn PublicMarket, out: &mut Vec<Frame>) {
        self.0.tick(now, market, out);
    }

    fn tick_ms(&self) -> u64 {
        self.0.tick_ms()
    }

    fn run_out(&mut self, now: Timestamp) -> Vec<AccountId> {
        self.0.run_out(now)
    }

    fn socket_class(&self, conn: ConnId) -> Option<SocketClass> {
        self.0.socket_class(conn)
    }

    fn topic(&self, conn: ConnId, text: &str) -> Topic {
        self.0.topic(conn, text)
    }

    fn method(&self, text: &str) -> String {
        self.0.method(text)
    }

    fn answer_status(&self, text: &str) -> Option<u16> {
        self.0.answer_status(text)
    }

    fn question(&self, request: &HttpRequest<'_>) -> String {
        self.0.question(request)
    }

    fn only_asks(&self, request: &HttpRequest<'_>) -> bool {
        self.0.only_asks(request)
    }

    fn retold(
        &self,
        now: Timestamp,
        request: &HttpRequest<'_>,
        telling: &Telling,
    ) -> Option<HttpResponse> {
        self.0.retold(now, request, telling)
    }

    fn throttled(&mut self, now: Timestamp, peer: IpAddr, wait: Duration) -> HttpResponse {
        self.0.throttled(now, peer, wait)
    }

    fn banned(&mut self, now: Timestamp, peer: IpAddr, wait: Duration) -> HttpResponse {
        self.0.banned(now, peer, wait)
    }

    fn change_limits(&mut self, change: &LimitChange) {
        self.0.change_limits(change);
    }

    fn end_subscriptions(&mut self, now: Timestamp, out: &mut Vec<Frame>) {
        self.0.end_subscriptions(now, out);
    }

    fn shutdown_notice(&self, now: Timestamp, conn: ConnId) -> Option<Arc<str>> {
        self.0.shutdown_notice(now, conn)
    }
}
