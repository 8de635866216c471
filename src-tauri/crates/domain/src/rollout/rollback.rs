//! Putting traffic back. Needs nothing: no step to end, no approval, no helm, no store, no reachable signal (invariant 2).

use std::time::Duration;

use super::step::{Done, Next};
use super::{Cause, Effect, Hold, Latch, Level, Marks, Notice, Op, OpKind, Rejection, Rollback, Stage, TargetState};
use crate::evidence::Epoch;
use crate::plan::Role;
use crate::time::Timestamp;
use crate::value::{Person, TargetId, Weight};

/// A target that has not been read back by then needs a person.
pub(super) const READ_BACK_LIMIT: Duration = Duration::from_secs(10);

/// A target that says that it has begun and takes its time, such as with a job of a thousand numbers, has so long.
const SLOW_LIMIT: Duration = Duration::from_secs(120);

/// Behind a pulled lever nothing hurries, but a job that its control plane gives up after 15 minutes should be over.
const CLEAN_UP_LIMIT: Duration = Duration::from_secs(20 * 60);

/// Odds that a splitter still at its old weight shows no unit on the canary: below this it is believed.
const DOUBT: f64 = 0.01;

impl Next<'_> {
    pub(super) fn roll_back(&mut self, level: Level, cause: Cause, breach: Option<Timestamp>, confirmed: bool) -> Done {
        let phase = match self.state.stage {
            Stage::Draft | Stage::Closed => return Err(Rejection::Stage),
            Stage::Armed | Stage::RolledBack => 0,
            Stage::Shifting { phase }
            | Stage::Baking { phase }
            | Stage::Deciding { phase }
            | Stage::AwaitingApproval { phase }
            | Stage::RollingBack { phase, .. } => phase,
            Stage::Completed { since } => {
                let kept_until = since + self.plan.keep_stable;
                if self.now >= kept_until && !confirmed {
                    return Err(Rejection::StableGone { kept_until });
                }
                self.plan.phases.len().saturating_sub(1)
            }
        };
        match level {
            Level::Total => self.roll_back_all(phase, cause, breach),
            Level::Reduce(to) => return self.reduce(phase, to, cause, breach),
        }
        Ok(())
    }

    fn roll_back_all(&mut self, phase: usize, cause: Cause, breach: Option<Timestamp>) {
        // A drill that is under way when it gets serious is a rollback from its start.
        let again = self.state.latch.is_some() && (self.is_drill() == matches!(cause, Cause::Drill(_)));
        let from = match &self.state.rollback {
            // A second press must not forget how much traffic there was to be seen.
            Some(running) if again => running.from,
            Some(_) | None => self.splitter_weight(),
        };
        self.state.latch.get_or_insert(Latch {
            since: self.now,
            generation: self.state.generation,
        });
        if !again {
            self.begin(Level::Total, cause, breach, from);
        }
        for target in &self.plan.targets {
            self.lower(&target.id, Weight::ZERO, OpKind::Rollback);
        }
        if !(again && self.state.stage == Stage::RolledBack && !self.any_op()) {
            self.state.stage = Stage::RollingBack {
                level: Level::Total,
                phase,
            };
        }
        self.state.canary_since = None;
    }

    /// A rollback on purpose, where nothing can be lost: the same path as in earnest, and released at its end.
    pub(super) fn drill(&mut self, by: &Person) -> Done {
        if self.state.stage != Stage::Armed || self.any_op() {
            return Err(Rejection::Stage);
        }
        self.roll_back_all(0, Cause::Drill(by.clone()), None);
        Ok(())
    }

    fn is_drill(&self) -> bool {
        let cause = self.state.rollback.as_ref().map(|r| &r.cause);
        matches!(cause, Some(Cause::Drill(_)))
    }

    fn end_drill(&mut self) {
        let took = self.state.rollback.take().map(|r| self.now.since(r.decided_at));
        self.state.latch = None;
        self.state.stage = Stage::Armed;
        self.notify(Notice::Drilled {
            took: took.unwrap_or_default(),
        });
        if !self.state.helm {
            // Released with the first raise, by whoever has the helm then.
            return;
        }
        let pulled = self.state.targets.iter().filter(|(_, t)| t.levered.is_some());
        let pulled: Vec<_> = pulled.map(|(id, _)| id.clone()).collect();
        for id in pulled {
            self.raise(&id, Weight::ZERO);
        }
    }

    fn reduce(&mut self, phase: usize, to: Weight, cause: Cause, breach: Option<Timestamp>) -> Done {
        let present = self.splitter_weight();
        if self.state.latch.is_some() {
            return Err(Rejection::Latched);
        }
        if to == Weight::ZERO || to >= present {
            return Err(Rejection::NotLower);
        }
        self.begin(Level::Reduce(to), cause, breach, present);
        for target in self.plan.targets.clone() {
            let goal = self.plan.goal(&target, to);
            if target.role == Role::Splitter {
                self.lower(&target.id, goal, OpKind::Rollback);
            } else if let Some(state) = self.state.targets.get_mut(&target.id) {
                state.marks = Marks {
                    accepted: Some(self.now),
                    read_back: Some(self.now),
                    ..Marks::default()
                };
            }
        }
        self.state.holds.insert(Hold::Operator);
        self.state.stage = Stage::RollingBack {
            level: Level::Reduce(to),
            phase,
        };
        Ok(())
    }

    fn begin(&mut self, level: Level, cause: Cause, breach_at: Option<Timestamp>, from: Weight) {
        self.notify(Notice::RollbackStarted {
            level,
            cause: cause.clone(),
        });
        self.state.rollback = Some(Rollback {
            cause,
            level,
            breach_at,
            decided_at: self.now,
            from,
            escalated: false,
            verified_at: None,
        });
    }

    /// Lowers a target unless it is known to stand at `to`. Replaces whatever was under way there.
    pub(super) fn lower(&mut self, id: &TargetId, to: Weight, kind: OpKind) {
        let op = self.new_op();
        let (now, generation, drill) = (self.now, self.state.generation, self.is_drill());
        let Some(target) = self.state.targets.get_mut(id) else {
            return;
        };
        // A drill is to be carried out where there is nothing to do, and pins choose other members of the same weight.
        let forced = drill || kind == OpKind::Pin;
        if known_at(target, to) && !forced {
            if kind == OpKind::Rollback && target.marks.read_back.is_none() {
                target.marks = Marks {
                    accepted: Some(now),
                    read_back: Some(now),
                    ..Marks::default()
                };
            }
            return;
        }
        // The same lowering asked for again: the marks and clocks of the first one stay true.
        let since = match target.op {
            Some(open) if open.kind == kind && open.to == to => open.since,
            Some(_) | None => {
                target.marks = Marks::default();
                now
            }
        };
        target.op = Some(Op {
            id: op,
            kind,
            to,
            generation,
            since,
            accepted_at: None,
            slow: false,
            failures: 0,
            escalated: false,
        });
        self.effects.push(Effect::Lower {
            op,
            target: id.clone(),
            to,
            generation,
        });
        // The lowering leaves a mark of its generation, and only what is decided after it may raise again.
        self.state.generation.revision = self.state.generation.revision.saturating_add(1);
    }

    pub(super) fn finish_rollback(&mut self, level: Level, phase: usize) {
        if self.any_op() || self.state.targets.values().any(|t| t.marks.read_back.is_none()) {
            return;
        }
        match level {
            Level::Total if self.is_drill() => self.end_drill(),
            Level::Total => {
                self.state.settled = Weight::ZERO;
                self.state.stage = Stage::RolledBack;
            }
            Level::Reduce(to) => {
                self.state.settled = to;
                self.state.epoch = Some(Epoch {
                    since: self.now,
                    weight: to,
                    held: self.held().unwrap_or(to),
                });
                self.state.stage = Stage::Shifting { phase };
            }
        }
    }

    /// Calls a person where a lowering has not been read back in time.
    pub(super) fn escalate(&mut self) {
        let now = self.now;
        let mut late = Vec::new();
        for (id, target) in &mut self.state.targets {
            let in_force = target.marks.read_back.is_some();
            if let Some(op) = &mut target.op
                && op.kind.lowers()
                && !op.escalated
            {
                let (limit, notice): (_, fn(TargetId) -> Notice) = match op.slow {
                    _ if in_force => (CLEAN_UP_LIMIT, |target| Notice::NotCleanedUp { target }),
                    true => (SLOW_LIMIT, |target| Notice::NotReadBack { target }),
                    false => (READ_BACK_LIMIT, |target| Notice::NotReadBack { target }),
                };
                if now.since(op.since) >= limit {
                    op.escalated = true;
                    late.push((id.clone(), op.to, notice));
                }
            }
        }
        for (target, to, notice) in late {
            self.call_person(notice(target.clone()), target, to);
        }
    }

    fn call_person(&mut self, notice: Notice, target: TargetId, to: Weight) {
        if let Some(rollback) = &mut self.state.rollback {
            rollback.escalated = true;
        }
        self.notify(notice);
        self.effects.push(Effect::ShowManual { target, to });
    }

    /// Mark three: new units since the acceptance, all of them on stable. Only a contrary unit escalates.
    pub(super) fn assigned(&mut self, since: Timestamp, stable: u64, canary: u64) {
        let Some(from) = self
            .state
            .rollback
            .as_ref()
            .filter(|r| r.level == Level::Total)
            .map(|r| r.from)
        else {
            return;
        };
        let Some(splitter) = self.plan.splitter().map(|s| s.id.clone()) else {
            return;
        };
        let Some(target) = self.state.targets.get_mut(&splitter) else {
            return;
        };
        // An interval that began before the acceptance may hold units of before.
        if target.marks.accepted.is_none_or(|accepted| since < accepted) {
            return;
        }
        let marks = &mut target.marks;
        if canary > 0 {
            let first = marks.contrary == 0;
            marks.contrary = marks.contrary.saturating_add(canary);
            marks.on_stable = 0;
            marks.seen = None;
            if first {
                let units = canary;
                self.call_person(
                    Notice::ContraryTraffic {
                        target: splitter.clone(),
                        units,
                    },
                    splitter,
                    Weight::ZERO,
                );
            }
        } else if marks.seen.is_none() {
            marks.on_stable = marks.on_stable.saturating_add(stable);
            if marks.on_stable >= units_to_believe(from) {
                marks.seen = Some(self.now);
                marks.contrary = 0;
            }
        }
    }

    /// Mark four: nothing in progress on the canary.
    pub(super) fn active(&mut self, as_of: Timestamp, canary: u64) {
        if canary > 0 || self.state.rollback.as_ref().is_none_or(|r| r.level != Level::Total) {
            return;
        }
        let Some(splitter) = self.plan.splitter().map(|s| s.id.clone()) else {
            return;
        };
        let Some(target) = self.state.targets.get_mut(&splitter) else {
            return;
        };
        if target.marks.drained.is_none() && target.marks.accepted.is_some_and(|accepted| as_of > accepted) {
            target.marks.drained = Some(self.now);
            self.notify(Notice::Drained);
        }
    }

    pub(super) fn any_op(&self) -> bool {
        self.state.targets.values().any(|t| t.op.is_some())
    }

    /// The weight that the splitter may stand at: the highest of what is known and what is under way.
    fn splitter_weight(&self) -> Weight {
        let splitter = self.plan.splitter().and_then(|s| self.state.targets.get(&s.id));
        splitter
            .into_iter()
            .flat_map(|t| [t.accepted, t.read, t.op.map(|op| op.to)])
            .flatten()
            .max()
            .unwrap_or(Weight::FULL)
    }
}

/// Asked for `weight`, accepted as far as it can hold that, and read back, and nothing under way that could change it.
pub(super) fn known_at(target: &TargetState, weight: Weight) -> bool {
    let settled = target.op.is_none() && target.drift.is_none();
    settled && target.asked == Some(weight) && target.accepted.is_some() && target.read == target.accepted
}

/// New units that must be seen on stable, all of them: the least k with (1−w)^k ≤ 0.01.
pub fn units_to_believe(from: Weight) -> u64 {
    let w = f64::from(from.hundredths()) / 10_000.0;
    if w <= 0.0 || w >= 1.0 {
        return 1;
    }
    (DOUBT.ln() / (1.0 - w).ln()).ceil() as u64
}
