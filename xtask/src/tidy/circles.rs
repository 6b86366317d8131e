//! Rule: files inside a crate form no circles.
//!
//! Two files that need each other cannot be understood, tested or moved one at a time. A file
//! depends on the file that defines what it mentions: re-exports are followed to the definition,
//! and a file that re-exports what lies below it only opens a door and does not depend on it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::finding::Finding;
use super::items::{Items, Mention, items};
use super::layout::package;
use super::source::{Source, module_folder};

/// A chain of re-exports longer than this is a circle of its own, which rustc refuses.
const REEXPORTS_MAX: usize = 16;

type Module = Vec<String>;

/// From a file to another: the first mention that makes the arrow.
type Graph = BTreeMap<String, BTreeMap<String, (usize, String)>>;

pub(crate) fn check(sources: &[Source]) -> Vec<Finding> {
    let parsed: BTreeMap<&str, Items> = sources
        .iter()
        .filter(|source| !source.is_test)
        .map(|source| (source.path.as_str(), items(&source.code)))
        .collect();
    let roots = parsed.keys().filter(|path| is_root(path));
    let findings = roots.flat_map(|root| {
        let graph = Tree::new(root, &parsed).graph();
        circles(&graph).into_iter().map(|circle| describe(&graph, &circle)).collect::<Vec<_>>()
    });
    // A file may belong to a library and to a binary; its circle is one all the same.
    findings.collect::<BTreeSet<_>>().into_iter().collect()
}

fn is_root(path: &str) -> bool {
    let inside = package(path).map(|folder| &path[folder.len() + "/src/".len()..]);
    inside.is_some_and(|inside| {
        let binary = inside.strip_prefix("bin/").is_some_and(|name| {
            !name.contains('/') || name.ends_with("/main.rs") && name.matches('/').count() == 1
        });
        matches!(inside, "lib.rs" | "main.rs") || binary
    })
}

/// The modules of one crate.
struct Tree<'a> {
    parsed: &'a BTreeMap<&'a str, Items>,
    /// Which file a module is in, and where in it.
    modules: BTreeMap<Module, (&'a str, Module)>,
}

impl<'a> Tree<'a> {
    fn new(root: &'a str, parsed: &'a BTreeMap<&'a str, Items>) -> Tree<'a> {
        let mut tree = Tree { parsed, modules: BTreeMap::new() };
        let folder = root.rsplit_once('/').map_or("", |(folder, _)| folder);
        tree.add(root, Module::new(), folder);
        tree
    }

    fn add(&mut self, file: &'a str, module: Module, folder: &str) {
        let Some(items) = self.parsed.get(file) else { return };
        self.modules.insert(module.clone(), (file, Module::new()));
        for inline in &items.inline {
            self.modules.insert(join(&module, inline), (file, inline.clone()));
        }
        for (inline, name) in &items.files {
            let mut stem = folder.to_owned();
            for part in inline.iter().chain([name]) {
                stem = format!("{stem}/{part}");
            }
            let candidates = [format!("{stem}.rs"), format!("{stem}/mod.rs")];
            let found = candidates.iter().find_map(|path| self.parsed.get_key_value(path.as_str()));
            if let Some((path, _)) = found {
                let child = join(&join(&module, inline), std::slice::from_ref(name));
                self.add(path, child, module_folder(path));
            }
        }
    }

    fn graph(&self) -> Graph {
        let mut graph = Graph::new();
        for (module, (file, _)) in self.modules.iter().filter(|(_, (_, inline))| inline.is_empty())
        {
            let mentions = self.parsed.get(file).map_or(&[][..], |items| &items.mentions);
            for mention in mentions {
                let here = join(module, &mention.inside);
                let Some(target) = self.resolve(&here, &mention.segments, REEXPORTS_MAX) else {
                    continue;
                };
                let door = mention.import.as_ref().is_some_and(|import| import.public)
                    && (target.starts_with(module) || module.is_empty());
                let (to, _) = self.modules[&target];
                if to != *file && !door {
                    let arrows = graph.entry((*file).to_owned()).or_default();
                    let label = (mention.line, mention.segments.join("::"));
                    arrows.entry(to.to_owned()).or_insert(label);
                }
            }
        }
        graph
    }

    /// The module that defines what is mentioned; `None` when that is not in this crate.
    fn resolve(&self, here: &[String], segments: &[String], budget: usize) -> Option<Module> {
        let budget = budget.checked_sub(1)?;
        let mut at = here.to_vec();
        let mut rest = segments;
        match rest.first()?.as_str() {
            "crate" => (at, rest) = (Module::new(), &rest[1..]),
            "self" => rest = &rest[1..],
            "super" => {}
            first => {
                self.modules.get(&join(here, &[first.to_owned()]))?;
            }
        }
        while let Some(segment) = rest.first() {
            if segment == "super" {
                at.pop()?;
            } else {
                let child = join(&at, std::slice::from_ref(segment));
                if !self.modules.contains_key(&child) {
                    break;
                }
                at = child;
            }
            rest = &rest[1..];
        }
        match rest.first() {
            Some(name) if name != "*" => Some(self.definition(&at, name, budget).unwrap_or(at)),
            _ => Some(at),
        }
    }

    /// Where a name that is reached through `module` is defined.
    fn definition(&self, module: &Module, name: &str, budget: usize) -> Option<Module> {
        let (file, inline) = self.modules.get(module)?;
        let items = self.parsed.get(file)?;
        if items.defined.contains(&(inline.clone(), name.to_owned())) {
            return Some(module.clone());
        }
        let imports = |wanted: &'static str| {
            let here = items.mentions.iter().filter(|mention| mention.inside == *inline);
            here.filter_map(move |mention| {
                let import = mention.import.as_ref()?;
                (import.name == if wanted.is_empty() { name } else { wanted }).then_some(mention)
            })
        };
        let named = |mention: &Mention| self.resolve(module, &mention.segments, budget);
        if let Some(found) = imports("").find_map(named) {
            return Some(found);
        }
        imports("*").find_map(|mention| {
            let target = self.resolve(module, &mention.segments, budget)?;
            self.definition(&target, name, budget.checked_sub(1)?)
        })
    }
}

