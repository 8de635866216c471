//! Arguments of what goes on until it is told to end: the engine, the host of pages, the console.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args as ClapArgs;
use sha2::{Digest, Sha256};
use timonel_bridge::Speed;
use timonel_bridge::connect::loopback;
use timonel_bridge::headless::heartbeat::Call;
use timonel_domain::value::{Person, RolloutId, Writer};
use timonel_ports::secrets::SecretId;
use timonel_wire::ToOpen;

use super::Installation;

/// Characters of a program's name at most.
const LONGEST_NAME: usize = 80;

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
