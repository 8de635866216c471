//! `status` and `rollback`: what a person on shift needs when there is no window.

use std::path::Path;

use timonel_bridge::Desk;
use timonel_bridge::connect::Connections;
use timonel_domain::rollout::Stage;
use timonel_domain::value::Weight;
use timonel_ports::clock::SystemClock;

use crate::args::Rollback;
use crate::words::Words;
use crate::{Failure, told};

pub(crate) async fn status(folder: &Path, words: &Words) -> Result<(), Failure> {
    let clock = SystemClock::shared();
    let rollouts = Desk::open(folder, &clock).await?.rollouts().await?;
    if rollouts.is_empty() {
        tell!(
            "{}",
            words.say("status-none", &[("folder", folder.display().to_string())])
        );
    }
    let weight = |w: Option<Weight>| w.map_or_else(|| "—".to_owned(), |w| w.to_string());
    for listed in rollouts {
        let stage = told::stage(&listed.state, &listed.plan, words);
        let values = [
            ("rollout", listed.row.id.to_string()),
            ("environment", listed.row.environment.clone()),
            ("stage", stage),
        ];
        tell!("{}", words.say("status-rollout", &values));
        if listed.differing > 0 {
            tell!("  {}", words.say("status-differing", &[]));
        }
        for (id, target) in &listed.state.targets {
            let values = [
                ("target", id.to_string()),
                ("accepted", weight(target.accepted)),
                ("read", weight(target.read)),
            ];
            tell!("  {}", words.say("status-target", &values));
        }
        for hold in &listed.state.holds {
            tell!("  {}", words.say("status-hold", &[("hold", told::hold(hold, words))]));
        }
    }
    Ok(())
}

pub(crate) async fn roll_back(args: Rollback, words: &Words) -> Result<(), Failure> {
    let clock = SystemClock::shared();
    let desk = Desk::open(&args.folder.path(), &clock).await?;
    let row = desk.rollout(args.rollout.as_ref()).await?;
    let (plan, _) = desk.plan_of(&row).await?;
    let connections = Connections::of_environment(&plan, args.kubeconfig);
    if args.commands {
        for command in desk.manual_commands(&row, &connections).await? {
            tell!("# {}\n{}", command.program, command.line);
        }
        return Ok(());
    }
    let domain_plan = plan.plan.clone();
    let end = desk
        .roll_back(&row, args.by, &connections, args.confirmed, |bulletin| {
            for line in told::sentences(bulletin, &domain_plan, words) {
                tell!("{line}");
            }
        })
        .await?;
    tell!("{}", told::stage(&end.state, &end.plan, words));
    if end.state.rollback.as_ref().is_some_and(|r| r.verified_at.is_none()) {
        tell!("{}", words.say("rollback-unseen", &[]));
    }
    if end.state.stage == Stage::RolledBack {
        Ok(())
    } else {
        Err(Failure::NotAsItShould)
    }
}
