//! The best of a sweep, and warnings.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::folds::Fold;
use super::luck;
use super::runs::{By, Tried};

/// Below this probability the best may well be luck.
const SURE: f64 = 0.95;

/// What a sweep came to.
pub(super) struct Table<'a> {
    pub(super) tried: &'a [Tried],
    /// Best first.
    pub(super) order: &'a [usize],
    pub(super) by: By,
    pub(super) forward: &'a [Fold],
}

/// What of the best may be luck.
struct Luck {
    /// The probability that its true ratio is above what the best without skill would show.
    deflated: Option<f64>,
    /// That ratio, for a year.
    expected: f64,
    warnings: Vec<String>,
}

impl Table<'_> {
    fn luck(&self) -> Luck {
        let ratio = |tried: &Tried| {
            let moments = &tried.report.moments;
            if moments.deviation > 0.0 { moments.mean / moments.deviation } else { 0.0 }
        };
        let ratios: Vec<f64> = self.tried.iter().map(ratio).collect();
        let expected = luck::expected_best(ratios.len(), luck::deviation(&ratios));
        let best = self.order.first().map(|at| &self.tried[*at]);
        let deflated = best.and_then(|best| luck::deflated(&best.report.moments, expected));
        // From one period's ratio to a year's, as the report of the best has both.
        let yearly = best.map_or(0.0, |best| {
            let own = ratio(best);
            if own == 0.0 { 0.0 } else { expected * best.report.sharpe / own }
        });
        let mut warnings = Vec::new();
        let count = self.tried.len();
        match deflated {
            Some(probability) if probability < SURE && count > 1 => warnings.push(format!(
                "the best of {count} without any skill would show a Sharpe ratio of {yearly:.2}; that this one is better than luck has a probability of {:.0} %",
                probability * 100.0
            )),
            Some(_) => {}
            None if count > 1 => {
                warnings.push("too little happened to tell skill from luck".to_owned());
            }
            None => {}
        }
        let sum = |figure: fn(&Fold) -> f64| self.forward.iter().map(figure).sum::<f64>();
        let folds = self.forward.len() as f64;
        if folds > 0.0 {
            let (chosen, came) = (sum(|f| f.chosen_at) / folds, sum(|f| f.came_to) / folds);
            if came < chosen - chosen.abs() / 2.0 {
                let by = self.by.name();
                warnings.push(format!(
                    "chosen on one piece of the data with a mean {by} of {chosen:.3}, it came to {came:.3} on the next: the choice fits the past"
                ));
            }
        }
        Luck { deflated, expected: yearly, warnings }
    }

    fn forward_return(&self) -> f64 {
        self.forward.iter().fold(1.0, |product, fold| product * (1.0 + fold.total_return)) - 1.0
    }

    pub(super) fn json(&self) -> Value {
        let luck = self.luck();
        let runs = self.order.iter().map(|at| {
            let mut run = json!(self.tried[*at].report);
            if let Some(object) = run.as_object_mut() {
                let tried = &self.tried[*at];
                object.insert("params".to_owned(), json!(tried.params));
                object.insert("moments".to_owned(), json!(tried.report.moments));
                object.insert("pieces".to_owned(), json!(tried.pieces));
            }
            run
        });
        let folds = self.forward.iter().map(|fold| {
            json!({
                "params": fold.params,
                "chosen_at": fold.chosen_at,
                "came_to": fold.came_to,
                "total_return": fold.total_return,
            })
        });
        json!({
            "by": self.by.name(),
            "runs": runs.collect::<Vec<_>>(),
            "walk_forward": {
                "folds": folds.collect::<Vec<_>>(),
                "total_return": self.forward_return(),
            },
            "deflated_sharpe": luck.deflated,
            "sharpe_of_luck": luck.expected,
            "warnings": luck.warnings,
        })
    }

    pub(super) fn text(&self, top: usize) -> String {
        let mut text = String::new();
        let names: Vec<&String> =
            self.tried.first().map(|tried| tried.params.keys().collect()).unwrap_or_default();
        for name in &names {
            let _ = write!(text, "{name:>14} ");
        }
        let _ = writeln!(
            text,
            "{:>12} {:>8} {:>12} {:>8} {:>12}",
            "return", "Sharpe", "drawdown", "fills", "fees"
        );
        for at in self.order.iter().take(top) {
            let Tried { params, report, .. } = &self.tried[*at];
            for name in &names {
                let value = params.get(*name).map_or("", String::as_str);
                let _ = write!(text, "{value:>14} ");
            }
            let _ = writeln!(
                text,
                "{:>11.3}% {:>8.2} {:>11.3}% {:>8} {:>12.2}",
                report.total_return * 100.0,
                report.sharpe,
                report.max_drawdown * 100.0,
                report.fills,
                report.fees_paid
            );
        }
        let (count, by) = (self.tried.len(), self.by.name());
        let _ = writeln!(text, "\n{count} combinations, best first by {by}");
        if !self.forward.is_empty() {
            let _ = writeln!(
                text,
                "walked forward over {} pieces: {:.3} %",
                self.forward.len(),
                self.forward_return() * 100.0
            );
        }
        let luck = self.luck();
        if let Some(probability) = luck.deflated {
            let _ = writeln!(text, "deflated Sharpe ratio of the best: {probability:.3}");
        }
        for warning in luck.warnings {
            let _ = writeln!(text, "warning: {warning}");
        }
        text
    }
}
