//! Where calls go: some time after the API shows it, by the URL in force, and told as it happens.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use timonel_domain::value::Weight;
use timonel_ports::task::spawn;
use timonel_simulator::telnyx::{JobPace, Setup};

use super::stage::{APPLICATION, CANARY, CANARY_URL, STABLE, STABLE_URL, VOICE_API, e164, id, ids, on_stage, setup};

fn one(_: &str) -> u64 {
    1
}

#[test]
fn calls_follow_what_the_api_shows_after_a_while() {
    on_stage(1, setup(10), |stage| async move {
        let telnyx = &stage.telnyx;
        telnyx.move_as("ana", &[&id(1), &id(4)], CANARY).unwrap();
        assert_eq!((stage.on_canary(), stage.routed_to_canary()), (vec![1, 4], vec![]));
        assert_eq!(
            (telnyx.share_shown(one), telnyx.share_in_force(one)),
            (Weight::percent(20), Weight::ZERO)
        );
        stage.sleep(1_999).await;
        assert!(stage.routed_to_canary().is_empty());
        stage.sleep(1).await;
        assert_eq!(stage.routed_to_canary(), [1, 4]);
        assert_eq!(telnyx.share_in_force(one), Weight::percent(20));
        let routed = telnyx.routed(&e164(4)).unwrap();
        assert_eq!(
            (&*routed.connection_id, routed.voice_url.as_deref()),
            (CANARY, Some(CANARY_URL))
        );
        assert_eq!(telnyx.routed(&id(4)), Some(routed));
    });
}

#[test]
fn the_arm_follows_the_url_in_force() {
    on_stage(1, setup(4), |stage| async move {
        let telnyx = &stage.telnyx;
        telnyx.move_as("ana", &[&id(0)], CANARY).unwrap();
        stage.sleep(3_000).await;
        let lever = json!({"friendly_name": "ivr new", "voice_url": STABLE_URL});
        stage.patch(APPLICATION, lever).await.data();
        assert_eq!(
            (telnyx.share_shown(one), telnyx.share_in_force(one)),
            (Weight::ZERO, Weight::percent(25))
        );
        stage.sleep(2_000).await;
        assert_eq!(telnyx.share_in_force(one), Weight::ZERO);
        assert_eq!(stage.routed_to_canary(), [0], "the connection is still the canary");
        assert_eq!(telnyx.routed(&id(0)).unwrap().voice_url.as_deref(), Some(STABLE_URL));
        telnyx
            .patch_application_as("eva", CANARY, json!({"voice_url": CANARY_URL}))
            .unwrap();
        stage.sleep(2_000).await;
        assert_eq!(telnyx.share_in_force(one), Weight::percent(25));
    });
}

#[test]
fn shares_are_by_volume_and_rounded_down_but_never_to_nothing() {
    let at_once = Setup {
        propagation: Duration::ZERO,
        ..setup(4)
    };
    on_stage(1, at_once, |stage| async move {
        let telnyx = &stage.telnyx;
        telnyx.move_as("ana", &[&id(0)], CANARY).unwrap();
        assert_eq!(
            stage.routed_to_canary(),
            [0],
            "without propagation calls follow at once"
        );
        let volumes = |first: u64, rest: u64| move |number: &str| if number == e164(0) { first } else { rest };
        for (first, rest, hundredths) in [(1, 1, 2500), (1, 2, 1428), (1, 1_000_000, 1), (0, 1, 0), (1, 0, 10_000)] {
            let share = Weight::from_hundredths(hundredths).unwrap();
            assert_eq!(
                telnyx.share_in_force(volumes(first, rest)),
                share,
                "{first} and 3 of {rest}"
            );
            assert_eq!(telnyx.share_shown(volumes(first, rest)), share);
        }
        assert_eq!(telnyx.share_in_force(|_| 0), Weight::ZERO);
        // What is on neither application does not count.
        telnyx.move_as("ana", &[&id(1)], VOICE_API).unwrap();
        assert_eq!(telnyx.share_in_force(one).hundredths(), 3333);
        assert_eq!(telnyx.routed(&id(1)).unwrap().voice_url, None, "these calls fail");
    });
}

#[test]
fn an_application_that_is_gone_answers_no_call() {
    on_stage(1, setup(2), |stage| async move {
        let telnyx = &stage.telnyx;
        telnyx.move_as("ana", &[&id(0)], CANARY).unwrap();
        stage.sleep(3_000).await;
        telnyx.delete_application(CANARY).unwrap();
        assert_eq!(telnyx.url_in_force(CANARY).as_deref(), Some(CANARY_URL));
        stage.sleep(2_000).await;
        assert_eq!(telnyx.url_in_force(CANARY), None);
        assert_eq!(telnyx.routed(&id(0)).unwrap().voice_url, None);
        assert_eq!(telnyx.url_in_force(STABLE).as_deref(), Some(STABLE_URL));
    });
}

#[test]
fn each_change_is_told_when_it_happens_and_no_other() {
    let brisk = Setup {
        jobs: JobPace {
            delay: Duration::from_secs(1),
            per_second: 2,
        },
        ..setup(5)
    };
    on_stage(1, brisk, |stage| async move {
        let told = Arc::new(Mutex::new(Vec::new()));
        let (mut changes, clock, notes) = (stage.telnyx.changes(), stage.clock.clone(), told.clone());
        let telnyx = stage.telnyx.clone();
        spawn(&stage.clock.shared(), async move {
            while changes.next().await.is_some() {
                let on_canary = telnyx.routing().iter().filter(|r| &*r.connection_id == CANARY).count();
                let at = timonel_ports::clock::Clock::mono(&clock).micros() / 1000;
                notes.lock().unwrap().push((at, on_canary));
            }
        });
        stage.telnyx.move_as("ana", &[&id(3), &id(4)], CANARY).unwrap();
        stage.telnyx.move_as("ana", &[&id(0)], STABLE).unwrap();
        stage.job(&ids(0..2), CANARY).await;
        let posted = stage.millis();
        stage
            .patch(APPLICATION, json!({"friendly_name": "other", "voice_url": CANARY_URL}))
            .await
            .data();
        stage.sleep(20_000).await;
        let told = told.lock().unwrap().clone();
        assert_eq!(told, [(2_000, 2), (posted + 3_500, 3), (posted + 4_000, 4)]);
    });
}
