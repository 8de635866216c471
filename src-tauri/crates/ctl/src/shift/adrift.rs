//! A rollback, and its commands by hand, where the store cannot be had: from the rollback kit of this desk.

use timonel_bridge::BridgeError;
use timonel_bridge::connect::{self, Connections};
use timonel_bridge::credentials::Credentials;
use timonel_bridge::desk::{Adrift, Done, ManualCommands};
use timonel_bridge::words::Words;
use timonel_domain::rollout::Stage;
use timonel_plan::Parsed;
use timonel_ports::clock::SystemClock;

use super::{tell_end, tell_keyless, tell_step};
use crate::Failure;
use crate::args::Press;

/// Puts everything back from the kit, and says why, and how old what the kit knows is.
pub(super) async fn roll_back(press: &Press, store: String, words: &Words) -> Result<Done, Failure> {
    let (adrift, connections) = kit_of(press, store, words).await?;
    let plan = adrift.plan();
    tell_keyless(plan, &connections, words);
    tell!("{}", words.say("times-are-utc", &[]));
    let pressing = adrift.press(press.by.clone()).await;
    if let Some(why) = pressing.unwritten() {
        complain!(
            "timonelctl: {}",
            words.say("kit-unwritten", &[("said", why.to_owned())])
        );
    }
    let mut prepared = connect::preparation(plan);
    let done = pressing
        .carry_out(&connections, |bulletin| tell_step(bulletin, plan, &mut prepared, words))
        .await?;
    tell_end(&done, words);
    if done.written {
        tell!("{}", words.say("kit-written", &[]));
    }
    Ok(done)
}

/// Whether the kit of this desk says that a rollout is under way of which its store, which was lost or is an old copy, knows nothing or
/// a draft.
pub(super) async fn knows_better(press: &Press) -> bool {
    let folder = press.at.folder.path();
    let Ok(adrift) = Adrift::find(&folder, press.rollout.as_ref(), &SystemClock::shared()).await else {
        return false;
    };
    let Ok(desk) = press.at.desk_in_time(press.kubeconfig.as_deref()).await else {
        return adrift.kit().under_way;
    };
    let stands = match desk.rollout(Some(&adrift.kit().rollout)).await {
        Ok(row) => desk.listed(row).await.ok().map(|listed| listed.state.stage),
        Err(_) => None,
    };
    adrift.kit().under_way && matches!(stands, None | Some(Stage::Draft))
}

/// The commands by hand, from the kit.
pub(super) async fn commands(
    press: &Press,
    store: BridgeError,
    words: &Words,
) -> Result<(Parsed, ManualCommands), Failure> {
    let (adrift, connections) = kit_of(press, store.to_string(), words).await?;
    Ok((adrift.plan().clone(), adrift.manual_commands(&connections).await))
}

async fn kit_of(press: &Press, store: String, words: &Words) -> Result<(Adrift, Connections), Failure> {
    let said = ("said", store);
    let folder = press.at.folder.path();
    let adrift = match Adrift::find(&folder, press.rollout.as_ref(), &SystemClock::shared()).await {
        Ok(adrift) => adrift,
        Err(error) => {
            complain!("timonelctl: {}", words.say("kit-none", &[said]));
            return Err(error.into());
        }
    };
    let values = [
        said,
        ("rollout", adrift.kit().rollout.to_string()),
        ("age", words.span(adrift.age())),
        ("revision", adrift.kit().plan_revision.to_string()),
    ];
    complain!("timonelctl: {}", words.say("kit-used", &values));
    let plan = adrift.plan();
    let connections = Connections::of_environment(plan, press.kubeconfig.clone())
        .with_keys(plan, &Credentials::of_installation(&folder))
        .await;
    Ok((adrift, connections))
}
