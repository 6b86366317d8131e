//! Rule: which crate may depend on which.
//!
//! The arrows point towards `model`; what must not know of each other cannot, because cargo would
//! have to be told and this rule would say no. Checked on manifests, where an arrow is one line.

use anyhow::{Context, Result};
use serde_json::Value;

use super::finding::Finding;
use super::layout::PURE;

const PREFIX: &str = "plimsoll-";

/// Pure crates may use these, because they compute and do nothing else. Anything that opens,
/// waits, asks for the time or draws a random number stays out.
const PURE_HELPERS: &[&str] = &[
    "arrayvec",
    "base64",
    "chacha20poly1305",
    "ed25519-dalek",
    "hkdf",
    "hmac",
    "p256",
    "percent-encoding",
    "scrypt",
    "serde",
    "serde_json",
    "sha2",
    "thiserror",
    "zeroize",
];

enum Arrows {
    To(&'static [&'static str]),
    ToAllBut(&'static [&'static str]),
}

/// Short names; a crate that is not listed has to be given a place first.
const RULES: &[(&str, Arrows)] = &[
    ("model", Arrows::To(&[])),
    ("gateway", Arrows::To(&["model"])),
    ("engine", Arrows::To(&["model", "gateway"])),
    ("agents", Arrows::To(&["model", "engine"])),
    ("sim-venue", Arrows::To(&["model"])),
    ("venues", Arrows::To(&["model"])),
    ("budget", Arrows::To(&["model"])),
    ("journal", Arrows::To(&["model"])),
    // The journal told in tables and sentences; it writes to no store.
    ("views", Arrows::To(&["model", "journal"])),
    ("alerts", Arrows::To(&["model"])),
    ("data", Arrows::To(&["model"])),
    ("sinks", Arrows::To(&["model", "journal"])),
    // Whoever opens it brings the gateway: it can look and halt, and cannot name anything else.
    ("dashboard", Arrows::To(&["model", "journal", "views"])),
    // As the dashboard, of which it has the walls: it can look, and that is all.
    ("metrics", Arrows::To(&["model", "journal", "views", "dashboard"])),
    ("backtest", Arrows::To(&["model", "gateway", "engine", "sim-venue", "data", "budget"])),
    (
        "sim",
        Arrows::To(&["model", "gateway", "engine", "agents", "journal", "sim-venue", "venues"]),
    ),
    ("runtime", Arrows::ToAllBut(&["watchdog", "cli", "bench", "servers"])),
    // A file format; whoever holds a key may read it.
    ("sealed", Arrows::To(&[])),
    // It judges the gateway by what the venue says. A shared bug would be a shared blindness.
    ("watchdog", Arrows::To(&[])),
    ("cli", Arrows::ToAllBut(&["bench", "servers"])),
    ("bench", Arrows::ToAllBut(&["cli"])),
    // It starts servers for tests and benchmarks, and knows nothing of what they are for.
    ("servers", Arrows::To(&[])),
    ("xtask", Arrows::To(&[])),
];

/// What a manifest says, as far as it matters here.
#[derive(Debug)]
pub(crate) struct Package {
    /// Without the prefix that all of ours share.
    name: String,
    /// From the root of the repository.
    manifest: String,
    dependencies: Vec<Dependency>,
    /// Features with what they turn on.
    features: Vec<(String, Vec<String>)>,
}

/// The feature that puts deliberate bugs in.
const DEFECTS: &str = "defects";

#[derive(Debug)]
struct Dependency {
    name: String,
    /// Of this workspace.
    ours: bool,
    /// Needed by the tests alone.
    dev: bool,
    /// Features of it that are asked for.
    features: Vec<String>,
}

