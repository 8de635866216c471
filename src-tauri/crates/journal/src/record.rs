//! What the entries of a rollout say: an event as it happened, and what followed from it.
//!
//! The domain's `Event` and `Effect` are not serialisable on purpose; these are their journalled forms, version 1.
//! A field is never renamed or given another meaning: a new meaning is a new kind. Replaying the events gives the
//! state; the effects are kept so that a reader sees what was done, and so that a replay can be held against them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use timonel_domain::board::{Assessment, Finding, Firing, Strength, Verdict};
use timonel_domain::plan::Incident;
use timonel_domain::rollout::{Cause, Effect, Event, Failure, Generation, Hold, Level, OpId, Report};
use timonel_domain::time::Timestamp;
use timonel_domain::value::{ChecklistId, GateId, Person, Quantity, RuleId, Side, SignalId, TargetId, Weight};

/// The body of an entry of kind [`STEP`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// What happened.
    pub event: EventRecord,
    /// What followed from it, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub effects: Vec<EffectRecord>,
}

/// The kind of entries that hold a [`StepRecord`].
pub const STEP: &str = "step";

/// The kind of the first entry of a rollout: which plan, which environment.
pub const OPENED: &str = "opened";

/// An event in its journalled form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
#[expect(
    missing_docs,
    reason = "each variant and field is the domain event's of the same name"
)]
pub enum EventRecord {
    Arm {
        by: Person,
        live: BTreeMap<TargetId, Weight>,
        failed: Vec<String>,
    },
    Start {
        by: Person,
    },
    Sign {
        by: Person,
        checklist: ChecklistId,
    },
    Approve {
        by: Person,
    },
    Override {
        by: Person,
        reason: String,
    },
    Freeze {
        by: Person,
        reason: String,
    },
    Release {
        by: Person,
        hold: HoldRecord,
        reason: String,
    },
    RollBack {
        level: LevelRecord,
        cause: CauseRecord,
        confirmed: bool,
    },
    Reset {
        by: Person,
        reason: String,
    },
    Close {
        by: Person,
    },
    Assessed(AssessmentRecord),
    Incident {
        what: IncidentRecord,
        count: u64,
    },
    TargetAccepted {
        target: TargetId,
        op: u64,
    },
    TargetRead {
        target: TargetId,
        op: Option<u64>,
        weight: Weight,
        by: Option<String>,
    },
    TargetFailed {
        target: TargetId,
        op: u64,
        code: String,
        text: String,
    },
    Assigned {
        since: Timestamp,
        stable: u64,
        canary: u64,
    },
    Active {
        as_of: Timestamp,
        canary: u64,
    },
    Helm {
        epoch: Option<u64>,
    },
    Gap {
        from: Timestamp,
    },
    Tick,
}

/// A hold in its journalled form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each variant is the domain's of the same name")]
pub enum HoldRecord {
    Operator,
    Alert,
    Drift(TargetId),
    Shift(TargetId),
    Gap,
    HelmLost,
    NoEvidence,
}

/// A rollback's level in its journalled form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each variant is the domain's of the same name")]
pub enum LevelRecord {
    Reduce(Weight),
    Total,
}

/// A rollback's cause in its journalled form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each variant is the domain's of the same name")]
pub enum CauseRecord {
    Person(Person),
    Rule(RuleId),
    Incident(IncidentRecord),
    Resumed,
}

/// An incident in its journalled form.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each variant is the domain's of the same name")]
pub enum IncidentRecord {
    CriticalError,
    Security,
}

/// A verdict in its journalled form.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each variant is the domain's of the same name")]
pub enum VerdictRecord {
    Go,
    NoGo,
    Hold,
    NoEvidence,
}

/// An assessment in its journalled form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AssessmentRecord {
    /// Rules that fire.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub firing: BTreeMap<RuleId, FiringRecord>,
    /// Gates of the phase.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub gates: BTreeMap<GateId, VerdictRecord>,
    /// Lost signals with the side that is lost.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub lost: BTreeSet<(SignalId, Side)>,
    /// The numbers behind it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<FindingRecord>,
}

