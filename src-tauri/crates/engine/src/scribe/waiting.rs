//! What waits for the store. Entries of the journal wait for as long as it takes: they are few, and none may be lost. Of readings and
//! units, which come every second, only so many wait; the oldest are dropped for those that come, and how many is told.
//!
//! Missing evidence keeps weights where they are, so this costs no call anything. Deliberately not here: giving them to the store.

use std::collections::VecDeque;

use super::Job;

/// So many readings and units wait at most: hours of a plan of a dozen signals, and a few megabytes.
const MOST: usize = 100_000;

/// Jobs in their order.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    jobs: VecDeque<Job>,
    /// Readings and units among them.
    rows: usize,
    dropped: u64,
}

impl Waiting {
    /// At the end of the queue.
    pub(super) fn push(&mut self, job: Job) {
        self.rows += rows(&job);
        self.jobs.push_back(job);
        if self.rows > MOST {
            self.thin();
        }
    }

    /// The jobs from the first on.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Job> {
        self.jobs.iter()
    }

    pub(super) fn first(&self) -> Option<&Job> {
        self.jobs.front()
    }

    /// Takes the first away.
    pub(super) fn pop(&mut self) -> Option<Job> {
        let job = self.jobs.pop_front()?;
        self.rows -= rows(&job);
        Some(job)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    /// Readings and units that were dropped since the last time that somebody took this.
    pub(super) fn take_dropped(&mut self) -> u64 {
        std::mem::take(&mut self.dropped)
    }

    /// Readings and units that were dropped and that nobody took note of.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Drops half of the readings at once, so that it is seldom done.
    fn thin(&mut self) {
        let mut surplus = self.rows - MOST / 2;
        let (left, dropped) = (&mut self.rows, &mut self.dropped);
        self.jobs.retain(|job| {
            let rows = rows(job);
            let goes = rows > 0 && surplus > 0;
            if goes {
                surplus = surplus.saturating_sub(rows);
                *left -= rows;
                *dropped += rows as u64;
            }
            !goes
        });
    }
}

fn rows(job: &Job) -> usize {
    match job {
        Job::Samples(samples) => samples.len(),
        Job::Units(units) => units.len(),
        Job::Entry(..) | Job::Flush(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use timonel_domain::sample::{Sample, Value};
    use timonel_domain::time::Timestamp;
    use timonel_domain::value::{Side, SignalId, Writer};
    use timonel_journal::chain::{Chain, Head};
    use timonel_journal::entry::{Body, Kind};

    use super::*;

    fn readings(second: i64, how_many: usize) -> Job {
        let one = Sample {
            signal: SignalId::new("errores").unwrap(),
            side: Side::Canary,
            as_of: Timestamp::from_secs(second),
            value: Value::Count {
                since: Timestamp::from_secs(second - 1),
                n: 1,
            },
        };
        Job::Samples(vec![one; how_many])
    }

    fn entry(chain: &mut Chain, seq: u64) -> Job {
        let sealed = chain.seal(
            Timestamp::from_secs(1),
            None,
            Kind::new("note").unwrap(),
            Body::of(&seq).unwrap(),
        );
        Job::Entry(seq, sealed)
    }

    #[test]
    fn of_readings_the_oldest_go_and_no_entry_ever_does() {
        let mut chain = Chain::resume(Writer::new("guardia").unwrap(), Head::EMPTY);
        let mut waiting = Waiting::default();
        let (mut pushed, mut entries) = (0, 0);
        for second in 0..500 {
            waiting.push(readings(second, 1_000));
            pushed += 1_000;
            entries += 1;
            waiting.push(entry(&mut chain, entries));
            assert!(waiting.rows <= MOST, "{}", waiting.rows);
        }
        assert_eq!(waiting.dropped() + waiting.rows as u64, pushed);
        assert!(waiting.take_dropped() > 0);
        assert_eq!(waiting.take_dropped(), 0, "told once");
        let mut kept = Vec::new();
        let mut seen = 0;
        while let Some(job) = waiting.pop() {
            match job {
                Job::Entry(seq, _) => {
                    seen += 1;
                    assert_eq!(seq, seen, "in their order");
                }
                Job::Samples(samples) => kept.extend(samples.first().map(|sample| sample.as_of)),
                Job::Units(_) | Job::Flush(_) => unreachable!("none was pushed"),
            }
        }
        assert_eq!(seen, entries);
        assert_eq!(waiting.rows, 0);
        let newest = (500 - kept.len() as i64..500).map(Timestamp::from_secs);
        assert_eq!(kept, newest.collect::<Vec<_>>(), "what is left is what came last");
    }
}
