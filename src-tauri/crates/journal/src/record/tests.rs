//! Every event through its journalled form and back.

use super::*;
use timonel_domain::board::{Assessment, Finding, Firing, Strength, Verdict};
use timonel_domain::evidence::{MeanBounds, Means, Outcome, Proof, Skew, Tally, Worse};
use timonel_domain::plan::Incident;
use timonel_domain::rollout::{Apart, Cause, Failure, Hold, Level, Members, OpId, Report};

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
        worse: [(id(SignalId::new("errores")), Worse::Rollback)].into(),
        common: [id(RuleId::new("errores"))].into(),
        unrouted: true,
        skew: Some(Skew {
            weight: Weight::percent(10),
            stable: 900,
            canary: 3,
            strength: Strength::from_millilog10(2100),
        }),
        proofs: vec![Proof {
            signal: id(SignalId::new("errores")),
            outcome: Outcome::Above(Quantity::from_micros(3_000_000)),
            stable: Tally { bad: 1, total: 90 },
            canary: Tally { bad: 3, total: 10 },
            against_stable: Some(Strength::from_millilog10(2100)),
            observational: true,
            against_history: Some(Strength::from_millilog10(1700)),
            edge: Some(Quantity::from_micros(2_500_000)),
            share: Some(Quantity::from_micros(60_000)),
            means: Some(Means {
                canary: MeanBounds {
                    lower: Quantity::from_micros(900_000),
                    seen: Quantity::from_micros(1_100_000),
                    upper: Quantity::from_micros(1_400_000),
                    cap: Quantity::from_micros(8_000_000),
                },
                stable: MeanBounds::default(),
            }),
        }],
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
            level: Level::Total,
            cause: Cause::Evidence(id(SignalId::new("errores"))),
            confirmed: false,
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
        report(Report::accepted(OpId(3))),
        report(Report::Accepted {
            op: OpId(3),
            weight: Some(Weight::percent(4)),
            members: Some(Members { canary: 12, all: 340 }),
        }),
        report(Report::Working { op: OpId(3) }),
        report(Report::Levered { op: OpId(3) }),
        report(Report::Read {
            op: None,
            weight: Weight::percent(10),
            apart: Apart { surplus: 2, missing: 1 },
            by: None,
        }),
        Event::Pin {
            by: by(),
            tenant: id(TenantId::new("norte")),
            reason: text(),
        },
        Event::Unpin {
            by: by(),
            tenant: id(TenantId::new("norte")),
            reason: text(),
        },
        Event::Drill { by: by() },
        Event::RollBack {
            level: Level::Total,
            cause: Cause::Drill(by()),
            confirmed: false,
        },
        report(Report::Read {
            op: Some(OpId(3)),
            weight: Weight::percent(10),
            apart: Apart::NONE,
            by: Some("flux".to_owned()),
        }),
        report(Report::read(None, Weight::percent(10))),
        report(Report::Failed {
            op: OpId(3),
            failure: Failure {
                code: "target.deadline".to_owned(),
                text: text(),
            },
        }),
        report(Report::Silent {
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
        Event::Mended {
            entries: 40,
            missing: 2,
        },
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

/// As this program wrote them before targets held sets.
#[test]
fn entries_without_sets_are_read_as_they_were_meant() {
    let read = |body: &str| Event::from(serde_json::from_str::<StepRecord>(body).expect(body).event);
    let target = id(TargetId::new("istio"));
    let accepted = read(r#"{"event":{"is":"target-accepted","target":"istio","op":3}}"#);
    let report = Report::accepted(OpId(3));
    assert_eq!(
        accepted,
        Event::Target {
            target: target.clone(),
            report
        }
    );
    let was_read = read(r#"{"event":{"is":"target-read","target":"istio","op":null,"weight":5.0,"by":null}}"#);
    let report = Report::read(None, Weight::percent(5));
    assert_eq!(was_read, Event::Target { target, report });
}
