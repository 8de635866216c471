//! The target `kubernetes.virtual-service` against the simulated cluster: the contract of every target, in virtual time, and
//! what only a real socket shows of a watch. Here, since an adapter's own tests know no simulator.
//!
//! What a real API server would answer is the simulator's own affair; how a patch is made is tested beside the adapter.

#![allow(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

mod simulated;

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use timonel_domain::rollout::Generation;
use timonel_domain::value::Weight;
use timonel_ports::clock::{Clock, sleep, within};
use timonel_ports::target::{Goal, Target, TargetError};
use timonel_ports::task::spawn;
use timonel_simulator::cluster::{Calls, Fault as Trouble, Scope};
use timonel_simulator::time::Speed;
use timonel_testkit::target::{contract, manual_commands};

use simulated::{PATH, Server, Simulated, drive, object};

#[test]
fn the_contract_of_every_target() {
    let report = drive(
        Speed::Max,
        |clock| async move { contract(&mut Simulated::new(clock)).await },
    );
    println!("{report}");
    // One object with one write: no lever, no set, nothing by halves.
    let cannot = [
        "the instant lever takes everything off, and is released only when nothing is left behind it",
        "a drill at 0 % pulls the lever and releases it",
        "a pinned tenant is taken off and stays off",
        "a set is compared by its members",
        "a partial success is said and can be finished",
    ];
    assert_eq!(report.cannot, cannot);
    assert_eq!(report.ran.len(), 28);
}

/// At real speed: virtual time cannot see bash, and the simulated latency has to pass.
#[test]
fn what_a_person_pastes_does_it() {
    let report = drive(Speed::Times(1.0), |clock| async move {
        manual_commands(&mut Simulated::new(clock)).await
    });
    println!("{report}");
    assert!(
        report.ran.contains(&"manual commands after a reading"),
        "curl is everywhere: {report}"
    );
}

#[test]
fn a_webhook_that_is_down_says_so_in_the_preflight_and_on_writing() {
    drive(Speed::Max, |clock| async move {
        let server = Server::start(&clock, Weight::percent(5)).await;
        let target = server.target(clock.shared()).await;
        server.set(Calls::All, Trouble::WebhookDown);
        let preflight = target.preflight().await.unwrap();
        let failed: Vec<_> = preflight.checks.iter().filter(|check| !check.ok).collect();
        assert_eq!(
            failed.iter().map(|check| check.code.as_str()).collect::<Vec<_>>(),
            ["target.dry-run"]
        );
        assert!(
            failed[0].proof.contains("istiod's admission webhook"),
            "{}",
            failed[0].proof
        );
    });
}

#[test]
fn a_preflight_without_the_right_to_write_says_which_right() {
    drive(Speed::Max, |clock| async move {
        let server = Server::start(&clock, Weight::percent(5)).await;
        let target = server.target(clock.shared()).await;
        let object = Scope::Object(PATH.into());
        server
            .cluster
            .faults()
            .set(object, Calls::Writes, Trouble::Forbidden)
            .unwrap();
        let preflight = target.preflight().await.unwrap();
        let failed: Vec<_> = preflight
            .checks
            .iter()
            .filter(|check| !check.ok)
            .map(|check| check.code.as_str())
            .collect();
        assert_eq!(failed, ["target.rights.patch", "target.dry-run"]);
    });
}

#[test]
fn a_preflight_of_a_route_that_cannot_be_weighed_shows_what_to_write() {
    drive(Speed::Max, |clock| async move {
        let server = Server::start(&clock, Weight::percent(5)).await;
        let target = server.target(clock.shared()).await;
        let third = json!([{"op": "add", "path": "/spec/http/1/route/-",
            "value": {"destination": {"host": "casos-service", "subset": "shadow"}, "weight": 0}}]);
        server.cluster.write_as("flux", PATH, third).unwrap();
        let preflight = target.preflight().await.unwrap();
        let failed: Vec<_> = preflight.checks.iter().filter(|check| !check.ok).collect();
        assert_eq!(failed.len(), 1, "{failed:?}");
        assert_eq!(failed[0].code, "target.shape");
        assert!(
            failed[0]
                .proof
                .contains("- destination: {host: casos-service, subset: stable}"),
            "{}",
            failed[0].proof
        );

        server.cluster.delete(PATH).unwrap();
        let preflight = target.preflight().await.unwrap();
        let failed: Vec<_> = preflight
            .checks
            .iter()
            .filter(|check| !check.ok)
            .map(|check| check.code.as_str())
            .collect();
        assert_eq!(failed, ["target.present"]);
    });
}

