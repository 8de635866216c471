//! Keeping the machine awake for as long as somebody has to watch what is open. Deliberately not here: how (`timonel-desktop`).

use std::time::Duration;

use timonel_desktop::{Awake, Sleep};
use timonel_ports::clock::{SharedClock, SystemClock, sleep};

use crate::berth::Berth;

/// How often it is looked whether somebody has to watch.
const LOOK: Duration = Duration::from_secs(5);

/// Keeps it awake while a real rollout of `berth` is under way, until the program ends. A machine that cannot be kept awake is told
/// of in the log once for each time.
pub async fn keep(berth: Berth) {
    let clock: SharedClock = SystemClock::shared();
    let machine = Sleep::of_this_machine(&clock);
    let mut held: Option<Awake> = None;
    let mut told = false;
    loop {
        match (watched(&berth), &held) {
            (Some(rollout), None) => match machine.hold_off(&rollout).await {
                Ok(awake) => {
                    tracing::info!(%rollout, "the machine is kept awake");
                    (held, told) = (Some(awake), false);
                }
                Err(error) => {
                    if !std::mem::replace(&mut told, true) {
                        tracing::warn!(%error, "the machine may fall asleep");
                    }
                }
            },
            (None, Some(_)) => {
                tracing::info!("the machine may sleep again");
                held = None;
            }
            (Some(_), Some(_)) => {}
            (None, None) => told = false,
        }
        sleep(&*clock, LOOK).await;
    }
}

/// What has to be watched, by its name.
fn watched(berth: &Berth) -> Option<String> {
    if !berth.is_needed() {
        return None;
    }
    Some(
        berth
            .picture()
            .map_or_else(|| "Timonel".to_owned(), |picture| picture.rollout.id.clone()),
    )
}
