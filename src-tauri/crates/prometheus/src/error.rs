//! What can go wrong with a Prometheus or a program's metrics, told so that an operator knows what to do next.

use timonel_domain::time::Timestamp;
use timonel_http::HttpError;
use timonel_ports::signal::SignalError;

/// A failed reading, or a configuration that can never give one.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text is no plain selector.
    #[error(
        "`{text}` is not a plain selector: {why} (at character {at}). Name the counter itself, such as \
         `calls_total{{arm=\"canary\"}}`, not a quotient, sum or rate of it: Timonel counts what happened between two readings"
    )]
    NotASelector {
        /// What was read.
        text: String,
        /// What is wrong with it.
        why: String,
        /// Where, counted from 1.
        at: usize,
    },
    /// A distribution needs the buckets of a classic histogram.
    #[error("`{name}` is no histogram: name its bucket series, such as `call_latency_seconds_bucket`")]
    NotBuckets {
        /// The metric named instead.
        name: String,
    },
    /// The exposition is not well-formed; none of it is used, since what is missing in it cannot be known.
    #[error("line {line} of the metrics cannot be read: {why}")]
    Exposition {
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
    /// No usable answer.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// Another status than success.
    #[error("the answer is {status}: {excerpt}")]
    Status {
        /// The status code.
        status: u16,
        /// The beginning of the answer, redacted.
        excerpt: String,
    },
    /// Prometheus refused the query.
    #[error("the query is refused ({kind}): {message}")]
    Query {
        /// Its own word, such as `bad_data`, `execution` or `timeout`.
        kind: String,
        /// Its own explanation, with the place.
        message: String,
    },
    /// The answer is JSON, but not of the form that the query API promises.
    #[error("the answer is not of the form that Prometheus promises: {why}")]
    Form {
        /// What is wrong with it.
        why: String,
    },
    /// Its clock and ours differ too much for its samples to be placed in time.
    #[error("its clock is {skew_secs} s from ours. Check both clocks (NTP)")]
    Skewed {
        /// Source minus ours, in seconds.
        skew_secs: i64,
    },
    /// A sample lies in the future.
    #[error("a sample of {at} lies {skew_secs} s in the future. Check the clocks (NTP)")]
    Future {
        /// The sample's time.
        at: Timestamp,
        /// How far ahead, in seconds.
        skew_secs: i64,
    },
}

impl Error {
    /// As the port tells it, for the source at `place`.
    pub(crate) fn at(&self, place: &str) -> SignalError {
        let (place, detail) = (place.to_owned(), self.to_string());
        match self {
            Error::Http(HttpError::NotJson { .. } | HttpError::BodyTooLarge { .. })
            | Error::Exposition { .. }
            | Error::Form { .. } => SignalError::Garbled { place, detail },
            Error::Http(_) => SignalError::Unreachable { place, detail },
            // A proxy's 5xx or a 429 says that nobody is there now; any other status, that nobody will answer this.
            Error::Status { status, .. } if *status >= 500 || *status == 429 => {
                SignalError::Unreachable { place, detail }
            }
            Error::Status { .. } | Error::Query { .. } | Error::NotASelector { .. } | Error::NotBuckets { .. } => {
                SignalError::Refused { place, detail }
            }
            Error::Skewed { skew_secs } | Error::Future { skew_secs, .. } => SignalError::Skewed {
                place,
                skew_secs: *skew_secs,
            },
        }
    }
}
