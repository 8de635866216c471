//! The desktop program.
// No console window beside the program on Windows.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

use std::process::ExitCode;

fn main() -> ExitCode {
    match timonel_app::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("timonel: {problem}");
            ExitCode::FAILURE
        }
    }
}
