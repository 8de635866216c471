//! What is due when: steps of jobs, expiries, changes that reach the data plane.
//!
//! Deeds of the same moment are done in the order in which they were put down, before any request of that moment is answered.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use timonel_domain::time::Timestamp;

/// Something that will happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Deed {
    /// The job at this index is taken up.
    Begin(usize),
    /// The next number of the job at this index.
    Step(usize),
    /// The job at this index expires unless it is done.
    Expire(usize),
    /// The calls of the number at this index go to this connection.
    Follow(usize, Arc<str>),
    /// The calls of this application go to this URL; `None`: it is gone.
    Serve(Arc<str>, Option<Arc<str>>),
}

#[derive(Debug)]
struct Entry {
    at: Timestamp,
    order: u64,
    deed: Deed,
}

impl Entry {
    fn key(&self) -> (Timestamp, u64) {
        (self.at, self.order)
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

#[derive(Debug, Default)]
pub(super) struct Agenda {
    due: BinaryHeap<Reverse<Entry>>,
    next: u64,
    /// The earliest moment for which somebody sleeps.
    alarm: Option<Timestamp>,
}

impl Agenda {
    pub(super) fn put(&mut self, at: Timestamp, deed: Deed) {
        let order = self.next;
        self.next += 1;
        self.due.push(Reverse(Entry { at, order, deed }));
    }

    /// The first deed that is due by `now`, with its own moment.
    pub(super) fn take(&mut self, now: Timestamp) -> Option<(Timestamp, Deed)> {
        if self.due.peek()?.0.at > now {
            return None;
        }
        self.due.pop().map(|Reverse(entry)| (entry.at, entry.deed))
    }

    /// The moment for which an alarm has to be set now, where none is set that early.
    pub(super) fn alarm(&mut self) -> Option<Timestamp> {
        let at = self.due.peek()?.0.at;
        if self.alarm.is_some_and(|set| set <= at) {
            return None;
        }
        self.alarm = Some(at);
        Some(at)
    }

    /// The alarm for `at` has rung.
    pub(super) fn rang(&mut self, at: Timestamp) {
        if self.alarm == Some(at) {
            self.alarm = None;
        }
    }
}
