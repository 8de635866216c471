//! The closed lists of words that cross in several places.

use serde::{Deserialize, Serialize};
use timonel_domain::board;
use timonel_domain::plan::{Action, Severity};
use timonel_domain::rollout::Stage;
use ts_rs::TS;

/// How fresh data are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum Freshness {
    /// As young as they can be.
    Live,
    /// A reading or two were missed.
    Late,
    /// Older than that, or never seen: they prove nothing.
    Lost,
}

impl From<board::Freshness> for Freshness {
    fn from(freshness: board::Freshness) -> Self {
        match freshness {
            board::Freshness::Live => Freshness::Live,
            board::Freshness::Late => Freshness::Late,
            board::Freshness::Lost => Freshness::Lost,
        }
    }
}

/// How loud something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum SeverityName {
    /// For the record.
    Low,
    /// Somebody should look today.
    Medium,
    /// Somebody should look now.
    High,
    /// Wakes people.
    Critical,
}

impl From<Severity> for SeverityName {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Low => SeverityName::Low,
            Severity::Medium => SeverityName::Medium,
            Severity::High => SeverityName::High,
            Severity::Critical => SeverityName::Critical,
        }
    }
}

/// What a firing rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum ActionName {
    /// Tells people.
    Notify,
    /// Tells people and freezes.
    Alert,
    /// Puts everything back.
    Rollback,
}

impl From<Action> for ActionName {
    fn from(action: Action) -> Self {
        match action {
            Action::Notify => ActionName::Notify,
            Action::Alert => ActionName::Alert,
            Action::Rollback => ActionName::Rollback,
        }
    }
}

/// Where a rollout is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each is the domain stage of the same name")]
pub enum StageKind {
    Draft,
    Armed,
    Shifting,
    Baking,
    Deciding,
    AwaitingApproval,
    RollingBack,
    RolledBack,
    Completed,
    Closed,
}

impl From<Stage> for StageKind {
    fn from(stage: Stage) -> Self {
        match stage {
            Stage::Draft => StageKind::Draft,
            Stage::Armed => StageKind::Armed,
            Stage::Shifting { .. } => StageKind::Shifting,
            Stage::Baking { .. } => StageKind::Baking,
            Stage::Deciding { .. } => StageKind::Deciding,
            Stage::AwaitingApproval { .. } => StageKind::AwaitingApproval,
            Stage::RollingBack { .. } => StageKind::RollingBack,
            Stage::RolledBack => StageKind::RolledBack,
            Stage::Completed { .. } => StageKind::Completed,
            Stage::Closed => StageKind::Closed,
        }
    }
}
