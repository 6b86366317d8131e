//! What waits for one sink: the worst first, then the oldest.
//!
//! Bounded. When it is full the oldest of the least bad ones goes, the new one among them, and is counted:
//! a critical alert never makes room for another kind. Pure.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::message::Message;

/// Messages that wait for one sink.
pub const QUEUE_MAX: usize = 512;

#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiting: VecDeque<Arc<Message>>,
    dropped: u64,
}

impl Queue {
    pub(crate) fn push(&mut self, message: Arc<Message>) {
        self.waiting.push_back(message);
        if self.waiting.len() <= QUEUE_MAX {
            return;
        }
        let least = self.waiting.iter().map(|message| message.alert.level).min();
        let place = self.waiting.iter().position(|message| Some(message.alert.level) == least);
        if let Some(place) = place {
            self.waiting.remove(place);
            self.dropped += 1;
        }
    }

    /// The next one to be delivered. It stays until it is taken out.
    pub(crate) fn next(&self) -> Option<Arc<Message>> {
        let worst = self.waiting.iter().map(|message| message.alert.level).max()?;
        self.waiting.iter().find(|message| message.alert.level == worst).cloned()
    }

    /// It was delivered.
    pub(crate) fn take_out(&mut self, message: &Message) -> bool {
        let before = self.waiting.len();
        self.waiting.retain(|waiting| waiting.id != message.id);
        self.waiting.len() < before
    }

    /// It is given up.
    pub(crate) fn give_up(&mut self, message: &Message) {
        self.dropped += u64::from(self.take_out(message));
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Messages that were never delivered.
    pub(crate) const fn dropped(&self) -> u64 {
        self.dropped
    }
}

#[cfg(test)]
mod tests {
    use model::AlertLevel::{self, Critical, Info, Warning};

    use super::*;
    use crate::message::tests::message;

    fn push(queue: &mut Queue, level: AlertLevel, number: u64) {
        queue.push(Arc::new(message(level, number)));
    }

    fn drain(queue: &mut Queue) -> Vec<(AlertLevel, String)> {
        let mut all = Vec::new();
        while let Some(message) = queue.next() {
            all.push((message.alert.level, message.id.clone()));
            queue.take_out(&message);
        }
        all
    }

    #[test]
    fn the_worst_go_first_and_then_the_oldest() {
        let mut queue = Queue::default();
        for (level, number) in [(Info, 1), (Critical, 2), (Warning, 3), (Critical, 4)] {
            push(&mut queue, level, number);
        }
        let ids: Vec<String> = drain(&mut queue).into_iter().map(|(_, id)| id).collect();
        assert_eq!(ids, ["2", "4", "3", "1"]);
    }

    #[test]
    fn critical_ones_stay_when_it_is_full() {
        let mut queue = Queue::default();
        (0..10).for_each(|n| push(&mut queue, Critical, n));
        (10..2_000).for_each(|n| push(&mut queue, Warning, n));
        (2_000..3_000).for_each(|n| push(&mut queue, Info, n));
        assert_eq!((queue.len(), queue.dropped()), (QUEUE_MAX, 3_000 - QUEUE_MAX as u64));
        let left = drain(&mut queue);
        assert!(left[..10].iter().all(|(level, _)| *level == Critical));
        // The newest warnings, and none of what is less than they are.
        assert!(left[10..].iter().all(|(level, _)| *level == Warning));
        assert_eq!(left.last().unwrap().1, "1999");
        // Of critical ones alone the oldest goes.
        (0..1_000).for_each(|n| push(&mut queue, Critical, n));
        assert_eq!(queue.next().unwrap().id, (1_000 - QUEUE_MAX).to_string());
    }

    #[test]
    fn what_is_given_up_is_counted_and_what_is_gone_is_not() {
        let mut queue = Queue::default();
        push(&mut queue, Info, 1);
        let message = queue.next().unwrap();
        queue.give_up(&message);
        queue.give_up(&message);
        assert_eq!((queue.len(), queue.dropped()), (0, 1));
    }
}
