//! One address for the simulated accounts of a test, which come and go: Prism is told of its upstream once, when it starts.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use timonel_ports::task::{Task, spawn};
use timonel_simulator::cluster::serve;
use timonel_simulator::time::VirtualClock;
use tower::ServiceExt;

/// The address, and whoever answers there now.
pub(super) struct Front {
    url: String,
    behind: Arc<Mutex<Option<Router>>>,
    serving: Task<Infallible>,
}

impl Front {
    /// Listens; nobody answers yet.
    pub(super) async fn open(clock: &VirtualClock) -> Self {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let behind = Arc::<Mutex<Option<Router>>>::default();
        let seen = behind.clone();
        let router = Router::new().fallback(move |request: Request| {
            let now = seen.lock().unwrap().clone();
            async move { pass(now, request).await }
        });
        let serving = spawn(&clock.shared(), serve(clock.shared(), listener, router));
        Self { url, behind, serving }
    }

    /// Such as `http://127.0.0.1:4010`.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// From now on `router` answers.
    pub(super) fn put(&self, router: Router) {
        *self.behind.lock().unwrap() = Some(router);
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn pass(behind: Option<Router>, request: Request) -> Response {
    match behind {
        Some(router) => router.oneshot(request).await.into_response(),
        None => StatusCode::BAD_GATEWAY.into_response(),
    }
}
