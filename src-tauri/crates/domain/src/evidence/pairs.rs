//! Readings of both arms in step with each other, in whatever order they arrive.
//!
//! The two are read at moments of their own, and a canary ahead of stable would be blamed for what befalls both: a reading of
//! the canary waits until stable has been read at least as far. Times alone decide, never what was counted.

use std::collections::VecDeque;
use std::time::Duration;

use crate::sample::Sample;
use crate::time::Timestamp;
use crate::value::Side;

/// Readings of one side that have not been taken yet.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Lane<T> {
    queue: VecDeque<(Timestamp, T)>,
    newest: Option<Timestamp>,
    /// The last one that was taken.
    reached: Option<Timestamp>,
}

impl<T> Lane<T> {
    /// `false` for a reading that is not newer than the last.
    pub(super) fn push(&mut self, as_of: Timestamp, reading: T) -> bool {
        let newer = self.newest.is_none_or(|newest| as_of > newest);
        if newer {
            self.newest = Some(as_of);
            self.queue.push_back((as_of, reading));
        }
        newer
    }

    /// Whether everything up to `at` has been read.
    pub(super) fn has_come_to(&self, at: Timestamp) -> bool {
        self.newest.is_some_and(|newest| newest >= at)
    }

    /// The next one, up to the first that is no older than `at`.
    pub(super) fn next_past(&mut self, at: Timestamp) -> Option<T> {
        if self.reached.is_some_and(|reached| reached >= at) {
            return None;
        }
        self.take()
    }

    /// The next one that is no newer than `at`.
    pub(super) fn next_until(&mut self, at: Timestamp) -> Option<T> {
        self.front().is_some_and(|front| front <= at).then(|| self.take())?
    }

    /// When the next one is of.
    pub(super) fn front(&self) -> Option<Timestamp> {
        self.queue.front().map(|(as_of, _)| *as_of)
    }

    /// How long the next one has been waiting, by what has been read since.
    pub(super) fn waits(&self) -> Duration {
        let waits = self.front().zip(self.newest).map(|(front, newest)| newest.since(front));
        waits.unwrap_or_default()
    }

    pub(super) fn take(&mut self) -> Option<T> {
        let (as_of, reading) = self.queue.pop_front()?;
        self.reached = Some(as_of);
        Some(reading)
    }
}

impl<T> Default for Lane<T> {
    fn default() -> Self {
        Self {
            queue: VecDeque::new(),
            newest: None,
            reached: None,
        }
    }
}

/// Both arms.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pairs<T> {
    pub(super) stable: Lane<T>,
    pub(super) canary: Lane<T>,
}

impl<T> Pairs<T> {
    /// `false` for a reading of neither arm, and for one that is not newer than the last of its arm.
    pub(super) fn push(&mut self, sample: &Sample, reading: T) -> bool {
        match sample.side {
            Side::Stable => self.stable.push(sample.as_of, reading),
            Side::Canary => self.canary.push(sample.as_of, reading),
            Side::Whole => false,
        }
    }

    /// Lets go of what waits, where nobody compares: only the newest of each arm is remembered.
    pub(super) fn let_go(&mut self) {
        self.stable.queue.clear();
        self.canary.queue.clear();
    }

    /// The moment of the canary's next reading, where stable has been read as far.
    pub(super) fn next_moment(&self) -> Option<Timestamp> {
        self.canary.front().filter(|at| self.stable.has_come_to(*at))
    }
}

impl<T> Default for Pairs<T> {
    fn default() -> Self {
        Self {
            stable: Lane::default(),
            canary: Lane::default(),
        }
    }
}
