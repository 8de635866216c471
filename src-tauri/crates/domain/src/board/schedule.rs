//! Which rows of the board to look at: those that something has called for, and those whose time has come.

use std::collections::BTreeSet;

use crate::time::Timestamp;

/// One time for each row at most, in their order.
#[derive(Debug, Clone)]
pub(super) struct Schedule {
    due: Vec<Option<Timestamp>>,
    order: BTreeSet<(Timestamp, usize)>,
    called: Vec<usize>,
}

impl Schedule {
    /// Nothing is due, for so many rows.
    pub(super) fn new(rows: usize) -> Self {
        Self {
            due: vec![None; rows],
            order: BTreeSet::new(),
            called: Vec::new(),
        }
    }

    /// To be looked at next time, whenever that is.
    pub(super) fn call(&mut self, rows: impl IntoIterator<Item = usize>) {
        self.called.extend(rows);
    }

    /// To be looked at from `due` on, and not before unless it is called for.
    pub(super) fn set(&mut self, row: usize, due: Option<Timestamp>) {
        let before = std::mem::replace(&mut self.due[row], due);
        if before == due {
            return;
        }
        self.order.extend(due.map(|due| (due, row)));
        if let Some(before) = before {
            self.order.remove(&(before, row));
        }
    }

    /// When the first of them is due.
    pub(super) fn first(&self) -> Option<Timestamp> {
        self.order.first().map(|(due, _)| *due)
    }

    /// Every row to be looked at by `now`, once each and in order.
    pub(super) fn take(&mut self, now: Timestamp) -> Vec<usize> {
        let mut rows = std::mem::take(&mut self.called);
        while let Some((due, row)) = self.order.first().copied()
            && due <= now
        {
            self.order.pop_first();
            self.due[row] = None;
            rows.push(row);
        }
        rows.sort_unstable();
        rows.dedup();
        rows
    }
}
