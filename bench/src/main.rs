//! The benches: `timonel-bench NAME`, started by `cargo xtask bench NAME`.
//!
//! Each runs its baseline in the same call, in turns (A B A B), prints figures for people and, as its last line, one
//! JSON object `{"bench":…,"figures":{…},"ratio":…,"aim":…,"ok":…}`. Exit 0 whether or not the aim is met, 1 where it
//! could not measure. Deliberately not here: assertions; speed is no test.

mod crash;
mod detect;
mod failover;
mod fanout;
mod journal;
mod judge;
mod odds;
mod rehearsal;
mod rules;
mod slope;
mod soak;
mod startup;
mod store;

use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};

/// Measures one thing beside its baseline.
#[derive(Debug, Parser)]
struct Args {
    /// Which bench.
    name: Name,
    /// Only for `rules`: the window in seconds, which both fill before they are measured. A trial may take less than 300.
    #[arg(long, default_value_t = 300)]
    window: u64,
    /// Only for `detect`: rounds of about five minutes.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=3))]
    rounds: u32,
    /// Only for `crash`: at how many points of each saga a process is killed, at most.
    #[arg(long, default_value_t = 1000)]
    points: u32,
    /// Only for `soak`, which starts itself with it: one of its runs.
    #[arg(long, hide = true)]
    part: Option<soak::Part>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Name {
    /// A whole rehearsal at full speed beside as many bare requests over loopback.
    Rehearsal,
    /// A rollback of 5,000 numbers beside the least that the provider's limit allows.
    RollbackFanout,
    /// T, R and O over ten million units, beside a plain loop for T alone.
    Judge,
    /// False alarms and delays of the evidence, beside JUDGE.md's own.
    JudgeOdds,
    /// 10,000 rules every second, beside Prometheus on the same counters.
    Rules,
    /// The window's program from its start to the first text, and its memory, beside an empty window.
    Startup,
    /// Durable commits of the journal, beside bare overwrites of the same disk.
    Journal,
    /// From the first failing call to the weight of 0, beside Prometheus, Alertmanager and a webhook.
    Detect,
    /// From a kill to the next decision with a million entries in the journal, and what kills at every point come to.
    Crash,
    /// Every query of screens and rules, while what is kept grows a thousandfold, on both databases.
    Store,
    /// From kill -9 of the engine that has the helm to the other's next decision, over PostgreSQL.
    Failover,
    /// More than a day of a rollout, in virtual time: what grows of memory and files, beside an idle draft.
    Soak,
}

/// Bytes that the program holds of what it allocated; `None` where that is not counted, as counting costs every allocation.
pub(crate) type Counted = dyn Fn() -> Option<usize>;

#[cfg(feature = "counted")]
#[global_allocator]
static ALLOCATED: peak_alloc::PeakAlloc = peak_alloc::PeakAlloc;

#[cfg(feature = "counted")]
fn counted() -> Option<usize> {
    Some(ALLOCATED.current_usage())
}

#[cfg(not(feature = "counted"))]
fn counted() -> Option<usize> {
    None
}

/// What a bench found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) name: &'static str,
    pub(crate) figures: serde_json::Value,
    /// Ours by the baseline's; smaller is better, but for [`Name::Judge`] and [`Name::Journal`].
    pub(crate) ratio: f64,
    pub(crate) aim: f64,
}

fn main() -> ExitCode {
    let Args {
        name,
        window,
        rounds,
        points,
        part,
    } = Args::parse();
    if let Some(part) = part {
        return match soak::play(part, &counted) {
            Ok(()) => ExitCode::SUCCESS,
            Err(why) => {
                eprintln!("could not measure: {why}");
                ExitCode::from(1)
            }
        };
    }
    let found = match name {
        Name::Rehearsal => rehearsal::measure(),
        Name::RollbackFanout => fanout::measure(),
        Name::Judge => judge::measure(),
        Name::JudgeOdds => odds::measure(),
        Name::Rules => rules::measure(Duration::from_secs(window)),
        Name::Startup => startup::measure(),
        Name::Journal => journal::measure(),
        Name::Detect => detect::measure(rounds),
        Name::Crash => crash::measure(points),
        Name::Store => store::measure(),
        Name::Soak => soak::measure(),
        Name::Failover => failover::measure(),
    };
    match found {
        Ok(found) => {
            let ok = match name {
                // Work in the same time, not time for the same work.
                Name::Judge | Name::Journal => found.ratio >= found.aim,
                Name::Rehearsal
                | Name::RollbackFanout
                | Name::JudgeOdds
                | Name::Rules
                | Name::Startup
                | Name::Detect
                | Name::Crash
                | Name::Store
                | Name::Failover
                | Name::Soak => found.ratio <= found.aim,
            };
            let line = serde_json::json!({
                "bench": found.name, "figures": found.figures, "ratio": found.ratio, "aim": found.aim, "ok": ok,
            });
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("could not measure: {why}");
            ExitCode::from(1)
        }
    }
}

/// The middle one of some measurements.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
