//! What the account is worth and how far each circuit breaker is: as the running gateway says, else as its
//! journal says.

use std::fmt::Write as _;
use std::path::Path;

use journal::{Address, Health};
use model::{Amount, BreakerName, Decimal, EquityMark, Rounding, Timestamp};
use runtime::control::{self, Answer, Ask, BreakersShown};
use serde_json::{Value, json};

use super::words::ago;

/// Asks the gateway that runs on this journal. `None` when there is none on this host, or it does not answer:
/// then what the journal says has to do.
pub(super) fn look(directory: &Path, store: &Address) -> Option<BreakersShown> {
    let socket = control::socket(directory, store).ok()?;
    match control::ask(&socket, &Ask::Breakers {}) {
        Ok(Answer::Breakers(shown)) => Some(shown),
        Ok(_) | Err(_) => None,
    }
}

pub(super) fn write(
    out: &mut String,
    shown: Option<&BreakersShown>,
    health: &Health,
    now: Timestamp,
) -> std::fmt::Result {
    let Some(shown) = shown else { return write_journal(out, health, now) };
    match (shown.equity, &shown.mark) {
        (Some(equity), Some(mark)) => write_equity(out, equity, mark, "")?,
        (Some(equity), None) => {
            writeln!(out, "equity       {equity}; losses are not measured yet")?
        }
        (None, _) => writeln!(out, "equity       UNKNOWN: a price is missing")?,
    }
    for breaker in &shown.breakers {
        let (name, unit) = (breaker.name.as_str(), breaker.name.unit());
        let value = breaker.value.map_or_else(|| "-".to_owned(), |value| short(value).to_string());
        let trips = if breaker.tripped { "  TRIPPED" } else { "" };
        writeln!(out, "breaker      {name:<20} {value} of {} {unit}{trips}", breaker.limit)?;
    }
    Ok(())
}

/// As it last was. Of a breaker the journal has what it did, not how far it is.
fn write_journal(out: &mut String, health: &Health, now: Timestamp) -> std::fmt::Result {
    if let Some((at, mark)) = &health.equity {
        write_equity(out, mark.equity, mark, &format!(", {} ago", ago(now, *at)))?;
    }
    for (name, seen) in health.breakers.iter().filter(|(_, seen)| seen.tripped) {
        let (value, limit, unit, at) = (seen.value, seen.limit, name.unit(), ago(now, seen.at));
        let name = name.as_str();
        writeln!(out, "breaker      {name:<20} {value} of {limit} {unit}  TRIPPED {at} ago")?;
    }
    Ok(())
}

fn write_equity(
    out: &mut String,
    equity: Amount,
    mark: &EquityMark,
    when: &str,
) -> std::fmt::Result {
    let lost =
        |before: Amount| percent(before, equity).map_or_else(|| "-".to_owned(), |p| p.to_string());
    writeln!(
        out,
        "equity       {} {}{when}; high-water mark {}, drawdown {} %; day began with {}, day loss {} %",
        short(equity.get()),
        mark.valuation,
        short(mark.high.get()),
        lost(mark.high),
        short(mark.day_start.get()),
        lost(mark.day_start)
    )
}

