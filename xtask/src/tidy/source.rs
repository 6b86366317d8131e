//! A Rust file split into code, comments and tests, without a parser.
//!
//! The rules look for words, and a word in a comment, a string or a test is none of their business.
//! So each view of a file is its text with everything else turned into spaces: lines and columns
//! stay what they were. A full parser would know more and be a large dependency; macros and
//! conditional compilation are seen as written, which is what a reader of the file sees too.

use std::collections::BTreeSet;

/// One Rust file and the views of it.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// From the root of the repository, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
    /// Without comments, strings and tests.
    pub(crate) code: String,
    /// Comments alone, without those in tests.
    pub(crate) comments: String,
    /// As `code`, with the tests.
    pub(crate) all_code: String,
    /// Nothing but tests in it.
    pub(crate) is_test: bool,
}

/// A word or a sign; `::` is one sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) text: &'a str,
    /// Counted from one.
    pub(crate) line: usize,
}

impl Token<'_> {
    pub(crate) fn is_word(&self) -> bool {
        self.text.starts_with(|c: char| c.is_alphanumeric() || c == '_')
    }
}

/// Pairs of path and text. All files at once, because only the parent of `twin.rs` says that it is
/// `#[cfg(test)] mod twin;`.
pub(crate) fn parse(files: Vec<(String, String)>) -> Vec<Source> {
    let mut test_modules = BTreeSet::new();
    let mut sources = Vec::new();
    for (path, text) in files {
        let (code, comments) = split(&text);
        let tests = test_regions(&code);
        for name in tests.iter().filter_map(|region| module_file(&code[region.clone()])) {
            test_modules.insert(format!("{}/{name}", module_folder(&path)));
        }
        let all_code: String = code.iter().collect();
        let code = blank(code, &tests);
        let comments = blank(comments, &tests);
        sources.push(Source { path, text, code, comments, all_code, is_test: false });
    }
    for source in &mut sources {
        let stem = source.path.trim_end_matches(".rs");
        source.is_test = by_name(&source.path)
            || test_modules.iter().any(|module| {
                stem == module
                    || stem.strip_prefix(module).is_some_and(|rest| rest.starts_with('/'))
            });
        if source.is_test {
            source.code = blank_all(&source.code);
            source.comments = blank_all(&source.comments);
        }
    }
    sources
}

/// `tests.rs` and whatever lies in `tests/` or `benches/`.
fn by_name(path: &str) -> bool {
    let in_folder = |folder: &str| path.split('/').any(|part| part == folder);
    path.ends_with("/tests.rs") || in_folder("tests") || in_folder("benches")
}

/// Where the files of this file's child modules are.
pub(crate) fn module_folder(path: &str) -> &str {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    match path.rsplit('/').next() {
        Some("lib.rs" | "main.rs" | "mod.rs") => folder,
        _ => path.trim_end_matches(".rs"),
    }
}

pub(crate) fn tokens(code: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    for (index, line) in code.lines().enumerate() {
        let mut rest = line.trim_start();
        while let Some(first) = rest.chars().next() {
            let is_word = |c: char| c.is_alphanumeric() || c == '_';
            let length = if is_word(first) {
                rest.find(|c| !is_word(c)).unwrap_or(rest.len())
            } else if rest.starts_with("::") {
                2
            } else {
                first.len_utf8()
            };
            found.push(Token { text: &rest[..length], line: index + 1 });
            rest = rest[length..].trim_start();
        }
    }
    found
}

/// The code without comments and strings, and the comments without code, of equal length.
fn split(text: &str) -> (Vec<char>, Vec<char>) {
    let chars: Vec<char> = text.chars().collect();
    let mut code = spaces(&chars);
    let mut comments = code.clone();
    let mut at = 0;
    while at < chars.len() {
        if let Some(end) = comment_end(&chars, at) {
            comments[at..end].copy_from_slice(&chars[at..end]);
            at = end;
        } else if let Some(end) = literal_end(&chars, at) {
            at = end;
        } else {
            code[at] = chars[at];
            at += 1;
        }
    }
    (code, comments)
}

