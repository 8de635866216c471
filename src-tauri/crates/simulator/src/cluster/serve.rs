//! Serving a router on a listener so that connections can also end without an answer.
//!
//! Plain HTTP/1.1 on loopback; no TLS.

use std::convert::Infallible;
use std::io;
use std::time::UNIX_EPOCH;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use timonel_domain::time::Timestamp;
use timonel_ports::clock::SharedClock;
use timonel_ports::task;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// As an extension of a response: send nothing and close the connection. Only [`serve`] obeys it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hangup;

impl IntoResponse for Hangup {
    fn into_response(self) -> Response {
        let mut response = StatusCode::BAD_GATEWAY.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Serves `router` for as long as this is polled; dropping it closes the listener and every connection.
///
/// Answers carry the `Date` of `clock`, so that a client which compares clocks finds them equal.
pub async fn serve(clock: SharedClock, listener: TcpListener, router: Router) -> Infallible {
    let stop = CancellationToken::new();
    let _stop_at_drop = stop.clone().drop_guard();
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            // The client has gone again, or descriptors ran out for a moment; the listener itself stays good.
            Err(error) => {
                tracing::debug!(%error, "a connection could not be accepted");
                tokio::task::yield_now().await;
                continue;
            }
        };
        let (router, stop, date) = (router.clone(), stop.clone(), clock.clone());
        task::spawn(&clock, async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = connection(date, stream, router) => {}
            }
        });
    }
}

async fn connection(clock: SharedClock, stream: TcpStream, router: Router) {
    let answer = |request: http::Request<hyper::body::Incoming>| {
        let (router, clock) = (router.clone(), clock.clone());
        async move {
            let Ok(mut response) = router.oneshot(request.map(Body::new)).await;
            if response.extensions().get::<Hangup>().is_some() {
                return Err(io::Error::from(io::ErrorKind::ConnectionReset));
            }
            if let Ok(date) = HeaderValue::from_str(&http_date(clock.now())) {
                response.headers_mut().insert(header::DATE, date);
            }
            Ok(response)
        }
    };
    let done = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service_fn(answer))
        .await;
    if let Err(error) = done {
        tracing::debug!(%error, "a connection ended early");
    }
}

fn http_date(at: Timestamp) -> String {
    httpdate::fmt_http_date(UNIX_EPOCH + at.since(Timestamp::default()))
}
