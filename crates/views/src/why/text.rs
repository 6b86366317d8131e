//! A story on a terminal.

use std::fmt::Write as _;

use super::story::Story;
use super::words::clock;

impl Story {
    /// For people: the end first, then all of it in order.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing into a string cannot fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "{}", self.of)?;
        for sentence in &self.summary {
            writeln!(out, "  {sentence}")?;
        }
        if !self.state.is_empty() {
            writeln!(out, "\nhow things stood when it was decided")?;
            self.state.iter().try_for_each(|line| writeln!(out, "  {line}"))?;
        }
        if !self.checks.is_empty() || self.refused.is_some() {
            writeln!(out, "\nguardrails{:>42} {:>16}", "found", "limit")?;
            for check in &self.checks {
                let (name, unit) = check.guardrail.words();
                let (actual, limit) = (check.actual.to_string(), check.limit.to_string());
                writeln!(out, "  passed  {name:<32}{actual:>10} {limit:>16} {unit}")?;
            }
            if let Some(because) = &self.refused {
                writeln!(out, "  REFUSED {because}")?;
            }
        }
        if !self.timings.is_empty() {
            writeln!(out, "\ntimes")?;
            for (name, millis) in &self.timings {
                writeln!(out, "  {name:<24}{millis:>12.3} ms")?;
            }
        }
        writeln!(out, "\nwhat happened, in order ('|': around it)")?;
        let start = self.lines.first().map(|line| line.at);
        for line in &self.lines {
            let after = start.map_or(0, |start| line.at.nanos() - start.nanos());
            let mark = if line.around { '|' } else { ' ' };
            let (time, after) = (clock(line.at), after as f64 / 1e6);
            writeln!(out, "  {time:<16} {after:>+12.3} ms {mark} {}", line.text)?;
        }
        if self.left_out > 0 {
            writeln!(
                out,
                "  {} more lines of what happened around it are left out",
                self.left_out
            )?;
        }
        self.notes.iter().try_for_each(|note| writeln!(out, "note: {note}"))
    }
}
