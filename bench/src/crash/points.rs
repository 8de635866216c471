//! Every point of the sagas: the tests that try a few of them are asked for all.

use std::fmt;
use std::process::Command;

use serde_json::Value;

/// What the points came to, in this process and by `kill -9` of others.
#[derive(Debug, Default)]
pub(super) struct Tried {
    pub(super) points: u64,
    pub(super) repeated: u64,
    pub(super) lost: u64,
    pub(super) raised_after: u64,
    killed: u64,
}

impl fmt::Display for Tried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} points tried, {} of them a kill -9 of a real process; {} effects repeated, {} events lost, {} raises after a rollback",
            self.points, self.killed, self.repeated, self.lost, self.raised_after
        )
    }
}

/// Runs both harnesses, with a kill at up to `most` points of each saga.
pub(super) fn try_all(most: u32) -> Result<Tried, String> {
    let inside = asked(
        &["--package", "timonel-engine", "--lib"],
        "tests::crash::whatever_is_stopped_anywhere_is_taken_up_on_the_safe_side",
        most,
    )?;
    let killed = asked(
        &["--package", "timonel-bridge", "--test", "product"],
        "killed::whatever_is_killed_at_any_word_is_taken_up_on_the_safe_side",
        most,
    )?;
    let both = |of: &str| Ok::<_, String>(number(&inside, of)? + number(&killed, of)?);
    Ok(Tried {
        points: both("points")?,
        repeated: both("repeated")?,
        lost: both("lost")?,
        raised_after: both("raised_after")?,
        killed: number(&killed, "points")?,
    })
}

/// The figures that one of them prints.
fn asked(of: &[&str], test: &str, most: u32) -> Result<Value, String> {
    let done = Command::new("cargo")
        .args(["test", "--quiet", "--locked"])
        .args(of)
        .args(["--", "--exact", test, "--nocapture"])
        .env("TIMONEL_KILL", most.to_string())
        .output()
        .map_err(|e| format!("cargo: {e}"))?;
    let text = String::from_utf8_lossy(&done.stdout);
    if !done.status.success() {
        return Err(format!("{test}: {text}\n{}", String::from_utf8_lossy(&done.stderr)));
    }
    let figures = text.lines().filter_map(|line| line.find('{').map(|at| &line[at..]));
    figures
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find(|found| found.get("points").is_some())
        .ok_or_else(|| format!("{test} says no figures: {text}"))
}

fn number(figures: &Value, of: &str) -> Result<u64, String> {
    figures[of].as_u64().ok_or_else(|| format!("no {of} in {figures}"))
}
