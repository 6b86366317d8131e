//! `plimsoll doctor`: is all as it should be? It reads and asks, changes nothing and holds nothing, so it
//! may be run at any time, whether a gateway runs or not.
//!
//! First the configuration as it holds, without its secrets; then the four layers of protection; then the gates before
//! real money; then each check. Exit code 0 when all is well (warnings are), 1 when something is wrong, 3 when a gate would refuse
//! a start.

mod checks;
mod finding;
mod layers;
mod patient;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::anyhow;
use model::venue::KeyFinding;
use runtime::gates::{Gate, Standing};
use serde_json::{Value, json};

use self::finding::{Finding, Verdict};
use self::layers::Layer;
use self::patient::Patient;
use crate::failure::Failure;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The configuration file of the gateway.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    crate::private::keep();
    let mut config = runtime::config::load(&args.config).map_err(Failure::usage)?;
    config.take_secrets();
    let patient = Patient::read(config)?;
    let layers = layers::all(&patient);
    let findings: Vec<Finding> = checks::ALL.iter().flat_map(|check| check(&patient)).collect();
    let gates = patient.gates.iter().map(|gate| verdict_of(gate, patient.config.paper.is_some()));
    let gates = gates.max().unwrap_or(Verdict::Good);
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", as_json(&patient, gates, &layers, &findings))?;
    } else {
        write!(out, "{}", as_text(&patient, &layers, &findings))?;
    }
    verdict(gates, &layers, &findings)
}

/// The worst of all.
fn verdict(gates: Verdict, layers: &[Layer], findings: &[Finding]) -> Result<(), Failure> {
    let all = layers.iter().map(|l| l.verdict).chain(findings.iter().map(|f| f.verdict));
    match all.max().unwrap_or(Verdict::Good).max(gates) {
        Verdict::Good | Verdict::Warning => Ok(()),
        Verdict::Wrong => Err(anyhow!("something is wrong; see above").into()),
        Verdict::Refused => {
            Err(Failure::Refused(anyhow!("a gate would refuse a start; see above")))
        }
    }
}

/// A paper run is refused by no gate; what it would take is shown all the same.
const fn verdict_of(gate: &Gate, paper: bool) -> Verdict {
    match (gate.standing, paper) {
        (Standing::Met, _) => Verdict::Good,
        (Standing::Overridden, _) | (Standing::Unmet, true) => Verdict::Warning,
        (Standing::Unmet, false) => Verdict::Refused,
    }
}

/// What holds, defaults among it. No secret is in it: where one is is in the text of the files.
fn effective(patient: &Patient) -> Vec<(String, String)> {
    let config = &patient.config;
    let (name, venue) = &config.venue;
    let of_venue = |key: &str| format!("venue.{name}.{key}");
    let names = |findings: &[KeyFinding]| {
        let names: Vec<&str> = findings.iter().map(|finding| finding.name()).collect();
        format!("[{}]", names.join(", "))
    };
    let state_dir = patient.state_dir.as_ref();
    let mode = if config.paper.is_some() { "paper" } else { "live" };
    let mut all = vec![
        ("mode".to_owned(), mode.to_owned()),
        ("store".to_owned(), config.store.to_string()),
        (
            "state_dir".to_owned(),
            state_dir.map_or_else(|_| "none".to_owned(), |path| path.display().to_string()),
        ),
        ("reconcile_every_s".to_owned(), config.reconcile_every_s.to_string()),
        (of_venue("rest"), venue.rest_address().to_owned()),
        (of_venue("foreign_orders"), format!("{:?}", venue.foreign_orders).to_lowercase()),
        (of_venue("late_stops"), format!("{:?}", venue.late_stops).to_lowercase()),
        (of_venue("key_audit_every_s"), venue.key_audit_every_s.to_string()),
        (of_venue("accept_key_scopes"), names(&venue.accept_key_scopes)),
        (of_venue("demand_key_scopes"), names(&venue.demand_key_scopes)),
    ];
    for (id, agent) in &config.agents {
        all.push((format!("agent.{id}.lease_ms"), agent.lease_ms.to_string()));
        all.push((format!("agent.{id}.memory_max_mib"), agent.memory_max_mib.to_string()));
    }
    all
}

