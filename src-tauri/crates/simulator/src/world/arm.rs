//! One arm of the world: how it behaves, and what has been counted on it.

use super::series::Histogram;

/// How an arm behaves from now on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conduct {
    /// Share of requests that fail; a call fails where its last request did.
    pub error_rate: f64,
    /// Share of callers who hang up before they have what they called for.
    pub abandonment: f64,
    /// Median time of a request, in seconds.
    pub latency_median: f64,
    /// Standard deviation of the logarithm of that time.
    pub latency_spread: f64,
    /// Share of what callers say that is recognised.
    pub recognition: f64,
}

/// Upper bounds of `http_request_duration_seconds`, as written and as numbers.
pub(super) const REQUEST_BOUNDS: &[(&str, f64)] = &[
    ("0.05", 0.05),
    ("0.1", 0.1),
    ("0.25", 0.25),
    ("0.5", 0.5),
    ("0.8", 0.8),
    ("1", 1.0),
    ("1.2", 1.2),
    ("1.5", 1.5),
    ("2", 2.0),
    ("2.5", 2.5),
    ("3", 3.0),
    ("4", 4.0),
    ("5", 5.0),
    ("7.5", 7.5),
    ("10", 10.0),
    ("+Inf", f64::INFINITY),
];

/// Upper bounds of `ivr_call_duration_seconds`.
pub(super) const CALL_BOUNDS: &[(&str, f64)] = &[
    ("10", 10.0),
    ("20", 20.0),
    ("30", 30.0),
    ("45", 45.0),
    ("60", 60.0),
    ("90", 90.0),
    ("120", 120.0),
    ("180", 180.0),
    ("240", 240.0),
    ("300", 300.0),
    ("600", 600.0),
    ("+Inf", f64::INFINITY),
];

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Ok,
    Failed,
    Abandoned,
}

/// What has been counted on one arm.
#[derive(Debug, Clone)]
pub(super) struct Books {
    pub(super) requests_ok: u64,
    pub(super) requests_failed: u64,
    pub(super) calls_ok: u64,
    pub(super) calls_failed: u64,
    pub(super) calls_abandoned: u64,
    pub(super) turns_recognised: u64,
    pub(super) turns_missed: u64,
    pub(super) critical_errors: u64,
    pub(super) in_progress: u64,
    pub(super) request_time: Histogram,
    pub(super) call_time: Histogram,
    pub(super) breaker: Breaker,
    /// When each call was assigned, in microseconds of wall time, ascending.
    assigned: Vec<i64>,
    /// Earlier ones, whose times are not kept.
    forgotten: u64,
}

impl Books {
    pub(super) fn new() -> Self {
        Self {
            requests_ok: 0,
            requests_failed: 0,
            calls_ok: 0,
            calls_failed: 0,
            calls_abandoned: 0,
            turns_recognised: 0,
            turns_missed: 0,
            critical_errors: 0,
            in_progress: 0,
            request_time: Histogram::new(REQUEST_BOUNDS),
            call_time: Histogram::new(CALL_BOUNDS),
            breaker: Breaker::default(),
            assigned: Vec::new(),
            forgotten: 0,
        }
    }

    /// A call comes at `at`. Times older than `kept` microseconds are dropped.
    pub(super) fn assign(&mut self, at: i64, kept: Option<i64>) {
        self.assigned.push(at);
        self.in_progress += 1;
        let Some(kept) = kept else { return };
        // By the tenth, since dropping moves all that stays.
        if self.assigned.first().is_some_and(|first| at - first > kept + kept / 10) {
            let old = self.assigned.partition_point(|then| *then < at - kept);
            self.assigned.drain(..old);
            self.forgotten += old as u64;
        }
    }

    /// All calls so far.
    pub(super) fn assigned(&self) -> u64 {
        self.forgotten + self.assigned.len() as u64
    }

    /// Calls after `since`, as far as their times are kept.
    pub(super) fn assigned_since(&self, since: i64) -> u64 {
        let before = self.assigned.partition_point(|at| *at <= since);
        let forgotten = if before == 0 { self.forgotten } else { 0 };
        forgotten + (self.assigned.len() - before) as u64
    }

    pub(super) fn request(&mut self, at: i64, seconds: f64, failed: bool) {
        *(if failed {
            &mut self.requests_failed
        } else {
            &mut self.requests_ok
        }) += 1;
        self.request_time.observe(seconds);
        self.breaker.observe(at, failed);
    }

    pub(super) fn turn(&mut self, recognised: bool) {
        *(if recognised {
            &mut self.turns_recognised
        } else {
            &mut self.turns_missed
        }) += 1;
    }

    pub(super) fn finish(&mut self, outcome: Outcome, seconds: f64) {
        self.in_progress -= 1;
        self.call_time.observe(seconds);
        *(match outcome {
            Outcome::Ok => &mut self.calls_ok,
            Outcome::Failed => &mut self.calls_failed,
            Outcome::Abandoned => &mut self.calls_abandoned,
        }) += 1;
    }
}

/// A circuit breaker that opens for half a minute where at least half of the last twenty requests failed.
///
/// It is only counted: requests go through an open breaker, so that one fault does not hide behind another.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Breaker {
    /// One bit a request, the newest lowest.
    last: u32,
    seen: u32,
    open_until: i64,
    pub(super) opens: u64,
}

impl Breaker {
    const WINDOW: u32 = 20;
    const OPEN_MICROS: i64 = 30_000_000;

    fn observe(&mut self, at: i64, failed: bool) {
        if at < self.open_until {
            return;
        }
        self.last = ((self.last << 1) | u32::from(failed)) & ((1 << Self::WINDOW) - 1);
        self.seen = (self.seen + 1).min(Self::WINDOW);
        if self.seen == Self::WINDOW && self.last.count_ones() * 2 >= Self::WINDOW {
            self.opens += 1;
            *self = Self {
                open_until: at + Self::OPEN_MICROS,
                opens: self.opens,
                ..Self::default()
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_breaker_opens_at_half_and_closes_again() {
        let mut breaker = Breaker::default();
        for second in 0..19 {
            breaker.observe(second * 1_000_000, true);
        }
        assert_eq!(breaker.opens, 0, "nineteen are too few to say");
        breaker.observe(19_000_000, false);
        assert_eq!(breaker.opens, 1);
        for second in 20..49 {
            breaker.observe(second * 1_000_000, true);
        }
        assert_eq!(breaker.opens, 1, "it is open until 0:49");
        for second in 49..69 {
            breaker.observe(second * 1_000_000, second % 2 == 0);
        }
        assert_eq!(breaker.opens, 2);
        for second in 200..300 {
            breaker.observe(second * 1_000_000, second % 3 == 0);
        }
        assert_eq!(breaker.opens, 2, "a third is not a half");
    }
}
