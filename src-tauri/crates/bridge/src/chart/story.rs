//! What happened to a rollout over time, by its journal: replayed, as its state is, but kept at every turn.

use timonel_domain::plan::{Plan, Severity};
use timonel_domain::rollout::{Cause, Effect, Event, Level, Notice, Stage, State, step};
use timonel_domain::time::Timestamp;
use timonel_domain::value::{RolloutId, Weight};
use timonel_engine::EngineError;
use timonel_journal::record::{STEP, StepRecord};
use timonel_ports::store::{JournalStore, Part, Position};
use timonel_report::{Happened, Mark, WeightStep};

use crate::BridgeError;

const PAGE: u32 = 1000;

/// What happened to a rollout.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Story {
    /// The phases that it was in, in that order.
    pub phases: Vec<Stay>,
    /// The splitter's weights.
    pub weights: Vec<WeightStep>,
    /// Alerts, rollbacks and their ends.
    pub marks: Vec<Mark>,
    /// The time of the last entry of the journal.
    pub last: Option<Timestamp>,
}

/// A time in a phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stay {
    /// Index into the plan's phases.
    pub phase: usize,
    /// When the targets began to move to its weight.
    pub entered: Timestamp,
    /// When it was left; `None` while it lasts.
    pub left: Option<Timestamp>,
}

impl Story {
    /// Replays a rollout's journal.
    pub async fn read(
        store: &(impl JournalStore + ?Sized),
        rollout: &RolloutId,
        plan: &Plan,
    ) -> Result<Self, BridgeError> {
        let mut story = Self::default();
        let mut state = State::new(plan);
        let mut after = Position::START;
        loop {
            let page = store.entries(Part::Rollout(rollout), after, PAGE).await?;
            for placed in &page {
                after = placed.position;
                let damaged = |why: String| BridgeError::Engine(EngineError::Journal(why));
                let entry = placed.sealed.entry().map_err(|e| damaged(e.to_string()))?;
                story.last = story.last.max(Some(entry.occurred_at));
                if entry.kind.as_str() != STEP {
                    continue;
                }
                let record: StepRecord = entry.body.read().map_err(|e| damaged(e.to_string()))?;
                let event = Event::from(record.event);
                let (next, effects) = step(plan, &state, &event, entry.occurred_at);
                story.hear(plan, entry.occurred_at, &next, &effects);
                state = next;
            }
            if page.len() < PAGE as usize {
                return Ok(story);
            }
        }
    }

    fn hear(&mut self, plan: &Plan, at: Timestamp, state: &State, effects: &[Effect]) {
        self.stay(at, phase_of(state.stage));
        let splitter = plan.splitter().and_then(|splitter| state.targets.get(&splitter.id));
        if let Some((asked, accepted)) = splitter.and_then(|t| Some((t.asked.or(t.accepted)?, t.accepted?))) {
            let before = self
                .weights
                .last()
                .map_or((Weight::ZERO, Weight::ZERO), |w| (w.asked, w.accepted));
            if before != (asked, accepted) {
                self.weights.push(WeightStep { at, asked, accepted });
            }
        }
        let notices = effects.iter().filter_map(|effect| match effect {
            Effect::Notify(notice) => Some(notice),
            Effect::Raise { .. } | Effect::Lower { .. } | Effect::ShowManual { .. } | Effect::Rejected(_) => None,
        });
        for notice in notices {
            let Some(what) = happened(notice) else { continue };
            // A rollback says why; what it was asked for by, at that same moment, would say it twice.
            let asked = if let Happened::RolledBack(cause) = &what {
                asked_by(cause)
            } else {
                None
            };
            self.marks
                .retain(|mark| mark.at != at || Some(&mark.what) != asked.as_ref());
            self.marks.push(Mark {
                at,
                what,
                severity: notice.severity(),
            });
        }
    }

    fn stay(&mut self, at: Timestamp, phase: Option<usize>) {
        let open = self.phases.last_mut().filter(|stay| stay.left.is_none());
        if open.as_ref().map(|stay| stay.phase) == phase {
            return;
        }
        if let Some(stay) = open {
            stay.left = Some(at);
        }
        if let Some(phase) = phase {
            self.phases.push(Stay {
                phase,
                entered: at,
                left: None,
            });
        }
    }
}

fn phase_of(stage: Stage) -> Option<usize> {
    match stage {
        Stage::Shifting { phase }
        | Stage::Baking { phase }
        | Stage::Deciding { phase }
        | Stage::AwaitingApproval { phase } => Some(phase),
        Stage::Draft
        | Stage::Armed
        | Stage::RollingBack { .. }
        | Stage::RolledBack
        | Stage::Completed { .. }
        | Stage::Closed => None,
    }
}

/// What people were told of, where that asked for a rollback by itself.
fn asked_by(cause: &Cause) -> Option<Happened> {
    match cause {
        Cause::Rule(rule) => Some(Happened::Rule(rule.to_string())),
        Cause::Incident(kind) => Some(Happened::Incident(*kind)),
        Cause::Evidence(signal) => Some(Happened::Worse(signal.to_string())),
        Cause::Person(_) | Cause::Resumed | Cause::Drill(_) => None,
    }
}

/// What of a notice belongs on a timeline; what a weight or a bar shows already does not.
fn happened(notice: &Notice) -> Option<Happened> {
    Some(match notice {
        Notice::RuleFiring {
            severity: Severity::Low,
            ..
        } => return None,
        Notice::RuleFiring { rule, .. } => Happened::Rule(rule.to_string()),
        Notice::Worse { signal, .. } => Happened::Worse(signal.to_string()),
        Notice::Common { rule } => Happened::Common(rule.to_string()),
        Notice::Unrouted => Happened::Unrouted,
        Notice::SignalsLost { .. } => Happened::SignalsLost,
        Notice::Gap { .. } => Happened::Gap,
        Notice::Incident { kind } => Happened::Incident(*kind),
        Notice::TargetSilent { target, .. } => Happened::Silent(target.to_string()),
        Notice::ShiftFailed { target, .. } => Happened::ShiftFailed(target.to_string()),
        Notice::NotReadBack { target } | Notice::ContraryTraffic { target, .. } | Notice::NotCleanedUp { target } => {
            Happened::Unverified(target.to_string())
        }
        Notice::DriftBelow { target, .. } | Notice::DriftAbove { target, .. } | Notice::DriftPersists { target } => {
            Happened::Drift(target.to_string())
        }
        // Nothing was on the canary; its end is told.
        Notice::RollbackStarted {
            cause: Cause::Drill(_), ..
        } => return None,
        Notice::RollbackStarted {
            level: Level::Total,
            cause,
        } => Happened::RolledBack(cause.clone()),
        Notice::RollbackStarted {
            level: Level::Reduce(_),
            cause,
        } => Happened::Reduced(cause.clone()),
        Notice::RollbackVerified => Happened::Verified,
        Notice::Drilled { .. } => Happened::Drilled,
        Notice::Completed => Happened::Completed,
        Notice::RuleResolved { .. }
        | Notice::SignalsBack
        | Notice::PhaseEntered { .. }
        | Notice::AwaitingApproval { .. }
        | Notice::TargetAnswers { .. }
        | Notice::LowerFailed { .. }
        | Notice::Reaches { .. }
        | Notice::Levered { .. }
        | Notice::Pinned { .. }
        | Notice::Unpinned { .. }
        | Notice::Drained => return None,
    })
}
