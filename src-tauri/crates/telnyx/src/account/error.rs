//! What can go wrong with an account, told so that an operator knows what to do next, and as both ports tell it.
//!
//! `what` is the request (method and path template); no text in here carries a key.

use std::time::Duration;

use timonel_http::HttpError;
use timonel_ports::signal::SignalError;
use timonel_ports::target::TargetError;

/// A request to an account that brought nothing usable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// The request cannot be made at all: address, id, key or trust store. Nothing was sent.
    #[error("{what} cannot be asked: {detail}")]
    Setup {
        /// The request, or the account.
        what: String,
        /// What is wrong and what to write instead.
        detail: String,
    },
    /// No connection, or it broke. A write may have happened where it broke.
    #[error("{what} was not answered: {detail}")]
    Unreachable {
        /// The request.
        what: String,
        /// What the transport said.
        detail: String,
        /// Whether the request may have reached the other side.
        sent: bool,
    },
    /// No whole answer within the deadline. A write may have happened.
    #[error("{what} was not answered within {limit:?}. Whether it did what was asked is not known: read it back")]
    Deadline {
        /// The request.
        what: String,
        /// The deadline.
        limit: Duration,
    },
    /// The key is not accepted (401).
    #[error("{what}: the key is not accepted ({said}). Store a valid API key (v2) of this account in Conexiones")]
    Unauthenticated {
        /// The request.
        what: String,
        /// What the provider said.
        said: String,
    },
    /// The key lacks the right (403).
    #[error("{what} is not allowed: {said}. Give the key this right; docs/telnyx.md lists those that Timonel needs")]
    Forbidden {
        /// The request.
        what: String,
        /// What the provider said.
        said: String,
    },
    /// Not there (404), as the provider itself says.
    #[error("{what}: not there ({said}). Compare the id in the plan with the Telnyx portal")]
    Missing {
        /// The request.
        what: String,
        /// What the provider said.
        said: String,
    },
    /// In use or being changed by somebody else (409).
    #[error("{what} collides with another change: {said}. Read it again")]
    Conflict {
        /// The request.
        what: String,
        /// What the provider said.
        said: String,
    },
    /// The provider refuses what was asked (400, 422 and every other 4xx); repeating it is of no use.
    #[error("{what} is refused ({status}): {said}")]
    Refused {
        /// The request.
        what: String,
        /// The status code.
        status: u16,
        /// What the provider said, with the field where it names one.
        said: String,
    },
    /// Too many requests (429), or the provider's last answer said that none is left.
    #[error("{what} was asked too often: {said}. Ask again {}", when(.retry_after))]
    Throttled {
        /// The request.
        what: String,
        /// What the provider said.
        said: String,
        /// How long to wait, where the provider says it.
        retry_after: Option<Duration>,
    },
    /// The provider is there but cannot do it now (5xx, 408). A write may have happened.
    #[error("{what} cannot be done now ({status}): {said}. See status.telnyx.com")]
    Unavailable {
        /// The request.
        what: String,
        /// The status code.
        status: u16,
        /// What was said.
        said: String,
    },
    /// An answer that is not of the expected form: a web page, nothing, other JSON. A write may have happened.
    #[error(
        "{what} was answered with something else than expected: {detail}. Check the account's address and any proxy"
    )]
    Garbled {
        /// The request.
        what: String,
        /// What came, redacted.
        detail: String,
    },
    /// Kept back here, so that the provider's limit leaves room for a rollback. Nothing was sent.
    #[error("{what} was kept back: what the provider's limit leaves is for a rollback. Ask again in {wait:?}")]
    Saved {
        /// The request.
        what: String,
        /// How long until the limit is counted anew.
        wait: Duration,
    },
    /// Kept back here, because the provider has been failing. Nothing was sent.
    #[error("{what} was kept back for {rest:?} more: the provider's API keeps failing ({last}). See status.telnyx.com")]
    Resting {
        /// The request.
        what: String,
        /// How long until one request is tried.
        rest: Duration,
        /// The last failure.
        last: String,
    },
    /// A list that does not end.
    #[error(
        "{what} does not end: {pages} pages were read, and there are more. Tell us about it with the account's size"
    )]
    Endless {
        /// The request.
        what: String,
        /// How many pages were read.
        pages: u32,
    },
    /// More numbers than one job can hold. Nothing was sent.
    #[error("{what}: a job holds 1 to {most} numbers, not {count}. Split them")]
    TooMany {
        /// The request.
        what: String,
        /// How many were given.
        count: usize,
        /// How many a job can hold.
        most: usize,
    },
}

fn when(retry_after: &Option<Duration>) -> String {
    match retry_after {
        Some(wait) => format!("in {wait:?}"),
        None => "later, and less often".to_owned(),
    }
}

