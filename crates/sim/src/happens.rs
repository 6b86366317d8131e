//! One thing on the agenda has come: who deals with it.

use model::{Command, Input};

use crate::agenda::Event;
use crate::world::{TIMER_EVERY, World};

impl World {
    pub(crate) fn happens(&mut self, event: Event) {
        let Some(event) = self.unless_stopped(event) else { return };
        match event {
            Event::Phase(phase) => self.phase(phase),
            Event::Market => self.market_moves(),
            Event::Feed { conn, input, as_of } => self.feed(conn, &input, as_of),
            Event::Account { conn, event } => self.account(conn, event),
            Event::Linked { link, conn } => self.linked(link, conn),
            Event::Cut { link, conn, cause } => self.cut(link, conn, cause),
            Event::Snapshot { conn } => self.snapshot(conn),
            Event::Arrive(flight) => self.arrives(*flight),
            Event::Reply { life, id, outcome } => self.replied(life, id, *outcome),
            Event::CancelLater(id) => {
                let now = self.venue_now();
                self.front.cancel_now(now, id, &mut self.events);
                self.publish();
            }
            Event::RejectLater(id) => {
                let now = self.venue_now();
                self.front.engine.reject(now, id, &mut self.events);
                self.publish();
            }
            Event::Written { life } => self.written(life),
            Event::Wake { life } => self.wakes(life),
            Event::Timer { life } => {
                self.timer(life);
                if self.is_current(life) {
                    self.after(TIMER_EVERY, Event::Timer { life });
                }
            }
            Event::Words { life, host } => self.hears(life, host),
            Event::AgentUp { life, host } => self.agent_is_up(life, host),
            Event::Start => self.start(),
            Event::Clock { life, goes_on } => self.clock_is_measured(life, goes_on),
            Event::Clear { life } => self.clear(life),
            Event::Strike { fault, round } => self.strike(fault, round),
            Event::Ease(fault) => self.ease(fault),
            Event::Resume { life } => self.resume(life),
            Event::Followed { session, batches } => self.goes_on_behind_another(session, batches),
            Event::Drain => self.drain(),
        }
    }

    fn is_current(&self, life: u32) -> bool {
        self.life.as_ref().is_some_and(|running| running.number == life)
    }

    /// A process that was stopped goes on, with everything that has come meanwhile.
    pub(crate) fn resume(&mut self, life: u32) {
        let Some(running) = self.life.as_mut().filter(|running| running.number == life) else {
            return;
        };
        for event in running.stopped.take().unwrap_or_default() {
            self.agenda.at(self.now, event);
        }
    }

    /// What is for a process that is stopped waits for it.
    fn unless_stopped(&mut self, event: Event) -> Option<Event> {
        let for_process = match &event {
            Event::Feed { .. }
            | Event::Account { .. }
            | Event::Linked { .. }
            | Event::Cut { .. }
            | Event::Reply { .. }
            | Event::Written { .. }
            | Event::Wake { .. }
            | Event::Timer { .. }
            | Event::Words { .. }
            | Event::AgentUp { .. }
            | Event::Clock { .. }
            | Event::Clear { .. } => true,
            Event::Phase(_)
            | Event::Market
            | Event::Snapshot { .. }
            | Event::Arrive(_)
            | Event::CancelLater(_)
            | Event::RejectLater(_)
            | Event::Start
            | Event::Strike { .. }
            | Event::Ease(_)
            | Event::Resume { .. }
            | Event::Followed { .. }
            | Event::Drain => false,
        };
        let stopped = self.life.as_mut().and_then(|life| life.stopped.as_mut());
        match stopped {
            Some(waiting) if for_process => {
                waiting.push(event);
                None
            }
            _ => Some(event),
        }
    }

    fn agent_is_up(&mut self, life: u32, host: usize) {
        let Some(running) = self.life.as_mut().filter(|running| running.number == life) else {
            return;
        };
        if running.clearing.is_some() {
            return;
        }
        let Some(up) = running.hosts.get_mut(host) else { return };
        up.restore(&running.gateway);
        up.up = true;
        let agent = up.id;
        self.tell(|| format!("agent     {agent} is up"));
        self.take(&Input::Operator(Command::AgentUp { agent, version: None }));
        self.show_started(host);
    }
}
