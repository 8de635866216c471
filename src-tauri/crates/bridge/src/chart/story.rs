//! What happened to a rollout over time, by its journal: replayed, as its state is, but kept at every turn.

use timonel_domain::evidence::Epoch;
use timonel_domain::plan::{Plan, Severity};
use timonel_domain::rollout::{Cause, Effect, Event, Level, Notice, Stage, State, step};
use timonel_domain::time::Timestamp;
use timonel_domain::value::{RolloutId, Weight};
use timonel_engine::EngineError;
use timonel_journal::record::{STEP, StepRecord};
use timonel_ports::store::{JournalStore, Part, Position};
use timonel_report::{Happened, Mark, WeightStep};

use super::band::Era;
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
    /// When the evidence began anew.
    pub eras: Vec<Era>,
    /// The time of the last entry of the journal.
    pub last: Option<Timestamp>,
}

/// A story that goes on where it was left: what was told is not replayed again.
#[derive(Debug)]
pub(crate) struct Telling {
    pub(crate) story: Story,
    state: State,
    after: Position,
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
        let mut telling = Telling::new(plan);
        telling.go_on(store, rollout, plan).await?;
        Ok(telling.story)
    }

    fn hear(&mut self, plan: &Plan, at: Timestamp, state: &State, effects: &[Effect]) {
        self.stay(at, phase_of(state.stage));
        self.era(at, state.epoch);
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

    fn era(&mut self, at: Timestamp, epoch: Option<Epoch>) {
        let open = self.eras.last_mut().filter(|era| era.until.is_none());
        if open.as_ref().map(|era| era.since) == epoch.map(|epoch| epoch.since) {
            return;
        }
        if let Some(era) = open {
            era.until = Some(at);
        }
        self.eras.extend(epoch.map(|epoch| Era {
            since: epoch.since,
            until: None,
        }));
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

impl Telling {
    pub(crate) fn new(plan: &Plan) -> Self {
        Self {
            story: Story::default(),
            state: State::new(plan),
            after: Position::START,
        }
    }

    /// Tells what the journal has had since.
    pub(crate) async fn go_on(
        &mut self,
        store: &(impl JournalStore + ?Sized),
        rollout: &RolloutId,
        plan: &Plan,
    ) -> Result<(), BridgeError> {
        loop {
            let page = store.entries(Part::Rollout(rollout), self.after, PAGE).await?;
            for placed in &page {
                let damaged = |why: String| BridgeError::Engine(EngineError::Journal(why));
                let entry = placed.sealed.entry().map_err(|e| damaged(e.to_string()))?;
                if entry.kind.as_str() == STEP {
                    let record: StepRecord = entry.body.read().map_err(|e| damaged(e.to_string()))?;
                    let event = Event::from(record.event);
                    let (next, effects) = step(plan, &self.state, &event, entry.occurred_at);
                    self.story.hear(plan, entry.occurred_at, &next, &effects);
                    self.state = next;
                }
                self.story.last = self.story.last.max(Some(entry.occurred_at));
                self.after = placed.position;
            }
            if page.len() < PAGE as usize {
                return Ok(());
            }
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
        Notice::Skewed { .. } => Happened::Skewed,
        Notice::SignalsLost { .. } => Happened::SignalsLost,
        Notice::Gap { .. } => Happened::Gap,
        Notice::Mended { .. } => Happened::Mended,
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
        // Of the record, and not of the calls.
        | Notice::JournalBroken { .. }
        | Notice::Drained => return None,
    })
}
