//! `doctor`: whether everything that a rollout needs is there, each with its proof.

use timonel_bridge::connect::Connections;
use timonel_bridge::doctor::{installation, plan as plan_checks};
use timonel_plan::parsed::SIMULATOR;
use timonel_ports::clock::SystemClock;

use crate::args::Doctor;
use crate::words::Words;
use crate::{Failure, files};

pub(crate) async fn doctor(args: Doctor, words: &Words) -> Result<(), Failure> {
    let clock = SystemClock::shared();
    let mut checks = installation(&args.folder.path(), &clock).await;
    if let Some(path) = &args.plan {
        let plan = files::plan(path)?.value;
        let name = args.environment.unwrap_or_else(|| plan.plan.environment.clone());
        if name == SIMULATOR {
            tell!("{}", words.say("doctor-simulator", &[]));
        } else {
            let plan = plan.in_environment(&name).map_err(|error| {
                complain!("timonelctl: {error}");
                Failure::BadInput
            })?;
            let connections = Connections::of_environment(&plan, args.kubeconfig);
            checks.extend(plan_checks(&plan, &connections, &clock).await);
        }
    }
    let mut good = true;
    for check in checks {
        good &= check.ok;
        tell!("{} {:22} {}", if check.ok { "✓" } else { "✗" }, check.code, check.proof);
    }
    tell!("{}", words.say(if good { "doctor-good" } else { "doctor-bad" }, &[]));
    if good { Ok(()) } else { Err(Failure::NotAsItShould) }
}