fn comment_end(chars: &[char], at: usize) -> Option<usize> {
    match chars.get(at..at + 2)? {
        ['/', '/'] => {
            let line = chars[at..].iter().position(|c| *c == '\n');
            Some(line.map_or(chars.len(), |length| at + length))
        }
        ['/', '*'] => {
            let mut depth = 0;
            let mut here = at;
            while here < chars.len() {
                match chars.get(here..here + 2) {
                    Some(['/', '*']) => (depth, here) = (depth + 1, here + 2),
                    Some(['*', '/']) => (depth, here) = (depth - 1, here + 2),
                    _ => here += 1,
                }
                if depth == 0 {
                    return Some(here);
                }
            }
            Some(chars.len())
        }
        _ => None,
    }
}

/// The end of a string or character literal that starts at `at`; `None` for a lifetime.
fn literal_end(chars: &[char], at: usize) -> Option<usize> {
    let inside_word =
        at.checked_sub(1).is_some_and(|i| chars[i].is_alphanumeric() || chars[i] == '_');
    let mut here = at;
    if !inside_word {
        // b"..", c"..", r"..", br#".."#
        while here < at + 2 && matches!(chars.get(here), Some('b' | 'c' | 'r')) {
            here += 1;
        }
    }
    let raw = here > at && chars[here - 1] == 'r';
    let hashes = chars[here..].iter().take_while(|c| **c == '#').count();
    match chars.get(here)? {
        '"' if !raw => Some(quoted_end(chars, here, '"')),
        '\'' if !raw => {
            let one = chars.get(here + 2) == Some(&'\'') && chars.get(here + 1) != Some(&'\'');
            let escaped = chars.get(here + 1) == Some(&'\\');
            (one || escaped).then(|| quoted_end(chars, here, '\''))
        }
        _ if raw && chars.get(here + hashes) == Some(&'"') => {
            let closing: Vec<char> =
                std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
            let start = here + hashes + 1;
            let length = chars[start..].windows(closing.len()).position(|w| *w == closing[..]);
            Some(length.map_or(chars.len(), |length| start + length + closing.len()))
        }
        _ => None,
    }
}

fn quoted_end(chars: &[char], open: usize, quote: char) -> usize {
    let mut here = open + 1;
    while here < chars.len() && chars[here] != quote {
        here += if chars[here] == '\\' { 2 } else { 1 };
    }
    (here + 1).min(chars.len())
}

type Region = std::ops::Range<usize>;

/// Items behind `#[cfg(test)]` or `#[test]`, attribute included.
fn test_regions(code: &[char]) -> Vec<Region> {
    let mut regions: Vec<Region> = Vec::new();
    let mut at = 0;
    while at < code.len() {
        match attribute(code, at) {
            Some((content, _)) if content == "!cfg(test)" => {
                regions.push(0..code.len());
                return regions;
            }
            Some((content, end)) if is_test_attribute(&content) => {
                let end = item_end(code, end);
                regions.push(at..end);
                at = end;
            }
            Some((_, end)) => at = end,
            None => at += 1,
        }
    }
    regions
}

fn is_test_attribute(content: &str) -> bool {
    content == "test"
        || content == "cfg(test)"
        || content.starts_with("cfg(all(test,")
        || content.starts_with("tokio::test")
}

/// `#[..]` or `#![..]` at `at`: its content without spaces, and its end.
fn attribute(code: &[char], at: usize) -> Option<(String, usize)> {
    if code[at] != '#' {
        return None;
    }
    let inner = usize::from(code.get(at + 1) == Some(&'!'));
    if code.get(at + 1 + inner) != Some(&'[') {
        return None;
    }
    let end = closing(code, at + 1 + inner);
    let content = code[at + 2 + inner..end.saturating_sub(1)].iter();
    let content: String = content.filter(|c| !c.is_whitespace()).collect();
    Some((if inner == 1 { format!("!{content}") } else { content }, end))
}

/// Behind the bracket that closes the one at `open`.
fn closing(code: &[char], open: usize) -> usize {
    let mut depth = 0_i32;
    for (index, c) in code.iter().enumerate().skip(open) {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return index + 1;
        }
    }
    code.len()
}

