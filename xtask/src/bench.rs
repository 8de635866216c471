//! `bench NAME`: builds the benches in release and starts one.
//!
//! What is measured and how is crate `bench`'s; its last line on stdout is one JSON object, so nothing is printed after it.

use std::process::{Command, ExitCode};

use xshell::cmd;

use crate::checkout::Checkout;
use crate::failure::Failure;
use crate::run::code_of;
use crate::setup::{Purpose, setup};

/// The bench that starts the window itself, and the empty one beside it.
const STARTUP: &str = "startup";
/// The bench that counts what is allocated.
const SOAK: &str = "soak";
/// The bench that starts engines as processes.
const FAILOVER: &str = "failover";
/// The bench that kills the program.
const CRASH: &str = "crash";

pub(crate) fn bench(here: &Checkout, name: &str, args: &[String]) -> Result<ExitCode, Failure> {
    let mut packages = vec!["--package", "timonel-bench"];
    if name == STARTUP {
        setup(here, Purpose::Window)?;
        packages.extend(["--package", "timonel", "--package", "timonel-empty-window"]);
    }
    if name == SOAK {
        packages.extend(["--features", "timonel-bench/counted"]);
    }
    if [FAILOVER, CRASH].contains(&name) {
        packages.extend(["--package", "timonel-ctl"]);
    }
    // Built first, so that a build that fails is 1, "could not measure", and not a code of cargo's own.
    cmd!(here.sh, "cargo build --release --locked {packages...}").run()?;
    let program = here
        .target
        .join("release")
        .join(format!("timonel-bench{}", std::env::consts::EXE_SUFFIX));
    let status = Command::new(&program)
        .arg(name)
        .args(args)
        .current_dir(&here.root)
        .env("PATH", here.path_with_tools()?)
        .status()
        .map_err(Failure::file(&program))?;
    Ok(code_of(status))
}
