//! The tables and views that questions are asked of. Their names and columns are a contract
//! (`docs/questions.md` repeats this text, and a test compares the two).
//!
//! The file is derived: whatever is in it is made from the journal by `fold/`, so it has no migrations. A
//! version that is not [`VERSION`] is thrown away and made anew.

/// Version of the tables and of what the fold makes of an entry.
pub(crate) const VERSION: i64 = 2;

/// What the file is made with. Money is exact text that compares as a number (`COLLATE exact`); `sum_exact`
/// adds it up without rounding, SQLite's own `sum` and arithmetic take it as a double.
pub const SCHEMA: &str = "
-- at: nanoseconds since 1970 UTC by the gateway's clock; time: the same as text; *_ns: nanoseconds.
-- Money: exact text. It compares and sorts as a number; sum_exact(x) adds it up exactly; sum(x), avg(x) and
-- arithmetic take it as a double.

CREATE TABLE records (               -- every entry of the journal
    seq INTEGER PRIMARY KEY,         -- its number; the same in all tables
    at INTEGER NOT NULL,
    time TEXT AS (strftime('%Y-%m-%dT%H:%M:%fZ', at / 1000000000.0, 'unixepoch')),
    kind TEXT NOT NULL,              -- as in docs/journal.md: decided, prepared, filled, link, ...
    agent TEXT, instrument TEXT, client_order_id TEXT,
    body TEXT                        -- the entry as JSON; NULL for kinds that are rows of a table below
) STRICT;

CREATE TABLE decisions (             -- what an agent decided, and what it saw
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL,
    time TEXT AS (strftime('%Y-%m-%dT%H:%M:%fZ', at / 1000000000.0, 'unixepoch')),
    session INTEGER, agent TEXT NOT NULL, intent INTEGER NOT NULL,
    action TEXT NOT NULL,            -- place, cancel, cancel_all, halt
    instrument TEXT, side TEXT, type TEXT,
    qty TEXT COLLATE exact, price TEXT COLLATE exact, trigger TEXT COLLATE exact,
    of_intent INTEGER,               -- cancel: of which intent
    reason TEXT NOT NULL,            -- in the agent's words
    position_before TEXT COLLATE exact,  -- the agent's, base units
    reference TEXT COLLATE exact,    -- the gateway's reference price
    bid TEXT COLLATE exact, bid_qty TEXT COLLATE exact, ask TEXT COLLATE exact, ask_qty TEXT COLLATE exact,
    market_age_ns INTEGER,           -- how old that book was
    market_live INTEGER,             -- was it complete? 0 or 1
    limits TEXT,                     -- version of the limits in force
    outcome TEXT,                    -- order, refused; NULL for what places nothing
    client_order_id TEXT             -- of the order that came of it
) STRICT;

CREATE TABLE orders (                -- one row an order, as it stands now
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL,
    time TEXT AS (strftime('%Y-%m-%dT%H:%M:%fZ', at / 1000000000.0, 'unixepoch')),
    client_order_id TEXT NOT NULL UNIQUE, venue_order_id TEXT,
    session INTEGER, agent TEXT NOT NULL, intent INTEGER NOT NULL, instrument TEXT NOT NULL,
    side TEXT NOT NULL, type TEXT NOT NULL,
    qty TEXT COLLATE exact, quote_qty TEXT COLLATE exact, price TEXT COLLATE exact, trigger TEXT COLLATE exact,
    worst_price TEXT COLLATE exact, time_in_force TEXT, post_only INTEGER, reduce_only INTEGER,
    reason TEXT,
    reason_kind TEXT,                -- the reason with each number as #, to group by
    decision INTEGER,                -- seq of the decision
    position_before TEXT COLLATE exact,      -- the agent's, base units
    balance_before TEXT COLLATE exact,       -- free, of the asset that pays, as the venue last told it
    balance_asset TEXT,
    reference TEXT COLLATE exact, bid TEXT COLLATE exact, ask TEXT COLLATE exact, mid TEXT COLLATE exact,
    decided_at INTEGER, durable_at INTEGER, left_at INTEGER, answered_at INTEGER, accepted_at INTEGER,
    first_fill_at INTEGER, last_fill_at INTEGER, ended_at INTEGER,
    state TEXT NOT NULL,             -- pending, working, in_doubt, done
    ending TEXT,                     -- filled, canceled, rejected, expired, not_placed
    cause TEXT,                      -- why it ended, where there is more to say
    rejection TEXT,                  -- the venue's refusal: insufficient_balance, filter, ...
    doubts INTEGER NOT NULL,         -- how often its outcome was unknown
    fills INTEGER NOT NULL, late_fills INTEGER NOT NULL,
    filled TEXT NOT NULL COLLATE exact, notional TEXT NOT NULL COLLATE exact, average TEXT COLLATE exact,
    fee_quote TEXT COLLATE exact, pnl TEXT COLLATE exact   -- of its fills, quote units; see fills
) STRICT;