/// The engine holds one `changed()` for hours: it must outlive the end of every watch, resets, silence and a forgotten history.
#[test]
fn a_watch_lives_through_what_happens_to_watches() {
    drive(Speed::Max, |clock| async move {
        let server = Server::start(&clock, Weight::percent(5)).await;
        let target = Arc::new(server.target(clock.shared()).await);
        target.read().await.unwrap();
        let waiting = {
            let (target, clock) = (target.clone(), clock.shared());
            spawn(
                &clock.clone(),
                async move { target.changed().await.map(|()| clock.mono()) },
            )
        };
        let later = |secs| sleep(&clock, Duration::from_secs(secs));
        // Ten ends of 290 s each.
        later(2900).await;
        let reset = server
            .cluster
            .faults()
            .set(Scope::Cluster, Calls::All, Trouble::Reset)
            .unwrap();
        later(120).await;
        server.cluster.faults().clear(reset);
        later(60).await;
        let hole = server
            .cluster
            .faults()
            .set(Scope::Cluster, Calls::All, Trouble::BlackHole)
            .unwrap();
        later(900).await;
        server.cluster.faults().clear(hole);
        server.cluster.forget_changes();
        later(600).await;
        let written = clock.mono();
        server.write_as("flux", Weight::percent(50));
        let told = waiting.join().await.unwrap().unwrap();
        assert!(
            told.saturating_since(written) < Duration::from_secs(5),
            "told {told:?}, written {written:?}"
        );
    });
}

/// A change that happens while no watch is open, and whose history is gone when the next one opens.
#[test]
fn a_change_in_a_gap_of_watching_is_told() {
    drive(Speed::Max, |clock| async move {
        let server = Server::start(&clock, Weight::percent(5)).await;
        let target = server.target(clock.shared()).await;
        target.read().await.unwrap();
        server.write_as("flux", Weight::percent(50));
        server.cluster.forget_changes();
        within(&clock, Duration::from_secs(5), target.changed())
            .await
            .unwrap()
            .unwrap();
        let quiet = within(&clock, Duration::from_secs(3600), target.changed()).await;
        assert!(quiet.is_err(), "the same change was told twice: {quiet:?}");
        server.cluster.delete(PATH).unwrap();
        within(&clock, Duration::from_secs(5), target.changed())
            .await
            .unwrap()
            .unwrap();
        assert!(matches!(target.read().await, Err(TargetError::Missing { .. })));
    });
}

#[test]
fn whoever_may_not_watch_is_told_so() {
    drive(Speed::Max, |clock| async move {
        let server = Server::start(&clock, Weight::percent(5)).await;
        let target = server.target(clock.shared()).await;
        target.read().await.unwrap();
        server.set(Calls::All, Trouble::Forbidden);
        let refused = within(&clock, Duration::from_secs(5), target.changed()).await.unwrap();
        assert!(matches!(refused, Err(TargetError::Forbidden { .. })), "{refused:?}");
    });
}

/// Somebody sorts the routes between our reading and our write: the API server answers 422 without a reason.
#[test]
fn a_patch_whose_tests_do_not_hold_is_a_conflict() {
    drive(Speed::Max, |clock| async move {
        let server = Server::start(&clock, Weight::percent(5)).await;
        let target = server.target(clock.shared()).await;
        let goal = Goal::lower(Weight::ZERO, Generation { epoch: 1, revision: 0 });
        let late = target.plan(&goal, &target.read().await.unwrap()).unwrap();
        let mut sorted = object(Weight::percent(5))["spec"]["http"].clone();
        sorted.as_array_mut().unwrap().reverse();
        server
            .cluster
            .write_as("flux", PATH, json!({"spec": {"http": sorted}}))
            .unwrap();
        let refused = target.start(&late[0]).await;
        assert!(matches!(refused, Err(TargetError::Conflict { .. })), "{refused:?}");
        let steps = target.plan(&goal, &target.read().await.unwrap()).unwrap();
        target.start(&steps[0]).await.unwrap();
        assert_eq!(target.read().await.unwrap().weight, Weight::ZERO);
    });
}

/// Requests, latencies and watch events all count for virtual time, so nothing depends on how fast this machine is.
#[test]
fn the_same_seed_gives_the_same_times() {
    let run = || {
        drive(Speed::Max, |clock| async move {
            let server = Server::start(&clock, Weight::percent(40)).await;
            let mut seen = Vec::new();
            let target = server.target(clock.shared()).await;
            for weight in [60, 80, 100] {
                let goal = Goal::raise(Weight::percent(weight), Generation { epoch: 1, revision: 0 });
                let steps = target.plan(&goal, &target.read().await.unwrap()).unwrap();
                target.start(&steps[0]).await.unwrap();
                within(&clock, Duration::from_secs(60), target.changed())
                    .await
                    .unwrap()
                    .unwrap();
                seen.push((clock.mono(), target.read().await.unwrap().weight));
            }
            seen
        })
    };
    let first = run();
    assert_eq!(first.last().unwrap().1, Weight::FULL);
    assert_eq!(first, run());
}
