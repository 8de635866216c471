//! Going forward: followers, then the splitter, each verified before the next; and what must hold before anything is raised.

use super::rollback::known_at;
use super::step::Next;
use super::{Effect, Failure, Hold, Marks, Notice, Op, OpKind, Stage, State, Stopwatch};
use crate::board::Verdict;
use crate::evidence::Epoch;
use crate::plan::{Action, GateKind, Phase, Plan, Role};
use crate::time::Timestamp;
use crate::value::{ChecklistId, GateId, RuleId, TargetId, Weight};

/// What keeps a weight from being raised (invariant 3).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Blocker {
    /// The helm is not ours.
    NoHelm,
    /// A total rollback's latch stands.
    Latched,
    /// Frozen.
    Held(Hold),
    /// A target deviates.
    Drift(TargetId),
    /// A target does not answer: what is raised there could not be put back.
    Silent(TargetId),
    /// A freeze window.
    FreezeWindow(String),
    /// The board has not said anything yet.
    NotAssessed,
    /// Required signals are lost.
    SignalsLost,
    /// A rule with consequences fires.
    Firing(RuleId),
    /// A gate of the phase to be left is not `Go`.
    Gate(GateId),
    /// The least time of the phase to be left has not been served.
    BakeTime,
    /// Approvals are missing.
    Approvals,
    /// The checklist of the phase to be entered is not signed.
    Checklist(ChecklistId),
}

/// Everything that keeps the rollout from being raised at `now`. Lowering asks nobody.
pub fn blockers(plan: &Plan, state: &State, now: Timestamp) -> Vec<Blocker> {
    let mut out = Vec::new();
    if !state.helm {
        out.push(Blocker::NoHelm);
    }
    if state.latch.is_some() {
        out.push(Blocker::Latched);
    }
    out.extend(state.holds.iter().cloned().map(Blocker::Held));
    out.extend(
        state
            .targets
            .iter()
            .filter(|(_, t)| t.drift.is_some())
            .map(|(id, _)| Blocker::Drift(id.clone())),
    );
    let silent = state.targets.iter().filter(|(_, t)| t.silent.is_some_and(|s| s.told));
    out.extend(silent.map(|(id, _)| Blocker::Silent(id.clone())));
    let window = plan.freezes.iter().find(|w| w.from <= now && now < w.until);
    out.extend(window.map(|w| Blocker::FreezeWindow(w.reason.clone())));
    if !state.assessed {
        out.push(Blocker::NotAssessed);
    }
    if !state.assessment.lost.is_empty() {
        out.push(Blocker::SignalsLost);
    }
    for id in state.assessment.firing.keys() {
        match plan.rule(id).map(|r| r.action) {
            Some(Action::Alert | Action::Rollback) => out.push(Blocker::Firing(id.clone())),
            Some(Action::Notify) | None => {}
        }
    }
    out.extend(exit_blockers(plan, state, now));
    out
}

/// What keeps the phase that is being left from being left, and the next one from being entered.
fn exit_blockers(plan: &Plan, state: &State, now: Timestamp) -> Vec<Blocker> {
    let mut out = Vec::new();
    let leaving = leaving(state);
    if let Some(phase) = leaving.and_then(|i| plan.phases.get(i)) {
        if state.approvals.len() < usize::from(phase.approvals) {
            out.push(Blocker::Approvals);
        }
        if state.overriding.as_ref().is_none_or(|o| o.second.is_none()) {
            out.extend(gate_blockers(phase, state, now));
        }
    }
    let entering = leaving.map_or(0, |i| i + 1);
    if let Some(checklist) = plan.phases.get(entering).and_then(|p| p.checklist.as_ref())
        && !state.signed.contains_key(checklist)
    {
        out.push(Blocker::Checklist(checklist.clone()));
    }
    out
}

fn gate_blockers(phase: &Phase, state: &State, now: Timestamp) -> Vec<Blocker> {
    let mut out = Vec::new();
    if state.bake.elapsed(now) < phase.bake {
        out.push(Blocker::BakeTime);
    }
    for gate in &phase.gates {
        let go = match &gate.kind {
            GateKind::Limit { .. } | GateKind::Relative { .. } => {
                state.assessment.gates.get(&gate.id) == Some(&Verdict::Go)
            }
            GateKind::Without { event, lasting } => {
                state.without.get(event).copied().unwrap_or_default().elapsed(now) >= *lasting
            }
        };
        if !go {
            out.push(Blocker::Gate(gate.id.clone()));
        }
    }
    out
}

/// The phase whose gates count now: while shifting, the one before.
fn leaving(state: &State) -> Option<usize> {
    match state.stage {
        Stage::Shifting { phase } => phase.checked_sub(1),
        Stage::Baking { phase }
        | Stage::Deciding { phase }
        | Stage::AwaitingApproval { phase }
        | Stage::RollingBack { phase, .. } => Some(phase),
        Stage::Draft | Stage::Armed | Stage::RolledBack | Stage::Completed { .. } | Stage::Closed => None,
    }
}

