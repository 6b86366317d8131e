//! Which column is what, by its name.
//!
//! Names are compared in lower case and without anything but letters and digits, so `bidPrice`,
//! `bid_price` and `Bid Price` are one. Where several columns could be the one that is wanted, the
//! first name in the list wins, not the first column.

use crate::batch::Kind;
use crate::error::LayoutProblem;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// Nothing that is used.
    Skip,
    Time,
    Received,
    Symbol,
    Id,
    Price,
    Qty,
    /// Of the taker, or of the level.
    Side,
    /// True: the seller was in a hurry.
    BuyerMaker,
    /// True: the level is an ask.
    IsAsk,
    Open,
    High,
    Low,
    Close,
    BidPrice,
    BidQty,
    AskPrice,
    AskQty,
    /// True: part of a snapshot.
    Snapshot,
    /// Rows with the same number came in one message.
    Update,
    /// Rows with the same number are one snapshot.
    SnapshotId,
    /// Of a level of a wide snapshot.
    Level(Level),
    /// How far from the middle, in percent.
    Percent,
    /// Base and quote units up to there.
    Depth,
    Notional,
}

/// One number of one level of a wide snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Level {
    pub(crate) ask: bool,
    /// 0 is the best.
    pub(crate) depth: u16,
    pub(crate) price: bool,
}

/// Best name first.
const NAMES: &[(Role, &[&str])] = &[
    (
        Role::Time,
        &[
            "transactiontime",
            "transacttime",
            "opentime",
            "opentimestamp",
            "time",
            "timestamp",
            "ts",
            "datetime",
            "date",
            "eventtime",
            "tradetime",
            "exchangetimestamp",
            "exchtimestamp",
            "unixtime",
            "unix",
            "epoch",
            "timestampms",
            "timestampus",
            "timestampns",
            "timens",
            "timems",
            "t",
        ],
    ),
    (
        Role::Received,
        &[
            "localtimestamp",
            "received",
            "receivedat",
            "receivetime",
            "timestampofreceive",
            "receivedtimestamp",
            "localtime",
            "localts",
            "recvtime",
            "recvts",
        ],
    ),
    (Role::Symbol, &["symbol", "instrument", "instrumentid", "instid", "market", "pair"]),
    (Role::Id, &["id", "tradeid", "aggtradeid", "aggid", "tid"]),
    (Role::Price, &["price", "px", "tradeprice"]),
    (Role::Qty, &["qty", "quantity", "amount", "size", "sz", "baseqty", "volume", "vol"]),
    (Role::Side, &["side", "takerside", "aggressorside"]),
    (Role::BuyerMaker, &["isbuyermaker", "buyermaker", "isbuyermarketmaker"]),
    (Role::IsAsk, &["isask"]),
    (Role::Open, &["open", "o"]),
    (Role::High, &["high", "h"]),
    (Role::Low, &["low", "l"]),
    (Role::Close, &["close", "c"]),
    (Role::BidPrice, &["bidprice", "bestbidprice", "bidpx", "bid", "bestbid"]),
    (
        Role::BidQty,
        &[
            "bidqty",
            "bestbidqty",
            "bidamount",
            "bidsize",
            "bidquantity",
            "bestbidsize",
            "bidvolume",
        ],
    ),
    (Role::AskPrice, &["askprice", "bestaskprice", "askpx", "ask", "bestask"]),
    (
        Role::AskQty,
        &[
            "askqty",
            "bestaskqty",
            "askamount",
            "asksize",
            "askquantity",
            "bestasksize",
            "askvolume",
        ],
    ),
    (Role::Snapshot, &["issnapshot", "snapshot"]),
    (Role::Update, &["finalupdateid", "updateid", "seq", "sequence"]),
    (Role::SnapshotId, &["lastupdateid"]),
    (Role::Percent, &["percentage"]),
    (Role::Depth, &["depth"]),
    (Role::Notional, &["notional"]),
];

/// Volume of a bar: `v` alone is no quantity of a trade, where it could be anything.
const VOLUME: &[&str] = &["volume", "vol", "v", "basevolume", "qty", "amount"];

/// The columns of a text or a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Columns {
    pub(crate) kind: Kind,
    /// One for each column.
    pub(crate) roles: Vec<Role>,
    /// A name for what was recognised.
    pub(crate) layout: &'static str,
    /// Trades are numbered without a gap.
    pub(crate) consecutive_ids: bool,
}

/// Letters and digits of a name, in lower case.
pub(crate) fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// Finds the roles by name. `bid_or_ask` says whether the first row's side is one of a book.
pub(crate) fn by_name(
    names: &[String],
    wanted: Option<Kind>,
    bid_or_ask: bool,
) -> Result<Columns, LayoutProblem> {
    let plain: Vec<String> = names.iter().map(|name| plain(name)).collect();
    let mut roles: Vec<Role> =
        names.iter().map(|name| level(name).map_or(Role::Skip, Role::Level)).collect();
    for (role, known) in NAMES {
        let found = known.iter().find_map(|name| plain.iter().position(|column| column == name));
        if let Some(at) = found.filter(|at| roles[*at] == Role::Skip) {
            roles[at] = *role;
        }
    }
    let has = |role: Role| roles.contains(&role);
    // Trades may have a running number beside their own, too.
    let hints = has(Role::Snapshot)
        || has(Role::SnapshotId)
        || has(Role::IsAsk)
        || ((bid_or_ask || has(Role::Update)) && !has(Role::Id));
    let have = || names.join(", ");
    let kind = if roles.iter().any(|role| matches!(role, Role::Level(_))) || has(Role::Percent) {
        Kind::Book
    } else if has(Role::Open) && has(Role::High) && has(Role::Low) && has(Role::Close) {
        Kind::Bars
    } else if has(Role::BidPrice) && has(Role::AskPrice) {
        Kind::Quotes
    } else if has(Role::Price) && (hints || wanted == Some(Kind::Book)) {
        Kind::Book
    } else if has(Role::Price) {
        Kind::Trades
    } else {
        return Err(LayoutProblem::NoKind { have: have() });
    };
    if let Some(wanted) = wanted.filter(|wanted| *wanted != kind) {
        return Err(LayoutProblem::Kind { is: kind.name(), wanted });
    }
    if kind == Kind::Bars {
        let found = VOLUME.iter().find_map(|name| plain.iter().position(|column| column == name));
        roles.iter_mut().filter(|role| **role == Role::Qty).for_each(|role| *role = Role::Skip);
        if let Some(at) = found {
            roles[at] = Role::Qty;
        }
    }
    let mut columns = Columns { kind, roles, layout: "csv", consecutive_ids: false };
    columns.complete(&have())?;
    columns.keep_what_is_used();
    (columns.layout, columns.consecutive_ids) = name_of(&plain, &columns);
    Ok(columns)
}

