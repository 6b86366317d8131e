//! Without a journal: orders that could add risk are taken back until the venue shows none, as in
//! `runtime/src/gateway/clear.rs`.

use std::time::Duration;

use model::venue::AccountRequest;

use crate::agenda::Event;
use crate::disk::Question;
use crate::faults::Fault;
use crate::life::Clearing;
use crate::world::World;

/// How long it may take.
const CLEAR_MAX: Duration = Duration::from_secs(15);

impl World {
    /// Nothing can be written down any more: orders that could add risk are taken back without a record.
    pub(crate) fn without_journal(&mut self) {
        self.fired.note(Fault::DiskFull);
        self.tell(|| "disk      takes nothing: entry orders are taken back".to_owned());
        let until = self.now.after(CLEAR_MAX);
        self.disk.lose(false);
        self.oracle.dies();
        let Some(life) = &mut self.life else { return };
        let by_ours = self.profile.cancels_by_client_id;
        let key = |order: &gateway::TrackedOrder| {
            let ours = model::venue::OrderKey::Client(order.order.client_order_id);
            let theirs = || order.venue_order_id.map(model::venue::OrderKey::Venue);
            if by_ours { Some(ours) } else { theirs() }
        };
        let ids = life.gateway.entries().map(|order| order.order.client_order_id).collect();
        let shown = life.gateway.entries().filter_map(key).collect();
        life.clearing = Some(Clearing { ids, shown, until, asked: 0 });
        let number = life.number;
        self.clear(number);
    }

    /// One round of it: cancels, and a look at what is left.
    pub(crate) fn clear(&mut self, life: u32) {
        let instrument = self.names.id();
        let Some(running) = self.life.as_mut().filter(|running| running.number == life) else {
            return;
        };
        let Some(clearing) = &mut running.clearing else { return };
        if self.now >= clearing.until {
            return self.dies("the journal failed", Duration::from_secs(3));
        }
        let mut requests: Vec<AccountRequest> = clearing
            .shown
            .drain(..)
            .map(|order| AccountRequest::Cancel { instrument, order, cancel_id: None, only: None })
            .collect();
        requests.push(AccountRequest::OpenOrders(Some(instrument)));
        let decided = running.clock(self.now);
        for request in requests {
            let Some(running) = &mut self.life else { return };
            let Some(clearing) = &mut running.clearing else { return };
            clearing.asked += 1;
            let id = model::RequestId(u64::MAX - clearing.asked);
            running.waiting.insert(id, false);
            self.dispatch(Question { id, request, not_after: None }, decided);
        }
        self.after(Duration::from_millis(500), Event::Clear { life });
    }
}
