//! Questions that are asked again and again, answered by name.
//!
//! Each report is a file with the questions it asks of the tables. Sums of money are exact; shares, hundredths of
//! a percent and times are doubles, because nothing is booked by them.

mod asking;
mod balance;
mod budget;
mod latency;
mod losses;
mod pnl;
mod positions;
mod reconnects;
mod slippage;
mod uptime;

use self::asking::{Asking, span};
pub use self::asking::{Of, Report, Section, Since};
pub use self::latency::STAGES;
use crate::error::ViewsError;
use crate::store::Views;

/// What makes a report.
type Make = fn(&Asking<'_>) -> rusqlite::Result<(Vec<Section>, Vec<String>)>;

struct Kind {
    name: &'static str,
    title: &'static str,
    /// Nanoseconds before the last entry, where nothing is said.
    back: Option<i64>,
    make: Make,
}

const HOUR: i64 = 3_600_000_000_000;

const KINDS: [Kind; 9] = [
    Kind {
        name: "losses",
        title: "where money was lost, and in which orders",
        back: None,
        make: losses::make,
    },
    Kind { name: "pnl", title: "profit and loss by agent and reason", back: None, make: pnl::make },
    Kind {
        name: "positions",
        title: "position and balance when each order was placed",
        back: None,
        make: positions::make,
    },
    Kind {
        name: "reconnects",
        title: "reconnects, in the last hour unless --since says otherwise",
        back: Some(HOUR),
        make: reconnects::make,
    },
    Kind {
        name: "insufficient-balance",
        title: "share of orders that failed for insufficient balance",
        back: None,
        make: balance::make,
    },
    Kind {
        name: "slippage",
        title: "slippage per instrument, against the market at the decision",
        back: None,
        make: slippage::make,
    },
    Kind {
        name: "latency",
        title: "latency of each stage of an order",
        back: None,
        make: latency::make,
    },
    Kind {
        name: "uptime",
        title: "uptime of feeds and connections",
        back: None,
        make: uptime::make,
    },
    Kind {
        name: "budget",
        title: "rate budget: waits and refusals by limiter",
        back: None,
        make: budget::make,
    },
];

/// Names of all reports, with what they answer.
pub fn list() -> Vec<(&'static str, &'static str)> {
    KINDS.iter().map(|kind| (kind.name, kind.title)).collect()
}

/// Makes a report.
pub fn make(views: &Views, name: &str, of: &Of) -> Result<Report, ViewsError> {
    let Some(kind) = KINDS.iter().find(|kind| kind.name == name) else {
        let names: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
        let known = names.join(", ");
        return Err(ViewsError::NoReport(format!(
            "there is no report {name:?}; there is: {known}"
        )));
    };
    let done = || {
        let (first, last) = span(views)?;
        let from = match of.since {
            Some(Since::At(at)) => at.nanos(),
            Some(Since::Back(back)) => last.saturating_sub(back),
            None => kind.back.map_or(first, |back| last.saturating_sub(back)),
        };
        let asking = Asking { views, from, until: last, of };
        let (sections, mut notes) = (kind.make)(&asking)?;
        if views.first() > 1 {
            notes.push(format!(
                "The entries before number {} were removed from the journal and are in no figure.",
                views.first()
            ));
        }
        let (name, title) = (kind.name, kind.title);
        Ok(Report { name, title, span: (from, last), sections, notes })
    };
    done().map_err(|error: rusqlite::Error| views.wrong(&error))
}
