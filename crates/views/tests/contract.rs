//! The tables are a contract: the page that tells of them has their text, word for word.

use plimsoll_views::{SCHEMA, report};

/// `UPDATE=1` puts the text into the page.
#[test]
fn the_page_has_every_table_and_every_report() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/questions.md");
    let page = std::fs::read_to_string(path).unwrap();
    let (before, rest) = page.split_once("```sql\n").unwrap();
    let (text, after) = rest.split_once("\n```").unwrap();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, format!("{before}```sql\n{}\n```{after}", SCHEMA.trim())).unwrap();
    } else {
        assert_eq!(text, SCHEMA.trim(), "UPDATE=1 writes it anew");
    }
    for (name, _) in report::list() {
        assert!(page.contains(&format!("| `{name}` |")), "{name}");
    }
}