fn join(module: &[String], rest: &[String]) -> Module {
    module.iter().chain(rest).cloned().collect()
}

/// One shortest circle for each knot of files that reach each other.
fn circles(graph: &Graph) -> Vec<Vec<String>> {
    let mut known: BTreeSet<String> = BTreeSet::new();
    let mut found = Vec::new();
    for start in graph.keys() {
        if known.contains(start) {
            continue;
        }
        if let Some(circle) = shortest(graph, start) {
            let back = |file: &String| reaches(graph, start, file) && reaches(graph, file, start);
            known.extend(graph.keys().filter(|file| back(file)).cloned());
            found.push(circle);
        }
    }
    found
}

/// The shortest way from a file back to itself.
fn shortest(graph: &Graph, start: &str) -> Option<Vec<String>> {
    let mut queue = VecDeque::from([vec![start.to_owned()]]);
    let mut seen = BTreeSet::new();
    while let Some(path) = queue.pop_front() {
        for next in path.last().and_then(|file| graph.get(file)).into_iter().flatten() {
            let mut longer = path.clone();
            longer.push(next.0.clone());
            if next.0 == start {
                return Some(longer);
            }
            if seen.insert(next.0.clone()) {
                queue.push_back(longer);
            }
        }
    }
    None
}

fn reaches(graph: &Graph, from: &str, to: &str) -> bool {
    let mut stack = vec![from];
    let mut seen = BTreeSet::new();
    while let Some(file) = stack.pop() {
        for next in graph.get(file).into_iter().flat_map(BTreeMap::keys) {
            if next == to {
                return true;
            }
            if seen.insert(next.as_str()) {
                stack.push(next);
            }
        }
    }
    false
}

