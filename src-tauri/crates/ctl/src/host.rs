//! `ui-host`: the page of the window in an ordinary browser, over the same console and with the same rights.
//!
//! Loopback only. Whoever has the token may look and order; it is made anew at every start, stands in the fragment of the
//! printed address, and is compared in constant time. `Host` and `Origin` are held against our own address, so that no other
//! page in the same browser reaches us, by whatever name it calls us. Deliberately not here: what may be done and what is open,
//! which the console and the berth decide.

mod listen;
mod pages;
mod prompt;
mod socket;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, Request, State, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use sha2::{Digest, Sha256};
use timonel_bridge::berth::{Berth, Moorings};
use timonel_bridge::console::{Asker, Keys, Surface};
use timonel_bridge::credentials::Credentials;
use timonel_bridge::words::Words;
use timonel_ports::clock::SystemClock;
use tokio::net::TcpListener;

use crate::Failure;
use crate::args::UiHost;

pub(crate) use pages::BUILT;

/// What a page may load and reach: itself and its own socket, nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// A question is a few hundred bytes; a comment or a secret at most some thousand.
const LONGEST_MESSAGE: usize = 64 * 1024;

/// What every request is answered from.
#[derive(Clone)]
struct Host {
    berth: Berth,
    keys: Keys,
    asker: Asker,
    pages: Arc<pages::Pages>,
    token: Arc<str>,
    at: SocketAddr,
}

/// Serves until it is interrupted.
pub(crate) async fn serve(args: UiHost, words: &Words) -> Result<(), Failure> {
    let pages = pages::Pages::of(&args.pages)?;
    // First: whoever cannot be looked at takes nothing up and takes the helm from nobody.
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], args.port))).await?;
    let home = args.at.folder.path();
    let keys = Keys::new(Credentials::of_installation(&home));
    let berth = Berth::new(Moorings {
        home,
        store: args.at.store,
        helm: args.at.helm,
        kubeconfig: args.kubeconfig,
        program: "navegador",
        keys: keys.clone(),
        speed: Some(args.speed),
        virtual_operator: args.operator,
    });
    berth.begin(args.start.to_open()?).await;
    #[cfg(feature = "desktop")]
    drop(timonel_ports::task::spawn(
        &SystemClock::shared(),
        timonel_bridge::awake::keep(berth.clone()),
    ));
    // The page says it too, and what else can be opened.
    if let Err(error) = berth.console().await {
        complain!("timonelctl: {}", words.tell(&error.0));
    }
    let asker = Asker {
        surface: Surface::Browser,
        person: args.by,
    };
    let (router, address) = host(&listener, berth.clone(), keys, asker, pages)?;
    tell!("{}", words.say("ui-host-open", &[("address", address)]));
    let interrupted = async { drop(tokio::signal::ctrl_c().await) };
    tokio::select! {
        () = interrupted => {}
        () = listen::listen(listener, router, listen::Limits::default(), SystemClock::shared()) => {}
    }
    berth.close().await;
    Ok(())
}

/// The service on `listener`, and the address with its token that a person opens.
fn host(
    listener: &TcpListener,
    berth: Berth,
    keys: Keys,
    asker: Asker,
    pages: pages::Pages,
) -> Result<(Router, String), Failure> {
    let at = listener.local_addr()?;
    let mut token = [0u8; 32];
    getrandom::fill(&mut token).map_err(|error| Failure::Process(std::io::Error::other(error)))?;
    let token: String = token.iter().map(|byte| format!("{byte:02x}")).collect();
    let address = format!("http://{at}/#token={token}");
    let host = Host {
        berth,
        keys,
        asker,
        pages: Arc::new(pages),
        token: token.into(),
        at,
    };
    let router = Router::new()
        .route("/ws", get(upgrade))
        .fallback(get(page))
        .layer(middleware::from_fn_with_state(host.clone(), guard))
        .with_state(host);
    Ok((router, address))
}

/// Lets through only who calls us by our own address, from a page of ours or from no page at all.
async fn guard(State(host): State<Host>, request: Request, next: Next) -> Response {
    if !is_ours(request.headers(), host.at) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, value.parse().expect("a good header"));
    }
    response
}

/// A name that somebody else's DNS leads to us is not ours, and neither is a page of another address.
fn is_ours(headers: &HeaderMap, at: SocketAddr) -> bool {
    let names = [at.to_string(), format!("localhost:{}", at.port())];
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let host = text(header::HOST).is_some_and(|host| names.iter().any(|name| name == host));
    let origin = text(header::ORIGIN).is_none_or(|origin| {
        origin
            .strip_prefix("http://")
            .is_some_and(|origin| names.iter().any(|name| name == origin))
    });
    host && origin
}

/// What admits to the socket.
#[derive(serde::Deserialize)]
struct Admission {
    #[serde(default)]
    token: String,
}

async fn upgrade(State(host): State<Host>, Query(given): Query<Admission>, socket: WebSocketUpgrade) -> Response {
    // Over hashes, a comparison tells nothing about how much of the token was right.
    if Sha256::digest(given.token.as_bytes()) != Sha256::digest(host.token.as_bytes()) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    socket
        .max_message_size(LONGEST_MESSAGE)
        // A frame is kept whole before it counts as a message.
        .max_frame_size(LONGEST_MESSAGE)
        .on_upgrade(move |socket| socket::talk(socket, host.berth, host.keys, host.asker))
}

async fn page(State(host): State<Host>, request: Request) -> Response {
    match host.pages.read(request.uri().path()).await {
        Some((kind, bytes)) => ([(header::CONTENT_TYPE, kind)], bytes).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
