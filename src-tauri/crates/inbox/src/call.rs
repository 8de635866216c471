//! A finished call as whoever handled it tells of it: one JSON object.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde::Deserialize;
use timonel_domain::time::Timestamp;
use timonel_domain::value::Arm;

/// Bytes that the name of a call may have.
const LONGEST_ID: usize = 200;

/// One finished call.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    /// Who answered it.
    pub arm: Arm,
    /// When it ended.
    pub at: Timestamp,
    /// Whether it failed.
    pub failed: bool,
    /// Whether the caller left, where that is told.
    pub abandoned: Option<bool>,
    /// The time to an answer, in milliseconds.
    pub latency_ms: Option<f64>,
    /// Its length, in milliseconds.
    pub duration_ms: Option<f64>,
    /// Turns, and how many of them were recognised.
    pub turns: Option<(u32, u32)>,
}

/// What is wrong with the numbers of a call.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum BadCall {
    /// No time span.
    #[error("{field} is {value}: write milliseconds, 0 or more")]
    Millis {
        /// Which field.
        field: &'static str,
        /// What it says.
        value: f64,
    },
    /// More turns were recognised than there were, or one of the two is missing.
    #[error("turns and recognised do not fit: write both, recognised no more than turns")]
    Turns,
}

impl Call {
    /// The same call, where its spans are spans.
    pub fn checked(self) -> Result<Self, BadCall> {
        for (field, value) in [("latency_ms", self.latency_ms), ("duration_ms", self.duration_ms)] {
            // What cannot be kept as millionths of a second is no span of a call.
            if let Some(value) = value.filter(|value| !(0.0..1e15).contains(value)) {
                return Err(BadCall::Millis { field, value });
            }
        }
        Ok(self)
    }

    /// Turns with those that were recognised: both, or neither.
    pub fn both(turns: Option<u32>, recognised: Option<u32>) -> Result<Option<(u32, u32)>, BadCall> {
        match (turns, recognised) {
            (Some(turns), Some(recognised)) if recognised <= turns => Ok(Some((turns, recognised))),
            (None, None) => Ok(None),
            (Some(_) | None, Some(_) | None) => Err(BadCall::Turns),
        }
    }
}

/// A line as it is written: what a backtest reads, with a name by which a call that is told again is known. Fields that we do not
/// know are left alone.
#[derive(Deserialize)]
struct Written {
    id: String,
    /// Tells apart what has the same id, such as the legs of a call.
    #[serde(default)]
    seq: u64,
    arm: Arm,
    failed: bool,
    at: Timestamp,
    #[serde(default)]
    latency_ms: Option<f64>,
    #[serde(default)]
    duration_ms: Option<f64>,
    #[serde(default)]
    abandoned: Option<bool>,
    #[serde(default)]
    turns: Option<u32>,
    #[serde(default)]
    recognised: Option<u32>,
}

/// Why a line tells of no finished call.
#[derive(Debug, thiserror::Error)]
pub enum BadOutcome {
    /// No JSON, or not of this form.
    #[error("{0}")]
    Form(#[from] serde_json::Error),
    /// No name, or one that is too long.
    #[error("id has {0} bytes: write the call's own name, 1 to {LONGEST_ID} bytes")]
    Id(usize),
    /// Its numbers are none.
    #[error("{0}")]
    Call(#[from] BadCall),
}

/// A call that somebody told of.
#[derive(Debug, Clone, Copy)]
pub struct Told {
    /// What its id and sequence come to. Two of a hundred thousand fall together once in four billion times.
    pub(crate) name: u64,
    /// What all else comes to.
    pub(crate) content: u64,
    /// The call.
    pub call: Call,
}

impl Told {
    /// Reads one JSON object.
    pub fn read(line: &[u8]) -> Result<Self, BadOutcome> {
        let written: Written = serde_json::from_slice(line)?;
        if written.id.is_empty() || written.id.len() > LONGEST_ID {
            return Err(BadOutcome::Id(written.id.len()));
        }
        let call = Call {
            arm: written.arm,
            at: written.at,
            failed: written.failed,
            abandoned: written.abandoned,
            latency_ms: written.latency_ms,
            duration_ms: written.duration_ms,
            turns: Call::both(written.turns, written.recognised)?,
        };
        let call = call.checked()?;
        let bits = |value: Option<f64>| value.map(f64::to_bits);
        let content = (
            call.arm == Arm::Canary,
            call.failed,
            call.at,
            call.abandoned,
            call.turns,
        );
        Ok(Self {
            name: hashed(&(&written.id, written.seq)),
            content: hashed(&(content, bits(call.latency_ms), bits(call.duration_ms))),
            call,
        })
    }
}

fn hashed(what: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}
