//! What the provider's limits leave, who may use it, and both readings of its headers.

use std::time::Duration;

use futures::future::join;
use timonel_domain::time::Timestamp;
use timonel_telnyx::account::{AccountError, Urgency};
use timonel_telnyx::api::{self, ConnectionId};

use crate::fake::{Reply, START, World, balance, too_many};

const SECOND: Duration = Duration::from_secs(1);

fn application() -> Reply {
    Reply::new(
        200,
        r#"{"data":{"id":"1","friendly_name":"ivr","voice_url":"https://a.example.com/voice"}}"#,
    )
}

async fn read_application(world: &World, urgency: Urgency) -> Result<api::Application, AccountError> {
    api::application(&world.account, urgency, &ConnectionId::new("1")).await
}

async fn pull_lever(world: &World) -> Result<api::Application, AccountError> {
    let body = serde_json::json!({"friendly_name": "ivr", "voice_url": "https://a.example.com/voice"});
    let body = body.as_object().unwrap();
    api::write_application(&world.account, Urgency::Target, &ConnectionId::new("1"), body).await
}

fn epoch(after: i64) -> i64 {
    START.parse::<Timestamp>().unwrap().micros() / 1_000_000 + after
}

#[tokio::test]
async fn a_429_says_how_long_in_every_reading() {
    let cases = [
        (too_many().with("retry-after", 7).left(200, 0, 30), Some(7)),
        (too_many().with("retry-after", 7).left(200, 0, epoch(30)), Some(7)),
        (too_many().left(200, 0, 30), Some(30)),
        (too_many().left(200, 0, epoch(30)), Some(30)),
        (too_many().left(200, 0, epoch(-30)), Some(0)),
        (too_many().with("x-ratelimit-reset", "soon"), None),
        (too_many().with("x-ratelimit-reset", u64::MAX), None),
        (too_many().with("x-ratelimit-reset", "-1"), None),
        (too_many(), None),
    ];
    for (reply, expect) in cases {
        let said = reply.clone();
        let world = World::start(move |_, _| said.clone()).await;
        let error = world.balance(Urgency::Target).await.unwrap_err();
        assert!(matches!(error, AccountError::Throttled { .. }), "{error:?}");
        assert_eq!(error.retry_after(), expect.map(Duration::from_secs), "{reply:?}");
    }
}

#[tokio::test]
async fn measuring_stops_while_the_reserve_is_all_that_is_left() {
    // Half of 40 is kept back; 21 is the last that lets one more go.
    for (limit, remaining, goes) in [
        (40, 21, true),
        (40, 20, false),
        (40, 0, false),
        (10, 9, true),
        (10, 8, false),
        (1, 1, true),
    ] {
        let world = World::start(move |_, _| balance().left(limit, remaining, 3)).await;
        world.balance(Urgency::Background).await.unwrap();
        let again = world.balance(Urgency::Background).await;
        assert_eq!(again.is_ok(), goes, "{remaining} of {limit}: {again:?}");
        if !goes {
            let error = again.unwrap_err();
            assert!(
                matches!(&error, AccountError::Saved { wait, .. } if *wait == 3 * SECOND),
                "{error:?}"
            );
            assert_eq!(world.count(), 1, "nothing was sent");
            world.clock.advance(3 * SECOND);
            world.balance(Urgency::Background).await.unwrap();
            assert_eq!(world.count(), 2, "the limit is counted anew");
        }
    }
}

#[tokio::test]
async fn a_target_uses_what_measuring_leaves() {
    let world = World::start(|_, before| balance().left(40, 20 - before as u64, 60)).await;
    world.balance(Urgency::Background).await.unwrap();
    world.balance(Urgency::Background).await.unwrap_err();
    for _ in 0..20 {
        world.balance(Urgency::Target).await.unwrap();
    }
    assert_eq!(world.count(), 21, "to the last one");
}

#[tokio::test]
async fn measuring_heeds_the_latest_answer_of_any_endpoint() {
    let world = World::start(|heard, _| match heard.path.as_str() {
        "/v2/balance" => balance().left(40, 39, 5),
        _ => application().left(40, 3, 5),
    })
    .await;
    world.balance(Urgency::Background).await.unwrap();
    read_application(&world, Urgency::Target).await.unwrap();
    let error = world.balance(Urgency::Background).await.unwrap_err();
    assert!(matches!(error, AccountError::Saved { .. }), "{error:?}");
    // And its own, where the latest is another's.
    let world = World::start(|heard, _| match heard.path.as_str() {
        "/v2/balance" => balance().left(40, 39, 5),
        _ => application().left(40, 3, 5),
    })
    .await;
    read_application(&world, Urgency::Background).await.unwrap();
    world.balance(Urgency::Target).await.unwrap();
    world.balance(Urgency::Background).await.unwrap();
    read_application(&world, Urgency::Background).await.unwrap_err();
}

#[tokio::test]
async fn what_is_under_way_counts_as_used() {
    // 22 are left; 20 are kept back; two that are not answered yet use up the rest.
    let world = World::start(|_, before| match before {
        0 => balance().left(40, 22, 60),
        _ => Reply::silence(),
    })
    .await;
    world.balance(Urgency::Background).await.unwrap();
    let mut first = Box::pin(world.balance(Urgency::Background));
    let mut second = Box::pin(world.balance(Urgency::Background));
    assert!(futures::poll!(first.as_mut()).is_pending());
    assert!(futures::poll!(second.as_mut()).is_pending());
    let error = world.balance(Urgency::Background).await.unwrap_err();
    assert!(matches!(error, AccountError::Saved { .. }), "{error:?}");
    // One that nobody waits for any more is over.
    drop(first);
    let mut third = Box::pin(world.balance(Urgency::Background));
    assert!(futures::poll!(third.as_mut()).is_pending());
}

