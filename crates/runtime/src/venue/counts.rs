//! What clients did, in numbers: a test can say "no 429" or "at most five connections".

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// Routes counted apart; those that come later count together.
const ROUTES_MAX: usize = 1_000;
/// The name under which they do.
const OTHERS: &str = "other";

/// All counts since the start. What is asked of the simulator itself is not in them.
#[derive(Debug, Default)]
pub(super) struct Counts {
    requests: BTreeMap<String, u64>,
    answers: BTreeMap<u16, u64>,
    unanswered: u64,
    pub(super) connections: Pair,
    pub(super) sockets: Pair,
}

/// Connections of one sort.
#[derive(Debug, Default)]
pub(super) struct Pair {
    pub(super) opened: u64,
    pub(super) closed: u64,
    pub(super) refused: u64,
}

impl Counts {
    /// A request, an upgrade, or a request on a socket.
    pub(super) fn request(&mut self, route: &str) {
        if let Some(count) = self.requests.get_mut(route) {
            *count += 1;
            return;
        }
        let name = if self.requests.len() < ROUTES_MAX { route } else { OTHERS };
        *self.requests.entry(name.to_owned()).or_default() += 1;
    }

    /// A request was answered with this status; `None` when its connection was cut instead.
    pub(super) fn answer(&mut self, status: Option<u16>) {
        match status {
            Some(status) => *self.answers.entry(status).or_default() += 1,
            None => self.unanswered += 1,
        }
    }

    /// As the oracle tells them.
    pub(super) fn report(&self) -> Value {
        let pair = |pair: &Pair| {
            let Pair { opened, closed, refused } = pair;
            json!({"opened": opened, "closed": closed, "refused": refused})
        };
        let answers: BTreeMap<String, u64> =
            self.answers.iter().map(|(status, count)| (status.to_string(), *count)).collect();
        json!({
            "requests": self.requests,
            "answers": answers,
            "unanswered": self.unanswered,
            "connections": pair(&self.connections),
            "sockets": pair(&self.sockets),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_are_counted_apart_up_to_a_bound() {
        let mut counts = Counts::default();
        for number in 0..ROUTES_MAX + 5 {
            counts.request(&format!("GET /{number}"));
        }
        counts.request("GET /0");
        let report = counts.report();
        assert_eq!(report["requests"]["GET /0"], 2);
        assert_eq!(report["requests"][OTHERS], 5);
    }
}
