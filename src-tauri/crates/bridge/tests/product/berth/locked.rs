//! A real keychain that is locked while a rollout runs, or before it is taken up again: every target reads 0 at the end.

#![cfg(target_os = "linux")]

use timonel_desktop::{Keychain, LIMIT};
use timonel_testkit::process::keyring::{Desk, at_a_desk};

use super::*;

/// As [`Port::program`], with the keychain of the desk for its keys.
fn program(port: &Port, desk: &Desk) -> Program {
    let clock = SystemClock::shared();
    let keychain = Keychain::new(clock.clone(), desk.home().join("keychain.json"), LIMIT);
    let keys = Keys::new(Credentials::new(clock, Environment::new([]), vec![Arc::new(keychain)]));
    let berth = Berth::new(Moorings {
        home: port.0.home().to_owned(),
        store: None,
        helm: HelmKeeper::Store,
        kubeconfig: Some(port.0.home().join("kubeconfig")),
        program: "ventana",
        keys: keys.clone(),
        speed: None,
        virtual_operator: false,
    });
    Program { berth, keys }
}

/// A rollout at its first phase, opened with a key that is kept in the keychain.
async fn rolled_out(port: &Port, desk: &mut Desk) -> (Program, Page) {
    desk.start_keyring().await;
    let program = program(port, desk);
    let id = SecretId::new(CREDENTIAL).unwrap();
    let kept = program.keys.credentials().put(&id, Simulator::TELNYX_KEY.into());
    kept.await.unwrap();
    program.berth.begin(Some(port.in_production())).await;
    let mut page = Page::of(&program).await;
    program.order(Order::SignAll).await;
    let live = |p: &Picture| p.sources.iter().all(|s| s.freshness == Freshness::Live);
    page.until("live sources", live).await;
    program.order(Order::Arm).await;
    page.until("armed", |p| p.rollout.stage == StageKind::Armed && may(p, "start"))
        .await;
    program.order(Order::Start).await;
    page.until("its first phase, on the disk", |p| {
        p.rollout.stage == StageKind::Baking && p.environment.unwritten == 0
    })
    .await;
    assert!(!port.0.on_canary().is_empty());
    assert_eq!(port.0.follower(), 100);
    (program, page)
}

fn is_back(picture: &Picture) -> bool {
    picture.rollout.stage == StageKind::RolledBack && picture.targets.iter().all(|t| t.op.is_none())
}

fn assert_all_back(port: &Port, picture: &Picture) {
    assert_eq!((port.0.on_canary(), port.0.follower()), (BTreeSet::new(), 0));
    for target in &picture.targets {
        assert_eq!(target.read, Some(0), "{target:?}");
    }
}

#[test]
fn a_keychain_that_is_locked_while_a_rollout_runs_keeps_nothing_where_it_is() {
    let name = "berth::locked::a_keychain_that_is_locked_while_a_rollout_runs_keeps_nothing_where_it_is";
    at_a_desk(name, async |desk| {
        beside(|| {
            let port = Port::new();
            runtime().block_on(async {
                let (program, mut page) = rolled_out(&port, desk).await;
                desk.lock();
                let id = SecretId::new(CREDENTIAL).unwrap();
                let refused = program.keys.credentials().load(&id).await.unwrap_err();
                assert_eq!(refused.code(), "secret.locked", "nobody would be given it now");
                program.order(Order::RollBack { confirmed: false }).await;
                page.until("everything back, by the key that is in memory", is_back)
                    .await;
                assert_all_back(&port, &page.picture);
                program.berth.close().await;
            });
        });
    });
}

#[test]
fn a_keychain_that_is_locked_at_a_restart_is_told_of_and_used_as_soon_as_it_is_open() {
    let name = "berth::locked::a_keychain_that_is_locked_at_a_restart_is_told_of_and_used_as_soon_as_it_is_open";
    at_a_desk(name, async |desk| {
        beside(|| {
            let port = Port::new();
            let ours = runtime();
            ours.block_on(rolled_out(&port, desk));
            // No stop, no flush: whatever was not on the disk is lost.
            ours.shutdown_background();
            runtime().block_on(async {
                desk.lock();
                let program = program(&port, desk);
                program.berth.begin(None).await;
                let mut page = Page::of(&program).await;
                let told = |p: &Picture| {
                    let of = |a: &&timonel_wire::Alert| a.sentence.code == "notice-target-unread";
                    p.alerts.iter().find(of).cloned()
                };
                page.until("that a key is out of reach", |p| told(p).is_some()).await;
                let alert = told(&page.picture).unwrap();
                assert_eq!((alert.severity, alert.resolved_at), (SeverityName::Critical, None));
                let Arg::Sentence(why) = &alert.sentence.args["why"] else {
                    panic!("{alert:?}");
                };
                assert_eq!(
                    (why.code.as_str(), &why.args["said"]),
                    ("why-target-key-locked", &Arg::text(CREDENTIAL)),
                    "it is not missing, and the person is asked to unlock it"
                );

                program.order(Order::RollBack { confirmed: false }).await;
                page.until("the other target back, and what to paste for this one", |p| {
                    let (with, without): (Vec<_>, Vec<_>) =
                        p.targets.iter().partition(|t| t.role == RoleName::Follower);
                    with[0].marks.read_back.is_some()
                        && !without[0].manual.is_empty()
                        && without[0].marks.read_back.is_none()
                })
                .await;
                assert_eq!(port.0.follower(), 0);
                assert!(!port.0.on_canary().is_empty());

                desk.start_keyring().await;
                page.until("its own target, without a restart", is_back).await;
                assert_all_back(&port, &page.picture);
                assert!(told(&page.picture).is_some_and(|alert| alert.resolved_at.is_some()));
                program.berth.close().await;
            });
        });
    });
}
