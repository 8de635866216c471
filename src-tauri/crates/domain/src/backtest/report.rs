//! What a backtest came to.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::board::{Assessment, Finding, Firing, Verdict};
use crate::evidence::{Kept, Proof};
use crate::plan::Incident;
use crate::rollout::Notice;
use crate::time::Timestamp;
use crate::value::{GateId, RuleId, SignalId};

/// What a backtest came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The first moment.
    pub from: Timestamp,
    /// The last moment.
    pub to: Timestamp,
    /// Every rule of the plan, in its order.
    pub rules: Vec<RuleReport>,
    /// What the comparison of both arms alone would have done, without any rule's limit; metrics about which it said nothing
    /// are left out.
    pub alone: Vec<Alone>,
    /// The gates that were asked.
    pub gates: BTreeMap<GateId, GateTally>,
    /// Incidents that were counted.
    pub incidents: BTreeMap<Incident, u64>,
    /// How long units went to stable only.
    pub unrouted: Duration,
    /// What people would have been told, in its order; at most [`super::MOST_MOMENTS`].
    pub moments: Vec<Moment>,
    /// Moments beyond those.
    pub left_out: u64,
    /// The evidence as it stood at the end, of the last weight.
    pub proofs: Vec<Proof>,
}

/// One rule in the three readings of the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleReport {
    /// Which.
    pub rule: RuleId,
    /// As the plan has it.
    pub written: RuleTally,
    /// With every rule literal.
    pub literal: RuleTally,
    /// With every rollback waiting for its proof.
    pub proven: RuleTally,
}

/// How often a rule held, and what it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RuleTally {
    /// How often it began to fire.
    pub fired: u64,
    /// When first.
    pub first: Option<Timestamp>,
    /// How long it fired in all.
    pub lasted: Duration,
    /// Whether it still did at the end.
    pub open: bool,
    /// How often it would have put everything back.
    pub rolled_back: u64,
    /// When first.
    pub first_rollback: Option<Timestamp>,
}

/// What the comparison of both arms alone would have done about one metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alone {
    /// The metric's signal.
    pub signal: SignalId,
    /// When it would first have frozen the rollout.
    pub alert: Option<Timestamp>,
    /// When it would first have put everything back.
    pub rollback: Option<Timestamp>,
}

/// How long a gate said what.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GateTally {
    /// Go on.
    pub go: Duration,
    /// Not yet.
    pub hold: Duration,
    /// Not to be gone on with.
    pub no_go: Duration,
    /// There were no data to say.
    pub no_evidence: Duration,
    /// When it first said go.
    pub first_go: Option<Timestamp>,
    /// What it said last.
    pub last: Option<Verdict>,
    /// What its bound said at the end, where one belongs to it.
    pub kept: Option<Kept>,
}

impl GateTally {
    /// It said `verdict` for the time that has `passed` until `now`.
    pub(super) fn count(&mut self, verdict: Verdict, passed: Duration, now: Timestamp) {
        let sum = match verdict {
            Verdict::Go => &mut self.go,
            Verdict::Hold => &mut self.hold,
            Verdict::NoGo => &mut self.no_go,
            Verdict::NoEvidence => &mut self.no_evidence,
        };
        *sum += passed;
        self.last = Some(verdict);
        if verdict == Verdict::Go {
            self.first_go.get_or_insert(now - passed);
        }
    }
}

/// What would have followed from a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Consequence {
    /// People are told; the rollout goes on.
    Nothing,
    /// It waits until the data are back.
    Wait,
    /// It is frozen until a person lets it go on.
    Freeze,
    /// Everything is put back.
    Rollback,
}

/// One moment at which people would have been told something.
#[derive(Debug, Clone, PartialEq)]
pub struct Moment {
    /// When.
    pub at: Timestamp,
    /// What they would have been told, in its order.
    pub notices: Vec<Notice>,
    /// What would have followed.
    pub consequence: Consequence,
    /// The numbers behind the rules that began to fire, or that got their proof, at this moment.
    pub numbers: Vec<Number>,
}

/// The numbers behind a firing rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Number {
    /// How it fires, with the evidence of its metric.
    pub firing: Firing,
    /// Its value and limit.
    pub finding: Finding,
}

impl Number {
    /// Those of the rules that the notices speak of.
    pub(super) fn of(assessment: &Assessment, notices: &[Notice]) -> Vec<Self> {
        let told = |rule: &RuleId| {
            notices.iter().any(|notice| match notice {
                Notice::RuleFiring { rule: told, .. } => told == rule,
                Notice::RollbackStarted { cause, .. } => *cause == crate::rollout::Cause::Rule(rule.clone()),
                _ => false,
            })
        };
        let told = assessment.firing.iter().filter(|(rule, _)| told(rule));
        told.filter_map(|(rule, firing)| {
            let finding = assessment.findings.iter().find(|finding| finding.of == rule.as_str())?;
            Some(Self {
                firing: firing.clone(),
                finding: finding.clone(),
            })
        })
        .collect()
    }
}
