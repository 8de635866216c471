//! How many requests the provider still takes, as its last answers said, and who may use them. Pure: time is an argument.
//!
//! Telnyx counts by endpoint and publishes no figures (docs/telnyx.md), so nothing is assumed before the first answer. An
//! answer says `x-ratelimit-limit`, `-remaining` and `-reset`; a 429 also `retry-after`. Whether accounts have a limit of
//! their own besides is not known, so measuring also heeds the most recent answer of any endpoint.

use std::collections::BTreeMap;
use std::time::Duration;

use timonel_domain::time::{Mono, Timestamp};
use timonel_http::{Answer, StatusCode};

use super::PATIENCE;

/// Background requests leave half of a limit alone …
const RESERVED_SHARE: u64 = 2;
/// … and at least this much: what a rollback sends before it can know more. The lever, its read-back (both applications,
/// a page of numbers, a page of jobs), and three jobs, which is three thousand numbers.
const ROLLBACK: u64 = 8;
/// Where an answer does not say when its limit is counted anew.
const UNSAID_WINDOW: Duration = Duration::from_secs(10);
/// A look is many requests, and has to come to its end all the same.
const LOOK_GIVES_WAY: Duration = Duration::from_secs(1);
/// No window is believed to be longer: a header that was misread must not silence the signals for good.
const LONGEST_WINDOW: Duration = Duration::from_secs(300);
/// A target that would be silent for longer than this is asked again all the same: calls may hang on what it says.
const LONGEST_SILENCE: Duration = Duration::from_secs(30);
/// From here on the value of `x-ratelimit-reset` is a moment (seconds since 1970), below it a span in seconds: the
/// provider documents both.
const EPOCH_FROM: u64 = 1_000_000_000;

/// What is known of the provider's limits.
#[derive(Debug, Default)]
pub(crate) struct Budget {
    endpoints: BTreeMap<String, Known>,
    latest: Known,
}

/// One limit.
#[derive(Debug, Default)]
struct Known {
    window: Option<Window>,
    /// Sent and not yet answered: what the last answer left is not all there any more.
    under_way: u64,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    limit: Option<u64>,
    remaining: u64,
    until: Mono,
    /// When this was said.
    said: Mono,
}

/// Whether a request may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leave {
    /// Now.
    Go,
    /// After this, which is short.
    Wait(Duration),
    /// Not here: the provider would refuse it for this long.
    Throttled(Duration),
    /// Not here: what is left is for a rollback, for this long.
    Saved(Duration),
}

impl Known {
    /// What is left of the window at `mono`, and how long it lasts; `None` where nothing is known.
    fn left(&self, mono: Mono) -> Option<(Window, u64, Duration)> {
        let window = self.window?;
        let lasts = window.until.saturating_since(mono);
        (!lasts.is_zero()).then(|| (window, window.remaining.saturating_sub(self.under_way), lasts))
    }

    /// How long this limit keeps a background request back.
    fn saves(&self, mono: Mono) -> Option<Duration> {
        let (window, left, lasts) = self.left(mono)?;
        (left <= reserve(window.limit)).then_some(lasts)
    }

    /// How long nothing is left at all, as far as that is believed of a target.
    fn dry(&self, mono: Mono) -> Option<Duration> {
        let (window, left, lasts) = self.left(mono)?;
        let believed = lasts.min((window.said + LONGEST_SILENCE).saturating_since(mono));
        (left == 0 && !believed.is_zero()).then_some(believed)
    }
}

/// How much of a limit background requests leave alone. Below the limit itself, so that measuring never stops for good.
fn reserve(limit: Option<u64>) -> u64 {
    match limit {
        Some(limit) => (limit / RESERVED_SHARE).max(ROLLBACK).min(limit.saturating_sub(1)),
        None => ROLLBACK,
    }
}

impl Budget {
    /// Whether a background request to `endpoint` may go.
    pub(crate) fn background(&self, endpoint: &str, mono: Mono) -> Leave {
        let own = self.endpoints.get(endpoint).and_then(|known| known.saves(mono));
        match own.max(self.latest.saves(mono)) {
            Some(wait) => Leave::Saved(wait),
            None => Leave::Go,
        }
    }