impl AccountError {
    /// From what the transport says; `clean` takes secrets out of a text.
    pub(crate) fn transport(what: String, error: HttpError, clean: impl Fn(&str) -> String) -> Self {
        let sent = error.may_have_acted();
        let detail = clean(&error.to_string());
        match error {
            HttpError::Deadline { limit, .. } => AccountError::Deadline { what, limit },
            HttpError::Connect { .. } | HttpError::Tls { .. } | HttpError::Broken { .. } => {
                AccountError::Unreachable { what, detail, sent }
            }
            HttpError::BodyTooLarge { .. } | HttpError::NotJson { .. } => AccountError::Garbled { what, detail },
            HttpError::BadUrl { .. }
            | HttpError::BadCredential { .. }
            | HttpError::BadBody { .. }
            | HttpError::Setup { .. } => AccountError::Setup { what, detail },
        }
    }

    /// Whether the request may have been carried out all the same, so that its effect has to be read back.
    pub fn may_have_acted(&self) -> bool {
        match self {
            AccountError::Unreachable { sent, .. } => *sent,
            AccountError::Deadline { .. } | AccountError::Unavailable { .. } | AccountError::Garbled { .. } => true,
            AccountError::Setup { .. }
            | AccountError::Unauthenticated { .. }
            | AccountError::Forbidden { .. }
            | AccountError::Missing { .. }
            | AccountError::Conflict { .. }
            | AccountError::Refused { .. }
            | AccountError::Throttled { .. }
            | AccountError::Saved { .. }
            | AccountError::Resting { .. }
            | AccountError::Endless { .. }
            | AccountError::TooMany { .. } => false,
        }
    }

    /// How long to wait before asking again, where somebody says it: the provider, or our own budget or breaker.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            AccountError::Throttled { retry_after, .. } => *retry_after,
            AccountError::Saved { wait, .. } => Some(*wait),
            AccountError::Resting { rest, .. } => Some(*rest),
            AccountError::Setup { .. }
            | AccountError::Unreachable { .. }
            | AccountError::Deadline { .. }
            | AccountError::Unauthenticated { .. }
            | AccountError::Forbidden { .. }
            | AccountError::Missing { .. }
            | AccountError::Conflict { .. }
            | AccountError::Refused { .. }
            | AccountError::Unavailable { .. }
            | AccountError::Garbled { .. }
            | AccountError::Endless { .. }
            | AccountError::TooMany { .. } => None,
        }
    }

    /// Whether it counts against the provider's health: nobody answered, or not the API.
    pub(crate) fn speaks_of_trouble(&self) -> bool {
        match self {
            AccountError::Unreachable { .. }
            | AccountError::Deadline { .. }
            | AccountError::Unavailable { .. }
            | AccountError::Garbled { .. } => true,
            AccountError::Setup { .. }
            | AccountError::Unauthenticated { .. }
            | AccountError::Forbidden { .. }
            | AccountError::Missing { .. }
            | AccountError::Conflict { .. }
            | AccountError::Refused { .. }
            | AccountError::Throttled { .. }
            | AccountError::Saved { .. }
            | AccountError::Resting { .. }
            | AccountError::Endless { .. }
            | AccountError::TooMany { .. } => false,
        }
    }

    /// As the target port tells it, for the target at `place`.
    pub fn target(&self, place: &str) -> TargetError {
        let (place, detail) = (place.to_owned(), self.to_string());
        match self {
            AccountError::Unreachable { detail, .. } => TargetError::Unreachable {
                place,
                detail: detail.clone(),
            },
            AccountError::Deadline { limit, .. } => TargetError::Deadline { place, limit: *limit },
            AccountError::Unauthenticated { .. } => TargetError::Unauthenticated { place },
            AccountError::Forbidden { .. } => TargetError::Forbidden { place, detail },
            AccountError::Missing { .. } => TargetError::Missing { place, detail },
            AccountError::Conflict { .. } => TargetError::Conflict { place },
            AccountError::Throttled { retry_after, .. } => TargetError::Throttled {
                place,
                retry_after: *retry_after,
            },
            AccountError::Saved { wait, .. } => TargetError::Throttled {
                place,
                retry_after: Some(*wait),
            },
            AccountError::Setup { .. } | AccountError::Refused { .. } | AccountError::TooMany { .. } => {
                TargetError::Refused { place, detail }
            }
            AccountError::Unavailable { .. } | AccountError::Resting { .. } => {
                TargetError::Unavailable { place, detail }
            }
            AccountError::Garbled { .. } | AccountError::Endless { .. } => TargetError::Garbled { place, detail },
        }
    }

    /// As the signal port tells it, for the source at `place`.
    pub fn signal(&self, place: &str) -> SignalError {
        let (place, detail) = (place.to_owned(), self.to_string());
        match self {
            // A 5xx or a 429 says that nobody is there now; any other status, that nobody will answer this.
            AccountError::Unreachable { .. }
            | AccountError::Deadline { .. }
            | AccountError::Throttled { .. }
            | AccountError::Unavailable { .. }
            | AccountError::Saved { .. }
            | AccountError::Resting { .. } => SignalError::Unreachable { place, detail },
            AccountError::Setup { .. }
            | AccountError::Unauthenticated { .. }
            | AccountError::Forbidden { .. }
            | AccountError::Missing { .. }
            | AccountError::Conflict { .. }
            | AccountError::Refused { .. }
            | AccountError::TooMany { .. } => SignalError::Refused { place, detail },
            AccountError::Garbled { .. } | AccountError::Endless { .. } => SignalError::Garbled { place, detail },
        }
    }
}
