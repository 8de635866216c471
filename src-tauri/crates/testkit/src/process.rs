//! Real programs as children of a test: started in a directory of their own, waited for, and ended when they are dropped.
//!
//! Only a child started here is ever ended, by its own handle. Deliberately not here: installing anything; a test whose
//! program is missing says so and ends.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use timonel_ports::clock::{SystemClock, sleep};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

mod alertmanager;
#[cfg(target_os = "linux")]
pub mod dunst;
#[cfg(target_os = "linux")]
pub mod keyring;
#[cfg(unix)]
mod postgres;
mod prism;
mod wire;

pub use alertmanager::AlertmanagerServer;
#[cfg(unix)]
pub use postgres::Postgres;
pub use prism::Prism;
pub use wire::Wire;

/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// How long a program may take to be ready on a loaded machine.
const START: Duration = Duration::from_secs(60);

/// Why a program did not come up.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// It is not on this machine: a reason to skip a test, saying so.
    #[error("`{program}` is not installed")]
    Missing {
        /// The program's name.
        program: String,
    },
    /// Its directory could not be prepared, or it could not be started.
    #[error("`{program}` could not be started: {source}")]
    Start {
        /// The program's name.
        program: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It ended, or did not become ready in time.
    #[error("`{program}` {what}. It said:\n{said}")]
    NotReady {
        /// The program's name.
        program: String,
        /// What happened instead.
        what: String,
        /// The end of what it wrote.
        said: String,
    },
}

/// A child in a directory of its own. Dropping it ends it and removes the directory.
#[derive(Debug)]
pub struct Process {
    program: String,
    child: Child,
    dir: TempDir,
}

impl Process {
    /// Starts `program` with the arguments that `prepare` gives for its empty directory. `Missing` where it is not in the path.
    pub fn start(
        program: &str,
        prepare: impl FnOnce(&Path) -> io::Result<Vec<OsString>>,
    ) -> Result<Self, ProcessError> {
        let failed = |source| ProcessError::Start {
            program: program.to_owned(),
            source,
        };
        let dir = tempfile::Builder::new()
            .prefix("timonel-test-")
            .tempdir()
            .map_err(failed)?;
        let args = prepare(dir.path()).map_err(failed)?;
        let log = File::create(log(dir.path())).map_err(failed)?;
        let child = Command::new(program)
            .args(args)
            .current_dir(dir.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(failed)?)
            .stderr(log)
            .spawn()
            .map_err(|source| match source.kind() {
                io::ErrorKind::NotFound => ProcessError::Missing {
                    program: program.to_owned(),
                },
                _ => failed(source),
            })?;
        Ok(Self {
            program: program.to_owned(),
            child,
            dir,
        })
    }

    /// Its directory.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// What it has written to its output and error output.
    pub fn said(&self) -> String {
        std::fs::read(log(self.dir()))
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// Waits until `path` at `address` answers 200; `NotReady` where the program ends first or time runs out.
    pub async fn answers(&mut self, address: SocketAddr, path: &str) -> Result<(), ProcessError> {
        self.ready(async |_| ok(address, path).await.unwrap_or(false)).await
    }

    /// Waits until it has written `text`; `NotReady` where the program ends first or time runs out.
    pub async fn says(&mut self, text: &str) -> Result<(), ProcessError> {
        self.ready(async |process| process.said().contains(text)).await
    }

    /// Sends it a signal by its name, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        let sent = Command::new("sh").args(["-c", &kill]).status();
        assert!(sent.is_ok_and(|status| status.success()), "{kill}");
    }

    /// How it ended, once it has; `None` where it runs still after `limit`.
    pub async fn ended(&mut self, limit: Duration) -> Option<ExitStatus> {
        let child = &mut self.child;
        until(limit, async || child.try_wait().ok().flatten()).await
    }

    async fn ready(&mut self, look: impl AsyncFn(&Self) -> bool) -> Result<(), ProcessError> {
        let clock = SystemClock::shared();
        let end = clock.mono() + START;
        let what = loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                break format!("ended at once ({status})");
            }
            if look(self).await {
                return Ok(());
            }
            if clock.mono() >= end {
                break format!("was not ready within {START:?}");
            }
            sleep(clock.as_ref(), LOOK).await;
        };
        Err(ProcessError::NotReady {
            program: self.program.clone(),
            what,
            said: self.said(),
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only where it has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn log(dir: &Path) -> PathBuf {
    dir.join("said.log")
}

/// A loopback address with a port that nobody uses at this moment.
fn free_port() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr())
}

/// Whether a plain GET is answered with 200.
async fn ok(address: SocketAddr, path: &str) -> io::Result<bool> {
    let mut stream = TcpStream::connect(address).await?;
    stream
        .write_all(format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").as_bytes())
        .await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer.starts_with(b"HTTP/1.0 200") || answer.starts_with(b"HTTP/1.1 200"))
}

