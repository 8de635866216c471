//! Answers of an API server, or of whatever answered in its place: read or refused in time, and what is read as the canary's
//! share is never less than what the object itself says, by whatever reader.

#![allow(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use timonel_domain::rollout::Generation;
use timonel_domain::time::{Mono, Timestamp};
use timonel_domain::value::{TargetId, Weight};
use timonel_hostile::fuzz;
use timonel_kubernetes::{Access, Connection, Destination, Spec, VirtualService};
use timonel_ports::clock::{Busy, Clock, InFlight, SharedClock, Sleep, SystemClock};
use timonel_ports::target::{Goal, Target};
use timonel_ports::task::spawn;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

const GROUP: &str = r#"{"kind":"APIGroup","apiVersion":"v1","name":"networking.istio.io","versions":[{"groupVersion":"networking.istio.io/v1beta1","version":"v1beta1"},{"groupVersion":"networking.istio.io/v1","version":"v1"}]}"#;
const OBJECTS: [&str; 4] = [
    r#"{"apiVersion":"networking.istio.io/v1","kind":"VirtualService","metadata":{"name":"casos-vs","namespace":"prod","resourceVersion":"712","annotations":{"timonel.dev/rollback":"3.1","timonel.dev/raised":"2.0"},"managedFields":[{"manager":"kubectl-edit","operation":"Update","time":"2026-11-22T01:00:00Z"}]},"spec":{"hosts":["casos"],"http":[{"name":"casos","route":[{"destination":{"host":"casos","subset":"stable"},"weight":75},{"destination":{"host":"casos","subset":"canary"},"weight":25}]},{"route":[{"destination":{"host":"other"}}]}]}}"#,
    r#"{"apiVersion":"networking.istio.io/v1beta1","kind":"VirtualService","metadata":{"name":"casos-vs","namespace":"prod","resourceVersion":"9"},"spec":{"http":[{"name":"casos","route":[{"destination":{"host":"casos","subset":"stable"}}]}]}}"#,
    r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"virtualservices.networking.istio.io \"casos-vs\" not found","reason":"NotFound","details":{"name":"casos-vs","kind":"virtualservices","causes":[{"reason":"x","message":"y"}]},"code":404}"#,
    r#"{"kind":"Status","apiVersion":"v1","status":"Failure","message":"admission webhook \"v.istio.io\" denied the request: weight","code":400}"#,
];
const EVENTS: [&str; 2] = [
    "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"VirtualService\",\"apiVersion\":\"networking.istio.io/v1\",\"metadata\":{\"resourceVersion\":\"713\"}}}\n\
     {\"type\":\"MODIFIED\",\"object\":{\"kind\":\"VirtualService\",\"apiVersion\":\"networking.istio.io/v1\",\"metadata\":{\"name\":\"casos-vs\",\"resourceVersion\":\"714\"},\"spec\":{}}}\n",
    "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"message\":\"too old resource version\",\"reason\":\"Expired\",\"code\":410}}\n",
];

/// The machine's clock, which tells when somebody pauses between two attempts.
#[derive(Debug)]
struct Pausing {
    inner: SharedClock,
    paused: Notify,
}

impl Clock for Pausing {
    fn now(&self) -> Timestamp {
        self.inner.now()
    }
    fn mono(&self) -> Mono {
        self.inner.mono()
    }
    fn sleep_until(&self, at: Mono) -> Sleep {
        // Every deadline is longer.
        if at.saturating_since(self.mono()) <= Duration::from_millis(500) {
            self.paused.notify_one();
        }
        self.inner.sleep_until(at)
    }
    fn busy(&self) -> Busy {
        Busy::uncounted()
    }
    fn request(&self) -> InFlight {
        InFlight::uncounted(1)
    }
}

/// What is said next: to a reader of the object with its status, to a watch.
#[derive(Default)]
struct Says {
    status: u16,
    object: Vec<u8>,
    events: Vec<u8>,
}

/// An API server that knows its group and says the rest as it is told.
async fn server(says: Arc<Mutex<Says>>) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let clock = SystemClock::shared();
    let accepting = clock.clone();
    drop(spawn(&clock, async move {
        while let Ok((stream, _)) = listener.accept().await {
            let says = says.clone();
            drop(spawn(&accepting, async move { drop(serve(stream, &says).await) }));
        }
    }));
    address
}

