//! The paths a file mentions, the modules it declares and the names it defines.
//!
//! Read from tokens, well enough for rules about who knows whom: `use` trees are spread out to one
//! path each, inline modules are followed, and expressions are taken as the words they are.

use std::collections::BTreeSet;

use super::source::{Token, tokens};

/// A module inside a file: empty for the file itself, `["inner"]` for its `mod inner { .. }`.
pub(crate) type Inline = Vec<String>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mention {
    /// `*` is the last segment of a glob import.
    pub(crate) segments: Vec<String>,
    pub(crate) line: usize,
    pub(crate) inside: Inline,
    /// `None` for a path in an expression, a type or a pattern.
    pub(crate) import: Option<Import>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Import {
    /// Any `pub`, so that others may reach the name through this module.
    pub(crate) public: bool,
    /// What it is called here; `*` for a glob.
    pub(crate) name: String,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Items {
    pub(crate) mentions: Vec<Mention>,
    /// `mod name;`: another file.
    pub(crate) files: Vec<(Inline, String)>,
    /// `mod name { .. }`: in this file.
    pub(crate) inline: Vec<Inline>,
    pub(crate) defined: BTreeSet<(Inline, String)>,
}

pub(crate) fn items(code: &str) -> Items {
    let tokens = tokens(code);
    Reader { tokens: &tokens, at: 0, scopes: Vec::new(), items: Items::default() }.read()
}

struct Reader<'a> {
    tokens: &'a [Token<'a>],
    at: usize,
    /// One for each open brace; a name where the brace belongs to a module.
    scopes: Vec<Option<String>>,
    items: Items,
}

impl Reader<'_> {
    fn read(mut self) -> Items {
        while self.at < self.tokens.len() {
            match self.word(0) {
                "{" => self.open(None),
                "}" => {
                    self.scopes.pop();
                    self.at += 1;
                }
                "mod" if self.is_word(1) => self.module(),
                "use" if self.word(1) != "<" => self.import(),
                "struct" | "enum" | "trait" | "type" | "fn" | "const" | "static" | "union"
                    if self.is_word(1) =>
                {
                    self.define(1);
                }
                "macro_rules" if self.word(1) == "!" => self.define(2),
                _ if self.is_word(0) => self.path(),
                _ => self.at += 1,
            }
        }
        self.items
    }

    fn word(&self, ahead: usize) -> &str {
        self.tokens.get(self.at + ahead).map_or("", |token| token.text)
    }

    fn is_word(&self, ahead: usize) -> bool {
        self.tokens.get(self.at + ahead).is_some_and(Token::is_word)
    }

    fn before(&self, back: usize) -> &str {
        self.at.checked_sub(back).map_or("", |at| self.tokens[at].text)
    }

    fn line(&self) -> usize {
        self.tokens.get(self.at).or(self.tokens.last()).map_or(1, |token| token.line)
    }

    fn inside(&self) -> Inline {
        self.scopes.iter().flatten().cloned().collect()
    }

    fn open(&mut self, module: Option<String>) {
        self.scopes.push(module);
        self.at += 1;
    }

    fn module(&mut self) {
        let name = self.word(1).to_owned();
        let mut inside = self.inside();
        match self.word(2) {
            ";" => {
                self.items.files.push((inside, name));
                self.at += 3;
            }
            "{" => {
                inside.push(name.clone());
                self.items.inline.push(inside);
                self.at += 2;
                self.open(Some(name));
            }
            _ => self.at += 1,
        }
    }

    /// Names inside a function or an `impl` belong to no module.
    fn define(&mut self, ahead: usize) {
        let name = self.word(ahead).to_owned();
        if self.scopes.iter().all(Option::is_some) {
            self.items.defined.insert((self.inside(), name));
        }
        // `const fn name`: the next round finds the name.
        self.at += 1;
    }

    fn import(&mut self) {
        let public = self.before(1) == "pub" || self.before(1) == ")";
        self.at += 1;
        self.use_tree(&[], public);
    }

    /// One tree of `a::{b, c::*, d as e}`, up to the `,`, `}` or `;` behind it.
    fn use_tree(&mut self, prefix: &[String], public: bool) {
        let mut segments = prefix.to_vec();
        let line = self.line();
        loop {
            match self.word(0) {
                "{" => {
                    self.at += 1;
                    while !matches!(self.word(0), "}" | ";" | "") {
                        self.use_tree(&segments, public);
                        if self.word(0) == "," {
                            self.at += 1;
                        }
                    }
                    if self.word(0) == "}" {
                        self.at += 1;
                    }
                    return;
                }
                "as" => {
                    let name = self.word(1).to_owned();
                    self.at += 2;
                    self.imported(segments, line, public, Some(name));
                    return;
                }
                "," | "}" | ";" | "" => {
                    self.imported(segments, line, public, None);
                    return;
                }
                "::" => self.at += 1,
                word => {
                    // `a::{self}` is `a`.
                    if word != "self" || segments.is_empty() {
                        segments.push(word.to_owned());
                    }
                    self.at += 1;
                }
            }
        }
    }

    fn imported(&mut self, segments: Vec<String>, line: usize, public: bool, name: Option<String>) {
        let Some(last) = segments.last() else { return };
        let name = name.unwrap_or_else(|| last.clone());
        let import = Some(Import { public, name });
        self.items.mentions.push(Mention { segments, line, inside: self.inside(), import });
    }

    fn path(&mut self) {
        let line = self.line();
        // `.field` and `Type::<T>::name` start no path; `::name` is another crate's.
        let start = !matches!(self.before(1), "." | "::");
        let mut segments = vec![self.word(0).to_owned()];
        self.at += 1;
        while self.word(0) == "::" && self.is_word(1) {
            segments.push(self.word(1).to_owned());
            self.at += 2;
        }
        if start && segments.len() > 1 {
            let mention = Mention { segments, line, inside: self.inside(), import: None };
            self.items.mentions.push(mention);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(code: &str) -> Vec<String> {
        items(code).mentions.iter().map(|mention| mention.segments.join("::")).collect()
    }

    #[test]
    fn use_trees_are_spread_out() {
        let found = items("pub(crate) use a::{self, b::{c, d as e}, f::*}; use g;");
        let names: Vec<_> = found
            .mentions
            .iter()
            .map(|m| (m.segments.join("::"), m.import.clone().unwrap()))
            .map(|(path, import)| (path, import.name, import.public))
            .collect();
        let expected = [
            ("a", "a", true),
            ("a::b::c", "c", true),
            ("a::b::d", "e", true),
            ("a::f::*", "*", true),
            ("g", "g", false),
        ];
        let expected = expected.map(|(path, name, public)| (path.into(), name.into(), public));
        assert_eq!(names, expected);
    }

    #[test]
    fn paths_in_expressions_and_types_are_found() {
        let code = "fn f(x: crate::a::B) -> u8 { self::c::d(x.e, G::<H>::i, <T as super::J>::K) }";
        assert_eq!(paths(code), ["crate::a::B", "self::c::d", "super::J"]);
    }

    #[test]
    fn modules_and_names_know_where_they_are() {
        let found = items("mod a; mod b { mod c; fn f() { struct X; } } const fn g() {}");
        assert_eq!(found.files, [(vec![], "a".into()), (vec!["b".into()], "c".into())]);
        assert_eq!(found.inline, [vec![String::from("b")]]);
        assert!(found.defined.contains(&(vec!["b".into()], "f".into())));
        assert!(found.defined.contains(&(vec![], "g".into())));
        assert!(!found.defined.iter().any(|(_, name)| name == "X"));
    }
}
