//! Putting a rollout back while its store is away: from the rollback kit that this desk keeps of it, with its own keys, and
//! with a chain of its own that is merged once the store is back.
//!
//! The engine is the same as any other, so that lowering, reading back, retrying and manual commands are one path. Deliberately
//! not here: when a kit is used, which is whoever was asked for a rollback and found no store.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use timonel_domain::rollout::{Generation, Stage, State};
use timonel_domain::time::Timestamp;
use timonel_domain::value::{Person, RolloutId};
use timonel_engine::{Bulletin, Engine, EngineError, Parts};
use timonel_journal::entry::Body;
use timonel_journal::intent::IntentFolder;
use timonel_journal::kit::KitFolder;
use timonel_journal::record::KitRecord;
use timonel_journal::rollback_kit::{RollbackKit, RollbackKits, VERSION};
use timonel_plan::Parsed;
use timonel_ports::clock::{SharedClock, within};
use timonel_ports::commands::{Command, CommandId, in_process};
use timonel_ports::store::{PlanRevision, RolloutRow, StoreError};
use timonel_ports::task::unseen;
use timonel_store::{KitStore, Merged, merge};

use super::carry::follow;
use super::manual::{ManualCommands, manual_commands};
use super::{Desk, Done, INTENTS, KITS, Order, PROGRAM, in_environment};
use crate::BridgeError;
use crate::connect::{Connections, Kits, sources_in_time, targets_in_time};
use crate::console::is_under_way;

/// Where rollback kits are, within an installation's folder.
const ROLLBACK_KITS: &str = "rollback-kits";
/// A press waits so long for its line on the disk, and then no longer.
const FOR_PRESS: Duration = Duration::from_millis(500);

/// Whether a rollback has to do without the store that said this: nothing that is asked of it would help.
pub fn is_without_store(error: &BridgeError) -> bool {
    match error {
        BridgeError::Store(_)
        | BridgeError::Folder { .. }
        | BridgeError::Plan { .. }
        | BridgeError::Command(_)
        | BridgeError::Unheard { .. }
        | BridgeError::Unsettled { .. } => true,
        BridgeError::Engine(engine) => match engine {
            EngineError::Recover(_) | EngineError::Open(_) | EngineError::Journal(_) | EngineError::Intent(_) => true,
            EngineError::Helm(_) | EngineError::Unconnected(_) => false,
        },
        BridgeError::Connect { .. }
        | BridgeError::NoKey { .. }
        | BridgeError::KeyOutOfReach { .. }
        | BridgeError::Gone
        | BridgeError::TooLong
        | BridgeError::Simulator(_)
        | BridgeError::Unknown { .. }
        | BridgeError::Unsound { .. } => false,
    }
}

/// A rollout as its rollback kit knows it.
#[derive(Debug, Clone)]
pub struct Adrift {
    folder: PathBuf,
    clock: SharedClock,
    kit: RollbackKit,
    plan: Parsed,
}

/// A press from a kit, before anything is done.
#[derive(Debug)]
pub struct Pressing {
    adrift: Adrift,
    store: KitStore,
    by: Person,
    unwritten: Option<String>,
}

impl Adrift {
    /// The kit of a rollout in an installation's folder. Where none is named: the only one, or among several the only one that was
    /// under way. Errors where there is none, or its plan is none that this version reads.
    pub async fn find(folder: &Path, rollout: Option<&RolloutId>, clock: &SharedClock) -> Result<Self, BridgeError> {
        let kits = kits_in(folder);
        let look = unseen(&**clock, tokio::task::spawn_blocking(move || kits.all())).await;
        let found = look.map_err(|_| BridgeError::Gone)?.map_err(|e| BridgeError::Folder {
            place: folder.join(ROLLBACK_KITS).display().to_string(),
            why: e.to_string(),
        })?;
        let mut known = Vec::new();
        for kit in found {
            match kit {
                Ok(kit) => known.push(kit),
                Err(error) => tracing::error!(%error, "a rollback kit cannot be used"),
            }
        }
        let names: Vec<_> = known.iter().map(|kit| kit.rollout.to_string()).collect();
        let unknown = BridgeError::Unknown {
            what: "rollback kit of the rollout",
            name: rollout.map_or_else(|| "(none named)".to_owned(), ToString::to_string),
            advice: match names.as_slice() {
                [] => "This desk has none; use the manual commands, or a desk that had the rollout open.".to_owned(),
                names => format!("There are kits of: {}. Say which with --rollout.", names.join(", ")),
            },
        };
        let mut fitting: Vec<_> = match rollout {
            Some(id) => known.into_iter().filter(|kit| kit.rollout == *id).collect(),
            None if known.len() > 1 => known.into_iter().filter(|kit| kit.under_way).collect(),
            None => known,
        };
        let (Some(kit), true) = (fitting.pop(), fitting.is_empty()) else {
            return Err(unknown);
        };
        let mut plan = in_environment(&kit.plan_text, &kit.environment)?;
        plan.plan.revision = kit.plan_revision;
        Ok(Self {
            folder: folder.to_owned(),
            clock: clock.clone(),
            kit,
            plan,
        })
    }