CREATE TABLE fills (                 -- one row an execution
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL,
    time TEXT AS (strftime('%Y-%m-%dT%H:%M:%fZ', at / 1000000000.0, 'unixepoch')),
    session INTEGER, agent TEXT, instrument TEXT NOT NULL, client_order_id TEXT,   -- NULL: not ours
    venue_order_id TEXT NOT NULL, trade_id TEXT NOT NULL,
    side TEXT NOT NULL, price TEXT NOT NULL COLLATE exact, qty TEXT NOT NULL COLLATE exact,
    notional TEXT COLLATE exact,
    fee TEXT COLLATE exact, fee_asset TEXT,
    fee_quote TEXT COLLATE exact,    -- in quote units; NULL for a fee in a third asset
    liquidity TEXT NOT NULL,
    late INTEGER NOT NULL,           -- 1: found afterwards, nobody was there to hear of it
    busted INTEGER NOT NULL,         -- 1: taken back since, and counted no more
    venue_at INTEGER NOT NULL,       -- by the venue's clock
    reason_kind TEXT,
    position_before TEXT COLLATE exact, position_after TEXT COLLATE exact,   -- the agent's, base units
    balance_before TEXT COLLATE exact, balance_asset TEXT,
    mid TEXT COLLATE exact,          -- middle at the decision
    slippage_mid TEXT COLLATE exact,     -- worse than the middle at the decision by, quote units, all of it
    slippage_touch TEXT COLLATE exact,   -- worse than the best price of the other side then, the same
    pnl TEXT COLLATE exact           -- what it realized, quote units, average cost, before fees
) STRICT;

CREATE TABLE refusals (              -- what a guardrail refused; nothing was sent
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL,
    time TEXT AS (strftime('%Y-%m-%dT%H:%M:%fZ', at / 1000000000.0, 'unixepoch')),
    session INTEGER, agent TEXT NOT NULL, intent INTEGER NOT NULL, decision INTEGER,
    instrument TEXT, side TEXT, qty TEXT COLLATE exact, price TEXT COLLATE exact, reason TEXT,
    refusal TEXT NOT NULL,           -- as in docs/guardrails.md
    limit_value TEXT COLLATE exact, actual_value TEXT COLLATE exact,
    words TEXT NOT NULL,             -- the whole of it, for people
    position_before TEXT COLLATE exact, balance_before TEXT COLLATE exact, balance_asset TEXT
) STRICT;

CREATE TABLE errors (                -- what went wrong, of every kind
    seq INTEGER NOT NULL, at INTEGER NOT NULL,
    time TEXT AS (strftime('%Y-%m-%dT%H:%M:%fZ', at / 1000000000.0, 'unixepoch')),
    kind TEXT NOT NULL,              -- the kind of its record
    agent TEXT, instrument TEXT, client_order_id TEXT,
    what TEXT NOT NULL
) STRICT;

CREATE TABLE sessions (              -- starts of a gateway
    session INTEGER PRIMARY KEY, seq INTEGER NOT NULL, at INTEGER NOT NULL,
    time TEXT AS (strftime('%Y-%m-%dT%H:%M:%fZ', at / 1000000000.0, 'unixepoch')),
    version TEXT NOT NULL, paper INTEGER NOT NULL,
    last_at INTEGER NOT NULL,        -- its last entry
    ending TEXT,                     -- stopped, died; NULL for the newest one that has not stopped
    config TEXT NOT NULL             -- the effective configuration, without secrets
) STRICT;

CREATE TABLE connections (           -- changes of connections
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL,
    time TEXT AS (strftime('%Y-%m-%dT%H:%M:%fZ', at / 1000000000.0, 'unixepoch')),
    session INTEGER, link TEXT NOT NULL,     -- market, account
    up INTEGER NOT NULL, cause TEXT NOT NULL,
    reconnect INTEGER NOT NULL,      -- 1: up again after a loss in the same session
    lasted_ns INTEGER                -- how long it was the other way before, in this session
) STRICT;

CREATE TABLE feeds (                 -- changes of whether an instrument's market data can be relied on
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL,
    time TEXT AS (strftime('%Y-%m-%dT%H:%M:%fZ', at / 1000000000.0, 'unixepoch')),
    session INTEGER, instrument TEXT NOT NULL,
    health TEXT NOT NULL,            -- live, stale, resyncing, down
    until INTEGER                    -- when that changed; NULL while it is so
) STRICT;

