//! What the icon says of pictures.

use timonel_wire::{
    Acknowledged, Alert, Emergency, EnvironmentBand, Freshness, LookingOn, Marks, Picture, PopupsState, RoleName,
    RolloutHead, Sentence, SeverityName, Source, StageKind, Target, Units,
};

use super::{Face, Shape, weight};
use crate::words::Language;

/// A rollout in order: everything fresh, nothing held, nothing to say.
fn calm() -> Picture {
    Picture {
        revision: 1,
        at: 0,
        environment: EnvironmentBand {
            name: "produccion".to_owned(),
            simulated: false,
            speed: None,
            scenario: None,
            store_fault: None,
            unwritten: 0,
            store: None,
            looking_on: None,
        },
        rollout: RolloutHead {
            id: "r-1".to_owned(),
            plan: "ivr-texml".to_owned(),
            name: "IVR TeXML: sistema nuevo de voz".to_owned(),
            stage: StageKind::Baking,
            phase: Some("p5".to_owned()),
            frozen: false,
            holds: Vec::new(),
            since: 0,
            latched: None,
            cause: None,
            sentence: Sentence::new("stage-baking"),
            may: Vec::new(),
            approvals: Vec::new(),
            helm: None,
        },
        sources: vec![Source {
            name: "telnyx".to_owned(),
            kind: "telnyx".to_owned(),
            interval_ms: 15_000,
            lag_ms: 30_000,
            newest_at: Some(0),
            freshness: Freshness::Live,
            not_live: 0,
            all: 4,
        }],
        phases: Vec::new(),
        board: Vec::new(),
        gates: Vec::new(),
        evidence: Vec::new(),
        blockers: Vec::new(),
        targets: vec![Target {
            id: "telnyx".to_owned(),
            kind: "telnyx.number-share".to_owned(),
            place: Sentence::new("place-number-share"),
            role: RoleName::Splitter,
            requested: Some(1_250),
            accepted: Some(1_250),
            read: Some(1_250),
            observed: None,
            seen: None,
            members: None,
            levered: None,
            op: None,
            silent: None,
            drift: None,
            marks: Marks::default(),
            manual: Vec::new(),
        }],
        units: Units {
            stable: None,
            canary: None,
        },
        alerts: Vec::new(),
        journal: Vec::new(),
        checklists: Vec::new(),
        tenants: Vec::new(),
        emergency: Emergency {
            rollout: "r-1".to_owned(),
            plan: "ivr-texml".to_owned(),
            possible: true,
            confirm: false,
            from: 1_250,
            to: 0,
            targets: vec!["telnyx".to_owned()],
            last_drill: None,
            verified: None,
        },
        popups: PopupsState::default(),
    }
}

fn alert(severity: SeverityName) -> Alert {
    Alert {
        id: "a".to_owned(),
        severity,
        sentence: Sentence::new("notice"),
        since: 0,
        resolved_at: None,
        acknowledged: None,
    }
}

fn shape_of(change: impl FnOnce(&mut Picture)) -> Shape {
    let mut picture = calm();
    change(&mut picture);
    Face::of(Some(&picture), Language::Es).shape
}

#[test]
fn a_rollout_in_order_is_told_in_one_line_with_its_emergency_control() {
    let face = Face::of(Some(&calm()), Language::Es);
    assert_eq!(face.shape, Shape::Calm);
    assert_eq!(face.state, "produccion · ivr-texml · 12,5 % · en orden");
    assert_eq!(face.alerts, None);
    let [emergency] = &face.emergencies[..] else {
        panic!("{:?}", face.emergencies)
    };
    assert_eq!(emergency.aim, calm().aim());
    assert_eq!(emergency.label, "Revertir ivr-texml a 0 % (produccion)");
}

#[test]
fn a_simulator_is_never_taken_for_the_real_thing() {
    let mut picture = calm();
    picture.environment.simulated = true;
    let face = Face::of(Some(&picture), Language::En);
    assert!(face.state.starts_with("SIMULATOR · "), "{}", face.state);
    assert!(face.emergencies[0].label.contains("SIMULATOR"));
}

#[test]
fn without_a_picture_or_with_late_data_it_is_never_in_order() {
    assert_eq!(Face::of(None, Language::Es).shape, Shape::Lost);
    assert_eq!(shape_of(|p| p.sources[0].freshness = Freshness::Late), Shape::Lost);
    assert_eq!(shape_of(|p| p.targets[0].silent = Some(1)), Shape::Lost);
    let looking_on = |lost, unled| {
        let seen = LookingOn {
            read_at: 0,
            lost,
            unled,
            from_kit: false,
        };
        shape_of(|p| p.environment.looking_on = Some(seen))
    };
    assert_eq!(looking_on(false, false), Shape::Calm);
    assert_eq!(
        [looking_on(true, false), looking_on(false, true)],
        [Shape::Lost, Shape::Lost]
    );
}

#[test]
fn a_picture_that_nothing_came_after_is_not_believed_and_can_still_be_put_back() {
    let face = Face::silent(&calm(), Language::Es);
    assert_eq!(face.shape, Shape::Lost);
    assert_eq!(face.state, "produccion · ivr-texml · 12,5 % · sin datos al día");
    assert_eq!(face.emergencies, Face::of(Some(&calm()), Language::Es).emergencies);
}

#[test]
fn the_loudest_wins() {
    let everything = |p: &mut Picture| {
        p.sources[0].freshness = Freshness::Lost;
        p.rollout.latched = Some(1);
        p.rollout.frozen = true;
    };
    assert_eq!(shape_of(everything), Shape::Lost);
    assert_eq!(shape_of(|p| p.rollout.latched = Some(1)), Shape::Back);
    assert_eq!(shape_of(|p| p.rollout.frozen = true), Shape::Held);
    assert_eq!(shape_of(|p| p.rollout.stage = StageKind::RollingBack), Shape::Alarm);
    let late_alarm = |p: &mut Picture| {
        everything(p);
        p.alerts.push(alert(SeverityName::Critical));
    };
    assert_eq!(shape_of(late_alarm), Shape::Alarm);
}

#[test]
fn alerts_are_counted_until_somebody_has_seen_them_or_they_are_over() {
    let mut picture = calm();
    picture.alerts = vec![alert(SeverityName::Medium), alert(SeverityName::High)];
    let face = Face::of(Some(&picture), Language::Es);
    assert_eq!(
        (face.alerts.as_deref(), face.shape),
        (Some("2 alertas sin reconocer"), Shape::Alarm)
    );
    picture.alerts[1].acknowledged = Some(Acknowledged {
        by: "ana".to_owned(),
        at: 1,
        comment: String::new(),
    });
    let face = Face::of(Some(&picture), Language::Es);
    assert_eq!(
        (face.alerts.as_deref(), face.shape),
        (Some("1 alerta sin reconocer"), Shape::Calm)
    );
    picture.alerts[0].resolved_at = Some(2);
    assert_eq!(Face::of(Some(&picture), Language::Es).alerts, None);
}

#[test]
fn weights_are_written_as_the_language_writes_them() {
    let cases = [
        (0, "0 %"),
        (500, "5 %"),
        (1_250, "12,5 %"),
        (1_205, "12,05 %"),
        (10_000, "100 %"),
    ];
    for (hundredths, text) in cases {
        assert_eq!(weight(hundredths, Language::Es), text);
    }
    assert_eq!(weight(1_250, Language::En), "12.5 %");
}
