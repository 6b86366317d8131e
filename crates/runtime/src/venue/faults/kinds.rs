//! Every kind of fault with what only that kind has: units, ranges, defaults.
//!
//! `docs/faults.md` says in words what each one does; a test holds the two together.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use serde_json::{Value, json};
use sim_venue::synthetic::SplitMix;

use super::error::FaultError;
use super::parameters::Parameters;

/// Longest time that any parameter may say, milliseconds: one hour.
const MS_MAX: i64 = 3_600_000;

/// Where a kind strikes; that is also how it can be aimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// The venue as a whole, from its start to its end.
    Venue,
    /// The venue as one address sees it.
    Address,
    /// A new TCP connection.
    Connection,
    /// A REST request, or a WebSocket upgrade.
    Request,
    /// What an account asks of the exchange, by whichever way.
    Ask,
    /// A WebSocket that has been opened.
    Socket,
    /// A message to a client.
    Message,
    /// A REST answer or a message.
    Answer,
}

/// All kinds.
pub(super) const KINDS: [(&str, Scope); 45] = [
    ("outage", Scope::Venue),
    ("drop_request", Scope::Request),
    ("drop_response", Scope::Request),
    ("delay", Scope::Request),
    ("duplicate", Scope::Request),
    ("reorder", Scope::Request),
    ("partition", Scope::Venue),
    ("half_open", Scope::Connection),
    ("reset_midbody", Scope::Request),
    ("slow_drip", Scope::Request),
    ("truncate", Scope::Request),
    ("empty_body", Scope::Request),
    ("stale_replica", Scope::Request),
    ("status", Scope::Request),
    ("error_but_accept", Scope::Request),
    ("accept_then_reject", Scope::Ask),
    ("ack_never", Scope::Request),
    ("read_lag", Scope::Ask),
    ("negative_read", Scope::Ask),
    ("page_cap", Scope::Ask),
    ("schema_add", Scope::Answer),
    ("schema_drop", Scope::Answer),
    ("schema_type", Scope::Answer),
    ("endpoint_moved", Scope::Request),
    ("hide_family", Scope::Ask),
    ("terminal_lies", Scope::Ask),
    ("stall", Scope::Venue),
    ("book_empty", Scope::Venue),
    ("halted", Scope::Venue),
    ("cancel_only", Scope::Venue),
    ("filter_change", Scope::Venue),
    ("gap", Scope::Message),
    ("dup", Scope::Message),
    ("swap", Scope::Message),
    ("silent", Scope::Message),
    ("close_after", Scope::Socket),
    ("key_expire", Scope::Venue),
    ("shutdown_notice", Scope::Socket),
    ("replay_last", Scope::Socket),
    ("throttle", Scope::Request),
    ("ban", Scope::Address),
    ("shrink_limit", Scope::Venue),
    ("noisy_neighbour", Scope::Venue),
    ("connect_cap", Scope::Venue),
    ("venue_skew", Scope::Venue),
];

/// What can go wrong, with what only that has.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum FaultKind {
    Outage,
    DropRequest,
    DropResponse,
    Delay(Span),
    Duplicate,
    Reorder(Duration),
    Partition(Cut),
    HalfOpen,
    ResetMidbody,
    /// Bytes a second.
    SlowDrip(u32),
    Truncate,
    EmptyBody,
    StaleReplica(Duration),
    Status(Answer),
    ErrorButAccept(Answer),
    AcceptThenReject(Span),
    AckNever,
    ReadLag(Duration),
    /// Orders younger than this.
    NegativeRead(Duration),
    /// Rows.
    PageCap(u32),
    Schema(Schema),
    EndpointMoved(Answer),
    HideFamily,
    TerminalLies,
    Stall,
    BookEmpty {
        bids: bool,
        asks: bool,
    },
    Halted,
    CancelOnly,
    FilterChange(FilterChange),
    Gap,
    Dup,
    Swap,
    Silent,
    CloseAfter(Span),
    KeyExpire,
    /// From the notice to the close.
    ShutdownNotice(Duration),
    /// Messages.
    ReplayLast(usize),
    Throttle(Duration),
    Ban,
    /// What is left, in thousandths.
    ShrinkLimit(u32),
    /// What is used, in thousandths.
    NoisyNeighbour(u32),
    ConnectCap(u32),
    /// Milliseconds; above zero when the venue's clock is ahead.
    VenueSkew(i64),
}

