//! The rollout: its state, what happens to it, and the one pure step between the two.
//!
//! [`step`] is total: it never panics and never fails. An event that is not allowed gives [`Effect::Rejected`].
//! The same events always lead to the same state, which is how a rollout is recovered from its journal.

use std::fmt;

mod command;
mod event;
mod notice;
mod rollback;
mod shift;
mod state;
mod step;
mod target;
#[cfg(test)]
mod tests;
mod watch;

pub use event::{Apart, Cause, Effect, Event, Failure, Level, Members, Rejection, Report};
pub use notice::Notice;
pub use rollback::units_to_believe;
pub use shift::{Blocker, blockers};
pub use state::{
    Hold, Latch, Marks, Op, OpId, OpKind, Override, Rollback, Silence, Stage, State, Stopwatch, TargetState,
    Verification,
};
pub use step::step;

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Timers and rules are looked at this often.
pub const TICK: Duration = Duration::from_secs(1);

/// Goes with every decision; a raise of an older generation than a rollback's is refused (invariant 7).
/// Ordered by epoch, then revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Generation {
    /// The helm's epoch.
    pub epoch: u64,
    /// Counts the lowerings: what was decided before one may not raise after it.
    pub revision: u32,
}

/// Text that is no generation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no generation: expected EPOCH.REVISION")]
pub struct BadGeneration(String);

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.epoch, self.revision)
    }
}

impl std::str::FromStr for Generation {
    type Err = BadGeneration;
    fn from_str(text: &str) -> Result<Self, BadGeneration> {
        let parse = || {
            let (epoch, revision) = text.split_once('.')?;
            Some(Self {
                epoch: epoch.parse().ok()?,
                revision: revision.parse().ok()?,
            })
        };
        parse().ok_or_else(|| BadGeneration(text.to_owned()))
    }
}

impl TryFrom<String> for Generation {
    type Error = BadGeneration;
    fn try_from(text: String) -> Result<Self, BadGeneration> {
        text.parse()
    }
}

impl From<Generation> for String {
    fn from(generation: Generation) -> String {
        generation.to_string()
    }
}