fn describe(graph: &Graph, circle: &[String]) -> Finding {
    let mut steps = Vec::new();
    for pair in circle.windows(2) {
        let (line, path) = &graph[&pair[0]][&pair[1]];
        steps.push(format!("{}:{line} ({path})", pair[0]));
    }
    let first = graph[&circle[0]][&circle[1]].0;
    let message = format!(
        "circle of files: {} -> {}; what they share belongs in a file of its own",
        steps.join(" -> "),
        circle[0]
    );
    Finding::error(&circle[0], first, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::source::parse;

    fn messages(files: &[(&str, &str)]) -> Vec<String> {
        let path = |name: &str| format!("crates/model/src/{name}");
        let files = files.iter().map(|(name, text)| (path(name), (*text).to_owned())).collect();
        check(&parse(files)).into_iter().map(|finding| finding.message).collect()
    }

    /// Files in the order in which the only message names them.
    fn circle(files: &[(&str, &str)]) -> String {
        let found = messages(files);
        assert_eq!(found.len(), 1, "{found:?}");
        let chain = found[0].trim_start_matches("circle of files: ").split(';').next().unwrap();
        let name = |step: &str| {
            let file = step.split(':').next().unwrap();
            file.trim_start_matches("crates/model/src/").to_owned()
        };
        chain.split(" -> ").map(name).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn two_files_that_use_each_other() {
        let files = [
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "use crate::b::B; struct A;"),
            ("b.rs", "struct B; fn f(_: super::a::A) {}"),
        ];
        assert_eq!(circle(&files), "a.rs b.rs a.rs");
    }

    #[test]
    fn a_longer_way_round_names_its_lines() {
        let files = [
            ("lib.rs", "mod a; mod b; mod c;"),
            ("a.rs", "\nuse crate::b;"),
            ("b.rs", "use super::c::C;"),
            ("c.rs", "\n\nuse crate::{a::A, x};"),
        ];
        assert_eq!(circle(&files), "a.rs b.rs c.rs a.rs");
        assert!(messages(&files)[0].contains("c.rs:3 (crate::a::A)"));
    }

    #[test]
    fn a_circle_through_reexports_is_found() {
        let named = [
            ("lib.rs", "mod a; mod b; pub use a::A; pub use b::*;"),
            ("a.rs", "use crate::B; pub struct A;"),
            ("b.rs", "use crate::A; pub struct B;"),
        ];
        assert_eq!(circle(&named), "a.rs b.rs a.rs");
    }

    #[test]
    fn a_parent_that_uses_its_child_and_is_used_by_it() {
        let files = [
            ("lib.rs", "mod a;"),
            ("a.rs", "mod b; pub struct A; fn f() { b::g() }"),
            ("a/b.rs", "use super::A; pub fn g() {}"),
        ];
        assert_eq!(circle(&files), "a.rs a/b.rs a.rs");
        let folder = [files[0], ("a/mod.rs", files[1].1), files[2]];
        assert_eq!(circle(&folder), "a/b.rs a/mod.rs a/b.rs");
    }

    #[test]
    fn no_circles() {
        let cases: &[&[(&str, &str)]] = &[
            // A door is no dependency.
            &[
                ("lib.rs", "mod a; pub use a::A; pub struct L;"),
                ("a.rs", "use crate::L; pub struct A;"),
            ],
            &[
                ("lib.rs", "mod a;"),
                ("a.rs", "mod b; pub use b::B; pub struct A;"),
                ("a/b.rs", "use super::A; pub struct B;"),
            ],
            // Through the door to a third file.
            &[
                ("lib.rs", "mod a; mod b; pub use a::A; pub use b::B;"),
                ("a.rs", "pub struct A;"),
                ("b.rs", "use crate::A; pub struct B;"),
            ],
            // In tests, in comments, in a file to itself.
            &[
                ("lib.rs", "mod a; mod b;"),
                ("a.rs", "use crate::b::B; #[cfg(test)] mod tests { use super::*; }"),
                ("b.rs", "// crate::a\n#[cfg(test)] mod tests { use crate::a::A; }"),
            ],
            &[
                ("lib.rs", "mod a;"),
                ("a.rs", "mod x { pub struct X; } mod y { use super::x::X; } use y as z;"),
            ],
            // A name like a module's, from elsewhere.
            &[
                ("lib.rs", "mod a; mod b;"),
                ("a.rs", "use crate::b;"),
                ("b.rs", "a::f(); other::a::g();"),
            ],
        ];
        for files in cases {
            assert_eq!(messages(files), Vec::<String>::new(), "{files:?}");
        }
    }

    #[test]
    fn a_binary_is_a_crate_of_its_own() {
        let files = [
            ("lib.rs", "mod a; pub use a::A;"),
            ("a.rs", "pub struct A;"),
            ("main.rs", "mod b; use b::B; struct M;"),
            ("b.rs", "use crate::M; pub struct B;"),
        ];
        assert_eq!(circle(&files), "b.rs main.rs b.rs");
    }
}