/// By how much the rules of every instrument are multiplied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FilterChange {
    pub(crate) tick: u32,
    pub(crate) lot: u32,
    pub(crate) notional: u32,
}

impl FilterChange {
    /// Nothing is changed.
    pub(crate) const NONE: FilterChange = FilterChange { tick: 1, lot: 1, notional: 1 };

    /// One change on top of another.
    pub(crate) fn times(self, other: FilterChange) -> FilterChange {
        FilterChange {
            tick: self.tick.saturating_mul(other.tick),
            lot: self.lot.saturating_mul(other.lot),
            notional: self.notional.saturating_mul(other.notional),
        }
    }
}

/// A fixed time, or a range to draw from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    min: Duration,
    max: Duration,
}

/// What is answered instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

/// Which ways are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cut {
    /// Only this class of traffic; all when absent.
    pub(crate) class: Option<Class>,
    /// Nothing comes in from clients.
    pub(crate) inward: bool,
    /// Nothing goes out to clients.
    pub(crate) outward: bool,
}

/// A class of traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Rest,
    Streams,
    User,
}

/// A field that is not as it was.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Schema {
    Add { field: String, value: Value },
    Drop { field: String },
    Retype { field: String },
}

/// Where a fault strikes, beyond what its kind says.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Aim {
    pub(super) route: Option<String>,
    pub(super) peer: Option<IpAddr>,
    pub(super) stream: Option<Stream>,
    pub(super) contains: Option<String>,
}

/// Which messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    Market,
    User,
    Replies,
    All,
}

impl Span {
    /// Any time of the range is as likely as any other.
    pub(super) fn even(self, random: &mut SplitMix) -> Duration {
        let width = (self.max - self.min).as_micros();
        let drawn = random.below(u64::try_from(width).unwrap_or(u64::MAX).saturating_add(1));
        self.min + Duration::from_micros(drawn)
    }

    /// Heavy-tailed: each tenfold of the range is as likely as any other, so most are short and a
    /// few are very long.
    pub(super) fn heavy(self, random: &mut SplitMix) -> Duration {
        if self.min == self.max {
            return self.min;
        }
        let least = self.min.as_secs_f64().max(0.001);
        let part = random.below(1 << 20) as f64 / f64::from(1 << 20);
        let seconds = least * (self.max.as_secs_f64() / least).powf(part);
        Duration::try_from_secs_f64(seconds).map_or(self.max, |drawn| drawn.min(self.max))
    }
}

/// The name of a kind as it is kept, and its scope.
pub(super) fn find(kind: &str) -> Result<(&'static str, Scope), FaultError> {
    KINDS.iter().find(|(name, _)| *name == kind).copied().ok_or_else(|| {
        let names: Vec<&str> = KINDS.iter().map(|(name, _)| *name).collect();
        FaultError::Kind { kind: kind.to_owned(), known: names.join(", ") }
    })
}