async fn serve(mut stream: TcpStream, says: &Mutex<Says>) -> std::io::Result<()> {
    let mut read = Vec::new();
    loop {
        while !read.ends_with(b"\r\n\r\n") {
            if stream.read_buf(&mut read).await? == 0 {
                return Ok(());
            }
        }
        let head = String::from_utf8_lossy(&std::mem::take(&mut read)).into_owned();
        let (status, body) = if head.starts_with("GET /apis/networking.istio.io HTTP") {
            (200, GROUP.as_bytes().to_vec())
        } else {
            let says = says.lock().unwrap();
            match head.contains("watch=true") {
                true => (200, says.events.clone()),
                false => (says.status, says.object.clone()),
            }
        };
        let head = format!(
            "HTTP/1.1 {status} So\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(&body).await?;
    }
}

async fn target(address: SocketAddr, clock: SharedClock) -> VirtualService {
    let kubeconfig = json!({"apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": format!("http://{address}")}}],
        "users": [{"name": "c", "user": {"token": "very-secret"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}]});
    let access = Access::Text(kubeconfig.to_string().into());
    let connection = Connection::open(&access, None, clock).await.unwrap();
    let destination = |subset: &str| Destination {
        host: "casos".into(),
        subset: Some(subset.into()),
    };
    let spec = Spec {
        id: TargetId::new("mesh").unwrap(),
        namespace: "prod".into(),
        name: "casos-vs".into(),
        routes: vec!["casos".into()],
        stable: destination("stable"),
        canary: destination("canary"),
    };
    VirtualService::new(spec, connection).unwrap()
}

/// What the canary gets of the named route by a reader that knows nothing of ours, in percent; `None` where the object is not
/// of the plain form.
fn share(object: &[u8]) -> Option<f64> {
    let object: Value = serde_json::from_slice(object).ok()?;
    let mut routes = object["spec"]["http"]
        .as_array()?
        .iter()
        .filter(|http| http["name"] == "casos");
    let (route, None) = (routes.next()?["route"].as_array()?, routes.next()) else {
        return None;
    };
    let weight = |way: &Value| way["weight"].as_i64().filter(|weight| (0..=1_000_000).contains(weight));
    let weights = route.iter().map(weight).collect::<Option<Vec<i64>>>()?;
    let all: i64 = weights.iter().sum();
    let canary = json!({"host": "casos", "subset": "canary"});
    let pairs = route
        .iter()
        .zip(&weights)
        .filter(|(way, _)| way["destination"] == canary);
    let canary: i64 = pairs.map(|(_, weight)| weight).sum();
    (all > 0).then(|| canary as f64 * 100.0 / all as f64)
}

#[test]
fn answers_of_an_api_server() {
    assert_eq!(share(OBJECTS[0].as_bytes()), Some(25.0));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let says = Arc::new(Mutex::new(Says::default()));
    let address = runtime.block_on(server(says.clone()));
    let target = runtime.block_on(target(address, SystemClock::shared()));
    let generation = Generation { epoch: 9, revision: 0 };
    fuzz!(
        OBJECTS,
        |bytes: &[u8]| {
            let status = [200, 200, 200, 200, 404, 409, 422, 500][bytes.len() % 8];
            *says.lock().unwrap() = Says {
                status,
                object: bytes.to_vec(),
                events: Vec::new(),
            };
            match runtime.block_on(target.read()) {
                Ok(read) => {
                    assert_eq!(status, 200);
                    if let Some(share) = share(bytes) {
                        let ours = read.weight.as_percent();
                        assert!(ours >= share - 1e-9 && ours < share + 0.01, "{ours} for {share}");
                    }
                    for goal in [
                        Goal::lower(Weight::ZERO, generation),
                        Goal::raise(Weight::percent(5), generation),
                    ] {
                        drop(target.plan(&goal, &read));
                    }
                }
                Err(error) => {
                    let said = error.to_string();
                    assert!(said.contains("casos-vs"), "it names what was asked: {said}");
                    assert!(
                        said.len() < 4_000 && !said.contains("very-secret"),
                        "{} bytes for people",
                        said.len()
                    );
                }
            }
        },
        200
    );
}

#[test]
fn events_of_a_watch() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let says = Arc::new(Mutex::new(Says::default()));
    let address = runtime.block_on(server(says.clone()));
    fuzz!(
        EVENTS,
        |bytes: &[u8]| {
            *says.lock().unwrap() = Says {
                status: 200,
                object: OBJECTS[0].as_bytes().to_vec(),
                events: bytes.to_vec(),
            };
            runtime.block_on(async {
                let clock = Arc::new(Pausing {
                    inner: SystemClock::shared(),
                    paused: Notify::new(),
                });
                let target = target(address, clock.clone()).await;
                target.read().await.unwrap();
                // Where nothing is said that concerns it, it waits and opens the watch again.
                tokio::select! {
                    _ = target.changed() => {}
                    () = clock.paused.notified() => {}
                }
            });
        },
        40
    );
}
