//! Values of metrics, by name and labels.

use std::collections::BTreeMap;

use crate::catalog::{Kind, Metric};

/// Series of one metric. More than that is a label without a bound, and a bug: what is beyond is not kept.
const SERIES_MAX: usize = 2_000;

/// Values that are served together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Page {
    families: BTreeMap<&'static str, BTreeMap<Vec<String>, Value>>,
}

/// The value of one series.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Number(f64),
    Spread(Spread),
}

/// Times in classes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Spread {
    /// How many are in each class, not summed up; one more than there are upper ends.
    pub(crate) classes: Vec<u64>,
    /// Seconds, all together.
    pub(crate) sum: f64,
}

impl Page {
    /// What it is now.
    pub(crate) fn set(&mut self, metric: &Metric, labels: &[&str], value: f64) {
        if let Some(known) = self.value(metric, labels) {
            *known = Value::Number(value);
        }
    }

    /// The same of what is so or is not.
    pub(crate) fn flag(&mut self, metric: &Metric, labels: &[&str], is_so: bool) {
        self.set(metric, labels, f64::from(u8::from(is_so)));
    }

    /// One of several states: 1 for that one, 0 for the others.
    pub(crate) fn one_of(&mut self, metric: &Metric, labels: &[&str], all: &[&str], is: &str) {
        for state in all {
            let labels = [labels, &[*state]].concat();
            self.flag(metric, &labels, *state == is);
        }
    }

    /// So many more; zero makes a series known before it is needed.
    pub(crate) fn add(&mut self, metric: &Metric, labels: &[&str], more: f64) {
        if let Some(Value::Number(known)) = self.value(metric, labels) {
            *known += more;
        }
    }

    /// One time more.
    pub(crate) fn observe(&mut self, metric: &Metric, labels: &[&str], seconds: f64) {
        let Kind::Histogram(bounds) = metric.kind else { return };
        if let Some(Value::Spread(spread)) = self.value(metric, labels) {
            let class = bounds.partition_point(|bound| *bound < seconds);
            if let Some(count) = spread.classes.get_mut(class) {
                *count += 1;
            }
            spread.sum += seconds;
        }
    }

    /// Times that were counted elsewhere.
    pub(crate) fn spread(&mut self, metric: &Metric, labels: &[&str], counted: Spread) {
        if let Some(Value::Spread(spread)) = self.value(metric, labels)
            && counted.classes.len() == spread.classes.len()
        {
            *spread = counted;
        }
    }

    /// Makes a series known, with nothing in it.
    pub(crate) fn begin(&mut self, metric: &Metric, labels: &[&str]) {
        self.value(metric, labels);
    }

    fn value(&mut self, metric: &Metric, labels: &[&str]) -> Option<&mut Value> {
        debug_assert_eq!(metric.labels.len(), labels.len(), "{}", metric.name);
        let family = self.families.entry(metric.name).or_default();
        let labels: Vec<String> = labels.iter().map(|label| (*label).to_owned()).collect();
        if family.len() >= SERIES_MAX && !family.contains_key(&labels) {
            return None;
        }
        Some(family.entry(labels).or_insert_with(|| match metric.kind {
            Kind::Counter | Kind::Gauge => Value::Number(0.0),
            Kind::Histogram(bounds) => {
                Value::Spread(Spread { classes: vec![0; bounds.len() + 1], sum: 0.0 })
            }
        }))
    }

    /// All series of a metric, with the values of its labels.
    pub(crate) fn series(&self, metric: &Metric) -> impl Iterator<Item = (&[String], &Value)> {
        let family = self.families.get(metric.name).into_iter().flatten();
        family.map(|(labels, value)| (labels.as_slice(), value))
    }

    #[cfg(test)]
    pub(crate) fn number(&self, metric: &Metric, labels: &[&str]) -> Option<f64> {
        let found = self.series(metric).find(|(known, _)| known.iter().eq(labels))?;
        match found.1 {
            Value::Number(number) => Some(*number),
            Value::Spread(spread) => Some(spread.classes.iter().sum::<u64>() as f64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{FLUSH, GAPS, STATE};

    #[test]
    fn values_are_kept_by_their_labels() {
        let mut page = Page::default();
        page.add(&GAPS, &["A"], 1.0);
        page.add(&GAPS, &["A"], 2.0);
        page.add(&GAPS, &["B"], 0.0);
        assert_eq!(page.number(&GAPS, &["A"]), Some(3.0));
        assert_eq!(page.number(&GAPS, &["B"]), Some(0.0));
        page.one_of(&STATE, &[], &["active", "halted"], "halted");
        assert_eq!(page.number(&STATE, &["active"]), Some(0.0));
        assert_eq!(page.number(&STATE, &["halted"]), Some(1.0));
    }

    #[test]
    fn a_time_is_in_the_first_class_that_has_room_for_it() {
        let mut page = Page::default();
        for seconds in [0.0, 0.000_05, 0.000_051, 10.0, 10.1] {
            page.observe(&FLUSH, &[], seconds);
        }
        let Some((_, Value::Spread(spread))) = page.series(&FLUSH).next() else { panic!() };
        assert_eq!((spread.classes[0], spread.classes[1]), (2, 1));
        assert_eq!((spread.classes[15], spread.classes[16]), (1, 1));
    }

    #[test]
    fn a_label_without_a_bound_fills_no_memory() {
        let mut page = Page::default();
        (0..10_000).for_each(|name| page.add(&GAPS, &[&name.to_string()], 1.0));
        assert_eq!(page.series(&GAPS).count(), SERIES_MAX);
    }
}