/// Reads what only this kind has.
pub(super) fn read(name: &'static str, p: &mut Parameters) -> Result<FaultKind, FaultError> {
    let seconds = |s: u64| Duration::from_secs(s);
    Ok(match name {
        "outage" => FaultKind::Outage,
        "drop_request" => FaultKind::DropRequest,
        "drop_response" => FaultKind::DropResponse,
        "delay" => FaultKind::Delay(span(p, None)?),
        "duplicate" => FaultKind::Duplicate,
        "reorder" => FaultKind::Reorder(p.millis("delay_ms", 1..=MS_MAX)?.unwrap_or(seconds(1))),
        "partition" => FaultKind::Partition(cut(p)?),
        "half_open" => FaultKind::HalfOpen,
        "reset_midbody" => FaultKind::ResetMidbody,
        "slow_drip" => {
            FaultKind::SlowDrip(number(p, "bytes_per_s", 1..=1_000_000, "bytes")?.unwrap_or(10))
        }
        "truncate" => FaultKind::Truncate,
        "empty_body" => FaultKind::EmptyBody,
        "stale_replica" => FaultKind::StaleReplica(lag(p)?.unwrap_or(seconds(10))),
        "status" => FaultKind::Status(answer(p, 503)?),
        "error_but_accept" => FaultKind::ErrorButAccept(answer(p, 503)?),
        "accept_then_reject" => FaultKind::AcceptThenReject(span(p, Some((0, 10_000)))?),
        "ack_never" => FaultKind::AckNever,
        "read_lag" => FaultKind::ReadLag(lag(p)?.unwrap_or(seconds(60))),
        "negative_read" => {
            FaultKind::NegativeRead(p.millis("age_max_ms", 0..=MS_MAX)?.unwrap_or(seconds(15)))
        }
        "page_cap" => FaultKind::PageCap(
            number(p, "rows", 1..=1_000, "rows")?.ok_or_else(|| p.missing("rows", "1 to 1000"))?,
        ),
        "schema_add" => {
            let (field, value) = (field(p)?, p.value("value").unwrap_or_else(|| json!("new")));
            FaultKind::Schema(Schema::Add { field, value })
        }
        "schema_drop" => FaultKind::Schema(Schema::Drop { field: field(p)? }),
        "schema_type" => FaultKind::Schema(Schema::Retype { field: field(p)? }),
        "endpoint_moved" => FaultKind::EndpointMoved(answer(p, 404)?),
        "hide_family" => FaultKind::HideFamily,
        "terminal_lies" => FaultKind::TerminalLies,
        "stall" => FaultKind::Stall,
        "book_empty" => {
            let sides = [("bids", (true, false)), ("asks", (false, true)), ("both", (true, true))];
            let (bids, asks) = p.choice("side", &sides)?.unwrap_or((true, true));
            FaultKind::BookEmpty { bids, asks }
        }
        "halted" => FaultKind::Halted,
        "cancel_only" => FaultKind::CancelOnly,
        "filter_change" => {
            let mut times = |name, usual: u32| {
                let given = number(p, name, 1..=1_000, "times as large")?;
                Ok::<_, FaultError>(given.unwrap_or(usual))
            };
            let (tick, lot) = (times("tick_times", 10)?, times("lot_times", 10)?);
            let notional = times("notional_times", 2)?;
            FaultKind::FilterChange(FilterChange { tick, lot, notional })
        }
        "gap" => FaultKind::Gap,
        "dup" => FaultKind::Dup,
        "swap" => FaultKind::Swap,
        "silent" => FaultKind::Silent,
        "close_after" => FaultKind::CloseAfter(span(p, Some((0, 3_000)))?),
        "key_expire" => FaultKind::KeyExpire,
        "shutdown_notice" => {
            FaultKind::ShutdownNotice(p.millis("delay_ms", 0..=MS_MAX)?.unwrap_or(seconds(10)))
        }
        "replay_last" => {
            let count = number(p, "messages", 1..=1_000, "messages")?.unwrap_or(10);
            FaultKind::ReplayLast(count as usize)
        }
        "throttle" => {
            let wait = number(p, "retry_after_s", 0..=3_600, "seconds")?.unwrap_or(30);
            FaultKind::Throttle(seconds(u64::from(wait)))
        }
        "ban" => FaultKind::Ban,
        "shrink_limit" => FaultKind::ShrinkLimit(share(p, 500)?),
        "noisy_neighbour" => FaultKind::NoisyNeighbour(share(p, 700)?),
        "connect_cap" => FaultKind::ConnectCap(
            number(p, "connects_max", 0..=1_000_000, "connections")?
                .ok_or_else(|| p.missing("connects_max", "connections in the venue's window"))?,
        ),
        "venue_skew" => FaultKind::VenueSkew(
            p.whole("skew_ms", -MS_MAX..=MS_MAX, "milliseconds")?
                .ok_or_else(|| p.missing("skew_ms", "milliseconds that its clock is ahead"))?,
        ),
        other => {
            return Err(FaultError::Kind { kind: other.to_owned(), known: String::new() });
        }
    })
}

