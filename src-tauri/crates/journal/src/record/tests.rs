//! Every event through its journalled form and back.

use super::*;
use timonel_domain::board::{Assessment, Finding, Firing, Strength, Verdict};
use timonel_domain::plan::Incident;
use timonel_domain::rollout::{Cause, Failure, Hold, Level, OpId, Report};

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
