//! Rounds: a time with faults, then a time to heal, at the end of which everything has to agree.

use std::time::Duration;

use model::{Command, HaltedBy, Input, ResumeCode};

use crate::agenda::{Event, Phase, Resume};
use crate::faults::Fault;
use crate::front::{Answer, Manners};
use crate::oracle::VenueBooks;
use crate::plan::{LIVE_WITHIN, STILL};
use crate::trial::{SETTLED_WITHIN, settled_by};
use crate::trouble::lasts;
use crate::world::World;

/// How often a person looks at what is left after a healing.
const ACCEPT_EVERY: Duration = Duration::from_secs(10);
/// When, after a healing, a script tries to lift a halt by both steps at once.
const RESUMES_AT_ONCE: Duration = Duration::from_secs(3);
/// When a person takes the first step, and the second one long enough after it.
const RESUMES_FIRST: Duration = Duration::from_secs(25);
/// See [`RESUMES_FIRST`].
const RESUMES_SECOND: Duration = Duration::from_secs(58);

impl World {
    /// The first things that happen.
    pub(crate) fn begin(&mut self) {
        let (now, id) = (self.venue_now(), self.names.id());
        let book = self.market.book();
        self.front.engine.background(now, id, &book, &mut self.events);
        self.events.clear();
        self.agenda.at(self.now, Event::Market);
        self.agenda.at(self.now, Event::Start);
        match self.plan.trial {
            Some(trial) => {
                self.trouble.account_silent = !trial.told;
                self.market.busy = true;
                self.oracle.settles_within = Some(self.plan.quiet() + SETTLED_WITHIN);
                let settled = settled_by(self.plan.quiet());
                // The quiet time counts while the market moves; it rests only when that is over.
                self.after(settled, Event::Phase(Phase::Still));
                self.after(settled + STILL / 2, Event::Phase(Phase::Compare));
            }
            None => self.agenda.at(self.now, Event::Phase(Phase::Faults)),
        }
    }

    pub(crate) fn phase(&mut self, phase: Phase) {
        let round = self.round;
        self.tell(|| format!("---- {phase:?}, round {round}"));
        match phase {
            Phase::Faults => self.faults_begin(),
            Phase::Heal => self.heal(),
            Phase::Accept => {
                self.take(&Input::Operator(Command::AcceptDifferences));
                // What is left may be known only when the doubts are settled.
                if !self.muted {
                    self.after(ACCEPT_EVERY, Event::Phase(Phase::Accept));
                }
            }
            Phase::Alive => {
                let gateway = self.life.as_ref().map(|life| &life.gateway);
                let wanted = self.plan.intents_max.is_none_or(|most| self.intents < most);
                self.oracle.check_alive(gateway, self.active, wanted);
            }
            Phase::Resume(step) => self.a_person_resumes(step),
            Phase::Silence => self.muted = true,
            Phase::Still => self.market.still = true,
            Phase::Compare => self.compare(),
        }
    }

    fn faults_begin(&mut self) {
        self.muted = false;
        self.healing = false;
        self.market.still = false;
        self.trouble.begin(&self.plan, self.round);
        if self.trouble.on.has(Fault::Skew) {
            let most = 10 * i64::try_from(self.trouble.level(Fault::Skew)).unwrap_or(0);
            let drawn = self.dice.people.below(u64::try_from(2 * most + 1).unwrap_or(1));
            self.machine_ahead_ms = i64::try_from(drawn).unwrap_or(0) - most;
            self.fired.note(Fault::Skew);
        }
        let round = self.round;
        for fault in self.trouble.on.iter() {
            if lasts(fault).is_some() {
                let every = self.trouble.every(fault);
                let pause = self.dice.people.pause(every / 2);
                self.after(pause, Event::Strike { fault, round });
            }
        }
        // One world in sixteen is halted by a person, in one of its rounds.
        if self.plan.seed % 16 == 3 && round == self.plan.seed / 16 % self.plan.rounds() {
            self.oracle.halt_is_asked_for();
            let halt = Command::halt(HaltedBy::Person, "a person has seen enough");
            self.take(&Input::Operator(halt));
        }
        let (faulty, _) = self.plan.phases();
        self.after(faulty, Event::Phase(Phase::Heal));
    }

    /// Every fault ends.
    fn heal(&mut self) {
        for fault in Fault::ALL {
            self.ease(fault);
        }
        self.trouble.end();
        self.machine_ahead_ms = 0;
        let now = self.venue_now();
        self.front.lag(now, None);
        if let Some(life) = self.life.as_ref().map(|life| life.number) {
            self.resume(life);
        }
        self.oracle.accepted = 0;
        self.active = false;
        self.healing = true;
        let (_, healed) = self.plan.phases();
        if self.oracle.is_halted() {
            self.after(RESUMES_AT_ONCE, Event::Phase(Phase::Resume(Resume::AtOnce)));
            self.after(RESUMES_FIRST, Event::Phase(Phase::Resume(Resume::First)));
            self.after(RESUMES_SECOND, Event::Phase(Phase::Resume(Resume::Second)));
        }
        self.after(LIVE_WITHIN / 2, Event::Phase(Phase::Accept));
        self.after(LIVE_WITHIN, Event::Phase(Phase::Alive));
        self.after(healed - STILL, Event::Phase(Phase::Accept));
        self.after(healed - STILL, Event::Phase(Phase::Silence));
        self.after(healed - STILL / 2, Event::Phase(Phase::Still));
        self.after(healed, Event::Phase(Phase::Compare));
    }

    /// A person wants to go on after a halt: at once with a script, which must come to nothing, and then in two
    /// steps with time between them.
    fn a_person_resumes(&mut self, step: Resume) {
        let code = |text: &str| ResumeCode::new(text);
        let request = |text| Input::Operator(Command::ResumeRequested { code: code(text) });
        let confirm = |text| Input::Operator(Command::ResumeConfirmed { code: code(text) });
        match step {
            Resume::AtOnce => {
                self.take(&confirm("forged"));
                self.take(&request("script"));
                self.take(&confirm("script"));
            }
            Resume::First => self.take(&request("person")),
            Resume::Second => {
                self.oracle.may_resume(true);
                self.take(&confirm("person"));
                self.oracle.may_resume(false);
            }
        }
    }

    fn compare(&mut self) {
        let now = self.venue_now();
        let mut answers = Vec::new();
        for question in VenueBooks::QUESTIONS {
            let answer =
                self.front.execute(now, &question, now, Manners::default(), &mut self.events);
            if let Answer::Done(response) = answer {
                answers.push(response);
            }
        }
        self.publish();
        self.check_replay();
        if let (Some(account), Some(open)) = (answers.pop(), answers.pop()) {
            let venue = VenueBooks { open, account };
            match &self.life {
                Some(life) => self.oracle.check_agreement(&life.gateway, &venue),
                None => self.oracle.break_rule("I31", || "the gateway is not running".to_owned()),
            }
        }
        self.round += 1;
        if self.round >= self.plan.rounds() {
            self.finished = true;
        } else {
            self.after(Duration::ZERO, Event::Phase(Phase::Faults));
        }
    }
}
