//! Arguments of what judges without a rollout: checking a plan, its power, a backtest.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Subcommand};
use timonel_domain::time::Timestamp;

#[derive(Debug, Subcommand)]
pub(crate) enum PlanCommand {
    /// Say what is wrong in a plan file, where, and what to write instead. Exit 2 where it cannot be used.
    Check {
        /// The plan.
        file: PathBuf,
        /// A scenario to check together with it.
        #[arg(long)]
        scenario: Option<PathBuf>,
    },
    /// Say before the start what each phase can show: by simulation, with the code that will decide.
    Power(Power),
    /// Print the JSON Schema of plan files.
    Schema {
        /// That of scenario files instead.
        #[arg(long)]
        scenario: bool,
    },
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Power {
    /// The plan.
    pub(crate) file: PathBuf,
    /// Calls a day, of both versions together.
    #[arg(long)]
    pub(crate) units_per_day: f64,
    /// The share of calls that fails today, 0 to 1.
    #[arg(long, default_value_t = 0.02)]
    pub(crate) base: f64,
    /// What another share is today, such as abandonment=0.06 or speech_recognition=0.9; may be given more than once.
    #[arg(long, value_name = "METRIC=SHARE", value_parser = share_of)]
    pub(crate) today: Vec<(String, f64)>,
    /// One JSON object.
    #[arg(long)]
    pub(crate) json: bool,
    /// Seed of the simulation; the same one gives the same figures.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
}

/// `METRIC=SHARE`; whether a plan can have such a share, the planner says.
fn share_of(text: &str) -> Result<(String, f64), String> {
    let (metric, share) = text
        .split_once('=')
        .ok_or("write METRIC=SHARE, such as abandonment=0.06")?;
    let share = share.parse().map_err(|_| format!("{share} is no number"))?;
    Ok((metric.to_owned(), share))
}

#[derive(Debug, Subcommand)]
pub(crate) enum JudgeCommand {
    /// Print the evidence after each finished call of a file, one JSON object a line. Exit 2, and nothing on the
    /// output, where a line cannot be read.
    Replay {
        /// One JSON object a line: arm (stable, canary), failed, weight in percent; optional id, at, tenant, latency_ms.
        file: PathBuf,
        /// The limit of the error rate that the canary is held to, 0 to 1.
        #[arg(long, default_value_t = 0.05)]
        p0: f64,
        /// Begin a new test every so many calls; by default as many as bring one to the canary on average.
        #[arg(long)]
        restart_every: Option<NonZeroU32>,
    },
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Backtest {
    /// The plan.
    pub(crate) plan: PathBuf,
    /// Finished calls, one JSON object a line in any order: arm (stable, canary), failed, weight in percent, at; optional id,
    /// latency_ms, duration_ms, abandoned, turns and recognised. Exit 2, and nothing on the output, where a line cannot be read.
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "prometheus",
        conflicts_with = "prometheus"
    )]
    pub(crate) outcomes: Option<PathBuf>,
    /// The address of a Prometheus that kept the plan's signals, asked in place of the plan's own.
    #[arg(long, value_name = "URL", requires = "from")]
    pub(crate) prometheus: Option<String>,
    /// From when: a moment like 2026-11-23T13:00:00Z, or how long ago, like 24h.
    #[arg(long, requires = "prometheus")]
    pub(crate) from: Option<When>,
    /// Until when, likewise; now by default.
    #[arg(long, requires = "prometheus")]
    pub(crate) to: Option<When>,
    /// The phase that it is assumed to have stood in, by its id or counted from 1. By default the weight of the calls says
    /// it, and a Prometheus is read as the first phase.
    #[arg(long, conflicts_with = "weight")]
    pub(crate) phase: Option<String>,
    /// The share of calls on the new version, in percent, in place of a phase.
    #[arg(long)]
    pub(crate) weight: Option<f64>,
    /// One JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// A moment of the past.
#[derive(Debug, Clone, Copy)]
pub(crate) enum When {
    /// That one.
    At(Timestamp),
    /// So long ago.
    Ago(Duration),
}

impl When {
    /// The moment, as seen from `now`.
    pub(crate) fn at(self, now: Timestamp) -> Timestamp {
        match self {
            When::At(at) => at,
            When::Ago(ago) => now - ago,
        }
    }
}

impl std::str::FromStr for When {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(ago) = humantime::parse_duration(text) {
            return Ok(When::Ago(ago));
        }
        let at = text.parse::<Timestamp>();
        at.map(When::At)
            .map_err(|error| format!("{error}, or how long ago, like 24h"))
    }
}
