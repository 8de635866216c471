//! Every documented refusal of every call of ours, with each of its examples: the kind of error, what is shown of it, and
//! how long to wait. Prism answers what it is told to by a header that a forwarder of ours adds.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use timonel_http::{Client, HeaderName, HeaderValue, Limits, header};
use timonel_ports::clock::SystemClock;
use timonel_ports::task::{Task, spawn};
use timonel_simulator::cluster::serve;
use timonel_simulator::time::{Speed, VirtualClock};
use timonel_telnyx::account::AccountError;

use super::calls::{Named, ours};
use super::official::{Official, Refusal};
use super::{account, drive};

/// What the contract's overlay says on each 429.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Passes requests on to a mock with a wish for one of the documented answers.
#[derive(Clone)]
struct Forwarder {
    http: Client,
    mock: String,
    wish: Arc<Mutex<String>>,
}

impl Forwarder {
    fn new(mock: String) -> Self {
        Self {
            // Real time: virtual time stands while a request of the account's is under way.
            http: Client::new(SystemClock::shared(), Limits::default()).unwrap(),
            mock,
            wish: Arc::default(),
        }
    }

    /// Serves it; its address.
    async fn serve(&self, clock: &VirtualClock) -> (String, Task<Infallible>) {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let forwarder = self.clone();
        let router = Router::new().fallback(move |request| {
            let forwarder = forwarder.clone();
            async move { forwarder.pass(request).await }
        });
        (address, spawn(&clock.shared(), serve(clock.shared(), listener, router)))
    }

    fn wish(&self, refusal: &Refusal) {
        let example = refusal.example.iter().map(|name| format!(", example={name}"));
        let wish = format!("code={}{}", refusal.status, example.collect::<String>());
        *self.wish.lock().unwrap() = wish;
    }

    async fn pass(&self, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let body = to_bytes(body, 1024 * 1024).await.unwrap();
        let url = format!("{}{}", self.mock, parts.uri);
        let wish = self.wish.lock().unwrap().clone();
        let mut onward = timonel_http::Request::new(parts.method, &url)
            .unwrap()
            .header(HeaderName::from_static("prefer"), HeaderValue::from_str(&wish).unwrap());
        if let Some(key) = parts.headers.get(header::AUTHORIZATION) {
            onward = onward.header(header::AUTHORIZATION, key.clone());
        }
        if let Some(kind) = parts.headers.get(header::CONTENT_TYPE) {
            onward = onward.body(kind.clone(), body);
        }
        let answer = self.http.send(onward).await.unwrap();
        let mut response = (answer.status, answer.body).into_response();
        for (name, value) in &answer.headers {
            // These are about Prism's connection, not about its answer.
            if ![header::CONNECTION, header::TRANSFER_ENCODING, header::CONTENT_LENGTH].contains(name) {
                response.headers_mut().insert(name, value.clone());
            }
        }
        response
    }
}

#[test]
fn every_documented_refusal_is_told_as_what_it_is() {
    let Some(official) = Official::open() else { return };
    drive(Speed::Max, |clock| async move {
        let Some(mock) = official.mock(&clock).await else {
            return;
        };
        let forwarder = Forwarder::new(mock.url());
        let (address, serving) = forwarder.serve(&clock).await;
        let (mut reads, mut writes) = (Vec::new(), Vec::new());
        for call in ours() {
            for refusal in official.refusals(call.method, call.path) {
                forwarder.wish(&refusal);
                // One that remembers nothing of what the provider said before.
                let account = account(clock.shared(), &address);
                let place = format!("{} {} {refusal:?}", call.method, call.path);
                match (call.ask)(account, Named::anything()).await {
                    Ok(_) => panic!("{place}: taken for a success"),
                    Err(error) => holds(&place, &refusal, &error),
                }
                if call.writes { &mut writes } else { &mut reads }.push((refusal.status, refusal.example));
            }
        }
        serving.abort();
        for status in [401, 422, 429] {
            assert!(
                reads.iter().any(|(seen, _)| *seen == status),
                "no read was answered {status}"
            );
            assert!(
                writes.iter().any(|(seen, _)| *seen == status),
                "no write was answered {status}"
            );
        }
        let full = Some("Maximum jobs allowed".to_owned());
        assert!(
            writes.contains(&(422, full)),
            "the account's limit of open jobs was not among them"
        );
        println!("{} refusals of reads, {} of writes", reads.len(), writes.len());
    });
}

/// The kind of the error by its status, how long to wait, and the example's own words in what people get to see.
fn holds(place: &str, refusal: &Refusal, error: &AccountError) {
    let kind = match refusal.status {
        401 => matches!(error, AccountError::Unauthenticated { .. }),
        403 => matches!(error, AccountError::Forbidden { .. }),
        404 => matches!(error, AccountError::Missing { .. }),
        429 => matches!(error, AccountError::Throttled { retry_after, .. } if *retry_after == Some(RETRY_AFTER)),
        400 | 422 => matches!(error, AccountError::Refused { status, .. } if *status == refusal.status),
        500 | 503 => matches!(error, AccountError::Unavailable { status, .. } if *status == refusal.status),
        other => panic!("{place}: nothing says what {other} is to be"),
    };
    assert!(kind, "{place}: {error:?}");
    assert!(!error.may_have_acted() || refusal.status >= 500, "{place}: {error:?}");
    let shown = error.to_string();
    let first = &refusal.body["errors"][0];
    for field in ["code", "title", "detail"] {
        if let Some(words) = first[field].as_str() {
            assert!(shown.contains(words), "{place}: `{words}` is not in `{shown}`");
        }
    }
    if let Some(pointer) = first["source"]["pointer"].as_str() {
        assert!(shown.contains(pointer), "{place}: {pointer} is not in `{shown}`");
    }
}