/// Reads the output of `cargo metadata --no-deps`.
pub(crate) fn packages(metadata: &str) -> Result<Vec<Package>> {
    let metadata: Value = serde_json::from_str(metadata).context("cargo metadata is no JSON")?;
    let root = text(&metadata["workspace_root"])?;
    let packages = metadata["packages"].as_array().context("cargo metadata lists no packages")?;
    packages
        .iter()
        .map(|package| {
            let manifest = text(&package["manifest_path"])?;
            let manifest = manifest.strip_prefix(root).unwrap_or(manifest).trim_start_matches('/');
            let dependencies = package["dependencies"].as_array().map_or(&[][..], Vec::as_slice);
            Ok(Package {
                name: short(text(&package["name"])?),
                manifest: manifest.to_owned(),
                dependencies: dependencies.iter().map(dependency).collect::<Result<_>>()?,
                features: features(&package["features"]),
            })
        })
        .collect()
}

fn dependency(value: &Value) -> Result<Dependency> {
    Ok(Dependency {
        name: short(text(&value["name"])?),
        ours: value["path"].is_string(),
        dev: value["kind"] == "dev",
        features: words(&value["features"]),
    })
}

fn features(value: &Value) -> Vec<(String, Vec<String>)> {
    let all = value.as_object().into_iter().flatten();
    all.map(|(name, on)| (name.clone(), words(on))).collect()
}

