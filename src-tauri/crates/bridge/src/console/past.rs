//! What the steps of a rollout leave to be shown: alerts, lines of the journal, when phases were entered and left.
//!
//! Fed with every bulletin in order, and with nothing else: the same bulletins give the same past, whether they come from a
//! running engine or from the journal of one that has ended.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use timonel_domain::plan::{Plan, Severity};
use timonel_domain::rollout::{Cause, Effect, Event, Hold, Level, Notice, Stage, State};
use timonel_domain::time::Timestamp;
use timonel_domain::value::{RuleId, SignalId, TargetId};
use timonel_engine::{Bulletin, Listener};
use timonel_wire::{Drill, JournalLine, Sentence, duration_millis, millis, told};

/// Lines that are kept for the screen; the journal has them all.
const LINES: usize = 50;
/// Alerts that are over and were kept; those that are not are never left out.
const ALERTS: usize = 200;

/// Everything that the steps so far leave to be shown.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Past {
    /// Oldest first.
    pub(super) alerts: VecDeque<PastAlert>,
    /// Oldest first.
    pub(super) lines: VecDeque<JournalLine>,
    pub(super) phases: BTreeMap<usize, PastPhase>,
    /// Since when the rollout is in its stage.
    pub(super) since: Timestamp,
    pub(super) last_drill: Option<Drill>,
    /// What a person can paste for targets that do not confirm.
    pub(super) manual: BTreeMap<TargetId, Vec<String>>,
    /// Rules that fired and no longer do.
    pub(super) resolved: BTreeSet<RuleId>,
    pub(super) counts: PastCounts,
    stage: Option<Stage>,
}

/// What happened how often, from the first entry of the journal on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastCounts {
    /// Total rollbacks that were begun; a drill is none.
    pub rollbacks: u64,
    /// Reductions to a lower weight that were begun.
    pub reductions: u64,
    /// Times in which nobody watched.
    pub gaps: u64,
    /// How long nobody watched, all of them together and at most.
    pub unwatched: Duration,
}

impl PastCounts {
    fn hear(&mut self, bulletin: &Bulletin) {
        if let Event::Gap { from } = &bulletin.event {
            self.gaps += 1;
            self.unwatched += bulletin.at.since(*from);
        }
        for effect in &bulletin.effects {
            match effect {
                Effect::Notify(Notice::RollbackStarted {
                    cause: Cause::Drill(_), ..
                }) => {}
                Effect::Notify(Notice::RollbackStarted {
                    level: Level::Total, ..
                }) => self.rollbacks += 1,
                Effect::Notify(Notice::RollbackStarted {
                    level: Level::Reduce(_),
                    ..
                }) => self.reductions += 1,
                Effect::Notify(_)
                | Effect::Rejected(_)
                | Effect::ShowManual { .. }
                | Effect::Lower { .. }
                | Effect::Raise { .. } => {}
            }
        }
    }
}

/// Something that people were told and may have to act on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct PastAlert {
    pub(super) id: String,
    pub(super) severity: Severity,
    pub(super) sentence: Sentence,
    pub(super) since: Timestamp,
    pub(super) resolved_at: Option<Timestamp>,
    until: Until,
}

/// A phase as it went.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct PastPhase {
    pub(super) entered: Option<Timestamp>,
    pub(super) left: Option<Timestamp>,
    /// Served when it was left, or at the last step.
    pub(super) baked_ms: u64,
}

/// What ends an alert.
#[derive(Debug, Clone, Serialize, Deserialize)]
enum Until {
    /// This rule resolves.
    Rule(RuleId),
    /// No required signal is lost.
    Signals,
    /// The canary is not known to be worse on this metric any more: another phase began, or the latch was reset.
    NotWorse(SignalId),
    /// This rule's limit is not broken by both sides any more.
    NotCommon(RuleId),
    /// Units reach the canary.
    Routed,
    /// Units are not known to fall otherwise than the weight says any more.
    NotSkewed,
    /// This hold is gone.
    Hold(Hold),
    /// This target answers.
    Answers(TargetId),
    /// Nothing is under way at this target any more.
    Settled(TargetId),
    /// This target was read back.
    ReadBack(TargetId),
    /// This target no longer deviates.
    NoDrift(TargetId),
    /// The rollout no longer waits for approvals.
    Approved,
    /// The rollback is verified.
    Verified,
    /// The latch is reset.
    Reset,
    /// The rollout is closed: a journal does not mend.
    Closed,
}

