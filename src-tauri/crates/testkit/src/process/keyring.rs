//! A desk of its own for a test: home, D-Bus session and gnome-keyring, apart from those of whoever runs the test.
//!
//! Which bus and which home a process has is in its variables, and a test cannot change its own. So a test that wants a desk
//! starts itself again within one: [`at_a_desk`]. Nothing there is activated by D-Bus: only what the test starts is on the bus.

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::{ProcessError, until};

/// Which test a process was started again for.
const INSIDE: &str = "TIMONEL_TEST_DESK";
/// The desk's folder.
const FOLDER: &str = "TIMONEL_TEST_DESK_FOLDER";
/// The bus's process.
const BUS: &str = "TIMONEL_TEST_DESK_BUS";

/// How long a program of the desk may take to be ready on a loaded machine.
pub(super) const START: Duration = Duration::from_secs(30);

const PASSWORD: &[u8] = b"la contrasena de la sesion";

/// A desk as a test finds it when it runs at one.
#[derive(Debug)]
pub struct Desk {
    folder: PathBuf,
    bus: u32,
    keyring: Option<Child>,
}

/// Runs `work` at a desk of its own, in a process of its own: this test's program, started again for the test of this name,
/// as `cargo test` shows it. Panics where `work` does, with what it printed. Prints `skipped: …` where a program is missing.
pub fn at_a_desk(test: &str, work: impl AsyncFnOnce(&mut Desk)) {
    match std::env::var(INSIDE) {
        Ok(inside) if inside == test => inside_of_it(work),
        Ok(_) => {}
        Err(_) => outside(test),
    }
}

fn inside_of_it(work: impl AsyncFnOnce(&mut Desk)) {
    let of = |name| std::env::var(name).expect("set where this process was started");
    let mut desk = Desk {
        folder: of(FOLDER).into(),
        bus: of(BUS).parse().expect("a process id"),
        keyring: None,
    };
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).enable_all().build().expect("a runtime");
    runtime.block_on(work(&mut desk));
}

fn outside(test: &str) {
    for program in ["dbus-daemon", "dbus-send", "gnome-keyring-daemon"] {
        if let Some(missing) = missing(program) {
            println!("skipped: {missing}");
            return;
        }
    }
    let folder = tempfile::Builder::new()
        .prefix("timonel-desk-")
        .tempdir()
        .expect("a folder");
    let run = folder.path().join("run");
    fs::create_dir_all(folder.path().join("home")).expect("a home");
    fs::create_dir(&run).expect("a folder");
    fs::set_permissions(&run, Permissions::from_mode(0o700)).expect("rights");
    let mut bus = Bus::start(&run).expect("a bus");
    let done = at(
        folder.path(),
        Command::new(std::env::current_exe().expect("this program")),
    )
    .args([test, "--exact", "--nocapture", "--test-threads=1"])
    .env(INSIDE, test)
    .env(FOLDER, folder.path())
    .env(BUS, bus.0.id().to_string())
    .output()
    .expect("this program starts again");
    // A bus that the test stopped would not end otherwise.
    bus.end();
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr)
    );
    assert!(done.status.success(), "at the desk:\n{said}");
    assert!(said.contains("1 passed"), "no test `{test}` ran at the desk:\n{said}");
    println!("{said}");
}

/// `program` with the variables of the desk in `folder` and no others.
fn at(folder: &Path, mut program: Command) -> Command {
    let run = folder.join("run");
    program
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .env("HOME", folder.join("home"))
        .env("XDG_RUNTIME_DIR", &run)
        .env(
            "DBUS_SESSION_BUS_ADDRESS",
            format!("unix:path={}", run.join("bus").display()),
        )
        .stdin(Stdio::null());
    program
}

pub(super) fn missing(program: &str) -> Option<ProcessError> {
    let mut asked = Command::new(program);
    let asked = asked.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    asked
        .status()
        .is_err_and(|e| e.kind() == io::ErrorKind::NotFound)
        .then(|| ProcessError::Missing {
            program: program.to_owned(),
        })
}

struct Bus(Child);

impl Bus {
    fn start(run: &Path) -> io::Result<Self> {
        let config = run.join("bus.conf");
        let socket = run.join("bus");
        fs::write(
            &config,
            format!(
                "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\" \
                 \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n\
                 <busconfig><type>session</type><listen>unix:path={}</listen><auth>EXTERNAL</auth>\
                 <policy context=\"default\"><allow send_destination=\"*\" eavesdrop=\"true\"/><allow eavesdrop=\"true\"/>\
                 <allow own=\"*\"/></policy></busconfig>\n",
                socket.display()
            ),
        )?;
        let mut program = Command::new("dbus-daemon");
        program.args(["--nofork", "--nopidfile", "--print-address"]);
        program.arg(format!("--config-file={}", config.display()));
        let mut child = program.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        // It listens when it says where.
        let mut address = String::new();
        let said = child.stdout.take().map(io::BufReader::new);
        if let Some(mut said) = said {
            io::BufRead::read_line(&mut said, &mut address)?;
        }
        if address.is_empty() {
            return Err(io::Error::other("the bus ended at once"));
        }
        Ok(Self(child))
    }

