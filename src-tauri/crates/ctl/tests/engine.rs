//! `timonelctl engine` as a supervisor meets it: started, asked, told to end, killed, stopped where it stands, and started again.
//!
//! Nothing here reaches a cluster or a source: the rollout is a draft, and what it lacks is what is looked at. Real rollouts kept up
//! by this program are in the bridge's tests.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use serde_json::Value;
use timonel_domain::rollout::Generation;
use timonel_domain::time::Timestamp;
use timonel_domain::value::{PlanId, RolloutId};
use timonel_journal::rollback_kit::{RollbackKit, RollbackKits, VERSION};

/// For anything that is waited for, on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whoever knows it can keep the dead man's switch quiet.
const SECRET: &str = "una-direccion-que-nadie-debe-ver";

fn plan() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../bridge/tests/product/data/short.toml")
}

/// The program in a desk of nobody's.
fn timonelctl() -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_timonelctl"));
    program
        .env_clear()
        .env("USER", "luz")
        .args(["--lang", "en"])
        .stdin(Stdio::null());
    program
}

/// An installation with a draft.
fn installation() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let opened = timonelctl()
        .args(["open", "--environment", "prueba"])
        .arg(plan())
        .arg("--home")
        .arg(home.path())
        .output()
        .unwrap();
    assert!(opened.status.success(), "{}", String::from_utf8_lossy(&opened.stderr));
    home
}

/// The program, running.
struct Running {
    child: Child,
    said: BufReader<ChildStdout>,
    log: Receiver<String>,
    logged: Vec<String>,
    at: SocketAddr,
}

impl Running {
    fn start(home: &Path, more: &[&str], log: &str) -> Self {
        let mut program = timonelctl();
        program.args(["engine", "--listen", "127.0.0.1:0"]).args(more);
        program.arg("--home").arg(home).args(["--log", log]);
        program.env("KUBECONFIG", home.join("none"));
        Self::of(program)
    }

