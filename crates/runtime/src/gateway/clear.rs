//! When nothing can be written down any more: takes back the orders that could add risk, and looks
//! at the venue until it shows none of them.
//!
//! One cancel each is not enough: an order that left just before may arrive after its cancel. So the
//! venue is read again and again until no order is on its way and none is shown. Protective stops and
//! orders of others stay. Nothing of this is recorded; the next start finds it out by asking.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use model::venue::{AccountRequest, OrderKey, Request, Response};
use model::{ClientOrderId, InstrumentId, Outcome};

use super::rest::Rest;

/// How long it may take before what is left is left to a person. Longer than the validity of a
/// request and the time for its answer together, so that no order is still on its way at the end.
const CLEAR_MAX: Duration = Duration::from_secs(15);
/// First pause between two looks at the venue; doubles.
const PAUSE_MIN: Duration = Duration::from_millis(50);
/// Longest such pause.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// New orders that have been sent and not been answered, as clones of one token.
#[derive(Clone, Debug, Default)]
pub(super) struct Flights(Arc<()>);

impl Flights {
    fn any(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }
}

/// Takes these orders back. `false` when it is not proven in time that none is left.
pub(super) async fn clear(
    rest: &Rest,
    entries: Vec<(InstrumentId, ClientOrderId)>,
    flights: &Flights,
) -> bool {
    let mut ours: BTreeMap<InstrumentId, BTreeSet<ClientOrderId>> = BTreeMap::new();
    for (instrument, id) in &entries {
        ours.entry(*instrument).or_default().insert(*id);
    }
    let until_none = async {
        let mut shown = entries;
        let mut pause = PAUSE_MIN;
        loop {
            cancel(rest, &shown).await;
            // Before the look: what lands during it was on its way here.
            let flying = flights.any();
            let looks = ours.iter().map(|(instrument, ids)| still_open(rest, *instrument, ids));
            let looks: Option<Vec<_>> = join_all(looks).await.into_iter().collect();
            if let Some(found) = looks {
                shown = found.into_iter().flatten().collect();
                if shown.is_empty() && !flying {
                    return;
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    };
    tokio::time::timeout(CLEAR_MAX, until_none).await.is_ok()
}

async fn cancel(rest: &Rest, orders: &[(InstrumentId, ClientOrderId)]) {
    let requests = orders.iter().map(|(instrument, id)| {
        let (instrument, order) = (*instrument, OrderKey::Client(*id));
        Request::Account(AccountRequest::Cancel { instrument, order, cancel_id: None, only: None })
    });
    // Whatever the answers say, the next look at the venue says more.
    join_all(requests.map(|request| async move { rest.ask(&request).await })).await;
}

/// Which of these the venue shows as open; `None` when it does not say.
async fn still_open(
    rest: &Rest,
    instrument: InstrumentId,
    ours: &BTreeSet<ClientOrderId>,
) -> Option<Vec<(InstrumentId, ClientOrderId)>> {
    let request = Request::Account(AccountRequest::OpenOrders(Some(instrument)));
    let Outcome::Done(Response::Orders(orders)) = rest.ask(&request).await else { return None };
    let open = orders.into_iter().filter(|o| o.status.is_open());
    let open = open.map(|o| o.client_order_id).filter(|id| ours.contains(id));
    Some(open.map(|id| (instrument, id)).collect())
}
