//! The gateway's process: it starts, takes what comes, writes before it sends, and dies.
//!
//! The same order of things as in `runtime/src/gateway/core.rs` and `release.rs`: what is sent waits until
//! its records are durable, a cancel waits for nothing, and what adds risk and is late stays.

use std::time::Duration;

use gateway::{Config, ForeignOrders, Gateway, LEAVES_WITHIN};
use journal::StoreError;
use model::venue::{AccountRequest, Request};
use model::{Effect, Effects, Entry, Input, Link, Notice, Outcome, StoreTag, Timestamp};

use crate::agenda::Event;
use crate::disk::{Batch, Question};
use crate::faults::Fault;
use crate::life::Life;
use crate::setup;
use crate::world::{TIMER_EVERY, World};

/// How often the books are compared while nothing is wrong.
const RECONCILE_EVERY: Duration = Duration::from_secs(30);
/// How often the clocks are compared, and how often while they do not agree with what is known
/// (`runtime/src/gateway/clock_watch.rs`).
const MEASURE_EVERY: Duration = Duration::from_secs(30);
const MEASURE_SOON: Duration = Duration::from_secs(1);
/// For how long a store is lent (`journal/src/lease.rs`).
const LEASE: Duration = Duration::from_secs(10);
/// The loop's timers have this resolution.
const TICK: Duration = Duration::from_millis(1);

impl World {
    /// A gateway takes over the account, as soon as the venue and the disk let it.
    pub(crate) fn start(&mut self) {
        if self.life.is_some() {
            return;
        }
        if self.trouble.rest_down || self.disk.full {
            let pause = self.dice.process.between(Duration::from_secs(1), Duration::from_secs(4));
            return self.after(pause, Event::Start);
        }
        self.reads_journal();
        let session = self.disk.take_session();
        self.oracle.starts(session);
        self.lives += 1;
        let number = self.lives;
        let ahead = self.machine_ahead_ms * 1_000_000;
        let now = Timestamp::from_nanos(self.now.nanos() + ahead);
        let config = Config {
            limits: setup::limits(self.names.id(), setup::drawdown_bps(self.plan.seed)),
            profile: self.profile,
            foreign_orders: ForeignOrders::Adopt,
            late_stops: gateway::LateStops::Say,
            watched: false,
            paper: false,
            ramp: setup::ramp(self.plan.seed),
            overridden: Vec::new(),
            reconcile_every: RECONCILE_EVERY,
            version: String::new(),
            text: String::new(),
        };
        let books = self.disk.replay();
        let mut effects = Effects::new();
        let instruments = vec![self.names.instrument.clone()];
        #[cfg(feature = "defects")]
        let books = books.with_defect(self.defect);
        let gateway = Gateway::start(
            config,
            books,
            StoreTag::new(self.plan.seed),
            session,
            instruments,
            now,
            &mut effects,
        );
        #[cfg(feature = "defects")]
        let gateway = gateway.with_defect(self.defect);
        self.tell(|| {
            format!("gateway   starts, session {session}, its clock {}", ahead / 1_000_000)
        });
        let hosts = self.hosts(&gateway, session);
        let count = hosts.len();
        self.life = Some(Life {
            number,
            session,
            gateway,
            hosts,
            ahead,
            offset_ms: 0,
            wake: None,
            waiting: std::collections::BTreeMap::new(),
            gate: false,
            stopped: None,
            clearing: None,
            effects: Effects::new(),
        });
        self.carry_out(effects);
        self.clock_is_measured(number, true);
        if self.life.is_none() {
            // Killed over its first words.
            return;
        }
        for link in [Link::Account, Link::Market] {
            self.dial(link);
        }
        for host in 0..count {
            let pause =
                self.dice.agents.between(Duration::from_millis(20), Duration::from_millis(400));
            self.after(pause, Event::AgentUp { life: number, host });
        }
        self.after(TIMER_EVERY, Event::Timer { life: number });
    }

