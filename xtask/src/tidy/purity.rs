//! Rule: the core asks the world for nothing.
//!
//! Backtest, chaos, paper and live are the same code only as long as the same inputs give the same
//! bytes. A clock, a thread, a file or hash order in a pure crate ends that without any test
//! turning red, so it is looked for by name. `clippy.toml` in each pure crate says the same with
//! types; this rule also sees what clippy has no lint for, and leaves tests alone.

use super::finding::Finding;
use super::items::{Mention, items};
use super::layout::is_pure;
use super::source::{Source, tokens};

/// Path, what to use in its place. A shorter path bans all below it.
const PATHS: &[(&str, &str)] = &[
    ("std::time::Instant", NOW),
    ("std::time::SystemTime", NOW),
    ("std::time::UNIX_EPOCH", NOW),
    ("std::time::*", "name what you need; only `Duration` is pure"),
    ("std::thread", "return an effect; the runtime owns the threads"),
    ("std::fs", "return an effect; bytes arrive as arguments"),
    // Addresses are plain values; what opens or asks is not.
    ("std::net::TcpListener", SOCKETS),
    ("std::net::TcpStream", SOCKETS),
    ("std::net::UdpSocket", SOCKETS),
    ("std::net::ToSocketAddrs", SOCKETS),
    ("std::net::*", "name what you need; only addresses are pure"),
    ("std::env", "take the value as an argument; configuration is read at the edge"),
    ("std::process", "return an effect; a broken invariant is an `assert!`"),
    ("std::io", "take `&[u8]`, return bytes; the runtime reads and writes"),
    ("std::*", "name what you need"),
    ("std::hash::RandomState", "a seeded hash, or BTreeMap"),
    ("std::hash::DefaultHasher", "a hash that is defined by its document"),
    ("std::collections::hash_map", "BTreeMap: its order is the same in every run"),
    ("std::collections::hash_set", "BTreeSet: its order is the same in every run"),
    ("rand", "take the seed or the number as an argument"),
    ("getrandom", "take the seed or the number as an argument"),
    ("fastrand", "take the seed or the number as an argument"),
];

/// Words that are wrong however they came to be in scope.
const WORDS: &[(&str, &str)] = &[
    ("HashMap", "BTreeMap: its order is the same in every run"),
    ("HashSet", "BTreeSet: its order is the same in every run"),
    ("SystemTime", NOW),
    ("async", "a machine that returns effects; the runtime waits"),
    ("thread_local", "state in a struct that the caller owns"),
];

const MACROS: &[&str] = &["println", "eprintln", "print", "eprint"];

const SOCKETS: &str = "return an effect; the runtime owns the sockets";

const NOW: &str = "the `now` argument: time arrives with the input";

pub(crate) fn check(sources: &[Source]) -> Vec<Finding> {
    let pure = sources.iter().filter(|source| !source.is_test && is_pure(&source.path));
    pure.flat_map(|source| {
        let mut findings = paths(source);
        findings.extend(words(source));
        findings
    })
    .collect()
}

fn paths(source: &Source) -> Vec<Finding> {
    let found = items(&source.code).mentions.into_iter().filter_map(|mention| {
        let (path, instead) = PATHS.iter().find(|(path, _)| is_below(&mention, path))?;
        Some(finding(source, mention.line, path, instead))
    });
    found.collect()
}

/// `core` and `alloc` are the same library by other names; `time::Instant` is `std::time::Instant`
/// after a `use std::time;`.
fn is_below(mention: &Mention, path: &str) -> bool {
    let banned: Vec<&str> = path.split("::").collect();
    let mut segments: Vec<&str> = mention.segments.iter().map(String::as_str).collect();
    if matches!(segments[..], ["core" | "alloc", ..]) {
        segments[0] = "std";
    }
    let shortened = banned.len() > 2 && banned[0] == "std" && segments.starts_with(&banned[1..]);
    segments.starts_with(&banned) || shortened
}

