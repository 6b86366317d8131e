//! The four layers of protection: which are up, and how each one fails. Each looks after the one above
//! it, and none trusts another's word.

use runtime::config::AgentProgram;
use runtime::gates::Watchdog;
use serde::Serialize;
use serde_json::Value;

use model::venue::CancelAllScope;

use super::finding::Verdict;
use super::patient::{Control, Patient};

/// One layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Layer {
    pub(super) layer: &'static str,
    /// Does it protect now?
    pub(super) up: bool,
    pub(super) verdict: Verdict,
    /// What was seen.
    pub(super) text: String,
    /// How it fails, in a sentence.
    pub(super) fails: &'static str,
    /// What to do; empty where nothing is to be done.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) advice: String,
}

const AGENT: &str = "it may be wrong in every way: whatever it asks for is bounded by the gateway, and \
                     when it ends or stops answering within its lease its entry orders are taken back";
const GATEWAY: &str = "when it is killed or hangs its orders stay at the exchange, unwatched, until it is \
                       started again or the watchdog takes them back";
const WATCHDOG: &str = "when it is gone the gateway sends nothing that adds risk once its lease is over; \
                        when both are gone only the exchange's own limits are left";
const EXCHANGE: &str = "it takes every order that the key signs: what a stolen key can do is what its \
                        scopes allow, and nothing there takes orders back when nobody is left to ask";

/// All four, from the least trusted on.
pub(super) fn all(patient: &Patient) -> [Layer; 4] {
    [agents(patient), gateway(patient), watchdog(patient), exchange(patient)]
}

fn layer(layer: &'static str, fails: &'static str, verdict: Verdict, text: String) -> Layer {
    Layer { layer, up: verdict == Verdict::Good, verdict, text, fails, advice: String::new() }
}

/// Each agent's process, by the last word on it in the journal; while no gateway runs there is none.
fn agents(patient: &Patient) -> Layer {
    let configured = &patient.config.agents;
    if configured.is_empty() {
        let text = "no agent is configured: the gateway would trade for nobody".to_owned();
        return layer("agent", AGENT, Verdict::Good, text);
    }
    let running = patient.holder().is_some();
    let mut texts = Vec::new();
    let mut verdict = Verdict::Good;
    for (id, settings) in configured {
        let what = match &settings.program {
            AgentProgram::Strategy(name) => name.clone(),
            AgentProgram::Command(words) => words.first().cloned().unwrap_or_default(),
        };
        let last = patient.kept().and_then(|kept| kept.health.agents.get(id));
        let state = match last {
            _ if !running => "not running".to_owned(),
            Some((event, _)) if event == "up" => format!("up, lease {} ms", settings.lease_ms),
            Some((event, _)) => {
                verdict = Verdict::Warning;
                format!("DOWN: {event}")
            }
            None => {
                verdict = Verdict::Warning;
                "not up yet".to_owned()
            }
        };
        let version = patient.kept().and_then(|kept| kept.books.ramped().versions().get(id));
        let version =
            version.map_or_else(String::new, |version| format!(", version {}", version.short()));
        texts.push(format!("{id} ({what}{version}) {state}"));
    }
    let mut found = layer("agent", AGENT, verdict, texts.join("; "));
    found.up = running && verdict == Verdict::Good;
    if verdict != Verdict::Good {
        found.advice = "plimsoll status and the gateway's log say why".to_owned();
    }
    found
}

/// Holding the journal is being there; answering is being alive.
fn gateway(patient: &Patient) -> Layer {
    let of = |verdict, text: String| layer("gateway", GATEWAY, verdict, text);
    let mut found = match (patient.holder(), &patient.gateway) {
        (_, Control::Answers(after)) => {
            let holder = patient.holder().unwrap_or("unknown");
            let ms = after.as_millis();
            of(Verdict::Good, format!("process {holder} runs and answers after {ms} ms"))
        }
        (Some(holder), Control::Nobody) => {
            let text = format!("process {holder} holds the journal, and nobody answers here");
            Layer {
                advice: "it may run on another host; else look whether that process hangs"
                    .to_owned(),
                ..of(Verdict::Wrong, text)
            }
        }
        (_, Control::Silent(problem)) => Layer {
            advice: "it hangs or is overloaded: plimsoll halt reaches the watchdog, too".to_owned(),
            ..of(Verdict::Wrong, format!("it does not answer: {problem}"))
        },
        (None, Control::Nobody) => of(Verdict::Good, "not running".to_owned()),
    };
    found.up = matches!(patient.gateway, Control::Answers(_));
    found
}