CREATE TABLE answers (               -- how a request about an order went
    seq INTEGER PRIMARY KEY, at INTEGER NOT NULL,
    time TEXT AS (strftime('%Y-%m-%dT%H:%M:%fZ', at / 1000000000.0, 'unixepoch')),
    client_order_id TEXT NOT NULL, asked TEXT NOT NULL,     -- place, cancel
    durable_at INTEGER, left_at INTEGER, came_at INTEGER NOT NULL, outcome TEXT NOT NULL
) STRICT;

CREATE TABLE balances (              -- balances as the venue told them
    seq INTEGER NOT NULL, at INTEGER NOT NULL,
    time TEXT AS (strftime('%Y-%m-%dT%H:%M:%fZ', at / 1000000000.0, 'unixepoch')),
    asset TEXT NOT NULL, free TEXT NOT NULL COLLATE exact, locked TEXT NOT NULL COLLATE exact,
    venue_at INTEGER NOT NULL, partial INTEGER NOT NULL
) STRICT;

CREATE TABLE positions (             -- what each agent holds now, by its own fills
    agent TEXT NOT NULL, instrument TEXT NOT NULL,   -- agent '': orders that are not ours
    net TEXT NOT NULL COLLATE exact,
    cost TEXT NOT NULL COLLATE exact,        -- what it cost, quote units; below zero for a short position
    realized TEXT NOT NULL COLLATE exact,    -- so far, before fees
    fees_quote TEXT NOT NULL COLLATE exact,
    uncounted INTEGER NOT NULL,      -- fills without room for their sum, or with a fee in a third asset
    PRIMARY KEY (agent, instrument)
) STRICT;

CREATE VIEW equity AS SELECT seq, at, time, body ->> '$.mark.equity' AS equity,
    body ->> '$.mark.valuation' AS asset, body ->> '$.mark.high' AS high,
    body ->> '$.mark.day_start' AS day_start FROM records WHERE kind = 'equity_mark' AND body IS NOT NULL;
CREATE VIEW states AS SELECT seq, at, time, body ->> '$.state' AS state, body ->> '$.cause' AS cause,
    body ->> '$.by' AS by FROM records WHERE kind = 'trading' AND body IS NOT NULL;
CREATE VIEW breakers AS SELECT seq, at, time, body ->> '$.name' AS name, body ->> '$.about' AS about,
    body ->> '$.event' AS event, body ->> '$.value' AS value, body ->> '$.limit' AS limit_value
    FROM records WHERE kind = 'breaker' AND body IS NOT NULL;
CREATE VIEW budget AS SELECT seq, at, time,
    CASE kind WHEN 'budget_wait' THEN 'waited' ELSE 'refused' END AS what,
    coalesce(body ->> '$.limiter', body ->> '$.detail') AS limiter,
    (body ->> '$.wait.secs') * 1000000000 + (body ->> '$.wait.nanos') AS wait_ns,
    coalesce(body ->> '$.requests', 1) AS requests
    FROM records WHERE kind IN ('budget_wait', 'rate_limited') AND body IS NOT NULL;
CREATE VIEW gaps AS SELECT seq, at, time, instrument, body ->> '$.detail' AS detail
    FROM records WHERE kind = 'gap' AND body IS NOT NULL;
CREATE VIEW resyncs AS SELECT seq, at, time, instrument, until - at AS took_ns
    FROM feeds WHERE health = 'resyncing';
CREATE VIEW alerts AS SELECT seq, at, time, body ->> '$.alert.level' AS level,
    body ->> '$.alert.key' AS key, body ->> '$.alert.about' AS about, body ->> '$.alert.text' AS text
    FROM records WHERE kind = 'alerted' AND body IS NOT NULL;
CREATE VIEW limits AS SELECT seq, at, time, body ->> '$.version' AS version, body ->> '$.limits' AS limits
    FROM records WHERE kind = 'limits' AND body IS NOT NULL;
CREATE VIEW agents AS SELECT seq, at, time, agent, kind,
    coalesce(body ->> '$.event', body ->> '$.cause') AS event, body ->> '$.version' AS version
    FROM records WHERE kind IN ('agent', 'agent_disabled', 'agent_enabled') AND body IS NOT NULL;
CREATE VIEW gates AS SELECT seq, at, time, body ->> '$.gate' AS gate, body ->> '$.reason' AS reason,
    body ->> '$.unmet' AS unmet FROM records WHERE kind = 'gate_overridden' AND body IS NOT NULL;
CREATE VIEW ramp AS SELECT seq, at, time, body ->> '$.percent' AS percent, body ->> '$.because' AS because
    FROM records WHERE kind = 'ramp' AND body IS NOT NULL;
CREATE VIEW cancels AS SELECT seq, at, time, client_order_id, kind, body ->> '$.because' AS because
    FROM records WHERE kind IN ('cancel_prepared', 'cancel_rejected') AND body IS NOT NULL;
