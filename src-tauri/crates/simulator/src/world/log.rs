//! Which call dialled which line, went which way, asked what when and ended how: what a carrier could record of the world.
//!
//! Kept only where calls are split by line. Calls are kept for a month and their requests for a little more than a day, as
//! long as a carrier's own lists go back; how records look is `telnyx::records`' business.

use std::collections::{BTreeSet, VecDeque};

use super::arm::Outcome;

const HOUR_MICROS: i64 = 3_600_000_000;
/// Requests and open ends are kept for so long.
const REQUESTS_KEPT: i64 = 26 * HOUR_MICROS;
/// Calls are kept for so long.
const CALLS_KEPT: i64 = 32 * 24 * HOUR_MICROS;

/// A call. Times are microseconds of wall time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LoggedCall {
    /// Counts all calls of the world.
    pub(crate) serial: u64,
    /// The line's place in the order of the lines.
    pub(crate) line: u32,
    /// The line's way when the call began; a call keeps it to its end.
    pub(crate) way: u16,
    pub(crate) started: i64,
    /// Nothing while it is in progress.
    pub(crate) end: Option<(i64, Outcome)>,
}

/// A request of a call: the answer came, or failed to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LoggedRequest {
    /// Of its call.
    pub(crate) serial: u64,
    /// Counts the requests of its call from 0.
    pub(crate) turn: u16,
    pub(crate) finished: i64,
    /// How long it took, in microseconds.
    pub(crate) took: u32,
    pub(crate) failed: bool,
}

impl LoggedRequest {
    pub(crate) fn started(&self) -> i64 {
        self.finished - i64::from(self.took)
    }
}

/// The log, in the order in which things happened.
#[derive(Debug, Clone, Default)]
pub(crate) struct CallLog {
    /// The serial number of the first call that is kept.
    first: u64,
    /// Serial numbers without a gap.
    calls: VecDeque<LoggedCall>,
    open: BTreeSet<u64>,
    /// When which call ended, ascending.
    ended: VecDeque<(i64, u64)>,
    requests: VecDeque<LoggedRequest>,
}

impl CallLog {
    /// An empty log that begins with the call of this serial number.
    pub(super) fn new(first: u64) -> Self {
        Self {
            first,
            ..Self::default()
        }
    }

    pub(super) fn begins(&mut self, serial: u64, line: u32, way: u16, at: i64) {
        while let Some(call) = self.calls.front() {
            if call.end.is_none() || call.started > at - CALLS_KEPT {
                break;
            }
            self.calls.pop_front();
            self.first += 1;
        }
        while self.ended.front().is_some_and(|(_, serial)| *serial < self.first) {
            self.ended.pop_front();
        }
        self.calls.push_back(LoggedCall {
            serial,
            line,
            way,
            started: at,
            end: None,
        });
        self.open.insert(serial);
    }

    pub(super) fn request(&mut self, request: LoggedRequest) {
        if request.serial < self.first {
            return;
        }
        while let Some(oldest) = self.requests.front() {
            if oldest.finished > request.finished - REQUESTS_KEPT {
                break;
            }
            self.requests.pop_front();
        }
        self.requests.push_back(request);
    }

    pub(super) fn ends(&mut self, serial: u64, at: i64, outcome: Outcome) {
        let index = serial.checked_sub(self.first).and_then(|i| usize::try_from(i).ok());
        let Some(call) = index.and_then(|i| self.calls.get_mut(i)) else {
            return;
        };
        call.end = Some((at, outcome));
        self.open.remove(&serial);
        self.ended.push_back((at, serial));
    }

    /// The call of this serial number, where it is kept.
    pub(crate) fn call(&self, serial: u64) -> Option<&LoggedCall> {
        let index = usize::try_from(serial.checked_sub(self.first)?).ok()?;
        self.calls.get(index)
    }

    /// Calls in progress, the oldest first.
    pub(crate) fn open(&self) -> impl Iterator<Item = &LoggedCall> {
        self.open.iter().filter_map(|serial| self.call(*serial))
    }

    /// Calls that began between the two, both included, the oldest first.
    pub(crate) fn begun(&self, from: i64, to: i64) -> impl Iterator<Item = &LoggedCall> {
        let begin = self.calls.partition_point(|call| call.started < from);
        let end = self.calls.partition_point(|call| call.started <= to);
        self.calls.range(begin..end.max(begin))
    }

    /// How many calls had ended before the moment.
    pub(crate) fn ended_before(&self, at: i64) -> usize {
        self.ended.partition_point(|(ended, _)| *ended < at)
    }

    /// The `index`-th call to end.
    pub(crate) fn ended(&self, index: usize) -> Option<&LoggedCall> {
        self.ended.get(index).and_then(|(_, serial)| self.call(*serial))
    }

    /// Requests that were done between the two, both included, the oldest first.
    pub(crate) fn done(&self, from: i64, to: i64) -> impl Iterator<Item = &LoggedRequest> {
        let begin = self.requests.partition_point(|request| request.finished < from);
        let end = self.requests.partition_point(|request| request.finished <= to);
        self.requests.range(begin..end.max(begin))
    }
}

/// Where what happens to one call is written, if anywhere.
#[derive(Debug)]
pub(super) struct Pen<'a> {
    pub(super) log: Option<&'a mut CallLog>,
    pub(super) serial: u64,
}

impl Pen<'_> {
    pub(super) fn request(&mut self, turn: u32, finished: i64, took: i64, failed: bool) {
        let serial = self.serial;
        if let Some(log) = &mut self.log {
            log.request(LoggedRequest {
                serial,
                turn: turn.min(u32::from(u16::MAX)) as u16,
                finished,
                took: u32::try_from(took).unwrap_or(u32::MAX),
                failed,
            });
        }
    }

    pub(super) fn ends(&mut self, at: i64, outcome: Outcome) {
        let serial = self.serial;
        if let Some(log) = &mut self.log {
            log.ends(serial, at, outcome);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_requests_and_calls_go_and_open_calls_stay() {
        let mut log = CallLog::new(5);
        log.ends(4, 10, Outcome::Ok);
        assert_eq!(log.ended_before(i64::MAX), 0, "a call of before the log");
        let request = |serial, finished| LoggedRequest {
            serial,
            turn: 0,
            finished,
            took: 400_000,
            failed: false,
        };
        for serial in 5..8 {
            log.begins(serial, 1, 2, serial as i64 * HOUR_MICROS);
            log.request(request(serial, serial as i64 * HOUR_MICROS + 1));
        }
        log.ends(5, 6 * HOUR_MICROS, Outcome::Ok);
        log.ends(7, 8 * HOUR_MICROS, Outcome::Failed);
        assert_eq!(log.open().map(|call| call.serial).collect::<Vec<_>>(), [6]);
        assert_eq!(
            log.begun(6 * HOUR_MICROS, 7 * HOUR_MICROS)
                .map(|c| c.serial)
                .collect::<Vec<_>>(),
            [6, 7]
        );
        assert_eq!(log.done(i64::MIN, i64::MAX).count(), 3);
        log.request(request(7, 6 * HOUR_MICROS + 2 + REQUESTS_KEPT));
        assert_eq!(
            log.done(i64::MIN, i64::MAX).map(|r| r.serial).collect::<Vec<_>>(),
            [7, 7]
        );

        log.begins(8, 0, 0, 6 * HOUR_MICROS + CALLS_KEPT + 1);
        assert!(log.call(5).is_none(), "gone");
        assert!(
            log.call(6).is_some() && log.call(7).is_some(),
            "still in progress, and behind it"
        );
        assert_eq!(log.ended(0).map(|call| call.serial), Some(7));
    }
}