impl Until {
    /// What ends the alert of a notice; `None` where the notice is news and no alert.
    fn of(notice: &Notice) -> Option<Self> {
        Some(match notice {
            Notice::RuleFiring { rule, .. } => Until::Rule(rule.clone()),
            Notice::SignalsLost { .. } => Until::Signals,
            Notice::Worse { signal, .. } => Until::NotWorse(signal.clone()),
            Notice::Common { rule } => Until::NotCommon(rule.clone()),
            Notice::Unrouted => Until::Routed,
            Notice::JournalBroken { .. } | Notice::Mended { .. } => Until::Closed,
            Notice::Skewed { .. } => Until::NotSkewed,
            Notice::Gap { .. } => Until::Hold(Hold::Gap),
            Notice::Incident { .. } | Notice::ContraryTraffic { .. } => Until::Reset,
            Notice::AwaitingApproval { .. } => Until::Approved,
            Notice::TargetSilent { target, .. } => Until::Answers(target.clone()),
            Notice::ShiftFailed { target, .. } => Until::Hold(Hold::Shift(target.clone())),
            Notice::LowerFailed { target, .. } | Notice::NotCleanedUp { target } => Until::Settled(target.clone()),
            Notice::NotReadBack { target } => Until::ReadBack(target.clone()),
            Notice::DriftBelow { target, .. } => Until::Hold(Hold::Drift(target.clone())),
            Notice::DriftAbove { target, .. } | Notice::DriftPersists { target } => Until::NoDrift(target.clone()),
            Notice::RollbackStarted { .. } => Until::Verified,
            Notice::RuleResolved { .. }
            | Notice::SignalsBack
            | Notice::PhaseEntered { .. }
            | Notice::TargetAnswers { .. }
            | Notice::Reaches { .. }
            | Notice::Levered { .. }
            | Notice::Pinned { .. }
            | Notice::Unpinned { .. }
            | Notice::Drilled { .. }
            | Notice::RollbackVerified
            | Notice::Drained
            | Notice::Completed => return None,
        })
    }

    fn is_over(&self, state: &State) -> bool {
        let target = |id: &TargetId| state.targets.get(id);
        match self {
            Until::Rule(rule) => !state.assessment.firing.contains_key(rule),
            Until::Signals => state.assessment.lost.is_empty(),
            Until::NotWorse(signal) => !state.assessment.worse.contains_key(signal),
            Until::NotCommon(rule) => !state.assessment.common.contains(rule),
            Until::Routed => !state.assessment.unrouted,
            Until::NotSkewed => state.assessment.skew.is_none(),
            Until::Hold(hold) => !state.holds.contains(hold),
            Until::Answers(id) => target(id).is_none_or(|t| t.silent.is_none()),
            Until::Settled(id) => target(id).is_none_or(|t| t.op.is_none()),
            Until::ReadBack(id) => target(id).is_none_or(|t| t.op.is_none() || t.marks.read_back.is_some()),
            Until::NoDrift(id) => target(id).is_none_or(|t| t.drift.is_none() && t.op.is_none()),
            Until::Approved => !matches!(state.stage, Stage::AwaitingApproval { .. }),
            Until::Verified => state.rollback.as_ref().is_none_or(|r| r.verified_at.is_some()),
            Until::Reset => state.latch.is_none(),
            Until::Closed => state.stage == Stage::Closed,
        }
    }
}

