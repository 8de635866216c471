//! The cases in which the control plane is well: what is written, what is refused, what is seen.

use std::time::Duration;

use timonel_domain::rollout::Generation;
use timonel_domain::value::Weight;
use timonel_ports::clock::{SharedClock, sleep, within};
use timonel_ports::target::{Apart, Fence, Goal, Progress, Reading, Step, Target, TargetError};

use super::{Harness, PATIENCE, Played};

pub(super) fn percent(percent: u8) -> Weight {
    Weight::percent(percent)
}

pub(super) fn generation(epoch: u64, revision: u32) -> Generation {
    Generation { epoch, revision }
}

pub(super) fn raise(to: u8, epoch: u64) -> Goal {
    Goal::raise(percent(to), generation(epoch, 0))
}

pub(super) fn lower(to: u8, epoch: u64) -> Goal {
    Goal::lower(percent(to), generation(epoch, 0))
}

pub(super) async fn read(target: &dyn Target) -> Reading {
    target.read().await.expect("a healthy control plane can be read")
}

/// Runs steps to their end.
pub(super) async fn carry_out(clock: &SharedClock, target: &dyn Target, steps: &[Step]) -> Result<(), TargetError> {
    for step in steps {
        let operation = target.start(step).await?;
        let done = within(&**clock, PATIENCE, async {
            loop {
                match target.poll(&operation).await? {
                    Progress::Done => return Ok(()),
                    Progress::Pending(pause) => sleep(&**clock, pause).await,
                    Progress::Partial(what) => panic!("partly done without a fault: {what}"),
                }
            }
        });
        done.await.expect("an operation ends")?;
    }
    Ok(())
}

/// Reads, plans, carries out.
pub(super) async fn reach(clock: &SharedClock, target: &dyn Target, goal: &Goal) -> Result<(), TargetError> {
    let reading = target.read().await?;
    carry_out(clock, target, &target.plan(goal, &reading)?).await
}

pub(super) async fn reads_back(h: &mut dyn Harness) -> Played {
    let (clock, target) = (h.clock(), h.fresh(percent(5)).await);
    let before = read(&*target).await;
    assert_eq!(before.weight, percent(5));
    assert_eq!(before.mark, None);
    assert_eq!(before.as_of.since(clock.now()), Duration::ZERO);
    reach(&clock, &*target, &raise(20, 1)).await.expect("a raise");
    assert_eq!(
        (read(&*target).await.weight, h.live().await),
        (percent(20), percent(20))
    );
    reach(&clock, &*target, &lower(0, 1)).await.expect("a lower");
    assert_eq!(
        (read(&*target).await.weight, h.live().await),
        (Weight::ZERO, Weight::ZERO)
    );
    Played::Yes
}

pub(super) async fn is_idempotent(h: &mut dyn Harness) -> Played {
    let (clock, target) = (h.clock(), h.fresh(percent(5)).await);
    for goal in [raise(20, 1), raise(20, 1), lower(3, 1), lower(3, 1), lower(3, 1)] {
        reach(&clock, &*target, &goal).await.expect("the same goal again");
        assert_eq!(h.live().await, goal.weight());
    }
    // The very same step again, as a restarted engine sends it, does no harm whether it is taken or not.
    let reading = read(&*target).await;
    let steps = target.plan(&lower(0, 2), &reading).expect("a plan");
    carry_out(&clock, &*target, &steps).await.expect("the first time");
    match carry_out(&clock, &*target, &steps).await {
        Ok(()) | Err(TargetError::Conflict { .. }) => {}
        Err(other) => panic!("a step sent twice: {other}"),
    }
    assert_eq!(h.live().await, Weight::ZERO);
    Played::Yes
}

pub(super) async fn rounds_down(h: &mut dyn Harness) -> Played {
    let (clock, target) = (h.clock(), h.fresh(Weight::ZERO).await);
    let asked = Weight::from_hundredths(1299).expect("a weight");
    let goal = Goal::raise(asked, generation(1, 0));
    let can = target.reach(&goal, &read(&*target).await).weight;
    assert!(can <= asked, "asked for {asked}, and means to do {can}");
    assert!(asked.hundredths() - can.hundredths() < 100, "{can} is far from {asked}");
    reach(&clock, &*target, &goal).await.expect("a raise");
    assert_eq!((h.live().await, read(&*target).await.weight), (can, can));
    Played::Yes
}

