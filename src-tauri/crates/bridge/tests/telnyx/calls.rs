//! Every call that we can make, each with how the contract writes it: what the contract answers can be read, and what the
//! simulator answers keeps to the contract.

use std::time::Duration;

use futures::future::BoxFuture;
use serde_json::{Map, Value, json};
use timonel_domain::time::Timestamp;
use timonel_simulator::time::Speed;
use timonel_telnyx::account::{Account, AccountError, List, Page, Urgency};
use timonel_telnyx::api;

use super::official::Official;
use super::{account, drive};

/// Things that calls name.
#[derive(Debug, Clone)]
pub(super) struct Named {
    pub(super) application: api::ConnectionId,
    pub(super) number: api::NumberId,
    pub(super) job: api::JobId,
}

impl Named {
    /// As a mock takes them, which looks at their form only.
    pub(super) fn anything() -> Self {
        Self {
            application: api::ConnectionId::new("2150000000000000002"),
            number: api::NumberId::new("1850000000000000001"),
            job: api::JobId::new("42587e44-3a3d-46de-9255-0c9a7a1d1ec7"),
        }
    }
}

/// One call.
pub(super) struct Ours {
    pub(super) method: &'static str,
    /// As the contract writes it.
    pub(super) path: &'static str,
    /// Whether it changes something.
    pub(super) writes: bool,
    /// Asks; how many records the answer has.
    pub(super) ask: fn(Account, Named) -> BoxFuture<'static, Result<usize, AccountError>>,
}

/// How many records an answer has.
trait Amount {
    fn amount(&self) -> usize;
}

macro_rules! amounts {
    ($($answer:ty => |$it:ident| $amount:expr),* $(,)?) => {
        $(impl Amount for $answer {
            fn amount(&self) -> usize {
                let $it = self;
                $amount
            }
        })*
    };
}

amounts! {
    api::Balance => |_it| 1,
    api::Application => |_it| 1,
    Option<api::Application> => |it| it.iter().len(),
    api::Connection => |_it| 1,
    Vec<api::AuditEvent> => |it| it.len(),
    List<api::Number> => |it| it.items.len(),
    Vec<api::Job> => |it| it.len(),
    api::Job => |_it| 1,
    List<api::ActiveCall> => |it| it.items.len(),
    Page<api::CallEvent> => |it| it.items.len(),
    Page<api::Delivery> => |it| it.items.len(),
    Page<api::DetailRecord> => |it| it.items.len(),
    Page<api::UsageRow> => |it| it.items.len(),
}

const NOW: Urgency = Urgency::Target;

/// When the tests begin, and a half second more.
fn since() -> Timestamp {
    "2026-11-22T09:00:00.5Z".parse().unwrap()
}

fn until() -> Timestamp {
    since() + Duration::from_secs(1800)
}

macro_rules! ours {
    ($method:literal $path:literal, |$account:ident, $named:ident| $asked:expr) => {
        Ours {
            method: $method,
            path: $path,
            writes: !matches!($method.as_bytes(), b"GET"),
            ask: |$account, $named| {
                Box::pin(async move {
                    let _ = &$named;
                    $asked.await.map(|answer| answer.amount())
                })
            },
        }
    };
}

