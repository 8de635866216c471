//! `watch`: a rollout as whoever leads it writes it down, on a terminal that leads nothing.

use timonel_bridge::desk::Sight;
use timonel_bridge::words::Words;

use crate::args::Watch;
use crate::{Failure, told};

pub(crate) async fn watch(args: Watch, words: &Words) -> Result<(), Failure> {
    let desk = args.at.desk().await?;
    let row = desk.rollout(args.rollout.as_ref()).await?;
    let (plan, _) = desk.plan_of(&row).await?;
    tell!("{}", words.say("times-are-utc", &[]));
    let seen = desk.watch(&row, |sight| match sight {
        Sight::Stands { state, plan } => tell!("{}: {}", row.id, told::stage(state, plan, words)),
        Sight::Helm(Some(held)) => {
            let values = [("by", held.by.to_string()), ("since", held.since.to_string())];
            tell!("{}", words.say("watch-helm", &values));
        }
        Sight::Helm(None) => tell!("{}", words.say("watch-no-helm", &[])),
        Sight::Step(step) => {
            for line in told::sentences(step, &plan.plan, words) {
                tell!("{line}");
            }
        }
        Sight::Lost(error) => complain!("timonelctl: {}", words.say("watch-lost", &[("why", error.to_string())])),
        Sight::Back => tell!("{}", words.say("watch-back", &[])),
    });
    Ok(seen.await?)
}