/// A firing rule in its journalled form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FiringRecord {
    /// When the breach began.
    pub breach: Timestamp,
    /// Since when it fires.
    pub since: Timestamp,
    /// Whether missing data made it fire.
    pub blind: bool,
    /// Thousandths of log10 of the e-value.
    pub evidence: Option<i32>,
}

/// A number and its limit in their journalled form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FindingRecord {
    /// Rule or gate.
    pub of: String,
    /// The value.
    pub value: Option<Quantity>,
    /// Units behind it.
    pub units: u64,
    /// The limit.
    pub limit: Quantity,
}

/// An effect in its journalled form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
#[expect(
    missing_docs,
    reason = "each variant and field is the domain effect's of the same name"
)]
pub enum EffectRecord {
    Raise {
        op: u64,
        target: TargetId,
        to: Weight,
        generation: Generation,
    },
    Lower {
        op: u64,
        target: TargetId,
        to: Weight,
        generation: Generation,
    },
    /// Notices are kept as the domain's own debug text: they are read by people, never replayed.
    Notify {
        severity: String,
        notice: String,
    },
    ShowManual {
        target: TargetId,
        to: Weight,
    },
    Rejected {
        reason: String,
    },
}

impl StepRecord {
    /// The journalled form of a step.
    pub fn new(event: &Event, effects: &[Effect]) -> Self {
        Self {
            event: event.into(),
            effects: effects.iter().map(EffectRecord::from).collect(),
        }
    }
}

impl From<&Effect> for EffectRecord {
    fn from(effect: &Effect) -> Self {
        match effect {
            Effect::Raise {
                op,
                target,
                to,
                generation,
            } => Self::Raise {
                op: op.0,
                target: target.clone(),
                to: *to,
                generation: *generation,
            },
            Effect::Lower {
                op,
                target,
                to,
                generation,
            } => Self::Lower {
                op: op.0,
                target: target.clone(),
                to: *to,
                generation: *generation,
            },
            Effect::Notify(notice) => Self::Notify {
                severity: format!("{:?}", notice.severity()).to_lowercase(),
                notice: format!("{notice:?}"),
            },
            Effect::ShowManual { target, to } => Self::ShowManual {
                target: target.clone(),
                to: *to,
            },
            Effect::Rejected(reason) => Self::Rejected {
                reason: reason.to_string(),
            },
        }
    }
}

impl From<&Event> for EventRecord {
    fn from(event: &Event) -> Self {
        match event.clone() {
            Event::Arm { by, live, failed } => Self::Arm {
                by,
                live: live.into_iter().collect(),
                failed,
            },
            Event::Start { by } => Self::Start { by },
            Event::Sign { by, checklist } => Self::Sign { by, checklist },
            Event::Approve { by } => Self::Approve { by },
            Event::Override { by, reason } => Self::Override { by, reason },
            Event::Freeze { by, reason } => Self::Freeze { by, reason },
            Event::Release { by, hold, reason } => Self::Release {
                by,
                hold: hold.into(),
                reason,
            },
            Event::RollBack {
                level,
                cause,
                confirmed,
            } => Self::RollBack {
                level: level.into(),
                cause: cause.into(),
                confirmed,
            },
            Event::Reset { by, reason } => Self::Reset { by, reason },
            Event::Close { by } => Self::Close { by },
            Event::Assessed(assessment) => Self::Assessed(assessment.into()),
            Event::Incident { kind, count } => Self::Incident {
                what: kind.into(),
                count,
            },
            Event::Target {
                target,
                report: Report::Accepted { op },
            } => Self::TargetAccepted { target, op: op.0 },
            Event::Target {
                target,
                report: Report::Read { op, weight, by },
            } => Self::TargetRead {
                target,
                op: op.map(|op| op.0),
                weight,
                by,
            },
            Event::Target {
                target,
                report: Report::Failed { op, failure },
            } => Self::TargetFailed {
                target,
                op: op.0,
                code: failure.code,
                text: failure.text,
            },
            Event::Assigned { since, stable, canary } => Self::Assigned { since, stable, canary },
            Event::Active { as_of, canary } => Self::Active { as_of, canary },
            Event::Helm(epoch) => Self::Helm { epoch },
            Event::Gap { from } => Self::Gap { from },
            Event::Tick => Self::Tick,
        }
    }
}

