//! Missing is never good: what is refused, unreadable or out of time is an error, and is read again.

use serde_json::json;
use timonel_domain::value::Side;
use timonel_ports::signal::SignalError;
use timonel_telnyx::records::RecordsKind::{
    self, ActiveCalls, Balance, DetailRecords, UsageReports, WebhookDeliveries,
};

use crate::fake::{CANARY, Fake, KEY, NEW, OLD, Refusal, STABLE, TIMING, both, ratio, spec, whole};
use crate::rows::{delivery, ended, hour};

fn refusal(path: &'static str, status: u16, body: &'static str) -> Refusal {
    Refusal {
        path,
        status,
        headers: vec![("content-type", "application/json")],
        body,
    }
}

/// Which error, and what it says.
fn told(error: &SignalError) -> (&'static str, String) {
    (error.code(), error.to_string())
}

#[tokio::test]
async fn every_refusal_is_told_and_what_was_missed_is_read_later() {
    let page = "<!DOCTYPE html><html><body>Please log in</body></html>";
    let throttled = r#"{"errors":[{"code":"10011","title":"Too many requests","detail":"Slow down."}]}"#;
    let unauthorized = r#"{"errors":[{"code":"10009","title":"Authentication failed","detail":"No such key."}]}"#;
    let table = [
        (
            refusal("webhook_deliveries", 401, unauthorized),
            "signal.refused",
            "key is not accepted",
        ),
        (refusal("webhook_deliveries", 503, ""), "signal.unreachable", "503"),
        (refusal("webhook_deliveries", 200, page), "signal.garbled", "web page"),
        (
            refusal("webhook_deliveries", 200, r#"{"data": 7}"#),
            "signal.garbled",
            "webhook_deliveries",
        ),
        (
            Refusal {
                headers: vec![("content-type", "application/json"), ("retry-after", "30")],
                ..refusal("webhook_deliveries", 429, throttled)
            },
            "signal.unreachable",
            "asked too often",
        ),
    ];
    for (refusal, code, words) in table {
        let fake = Fake::new(both(WebhookDeliveries)).await;
        fake.change(|book| {
            book.deliveries = vec![delivery("a", -20.0, &[(NEW, 500)]), delivery("b", -10.0, &[(OLD, 200)])]
        });
        fake.at(0.0).await;
        fake.change(|book| book.refusal = Some(refusal.clone()));
        for outcome in fake.at(15.0).await {
            let (is, says) = told(&outcome.unwrap_err());
            assert!(
                is == code && says.contains(words) && !says.contains(KEY),
                "{refusal:?} gave {is}: {says}"
            );
        }
        fake.change(|book| book.refusal = None);
        let later = fake.at(46.0).await;
        assert_eq!(
            later,
            [ratio(-30.0, 16.0, 0, 1), ratio(-30.0, 16.0, 1, 1)],
            "{refusal:?}"
        );
    }
}

#[tokio::test]
async fn where_the_arms_are_not_known_nothing_is_counted_and_nothing_lost() {
    let fake = Fake::new(both(WebhookDeliveries)).await;
    fake.change(|book| book.deliveries = vec![delivery("a", -20.0, &[(NEW, 500)])]);
    fake.at(0.0).await;
    fake.change(|book| book.refusal = Some(refusal("texml_applications/2150000000000000002", 500, "")));
    for outcome in fake.at(15.0).await {
        assert_eq!(outcome.unwrap_err().code(), "signal.unreachable");
    }
    assert_eq!(fake.asked("webhook_deliveries"), 0);
    fake.change(|book| book.refusal = None);
    assert_eq!(fake.at(30.0).await, [ratio(-30.0, 0.0, 0, 0), ratio(-30.0, 0.0, 1, 1)]);
}

#[tokio::test]
async fn what_the_budget_keeps_for_a_rollback_is_no_empty_window() {
    let fake = Fake::new(whole(WebhookDeliveries)).await;
    fake.change(|book| book.deliveries = vec![delivery("a", -20.0, &[(NEW, 500)])]);
    fake.at(0.0).await;
    fake.change(|book| {
        let headers = vec![
            ("content-type", "application/json"),
            ("x-ratelimit-limit", "20"),
            ("x-ratelimit-remaining", "5"),
            ("x-ratelimit-reset", "60"),
        ];
        book.refusal = Some(Refusal {
            headers,
            ..refusal("webhook_deliveries", 200, r#"{"data": [], "meta": {"total_pages": 1}}"#)
        });
    });
    assert_eq!(fake.one(15.0).await, ratio(-30.0, -15.0, 0, 0));
    fake.change(|book| book.refusal = None);
    let (code, says) = told(&fake.one(30.0).await.unwrap_err());
    assert!(
        code == "signal.unreachable" && says.contains("for a rollback"),
        "{code}: {says}"
    );
    assert_eq!(fake.one(80.0).await, ratio(-15.0, 50.0, 1, 1), "late, but not lost");
}

#[tokio::test]
async fn a_balance_that_cannot_be_spent_or_read_is_an_error() {
    let credit = |credit: serde_json::Value| json!({"data": {"record_type": "balance", "available_credit": credit}});
    for wrong in [
        json!("-3.20"),
        json!(""),
        json!(null),
        json!("plenty"),
        json!("1,000.00"),
        json!(true),
    ] {
        let fake = Fake::new(whole(Balance)).await;
        fake.change(|book| book.credit = credit(wrong.clone()));
        let error = fake.one(0.0).await.unwrap_err();
        assert_eq!(error.code(), "signal.garbled", "{wrong} gave {error}");
    }
}

#[tokio::test]
async fn detail_records_that_never_had_anything_in_them_prove_nothing() {
    let fake = Fake::new(both(DetailRecords)).await;
    fake.at(0.0).await;
    for outcome in fake.at(15.0).await {
        assert_eq!(outcome.unwrap_err().code(), "signal.no-data");
    }
    fake.change(|book| book.details = vec![ended("a", -280.0, 9.0, STABLE, "normal_clearing")]);
    assert_eq!(
        fake.at(30.0).await,
        [ratio(-285.0, -270.0, 0, 1), ratio(-285.0, -270.0, 0, 0)]
    );
    assert_eq!(
        fake.at(45.0).await,
        [ratio(-270.0, -255.0, 0, 0), ratio(-270.0, -255.0, 0, 0)],
        "now it is zero"
    );
}

#[tokio::test]
async fn records_that_do_not_say_enough_are_told_of() {
    let without = |field: &str| {
        let mut row = ended("a", -290.0, 9.0, STABLE, "normal_clearing");
        row.json.as_object_mut().unwrap().remove(field);
        row
    };
    let table = [
        ("id", "no readable id"),
        ("finished_at", "(its fields:"),
        ("connection_id", "does not say the connection"),
        ("hangup_cause", "does not say the way it ended"),
    ];
    for (field, words) in table {
        let fake = Fake::new(both(DetailRecords)).await;
        fake.at(0.0).await;
        let mut row = without(field);
        if field == "finished_at" {
            row.json.as_object_mut().unwrap().remove("call_sec");
        }
        fake.change(|book| book.details = vec![row]);
        let (code, says) = told(fake.at(15.0).await[0].as_ref().unwrap_err());
        assert!(
            code == "signal.garbled" && says.contains(words),
            "without {field}: {code}, {says}"
        );
    }
    let fake = Fake::new(whole(UsageReports)).await;
    fake.at(4200.0).await;
    fake.change(|book| {
        let mut row = hour(0.0, STABLE, 5, 5);
        row.json["completed"] = json!("most");
        book.usage = vec![row];
    });
    let (code, says) = told(&fake.one(7200.0).await.unwrap_err());
    assert!(
        code == "signal.garbled" && says.contains("no readable completed"),
        "{code}: {says}"
    );
}

#[tokio::test]
async fn a_provider_with_another_time_is_not_believed_until_it_has_ours() {
    for kind in [WebhookDeliveries, DetailRecords, ActiveCalls] {
        for (ahead, skew) in [(90.0, 90), (-90.0, -89)] {
            let fake = Fake::new(both(kind)).await;
            fake.change(|book| book.ahead = ahead);
            for outcome in fake.at(0.0).await {
                let skewed = matches!(outcome, Err(SignalError::Skewed { skew_secs, .. }) if skew_secs == skew);
                assert!(skewed, "{kind:?}: {outcome:?}");
            }
        }
    }
    let fake = Fake::new(whole(WebhookDeliveries)).await;
    fake.change(|book| book.deliveries = vec![delivery("a", -20.0, &[(NEW, 500)])]);
    fake.one(0.0).await.unwrap_err();
    fake.change(|book| book.ahead = 30.0);
    assert_eq!(fake.one(15.0).await.unwrap_err().code(), "signal.skewed");
    fake.change(|book| book.ahead = 4.0);
    assert_eq!(fake.one(30.0).await, ratio(-30.0, 0.0, 1, 1), "nothing was lost");
    let fake = Fake::new(whole(Balance)).await;
    fake.change(|book| book.ahead = -30.0);
    assert_eq!(fake.one(0.0).await.unwrap_err().code(), "signal.skewed");
}

#[tokio::test]
async fn records_of_the_future_mean_that_a_clock_is_wrong() {
    let fake = Fake::new(whole(WebhookDeliveries)).await;
    fake.at(0.0).await;
    fake.change(|book| {
        let mut row = delivery("a", -20.0, &[(NEW, 200)]);
        row.json["started_at"] = json!(crate::fake::at(27.0));
        book.deliveries = vec![row];
    });
    let read = fake.one(15.0).await;
    assert!(
        matches!(read, Err(SignalError::Skewed { skew_secs: 12, .. })),
        "{read:?}"
    );
}

#[test]
fn what_can_never_be_read_is_refused_when_the_plan_is_loaded() {
    let told = |specs| Fake::try_with(TIMING, specs).unwrap_err().to_string();
    let canary = |kind: RecordsKind, connection| vec![spec("s", Side::Canary, kind, connection)];
    assert!(told(canary(WebhookDeliveries, None)).contains("does not say which application"));
    assert!(told(canary(WebhookDeliveries, Some(CANARY))).contains("applications of both arms"));
    let mut same = both(DetailRecords);
    same[0].connection = same[1].connection.clone();
    assert!(told(same).contains("two different ones"));
    assert!(told(canary(Balance, Some(CANARY))).contains("belongs to no arm"));
    assert!(told(whole(ActiveCalls)).contains("does not say which application"));
    let needless = vec![spec("s", Side::Whole, WebhookDeliveries, Some(STABLE))];
    assert!(told(needless).contains("webhook-deliveries is the account's"));
    let mut short = TIMING;
    short.gap = short.interval;
    assert!(
        Fake::try_with(short, whole(Balance))
            .unwrap_err()
            .to_string()
            .contains("nothing would ever be counted")
    );
}