    /// Whether a request of a regular look at `endpoint` may go. Where it has `waited` before, it goes as a target's.
    pub(crate) fn look(&self, endpoint: &str, waited: bool, mono: Mono) -> Leave {
        match self.background(endpoint, mono) {
            Leave::Saved(wait) if !waited => Leave::Wait(wait.min(LOOK_GIVES_WAY)),
            Leave::Saved(_) | Leave::Go | Leave::Wait(_) | Leave::Throttled(_) => {
                self.target(endpoint, false, waited, mono)
            }
        }
    }

    /// Whether a request of a target to `endpoint` may go. Where it has `waited` before, it goes: the provider decides.
    pub(crate) fn target(&self, endpoint: &str, writes: bool, waited: bool, mono: Mono) -> Leave {
        if waited {
            return Leave::Go;
        }
        match self.endpoints.get(endpoint).and_then(|known| known.dry(mono)) {
            Some(wait) if wait <= PATIENCE => return Leave::Wait(wait),
            // A header that was misread must not keep a lever from being pulled: who pulls it has waited as long as it will.
            Some(_) if writes => return Leave::Go,
            Some(wait) => return Leave::Throttled(wait),
            None => {}
        }
        // What another endpoint has left is a reason to let a reading wait a little, never to hold up a lever.
        match self.latest.dry(mono) {
            Some(wait) if !writes && wait <= PATIENCE => Leave::Wait(wait),
            Some(_) | None => Leave::Go,
        }
    }

    /// A request to `endpoint` was sent.
    pub(crate) fn departed(&mut self, endpoint: &str) {
        self.latest.under_way += 1;
        self.endpoints.entry(endpoint.to_owned()).or_default().under_way += 1;
    }

    /// A request to `endpoint` is over, answered or not.
    pub(crate) fn arrived(&mut self, endpoint: &str) {
        self.latest.under_way = self.latest.under_way.saturating_sub(1);
        if let Some(known) = self.endpoints.get_mut(endpoint) {
            known.under_way = known.under_way.saturating_sub(1);
        }
    }

    /// What an answer of `endpoint` says about the limit.
    pub(crate) fn answered(&mut self, endpoint: &str, answer: &Answer, now: Timestamp, mono: Mono) {
        let throttled = answer.status == StatusCode::TOO_MANY_REQUESTS;
        let remaining = match number(answer, "x-ratelimit-remaining") {
            _ if throttled => 0,
            Some(remaining) => remaining,
            None => return,
        };
        let lasts = if throttled {
            // Unknown after a 429 means unknown: then nobody is refused here, and the caller backs off.
            match retry_after(answer, now) {
                Some(wait) => wait,
                None => return,
            }
        } else {
            reset(answer, now).unwrap_or(UNSAID_WINDOW)
        };
        let window = Window {
            limit: number(answer, "x-ratelimit-limit"),
            remaining,
            until: mono + lasts.min(LONGEST_WINDOW),
            said: mono,
        };
        self.latest.window = Some(window);
        self.endpoints.entry(endpoint.to_owned()).or_default().window = Some(window);
    }
}

/// How long the provider asks to wait after a 429: `retry-after`, else `x-ratelimit-reset`, else not said.
pub(crate) fn retry_after(answer: &Answer, now: Timestamp) -> Option<Duration> {
    answer.retry_after(now).or_else(|| reset(answer, now))
}

/// `x-ratelimit-reset` from `now` on, in either reading.
fn reset(answer: &Answer, now: Timestamp) -> Option<Duration> {
    let value = number(answer, "x-ratelimit-reset")?;
    if value <= EPOCH_FROM {
        return Some(Duration::from_secs(value));
    }
    // Beyond what a timestamp holds it is no moment at all.
    let at = i64::try_from(value).ok().filter(|secs| *secs < i64::MAX / 1_000_000)?;
    Some(Timestamp::from_secs(at).since(now))
}

fn number(answer: &Answer, name: &str) -> Option<u64> {
    answer.headers.get(name)?.to_str().ok()?.trim().parse().ok()
}