fn words(value: &Value) -> Vec<String> {
    let all = value.as_array().into_iter().flatten();
    all.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Deliberate bugs are for one build alone: no feature but that one turns them on, and no dependency
/// asks for them.
fn check_defects(package: &Package) -> Vec<Finding> {
    let is_defects = |word: &str| word.split('/').next_back() == Some(DEFECTS);
    let by_feature = package.features.iter().filter(|(name, _)| name != DEFECTS);
    let by_feature = by_feature.filter(|(_, on)| on.iter().any(|word| is_defects(word)));
    let by_feature = by_feature.map(|(name, _)| format!("feature `{name}`"));
    let asking = package.dependencies.iter();
    let asking = asking.filter(|other| other.features.iter().any(|word| is_defects(word)));
    let asking = asking.map(|other| format!("the dependency on `{}`", other.name));
    let finding = |what: String| {
        let message = format!("{what} turns on `{DEFECTS}`: deliberate bugs, never in a release");
        Finding::error(&package.manifest, None, message)
    };
    by_feature.chain(asking).map(finding).collect()
}

fn text(value: &Value) -> Result<&str> {
    value.as_str().context("cargo metadata: a text is missing")
}

fn short(name: &str) -> String {
    name.strip_prefix(PREFIX).unwrap_or(name).to_owned()
}

pub(crate) fn check(packages: &[Package]) -> Vec<Finding> {
    let each = |package| {
        let mut findings = check_one(package);
        findings.extend(check_defects(package));
        findings
    };
    packages.iter().flat_map(each).collect()
}

fn check_one(package: &Package) -> Vec<Finding> {
    let name = package.name.as_str();
    let error = |message: String| Finding::error(&package.manifest, None, message);
    let Some((_, arrows)) = RULES.iter().find(|(ruled, _)| *ruled == name) else {
        let message = format!("`{name}` has no dependency rule; add one in xtask/src/tidy/deps.rs");
        return vec![error(message)];
    };
    let mut findings = Vec::new();
    for Dependency { name: other, ours, dev, .. } in &package.dependencies {
        // Tests may look further, except where the point is to share nothing at all.
        if *dev && name != "watchdog" {
            continue;
        }
        if *ours && !allowed(arrows, other) {
            findings.push(error(format!("`{name}` must not depend on `{other}`: {}", say(arrows))));
        }
        if !ours && !dev && PURE.contains(&name) && !PURE_HELPERS.contains(&other.as_str()) {
            findings.push(error(format!(
                "`{name}` is pure and must not depend on `{other}`; allowed: {}",
                PURE_HELPERS.join(", ")
            )));
        }
    }
    findings
}

fn allowed(arrows: &Arrows, other: &str) -> bool {
    match arrows {
        Arrows::To(names) => names.contains(&other),
        Arrows::ToAllBut(names) => !names.contains(&other) && other != "xtask",
    }
}

fn say(arrows: &Arrows) -> String {
    match arrows {
        Arrows::To([]) => "it may depend on none of our crates".to_owned(),
        Arrows::To(names) => format!("of our crates it may depend on {}", names.join(", ")),
        Arrows::ToAllBut(names) => {
            format!("of our crates it may depend on all but {}, xtask", names.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A made-up manifest; `kind` as cargo prints it, so null for a normal dependency.
    fn errors(name: &str, dependency: &str, ours: bool, kind: Value) -> Vec<String> {
        let path = if ours { Value::from("/repo/crates/x") } else { Value::Null };
        let metadata = serde_json::json!({
            "workspace_root": "/repo",
            "packages": [{
                "name": name,
                "manifest_path": "/repo/crates/made-up/Cargo.toml",
                "dependencies": [{ "name": dependency, "path": path, "kind": kind }],
            }],
        });
        let found = check(&packages(&metadata.to_string()).unwrap());
        found.into_iter().map(|finding| finding.to_string()).collect()
    }

    #[test]
    fn arrows_between_our_crates() {
        let cases = [
            ("model", "gateway", false),
            ("gateway", "model", true),
            ("gateway", "venues", false),
            ("gateway", "journal", false),
            ("engine", "gateway", true),
            ("agents", "gateway", false),
            ("agents", "engine", true),
            ("sim-venue", "venues", false),
            ("venues", "sim-venue", false),
            ("journal", "gateway", false),
            ("runtime", "venues", true),
            ("runtime", "cli", false),
            ("runtime", "watchdog", false),
            ("cli", "runtime", true),
            ("cli", "watchdog", true),
            ("bench", "sim-venue", true),
            ("watchdog", "model", false),
            ("watchdog", "venues", false),
            ("runtime", "xtask", false),
        ];
        for (name, other, fine) in cases {
            let (name, other) = (format!("{PREFIX}{name}"), format!("{PREFIX}{other}"));
            let found = errors(&name, &other, true, Value::Null);
            assert_eq!(found.is_empty(), fine, "{name} -> {other}: {found:?}");
        }
    }

    #[test]
    fn pure_crates_have_a_short_list_of_helpers() {
        for name in PURE {
            let name = format!("{PREFIX}{name}");
            for helper in ["tokio", "reqwest", "rusqlite", "tracing", "rand"] {
                assert_eq!(errors(&name, helper, false, Value::Null).len(), 1, "{name} {helper}");
                assert_eq!(errors(&name, helper, false, "build".into()).len(), 1);
            }
            assert!(errors(&name, "serde", false, Value::Null).is_empty());
            assert!(errors(&name, "proptest", false, "dev".into()).is_empty());
        }
        assert!(errors("plimsoll-runtime", "tokio", false, Value::Null).is_empty());
    }

    #[test]
    fn tests_may_look_further_but_not_those_of_the_watchdog() {
        assert!(errors("plimsoll-gateway", "plimsoll-sim-venue", true, "dev".into()).is_empty());
        assert_eq!(errors("plimsoll-watchdog", "plimsoll-venues", true, "dev".into()).len(), 1);
    }

    #[test]
    fn deliberate_bugs_are_turned_on_by_their_own_feature_alone() {
        let found = |features: Value, asked: Value| {
            let metadata = serde_json::json!({
                "workspace_root": "/repo",
                "packages": [{
                    "name": "plimsoll-cli",
                    "manifest_path": "/repo/crates/cli/Cargo.toml",
                    "features": features,
                    "dependencies": [{
                        "name": "plimsoll-sim", "path": "/repo/crates/sim", "kind": null,
                        "features": asked,
                    }],
                }],
            });
            check(&packages(&metadata.to_string()).unwrap()).len()
        };
        let none = || serde_json::json!([]);
        assert_eq!(found(serde_json::json!({"defects": ["sim/defects"]}), none()), 0);
        assert_eq!(found(serde_json::json!({"default": ["defects"]}), none()), 1);
        assert_eq!(found(serde_json::json!({"default": ["sim/defects"]}), none()), 1);
        assert_eq!(found(serde_json::json!({}), serde_json::json!(["defects"])), 1);
    }

    #[test]
    fn a_new_crate_needs_a_rule() {
        let found = errors("plimsoll-surprise", "serde", false, Value::Null);
        assert!(found[0].contains("crates/made-up/Cargo.toml: `surprise` has no"), "{found:?}");
    }
}
