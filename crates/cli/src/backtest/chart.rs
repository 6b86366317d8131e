//! A curve over time as a drawing that needs nothing but the page it is in.

use std::fmt::Write as _;

use model::Timestamp;

/// Size of a drawing, and what of it is for the numbers at its sides.
const WIDTH: f64 = 1_000.0;
const HEIGHT: f64 = 240.0;
const LEFT: f64 = 80.0;
const BOTTOM: f64 = 22.0;
/// Points of a curve that are drawn: more than there are pixels help nobody.
const POINTS_MAX: usize = 1_500;

/// How a curve is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Series {
    Line,
    /// With all between it and zero filled.
    Area,
}

/// Something at a point.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    /// Nanoseconds since the epoch.
    pub(super) at: i64,
    pub(super) value: f64,
    /// A triangle that points up, else one that points down.
    pub(super) is_up: bool,
}

/// A curve with marks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chart<'a> {
    pub(super) series: Series,
    /// Times, nanoseconds since the epoch, and values.
    pub(super) values: &'a [(i64, f64)],
    pub(super) marks: &'a [Mark],
}

/// What a drawing shows, from and to.
struct Frame {
    times: (i64, i64),
    values: (f64, f64),
}

impl Frame {
    fn x(&self, at: i64) -> f64 {
        let span = (self.times.1 - self.times.0).max(1) as f64;
        LEFT + (at - self.times.0) as f64 / span * (WIDTH - LEFT - 5.0)
    }

    fn y(&self, value: f64) -> f64 {
        let span = (self.values.1 - self.values.0).max(f64::MIN_POSITIVE);
        (HEIGHT - BOTTOM) - (value - self.values.0) / span * (HEIGHT - BOTTOM - 8.0)
    }
}

impl Chart<'_> {
    pub(super) fn svg(&self) -> String {
        let Some(frame) = self.frame() else {
            return "<p>Nothing to draw.</p>".to_owned();
        };
        let mut svg = format!(
            "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" preserveAspectRatio=\"none\">\n"
        );
        grid(&frame, &mut svg);
        let step = self.values.len().div_ceil(POINTS_MAX).max(1);
        let mut path = String::new();
        // The last one is always drawn.
        let last = self.values.last().into_iter();
        for (count, (at, value)) in self.values.iter().step_by(step).chain(last).enumerate() {
            let word = if count == 0 { 'M' } else { 'L' };
            let _ = write!(path, "{word}{:.1} {:.1}", frame.x(*at), frame.y(*value));
        }
        if self.series == Series::Area {
            let zero = frame.y(0.0f64.clamp(frame.values.0, frame.values.1));
            let (first, last) = (frame.x(frame.times.0), frame.x(frame.times.1));
            let _ = writeln!(
                svg,
                "<path class=\"area\" d=\"{path}L{last:.1} {zero:.1}L{first:.1} {zero:.1}Z\"/>"
            );
        }
        let _ = writeln!(svg, "<path class=\"line\" d=\"{path}\"/>");
        for mark in self.marks {
            let (x, y) = (frame.x(mark.at), frame.y(mark.value));
            let (class, tip) = if mark.is_up { ("buy", -7.0) } else { ("sell", 7.0) };
            let _ =
                writeln!(svg, "<path class=\"{class}\" d=\"M{x:.1} {:.1}l4 {:.1}h-8z\"/>", y, -tip);
        }
        svg += "</svg>";
        svg
    }

    fn frame(&self) -> Option<Frame> {
        let times = (self.values.first()?.0, self.values.last()?.0);
        let marked = self.marks.iter().map(|mark| mark.value);
        let all = self.values.iter().map(|(_, value)| *value).chain(marked);
        let all = all.filter(|value| value.is_finite());
        let (low, high) =
            all.fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(v), high.max(v)));
        if low > high {
            return None;
        }
        let (low, high) = match self.series {
            Series::Line => (low, high),
            Series::Area => (low.min(0.0), high.max(0.0)),
        };
        // A flat line is in the middle.
        let room = if high > low { (high - low) * 0.03 } else { high.abs().max(1.0) * 0.01 };
        Some(Frame { times, values: (low - room, high + room) })
    }
}

fn grid(frame: &Frame, svg: &mut String) {
    const LINES: i32 = 4;
    for line in 0..=LINES {
        let part = f64::from(line) / f64::from(LINES);
        let value = frame.values.0 + (frame.values.1 - frame.values.0) * part;
        let y = frame.y(value);
        let _ = writeln!(svg, "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{WIDTH}\"/>");
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 6.0,
            y + 3.0,
            short(value)
        );
        let at = frame.times.0 + ((frame.times.1 - frame.times.0) as f64 * part) as i64;
        let anchor = match line {
            0 => "start",
            LINES => "end",
            _ => "middle",
        };
        let time = Timestamp::from_nanos(at).to_string();
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"{anchor}\">{}</text>",
            frame.x(at),
            HEIGHT - 6.0,
            time.get(..16).unwrap_or_default().replace('T', " ")
        );
    }
}

/// A number with as many digits as fit.
fn short(value: f64) -> String {
    let size = value.abs();
    if size >= 1_000.0 {
        format!("{value:.0}")
    } else if size >= 1.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.5}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_begins_at_the_left_and_ends_at_the_right() {
        let values = [(0, 1.0), (10, 3.0), (20, 2.0)];
        let svg = Chart { series: Series::Line, values: &values, marks: &[] }.svg();
        let path = svg.split("class=\"line\" d=\"").nth(1).unwrap().split('"').next().unwrap();
        assert!(path.starts_with("M80.0 ") && path.contains("L995.0 "), "{path}");
    }

    #[test]
    fn nothing_is_drawn_of_nothing_and_a_flat_line_is_one() {
        assert!(Chart { series: Series::Line, values: &[], marks: &[] }.svg().contains("Nothing"));
        let flat = Chart { series: Series::Area, values: &[(1, 0.0), (2, 0.0)], marks: &[] }.svg();
        assert!(!flat.contains("NaN") && !flat.contains("inf"), "{flat}");
    }

    #[test]
    fn long_curves_are_thinned_and_keep_their_end() {
        let values: Vec<_> = (0..100_000).map(|n| (n, n as f64)).collect();
        let svg = Chart { series: Series::Line, values: &values, marks: &[] }.svg();
        assert!(svg.len() < 60_000, "{}", svg.len());
        assert!(svg.contains("L995.0 "));
    }
}