    fn end(&mut self) {
        // Both fail only where it has ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        self.end();
    }
}

impl Desk {
    /// The desk's folder, with everything that anybody at it has written.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The home folder of the person at it.
    pub fn home(&self) -> PathBuf {
        self.folder.join("home")
    }

    /// `program` at this desk.
    pub fn program(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        at(&self.folder, Command::new(program))
    }

    /// Starts gnome-keyring with its login keyring unlocked, and waits until it is on the bus. In place of the one before:
    /// that is how a locked one is unlocked where nobody can type.
    pub async fn start_keyring(&mut self) {
        self.end_keyring();
        let mut program = self.program("gnome-keyring-daemon");
        program.args(["--foreground", "--unlock", "--components=secrets"]);
        program.arg(format!(
            "--control-directory={}",
            self.folder.join("run/keyring").display()
        ));
        let quiet = program
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut child = quiet.spawn().expect("the keyring starts");
        let mut input = child.stdin.take().expect("its input");
        input.write_all(PASSWORD).expect("it reads its password");
        drop(input);
        self.keyring = Some(child);
        let up = until(START, async || self.has("org.freedesktop.secrets").then_some(())).await;
        assert!(up.is_some(), "the keyring is not on the bus within {START:?}");
    }

    /// Ends gnome-keyring, if it runs.
    pub fn end_keyring(&mut self) {
        if let Some(mut keyring) = self.keyring.take() {
            let _ = keyring.kill();
            let _ = keyring.wait();
        }
    }

    /// Locks the login keyring, as a desk does that is left alone.
    pub fn lock(&self) {
        let done = self
            .dbus_send("org.freedesktop.secrets", "/org/freedesktop/secrets")
            .arg("org.freedesktop.Secret.Service.Lock")
            .arg("array:objpath:/org/freedesktop/secrets/collection/login")
            .output()
            .expect("dbus-send starts");
        let said = String::from_utf8_lossy(&done.stdout);
        assert!(said.contains("/collection/login"), "it is not locked: {said}");
    }

    /// Stops gnome-keyring where it stands: it stays on the bus and answers nobody.
    pub fn hang_keyring(&self) {
        signal("STOP", self.keyring.as_ref().expect("it runs").id());
    }

    /// Lets it go on.
    pub fn let_keyring_go_on(&self) {
        signal("CONT", self.keyring.as_ref().expect("it runs").id());
    }

    /// Stops the bus itself: whoever connects waits for ever.
    pub fn hang_bus(&self) {
        signal("STOP", self.bus);
    }

    /// Lets the bus go on.
    pub fn let_bus_go_on(&self) {
        signal("CONT", self.bus);
    }

    /// The files at this desk that contain `text`.
    pub fn files_with(&self, text: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.folder.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("a folder of ours").flatten() {
                let kind = entry.file_type().expect("a kind");
                if kind.is_dir() {
                    folders.push(entry.path());
                } else if kind.is_file() {
                    let bytes = fs::read(entry.path()).expect("a file of ours");
                    if bytes.windows(text.len()).any(|window| window == text.as_bytes()) {
                        found.push(entry.path());
                    }
                }
            }
        }
        found
    }

    /// Whether somebody bears this name on the desk's bus.
    pub(super) fn has(&self, name: &str) -> bool {
        let asked = self
            .dbus_send("org.freedesktop.DBus", "/org/freedesktop/DBus")
            .args(["org.freedesktop.DBus.NameHasOwner", &format!("string:{name}")])
            .output();
        asked.is_ok_and(|done| String::from_utf8_lossy(&done.stdout).contains("boolean true"))
    }

    fn dbus_send(&self, to: &str, path: &str) -> Command {
        let mut program = self.program("dbus-send");
        program.args([
            "--session",
            "--print-reply",
            "--reply-timeout=5000",
            &format!("--dest={to}"),
            path,
        ]);
        program
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.end_keyring();
    }
}

pub(super) fn signal(name: &str, process: u32) {
    let done = Command::new("sh")
        .arg("-c")
        .arg(format!("kill -{name} {process}"))
        .status();
    assert!(done.is_ok_and(|status| status.success()), "kill -{name} {process}");
}
