//! Reading a request: path, query, body, and how long its answer takes.
//!
//! What then becomes of it is `answer`'s.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::Query;
use http::{HeaderMap, Method, header};
use serde_json::{Map, Value};

use super::fault::Subject;
use super::refusal::Refusal;
use crate::request;

/// A request, read.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) id: Option<u64>,
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: Vec<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
    pub(super) subject: Subject,
}

impl Call {
    pub(super) fn read(parts: http::request::Parts, body: Bytes) -> Self {
        let path = parts.uri.path().to_owned();
        let query = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
            .map(|query| query.0)
            .unwrap_or_default();
        let id = request::id(&parts.headers);
        let subject = Subject {
            path: path.clone(),
            writes: parts.method != Method::GET,
        };
        Self {
            id,
            method: parts.method,
            path,
            query,
            headers: parts.headers,
            body,
            subject,
        }
    }

    /// The usual one and up to an eighth more, so that requests sent at once are answered in an order that the seed decides.
    pub(super) fn latency(&self, usual: Duration, seed: u64, now: u64) -> Duration {
        let drawn = request::draw(seed, now, &self.method, &self.path, &self.query, &self.body);
        let spread = u64::try_from(usual.as_micros()).unwrap_or(u64::MAX) / 8 + 1;
        usual + Duration::from_micros(drawn % spread)
    }

    /// The parts of the path below `/v2`; `None` where it is not below it.
    pub(super) fn segments(&self) -> Option<Vec<&str>> {
        let below = self.path.strip_prefix("/v2/")?;
        Some(below.trim_end_matches('/').split('/').collect())
    }

    /// Method and path, ids left out: whatever has a digit in it is one.
    pub(super) fn template(&self) -> String {
        let parts: Vec<&str> = self
            .path
            .split('/')
            .map(|part| {
                if part != "v2" && part.bytes().any(|b| b.is_ascii_digit()) {
                    "{id}"
                } else {
                    part
                }
            })
            .collect();
        format!("{} {}", self.method, parts.join("/"))
    }

    /// Whether the request bears `key`.
    pub(super) fn bears(&self, key: &str) -> bool {
        let given = self.headers.get(header::AUTHORIZATION);
        given.and_then(|text| text.to_str().ok()?.strip_prefix("Bearer ")) == Some(key)
    }

    /// The first of that name.
    pub(super) fn param(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.param(name) == Some("true")
    }

    /// The body as a JSON object.
    pub(super) fn object(&self) -> Result<Map<String, Value>, Refusal> {
        serde_json::from_slice(&self.body).map_err(|_| Refusal::malformed())
    }
}
