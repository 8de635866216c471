//! `status`, `rollback`, `pin`, `drill` and the orders to whoever has the helm: what a person on shift needs when there is no
//! window.

mod adrift;

use timonel_bridge::connect::{self, Connections};
use timonel_bridge::credentials::Credentials;
use timonel_bridge::desk::{Done, ManualCommands, Progress, is_without_store};
use timonel_bridge::words::Words;
use timonel_bridge::{Answer, BridgeError, Bulletin, Desk, Order};
use timonel_domain::rollout::Stage;
use timonel_journal::record::AnswerRecord;
use timonel_plan::Parsed;
use timonel_ports::store::RolloutRow;

use crate::args::{Installation, Open, Pin, Press, Rollback};
use crate::{Failure, files, told};

pub(crate) async fn status(at: &Installation, words: &Words) -> Result<(), Failure> {
    let desk = at.desk().await?;
    tell_mended(&desk, words);
    tell_merged(&desk, words).await;
    let rollouts = desk.rollouts().await?;
    if rollouts.is_empty() {
        let folder = at.folder.path().display().to_string();
        tell!("{}", words.say("status-none", &[("folder", folder)]));
    }
    for listed in rollouts {
        let stage = told::stage(&listed.state, &listed.plan, words);
        let values = [
            ("rollout", listed.row.id.to_string()),
            ("environment", listed.row.environment.clone()),
            ("stage", stage),
        ];
        tell!("{}", words.say("status-rollout", &values));
        if let Some(held) = desk.led_by(&listed.row).await? {
            let values = [("by", held.by.to_string()), ("since", held.since.to_string())];
            tell!("  {}", words.say("status-helm", &values));
        }
        if listed.differing > 0 {
            tell!("  {}", words.say("status-differing", &[]));
        }
        for (id, target) in &listed.state.targets {
            let values = [
                ("target", id.to_string()),
                ("accepted", words.weight_if_known(target.accepted)),
                ("read", words.weight_if_known(target.read)),
            ];
            tell!("  {}", words.say("status-target", &values));
        }
        for tenant in &listed.state.pins {
            let tenant = timonel_wire::told::tenant_name(tenant, &listed.plan);
            tell!("  {}", words.say("status-pin", &[("tenant", tenant)]));
        }
        for hold in &listed.state.holds {
            tell!(
                "  {}",
                words.say("status-hold", &[("hold", words.tell(&timonel_wire::told::hold(hold)))])
            );
        }
    }
    if let Some(room) = desk.room().await {
        tell!("{} ({})", words.tell(&room.size), words.tell(&room.parts));
        if let Some(warning) = &room.warning {
            tell!("▲ {}", words.tell(warning));
        }
    }
    Ok(())
}

/// What was done from this desk's kits while the store was away is brought into it before anything else.
async fn tell_merged(desk: &Desk, words: &Words) {
    for merged in desk.merge_kits().await {
        match merged {
            Ok(merged) if merged.entries > 0 => {
                let values = [
                    ("rollout", merged.rollout.to_string()),
                    ("entries", merged.entries.to_string()),
                ];
                tell!("{}", words.say("kit-merged", &values));
            }
            Ok(_) => {}
            Err(said) => complain!("timonelctl: {}", words.say("kit-unmerged", &[("said", said)])),
        }
    }
}

/// A draft, for scripts: a window or another command takes it up.
pub(crate) async fn open(args: Open, words: &Words) -> Result<(), Failure> {
    let plan = files::plan(&args.plan)?;
    let desk = args.at.desk().await?;
    let row = desk.draft(&plan.text, &args.environment).await?;
    let values = [
        ("rollout", row.id.to_string()),
        ("environment", row.environment.clone()),
        ("revision", row.revision.to_string()),
    ];
    tell!("{}", words.say("open-draft", &values));
    Ok(())
}

