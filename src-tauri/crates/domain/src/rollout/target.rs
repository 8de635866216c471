//! What targets say: acceptance, read-back, failure, and what they stand at when nobody of us has changed them.

use std::time::Duration;

use super::step::{Done, Next};
use super::{Apart, Failure, Hold, Members, Notice, OpId, OpKind, Rejection, Silence, Stage};
use crate::evidence::Epoch;
use crate::plan::Role;
use crate::value::{TargetId, Weight};

/// Deviations upwards are brought down this often within [`CORRECTION_WINDOW`] before a person is called (invariant 8).
const CORRECTIONS: usize = 3;
const CORRECTION_WINDOW: Duration = Duration::from_secs(600);

/// A target that has not answered for so long is told of.
const SILENCE: Duration = Duration::from_secs(15);

impl Next<'_> {
    pub(super) fn accepted(
        &mut self,
        id: &TargetId,
        op: OpId,
        weight: Option<Weight>,
        members: Option<Members>,
    ) -> Done {
        self.answers(id);
        let is_splitter = self.is_splitter(id);
        let now = self.now;
        let target = self.state.targets.get_mut(id).ok_or(Rejection::Unknown)?;
        let Some(open) = target.op.as_mut().filter(|o| o.id == op) else {
            return Ok(());
        };
        let first = open.accepted_at.replace(open.accepted_at.unwrap_or(now)).is_none();
        let (asked, raises) = (open.to, !open.kind.lowers());
        let held = weight.unwrap_or(asked).min(asked);
        target.asked = Some(asked);
        target.accepted = Some(held);
        target.members = members;
        if open.kind.lowers() {
            target.marks.accepted.get_or_insert(now);
        }
        if is_splitter {
            self.state.canary_since = (held > Weight::ZERO).then(|| self.state.canary_since.unwrap_or(now));
            // From here on units follow the new weight, however long its read-back takes.
            if first && raises && held > Weight::ZERO {
                self.state.epoch = Some(Epoch {
                    since: now,
                    weight: asked,
                    held,
                });
            } else if let Some(epoch) = self.state.epoch.as_mut().filter(|_| held > Weight::ZERO) {
                // Somebody was pinned: the phase goes on with less.
                epoch.held = held;
            }
        }
        if first && held < asked {
            self.notify(Notice::Reaches {
                target: id.clone(),
                asked,
                weight: held,
                members,
            });
        }
        Ok(())
    }

    pub(super) fn working(&mut self, id: &TargetId, op: OpId) -> Done {
        self.answers(id);
        let target = self.state.targets.get_mut(id).ok_or(Rejection::Unknown)?;
        if let Some(open) = target.op.as_mut().filter(|o| o.id == op) {
            open.slow = true;
        }
        Ok(())
    }

    /// The lever puts the weight in force at 0 at once; the operation stays open until nothing is left behind it.
    pub(super) fn levered(&mut self, id: &TargetId, op: OpId) -> Done {
        self.answers(id);
        let is_splitter = self.is_splitter(id);
        let now = self.now;
        let target = self.state.targets.get_mut(id).ok_or(Rejection::Unknown)?;
        let Some(open) = target.op.as_mut().filter(|o| o.id == op && o.kind.lowers()) else {
            return Ok(());
        };
        open.accepted_at.get_or_insert(now);
        target.asked = Some(Weight::ZERO);
        target.accepted = Some(Weight::ZERO);
        target.read = Some(Weight::ZERO);
        target.drift = None;
        target.marks.accepted.get_or_insert(now);
        target.marks.read_back.get_or_insert(now);
        let first = target.levered.replace(target.levered.unwrap_or(now)).is_none();
        if is_splitter {
            self.state.canary_since = None;
        }
        if first {
            self.notify(Notice::Levered { target: id.clone() });
        }
        Ok(())
    }

    pub(super) fn read_back(&mut self, id: &TargetId, op: OpId, weight: Weight, apart: Apart) -> Done {
        self.answers(id);
        let now = self.now;
        let target = self.state.targets.get_mut(id).ok_or(Rejection::Unknown)?;
        let Some(open) = target.op.filter(|o| o.id == op) else {
            return Ok(());
        };
        target.read = Some(weight);
        // What it said that it can hold, once it has said so.
        let held = target.accepted.filter(|_| open.accepted_at.is_some());
        let held = held.unwrap_or(open.to).min(open.to);
        let lacks = weight < held || (apart.surplus == 0 && apart.missing > 0);
        if weight == held && apart == Apart::NONE {
            target.op = None;
            target.asked = Some(open.to);
            target.accepted = Some(weight);
            target.drift = None;
            if !open.kind.lowers() {
                target.levered = None;
            }
            if open.kind.lowers() {
                target.marks.accepted.get_or_insert(now);
                target.marks.read_back = Some(now);
            }
            if self.is_splitter(id) {
                self.state.canary_since = (weight > Weight::ZERO).then(|| self.state.canary_since.unwrap_or(now));
            }
        } else if open.kind.lowers() && lacks {
            // Somebody has lowered it further: that is respected, never raised to where we were going.
            target.op = None;
            target.asked = Some(open.to);
            target.accepted = Some(held);
            target.marks.accepted.get_or_insert(now);
            target.marks.read_back = Some(now);
            return self.read_live(id, weight, apart, None);
        } else if open.kind == OpKind::Raise {
            let text = match apart {
                Apart::NONE => format!("asked for {}, reads {weight}", open.to),
                Apart { surplus, missing } => {
                    format!(
                        "asked for {}, reads {weight}: {missing} missing, {surplus} too many",
                        open.to
                    )
                }
            };
            self.shift_failed(
                id,
                Failure {
                    code: "target.read-back-differs".to_owned(),
                    text,
                },
            );
        }
        Ok(())
    }

    /// A rollback that nobody needs yet would not get through there: people should know before they need it.
    pub(super) fn silent(&mut self, id: &TargetId, failure: &Failure) -> Done {
        if matches!(self.state.stage, Stage::Draft | Stage::Closed) {
            return Ok(());
        }
        let now = self.now;
        let target = self.state.targets.get_mut(id).ok_or(Rejection::Unknown)?;
        let silence = target.silent.get_or_insert(Silence {
            since: now,
            told: false,
        });
        if !silence.told && (failure.is_without_key() || now.since(silence.since) >= SILENCE) {
            silence.told = true;
            let failure = failure.clone();
            self.notify(Notice::TargetSilent {
                target: id.clone(),
                failure,
            });
        }
        Ok(())
    }

    fn answers(&mut self, id: &TargetId) {
        let silence = self.state.targets.get_mut(id).and_then(|t| t.silent.take());
        if silence.is_some_and(|s| s.told) {
            self.notify(Notice::TargetAnswers { target: id.clone() });
        }
    }

    pub(super) fn failed(&mut self, id: &TargetId, op: OpId, failure: &Failure) -> Done {
        let target = self.state.targets.get_mut(id).ok_or(Rejection::Unknown)?;
        let Some(open) = target.op.as_mut().filter(|o| o.id == op) else {
            return Ok(());
        };
        open.failures = open.failures.saturating_add(1);
        let (first, kind) = (open.failures == 1, open.kind);
        if kind == OpKind::Raise {
            self.shift_failed(id, failure.clone());
        } else if first {
            self.notify(Notice::LowerFailed {
                target: id.clone(),
                failure: failure.clone(),
            });
        }
        Ok(())
    }

    /// A look at a target that no operation asked for: drift is asymmetric (invariant 8).
    pub(super) fn read_live(&mut self, id: &TargetId, weight: Weight, apart: Apart, by: Option<&str>) -> Done {
        self.answers(id);
        if matches!(self.state.stage, Stage::Draft | Stage::Closed) {
            return Ok(());
        }
        let target = self.state.targets.get_mut(id).ok_or(Rejection::Unknown)?;
        let (None, Some(accepted)) = (target.op, target.accepted) else {
            return Ok(());
        };
        target.read = Some(weight);
        // Of a set that has too many and too few, the many count: nobody asked for them.
        let above = weight > accepted || apart.surplus > 0;
        let below = !above && (weight < accepted || apart.missing > 0);
        let asked = target.asked.unwrap_or(accepted);
        if !above && !below {
            target.drift = None;
        } else if target.drift != Some(weight) {
            target.drift = Some(weight);
            self.state.bake.restart();
            let (live, by) = (weight, by.map(str::to_owned));
            if below {
                self.notify(Notice::DriftBelow {
                    target: id.clone(),
                    live,
                    by,
                });
                if self.state.stage.is_running() {
                    self.state.holds.insert(Hold::Drift(id.clone()));
                }
            } else {
                self.notify(Notice::DriftAbove {
                    target: id.clone(),
                    live,
                    by,
                });
                self.bring_down(id, asked);
            }
        } else if above {
            self.bring_down(id, asked);
        }
        Ok(())
    }

    fn bring_down(&mut self, id: &TargetId, asked: Weight) {
        // What was raised over a rollback comes down whoever has the helm: they may not know of it.
        if !self.state.helm && self.state.latch.is_none() {
            return;
        }
        let now = self.now;
        let Some(target) = self.state.targets.get_mut(id) else {
            return;
        };
        target.corrections.retain(|at| now.since(*at) < CORRECTION_WINDOW);
        target.corrections.push(now);
        let persists = target.corrections.len() == CORRECTIONS + 1;
        self.lower(id, asked, OpKind::Correction);
        if persists {
            self.notify(Notice::DriftPersists { target: id.clone() });
        }
    }

    fn is_splitter(&self, id: &TargetId) -> bool {
        self.plan.target(id).is_some_and(|t| t.role == Role::Splitter)
    }
}