impl Columns {
    /// What the kind needs is there.
    fn complete(&mut self, have: &str) -> Result<(), LayoutProblem> {
        let has = |role: Role| self.roles.contains(&role);
        // A file that knows only when it was received.
        if !has(Role::Time)
            && let Some(at) = self.roles.iter().position(|role| *role == Role::Received)
        {
            self.roles[at] = Role::Time;
        }
        let has = |role: Role| self.roles.contains(&role);
        let wide = self.roles.iter().any(|role| matches!(role, Role::Level(_)));
        let best = |price| Role::Level(Level { ask: false, depth: 0, price });
        let needs: &[(Role, &str)] = match self.kind {
            _ if wide => &[(best(true), "the price of the best bid"), (best(false), "its amount")],
            Kind::Book if has(Role::Percent) => {
                &[(Role::Depth, "the depth"), (Role::Notional, "the notional")]
            }
            Kind::Bars => &[(Role::Qty, "the volume")],
            Kind::Trades | Kind::Book => &[(Role::Qty, "the quantity")],
            Kind::Quotes => {
                &[(Role::BidQty, "the bid's quantity"), (Role::AskQty, "the ask's quantity")]
            }
        };
        let side = [Role::Side, Role::IsAsk].into_iter().any(has);
        let missing = needs.iter().find(|(role, _)| !has(*role)).map(|(_, what)| *what);
        let missing = match missing {
            _ if !has(Role::Time) => Some("the time"),
            None if self.kind == Kind::Book && !wide && !has(Role::Percent) && !side => {
                Some("the side")
            }
            missing => missing,
        };
        let have = have.to_owned();
        missing.map_or(Ok(()), |missing| Err(LayoutProblem::Missing { missing, have }))
    }

    /// A role that the kind has no place for is a column to skip.
    fn keep_what_is_used(&mut self) {
        use Role::*;
        let wide = self.roles.iter().any(|role| matches!(role, Level(_)));
        let percent = self.roles.contains(&Percent);
        for role in &mut self.roles {
            let used = match role {
                Skip | Time | Symbol => true,
                Received => !percent,
                Id | BuyerMaker => self.kind == Kind::Trades,
                Price => matches!(self.kind, Kind::Trades | Kind::Book) && !wide && !percent,
                Qty => self.kind != Kind::Quotes && !wide && !percent,
                Side => matches!(self.kind, Kind::Trades | Kind::Book) && !wide,
                IsAsk | Snapshot | Update | SnapshotId => self.kind == Kind::Book && !wide,
                Open | High | Low | Close => self.kind == Kind::Bars,
                BidPrice | BidQty | AskPrice | AskQty => self.kind == Kind::Quotes,
                Level(_) => self.kind == Kind::Book,
                Percent | Depth | Notional => percent,
            };
            if !used {
                *role = Skip;
            }
        }
    }
}

/// `asks[3].price` and the like.
fn level(name: &str) -> Option<Level> {
    let name = name.trim().to_ascii_lowercase();
    let (ask, rest) = match name.strip_prefix("asks[") {
        Some(rest) => (true, rest),
        None => (false, name.strip_prefix("bids[")?),
    };
    let (depth, number) = rest.split_once("].")?;
    let price = match number {
        "price" => true,
        "amount" | "qty" | "size" => false,
        _ => return None,
    };
    Some(Level { ask, depth: depth.parse().ok().filter(|depth| *depth < 1_000)?, price })
}

/// What to call it, and whether its trades are numbered without a gap.
fn name_of(plain: &[String], columns: &Columns) -> (&'static str, bool) {
    let has = |name: &str| plain.iter().any(|column| column == name);
    let tardis = has("exchange") && has("symbol") && has("localtimestamp");
    match columns.kind {
        Kind::Bars if has("opentime") && has("closetime") && has("ignore") => {
            ("binance-klines", false)
        }
        Kind::Trades if has("aggtradeid") => ("binance-agg-trades", true),
        Kind::Trades if has("quoteqty") && has("isbuyermaker") => ("binance-trades", true),
        Kind::Trades if tardis => ("tardis-trades", false),
        Kind::Quotes if has("updateid") && has("bestbidprice") => ("binance-book-ticker", false),
        Kind::Quotes if tardis => ("tardis-quotes", false),
        Kind::Book if has("percentage") => ("binance-book-depth", false),
        Kind::Book if tardis && has("issnapshot") => ("tardis-incremental-book-l2", false),
        Kind::Book if tardis && has("asks24price") => ("tardis-book-snapshot-25", false),
        Kind::Book if tardis => ("tardis-book-snapshot-5", false),
        _ => ("csv", false),
    }
}
