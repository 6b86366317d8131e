//! What a key may do, and what of that has no business here.
//!
//! A stolen trade key can lose money, one that may withdraw can lose all of it. So a key is asked for
//! before anything starts and again and again afterwards, and what it may do too much of, or not at all,
//! is named. Only what a venue tells can be judged: what it does not tell is `None` and no finding.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// A trading right that ends within this is said.
const EXPIRES_SOON: Duration = Duration::from_secs(7 * 86_400);

/// What a key may do, as its venue tells it. `None` is what the venue does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyScopes {
    /// Place and take back orders.
    pub trade: Option<bool>,
    /// Send funds away. Where a venue has one right for this and for transfers, it is told as `transfer`.
    pub withdraw: Option<bool>,
    /// Move funds to other accounts.
    pub transfer: Option<bool>,
    /// Trade with borrowed funds or in derivatives: more can be lost than is there.
    pub leverage: Option<bool>,
    /// Taken from named addresses only.
    pub ip_bound: Option<bool>,
    /// When the right to trade ends.
    pub expires: Option<Timestamp>,
}

/// Something about a key that is not as it should be. The names are those of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyFinding {
    /// The venue does not say what the key may do.
    Unaudited,
    /// It may not trade.
    NoTrade,
    /// Its right to trade is over.
    Expired,
    /// It may send funds away.
    Withdraw,
    /// It may move funds to other accounts.
    Transfer,
    /// It may borrow, or trade derivatives.
    Leverage,
    /// It is taken from any address.
    NoIp,
    /// Its right to trade ends within a week.
    Expiring,
}

impl KeyFinding {
    /// Is a start refused for it, unless the configuration says otherwise?
    pub const fn refuses(self) -> bool {
        match self {
            KeyFinding::NoTrade
            | KeyFinding::Expired
            | KeyFinding::Withdraw
            | KeyFinding::Transfer => true,
            KeyFinding::Unaudited
            | KeyFinding::Leverage
            | KeyFinding::NoIp
            | KeyFinding::Expiring => false,
        }
    }

    /// Its name in the configuration and in the journal.
    pub const fn name(self) -> &'static str {
        match self {
            KeyFinding::Unaudited => "unaudited",
            KeyFinding::NoTrade => "no_trade",
            KeyFinding::Expired => "expired",
            KeyFinding::Withdraw => "withdraw",
            KeyFinding::Transfer => "transfer",
            KeyFinding::Leverage => "leverage",
            KeyFinding::NoIp => "no_ip",
            KeyFinding::Expiring => "expiring",
        }
    }

    /// What is wrong, and what to do about it at the venue.
    pub const fn words(self) -> &'static str {
        match self {
            KeyFinding::Unaudited => {
                "what the key may do could not be audited: this venue does not tell it here"
            }
            KeyFinding::NoTrade => {
                "the right to trade is missing: give the key that right at the exchange"
            }
            KeyFinding::Expired => {
                "the right to trade is over: renew it at the exchange, or bind the key to addresses"
            }
            KeyFinding::Withdraw => {
                "the key may withdraw: take that right away at the exchange; whoever has the key has \
                 the funds"
            }
            KeyFinding::Transfer => {
                "the key may transfer funds: take that right away at the exchange; trading needs none"
            }
            KeyFinding::Leverage => {
                "the key may borrow or trade derivatives: spot trading needs neither"
            }
            KeyFinding::NoIp => {
                "the key is not bound to addresses: whoever has it may use it from anywhere; name this \
                 machine's address at the exchange"
            }
            KeyFinding::Expiring => {
                "the right to trade ends within a week: renew it at the exchange"
            }
        }
    }
}

impl KeyScopes {
    /// What is not as it should be, as of `now`.
    pub fn findings(&self, now: Timestamp) -> BTreeSet<KeyFinding> {
        let left = self.expires.map(|at| at.since(now));
        let expired = left.is_some_and(|left| left.is_zero());
        [
            (KeyFinding::NoTrade, self.trade == Some(false) && !expired),
            (KeyFinding::Expired, expired),
            (KeyFinding::Withdraw, self.withdraw == Some(true)),
            (KeyFinding::Transfer, self.transfer == Some(true)),
            (KeyFinding::Leverage, self.leverage == Some(true)),
            (KeyFinding::NoIp, self.ip_bound == Some(false)),
            (KeyFinding::Expiring, !expired && left.is_some_and(|left| left <= EXPIRES_SOON)),
        ]
        .into_iter()
        .filter_map(|(finding, is)| is.then_some(finding))
        .collect()
    }
}

/// What a person has decided about findings, each by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyPolicy {
    /// Let through, although it would refuse.
    pub accept: BTreeSet<KeyFinding>,
    /// Refused, although it would only be said.
    pub demand: BTreeSet<KeyFinding>,
}

/// A key as it was found, and what follows from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyAudit {
    /// What it may do; `None` when the venue does not say.
    pub scopes: Option<KeyScopes>,
    /// What nothing may start or go on with.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub refused: BTreeSet<KeyFinding>,
    /// What would refuse, and a person has let through.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub accepted: BTreeSet<KeyFinding>,
    /// What is only said.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub warned: BTreeSet<KeyFinding>,
}

