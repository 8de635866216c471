//! A cluster on a socket, driven in virtual time, and a raw HTTP/1.1 client that keeps the clock's books as `crate http` does.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use timonel_domain::time::Mono;
use timonel_ports::clock::{Clock, InFlight, InFlightNote, REQUEST_ID_HEADER};
use timonel_ports::mailbox::{Receiver, Sender, mailbox};
use timonel_ports::task::spawn;
use timonel_simulator::cluster::{Cluster, serve};
use timonel_simulator::time::{Speed, VirtualClock, drive};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub const TOKEN: &str = "right-token";
pub const VS: &str = "/apis/networking.istio.io/v1/namespaces/ivr/virtualservices/ivr-agent";
pub const VSS: &str = "/apis/networking.istio.io/v1/namespaces/ivr/virtualservices";
pub const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/ivr/leases";
pub const LEASE: &str = "/apis/coordination.k8s.io/v1/namespaces/ivr/leases/timonel-operator";
pub const JSON_PATCH: &str = "application/json-patch+json";
pub const MERGE_PATCH: &str = "application/merge-patch+json";
pub const STRATEGIC: &str = "application/strategic-merge-patch+json";

/// A served cluster.
#[derive(Clone)]
pub struct Stage {
    pub clock: VirtualClock,
    pub cluster: Cluster,
    pub address: SocketAddr,
}

/// What came back.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub code: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.body))
    }

    pub fn weights(&self) -> Vec<i64> {
        weights(&self.json())
    }
}

pub fn weights(object: &Value) -> Vec<i64> {
    let routes = object["spec"]["http"][0]["route"].as_array().unwrap();
    routes.iter().map(|r| r["weight"].as_i64().unwrap_or(0)).collect()
}

/// Sets both weights, as a JSON patch.
pub fn shift(stable: i64, canary: i64) -> String {
    json!([
        {"op": "add", "path": "/spec/http/0/route/0/weight", "value": stable},
        {"op": "add", "path": "/spec/http/0/route/1/weight", "value": canary},
    ])
    .to_string()
}

/// Runs `work` against a cluster with the notes' sample objects, as fast as the machine can.
pub fn on_stage<F: Future>(seed: u64, work: impl FnOnce(Stage) -> F) -> F::Output {
    let start = "2026-11-21T23:26:03Z".parse().unwrap();
    drive(start, Speed::Max, |clock| async move {
        let cluster = Cluster::new(clock.clone(), seed, TOKEN);
        for object in samples() {
            cluster.insert(object).unwrap();
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = serve(clock.shared(), listener, cluster.router());
        let stage = Stage {
            clock,
            cluster,
            address,
        };
        tokio::select! {
            out = work(stage) => out,
            _ = serving => unreachable!("serves until it is dropped"),
        }
    })
}

fn samples() -> [Value; 5] {
    let labels = json!({"app": "ivr-agent", "color": "blue"});
    [
        json!({"apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
        "metadata": {"name": "ivr-agent", "namespace": "ivr", "labels": {"team": "voice"}, "annotations": {"a": "b"}},
        "spec": {"hosts": ["ivr-agent"], "http": [
            {"name": "primary", "match": [{"uri": {"prefix": "/texml"}}], "timeout": "5s",
                "retries": {"attempts": 2, "perTryTimeout": "2s"},
                "route": [
                    {"destination": {"host": "ivr-agent", "subset": "stable"}, "weight": 95},
                    {"destination": {"host": "ivr-agent", "subset": "canary"}, "weight": 5,
                        "headers": {"request": {"add": {"x-canary": "1"}}}},
                ]},
            {"name": "fallback", "route": [{"destination": {"host": "ivr-agent", "subset": "stable"}}]},
        ]}}),
        json!({"apiVersion": "networking.istio.io/v1", "kind": "DestinationRule",
            "metadata": {"name": "ivr-agent", "namespace": "ivr"},
            "spec": {"host": "ivr-agent", "subsets": [{"name": "stable"}, {"name": "canary"}]}}),
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "ivr-agent", "namespace": "ivr"},
            "spec": {"selector": labels, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}}),
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "ivr-agent-blue", "namespace": "ivr"},
            "spec": {"replicas": 3, "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels},
                "spec": {"containers": [{"name": "agent", "image": "registry.local/ivr-agent:1.0.0", "ports": [{"containerPort": 8080}]}]}}}}),
        json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "timonel-operator", "namespace": "ivr"},
            "spec": {"holderIdentity": "console-1", "leaseDurationSeconds": 15, "leaseTransitions": 0,
                "acquireTime": "2026-11-21T22:00:00.000000Z", "renewTime": "2026-11-21T22:00:00.000000Z"}}),
    ]
}

