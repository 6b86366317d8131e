//! What a person asks of the running gateway that changes what it does: to halt, to flatten, to resume.
//!
//! The core decides; here is what it has no hands for: the code is drawn, what the person is shown is put
//! together, and the halt file goes when the halt is lifted.

use gateway::{Gateway, TrackedOrder};
use model::{
    Command, Effects, HaltCause, HaltLevel, HaltedBy, Input, NetQty, RESUME_AFTER, RESUME_WITHIN,
    ResumeCode, ResumeStep, Timestamp,
};
use tokio::sync::oneshot;

use super::core::Core;
use super::hands::{TRIES_MAX, draw};
use crate::clock;
use crate::control::{Answer, OrderShown, ResumeShown, Trading};

/// Longest reason that is taken, characters.
const REASON_MAX: usize = 500;

impl Core {
    /// Halts, or halts further.
    pub(super) fn halt(
        &mut self,
        (level, by): (HaltLevel, HaltedBy),
        reason: &str,
        reply: oneshot::Sender<Answer>,
        (effects, wake): (&mut Effects, &mut Option<Timestamp>),
    ) {
        let reason: String = reason.chars().take(REASON_MAX).collect();
        let cause = HaltCause::new(by, reason);
        self.take(&Input::Operator(Command::Halt { level, cause }), effects, wake);
        let answer = Answer::Halted(trading(&self.gateway));
        self.answer_when_durable(vec![(reply, answer)]);
    }

    /// One of the two steps towards lifting a halt.
    pub(super) fn resume(
        &mut self,
        code: Option<&str>,
        reply: oneshot::Sender<Answer>,
        (effects, wake): (&mut Effects, &mut Option<Timestamp>),
    ) {
        if !self.hands.may_try(clock::now()) {
            tracing::warn!("more than {TRIES_MAX} tries to resume in a minute: not looked at");
            let text = format!("more than {TRIES_MAX} tries to resume in a minute; wait");
            let _ = reply.send(Answer::Error(text));
            return;
        }
        let before = self.gateway.latch().cloned();
        let (step, code, command) = match code {
            Some(code) => {
                let code = ResumeCode::new(code.trim());
                (ResumeStep::Second, None, Command::ResumeConfirmed { code })
            }
            None => {
                let Some(code) = draw() else {
                    let text = "the system has no random numbers to draw a code from";
                    let _ = reply.send(Answer::Error(text.to_owned()));
                    return;
                };
                (ResumeStep::First, Some(code.clone()), Command::ResumeRequested { code })
            }
        };
        let mut shown = self.show(step);
        self.take(&Input::Operator(command), effects, wake);
        shown.refused = self.gateway.resume_refused().to_vec();
        shown.resumed = before.is_some() && self.gateway.latch().is_none();
        shown.trading = trading(&self.gateway);
        if shown.resumed {
            self.hands.are_done();
        }
        if shown.refused.is_empty() {
            shown.code = code.map(|code| code.reveal().to_owned());
        }
        self.answer_when_durable(vec![(reply, Answer::Resume(Box::new(shown)))]);
    }

    /// All that a person has to see before a halt is lifted.
    fn show(&self, step: ResumeStep) -> ResumeShown {
        let books = self.gateway.books();
        let latch = self.gateway.latch();
        let positions = books.positions().map(|(id, position)| (id, position.net()));
        ResumeShown {
            step,
            resumed: false,
            code: None,
            not_before_s: RESUME_AFTER.as_secs(),
            not_after_s: RESUME_WITHIN.as_secs(),
            by: latch.and_then(|latch| latch.by),
            since: latch.map(|latch| latch.since),
            trading: trading(&self.gateway),
            positions: positions.filter(|(_, net)| *net != NetQty::ZERO).collect(),
            open_orders: books.open_orders().map(order).collect(),
            differences: self.waiting.left(),
            refused: Vec::new(),
        }
    }
}

/// What is let through, and why not more.
pub(super) fn trading(gateway: &Gateway) -> Trading {
    let (state, cause) = gateway.state();
    Trading { state, cause: cause.to_owned() }
}

fn order(order: &TrackedOrder) -> OrderShown {
    OrderShown {
        client_order_id: order.order.client_order_id,
        agent: order.agent,
        instrument: order.order.instrument,
        side: order.order.side,
        leaves: order.leaves(),
        price: order.order.kind.price(),
        trigger: order.order.kind.trigger(),
        state: order.state,
    }
}