impl KeyAudit {
    /// Judges a key by what is known of it as of `now`.
    pub fn of(scopes: Option<KeyScopes>, policy: &KeyPolicy, now: Timestamp) -> KeyAudit {
        let findings = match &scopes {
            Some(scopes) => scopes.findings(now),
            None => BTreeSet::from([KeyFinding::Unaudited]),
        };
        let mut audit = KeyAudit {
            scopes,
            refused: BTreeSet::new(),
            accepted: BTreeSet::new(),
            warned: BTreeSet::new(),
        };
        for finding in findings {
            let refuses = finding.refuses() || policy.demand.contains(&finding);
            let kind = match (refuses, policy.accept.contains(&finding)) {
                (true, false) => &mut audit.refused,
                (true, true) => &mut audit.accepted,
                (false, _) => &mut audit.warned,
            };
            kind.insert(finding);
        }
        audit
    }

    /// Why nothing may start or go on with it; `None` when it may.
    pub fn refusal(&self) -> Option<String> {
        let words: Vec<String> = self.refused.iter().map(|f| f.words().to_owned()).collect();
        (!words.is_empty()).then(|| words.join("; "))
    }

    /// The names of what refuses, as the configuration would accept them: `"withdraw", "transfer"`.
    pub fn refused_names(&self) -> String {
        let names: Vec<String> =
            self.refused.iter().map(|finding| format!("\"{}\"", finding.name())).collect();
        names.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: KeyScopes = KeyScopes {
        trade: Some(true),
        withdraw: Some(false),
        transfer: Some(false),
        leverage: Some(false),
        ip_bound: Some(true),
        expires: None,
    };

    fn now() -> Timestamp {
        Timestamp::from_millis(1_767_225_600_000).unwrap()
    }

    fn found(scopes: KeyScopes) -> Vec<KeyFinding> {
        scopes.findings(now()).into_iter().collect()
    }

    #[test]
    fn each_right_by_itself_and_on_both_sides() {
        use KeyFinding::*;
        let ends = |after: Duration| KeyScopes { expires: Some(now().after(after)), ..GOOD };
        let second = Duration::from_secs(1);
        for (scopes, expected) in [
            (GOOD, vec![]),
            (KeyScopes::default(), vec![]),
            (KeyScopes { trade: Some(false), ..GOOD }, vec![NoTrade]),
            (KeyScopes { withdraw: Some(true), ..GOOD }, vec![Withdraw]),
            (KeyScopes { transfer: Some(true), ..GOOD }, vec![Transfer]),
            (KeyScopes { leverage: Some(true), ..GOOD }, vec![Leverage]),
            (KeyScopes { ip_bound: Some(false), ..GOOD }, vec![NoIp]),
            (ends(EXPIRES_SOON + second), vec![]),
            (ends(EXPIRES_SOON), vec![Expiring]),
            (ends(second), vec![Expiring]),
            (ends(Duration::ZERO), vec![Expired]),
            // The venue says that the right is gone, and why is known.
            (KeyScopes { trade: Some(false), ..ends(Duration::ZERO) }, vec![Expired]),
            (
                KeyScopes { withdraw: Some(true), ip_bound: Some(false), ..GOOD },
                vec![Withdraw, NoIp],
            ),
        ] {
            assert_eq!(found(scopes), expected, "{scopes:?}");
        }
    }

    #[test]
    fn what_refuses_is_accepted_by_name_and_what_does_not_is_demanded_by_name() {
        use KeyFinding::*;
        let scopes =
            KeyScopes { withdraw: Some(true), transfer: Some(true), ip_bound: Some(false), ..GOOD };
        let audit = |accept: &[KeyFinding], demand: &[KeyFinding]| {
            let policy = KeyPolicy {
                accept: accept.iter().copied().collect(),
                demand: demand.iter().copied().collect(),
            };
            let audit = KeyAudit::of(Some(scopes), &policy, now());
            let list = |set: &BTreeSet<KeyFinding>| set.iter().copied().collect::<Vec<_>>();
            (list(&audit.refused), list(&audit.accepted), list(&audit.warned))
        };
        assert_eq!(audit(&[], &[]), (vec![Withdraw, Transfer], vec![], vec![NoIp]));
        assert_eq!(audit(&[Withdraw], &[]), (vec![Transfer], vec![Withdraw], vec![NoIp]));
        assert_eq!(audit(&[], &[NoIp]), (vec![Withdraw, Transfer, NoIp], vec![], vec![]));
        let both = audit(&[Withdraw, Transfer], &[NoIp]);
        assert_eq!(both, (vec![NoIp], vec![Withdraw, Transfer], vec![]));
    }

    #[test]
    fn a_key_of_which_nothing_is_told_is_said_or_refused() {
        let demand = BTreeSet::from([KeyFinding::Unaudited]);
        let audit = KeyAudit::of(None, &KeyPolicy::default(), now());
        assert!(audit.refusal().is_none() && audit.warned == demand);
        let policy = KeyPolicy { demand, ..KeyPolicy::default() };
        let audit = KeyAudit::of(None, &policy, now());
        assert!(audit.refusal().unwrap().contains("could not be audited"));
        assert_eq!(audit.refused_names(), "\"unaudited\"");
    }

    /// The configuration's names are serde's.
    #[test]
    fn a_finding_has_one_name() {
        use KeyFinding::*;
        for finding in [Unaudited, NoTrade, Expired, Withdraw, Transfer, Leverage, NoIp, Expiring] {
            let name = serde_json::to_string(&finding).unwrap();
            assert_eq!(name, format!("\"{}\"", finding.name()));
        }
    }
}