/// The transcripts of a real API server; `None`, with a printed reason, where this clone has none.
pub fn transcript(file: &str) -> Option<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../../../shared/data/kubernetes/transcripts")
        .join(file);
    match std::fs::read_to_string(&path) {
        Ok(text) => Some(text),
        Err(error) => {
            println!("skipped: {} cannot be read ({error})", path.display());
            None
        }
    }
}

impl Stage {
    pub async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, "", "").await.unwrap()
    }

    pub async fn patch(&self, path: &str, media: &str, body: &str) -> Answer {
        self.call("PATCH", path, media, body).await.unwrap()
    }

    pub async fn call(&self, method: &str, path: &str, media: &str, body: &str) -> io::Result<Answer> {
        let bearer = format!("Authorization: Bearer {TOKEN}\r\nUser-Agent: test/1.0\r\n");
        self.call_as(&bearer, method, path, media, body).await
    }

    /// One request on a connection of its own; an error where the connection closes without an answer.
    pub async fn call_as(
        &self,
        headers: &str,
        method: &str,
        path: &str,
        media: &str,
        body: &str,
    ) -> io::Result<Answer> {
        let flight = self.clock.request();
        let mut stream = self.send(&flight, headers, method, path, media, body).await?;
        let mut text = Vec::new();
        stream.read_to_end(&mut text).await?;
        let text = String::from_utf8(text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
        let code = head.split(' ').nth(1).unwrap().parse().unwrap();
        Ok(Answer {
            code,
            head: head.to_lowercase(),
            body: body.to_owned(),
        })
    }

    async fn send(
        &self,
        flight: &InFlight,
        headers: &str,
        method: &str,
        path: &str,
        media: &str,
        body: &str,
    ) -> io::Result<TcpStream> {
        let mut stream = TcpStream::connect(self.address).await?;
        let media = if media.is_empty() {
            String::new()
        } else {
            format!("Content-Type: {media}\r\n")
        };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{REQUEST_ID_HEADER}: {}\r\n{headers}{media}Content-Length: {}\r\n\r\n{body}",
            self.address,
            flight.id(),
            body.len()
        );
        stream.write_all(request.as_bytes()).await?;
        Ok(stream)
    }

    /// Opens a watch that is read by a task of its own. Every event comes with the virtual time at which it was read;
    /// the last thing to come is `Null`, with `{"torn": true}` before it where the stream did not end as it should.
    ///
    /// As everywhere, what lies unread in the mailbox holds up time: whoever has several watches reads them from one.
    pub fn watch(&self, query: &str) -> Receiver<(Mono, Value)> {
        let (sender, receiver) = mailbox(&self.clock.shared());
        self.watch_into(sender, query);
        receiver
    }

    /// As [`Stage::watch`], into a mailbox that may be others' too.
    pub fn watch_into(&self, sender: Sender<(Mono, Value)>, query: &str) {
        let (stage, path) = (self.clone(), format!("{VSS}?watch=1&{query}"));
        spawn(&self.clock.shared(), async move {
            let flight = stage.clock.request();
            let bearer = format!("Authorization: Bearer {TOKEN}\r\n");
            let mut stream = stage.send(&flight, &bearer, "GET", &path, "", "").await.unwrap();
            let mut raw = Vec::new();
            let mut read = 0;
            loop {
                flight.note(InFlightNote::Waiting);
                let more = stream.read_buf(&mut raw).await;
                flight.note(InFlightNote::Working);
                let (text, whole) = unchunk(&raw);
                let lines: Vec<&str> = text.split_inclusive('\n').filter(|line| line.ends_with('\n')).collect();
                for line in lines.iter().skip(read) {
                    sender
                        .send((stage.clock.mono(), serde_json::from_str(line).unwrap()))
                        .unwrap();
                    flight.note(InFlightNote::Read(line.len() as u64));
                }
                read = lines.len();
                if whole || matches!(more, Ok(0) | Err(_)) {
                    if !whole {
                        let _ = sender.send((stage.clock.mono(), json!({"torn": true})));
                    }
                    let _ = sender.send((stage.clock.mono(), Value::Null));
                    return;
                }
            }
        });
    }

    /// Milliseconds of virtual time that have passed.
    pub fn millis(&self) -> u64 {
        self.clock.mono().micros() / 1000
    }

    pub async fn sleep(&self, secs: u64) {
        timonel_ports::clock::sleep(&self.clock, Duration::from_secs(secs)).await;
    }
}

/// The body of a chunked answer as far as it has come, and whether it is whole.
fn unchunk(raw: &[u8]) -> (String, bool) {
    let raw = std::str::from_utf8(raw).unwrap();
    let Some((_, mut rest)) = raw.split_once("\r\n\r\n") else {
        return (String::new(), false);
    };
    let mut body = String::new();
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            return (body, true);
        }
        let Some(chunk) = after.get(..size) else { break };
        body.push_str(chunk);
        let Some(after) = after.get(size + 2..) else { break };
        rest = after;
    }
    (body, false)
}