    /// What it knows, and how old that is.
    pub fn kit(&self) -> &RollbackKit {
        &self.kit
    }

    /// How old it is.
    pub fn age(&self) -> Duration {
        self.clock.now().since(self.kit.refreshed_at)
    }

    /// Its plan, in its environment.
    pub fn plan(&self) -> &Parsed {
        &self.plan
    }

    /// As [`Desk::manual_commands`], from the kit.
    pub async fn manual_commands(&self, connections: &Connections) -> ManualCommands {
        manual_commands(&self.plan, self.kits(), self.kit.generation, connections, &self.clock).await
    }

    /// A person presses. That is on the disk when this returns, or what kept it from being written is told: nothing waits for that.
    pub async fn press(&self, by: Person) -> Pressing {
        let row = RolloutRow {
            id: self.kit.rollout.clone(),
            plan: self.kit.plan.clone(),
            revision: self.kit.plan_revision,
            environment: self.kit.environment.clone(),
            opened_at: self.kit.opened_at,
            closed_at: None,
        };
        let plan = PlanRevision::new(row.plan.clone(), row.revision, self.kit.plan_text.clone());
        let record = KitRecord {
            by: by.clone(),
            plan: row.plan.clone(),
            plan_revision: row.revision,
            plan_hash: plan.hash(),
            environment: row.environment.clone(),
            generation: self.kit.generation,
            refreshed_at: self.kit.refreshed_at,
        };
        let kits = kits_in(&self.folder);
        let path = |writer: &_| kits.chain(&self.kit.rollout, writer);
        let store = KitStore::new(self.clock.clone(), path, row, plan);
        let written = within(&*self.clock, FOR_PRESS, store.press(self.clock.now(), &record)).await;
        let unwritten = match written {
            Ok(written) => written.err().map(|error| in_full(&error)),
            Err(elapsed) => Some(elapsed.to_string()),
        };
        Pressing {
            adrift: self.clone(),
            store,
            by,
            unwritten,
        }
    }

    /// Nobody has to watch what is back and verified. A store that has the rollout says so better.
    async fn keep_back(&self, done: &Done) {
        if done
            .state
            .rollback
            .as_ref()
            .is_none_or(|rollback| rollback.verified_at.is_none())
        {
            return;
        }
        let kit = RollbackKit {
            generation: done.state.generation,
            under_way: false,
            refreshed_at: self.clock.now(),
            ..self.kit.clone()
        };
        let kits = kits_in(&self.folder);
        let kept = unseen(&*self.clock, tokio::task::spawn_blocking(move || kits.keep(&kit))).await;
        if let Ok(Err(error)) = kept {
            tracing::warn!(%error, rollout = %self.kit.rollout, "the rollback kit does not say that it is back");
        }
    }

    fn kits(&self) -> Kits {
        Kits::Of(KitFolder::new(self.folder.join(KITS)), self.kit.rollout.clone())
    }
}

impl Pressing {
    /// Why the press is not written down, where it is not. It is carried out all the same.
    pub fn unwritten(&self) -> Option<&str> {
        self.unwritten.as_deref()
    }

    /// Puts everything back and follows it to its end, as [`Desk::carry_out`] does.
    pub async fn carry_out(
        self,
        connections: &Connections,
        tell: impl FnMut(&Bulletin) + Send,
    ) -> Result<Done, BridgeError> {
        let Adrift {
            folder,
            clock,
            kit,
            plan,
        } = &self.adrift;
        let targets = targets_in_time(plan, connections, &self.adrift.kits(), clock).await;
        let (commands, feed) = in_process(clock);
        let parts = Parts {
            rollout: kit.rollout.clone(),
            plan: plan.plan.clone(),
            plan_text: kit.plan_text.clone(),
            clock: clock.clone(),
            writer: self.store.writer().clone(),
            store: std::sync::Arc::new(self.store.clone()),
            helm: std::sync::Arc::new(self.store.clone()),
            commands: Box::new(feed),
            orders: None,
            targets,
            sources: sources_in_time(plan, connections, clock),
            intents: IntentFolder::new(folder.join(INTENTS)),
        };
        let (engine, bulletins) = Engine::from_kit(parts, kit.generation).await?;
        let order = Order::RollBack { confirmed: true };
        let at = clock.now();
        let command = Command {
            id: CommandId::new(&format!("{PROGRAM}:kit:{}", at.micros())).expect("a good id"),
            by: self.by,
            at,
            what: Body::of(&order.wish()).map_err(|_| BridgeError::TooLong)?,
        };
        let done = follow(clock, engine, bulletins, &commands, command, &order, tell).await?;
        self.adrift.keep_back(&done).await;
        Ok(done)
    }
}

