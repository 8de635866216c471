//! The command line: which commands there are. What each is told is in the files beside it.

mod judge;
mod orders;
mod place;
mod programs;

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand};
use timonel_bridge::Speed;
use timonel_bridge::chart::Zone;
use timonel_domain::time::Timestamp;
use timonel_domain::value::RolloutId;

use crate::credential::CredentialCommand;

pub(crate) use judge::{Backtest, JudgeCommand, PlanCommand, Power, When};
pub(crate) use orders::{Because, Open, Pin, Press, Release, Rollback, Sign, Watch};
pub(crate) use place::{Folder, Installation};
pub(crate) use programs::{Engine, UiHost};

/// Moves live phone calls to a new system a little at a time, and puts every call back at once.
#[derive(Debug, Parser)]
#[command(name = "timonelctl", version, about)]
pub(crate) struct Args {
    /// Language of what is printed: es or en. The desk's own by default.
    #[arg(long, global = true)]
    pub(crate) lang: Option<String>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Plan files: check one, print the JSON Schema.
    #[command(subcommand)]
    Plan(PlanCommand),
    /// Run a plan against the simulator's world, over real sockets, in virtual time.
    Rehearse(Rehearse),
    /// The rollouts of this installation and where they stand, by the journal.
    Status {
        #[command(flatten)]
        at: Installation,
    },
    /// Look on at a rollout that any program leads, through the store: what happens, who has the helm, when the store is away.
    Watch(Watch),
    /// Put a rollout back to 0 %, now: asked of whoever has the helm, and done from here where that does not answer.
    Rollback(Rollback),
    /// Keep one tenant's calls on stable, or let it take part again; the rollout goes on.
    Pin(Pin),
    /// Check everything and arm: asked, as all that follows up to `close`, of the engine that has the helm.
    Arm(Press),
    /// Start the first phase of an armed rollout.
    Start(Press),
    /// Sign one of the plan's checklists.
    Sign(Sign),
    /// Approve leaving the present phase.
    Approve(Press),
    /// Freeze: nothing is raised until somebody releases it.
    Freeze(Because),
    /// Release what a person, an alert or a lack of evidence holds.
    Release(Release),
    /// Reset the latch after a rollback, which permits arming again.
    Reset(Because),
    /// Close a rollout that is over, or that nobody began.
    Close(Press),
    /// Drill the rollback of an armed rollout at 0 %: carried out, timed, recorded, and released again.
    Drill(Press),
    /// Draw a metric of both arms with its limits, or the phases over time, into an SVG or PNG file.
    Chart(Chart),
    /// Keys of accounts: store, list, try at the provider, take away.
    #[command(subcommand)]
    Credential(CredentialCommand),
    /// Open a rollout of a plan in one of its environments, as a draft; connects to nothing and moves nothing.
    Open(Open),
    /// Serve the window's page to a browser of this machine; prints the address with its token. Opens the rollout of this
    /// installation that was left open, else the simulator, where nothing else is said.
    UiHost(UiHost),
    /// Keep the rollouts of an installation up without a window: on a server, or in a cluster. Ends in order on SIGTERM.
    Engine(Engine),
    /// Check this installation, and a plan's targets and sources; write nothing.
    Doctor(Doctor),
    /// The record of what was done, by itself.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// The evidence of finished calls, by itself.
    #[command(subcommand)]
    Judge(JudgeCommand),
    /// Try a plan on calls of the past: what would have fired, when, and what would have followed. Connects to no target and
    /// writes nothing; ends with 0 whatever would have fired.
    Backtest(Backtest),
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Check every chain of the journal, and of what was done from rollback kits while the store was away. Names the first
    /// broken entry of each and ends with 1 where there is one. Changes nothing.
    Verify(Verify),
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Verify {
    /// Copies of a database file, and files of rollback kits (.journal, .merged); this installation's own where none is given.
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) at: Installation,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Rehearse {
    /// The plan.
    pub(crate) plan: PathBuf,
    /// What happens in the world.
    #[arg(long)]
    pub(crate) scenario: PathBuf,
    /// Virtual seconds a real second, or `max`.
    #[arg(long, default_value = "max")]
    pub(crate) speed: Speed,
    /// Seed of the world in place of the scenario's.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// One JSON object a line: the steps, and last the summary.
    #[arg(long)]
    pub(crate) json: bool,
    /// Keep store, intent file and samples in this new folder instead of a temporary one.
    #[arg(long)]
    pub(crate) keep: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Chart {
    /// Which rollout; may be left out where only one is open, or only one under way.
    pub(crate) rollout: Option<RolloutId>,
    #[command(flatten)]
    pub(crate) at: Installation,
    /// A metric of the plan, such as error_rate or "response_time p95", or `timeline` for the phases.
    #[arg(long)]
    pub(crate) metric: String,
    /// The file to write: .svg or .png.
    #[arg(long)]
    pub(crate) out: PathBuf,
    /// For a dark screen.
    #[arg(long)]
    pub(crate) dark: bool,
    /// From when, like 2026-11-23T13:00:00Z; from the rollout's beginning otherwise.
    #[arg(long)]
    pub(crate) from: Option<Timestamp>,
    /// Until when; until the newest reading otherwise.
    #[arg(long)]
    pub(crate) to: Option<Timestamp>,
    /// The time axis, as an offset from UTC such as -05:00.
    #[arg(long, default_value = "Z", allow_hyphen_values = true)]
    pub(crate) zone: Zone,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Doctor {
    #[command(flatten)]
    pub(crate) folder: Folder,
    /// A plan whose targets and sources are checked as well.
    #[arg(long)]
    pub(crate) plan: Option<PathBuf>,
    /// The plan's environment.
    #[arg(long, requires = "plan")]
    pub(crate) environment: Option<String>,
    /// A kubeconfig in place of the one kubectl would use.
    #[arg(long)]
    pub(crate) kubeconfig: Option<PathBuf>,
}
