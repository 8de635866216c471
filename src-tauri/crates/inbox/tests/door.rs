//! The socket from outside: what is taken, what is refused with what words, and what whoever drips or floods costs.

#![allow(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use timonel_domain::value::{RolloutId, Side, SignalId};
use timonel_hostile::fuzz;
use timonel_inbox::{Counts, Feed, Inbox, Inboxes, Told, loopback, receive};
use timonel_ports::clock::{SystemClock, within};
use timonel_ports::signal::Source;
use timonel_ports::task::spawn;

/// A door with one open inbox, on a runtime of its own.
struct Open {
    at: SocketAddr,
    inbox: Arc<Inbox>,
    runtime: tokio::runtime::Runtime,
}

fn open() -> Open {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let (at, inbox) = runtime.block_on(async {
        let clock = SystemClock::shared();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let feed = Feed {
            signal: SignalId::new("fallos").unwrap(),
            sides: vec![Side::Stable, Side::Canary],
            counts: Counts::Failed,
        };
        let inboxes = Inboxes::default();
        let inbox = inboxes.open(
            &RolloutId::new("martes").unwrap(),
            clock.clone(),
            String::new(),
            vec![feed],
        );
        drop(spawn(&clock, receive(listener, inboxes, clock.clone())));
        (at, inbox)
    });
    Open { at, inbox, runtime }
}

impl Open {
    /// The status, and what was said.
    fn post(&self, path: &str, more: &str, body: &str) -> (u16, String) {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n{more}",
            self.at
        );
        self.send(format!("{head}content-length: {}\r\n\r\n{body}", body.len()).as_bytes())
    }

    fn send(&self, bytes: &[u8]) -> (u16, String) {
        let mut stream = TcpStream::connect(self.at).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        // Whoever is refused early may find the door shut while still sending.
        let _ = stream.write_all(bytes);
        let mut said = Vec::new();
        let _ = stream.read_to_end(&mut said);
        let said = String::from_utf8_lossy(&said).into_owned();
        let status = said
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .unwrap_or_default();
        (status, said.split("\r\n\r\n").nth(1).unwrap_or_default().to_owned())
    }
}

fn line(id: &str) -> String {
    let at = serde_json::to_string(&SystemClock::shared().now()).unwrap();
    format!(r#"{{"id":"{id}","arm":"canary","failed":true,"at":{at}}}"#)
}

const PATH: &str = "/rollouts/martes/outcomes";
const LINES: &str = "content-type: application/x-ndjson\r\n";

#[test]
fn a_call_is_taken_and_whoever_waits_hears_it_at_once() {
    let door = open();
    let clock = SystemClock::shared();
    let heard = door.runtime.block_on(async {
        let waiting = door.inbox.arrived();
        let sending = async {
            tokio::task::block_in_place(|| {
                let calls = format!("{}\n\n{}\n", line("a"), line("b"));
                door.post(PATH, LINES, &calls)
            })
        };
        let (heard, said) = tokio::join!(within(&*clock, Duration::from_secs(60), waiting), sending);
        assert_eq!(said, (200, r#"{"again":0,"counted":2,"late":0}"#.to_owned()));
        heard
    });
    assert!(heard.is_ok());
    let quiet = door.post(&format!("{PATH}?arm=stable&arm=canary"), LINES, "");
    assert_eq!(quiet.0, 200, "nothing happened: {}", quiet.1);
}

#[test]
fn what_cannot_be_taken_is_refused_with_what_to_do() {
    let door = open();
    let refused = |path: &str, more: &str, body: &str, status: u16, says: &str| {
        let said = door.post(path, more, body);
        assert!(said.0 == status && said.1.contains(says), "{status} {says}: {said:?}");
    };
    let line = line("a");
    refused("/rollouts/lunes/outcomes", LINES, &line, 404, "no rollout of this name");
    refused("/rollouts/../outcomes", LINES, &line, 404, "");
    refused(PATH, LINES, "", 400, "?arm=stable");
    refused(&format!("{PATH}?arm=both"), LINES, &line, 400, "arm=canary");
    refused(PATH, "", &line, 415, "application/x-ndjson");
    refused(PATH, "content-type: text/plain\r\n", &line, 415, "application/x-ndjson");
    refused(
        PATH,
        &format!("{LINES}origin: http://example.com\r\n"),
        &line,
        403,
        "browser",
    );
    refused(PATH, LINES, &format!("{line}\n{{}}"), 400, "line 2: missing field `id`");
    refused(
        PATH,
        LINES,
        &line.replace("\"a\"", "\"\""),
        400,
        "write the call's own name",
    );
    refused(
        PATH,
        LINES,
        &line.replace("true", "true,\"latency_ms\":-1"),
        400,
        "write milliseconds",
    );
    refused(
        PATH,
        LINES,
        &line.replace("true", "true,\"turns\":1"),
        400,
        "write both",
    );
    refused(
        PATH,
        LINES,
        &line.replace("\"at\":\"20", "\"at\":\"30"),
        400,
        "Check both clocks",
    );
    refused(
        PATH,
        LINES,
        &format!("{line}\n{}", line.replace("true", "false")),
        409,
        "told before",
    );
    refused(PATH, LINES, &vec![line.clone(); 1001].join("\n"), 413, "1000 calls");
    refused(PATH, LINES, &" ".repeat(256 * 1024 + 1), 413, "bytes at most");
    let (status, _) = door.send(format!("GET {PATH} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes());
    assert_eq!(status, 405);
}

#[test]
fn whoever_promises_a_body_and_sends_none_is_let_go() {
    let door = open();
    let head = format!("POST {PATH} HTTP/1.1\r\nhost: x\r\n{LINES}connection: close\r\ncontent-length: 10\r\n\r\n{{");
    let (status, said) = door.send(head.as_bytes());
    assert!(
        status == 408 && said.contains("did not come within 5 s"),
        "{status} {said}"
    );
}

#[test]
fn a_head_without_an_end_is_let_go() {
    let door = open();
    let (status, _) = door.send(&[b"POST /".as_slice(), &[b'x'; 64 * 1024]].concat());
    assert!([0, 400, 414, 431].contains(&status), "{status}");
    let (status, _) = door.post(PATH, LINES, &line("a"));
    assert_eq!(status, 200, "others are heard");
}

#[test]
fn others_than_this_machine_are_not_heard() {
    for (address, is_good) in [
        ("127.0.0.1:1", true),
        ("[::1]:1", true),
        ("0.0.0.0:1", false),
        ("10.0.0.7:1", false),
    ] {
        assert_eq!(loopback(address.parse().unwrap()).is_ok(), is_good, "{address}");
    }
}

/// Whatever comes is read or refused; what is read says what was written.
#[test]
fn fuzz() {
    let sound = r#"{"id":"c-1","seq":2,"arm":"canary","failed":true,"at":"2026-11-22T01:30:00Z","weight":5,"latency_ms":120.5,"duration_ms":61000,"abandoned":false,"turns":5,"recognised":4}"#;
    fuzz!([sound], |bytes: &[u8]| {
        if let Ok(told) = Told::read(bytes) {
            assert!(told.call.turns.is_none_or(|(turns, recognised)| recognised <= turns));
            assert!(told.call.latency_ms.is_none_or(|millis| millis >= 0.0));
        }
    });
}
