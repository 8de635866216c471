//! Which popups stand, alert by alert.

use timonel_wire::{Acknowledged, StageKind};

use super::*;

const START: u64 = 1_000_000;

fn at(secs: u64) -> Mono {
    Mono::from_micros((START + secs) * 1_000_000)
}

fn picture(alerts: Vec<Alert>) -> Picture {
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
        rollout: timonel_wire::RolloutHead {
            id: "r-1".to_owned(),
            plan: "ivr-texml".to_owned(),
            name: "IVR nuevo".to_owned(),
            stage: StageKind::Baking,
            phase: None,
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
        sources: Vec::new(),
        phases: Vec::new(),
        board: Vec::new(),
        evidence: Vec::new(),
        gates: Vec::new(),
        blockers: Vec::new(),
        targets: Vec::new(),
        units: timonel_wire::Units {
            stable: None,
            canary: None,
        },
        alerts,
        journal: Vec::new(),
        checklists: Vec::new(),
        tenants: Vec::new(),
        emergency: timonel_wire::Emergency {
            rollout: "r-1".to_owned(),
            plan: "ivr-texml".to_owned(),
            possible: true,
            confirm: false,
            from: 500,
            to: 0,
            targets: Vec::new(),
            last_drill: None,
            verified: None,
        },
        popups: timonel_wire::PopupsState::default(),
    }
}

fn alert(id: &str, severity: SeverityName, sentence: Sentence) -> Alert {
    Alert {
        id: id.to_owned(),
        severity,
        sentence,
        since: id.trim_start_matches(char::is_alphabetic).parse().unwrap_or_default(),
        resolved_at: None,
        acknowledged: None,
    }
}

fn rule(id: &str, severity: SeverityName, code: &str, rule: &str) -> Alert {
    let wants = Sentence::new("rule-at-once").with("metric", Arg::text(rule));
    alert(id, severity, Sentence::new(code).with("rule", Arg::sentence(wants)))
}

fn firing(id: &str, of: &str) -> Alert {
    rule(id, SeverityName::Critical, "notice-rule-firing", of)
}

fn silent(id: &str, severity: SeverityName, target: &str) -> Alert {
    let sentence = Sentence::new("notice-target-silent").with("target", Arg::text(target));
    alert(id, severity, sentence)
}

fn resolved(mut alert: Alert) -> Alert {
    alert.resolved_at = Some(99);
    alert
}

fn seen(mut alert: Alert) -> Alert {
    alert.acknowledged = Some(Acknowledged {
        by: "ana".to_owned(),
        at: 99,
        comment: String::new(),
    });
    alert
}

/// A deed in one line: what, how loud, the codes of title and body, and the number it counts.
fn told(deed: &Deed) -> String {
    match deed {
        Deed::Close(_) => "close".to_owned(),
        Deed::Show(_, face) => {
            let count = match face.body.args.get("count") {
                Some(Arg::Count(count)) => format!(" x{count}"),
                _ => String::new(),
            };
            format!("{:?} {} {}{count}", face.urgency, face.title.code, face.body.code)
        }
    }
}

fn deeds(groups: &mut Groups, secs: u64, alerts: &[Alert]) -> Vec<String> {
    groups
        .follow(&picture(alerts.to_vec()), at(secs))
        .iter()
        .map(told)
        .collect()
}

fn key(deed: &Deed) -> PopupKey {
    match deed {
        Deed::Show(key, _) | Deed::Close(key) => key.clone(),
    }
}

#[test]
fn an_alert_is_as_loud_as_its_severity_and_news_are_none() {
    for (severity, shown) in [
        (
            SeverityName::Critical,
            vec!["Critical popup-title-critical notice-target-silent"],
        ),
        (SeverityName::High, vec!["Normal popup-title-high notice-target-silent"]),
        (
            SeverityName::Medium,
            vec!["Low popup-title-medium notice-target-silent"],
        ),
        (SeverityName::Low, vec![]),
    ] {
        assert_eq!(
            deeds(&mut Groups::default(), 0, &[silent("a1", severity, "telnyx")]),
            shown
        );
    }
}