    /// The process is gone at once. With `kept`, the write under way had just become durable.
    pub(crate) fn dies(&mut self, why: &str, again_in: Duration) {
        self.check_replay();
        let kept = self.kept();
        self.falls(why, kept, again_in);
    }

    /// Had the write under way just become durable when the process was gone?
    fn kept(&mut self) -> bool {
        !self.disk.full && self.dice.disk.below(2) == 0
    }

    /// What is durable is read back, and what a bad disk made of it would be found.
    fn reads_journal(&mut self) {
        if let Err(error) = self.disk.read() {
            self.oracle.break_rule("I17", || format!("what was written is not read: {error}"));
        }
        if !self.trouble.on.has(Fault::BitFlip) {
            return;
        }
        let dice = &mut self.dice.disk;
        let Some((seq, read)) = self.disk.read_damaged(|below| dice.below(below)) else { return };
        self.fired.note(Fault::BitFlip);
        match read {
            Err(StoreError::Damaged { seq: found, .. }) if found == seq => {
                self.tell(|| {
                    format!("gateway   does not start: entry {seq} is damaged; it is mended")
                });
            }
            read => self.oracle.break_rule("I17", || {
                format!("entry {seq} of the journal was damaged, and reading it came to {read:?}")
            }),
        }
    }

    /// The books are the journal's, with everything that was handed over.
    pub(crate) fn check_replay(&mut self) {
        if let Err(error) = self.disk.read() {
            self.oracle.break_rule("I17", || format!("what was written is not read: {error}"));
        }
        let Some(life) = self.life.as_ref().filter(|life| life.clearing.is_none()) else { return };
        let folded = self.disk.folded();
        #[cfg(feature = "defects")]
        let folded = folded.with_defect(self.defect);
        self.oracle.check_replay(&life.gateway, &folded);
    }

    /// The same between two effects: what is not handed over yet is not in the journal.
    fn falls(&mut self, why: &str, kept: bool, again_in: Duration) {
        if self.life.take().is_none() {
            return;
        }
        let records = self.disk.lose(kept);
        self.oracle.is_durable(records);
        self.oracle.dies();
        self.tell(|| format!("gateway   is gone: {why}"));
        for link in [Link::Account, Link::Market] {
            let line = self.line(link);
            line.up = false;
            line.conn += 1;
        }
        self.after(again_in, Event::Start);
    }

    /// The power goes in the middle of a write. It is one transaction, and its beginning counts for nothing.
    fn tears(&mut self) {
        self.fired.note(Fault::TornWrite);
        self.check_replay();
        self.falls("the power went in the middle of a write", false, Duration::from_secs(2));
    }

    /// The process is stopped, and while it is the store is lent to another one. What it had written down
    /// just before is on its way out when it goes on after this time.
    pub(crate) fn is_followed(&mut self, stopped: Duration) -> bool {
        let runs = |life: &&Life| life.stopped.is_none() && life.clearing.is_none();
        let Some(session) = self.life.as_ref().filter(runs).map(|life| life.session) else {
            return false;
        };
        if self.disk.full {
            return false;
        }
        self.check_replay();
        let records = self.disk.writing();
        let under_way = self.disk.finish();
        self.oracle.is_durable(records);
        self.falls("another one takes over", false, LEASE);
        self.after(LEASE.max(stopped), Event::Followed { session, batches: under_way });
        true
    }

    /// A process that another one has followed goes on, finds that out, and sends nothing.
    pub(crate) fn goes_on_behind_another(&mut self, session: u64, batches: Vec<Batch>) {
        self.tell(|| {
            format!("gateway   of session {session} goes on: another one is in its place")
        });
        #[cfg(feature = "defects")]
        if self.defect == Some(gateway::Defect::FenceIgnored) {
            for Batch { sends, decided, .. } in batches {
                sends.into_iter().for_each(|question| self.dispatch(question, decided));
            }
        }
        #[cfg(not(feature = "defects"))]
        drop(batches);
    }