    fn of(mut program: Command) -> Self {
        let mut child = program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        let (to, log) = channel();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| to.send(line)));
        let mut first = String::new();
        said.read_line(&mut first).unwrap();
        let at = first
            .split("http://")
            .nth(1)
            .and_then(|rest| rest.split(':').take(2).collect::<Vec<_>>().join(":").parse().ok());
        let at = at.unwrap_or_else(|| panic!("it says where it listens: {first} {:?}", log.recv_timeout(PATIENCE)));
        Self {
            child,
            said,
            log,
            logged: Vec::new(),
            at,
        }
    }

    /// Reads the log up to the first line of which this is a part.
    #[track_caller]
    fn logs(&mut self, part: &str) -> Value {
        loop {
            match self.log.recv_timeout(PATIENCE) {
                Ok(line) => {
                    self.logged.push(line.clone());
                    if line.contains(part) {
                        return serde_json::from_str(&line).unwrap();
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("no line with `{part}`: {:#?}", self.logged)
                }
            }
        }
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args(["-s", name, &self.child.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
    }

    /// Waits for its end; how it ended and what else it said.
    fn ended(mut self) -> (ExitStatus, String, Vec<String>) {
        let status = self.child.wait().unwrap();
        let mut said = String::new();
        self.said.read_to_string(&mut said).unwrap();
        self.logged.extend(self.log.iter());
        (status, said, std::mem::take(&mut self.logged))
    }

    fn get(&self, path: &str) -> (u16, String) {
        get(self.at, path)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only where it has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn get(at: SocketAddr, path: &str) -> (u16, String) {
    let (head, body) = ask(at, &format!("GET {path} HTTP/1.1\r\nhost: {at}\r\n\r\n")).unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body)
}

/// One request as it is given, and the whole answer.
fn ask(at: SocketAddr, request: &str) -> std::io::Result<(String, String)> {
    let mut stream = TcpStream::connect(at)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    Ok((head.to_owned(), body.to_owned()))
}

/// Looks at a condition until it holds.
#[track_caller]
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    const LOOK: Duration = Duration::from_millis(50);
    let (_nobody, between) = channel::<()>();
    let looks = PATIENCE.as_millis() / LOOK.as_millis();
    let held = (0..looks).any(|_| holds() || between.recv_timeout(LOOK).is_ok());
    assert!(held, "{what}");
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// The value of a metric by its beginning.
#[track_caller]
fn metric(text: &str, begins: &str) -> f64 {
    let line = text.lines().find(|line| line.starts_with(begins));
    let line = line.unwrap_or_else(|| panic!("no {begins} in\n{text}"));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn it_says_that_it_lives_what_it_lacks_and_what_it_counts() {
    let home = installation();
    let mut engine = Running::start(home.path(), &[], "info");
    let taken_up = engine.logs("taken up");
    let rollout = taken_up["rollout"].as_str().unwrap().to_owned();
    assert_eq!(taken_up["level"], "INFO");

    let (status, body) = engine.get("/healthz");
    assert_eq!(status, 200, "{body}");
    assert_eq!(json(&body)["rollouts"][&rollout]["answers"], true, "{body}");

    // Its source is not there, so it is alive and not ready.
    let (status, body) = engine.get("/readyz");
    let ready = json(&body);
    assert_eq!((status, &ready["ok"]), (503, &Value::Bool(false)), "{body}");
    let of = |what: &str| {
        let needs = ready["needs"].as_array().unwrap();
        needs.iter().find(|need| need["what"] == what).unwrap().clone()
    };
    for there in ["store", "rollouts", "helm", "credentials"] {
        assert_eq!(of(there)["ok"], true, "{body}");
    }
    assert_eq!(of("signals")["ok"], false, "{body}");
    assert!(
        of("signals")["proof"].as_str().unwrap().contains("errores Stable"),
        "{body}"
    );

    let (status, metrics) = engine.get("/metrics");
    assert_eq!(status, 200);
    let of = |name: &str| metric(&metrics, &format!("{name}{{rollout=\"{rollout}\""));
    assert_eq!((of("timonel_helm_held"), of("timonel_owner_answers")), (1.0, 1.0));
    assert!(of("timonel_helm_epoch") >= 1.0 && of("timonel_journal_position") >= 1.0);
    assert!(of("timonel_owner_lag_seconds") < 2.0);
    let draft = format!("timonel_rollout_stage{{rollout=\"{rollout}\",stage=\"draft\"}}");
    assert_eq!(metric(&metrics, &draft), 1.0);
    assert_eq!(metric(&metrics, "timonel_store_writable"), 1.0);
    assert_eq!(metric(&metrics, "timonel_rollouts "), 1.0);
    let part = |name: &str| metric(&metrics, &format!("timonel_store_part_bytes{{part=\"{name}\""));
    assert!(part("journal") >= 4096.0 && part("readings") >= 4096.0);
    let named = ["journal", "readings", "outcomes", "others"]
        .map(part)
        .iter()
        .sum::<f64>();
    assert!(metric(&metrics, "timonel_store_bytes ") >= named, "{metrics}");
    assert!(metric(&metrics, "timonel_store_disk_bytes ") > metric(&metrics, "timonel_store_disk_free_bytes "));
    assert!(metric(&metrics, "timonel_store_disk_low ") <= 2.0);
    is_what_prometheus_takes(&metrics);
}

/// By Prometheus' own linter: form, help, types, names and units.
fn is_what_prometheus_takes(metrics: &str) {
    let linter = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut linter) = linter else {
        println!("skipped: `promtool` is not installed");
        return;
    };
    linter.stdin.take().unwrap().write_all(metrics.as_bytes()).unwrap();
    let done = linter.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr).into_owned() + &String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success() && said.trim().is_empty(), "{said}\n{metrics}");
}

#[test]
fn told_to_end_it_writes_everything_down_and_says_so() {
    for signal in ["TERM", "INT"] {
        let home = installation();
        let mut engine = Running::start(home.path(), &[], "info");
        engine.logs("taken up");
        engine.signal(signal);
        let (status, said, log) = engine.ended();
        assert_eq!(status.code(), Some(0), "{signal}: {said} {log:#?}");
        assert!(said.contains("Everything is written down"), "{said}");
        for line in &log {
            let parsed: Result<Value, _> = serde_json::from_str(line);
            assert!(parsed.is_ok_and(|line| line["timestamp"].is_string()), "{line}");
        }
    }
}

#[test]
fn killed_in_the_middle_of_a_word_it_goes_on_where_it_was() {
    let home = installation();
    let mut first = Running::start(home.path(), &[], "info");
    first.logs("taken up");
    first.signal("KILL");
    assert_eq!(first.ended().0.code(), None);

    let mut second = Running::start(home.path(), &[], "info");
    let rollout = second.logs("taken up")["rollout"].as_str().unwrap().to_owned();
    assert_eq!(second.get("/healthz").0, 200);
    // Nobody watched in between, and the next one takes the helm with a new epoch.
    let of = |name: &str| metric(&second.get("/metrics").1, &format!("{name}{{rollout=\"{rollout}\""));
    assert!(of("timonel_helm_epoch") >= 2.0);
    until("the gap is counted", || of("timonel_gaps_total") >= 1.0);
    second.signal("TERM");
    assert_eq!(second.ended().0.code(), Some(0));
    let verified = timonelctl()
        .args(["status", "--home"])
        .arg(home.path())
        .output()
        .unwrap();
    assert!(verified.status.success());
    assert!(
        !String::from_utf8_lossy(&verified.stdout).contains("otherwise"),
        "it replays as it was recorded"
    );
}

#[test]
fn stopped_where_it_stands_it_does_not_say_that_it_lives() {
    let home = installation();
    let mut engine = Running::start(home.path(), &[], "info");
    engine.logs("taken up");
    engine.signal("STOP");
    let mut stream = TcpStream::connect(engine.at).unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    // As long as a probe waits.
    stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    let silent = stream.read(&mut [0; 1]).unwrap_err();
    assert!(
        matches!(
            silent.kind(),
            std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
        ),
        "{silent}"
    );
    engine.signal("CONT");
    assert_eq!(engine.get("/healthz").0, 200);
}

/// The program that calls a dead man's switch every second.
fn with_a_switch(home: &Path, switch: &TcpListener) -> Command {
    let mut program = timonelctl();
    program.args(["engine", "--listen", "127.0.0.1:0", "--log", "trace"]);
    program.args([
        "--heartbeat",
        "latido",
        "--heartbeat-call",
        "post",
        "--heartbeat-every",
        "1s",
    ]);
    program.arg("--home").arg(home);
    let address = format!("http://{}/ping/{SECRET}?clave={SECRET}", switch.local_addr().unwrap());
    program.env("TIMONEL_KEY_LATIDO", address);
    program
}

/// The next call of a switch.
#[track_caller]
fn called(switch: &TcpListener) -> TcpStream {
    switch.set_nonblocking(true).unwrap();
    let mut call = None;
    until("the switch is called", || {
        call = switch.accept().ok();
        call.is_some()
    });
    let (stream, _) = call.unwrap();
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

#[test]
fn where_nothing_can_be_watched_no_heartbeat_says_otherwise() {
    let home = installation();
    let lost = RolloutId::new("perdido-2026-11-22").unwrap();
    let kit = RollbackKit {
        version: VERSION,
        rollout: lost.clone(),
        plan: PlanId::new("perdido").unwrap(),
        plan_revision: 1,
        plan_text: std::fs::read_to_string(plan()).unwrap(),
        environment: "prueba".to_owned(),
        opened_at: Timestamp::from_secs(0),
        generation: Generation::default(),
        under_way: true,
        refreshed_at: Timestamp::from_secs(0),
    };
    RollbackKits::new(home.path().join("rollback-kits")).keep(&kit).unwrap();
    // In place of the file, not into it: whoever made the installation may still be closing it, and would mend it by that.
    let damaged = home.path().join("dañada");
    std::fs::write(&damaged, "esto no es una base de datos".repeat(1000)).unwrap();
    std::fs::rename(damaged, home.path().join("timonel.db")).unwrap();
    for beside in ["timonel.db-wal", "timonel.db-shm"] {
        drop(std::fs::remove_file(home.path().join(beside)));
    }
    let switch = TcpListener::bind("127.0.0.1:0").unwrap();
    let engine = Running::of(with_a_switch(home.path(), &switch));
    let withheld = "timonel_heartbeats_total{to=\"dead-mans-switch\",outcome=\"withheld\"}";
    let seen = || engine.get("/metrics").1;
    until("heartbeats are due", || {
        seen().contains(withheld) && metric(&seen(), withheld) >= 8.0
    });
    assert_eq!(engine.get("/healthz").0, 200, "a restart brings nothing back");
    let (code, why) = engine.get("/readyz");
    assert!(code == 503 && why.contains(lost.as_str()), "{code} {why}");
    switch.set_nonblocking(true).unwrap();
    assert_eq!(switch.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn a_dead_mans_switch_is_called_and_nobody_reads_its_address() {
    let home = installation();
    let switch = TcpListener::bind("127.0.0.1:0").unwrap();
    let engine = Running::of(with_a_switch(home.path(), &switch));
    for n in 0..3 {
        let mut stream = called(&switch);
        let mut request = String::new();
        BufReader::new(&stream).read_line(&mut request).unwrap();
        assert_eq!(request, format!("POST /ping/{SECRET}?clave={SECRET} HTTP/1.1\r\n"));
        // The second is not taken, and told of by its host alone.
        let status = if n == 1 { "500 No" } else { "200 OK" };
        write!(
            stream,
            "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        )
        .unwrap();
    }
    let (_, metrics) = engine.get("/metrics");
    let taken = metric(
        &metrics,
        "timonel_heartbeats_total{to=\"dead-mans-switch\",outcome=\"taken\"}",
    );
    let lost = metric(
        &metrics,
        "timonel_heartbeats_total{to=\"dead-mans-switch\",outcome=\"lost\"}",
    );
    assert!(taken >= 1.0 && lost == 1.0, "{metrics}");
    engine.signal("TERM");
    let (_, said, log) = engine.ended();
    let log = log.join("\n");
    assert!(log.contains("a heartbeat was not taken"), "{log}");
    // hyper and its like log what they connect to at trace, and that is the host.
    assert!(
        !log.contains(SECRET) && !said.contains(SECRET) && !metrics.contains(SECRET),
        "{log}"
    );
}

#[test]
fn whoever_asks_too_much_is_answered_briefly_and_keeps_nobody_waiting() {
    let home = installation();
    let mut engine = Running::start(home.path(), &[], "info");
    engine.logs("taken up");
    let status =
        |request: &str| ask(engine.at, request).map(|(head, _)| head.split(' ').nth(1).unwrap_or_default().to_owned());
    assert_eq!(
        status("POST /healthz HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n").unwrap(),
        "405"
    );
    assert_eq!(status("GET /otra HTTP/1.1\r\nhost: x\r\n\r\n").unwrap(), "404");
    let long = format!(
        "GET /healthz HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n",
        "a".repeat(64 * 1024)
    );
    // It stops reading, so that the writing may fail before the answer is read.
    assert!(status(&long).is_err() || status(&long).unwrap() == "431");
    // A body is announced and never read.
    let body = "GET /healthz HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000000\r\n\r\n";
    assert_eq!(status(body).unwrap(), "200");
    // All places are taken by callers that say nothing: they are sent away, and the next is served.
    let silent: Vec<_> = (0..32).map(|_| TcpStream::connect(engine.at).unwrap()).collect();
    assert_eq!(engine.get("/healthz").0, 200);
    drop(silent);
}

#[test]
fn an_address_that_is_taken_keeps_it_from_taking_anything_up() {
    let home = installation();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let done = timonelctl()
        .args(["engine", "--listen", &taken.local_addr().unwrap().to_string(), "--home"])
        .arg(home.path())
        .output()
        .unwrap();
    assert_eq!(done.status.code(), Some(1));
    let files = std::fs::read_dir(home.path()).unwrap();
    let locks = files.filter(|file| {
        file.as_ref()
            .is_ok_and(|file| file.path().extension().is_some_and(|end| end == "lock"))
    });
    assert_eq!(locks.count(), 0);
}