fn watchdog(patient: &Patient) -> Layer {
    let of = |verdict, text: String| layer("watchdog", WATCHDOG, verdict, text);
    if patient.config.paper.is_some() {
        let text = "mode = \"paper\": not used, for it looks at the account at the exchange";
        return of(Verdict::Good, text.to_owned());
    }
    match &patient.watchdog {
        Watchdog::None => Layer {
            advice: "add [watchdog] and run plimsoll watchdog, best on another host".to_owned(),
            ..of(
                Verdict::Warning,
                "not configured: nothing takes orders back when the gateway hangs".to_owned(),
            )
        },
        Watchdog::Unasked => Layer {
            advice: "add control = \"HOST:PORT\" to [watchdog]".to_owned(),
            ..of(Verdict::Warning, "configured without `control`: it cannot be asked".to_owned())
        },
        Watchdog::Silent(problem) => Layer {
            advice: "start plimsoll watchdog with this configuration".to_owned(),
            ..of(Verdict::Wrong, format!("DEAD: {problem}"))
        },
        Watchdog::Answers(told) if told["halted"] == Value::Bool(true) => Layer {
            advice: "look at the exchange before it is reset".to_owned(),
            up: true,
            ..of(Verdict::Wrong, format!("up, and TRIPPED: {}", words(&told["cause"])))
        },
        Watchdog::Answers(told) if told["watching"] == Value::Bool(false) => Layer {
            advice: "it does not see the account: its log says why".to_owned(),
            up: true,
            ..of(Verdict::Wrong, format!("up, and blind: {}", words(&told["problem"])))
        },
        Watchdog::Answers(told)
            if told["lease"] == Value::Bool(false)
                && matches!(patient.gateway, Control::Answers(_)) =>
        {
            Layer {
                advice: "look whether the gateway's heartbeat reaches it".to_owned(),
                up: true,
                ..of(Verdict::Warning, "up, and the gateway has no lease from it".to_owned())
            }
        }
        Watchdog::Answers(_) => of(Verdict::Good, "up and watching".to_owned()),
    }
}

fn words(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What the exchange itself would stop.
fn exchange(patient: &Patient) -> Layer {
    let of = |verdict, text: String| layer("exchange", EXCHANGE, verdict, text);
    let seen = match &patient.venue {
        Ok(seen) if seen.clock.is_ok() => seen,
        Ok(_) | Err(_) => return of(Verdict::Wrong, "it could not be asked".to_owned()),
    };
    if patient.config.paper.is_some() {
        let text = "mode = \"paper\": no order reaches it, so nothing of it has to be stopped";
        return of(Verdict::Good, text.to_owned());
    }
    let key = match &seen.key {
        Ok(audit) if audit.refused.is_empty() && audit.accepted.is_empty() => match audit.scopes {
            Some(_) => "the key only trades",
            None => "what the key may do is not told",
        },
        Ok(_) => "THE KEY MAY DO TOO MUCH, or cannot trade",
        Err(_) => "the key could not be audited",
    };
    let timer = match seen.profile.dead_man {
        Some(most) => format!("a dead-man timer of {} s at the most", most.as_secs()),
        None => "no dead-man timer".to_owned(),
    };
    let cancel = match seen.profile.cancel_all {
        CancelAllScope::Account => "one request takes back all orders".to_owned(),
        CancelAllScope::Instrument => "one request takes back an instrument's orders".to_owned(),
        CancelAllScope::Named(count) => format!("orders are taken back by name, {count} at a time"),
    };
    let verdict = match &seen.key {
        Ok(audit) if !audit.refused.is_empty() => Verdict::Refused,
        Ok(audit) if audit.scopes.is_none() || !audit.accepted.is_empty() => Verdict::Warning,
        Ok(_) => Verdict::Good,
        Err(_) => Verdict::Wrong,
    };
    of(verdict, format!("{key}; {timer}; {cancel}"))
}
