//! The journal's lines: every fact the gateway acts on, in the order in which it became one.
//!
//! Books are a fold over these records and are changed by nothing else, so a restart is the same
//! code as the first run. A record says what happened, not what the books look like afterwards.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::agent_version::AgentVersion;
use crate::alert::Alert;
use crate::balance::Balance;
use crate::breaker::{BreakerEvent, BreakerName};
use crate::check::Check;
use crate::decimal::Decimal;
use crate::discrepancy::Discrepancy;
use crate::equity::EquityMark;
use crate::fill::Fill;
use crate::gate::GateOverride;
use crate::halt::{Closing, HaltedBy, ResumeStep};
use crate::ids::{AgentId, Asset, ClientOrderId, InstrumentId, LimitsVersion, VenueOrderId};
use crate::instrument::Instrument;
use crate::intent::{Intent, IntentId};
use crate::life::Ending;
use crate::link::{FeedHealth, Link};
use crate::money::{Amount, NetQty, Price, Qty};
use crate::order::NewOrder;
use crate::refusal::Refusal;
use crate::time::Timestamp;
use crate::trading_state::TradingState;
use crate::venue::{KeyAudit, VenueError, VenueOrder};

/// A record with the time at which the core wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When, by the gateway's clock.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub record: Record,
}