pub(super) async fn lever(h: &mut dyn Harness) -> Played {
    let (clock, target) = (h.clock(), h.fresh(percent(40)).await);
    read(&*target).await;
    let Some(step) = target.instant_lever(&lower(0, 1)) else {
        return Played::No;
    };
    assert!(
        target.instant_lever(&lower(5, 1)).is_none(),
        "it takes everything off, and only a part was asked for"
    );
    carry_out(&clock, &*target, std::slice::from_ref(&step))
        .await
        .expect("the lever");
    assert_eq!(h.live().await, Weight::ZERO, "one call takes everything off");
    let pulled = read(&*target).await;
    assert_eq!(
        (pulled.levered, pulled.weight, pulled.mark),
        (true, Weight::ZERO, Some(generation(1, 0)))
    );

    // Nothing is released while there is something behind it.
    let later = Goal::raise(percent(10), generation(1, 1));
    let refused = reach(&clock, &*target, &later).await;
    assert!(matches!(refused, Err(TargetError::Refused { .. })), "{refused:?}");
    assert_eq!(h.live().await, Weight::ZERO);
    carry_out(&clock, &*target, std::slice::from_ref(&step))
        .await
        .expect("the lever again");
    reach(&clock, &*target, &lower(0, 1)).await.expect("the clean-up");
    assert_eq!(read(&*target).await.set.map(|set| set.canary), Some(0));
    reach(&clock, &*target, &later)
        .await
        .expect("nothing is left behind it");
    let released = read(&*target).await;
    assert_eq!(
        (released.levered, released.weight, released.mark),
        (false, percent(10), None)
    );
    assert_eq!(h.live().await, percent(10));
    Played::Yes
}

pub(super) async fn drill(h: &mut dyn Harness) -> Played {
    let (clock, target) = (h.clock(), h.fresh(Weight::ZERO).await);
    read(&*target).await;
    let Some(step) = target.instant_lever(&lower(0, 1)) else {
        return Played::No;
    };
    carry_out(&clock, &*target, &[step]).await.expect("the lever");
    assert!(read(&*target).await.levered);
    let release = Goal::raise(Weight::ZERO, generation(1, 1));
    reach(&clock, &*target, &release).await.expect("a release");
    let released = read(&*target).await;
    assert_eq!((released.levered, released.weight), (false, Weight::ZERO));
    reach(&clock, &*target, &Goal::raise(percent(5), generation(1, 1)))
        .await
        .expect("as if nothing had been");
    assert_eq!(h.live().await, percent(5));
    Played::Yes
}

pub(super) async fn pins(h: &mut dyn Harness) -> Played {
    let (clock, target) = (h.clock(), h.fresh(Weight::ZERO).await);
    let Some(tenant) = h.tenant() else { return Played::No };
    let generation = |revision| generation(1, revision);
    let full = Goal::raise(Weight::FULL, generation(0));
    reach(&clock, &*target, &full).await.expect("a raise");
    assert!(h.reaches_canary(&tenant).await && h.live().await == Weight::FULL);

    let pins = std::collections::BTreeSet::from([tenant.clone()]);
    let goal = Goal::Lower {
        to: Weight::FULL,
        generation: generation(0),
        pins: pins.clone(),
    };
    reach(&clock, &*target, &goal).await.expect("a pin");
    assert!(!h.reaches_canary(&tenant).await, "a pinned tenant stays there");
    let rest = h.live().await;
    assert!(Weight::ZERO < rest && rest < Weight::FULL, "{rest}");
    assert_eq!(read(&*target).await.weight, rest);

    let goal = Goal::Raise {
        to: Weight::FULL,
        generation: generation(1),
        pins,
    };
    reach(&clock, &*target, &goal).await.expect("a raise beside a pin");
    assert_eq!((h.reaches_canary(&tenant).await, h.live().await), (false, rest));
    reach(&clock, &*target, &Goal::raise(Weight::FULL, generation(1)))
        .await
        .expect("the pin was taken off");
    assert_eq!((h.reaches_canary(&tenant).await, h.live().await), (true, Weight::FULL));
    Played::Yes
}

