//! How much of a venue's limits this host has used, for people.

use std::path::Path;

use ::budget::{Keys, Rule, Scope, key};
use model::Timestamp;

use super::Of;
use super::file::{StateFile, exists};
use crate::clock;

/// One limit, and what is used of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitUse {
    /// What is counted, and over which time: `weight per 1m`.
    pub name: String,
    /// Used in the window that runs now, by our count as corrected by the venue's.
    pub used: i64,
    /// Allowed in it.
    pub limit: u32,
}

/// What is used of a venue's limits, and the stops of the venue that hold: what, and until when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BudgetUse {
    /// In the order of the venue's rules.
    pub limits: Vec<LimitUse>,
    /// What the venue has stopped, and until when.
    pub stops: Vec<(String, Timestamp)>,
}

/// Looks at a budget without changing it. `None` when no process of this host has one there, or it
/// cannot be read now.
pub fn look(directory: &Path, of: &Of<'_>) -> Option<BudgetUse> {
    if !exists(directory, of.venue, of.address) {
        return None;
    }
    let (_, mut budget) = StateFile::open(directory, of.venue, of.address, of.preset()).ok()?;
    let now = clock::now();
    // What has passed out of its window is used no more.
    budget.tidy(now);
    let keys = Keys { account: key(of.account), ..Keys::default() };
    let known = |rule: &&Rule| match rule.scope {
        Scope::Address => true,
        Scope::Account => !of.account.is_empty(),
        // Of no interest to a person, or not to be told apart from here.
        Scope::Instrument | Scope::Socket => false,
    };
    let limits = budget.rules().filter(known).map(|rule| LimitUse {
        name: rule.name().to_string(),
        used: budget.used(rule.name(), &keys),
        limit: rule.shape.limit(),
    });
    let stops = budget.stops().filter(|(_, until)| *until > now);
    let stops = stops.map(|(counts, until)| {
        (counts.map_or_else(|| "everything".to_owned(), |counts| counts.to_string()), until)
    });
    Some(BudgetUse { limits: limits.collect(), stops: stops.collect() })
}
