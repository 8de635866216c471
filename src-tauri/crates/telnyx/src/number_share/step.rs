//! Steps and operations as they travel: complete, so that another process can send or poll them. Data only.

use serde::{Deserialize, Serialize};
use timonel_domain::rollout::Generation;
use timonel_domain::time::Timestamp;

use super::settings::Settings;

/// The form of what travels. Bytes of another one are read again, never guessed at.
pub(super) const FORM: u32 = 1;

/// One step with what it is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Planned {
    pub(super) form: u32,
    /// The applications that it was planned for, so that it never reaches others.
    pub(super) stable: String,
    pub(super) canary: String,
    pub(super) deed: Deed,
}

/// What a step sets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "do")]
pub(super) enum Deed {
    /// Begins a raise: keeps the kit, takes the mark off, stamps, and releases the lever where it is pulled.
    Open(Open),
    /// Begins a lowering to 0: the canary application treats calls as stable does.
    Pull(Pull),
    /// The same where nothing is known yet: both applications are read first, and nothing else.
    Seek {
        /// Of which decision.
        generation: Generation,
    },
    /// Begins a lowering to more than 0: leaves the mark.
    Mark {
        /// Of which decision.
        generation: Generation,
        /// The numbers that are asked for from now on.
        aim: Vec<String>,
    },
    /// A bulk job that sets the connection of some numbers.
    Move(Move),
    /// A bulk job of ours that is under way already and does what is wanted.
    Follow {
        /// Its id.
        job: String,
        /// Where it brings its numbers.
        to: Way,
        /// How many it has.
        count: usize,
    },
}

/// Where numbers go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Way {
    /// To the stable application.
    Stable,
    /// To the canary application.
    Canary,
}

/// See [`Deed::Open`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Open {
    pub(super) generation: Generation,
    /// The numbers that are asked for from now on, in the order of joining.
    pub(super) aim: Vec<String>,
    /// The canary's own settings, where the lever is to be released.
    pub(super) release: Option<Settings>,
}

/// See [`Deed::Pull`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pull {
    pub(super) generation: Generation,
    /// What the canary application is to have.
    pub(super) wanted: Settings,
    /// What it had when this was planned: what needs to be cleared.
    pub(super) had: Settings,
    /// Its tags when this was planned.
    pub(super) tags: Vec<String>,
}

/// See [`Deed::Move`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Move {
    pub(super) to: Way,
    /// At most as many as one job takes, by id.
    pub(super) numbers: Vec<String>,
    /// Whose decision it is: a move to the canary is checked against the stamp.
    pub(super) generation: Generation,
    /// What was known of the account's jobs when it was planned; `None` where nothing was, as right after the lever.
    pub(super) listing: Option<Listing>,
}

/// A listing of the account's jobs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Listing {
    /// When it was asked for.
    pub(super) at: Timestamp,
    /// Jobs with numbers of ours, whatever became of them: none of these is an attempt at a step planned from here.
    pub(super) known: Vec<String>,
}

/// What was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub(super) enum Accepted {
    /// A PATCH whose answer shows what was written.
    Written,
    /// A PATCH that is done once all of this is read back from the canary application.
    Set {
        /// The form of this.
        form: u32,
        /// What it should have.
        wanted: Settings,
    },
    /// A lever: done once all of this is read back from the canary application, and while stable still has that address.
    Pulled {
        /// The form of this.
        form: u32,
        /// What it should have.
        wanted: Settings,
    },
    /// A job.
    Job {
        /// The form of this.
        form: u32,
        /// Its id.
        job: String,
        /// Where it brings its numbers.
        to: Way,
        /// How many it has.
        count: usize,
    },
    /// A job that is not posted yet, because the account has as many open as it may.
    Waiting {
        /// The form of this.
        form: u32,
        /// What to post.
        job: Move,
    },
}