#[tokio::test]
async fn a_target_waits_where_nothing_is_left_and_the_wait_is_short() {
    for (reset, wait) in [(2, 2), (epoch(2), 2), (1, 1)] {
        let world = World::start(move |_, before| balance().left(40, before as u64, reset)).await;
        world.balance(Urgency::Target).await.unwrap();
        let wait = Duration::from_secs(wait);
        let (outcome, ()) = join(world.balance(Urgency::Target), async {
            world.clock.somebody_sleeps_until(wait).await;
            assert_eq!(world.count(), 1, "not before the limit is counted anew");
            world.clock.advance(wait);
        })
        .await;
        outcome.unwrap();
        assert_eq!(world.count(), 2);
    }
}

#[tokio::test]
async fn a_target_is_told_where_the_wait_is_long() {
    let world = World::start(|_, _| balance().left(40, 0, 3)).await;
    world.balance(Urgency::Target).await.unwrap();
    world.clock.advance(SECOND / 2);
    let error = world.balance(Urgency::Target).await.unwrap_err();
    assert!(matches!(error, AccountError::Throttled { .. }), "{error:?}");
    assert_eq!(error.retry_after(), Some(Duration::from_millis(2500)));
    assert_eq!(world.count(), 1);
    world.clock.advance(Duration::from_millis(2500));
    world.balance(Urgency::Target).await.unwrap();
}

#[tokio::test]
async fn a_lever_never_waits_for_another_endpoint() {
    let world = World::start(|heard, _| match heard.path.as_str() {
        "/v2/balance" => balance().left(40, 0, 2),
        _ => application(),
    })
    .await;
    world.balance(Urgency::Target).await.unwrap();
    pull_lever(&world).await.unwrap();
    assert_eq!(world.heard()[1].method, "PATCH");
    assert_eq!(world.clock.sleeps_until(2 * SECOND), 0);
    // A reading does, for as long as it is short.
    let (outcome, ()) = join(read_application(&world, Urgency::Target), async {
        world.clock.somebody_sleeps_until(2 * SECOND).await;
        world.clock.advance(2 * SECOND);
    })
    .await;
    outcome.unwrap();
}

#[tokio::test]
async fn after_a_429_the_same_endpoint_is_left_alone_for_as_long_as_it_asked() {
    let world = World::start(|_, before| match before {
        0 => too_many().with("retry-after", 10),
        _ => balance(),
    })
    .await;
    world.balance(Urgency::Target).await.unwrap_err();
    world.clock.advance(4 * SECOND);
    let error = world.balance(Urgency::Target).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(6 * SECOND));
    let error = world.balance(Urgency::Background).await.unwrap_err();
    assert!(matches!(error, AccountError::Saved { .. }), "{error:?}");
    assert_eq!(world.count(), 1);
    world.clock.advance(6 * SECOND);
    world.balance(Urgency::Target).await.unwrap();
}

#[tokio::test]
async fn a_misread_moment_does_not_silence_measuring_for_good() {
    // Milliseconds since 1970, which is neither of the two documented readings.
    let world = World::start(|_, _| balance().left(40, 0, epoch(1) * 1000)).await;
    world.balance(Urgency::Background).await.unwrap();
    world.balance(Urgency::Background).await.unwrap_err();
    world.clock.advance(Duration::from_secs(300));
    world.balance(Urgency::Background).await.unwrap();
}

#[tokio::test]
async fn clones_share_the_budget() {
    let world = World::start(|_, _| balance().left(40, 20, 60)).await;
    world.balance(Urgency::Background).await.unwrap();
    let other = world.account.clone();
    let error = api::balance(&other, Urgency::Background).await.unwrap_err();
    assert!(matches!(error, AccountError::Saved { .. }), "{error:?}");
}

#[tokio::test]
async fn a_lever_is_never_refused_here() {
    let world = World::start(|_, _| application().left(40, 0, 60)).await;
    pull_lever(&world).await.unwrap();
    pull_lever(&world).await.unwrap();
    assert_eq!(world.count(), 2, "whether it is too many is for the provider to say");
}

#[tokio::test]
async fn a_look_gives_way_for_a_moment_and_then_goes() {
    let world = World::start(|_, before| balance().left(40, 20 - before as u64, 60)).await;
    world.balance(Urgency::Look).await.unwrap();
    for count in 1..4_u64 {
        let since = SECOND * u32::try_from(count).unwrap();
        let (outcome, ()) = join(world.balance(Urgency::Look), async {
            world.clock.somebody_sleeps_until(since).await;
            assert_eq!(world.count() as u64, count, "what is left is for a rollback");
            world.clock.advance(SECOND);
        })
        .await;
        outcome.unwrap();
    }
    // Where there is more than that, it does not wait.
    let world = World::start(|_, _| balance().left(40, 39, 60)).await;
    world.balance(Urgency::Look).await.unwrap();
    world.balance(Urgency::Look).await.unwrap();
    assert_eq!(world.clock.sleeps_until(SECOND), 0);
}
