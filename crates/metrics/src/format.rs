//! Prometheus' text format, and OpenMetrics where it is asked for.
//!
//! Sources: "Exposition formats", prometheus.io, version 0.0.4; OpenMetrics 1.0.0, section "Text format"; read
//! 2026-12-01. Numbers are written with a point in both, so that `le` is one label whoever asks.

use std::fmt::Write as _;

use crate::catalog::{CATALOG, Kind, Metric};
use crate::page::{Page, Spread, Value};

/// How it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Prometheus,
    OpenMetrics,
}

impl Format {
    /// What a header `Accept` asks for.
    pub(crate) fn accepted(accept: Option<&str>) -> Format {
        let wanted = |accept: &str| accept.contains("application/openmetrics-text");
        if accept.is_some_and(wanted) { Format::OpenMetrics } else { Format::Prometheus }
    }

    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Format::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Format::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// Everything, in the catalog's order. A metric without a series has its head all the same.
pub(crate) fn text(pages: &[&Page], format: Format) -> String {
    let mut out = String::new();
    for metric in CATALOG {
        // Writing into a string cannot fail.
        let _ = family(&mut out, metric, pages, format);
    }
    if format == Format::OpenMetrics {
        out.push_str("# EOF\n");
    }
    out
}

fn family(out: &mut String, metric: &Metric, pages: &[&Page], format: Format) -> std::fmt::Result {
    let name = match format {
        Format::Prometheus => metric.name,
        Format::OpenMetrics => metric.name.strip_suffix("_total").unwrap_or(metric.name),
    };
    writeln!(out, "# HELP {name} {}", escaped(metric.help))?;
    writeln!(out, "# TYPE {name} {}", metric.kind.word())?;
    for (labels, value) in pages.iter().flat_map(|page| page.series(metric)) {
        match (value, metric.kind) {
            (Value::Number(number), _) => {
                writeln!(out, "{}{} {}", metric.name, named(metric, labels, None), shown(*number))?;
            }
            (Value::Spread(spread), Kind::Histogram(bounds)) => {
                histogram(out, metric, labels, (spread, bounds))?;
            }
            (Value::Spread(_), Kind::Counter | Kind::Gauge) => {}
        }
    }
    Ok(())
}

fn histogram(
    out: &mut String,
    metric: &Metric,
    labels: &[String],
    (Spread { classes, sum }, bounds): (&Spread, &[f64]),
) -> std::fmt::Result {
    let name = metric.name;
    let ends = bounds.iter().copied().chain([f64::INFINITY]);
    let mut count = 0;
    for (end, class) in ends.zip(classes) {
        count += class;
        writeln!(out, "{name}_bucket{} {count}", named(metric, labels, Some(end)))?;
    }
    writeln!(out, "{name}_sum{} {}", named(metric, labels, None), shown(*sum))?;
    writeln!(out, "{name}_count{} {count}", named(metric, labels, None))
}

/// `{a="b",le="0.5"}`, or nothing.
fn named(metric: &Metric, labels: &[String], end: Option<f64>) -> String {
    let own = metric.labels.iter().zip(labels);
    let own = own.map(|(name, value)| format!("{name}=\"{}\"", escaped_label(value)));
    let all: Vec<String> = own.chain(end.map(|end| format!("le=\"{}\"", shown(end)))).collect();
    if all.is_empty() { String::new() } else { format!("{{{}}}", all.join(",")) }
}

fn shown(number: f64) -> String {
    if number == f64::INFINITY {
        "+Inf".to_owned()
    } else if number == f64::NEG_INFINITY {
        "-Inf".to_owned()
    } else {
        // With a point or an exponent, always; NaN is written so, too.
        format!("{number:?}")
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n")
}

fn escaped_label(text: &str) -> String {
    escaped(text).replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{ERRORS, RATE_LIMITS, WAIT};

    fn page() -> Page {
        let mut page = Page::default();
        page.add(&ERRORS, &["a\"b\\c\nd"], 2.0);
        page.add(&RATE_LIMITS, &[], 0.0);
        page.observe(&WAIT, &["weight"], 0.02);
        page.observe(&WAIT, &["weight"], 99.0);
        page
    }

    #[test]
    fn it_is_what_prometheus_reads() {
        let text = text(&[&page()], Format::Prometheus);
        assert!(
            text.contains(
                "# TYPE plimsoll_rate_limits_total counter\nplimsoll_rate_limits_total 0.0\n"
            ),
            "{text}"
        );
        assert!(text.contains(r#"plimsoll_errors_total{class="a\"b\\c\nd"} 2.0"#), "{text}");
        for line in [
            "plimsoll_budget_wait_seconds_bucket{limiter=\"weight\",le=\"0.01\"} 0",
            "plimsoll_budget_wait_seconds_bucket{limiter=\"weight\",le=\"0.025\"} 1",
            "plimsoll_budget_wait_seconds_bucket{limiter=\"weight\",le=\"60.0\"} 1",
            "plimsoll_budget_wait_seconds_bucket{limiter=\"weight\",le=\"+Inf\"} 2",
            "plimsoll_budget_wait_seconds_sum{limiter=\"weight\"} 99.02",
            "plimsoll_budget_wait_seconds_count{limiter=\"weight\"} 2",
        ] {
            assert!(text.lines().any(|own| own == line), "{line} is not in {text}");
        }
        assert!(!text.contains("# EOF"));
        let heads = text.lines().filter(|line| line.starts_with("# TYPE ")).count();
        assert_eq!(heads, CATALOG.len());
    }

    #[test]
    fn open_metrics_names_families_without_total() {
        let text = text(&[&page()], Format::OpenMetrics);
        assert!(
            text.contains("# TYPE plimsoll_rate_limits counter\nplimsoll_rate_limits_total 0.0\n"),
            "{text}"
        );
        assert!(text.ends_with("# EOF\n"));
        let asked = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5";
        assert_eq!(Format::accepted(Some(asked)), Format::OpenMetrics);
        assert_eq!(Format::accepted(Some("*/*")), Format::Prometheus);
        assert_eq!(Format::accepted(None), Format::Prometheus);
    }
}
