//! The table in `docs/breakers.md` names every breaker, and every key of `[breakers]` with its default.

use std::collections::BTreeMap;
use std::path::Path;

use gateway::BreakerLimits;
use model::BreakerName;
use serde_json::Value;

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/breakers.md");
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every key that is followed by a number in brackets, and that number.
fn defaults(page: &str) -> BTreeMap<String, Value> {
    let parts = page.split('`').collect::<Vec<_>>();
    let pairs = parts.windows(2).filter_map(|pair| {
        let number = pair[1].strip_prefix(" (")?.split_once(')')?.0;
        Some((pair[0].to_owned(), Value::from(number.parse::<u64>().ok()?)))
    });
    pairs.collect()
}

#[test]
fn every_key_is_there_with_its_default() {
    let Value::Object(keys) = serde_json::to_value(BreakerLimits::default()).unwrap() else {
        panic!()
    };
    let mut keys: BTreeMap<String, Value> = keys.into_iter().collect();
    assert_eq!(keys.remove("valuation"), Some(Value::Null));
    assert!(page().contains("`valuation`"));
    assert_eq!(defaults(&page()), keys);
}

#[test]
fn every_breaker_has_its_row() {
    let page = page();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let named: Vec<&str> = rows.map(|(name, _)| name).collect();
    assert_eq!(named, BreakerName::ALL.map(BreakerName::as_str));
}