impl Desk {
    /// Keeps a rollback kit of a rollout as it was in `state` when that was `seen`, in place of the former one; forgets it where the
    /// rollout is closed. Errors where it cannot be written.
    pub(crate) async fn keep_kit(
        &self,
        row: &RolloutRow,
        plan_text: &str,
        state: &State,
        seen: Timestamp,
    ) -> Result<(), BridgeError> {
        let kits = kits_in(&self.folder);
        let kit = RollbackKit {
            version: VERSION,
            rollout: row.id.clone(),
            plan: row.plan.clone(),
            plan_revision: row.revision,
            plan_text: plan_text.to_owned(),
            environment: row.environment.clone(),
            opened_at: row.opened_at,
            generation: state.generation,
            under_way: is_under_way(state.stage.into()),
            refreshed_at: seen,
        };
        let closed = state.stage == Stage::Closed;
        let keeping = tokio::task::spawn_blocking(move || {
            if closed {
                return kits.forget(&kit.rollout).map_err(|e| e.to_string());
            }
            kits.keep(&kit).map_err(|e| e.to_string())
        });
        let kept = unseen(&*self.clock, keeping).await.map_err(|_| BridgeError::Gone)?;
        kept.map_err(|why| BridgeError::Folder {
            place: self.folder.join(ROLLBACK_KITS).display().to_string(),
            why,
        })
    }

    /// What somebody has to watch and the store does not have: rollouts that a mending lost, and those that were under way by the kits
    /// of this installation, where the store is its own. Nobody watches them, and they can be put back from those kits alone.
    pub(crate) async fn lost(&self, known: &[RolloutRow]) -> BTreeSet<RolloutId> {
        let mut out: BTreeSet<_> = self.mended.iter().flat_map(|mended| mended.lost.clone()).collect();
        if self.is_own {
            let kits = kits_in(&self.folder);
            let look = unseen(&*self.clock, tokio::task::spawn_blocking(move || kits.all())).await;
            let kits = look
                .ok()
                .and_then(Result::ok)
                .into_iter()
                .flatten()
                .filter_map(Result::ok);
            out.extend(kits.filter(|kit| kit.under_way).map(|kit| kit.rollout));
        }
        out.retain(|rollout| known.iter().all(|row| row.id != *rollout));
        out
    }

    /// Brings into the journal what was done from kits of this installation while the store was away. What cannot be merged is
    /// told and stays where it is.
    pub async fn merge_kits(&self) -> Vec<Result<Merged, String>> {
        let kits = kits_in(&self.folder);
        let look = unseen(&*self.clock, tokio::task::spawn_blocking(move || kits.unmerged())).await;
        let chains = match look {
            Ok(Ok(chains)) => chains,
            Ok(Err(error)) => return vec![Err(error.to_string())],
            Err(_) => return Vec::new(),
        };
        let mut out = Vec::new();
        for (rollout, path) in chains {
            match merge(&**self.store(), &self.clock, &path, &rollout).await {
                Ok(Some(merged)) => {
                    tracing::warn!(%rollout, kit = %merged.kit, entries = merged.entries, "what was done from a rollback kit is in the journal");
                    out.push(Ok(merged));
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::error!(%rollout, %error, "what was done from a rollback kit is not in the journal");
                    out.push(Err(error.to_string()));
                }
            }
        }
        out
    }
}

/// Kits say what was decided last: it has changed when one of these has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KitMark {
    stage: Stage,
    generation: Generation,
}

impl KitMark {
    pub(crate) fn of(state: &State) -> Self {
        Self {
            stage: state.stage,
            generation: state.generation,
        }
    }
}

fn kits_in(folder: &Path) -> RollbackKits {
    RollbackKits::new(folder.join(ROLLBACK_KITS))
}

/// The files of what was done from the kits of an installation, merged or not.
pub(crate) fn kit_chains(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    kits_in(folder).chains()
}

/// An error with its causes: "no space left on device" is the last of them.
fn in_full(error: &StoreError) -> String {
    let mut said = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        said = format!("{said}: {error}");
        cause = error.source();
    }
    said
}
