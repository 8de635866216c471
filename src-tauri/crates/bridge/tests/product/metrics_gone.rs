//! The metrics go away in the middle of a rollout, refused or without an answer: it stands still, and a rollback ends on what is
//! read back, without claiming that traffic was seen.

use std::net::SocketAddr;

use timonel_bridge::Bulletin;
use timonel_domain::board::Freshness;
use timonel_domain::rollout::{Blocker, Effect, Notice, Stage, blockers};
use timonel_domain::value::Weight;
use timonel_engine::command::Wish;
use timonel_journal::record::LevelRecord;
use timonel_ports::clock::{SharedClock, SystemClock};
use timonel_testkit::process::{Wire, until};

use crate::played::runtime;
use crate::standing::{PATIENCE, follow, wish};
use crate::taken_up::{World, engine};

/// How they go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gone {
    /// Nobody listens any more.
    Refused,
    /// The network loses every packet.
    Silent,
}

/// The address in `http://ADDRESS/path`.
fn address(url: &str) -> SocketAddr {
    let after = url.split("//").nth(1).unwrap();
    after.split('/').next().unwrap().parse().unwrap()
}

fn tells_of_lost_signals(bulletin: &Bulletin) -> bool {
    let told = |effect: &Effect| matches!(effect, Effect::Notify(Notice::SignalsLost { .. }));
    bulletin.effects.iter().any(told)
}

async fn put_back_without_metrics(clock: &SharedClock, gone: Gone) {
    let world = tokio::task::spawn_blocking(World::start).await.unwrap();
    let metrics = world.simulator().metrics_url();
    let wire = Wire::to(address(&metrics)).await.unwrap();
    let over = metrics.replace(&address(&metrics).to_string(), &wire.address().to_string());
    let text = world.plan().1.replace(&metrics, &over);
    let (engine, mut bulletins, commands) = engine(clock, world.home(), &world.kubeconfig(), text, "guardia").await;
    let live = until(PATIENCE, async || {
        let seen = engine.handle().look().await.unwrap();
        seen.freshness.values().all(|f| *f == Freshness::Live).then_some(())
    });
    live.await.expect("every signal is read");
    wish(clock, &commands, "arm", Wish::Arm).await;
    follow(clock, &mut bulletins, |b| b.state.stage == Stage::Armed).await;
    wish(clock, &commands, "start", Wish::Start).await;
    follow(clock, &mut bulletins, |b| b.state.stage == Stage::Baking { phase: 0 }).await;
    assert_eq!(world.weights(), [25, 100]);

    let wire = match gone {
        Gone::Refused => {
            drop(wire);
            None
        }
        Gone::Silent => {
            wire.silence(true);
            Some(wire)
        }
    };
    let steps = follow(clock, &mut bulletins, tells_of_lost_signals).await;
    let seen = engine.handle().look().await.unwrap();
    assert_eq!(
        seen.state.stage,
        Stage::Baking { phase: 0 },
        "missing rolls nothing back"
    );
    assert!(!seen.state.assessment.lost.is_empty(), "{:?}", steps.last());
    let blocked = blockers(&seen.plan, &seen.state, clock.now());
    assert!(blocked.contains(&Blocker::SignalsLost), "{gone:?}: {blocked:?}");

    let total = Wish::RollBack {
        level: LevelRecord::Total,
        confirmed: false,
    };
    wish(clock, &commands, "back", total).await;
    let is_back = |b: &Bulletin| b.state.stage == Stage::RolledBack;
    let steps = follow(clock, &mut bulletins, is_back).await;
    assert_eq!(world.weights(), [0, 0], "{gone:?}");
    let state = &steps.last().unwrap().state;
    for target in state.targets.values() {
        assert_eq!(target.read, Some(Weight::ZERO), "{gone:?}: {target:?}");
        assert!(target.marks.accepted.is_some() && target.marks.read_back.is_some());
        assert!(target.marks.seen.is_none(), "nobody saw any traffic: {target:?}");
    }
    assert!(state.rollback.as_ref().unwrap().verified_at.is_none());
    engine.stop().await;
    drop(wire);
    // Its runtime may not end within another.
    tokio::task::spawn_blocking(|| drop(world)).await.unwrap();
}

#[test]
fn a_rollout_whose_metrics_refuse_stands_still_and_is_put_back() {
    runtime().block_on(put_back_without_metrics(&SystemClock::shared(), Gone::Refused));
}

#[test]
fn a_rollout_whose_metrics_hang_stands_still_and_is_put_back() {
    runtime().block_on(put_back_without_metrics(&SystemClock::shared(), Gone::Silent));
}
