//! The one step: an event changes the state, then the state settles into what follows by itself.

use super::{Effect, Event, Level, Notice, OpId, Rejection, Report, Stage, State};
use crate::plan::Plan;
use crate::time::Timestamp;

/// What follows from `event` at `now`. Total: never panics, never fails.
pub fn step(plan: &Plan, state: &State, event: &Event, now: Timestamp) -> (State, Vec<Effect>) {
    let mut next = Next {
        plan,
        state: state.clone(),
        effects: Vec::new(),
        now,
    };
    next.apply(event);
    next.settle();
    (next.state, next.effects)
}

/// A step in the making.
pub(super) struct Next<'a> {
    pub(super) plan: &'a Plan,
    pub(super) state: State,
    pub(super) effects: Vec<Effect>,
    pub(super) now: Timestamp,
}

impl Next<'_> {
    fn apply(&mut self, event: &Event) {
        let done = match event {
            Event::Arm { live, failed, .. } => self.arm(live, failed),
            Event::Start { .. } => self.start(),
            Event::Sign { by, checklist } => self.sign(by, checklist),
            Event::Approve { by } => self.approve(by),
            Event::Override { by, reason } => self.wish_override(by, reason),
            Event::Freeze { reason, .. } => self.freeze(reason),
            Event::Release { hold, reason, .. } => self.release(hold, reason),
            Event::RollBack {
                level,
                cause,
                confirmed,
            } => self.roll_back(*level, cause.clone(), None, *confirmed),
            Event::Pin { tenant, reason, .. } => self.pin(tenant, reason),
            Event::Unpin { tenant, reason, .. } => self.unpin(tenant, reason),
            Event::Drill { by } => self.drill(by),
            Event::Reset { reason, .. } => self.reset(reason),
            Event::Close { .. } => self.close(),
            Event::Assessed(assessment) => {
                self.assessed(assessment);
                Ok(())
            }
            Event::Incident { kind, count } => {
                self.incident(*kind, *count);
                Ok(())
            }
            Event::Target { target, report } => match report {
                Report::Accepted { op, weight, members } => self.accepted(target, *op, *weight, *members),
                Report::Working { op } => self.working(target, *op),
                Report::Levered { op } => self.levered(target, *op),
                Report::Read {
                    op: Some(op),
                    weight,
                    apart,
                    ..
                } => self.read_back(target, *op, *weight, *apart),
                Report::Read {
                    op: None,
                    weight,
                    apart,
                    by,
                } => self.read_live(target, *weight, *apart, by.as_deref()),
                Report::Silent { failure } => self.silent(target, failure),
                Report::Failed { op, failure } => self.failed(target, *op, failure),
            },
            Event::Assigned { since, stable, canary } => {
                self.assigned(*since, *stable, *canary);
                Ok(())
            }
            Event::Active { as_of, canary } => {
                self.active(*as_of, *canary);
                Ok(())
            }
            Event::Helm(epoch) => {
                self.helm(*epoch);
                Ok(())
            }
            Event::Gap { from } => {
                self.gap(*from);
                Ok(())
            }
            Event::JournalBroken { detail } => {
                self.journal_broken(detail);
                Ok(())
            }
            Event::Mended { entries, missing } => {
                self.mended(*entries, *missing);
                Ok(())
            }
            Event::Tick => Ok(()),
        };
        if let Err(rejection) = done {
            self.effects.push(Effect::Rejected(rejection));
        }
    }

    /// What follows without a further event: clocks, holds that clear, the next move of a shift, the end of a rollback.
    fn settle(&mut self) {
        self.clear_holds();
        match self.state.stage {
            Stage::Shifting { phase } => self.shift(phase),
            Stage::Baking { .. } | Stage::Deciding { .. } | Stage::AwaitingApproval { .. } => self.decide(),
            Stage::RollingBack { level, phase } => self.finish_rollback(level, phase),
            Stage::Draft | Stage::Armed | Stage::RolledBack | Stage::Completed { .. } | Stage::Closed => {}
        }
        self.verify_rollback();
        self.escalate();
        self.run_clocks();
    }

    /// Ends with the mark that all targets of a rollback are verified.
    fn verify_rollback(&mut self) {
        let verified = self.state.is_verified(self.plan);
        let Some(rollback) = &mut self.state.rollback else {
            return;
        };
        let fresh = verified && rollback.verified_at.is_none();
        if fresh {
            rollback.verified_at = Some(self.now);
            if rollback.level == Level::Total {
                self.notify(Notice::RollbackVerified);
            }
        } else if !verified {
            rollback.verified_at = None;
        }
    }

    pub(super) fn notify(&mut self, notice: Notice) {
        self.effects.push(Effect::Notify(notice));
    }

    pub(super) fn new_op(&mut self) -> OpId {
        let id = OpId(self.state.next_op);
        self.state.next_op = self.state.next_op.saturating_add(1);
        id
    }
}

/// How a handler says that an event was not allowed.
pub(super) type Done = Result<(), Rejection>;
