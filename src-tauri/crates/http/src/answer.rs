//! A whole answer: status, headers and body, read to its end. A status code is no error here.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use timonel_domain::time::Timestamp;

use crate::error::HttpError;
use crate::redact::{MASK, redact_text};

/// How much of an answer people get to see.
const EXCERPT_CHARS: usize = 160;

/// An answer that has been read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code, whatever it is.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, within the call's limit.
    pub body: Bytes,
    /// Our wall time when the request left.
    pub sent_at: Timestamp,
    /// Our wall time when the head of the answer came.
    pub answered_at: Timestamp,
    /// The redacted address that answered.
    pub(crate) place: String,
    /// What we sent as a credential, to be taken out of anything shown.
    pub(crate) sent: Option<SecretString>,
}

impl Answer {
    /// The body as the JSON of a `T`; `NotJson` with a short redacted excerpt where it is none.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, HttpError> {
        serde_json::from_slice(&self.body).map_err(|source| HttpError::NotJson {
            url: self.place.clone(),
            status: self.status.as_u16(),
            what: self.what(&source),
            excerpt: self.excerpt(),
            source,
        })
    }

    /// Whether a page for browsers came, as a proxy or a login page sends it.
    pub fn is_html(&self) -> bool {
        let typed = self
            .headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.to_ascii_lowercase().contains("html"));
        let start: Vec<u8> = self
            .body
            .trim_ascii_start()
            .iter()
            .take(14)
            .map(u8::to_ascii_lowercase)
            .collect();
        typed || start.starts_with(b"<!doctype html") || start.starts_with(b"<html")
    }

    /// The beginning of the body on one line, without what looks like a credential and without the one we sent.
    pub fn excerpt(&self) -> String {
        // Cut generously before redacting, so that a secret at the edge is seen whole; cut again for people.
        let head = &self.body[..self.body.len().min(16 * 1024)];
        let mut text = String::from_utf8_lossy(head).into_owned();
        if let Some(secret) = self
            .sent
            .as_ref()
            .map(ExposeSecret::expose_secret)
            .filter(|secret| !secret.is_empty())
        {
            text = text.replace(secret, MASK);
        }
        let line = redact_text(&text).split_whitespace().collect::<Vec<_>>().join(" ");
        match line.char_indices().nth(EXCERPT_CHARS) {
            Some((cut, _)) => format!("{}…", &line[..cut]),
            None if line.is_empty() => "(nothing)".to_owned(),
            None => line,
        }
    }

    /// How long the other side asks us to wait (`Retry-After` in seconds or as a date, which is compared with `now`).
    pub fn retry_after(&self, now: Timestamp) -> Option<Duration> {
        let text = self.headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
        match text.parse::<u64>() {
            Ok(secs) => Some(Duration::from_secs(secs)),
            Err(_) => Some(http_date(text)?.since(now)),
        }
    }

    /// The other side's wall time when it answered (header `Date`, whole seconds).
    pub fn date(&self) -> Option<Timestamp> {
        http_date(self.headers.get(header::DATE)?.to_str().ok()?)
    }

    /// The other side's clock minus ours in microseconds, as far as the answer proves a difference: zero where `Date` fits
    /// the time between asking and answering. `None` without a `Date`.
    pub fn skew_micros(&self) -> Option<i64> {
        let date = self.date()?.micros();
        // A date stands for its whole second.
        let latest = date.saturating_add(999_999);
        Some(if latest < self.sent_at.micros() {
            latest.saturating_sub(self.sent_at.micros())
        } else {
            date.saturating_sub(self.answered_at.micros()).max(0)
        })
    }

    /// The redacted address that answered.
    pub fn place(&self) -> &str {
        &self.place
    }

    fn what(&self, error: &serde_json::Error) -> &'static str {
        if self.is_html() {
            "an HTML page (a proxy, a login page or the wrong address)"
        } else if self.body.is_empty() {
            "nothing"
        } else if error.is_data() {
            "other JSON"
        } else if error.is_eof() {
            "JSON that is cut off"
        } else {
            "something else"
        }
    }
}

fn http_date(text: &str) -> Option<Timestamp> {
    let since = httpdate::parse_http_date(text)
        .ok()?
        .duration_since(std::time::UNIX_EPOCH)
        .ok()?;
    i64::try_from(since.as_micros()).ok().map(Timestamp::from_micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(headers: &[(&'static str, &str)], body: &str) -> Answer {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        Answer {
            status: StatusCode::OK,
            headers: map,
            body: Bytes::copy_from_slice(body.as_bytes()),
            sent_at: at("2026-11-22T01:30:00.2Z"),
            answered_at: at("2026-11-22T01:30:00.9Z"),
            place: "http://h/".into(),
            sent: Some("s3cr3t-abc".into()),
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn retry_after_in_both_forms() {
        let now = at("2026-11-22T01:30:00Z");
        let wait = |value| answer(&[("retry-after", value)], "").retry_after(now);
        assert_eq!(wait("120"), Some(Duration::from_secs(120)));
        assert_eq!(wait("Sun, 22 Nov 2026 01:30:30 GMT"), Some(Duration::from_secs(30)));
        assert_eq!(wait("Sunday, 22-Nov-26 01:30:30 GMT"), Some(Duration::from_secs(30)));
        assert_eq!(
            wait("Sun, 22 Nov 2026 01:29:00 GMT"),
            Some(Duration::ZERO),
            "a date in the past asks for no wait"
        );
        assert_eq!(wait("soon"), None);
        assert_eq!(wait("-5"), None);
        assert_eq!(answer(&[], "").retry_after(now), None);
    }

    #[test]
    fn skew_is_only_what_the_answer_proves() {
        let skew = |date| answer(&[("date", date)], "").skew_micros();
        assert_eq!(skew("Sun, 22 Nov 2026 01:30:00 GMT"), Some(0), "the same second");
        assert_eq!(
            skew("Sun, 22 Nov 2026 01:29:59 GMT"),
            Some(-200_001),
            "at least that far behind"
        );
        assert_eq!(skew("Sun, 22 Nov 2026 01:30:08 GMT"), Some(7_100_000));
        assert_eq!(skew("Sun, 22 Nov 2026 01:29:50 GMT"), Some(-9_200_001));
        assert_eq!(answer(&[], "").skew_micros(), None);
    }

    #[test]
    fn an_excerpt_shows_no_secret() {
        let shown = answer(&[], "you sent s3cr3t-abc\nand {\"token\": \"xyz\"}").excerpt();
        assert_eq!(shown, "you sent *** and {\"token\": ***}");
        assert_eq!(
            answer(&[], &"ñ".repeat(500)).excerpt().chars().count(),
            EXCERPT_CHARS + 1
        );
    }
}
