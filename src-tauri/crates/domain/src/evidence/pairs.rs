//! Readings of both arms in step with each other, in whatever order they arrive.
//!
//! The two are read at moments of their own, and a canary ahead of stable would be blamed for what befalls both: a reading of
//! the canary waits until stable has been read at least as far. Times alone decide, never what was counted.
//!
//! What waits is bounded: where an arm is not read for hours, neighbouring readings of the other one are put together, as one reading
//! of both spans would have been. Blocks are coarser then, and prove less; nothing is left out.

use std::collections::VecDeque;
use std::time::Duration;

use crate::sample::Sample;
use crate::time::Timestamp;
use crate::value::Side;

/// Readings of an arm that wait at most: beyond, each two are put together. Four hours of readings 15 s apart.
const MOST: usize = 1024;

/// What can be said of two spans of an arm that follow each other as of one.
pub(super) trait Pool: Sized {
    /// Adds what was read `then`, which is given back where both cannot be one.
    fn pool(&mut self, then: Self) -> Result<(), Self>;
}

impl Pool for u64 {
    fn pool(&mut self, then: Self) -> Result<(), Self> {
        *self = self.saturating_add(then);
        Ok(())
    }
}

/// Readings of one side that have not been taken yet.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Lane<T> {
    queue: VecDeque<(Timestamp, T)>,
    newest: Option<Timestamp>,
    /// The last one that was taken.
    reached: Option<Timestamp>,
}

impl<T: Pool> Lane<T> {
    /// `false` for a reading that is not newer than the last.
    pub(super) fn push(&mut self, as_of: Timestamp, reading: T) -> bool {
        let newer = self.newest.is_none_or(|newest| as_of > newest);
        if newer {
            self.newest = Some(as_of);
            self.queue.push_back((as_of, reading));
            if self.queue.len() > MOST {
                self.pool();
            }
        }
        newer
    }

    /// Puts each two readings together, at the time of the later: until then neither arm is said to have come further.
    fn pool(&mut self) {
        let mut pooled: VecDeque<(Timestamp, T)> = VecDeque::with_capacity(MOST);
        let mut alone = false;
        for (as_of, reading) in std::mem::take(&mut self.queue) {
            let before = pooled.back_mut().filter(|_| alone);
            let apart = match before {
                Some((end, before)) => match before.pool(reading) {
                    Ok(()) => {
                        *end = as_of;
                        None
                    }
                    Err(reading) => Some(reading),
                },
                None => Some(reading),
            };
            alone = apart.is_some();
            pooled.extend(apart.map(|reading| (as_of, reading)));
        }
        self.queue = pooled;
    }
}

impl<T> Lane<T> {
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

impl<T: Pool> Pairs<T> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(readings: u32) -> Lane<u64> {
        let mut lane = Lane::default();
        for n in 1..=readings {
            assert!(lane.push(Timestamp::from_secs(i64::from(n)), 1));
        }
        lane
    }

    #[test]
    fn an_arm_that_nobody_takes_from_loses_nothing_and_does_not_grow() {
        for readings in [1, 1024, 1025, 100_000] {
            let mut lane = lane(readings);
            assert!(lane.queue.len() <= MOST, "{readings}");
            assert!(lane.queue.iter().map(|(as_of, _)| *as_of).is_sorted());
            let last = Timestamp::from_secs(i64::from(readings));
            assert_eq!(
                lane.queue.back().map(|(as_of, _)| *as_of),
                Some(last),
                "the newest has its own time"
            );
            assert_eq!(std::iter::from_fn(|| lane.take()).sum::<u64>(), u64::from(readings));
        }
    }

    #[derive(Debug, Clone, PartialEq)]
    struct Layout(u8, u64);

    impl Pool for Layout {
        fn pool(&mut self, then: Self) -> Result<(), Self> {
            if self.0 != then.0 {
                return Err(then);
            }
            self.1 += then.1;
            Ok(())
        }
    }

    #[test]
    fn what_cannot_be_one_stays_apart() {
        let mut lane = Lane::default();
        for n in 0..=1024u32 {
            lane.push(Timestamp::from_secs(i64::from(n)), Layout(u8::from(n > 600), 1));
        }
        let of = |layout| {
            let all = lane.queue.iter().filter(move |(_, it)| it.0 == layout);
            all.map(|(_, it)| it.1).sum::<u64>()
        };
        assert_eq!((of(0), of(1)), (601, 424));
        assert!(lane.queue.len() < 520, "{}", lane.queue.len());
    }
}
