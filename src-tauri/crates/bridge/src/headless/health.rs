//! Whether the engines are alive, and whether they are ready, as a supervisor asks.
//!
//! Alive is what only a restart can cure: the owner of every rollout answers a look in time, and the program's threads come
//! round. A store, a target or a source that is away is no reason to restart: who can put calls back must not be ended for it.
//! Ready is everything that a raise would need.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::future::join_all;
use timonel_domain::board::Freshness;
use timonel_domain::time::Mono;
use timonel_domain::value::{RolloutId, Side};
use timonel_engine::Snapshot;

use super::{Headless, Kept, lock};

/// The owner of a rollout answers within this long, or it hangs. It takes one message after the other and waits for nothing.
pub const ANSWER: Duration = Duration::from_secs(2);
/// The threads have not come round for this long: nothing that they should do is done in time.
const STARVED: Duration = Duration::from_secs(10);
/// What was seen of the rollouts is believed for this long.
const ROUNDED: Duration = Duration::from_secs(60);
/// The journal's queue has not been seen empty for this long: the store does not take what happens.
const BEHIND: Duration = Duration::from_secs(20);
/// What the store showed is believed for this long.
const PROOF: Duration = Duration::from_secs(20);

/// Whether the program lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Every rollout with how long its owner took to answer; `None` where it did not in time, or has ended.
    pub owners: BTreeMap<RolloutId, Option<Duration>>,
    /// How long ago the program's threads last came round.
    pub beat: Duration,
}

impl Health {
    /// Whether nothing asks for a restart.
    pub fn is_good(&self) -> bool {
        self.beat < STARVED && self.owners.values().all(Option::is_some)
    }
}

/// One thing that a raise would need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// What: `store`, `rollouts`, `helm`, `journal`, `signals` or `credentials`.
    pub what: &'static str,
    /// Whose, where it is not the whole program's.
    pub rollout: Option<RolloutId>,
    /// Whether it is there.
    pub ok: bool,
    /// What was seen. Holds no secret.
    pub proof: String,
}

/// A rollout with what its owner said.
pub(super) struct Seen {
    pub(super) kept: Kept,
    pub(super) said: Option<(Snapshot, Duration)>,
}

impl Headless {
    /// Asks every owner. Answers within [`ANSWER`], whatever hangs.
    pub async fn health(&self) -> Health {
        let owners = self.seen().await.into_iter();
        let owners = owners.map(|seen| (seen.kept.console.rollout().clone(), seen.said.map(|(_, took)| took)));
        Health {
            owners: owners.collect(),
            beat: self.beat_ago(),
        }
    }

    /// What a raise would need, each with its proof. Answers within twice [`ANSWER`].
    pub async fn readiness(&self) -> Vec<Need> {
        let mut needs = vec![self.store_need(), self.rollouts_need()];
        for (rollout, held) in &*lock(&self.0.standby) {
            needs.push(Need {
                what: "helm",
                rollout: Some(rollout.clone()),
                ok: true,
                proof: format!("standby: {held}"),
            });
        }
        for Seen { kept, said } in self.seen().await {
            let rollout = kept.console.rollout().clone();
            let need = |what, ok, proof| Need {
                what,
                rollout: Some(rollout.clone()),
                ok,
                proof,
            };
            match said {
                None => needs.push(need("helm", false, "its owner does not answer".to_owned())),
                Some((snapshot, _)) => {
                    let state = &snapshot.state;
                    let helm = if state.helm {
                        format!("held, epoch {}", state.generation.epoch)
                    } else {
                        "another holds it, or nobody can say who; nothing is raised from here".to_owned()
                    };
                    needs.push(need("helm", state.helm, helm));
                    let waits = self.unwritten(&kept, &snapshot);
                    let proof = waits.clone().unwrap_or_else(|| "written down as it happens".to_owned());
                    needs.push(need("journal", waits.is_none(), proof));
                    let stale = stale(&snapshot);
                    let proof = if stale.is_empty() {
                        "fresh".to_owned()
                    } else {
                        format!("not fresh: {}", stale.join(", "))
                    };
                    needs.push(need("signals", stale.is_empty(), proof));
                }
            }
            let keyless = kept.connections.keyless(&kept.plan);
            let without: Vec<String> = keyless.iter().map(|(target, _)| target.to_string()).collect();
            let proof = if without.is_empty() {
                "loaded".to_owned()
            } else {
                format!("no key for {}", without.join(", "))
            };
            needs.push(need("credentials", without.is_empty(), proof));
        }
        needs
    }

