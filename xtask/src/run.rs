//! `run`: opens the window, or rehearses in the terminal where there is no display.

use std::env;
use std::process::{Command, ExitCode, ExitStatus};

use crate::checkout::Checkout;
use crate::failure::Failure;
use crate::setup::{Purpose, setup};

/// A rollout that goes wrong and is put right, a minute a second.
const REHEARSAL: [&str; 6] = [
    "rehearse",
    "plans/conecta360-canary.toml",
    "--scenario",
    "plans/scenarios/conecta360-canary/canary-errors.toml",
    "--speed",
    "60",
];

pub(crate) fn run(here: &Checkout, args: &[String]) -> Result<ExitCode, Failure> {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(&here.root).args(["run", "--package"]);
    if has_display(|name| env::var_os(name).is_some_and(|value| !value.is_empty())) {
        setup(here, Purpose::Window)?;
        eprintln!("Building the window's program (minutes the first time) …");
        cargo.args(["timonel", "--"]);
    } else {
        setup(here, Purpose::Terminal)?;
        eprintln!("No display: rehearsing in the terminal instead. Building (minutes the first time) …");
        cargo.args(["timonel-ctl", "--bin", "timonelctl", "--"]).args(REHEARSAL);
    }
    cargo.args(args);
    let status = cargo
        .status()
        .map_err(|cause| Failure::Advice(format!("cargo could not be started: {cause}")))?;
    Ok(code_of(status))
}

/// Whether a window can open. `set` says whether an environment variable has a value.
fn has_display(set: impl Fn(&str) -> bool) -> bool {
    !cfg!(target_os = "linux") || set("WAYLAND_DISPLAY") || set("DISPLAY")
}

/// The exit code to pass on; 1 where a signal ended the program.
pub(crate) fn code_of(status: ExitStatus) -> ExitCode {
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    code.map_or(ExitCode::FAILURE, ExitCode::from)
}

#[cfg(test)]
mod tests {
    use super::has_display;

    #[test]
    #[cfg(target_os = "linux")]
    fn either_display_will_do() {
        assert!(has_display(|name| name == "DISPLAY"));
        assert!(has_display(|name| name == "WAYLAND_DISPLAY"));
        assert!(!has_display(|_| false));
    }
}