    /// Is it now that the plan kills it? Counted at every write and every send, before and after.
    pub(crate) fn is_killed_here(&mut self) -> bool {
        // What is killed while everything is to come to rest has no time for that.
        if self.healing {
            return false;
        }
        self.boundaries += 1;
        if self.crash.first != Some(self.boundaries) {
            return false;
        }
        self.crash.first = self.crash.again.take();
        self.boundaries = 0;
        self.fired.note(Fault::Kill);
        let kept = self.kept();
        self.falls("killed at a boundary", kept, Duration::from_secs(1));
        true
    }

    /// The gateway takes something into account.
    pub(crate) fn take(&mut self, input: &Input) {
        self.take_as_of(input, self.now);
    }

    pub(crate) fn take_as_of(&mut self, input: &Input, as_of: Timestamp) {
        let Some(life) = self.life.as_mut().filter(|life| life.clearing.is_none()) else { return };
        let now = life.clock(self.now);
        self.oracle.is_told(input, as_of);
        let mut effects = std::mem::take(&mut life.effects);
        life.gateway.apply(now, input, &mut effects);
        if let Input::Market(event) = input {
            self.show_market(event);
        }
        self.carry_out(effects);
    }

    /// Records first, and what is sent only by the word that they are durable; all but cancels.
    pub(crate) fn carry_out(&mut self, mut effects: Effects) {
        if effects.is_empty() {
            if let Some(life) = &mut self.life {
                life.effects = effects;
            }
            return;
        }
        self.oracle.effects(&effects);
        let Some(life) = &mut self.life else { return };
        let decided = life.clock(self.now);
        life.gate = life.gateway.state().0.adds_risk();
        self.active |= life.gate;
        let mut entries: Vec<Entry> = Vec::new();
        let mut sends: Vec<Question> = Vec::new();
        let mut news: Vec<Notice> = Vec::new();
        let mut distrusted = Vec::new();
        for effect in effects.drain(..) {
            match effect {
                Effect::Persist(entry) => entries.push(entry),
                Effect::Send { id, request: Request::Account(request), not_after, .. } => {
                    sends.push(Question { id, request, not_after });
                }
                // The core asks for nothing public.
                Effect::Send { request: Request::Market(_), .. } => {}
                Effect::Distrust { link, instrument, .. } => distrusted.push((link, instrument)),
                Effect::WakeAt(at) => self.wake_at(at),
                Effect::Notify(notice) => news.push(notice),
            }
        }
        if let Some(life) = &mut self.life {
            life.effects = effects;
        }
        for entry in &entries {
            self.note(entry);
        }
        self.check_gateway();
        self.pass_on(&news);
        for (link, instrument) in distrusted {
            self.distrust(link, instrument.is_some());
        }
        for question in &sends {
            let places = matches!(question.request, AccountRequest::Place(_));
            if let Some(life) = &mut self.life {
                life.waiting.insert(question.id, places);
            }
        }
        let (cancels, sends): (Vec<_>, Vec<_>) = sends.into_iter().partition(|question| {
            let is_cancel = matches!(question.request, AccountRequest::Cancel { .. });
            is_cancel && question.not_after.is_none()
        });
        for question in cancels {
            if !self.release(question, decided) {
                return;
            }
        }
        if entries.is_empty() {
            for question in sends {
                if !self.release(question, decided) {
                    return;
                }
            }
            return;
        }
        if self.disk.append(Batch { entries, sends, decided }) {
            self.write();
        }
    }

    fn check_gateway(&mut self) {
        if let Some(life) = &self.life {
            self.oracle.check_reserved(&life.gateway);
            self.oracle.check_bounds(&life.gateway);
        }
    }

    fn note(&mut self, entry: &Entry) {
        self.count(u64::try_from(entry.at.nanos()).unwrap_or(0));
        if let Some(text) = crate::story::record(&entry.record) {
            self.tell(text);
        }
        if let Some(id) = crate::story::names(&entry.record) {
            self.count_text(id.as_str());
        }
    }