/// Behind the item, field or statement that starts at `at`, its further attributes included.
fn item_end(code: &[char], mut at: usize) -> usize {
    loop {
        while code.get(at).is_some_and(|c| c.is_whitespace()) {
            at += 1;
        }
        match (at < code.len()).then(|| attribute(code, at)).flatten() {
            Some((_, end)) => at = end,
            None => break,
        }
    }
    let rest: String = code[at..].iter().take(200).collect();
    let item = tokens(&rest).into_iter().map(|token| token.text).find(|word| {
        // What stands before the keyword of an item says nothing about what it is.
        !matches!(*word, "pub" | "(" | ")" | "crate" | "super" | "in" | "async" | "unsafe")
    });
    let list_element = !matches!(
        item,
        Some(
            "mod"
                | "fn"
                | "use"
                | "impl"
                | "struct"
                | "enum"
                | "const"
                | "static"
                | "type"
                | "trait"
                | "extern"
                | "macro_rules"
                | "let"
        )
    );
    while let Some(c) = code.get(at) {
        match c {
            ';' => return at + 1,
            ',' if list_element => return at + 1,
            '{' => return closing(code, at),
            '(' | '[' => at = closing(code, at),
            ')' | ']' | '}' => return at,
            _ => at += 1,
        }
    }
    code.len()
}

/// The name in `#[cfg(test)] mod name;`.
fn module_file(region: &[char]) -> Option<String> {
    let text: String = region.iter().collect();
    let tokens = tokens(&text);
    let at = tokens.iter().position(|token| token.text == "mod")?;
    let name = tokens.get(at + 1)?;
    (tokens.get(at + 2)?.text == ";").then(|| name.text.to_owned())
}

fn spaces(chars: &[char]) -> Vec<char> {
    chars.iter().map(|c| if *c == '\n' { '\n' } else { ' ' }).collect()
}

fn blank(mut chars: Vec<char>, regions: &[Region]) -> String {
    for region in regions {
        let empty = spaces(&chars[region.clone()]);
        chars[region.clone()].copy_from_slice(&empty);
    }
    chars.into_iter().collect()
}

fn blank_all(text: &str) -> String {
    spaces(&text.chars().collect::<Vec<_>>()).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Source {
        parse(vec![("crates/model/src/a.rs".to_owned(), text.to_owned())]).remove(0)
    }

    fn words(code: &str) -> Vec<&str> {
        tokens(code).into_iter().filter(|token| token.is_word()).map(|token| token.text).collect()
    }

    #[test]
    fn comments_and_strings_are_not_code() {
        let source = one(
            "a /* b /* c */ d */ e \"f \\\" g\" h r#\"i \" j\"# k b\"l\" m 'n' '\\'' o<'p> q // r\ns",
        );
        assert_eq!(words(&source.code), ["a", "e", "h", "k", "m", "o", "p", "q", "s"]);
        assert_eq!(words(&source.comments), ["b", "c", "d", "r"]);
        assert_eq!(tokens(&source.code).last().map(|token| token.line), Some(2));
    }

    #[test]
    fn raw_words_and_prefixes_inside_words_are_code() {
        assert_eq!(words(&one("r#type bar\"x\" b c").code), ["r", "type", "bar", "b", "c"]);
    }

    #[test]
    fn tests_are_not_code() {
        let cases = [
            ("a #[cfg(test)] mod tests { b { c } } d", vec!["a", "d"]),
            ("a #[cfg(test)] mod tests; d", vec!["a", "d"]),
            (
                "a #[cfg( test )] #[allow(x)] pub(crate) fn f<B, C>(b: [u8; 3]) { c } d",
                vec!["a", "d"],
            ),
            ("a #[test] fn f() { b } d", vec!["a", "d"]),
            ("struct S { #[cfg(test)] b: Vec<u8>, d: u8 }", vec!["struct", "S", "d", "u8"]),
            ("#![cfg(test)] a", vec![]),
            ("#[cfg(not(test))] a", vec!["cfg", "not", "test", "a"]),
        ];
        for (text, expected) in cases {
            assert_eq!(words(&one(text).code), expected, "{text}");
        }
    }

    #[test]
    fn files_of_test_modules_are_tests() {
        let files = [
            ("crates/a/src/book.rs", "#[cfg(test)]\nmod twin; mod level;"),
            ("crates/a/src/book/twin.rs", "x"),
            ("crates/a/src/book/twin/deep.rs", "x"),
            ("crates/a/src/book/level.rs", "x"),
            ("crates/a/src/book/level/tests.rs", "x"),
            ("crates/a/tests/whole.rs", "x"),
        ];
        let files = files.iter().map(|(path, text)| ((*path).into(), (*text).into())).collect();
        let tests: Vec<bool> = parse(files).iter().map(|source| source.is_test).collect();
        assert_eq!(tests, [false, true, true, false, true, true]);
    }
}