impl From<EventRecord> for Event {
    fn from(record: EventRecord) -> Self {
        match record {
            EventRecord::Arm { by, live, failed } => Self::Arm {
                by,
                live: live.into_iter().collect(),
                failed,
            },
            EventRecord::Start { by } => Self::Start { by },
            EventRecord::Sign { by, checklist } => Self::Sign { by, checklist },
            EventRecord::Approve { by } => Self::Approve { by },
            EventRecord::Override { by, reason } => Self::Override { by, reason },
            EventRecord::Freeze { by, reason } => Self::Freeze { by, reason },
            EventRecord::Release { by, hold, reason } => Self::Release {
                by,
                hold: hold.into(),
                reason,
            },
            EventRecord::RollBack {
                level,
                cause,
                confirmed,
            } => Self::RollBack {
                level: level.into(),
                cause: cause.into(),
                confirmed,
            },
            EventRecord::Reset { by, reason } => Self::Reset { by, reason },
            EventRecord::Close { by } => Self::Close { by },
            EventRecord::Assessed(assessment) => Self::Assessed(assessment.into()),
            EventRecord::Incident { what, count } => Self::Incident {
                kind: what.into(),
                count,
            },
            EventRecord::TargetAccepted { target, op } => Self::Target {
                target,
                report: Report::Accepted { op: OpId(op) },
            },
            EventRecord::TargetRead { target, op, weight, by } => Self::Target {
                target,
                report: Report::Read {
                    op: op.map(OpId),
                    weight,
                    by,
                },
            },
            EventRecord::TargetFailed { target, op, code, text } => Self::Target {
                target,
                report: Report::Failed {
                    op: OpId(op),
                    failure: Failure { code, text },
                },
            },
            EventRecord::Assigned { since, stable, canary } => Self::Assigned { since, stable, canary },
            EventRecord::Active { as_of, canary } => Self::Active { as_of, canary },
            EventRecord::Helm { epoch } => Self::Helm(epoch),
            EventRecord::Gap { from } => Self::Gap { from },
            EventRecord::Tick => Self::Tick,
        }
    }
}

macro_rules! both_ways {
    ($domain:ident, $record:ident: $($variant:ident $(($field:ident))?),*) => {
        impl From<$domain> for $record {
            fn from(it: $domain) -> Self {
                match it { $($domain::$variant $(($field))? => Self::$variant $(($field.into()))?,)* }
            }
        }

        impl From<$record> for $domain {
            fn from(it: $record) -> Self {
                match it { $($record::$variant $(($field))? => Self::$variant $(($field.into()))?,)* }
            }
        }
    };
}

both_ways!(Hold, HoldRecord: Operator, Alert, Drift(t), Shift(t), Gap, HelmLost, NoEvidence);
both_ways!(Level, LevelRecord: Reduce(w), Total);
both_ways!(Cause, CauseRecord: Person(p), Rule(r), Incident(i), Resumed);
both_ways!(Incident, IncidentRecord: CriticalError, Security);
both_ways!(Verdict, VerdictRecord: Go, NoGo, Hold, NoEvidence);

impl From<Assessment> for AssessmentRecord {
    fn from(it: Assessment) -> Self {
        let firing = |f: Firing| FiringRecord {
            breach: f.breach,
            since: f.since,
            blind: f.blind,
            evidence: f.evidence.map(Strength::millilog10),
        };
        let finding = |f: Finding| FindingRecord {
            of: f.of,
            value: f.value,
            units: f.units,
            limit: f.limit,
        };
        Self {
            firing: it.firing.into_iter().map(|(id, f)| (id, firing(f))).collect(),
            gates: it.gates.into_iter().map(|(id, v)| (id, v.into())).collect(),
            lost: it.lost,
            findings: it.findings.into_iter().map(finding).collect(),
        }
    }
}

