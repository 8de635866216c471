//! `test`: every check and every test, whatever failed before, and the sums at the end.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use xshell::{Cmd, cmd};

use crate::checkout::{Checkout, on_path};
use crate::counts::{self, Counts};
use crate::failure::Failure;
use crate::setup::system::browser;
use crate::setup::{Purpose, setup};
use crate::tidy;

/// What has been done, in order.
#[derive(Default)]
struct Record {
    steps: Vec<(&'static str, Duration, bool)>,
    counts: Counts,
    skips: Vec<String>,
    /// What failed tests said, once more at the end: a long output is often read from there, or kept only so far back.
    failures: Vec<String>,
}

pub(crate) fn test(here: &Checkout) -> Result<ExitCode, Failure> {
    let mut record = Record::default();
    // Without it nothing that follows means anything.
    if record.step("set up", |_| setup(here, Purpose::Tests)) {
        every_step(here, &mut record);
    }
    Ok(record.close())
}

fn every_step(here: &Checkout, record: &mut Record) {
    let sh = &here.sh;
    record.step("format", |_| Ok(cmd!(sh, "cargo fmt --all --check").run()?));
    record.step("tidy", |_| tidy::tidy(here));
    record.step("page", |_| {
        let _ui = sh.push_dir("ui");
        Ok(cmd!(sh, "npm run --silent check").run()?)
    });
    record.step("page tests", |record| {
        vitest(here, record, cmd!(sh, "npm run --silent test --"), "page")
    });
    record.step("lint", |_| {
        Ok(cmd!(sh, "cargo clippy --locked --workspace --all-targets -- -D warnings").run()?)
    });
    // Tests start the programs themselves, and a runner builds only those of the package under test.
    let built = record.step("programs", |_| {
        cmd!(sh, "cargo build --locked --workspace --bins").run()?;
        // The one that tests of the processes ask for, by itself with its own features: built within a test it would outlast it.
        Ok(cmd!(sh, "cargo build --locked --package timonel-ctl --bin timonelctl").run()?)
    });
    // Otherwise it would be the window of some earlier build.
    if built {
        record.step("window tests", |record| window_tests(here, record));
        record.step("browser tests", |record| browser_tests(here, record));
    }
    record.step("tests", |record| rust_tests(here, record));
}

impl Record {
    /// Does a step and says how long it took. False where it failed.
    fn step(&mut self, name: &'static str, work: impl FnOnce(&mut Self) -> Result<(), Failure>) -> bool {
        eprintln!("\n── {name}");
        #[expect(
            clippy::disallowed_methods,
            reason = "how long a build took is no business of the Clock port"
        )]
        let began = Instant::now();
        let done = work(self);
        if let Err(failure) = &done {
            eprintln!("{name}: {failure}");
        }
        self.steps.push((name, began.elapsed(), done.is_ok()));
        done.is_ok()
    }

    fn count(&mut self, counts: Counts, skips: Vec<String>) {
        self.counts = self.counts + counts.said_skipped(skips.len());
        self.skips.extend(skips);
    }

    /// What one step leaves out, and why.
    fn skip(&mut self, why: String) {
        self.counts.skipped += 1;
        self.skips.push(why);
    }

    /// Prints what was done; the sums are the last line, alone.
    fn close(self) -> ExitCode {
        println!();
        for (name, took, good) in &self.steps {
            println!(
                "{:>7.1} s  {name}{}",
                took.as_secs_f64(),
                if *good { "" } else { "  FAILED" }
            );
        }
        for reason in &self.skips {
            println!("skipped: {reason}");
        }
        for failure in &self.failures {
            println!("{failure}");
        }
        println!("{}", self.counts);
        let good = self.counts.failed == 0 && self.steps.iter().all(|(_, _, good)| *good);
        if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// What the tests start to have a desk of their own: ui/e2e/desk.ts.
const DESK: [&str; 7] = [
    "Xvfb",
    "dbus-daemon",
    "dbus-send",
    "gnome-keyring-daemon",
    "secret-tool",
    "dunst",
    "WebKitWebDriver",
];

/// Opens the real window at a desk of its own and asks it things.
fn window_tests(here: &Checkout, record: &mut Record) -> Result<(), Failure> {
    if let Some(absent) = DESK.iter().find(|name| on_path(name).is_none()) {
        record.skip(format!("the tests of the window: there is no {absent} here"));
        return Ok(());
    }
    let command = cmd!(here.sh, "npm run --silent e2e -- --project=window");
    let program = here.target.join("debug/timonel");
    vitest(here, record, command.env("TIMONEL_PROGRAM", program), "window")
}

/// Opens the same page in an ordinary browser, served by the second host.
fn browser_tests(here: &Checkout, record: &mut Record) -> Result<(), Failure> {
    let Some(browser) = browser() else {
        record.skip("the tests of the page in a browser: there is no Chromium here".to_owned());
        return Ok(());
    };
    let command = cmd!(here.sh, "npm run --silent e2e -- --project=browser");
    let command = command
        .env("TIMONEL_HOST", here.target.join("debug/timonelctl"))
        .env("TIMONEL_BROWSER", browser);
    vitest(here, record, command, "browser")
}

/// Runs `command`, which takes vitest's options, in ui/ and counts its tests under `name`.
fn vitest(here: &Checkout, record: &mut Record, command: Cmd<'_>, name: &str) -> Result<(), Failure> {
    let report = here.target.join("ui").join(format!("{name}-tests.json"));
    // A report of an earlier run must not be counted again.
    here.sh.remove_path(&report)?;
    let _ui = here.sh.push_dir("ui");
    let command = command
        .args(["--reporter=default", "--reporter=json"])
        .arg(format!("--outputFile.json={}", report.display()));
    let (good, output) = watched(Command::from(command))?;
    record.failures.extend(counts::failures_of_vitest(&output));
    let found = fs::read_to_string(&report).ok().as_deref().and_then(counts::of_vitest);
    record.count(found.unwrap_or_default(), Vec::new());
    match (good, found) {
        (true, Some(_)) => Ok(()),
        (true, None) => Err(Failure::Advice("vitest left no report of its tests".to_owned())),
        (false, _) => Err(Failure::Advice(format!("tests of the {name} failed, see below"))),
    }
}

fn rust_tests(here: &Checkout, record: &mut Record) -> Result<(), Failure> {
    let junit = here.target.join("nextest/default/junit.xml");
    here.sh.remove_path(&junit)?;
    let nextest = on_path("cargo-nextest").is_some();
    let mut cargo = Command::new("cargo");
    if nextest {
        cargo.args(["nextest", "run", "--locked", "--workspace", "--no-tests=pass"]);
    } else {
        cargo.args([
            "test",
            "--locked",
            "--workspace",
            "--no-fail-fast",
            "--",
            "--show-output",
        ]);
    }
    cargo.current_dir(&here.root).env("PATH", here.path_with_tools()?);
    let (good, output) = watched(cargo)?;
    let (found, printed) = if nextest {
        (
            counts::of_nextest(&output),
            fs::read_to_string(&junit).unwrap_or_default(),
        )
    } else {
        (counts::of_cargo_test(&output), output)
    };
    record.count(found.unwrap_or_default(), counts::skip_reasons(&printed));
    match (good, found) {
        (true, Some(_)) => Ok(()),
        (true, None) => Err(Failure::Advice(
            "the test runner passed, but its sums were not understood".to_owned(),
        )),
        (false, _) => Err(Failure::Advice("tests failed or did not compile, see above".to_owned())),
    }
}

/// Runs a command, showing what it prints as it comes. Whether it succeeded, and all it printed.
fn watched(mut command: Command) -> Result<(bool, String), Failure> {
    let started = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child =
        started.map_err(|cause| Failure::Advice(format!("a program of the tests could not be started: {cause}")))?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let output = thread::scope(|scope| {
        let err = scope.spawn(|| err.map(shown).unwrap_or_default());
        let out = out.map(shown).unwrap_or_default();
        out + &err.join().unwrap_or_default()
    });
    let status = child
        .wait()
        .map_err(|cause| Failure::Advice(format!("a program of the tests was lost: {cause}")))?;
    Ok((status.success(), output))
}

fn shown(stream: impl Read) -> String {
    let mut all = String::new();
    let mut lines = BufReader::new(stream);
    let mut line = Vec::new();
    // Tests may print what is not UTF-8.
    while matches!(lines.read_until(b'\n', &mut line), Ok(1..)) {
        let text = String::from_utf8_lossy(&line);
        eprint!("{text}");
        all.push_str(&text);
        line.clear();
    }
    all
}
