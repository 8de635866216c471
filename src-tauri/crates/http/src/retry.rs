//! Whether and when to ask again. Pure: it computes a wait, the caller decides, and waits on the Clock.
//!
//! Asking again is right only for requests that say "set to X" or only read; all of ours do.

use std::time::Duration;

use rand::{Rng, RngExt};
use timonel_domain::time::Timestamp;

use crate::answer::Answer;
use crate::error::HttpError;

/// Waits that grow exponentially, each drawn evenly from zero to its bound ("full jitter"), so that many who failed together
/// do not come back together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The bound of the first wait.
    pub base: Duration,
    /// No bound is larger.
    pub cap: Duration,
}

impl Backoff {
    /// The bound of the wait after the `failed`th failure, counted from 1.
    pub fn bound(&self, failed: u32) -> Duration {
        let factor = 2_u32.checked_pow(failed.saturating_sub(1)).unwrap_or(u32::MAX);
        self.base.saturating_mul(factor).min(self.cap)
    }

    /// The wait after the `failed`th failure, counted from 1.
    pub fn wait(&self, failed: u32, rng: &mut impl Rng) -> Duration {
        self.bound(failed).mul_f64(rng.random_range(0.0..=1.0))
    }
}

/// When a call is worth repeating.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// How the waits grow.
    pub backoff: Backoff,
    /// How often to ask in all, the first time included.
    pub attempts: u32,
}

impl Retry {
    /// How long to wait before asking again, after `failed` attempts that failed, the last one with `outcome`.
    /// `None`: do not ask again, because it cannot help or has been tried often enough.
    /// Never shorter than what the other side asks for with `Retry-After`.
    pub fn after(
        &self,
        failed: u32,
        outcome: &Result<Answer, HttpError>,
        now: Timestamp,
        rng: &mut impl Rng,
    ) -> Option<Duration> {
        let asked = match outcome {
            Ok(answer) if !may_pass(answer.status.as_u16()) => return None,
            Ok(answer) => answer.retry_after(now).unwrap_or_default(),
            Err(error) if !error.may_pass() => return None,
            Err(_) => Duration::ZERO,
        };
        (failed < self.attempts).then(|| self.backoff.wait(failed, rng).max(asked))
    }
}

/// Whether that status may be gone when asked again unchanged.
fn may_pass(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;

    const BACKOFF: Backoff = Backoff {
        base: Duration::from_millis(200),
        cap: Duration::from_secs(5),
    };

    fn answer(status: u16, retry_after: Option<&str>) -> Result<Answer, HttpError> {
        let mut headers = http::HeaderMap::new();
        if let Some(value) = retry_after {
            headers.insert(http::header::RETRY_AFTER, value.parse().unwrap());
        }
        Ok(Answer {
            status: http::StatusCode::from_u16(status).unwrap(),
            headers,
            body: bytes::Bytes::new(),
            sent_at: Timestamp::default(),
            answered_at: Timestamp::default(),
            place: String::new(),
            sent: None,
        })
    }

    #[test]
    fn bounds_double_up_to_the_cap() {
        let bounds: Vec<u128> = (1..=7).map(|n| BACKOFF.bound(n).as_millis()).collect();
        assert_eq!(bounds, [200, 400, 800, 1600, 3200, 5000, 5000]);
        assert_eq!(BACKOFF.bound(u32::MAX), BACKOFF.cap);
    }

    #[test]
    fn waits_fill_the_whole_range_and_repeat_with_the_seed() {
        let waits = |seed| {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            (0..1000).map(|_| BACKOFF.wait(3, &mut rng)).collect::<Vec<_>>()
        };
        let a = waits(1);
        assert_eq!(a, waits(1));
        assert_ne!(a, waits(2));
        assert!(a.iter().all(|wait| *wait <= Duration::from_millis(800)));
        assert!(a.iter().any(|wait| *wait < Duration::from_millis(80)));
        assert!(a.iter().any(|wait| *wait > Duration::from_millis(720)));
    }

    #[test]
    fn what_is_worth_asking_again() {
        let retry = Retry {
            backoff: BACKOFF,
            attempts: 3,
        };
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut after =
            |failed, outcome: Result<Answer, HttpError>| retry.after(failed, &outcome, Timestamp::default(), &mut rng);
        for status in [200, 301, 400, 401, 403, 404, 409, 422, 501] {
            assert_eq!(after(1, answer(status, Some("1"))), None, "{status}");
        }
        for status in [408, 429, 500, 502, 503, 504] {
            assert!(
                after(1, answer(status, None)).is_some_and(|wait| wait <= BACKOFF.base),
                "{status}"
            );
        }
        assert_eq!(after(1, answer(429, Some("7"))), Some(Duration::from_secs(7)));
        assert_eq!(after(3, answer(503, None)), None, "often enough");
        let deadline = || {
            Err(HttpError::Deadline {
                url: String::new(),
                limit: Duration::ZERO,
            })
        };
        assert!(after(1, deadline()).is_some());
        assert_eq!(
            after(
                1,
                Err(HttpError::BodyTooLarge {
                    url: String::new(),
                    limit: 1
                })
            ),
            None
        );
    }
}
