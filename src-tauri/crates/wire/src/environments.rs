//! What can be opened, what is, and why what is open cannot be left.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::code::StageKind;
use crate::sentence::Sentence;

/// What a person wants to have open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "open", rename_all = "kebab-case")]
pub enum ToOpen {
    /// The simulator, from its beginning.
    Simulator,
    /// A rollout of this installation, where it stands.
    Rollout {
        /// Which.
        rollout: String,
    },
    /// A plan in one of its environments: its rollout that is not over, else a new one, as a draft.
    Plan {
        /// The plan's file: a whole path, or one from the person's own folder on (`~/…`).
        path: String,
        /// The environment, by its name in the plan.
        environment: String,
    },
}

/// What can be opened in this installation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct Environments {
    /// The installation's folder.
    pub folder: String,
    /// Where the shared store is at which it looks on, without its password; `None` where the installation has one of its own, or it is
    /// not open.
    pub store: Option<String>,
    /// Whether the simulator is open.
    pub simulated: bool,
    /// Why nothing is open, where something was to be.
    pub closed: Option<Sentence>,
    /// Why what is open cannot be left now; `None` where it can.
    pub stays: Option<Sentence>,
    /// The rollouts of this installation, the last opened first.
    pub rollouts: Vec<KnownRollout>,
    /// Why they cannot be listed, where they cannot.
    pub fault: Option<Sentence>,
    /// The plan files in the folder `plans` of the installation, by name.
    pub plans: Vec<PlanFile>,
}

/// A rollout of this installation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct KnownRollout {
    /// Its id.
    pub id: String,
    /// The name of its plan; its id where the plan cannot be read.
    pub plan: String,
    /// Its environment, by its name in the plan.
    pub environment: String,
    /// Where it stands; `None` where its past cannot be read.
    pub stage: Option<StageKind>,
    /// The same in words; `None` where its past cannot be read.
    pub standing: Option<Sentence>,
    /// Since when it stands there; since it was opened where its past cannot be read.
    pub since: i64,
    /// Whether it is the one that is open.
    pub open: bool,
    /// Whether somebody has to watch it.
    pub under_way: bool,
    /// Why its past cannot be read, where it cannot.
    pub fault: Option<Sentence>,
}

/// A plan file as far as a person who is about to open it wants to know it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct PlanFile {
    /// The whole path.
    pub path: String,
    /// The plan's name; `None` where it cannot be used.
    pub name: Option<String>,
    /// Its real environments, by name; the one it names as its own first. Empty where it cannot be used.
    pub environments: Vec<String>,
    /// What is wrong or doubtful in it, in the order of the file.
    pub findings: Vec<PlanFinding>,
}

/// Something that is wrong or doubtful in a plan file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct PlanFinding {
    /// Whether the file cannot be used because of it.
    pub error: bool,
    /// A stable code, such as `phase.order`.
    pub code: String,
    /// Where in the plan, such as `phases[2].weight`; empty for the whole file.
    pub at: String,
    /// The line, from 1; `None` where it is about something that is not there.
    pub line: Option<u32>,
    /// What is wrong, in the words of the check (English).
    pub message: String,
    /// What to write instead, likewise.
    pub advice: String,
}
