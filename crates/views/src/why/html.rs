//! A story as one page that needs no network.

use std::fmt::Write as _;

use super::story::Story;
use super::words::clock;

const STYLE: &str = "body{font:15px/1.45 system-ui,sans-serif;margin:2em auto;max-width:70em;padding:0 1em;
color:#1b1b1b;background:#fff}h1{font-size:1.4em}h2{font-size:1.05em;margin-top:2em}
table{border-collapse:collapse;width:100%}td,th{padding:.25em .6em;text-align:left;border-bottom:1px solid #ddd;
vertical-align:top}td.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
tr.around td{color:#666}p.end{margin:.3em 0;font-size:1.05em}.no{color:#a40000;font-weight:600}
@media(prefers-color-scheme:dark){body{color:#ddd;background:#161616}td,th{border-color:#333}
tr.around td{color:#999}.no{color:#ff7b7b}}";

impl Story {
    /// The page.
    pub fn html(&self) -> String {
        let mut page = String::new();
        // Writing into a string cannot fail.
        let _ = self.page(&mut page);
        page
    }

    fn page(&self, out: &mut String) -> std::fmt::Result {
        let title = escaped(&format!("Why: {}", self.of));
        write!(
            out,
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title>\
             <meta name=\"viewport\" content=\"width=device-width\"><style>{STYLE}</style><h1>{title}</h1>"
        )?;
        for sentence in &self.summary {
            write!(out, "<p class=\"end\">{}</p>", escaped(sentence))?;
        }
        if !self.state.is_empty() {
            write!(out, "<h2>How things stood when it was decided</h2><ul>")?;
            self.state.iter().try_for_each(|line| write!(out, "<li>{}", escaped(line)))?;
            write!(out, "</ul>")?;
        }
        self.verdicts(out)?;
        if !self.timings.is_empty() {
            write!(out, "<h2>Times</h2><table>")?;
            for (name, millis) in &self.timings {
                write!(out, "<tr><td>{name}<td class=\"n\">{millis:.3} ms")?;
            }
            write!(out, "</table>")?;
        }
        write!(out, "<h2>What happened, in order</h2><table>")?;
        let start = self.lines.first().map(|line| line.at);
        for line in &self.lines {
            let after = start.map_or(0, |start| line.at.nanos() - start.nanos()) as f64 / 1e6;
            let class = if line.around { " class=\"around\"" } else { "" };
            write!(
                out,
                "<tr{class}><td class=\"n\">{}<td class=\"n\">{after:+.3} ms<td>{}<td>{}",
                clock(line.at),
                line.kind,
                escaped(&line.text)
            )?;
        }
        write!(out, "</table>")?;
        if self.left_out > 0 {
            write!(
                out,
                "<p>{} more lines of what happened around it are left out.</p>",
                self.left_out
            )?;
        }
        self.notes.iter().try_for_each(|note| write!(out, "<p>{}</p>", escaped(note)))?;
        writeln!(out, "</html>")
    }

    fn verdicts(&self, out: &mut String) -> std::fmt::Result {
        if self.checks.is_empty() && self.refused.is_none() {
            return Ok(());
        }
        write!(out, "<h2>Guardrails</h2><table><tr><th>asked<th>found<th>limit<th>left<th>unit")?;
        for check in &self.checks {
            let (name, unit) = check.guardrail.words();
            let left = check.headroom().map(|left| left.to_string()).unwrap_or_default();
            write!(
                out,
                "<tr><td>{name}<td class=\"n\">{}<td class=\"n\">{}<td class=\"n\">{left}<td>{unit}",
                check.actual, check.limit
            )?;
        }
        if let Some(because) = &self.refused {
            write!(out, "<tr><td colspan=\"5\" class=\"no\">refused: {}", escaped(because))?;
        }
        write!(out, "</table>")
    }
}

/// Reasons are an agent's words, and may be anything.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