/// Looks at a condition until it gives something; `None` where `limit` passes first.
pub async fn until<T>(limit: Duration, mut look: impl AsyncFnMut() -> Option<T>) -> Option<T> {
    let clock = SystemClock::shared();
    let end = clock.mono() + limit;
    loop {
        if let Some(found) = look().await {
            return Some(found);
        }
        if clock.mono() >= end {
            return None;
        }
        sleep(clock.as_ref(), LOOK).await;
    }
}

/// A real Prometheus on a free loopback port.
#[derive(Debug)]
pub struct PrometheusServer {
    process: Process,
    address: SocketAddr,
}

/// What a Prometheus knows when it starts.
#[derive(Debug, Clone, Copy)]
enum Beginning<'a> {
    /// Nothing: it scrapes itself and these addresses every second.
    Scraping(&'a [SocketAddr]),
    /// This OpenMetrics text, and nothing ever again.
    Loaded(&'a str),
}

impl PrometheusServer {
    /// Starts it and waits until it is ready. It scrapes itself and `targets`, addresses (`127.0.0.1:1234`) whose `/metrics`
    /// it takes as job `app`, every second.
    pub async fn start(targets: &[SocketAddr]) -> Result<Self, ProcessError> {
        Self::beginning(Beginning::Scraping(targets)).await
    }

    /// One that scrapes nothing and knows the samples of `openmetrics`, each with its time, loaded by `promtool`.
    pub async fn over(openmetrics: &str) -> Result<Self, ProcessError> {
        let mut promtool = Command::new("promtool");
        let found = promtool.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
        if found.status().is_err_and(|e| e.kind() == io::ErrorKind::NotFound) {
            let program = "promtool".to_owned();
            return Err(ProcessError::Missing { program });
        }
        Self::beginning(Beginning::Loaded(openmetrics)).await
    }

    async fn beginning(beginning: Beginning<'_>) -> Result<Self, ProcessError> {
        // Between choosing a free port and using it somebody else may take it.
        let mut tries = 3;
        loop {
            tries -= 1;
            match Self::once(beginning).await {
                Err(ProcessError::NotReady { said, .. }) if tries > 0 && said.contains("address already in use") => {}
                other => return other,
            }
        }
    }

    async fn once(beginning: Beginning<'_>) -> Result<Self, ProcessError> {
        let start = |source| ProcessError::Start {
            program: "prometheus".to_owned(),
            source,
        };
        let address = free_port().map_err(start)?;
        let mut process = Process::start("prometheus", |dir| {
            let file = dir.join("prometheus.yml");
            let mut config = "global: {scrape_interval: 1s, scrape_timeout: 1s}\n".to_owned();
            match beginning {
                Beginning::Scraping(targets) => {
                    config += &format!(
                        "scrape_configs:\n- {{job_name: self, static_configs: [{{targets: ['{address}']}}]}}\n\
                         - {{job_name: app, file_sd_configs: [{{files: ['targets.json'], refresh_interval: 1s}}]}}\n"
                    );
                    write_targets(dir, targets)?;
                }
                Beginning::Loaded(openmetrics) => load(dir, openmetrics)?,
            }
            std::fs::write(&file, config)?;
            Ok([
                format!("--config.file={}", file.display()),
                format!("--storage.tsdb.path={}", dir.join("data").display()),
                // What is loaded may be of any time.
                "--storage.tsdb.retention.time=100y".to_owned(),
                format!("--web.listen-address={address}"),
                "--log.level=warn".to_owned(),
            ]
            .map(OsString::from)
            .to_vec())
        })?;
        process.answers(address, "/-/ready").await?;
        Ok(Self { process, address })
    }

    /// Scrapes `targets` as job `app` from now on, in place of those before. It notices within about a second.
    pub fn scrape(&self, targets: &[SocketAddr]) -> io::Result<()> {
        write_targets(self.process.dir(), targets)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its base address, such as `http://127.0.0.1:9090`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The child itself.
    pub fn process(&self) -> &Process {
        &self.process
    }
}

/// As Prometheus's `file_sd_configs` reads them; never half a file.
fn write_targets(dir: &Path, targets: &[SocketAddr]) -> io::Result<()> {
    let targets: Vec<_> = targets.iter().map(ToString::to_string).collect();
    let attempt = dir.join("targets.attempt");
    std::fs::write(&attempt, serde_json::json!([{ "targets": targets }]).to_string())?;
    std::fs::rename(attempt, dir.join("targets.json"))
}

/// Makes the blocks of a data directory from OpenMetrics text.
fn load(dir: &Path, openmetrics: &str) -> io::Result<()> {
    let text = dir.join("samples.om");
    std::fs::write(&text, openmetrics)?;
    let made = Command::new("promtool")
        .args(["tsdb", "create-blocks-from", "openmetrics"])
        .args([&text, &dir.join("data")])
        .stdin(Stdio::null())
        .output()?;
    if made.status.success() {
        Ok(())
    } else {
        let said = String::from_utf8_lossy(&made.stderr);
        Err(io::Error::other(format!("promtool does not load the samples: {said}")))
    }
}