    /// Sends a question, unless it must not leave any more; `false` when the process died over it.
    fn release(&mut self, question: Question, decided: Timestamp) -> bool {
        let Some(life) = &self.life else { return false };
        let now = life.clock(self.now);
        let late = question.not_after.is_some_and(|not_after| now > not_after || !life.gate);
        let places = matches!(question.request, AccountRequest::Place(_));
        if late || (places && now > decided.after(LEAVES_WITHIN)) {
            let (life, id) = (life.number, question.id);
            let outcome = Box::new(Outcome::NotSent("too late".to_owned()));
            self.after(Duration::ZERO, Event::Reply { life, id, outcome });
            return true;
        }
        if self.is_killed_here() {
            return false;
        }
        self.dispatch(question, decided);
        if places && self.plan.trial.is_some_and(|trial| trial.killed) {
            let kept = self.kept();
            self.falls("killed behind the order's first byte", kept, Duration::from_millis(500));
            return false;
        }
        !self.is_killed_here()
    }

    /// Begins to write what waits.
    fn write(&mut self) {
        let Some(life) = &self.life else { return };
        let life = life.number;
        self.disk.begin();
        let mut takes =
            self.dice.disk.between(Duration::from_micros(150), Duration::from_millis(3));
        if let Some((_, slow)) = self.trouble.slow.filter(|(until, _)| self.now < *until) {
            takes += self.dice.disk.heavy(slow);
            self.fired.note(Fault::SlowDisk);
        }
        self.after(takes, Event::Written { life });
    }

    /// What was being written is durable; what it covers leaves.
    pub(crate) fn written(&mut self, life: u32) {
        let current = self.life.as_ref().filter(|running| running.number == life);
        if current.is_none_or(|running| running.clearing.is_some()) {
            return;
        }
        if self.disk.full {
            return self.without_journal();
        }
        if std::mem::take(&mut self.trouble.tears) {
            return self.tears();
        }
        if self.is_killed_here() {
            return;
        }
        let records = self.disk.writing();
        let batches = self.disk.finish();
        self.oracle.is_durable(records);
        if self.is_killed_here() {
            return;
        }
        for batch in batches {
            for question in batch.sends {
                if !self.release(question, batch.decided) {
                    return;
                }
            }
        }
        if self.disk.has_more() {
            self.write();
        }
    }

    fn wake_at(&mut self, at: Timestamp) {
        let Some(life) = &mut self.life else { return };
        if life.wake.is_some_and(|earlier| earlier <= at) {
            return;
        }
        life.wake = Some(at);
        let (number, at) = (life.number, life.world_time(at).max(self.now).after(TICK));
        self.agenda.at(at, Event::Wake { life: number });
    }

    pub(crate) fn wakes(&mut self, life: u32) {
        let Some(running) = self.life.as_mut().filter(|running| running.number == life) else {
            return;
        };
        let now = running.clock(self.now);
        if running.wake.is_some_and(|at| at <= now) {
            running.wake = None;
            self.take(&Input::Wake);
        }
    }

    /// The venue's clock is compared with the gateway's: half of the way there and back is unknown.
    /// On a timer, and soon again while it is not where it was thought to be.
    pub(crate) fn clock_is_measured(&mut self, life: u32, goes_on: bool) {
        let error = i64::try_from(self.dice.network.below(21)).unwrap_or(0) - 10;
        let venue = self.venue_now();
        let Some(running) = self.life.as_mut().filter(|running| running.number == life) else {
            return;
        };
        let ours = running.clock(self.now);
        if self.trouble.rest_down {
            return self.after(MEASURE_SOON, Event::Clock { life, goes_on });
        }
        let ahead_ms = (venue.nanos() - ours.nanos()) / 1_000_000 + error;
        let step_ms = ahead_ms.abs_diff(running.offset_ms);
        running.offset_ms = ahead_ms;
        let known = step_ms <= gateway::CLOCK_STEP_MAX_MS;
        if goes_on || !known {
            let due = if known { MEASURE_EVERY } else { MEASURE_SOON };
            self.after(due, Event::Clock { life, goes_on });
        }
        self.take(&Input::Clock { ahead_ms });
    }
}
