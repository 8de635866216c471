//! What every kind of answer becomes, as the account and as both ports tell it; and that each was asked for once.

use std::io::Write;
use std::net::TcpListener;
use std::time::Duration;

use futures::future::join;
use timonel_ports::signal::SignalError;
use timonel_ports::target::TargetError;
use timonel_telnyx::account::{AccountError, Urgency};
use timonel_telnyx::api::{self, ConnectionId, NumberId, NumberMove};

use crate::fake::{Hands, KEY, Reply, World, account, balance, too_many};

/// The bodies are examples of the official contract, but those that a gateway sends.
#[tokio::test]
async fn every_answer_has_its_meaning_and_is_asked_for_once() {
    let html = |status| Reply::new(status, "<!doctype html><title>Sign in</title>").with("content-type", "text/html");
    let not_found = r#"{"errors":[{"code":"10005","title":"Resource not found","detail":"The requested resource or URL could not be found."}]}"#;
    let cases: Vec<(Reply, &str, &str, &str, &str)> = vec![
        (
            Reply::new(
                401,
                r#"{"errors":[{"code":"10009","title":"Authentication failed","detail":"Could not understand the provided credentials.","source":{"pointer":"/base"}}]}"#,
            ),
            "Unauthenticated",
            "target.unauthenticated",
            "signal.refused",
            "10009 Authentication failed: Could not understand the provided credentials. (/base)",
        ),
        (
            html(401),
            "Unauthenticated",
            "target.unauthenticated",
            "signal.refused",
            "a web page",
        ),
        (
            Reply::new(
                403,
                r#"{"errors":[{"code":"10010","title":"Authorization failed","detail":"You do not have permission to perform the requested action."}]}"#,
            ),
            "Forbidden",
            "target.forbidden",
            "signal.refused",
            "You do not have permission",
        ),
        (html(403), "Garbled", "target.garbled", "signal.garbled", "Sign in"),
        (
            Reply::new(404, not_found),
            "Missing",
            "target.missing",
            "signal.refused",
            "10005",
        ),
        (html(404), "Garbled", "target.garbled", "signal.garbled", "Sign in"),
        (
            Reply::new(
                409,
                r#"{"errors":[{"code":"10036","title":"Resource is being processed"}]}"#,
            ),
            "Conflict",
            "target.conflict",
            "signal.refused",
            "10036 Resource is being processed",
        ),
        (
            Reply::new(
                422,
                r#"{"errors":[{"code":"10015","title":"Bad Request","detail":"Maximum 20 jobs allowed.","source":{"pointer":"/base"}}]}"#,
            ),
            "Refused",
            "target.refused",
            "signal.refused",
            "Maximum 20 jobs allowed",
        ),
        (
            Reply::new(
                422,
                r#"{"detail":[{"loc":["body","rules",0],"msg":"field required","type":"value_error"}]}"#,
            ),
            "Refused",
            "target.refused",
            "signal.refused",
            "body.rules.0: field required",
        ),
        // A body code never decides: this is the contract's 400 with the code of "too many requests".
        (
            Reply::new(400, r#"{"errors":[{"code":"10011","title":"Bad Request"}]}"#),
            "Refused",
            "target.refused",
            "signal.refused",
            "(400)",
        ),
        (
            Reply::new(415, ""),
            "Refused",
            "target.refused",
            "signal.refused",
            "(nothing)",
        ),
        (
            too_many(),
            "Throttled",
            "target.throttled",
            "signal.unreachable",
            "10011 Too many requests",
        ),
        (
            Reply::new(
                500,
                r#"{"errors":[{"code":"10007","title":"Unexpected error","detail":"An unexpected error occured."}]}"#,
            ),
            "Unavailable",
            "target.unavailable",
            "signal.unreachable",
            "10007 Unexpected error",
        ),
        (
            Reply::new(503, ""),
            "Unavailable",
            "target.unavailable",
            "signal.unreachable",
            "(nothing)",
        ),
        (
            html(502),
            "Unavailable",
            "target.unavailable",
            "signal.unreachable",
            "a web page",
        ),
        (
            Reply::new(408, ""),
            "Unavailable",
            "target.unavailable",
            "signal.unreachable",
            "408",
        ),
        (html(200), "Garbled", "target.garbled", "signal.garbled", "Sign in"),
        (
            Reply::new(200, ""),
            "Garbled",
            "target.garbled",
            "signal.garbled",
            "with nothing",
        ),
        (
            Reply::new(200, r#"{"data":"#),
            "Garbled",
            "target.garbled",
            "signal.garbled",
            "cut off",
        ),
        (
            Reply::new(200, r#"{"errors":[]}"#),
            "Garbled",
            "target.garbled",
            "signal.garbled",
            "missing field `data`",
        ),
        (
            Reply::new(302, "").with("location", "https://login.example.com"),
            "Garbled",
            "target.garbled",
            "signal.garbled",
            "302",
        ),
    ];
    for (reply, variant, target, signal, part) in cases {
        let said = reply.clone();
        let world = World::start(move |_, _| said.clone()).await;
        let error = world.balance(Urgency::Target).await.unwrap_err();
        let shown = format!("{error:?}");
        assert!(shown.starts_with(variant), "{reply:?} gave {shown}");
        assert!(error.to_string().contains(part), "`{error}` should contain `{part}`");
        assert!(error.to_string().starts_with("GET /v2/balance"), "{error}");
        assert_eq!(error.target("here").code(), target, "{reply:?}");
        assert_eq!(error.signal("here").code(), signal, "{reply:?}");
        // Whoever acts on it must know whether to read back: both tell the same, but where the answer was a plain no.
        assert_eq!(error.may_have_acted(), error.target("here").is_unknown(), "{error:?}");
        assert_eq!(world.count(), 1, "never repeated here: {reply:?}");
    }
}

#[tokio::test]
async fn a_request_proves_who_asks_and_a_write_carries_exactly_its_body() {
    let job = r#"{"data":{"id":"42587e44-3a3e-46de-9255-0c9a7a1d1ec7","status":"pending"}}"#;
    let world = World::start(move |_, _| Reply::new(202, job)).await;
    let moved = NumberMove {
        phone_numbers: vec![
            NumberId::new("2637816387126861836"),
            NumberId::new("2637816387126861837"),
        ],
        connection_id: ConnectionId::new("1293384261075731499"),
    };
    api::start_job(&world.account, Urgency::Target, &moved).await.unwrap();
    let heard = world.heard();
    assert_eq!(heard.len(), 1);
    assert_eq!(heard[0].method, "POST");
    assert_eq!(heard[0].path, "/v2/phone_numbers/jobs/update_phone_numbers");
    assert!(
        heard[0].query.is_empty(),
        "a filter would change everything that matches"
    );
    assert_eq!(heard[0].authorization, format!("Bearer {KEY}"));
    assert_eq!(
        heard[0].body,
        r#"{"phone_numbers":["2637816387126861836","2637816387126861837"],"connection_id":"1293384261075731499"}"#
    );
}

#[tokio::test]
async fn a_job_holds_1_to_1000_numbers_or_is_never_posted() {
    let job = r#"{"data":{"id":"1","status":"pending"}}"#;
    let world = World::start(move |_, _| Reply::new(202, job)).await;
    let start = async |count: usize| {
        let moved = NumberMove {
            phone_numbers: (0..count).map(|n| NumberId::new(n.to_string())).collect(),
            connection_id: ConnectionId::new("1"),
        };
        api::start_job(&world.account, Urgency::Target, &moved).await
    };
    for count in [0, 1001] {
        let error = start(count).await.unwrap_err();
        assert!(matches!(error, AccountError::TooMany { most: 1000, .. }), "{error:?}");
        assert!(matches!(error.target("t"), TargetError::Refused { .. }));
    }
    assert_eq!(world.count(), 0);
    start(1000).await.unwrap();
    assert_eq!(world.count(), 1);
}

#[tokio::test]
async fn an_answer_is_waited_for_five_seconds_of_the_clock_exactly() {
    let world = World::start(|_, _| Reply::silence()).await;
    let five = Duration::from_secs(5);
    let (outcome, ()) = join(world.balance(Urgency::Target), async {
        world.clock.somebody_sleeps_until(five).await;
        world.clock.advance(five);
    })
    .await;
    let error = outcome.unwrap_err();
    assert!(
        matches!(&error, AccountError::Deadline { limit, .. } if *limit == five),
        "{error:?}"
    );
    assert_eq!(
        error.target("t"),
        TargetError::Deadline {
            place: "t".into(),
            limit: five
        }
    );
    assert!(error.may_have_acted());
}

#[tokio::test]
async fn nobody_there_and_a_connection_that_breaks_are_told_apart() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let account_of = |address| account(Hands::at_start(), &format!("http://{address}"));
    let error = api::balance(&account_of(nobody), Urgency::Target).await.unwrap_err();
    assert!(
        matches!(error, AccountError::Unreachable { sent: false, .. }),
        "{error:?}"
    );
    assert!(matches!(error.target("t"), TargetError::Unreachable { .. }));
    assert!(matches!(error.signal("s"), SignalError::Unreachable { .. }));

    let breaking = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = breaking.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = breaking.accept().unwrap();
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf")
            .unwrap();
    });
    let error = api::balance(&account_of(address), Urgency::Target).await.unwrap_err();
    assert!(
        matches!(error, AccountError::Unreachable { sent: true, .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn unknown_fields_null_and_absence_do_no_harm() {
    let body = r#"{"data":{"record_type":"texml_application","id":"1293384261075731499","friendly_name":"ivr","voice_url":"https://a.example.com/voice",
        "voice_fallback_url":null,"status_callback":"","tags":null,"inbound":{"channel_limit":10,"sip_subdomain":"example","new_thing":{"a":1}},
        "updated_at":"yesterday","never_heard_of":[1,2]}}"#;
    let world = World::start(move |_, _| Reply::new(200, body)).await;
    let id = ConnectionId::new("1293384261075731499");
    let application = api::application(&world.account, Urgency::Target, &id).await.unwrap();
    assert_eq!(application.voice_fallback_url, None);
    assert_eq!(application.status_callback, None);
    assert!(application.tags.is_empty());
    assert_eq!(application.updated_at, None);
    // Kept, since a change may replace the whole of `inbound`.
    let inbound = serde_json::to_value(&application.inbound).unwrap();
    assert_eq!(
        inbound,
        serde_json::json!({"channel_limit": 10, "sip_subdomain": "example", "new_thing": {"a": 1}})
    );
    assert_eq!(world.heard()[0].path, "/v2/texml_applications/1293384261075731499");

    let whole = r#"{"data":{"id":"1","friendly_name":"x"}}"#;
    let world = World::start(move |_, _| Reply::new(200, whole)).await;
    let error = api::application(&world.account, Urgency::Target, &id)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("missing field `voice_url`"), "{error}");
}

#[tokio::test]
async fn the_first_attempt_of_a_delivery_is_the_one_that_began_first() {
    // The contract's own example: newest first, with its `reponse` and its two forms of errors and headers.
    let body = r#"{"data":[{"id":"f5586561-8ff0-4291-a0ac-84fe544797bd","record_type":"webhook_delivery","status":"delivered",
        "started_at":"2020-08-10T14:00:00.000Z","webhook":{"event_type":"call_initiated","payload":{"from":"+34600000001"}},
        "attempts":[
        {"started_at":"2020-08-10T14:00:05.364Z","status":"delivered","http":{"request":{"headers":[["Accept","*/*"]],"url":"https://fallback.example.com/webhooks"},"response":{"body":"All good.","status":200}}},
        {"errors":[75499],"started_at":"2020-08-10T14:00:05.004Z","status":"failed","http":{"request":{"url":"https://typo.example.com/webhooks"},"response":{"status":404}}},
        {"errors":[{"code":"75001"}],"started_at":"2020-08-10T14:00:00.000Z","status":"failed","http":{"reponse":null,"request":{"headers":["Accept: */*"],"url":"https://slow.example.com/webhooks"}}}]}],
        "meta":{"total_pages":1,"total_results":1}}"#;
    let world = World::start(move |_, _| Reply::new(200, body)).await;
    let query = api::DeliveryQuery {
        status: Some(api::DeliveryState::Failed),
        since: "2020-08-10T14:00:00Z".parse().unwrap(),
        until: None,
        page: 1,
        size: 250,
    };
    let page = api::webhook_deliveries(&world.account, Urgency::Background, &query)
        .await
        .unwrap();
    let first = page.items[0].first_attempt().unwrap();
    assert_eq!(first.url(), Some("https://slow.example.com/webhooks"));
    assert_eq!(first.status, Some(api::DeliveryState::Failed));
    assert_eq!(first.answer(), None);
    assert_eq!(page.items[0].attempts[1].answer(), Some(404));
    assert_eq!(page.items[0].webhook.event_type.as_deref(), Some("call_initiated"));
    let heard = &world.heard()[0];
    assert_eq!(heard.asked("filter[status][eq]"), Some("failed"));
    assert_eq!(heard.asked("filter[started_at][gte]"), Some("2020-08-10T14:00:00.000Z"));
    assert!(
        !format!("{page:?}").contains("+34600000001"),
        "people's numbers are not read"
    );
}

#[tokio::test]
async fn a_good_answer_reads_as_it_is_written() {
    let world = World::start(|_, _| balance()).await;
    let balance = world.balance(Urgency::Target).await.unwrap();
    assert_eq!(balance.available(), Some(400.0));
    assert_eq!(balance.currency.as_deref(), Some("USD"));
}