pub(crate) async fn roll_back(args: Rollback, words: &Words) -> Result<(), Failure> {
    if args.commands {
        return commands(&args.press, words).await;
    }
    let order = Order::RollBack {
        confirmed: args.confirmed,
    };
    let press = &args.press;
    let Done { state, written, .. } = match carry_out(press, order, words).await {
        Err(Failure::Bridge(error)) if is_without_store(&error) => {
            adrift::roll_back(press, error.to_string(), words).await?
        }
        Err(Failure::Bridge(error @ BridgeError::Unknown { .. })) if adrift::knows_better(press).await => {
            adrift::roll_back(press, error.to_string(), words).await?
        }
        Ok(Done {
            answer: Answer::Refused(why),
            ..
        }) if adrift::knows_better(press).await => adrift::roll_back(press, why, words).await?,
        done => done?,
    };
    if state.rollback.as_ref().is_some_and(|r| r.verified_at.is_none()) {
        tell!("{}", words.say("rollback-unseen", &[]));
    }
    as_it_should(written && state.stage == Stage::RolledBack)
}

/// Prints what a person can paste, even where this program itself has no key or does not reach a cluster.
async fn commands(press: &Press, words: &Words) -> Result<(), Failure> {
    match commands_of(press, words).await {
        Err(Failure::Bridge(error)) if is_without_store(&error) => {
            let (plan, commands) = adrift::commands(press, error, words).await?;
            print(&plan, commands, words)
        }
        made => {
            let (plan, commands) = made?;
            print(&plan, commands, words)
        }
    }
}

async fn commands_of(press: &Press, words: &Words) -> Result<(Parsed, ManualCommands), Failure> {
    let At {
        desk,
        row,
        plan,
        connections,
    } = at_desk(press, Haste::Emergency, words).await?;
    let commands = desk.manual_commands(&row, &connections).await?;
    Ok((plan, commands))
}

fn print(plan: &Parsed, commands: ManualCommands, words: &Words) -> Result<(), Failure> {
    for line in connect::preparation(plan) {
        tell!("{line}");
    }
    let mut all = true;
    for (target, made) in commands {
        match made {
            Ok(commands) => {
                for command in commands {
                    let values = [("target", target.to_string()), ("program", command.program)];
                    tell!("# {}\n{}", words.say("manual-command", &values), command.line);
                }
            }
            Err(error) => {
                all = false;
                complain!("timonelctl: {error}");
            }
        }
    }
    as_it_should(all)
}

pub(crate) async fn pin(args: Pin, words: &Words) -> Result<(), Failure> {
    let (tenant, reason) = (args.tenant, args.reason);
    let wanted = (tenant.clone(), !args.off);
    let order = if args.off {
        Order::Unpin { tenant, reason }
    } else {
        Order::Pin { tenant, reason }
    };
    let Done { state, written, .. } = carry_out(&args.press, order, words).await?;
    as_it_should(written && state.pins.contains(&wanted.0) == wanted.1)
}

pub(crate) async fn drill(args: Press, words: &Words) -> Result<(), Failure> {
    let Done { state, written, .. } = carry_out(&args, Order::Drill, words).await?;
    as_it_should(written && state.stage == Stage::Armed && state.targets.values().all(|t| t.levered.is_none()))
}

/// An order that only an engine carries out that goes on watching: whoever has the helm is asked.
pub(crate) async fn send(press: Press, order: timonel_wire::Order, words: &Words) -> Result<(), Failure> {
    let order = match Order::sent(order) {
        Ok(order) => order,
        Err(error) => {
            complain!("timonelctl: {}", words.tell(&error.0));
            return Err(Failure::BadInput);
        }
    };
    let Done { answer, .. } = carry_out(&press, order, words).await?;
    as_it_should(answer == Answer::Obeyed || answer == Answer::Answered(AnswerRecord::Nothing))
}

/// A rollout of this installation and how its targets are reached.
struct At {
    desk: Desk,
    row: RolloutRow,
    plan: Parsed,
    connections: Connections,
}

/// Says that the store was damaged, in whatever is printed before anything else.
fn tell_mended(desk: &Desk, words: &Words) {
    let Some(mended) = desk.mended() else { return };
    let values = [
        ("aside", mended.aside.clone()),
        ("entries", mended.entries.to_string()),
        ("missing", (mended.missing + mended.apart).to_string()),
    ];
    complain!("▲ {}", words.say("store-mended", &values));
    for rollout in &mended.lost {
        complain!(
            "▲ {}",
            words.say("store-mended-lost", &[("rollout", rollout.to_string())])
        );
    }
}

/// How long the store is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Haste {
    /// Calls have to go back: [`Desk::in_time`].
    Emergency,
    /// Until it is open.
    None,
}

