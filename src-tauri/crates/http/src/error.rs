//! What can go wrong between asking and having the whole answer, told so that an operator knows what to do next.
//!
//! Every address in here has been redacted.

use std::error::Error;
use std::time::Duration;

/// A request that brought no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The text is no address that can be called.
    #[error("`{url}` cannot be called: {why}")]
    BadUrl {
        /// What was given, redacted.
        url: String,
        /// What to write instead.
        why: String,
    },
    /// A stored credential cannot travel in a header.
    #[error(
        "the credential for {url} has characters that a header cannot carry (a line break at its end?). Store it again"
    )]
    BadCredential {
        /// The redacted address.
        url: String,
    },
    /// The request's own body could not be written as JSON.
    #[error("the request to {url} cannot be written as JSON: {source}")]
    BadBody {
        /// The redacted address.
        url: String,
        /// What the serialiser said.
        #[source]
        source: serde_json::Error,
    },
    /// The client could not be built: no usable trust store.
    #[error(
        "no HTTPS is possible on this machine: {why}. Install the system's CA certificates (package ca-certificates)"
    )]
    Setup {
        /// The innermost cause.
        why: String,
        /// What the transport said.
        #[source]
        source: reqwest::Error,
    },
    /// No connection: name not found, refused, no route.
    #[error("no connection to {url}: {why}. Check the address, and whether this machine's network reaches it")]
    Connect {
        /// The redacted address.
        url: String,
        /// The innermost cause.
        why: String,
        /// What the transport said.
        #[source]
        source: reqwest::Error,
    },
    /// The other side's certificate or protocol was refused.
    #[error(
        "no trusted connection to {url}: {why}. Check its certificate, and this machine's clock and CA certificates"
    )]
    Tls {
        /// The redacted address.
        url: String,
        /// The innermost cause.
        why: String,
        /// What the transport said.
        #[source]
        source: reqwest::Error,
    },
    /// No whole answer in time. Whether the request was carried out is unknown.
    #[error("{url} gave no whole answer within {limit:?}. Whether it did what was asked is not known: read it back")]
    Deadline {
        /// The redacted address.
        url: String,
        /// The limit of this call.
        limit: Duration,
    },
    /// The answer is larger than this call allows.
    #[error("the answer of {url} is larger than {limit} bytes. Check that the address is the right one")]
    BodyTooLarge {
        /// The redacted address.
        url: String,
        /// The limit of this call, in bytes.
        limit: usize,
    },
    /// The connection broke after the request had left. Whether it was carried out is unknown.
    #[error(
        "the connection to {url} broke before the whole answer had come: {why}. Whether it did what was asked is not known: read it back"
    )]
    Broken {
        /// The redacted address.
        url: String,
        /// The innermost cause.
        why: String,
        /// What the transport said.
        #[source]
        source: reqwest::Error,
    },
    /// The answer is not the JSON that was expected.
    #[error("{url} answered {status} with {what} instead of the JSON expected: {excerpt}")]
    NotJson {
        /// The redacted address.
        url: String,
        /// The status code.
        status: u16,
        /// Such as `an HTML page`: then it is usually a proxy, a login page or the wrong address that answers.
        what: &'static str,
        /// The beginning of the answer, redacted, on one line.
        excerpt: String,
        /// What the parser said, with the place.
        #[source]
        source: serde_json::Error,
    },
}

impl HttpError {
    /// Whether the request may have reached the other side, so that its effect has to be read back.
    pub fn may_have_acted(&self) -> bool {
        match self {
            HttpError::Deadline { .. }
            | HttpError::BodyTooLarge { .. }
            | HttpError::Broken { .. }
            | HttpError::NotJson { .. } => true,
            HttpError::BadUrl { .. }
            | HttpError::BadCredential { .. }
            | HttpError::BadBody { .. }
            | HttpError::Setup { .. }
            | HttpError::Connect { .. }
            | HttpError::Tls { .. } => false,
        }
    }

    /// Whether asking again later may help without anybody changing anything.
    pub fn may_pass(&self) -> bool {
        match self {
            HttpError::Connect { .. } | HttpError::Deadline { .. } | HttpError::Broken { .. } => true,
            HttpError::BadUrl { .. }
            | HttpError::BadCredential { .. }
            | HttpError::BadBody { .. }
            | HttpError::Setup { .. }
            | HttpError::Tls { .. }
            | HttpError::BodyTooLarge { .. }
            | HttpError::NotJson { .. } => false,
        }
    }

    /// From the transport's error while connecting, sending or reading; `url` is redacted already.
    pub(crate) fn transport(url: &str, error: reqwest::Error) -> Self {
        // The transport would print the whole address, with whatever its query carries.
        let source = error.without_url();
        let (url, why) = (url.to_owned(), innermost(&source));
        if is_tls(&source) {
            HttpError::Tls { url, why, source }
        } else if source.is_connect() {
            HttpError::Connect { url, why, source }
        } else {
            HttpError::Broken { url, why, source }
        }
    }
}

/// The last error of the chain: the only one that names the cause.
pub(crate) fn innermost(error: &dyn Error) -> String {
    let mut last = error;
    while let Some(next) = last.source() {
        last = next;
    }
    last.to_string()
}

fn is_tls(error: &(dyn Error + 'static)) -> bool {
    // An I/O error keeps what it wraps out of `source`, so it is looked into as well.
    let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    error.is::<rustls::Error>() || wrapped.is_some_and(|inner| is_tls(inner)) || error.source().is_some_and(is_tls)
}
