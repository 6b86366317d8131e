//! The paper record: what each agent, as it is now, has earned in the journal of a paper run.
//!
//! Executions belong to the version of the agent that was up when their order was written down. Only what this version
//! both opened and closed counts; what it still holds counts as one round trip more where that is a loss, so that
//! whoever never closes what lost has no good record. Time counts while the agent's process was up.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use journal::{Address, JournalReader};
use model::{
    AgentId, AgentVersion, Asset, ClientOrderId, Decimal, Entry, Fill, InstrumentId, Record,
    Timestamp,
};

use super::trips::{Held, Trip, Uncounted};

/// Orders that are over and still known, for an execution that is told late.
const DONE_KEPT: usize = 16_384;

/// What a journal says of the agents that were asked about.
#[derive(Debug, Default)]
pub struct PaperRecord {
    /// Each of them that ever came up.
    pub agents: BTreeMap<AgentId, OfAgent>,
}

/// What it says of one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OfAgent {
    /// How long the version that is asked about was up.
    pub up: Duration,
    /// What each of its round trips earned, by the asset that is paid, oldest first.
    pub trips: BTreeMap<Asset, Vec<Decimal>>,
    /// The version that came up last, whichever that was.
    pub last: Option<AgentVersion>,
}

/// Reads a paper journal for the agents of these versions. The error is for people.
pub(super) fn read(
    address: &Address,
    wanted: &BTreeMap<AgentId, AgentVersion>,
) -> Result<PaperRecord, String> {
    if let Address::Sqlite(path) = address
        && !path.exists()
    {
        return Err(format!("{address} does not exist yet"));
    }
    let reader = JournalReader::of(address).map_err(|error| error.to_string())?;
    let mut fold = Fold::new(wanted.clone());
    let replayed = reader.replay(0, &mut |_, entry| {
        fold.add(&entry);
        Ok(())
    });
    replayed.map_err(|error| error.to_string())?;
    fold.finish().map_err(|problem| format!("{address}: {problem}"))
}

struct Fold {
    wanted: BTreeMap<AgentId, AgentVersion>,
    /// Of each agent that is up: its version, and since when.
    up: BTreeMap<AgentId, (Option<AgentVersion>, Timestamp)>,
    agents: BTreeMap<AgentId, OfAgent>,
    orders: BTreeMap<ClientOrderId, (AgentId, bool)>,
    done: VecDeque<ClientOrderId>,
    held: BTreeMap<(AgentId, InstrumentId), Held>,
    trips: BTreeMap<AgentId, Vec<Trip>>,
    /// Where each market last was.
    marks: BTreeMap<InstrumentId, Decimal>,
    last_at: Timestamp,
    problem: Option<String>,
}

impl Fold {
    fn new(wanted: BTreeMap<AgentId, AgentVersion>) -> Fold {
        Fold {
            wanted,
            up: BTreeMap::new(),
            agents: BTreeMap::new(),
            orders: BTreeMap::new(),
            done: VecDeque::new(),
            held: BTreeMap::new(),
            trips: BTreeMap::new(),
            marks: BTreeMap::new(),
            last_at: Timestamp::EPOCH,
            problem: None,
        }
    }

    fn add(&mut self, entry: &Entry) {
        match &entry.record {
            Record::Started { paper, .. } => {
                self.all_down(self.last_at);
                if !paper {
                    let problem = "it is the journal of a real account, and no paper record";
                    self.problem = Some(problem.to_owned());
                }
            }
            Record::Stopped => self.all_down(entry.at),
            Record::Agent { agent, event, version } => {
                self.down(*agent, entry.at);
                if event == "up" {
                    self.up.insert(*agent, (*version, entry.at));
                    self.agents.entry(*agent).or_default().last = *version;
                }
            }
            Record::Decided { intent, reference: Some(price), .. } => {
                if let model::Action::Place(spec) = &intent.action {
                    self.marks.insert(spec.instrument, price.get());
                }
            }
            Record::Prepared { agent, order, .. } => {
                let version = self.up.get(agent).and_then(|(version, _)| *version);
                let counts = version.is_some() && version == self.wanted.get(agent).copied();
                self.orders.insert(order.client_order_id, (*agent, counts));
            }
            Record::Ended { client_order_id, .. } | Record::Rejected { client_order_id, .. } => {
                self.done.push_back(*client_order_id);
                if self.done.len() > DONE_KEPT
                    && let Some(oldest) = self.done.pop_front()
                {
                    self.orders.remove(&oldest);
                }
            }
            Record::Filled { client_order_id: Some(order), fill, .. } => {
                self.executed(*order, fill)
            }
            Record::Busted { .. } => {
                let problem = "an execution was taken back: what was earned cannot be told";
                self.problem = Some(problem.to_owned());
            }
            _ => {}
        }
        self.last_at = entry.at;
    }

    fn executed(&mut self, order: ClientOrderId, fill: &Fill) {
        self.marks.insert(fill.instrument, fill.price.get());
        let Some((agent, counts)) = self.orders.get(&order).copied() else { return };
        let held = self.held.entry((agent, fill.instrument)).or_default();
        let trips = self.trips.entry(agent).or_default();
        if let Err(problem) = held.executed(fill, (order, counts), trips) {
            self.problem = Some(words(&problem));
        }
    }

    fn all_down(&mut self, at: Timestamp) {
        let all: Vec<AgentId> = self.up.keys().copied().collect();
        all.into_iter().for_each(|agent| self.down(agent, at));
    }

    fn down(&mut self, agent: AgentId, at: Timestamp) {
        let Some((version, since)) = self.up.remove(&agent) else { return };
        if version.is_some() && version == self.wanted.get(&agent).copied() {
            let of = self.agents.entry(agent).or_default();
            of.up = of.up.saturating_add(at.since(since));
        }
    }

    fn finish(mut self) -> Result<PaperRecord, String> {
        self.all_down(self.last_at);
        for ((agent, instrument), held) in &self.held {
            let quote = instrument.assets().map(|(_, quote)| quote);
            let mark = self.marks.get(instrument).copied();
            let Some((price, quote)) = mark.zip(quote) else { continue };
            let open = held.open(price).map_err(|problem| words(&problem))?;
            if let Some(loss) = open.filter(|earned| *earned < Decimal::ZERO) {
                let order = ClientOrderId::new("open").map_err(|error| error.to_string())?;
                self.trips.entry(*agent).or_default().push(Trip { order, quote, earned: loss });
            }
        }
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        for (agent, trips) in self.trips {
            let of = self.agents.entry(agent).or_default();
            for trip in trips {
                of.trips.entry(trip.quote).or_default().push(trip.earned);
            }
        }
        Ok(PaperRecord { agents: self.agents })
    }
}

fn words(problem: &Uncounted) -> String {
    match problem {
        Uncounted::FeeIn(asset) => {
            format!(
                "a fee was paid in {asset}, which nothing here values: what was earned cannot be told"
            )
        }
        Uncounted::Unrepresentable => "an execution is too large to be counted".to_owned(),
    }
}

#[cfg(test)]
mod tests;