#[test]
fn a_title_says_where_and_to_what_and_what_is_not_real_says_so() {
    let mut it = picture(vec![firing("a1", "errores")]);
    let shown = |it: &Picture| match Groups::default().follow(it, at(0)).remove(0) {
        Deed::Show(_, face) => face,
        Deed::Close(_) => panic!("it is shown"),
    };
    let face = shown(&it);
    assert_eq!(face.title.args["environment"], Arg::text("produccion"));
    assert_eq!(face.title.args["rollout"], Arg::text("ivr-texml"));
    assert_eq!(face.actions, [ACKNOWLEDGE, OPEN], "nothing that moves traffic");
    it.environment.simulated = true;
    let simulated = Arg::sentence(Sentence::new("popup-simulated"));
    assert_eq!(shown(&it).title.args["environment"], simulated);
}

#[test]
fn one_group_is_one_popup_that_follows_its_alerts() {
    let mut groups = Groups::default();
    let mut all = vec![firing("a1", "errores")];
    assert_eq!(
        deeds(&mut groups, 0, &all),
        ["Critical popup-title-critical notice-rule-firing"]
    );
    assert_eq!(deeds(&mut groups, 1, &all), [""; 0], "nothing changed, nothing is done");
    // Another word about the same rule: the same popup, with the newest sentence and their number.
    all.push(rule(
        "a2",
        SeverityName::Critical,
        "notice-rule-wants-rollback",
        "errores",
    ));
    let second = groups.follow(&picture(all.clone()), at(2));
    assert_eq!(
        second.iter().map(told).collect::<Vec<_>>(),
        ["Critical popup-title-critical popup-several x2"]
    );
    let Deed::Show(_, face) = &second[0] else {
        panic!("{second:?}")
    };
    assert_eq!(
        face.body.args["alert"],
        Arg::sentence(all[1].sentence.clone()),
        "the newest"
    );
    assert_eq!(groups.alerts(&key(&second[0])), ["a1", "a2"]);
    // Another rule, and the same kind about two targets: each its own.
    all.push(firing("a3", "latencia"));
    all.push(silent("a4", SeverityName::High, "telnyx"));
    all.push(silent("a5", SeverityName::High, "casos"));
    let others = groups.follow(&picture(all.clone()), at(3));
    let keys: BTreeSet<_> = others.iter().chain(&second).map(key).collect();
    assert_eq!((others.len(), keys.len()), (3, 4), "{others:?}");
    // One of the two is acknowledged elsewhere: the other is what the popup tells of.
    all[1] = seen(all[1].clone());
    assert_eq!(
        deeds(&mut groups, 4, &all),
        ["Critical popup-title-critical notice-rule-firing"]
    );
}

#[test]
fn acknowledged_is_closed_and_over_says_so_for_a_moment() {
    let mut groups = Groups::default();
    let both = [firing("a1", "errores"), silent("a2", SeverityName::High, "telnyx")];
    assert_eq!(deeds(&mut groups, 0, &both).len(), 2);
    let ended = [seen(both[0].clone()), resolved(both[1].clone())];
    assert_eq!(
        deeds(&mut groups, 1, &ended),
        ["Low popup-title-resolved popup-resolved", "close"]
    );
    assert_eq!(deeds(&mut groups, 2, &ended), [""; 0]);
    assert_eq!(groups.standing(), [], "what is over leaves by itself");
    // It begins again: a popup like the first.
    let again = [
        ended[0].clone(),
        ended[1].clone(),
        silent("a3", SeverityName::High, "telnyx"),
    ];
    assert_eq!(
        deeds(&mut groups, 3, &again),
        ["Normal popup-title-high notice-target-silent"]
    );
    // The list of alerts has an end: what fell out of it is not told as over.
    assert_eq!(deeds(&mut groups, 4, &[]), ["close"]);
}

#[test]
fn what_a_person_put_away_comes_back_only_with_something_new() {
    let mut groups = Groups::default();
    let mut all = vec![firing("a1", "errores")];
    let shown = key(&groups.follow(&picture(all.clone()), at(0))[0]);
    groups.gone(&shown);
    assert_eq!(deeds(&mut groups, 1, &all), [""; 0]);
    all.push(firing("a2", "errores"));
    assert_eq!(
        deeds(&mut groups, 2, &all),
        ["Critical popup-title-critical popup-several x2"]
    );
    groups.gone(&shown);
    all[0] = resolved(all[0].clone());
    assert_eq!(deeds(&mut groups, 3, &all), [""; 0], "less than before is nothing new");
    all[1] = resolved(all[1].clone());
    assert_eq!(
        deeds(&mut groups, 4, &all),
        [""; 0],
        "what nobody sees does not say that it is over"
    );
}

