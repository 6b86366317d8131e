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
use model::venue::{AccountRequest, OrderKey, Request, Response, VenueOrder};
use model::{ClientOrderId, InstrumentId, Outcome, VenueOrderId};

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

/// An order to be taken back, by whichever of its names is known.
pub(super) struct Entry {
    pub(super) instrument: InstrumentId,
    pub(super) id: ClientOrderId,
    pub(super) venue_id: Option<VenueOrderId>,
}

/// Takes these orders back. `false` when it is not proven in time that none is left.
pub(super) async fn clear(rest: &Rest, entries: Vec<Entry>, flights: &Flights) -> bool {
    let mut ours: BTreeMap<InstrumentId, BTreeSet<ClientOrderId>> = BTreeMap::new();
    for entry in &entries {
        ours.entry(entry.instrument).or_default().insert(entry.id);
    }
    let until_none = async {
        let mut shown = entries;
        let mut pause = PAUSE_MIN;
        loop {
            cancel(rest, &shown).await;
            // Before the look: what lands during it was on its way here.
            let flying = flights.any();
            let looks = ours.iter().map(|(instrument, ids)| still_open(rest, *instrument, ids));
            let looks = join_all(looks).await;
            let is_all = looks.iter().all(|look| look.as_ref().is_some_and(|look| look.is_all));
            for (instrument, look) in ours.keys().zip(looks) {
                let Some(Look { open, is_all }) = look else { continue };
                // What is not shown is gone, unless it may be what cannot be read.
                let is_told = |id| open.iter().any(|entry| entry.id == id);
                shown.retain(|e| e.instrument != *instrument || (!is_all && !is_told(e.id)));
                shown.extend(open);
            }
            if is_all && shown.is_empty() && !flying {
                return;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    };
    tokio::time::timeout(CLEAR_MAX, until_none).await.is_ok()
}

async fn cancel(rest: &Rest, orders: &[Entry]) {
    let by_ours = rest.venue().profile.cancels_by_client_id;
    let requests = orders.iter().filter_map(|entry| {
        let order = if by_ours {
            OrderKey::Client(entry.id)
        } else {
            // The next look at the venue tells its name.
            OrderKey::Venue(entry.venue_id?)
        };
        let instrument = entry.instrument;
        let cancel = AccountRequest::Cancel { instrument, order, cancel_id: None, only: None };
        Some(Request::Account(cancel))
    });
    // Whatever the answers say, the next look at the venue says more.
    join_all(requests.map(|request| async move { rest.ask(&request).await })).await;
}

/// What the venue shows of some orders.
struct Look {
    /// Those that are open.
    open: Vec<Entry>,
    /// There is no row that may be another one.
    is_all: bool,
}

/// Which of these the venue shows as open; `None` when it does not say.
async fn still_open(
    rest: &Rest,
    instrument: InstrumentId,
    ours: &BTreeSet<ClientOrderId>,
) -> Option<Look> {
    let request = Request::Account(AccountRequest::OpenOrders(Some(instrument)));
    let Outcome::Done(answer) = rest.ask(&request).await else { return None };
    let (answer, unread) = answer.split();
    let Response::Orders(orders) = answer else { return None };
    // One that cannot be read may be ours, unless its name says that it is not.
    let may_be_ours = |id: Option<ClientOrderId>| id.is_none_or(|id| ours.contains(&id));
    let is_all = !unread.iter().any(|row| may_be_ours(row.client_order_id));
    let open = orders.into_iter().filter(|o| o.status.is_open());
    let open = open.filter(|order| ours.contains(&order.client_order_id));
    let entry = |order: VenueOrder| Entry {
        instrument,
        id: order.client_order_id,
        venue_id: Some(order.id),
    };
    Some(Look { open: open.map(entry).collect(), is_all })
}
