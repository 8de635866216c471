//! What of the connection only a socket shows: what is sent, how often, what virtual time is told. Against a server that
//! plays a script of answers and knows nothing of Kubernetes.

#![allow(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use timonel_domain::rollout::Generation;
use timonel_domain::time::{Mono, Timestamp};
use timonel_domain::value::{TargetId, Weight};
use timonel_kubernetes::{Access, Connection, Destination, KubernetesError, Spec, VirtualService};
use timonel_ports::clock::{Busy, Clock, InFlight, InFlightNote, SharedClock, Sleep, SystemClock, within};
use timonel_ports::target::{Goal, Target, TargetError};
use timonel_ports::task::{Task, spawn};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// The machine's clock, and a record of what it was told of requests.
#[derive(Debug)]
struct Recording {
    inner: SharedClock,
    next: AtomicU64,
    notes: Notes,
}

type Notes = Arc<Mutex<Vec<(u64, InFlightNote)>>>;

impl Clock for Recording {
    fn now(&self) -> Timestamp {
        self.inner.now()
    }
    fn mono(&self) -> Mono {
        self.inner.mono()
    }
    fn sleep_until(&self, at: Mono) -> Sleep {
        self.inner.sleep_until(at)
    }
    fn busy(&self) -> Busy {
        Busy::uncounted()
    }
    fn request(&self) -> InFlight {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let notes = self.notes.clone();
        InFlight::new(id, move |note| notes.lock().unwrap().push((id, note)))
    }
}

/// What the server does with one request.
enum Act {
    /// Writes these bytes.
    Say(Vec<u8>),
    /// Writes what comes, until there is no more.
    Stream(mpsc::UnboundedReceiver<Vec<u8>>),
    /// Closes the connection.
    Close,
}

fn answer(status: &str, headers: &str, body: &str) -> Act {
    Act::Say(
        format!(
            "HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes(),
    )
}

fn ok(body: &Value) -> Act {
    answer("200 OK", "content-type: application/json\r\n", &body.to_string())
}

fn group() -> Act {
    ok(
        &json!({"kind": "APIGroup", "apiVersion": "v1", "name": "networking.istio.io",
        "versions": [{"groupVersion": "networking.istio.io/v1beta1", "version": "v1beta1"}, {"groupVersion": "networking.istio.io/v1", "version": "v1"}]}),
    )
}

fn object(version: u32, canary: u8) -> Value {
    let way = |subset: &str, weight: u8| json!({"destination": {"host": "casos", "subset": subset}, "weight": weight});
    json!({"kind": "VirtualService", "apiVersion": "networking.istio.io/v1",
        "metadata": {"name": "casos-vs", "namespace": "prod", "resourceVersion": version.to_string()},
        "spec": {"http": [{"name": "casos", "route": [way("stable", 100 - canary), way("canary", canary)]}]}})
}

/// A server that answers its requests with `script`, one act each, and keeps their heads.
struct Scripted {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
    serving: Task<io::Result<()>>,
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Scripted {
    async fn start(script: Vec<Act>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let kept = heads.clone();
        let serving = spawn(&SystemClock::shared(), async move {
            let mut script = script.into_iter();
            let mut open: Option<TcpStream> = None;
            loop {
                let mut stream = match open.take() {
                    Some(stream) => stream,
                    None => listener.accept().await?.0,
                };
                let Some(head) = request(&mut stream).await? else {
                    continue;
                };
                kept.lock().unwrap().push(head);
                match script.next() {
                    Some(Act::Say(bytes)) => {
                        stream.write_all(&bytes).await?;
                        open = Some(stream);
                    }
                    Some(Act::Stream(mut parts)) => {
                        while let Some(part) = parts.recv().await {
                            stream.write_all(&part).await?;
                        }
                        open = Some(stream);
                    }
                    Some(Act::Close) => drop(stream),
                    // More than the script has: the test counts the heads.
                    None => {
                        stream
                            .write_all(b"HTTP/1.1 418 I'm a teapot\r\ncontent-length: 0\r\n\r\n")
                            .await?
                    }
                }
            }
        });
        Self {
            address,
            heads,
            serving,
        }
    }

    async fn target(&self) -> (VirtualService, Notes) {
        let notes = Notes::default();
        let clock = Recording {
            inner: SystemClock::shared(),
            next: AtomicU64::new(41),
            notes: notes.clone(),
        };
        let server = format!("http://{}", self.address);
        let connection = Connection::open(&kubeconfig(&server), None, Arc::new(clock))
            .await
            .unwrap();
        (VirtualService::new(spec("prod"), connection).unwrap(), notes)
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

/// Reads one request; `None` where the connection ended.
async fn request(stream: &mut TcpStream) -> io::Result<Option<String>> {
    let mut read = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&read).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return Ok(Some(text));
            }
        }
        if stream.read_buf(&mut read).await? == 0 {
            return Ok(None);
        }
    }
}

