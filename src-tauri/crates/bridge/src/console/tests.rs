//! The console's parts, without a desk: the pictures of a whole rehearsal.

use std::collections::BTreeMap;

use super::Opening;
use super::paint::{Easel, Place};
use super::past::Past;
use crate::{Speed, Told};
use proptest::prelude::*;
use timonel_engine::Listener;

/// Every picture of a shipped rehearsal, painted after each of the engine's own looks; with rules that wait for no proof,
/// where that is wanted.
fn pictures(literally: bool) -> Vec<timonel_wire::Picture> {
    let folder = tempfile::tempdir().expect("a folder");
    let mut opening = Opening::simulator(folder.path().to_owned()).expect("sound files");
    if literally {
        let then = "then = \"rollback\"\n";
        let text = opening
            .plan_text
            .replace(then, &format!("{then}evidence = \"literal\"\n"));
        opening.plan = timonel_plan::check(&text).value.expect("the same plan but for that");
        opening.plan_text = text;
    }
    let plan = opening
        .plan
        .clone()
        .in_environment(timonel_plan::parsed::SIMULATOR)
        .expect("always there");
    let places = plan.targets.iter().map(|t| (t.id.clone(), Place::unknown())).collect();
    let easel = Easel::new(&plan, places, None, None);
    let mut past = Past::new(opening.scenario.start);
    let mut pictures = Vec::new();
    let rehearsal = crate::Rehearsal {
        plan: opening.plan,
        plan_text: opening.plan_text,
        scenario: opening.scenario,
        speed: Speed::Max,
        folder: folder.path().join("store"),
        sources: BTreeMap::new(),
    };
    std::fs::create_dir(folder.path().join("store")).expect("a folder");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let ended = runtime.block_on(rehearsal.run(|told| match told {
        Told::Opened { .. } => {}
        Told::Step(bulletin) => {
            past.hear(&bulletin, easel.plan());
            // Put away and taken up again at every step, as a checkpoint is: nothing of it is lost.
            let kept = serde_json::to_vec(&past).expect("it can be put away");
            let again: Past = serde_json::from_slice(&kept).expect("it can be taken up");
            assert_eq!(format!("{again:?}"), format!("{past:?}"));
            past = again;
        }
        Told::Picture(snapshot) => {
            let revision = pictures.len() as u64 + 1;
            pictures.push(easel.paint(&snapshot, &past, revision));
        }
    }));
    ended.expect("a rehearsal");
    pictures
}

#[test]
fn the_evidence_grows_until_it_acts_and_stays_to_be_read() {
    let pictures = pictures(false);
    let errors = |picture: &timonel_wire::Picture| {
        let row = picture
            .evidence
            .iter()
            .find(|row| row.metric == "error_rate" && row.above.is_none());
        row.cloned()
    };
    assert_eq!(errors(&pictures[0]), None, "no phase has begun");
    let last = pictures.last().expect("pictures");
    assert_eq!(last.rollout.stage, timonel_wire::StageKind::RolledBack);
    let shown = errors(last).expect("what led here");
    assert_eq!(shown, last.evidence[0], "the strongest first");
    assert!(shown.observational, "numbers are not chance");
    assert!(shown.log10_r >= Some(1.699), "a rule acts from 50 on: {shown:?}");
    assert!(shown.canary.lower > shown.stable.lower && shown.canary.upper > shown.stable.upper);
    assert!(
        last.alerts
            .iter()
            .any(|alert| alert.sentence.code == "notice-rule-firing"),
        "{:?}",
        last.alerts
    );
    // Before the fault the gate said how many clean units it still wanted.
    let gated = pictures
        .iter()
        .flat_map(|picture| &picture.evidence)
        .find_map(|row| row.goal);
    assert!(
        gated.is_some_and(|goal| !goal.kept && goal.clean_units > Some(0)),
        "{gated:?}"
    );
    let missing = pictures
        .iter()
        .flat_map(|picture| &picture.gates)
        .find_map(|gate| gate.clean_units);
    assert!(missing.is_some());
}

#[test]
fn a_rehearsal_is_painted_and_whatever_a_slow_window_misses_it_ends_with_the_same_picture() {
    let pictures = pictures(true);
    let last = pictures.last().expect("pictures");
    assert!(pictures.len() > 100, "{}", pictures.len());
    // Any succession of batches, with whatever between them was missed, leads to the picture of the last.
    let every = prop::collection::btree_set(0..pictures.len(), 2..40);
    let mut runner = proptest::test_runner::TestRunner::default();
    runner
        .run(&every, |shown| {
            let shown: Vec<_> = shown.into_iter().map(|i| &pictures[i]).collect();
            let mut page: timonel_wire::Picture = shown[0].clone();
            for pair in shown.windows(2) {
                let json = serde_json::to_string(&pair[1].since(pair[0])).expect("it serialises");
                page.apply(serde_json::from_str(&json).expect("it reads what it wrote"));
                prop_assert_eq!(&page, pair[1]);
            }
            Ok(())
        })
        .expect("the same picture");
    assert!(
        last.since(last).sections == timonel_wire::Sections::default(),
        "nothing changed, nothing crosses"
    );

    // What a person has to have seen of it.
    assert_eq!(last.rollout.stage, timonel_wire::StageKind::RolledBack);
    assert!(
        last.rollout.latched.is_some() && last.rollout.may.contains(&"reset".to_owned()),
        "{:?}",
        last.rollout
    );
    assert!(last.emergency.last_drill.is_some(), "{:?}", last.emergency);
    assert_eq!(last.emergency.verified, Some(2));
    let splitter = last
        .targets
        .iter()
        .find(|t| t.role == timonel_wire::RoleName::Splitter)
        .expect("a splitter");
    let marks = splitter.marks;
    let times = [
        marks.decided,
        marks.accepted,
        marks.read_back,
        marks.seen,
        marks.drained,
    ];
    assert!(times.iter().all(Option::is_some), "{marks:?}");
    // Each of the last two has a clock of its own.
    assert!(
        times[..3].is_sorted() && times[1] <= times[3] && times[1] <= times[4],
        "{marks:?}"
    );
    let pilot = &last.phases[0];
    assert_eq!(pilot.state, timonel_wire::PhaseState::RolledBack);
    assert!(pilot.entered_at < pilot.left_at, "{pilot:?}");
    let served = pictures.iter().map(|picture| picture.phases[0].baked_ms);
    assert!(served.max() > Some(0));
    let stages: Vec<_> = pictures.iter().flat_map(|p| &p.board).map(|row| row.state).collect();
    assert!(stages.contains(&timonel_wire::RuleStage::Pending) && stages.contains(&timonel_wire::RuleStage::Firing));
    let firing = last
        .alerts
        .iter()
        .find(|a| a.sentence.code == "notice-rule-firing")
        .expect("its alert");
    assert!(firing.since > pilot.entered_at.unwrap_or_default(), "{firing:?}");
    assert!(
        last.alerts
            .iter()
            .any(|a| a.sentence.code == "notice-rollback-started" && a.resolved_at.is_some())
    );
    assert!(
        last.journal.windows(2).all(|pair| pair[0].seq >= pair[1].seq),
        "newest first"
    );
    assert!(pictures.iter().all(|p| p.journal.len() <= 50));
    let values = |side: fn(&timonel_wire::BoardRow) -> Option<timonel_wire::Reading>| {
        pictures
            .iter()
            .flat_map(|p| &p.board)
            .filter_map(side)
            .filter_map(|r| r.value)
            .count()
    };
    assert!(
        values(|row| row.canary) > 50 && values(|row| row.stable) > 50,
        "both arms are seen"
    );
}
