//! What the books say.

use std::collections::{BTreeMap, BTreeSet};

use model::{
    AgentId, Amount, Asset, Balance, BreakerName, ClientOrderId, Discrepancy, EquityMark,
    Instrument, InstrumentId, IntentId, OrderState, Position, Timestamp, TradeId, VenueOrderId,
};

use super::{Books, Costs, Exposure, KnownFill, Ramped, Standing, TrackedOrder, VenueKey};
use crate::defects::Defect;

impl Books {
    /// How long trading was active and clean, and which agents came up.
    pub fn ramped(&self) -> &Ramped {
        &self.ramped
    }

    /// Number of this start.
    pub fn session(&self) -> u64 {
        self.session
    }

    /// Are these the books of a paper account? Only what has started at least once is of either kind.
    pub fn is_paper(&self) -> bool {
        self.paper
    }

    /// The rules of an instrument, if they have changed since the journal began.
    pub fn instrument(&self, id: InstrumentId) -> Option<&Instrument> {
        self.instruments.get(&id)
    }

    /// Client order ids given out in this session.
    pub fn ids_used(&self) -> u64 {
        self.ids_used
    }

    /// An order by our name for it.
    pub fn order(&self, id: &ClientOrderId) -> Option<&TrackedOrder> {
        self.orders.get(id)
    }

    /// The order that came from this intent.
    pub fn order_of(&self, agent: AgentId, intent: IntentId) -> Option<&TrackedOrder> {
        self.orders.get(self.by_intent.get(&(agent, intent))?)
    }

    /// An order by the venue's name for it, which is one only together with its instrument.
    pub fn order_at_venue(&self, key: VenueKey) -> Option<&TrackedOrder> {
        self.orders.get(self.by_venue.get(&key)?)
    }

    /// Orders that may still execute, by name.
    pub fn open_orders(&self) -> impl Iterator<Item = &TrackedOrder> {
        self.open.iter().filter_map(|id| self.orders.get(id))
    }

    /// Those of them that the venue has answered, in the order in which it took them: its numbers rise.
    pub fn answered_orders(&self) -> Vec<(&TrackedOrder, VenueOrderId)> {
        let known = self.open_orders().filter_map(|known| Some((known, known.venue_order_id?)));
        let mut known: Vec<_> = known.collect();
        known.sort_by_key(|(_, id)| (id.as_str().len(), *id));
        known
    }

    /// How many orders may still execute.
    pub fn open_count(&self) -> u32 {
        u32::try_from(self.open.len()).unwrap_or(u32::MAX)
    }

    /// Has this execution been counted?
    pub fn knows_trade(&self, instrument: InstrumentId, trade: TradeId) -> bool {
        self.trades.knows(&(instrument, trade)) && !self.planted.is(Defect::FillCountedTwice)
    }

    /// What the account holds of an instrument through orders of this gateway and reported others.
    pub fn position(&self, instrument: InstrumentId) -> Option<&Position> {
        self.positions.get(&instrument)
    }

    /// Everything that was ever held.
    pub fn positions(&self) -> impl Iterator<Item = (InstrumentId, &Position)> {
        self.positions.iter().map(|(instrument, position)| (*instrument, position))
    }

    /// What one agent holds.
    pub fn agent_position(&self, agent: AgentId, instrument: InstrumentId) -> Option<&Position> {
        self.agent_positions.get(&(agent, instrument))
    }

    /// Positions of one agent, by instrument.
    pub fn agent_positions(
        &self,
        agent: AgentId,
    ) -> impl Iterator<Item = (InstrumentId, &Position)> {
        self.agent_positions
            .iter()
            .filter(move |((owner, _), _)| *owner == agent)
            .map(|((_, instrument), position)| (*instrument, position))
    }

    /// Position and open orders of an instrument, for worst cases.
    pub fn exposure(&self, instrument: InstrumentId) -> Exposure {
        self.exposures.get(&instrument).copied().unwrap_or_default()
    }

    /// The same of everything that was ever traded.
    pub fn exposures(&self) -> impl Iterator<Item = (InstrumentId, Exposure)> {
        self.exposures.iter().map(|(instrument, exposure)| (*instrument, *exposure))
    }

    /// What one agent holds and has open of an instrument.
    pub fn agent_exposure(&self, agent: AgentId, instrument: InstrumentId) -> Exposure {
        self.agent_exposures.get(&(agent, instrument)).copied().unwrap_or_default()
    }