fn kubeconfig(server: &str) -> Access {
    let text = json!({"apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "c", "user": {"token": "very-secret"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}]});
    Access::Text(text.to_string().into())
}

fn spec(namespace: &str) -> Spec {
    let destination = |subset: &str| Destination {
        host: "casos".into(),
        subset: Some(subset.into()),
    };
    Spec {
        id: TargetId::new("mesh").unwrap(),
        namespace: namespace.into(),
        name: "casos-vs".into(),
        routes: vec!["casos".into()],
        stable: destination("stable"),
        canary: destination("canary"),
    }
}

/// Polls `work`, which must not end, until something holds.
async fn until<T: std::fmt::Debug>(work: &mut (impl Future<Output = T> + Unpin), holds: impl Fn() -> bool) {
    let polled = async {
        while !holds() {
            tokio::select! {
                biased;
                out = &mut *work => panic!("ended early: {out:?}"),
                () = tokio::task::yield_now() => {}
            }
        }
    };
    within(&*SystemClock::shared(), Duration::from_secs(20), polled)
        .await
        .expect("what this test waits for");
}

#[tokio::test]
async fn every_request_carries_the_id_that_the_clock_knows() {
    let server = Scripted::start(vec![group(), ok(&object(7, 5)), ok(&object(7, 6))]).await;
    let (target, notes) = server.target().await;
    assert_eq!(target.read().await.unwrap().weight, Weight::percent(5));
    assert_eq!(target.read().await.unwrap().weight, Weight::percent(6));
    let heads = server.heads();
    let first = |head: &String| head.lines().next().unwrap().to_owned();
    let path = "GET /apis/networking.istio.io/v1/namespaces/prod/virtualservices/casos-vs HTTP/1.1";
    assert_eq!(
        heads.iter().map(first).collect::<Vec<_>>(),
        ["GET /apis/networking.istio.io HTTP/1.1", path, path]
    );
    for (head, id) in heads.iter().zip(41..) {
        assert!(head.contains(&format!("\r\nx-request-id: {id}\r\n")), "{head}");
        assert!(head.contains("\r\nauthorization: Bearer very-secret\r\n"), "{head}");
    }
    assert_eq!(*notes.lock().unwrap(), [41, 42, 43].map(|id| (id, InFlightNote::Done)));
}

/// kube would send these again on real time, up to 15 times.
#[tokio::test]
async fn nothing_is_sent_twice_behind_the_engines_back() {
    for (status, code) in [
        ("429 Too Many Requests", "target.throttled"),
        ("503 Service Unavailable", "target.unavailable"),
        ("504 Gateway Timeout", "target.unavailable"),
    ] {
        let server = Scripted::start(vec![group(), answer(status, "retry-after: 1\r\n", "slow down")]).await;
        let (target, _) = server.target().await;
        let error = target.read().await.unwrap_err();
        assert_eq!(error.code(), code);
        if let TargetError::Throttled { retry_after, .. } = error {
            assert_eq!(retry_after, Some(Duration::from_secs(1)));
        }
        assert_eq!(server.heads().len(), 2, "{status}");
    }
}

#[tokio::test]
async fn a_request_counts_until_its_answer_has_been_read_to_the_end() {
    let (say, parts) = mpsc::unbounded_channel();
    let server = Scripted::start(vec![group(), Act::Stream(parts)]).await;
    let (target, notes) = server.target().await;
    let body = object(7, 5).to_string();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let (half, rest) = body.split_at(body.len() / 2);
    say.send(format!("{head}{half}").into_bytes()).unwrap();
    let mut reading = Box::pin(target.read());
    // Polled until the server has our second request: the first half is on its way or has arrived.
    until(&mut reading, || server.heads().len() == 2).await;
    assert_eq!(*notes.lock().unwrap(), [(41, InFlightNote::Done)]);
    say.send(rest.as_bytes().to_vec()).unwrap();
    drop(say);
    reading.await.unwrap();
    assert_eq!(
        *notes.lock().unwrap(),
        [(41, InFlightNote::Done), (42, InFlightNote::Done)]
    );
}

#[tokio::test]
async fn an_endless_answer_is_not_read_to_its_end() {
    let page = "x".repeat(5 << 20);
    let server = Scripted::start(vec![group(), answer("200 OK", "", &page)]).await;
    let (target, _) = server.target().await;
    let error = target.read().await.unwrap_err();
    assert!(
        matches!(&error, TargetError::Garbled { detail, .. } if detail.contains("bytes")),
        "{error}"
    );
}

#[tokio::test]
async fn a_connection_that_breaks_says_why() {
    let server = Scripted::start(vec![group(), Act::Close]).await;
    let (target, _) = server.target().await;
    let error = target.read().await.unwrap_err();
    assert!(matches!(error, TargetError::Unreachable { .. }), "{error}");

    let port = TcpListener::bind(("127.0.0.1", 0))
        .await
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    for scheme in ["http", "https"] {
        let access = kubeconfig(&format!("{scheme}://127.0.0.1:{port}"));
        let connection = Connection::open(&access, None, SystemClock::shared()).await.unwrap();
        let error = VirtualService::new(spec("prod"), connection)
            .unwrap()
            .read()
            .await
            .unwrap_err();
        assert!(
            matches!(&error, TargetError::Unreachable { detail, .. } if detail.contains("refused")),
            "{error}"
        );
    }
}

/// Lines that come in pieces, two lines in one piece, silence in between: every byte is counted once, and the reader
/// says that it waits whenever it does.
#[tokio::test]
async fn a_watch_tells_the_clock_what_it_has_read_and_when_it_waits() {
    let (say, parts) = mpsc::unbounded_channel();
    let server = Scripted::start(vec![group(), ok(&object(7, 5)), Act::Stream(parts)]).await;
    let (target, notes) = server.target().await;
    target.read().await.unwrap();
    notes.lock().unwrap().clear();

    let event = |kind: &str, object: Value| format!("{}\n", json!({"type": kind, "object": object}));
    let bookmark =
        json!({"kind": "VirtualService", "apiVersion": "networking.istio.io/v1", "metadata": {"resourceVersion": "9"}});
    let known = event("MODIFIED", object(7, 5)) + &event("BOOKMARK", bookmark);
    let news = event("MODIFIED", object(12, 50));
    let (start, middle) = known.split_at(20);
    let (middle, end) = (middle.to_owned() + &news[..9], &news[9..]);
    let chunk = |part: &str| format!("{:x}\r\n{part}\r\n", part.len()).into_bytes();

    let mut changed = Box::pin(target.changed());
    say.send(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n".to_vec())
        .unwrap();
    let read = |notes: &Notes| -> u64 {
        let notes = notes.lock().unwrap();
        notes
            .iter()
            .map(|(_, note)| {
                if let InFlightNote::Read(bytes) = note {
                    *bytes
                } else {
                    0
                }
            })
            .sum()
    };
    let mut sent = 0;
    for part in [start, &middle] {
        say.send(chunk(part)).unwrap();
        sent += part.len() as u64;
        let waits = || {
            notes
                .lock()
                .unwrap()
                .last()
                .is_some_and(|(_, note)| *note == InFlightNote::Waiting)
        };
        until(&mut changed, || read(&notes) == sent && waits()).await;
    }
    say.send(chunk(end)).unwrap();
    changed.await.unwrap();
    let notes = notes.lock().unwrap();
    assert_eq!(notes.last().unwrap(), &(43, InFlightNote::Done));
    assert!(notes.iter().all(|(id, _)| *id == 43));
    // After what it has read the reader works, until it says otherwise.
    let reads = notes
        .windows(2)
        .filter(|pair| matches!(pair[1].1, InFlightNote::Read(_)));
    assert!(
        reads.clone().all(|pair| pair[0].1 == InFlightNote::Working),
        "{notes:?}"
    );
    assert!(reads.count() >= 3);
    let watch = server.heads().remove(2);
    for part in [
        "watch=true",
        "resourceVersion=7",
        "fieldSelector=metadata.name%3Dcasos-vs",
        "allowWatchBookmarks=true",
        "timeoutSeconds=290",
    ] {
        assert!(watch.lines().next().unwrap().contains(part), "{watch}");
    }
}

#[tokio::test]
async fn what_a_kubeconfig_lacks_is_said_before_anything_is_sent() {
    let clock = SystemClock::shared();
    let open = async |access: &Access, context| Connection::open(access, context, clock.clone()).await.unwrap_err();
    let error = open(&Access::File("/nowhere/kubeconfig".into()), None).await;
    assert!(
        matches!(error, KubernetesError::Read { .. }) && error.to_string().contains("/nowhere/kubeconfig"),
        "{error}"
    );
    let error = open(&Access::Text("}{".to_owned().into()), None).await;
    assert!(matches!(error, KubernetesError::Read { .. }), "{error}");
    let access = kubeconfig("http://127.0.0.1:1");
    let error = open(&access, Some("prod")).await;
    assert!(
        matches!(error, KubernetesError::Context { .. }) && error.to_string().contains("`prod`"),
        "{error}"
    );
    assert!(!format!("{access:?}").contains("very-secret"));
    for bad in ["", "a/b", "Prod", "..", "a?b"] {
        let connection = Connection::open(&access, None, clock.clone()).await.unwrap();
        assert!(
            matches!(
                VirtualService::new(spec(bad), connection),
                Err(KubernetesError::Name { .. })
            ),
            "{bad}"
        );
    }
}

/// What a cluster has to allow is read off what is sent to it, and held against what `deploy/` asks for.
#[tokio::test]
async fn the_role_of_deploy_allows_the_verbs_that_are_used_and_no_others() {
    let listed = json!({"kind": "VirtualServiceList", "apiVersion": "networking.istio.io/v1",
        "metadata": {"resourceVersion": "8"}, "items": [object(8, 5)]});
    let (_open, watched) = mpsc::unbounded_channel();
    let watching = Scripted::start(vec![group(), ok(&listed), Act::Stream(watched)]).await;
    let (target, _) = watching.target().await;
    let mut waiting = Box::pin(target.changed());
    until(&mut waiting, || {
        watching.heads().iter().any(|head| head.contains("watch="))
    })
    .await;

    let moving = Scripted::start(vec![group(), ok(&object(8, 5)), ok(&object(9, 0))]).await;
    let (target, _) = moving.target().await;
    let goal = Goal::lower(Weight::ZERO, Generation { epoch: 1, revision: 1 });
    let read = target.read().await.unwrap();
    for step in target.plan(&goal, &read).unwrap() {
        drop(target.start(&step).await);
    }

    let verb = |head: &String| {
        let mut words = head.lines().next()?.split(' ');
        let (method, path) = (words.next()?, words.next()?);
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let (_, object) = path.split_once("/virtualservices")?;
        Some(match method {
            "GET" if query.contains("watch=") => "watch".to_owned(),
            "GET" if object.is_empty() => "list".to_owned(),
            other => other.to_lowercase(),
        })
    };
    let heads = [watching.heads(), moving.heads()].concat();
    let used: BTreeSet<String> = heads.iter().filter_map(verb).collect();
    let role = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../deploy/target/role.yaml");
    let role = std::fs::read_to_string(role).unwrap();
    let verbs = role
        .lines()
        .find_map(|line| line.trim().strip_prefix("verbs: "))
        .unwrap();
    assert_eq!(
        used,
        serde_json::from_str::<BTreeSet<String>>(verbs).unwrap(),
        "{heads:#?}"
    );
    // By name, or a role that names its objects would not allow them.
    let by_name = |head: &&String| head.contains("/virtualservices?");
    assert!(
        heads
            .iter()
            .filter(by_name)
            .all(|head| head.contains("metadata.name%3Dcasos-vs")),
        "{heads:#?}"
    );
}
