//! The arm follows the URL in force: before the lever is pulled, while it is, and after it is released.

use timonel_ports::signal::SignalError;
use timonel_telnyx::records::RecordsKind::{ActiveCalls, CallEvents, DetailRecords, InitiatedCalls, WebhookDeliveries};

use crate::fake::{CANARY, Fake, NEW, OLD, STABLE, both, count, level, ratio};
use crate::rows::{delivery, ended, event};

impl Fake {
    fn pull(&self, secs: f64) {
        self.change(|book| {
            book.canary_url = OLD.to_owned();
            book.updated_at = secs;
        });
    }

    fn release(&self, secs: f64) {
        self.change(|book| {
            book.canary_url = NEW.to_owned();
            book.updated_at = secs;
        });
    }
}

#[tokio::test]
async fn new_calls_on_the_canarys_numbers_are_stables_while_the_lever_is_pulled() {
    let fake = Fake::new(both(InitiatedCalls)).await;
    fake.at(0.0).await;
    fake.change(|book| {
        book.events = [(-20.0, "a"), (4.0, "b"), (5.0, "c"), (29.0, "d"), (41.0, "e")]
            .map(|(secs, call)| event(secs, CANARY, call, "call.initiated", false))
            .to_vec();
    });
    assert_eq!(fake.at(3.0).await, [count(-30.0, -27.0, 0), count(-30.0, -27.0, 0)]);
    fake.pull(5.0);
    assert_eq!(fake.at(15.0).await, [count(-27.0, -15.0, 0), count(-27.0, -15.0, 1)]);
    // The mark of the rollback is stamped later; the pull is as old as before.
    fake.change(|book| book.updated_at = 16.0);
    assert_eq!(fake.at(38.0).await, [count(-15.0, 8.0, 1), count(-15.0, 8.0, 1)]);
    fake.release(40.0);
    assert_eq!(
        fake.at(72.0).await,
        [count(8.0, 42.0, 1), count(8.0, 42.0, 1)],
        "d during the pull, e after it"
    );
}

#[tokio::test]
async fn a_call_that_began_on_the_canary_stays_the_canarys_until_it_ends() {
    let fake = Fake::new(both(CallEvents)).await;
    fake.at(0.0).await;
    fake.change(|book| {
        book.events = vec![
            event(-20.0, CANARY, "old", "call.initiated", false),
            event(10.0, CANARY, "old", "call.gather.ended", true),
            event(8.0, CANARY, "new", "call.initiated", false),
            event(12.0, CANARY, "new", "call.hangup", false),
            event(12.0, STABLE, "other", "call.gather.ended", true),
        ];
    });
    fake.pull(5.0);
    assert_eq!(
        fake.at(15.0).await,
        [ratio(-30.0, -15.0, 0, 0), ratio(-30.0, -15.0, 0, 1)]
    );
    assert_eq!(
        fake.asked("call_events"),
        4,
        "all, and those that failed, of each connection"
    );
    assert_eq!(
        fake.at(45.0).await,
        [ratio(-15.0, 15.0, 1, 3), ratio(-15.0, 15.0, 1, 1)]
    );
}

#[tokio::test]
async fn calls_that_are_going_on_drain_from_the_canary_once_the_lever_is_pulled() {
    let fake = Fake::new(both(ActiveCalls)).await;
    fake.change(|book| {
        book.active = vec![
            (STABLE, "s1", 100),
            (CANARY, "c1", 50),
            // The caller's leg, and the one to an agent.
            (CANARY, "c2", 90),
            (CANARY, "c2", 5),
        ];
    });
    assert_eq!(
        fake.at(100.0).await,
        [level(100.0, 1.0), level(100.0, 2.0)],
        "no reading is needed before"
    );
    assert_eq!(fake.asked("active_calls"), 3, "two pages of the canary's");
    fake.pull(101.0);
    fake.change(|book| {
        book.active = vec![
            (STABLE, "s1", 115),
            (CANARY, "c1", 65),
            (CANARY, "c3", 14),
            (CANARY, "c4", 2),
        ];
    });
    assert_eq!(fake.at(115.0).await, [level(115.0, 3.0), level(115.0, 1.0)]);
    fake.change(|book| book.active.retain(|(_, call, _)| *call != "c1"));
    assert_eq!(fake.at(130.0).await[1], level(130.0, 0.0), "drained");
}

#[tokio::test]
async fn calls_that_ended_are_of_the_arm_that_they_began_on() {
    let fake = Fake::new(both(DetailRecords)).await;
    fake.at(0.0).await;
    fake.pull(5.0);
    fake.at(15.0).await;
    fake.change(|book| {
        book.details = vec![
            ended("before", 20.0, 60.0, CANARY, "timeout"),
            ended("pulled", 20.0, 10.0, CANARY, "normal_clearing"),
            ended("stable", 20.0, 10.0, STABLE, "user_busy"),
        ];
    });
    for secs in [100.0, 200.0, 300.0] {
        fake.at(secs).await;
    }
    assert_eq!(fake.at(330.0).await, [ratio(0.0, 30.0, 1, 2), ratio(0.0, 30.0, 1, 1)]);
}

#[tokio::test]
async fn a_fallback_that_saved_the_call_does_not_make_the_canary_good() {
    let fake = Fake::new(both(WebhookDeliveries)).await;
    fake.at(0.0).await;
    fake.change(|book| {
        book.deliveries = vec![
            delivery("good", -29.0, &[("https://new.example.com/voice?CallSid=v3:1", 200)]),
            delivery("saved", -28.0, &[(NEW, 502), (OLD, 200)]),
            delivery("lost", -27.0, &[(NEW, 502), (OLD, 500)]),
            delivery("stable", -26.0, &[(OLD, 200)]),
            delivery("someone else's", -25.0, &[("https://crm.example.com/hook", 500)]),
        ];
    });
    assert_eq!(
        fake.at(15.0).await,
        [ratio(-30.0, -15.0, 0, 1), ratio(-30.0, -15.0, 2, 3)]
    );
}

#[tokio::test]
async fn the_canarys_url_of_before_the_lever_is_remembered() {
    let fake = Fake::new(both(WebhookDeliveries)).await;
    fake.at(0.0).await;
    fake.pull(5.0);
    fake.change(|book| {
        book.deliveries = vec![
            delivery("running", 10.0, &[(NEW, 500)]),
            delivery("new", 11.0, &[(OLD, 200)]),
        ];
    });
    assert_eq!(
        fake.at(45.0).await,
        [ratio(-30.0, 15.0, 0, 1), ratio(-30.0, 15.0, 1, 1)]
    );
}

#[tokio::test]
async fn a_canary_whose_url_was_never_seen_has_no_data() {
    let fake = Fake::new(both(WebhookDeliveries)).await;
    fake.pull(-60.0);
    fake.at(0.0).await;
    fake.change(|book| book.deliveries = vec![delivery("a", -20.0, &[(OLD, 200)])]);
    let read = fake.at(15.0).await;
    assert_eq!(read[0], ratio(-30.0, -15.0, 0, 1));
    assert!(matches!(&read[1], Err(SignalError::NoData { .. })), "{read:?}");
}
