//! Sending one request and reading its whole answer within a deadline on our Clock and a limit of bytes.
//!
//! The transport's own timeouts are not used: they run on a clock that a rehearsal cannot speed up.

use std::sync::Once;
use std::time::Duration;

use bytes::BytesMut;
use http::HeaderValue;
use reqwest::Response;
use secrecy::ExposeSecret;
use timonel_ports::clock::{Elapsed, InFlight, REQUEST_ID_HEADER, SharedClock, within};

use crate::answer::Answer;
use crate::error::{HttpError, innermost};
use crate::request::{Credential, Request};

const USER_AGENT: &str = concat!("timonel/", env!("CARGO_PKG_VERSION"));

/// What a call may cost unless its [`Request`] says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest from asking to having the whole answer.
    pub deadline: Duration,
    /// The largest body, in bytes.
    pub body: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(10),
            body: 8 * 1024 * 1024,
        }
    }
}

/// The client. Cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub struct Client {
    clock: SharedClock,
    limits: Limits,
    inner: reqwest::Client,
}

/// Makes ring this process's cryptography for TLS. Any number of calls; the first one of the process counts.
pub fn crypto() {
    static ONCE: Once = Once::new();
    // It fails only where somebody has chosen already, which is as good.
    ONCE.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
}

impl Client {
    /// A client on the given clock. `Setup` where this machine has no usable trust store.
    #[expect(clippy::disallowed_methods, reason = "this is the one module that builds a client")]
    pub fn new(clock: SharedClock, limits: Limits) -> Result<Self, HttpError> {
        crypto();
        let inner = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|source| HttpError::Setup {
                why: innermost(&source),
                source,
            })?;
        Ok(Self { clock, limits, inner })
    }

    /// The clock that its deadlines run on.
    pub fn clock(&self) -> &SharedClock {
        &self.clock
    }

    /// Asks once and reads the whole answer, whatever its status. Errors: see [`HttpError`]; never about a status.
    pub async fn send(&self, request: Request) -> Result<Answer, HttpError> {
        // Held until the body has been read or given up: virtual time must know that somebody waits.
        let in_flight = self.clock.request();
        let place = request.place();
        let method = request.method.clone();
        let limit = request.deadline.unwrap_or(self.limits.deadline);
        let started = self.clock.mono();
        let outcome = match within(self.clock.as_ref(), limit, self.exchange(request, &in_flight, &place)).await {
            Ok(outcome) => outcome,
            Err(Elapsed(limit)) => Err(HttpError::Deadline {
                url: place.clone(),
                limit,
            }),
        };
        let took_ms = self.clock.mono().saturating_since(started).as_millis();
        match &outcome {
            Ok(answer) => tracing::debug!(
                request = in_flight.id(), %method, url = %place, status = answer.status.as_u16(),
                bytes = answer.body.len(), took_ms, "answered"
            ),
            Err(error) => {
                tracing::warn!(request = in_flight.id(), %method, url = %place, took_ms, %error, "not answered")
            }
        }
        outcome
    }

    async fn exchange(&self, request: Request, in_flight: &InFlight, place: &str) -> Result<Answer, HttpError> {
        let limit = request.body_limit.unwrap_or(self.limits.body);
        let sent_at = self.clock.now();
        let response = self.depart(&request, in_flight, place).await?;
        let answered_at = self.clock.now();
        let (status, headers) = (response.status(), response.headers().clone());
        let body = whole(response, limit, place).await?.freeze();
        let sent = request.credential.map(|credential| credential.secret().clone());
        Ok(Answer {
            status,
            headers,
            body,
            sent_at,
            answered_at,
            place: place.to_owned(),
            sent,
        })
    }

    async fn depart(&self, request: &Request, in_flight: &InFlight, place: &str) -> Result<Response, HttpError> {
        let mut call = self
            .inner
            .request(request.method.clone(), request.url.clone())
            .headers(request.headers.clone())
            .header(REQUEST_ID_HEADER, HeaderValue::from(in_flight.id()));
        if !request.body.is_empty() {
            call = call.body(request.body.clone());
        }
        match &request.credential {
            Some(Credential::Basic { user, password }) => {
                call = call.basic_auth(user, Some(password.expose_secret()));
            }
            Some(credential) => {
                let (name, value) = credential
                    .header()
                    .ok_or_else(|| HttpError::BadCredential { url: place.to_owned() })?;
                call = call.header(name, value);
            }
            None => {}
        }
        call.send().await.map_err(|error| HttpError::transport(place, error))
    }
}

/// Reads the body to its end, or stops where it grows beyond `limit` bytes.
async fn whole(mut response: Response, limit: usize, place: &str) -> Result<BytesMut, HttpError> {
    let too_large = || HttpError::BodyTooLarge {
        url: place.to_owned(),
        limit,
    };
    if response
        .content_length()
        .is_some_and(|announced| announced > limit as u64)
    {
        return Err(too_large());
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| HttpError::transport(place, error))?
    {
        if body.len() + chunk.len() > limit {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
