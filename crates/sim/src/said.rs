//! Between the gateway and its agents: what they are shown, what they say, and their processes.

use std::time::Duration;

use engine::Event as AgentSees;
use gateway::Gateway;
use model::market::MarketEvent;
use model::{AgentEvent, Command, Input, Notice};

use crate::agenda::Event;
use crate::hosts::Host;
use crate::world::World;

impl World {
    pub(crate) fn timer(&mut self, life: u32) {
        let Some(running) = self.life.as_ref().filter(|running| running.number == life) else {
            return;
        };
        let hosts = running.hosts.len();
        (0..hosts).for_each(|host| self.show(host, &AgentSees::Timer));
    }

    fn show(&mut self, host: usize, event: &AgentSees<'_>) {
        if self.muted {
            return;
        }
        let Some(life) = &mut self.life else { return };
        let now = life.clock(self.now);
        let speaks = life.hosts[host].show(now, &life.gateway, event);
        self.listen_to(host, speaks);
    }

    pub(crate) fn show_market(&mut self, event: &MarketEvent) {
        let Some(life) = &self.life else { return };
        for host in 0..life.hosts.len() {
            self.show(host, &AgentSees::Market(event));
        }
    }

    pub(crate) fn show_started(&mut self, host: usize) {
        if self.life.is_some() {
            self.show(host, &AgentSees::Started);
        }
    }

    fn listen_to(&mut self, host: usize, speaks: bool) {
        let Some(life) = self.life.as_ref().filter(|_| speaks) else { return };
        let life = life.number;
        let pause = self.dice.agents.between(Duration::from_micros(200), Duration::from_millis(3));
        self.after(pause, Event::Words { life, host });
    }

    pub(crate) fn pass_on(&mut self, news: &[Notice]) {
        for notice in news {
            match notice {
                Notice::Alert(alert) => self.tell(|| format!("alert     {}", alert.text)),
                Notice::Agent(agent, event) => {
                    let Some(life) = &self.life else { return };
                    if let Some(host) = life.hosts.iter().position(|host| host.id == *agent) {
                        self.news(host, event);
                    }
                }
                Notice::AllAgents(event) => {
                    let Some(life) = &self.life else { return };
                    (0..life.hosts.len()).for_each(|host| self.news(host, event));
                }
            }
        }
    }

    fn news(&mut self, host: usize, event: &AgentEvent) {
        let muted = self.muted;
        let Some(life) = &mut self.life else { return };
        let now = life.clock(self.now);
        let host_of = &mut life.hosts[host];
        if muted {
            return host_of.hear_only(event);
        }
        let speaks = host_of.news(now, &life.gateway, event);
        self.listen_to(host, speaks);
    }

    /// What an agent has said reaches the gateway.
    pub(crate) fn hears(&mut self, life: u32, host: usize) {
        while let Some(running) = self.life.as_mut().filter(|running| running.number == life) {
            let Some(intent) = running.hosts[host].words.pop_front() else { return };
            if running.clearing.is_some() {
                return;
            }
            if self.plan.intents_max.is_some_and(|most| self.intents >= most) {
                continue;
            }
            self.intents += 1;
            self.oracle.seen.intents += 1;
            self.oracle.wants(&intent);
            self.tell(|| crate::story::intent(&intent));
            self.take(&Input::Intent(intent));
        }
    }

    /// An agent's process dies; the gateway hears of it, and it is started again.
    pub(crate) fn agent_dies(&mut self, host: usize) {
        let Some(life) = &self.life else { return };
        let (number, session) = (life.number, life.session);
        let Some(agent) = life.hosts.get(host).map(|host| host.id) else { return };
        let strategy = self.strategy(agent);
        let Some(life) = &mut self.life else { return };
        life.hosts[host].dies(strategy, session);
        self.tell(|| format!("agent     {agent} dies"));
        let cause = "it died".to_owned();
        self.take(&Input::Operator(Command::AgentGone { agent, cause }));
        let pause = self.dice.agents.between(Duration::from_millis(100), Duration::from_secs(5));
        self.after(pause, Event::AgentUp { life: number, host });
    }

    pub(crate) fn hosts(&mut self, gateway: &Gateway, session: u64) -> Vec<Host> {
        let agents = self.plan.agents;
        let names = &self.names;
        let wanted = [
            (agents.maker, names.maker),
            (agents.reversion, names.reversion),
            (agents.hostile, names.hostile),
            (true, names.probe),
        ];
        let wanted = wanted.into_iter().filter(|(runs, _)| *runs);
        wanted.map(|(_, id)| Host::new(id, self.strategy(id), gateway, session)).collect()
    }
}
