//! What watching says: assessments, incidents, the helm, gaps, and the holds and clocks that hang on them.

use std::time::Duration;

use super::step::Next;
use super::{Cause, Hold, Level, Notice, Stage};
use crate::board::{Assessment, Firing};
use crate::evidence::Worse;
use crate::plan::{Action, EvidenceMode, GateKind, Incident, Rule};
use crate::time::Timestamp;
use crate::value::SignalId;

/// Holds that clear by themselves do so after nothing has been in the way for this long.
const STEADY: Duration = Duration::from_secs(60);

impl Next<'_> {
    pub(super) fn assessed(&mut self, assessment: &Assessment) {
        let before = std::mem::replace(&mut self.state.assessment, assessment.clone());
        self.state.assessed = true;
        // What is common to both sides first: it is no reason to put anything back.
        let told = |all: &Assessment, rule| all.common.contains(rule) && all.firing.contains_key(rule);
        for rule in assessment
            .common
            .iter()
            .filter(|rule| told(assessment, *rule) && !told(&before, *rule))
        {
            self.notify(Notice::Common { rule: rule.clone() });
            self.hold_for_alert();
        }
        for (id, firing) in &assessment.firing {
            let Some(rule) = self.plan.rule(id) else { continue };
            // Literal is literal, and missing data are no value that stable could share.
            let counts = rule.evidence != EvidenceMode::Literal && !firing.blind;
            let common = counts && assessment.common.contains(id);
            match before.firing.get(id) {
                None => self.fires(rule, firing, common),
                // Its evidence has come since it began to fire.
                Some(known)
                    if !common && self.acts(rule, firing) && (!may_act(rule, known) || before.common.contains(id)) =>
                {
                    self.put_back(Cause::Rule(rule.id.clone()), Some(firing.breach));
                }
                Some(_) => {}
            }
        }
        for (signal, worse) in &assessment.worse {
            if before.worse.get(signal).is_none_or(|known| known < worse) {
                self.is_worse(signal, *worse, assessment);
            }
        }
        // After everything was put back no unit shall come to the canary, though the epoch stays.
        let is_back = self.state.rollback.as_ref().is_some_and(|r| r.level == Level::Total);
        if assessment.unrouted && !before.unrouted && !is_back {
            self.notify(Notice::Unrouted);
        }
        // What was put back falls otherwise than the weight of the phase says, and shall.
        if let Some(skew) = assessment
            .skew
            .filter(|_| before.skew.is_none() && self.state.stage.is_running())
        {
            self.notify(Notice::Skewed { skew });
            self.hold_for_alert();
        }
        // What ends because nobody is on the canary any more has not been cured.
        if self.state.latch.is_none() {
            for id in before.firing.keys().filter(|id| !assessment.firing.contains_key(*id)) {
                self.notify(Notice::RuleResolved { rule: id.clone() });
            }
        }
        let lost: Vec<_> = assessment.lost.difference(&before.lost).cloned().collect();
        if !lost.is_empty() {
            self.notify(Notice::SignalsLost { lost });
        }
        if assessment.lost.is_empty() && !before.lost.is_empty() {
            self.notify(Notice::SignalsBack);
        }
        if !assessment.lost.is_empty() && self.state.stage.is_running() {
            self.state.holds.insert(Hold::NoEvidence);
        }
    }

    /// Nothing is put back on that account: what calls do is not what the journal says of it.
    pub(super) fn journal_broken(&mut self, detail: &str) {
        self.notify(Notice::JournalBroken {
            detail: detail.to_owned(),
        });
        self.hold_for_alert();
    }

    fn fires(&mut self, rule: &Rule, firing: &Firing, common: bool) {
        let acts = !common && self.acts(rule, firing);
        let wants_rollback = rule.action == Action::Rollback && !acts;
        self.notify(Notice::RuleFiring {
            rule: rule.id.clone(),
            severity: rule.severity,
            wants_rollback,
        });
        if rule.action == Action::Notify {
            return;
        }
        self.state.bake.restart();
        if acts {
            self.put_back(Cause::Rule(rule.id.clone()), Some(firing.breach));
        } else {
            self.hold_for_alert();
        }
    }

    /// The canary is worse than stable, whatever a rule's limit says.
    fn is_worse(&mut self, signal: &SignalId, worse: Worse, assessment: &Assessment) {
        // A rule of the same metric has already put everything back.
        if self.state.latch.is_some() {
            return;
        }
        self.notify(Notice::Worse {
            signal: signal.clone(),
            worse,
            proof: assessment
                .proofs
                .iter()
                .filter(|proof| proof.signal == *signal)
                .max_by_key(|proof| proof.against_stable.max(proof.against_history))
                .cloned(),
        });
        self.state.bake.restart();
        if worse == Worse::Rollback && self.plan.automatic && self.can_act() {
            self.put_back(Cause::Evidence(signal.clone()), None);
        } else {
            self.hold_for_alert();
        }
    }

    fn acts(&self, rule: &Rule, firing: &Firing) -> bool {
        rule.action == Action::Rollback && self.plan.automatic && self.can_act() && may_act(rule, firing)
    }

    fn put_back(&mut self, cause: Cause, breach: Option<Timestamp>) {
        // Allowed in every stage that `can_act` names, so there is nothing to be told.
        let done = self.roll_back(Level::Total, cause, breach, false);
        debug_assert_eq!(done, Ok(()));
    }

    fn hold_for_alert(&mut self) {
        if self.state.stage.is_running() {
            self.state.holds.insert(Hold::Alert);
        }
    }

    /// Whether anything acts by itself now: while it runs, or after completion while stable is kept.
    fn can_act(&self) -> bool {
        match self.state.stage {
            Stage::Completed { since } => self.now < since + self.plan.keep_stable,
            Stage::Draft | Stage::Armed | Stage::RolledBack | Stage::Closed => false,
            Stage::Shifting { .. }
            | Stage::Baking { .. }
            | Stage::Deciding { .. }
            | Stage::AwaitingApproval { .. }
            | Stage::RollingBack { .. } => self.state.latch.is_none(),
        }
    }

    pub(super) fn incident(&mut self, kind: Incident, count: u64) {
        if count == 0 {
            return;
        }
        self.state.without.entry(kind).or_default().restart();
        self.notify(Notice::Incident { kind });
        match kind {
            Incident::CriticalError if self.plan.automatic && self.can_act() => {
                self.put_back(Cause::Incident(kind), Some(self.now));
            }
            Incident::CriticalError | Incident::Security => self.hold_for_alert(),
        }
    }

    pub(super) fn helm(&mut self, epoch: Option<u64>) {
        match epoch {
            Some(epoch) => {
                self.state.helm = true;
                self.state.generation.epoch = self.state.generation.epoch.max(epoch);
            }
            None => {
                self.state.helm = false;
                self.state.steady_since = None;
                if self.state.stage.is_running() {
                    self.state.holds.insert(Hold::HelmLost);
                }
            }
        }
    }

    /// The clocks stood from `from` on, and what the board said then is no longer known to be true.
    pub(super) fn gap(&mut self, from: Timestamp) {
        // A clock that was set back: nothing could be gathered until it has caught up.
        if let Some(epoch) = &mut self.state.epoch {
            epoch.since = epoch.since.min(self.now);
        }
        self.state.bake.set_running(false, from);
        self.state.without.values_mut().for_each(|w| w.set_running(false, from));
        self.state.assessed = false;
        self.state.steady_since = None;
        if self.state.stage.is_running() {
            self.state.holds.insert(Hold::Gap);
        }
        self.notify(Notice::Gap { from });
    }

    /// What is known may be what was before: a person looks at the live weights before anything goes on. Where not even that it was
    /// armed could be proved, calls may be on the canary all the same: from here on they can be put back.
    pub(super) fn mended(&mut self, entries: u64, missing: u64) {
        let armed = self.state.stage == Stage::Draft;
        if armed {
            self.state.stage = Stage::Armed;
        }
        if self.state.stage == Stage::Armed || self.state.stage.is_running() {
            self.state.holds.insert(Hold::Alert);
        }
        for target in self.state.targets.values_mut() {
            target.read = None;
        }
        self.notify(Notice::Mended {
            entries,
            missing,
            armed,
        });
    }

    pub(super) fn clear_holds(&mut self) {
        let steady = self.state.helm && self.state.assessed && self.state.assessment.lost.is_empty();
        if !steady || !self.state.holds.iter().any(Hold::clears_by_itself) {
            self.state.steady_since = None;
            return;
        }
        let since = *self.state.steady_since.get_or_insert(self.now);
        if self.now.since(since) >= STEADY {
            self.state.holds.retain(|h| !h.clears_by_itself());
            self.state.steady_since = None;
        }
    }

    /// Clocks count only watched, unfrozen time at the weight of the phase.
    pub(super) fn run_clocks(&mut self) {
        // A reduction, or a shift that a person let go on, waits at the weight that it was put back to: that time counts too,
        // or its least time would never be served.
        let at_weight = matches!(
            self.state.stage,
            Stage::Baking { .. } | Stage::Deciding { .. } | Stage::AwaitingApproval { .. } | Stage::Shifting { .. }
        );
        let run = at_weight
            && self.state.holds.is_empty()
            && self.state.assessed
            && self.state.assessment.lost.is_empty()
            && self.state.targets.values().all(|t| t.op.is_none() && t.drift.is_none());
        self.state.bake.set_running(run, self.now);
        for phase in &self.plan.phases {
            for gate in &phase.gates {
                if let GateKind::Without { event, .. } = &gate.kind {
                    self.state.without.entry(*event).or_default().set_running(run, self.now);
                }
            }
        }
    }
}

/// Whether a firing rollback rule has the evidence that its mode asks for. A rule that no evidence belongs to acts
/// literally, and so does one that the plan has act on missing data.
fn may_act(rule: &Rule, firing: &Firing) -> bool {
    firing.blind || firing.evidence.is_none_or(|evidence| rule.evidence.is_enough(evidence))
}
