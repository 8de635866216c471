//! A clock that a test moves, a server that says what a test wants, and ears for what is logged meanwhile.

use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::Response;
use axum::routing::any;
use timonel_domain::time::{Mono, Timestamp};
use timonel_ports::clock::{Busy, Clock, InFlight, SharedClock, Sleep, SystemClock};
use timonel_ports::task;
use timonel_telnyx::account::{Access, Account, AccountError, Urgency};
use timonel_telnyx::api;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

pub(crate) const KEY: &str = "KEY0123456789ABCDEF_s3cr3tPart";
pub(crate) const START: &str = "2026-11-22T01:00:00Z";

/// Time stands still until a test moves it; sleepers wake when it passes them.
#[derive(Debug)]
pub(crate) struct Hands {
    passed: watch::Sender<Duration>,
    sleepers: watch::Sender<Vec<Duration>>,
}

impl Hands {
    pub(crate) fn at_start() -> Arc<Self> {
        Arc::new(Self {
            passed: watch::Sender::new(Duration::ZERO),
            sleepers: watch::Sender::new(Vec::new()),
        })
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.passed.send_modify(|passed| *passed += by);
    }

    /// Waits until somebody sleeps until exactly `after` from the start.
    pub(crate) async fn somebody_sleeps_until(&self, after: Duration) {
        let mut sleepers = self.sleepers.subscribe();
        sleepers.wait_for(|sleepers| sleepers.contains(&after)).await.unwrap();
    }

    /// How often somebody slept until exactly `after` from the start.
    pub(crate) fn sleeps_until(&self, after: Duration) -> usize {
        self.sleepers.borrow().iter().filter(|at| **at == after).count()
    }
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        START.parse::<Timestamp>().unwrap() + *self.passed.borrow()
    }
    fn mono(&self) -> Mono {
        Mono::from_micros(0) + *self.passed.borrow()
    }
    fn sleep_until(&self, at: Mono) -> Sleep {
        let after = at.saturating_since(Mono::from_micros(0));
        let (sleepers, mut passed) = (self.sleepers.clone(), self.passed.subscribe());
        Box::pin(async move {
            sleepers.send_modify(|sleepers| sleepers.push(after));
            // It fails only where the clock is gone, and the account holds it.
            passed.wait_for(|passed| *passed >= after).await.ok();
        })
    }
    fn busy(&self) -> Busy {
        Busy::uncounted()
    }
    fn request(&self) -> InFlight {
        InFlight::uncounted(1)
    }
}

/// A request as the server got it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) method: String,
    pub(crate) path: String,
    /// Decoded, in the order in which it came.
    pub(crate) query: Vec<(String, String)>,
    pub(crate) authorization: String,
    pub(crate) body: String,
}

impl Heard {
    pub(crate) fn asked(&self, key: &str) -> Option<&str> {
        let found = self.query.iter().find(|(name, _)| name == key);
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn page(&self) -> usize {
        self.asked("page[number]").map_or(1, |page| page.parse().unwrap())
    }
}

/// What the server says.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
    /// Never answers.
    silent: bool,
}

impl Reply {
    pub(crate) fn new(status: u16, body: impl ToString) -> Self {
        Self {
            status,
            headers: vec![("content-type", "application/json".to_owned())],
            body: body.to_string(),
            silent: false,
        }
    }

    pub(crate) fn silence() -> Self {
        let mut reply = Self::new(200, "");
        reply.silent = true;
        reply
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.to_string()));
        self
    }

    /// With the three headers of a limit; `reset` in whichever reading.
    pub(crate) fn left(self, limit: u64, remaining: u64, reset: i64) -> Self {
        self.with("x-ratelimit-limit", limit)
            .with("x-ratelimit-remaining", remaining)
            .with("x-ratelimit-reset", reset)
    }
}

