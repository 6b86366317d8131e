//! What the guardrails look at besides the order's own instrument, gathered for one order.

use model::{AgentId, Asset, InstrumentId, Notional, OrderSpec, Price, Side, Timestamp};

use crate::books::Exposure;
use crate::gateway::Gateway;
use crate::limits::Limits;
use crate::risk::{AgentSituation, Held, Lately, Worst};

impl Gateway {
    /// What is known of the agent itself.
    pub(crate) fn agent_situation<'a>(
        &'a self,
        limits: &'a Limits,
        agent: AgentId,
    ) -> AgentSituation<'a> {
        let limits = limits.agent.get(&agent);
        AgentSituation { disabled: self.books.disabled(agent), limits }
    }

    /// Where the reference price was when the limits look at it.
    pub(crate) fn walked_from(&self, now: Timestamp, instrument: InstrumentId) -> Option<Price> {
        let limits = self.limits().instrument.get(&instrument)?;
        self.references.ago(now, instrument, limits.walk_window())
    }

    /// The reference price of an instrument may have moved.
    pub(crate) fn note_reference(
        &mut self,
        now: Timestamp,
        instrument: InstrumentId,
        price: Option<Price>,
    ) {
        let Some(limits) = self.config.limits.instrument.get(&instrument) else { return };
        self.references.note(now, instrument, price, limits.walk_window());
    }

    /// What was sent lately.
    pub(crate) fn lately(
        &self,
        agent: AgentId,
        instrument: InstrumentId,
        (quote, limited): (Option<Asset>, bool),
    ) -> Lately<'_> {
        Lately {
            agent: self.books.flow(agent),
            account: self.books.messages(),
            turnover: self.books.turnover(instrument),
            agent_turnover: quote
                .filter(|_| limited)
                .and_then(|quote| self.books.agent_turnover(agent, quote)),
        }
    }

    /// The worst that everything could become without the order.
    pub(crate) fn worst(
        &self,
        now: Timestamp,
        agent: AgentId,
        spec: &OrderSpec,
        (quote, limited): (Option<Asset>, bool),
    ) -> Worst {
        let instrument = spec.instrument;
        let books = &self.books;
        let account = self.of(now, None, instrument, books.exposure(instrument));
        let elsewhere = self.elsewhere(now, None, instrument, quote, books.exposures());
        let (mut agent_held, mut agent_elsewhere) = (Held::default(), Ok(Notional::ZERO));
        // Looked up only where somebody asks for it.
        if limited || spec.effect.is_some() {
            let own = books.agent_exposure(agent, instrument);
            let theirs = books.agent_exposures(agent);
            agent_held = self.of(now, Some(agent), instrument, own);
            agent_elsewhere = self.elsewhere(now, Some(agent), instrument, quote, theirs);
        }
        Worst { account, agent: agent_held, elsewhere, agent_elsewhere }
    }

    fn of(
        &self,
        now: Timestamp,
        agent: Option<AgentId>,
        instrument: InstrumentId,
        exposure: Exposure,
    ) -> Held {
        let shadow = |side| self.books.shadow_of(now, agent, instrument, side);
        Held { exposure, shadow_buys: shadow(Side::Buy), shadow_sells: shadow(Side::Sell) }
    }

    /// Worst cases of the other instruments that are paid in the same asset.
    fn elsewhere(
        &self,
        now: Timestamp,
        agent: Option<AgentId>,
        but: InstrumentId,
        quote: Option<Asset>,
        all: impl Iterator<Item = (InstrumentId, Exposure)>,
    ) -> Result<Notional, InstrumentId> {
        let mut sum = Notional::ZERO;
        for (instrument, exposure) in all.filter(|(instrument, _)| *instrument != but) {
            if self.quote(instrument) != quote {
                continue;
            }
            let held = self.of(now, agent, instrument, exposure);
            if held.worst(None).is_some_and(model::Qty::is_zero) {
                continue;
            }
            let value = self.mark(instrument).and_then(|price| held.value(price));
            sum = value.and_then(|value| sum.checked_add(value)).ok_or(instrument)?;
        }
        Ok(sum)
    }

    pub(crate) fn quote(&self, instrument: InstrumentId) -> Option<Asset> {
        match self.markets.get(instrument) {
            Some(market) => Some(market.instrument().quote),
            None => instrument.assets().map(|(_, quote)| quote),
        }
    }

    /// What a position is valued at: the last reference price there was, else, of what is not followed any
    /// more, what it cost.
    pub(crate) fn mark(&self, instrument: InstrumentId) -> Option<Price> {
        let cost = || self.books.position(instrument)?.entry_price();
        self.references.last(instrument).or_else(cost)
    }
}
