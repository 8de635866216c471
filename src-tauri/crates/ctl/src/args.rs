//! The command line.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args as ClapArgs, Parser, Subcommand};
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use timonel_bridge::chart::Zone;
use timonel_bridge::connect::loopback;
use timonel_bridge::desk::HelmKeeper;
use timonel_bridge::headless::heartbeat::Call;
use timonel_bridge::{BridgeError, Desk, Speed};
use timonel_domain::time::Timestamp;
use timonel_domain::value::{Person, RolloutId, TenantId, Writer};
use timonel_ports::clock::SystemClock;
use timonel_ports::secrets::SecretId;
use timonel_wire::{HoldName, ToOpen};

use crate::credential::CredentialCommand;

/// Characters of a program's name at most.
const LONGEST_NAME: usize = 80;

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
pub(crate) struct Folder {
    /// The installation's folder; by default $TIMONEL_HOME, else ~/.local/share/timonel.
    #[arg(long = "home")]
    home: Option<PathBuf>,
}

impl Folder {
    pub(crate) fn path(&self) -> PathBuf {
        self.home.clone().unwrap_or_else(timonel_bridge::home::folder)
    }
}

/// An installation, and where its store is.
#[derive(Debug, ClapArgs)]
pub(crate) struct Installation {
    #[command(flatten)]
    pub(crate) folder: Folder,
    /// The store: postgres://USER:PASSWORD@HOST/DATABASE, a path, or sqlite:PATH. The file in the installation's folder by default.
    #[arg(long, env = "TIMONEL_STORE", hide_env_values = true, value_parser = secret)]
    pub(crate) store: Option<SecretString>,
    /// Where helms are kept: store, or lease:NAMESPACE[@CONTEXT] for Leases of a Kubernetes cluster. The same for every program that
    /// works on the same rollouts.
    #[arg(long, env = "TIMONEL_HELM", default_value = "store")]
    pub(crate) helm: HelmKeeper,
}

impl Installation {
    /// Opens its store.
    pub(crate) async fn desk(&self) -> Result<Desk, BridgeError> {
        self.desk_by(None).await
    }

    /// Opens its store for a rollback, which waits for nothing else: [`Desk::in_time`].
    pub(crate) async fn desk_in_time(&self, kubeconfig: Option<&Path>) -> Result<Desk, BridgeError> {
        let desk = Desk::in_time(&self.folder.path(), self.store.as_ref(), &SystemClock::shared()).await?;
        Ok(desk.with_helms(&self.helm, kubeconfig).await)
    }

    /// Opens its store; Leases are reached by `kubeconfig` in place of the one kubectl would use.
    pub(crate) async fn desk_by(&self, kubeconfig: Option<&Path>) -> Result<Desk, BridgeError> {
        let desk = Desk::of(&self.folder.path(), self.store.as_ref(), &SystemClock::shared()).await?;
        Ok(desk.with_helms(&self.helm, kubeconfig).await)
    }
}

