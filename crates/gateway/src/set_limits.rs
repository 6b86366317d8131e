//! A person changes the limits while the gateway runs.
//!
//! They are written down before they hold. Nothing that is open is taken back by it: a limit that is now
//! exceeded refuses what would exceed it further. No agent can ask for this.

use model::{Effects, LimitsVersion, Record, Timestamp};

use crate::breakers::Breakers;
use crate::equity;
use crate::gateway::Gateway;
use crate::limits::Limits;
use crate::parts::Parts;

impl Gateway {
    /// The limits in force.
    pub fn limits_in_force(&self) -> (&Limits, LimitsVersion) {
        (&self.config.limits, self.limits_version)
    }

    /// These hold from now on, unless they are none.
    pub(crate) fn set_limits(&mut self, now: Timestamp, text: &str, effects: &mut Effects) {
        let limits: Limits = match serde_json::from_str(text) {
            Ok(limits) => limits,
            Err(error) => {
                let text = format!("limits were not changed, they are not understood: {error}");
                return self.alert(text, effects);
            }
        };
        self.config.limits = limits;
        self.limits_version = self.config.limits.version();
        self.parts = Parts::of(&self.config.limits, self.parts.percent);
        // What has tripped stays so until it is measured by the new ones.
        let validity = self.config.profile.order_validity;
        self.breakers = Breakers::of(&self.config.limits.breakers, validity, &self.books, now);
        self.write_limits(now, effects);
        self.measure_by_them(now, effects);
        // The collars may be others, too.
        self.stake_all();
        self.alert(format!("limits {} are in force", self.limits_version), effects);
    }

    /// What losses are counted in, and how far back, holds at once like everything else.
    fn measure_by_them(&mut self, now: Timestamp, effects: &mut Effects) {
        let breakers = &self.config.limits.breakers;
        let (valuation, window) = (breakers.valuation, breakers.loss_velocity_window());
        self.equity.changed = true;
        if let Some(worth) = &mut self.equity.worth {
            worth.looks_back(window);
        }
        let instruments: Vec<_> = self.markets.iter().map(|m| m.instrument().clone()).collect();
        if equity::valuation(valuation, &instruments) == self.equity.valuation() {
            return;
        }
        // Losses stay the parts that they are now, as when another one is configured for a start.
        if let Some(mark) =
            self.equity_mark().filter(|_| self.books.transfers_unmarked().is_empty())
        {
            self.record(now, Record::EquityMark { mark }, effects);
        }
        self.equity.count_in(valuation, &instruments);
    }

    /// Writes down which limits hold.
    pub(crate) fn write_limits(&mut self, now: Timestamp, effects: &mut Effects) {
        // Every key is a text and every value a plain one, so there is always a text.
        let limits = serde_json::to_string(&self.config.limits).unwrap_or_default();
        let record = Record::Limits { version: self.limits_version, limits };
        self.record(now, record, effects);
    }
}