#[test]
fn what_never_was_before_a_person_comes_again() {
    let mut groups = Groups::default();
    let all = [firing("a1", "errores")];
    let shown = key(&groups.follow(&picture(all.to_vec()), at(0))[0]);
    groups.lost(&shown);
    assert_eq!(
        deeds(&mut groups, 1, &all),
        ["Critical popup-title-critical notice-rule-firing"]
    );
}

#[test]
fn only_so_many_come_in_a_minute_and_the_rest_is_one_popup() {
    let mut groups = Groups::default();
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let mut all: Vec<_> = (0..8)
        .map(|n| silent(&format!("a{n}"), SeverityName::High, names[n]))
        .collect();
    // The loudest is never the one that waits.
    all.push(firing("a9", "errores"));
    let first = deeds(&mut groups, 0, &all);
    assert_eq!(first.len(), MOST + 1, "{first:?}");
    assert_eq!(first[0], "Critical popup-title-critical notice-rule-firing");
    assert_eq!(first[MOST], "Normal popup-title-more popup-more x3");
    assert_eq!(deeds(&mut groups, 30, &all), [""; 0]);
    // One of those that wait is over: the sum follows, in place.
    all[7] = resolved(all[7].clone());
    assert_eq!(deeds(&mut groups, 31, &all), ["Normal popup-title-more popup-more x2"]);
    // What stands ends at once, whatever the minute.
    all[0] = seen(all[0].clone());
    assert_eq!(deeds(&mut groups, 32, &all), ["close"]);
    // After a minute the others have their turn, and the sum goes.
    assert_eq!(
        deeds(&mut groups, 60, &all),
        [
            "Normal popup-title-high notice-target-silent",
            "Normal popup-title-high notice-target-silent",
            "close"
        ]
    );
}

#[test]
fn what_becomes_more_urgent_is_as_good_as_new() {
    let mut groups = Groups::default();
    let mut all = vec![silent("a1", SeverityName::High, "telnyx")];
    assert_eq!(deeds(&mut groups, 0, &all).len(), 1);
    all.push(silent("a2", SeverityName::Critical, "telnyx"));
    assert_eq!(
        deeds(&mut groups, 1, &all),
        ["Critical popup-title-critical popup-several x2"]
    );
    assert_eq!(groups.came.len(), 2);
}

#[test]
fn every_text_is_there_in_both_languages() {
    use crate::words::{Language, Words};

    let codes = |source: &'static str| {
        source
            .split('"')
            .skip(1)
            .step_by(2)
            .filter(|text| text.starts_with("popup"))
    };
    let all: BTreeSet<_> = codes(include_str!("../groups.rs"))
        .chain(codes(include_str!("../../popups.rs")))
        .collect();
    assert!(all.len() > 18, "{all:?}");
    for (language, popups, window) in [
        (
            Language::Es,
            include_str!("../../../../../../locales/es/popups.ftl"),
            include_str!("../../../../../../locales/es/window.ftl"),
        ),
        (
            Language::En,
            include_str!("../../../../../../locales/en/popups.ftl"),
            include_str!("../../../../../../locales/en/window.ftl"),
        ),
    ] {
        // What stands in a popup is spoken by the desk, how popups stand by the page.
        let [desk, page] = [popups, window].map(|own| Words::new(language, own, |at| at.to_string()));
        let speaker = |code: &str| if code.starts_with("popups-") { &page } else { &desk };
        let missing: Vec<_> = all.iter().filter(|code| !speaker(code).has(code)).collect();
        assert!(missing.is_empty(), "{language:?}: {missing:?}");
        let said = desk.tell(&counted(
            Sentence::new("popup-several").with("alert", Arg::sentence(Sentence::new("notice-security"))),
            3,
        ));
        assert!(said.contains('3') && !said.contains("popup-"), "{said}");
    }
}
