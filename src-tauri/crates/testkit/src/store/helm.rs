//! The contract of the helm: one holder, an epoch that only grows, and who may take it from whom.
//!
//! That a lease ends is shown beside each keeper, with the clock that it goes by.

use std::sync::Arc;

use timonel_domain::time::Timestamp;
use timonel_domain::value::RolloutId;
use timonel_ports::helm::{Helm, HelmError, LEASE, Take};
use timonel_ports::store::RolloutStore;

use super::kept::{begun, begun_as};
use super::{rollout, writer};

/// The helms of a store, which knows its rollouts: [`helms`] of two of them, and none of a rollout that it does not have.
pub async fn helm<S: RolloutStore + Helm + 'static>(helm: Arc<S>) {
    let unknown = helm.take(&rollout("nobodys"), &writer(1), Take::Free).await;
    assert!(matches!(unknown, Err(HelmError::Unavailable(_))), "{unknown:?}");
    let rollouts = [begun(&*helm).await, begun_as(&*helm, "r2").await];
    helms(helm, rollouts).await;
}

/// One holder of each rollout; the epoch only grows; only force takes it from another that is alive.
pub async fn helms<H: Helm + 'static>(helm: Arc<H>, [r1, r2]: [RolloutId; 2]) {
    let now = async || helm.current(&r1).await.expect("the helm can be seen");
    let never = now().await;
    assert_eq!((never.epoch, &never.held), (0, &None));
    // Of many at once one gets it.
    let taking = (0..10).map(|n| {
        let (helm, r1) = (helm.clone(), r1.clone());
        async move { helm.take(&r1, &writer(n), Take::Free).await }
    });
    let answers = futures::future::join_all(taking).await;
    let first = now().await;
    let held = first.held.clone().expect("somebody holds it");
    for (n, answer) in (0..).zip(&answers) {
        match answer {
            Ok(epoch) => assert_eq!((&writer(n), *epoch), (&held.by, first.epoch)),
            Err(HelmError::Held(by)) => assert_eq!(*by, held),
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(answers.iter().filter(|a| a.is_ok()).count(), 1);
    assert!(held.since > Timestamp::default() && held.until == held.since + LEASE);

    helm.renew(&r1, &held.by, first.epoch).await.expect("renewed");
    let renewed = now().await.held.expect("still held");
    assert!(renewed.since == held.since && renewed.until > held.until, "{renewed:?}");
    for how in [Take::Free, Take::Again] {
        let refused = helm.take(&r1, &writer(99), how).await;
        assert!(matches!(refused, Err(HelmError::Held(_))), "{how:?}: {refused:?}");
    }
    let refused = helm.take(&r1, &held.by, Take::Free).await;
    assert!(
        matches!(refused, Err(HelmError::Held(_))),
        "not even from itself: {refused:?}"
    );
    let again = helm.take(&r1, &held.by, Take::Again).await.expect("started again");
    assert!(again > first.epoch, "the one before it is fenced off");
    let lost = helm.renew(&r1, &held.by, first.epoch).await;
    assert!(
        matches!(&lost, Err(HelmError::Lost { now }) if now.epoch == again),
        "{lost:?}"
    );

    let next = helm.take(&r1, &writer(99), Take::ByForce).await.expect("by force");
    assert!(next > again);
    let lost = helm.renew(&r1, &held.by, again).await;
    assert!(matches!(&lost, Err(HelmError::Lost { .. })), "{lost:?}");
    helm.release(&r1, &held.by, again)
        .await
        .expect("the former holder lets go of what it lost");
    helm.release(&r1, &writer(99), first.epoch)
        .await
        .expect("of an epoch that is over");
    assert_eq!(now().await.held.expect("still held").by, writer(99));
    helm.release(&r1, &writer(99), next).await.expect("let go");
    let free = now().await;
    assert_eq!((free.epoch, free.held), (next, None), "the epoch stays");
    let lost = helm.renew(&r1, &writer(99), next).await;
    assert!(
        matches!(lost, Err(HelmError::Lost { .. })),
        "what was let go is not renewed: {lost:?}"
    );
    assert!(helm.take(&r1, &held.by, Take::Free).await.expect("free") > next);

    // By force, many at once: each is after another.
    let taking = (0..6).map(|n| {
        let (helm, r1) = (helm.clone(), r1.clone());
        async move { helm.take(&r1, &writer(n), Take::ByForce).await.expect("by force") }
    });
    let mut epochs = futures::future::join_all(taking).await;
    epochs.sort_unstable();
    epochs.dedup();
    assert_eq!(epochs.len(), 6, "{epochs:?}");

    // Each rollout has a helm of its own. Targets bear the epochs of the rollout before, so they go on from there.
    let last = now().await;
    let epoch = helm.take(&r2, &writer(1), Take::Free).await.expect("its own helm");
    assert!(epoch > last.epoch, "{epoch} after {}", last.epoch);
    assert_eq!(now().await.held, last.held);
}