    /// The same of everything that it ever traded.
    pub fn agent_exposures(
        &self,
        agent: AgentId,
    ) -> impl Iterator<Item = (InstrumentId, Exposure)> {
        self.agent_exposures
            .iter()
            .filter(move |((owner, _), _)| *owner == agent)
            .map(|((_, instrument), exposure)| (*instrument, *exposure))
    }

    /// What everything open of an instrument comes to at its worst prices.
    pub(crate) fn costs(&self, instrument: InstrumentId) -> Costs {
        self.costs.get(&instrument).copied().unwrap_or_default()
    }

    /// Where the account's own orders of an instrument stand.
    pub(crate) fn standing(&self, instrument: InstrumentId) -> Option<&Standing> {
        self.standing.get(&instrument)
    }

    /// Balances as the venue last told them.
    pub fn balances(&self) -> &BTreeMap<Asset, Balance> {
        &self.balances
    }

    /// Age of the balances, by the venue's clock.
    pub fn balances_at(&self) -> Timestamp {
        self.balances_at
    }

    /// Venue time of the first balances: what executed until then is in them.
    pub fn balances_since(&self) -> Option<Timestamp> {
        self.balances_since
    }

    /// Our own count of an asset; `None` before the venue told a first balance.
    pub fn counted(&self, asset: Asset) -> Option<Amount> {
        self.ledger.get(&asset).copied()
    }

    /// Our counts of all assets.
    pub fn counts(&self) -> &BTreeMap<Asset, Amount> {
        &self.ledger
    }

    /// Is this our count of an asset, now or at some time in the last [`LAG_MAX`]? `dated` is the time of
    /// the picture by the venue's clock, where it says one: nothing older can be missing from it.
    pub(crate) fn counted_lately(
        &self,
        now: Timestamp,
        dated: Option<Timestamp>,
        asset: Asset,
        told: Amount,
    ) -> bool {
        let counted = self.counted(asset);
        counted.is_none_or(|c| c == told || self.recent.was((now, dated), asset, c, told))
    }

    /// Executions that can still be undone, oldest first.
    pub fn known_fills(&self) -> impl Iterator<Item = &KnownFill> {
        self.recent.fills()
    }

    /// Dust of an asset that was taken over so far, whichever way it went.
    pub fn dust(&self, asset: Asset) -> Amount {
        self.dust.get(&asset).copied().unwrap_or(Amount::ZERO)
    }

    /// When the books were last compared with the venue's, by our clock; `None` when they never were.
    pub fn compared_at(&self) -> Option<Timestamp> {
        self.compared_at
    }

    /// What was found and corrected and still waits for a person's word. It survives a restart.
    pub fn unaccepted(&self) -> &[Discrepancy] {
        &self.unaccepted
    }

    /// Newest execution read from the venue's history.
    pub fn fills_to(&self, instrument: InstrumentId) -> Option<TradeId> {
        self.fills_to.get(&instrument).copied()
    }

    /// Venue time of the newest execution read from the venue's history.
    pub fn fills_until(&self, instrument: InstrumentId) -> Option<Timestamp> {
        self.fills_until.get(&instrument).copied()
    }

    /// Newest execution of the first reading that found any: what is not newer is history.
    pub fn history_to(&self, instrument: InstrumentId) -> Option<TradeId> {
        self.history_to.get(&instrument).copied()
    }

    /// When a gateway first took over the account, by its clock.
    pub fn first_started(&self) -> Option<Timestamp> {
        self.first_started
    }

    /// Why a start now is one of a crash loop and must not trade; to be asked before it is recorded.
    pub fn crash_loop(&self, now: Timestamp) -> Option<String> {
        self.starts.crash_loop(now)
    }

    /// Is an order of ours in this instrument remembered?
    pub fn knows_orders_of(&self, instrument: InstrumentId) -> bool {
        self.orders.all().any(|order| order.order.instrument == instrument)
    }

    /// What the account was last written down to be worth, and when.
    pub fn equity_mark(&self) -> Option<(&EquityMark, Timestamp)> {
        self.valued.mark()
    }

    /// Deposits and withdrawals since then.
    pub fn transfers_unmarked(&self) -> &BTreeMap<Asset, Amount> {
        self.valued.transfers()
    }

    /// Breakers that act. It survives a restart.
    pub fn breakers_tripped(&self) -> &BTreeSet<BreakerName> {
        self.valued.tripped()
    }

    /// Is anything open in doubt?
    pub fn in_doubt(&self) -> impl Iterator<Item = &TrackedOrder> {
        self.open_orders().filter(|order| order.state == OrderState::InDoubt)
    }
}
