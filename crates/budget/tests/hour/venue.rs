//! Five exchanges as they count, written from their protocol pages alone: exact, by lists of times
//! and by floating-point counters, so that a wrong idea in the limiters is not shared here.

use std::collections::{BTreeMap, VecDeque};

/// Nanoseconds of the venue's clock.
pub(crate) type Nanos = i64;

const SECOND: Nanos = 1_000_000_000;

/// A call as the venue sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Call {
    Place { instrument: u64 },
    Amend { instrument: u64, age_s: u64 },
    Cancel { instrument: u64, age_s: u64 },
    ReadOrder { instrument: u64 },
    ReadOpen,
    ReadAccount,
    Book,
    Trades,
    Connect,
}

/// Its answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) throttled: bool,
    pub(crate) banned: bool,
    /// Seconds to hold still.
    pub(crate) retry_after: Option<i64>,
    /// Binance: weight of the minute, orders of the ten seconds and of the day.
    pub(crate) weight: Option<u32>,
    pub(crate) orders: Option<(u32, u32)>,
    /// Bybit and Coinbase: what remains of this limit now.
    pub(crate) remaining: Option<u32>,
}

pub(crate) trait Venue {
    fn arrive(&mut self, at: Nanos, call: Call) -> Reply;
}

/// No stretch of `window` holds more than `limit`.
#[derive(Debug, Default)]
pub(crate) struct Rolling(VecDeque<Nanos>);

impl Rolling {
    fn takes(&mut self, at: Nanos, window: Nanos, limit: usize) -> bool {
        while self.0.front().is_some_and(|first| at - first >= window) {
            self.0.pop_front();
        }
        let fits = self.0.len() < limit;
        if fits {
            self.0.push_back(at);
        }
        fits
    }

    fn remaining(&self, limit: usize) -> Option<u32> {
        u32::try_from(limit - self.0.len()).ok()
    }
}

/// Binance: aligned windows; goes on after a 429 for 20 calls, then bans.
pub(crate) struct Binance {
    pub(crate) weight_limit: u32,
    weight: (Nanos, u32),
    raw: (Nanos, u32),
    ten: (Nanos, u32),
    day: (Nanos, u32),
    connections: Rolling,
    ignored: (Nanos, u32),
    banned_until: Nanos,
    orders: u32,
}

fn window(count: &mut (Nanos, u32), at: Nanos, length: Nanos) -> &mut u32 {
    let number = at.div_euclid(length);
    if count.0 != number {
        *count = (number, 0);
    }
    &mut count.1
}

impl Binance {
    pub(crate) fn new(weight_limit: u32) -> Binance {
        Binance {
            weight_limit,
            weight: (0, 0),
            raw: (0, 0),
            ten: (0, 0),
            day: (0, 0),
            connections: Rolling::default(),
            ignored: (0, 0),
            banned_until: 0,
            orders: 0,
        }
    }

    pub(crate) const fn weight_of(call: Call) -> u32 {
        match call {
            Call::Place { .. } | Call::Amend { .. } | Call::Cancel { .. } => 1,
            Call::ReadOrder { .. } => 4,
            Call::ReadOpen => 6,
            Call::ReadAccount => 20,
            Call::Book => 50,
            Call::Trades => 25,
            Call::Connect => 2,
        }
    }

    /// Somebody else at our address takes this much, if it is there.
    pub(crate) fn neighbour(&mut self, at: Nanos, weight: u32) {
        let limit = self.weight_limit;
        let used = window(&mut self.weight, at, 60 * SECOND);
        if *used + weight <= limit {
            *used += weight;
        }
    }

    fn refuse(&mut self, at: Nanos, length: Nanos) -> Reply {
        let ignored = window(&mut self.ignored, at, 60 * SECOND);
        *ignored += 1;
        let left = length - at.rem_euclid(length);
        let mut reply = Reply { throttled: true, ..Reply::default() };
        reply.retry_after = Some(left / SECOND + 1);
        if *ignored > 20 {
            self.banned_until = at + 120 * SECOND;
            reply.banned = true;
        }
        reply
    }
}

impl Venue for Binance {
    fn arrive(&mut self, at: Nanos, call: Call) -> Reply {
        if at < self.banned_until {
            return Reply { throttled: true, banned: true, ..Reply::default() };
        }
        if call == Call::Connect && !self.connections.takes(at, 300 * SECOND, 300) {
            return self.refuse(at, 300 * SECOND);
        }
        *window(&mut self.raw, at, 300 * SECOND) += 1;
        let cost = Binance::weight_of(call);
        let limit = self.weight_limit;
        let used = window(&mut self.weight, at, 60 * SECOND);
        if *used + cost > limit {
            return self.refuse(at, 60 * SECOND);
        }
        *used += cost;
        if self.raw.1 > 300_000 {
            return self.refuse(at, 300 * SECOND);
        }
        let mut reply = Reply::default();
        if let Call::Place { .. } = call {
            let ten = window(&mut self.ten, at, 10 * SECOND);
            if *ten >= 50 {
                return self.refuse(at, 10 * SECOND);
            }
            *ten += 1;
            let day = window(&mut self.day, at, 86_400 * SECOND);
            *day += 1;
            self.orders += 1;
            // One in four fills at once as taker, one in eight later as maker.
            let back = match self.orders % 8 {
                0 | 4 => 1,
                2 => 5,
                _ => 0,
            };
            self.ten.1 = self.ten.1.saturating_sub(back);
            self.day.1 = self.day.1.saturating_sub(back);
            reply.orders = Some((self.ten.1, self.day.1));
        }
        // Order calls that work are free.
        if matches!(call, Call::Place { .. } | Call::Cancel { .. }) {
            self.weight.1 -= cost;
        }
        reply.weight = Some(self.weight.1);
        reply
    }
}

