//! The table of scenarios in `docs/faults.md` names tests that are there, and every scenario.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::Path;

/// Scenarios of each kind, from one to another.
const SCENARIOS: &[(&str, u32, u32)] = &[
    ("NET", 1, 8),
    ("PRO", 1, 11),
    ("RL", 1, 5),
    ("CLK", 1, 4),
    ("RST", 1, 10),
    ("EXS", 1, 11),
    ("PRC", 1, 1),
    ("PRC", 4, 4),
    ("ACC", 1, 9),
    ("SEC", 1, 6),
    ("AGT", 1, 15),
    ("KIL", 1, 7),
];

/// What no spot market does has no test, and neither has what is not there yet.
const WITHOUT: &[&str] = &["EXS-09", "KIL-03"];

/// The kinds that strike a paper run.
const PAPER: [&str; 3] = ["NET", "RL", "EXS"];

fn read(path: impl AsRef<Path>) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Scenario and the tests named for it.
fn rows(table: &str) -> Vec<(String, Vec<String>)> {
    let rows = table.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| ")?.split('|');
        let id = cells.next()?.split_whitespace().next()?;
        let is_scenario = SCENARIOS.iter().any(|(kind, ..)| id.starts_with(&format!("{kind}-")));
        let tests = cells.next()?.split('`').skip(1).step_by(2).map(str::to_owned);
        is_scenario.then(|| (id.to_owned(), tests.collect()))
    });
    rows.collect()
}

/// Is there a function of this name with a test's attribute above it?
fn is_test(text: &str, name: &str) -> bool {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let starts = [format!("fn {name}("), format!("async fn {name}(")];
    lines.iter().enumerate().any(|(at, line)| {
        starts.iter().any(|start| line.starts_with(start))
            && lines[..at]
                .iter()
                .rev()
                .take_while(|line| line.starts_with("#["))
                .any(|line| line.contains("test"))
    })
}

#[test]
fn every_scenario_names_tests_that_are_there() {
    let rows = rows(&section("## Scenarios and their tests"));
    let told: Vec<&str> = rows.iter().map(|(id, _)| id.as_str()).collect();
    let wanted = SCENARIOS.iter().flat_map(|(kind, first, last)| {
        (*first..=*last).map(move |number| format!("{kind}-{number:02}"))
    });
    assert_eq!(told, wanted.collect::<Vec<_>>());
    for (id, tests) in &rows {
        assert_eq!(tests.is_empty(), WITHOUT.contains(&id.as_str()), "{id}");
        are_there(id, tests);
    }
}

/// On paper: every scenario of the kinds that strike a paper run, with its tests or why there is none.
#[test]
fn every_scenario_is_tried_on_paper_or_cannot_be() {
    let section = section("## The same on paper");
    let rows = rows(&section);
    let told: Vec<&str> = rows.iter().map(|(id, _)| id.as_str()).collect();
    let kinds = SCENARIOS.iter().filter(|(kind, ..)| PAPER.contains(kind));
    let wanted = kinds.flat_map(|(kind, first, last)| {
        (*first..=*last).map(move |number| format!("{kind}-{number:02}"))
    });
    assert_eq!(told, wanted.collect::<Vec<_>>());
    for (id, tests) in &rows {
        are_there(id, tests);
        let line = section.lines().find(|line| line.starts_with(&format!("| {id} "))).unwrap();
        let why = line.trim_end_matches('|').rsplit('|').next().unwrap().trim();
        assert!(!tests.is_empty() || !why.is_empty(), "{id} is not tried, and nobody says why");
    }
}

/// One section of the page.
fn section(head: &str) -> String {
    let page = read("docs/faults.md");
    let rest = page.split_once(head).unwrap().1;
    rest.split("\n## ").next().unwrap().to_owned()
}

fn are_there(id: &str, tests: &[String]) {
    for test in tests {
        let (file, name) = test.split_once("::").unwrap();
        assert!(is_test(&read(Path::new("crates").join(file)), name), "{id}: no test {test}");
    }
}

#[test]
fn what_is_no_test_is_told_from_one() {
    let text = "#[test]\nfn one() {}\nfn two() {}\n    #[tokio::test]\n    async fn three() {}";
    let found = ["one", "two", "three", "on", "four"].map(|name| is_test(text, name));
    assert_eq!(found, [true, false, true, false, false]);
}