pub(super) fn json(shown: Option<&BreakersShown>, health: &Health) -> (Value, Value) {
    let equity = |equity: Amount, mark: &EquityMark| {
        json!({
            "equity": equity,
            "valuation": mark.valuation,
            "high": mark.high,
            "day_start": mark.day_start,
            "drawdown_percent": percent(mark.high, equity),
            "day_loss_percent": percent(mark.day_start, equity),
        })
    };
    let Some(shown) = shown else {
        let breakers: serde_json::Map<String, Value> = health
            .breakers
            .iter()
            .map(|(name, seen)| {
                let mut seen = json!(seen);
                seen["unit"] = json!(name.unit());
                (name.as_str().to_owned(), seen)
            })
            .collect();
        let worth = health.equity.as_ref().map(|(at, mark)| {
            let mut worth = equity(mark.equity, mark);
            worth["at"] = json!(at);
            worth
        });
        return (json!(worth), Value::Object(breakers));
    };
    let breaker = |name: BreakerName, value: Option<Decimal>, limit: Decimal, tripped: bool| {
        let value =
            json!({"value": value, "limit": limit, "unit": name.unit(), "tripped": tripped});
        (name.as_str().to_owned(), value)
    };
    let breakers: serde_json::Map<String, Value> =
        shown.breakers.iter().map(|b| breaker(b.name, b.value, b.limit, b.tripped)).collect();
    let mut worth = shown.equity.zip(shown.mark.as_ref()).map(|(worth, mark)| equity(worth, mark));
    if let Some(worth) = &mut worth {
        worth["headroom"] = json!(shown.headroom);
    }
    (json!(worth), Value::Object(breakers))
}

/// The part of `before` that is gone, percent; zero when nothing is, and `None` when there was nothing.
fn percent(before: Amount, equity: Amount) -> Option<Decimal> {
    let gone = before.checked_sub(equity)?.get().max(Decimal::ZERO);
    let part = gone.checked_div(before.get(), Rounding::Down)?;
    Some(short(part.checked_times(100)?))
}

/// Four digits behind the point at most.
fn short(number: Decimal) -> Decimal {
    number.round_to(4, Rounding::Down).unwrap_or(number)
}

#[cfg(test)]
mod tests {
    use model::BreakerShown;

    use super::*;

    fn number<T: std::str::FromStr>(text: &str) -> T {
        text.parse().unwrap_or_else(|_| panic!("{text}"))
    }

    fn mark() -> EquityMark {
        EquityMark {
            valuation: number("USDT"),
            assets: [number("USDT"), number("BTC")].into(),
            equity: number("970.5"),
            high: number("1000"),
            day: 20_454,
            day_start: number("990"),
        }
    }

    fn shown() -> BreakersShown {
        let breaker = |name, value, limit, tripped| BreakerShown {
            name,
            value: Some(number(value)),
            limit: number(limit),
            tripped,
        };
        BreakersShown {
            equity: Some(number("950.000004")),
            mark: Some(mark()),
            headroom: Some(number("10.3")),
            breakers: vec![
                breaker(BreakerName::Drawdown, "4.9999996", "10", false),
                breaker(BreakerName::DayLoss, "4.04", "3", true),
            ],
            books: [].into(),
            lease_until: None,
        }
    }

    #[test]
    fn the_running_gateway_says_how_far_each_is() {
        let mut text = String::new();
        write(&mut text, Some(&shown()), &Health::default(), Timestamp::EPOCH).unwrap();
        assert_eq!(
            text,
            "equity       950 USDT; high-water mark 1000, drawdown 4.9999 %; day began with 990, day loss 4.0404 %\n\
             breaker      drawdown             4.9999 of 10 %\n\
             breaker      day_loss             4.04 of 3 %  TRIPPED\n"
        );
        let (equity, breakers) = json(Some(&shown()), &Health::default());
        assert_eq!(equity["day_loss_percent"], "4.0404");
        assert_eq!(equity["headroom"], "10.3");
        assert_eq!(
            breakers["day_loss"],
            json!({"value": "4.04", "limit": "3", "unit": "%", "tripped": true})
        );
    }

    #[test]
    fn without_it_the_journal_says_what_was_last_written_down() {
        let health = Health { equity: Some((Timestamp::EPOCH, mark())), ..Health::default() };
        let mut text = String::new();
        let now = Timestamp::EPOCH.after(std::time::Duration::from_secs(5));
        write(&mut text, None, &health, now).unwrap();
        assert!(
            text.starts_with("equity       970.5 USDT, 5 s ago; high-water mark 1000"),
            "{text}"
        );
        assert_eq!(json(None, &health).0["drawdown_percent"], "2.95");
        assert_eq!(json(None, &Health::default()).0, Value::Null);
    }
}
