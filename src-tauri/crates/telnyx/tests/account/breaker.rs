//! When measuring rests because the provider fails, and that a target never does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::join;
use timonel_telnyx::account::{AccountError, Health, Urgency};

use crate::fake::{Reply, START, World, balance, too_many};

const COOL_DOWN: Duration = Duration::from_secs(30);

async fn failing(down: &Arc<AtomicBool>) -> World {
    let down = down.clone();
    World::start(move |_, _| {
        if down.load(Ordering::SeqCst) {
            Reply::new(503, "upstream connect error")
        } else {
            balance()
        }
    })
    .await
}

/// Five failures in a row.
async fn broken(down: &Arc<AtomicBool>) -> World {
    let world = failing(down).await;
    for _ in 0..5 {
        let error = world.balance(Urgency::Background).await.unwrap_err();
        assert!(
            matches!(error, AccountError::Unavailable { status: 503, .. }),
            "{error:?}"
        );
        world.clock.advance(Duration::from_secs(1));
    }
    world
}

#[tokio::test]
async fn it_opens_probes_and_closes() {
    let down = Arc::new(AtomicBool::new(true));
    let world = broken(&down).await;
    let error = world.balance(Urgency::Background).await.unwrap_err();
    assert!(
        matches!(&error, AccountError::Resting { rest, last, .. } if *rest == Duration::from_secs(29) && last.contains("503")),
        "{error:?}"
    );
    assert_eq!(world.count(), 5, "fails fast");
    let Health::Degraded { failures, since, last } = world.account.health() else {
        panic!("{:?}", world.account.health());
    };
    assert_eq!((failures, since), (5, START.parse().unwrap()));
    assert!(last.contains("upstream connect error"), "{last}");

    // One probe, which fails: another cool-down.
    world.clock.advance(COOL_DOWN);
    let error = world.balance(Urgency::Background).await.unwrap_err();
    assert!(matches!(error, AccountError::Unavailable { .. }), "{error:?}");
    let error = world.balance(Urgency::Background).await.unwrap_err();
    assert!(
        matches!(&error, AccountError::Resting { rest, .. } if *rest == COOL_DOWN),
        "{error:?}"
    );
    assert_eq!(world.count(), 6);

    // One that succeeds: everybody goes.
    down.store(false, Ordering::SeqCst);
    world.clock.advance(COOL_DOWN);
    world.balance(Urgency::Background).await.unwrap();
    assert_eq!(world.account.health(), Health::Good);
    world.balance(Urgency::Background).await.unwrap();
}

#[tokio::test]
async fn only_one_probe_goes_at_a_time() {
    let world = World::start(|_, before| {
        if before < 5 {
            Reply::new(500, "")
        } else {
            Reply::silence()
        }
    })
    .await;
    for _ in 0..5 {
        world.balance(Urgency::Background).await.unwrap_err();
    }
    world.clock.advance(COOL_DOWN);
    let mut probe = Box::pin(world.balance(Urgency::Background));
    assert!(futures::poll!(probe.as_mut()).is_pending());
    let error = world.balance(Urgency::Background).await.unwrap_err();
    assert!(matches!(error, AccountError::Resting { .. }), "{error:?}");
    // Given up by whoever waited for it: the next one goes after another cool-down, not never.
    drop(probe);
    world.balance(Urgency::Background).await.unwrap_err();
    world.clock.advance(COOL_DOWN);
    let mut probe = Box::pin(world.balance(Urgency::Background));
    assert!(futures::poll!(probe.as_mut()).is_pending());
}

#[tokio::test]
async fn a_target_always_goes_and_what_it_finds_counts() {
    let down = Arc::new(AtomicBool::new(true));
    let world = broken(&down).await;
    let error = world.balance(Urgency::Target).await.unwrap_err();
    assert!(matches!(error, AccountError::Unavailable { .. }), "{error:?}");
    assert_eq!(world.count(), 6, "it was sent");
    down.store(false, Ordering::SeqCst);
    world.balance(Urgency::Target).await.unwrap();
    assert_eq!(world.account.health(), Health::Good);
    world.balance(Urgency::Background).await.unwrap();
}

#[tokio::test]
async fn an_answer_of_the_api_itself_is_no_trouble_and_ends_a_row() {
    let good: [Reply; 4] = [
        balance(),
        too_many(),
        Reply::new(401, r#"{"errors":[{"code":"10009","title":"Authentication failed"}]}"#),
        Reply::new(404, r#"{"errors":[{"code":"10005","title":"Resource not found"}]}"#),
    ];
    for reply in good {
        let said = reply.clone();
        let world = World::start(move |_, before| if before < 4 { Reply::new(500, "") } else { said.clone() }).await;
        for n in 1..=4 {
            world.balance(Urgency::Background).await.unwrap_err();
            assert!(matches!(world.account.health(), Health::Failing { failures, .. } if failures == n));
        }
        world.balance(Urgency::Background).await.ok();
        assert_eq!(world.account.health(), Health::Good, "{reply:?}");
    }
}

#[tokio::test]
async fn silence_and_web_pages_are_trouble() {
    let mute = Arc::new(AtomicBool::new(true));
    let muted = mute.clone();
    let world = World::start(move |_, _| {
        if muted.load(Ordering::SeqCst) {
            Reply::silence()
        } else {
            Reply::new(200, "<html>Sign in</html>").with("content-type", "text/html")
        }
    })
    .await;
    let five = Duration::from_secs(5);
    let (outcome, ()) = join(world.balance(Urgency::Background), async {
        world.clock.somebody_sleeps_until(five).await;
        world.clock.advance(five);
    })
    .await;
    outcome.unwrap_err();
    mute.store(false, Ordering::SeqCst);
    for _ in 0..4 {
        world.balance(Urgency::Background).await.unwrap_err();
    }
    assert!(matches!(world.account.health(), Health::Degraded { failures: 5, .. }));
}
