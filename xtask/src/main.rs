//! `cargo xtask`: what a person types in a checkout.
//!
//! Nothing of Timonel itself is here, and no crate of ours is known: this is built before all of them, in seconds.

use std::process::ExitCode;

use checkout::Checkout;
use failure::Failure;

mod bench;
mod checkout;
mod counts;
mod failure;
mod run;
mod setup;
mod test;
mod tidy;

const USAGE: &str = "\
cargo xtask run [ARGS]        open the window; without a display, rehearse a rollout in the terminal
                              (there ARGS go to `timonelctl rehearse`)
cargo xtask test              every check and every test; the last line is `N passed, N failed, N skipped`
cargo xtask bench NAME [ARGS] one bench, built in release; the last line is one JSON object
cargo xtask tidy              the rules of the code base that no compiler knows
cargo xtask setup             what `test` does first: system packages, programs for tests, the window's page
";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let command = args.next();
    let rest: Vec<String> = args.collect();
    match dispatch(command.as_deref(), &rest) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(command: Option<&str>, rest: &[String]) -> Result<ExitCode, Failure> {
    let here = Checkout::find()?;
    match (command, rest) {
        (Some("run"), args) => run::run(&here, args),
        (Some("test"), []) => test::test(&here),
        (Some("bench"), [name, args @ ..]) => bench::bench(&here, name, args),
        (Some("tidy"), []) => tidy::tidy(&here).map(|()| ExitCode::SUCCESS),
        (Some("setup"), []) => setup::setup(&here, setup::Purpose::Tests).map(|()| ExitCode::SUCCESS),
        (Some("help" | "--help" | "-h"), _) => {
            print!("{USAGE}");
            Ok(ExitCode::SUCCESS)
        }
        (Some(_) | None, _) => {
            eprint!("{USAGE}");
            Ok(ExitCode::from(2))
        }
    }
}
