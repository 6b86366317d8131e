//! How a deliberate bug of `defects.rs` is put in. Only in the build that has the feature.

use crate::books::Books;
use crate::defects::{Defect, Planted};
use crate::gateway::Gateway;
use crate::parts::Parts;

impl Books {
    /// The same books with a deliberate bug in them.
    pub fn with_defect(mut self, defect: Option<Defect>) -> Books {
        self.planted = Planted(defect);
        self
    }
}

impl Gateway {
    /// The same gateway with a deliberate bug in it.
    pub fn with_defect(mut self, defect: Option<Defect>) -> Gateway {
        self.books = std::mem::take(&mut self.books).with_defect(defect);
        let limits = &mut self.config.limits;
        for limit in limits.instrument.values_mut() {
            match defect {
                Some(Defect::CollarIgnored) => limit.collar_bps = 5_000,
                Some(Defect::SizeIgnored) => limit.qty_max = limit.position_max,
                Some(Defect::CapIgnored) => {
                    let more = limit.position_max.checked_add(limit.position_max);
                    limit.position_max = more.unwrap_or(limit.position_max);
                }
                _ => {}
            }
        }
        match defect {
            Some(Defect::StaleBook) => limits.reference_age_max_ms *= 10,
            Some(Defect::IdsReused) => self.ids.session = 1,
            _ => {}
        }
        self.parts = Parts::of(&self.config.limits, self.parts.percent);
        self
    }
}
