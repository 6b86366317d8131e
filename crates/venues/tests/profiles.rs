//! The table of venues in `docs/venues.md` is what the code says of each. `UPDATE=1` rewrites it.

use std::time::Duration;

use model::venue::{CancelAllScope, IdClass, Profile};
use plimsoll_venues::VENUES;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/venues.md");
const BEGIN: &str = "<!-- profiles -->\n";
const END: &str = "<!-- /profiles -->";

/// Every field of a profile, so that a new one is a row that is missing here.
fn column(profile: Profile) -> [String; 15] {
    let Profile {
        id_class,
        client_id_max,
        order_validity,
        finds_by_client_id,
        cancels_by_client_id,
        pushes_executions,
        pushes_balances,
        trade_ids_count,
        fills_page,
        order_ids_count,
        orders_page,
        tells_key_scopes,
        tells_key_addresses,
        dead_man,
        cancel_all,
    } = profile;
    let yes = |is: bool, no: &str| if is { "yes".to_owned() } else { no.to_owned() };
    [
        match id_class {
            IdClass::FirstOrder => "A: places nothing, answers with the first order",
            IdClass::UniqueWhileOpen => {
                "B: refused while the first is open, **executes again** later"
            }
            IdClass::UniqueForUnknownTime => "B2: refused for a time that nobody names",
            IdClass::Unchecked => "C: executes again",
        }
        .to_owned(),
        format!("{client_id_max} characters"),
        order_validity.map_or("without end".to_owned(), seconds),
        yes(finds_by_client_id, "no, a list is searched"),
        yes(cancels_by_client_id, "no, by its own name only"),
        yes(pushes_executions, "no, sums; executions are asked for"),
        yes(pushes_balances, "no, they are asked for"),
        yes(trade_ids_count, "no, lists go on by time"),
        fills_page.to_string(),
        yes(order_ids_count, "no, a list is whole or no answer"),
        orders_page.to_string(),
        yes(tells_key_scopes, "no"),
        yes(tells_key_addresses, "no, the portal alone shows it"),
        dead_man.map_or("none".to_owned(), |most| format!("yes, {} at the most", seconds(most))),
        match cancel_all {
            CancelAllScope::Account => "the account's".to_owned(),
            CancelAllScope::Instrument => "one instrument's".to_owned(),
            CancelAllScope::Named(count) => format!("{count} that are named"),
        },
    ]
}

fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs_f64())
}

const ROWS: [&str; 15] = [
    "a client order id used twice",
    "takes client order ids of at most",
    "a signed order is taken for",
    "finds an order by our id",
    "cancels by our id",
    "tells each execution",
    "tells balances",
    "trade ids count",
    "executions a page",
    "order ids count",
    "orders a page",
    "tells what a key may do",
    "tells whether a key is bound to addresses",
    "takes orders back when nobody winds its timer up",
    "takes back in one request",
];

fn table() -> String {
    let columns = VENUES.map(|venue| column(venue.profile));
    let names = VENUES.map(|venue| format!("`{}`", venue.name));
    let mut text = format!("| | {} |\n", names.join(" | "));
    text.push_str(&format!("| --- |{}\n", " --- |".repeat(VENUES.len())));
    for (at, row) in ROWS.iter().enumerate() {
        let cells: Vec<&str> = columns.iter().map(|column| column[at].as_str()).collect();
        text.push_str(&format!("| {row} | {} |\n", cells.join(" | ")));
    }
    text
}

#[test]
fn the_page_says_what_the_code_says() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let (head, rest) = page.split_once(BEGIN).unwrap();
    let (told, tail) = rest.split_once(END).unwrap();
    let table = table();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(PAGE, format!("{head}{BEGIN}{table}{END}{tail}")).unwrap();
        return;
    }
    assert_eq!(told, table, "UPDATE=1 rewrites it");
}
