//! One request as the caller builds it. What may go wrong in it (address, body) is found here, before anything is sent.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use crate::error::HttpError;
use crate::redact::{MASK, redact_text, redact_url};

/// A request. Its `Debug` shows no secret.
#[derive(Debug, Clone)]
pub struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) credential: Option<Credential>,
    /// The address itself is a secret beyond its host.
    pub(crate) hidden: bool,
    pub(crate) deadline: Option<Duration>,
    pub(crate) body_limit: Option<usize>,
}

/// How the caller proves who it is.
#[derive(Debug, Clone)]
pub(crate) enum Credential {
    Bearer(SecretString),
    Basic { user: String, password: SecretString },
    Header { name: HeaderName, value: SecretString },
}

impl Credential {
    /// The secret itself, so that it can be taken out of what a server echoes.
    pub(crate) fn secret(&self) -> &SecretString {
        match self {
            Credential::Bearer(secret) => secret,
            Credential::Basic { password, .. } => password,
            Credential::Header { value, .. } => value,
        }
    }

    /// The header that carries it, marked sensitive; `None` where it has characters that a header cannot carry.
    pub(crate) fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        let (name, text) = match self {
            Credential::Bearer(token) => (header::AUTHORIZATION, format!("Bearer {}", token.expose_secret())),
            Credential::Header { name, value } => (name.clone(), value.expose_secret().to_owned()),
            // The transport does the encoding.
            Credential::Basic { .. } => return None,
        };
        let mut value = HeaderValue::from_str(&text).ok()?;
        value.set_sensitive(true);
        Some((name, value))
    }
}

impl Request {
    /// A request to `url`; `BadUrl` where it is not `http` or `https`, has no host, or carries a password.
    pub fn new(method: Method, url: &str) -> Result<Self, HttpError> {
        let bad = |why: &str| HttpError::BadUrl {
            url: redact_text(url),
            why: why.to_owned(),
        };
        let parsed: Url = url
            .parse()
            .map_err(|e| bad(&format!("{e}. Write it like https://host:port/path")))?;
        if !matches!(parsed.scheme(), "http" | "https") || !parsed.has_host() {
            return Err(bad("it is no web address. Write it like https://host:port/path"));
        }
        if !parsed.username().is_empty() || parsed.password().is_some() {
            return Err(bad(
                "it carries a user or password. Store them as a credential and take them out of the address",
            ));
        }
        Ok(Self {
            method,
            url: parsed,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            credential: None,
            hidden: false,
            deadline: None,
            body_limit: None,
        })
    }

    /// A request to an address that admits whoever knows it, such as a dead man's switch: of it people and logs see the host
    /// alone. Errors as [`Request::new`], without the address.
    pub fn to_secret(method: Method, url: &SecretString) -> Result<Self, HttpError> {
        let mut request = Self::new(method, url.expose_secret()).map_err(|error| match error {
            // What is wrong may repeat what was given.
            HttpError::BadUrl { .. } => HttpError::BadUrl {
                url: MASK.to_owned(),
                why: "it is no web address without a user. Store it again, like https://host/path".to_owned(),
            },
            other => other,
        })?;
        request.hidden = true;
        Ok(request)
    }

    /// A GET of `url`; errors as [`Request::new`].
    pub fn get(url: &str) -> Result<Self, HttpError> {
        Self::new(Method::GET, url)
    }

    /// Adds `key=value` to the query, encoded.
    pub fn query(mut self, key: &str, value: &str) -> Self {
        self.url.query_pairs_mut().append_pair(key, value);
        self
    }

    /// Sets a header that is no secret.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Proves who asks with a bearer token.
    pub fn bearer(mut self, token: SecretString) -> Self {
        self.credential = Some(Credential::Bearer(token));
        self
    }

    /// Proves who asks with a user and a password.
    pub fn basic(mut self, user: &str, password: SecretString) -> Self {
        self.credential = Some(Credential::Basic {
            user: user.to_owned(),
            password,
        });
        self
    }

    /// Proves who asks with a header of its own, such as `x-api-key`.
    pub fn secret_header(mut self, name: HeaderName, value: SecretString) -> Self {
        self.credential = Some(Credential::Header { name, value });
        self
    }

    /// Sends `bytes` of the given content type.
    pub fn body(mut self, content_type: HeaderValue, bytes: impl Into<Bytes>) -> Self {
        self.headers.insert(header::CONTENT_TYPE, content_type);
        self.body = bytes.into();
        self
    }

    /// Sends `value` as JSON; `BadBody` where it cannot be written as such.
    pub fn json<T: Serialize + ?Sized>(self, value: &T) -> Result<Self, HttpError> {
        let bytes = serde_json::to_vec(value).map_err(|source| HttpError::BadBody {
            url: self.place(),
            source,
        })?;
        Ok(self.body(HeaderValue::from_static("application/json"), bytes))
    }

    /// Sends `pairs` as a form.
    pub fn form(self, pairs: &[(&str, &str)]) -> Self {
        // The address type's own encoder writes exactly the form encoding.
        let mut encoder = self.url.clone();
        encoder.query_pairs_mut().clear().extend_pairs(pairs);
        let bytes = encoder.query().unwrap_or_default().to_owned();
        self.body(HeaderValue::from_static("application/x-www-form-urlencoded"), bytes)
    }

    /// The longest this call may take, instead of the client's own limit.
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.deadline = Some(limit);
        self
    }

    /// The largest body in bytes that this call may bring, instead of the client's own limit.
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = Some(bytes);
        self
    }

    /// The address for people.
    pub fn place(&self) -> String {
        if !self.hidden {
            return redact_url(&self.url);
        }
        let mut host = self.url.clone();
        host.set_path(MASK);
        host.set_query(None);
        host.set_fragment(None);
        host.to_string()
    }
}
