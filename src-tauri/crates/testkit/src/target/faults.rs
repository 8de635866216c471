//! The cases in which the control plane is not well: each fault has its error, nothing half-done is called done, and all
//! goes on once it is over.

use timonel_domain::value::Weight;
use timonel_ports::clock::{sleep, within};
use timonel_ports::target::{Progress, TargetError};

use super::deeds::{lower, percent, reach, read};
use super::{DEADLINE, Fault, Harness, PATIENCE, Played};

pub(super) async fn hang(h: &mut dyn Harness) -> Played {
    let (clock, target) = (h.clock(), h.fresh(percent(5)).await);
    let steps = target.plan(&lower(0, 1), &read(&*target).await).expect("a plan");
    if !h.inject(Fault::Hang).await {
        return Played::No;
    }
    for step in &steps[..1] {
        let began = clock.mono();
        let error = target.start(step).await.expect_err("nobody answers");
        assert!(matches!(error, TargetError::Deadline { .. }), "{error:?}");
        assert!(error.is_unknown());
        assert_eq!(clock.mono().saturating_since(began), DEADLINE);
    }
    let error = target.read().await.expect_err("nobody answers");
    assert!(matches!(error, TargetError::Deadline { .. }), "{error:?}");
    h.heal().await;
    assert_eq!(h.live().await, percent(5), "a request that timed out took effect");
    reach(&clock, &*target, &lower(0, 1)).await.expect("it answers again");
    assert_eq!(h.live().await, Weight::ZERO);
    Played::Yes
}

pub(super) async fn answer_lost(h: &mut dyn Harness) -> Played {
    let (clock, target) = (h.clock(), h.fresh(percent(5)).await);
    let steps = target.plan(&lower(0, 1), &read(&*target).await).expect("a plan");
    if !h.inject(Fault::AnswerLost).await {
        return Played::No;
    }
    let error = target.start(&steps[0]).await.expect_err("the answer is lost");
    assert!(error.is_unknown(), "{error:?}");
    h.heal().await;
    assert_eq!(read(&*target).await.weight, h.live().await);
    reach(&clock, &*target, &lower(0, 1))
        .await
        .expect("the same goal again");
    assert_eq!(h.live().await, Weight::ZERO);
    Played::Yes
}

/// Reads and writes fail with the same error, nothing is written, and it all works again afterwards.
pub(super) async fn fails(h: &mut dyn Harness, fault: Fault, expected: fn(&TargetError) -> bool) -> Played {
    let (clock, target) = (h.clock(), h.fresh(percent(5)).await);
    let steps = target.plan(&lower(0, 1), &read(&*target).await).expect("a plan");
    if !h.inject(fault).await {
        return Played::No;
    }
    let began = clock.mono();
    let error = target.start(&steps[0]).await.expect_err("a write under the fault");
    assert!(expected(&error), "writing under {fault:?}: {error:?}");
    let error = target.read().await.expect_err("a reading under the fault");
    assert!(expected(&error), "reading under {fault:?}: {error:?}");
    assert!(
        clock.mono().saturating_since(began) < DEADLINE,
        "somebody repeated the calls behind the engine's back"
    );
    h.heal().await;
    if fault == Fault::Missing {
        return Played::Yes;
    }
    assert_eq!(h.live().await, percent(5));
    reach(&clock, &*target, &lower(0, 1)).await.expect("it works again");
    assert_eq!(h.live().await, Weight::ZERO);
    Played::Yes
}

/// Writes fail, readings go on.
pub(super) async fn write_fails(h: &mut dyn Harness, fault: Fault, expected: fn(&TargetError) -> bool) -> Played {
    let (clock, target) = (h.clock(), h.fresh(percent(5)).await);
    if !h.inject(fault).await {
        return Played::No;
    }
    let error = reach(&clock, &*target, &lower(0, 1))
        .await
        .expect_err("a write under the fault");
    assert!(expected(&error), "writing under {fault:?}: {error:?}");
    assert_eq!(read(&*target).await.weight, percent(5));
    h.heal().await;
    reach(&clock, &*target, &lower(0, 1)).await.expect("it works again");
    assert_eq!(h.live().await, Weight::ZERO);
    Played::Yes
}

pub(super) async fn partial(h: &mut dyn Harness) -> Played {
    let (clock, target) = (h.clock(), h.fresh(percent(40)).await);
    // Not to 0, where an instant lever would hide what is left undone.
    let steps = target.plan(&lower(3, 1), &read(&*target).await).expect("a plan");
    if !h.inject(Fault::Partial).await {
        return Played::No;
    }
    let mut told = Vec::new();
    for step in &steps {
        let operation = target.start(step).await.expect("accepted");
        let ended = within(&*clock, PATIENCE, async {
            loop {
                match target.poll(&operation).await.expect("an answer") {
                    Progress::Pending(pause) => sleep(&*clock, pause).await,
                    Progress::Partial(what) => return Some(what),
                    Progress::Done => return None,
                }
            }
        });
        told.extend(ended.await.expect("an operation ends"));
    }
    assert!(
        told.iter().any(|what| !what.is_empty()),
        "a partial success counts as done, or does not say what failed"
    );
    assert!(h.live().await > percent(3));
    h.heal().await;
    reach(&clock, &*target, &lower(3, 1)).await.expect("the rest of it");
    assert_eq!(h.live().await, percent(3));
    reach(&clock, &*target, &lower(0, 1)).await.expect("the rest");
    assert_eq!(h.live().await, Weight::ZERO);
    Played::Yes
}

pub(super) async fn preflight(h: &mut dyn Harness) -> Played {
    let target = h.fresh(percent(5)).await;
    let before = read(&*target).await;
    let preflight = target.preflight().await.expect("a healthy control plane");
    assert!(!preflight.checks.is_empty());
    for check in &preflight.checks {
        assert!(check.ok && !check.proof.is_empty(), "{check:?}");
    }
    let after = read(&*target).await;
    assert_eq!(
        (after.weight, after.mark, after.changed_by),
        (before.weight, before.mark, before.changed_by)
    );
    Played::Yes
}
