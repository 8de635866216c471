//! A PostgreSQL server of a test's own: its data in a directory that goes with it, on loopback alone, a database for each
//! test. As fast as a disk allows: `fsync` stays on, because what survives the end of the server is part of what is tested.

use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

use secrecy::SecretString;

use super::{Process, ProcessError, free_port};

const PROGRAM: &str = "postgres";
/// The first account of the server.
const USER: &str = "timonel";
/// The password of the account, which the server asks for: what goes through no socket is tested by nobody.
const PASSWORD: &str = "pa55:w@rd";

/// A running server.
#[derive(Debug)]
pub struct Postgres {
    // `None` while it is stopped.
    process: Option<Process>,
    home: tempfile::TempDir,
    programs: PathBuf,
    address: SocketAddr,
    databases: AtomicU32,
}

impl Postgres {
    /// Makes a server and waits until it answers. `Missing` where PostgreSQL's server is not installed.
    pub async fn start() -> Result<Self, ProcessError> {
        let programs = programs().ok_or_else(|| ProcessError::Missing {
            program: PROGRAM.to_owned(),
        })?;
        let home = made(&programs).map_err(failed)?;
        let mut server = Self {
            process: None,
            home,
            programs,
            address: free_port().map_err(failed)?,
            databases: AtomicU32::new(0),
        };
        // Between choosing a free port and using it somebody else may take it.
        for _ in 0..2 {
            match server.resume().await {
                Err(ProcessError::NotReady { said, .. }) if said.contains("Address already in use") => {
                    server.address = free_port().map_err(failed)?;
                }
                other => return other.map(|()| server),
            }
        }
        server.resume().await.map(|()| server)
    }

    /// Starts it again after [`Postgres::kill`], on the same port.
    pub async fn resume(&mut self) -> Result<(), ProcessError> {
        let data = self.data();
        let port = self.address.port();
        let (program, mut args) = as_ordinary(self.programs.join(PROGRAM));
        let settings = [
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={port}"),
            format!("unix_socket_directories={}", self.home.path().display()),
            "max_connections=60".to_owned(),
            "shared_buffers=16MB".to_owned(),
            "log_min_messages=warning".to_owned(),
        ];
        args.extend(["-D".into(), data.into_os_string()]);
        args.extend(
            settings
                .into_iter()
                .flat_map(|setting| ["-c".into(), OsString::from(setting)]),
        );
        let process = Process::start(&program, |_| Ok(args))?;
        let process = self.process.insert(process);
        let program = self.programs.join("pg_isready");
        process
            .ready(async |_| {
                let mut ask = Command::new(&program);
                let asked = ask.args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()]).status();
                asked.is_ok_and(|status| status.success())
            })
            .await
    }

    /// Ends the server at once, as `kill -9` of all its processes would: nothing is written any more, nobody is told.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            // To the postmaster SIGQUIT means to kill its own children; a SIGKILL would leave them.
            let told = Command::new("kill")
                .args(["-QUIT", &process.child.id().to_string()])
                .status();
            if told.is_ok_and(|status| status.success()) {
                let _ = process.child.wait();
            }
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Makes a new, empty database and gives its address.
    pub fn database(&self) -> Result<SecretString, ProcessError> {
        let name = format!("t{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.run("postgres", &format!("CREATE DATABASE {name}"))?;
        Ok(self.address_of(self.address, &name))
    }

    /// The address of the same database by another way to the server, such as a [`super::Wire`].
    pub fn by(&self, way: SocketAddr, database: &SecretString) -> SecretString {
        self.address_of(way, &name_of(database))
    }

    /// Runs SQL as somebody else would: by `psql`, in a database that [`Postgres::database`] gave. Gives what it says.
    pub fn sql(&self, database: &SecretString, sql: &str) -> Result<String, ProcessError> {
        self.run(&name_of(database), sql)
    }

    fn run(&self, database: &str, sql: &str) -> Result<String, ProcessError> {
        let said = Command::new(self.programs.join("psql"))
            .args([
                "-X",
                "-q",
                "-t",
                "-A",
                "-v",
                "ON_ERROR_STOP=1",
                "-h",
                "127.0.0.1",
                "-U",
                USER,
            ])
            .args(["-p", &self.address.port().to_string(), "-d", database, "-c", sql])
            .env("PGPASSWORD", PASSWORD)
            .output();
        let said = ended(said).map_err(failed)?;
        Ok(String::from_utf8_lossy(&said.stdout).trim().to_owned())
    }

    fn address_of(&self, way: SocketAddr, name: &str) -> SecretString {
        format!("postgres://{USER}:pa55%3Aw%40rd@{way}/{name}").into()
    }

    fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.kill();
    }
}

fn name_of(database: &SecretString) -> String {
    use secrecy::ExposeSecret as _;
    let address = database.expose_secret();
    address.rsplit('/').next().unwrap_or_default().to_owned()
}

fn failed(source: io::Error) -> ProcessError {
    ProcessError::Start {
        program: PROGRAM.to_owned(),
        source,
    }
}

/// The folder of the newest server here: Debian keeps them out of the path.
fn programs() -> Option<PathBuf> {
    let version = |folder: &Path| folder.file_name()?.to_str()?.parse::<u32>().ok();
    let folders = std::fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .flatten()
        .map(|entry| entry.path());
    let newest = folders
        .filter(|folder| version(folder).is_some())
        .max_by_key(|folder| version(folder))?;
    let programs = newest.join("bin");
    programs.join(PROGRAM).is_file().then_some(programs)
}

/// PostgreSQL refuses to run as root, so there it runs as nobody.
fn as_ordinary(program: PathBuf) -> (String, Vec<OsString>) {
    if root() {
        let args = ["--reuid=nobody", "--regid=nogroup", "--clear-groups"].map(OsString::from);
        (
            "setpriv".to_owned(),
            args.into_iter().chain([program.into_os_string()]).collect(),
        )
    } else {
        (program.display().to_string(), Vec::new())
    }
}

fn root() -> bool {
    number_of(&["-u"]) == Some(0)
}

fn number_of(args: &[&str]) -> Option<u32> {
    let said = Command::new("id").args(args).output().ok()?;
    String::from_utf8_lossy(&said.stdout).trim().parse().ok()
}

/// A folder with a server's data in it.
fn made(programs: &Path) -> io::Result<tempfile::TempDir> {
    let home = tempfile::Builder::new().prefix("timonel-pg-").tempdir()?;
    let password = home.path().join("password");
    std::fs::write(&password, PASSWORD)?;
    if root() {
        let (user, group) = (number_of(&["-u", "nobody"]), number_of(&["-g", "nobody"]));
        std::os::unix::fs::chown(home.path(), user, group)?;
        std::os::unix::fs::chown(&password, user, group)?;
    }
    let (program, args) = as_ordinary(programs.join("initdb"));
    let said = Command::new(program)
        .args(args)
        .args([
            "--no-sync",
            "--auth=scram-sha-256",
            "--locale=C",
            "--encoding=UTF8",
            "--username",
            USER,
        ])
        .arg("--pwfile")
        .arg(&password)
        .arg("-D")
        .arg(home.path().join("data"))
        .current_dir("/")
        .output();
    ended(said)?;
    Ok(home)
}

/// What it said, where it ended well.
fn ended(said: io::Result<Output>) -> io::Result<Output> {
    let said = said?;
    if said.status.success() {
        Ok(said)
    } else {
        Err(io::Error::other(String::from_utf8_lossy(&said.stderr).into_owned()))
    }
}
