//! Which addresses a key of the gateway's is ever used at: all of them are in `docs/keys.md`, and none
//! moves funds. `UPDATE=1` rewrites the list.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeSet;
use std::path::Path;

use budget::Keys;
use model::market::Interval;
use model::venue::{
    AccountRequest, CancelReplace, MarketRequest, OrderKey, PageCursor, Request, TradesFrom,
};
use model::{
    Asset, ClientOrderId, Instrument, InstrumentId, NewOrder, OrderKind, OrderQty, Side,
    TimeInForce, Timestamp, VenueOrderId,
};
use plimsoll_venues::session::Stamp;
use plimsoll_venues::{VENUES, Venue};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/keys.md");
const BEGIN: &str = "<!-- paths -->\n";
const END: &str = "<!-- /paths -->";

/// What moves funds has one of these in its address, at every exchange of the five.
const FORBIDDEN: [&str; 12] = [
    "withdraw",
    "transfer",
    "capital",
    "deposit",
    "payment",
    "send",
    "convert",
    "margin",
    "loan",
    "sub-account",
    "fapi",
    "asset",
];

fn id() -> InstrumentId {
    "BTC-USDT".parse().unwrap()
}

fn order() -> NewOrder {
    NewOrder {
        client_order_id: ClientOrderId::new("a-1").unwrap(),
        instrument: id(),
        side: Side::Buy,
        kind: OrderKind::Limit { price: "60000".parse().unwrap() },
        qty: OrderQty::Base("0.002".parse().unwrap()),
        time_in_force: TimeInForce::Gtc,
        post_only: false,
        reduce_only: false,
        self_trade_prevention: None,
    }
}

/// The number of an account's question, so that a new one is missing from the list below.
const fn of_account(request: &AccountRequest) -> usize {
    match request {
        AccountRequest::Place(_) => 0,
        AccountRequest::Test(_) => 1,
        AccountRequest::Cancel { .. } => 2,
        AccountRequest::CancelAll(_) => 3,
        AccountRequest::CancelReplace(_) => 4,
        AccountRequest::Order { .. } => 5,
        AccountRequest::OpenOrders(_) => 6,
        AccountRequest::Orders { .. } => 7,
        AccountRequest::Fills { .. } => 8,
        AccountRequest::Account => 9,
        AccountRequest::AccountAfter(_) => 10,
        AccountRequest::Rights => 11,
        AccountRequest::Scopes => 12,
        AccountRequest::Fees(_) => 13,
        AccountRequest::Ticket => 14,
    }
}

/// The same of a public one.
const fn of_market(request: &MarketRequest) -> usize {
    match request {
        MarketRequest::Ping => 0,
        MarketRequest::Time => 1,
        MarketRequest::Instruments(_) => 2,
        MarketRequest::Book { .. } => 3,
        MarketRequest::Trades { .. } => 4,
        MarketRequest::AggregateTrades { .. } => 5,
        MarketRequest::Candles { .. } => 6,
        MarketRequest::Tickers { .. } => 7,
        MarketRequest::AveragePrice(_) => 8,
    }
}

