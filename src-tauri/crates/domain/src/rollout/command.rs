//! What people may tell a rollout, but for putting traffic back (that is `rollback`).

use super::step::{Done, Next};
use super::{Hold, Notice, OpKind, Override, Rejection, Stage};
use crate::value::{ChecklistId, Person, TargetId, TenantId, Weight};

impl Next<'_> {
    pub(super) fn arm(&mut self, live: &[(TargetId, Weight)], failed: &[String]) -> Done {
        if self.state.stage != Stage::Draft {
            return Err(Rejection::Stage);
        }
        if self.state.latch.is_some() {
            return Err(Rejection::Latched);
        }
        let mut failed = failed.to_vec();
        for target in &self.plan.targets {
            match live.iter().find(|(id, _)| *id == target.id) {
                Some((_, Weight::ZERO)) => {}
                Some((_, weight)) => failed.push(format!("target.start-weight {} {weight}", target.id)),
                None => failed.push(format!("target.unread {}", target.id)),
            }
        }
        if !failed.is_empty() {
            return Err(Rejection::Checks(failed));
        }
        for target in self.state.targets.values_mut() {
            target.asked = Some(Weight::ZERO);
            target.accepted = Some(Weight::ZERO);
            target.read = Some(Weight::ZERO);
        }
        self.state.stage = Stage::Armed;
        Ok(())
    }

    pub(super) fn start(&mut self) -> Done {
        if self.state.stage != Stage::Armed {
            return Err(Rejection::Stage);
        }
        // After a mending it stands here without having been armed: it goes on by a rollback, a reset and its checks.
        let unread = self.state.targets.iter().filter(|(_, t)| t.asked.is_none());
        let unread: Vec<_> = unread.map(|(id, _)| format!("target.unread {id}")).collect();
        if !unread.is_empty() {
            return Err(Rejection::Checks(unread));
        }
        let unsigned = self
            .plan
            .phases
            .first()
            .and_then(|p| p.checklist.as_ref())
            .filter(|c| !self.state.signed.contains_key(*c));
        if let Some(checklist) = unsigned {
            return Err(Rejection::Checks(vec![format!("checklist.unsigned {checklist}")]));
        }
        self.state.stage = Stage::Shifting { phase: 0 };
        Ok(())
    }

    pub(super) fn sign(&mut self, by: &Person, checklist: &ChecklistId) -> Done {
        if !self.plan.checklists.iter().any(|c| c.id == *checklist) {
            return Err(Rejection::Unknown);
        }
        self.state.signed.entry(checklist.clone()).or_insert_with(|| by.clone());
        Ok(())
    }

    pub(super) fn approve(&mut self, by: &Person) -> Done {
        if !self.state.stage.is_running() {
            return Err(Rejection::Stage);
        }
        self.state.approvals.insert(by.clone());
        Ok(())
    }

    pub(super) fn wish_override(&mut self, by: &Person, reason: &str) -> Done {
        if !self.state.stage.is_running() {
            return Err(Rejection::Stage);
        }
        if reason.trim().is_empty() {
            return Err(Rejection::NoReason);
        }
        match &mut self.state.overriding {
            None => {
                self.state.overriding = Some(Override {
                    first: by.clone(),
                    second: None,
                    reason: reason.to_owned(),
                });
                Ok(())
            }
            Some(wish) if wish.first == *by => Err(Rejection::SamePerson),
            Some(wish) => {
                wish.second.get_or_insert_with(|| by.clone());
                Ok(())
            }
        }
    }

    pub(super) fn freeze(&mut self, reason: &str) -> Done {
        if !self.state.stage.is_running() {
            return Err(Rejection::Stage);
        }
        if reason.trim().is_empty() {
            return Err(Rejection::NoReason);
        }
        self.state.holds.insert(Hold::Operator);
        Ok(())
    }

    pub(super) fn release(&mut self, hold: &Hold, reason: &str) -> Done {
        if reason.trim().is_empty() {
            return Err(Rejection::NoReason);
        }
        if hold.clears_by_itself() || !self.state.holds.remove(hold) {
            return Err(Rejection::Unknown);
        }
        if let Hold::Drift(id) = hold {
            self.respect_drift(id);
        }
        Ok(())
    }

    /// Somebody else's lower weight becomes the one from which the phase is reached again, under every condition of a raise.
    fn respect_drift(&mut self, id: &TargetId) {
        let is_splitter = self.plan.splitter().is_some_and(|s| s.id == *id);
        let Some(target) = self.state.targets.get_mut(id) else {
            return;
        };
        target.asked = target.read;
        target.accepted = target.read;
        target.drift = None;
        // Whoever lowered it may have left a mark, by hand or from another console: what is decided now is later.
        self.state.generation.revision = self.state.generation.revision.saturating_add(1);
        if is_splitter {
            self.state.settled = self.state.settled.min(target.read.unwrap_or(Weight::ZERO));
        }
        if let (true, Some(phase)) = (self.state.stage.is_running(), self.state.stage.phase()) {
            self.state.stage = Stage::Shifting { phase };
        }
    }

    /// Takes a tenant's calls off the canary and keeps them off, beside whatever the phase does.
    pub(super) fn pin(&mut self, tenant: &TenantId, reason: &str) -> Done {
        if matches!(self.state.stage, Stage::Draft | Stage::Closed) {
            return Err(Rejection::Stage);
        }
        if !self.plan.tenants.iter().any(|t| t.id == *tenant) {
            return Err(Rejection::Unknown);
        }
        if reason.trim().is_empty() {
            return Err(Rejection::NoReason);
        }
        let plan = self.plan;
        // Followers are behind the splitter: who never reaches the canary never reaches them.
        let Some(splitter) = plan.splitter().filter(|t| t.pins) else {
            return Err(Rejection::CannotPin);
        };
        if !self.state.pins.insert(tenant.clone()) {
            return Ok(());
        }
        self.notify(Notice::Pinned { tenant: tenant.clone() });
        let state = self.state.targets.get(&splitter.id).cloned().unwrap_or_default();
        match state.op {
            // What is being raised was chosen with the tenant in it: it is put back and chosen again.
            Some(op) if op.kind == OpKind::Raise => self.lower(&splitter.id, self.state.settled, OpKind::Pin),
            Some(op) => self.lower(&splitter.id, op.to, op.kind),
            None => match state.asked {
                Some(Weight::ZERO) | None => {}
                Some(asked) => self.lower(&splitter.id, asked, OpKind::Pin),
            },
        }
        Ok(())
    }

    pub(super) fn unpin(&mut self, tenant: &TenantId, reason: &str) -> Done {
        if reason.trim().is_empty() {
            return Err(Rejection::NoReason);
        }
        if !self.state.pins.remove(tenant) {
            return Err(Rejection::Unknown);
        }
        self.notify(Notice::Unpinned { tenant: tenant.clone() });
        Ok(())
    }

    pub(super) fn reset(&mut self, reason: &str) -> Done {
        if self.state.stage != Stage::RolledBack {
            return Err(Rejection::Stage);
        }
        if reason.trim().is_empty() {
            return Err(Rejection::NoReason);
        }
        self.state.latch = None;
        self.state.rollback = None;
        self.state.holds.clear();
        self.state.approvals.clear();
        self.state.overriding = None;
        self.state.epoch = None;
        self.state.stage = Stage::Draft;
        Ok(())
    }

    /// Ends the rollout for good: nothing watches it afterwards, so nothing of it may still be owed.
    pub(super) fn close(&mut self) -> Done {
        match self.state.stage {
            Stage::Draft | Stage::RolledBack | Stage::Completed { .. } if self.any_op() => Err(Rejection::Stage),
            Stage::Completed { since } if self.now < since + self.plan.keep_stable => Err(Rejection::StableKept {
                kept_until: since + self.plan.keep_stable,
            }),
            Stage::Draft | Stage::RolledBack | Stage::Completed { .. } => {
                self.state.stage = Stage::Closed;
                Ok(())
            }
            Stage::Armed
            | Stage::Shifting { .. }
            | Stage::Baking { .. }
            | Stage::Deciding { .. }
            | Stage::AwaitingApproval { .. }
            | Stage::RollingBack { .. }
            | Stage::Closed => Err(Rejection::Stage),
        }
    }
}