impl Listener for Past {
    const NAME: &'static str = "console";
    const RULES: &'static [&'static str] = &[include_str!("past.rs"), told::RULES];

    fn hear(&mut self, bulletin: &Bulletin, plan: &Plan) {
        self.move_on(bulletin);
        self.counts.hear(bulletin);
        for alert in self.alerts.iter_mut().filter(|alert| alert.resolved_at.is_none()) {
            if alert.until.is_over(&bulletin.state) {
                alert.resolved_at = Some(bulletin.at);
            }
        }
        if let Some(deed) = told::deed(&bulletin.event, plan) {
            self.write(bulletin, Severity::Low, deed);
        }
        for (n, effect) in bulletin.effects.iter().enumerate() {
            match effect {
                Effect::Notify(notice) => self.notice(bulletin, n, notice, plan),
                Effect::Rejected(_) | Effect::ShowManual { .. } | Effect::Lower { .. } | Effect::Raise { .. } => {}
            }
            self.write(
                bulletin,
                told::severity(effect),
                told::effect(effect, plan, bulletin.at),
            );
        }
        for manual in &bulletin.manual {
            let lines = manual.commands.iter().map(|command| command.line.clone()).collect();
            self.manual.insert(manual.target.clone(), lines);
        }
        let confirmed = |id: &TargetId| bulletin.state.targets.get(id).is_none_or(|t| t.op.is_none());
        self.manual.retain(|id, _| !confirmed(id));
    }
}

impl Past {
    /// Nothing happened yet.
    pub(super) fn new(opened: Timestamp) -> Self {
        Self {
            alerts: VecDeque::new(),
            lines: VecDeque::new(),
            phases: BTreeMap::new(),
            since: opened,
            last_drill: None,
            manual: BTreeMap::new(),
            resolved: BTreeSet::new(),
            counts: PastCounts::default(),
            stage: None,
        }
    }

    fn notice(&mut self, bulletin: &Bulletin, n: usize, notice: &Notice, plan: &Plan) {
        match notice {
            Notice::RuleFiring { rule, .. } => drop(self.resolved.remove(rule)),
            Notice::RuleResolved { rule } => drop(self.resolved.insert(rule.clone())),
            Notice::Drilled { took } => {
                self.last_drill = Some(Drill {
                    at: millis(bulletin.at),
                    took_ms: duration_millis(*took),
                });
            }
            _ => {}
        }
        let Some(until) = Until::of(notice) else { return };
        self.alerts.push_back(PastAlert {
            // Every engine counts its own entries; with the moment the name is the same whoever tells of it, and nobody else's.
            id: format!("{}.{}.{n}", bulletin.at.micros(), bulletin.seq),
            severity: notice.severity(),
            sentence: told::notice(notice, plan, bulletin.at),
            since: bulletin.at,
            resolved_at: until.is_over(&bulletin.state).then_some(bulletin.at),
            until,
        });
        while self.alerts.len() > ALERTS {
            let Some(over) = self.alerts.iter().position(|alert| alert.resolved_at.is_some()) else {
                return;
            };
            self.alerts.remove(over);
        }
    }

    fn write(&mut self, bulletin: &Bulletin, severity: Severity, sentence: Sentence) {
        self.lines.push_back(JournalLine {
            seq: bulletin.seq,
            at: millis(bulletin.at),
            severity: severity.into(),
            sentence,
        });
        if self.lines.len() > LINES {
            self.lines.pop_front();
        }
    }

    /// Keeps the times of stages and phases.
    fn move_on(&mut self, bulletin: &Bulletin) {
        let state = &bulletin.state;
        let present = |stage: &Stage| stage.is_running().then(|| stage.phase()).flatten();
        let (before, now) = (self.stage.as_ref().and_then(present), present(&state.stage));
        if self.stage != Some(state.stage) {
            self.since = bulletin.at;
            self.stage = Some(state.stage);
        }
        if before != now {
            if let Some(left) = before {
                self.phases.entry(left).or_default().left = Some(bulletin.at);
            }
            if let Some(entered) = now {
                // Entered again after a rollback: what came after it the last time is ahead again.
                self.phases.retain(|phase, _| *phase < entered);
                self.phases.entry(entered).or_default().entered = Some(bulletin.at);
            }
        }
        if let Some(phase) = now {
            self.phases.entry(phase).or_default().baked_ms = duration_millis(state.bake.elapsed(bulletin.at));
        }
    }
}