pub(super) async fn set_drift(h: &mut dyn Harness) -> Played {
    let (clock, target) = (h.clock(), h.fresh(Weight::ZERO).await);
    reach(&clock, &*target, &raise(20, 1)).await.expect("a raise");
    let before = read(&*target).await;
    if before.set.is_none() {
        return Played::No;
    }
    assert_eq!(before.apart, Apart::NONE);
    h.write_as("flux", percent(23)).await;
    let more = read(&*target).await.apart;
    assert!(more.surplus == 3 && more.missing == 0, "{more:?}");
    reach(&clock, &*target, &lower(20, 1)).await.expect("a correction");
    assert_eq!(read(&*target).await.apart, Apart::NONE);
    h.write_as("flux", percent(18)).await;
    let fewer = read(&*target).await.apart;
    assert!(fewer.surplus == 0 && fewer.missing == 2, "{fewer:?}");
    Played::Yes
}

pub(super) async fn polls_elsewhere(h: &mut dyn Harness) -> Played {
    let target = h.fresh(percent(5)).await;
    let steps = target.plan(&lower(0, 1), &read(&*target).await).expect("a plan");
    let kept = serde_json::to_vec(&steps).expect("steps can be kept");
    let steps: Vec<Step> = serde_json::from_slice(&kept).expect("and read again");
    for step in &steps {
        let operation = target.start(step).await.expect("accepted");
        let kept = serde_json::to_vec(&operation).expect("an operation can be kept");
        let operation = serde_json::from_slice(&kept).expect("and read again");
        let clock = h.clock();
        loop {
            match target.poll(&operation).await.expect("an answer") {
                Progress::Done => break,
                Progress::Pending(pause) => sleep(&*clock, pause).await,
                Progress::Partial(what) => panic!("partly done without a fault: {what}"),
            }
        }
    }
    assert_eq!(h.live().await, Weight::ZERO);
    Played::Yes
}

pub(super) async fn leaves_mark(h: &mut dyn Harness) -> Played {
    let (clock, target) = (h.clock(), h.fresh(percent(5)).await);
    if target.describe().fence == Fence::None {
        return Played::No;
    }
    let goal = Goal::lower(Weight::ZERO, generation(4, 2));
    reach(&clock, &*target, &goal).await.expect("a lower");
    assert_eq!(read(&*target).await.mark, Some(generation(4, 2)));
    // A later lower by somebody who is behind does not take it back.
    reach(&clock, &*target, &lower(0, 3)).await.expect("a lower");
    assert_eq!(read(&*target).await.mark, Some(generation(4, 2)));
    Played::Yes
}

pub(super) async fn mark_keeps(h: &mut dyn Harness) -> Played {
    let (clock, target) = (h.clock(), h.fresh(percent(5)).await);
    if target.describe().fence == Fence::None {
        return Played::No;
    }
    reach(&clock, &*target, &lower(0, 4)).await.expect("a lower");
    for epoch in [3, 4] {
        let refused = reach(&clock, &*target, &raise(5, epoch)).await;
        assert!(
            matches!(refused, Err(TargetError::Marked { mark, .. }) if mark == generation(4, 0)),
            "{refused:?}"
        );
    }
    assert_eq!(h.live().await, Weight::ZERO);
    Played::Yes
}

pub(super) async fn later_raises(h: &mut dyn Harness) -> Played {
    let (clock, target) = (h.clock(), h.fresh(percent(5)).await);
    reach(&clock, &*target, &lower(0, 4)).await.expect("a lower");
    let goal = Goal::raise(percent(10), generation(4, 1));
    reach(&clock, &*target, &goal).await.expect("the latch was reset");
    let reading = read(&*target).await;
    assert_eq!((reading.weight, reading.mark), (percent(10), None));
    Played::Yes
}

pub(super) async fn lower_never_raises(h: &mut dyn Harness) -> Played {
    let (clock, target) = (h.clock(), h.fresh(percent(5)).await);
    reach(&clock, &*target, &lower(50, 1)).await.expect("a lower");
    assert_eq!(h.live().await, percent(5));
    Played::Yes
}

pub(super) async fn stale_never_raises(h: &mut dyn Harness) -> Played {
    let (clock, target) = (h.clock(), h.fresh(percent(5)).await);
    if target.describe().fence == Fence::None {
        return Played::No;
    }
    reach(&clock, &*target, &raise(10, 7))
        .await
        .expect("the present engine");
    let stale = reach(&clock, &*target, &raise(50, 6)).await;
    assert!(stale.is_err(), "an engine of an earlier epoch raised");
    assert_eq!(h.live().await, percent(10));
    Played::Yes
}

