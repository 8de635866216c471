//! Windows over real pages: nothing twice, nothing lost, nothing counted that was not read completely.

use timonel_ports::signal::SignalError;
use timonel_telnyx::records::RecordsKind::{DetailRecords, InitiatedCalls, UsageReports, WebhookDeliveries};

use crate::fake::{CANARY, Fake, NEW, OLD, STABLE, both, ratio, whole};
use crate::rows::{delivery, ended, event, hour};

#[tokio::test]
async fn windows_follow_one_another_thirty_seconds_behind() {
    let fake = Fake::new(whole(WebhookDeliveries)).await;
    fake.change(|book| {
        book.deliveries = [-40.0, -30.0, -15.0, -14.9, 0.0, 5.0]
            .iter()
            .map(|secs| delivery(&secs.to_string(), *secs, &[(NEW, 200)]))
            .collect();
    });
    assert!(matches!(fake.one(0.0).await, Err(SignalError::First { .. })));
    assert_eq!(fake.asked("deliveries"), 0, "there is nothing to ask for");
    assert_eq!(
        fake.one(15.0).await,
        ratio(-30.0, -15.0, 0, 1),
        "-30 is in it, -15 is not"
    );
    assert_eq!(fake.one(30.0).await, ratio(-15.0, 0.0, 0, 2));
    assert!(
        matches!(fake.one(30.0).await, Err(SignalError::NoData { .. })),
        "no time has passed"
    );
    assert_eq!(
        fake.one(52.0).await,
        ratio(0.0, 22.0, 0, 2),
        "a reading that comes late has a longer window"
    );
}

#[tokio::test]
async fn a_record_that_is_written_late_counts_once_in_the_next_window() {
    let fake = Fake::new(whole(WebhookDeliveries)).await;
    fake.change(|book| {
        let mut late = delivery("late", -20.0, &[(NEW, 500)]);
        late.seen = 20.0;
        book.deliveries = vec![delivery("a", -19.0, &[(NEW, 200)]), late];
    });
    fake.one(0.0).await.unwrap_err();
    assert_eq!(fake.one(15.0).await, ratio(-30.0, -15.0, 0, 1));
    assert_eq!(fake.one(30.0).await, ratio(-15.0, 0.0, 1, 1));
    assert_eq!(fake.one(45.0).await, ratio(0.0, 15.0, 0, 0));
}

#[tokio::test]
async fn pages_are_read_to_the_end_and_what_comes_twice_counts_once() {
    let fake = Fake::new(whole(WebhookDeliveries)).await;
    fake.change(|book| {
        book.largest = Some(7);
        book.deliveries = (0..30)
            .map(|n| {
                delivery(
                    &n.to_string(),
                    -29.0 + f64::from(n) * 0.4,
                    &[(NEW, if n < 4 { 503 } else { 200 })],
                )
            })
            .collect();
        // As where the list shifts while it is read.
        let again = book.deliveries[12].clone();
        book.deliveries.push(again);
    });
    fake.one(0.0).await.unwrap_err();
    assert_eq!(fake.one(15.0).await, ratio(-30.0, -15.0, 4, 30));
    assert_eq!(fake.asked("deliveries"), 5);
}

#[tokio::test]
async fn a_list_too_long_from_new_to_old_counts_nothing_until_a_shorter_span_fits() {
    let fake = Fake::new(whole(WebhookDeliveries)).await;
    fake.change(|book| {
        book.largest = Some(1);
        book.deliveries = (0..40)
            .map(|n| delivery(&n.to_string(), -30.0 + f64::from(n), &[(NEW, 200)]))
            .collect();
    });
    fake.one(0.0).await.unwrap_err();
    let refused = fake.one(40.0).await;
    assert!(
        matches!(&refused, Err(SignalError::Garbled { detail, .. }) if detail.contains("more than the 20 records")),
        "{refused:?}"
    );
    // A quarter of those 40 s, then more again; all of them in the end, and each once.
    assert_eq!(fake.one(41.0).await, ratio(-30.0, -20.0, 0, 10));
    let mut counted = 10;
    for secs in 42..60 {
        if secs == 50 {
            fake.change(|book| book.largest = None);
        }
        counted += fake
            .one(f64::from(secs))
            .await
            .map_or(0, |(_, value)| value.units().unwrap());
    }
    assert_eq!(counted, 40);
}

#[tokio::test]
async fn a_list_too_long_from_old_to_new_counts_up_to_where_it_was_read() {
    let fake = Fake::new(whole(DetailRecords)).await;
    fake.change(|book| {
        book.largest = Some(1);
        // Twenty pages end with one of the two that ended at -285.
        let secs = (0..19)
            .map(|n| -299.0 + f64::from(n) * 0.5)
            .chain([-285.0, -285.0, -270.0]);
        book.details = secs
            .enumerate()
            .map(|(n, secs)| ended(&n.to_string(), secs, 10.0, CANARY, "normal_clearing"))
            .collect();
    });
    fake.one(0.0).await.unwrap_err();
    assert_eq!(fake.one(40.0).await, ratio(-300.0, -285.0, 0, 19));
    fake.change(|book| book.largest = None);
    assert_eq!(fake.one(55.0).await, ratio(-285.0, -245.0, 0, 3));
}