/// Every question that there is, in every shape that has an address of its own.
fn requests() -> Vec<Request> {
    let (instrument, limit) = (id(), 5);
    let (client, venue) = (
        OrderKey::Client(ClientOrderId::new("a-1").unwrap()),
        OrderKey::Venue(VenueOrderId::new("7").unwrap()),
    );
    let page = || PageCursor("next".to_owned());
    let froms = [
        TradesFrom::Newest,
        TradesFrom::Id(7),
        TradesFrom::Time { start: Some(Timestamp::EPOCH), end: None },
    ];
    let mut account = vec![
        AccountRequest::Place(order()),
        AccountRequest::Test(order()),
        AccountRequest::CancelAll(instrument),
        AccountRequest::CancelReplace(CancelReplace {
            cancel: client,
            cancel_id: None,
            only: None,
            stop_on_failure: true,
            order: order(),
        }),
        AccountRequest::OpenOrders(None),
        AccountRequest::OpenOrders(Some(instrument)),
        AccountRequest::Orders { instrument, from: None, start: None, end: None, limit },
        AccountRequest::Account,
        AccountRequest::AccountAfter(page()),
        AccountRequest::Rights,
        AccountRequest::Scopes,
        AccountRequest::Fees(instrument),
        AccountRequest::Ticket,
    ];
    for order in [client, venue] {
        let (cancel_id, only) = (None, None);
        account.push(AccountRequest::Cancel { instrument, order, cancel_id, only });
        account.push(AccountRequest::Order { instrument, order, since: Some(Timestamp::EPOCH) });
    }
    for from in froms {
        for page in [None, Some(page())] {
            account.push(AccountRequest::Fills { instrument, order: None, from, limit, page });
        }
    }
    let interval = Interval::Seconds(60);
    let mut market = vec![
        MarketRequest::Ping,
        MarketRequest::Time,
        MarketRequest::Instruments(Vec::new()),
        MarketRequest::Instruments(vec![instrument]),
        MarketRequest::Book { instrument, depth: 100 },
        MarketRequest::Candles { instrument, interval, start: None, end: None, limit },
        MarketRequest::Tickers { instruments: Vec::new(), window_s: 86_400 },
        MarketRequest::Tickers { instruments: vec![instrument], window_s: 86_400 },
        MarketRequest::AveragePrice(instrument),
    ];
    for from in froms {
        market.push(MarketRequest::Trades { instrument, from, limit });
        market.push(MarketRequest::AggregateTrades { instrument, from, limit });
    }
    let kinds: BTreeSet<usize> = account.iter().map(of_account).collect();
    assert_eq!(kinds.len(), 15, "a question is missing here");
    let kinds: BTreeSet<usize> = market.iter().map(of_market).collect();
    assert_eq!(kinds.len(), 9, "a question is missing here");
    let account = account.into_iter().map(Request::Account);
    account.chain(market.into_iter().map(Request::Market)).collect()
}

/// Method and path of everything that a client of this venue's can say. What stands for an order or a
/// product in a path is a star.
fn of(venue: &Venue) -> BTreeSet<String> {
    let asset = |name| Asset::new(name).unwrap();
    let (tick, lot) = ("0.01".parse().unwrap(), "0.00001".parse().unwrap());
    let mut spot = Instrument::spot(asset("BTC"), asset("USDT"), tick, lot).unwrap();
    (venue.simulated.adapt)(&mut spot);
    let symbol = spot.symbol.clone();
    // A secret that every venue takes.
    let client = (venue.client)("k", "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=").unwrap();
    let client = client.following(vec![spot]);
    let said = requests().into_iter().filter_map(|request| {
        let stamp = Stamp { venue_now: Timestamp::EPOCH, nonce: 1, ticket: None };
        let call = client.call(&request, stamp, Keys::default()).ok()?;
        let path = call.path.split('?').next().unwrap();
        let parts = path.split('/').map(|part| match part {
            "7" => "*",
            part if part == symbol => "*",
            part => part,
        });
        Some(format!("{} {}", call.method, parts.collect::<Vec<_>>().join("/")))
    });
    said.collect()
}

fn list() -> String {
    let mut text = String::new();
    for venue in VENUES {
        let paths: Vec<String> = of(venue).iter().map(|path| format!("`{path}`")).collect();
        text.push_str(&format!("- `{}`: {}\n", venue.name, paths.join(", ")));
    }
    text
}

#[test]
fn every_path_is_on_the_list_and_none_moves_funds() {
    let list = list();
    for forbidden in FORBIDDEN {
        assert!(!list.contains(forbidden), "{forbidden}: {list}");
    }
    let page = std::fs::read_to_string(PAGE).unwrap();
    let (head, rest) = page.split_once(BEGIN).unwrap();
    let (told, tail) = rest.split_once(END).unwrap();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(PAGE, format!("{head}{BEGIN}{list}{END}{tail}")).unwrap();
        return;
    }
    assert_eq!(told, list, "a client says something new; UPDATE=1 rewrites the list");
}

/// Stands in a table of names and is nobody's question.
const NEVER_SAID: [&str; 1] = ["api/v3/rateLimit/order"];

/// No address stands in the clients' code that the requests above do not lead to.
#[test]
fn no_other_path_stands_in_the_code() {
    let said = list();
    let mut seen = 0;
    for venue in VENUES {
        let folder = format!("{}/client", venue.dialect);
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(folder);
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            if path.is_dir() {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap();
            // Every text that begins with a slash: `"/orders"`.
            for piece in code.split("\"/").skip(1) {
                let literal = piece.split('"').next().unwrap();
                let literal = literal.split('{').next().unwrap().trim_end_matches('/');
                if NEVER_SAID.contains(&literal) {
                    continue;
                }
                assert!(said.contains(literal), "{}: /{literal} is not said", path.display());
                seen += 1;
            }
        }
    }
    assert!(seen > 20, "{seen} addresses were found: the code is written otherwise");
}