CREATE VIEW busts AS SELECT seq, at, time, client_order_id, instrument,
    body ->> '$.fill.trade_id' AS trade_id, body ->> '$.fill.side' AS side,
    body ->> '$.fill.price' AS price, body ->> '$.fill.qty' AS qty
    FROM records WHERE kind = 'busted' AND body IS NOT NULL;
CREATE VIEW differences AS SELECT seq, at, time, kind, client_order_id,
    body ->> '$.found.discrepancy' AS found, body ->> '$.left' AS left_over, body
    FROM records WHERE kind IN ('discrepancy', 'reconciled', 'differences_accepted') AND body IS NOT NULL;
CREATE VIEW transfers AS SELECT seq, at, time, kind, body ->> '$.asset' AS asset,
    body ->> '$.amount' AS amount FROM records
    WHERE kind IN ('transferred', 'transfer_known') AND body IS NOT NULL;
CREATE VIEW halts AS SELECT seq, at, time, kind, coalesce(body ->> '$.cause', body ->> '$.because') AS cause, body
    FROM records WHERE kind IN ('trading', 'flatten', 'resume_requested', 'resume_refused', 'resumed')
    AND body IS NOT NULL;
CREATE VIEW stream AS SELECT seq, at, time, kind, instrument,
    coalesce(body ->> '$.dropped', body ->> '$.count') AS count, body ->> '$.link' AS link
    FROM records WHERE kind IN ('duplicates', 'missed_trades', 'handed_over') AND body IS NOT NULL;
CREATE VIEW foreign_orders AS SELECT seq, at, time, kind, instrument,
    coalesce(body ->> '$.order.id', body ->> '$.venue_order_id') AS venue_order_id, body
    FROM records WHERE kind IN ('foreign', 'foreign_gone', 'foreign_cancel') AND body IS NOT NULL;
CREATE VIEW exchange AS SELECT seq, at, time, kind, instrument, client_order_id, body
    FROM records WHERE kind IN ('rules', 'key_audited', 'triggered') AND body IS NOT NULL;
";

/// What finds rows, and what the fold goes on from. No part of the contract.
pub(crate) const INTERNAL: &str = "
CREATE INDEX records_order ON records (client_order_id, seq) WHERE client_order_id IS NOT NULL;
CREATE INDEX records_kind ON records (kind, seq) WHERE body IS NOT NULL;
CREATE INDEX records_body ON records (seq) WHERE body IS NOT NULL;
CREATE INDEX decisions_intent ON decisions (agent, intent);
CREATE INDEX orders_open ON orders (seq) WHERE state <> 'done';
CREATE INDEX orders_venue ON orders (venue_order_id) WHERE venue_order_id IS NOT NULL;
CREATE INDEX orders_intent ON orders (agent, intent);
CREATE INDEX fills_trade ON fills (trade_id);
CREATE INDEX fills_order ON fills (client_order_id) WHERE client_order_id IS NOT NULL;
CREATE INDEX fills_late ON fills (seq) WHERE late = 1;
CREATE INDEX errors_seq ON errors (seq);
CREATE INDEX feeds_open ON feeds (instrument) WHERE until IS NULL;
CREATE TABLE fold (one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL, seq INTEGER NOT NULL,
    hash BLOB NOT NULL, first INTEGER NOT NULL, state TEXT NOT NULL) STRICT;
";

/// Which table or view has the entries of a kind.
pub fn home_of(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "started" | "stopped" => "sessions",
        "decided" => "decisions",
        "refused" => "refusals",
        "prepared" | "accepted" | "in_doubt" | "rejected" | "ended" => "orders",
        "answered" => "answers",
        "filled" => "fills",
        "cancel_prepared" | "cancel_rejected" => "cancels",
        "busted" => "busts",
        "triggered" | "rules" | "key_audited" => "exchange",
        "foreign" | "foreign_gone" | "foreign_cancel" => "foreign_orders",
        "balances" => "balances",
        "transferred" | "transfer_known" => "transfers",
        "link" => "connections",
        "gap" => "gaps",
        "duplicates" | "missed_trades" | "handed_over" => "stream",
        "feed" => "feeds",
        "rate_limited" | "budget_wait" => "budget",
        "discrepancy" | "reconciled" | "differences_accepted" => "differences",
        "trading" => "states",
        "flatten" | "resume_requested" | "resume_refused" | "resumed" => "halts",
        "limits" => "limits",
        "agent" | "agent_disabled" | "agent_enabled" => "agents",
        "equity_mark" => "equity",
        "breaker" => "breakers",
        "alerted" => "alerts",
        "gate_overridden" => "gates",
        "ramp" => "ramp",
        _ => return None,
    })
}