/// Coinbase Advanced Trade: rolling seconds, 10 without a key and 30 with one.
#[derive(Default)]
pub(crate) struct Coinbase {
    public: Rolling,
    private: Rolling,
    connections: Rolling,
}

impl Venue for Coinbase {
    fn arrive(&mut self, at: Nanos, call: Call) -> Reply {
        let (window, limit) = match call {
            Call::Book | Call::Trades => (&mut self.public, 10),
            Call::Connect => (&mut self.connections, 8),
            _ => (&mut self.private, 30),
        };
        let throttled = !window.takes(at, SECOND, limit);
        Reply { throttled, remaining: window.remaining(limit), ..Reply::default() }
    }
}

/// A counter that falls by so much a second; refuses what would lift it above its maximum.
#[derive(Default)]
struct Counter {
    at: Nanos,
    level: f64,
}

impl Counter {
    fn takes(&mut self, at: Nanos, amount: f64, max: f64, per_s: f64) -> bool {
        self.level = (self.level - (at - self.at) as f64 / 1e9 * per_s).max(0.0);
        self.at = at;
        let fits = self.level + amount <= max;
        if fits {
            self.level += amount;
        }
        fits
    }
}

/// Kraken, Intermediate: 20 and 0.5 a second for calls, 125 and 2.34 for each pair.
#[derive(Default)]
pub(crate) struct Kraken {
    calls: Counter,
    pairs: BTreeMap<u64, Counter>,
    public: Rolling,
    connections: Rolling,
}

impl Kraken {
    /// The table of the trading engine counter: fixed and by age.
    fn cost(call: Call) -> f64 {
        match call {
            Call::Place { .. } => 1.0,
            Call::Amend { age_s, .. } => {
                1.0 + if age_s < 5 {
                    3.0
                } else if age_s < 10 {
                    2.0
                } else if age_s < 15 {
                    1.0
                } else {
                    0.0
                }
            }
            Call::Cancel { age_s, .. } => {
                for (below, cost) in
                    [(5, 8.0), (10, 6.0), (15, 5.0), (45, 4.0), (90, 2.0), (300, 1.0)]
                {
                    if age_s < below {
                        return cost;
                    }
                }
                0.0
            }
            _ => 1.0,
        }
    }
}

impl Venue for Kraken {
    fn arrive(&mut self, at: Nanos, call: Call) -> Reply {
        let cost = Kraken::cost(call);
        let fits = match call {
            Call::Place { instrument }
            | Call::Amend { instrument, .. }
            | Call::Cancel { instrument, .. } => {
                self.pairs.entry(instrument).or_default().takes(at, cost, 125.0, 2.34)
            }
            Call::Book | Call::Trades => self.public.takes(at, SECOND, 1),
            Call::Connect => self.connections.takes(at, 600 * SECOND, 150),
            Call::ReadOrder { .. } | Call::ReadOpen | Call::ReadAccount => {
                self.calls.takes(at, cost, 20.0, 0.5)
            }
        };
        Reply { throttled: !fits, ..Reply::default() }
    }
}

/// OKX: each endpoint by itself, in two seconds that roll; orders by instrument.
#[derive(Default)]
pub(crate) struct Okx(BTreeMap<(u8, u64), Rolling>);

impl Venue for Okx {
    fn arrive(&mut self, at: Nanos, call: Call) -> Reply {
        let (endpoint, limit, window) = match call {
            Call::Place { instrument } => ((0, instrument), 60, 2),
            Call::Amend { instrument, .. } => ((1, instrument), 60, 2),
            Call::Cancel { instrument, .. } => ((2, instrument), 60, 2),
            Call::ReadOrder { instrument } => ((3, instrument), 60, 2),
            Call::ReadOpen => ((4, 0), 60, 2),
            Call::ReadAccount => ((5, 0), 10, 2),
            Call::Book | Call::Trades => ((6, 0), 40, 2),
            Call::Connect => ((7, 0), 3, 1),
        };
        let throttled = !self.0.entry(endpoint).or_default().takes(at, window * SECOND, limit);
        Reply { throttled, ..Reply::default() }
    }
}

/// Bybit spot: each endpoint in a second that rolls, and an address in five.
#[derive(Default)]
pub(crate) struct Bybit {
    address: Rolling,
    endpoints: BTreeMap<u8, Rolling>,
}

impl Venue for Bybit {
    fn arrive(&mut self, at: Nanos, call: Call) -> Reply {
        if call != Call::Connect && !self.address.takes(at, 5 * SECOND, 600) {
            return Reply { throttled: true, banned: true, ..Reply::default() };
        }
        let (endpoint, limit, window) = match call {
            Call::Place { .. } => (0, 20, 1),
            Call::Amend { .. } => (1, 10, 1),
            Call::Cancel { .. } => (2, 20, 1),
            Call::ReadOrder { .. } | Call::ReadOpen => (3, 50, 1),
            Call::ReadAccount => (4, 50, 1),
            Call::Connect => (5, 500, 300),
            Call::Book | Call::Trades => return Reply::default(),
        };
        let count = self.endpoints.entry(endpoint).or_default();
        let throttled = !count.takes(at, window * SECOND, limit);
        Reply { throttled, remaining: count.remaining(limit), ..Reply::default() }
    }
}
