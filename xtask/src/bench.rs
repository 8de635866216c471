//! `bench NAME`: builds the benches in release and starts one.
//!
//! What is measured and how is crate `bench`'s; its last line on stdout is one JSON object, so nothing is printed after it.

use std::process::{Command, ExitCode};

use xshell::cmd;

use crate::checkout::Checkout;
use crate::failure::Failure;
use crate::run::code_of;

pub(crate) fn bench(here: &Checkout, name: &str, args: &[String]) -> Result<ExitCode, Failure> {
    // Built first, so that a build that fails is 1, "could not measure", and not a code of cargo's own.
    cmd!(here.sh, "cargo build --release --package timonel-bench").run()?;
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
