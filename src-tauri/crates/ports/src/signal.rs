//! The port to where metrics come from.

use async_trait::async_trait;
use timonel_domain::sample::Sample;
use timonel_domain::value::{Side, SignalId};

/// One endpoint that serves one or more signals, so that one scrape or connection serves them all.
#[async_trait]
pub trait Source: Send + Sync {
    /// What it is. Does no I/O.
    fn describe(&self) -> SourceDescription;
    /// Reads what is new of every signal it serves. One [`Reading`] for each signal and side, always.
    async fn read(&self) -> Vec<Reading>;
    /// Returns once there is something new that should not wait for the next interval, so that it is read at once. Never
    /// returns where whatever is new is seen by reading alone. Cancel safe.
    async fn arrived(&self) {
        std::future::pending().await
    }
}

/// What a source is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceDescription {
    /// Such as `prometheus` or `scrape`.
    pub kind: &'static str,
    /// For people; an address without secrets.
    pub place: String,
    /// The signals and sides that it serves.
    pub serves: Vec<(SignalId, Side)>,
}

/// What one side of one signal gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Which signal.
    pub signal: SignalId,
    /// Whose value.
    pub side: Side,
    /// Samples in the order of their times, at least one; several where a late reading catches up.
    pub outcome: Result<Vec<Sample>, SignalError>,
}

/// Why there is no sample. All of these are `NoEvidence`: missing is never good (invariant 4).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignalError {
    /// The source answered, and has nothing new for this signal.
    #[error("{place} has no data for this signal")]
    NoData {
        /// Which source.
        place: String,
    },
    /// A counter was seen for the first time, or again after a gap: the next reading gives the first increment.
    #[error("{place} gave the first reading; the next one tells what happened in between")]
    First {
        /// Which source.
        place: String,
    },
    /// The source does not answer.
    #[error("{place} does not answer: {detail}")]
    Unreachable {
        /// Which source.
        place: String,
        /// What the transport said.
        detail: String,
    },
    /// The source refused the question.
    #[error("{place} refuses the question: {detail}")]
    Refused {
        /// Which source.
        place: String,
        /// What the source said.
        detail: String,
    },
    /// The answer is not of the expected form.
    #[error("{place} answered something else than expected: {detail}")]
    Garbled {
        /// Which source.
        place: String,
        /// A short excerpt.
        detail: String,
    },
    /// The value is NaN or infinite.
    #[error("{place} gave a value that is not a number")]
    NotANumber {
        /// Which source.
        place: String,
    },
    /// Its clock and ours differ, or a sample lies in the future.
    #[error("{place} has another time than we have ({skew_secs} s). Check both clocks")]
    Skewed {
        /// Which source.
        place: String,
        /// Source minus ours, in seconds.
        skew_secs: i64,
    },
}

impl SignalError {
    /// A stable code that screens translate.
    pub fn code(&self) -> &'static str {
        match self {
            SignalError::NoData { .. } => "signal.no-data",
            SignalError::First { .. } => "signal.first",
            SignalError::Unreachable { .. } => "signal.unreachable",
            SignalError::Refused { .. } => "signal.refused",
            SignalError::Garbled { .. } => "signal.garbled",
            SignalError::NotANumber { .. } => "signal.not-a-number",
            SignalError::Skewed { .. } => "signal.skewed",
        }
    }
}