#[tokio::test]
async fn after_a_gap_counting_begins_anew() {
    let fake = Fake::new(whole(WebhookDeliveries)).await;
    fake.change(|book| book.deliveries = vec![delivery("a", 0.0, &[(NEW, 500)]), delivery("b", 110.0, &[(NEW, 200)])]);
    fake.one(0.0).await.unwrap_err();
    fake.one(15.0).await.unwrap();
    assert!(
        matches!(fake.one(136.0).await, Err(SignalError::First { .. })),
        "121 s after the last one"
    );
    assert_eq!(fake.one(151.0).await, ratio(106.0, 121.0, 0, 1));
}

#[tokio::test]
async fn both_arms_have_the_same_window() {
    let fake = Fake::new(both(InitiatedCalls)).await;
    fake.change(|book| {
        book.events = vec![
            event(-20.0, STABLE, "a", "call.initiated", false),
            event(-20.0, STABLE, "a", "call.hangup", false),
            event(-18.0, CANARY, "b", "call.initiated", false),
            event(-17.0, STABLE, "c", "call.initiated", false),
        ];
    });
    fake.at(0.0).await;
    assert_eq!(fake.asked("call_events"), 0);
    assert_eq!(
        fake.at(15.0).await,
        [crate::fake::count(-30.0, -15.0, 2), crate::fake::count(-30.0, -15.0, 1)]
    );
    assert_eq!(fake.asked("call_events"), 2, "each connection once");
    assert_eq!(fake.asked("texml_applications"), 4, "each application once a reading");
}

#[tokio::test]
async fn hours_count_when_they_are_complete() {
    let fake = Fake::new(both(UsageReports)).await;
    let second = 3600.0;
    fake.change(|book| {
        book.usage = vec![
            hour(-second, STABLE, 90, 88),
            hour(0.0, STABLE, 100, 98),
            hour(0.0, CANARY, 10, 7),
        ];
        book.usage.push(hour(second, STABLE, 55, 55));
    });
    // 01:00 is counting's beginning at 02:10, an hour after its end.
    assert!(matches!(
        &fake.at(4200.0).await[..],
        [Err(SignalError::First { .. }), Err(SignalError::First { .. })]
    ));
    assert!(
        matches!(&fake.at(7199.0).await[0], Err(SignalError::NoData { .. })),
        "01:00 to 02:00 may still change"
    );
    assert_eq!(fake.asked("usage"), 0);
    assert_eq!(
        fake.at(7200.0).await,
        [ratio(0.0, 3600.0, 2, 100), ratio(0.0, 3600.0, 3, 10)]
    );
    assert!(matches!(&fake.at(7215.0).await[0], Err(SignalError::NoData { .. })));
    fake.change(|book| book.usage.clear());
    let unmade = fake.at(10_900.0).await;
    assert!(
        matches!(&unmade[0], Err(SignalError::NoData { .. })),
        "a report without a row: {unmade:?}"
    );
    fake.change(|book| book.usage = vec![hour(3600.0, STABLE, 20, 20)]);
    assert_eq!(
        fake.at(10_915.0).await,
        [ratio(3600.0, 7200.0, 0, 20), ratio(3600.0, 7200.0, 0, 0)]
    );
}

#[tokio::test]
async fn records_of_both_arms_come_from_one_list() {
    let mut specs = both(WebhookDeliveries);
    specs.extend(
        both(DetailRecords)
            .into_iter()
            .map(|spec| timonel_telnyx::records::RecordSpec {
                id: "other".parse().unwrap(),
                ..spec
            }),
    );
    let fake = Fake::new(specs).await;
    fake.change(|book| {
        book.deliveries = vec![delivery("a", -20.0, &[(OLD, 200)])];
        book.details = vec![
            ended("x", -290.0, 30.0, STABLE, "normal_clearing"),
            ended("y", -290.0, 30.0, CANARY, "call_rejected"),
        ];
    });
    fake.at(0.0).await;
    let expected = [
        ratio(-30.0, -15.0, 0, 1),
        ratio(-30.0, -15.0, 0, 0),
        ratio(-300.0, -285.0, 0, 1),
        ratio(-300.0, -285.0, 1, 1),
    ];
    assert_eq!(fake.at(15.0).await, expected);
    assert_eq!((fake.asked("deliveries"), fake.asked("detail_records")), (1, 1));
}
