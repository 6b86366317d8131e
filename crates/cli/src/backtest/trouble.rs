//! What of the exchange is to fail in a backtest, as it is said on the command line.

use std::time::Duration;

use ::backtest::{Begins, Fails, Outage, RateLimit};
use model::Timestamp;

const USAGE: &str = "write WHEN/FOR or WHEN/FOR/WHAT, as in 2024-05-01T12:00:00Z/10m, 3d/10m (after the first row) or \
                     every:7d/10m/orders";

/// Longest stretch of time that requests are counted in.
const WINDOW_MAX: Duration = Duration::from_secs(86_400);

/// `WHEN/FOR[/WHAT]`.
pub(super) fn outage(text: &str) -> Result<Outage, String> {
    let mut parts = text.split('/');
    let (Some(when), Some(lasts), what, None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(USAGE.to_owned());
    };
    let fails = match what.unwrap_or("all") {
        "all" => Fails::All,
        "market" => Fails::Market,
        "orders" => Fails::Orders,
        "throttled" => Fails::Throttled,
        _ => return Err("what fails is all, market, orders or throttled".to_owned()),
    };
    let begins = match when.strip_prefix("every:") {
        Some(every) => Begins::Every(length(every).and_then(not_too_often)?),
        None => match Timestamp::parse_rfc3339(when.as_bytes()) {
            Some(time) => Begins::At(time),
            None => Begins::After(length(when)?),
        },
    };
    Ok(Outage { begins, lasts: length(lasts)?, fails })
}

/// `N/TIME`.
pub(super) fn rate_limit(text: &str) -> Result<RateLimit, String> {
    let (requests, window) = text.split_once('/').ok_or("write N/TIME, as in 50/10s")?;
    let count = requests.parse().ok().filter(|count| *count > 0);
    let requests = count.ok_or_else(|| format!("{requests:?} is no number of requests"))?;
    let window = length(window)?;
    if window > WINDOW_MAX {
        return Err("requests are counted in a day at most".to_owned());
    }
    Ok(RateLimit { requests, window })
}

/// Each one is told to the gateway, and a year is long.
fn not_too_often(every: Duration) -> Result<Duration, String> {
    let least = Duration::from_secs(1);
    if every < least { Err("outages come once a second at most".to_owned()) } else { Ok(every) }
}

fn length(text: &str) -> Result<Duration, String> {
    let ms = text.strip_suffix("ms").and_then(|ms| ms.parse().ok()).map(Duration::from_millis);
    let length = ms.or_else(|| data::interval(text)).filter(|length| !length.is_zero());
    length.ok_or_else(|| {
        format!("{text:?} is no length of time: a number and one of ms, s, m, h, d, w; {USAGE}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_has_a_time_a_length_and_a_reach() {
        let seconds = Duration::from_secs;
        let at = Timestamp::parse_rfc3339(b"2024-05-01T12:00:00Z").unwrap();
        for (text, begins, lasts, fails) in [
            ("2024-05-01T12:00:00Z/10m", Begins::At(at), seconds(600), Fails::All),
            ("3d/30s/market", Begins::After(seconds(259_200)), seconds(30), Fails::Market),
            (
                "every:1h/500ms/orders",
                Begins::Every(seconds(3_600)),
                Duration::from_millis(500),
                Fails::Orders,
            ),
            ("90s/2m/throttled", Begins::After(seconds(90)), seconds(120), Fails::Throttled),
        ] {
            assert_eq!(outage(text), Ok(Outage { begins, lasts, fails }), "{text}");
        }
        for wrong in [
            "",
            "3d",
            "3d/",
            "3d/0s",
            "3d/5m/all/more",
            "3d/5m/everything",
            "every:/5m",
            "every:999ms/5m",
            "soon/5m",
        ] {
            assert!(outage(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_rate_limit_is_a_number_and_a_time() {
        let window = Duration::from_secs(10);
        assert_eq!(rate_limit("50/10s"), Ok(RateLimit { requests: 50, window }));
        for wrong in ["", "50", "0/1s", "-1/1s", "5/0s", "5/2d", "x/1s"] {
            assert!(rate_limit(wrong).is_err(), "{wrong}");
        }
    }
}