/// Who wants something of which rollout.
#[derive(Debug, ClapArgs)]
pub(crate) struct Press {
    #[command(flatten)]
    pub(crate) at: Installation,
    /// Which rollout; may be left out where only one is open, or only one under way.
    #[arg(long)]
    pub(crate) rollout: Option<RolloutId>,
    /// Who asks for it, for the journal.
    #[arg(long, env = "USER", default_value = "desconocido")]
    pub(crate) by: Person,
    /// A kubeconfig in place of the one kubectl would use.
    #[arg(long)]
    pub(crate) kubeconfig: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Watch {
    #[command(flatten)]
    pub(crate) at: Installation,
    /// Which rollout; may be left out where only one is open, or only one under way.
    #[arg(long)]
    pub(crate) rollout: Option<RolloutId>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Because {
    #[command(flatten)]
    pub(crate) press: Press,
    /// Why, for the journal.
    #[arg(long)]
    pub(crate) reason: String,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Sign {
    #[command(flatten)]
    pub(crate) press: Press,
    /// The checklist, by its id in the plan.
    pub(crate) checklist: String,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Release {
    #[command(flatten)]
    pub(crate) because: Because,
    /// What holds it.
    #[arg(value_enum)]
    pub(crate) hold: HoldKind,
    /// The target, where it is held because somebody else moved one.
    #[arg(long, required_if_eq_any([("hold", "drift"), ("hold", "shift")]))]
    pub(crate) target: Option<String>,
}

/// What a person can release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum HoldKind {
    /// A person froze it, or a reduction waits for one.
    Operator,
    /// An alert.
    Alert,
    /// Somebody else moved a target.
    Drift,
    /// A target could not be moved.
    Shift,
    /// Nobody watched for a while.
    Gap,
    /// Evidence is missing.
    Evidence,
}

impl Release {
    /// Which hold it is.
    pub(crate) fn hold(&self) -> HoldName {
        let target = self.target.clone().unwrap_or_default();
        match self.hold {
            HoldKind::Operator => HoldName::Operator,
            HoldKind::Alert => HoldName::Alert,
            HoldKind::Drift => HoldName::Drift { target },
            HoldKind::Shift => HoldName::Shift { target },
            HoldKind::Gap => HoldName::Gap,
            HoldKind::Evidence => HoldName::NoEvidence,
        }
    }
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Pin {
    #[command(flatten)]
    pub(crate) press: Press,
    /// The tenant, by its id in the plan.
    pub(crate) tenant: TenantId,
    /// Why, for the journal.
    #[arg(long)]
    pub(crate) reason: String,
    /// Let it take part again, from the next raise on.
    #[arg(long)]
    pub(crate) off: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Rollback {
    #[command(flatten)]
    pub(crate) press: Press,
    /// Say yes where the stable side is no longer kept.
    #[arg(long)]
    pub(crate) confirmed: bool,
    /// Only print the commands to paste; do nothing.
    #[arg(long)]
    pub(crate) commands: bool,
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

#[derive(Debug, ClapArgs)]
pub(crate) struct Open {
    #[command(flatten)]
    pub(crate) at: Installation,
    /// The plan.
    pub(crate) plan: PathBuf,
    /// The plan's environment.
    #[arg(long)]
    pub(crate) environment: String,
}

/// What a page opens on.
#[derive(Debug, ClapArgs)]
pub(crate) struct Start {
    /// A plan to open in one of its environments: its rollout that is not over, else a new one, as a draft.
    #[arg(long, requires = "environment", conflicts_with_all = ["rollout", "simulator"])]
    plan: Option<PathBuf>,
    /// The plan's environment.
    #[arg(long, requires = "plan")]
    environment: Option<String>,
    /// A rollout of this installation to take up.
    #[arg(long, conflicts_with = "simulator")]
    rollout: Option<RolloutId>,
    /// The simulator, whatever was left open.
    #[arg(long)]
    simulator: bool,
}

impl Start {
    /// What is asked for; `None` where the installation's own state says it.
    pub(crate) fn to_open(&self) -> std::io::Result<Option<ToOpen>> {
        if let (Some(plan), Some(environment)) = (&self.plan, &self.environment) {
            return Ok(Some(ToOpen::Plan {
                path: std::path::absolute(plan)?.display().to_string(),
                environment: environment.clone(),
            }));
        }
        let rollout = self.rollout.as_ref().map(|rollout| ToOpen::Rollout {
            rollout: rollout.to_string(),
        });
        Ok(rollout.or(self.simulator.then_some(ToOpen::Simulator)))
    }
}

#[derive(Debug, ClapArgs)]
pub(crate) struct UiHost {
    #[command(flatten)]
    pub(crate) at: Installation,
    #[command(flatten)]
    pub(crate) start: Start,
    /// A kubeconfig in place of the one kubectl would use.
    #[arg(long)]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// The port on 127.0.0.1; 0 is any that is free.
    #[arg(long, default_value_t = 0)]
    pub(crate) port: u16,
    /// Rollout seconds a real second, in the simulator.
    #[arg(long, default_value = "10")]
    pub(crate) speed: Speed,
    /// Let the scenario's virtual person sign, arm, start and approve, in the simulator.
    #[arg(long)]
    pub(crate) operator: bool,
    /// Who orders from the page, for the journal.
    #[arg(long, env = "USER", default_value = "desconocido")]
    pub(crate) by: Person,
    /// The built page; by default that of the checkout.
    #[arg(long, default_value = crate::host::BUILT)]
    pub(crate) pages: PathBuf,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Engine {
    #[command(flatten)]
    pub(crate) at: Installation,
    /// A plan in one of its environments: its rollout that is not over, else a new one, as a draft.
    #[arg(long, requires = "environment", conflicts_with = "rollout")]
    pub(crate) plan: Option<PathBuf>,
    /// The plan's environment.
    #[arg(long, requires = "plan")]
    pub(crate) environment: Option<String>,
    /// This rollout alone; every one that is open where nothing is said, those that are opened later too.
    #[arg(long)]
    pub(crate) rollout: Option<RolloutId>,
    /// This program's name in the journal; no two programs that share a store have the same. By default `motor-` and this machine's
    /// name.
    #[arg(long, env = "TIMONEL_NAME", default_value_t = of_this_machine())]
    pub(crate) name: Writer,
    /// A kubeconfig in place of the one kubectl would use.
    #[arg(long)]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Where /healthz, /readyz and /metrics are answered. They show weights and names, and change nothing.
    #[arg(long, default_value = "127.0.0.1:9464")]
    pub(crate) listen: SocketAddr,
    /// Finished calls are pushed to this address of loopback as they end, in place of reading the plan's source of this name for
    /// what they tell: app=127.0.0.1:9465. Whoever may run programs on this machine may push.
    #[arg(long, value_name = "SOURCE=ADDRESS", value_parser = source_at)]
    pub(crate) inbox: Option<(String, SocketAddr)>,
    /// What is logged, such as info, warn or timonel_engine=debug.
    #[arg(long, env = "TIMONEL_LOG", default_value = "info")]
    pub(crate) log: String,
    /// How long an end waits for calls that are being moved or put back.
    #[arg(long, default_value = "25s", value_parser = humantime::parse_duration)]
    pub(crate) grace: Duration,
    /// The credential that is the address of a dead man's switch, called for as long as we are healthy.
    #[arg(long, value_name = "CREDENTIAL")]
    pub(crate) heartbeat: Option<SecretId>,
    /// How the dead man's switch wants to be called.
    #[arg(long, value_enum, default_value_t = HeartbeatCall::Get)]
    pub(crate) heartbeat_call: HeartbeatCall,
    /// How often heartbeats are sent; a second at least.
    #[arg(long, default_value = "30s", value_parser = a_second_at_least)]
    pub(crate) heartbeat_every: Duration,
    /// An Alertmanager in which the alert Watchdog fires for as long as we are healthy, by its base address.
    #[arg(long, value_name = "URL")]
    pub(crate) alertmanager: Option<String>,
}

/// `SOURCE=ADDRESS`, an address that only this machine reaches.
fn source_at(text: &str) -> Result<(String, SocketAddr), String> {
    let (source, address) = text
        .split_once('=')
        .ok_or("write SOURCE=ADDRESS, such as app=127.0.0.1:9465")?;
    let address = address
        .parse()
        .map_err(|_| format!("{address} is no address: write 127.0.0.1:PORT"))?;
    let address = loopback(address).map_err(|why| why.to_string())?;
    Ok((source.to_owned(), address))
}

/// How a dead man's switch is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum HeartbeatCall {
    /// With a GET.
    Get,
    /// With an empty POST.
    Post,
}

impl From<HeartbeatCall> for Call {
    fn from(call: HeartbeatCall) -> Self {
        match call {
            HeartbeatCall::Get => Call::Get,
            HeartbeatCall::Post => Call::Post,
        }
    }
}

/// The name of an engine of this machine, as far as the machine's own can be part of one.
fn of_this_machine() -> Writer {
    let machine = hostname::get().unwrap_or_default();
    name_on(&machine.to_string_lossy())
}

fn name_on(machine: &str) -> Writer {
    let fits = |c: char| {
        if c.is_ascii_alphanumeric() || "-_.".contains(c) {
            c.to_ascii_lowercase()
        } else {
            '-'
        }
    };
    let machine: String = machine.chars().map(fits).collect();
    let mut name = format!("motor-{machine}");
    if name.len() > LONGEST_NAME {
        // Machines are told apart by how a long name ends as well.
        let digits: String = Sha256::digest(&name)
            .iter()
            .take(4)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        name.truncate(LONGEST_NAME - 1 - digits.len());
        name = format!("{name}-{digits}");
    }
    Writer::new(name.trim_end_matches('-')).expect("letters, and what an id may hold")
}

/// A receiver that is called without a pause is attacked.
fn a_second_at_least(text: &str) -> Result<Duration, String> {
    let every = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if every < Duration::from_secs(1) {
        return Err("no more often than every second: write 1s or longer".to_owned());
    }
    Ok(every)
}

/// An address may hold a password.
#[expect(clippy::unnecessary_wraps, reason = "a value parser says so")]
fn secret(text: &str) -> Result<SecretString, std::convert::Infallible> {
    Ok(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_is_called_after_its_machine() {
        assert_eq!(name_on("Servidor_A.interno").as_str(), "motor-servidor_a.interno");
        assert_eq!(name_on("máquina").as_str(), "motor-m-quina");
        assert_eq!(name_on("").as_str(), "motor");
        let long = "nodo".repeat(30);
        assert_ne!(name_on(&format!("{long}-1")), name_on(&format!("{long}-2")));
    }

    #[test]
    fn heartbeats_have_a_pause() {
        assert_eq!(a_second_at_least("1s"), Ok(Duration::from_secs(1)));
        assert!(a_second_at_least("0s").unwrap_err().contains("1s"));
        assert!(a_second_at_least("999ms").is_err());
    }
}
