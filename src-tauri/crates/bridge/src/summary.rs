//! How a rollout ended, with the times that matter: the last line of a rehearsal.

use serde::{Deserialize, Serialize};
use timonel_domain::rollout::{Members, Stage, Verification};
use timonel_domain::time::Timestamp;
use timonel_domain::value::{PhaseId, TargetId, Weight};
use timonel_engine::Snapshot;
use timonel_journal::record::HoldRecord;
use timonel_plan::scenario::{Expectation, Outcome};

/// How a rollout ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Always `summary`.
    pub kind: String,
    /// How it ended.
    pub outcome: Outcome,
    /// The phase in which it ended, or from which it was rolled back.
    pub phase: Option<PhaseId>,
    /// Each target.
    pub targets: Vec<TargetSummary>,
    /// When the breach began that a rule acted on.
    pub breach_at: Option<Timestamp>,
    /// When the rollback was decided.
    pub decided_at: Option<Timestamp>,
    /// When the last target accepted it.
    pub accepted_at: Option<Timestamp>,
    /// When the last target was verified.
    pub verified_at: Option<Timestamp>,
    /// When no unit was left on the canary.
    pub drained_at: Option<Timestamp>,
    /// Whether a person was called because something could not be verified.
    pub escalated: bool,
    /// What held it, where it is frozen.
    pub holds: Vec<HoldRecord>,
    /// Steps that are not in the journal, and breaks in its chain. Always 0, or something is wrong with us.
    pub lost_events: u64,
}

/// One target at the end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TargetSummary {
    /// Which.
    pub id: TargetId,
    /// The weight that was asked for last.
    pub requested: Option<Weight>,
    /// The weight that it accepted last: what it can hold of the one asked for.
    pub accepted: Option<Weight>,
    /// How many members that is, where it holds a set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members: Option<Members>,
    /// The weight that traffic shows; only where it can be seen.
    pub observed: Option<Weight>,
    /// Whether the last change is verified, and nothing is left to clean up behind it.
    pub verified: bool,
}

impl Summary {
    /// The end of a rollout; `phase` is the one it was last seen in, `lost_events` what the journal lacks.
    pub fn new(snapshot: &Snapshot, phase: Option<usize>, lost_events: u64) -> Self {
        let (plan, state) = (&snapshot.plan, &snapshot.state);
        let outcome = match state.stage {
            Stage::RollingBack { .. } | Stage::RolledBack => Outcome::RolledBack,
            Stage::Completed { .. } => Outcome::Completed,
            Stage::Draft
            | Stage::Armed
            | Stage::Shifting { .. }
            | Stage::Baking { .. }
            | Stage::Deciding { .. }
            | Stage::AwaitingApproval { .. }
            | Stage::Closed => Outcome::Frozen,
        };
        let splitter = plan.splitter().map(|s| &s.id);
        let targets = plan.targets.iter().filter_map(|t| {
            let target = state.targets.get(&t.id)?;
            let verified = match outcome {
                Outcome::RolledBack => target.op.is_none() && state.verification(plan, &t.id) == Verification::Verified,
                Outcome::Completed | Outcome::Frozen => {
                    target.op.is_none() && target.accepted.is_some() && target.accepted == target.read
                }
            };
            Some(TargetSummary {
                id: t.id.clone(),
                requested: target.op.map(|op| op.to).or(target.asked),
                accepted: target.accepted,
                members: target.members,
                observed: (Some(&t.id) == splitter)
                    .then_some(snapshot.observed)
                    .flatten()
                    .and_then(|seen| seen.weight()),
                verified,
            })
        });
        let rollback = state.rollback.as_ref();
        let marks = || state.targets.values().map(|t| t.marks);
        let drained = splitter
            .and_then(|id| state.targets.get(id))
            .and_then(|t| t.marks.drained);
        Self {
            kind: "summary".to_owned(),
            outcome,
            phase: phase.and_then(|i| plan.phases.get(i)).map(|p| p.id.clone()),
            targets: targets.collect(),
            breach_at: rollback.and_then(|r| r.breach_at),
            decided_at: rollback.map(|r| r.decided_at),
            accepted_at: rollback.and_then(|_| marks().map(|m| m.accepted).max().flatten()),
            verified_at: rollback.and_then(|r| r.verified_at),
            drained_at: rollback.and(drained),
            escalated: rollback.is_some_and(|r| r.escalated),
            holds: state.holds.iter().cloned().map(HoldRecord::from).collect(),
            lost_events,
        }
    }

    /// What is otherwise than the scenario says; empty where it ended as it should.
    pub fn differences(&self, expect: &Expectation) -> Vec<String> {
        let mut out = Vec::new();
        if self.outcome != expect.outcome {
            out.push(format!("outcome is {:?}, expected {:?}", self.outcome, expect.outcome));
        }
        let verified = self.targets.iter().all(|t| t.verified);
        if verified != expect.verified {
            out.push(format!("verified is {verified}, expected {}", expect.verified));
        }
        if self.escalated != expect.escalated {
            out.push(format!(
                "escalated is {}, expected {}",
                self.escalated, expect.escalated
            ));
        }
        if let Some(phase) = &expect.phase
            && self.phase.as_ref() != Some(phase)
        {
            out.push(format!(
                "ended in phase {:?}, expected {phase}",
                self.phase.as_ref().map(PhaseId::as_str)
            ));
        }
        if self.lost_events > 0 {
            out.push(format!("{} events are lost", self.lost_events));
        }
        out
    }
}
