//! The account's limit: so many requests in each second of the clock, over all endpoints, and the headers that tell of it.
//!
//! A fixed window is the simplest that fits what the documentation says (limit, remaining, reset); the real one is not published.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use timonel_domain::time::Timestamp;

use super::setup::{Limits, Reset};

const SECOND: i64 = 1_000_000;

/// What has been used of the present second.
#[derive(Debug)]
pub(super) struct Window {
    limits: Limits,
    second: i64,
    used: u32,
    refused: u64,
}

impl Window {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            second: i64::MIN,
            used: 0,
            refused: 0,
        }
    }

    /// Takes one request; `false` where the present second has no more.
    pub(super) fn take(&mut self, now: Timestamp) -> bool {
        let Some(limit) = self.limits.requests_per_second else {
            return true;
        };
        self.turn(now);
        let allowed = self.used < limit;
        if allowed {
            self.used += 1;
        } else {
            self.refused += 1;
        }
        allowed
    }

    fn turn(&mut self, now: Timestamp) {
        let second = now.micros().div_euclid(SECOND);
        if second != self.second {
            self.second = second;
            self.used = 0;
        }
    }

    pub(super) fn refused(&self) -> u64 {
        self.refused
    }

    /// What every answer says of the limit; nothing where there is none. `refuses` for the 429 itself.
    pub(super) fn tell(&mut self, now: Timestamp, refuses: bool, headers: &mut HeaderMap) {
        let Some(limit) = self.limits.requests_per_second else {
            return;
        };
        self.turn(now);
        // The next second begins within this one, so whoever rounds up waits long enough.
        let reset = match self.limits.reset {
            Reset::Seconds => 1,
            Reset::Epoch => self.second + 1,
        };
        set(headers, "x-ratelimit-limit", i64::from(limit));
        set(
            headers,
            "x-ratelimit-remaining",
            i64::from(limit.saturating_sub(self.used)),
        );
        set(headers, "x-ratelimit-reset", reset);
        if refuses && self.limits.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(1));
        }
    }

    /// What a 429 by [`super::Fault::TooManyRequests`] says: when to come again, only where that is given.
    pub(super) fn tell_fault(&self, now: Timestamp, seconds: Option<u64>, headers: &mut HeaderMap) {
        set(
            headers,
            "x-ratelimit-limit",
            i64::from(self.limits.requests_per_second.unwrap_or(200)),
        );
        set(headers, "x-ratelimit-remaining", 0);
        let Some(seconds) = seconds else { return };
        let wait = i64::try_from(seconds).unwrap_or(i64::MAX);
        let reset = match self.limits.reset {
            Reset::Seconds => wait,
            Reset::Epoch => now.micros().div_euclid(SECOND).saturating_add(wait),
        };
        set(headers, "x-ratelimit-reset", reset);
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
}

fn set(headers: &mut HeaderMap, name: &'static str, value: i64) {
    headers.insert(HeaderName::from_static(name), HeaderValue::from(value));
}