async fn at_desk(press: &Press, haste: Haste, words: &Words) -> Result<At, Failure> {
    let kubeconfig = press.kubeconfig.as_deref();
    let desk = match haste {
        Haste::Emergency => press.at.desk_in_time(kubeconfig).await?,
        Haste::None => press.at.desk_by(kubeconfig).await?,
    };
    tell_mended(&desk, words);
    if haste == Haste::None {
        tell_merged(&desk, words).await;
    }
    let row = desk.rollout(press.rollout.as_ref()).await?;
    let (plan, _) = desk.plan_of(&row).await?;
    let connections = Connections::of_environment(&plan, press.kubeconfig.clone())
        .with_keys(&plan, &Credentials::of_installation(&press.at.folder.path()))
        .await;
    Ok(At {
        desk,
        row,
        plan,
        connections,
    })
}

async fn carry_out(press: &Press, order: Order, words: &Words) -> Result<Done, Failure> {
    let At {
        desk,
        row,
        plan,
        connections,
    } = at_desk(press, haste(&order), words).await?;
    let mut prepared = connect::preparation(&plan);
    let is_rollback = matches!(order, Order::RollBack { .. });
    tell!("{}", words.say("times-are-utc", &[]));
    let done = desk
        .carry_out(&row, press.by.clone(), order, &connections, |progress| match progress {
            Progress::Asked { by, since, limit } => {
                let values = [
                    ("by", by.to_string()),
                    ("since", since.to_string()),
                    ("seconds", limit.as_secs().to_string()),
                ];
                tell!("{}", words.say("order-asked", &values));
            }
            Progress::Waiting { limit } => {
                let values = [("seconds", limit.as_secs().to_string())];
                tell!("{}", words.say("order-waiting", &values));
            }
            Progress::FromHere { unanswered } => {
                if unanswered {
                    tell!("{}", words.say("order-from-here", &[]));
                }
                // What is missing here is missed only where it is done from here.
                if is_rollback {
                    tell_keyless(&plan, &connections, words);
                }
            }
            Progress::Step(bulletin) => tell_step(bulletin, &plan, &mut prepared, words),
        })
        .await?;
    tell_end(&done, words);
    if is_rollback {
        // Nothing waits for it any more.
        tell_merged(&desk, words).await;
    }
    Ok(done)
}

fn tell_keyless(plan: &Parsed, connections: &Connections, words: &Words) {
    for (target, error) in connections.keyless(plan) {
        let values = [("target", target.to_string()), ("said", error.to_string())];
        complain!("timonelctl: {}", words.say("rollback-without", &values));
    }
}

/// A step as it happens. What has to be said before the first command by hand is said once.
fn tell_step(bulletin: &Bulletin, plan: &Parsed, prepared: &mut Vec<String>, words: &Words) {
    for line in told::sentences(bulletin, &plan.plan, words) {
        tell!("{line}");
    }
    if !bulletin.manual.is_empty() {
        for line in prepared.drain(..) {
            tell!("          {}", words.say("manual-first", &[("line", line)]));
        }
    }
}

fn tell_end(done: &Done, words: &Words) {
    if let Some(said) = said(&done.answer, words) {
        tell!("{said}");
    }
    tell!("{}", told::stage(&done.state, &done.plan, words));
    if !done.written {
        complain!("timonelctl: {}", words.say("order-unwritten", &[]));
    }
}

fn haste(order: &Order) -> Haste {
    match order {
        Order::RollBack { .. } => Haste::Emergency,
        Order::Pin { .. } | Order::Unpin { .. } | Order::Drill | Order::Sent(_) => Haste::None,
    }
}

/// What a person is told of an answer that no step tells.
fn said(answer: &Answer, words: &Words) -> Option<String> {
    match answer {
        Answer::Obeyed | Answer::Refused(_) | Answer::Answered(AnswerRecord::Seen) => None,
        Answer::Answered(AnswerRecord::Nothing) => Some(words.say("order-nothing", &[])),
        Answer::Answered(AnswerRecord::Late) => Some(words.say("order-late", &[])),
        Answer::Answered(AnswerRecord::Overtaken) => Some(words.say("order-overtaken", &[])),
        Answer::Answered(AnswerRecord::Unread) => Some(words.say("order-unread", &[])),
    }
}

fn as_it_should(so: bool) -> Result<(), Failure> {
    if so { Ok(()) } else { Err(Failure::NotAsItShould) }
}