/// One fact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Record {
    /// A gateway took over the account.
    Started {
        /// Number of this start, never repeated.
        session: u64,
        /// Version of the binary.
        version: String,
        /// The effective configuration, without secrets.
        config: String,
        /// The account is a paper account: nothing was ever sent to an exchange for it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        paper: bool,
    },
    /// A gateway was asked to end, and is about to. A start that is not followed by this died.
    Stopped,
    /// An agent decided something.
    Decided {
        /// The decision.
        intent: Intent,
        /// The position it was taken on.
        position: NetQty,
        /// The gateway's reference price then.
        reference: Option<Price>,
        /// The limits in force then. `None` in journals of older versions.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limits: Option<LimitsVersion>,
        /// The market as it was seen then. `None` where none is followed, and in journals of older versions.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seen: Option<Seen>,
    },
    /// A guardrail said no.
    Refused {
        /// Whose intent.
        agent: AgentId,
        /// Which.
        intent: IntentId,
        /// Why.
        because: Refusal,
        /// What the guardrails before it found. Empty in journals of older versions.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        checks: Vec<Check>,
    },
    /// An order is about to be sent. Durable before its first byte leaves.
    Prepared {
        /// Whose order.
        agent: AgentId,
        /// From which intent.
        intent: IntentId,
        /// The order.
        order: NewOrder,
        /// The worst price it can trade at: what its funds are counted by.
        worst_price: Price,
        /// The limits that let it through. `None` in journals of older versions.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limits: Option<LimitsVersion>,
        /// What the guardrails found. Empty for the gateway's own slices, and in journals of older versions.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        checks: Vec<Check>,
    },
    /// A cancel is about to be sent.
    CancelPrepared {
        /// Which order.
        client_order_id: ClientOrderId,
        /// A stop that is late: so much is sold in slices instead of it, base units. One line for both, so that
        /// no power cut parts them. `None` where nothing is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        instead: Option<Qty>,
    },
    /// A request about an order ended, however: when it went and when that was known. Nothing follows from it.
    Answered {
        /// Which order.
        client_order_id: ClientOrderId,
        /// What was asked.
        asked: Asked,
        /// When its record was durable, so that it could leave. `None` where it waits for none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        durable: Option<Timestamp>,
        /// When it left, behind the wait for the rate budget. `None`: it never did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        left: Option<Timestamp>,
        /// When the answer was there, or it was certain that none comes.
        came: Timestamp,
        /// What it was, in a word or in the venue's words.
        outcome: String,
    },
    /// The venue has the order. One whose absence had been proven is open again, and to be taken back.
    Accepted {
        /// Which order.
        client_order_id: ClientOrderId,
        /// The venue's name for it.
        venue_order_id: VenueOrderId,
        /// By the venue's clock: a balance at least as new has its locked funds in it.
        venue_time: Timestamp,
    },
    /// The venue proved that it did not take the order.
    Rejected {
        /// Which order.
        client_order_id: ClientOrderId,
        /// Why.
        because: VenueError,
    },
    /// The venue proved that a cancel did nothing: the order is asked for.
    CancelRejected {
        /// Which order.
        client_order_id: ClientOrderId,
        /// Why.
        because: VenueError,
    },
    /// The outcome of a request is unknown.
    InDoubt {
        /// Which order.
        client_order_id: ClientOrderId,
        /// What happened to the request.
        because: String,
    },
    /// An execution, written once a trade id.
    Filled {
        /// Which order; `None` for an order that is not ours.
        client_order_id: Option<ClientOrderId>,
        /// The execution.
        fill: Fill,
        /// Was it fetched afterwards instead of reported when it happened?
        late: bool,
    },
    /// The venue took an execution back, or it had been told under two ids: it is counted no more.
    Busted {
        /// Of which order; `None` for an order that is not ours.
        client_order_id: Option<ClientOrderId>,
        /// The execution as it had been counted.
        fill: Fill,
    },
    /// The trigger of a stop order was reached.
    Triggered {
        /// Which order.
        client_order_id: ClientOrderId,
    },
    /// The order is over.
    Ended {
        /// Which order.
        client_order_id: ClientOrderId,
        /// How.
        ending: Ending,
        /// By the proof alone that the venue, which had accepted it, does not know it any more. Not so in
        /// journals of older versions.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        lost: bool,
        /// Why, where the venue's own word is not all that there is to say: it never left, or the venue
        /// does not show it. Absent in journals of older versions.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cause: Option<String>,
    },
    /// An order on the account that this gateway did not place, as it is now: written again when it
    /// changes, for its open quantity counts in every worst case.
    Foreign {
        /// The order.
        order: VenueOrder,
    },
    /// Such an order is not open any more, and the venue does not say what became of it.
    ForeignGone {
        /// Of which instrument: a venue may number the orders of each by itself. `None` in journals of older
        /// versions, which knew it by the venue's name alone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        instrument: Option<InstrumentId>,
        /// The venue's name for it.
        venue_order_id: VenueOrderId,
    },
    /// A cancel of such an order is about to be sent, as the configuration wants it.
    ForeignCancel {
        /// Of which instrument. `None` in journals of older versions.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        instrument: Option<InstrumentId>,
        /// The venue's name for it.
        venue_order_id: VenueOrderId,
    },
    /// Balances as the venue counts them; absolute.
    Balances {
        /// Per asset.
        balances: BTreeMap<Asset, Balance>,
        /// By the venue's clock: older ones do not replace newer ones.
        venue_time: Timestamp,
        /// Only of assets that changed, as a stream tells them: not the account as a whole. Not in
        /// journals of older versions, which did not say.
        #[serde(default, skip_serializing_if = "is_false")]
        partial: bool,
    },
    /// Funds came or went by no trade of ours.
    Transferred {
        /// Of what.
        asset: Asset,
        /// Above zero for a deposit.
        amount: Amount,
        /// Until when it happened, by the venue's clock, where it was taken over from a balance; what is
        /// told later and is not younger may be the same. `None` where it was told, and in journals of
        /// older versions.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        taken_until: Option<Timestamp>,
    },
    /// A deposit or withdrawal was told that a balance had shown before, and that was taken over then: it
    /// is not counted again.
    TransferKnown {
        /// Of what.
        asset: Asset,
        /// Above zero for a deposit.
        amount: Amount,
        /// When, by the venue's clock.
        venue_time: Timestamp,
    },
    /// A connection changed.
    Link {
        /// Which connection.
        link: Link,
        /// Is it up?
        up: bool,
        /// Why.
        cause: String,
    },
    /// A book was found to have a hole and is being rebuilt.
    Gap {
        /// Whose book.
        instrument: InstrumentId,
        /// What was missing.
        detail: String,
    },
    /// Messages that had been seen before and were dropped.
    Duplicates {
        /// How many since the last such record.
        dropped: u64,
    },
    /// Public trades that were missed and are fetched.
    MissedTrades {
        /// Of which instrument.
        instrument: InstrumentId,
        /// How many.
        count: u64,
    },
    /// A connection took over from an older one, as planned.
    HandedOver {
        /// Which of the two.
        link: Link,
    },
    /// The venue's rules for an instrument are not what they were: its steps, its limits, or what it lets
    /// one do.
    Rules {
        /// As they are from now on.
        instrument: Box<Instrument>,
    },
    /// Whether the market data of an instrument can be relied on has changed.
    Feed {
        /// Which instrument.
        instrument: InstrumentId,
        /// How it is.
        health: FeedHealth,
    },
    /// The venue held us to its rate limit.
    RateLimited {
        /// How long.
        wait: Duration,
        /// The venue's words.
        detail: String,
    },
    /// Our own budget held requests back, so that the venue need not.
    BudgetWait {
        /// Which limit.
        limiter: String,
        /// The longest wait.
        wait: Duration,
        /// How many requests since the last such record.
        requests: u64,
    },
    /// Our books and the venue's differed.
    Discrepancy {
        /// What was found, and what the correction is.
        found: Discrepancy,
    },
    /// A reconciliation is complete.
    Reconciled {
        /// Differences found and corrected.
        found: u32,
        /// Differences that are still there.
        left: u32,
        /// Newest of our executions that was read, per instrument: the next reading starts after it.
        fills_to: BTreeMap<InstrumentId, crate::ids::TradeId>,
        /// Venue time of the newest of them: where ids do not count, the next reading starts a little
        /// before it. Empty in journals of older versions.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        fills_until: BTreeMap<InstrumentId, Timestamp>,
        /// The differences that are still there, as many as `left` says: nothing corrects them but a
        /// person's word. Empty in journals of older versions.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        remaining: Vec<Discrepancy>,
    },
    /// A person has accepted what was left.
    DifferencesAccepted {
        /// These.
        accepted: Vec<Discrepancy>,
    },
    /// The trading state changed.
    Trading {
        /// The new state.
        state: TradingState,
        /// Why.
        cause: String,
        /// Who or what halted. `None` for a state that is no halt, and in journals of older versions.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<HaltedBy>,
    },
    /// How far the closing of a position is, while flattening; written when that changes.
    Flatten {
        /// Of which instrument.
        instrument: InstrumentId,
        /// What is left of it, base units.
        left: NetQty,
        /// How far.
        closing: Closing,
    },
    /// A person took the first of the two steps that lift a halt, and was shown a code, which is in no
    /// record.
    ResumeRequested {
        /// Which halt: its cause.
        cause: String,
    },
    /// A step towards lifting the halt was refused, and nothing changed.
    ResumeRefused {
        /// Which.
        step: ResumeStep,
        /// Why: each thing that stands in the way.
        because: Vec<String>,
    },
    /// A person lifted the halt, in two steps.
    Resumed {
        /// Which halt: its state.
        from: TradingState,
        /// Its cause.
        cause: String,
        /// Until when a part of the limits holds.
        probation_until: Timestamp,
    },
    /// Limits are in force from now on: written at each start, and when a person changes them.
    Limits {
        /// Their name.
        version: LimitsVersion,
        /// All of them, as JSON.
        limits: String,
    },
    /// An agent may do nothing but take orders back, until a person says otherwise. It survives a restart.
    AgentDisabled {
        /// Which agent.
        agent: AgentId,
        /// Why.
        cause: String,
    },
    /// A person lets a disabled agent trade again.
    AgentEnabled {
        /// Which agent.
        agent: AgentId,
    },
    /// What the account is worth: on a new high, when a day begins, after a deposit or withdrawal, and
    /// otherwise once a minute while it changes.
    EquityMark {
        /// And what losses are measured by from here on.
        mark: EquityMark,
    },
    /// A circuit breaker acts, acts no more, or is near its limit.
    Breaker {
        /// Which.
        name: BreakerName,
        /// Of which agent or instrument, where it is one's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        about: Option<String>,
        /// What it did.
        event: BreakerEvent,
        /// How far it was, in its unit.
        value: Decimal,
        /// Where it trips, in its unit.
        limit: Decimal,
    },
    /// What the key may do, at the start and whenever it has changed since.
    KeyAudited {
        /// As it was found, and what follows from it.
        audit: KeyAudit,
    },
    /// The operator was told something. Nothing follows from it.
    Alerted {
        /// What.
        alert: Alert,
    },
    /// Something happened to an agent's process.
    Agent {
        /// Which agent.
        agent: AgentId,
        /// What.
        event: String,
        /// Which code and parameters came up. `None` where that is not known, for any other event, and in
        /// journals of older versions.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<AgentVersion>,
    },
    /// A gate that is not met does not keep this gateway from trading, by a person's word: written at each
    /// start.
    GateOverridden {
        /// Which, why, and what is not met.
        #[serde(flatten)]
        opened: GateOverride,
    },
    /// What part of the limits holds, while the ramp is on: written when that changes.
    Ramp {
        /// The part, percent.
        percent: u32,
        /// Time for which trading was active and confirmed clean since the ramp last began.
        clean: Duration,
        /// Why it changed.
        because: String,
    },
}

/// The market as it was seen when an agent's decision came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Best bid, with what stands there.
    pub bid: Option<(Price, Qty)>,
    /// Best ask, with what stands there.
    pub ask: Option<(Price, Qty)>,
    /// When the book was like that, by our clock. `None` when nothing is known of it.
    pub as_of: Option<Timestamp>,
    /// Was the book complete? Where it was not, these are the last prices heard.
    pub live: bool,
}

/// What was asked of the venue about an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asked {
    /// To take it.
    Place,
    /// To take it back.
    Cancel,
}

/// Whether to leave a field out.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_false(value: &bool) -> bool {
    !*value
}