fn as_json(patient: &Patient, gates: Verdict, layers: &[Layer], findings: &[Finding]) -> Value {
    let ok = verdict(gates, layers, findings).is_ok();
    json!({
        "ok": ok,
        "config": patient.config.text,
        "effective": effective(patient).into_iter().collect::<BTreeMap<_, _>>(),
        "venue": patient.config.venue.0,
        "address": patient.config.venue.1.rest_address(),
        "layers": layers,
        "gates": patient.gates,
        "checks": findings,
    })
}

fn as_text(patient: &Patient, layers: &[Layer], findings: &[Finding]) -> String {
    let mut text = String::new();
    // Writing into a string cannot fail.
    let _ = write_text(&mut text, patient, layers, findings);
    text
}

fn write_text(
    out: &mut String,
    patient: &Patient,
    layers: &[Layer],
    findings: &[Finding],
) -> std::fmt::Result {
    writeln!(out, "what holds, where nothing is said, too")?;
    for (key, value) in effective(patient) {
        writeln!(out, "  {key} = {value}")?;
    }
    writeln!(out, "configuration")?;
    for line in patient.config.text.lines().filter(|line| !line.trim().is_empty()) {
        writeln!(out, "  {line}")?;
    }
    writeln!(out, "layers of protection")?;
    for found in layers {
        let Layer { layer, up, text, fails, advice, .. } = found;
        let state = if *up { "up" } else { "not up" };
        writeln!(out, "{:<7} {layer:<9} {state}: {text}", mark(found.verdict))?;
        writeln!(out, "                  fails: {fails}")?;
        if !advice.is_empty() {
            writeln!(out, "                  do: {advice}")?;
        }
    }
    write_gates(out, patient)?;
    writeln!(out, "checks")?;
    for Finding { check, verdict, text, advice } in findings {
        writeln!(out, "{:<7} {check:<9} {text}", mark(*verdict))?;
        if !advice.is_empty() {
            writeln!(out, "                  do: {advice}")?;
        }
    }
    Ok(())
}

fn write_gates(out: &mut String, patient: &Patient) -> std::fmt::Result {
    let paper = patient.config.paper.is_some();
    let when = if paper { ", which a paper run does not need" } else { "" };
    writeln!(out, "gates before real money{when}")?;
    for gate in &patient.gates {
        let state = match gate.standing {
            Standing::Met => "met",
            Standing::Overridden => "overridden",
            Standing::Unmet => "NOT MET",
        };
        let (name, found) = (gate.gate.as_str(), &gate.found);
        writeln!(out, "{:<7} {name:<13} {state}: {found}", mark(verdict_of(gate, paper)))?;
        writeln!(out, "                  asks: {}", gate.asks)?;
        if let Some(reason) = &gate.reason {
            writeln!(out, "                  overridden because: {reason}")?;
        }
        if !gate.how.is_empty() {
            writeln!(out, "                  do: {}", gate.how)?;
        }
    }
    Ok(())
}

const fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Good => "ok",
        Verdict::Warning => "warning",
        Verdict::Wrong => "WRONG",
        Verdict::Refused => "REFUSED",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_decides_the_exit_code() {
        let of = |verdict| vec![Finding::bad("x", verdict, "", ""), Finding::good("y", "")];
        let verdict =
            |layers: &[Layer], findings: &[Finding]| verdict(Verdict::Good, layers, findings);
        assert!(verdict(&[], &of(Verdict::Good)).is_ok());
        assert!(verdict(&[], &of(Verdict::Warning)).is_ok());
        assert!(matches!(verdict(&[], &of(Verdict::Wrong)), Err(Failure::Failed(_))));
        let both = [of(Verdict::Wrong), of(Verdict::Refused)].concat();
        assert!(matches!(verdict(&[], &both), Err(Failure::Refused(_))));
        let gate = super::verdict(Verdict::Refused, &[], &of(Verdict::Wrong));
        assert!(matches!(gate, Err(Failure::Refused(_))));
    }
}