pub(super) async fn late_raise(h: &mut dyn Harness) -> Played {
    let (clock, target) = (h.clock(), h.fresh(percent(5)).await);
    if target.describe().fence != Fence::Enforced {
        return Played::No;
    }
    let late = target.plan(&raise(50, 1), &read(&*target).await).expect("a plan");
    reach(&clock, &*target, &lower(0, 1)).await.expect("a rollback");
    let refused = carry_out(&clock, &*target, &late).await;
    assert!(matches!(refused, Err(TargetError::Conflict { .. })), "{refused:?}");
    assert_eq!(h.live().await, Weight::ZERO);

    // Even where the rollback had no weight to change, its mark has moved the object on.
    let target = h.fresh(Weight::ZERO).await;
    let late = target.plan(&raise(50, 1), &read(&*target).await).expect("a plan");
    reach(&clock, &*target, &lower(0, 1)).await.expect("a rollback");
    let refused = carry_out(&clock, &*target, &late).await;
    assert!(matches!(refused, Err(TargetError::Conflict { .. })), "{refused:?}");
    assert_eq!(h.live().await, Weight::ZERO);
    Played::Yes
}

pub(super) async fn conflict(h: &mut dyn Harness) -> Played {
    let (clock, target) = (h.clock(), h.fresh(percent(5)).await);
    if target.describe().fence != Fence::Enforced {
        return Played::No;
    }
    for goal in [raise(20, 1), lower(0, 1)] {
        let steps = target.plan(&goal, &read(&*target).await).expect("a plan");
        h.write_as("flux", percent(7)).await;
        let refused = carry_out(&clock, &*target, &steps).await;
        assert!(matches!(refused, Err(TargetError::Conflict { .. })), "{refused:?}");
        assert_eq!(h.live().await, percent(7), "somebody else's write stands");
        h.write_as("flux", percent(6)).await;
    }
    reach(&clock, &*target, &lower(0, 1))
        .await
        .expect("a new reading mends it");
    assert_eq!(h.live().await, Weight::ZERO);
    Played::Yes
}

pub(super) async fn late_overwrite(h: &mut dyn Harness) -> Played {
    let (clock, target) = (h.clock(), h.fresh(percent(5)).await);
    reach(&clock, &*target, &lower(0, 1)).await.expect("a lower");
    assert_eq!(read(&*target).await.weight, Weight::ZERO);
    h.write_as("flux", percent(5)).await;
    assert_eq!(read(&*target).await.weight, percent(5));
    reach(&clock, &*target, &lower(0, 1)).await.expect("a lower");
    assert_eq!(h.live().await, Weight::ZERO);
    Played::Yes
}

pub(super) async fn drift(h: &mut dyn Harness, from: u8, to: u8) -> Played {
    let target = h.fresh(percent(from)).await;
    assert_eq!(read(&*target).await.weight, percent(from));
    h.write_as("flux", percent(to)).await;
    let reading = read(&*target).await;
    assert_eq!((reading.weight, reading.changed_by), (percent(to), h.known_as("flux")));
    Played::Yes
}

pub(super) async fn tells_change(h: &mut dyn Harness) -> Played {
    let (clock, target) = (h.clock(), h.fresh(percent(5)).await);
    read(&*target).await;
    let quiet = within(&*clock, Duration::from_secs(1000), target.changed()).await;
    assert!(quiet.is_err(), "nothing has changed: {quiet:?}");
    // Before anybody waits, and while somebody does.
    h.write_as("flux", percent(7)).await;
    if within(&*clock, PATIENCE, target.changed()).await.is_err() {
        return Played::No;
    }
    assert_eq!(read(&*target).await.weight, percent(7));
    let other = clock.clone();
    let write = async {
        sleep(&*other, Duration::from_secs(60)).await;
        h.write_as("flux", percent(9)).await;
        other.mono()
    };
    let told = async {
        target.changed().await.expect("a change");
        clock.mono()
    };
    let (told, written) = futures::join!(told, write);
    assert!(told.saturating_since(written) < Duration::from_secs(5), "told late");
    assert_eq!(read(&*target).await.weight, percent(9));
    Played::Yes
}
