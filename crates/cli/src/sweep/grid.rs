//! The values that parameters take in a sweep, and all their combinations.

use std::collections::BTreeMap;

use model::Decimal;

/// Combinations in one sweep, at most.
const RUNS_MAX: usize = 100_000;

/// The values of one parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Axis {
    pub(super) name: String,
    pub(super) values: Vec<String>,
}

/// Reads `a..b:step`, `a,b,c` or one value.
pub(super) fn axis(name: &str, text: &str) -> Result<Axis, String> {
    let values = match text.split_once("..") {
        Some((from, rest)) => {
            let (to, step) = rest.split_once(':').unwrap_or((rest, "1"));
            range(from, to, step).map_err(|problem| format!("{name}={text}: {problem}"))?
        }
        None => text.split(',').map(|value| value.trim().to_owned()).collect(),
    };
    Ok(Axis { name: name.to_owned(), values })
}

/// All values from one to another, both included where the steps meet it. Exact: no value is 0.30000000000000004.
fn range(from: &str, to: &str, step: &str) -> Result<Vec<String>, String> {
    let number = |text: &str| {
        let number = text.trim().parse::<Decimal>();
        number.map_err(|_| format!("{text:?} is no number; write FROM..TO:STEP, as in 5..50:5"))
    };
    let (from, to, step) = (number(from)?, number(to)?, number(step)?);
    if step <= Decimal::ZERO {
        return Err("the step has to be above zero".to_owned());
    }
    if from > to {
        return Err("the smaller value comes first".to_owned());
    }
    let mut values = Vec::new();
    let mut value = from;
    while value <= to {
        if values.len() >= RUNS_MAX {
            return Err(format!("more than {RUNS_MAX} values; take a larger step"));
        }
        values.push(value.to_string());
        let Some(next) = value.checked_add(step) else { break };
        value = next;
    }
    Ok(values)
}

/// All combinations, the last axis moving fastest.
pub(super) fn combinations(axes: &[Axis]) -> Result<Vec<BTreeMap<String, String>>, String> {
    let count = axes.iter().try_fold(1usize, |count, axis| count.checked_mul(axis.values.len()));
    let count = count.filter(|count| *count <= RUNS_MAX);
    let count = count.ok_or_else(|| {
        format!("more than {RUNS_MAX} combinations of parameters; take larger steps")
    })?;
    let combination = |mut number: usize| {
        let mut params = BTreeMap::new();
        for axis in axes.iter().rev() {
            let value = axis.values[number % axis.values.len()].clone();
            number /= axis.values.len();
            params.insert(axis.name.clone(), value);
        }
        params
    };
    Ok((0..count).map(combination).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_exact_and_include_their_ends() {
        let values = |text| axis("k", text).unwrap().values;
        assert_eq!(values("5..20:5"), ["5", "10", "15", "20"]);
        assert_eq!(values("0.1..0.4:0.1"), ["0.1", "0.2", "0.3", "0.4"]);
        assert_eq!(values("1..3"), ["1", "2", "3"]);
        assert_eq!(values("0..5:2"), ["0", "2", "4"]);
        assert_eq!(values("a, b"), ["a", "b"]);
        assert_eq!(values("0.001"), ["0.001"]);
        for wrong in ["5..1:1", "1..5:0", "1..5:-1", "x..5:1", "0..1:0.000001"] {
            assert!(axis("k", wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_last_parameter_moves_fastest() {
        let axes = [axis("a", "1,2").unwrap(), axis("b", "x,y").unwrap()];
        let all = combinations(&axes).unwrap();
        let pairs: Vec<_> = all.iter().map(|p| format!("{}{}", p["a"], p["b"])).collect();
        assert_eq!(pairs, ["1x", "1y", "2x", "2y"]);
        let many = axis("a", "1..1000:1").unwrap();
        assert!(combinations(&[many.clone(), many]).is_err());
    }
}