/// The contract's own example of a balance.
pub(crate) fn balance() -> Reply {
    Reply::new(
        200,
        r#"{"data":{"record_type":"balance","balance":"300.00","credit_limit":"100.00","available_credit":"400.00","pending":"10.00","currency":"USD"}}"#,
    )
}

/// The contract's own example of a 429.
pub(crate) fn too_many() -> Reply {
    Reply::new(
        429,
        r#"{"errors":[{"code":"10011","title":"Too many requests","detail":"You have exceeded the maximum number of allowed requests."}]}"#,
    )
}

/// An account whose provider is a server of the test.
pub(crate) struct World {
    pub(crate) clock: Arc<Hands>,
    pub(crate) account: Account,
    heard: Arc<Mutex<Vec<Heard>>>,
}

impl World {
    /// Every request is answered with what `say` makes of it and of how many came before it.
    pub(crate) async fn start(say: impl Fn(&Heard, usize) -> Reply + Send + Sync + 'static) -> Self {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let address = serve(heard.clone(), Arc::new(say)).await;
        let clock = Hands::at_start();
        let account = account(clock.clone(), &format!("http://{address}"));
        Self { clock, account, heard }
    }

    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.heard.lock().unwrap().len()
    }

    /// The cheapest request.
    pub(crate) async fn balance(&self, urgency: Urgency) -> Result<api::Balance, AccountError> {
        api::balance(&self.account, urgency).await
    }
}

pub(crate) fn account(clock: SharedClock, base: &str) -> Account {
    ears();
    Account::new(
        clock,
        Access {
            name: "principal".to_owned(),
            base: base.to_owned(),
            key: KEY.into(),
        },
    )
    .unwrap()
}

type Say = Arc<dyn Fn(&Heard, usize) -> Reply + Send + Sync>;

async fn serve(heard: Arc<Mutex<Vec<Heard>>>, say: Say) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answer = move |request: Request| {
        let (heard, say) = (heard.clone(), say.clone());
        async move {
            let request = hear(request).await;
            let before = {
                let mut heard = heard.lock().unwrap();
                heard.push(request.clone());
                heard.len() - 1
            };
            let reply = say(&request, before);
            if reply.silent {
                std::future::pending::<()>().await;
            }
            let mut response = Response::builder().status(reply.status);
            for (name, value) in reply.headers {
                response = response.header(name, value);
            }
            response.body(Body::from(reply.body)).unwrap()
        }
    };
    let router = Router::new().fallback(any(answer));
    // It ends with the runtime of its test.
    let _serving = task::spawn(
        &SystemClock::shared(),
        async move { axum::serve(listener, router).await },
    );
    address
}

async fn hear(request: Request) -> Heard {
    let (head, body) = request.into_parts();
    let query = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&head.uri).unwrap();
    let authorization = head.headers.get("authorization").map(|value| value.to_str().unwrap());
    Heard {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: query.0,
        authorization: authorization.unwrap_or_default().to_owned(),
        body: String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap(),
    }
}

/// All that was logged so far. The listener is the whole program's: one of a single test would miss what another test's
/// thread met first.
pub(crate) fn logged() -> String {
    ears().0.lock().unwrap().clone()
}

fn ears() -> &'static Ears {
    static EARS: OnceLock<Ears> = OnceLock::new();
    EARS.get_or_init(|| {
        let ears = Ears::default();
        tracing::subscriber::set_global_default(ears.clone()).unwrap();
        ears
    })
}

/// Keeps every event and span of every level as text.
#[derive(Clone, Default)]
struct Ears(Arc<Mutex<String>>);

struct Words<'a>(&'a mut String);

impl Visit for Words<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        write!(self.0, "{}={value:?} ", field.name()).unwrap();
    }
}

impl Subscriber for Ears {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut Words(&mut self.0.lock().unwrap()));
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut Words(&mut self.0.lock().unwrap()));
    }
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        event.record(&mut Words(&mut self.0.lock().unwrap()));
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}
