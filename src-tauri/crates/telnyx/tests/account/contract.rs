//! Every call against the official contract: a real Prism that refuses what breaks it, and answers with its examples.
//!
//! The contract is nobody's to pass on, so a clone without it says so and leaves this out.

use std::path::PathBuf;

use timonel_ports::clock::SystemClock;
use timonel_telnyx::account::{Account, AccountError, Urgency};
use timonel_telnyx::api::{self, ConnectionId, JobId, NumberId};
use timonel_testkit::process::{Prism, ProcessError};

use crate::fake::account;

const CONTRACT: &str = "../../../../shared/data/telnyx/telnyx-openapi-trimmed-overlay.json";

async fn peer() -> Option<(Prism, Account)> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(CONTRACT);
    if !path.exists() {
        println!("skipped: {} is not there", path.display());
        return None;
    }
    match Prism::mock(&path).await {
        Ok(prism) => {
            let account = account(SystemClock::shared(), &prism.url());
            Some((prism, account))
        }
        Err(error @ ProcessError::Missing { .. }) => {
            println!("skipped: {error}");
            None
        }
        Err(error @ (ProcessError::Start { .. } | ProcessError::NotReady { .. })) => panic!("{error}"),
    }
}

fn fine<T>(call: &str, outcome: Result<T, AccountError>) -> T {
    outcome.unwrap_or_else(|error| panic!("{call}: {error}"))
}

#[tokio::test]
async fn every_call_keeps_to_the_contract_and_reads_its_examples() {
    let Some((prism, account)) = peer().await else { return };
    let (target, background) = (Urgency::Target, Urgency::Background);
    let connection = ConnectionId::new("1293384261075731499");
    let since = "2026-11-21T10:00:00Z".parse().unwrap();

    let application = fine("application", api::application(&account, target, &connection).await);
    assert_eq!(application.id, connection);
    assert_eq!(application.inbound.channel_limit, Some(10));
    assert_eq!(
        application.voice_fallback_url.as_deref(),
        Some("https://fallback.example.com")
    );
    // Everything that a lever sets, so that the contract judges all of it.
    let body = serde_json::json!({
        "friendly_name": application.friendly_name, "voice_url": application.voice_url,
        "voice_method": application.voice_method, "voice_fallback_url": application.voice_fallback_url,
        "status_callback": application.status_callback, "status_callback_method": application.status_callback_method,
        "tags": ["timonel-mark=3.7"], "inbound": application.inbound,
    });
    let body = body.as_object().unwrap();
    fine(
        "write_application",
        api::write_application(&account, target, &connection, body).await,
    );
    assert!(fine("some_application", api::some_application(&account, target).await).is_some());
    let found = fine("connection", api::connection(&account, target, &connection).await);
    assert_eq!(found.record_type, "ip_connection");

    let numbers = fine("numbers_on", api::numbers_on(&account, target, &connection).await);
    assert_eq!(
        numbers.items.len(),
        1,
        "the example says three pages and shows the same number on each"
    );
    let moved = api::NumberMove {
        phone_numbers: vec![NumberId::new("2637816387126861836")],
        connection_id: connection.clone(),
    };
    let job = fine("start_job", api::start_job(&account, target, &moved).await);
    assert_eq!(
        job.failed_operations[0].said(),
        "10015 Bad Request: The field is invalid. (/emergency_address_id)"
    );
    assert!(job.holds(&NumberId::new("2637816387126861836"), "") && job.holds(&NumberId::new(""), "+19705555099"));
    assert!(!job.holds(&NumberId::new("1"), "+1"));
    assert_eq!(job.etc, Some("2020-10-30T18:10:00Z".parse().unwrap()));
    assert!(!fine("jobs", api::jobs(&account, target).await).is_empty());
    fine(
        "job",
        api::job(&account, target, &JobId::new("42587e44-3a3e-46de-9255-0c9a7a1d1ec7")).await,
    );

    let events = fine("audit_events", api::audit_events(&account, background, since).await);
    assert_eq!(events[0].by(), "telnyx 550e8400-e29b-41d4-a716-446655440001");
    let query = api::DetailQuery {
        record_type: "call-control".into(),
        filters: vec![("date_range".into(), "today".into())],
        sort: Some("-created_at".into()),
        page: 1,
    };
    fine(
        "detail_records",
        api::detail_records(&account, background, &query).await,
    );
    let query = api::CallEventQuery {
        connection: Some(connection.clone()),
        name: Some("call.initiated".into()),
        failed: Some(false),
        since,
        page: 1,
        size: 250,
    };
    let events = fine("call_events", api::call_events(&account, background, &query).await);
    assert!(events.items[0].at.is_some());
    let query = api::DeliveryQuery {
        status: Some(api::DeliveryState::Failed),
        since,
        until: Some(since),
        page: 1,
        size: 250,
    };
    let deliveries = fine(
        "webhook_deliveries",
        api::webhook_deliveries(&account, background, &query).await,
    );
    assert!(deliveries.items[0].first_attempt().is_some());
    // Prism gives the same cursor for ever, so this list does not end there; that it was asked as documented is what counts.
    match api::active_calls(&account, background, &connection).await {
        Ok(_) | Err(AccountError::Endless { .. }) => {}
        Err(error) => panic!("active_calls: {error}"),
    }
    let query = api::UsageQuery {
        product: "call-control".into(),
        dimensions: vec!["connection_id".into(), "date_time".into()],
        metrics: vec!["attempted".into(), "completed".into()],
        since,
        until: since,
        page: 1,
        size: 5000,
    };
    let rows = fine("usage_reports", api::usage_reports(&account, background, &query).await);
    assert!(rows.items[0].number("count").is_some());
    assert_eq!(
        fine("balance", api::balance(&account, background).await).available(),
        Some(400.0)
    );
    assert_eq!(prism.breaches(), Vec::<String>::new());
}
