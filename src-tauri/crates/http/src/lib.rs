//! The one HTTP client: TLS, limits, deadlines and retries on our Clock, redaction.
//!
//! [`Client::send`] asks once. Whether and when to ask again is the caller's decision, which [`Retry`] computes without
//! waiting. A status code is never an error here: what a 404 means, only the caller knows.
//!
//! Deliberately not here: streams (a watch has its own client in `kubernetes`), cookies, redirects (a 3xx is an answer),
//! proxies of the environment, and any knowledge of an outside system.

mod answer;
mod client;
mod error;
mod redact;
mod request;
mod retry;

pub use answer::Answer;
pub use client::{Client, Limits, crypto};
pub use error::HttpError;
pub use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
pub use redact::{redact_text, redact_url};
pub use request::Request;
pub use reqwest::Url;
pub use retry::{Backoff, Retry};