impl State {
    /// The phase whose gates the board should look at.
    pub fn gated_phase(&self) -> Option<usize> {
        leaving(self)
    }
}

impl Next<'_> {
    /// The next move towards the weight of `phase`, or its end.
    pub(super) fn shift(&mut self, phase: usize) {
        let Some(weight) = self.plan.phases.get(phase).map(|p| p.weight) else {
            return;
        };
        if self.any_op() {
            return;
        }
        let (followers, splitter): (Vec<_>, Vec<_>) = self.plan.targets.iter().partition(|t| t.role == Role::Follower);
        for target in followers.into_iter().chain(splitter) {
            let goal = self.plan.goal(target, weight);
            let Some(state) = self.state.targets.get(&target.id) else {
                continue;
            };
            if known_at(state, goal) {
                continue;
            }
            if blockers(self.plan, &self.state, self.now).is_empty() {
                self.raise(&target.id, goal);
            }
            return;
        }
        self.enter(phase, weight);
    }

    pub(super) fn raise(&mut self, id: &TargetId, to: Weight) {
        let op = self.new_op();
        let Some(target) = self.state.targets.get_mut(id) else {
            return;
        };
        target.op = Some(Op {
            id: op,
            kind: OpKind::Raise,
            to,
            generation: self.state.generation,
            since: self.now,
            accepted_at: None,
            slow: false,
            failures: 0,
            escalated: false,
        });
        target.marks = Marks::default();
        self.effects.push(Effect::Raise {
            op,
            target: id.clone(),
            to,
            generation: self.state.generation,
        });
    }

    fn enter(&mut self, phase: usize, weight: Weight) {
        self.state.settled = weight;
        self.state.bake.restart();
        self.state.without.values_mut().for_each(Stopwatch::restart);
        self.state.approvals.clear();
        self.state.overriding = None;
        self.state.rollback = None;
        self.state.stage = Stage::Baking { phase };
        // It began when the splitter accepted this weight, unless that was before anybody looked.
        if self.state.epoch.is_none_or(|epoch| epoch.weight != weight) {
            self.state.epoch = Some(Epoch {
                since: self.now,
                weight,
                held: self.held().unwrap_or(weight),
            });
        }
        // Gates of the phase before say nothing about this one.
        self.state.assessment.gates.clear();
        self.notify(Notice::PhaseEntered { phase });
    }

    /// What the splitter holds, as far as it has accepted anything.
    pub(super) fn held(&self) -> Option<Weight> {
        let splitter = self.state.targets.get(&self.plan.splitter()?.id)?;
        splitter.accepted
    }

    /// Time served, gates, approvals: the way out of a phase.
    pub(super) fn decide(&mut self) {
        let Some(phase) = self.state.stage.phase() else { return };
        let blockers = exit_blockers(self.plan, &self.state, self.now);
        let only_people = |b: &Blocker| matches!(b, Blocker::Approvals | Blocker::Checklist(_));
        let before = self.state.stage;
        self.state.stage = if blockers.contains(&Blocker::BakeTime) {
            Stage::Baking { phase }
        } else if blockers.is_empty() && self.state.holds.is_empty() {
            if phase + 1 < self.plan.phases.len() {
                Stage::Shifting { phase: phase + 1 }
            } else {
                Stage::Completed { since: self.now }
            }
        } else if !blockers.is_empty() && blockers.iter().all(only_people) {
            Stage::AwaitingApproval { phase }
        } else {
            Stage::Deciding { phase }
        };
        match self.state.stage {
            Stage::AwaitingApproval { .. } if before != self.state.stage => {
                self.notify(Notice::AwaitingApproval { phase })
            }
            Stage::Completed { .. } => self.notify(Notice::Completed),
            Stage::Shifting { phase } => self.shift(phase),
            _ => {}
        }
    }

    /// A raise failed or its result is not what was asked for: what was moved is put back, and a person decides.
    pub(super) fn shift_failed(&mut self, id: &TargetId, failure: Failure) {
        self.notify(Notice::ShiftFailed {
            target: id.clone(),
            failure,
        });
        self.state.holds.insert(Hold::Shift(id.clone()));
        let settled = self.state.settled;
        for target in self.plan.targets.clone() {
            let goal = self.plan.goal(&target, settled);
            let Some(state) = self.state.targets.get_mut(&target.id) else {
                continue;
            };
            if target.id == *id {
                // Whatever it accepted or not is unknown now.
                state.op = None;
                state.read = None;
            }
            self.lower(&target.id, goal, OpKind::PutBack);
        }
        if settled == Weight::ZERO {
            self.state.canary_since = None;
        }
    }
}
