//! An account on a socket, driven in virtual time, and a raw HTTP/1.1 client that keeps the clock's books as `crate http` does.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use timonel_ports::clock::{Clock, REQUEST_ID_HEADER};
use timonel_simulator::cluster::serve;
use timonel_simulator::telnyx::book::{Book, NoCalls};
use timonel_simulator::telnyx::{
    ApplicationSetup, ConnectionKind, JobPace, KEY_OWNER, Limits, NumberSetup, Setup, Telnyx,
};
use timonel_simulator::time::{Speed, VirtualClock, drive};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub const KEY: &str = "KEY0123";
pub const STABLE: &str = "2150000000000000001";
pub const CANARY: &str = "2150000000000000002";
pub const VOICE_API: &str = "2150000000000000003";
pub const STABLE_URL: &str = "https://old.example.com/voice";
pub const CANARY_URL: &str = "https://new.example.com/voice";
pub const APPLICATION: &str = "/v2/texml_applications/2150000000000000002";
pub const JOBS: &str = "/v2/phone_numbers/jobs";
pub const POST_JOB: &str = "/v2/phone_numbers/jobs/update_phone_numbers";

/// A served account.
#[derive(Clone)]
pub struct Stage {
    pub clock: VirtualClock,
    pub telnyx: Telnyx,
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

    /// The one document, where the answer was good.
    pub fn data(&self) -> Value {
        assert!((200..300).contains(&self.code), "{self:?}");
        self.json()["data"].clone()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// Status, code, detail and pointer of the one error.
    pub fn error(&self) -> (u16, String, String, String) {
        let errors = self.json()["errors"].clone();
        assert_eq!(errors.as_array().unwrap().len(), 1, "{self:?}");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let error = &errors[0];
        assert_ne!(text(&error["title"]), "");
        let pointer = text(&error["source"]["pointer"]);
        (self.code, text(&error["code"]), text(&error["detail"]), pointer)
    }
}

pub fn id(at: usize) -> String {
    format!("26378163871{at:08}")
}

pub fn e164(at: usize) -> String {
    format!("+3491000{at:04}")
}

pub fn ids(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(id).collect()
}

/// `count` numbers on the stable application, quick answers, no limit.
pub fn setup(count: usize) -> Setup {
    let mut canary = ApplicationSetup::new(CANARY, "ivr new", CANARY_URL);
    canary.channel_limit = Some(10);
    canary.tags = vec!["voice".to_owned()];
    Setup {
        stable: ApplicationSetup::new(STABLE, "ivr old", STABLE_URL),
        canary,
        others: vec![(VOICE_API.to_owned(), ConnectionKind::CallControl)],
        numbers: (0..count)
            .map(|at| NumberSetup {
                id: id(at),
                e164: e164(at),
                connection_id: STABLE.to_owned(),
                tags: vec![format!("tenant-{}", at % 3)],
            })
            .collect(),
        limits: Limits::default(),
        latency: Duration::from_millis(60),
        jobs: JobPace {
            delay: Duration::from_secs(5),
            per_second: 10,
        },
        propagation: Duration::from_secs(2),
        balance: 30_000,
    }
}

/// Runs `work` against an account as fast as the machine can.
pub fn on_stage<F: Future>(seed: u64, setup: Setup, work: impl FnOnce(Stage) -> F) -> F::Output {
    on_stage_with(seed, setup, Arc::new(NoCalls), work)
}

/// As [`on_stage`], with a book of calls.
pub fn on_stage_with<F: Future>(
    seed: u64,
    setup: Setup,
    book: Arc<dyn Book>,
    work: impl FnOnce(Stage) -> F,
) -> F::Output {
    let start = "2026-11-22T02:00:00Z".parse().unwrap();
    drive(start, Speed::Max, |clock| async move {
        let telnyx = Telnyx::new(clock.clone(), seed, KEY, setup, book);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = serve(clock.shared(), listener, telnyx.router());
        let stage = Stage { clock, telnyx, address };
        tokio::select! {
            out = work(stage) => out,
            _ = serving => unreachable!("serves until it is dropped"),
        }
    })
}

impl Stage {
    pub async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, &Value::Null).await.unwrap()
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.call("PATCH", path, &body).await.unwrap()
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.call("POST", path, &body).await.unwrap()
    }

    /// Posts a job that moves `numbers`; it was accepted.
    pub async fn job(&self, numbers: &[String], connection: &str) -> Value {
        let answer = self
            .post(POST_JOB, json!({"phone_numbers": numbers, "connection_id": connection}))
            .await;
        assert_eq!(answer.code, 202, "{answer:?}");
        answer.data()
    }

    /// The job as it is now.
    pub async fn look(&self, job: &Value) -> Value {
        self.get(&format!("{JOBS}/{}", job["id"].as_str().unwrap()))
            .await
            .data()
    }

    pub async fn call(&self, method: &str, path: &str, body: &Value) -> io::Result<Answer> {
        let bearer = format!("Authorization: Bearer {KEY}\r\n");
        self.call_as(&bearer, method, path, body).await
    }

    /// One request on a connection of its own; an error where the connection closes without an answer. Brackets are sent encoded.
    pub async fn call_as(&self, headers: &str, method: &str, path: &str, body: &Value) -> io::Result<Answer> {
        let flight = self.clock.request();
        let path = path.replace('[', "%5B").replace(']', "%5D");
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let mut stream = TcpStream::connect(self.address).await?;
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{REQUEST_ID_HEADER}: {}\r\n{headers}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            flight.id(),
            body.len()
        );
        stream.write_all(request.as_bytes()).await?;
        let mut text = Vec::new();
        stream.read_to_end(&mut text).await?;
        let text = String::from_utf8(text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(Answer {
            code: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head: head.to_lowercase(),
            body: body.to_owned(),
        })
    }

    /// Milliseconds of virtual time that have passed.
    pub fn millis(&self) -> u64 {
        self.clock.mono().micros() / 1000
    }

    pub async fn sleep(&self, millis: u64) {
        timonel_ports::clock::sleep(&self.clock, Duration::from_millis(millis)).await;
    }

    /// Sleeps until so many milliseconds after the beginning.
    pub async fn until(&self, millis: u64) {
        assert!(millis >= self.millis(), "{} ms have passed", self.millis());
        self.sleep(millis - self.millis()).await;
    }

    /// The numbers that are on the canary in the API, by their place in the setup.
    pub fn on_canary(&self) -> Vec<usize> {
        let on_canary = self.telnyx.on_canary();
        on_canary.iter().map(|number| number[8..].parse().unwrap()).collect()
    }

    /// The numbers whose calls bear the canary's connection, by their place in the setup.
    pub fn routed_to_canary(&self) -> Vec<usize> {
        let routing = self.telnyx.routing();
        (0..routing.len())
            .filter(|at| &*routing[*at].connection_id == CANARY)
            .collect()
    }

    pub fn owner(&self) -> String {
        self.telnyx.user_id(KEY_OWNER)
    }
}

/// How many numbers of a job are pending, successful, failed.
pub fn counts(job: &Value) -> [usize; 3] {
    ["pending", "successful", "failed"].map(|which| job[format!("{which}_operations")].as_array().unwrap().len())
}
