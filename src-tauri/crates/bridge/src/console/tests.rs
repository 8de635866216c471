//! The console's parts, without a desk: the pictures of a whole rehearsal.

use std::collections::BTreeMap;

use super::Opening;
use super::paint::{Easel, Place};
use super::past::Past;
use crate::{Speed, Told};
use proptest::prelude::*;

/// Every picture of a shipped rehearsal, painted after each of the engine's own looks.
fn pictures() -> Vec<timonel_wire::Picture> {
    let folder = tempfile::tempdir().expect("a folder");
    let opening = Opening::simulator(folder.path().to_owned()).expect("sound files");
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
        Told::Step(bulletin) => past.hear(&bulletin, easel.plan()),
        Told::Picture(snapshot) => {
            let revision = pictures.len() as u64 + 1;
            pictures.push(easel.paint(&snapshot, &past, revision));
        }
    }));
    ended.expect("a rehearsal");
    pictures
}

#[test]
fn a_rehearsal_is_painted_and_whatever_a_slow_window_misses_it_ends_with_the_same_picture() {
    let pictures = pictures();
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
    assert!(pilot.entered_at < pilot.left_at && pilot.baked_ms > 0, "{pilot:?}");
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