fn number(
    p: &mut Parameters,
    name: &'static str,
    range: std::ops::RangeInclusive<i64>,
    what: &str,
) -> Result<Option<u32>, FaultError> {
    Ok(p.whole(name, range, what)?.and_then(|number| u32::try_from(number).ok()))
}

/// `delay_ms` alone is a fixed time, with `delay_max_ms` a range. Without a default it must be there.
fn span(p: &mut Parameters, default_ms: Option<(u64, u64)>) -> Result<Span, FaultError> {
    let min = p.millis("delay_ms", 0..=MS_MAX)?;
    let max = p.millis("delay_max_ms", 0..=MS_MAX)?;
    let ms = Duration::from_millis;
    let (min, max) = match (min, max, default_ms) {
        (Some(min), Some(max), _) => (min, max),
        (Some(fixed), None, _) => (fixed, fixed),
        (None, Some(max), _) => (Duration::ZERO, max),
        (None, None, Some((min, max))) => (ms(min), ms(max)),
        (None, None, None) => return Err(p.missing("delay_ms", "milliseconds")),
    };
    Ok(Span { min: min.min(max), max: max.max(min) })
}

fn lag(p: &mut Parameters) -> Result<Option<Duration>, FaultError> {
    p.millis("lag_ms", 0..=LAG_MAX_MS)
}

/// Longest time that a read may lie behind, milliseconds.
pub(crate) const LAG_MAX_MS: i64 = 120_000;

fn share(p: &mut Parameters, default_permille: u32) -> Result<u32, FaultError> {
    Ok(p.part("share")?.map_or(default_permille, |millionths| millionths / 1_000))
}

fn field(p: &mut Parameters) -> Result<String, FaultError> {
    let field = p.text("field")?.filter(|field| !field.is_empty());
    field.ok_or_else(|| p.missing("field", "the name of a field in JSON"))
}

fn answer(p: &mut Parameters, status: u16) -> Result<Answer, FaultError> {
    let given = number(p, "status", 200..=599, "HTTP status")?;
    let status = given.and_then(|given| u16::try_from(given).ok()).unwrap_or(status);
    Ok(Answer { status, headers: p.texts("headers")?, body: p.text("body")?.unwrap_or_default() })
}

fn cut(p: &mut Parameters) -> Result<Cut, FaultError> {
    let classes = [("rest", Class::Rest), ("streams", Class::Streams), ("user", Class::User)];
    let class = p.choice("route", &classes)?;
    let ways = [("in", (true, false)), ("out", (false, true)), ("both", (true, true))];
    let (inward, outward) = p.choice("direction", &ways)?.unwrap_or((true, true));
    Ok(Cut { class, inward, outward })
}

/// Reads how a kind of this scope is aimed.
pub(super) fn aim(scope: Scope, p: &mut Parameters) -> Result<Aim, FaultError> {
    let streams = [
        ("market", Stream::Market),
        ("user", Stream::User),
        ("replies", Stream::Replies),
        ("all", Stream::All),
    ];
    let mut aim = Aim::default();
    if matches!(scope, Scope::Request | Scope::Ask | Scope::Answer) {
        aim.route = route(p)?;
    }
    if matches!(scope, Scope::Message | Scope::Answer) {
        aim.stream = p.choice("stream", &streams)?;
        aim.contains = p.text("contains")?;
    }
    if scope == Scope::Socket {
        aim.stream = p.choice("stream", &streams[..2])?;
    }
    if matches!(scope, Scope::Address | Scope::Connection | Scope::Request | Scope::Socket) {
        aim.peer = p.address("peer")?;
    }
    Ok(aim)
}

/// A method and the start of a path; for WebSockets the method is `WS`.
fn route(p: &mut Parameters) -> Result<Option<String>, FaultError> {
    let Some(route) = p.text("route")? else { return Ok(None) };
    let method = route.split(' ').next().unwrap_or_default();
    let known = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "WS"];
    if known.contains(&method) {
        return Ok(Some(route));
    }
    let wanted = "a method and the start of a path, such as \"POST /api/v3/order\", \"DELETE\" or \
                  \"WS /stream\"";
    Err(p.not(&route, "route", wanted))
}
