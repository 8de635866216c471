//! A plan tried on the past: readings made of a file of finished calls, or read again from a Prometheus, given to
//! [`timonel_domain::backtest`]. Connects to no target, asks for no key and writes nothing.
//!
//! Deliberately not here: what follows from a reading (`domain`), and how it is told (`timonelctl`).

mod outcomes;
mod past;

use std::collections::BTreeSet;
use std::time::Duration;

pub use outcomes::{BadLine, Calls, OutcomeError, Outcomes};
pub use past::{Asking, PastError, of_prometheus};
use timonel_domain::backtest::{Report, Standing};
use timonel_domain::plan::Plan;
use timonel_domain::time::Timestamp;
use timonel_domain::value::{Side, SignalId};
pub use timonel_inbox::BadCall;

/// No more of the past than this is tried at once.
pub const LONGEST: Duration = Duration::from_secs(31 * 24 * 3600);

/// A plan that was tried.
#[derive(Debug)]
pub struct Tried {
    /// What it came to.
    pub report: Report,
    /// Where the rollout was assumed to stand, and from when on; at least one.
    pub standings: Vec<(Timestamp, Standing)>,
    /// What was read of every side of every signal of the plan, in its order.
    pub feeds: Vec<Feed>,
}

/// What was read of one side of a signal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feed {
    /// Which signal.
    pub signal: SignalId,
    /// Whose value.
    pub side: Side,
    /// Readings.
    pub readings: u64,
    /// Units or occurrences that they counted.
    pub units: u64,
    /// What is missing of it; `None` where nothing is.
    pub missing: Option<Missing>,
}

/// Why readings of a signal are missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missing {
    /// Finished calls do not tell it.
    NotOfCalls,
    /// No line has the field that tells it.
    NoField(&'static str),
    /// The plan reads it elsewhere than from a Prometheus.
    Elsewhere,
    /// In so many of the spans that were asked for there was nothing to be had; why, the first time.
    Spans {
        /// Spans without a reading.
        spans: u64,
        /// Spans in all.
        of: u64,
        /// What the source said.
        why: String,
    },
}

impl Tried {
    /// Signals of which nothing at all was read: rules and gates about them say nothing here.
    pub fn unread(&self) -> BTreeSet<&SignalId> {
        let read: BTreeSet<_> = self
            .feeds
            .iter()
            .filter(|feed| feed.readings > 0)
            .map(|feed| &feed.signal)
            .collect();
        self.feeds
            .iter()
            .map(|feed| &feed.signal)
            .filter(|signal| !read.contains(signal))
            .collect()
    }
}

/// An empty tally for every side of every signal, in the plan's order.
fn feeds(plan: &Plan) -> Vec<Feed> {
    let sides = plan
        .signals
        .iter()
        .flat_map(|signal| signal.sides.iter().map(|side| (signal.id.clone(), *side)));
    sides
        .map(|(signal, side)| Feed {
            signal,
            side,
            readings: 0,
            units: 0,
            missing: None,
        })
        .collect()
}
