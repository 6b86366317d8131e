//! Rule: habits of a Rust file.
//!
//! Nothing half done is committed as if it were done, nothing panics on what can be expected, no
//! test is quietly switched off, and each file says first what it is.

use super::finding::Finding;
use super::layout::package;
use super::source::{Source, Token, tokens};

/// Without tests. Past this, ask what second thing lives in the file.
const LINES_MAX: usize = 500;

const HALF_DONE: &[&str] = &["todo", "unimplemented", "dbg"];

/// Notes to self, spelled in halves so that this file does not hold them.
const NOTES: &[&str] = &[concat!("FIX", "ME"), concat!("XX", "X")];

pub(crate) fn check(sources: &[Source]) -> Vec<Finding> {
    let rules = [opening, half_done, notes, unwraps, switched_off, length];
    sources.iter().flat_map(|source| rules.iter().flat_map(|rule| rule(source))).collect()
}

fn opening(source: &Source) -> Vec<Finding> {
    if source.text.starts_with("//!") {
        return Vec::new();
    }
    let message = "the file opens with `//!`: what it is, why it is so, what it leaves out";
    vec![Finding::error(&source.path, 1, message.to_owned())]
}

fn half_done(source: &Source) -> Vec<Finding> {
    calls(source, |window| HALF_DONE.contains(&window[0].text) && window[1].text == "!")
        .map(|token| {
            let message = format!("`{}!` is not for commits", token.text);
            Finding::error(&source.path, token.line, message)
        })
        .collect()
}

fn notes(source: &Source) -> Vec<Finding> {
    let found = tokens(&source.comments).into_iter().filter(|token| NOTES.contains(&token.text));
    found
        .map(|token| {
            let message = format!("`{}`: do it now, or file an issue", token.text);
            Finding::error(&source.path, token.line, message)
        })
        .collect()
}

fn unwraps(source: &Source) -> Vec<Finding> {
    if package(&source.path).is_none() {
        return Vec::new();
    }
    calls(source, |window| window[0].text == "." && window[1].text == "unwrap")
        .map(|token| {
            let message = "`unwrap` outside tests: return an error, or `expect` with the reason \
                           why it cannot happen";
            Finding::error(&source.path, token.line, message.to_owned())
        })
        .collect()
}

/// Looks at tests too: that is where the attribute stands.
fn switched_off(source: &Source) -> Vec<Finding> {
    let tokens = tokens(&source.all_code);
    let found = tokens.windows(4).filter(|window| {
        window[0].text == "#" && window[1].text == "[" && window[2].text == "ignore"
    });
    found
        .map(|window| {
            let line = window[2].line;
            if window[3].text == "]" {
                let message = "`#[ignore]` without a reason: write `#[ignore = \"why\"]`";
                Finding::error(&source.path, line, message.to_owned())
            } else {
                Finding::warning(&source.path, line, "a test that does not run".to_owned())
            }
        })
        .collect()
}

fn length(source: &Source) -> Vec<Finding> {
    let tests = source.text.lines().zip(source.code.lines()).zip(source.comments.lines());
    // A line of a test is blank in both views, though not in the text.
    let lines = tests
        .filter(|((text, code), comments)| {
            text.trim().is_empty() || !code.trim().is_empty() || !comments.trim().is_empty()
        })
        .count();
    if source.is_test || lines <= LINES_MAX {
        return Vec::new();
    }
    let message = format!("{lines} lines without tests; what second thing lives here?");
    vec![Finding::warning(&source.path, None, message)]
}

/// The first token of each pair that matches, outside tests.
fn calls<'a>(
    source: &'a Source,
    matches: impl Fn(&[Token<'a>]) -> bool,
) -> impl Iterator<Item = Token<'a>> {
    let tokens = tokens(&source.code);
    let found: Vec<_> =
        tokens.windows(2).filter(|window| matches(window)).map(|window| window[0]).collect();
    found.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::finding::Level;
    use crate::tidy::source::parse;

    fn found(path: &str, text: &str) -> Vec<(Level, Option<usize>)> {
        let found = check(&parse(vec![(path.to_owned(), text.to_owned())]));
        found.into_iter().map(|finding| (finding.level, finding.line)).collect()
    }

    #[test]
    fn habits_that_are_errors() {
        let bad = [
            ("fn f() {}", 1),
            ("//! x\nfn f() { todo!() }", 2),
            ("//! x\nfn f() { unimplemented!(y) }", 2),
            ("//! x\nfn f() { dbg!(y); }", 2),
            ("//! x\nfn f() { y.unwrap(); }", 2),
            ("//! x\n#[cfg(test)] mod tests { #[test] #[ignore] fn f() {} }", 2),
        ];
        for (text, line) in bad {
            assert_eq!(found("crates/cli/src/a.rs", text), [(Level::Error, Some(line))], "{text}");
        }
        for note in NOTES {
            let text = format!("//! x\n// {note}: later\n");
            assert_eq!(found("crates/cli/src/a.rs", &text), [(Level::Error, Some(2))]);
        }
    }

    #[test]
    fn habits_that_are_fine() {
        let fine = [
            ("crates/cli/src/a.rs", "//! x\n#[cfg(test)] mod tests { fn f() { y.unwrap(); } }"),
            ("crates/cli/tests/a.rs", "//! x\nfn f() { y.unwrap(); }"),
            ("crates/cli/src/a.rs", "//! x\nfn f() { y.unwrap_or(z); } // todo!(), unwrap()"),
        ];
        for (path, text) in fine {
            assert_eq!(found(path, text), [], "{text}");
        }
    }

    #[test]
    fn a_test_switched_off_with_a_reason_is_listed() {
        let text = "//! x\n#[cfg(test)] mod tests { #[ignore = \"needs a network\"] fn f() {} }";
        assert_eq!(found("crates/cli/src/a.rs", text), [(Level::Warning, Some(2))]);
    }

    #[test]
    fn length_counts_without_tests() {
        let long = |code: usize, tests: usize| {
            let code = "fn f() {}\n".repeat(code);
            let tests = "    fn g() {}\n".repeat(tests);
            found(
                "crates/cli/src/a.rs",
                &format!("//! x\n{code}#[cfg(test)]\nmod t {{\n{tests}}}\n"),
            )
        };
        assert_eq!(long(LINES_MAX - 1, 300), []);
        assert_eq!(long(LINES_MAX, 0), [(Level::Warning, None)]);
    }
}