    pub(super) async fn seen(&self) -> Vec<Seen> {
        let looks = self.kept().into_iter().map(async |kept| {
            let said = kept.console.look(&*self.0.clock, ANSWER).await;
            if let Some((snapshot, _)) = &said {
                let mut behind = lock(&kept.behind);
                let waits = snapshot.unwritten > 0;
                *behind = waits.then(|| behind.unwrap_or_else(|| self.0.clock.mono()));
            }
            Seen { kept, said }
        });
        join_all(looks).await
    }

    /// Why nobody may rely on being watched now; `None` where every open rollout is watched, from here or by another.
    pub(super) async fn unwatched(&self) -> Option<String> {
        let health = self.health().await;
        if !health.is_good() {
            return Some(format!("the program is not healthy: {health:?}"));
        }
        let rounded = *lock(&self.0.rounded);
        if rounded.is_none_or(|at| self.0.clock.mono().saturating_since(at) > ROUNDED) {
            return Some("nobody could look for what is open".to_owned());
        }
        let rollouts = self.rollouts_need();
        if !rollouts.ok {
            return Some(rollouts.proof);
        }
        let holds = |seen: &Seen| matches!(&seen.said, Some((snapshot, _)) if snapshot.helm.ours.is_some());
        let seen = self.seen().await;
        let without = seen.iter().find(|seen| !holds(seen));
        without.map(|seen| format!("the helm of {} is not held", seen.kept.console.rollout()))
    }

    /// Why what happens is not in the store, where it has been waiting for long.
    fn unwritten(&self, kept: &Kept, snapshot: &Snapshot) -> Option<String> {
        if let Some(fault) = &snapshot.store_fault {
            return Some(fault.clone());
        }
        let behind = *lock(&kept.behind);
        let long = behind.map(|since| self.0.clock.mono().saturating_since(since));
        let long = long.filter(|long| *long > BEHIND)?;
        Some(format!("{} entries wait, for {} s", snapshot.unwritten, long.as_secs()))
    }

    pub(super) fn beat_ago(&self) -> Duration {
        let beat = Mono::from_micros(self.0.beat.load(Ordering::Relaxed));
        self.0.clock.mono().saturating_since(beat)
    }

    /// What the last proof of the store says, and no longer than it is believed.
    pub(super) fn store_need(&self) -> Need {
        let need = |ok, proof: &str| Need {
            what: "store",
            rollout: None,
            ok,
            proof: proof.to_owned(),
        };
        match &*lock(&self.0.store) {
            None => need(false, "not opened yet"),
            Some(proof) if self.0.clock.mono().saturating_since(proof.at) > PROOF => need(false, "it does not answer"),
            Some(proof) => match &proof.said {
                Ok(()) => need(true, "writable"),
                Err(why) => need(false, why),
            },
        }
    }

    fn rollouts_need(&self) -> Need {
        let troubles = lock(&self.0.troubles);
        let told: Vec<String> = troubles
            .iter()
            .map(|(rollout, why)| format!("{rollout}: {why}"))
            .collect();
        let proof = if told.is_empty() {
            format!("{} taken up", self.rollouts().len())
        } else {
            format!("not taken up: {}", told.join("; "))
        };
        Need {
            what: "rollouts",
            rollout: None,
            ok: told.is_empty(),
            proof,
        }
    }
}

/// Required sides of signals that are not fresh. A canary without calls has nothing to say.
fn stale(snapshot: &Snapshot) -> Vec<String> {
    let required = snapshot.plan.signals.iter().filter(|signal| signal.required);
    let sides = required.flat_map(|signal| signal.sides.iter().map(move |side| (signal.id.clone(), *side)));
    sides
        .filter(|(_, side)| *side != Side::Canary)
        .filter(|key| snapshot.freshness.get(key) != Some(&Freshness::Live))
        .map(|(signal, side)| format!("{signal} {side:?}"))
        .collect()
}