fn words(source: &Source) -> Vec<Finding> {
    let tokens = tokens(&source.code);
    let mut findings = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        let before = index.checked_sub(1).map_or("", |at| tokens[at].text);
        let next = tokens.get(index + 1).map_or("", |token| token.text);
        if let Some((word, instead)) = WORDS.iter().find(|(word, _)| *word == token.text) {
            findings.push(finding(source, token.line, word, instead));
        } else if token.text == "await" && before == "." {
            let instead = "a machine that returns effects; the runtime waits";
            findings.push(finding(source, token.line, ".await", instead));
        } else if MACROS.contains(&token.text) && next == "!" {
            let name = format!("{}!", token.text);
            findings.push(finding(source, token.line, &name, "an effect that notifies"));
        } else if token.text == "Instant" && next == "::" {
            findings.push(finding(source, token.line, "Instant", NOW));
        }
    }
    findings
}

fn finding(source: &Source, line: usize, what: &str, instead: &str) -> Finding {
    let message = format!("`{what}` in a pure crate; instead: {instead}");
    Finding::error(&source.path, line, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::source::parse;

    fn lines(path: &str, text: &str) -> Vec<String> {
        let found = check(&parse(vec![(path.to_owned(), text.to_owned())]));
        found.into_iter().map(|finding| finding.to_string()).collect()
    }

    #[test]
    fn what_a_pure_crate_may_not_touch() {
        let banned = [
            "use std::time::Instant;",
            "use std::time::{Duration, SystemTime};",
            "use std::{fmt, fs};",
            "use std::time::*;",
            "use std::net::{IpAddr, TcpStream};",
            "use std::net; fn f() { net::UdpSocket::bind(x) }",
            "use core::net::*;",
            "use std::thread::spawn;",
            "use std::io;",
            "fn f() { std::env::var(x); }",
            "fn f() { std::process::abort() }",
            "use std::time; fn f() { time::Instant::now(); }",
            "use std::collections::{BTreeMap, HashMap};",
            "type S = HashSet<u8>;",
            "async fn f() {}",
            "fn f() { g().await }",
            "fn f() { println!(x) }",
            "fn f() -> u8 { rand::random() }",
        ];
        for text in banned {
            assert!(!lines("crates/model/src/a.rs", text).is_empty(), "{text}");
        }
    }

    #[test]
    fn what_the_kill_switch_decides_with_is_pure_and_the_rest_of_it_is_not() {
        let text = "use std::time::Instant;";
        assert!(!lines("crates/watchdog/src/core/a.rs", text).is_empty());
        assert!(lines("crates/watchdog/src/shell.rs", text).is_empty());
    }

    #[test]
    fn the_message_has_place_and_replacement() {
        let found = lines("crates/engine/src/a.rs", "//! x\n\nuse std::collections::HashMap;");
        let expected = "error: crates/engine/src/a.rs:3: `HashMap` in a pure crate; instead: \
                        BTreeMap: its order is the same in every run";
        assert_eq!(found, [expected]);
    }

    #[test]
    fn what_is_fine() {
        let fine = [
            ("crates/model/src/a.rs", "use std::time::Duration; use std::collections::BTreeMap;"),
            ("crates/model/src/a.rs", "use std::net::IpAddr; use core::net::SocketAddr;"),
            ("crates/model/src/a.rs", "// HashMap, println!\nconst A: &str = \"std::fs\";"),
            ("crates/model/src/a.rs", "#[cfg(test)] mod tests { use std::fs; }"),
            ("crates/model/src/a/tests.rs", "use std::fs;"),
            ("crates/model/src/a.rs", "use crate::fs::x; use my::std_time; fn f() { x.rand() }"),
            ("crates/model/tests/a.rs", "use std::fs;"),
            ("crates/runtime/src/a.rs", "use std::time::Instant; async fn f() {}"),
        ];
        for (path, text) in fine {
            assert_eq!(lines(path, text), Vec::<String>::new(), "{text}");
        }
    }
}
