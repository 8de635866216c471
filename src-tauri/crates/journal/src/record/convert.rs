//! Between the domain's events and their journalled forms. A new kind of event does not compile before it has both ways here.

use timonel_domain::board::{Assessment, Finding, Firing, Strength, Verdict};
use timonel_domain::evidence::{MeanBounds, Means, Outcome, Proof, Skew, Tally, Worse};
use timonel_domain::plan::Incident;
use timonel_domain::rollout::{Cause, Effect, Event, Failure, Hold, Level, OpId, Report};

use super::{
    AssessmentRecord, CauseRecord, EffectRecord, EventRecord, FindingRecord, FiringRecord, HoldRecord, IncidentRecord,
    LevelRecord, MeanRecord, OutcomeRecord, ProofRecord, SkewRecord, VerdictRecord, WorseRecord,
};

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
            Event::Pin { by, tenant, reason } => Self::Pin { by, tenant, reason },
            Event::Unpin { by, tenant, reason } => Self::Unpin { by, tenant, reason },
            Event::Drill { by } => Self::Drill { by },
            Event::Reset { by, reason } => Self::Reset { by, reason },
            Event::Close { by } => Self::Close { by },
            Event::Assessed(assessment) => Self::Assessed(assessment.into()),
            Event::Incident { kind, count } => Self::Incident {
                what: kind.into(),
                count,
            },
            Event::Target {
                target,
                report: Report::Accepted { op, weight, members },
            } => Self::TargetAccepted {
                target,
                op: op.0,
                weight,
                members,
            },
            Event::Target {
                target,
                report: Report::Working { op },
            } => Self::TargetWorking { target, op: op.0 },
            Event::Target {
                target,
                report: Report::Levered { op },
            } => Self::TargetLevered { target, op: op.0 },
            Event::Target {
                target,
                report: Report::Read { op, weight, apart, by },
            } => Self::TargetRead {
                target,
                op: op.map(|op| op.0),
                weight,
                apart,
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
            Event::Target {
                target,
                report: Report::Silent { failure },
            } => Self::TargetSilent {
                target,
                code: failure.code,
                text: failure.text,
            },
            Event::Assigned { since, stable, canary } => Self::Assigned { since, stable, canary },
            Event::Active { as_of, canary } => Self::Active { as_of, canary },
            Event::Helm(epoch) => Self::Helm { epoch },
            Event::Gap { from } => Self::Gap { from },
            Event::JournalBroken { detail } => Self::JournalBroken { detail: detail.clone() },
            Event::Mended { entries, missing } => Self::Mended { entries, missing },
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
            EventRecord::Pin { by, tenant, reason } => Self::Pin { by, tenant, reason },
            EventRecord::Unpin { by, tenant, reason } => Self::Unpin { by, tenant, reason },
            EventRecord::Drill { by } => Self::Drill { by },
            EventRecord::Reset { by, reason } => Self::Reset { by, reason },
            EventRecord::Close { by } => Self::Close { by },
            EventRecord::Assessed(assessment) => Self::Assessed(assessment.into()),
            EventRecord::Incident { what, count } => Self::Incident {
                kind: what.into(),
                count,
            },
            EventRecord::TargetAccepted {
                target,
                op,
                weight,
                members,
            } => Self::Target {
                target,
                report: Report::Accepted {
                    op: OpId(op),
                    weight,
                    members,
                },
            },
            EventRecord::TargetWorking { target, op } => Self::Target {
                target,
                report: Report::Working { op: OpId(op) },
            },
            EventRecord::TargetLevered { target, op } => Self::Target {
                target,
                report: Report::Levered { op: OpId(op) },
            },
            EventRecord::TargetRead {
                target,
                op,
                weight,
                apart,
                by,
            } => Self::Target {
                target,
                report: Report::Read {
                    op: op.map(OpId),
                    weight,
                    apart,
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
            EventRecord::TargetSilent { target, code, text } => Self::Target {
                target,
                report: Report::Silent {
                    failure: Failure { code, text },
                },
            },
            EventRecord::Assigned { since, stable, canary } => Self::Assigned { since, stable, canary },
            EventRecord::Active { as_of, canary } => Self::Active { as_of, canary },
            EventRecord::Helm { epoch } => Self::Helm(epoch),
            EventRecord::Gap { from } => Self::Gap { from },
            EventRecord::JournalBroken { detail } => Self::JournalBroken { detail },
            EventRecord::Mended { entries, missing } => Self::Mended { entries, missing },
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
both_ways!(Cause, CauseRecord: Person(p), Rule(r), Evidence(s), Incident(i), Resumed, Drill(p));
both_ways!(Incident, IncidentRecord: CriticalError, Security);
both_ways!(Verdict, VerdictRecord: Go, NoGo, Hold, NoEvidence);
both_ways!(Worse, WorseRecord: Alert, Rollback);
both_ways!(Outcome, OutcomeRecord: Counted, NotCounted, Above(q), AboveStable(permille), Occurred, Mean);

macro_rules! field_by_field {
    ($domain:ident, $record:ident: $($field:ident),*) => {
        impl From<$domain> for $record {
            fn from(it: $domain) -> Self {
                Self { $($field: it.$field,)* }
            }
        }

        impl From<$record> for $domain {
            fn from(it: $record) -> Self {
                Self { $($field: it.$field,)* }
            }
        }
    };
}

field_by_field!(MeanBounds, MeanRecord: lower, seen, upper, cap);

impl From<Assessment> for AssessmentRecord {
    fn from(it: Assessment) -> Self {
        let firing = |f: Firing| FiringRecord {
            breach: f.breach,
            since: f.since,
            blind: f.blind,
            evidence: f.evidence.map(Strength::millilog10),
            literal: f.evidence.is_none(),
        };
        let finding = |f: Finding| FindingRecord {
            of: f.of,
            value: f.value,
            units: f.units,
            limit: f.limit,
        };
        let proof = |p: Proof| ProofRecord {
            signal: p.signal,
            outcome: p.outcome.into(),
            stable: (p.stable.bad, p.stable.total),
            canary: (p.canary.bad, p.canary.total),
            against_stable: p.against_stable.map(Strength::millilog10),
            observational: p.observational,
            against_history: p.against_history.map(Strength::millilog10),
            edge: p.edge,
            share: p.share,
            means: p.means.map(|means| (means.canary.into(), means.stable.into())),
        };
        Self {
            firing: it.firing.into_iter().map(|(id, f)| (id, firing(f))).collect(),
            gates: it.gates.into_iter().map(|(id, v)| (id, v.into())).collect(),
            lost: it.lost,
            worse: it.worse.into_iter().map(|(id, w)| (id, w.into())).collect(),
            common: it.common,
            unrouted: it.unrouted,
            skew: it.skew.map(|skew| SkewRecord {
                weight: skew.weight,
                stable: skew.stable,
                canary: skew.canary,
                strength: skew.strength.millilog10(),
            }),
            findings: it.findings.into_iter().map(finding).collect(),
            proofs: it.proofs.into_iter().map(proof).collect(),
        }
    }
}

impl From<AssessmentRecord> for Assessment {
    fn from(it: AssessmentRecord) -> Self {
        let firing = |f: FiringRecord| Firing {
            breach: f.breach,
            since: f.since,
            blind: f.blind,
            evidence: match (f.evidence, f.literal) {
                (Some(evidence), _) => Some(Strength::from_millilog10(evidence)),
                (None, true) => None,
                (None, false) => Some(Strength::NONE),
            },
        };
        let finding = |f: FindingRecord| Finding {
            of: f.of,
            value: f.value,
            units: f.units,
            limit: f.limit,
        };
        let tally = |(bad, total)| Tally { bad, total };
        let proof = |p: ProofRecord| Proof {
            signal: p.signal,
            outcome: p.outcome.into(),
            stable: tally(p.stable),
            canary: tally(p.canary),
            against_stable: p.against_stable.map(Strength::from_millilog10),
            observational: p.observational,
            against_history: p.against_history.map(Strength::from_millilog10),
            edge: p.edge,
            share: p.share,
            means: p.means.map(|(canary, stable)| Means {
                canary: canary.into(),
                stable: stable.into(),
            }),
        };
        Self {
            firing: it.firing.into_iter().map(|(id, f)| (id, firing(f))).collect(),
            gates: it.gates.into_iter().map(|(id, v)| (id, v.into())).collect(),
            lost: it.lost,
            worse: it.worse.into_iter().map(|(id, w)| (id, w.into())).collect(),
            common: it.common,
            unrouted: it.unrouted,
            skew: it.skew.map(|skew| Skew {
                weight: skew.weight,
                stable: skew.stable,
                canary: skew.canary,
                strength: Strength::from_millilog10(skew.strength),
            }),
            findings: it.findings.into_iter().map(finding).collect(),
            proofs: it.proofs.into_iter().map(proof).collect(),
        }
    }
}