/// Every function of `api` but `whoami`, which is no part of the contract, in all the ways in which it writes a request.
pub(super) fn ours() -> Vec<Ours> {
    vec![
        ours!("GET" "/v2/balance", |a, n| api::balance(&a, NOW)),
        ours!("GET" "/v2/texml_applications", |a, n| api::some_application(&a, NOW)),
        ours!("GET" "/v2/texml_applications/{id}", |a, n| api::application(&a, NOW, &n.application)),
        ours!("PATCH" "/v2/texml_applications/{id}", |a, n| {
            let body = everything();
            async move { api::write_application(&a, NOW, &n.application, &body).await }
        }),
        ours!("PATCH" "/v2/texml_applications/{id}", |a, n| {
            let body = required();
            async move { api::write_application(&a, NOW, &n.application, &body).await }
        }),
        ours!("GET" "/v2/connections/{id}", |a, n| api::connection(&a, NOW, &n.application)),
        ours!("GET" "/v2/audit_events", |a, n| api::audit_events(&a, NOW, since())),
        ours!("GET" "/v2/phone_numbers/slim", |a, n| api::numbers_on(&a, NOW, &n.application)),
        ours!("GET" "/v2/phone_numbers/jobs", |a, n| api::jobs(&a, NOW)),
        ours!("GET" "/v2/phone_numbers/jobs/{id}", |a, n| api::job(&a, NOW, &n.job)),
        ours!("POST" "/v2/phone_numbers/jobs/update_phone_numbers", |a, n| {
            let moved = api::NumberMove {
                phone_numbers: vec![n.number.clone()],
                connection_id: n.application.clone(),
            };
            async move { api::start_job(&a, NOW, &moved).await }
        }),
        ours!("GET" "/v2/connections/{connection_id}/active_calls", |a, n| {
            api::active_calls(&a, NOW, &n.application)
        }),
        ours!("GET" "/v2/call_events", |a, n| {
            let query = api::CallEventQuery {
                connection: Some(n.application),
                name: Some("call.initiated".into()),
                failed: None,
                since: since(),
                page: 1,
                size: 250,
            };
            async move { api::call_events(&a, NOW, &query).await }
        }),
        ours!("GET" "/v2/call_events", |a, n| {
            let query = api::CallEventQuery {
                connection: None,
                name: None,
                failed: Some(true),
                since: since(),
                page: 2,
                size: 1,
            };
            async move { api::call_events(&a, NOW, &query).await }
        }),
        ours!("GET" "/v2/webhook_deliveries", |a, n| deliveries(a, None, None)),
        ours!("GET" "/v2/webhook_deliveries", |a, n| {
            deliveries(a, Some(api::DeliveryState::Failed), Some(until()))
        }),
        ours!("GET" "/v2/webhook_deliveries", |a, n| {
            deliveries(a, Some(api::DeliveryState::Delivered), Some(until()))
        }),
        ours!("GET" "/v2/detail_records", |a, n| {
            let query = api::DetailQuery {
                record_type: "call-control".into(),
                filters: vec![
                    ("created_at][gte".into(), since().to_string()),
                    ("created_at][lte".into(), until().to_string()),
                ],
                sort: Some("created_at".into()),
                page: 1,
            };
            async move { api::detail_records(&a, NOW, &query).await }
        }),
        ours!("GET" "/v2/detail_records", |a, n| {
            let query = api::DetailQuery {
                record_type: "call-control".into(),
                filters: vec![
                    ("direction".into(), "inbound".into()),
                    ("created_at][gte".into(), since().to_string()),
                ],
                sort: Some("-created_at".into()),
                page: 2,
            };
            async move { api::detail_records(&a, NOW, &query).await }
        }),
        ours!("GET" "/v2/usage_reports", |a, n| {
            let query = api::UsageQuery {
                product: "call-control".into(),
                dimensions: vec!["connection_id".into(), "date_time".into()],
                metrics: vec!["attempted".into(), "connected".into(), "completed".into()],
                since: since() - Duration::from_secs(6 * 3600),
                until: since(),
                page: 1,
                size: 5000,
            };
            async move { api::usage_reports(&a, NOW, &query).await }
        }),
    ]
}

async fn deliveries(
    account: Account,
    status: Option<api::DeliveryState>,
    until: Option<Timestamp>,
) -> Result<Page<api::Delivery>, AccountError> {
    let query = api::DeliveryQuery {
        status,
        since: since(),
        until,
        page: 1,
        size: 250,
    };
    api::webhook_deliveries(&account, NOW, &query).await
}

/// What the provider requires of every change of an application.
fn required() -> Map<String, Value> {
    object(json!({"friendly_name": "IVR TeXML", "voice_url": "https://ivr.example.com/voice"}))
}

/// With everything else that a lever or its release sets.
fn everything() -> Map<String, Value> {
    let mut body = required();
    body.extend(object(json!({
        "voice_method": "post", "voice_fallback_url": "https://ivr.example.com/fallback",
        "status_callback": "https://ivr.example.com/status", "status_callback_method": "post",
        "inbound": {"channel_limit": 10, "shaken_stir_enabled": true, "sip_subdomain": "ivr"},
        "tags": ["timonel-mark=1.0"],
    })));
    body
}

fn object(value: Value) -> Map<String, Value> {
    serde_json::from_value(value).unwrap()
}

/// What we ask keeps to the contract (otherwise the mock answers 4xx), and what it answers can be read.
#[test]
fn the_contract_takes_every_call_of_ours_and_we_read_its_answers() {
    let Some(official) = Official::open() else { return };
    drive(Speed::Max, |clock| async move {
        let Some(mock) = official.mock(&clock).await else {
            return;
        };
        for call in ours() {
            let account = account(clock.shared(), &mock.url());
            match (call.ask)(account, Named::anything()).await {
                Ok(_) => {}
                // Each page of the mock is the same example, with the same cursor to the next one.
                Err(AccountError::Endless { .. }) if call.path.ends_with("/active_calls") => {}
                Err(error) => panic!("{} {}: {error}\n{:#?}", call.method, call.path, mock.breaches()),
            }
        }
        assert_eq!(mock.breaches(), [""; 0]);
    });
}

/// `whoami` is known from elsewhere only: if the contract comes to have it, it belongs in the table.
#[test]
fn the_contract_has_every_call_of_ours_but_whoami() {
    let Some(official) = Official::open() else { return };
    for call in ours() {
        assert!(official.has(call.method, call.path), "{} {}", call.method, call.path);
    }
    assert!(!official.has("GET", "/v2/whoami"));
}
