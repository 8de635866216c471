//! What the source says of itself, and the kinds that need no arms.

use std::time::Duration;

use timonel_domain::value::Side;
use timonel_ports::signal::Source;
use timonel_telnyx::records::RecordsKind::{self, ActiveCalls, Balance, CallEvents, DetailRecords, InitiatedCalls};

use crate::fake::{CANARY, Fake, KEY, STABLE, both, count, level, ratio, spec, whole};
use crate::rows::{ended, event};

#[tokio::test]
async fn it_says_where_it_is_and_what_it_serves() {
    let mut specs = both(RecordsKind::WebhookDeliveries);
    specs.push(spec("balance", Side::Whole, Balance, None));
    let fake = Fake::new(specs).await;
    let described = fake.source.describe();
    assert_eq!(described.kind, "telnyx");
    assert!(
        described
            .place
            .starts_with("Telnyx account `principal` (http://127.0.0.1:"),
        "{}",
        described.place
    );
    let serves: Vec<_> = described.serves.iter().map(|(id, side)| (id.as_str(), *side)).collect();
    assert_eq!(
        serves,
        [("s", Side::Stable), ("s", Side::Canary), ("balance", Side::Whole)]
    );
    assert!(!format!("{:?}", fake.source).contains(KEY));
    let readings = fake.source.read().await;
    let read: Vec<_> = readings
        .iter()
        .map(|reading| (reading.signal.as_str(), reading.side))
        .collect();
    assert_eq!(read, serves, "one reading for each, also where there is none");
}

#[tokio::test]
async fn the_balance_is_what_can_still_be_spent() {
    let fake = Fake::new(whole(Balance)).await;
    assert_eq!(fake.one(0.0).await, level(0.0, 400.0));
    fake.change(|book| book.credit["data"]["available_credit"] = "0.00".into());
    assert_eq!(fake.one(15.0).await, level(15.0, 0.0));
    assert_eq!(fake.asked("texml_applications"), 0, "it has no arms");
}

#[tokio::test]
async fn the_whole_needs_no_arms() {
    let specs = vec![
        spec("began", Side::Whole, InitiatedCalls, None),
        spec("events", Side::Whole, CallEvents, None),
        spec("one", Side::Whole, InitiatedCalls, Some(CANARY)),
        spec("ended", Side::Whole, DetailRecords, Some(STABLE)),
        spec("going-on", Side::Whole, ActiveCalls, Some(CANARY)),
    ];
    let fake = Fake::new(specs).await;
    fake.at(0.0).await;
    fake.change(|book| {
        book.events = vec![
            event(-20.0, STABLE, "a", "call.initiated", false),
            event(-19.0, CANARY, "b", "call.initiated", false),
            event(-18.0, "another", "c", "call.gather.ended", true),
        ];
        book.details = vec![
            ended("x", -290.0, 9.0, STABLE, "call_rejected"),
            ended("y", -290.0, 9.0, CANARY, "normal_clearing"),
        ];
        book.active = vec![(STABLE, "s1", 7), (CANARY, "c1", 7), (CANARY, "c2", 1)];
    });
    let expected = [
        count(-30.0, -15.0, 2),
        ratio(-30.0, -15.0, 1, 3),
        count(-30.0, -15.0, 1),
        ratio(-300.0, -285.0, 1, 1),
        level(15.0, 2.0),
    ];
    assert_eq!(fake.at(15.0).await, expected);
    assert_eq!(
        fake.asked("call_events"),
        3,
        "the account's with and without outcome, and one connection's"
    );
    assert_eq!(fake.asked("texml_applications"), 0);
}

#[test]
fn each_kind_says_how_far_behind_it_is() {
    let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
    let seconds = Duration::from_secs;
    let lags: Vec<_> = RecordsKind::ALL.iter().map(|kind| (kind.name(), kind.lag())).collect();
    let expected = [
        ("webhook-deliveries", seconds(30)),
        ("active-calls", seconds(0)),
        ("initiated-calls", seconds(30)),
        ("call-events", seconds(30)),
        ("detail-records", minutes(5)),
        ("usage-reports", minutes(120)),
        ("balance", seconds(0)),
    ];
    assert_eq!(lags, expected);
}