impl From<AssessmentRecord> for Assessment {
    fn from(it: AssessmentRecord) -> Self {
        let firing = |f: FiringRecord| Firing {
            breach: f.breach,
            since: f.since,
            blind: f.blind,
            evidence: f.evidence.map(Strength::from_millilog10),
        };
        let finding = |f: FindingRecord| Finding {
            of: f.of,
            value: f.value,
            units: f.units,
            limit: f.limit,
        };
        Self {
            firing: it.firing.into_iter().map(|(id, f)| (id, firing(f))).collect(),
            gates: it.gates.into_iter().map(|(id, v)| (id, v.into())).collect(),
            lost: it.lost,
            findings: it.findings.into_iter().map(finding).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id<T>(made: Result<T, timonel_domain::value::BadId>) -> T {
        made.expect("a good id")
    }

    /// One event of every kind: a new kind fails to compile in `From`, and is added here.
    fn all() -> Vec<Event> {
        let by = || id(Person::new("ana"));
        let target = || id(TargetId::new("istio"));
        let text = || "porque".to_owned();
        let at = Timestamp::from_secs(1_790_000_000);
        let firing = Firing {
            breach: at,
            since: at,
            blind: false,
            evidence: Some(Strength::from_millilog10(1699)),
        };
        let assessment = Assessment {
            firing: [(id(RuleId::new("errores")), firing)].into(),
            gates: [(id(GateId::new("g")), Verdict::NoEvidence)].into(),
            lost: [(id(SignalId::new("errores")), Side::Canary)].into(),
            findings: vec![Finding {
                of: text(),
                value: None,
                units: 3,
                limit: Quantity::from_micros(50_000),
            }],
        };
        let report = |report| Event::Target {
            target: target(),
            report,
        };
        vec![
            Event::Arm {
                by: by(),
                live: vec![(target(), Weight::ZERO)],
                failed: vec![text()],
            },
            Event::Start { by: by() },
            Event::Sign {
                by: by(),
                checklist: id(ChecklistId::new("antes")),
            },
            Event::Approve { by: by() },
            Event::Override {
                by: by(),
                reason: text(),
            },
            Event::Freeze {
                by: by(),
                reason: text(),
            },
            Event::Release {
                by: by(),
                hold: Hold::Drift(target()),
                reason: text(),
            },
            Event::RollBack {
                level: Level::Reduce(Weight::percent(5)),
                cause: Cause::Incident(Incident::CriticalError),
                confirmed: true,
            },
            Event::RollBack {
                level: Level::Total,
                cause: Cause::Rule(id(RuleId::new("errores"))),
                confirmed: false,
            },
            Event::Reset {
                by: by(),
                reason: text(),
            },
            Event::Close { by: by() },
            Event::Assessed(assessment),
            Event::Incident {
                kind: Incident::Security,
                count: 2,
            },
            report(Report::Accepted { op: OpId(3) }),
            report(Report::Read {
                op: Some(OpId(3)),
                weight: Weight::percent(10),
                by: Some("flux".to_owned()),
            }),
            report(Report::Read {
                op: None,
                weight: Weight::percent(10),
                by: None,
            }),
            report(Report::Failed {
                op: OpId(3),
                failure: Failure {
                    code: "target.deadline".to_owned(),
                    text: text(),
                },
            }),
            Event::Assigned {
                since: at,
                stable: 4,
                canary: 0,
            },
            Event::Active { as_of: at, canary: 1 },
            Event::Helm(Some(4)),
            Event::Helm(None),
            Event::Gap { from: at },
            Event::Tick,
        ]
    }

    #[test]
    fn every_event_survives_its_journalled_form() {
        for event in all() {
            let text = serde_json::to_string(&StepRecord::new(&event, &[])).expect("serialises");
            let back: StepRecord = serde_json::from_str(&text).expect(&text);
            assert_eq!(Event::from(back.event), event, "{text}");
        }
    }
}
