//! Answers of the provider, or of whatever answered in its place: read or refused in time with the name of what was asked, and
//! nothing that is open is ever read as over.

use std::sync::{Arc, Mutex};

use serde_json::Value;
use timonel_hostile::fuzz;
use timonel_telnyx::account::Urgency;
use timonel_telnyx::api::{self, ConnectionId, JobId};

use crate::fake::{KEY, Reply, World};

const ANSWERS: [&str; 7] = [
    r#"{"data":{"record_type":"balance","balance":"300.00","credit_limit":"100.00","available_credit":"400.00","pending":"10.00","currency":"USD"}}"#,
    r#"{"data":{"id":"1","record_type":"phone_numbers_job","status":"in_progress","type":"update_phone_numbers","created_at":"2026-11-22T00:59:00Z","etc":"2026-11-22T01:01:00.000Z","phone_numbers":[{"id":"7","phone_number":"+34910000007"}],"pending_operations":[{"id":"7"}],"successful_operations":[],"failed_operations":[{"id":"9","errors":[{"code":"10015","title":"Bad Request","detail":"The field is invalid.","source":{"pointer":"/connection_id"}}]}]}}"#,
    r#"{"data":[{"id":"1","status":"completed","created_at":"2026-11-22T00:00:00Z"},{"id":"2","status":"pending"}],"meta":{"total_pages":1,"total_results":2,"page_number":1,"page_size":250}}"#,
    r#"{"data":{"id":"1293384261075731499","friendly_name":"ivr","voice_url":"https://ivr.example/texml","voice_method":"post","active":true,"tags":["a"],"inbound":{"channel_limit":10,"sip_subdomain":null},"updated_at":"2026-11-22T00:00:00Z"}}"#,
    r#"{"data":[{"call_control_id":"v3:1","call_session_id":"s","call_duration":50}],"meta":{"total_items":1,"cursors":{"after":"v1:g3QA","before":"v1:g3QB"},"next":"/v2/connections/1/active_calls?page[after]=v1:g3QA"}}"#,
    r#"{"data":[{"id":"7","phone_number":"+34910000007","connection_id":"1293384261075731499","status":"active","tags":[]}],"meta":{"total_pages":1,"total_results":1}}"#,
    r#"{"errors":[{"code":"10011","title":"Too many requests","detail":"You have exceeded the maximum number of allowed requests."}]}"#,
];

#[test]
fn answers_of_the_provider() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let reply = Arc::new(Mutex::new(Reply::new(200, "")));
    let said = reply.clone();
    let world = runtime.block_on(World::start(move |_, _| said.lock().unwrap().clone()));
    let account = &world.account;
    fuzz!(
        ANSWERS,
        |bytes: &[u8]| {
            // A 429 would have the account wait, on a clock that stands still here.
            let status = [200, 200, 200, 404, 422, 500][bytes.len() % 6];
            let text = String::from_utf8_lossy(bytes).into_owned();
            *reply.lock().unwrap() = Reply::new(status, &text);
            let to = Urgency::Target;
            let errors = runtime.block_on(async {
                let connection = ConnectionId::new("1293384261075731499");
                let job = api::job(account, to, &JobId::new("1")).await;
                if let Ok(job) = &job
                    && !job.is_open()
                {
                    let raw: Value = serde_json::from_str(&text).unwrap();
                    let said = raw["data"]["status"].as_str().unwrap();
                    assert!(["completed", "failed", "expired"].contains(&said), "{text}");
                }
                let application = api::application(account, to, &connection).await;
                if let Ok(application) = &application {
                    let raw: Value = serde_json::from_str(&text).unwrap();
                    assert_eq!(raw["data"]["voice_url"], application.voice_url, "{text}");
                }
                [
                    job.err(),
                    application.err(),
                    api::balance(account, to).await.err(),
                    api::whoami(account, to).await.err(),
                    api::jobs(account, to).await.err(),
                    api::numbers_on(account, to, &connection).await.err(),
                    api::active_calls(account, to, &connection).await.err(),
                    api::connection(account, to, &connection).await.err(),
                ]
            });
            for error in errors.into_iter().flatten() {
                let said = error.to_string();
                assert!(said.contains("GET /v2/"), "{said}");
                assert!(!said.contains(KEY), "{said}");
                assert!(said.len() < 4_000, "{} bytes for people", said.len());
            }
        },
        150
    );
}
