//! Asks the account of a paper run. It is paid from a budget of the account's own, which has the venue's limits: it
//! waits and is held back as at the venue, and takes nothing of what the processes of this host may ask there. What
//! the venue itself stops it is stopped by.

use ::budget::Charge;
use model::venue::Request;
use model::{Outcome, Timestamp};

use venues::client::Cost;

use super::{HeldBack, Rest};
use crate::gateway::paper::{Paper, Told};
use crate::gateway::rates;

impl Rest {
    /// The venue's clock minus ours, milliseconds: windows of every budget begin by it.
    pub(crate) async fn learn_clock(&self, ahead_ms: i64) {
        self.budget().learn_clock(ahead_ms).await;
        if let Some(paper) = &self.paper {
            paper.budget().learn_clock(ahead_ms).await;
        }
    }

    /// Asks, and waits for the outcome; `held_back` and `decided` are those of a request over the network.
    pub(super) async fn on_paper(
        &self,
        paper: &Paper,
        request: &Request,
        decided: Option<Timestamp>,
        held_back: &HeldBack<'_>,
    ) -> Outcome {
        let Request::Account(asked) = request else {
            return Outcome::NotSent("a paper account knows no market".to_owned());
        };
        let budget = paper.budget();
        let cost = match self.client.cost(request, budget.keys()) {
            Ok(cost) => cost,
            Err(error) => return Outcome::NotSent(error),
        };
        // A stop of the venue holds everyone at this address: an account at the venue would be held, too.
        let nothing = Cost { charge: Charge::default(), free_when_it_works: None, places: false };
        let held = self.pay(self.budget(), request, (&nothing, decided), held_back).await;
        if let Err(cause) = held {
            return Outcome::NotSent(cause);
        }
        let grant = match self.pay(budget, request, (&cost, decided), held_back).await {
            Ok(grant) => grant,
            Err(cause) => return Outcome::NotSent(cause),
        };
        let Told { outcome, used, stop } =
            paper.ask(self.venue_now(), self.decided, asked, &cost).await;
        let worked = matches!(outcome, Outcome::Done(_));
        budget.settle(&grant, &rates::free(&cost, worked, &outcome), &used).await;
        if let Some(stop) = stop {
            // At a venue its limits may have changed, and are looked at again.
            self.shared.surprised.notify_one();
            budget.stop(stop.counts, stop.wait, "status 429 of the paper account".to_owned()).await;
        }
        outcome
    }
}
