//! This installation's own store, and putting a rollout of it back from here, with whatever is left working.

mod adrift;
mod ask;
mod at;
mod carry;
mod helm;
mod lease;
mod manual;
mod name;
mod order;
mod watch;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use timonel_domain::plan::Plan;
use timonel_domain::rollout::State;
use timonel_domain::time::Timestamp;
use timonel_domain::value::{PlanId, RolloutId, Writer};
use timonel_engine::{Bulletin, Engine, Parts};
use timonel_journal::intent::IntentFolder;
use timonel_journal::kit::KitFolder;
use timonel_journal::record::MendedRecord;
use timonel_plan::Parsed;
use timonel_plan::parsed::SIMULATOR;
use timonel_ports::clock::{SharedClock, within};
use timonel_ports::commands::{QueueEnd, in_process};
use timonel_ports::helm::Helm;
use timonel_ports::mailbox::Receiver;
use timonel_ports::store::{PlanRevision, RolloutRow, RolloutStore};
use timonel_ports::target::Target;
use timonel_store::Sqlite;
use timonel_wire::StoreSize;

use crate::BridgeError;
use crate::connect::{Kits, Rhythmic};
use crate::console::is_under_way;
pub(crate) use name::{composed, own_name, takes_nothing, unheard_of};

pub use adrift::{Adrift, Pressing, is_without_store};
pub(crate) use adrift::{KitMark, kit_chains};
pub use ask::Progress;
pub(crate) use at::STORE_FILE;
pub use carry::Done;
pub use lease::{BadKeeper, HelmKeeper};
pub use manual::ManualCommands;
pub use order::Order;
pub use watch::Sight;

/// An emergency rollback waits so long for its store to open.
const FOR_OPENING: Duration = Duration::from_secs(5);
/// Looking up how large a store is takes so long at most.
const FOR_ROOM: Duration = Duration::from_secs(2);
/// The name that terminals write journals under.
const PROGRAM: &str = "escritorio";

/// Characters of a moment that are its day: `2026-11-22`.
const DAY: usize = 10;
/// Characters of a plan's id that the id of its rollout begins with, so that there is room for the day and a number.
const LONGEST_STEM: usize = 55;

/// Where kits are, within an installation's folder.
pub(crate) const KITS: &str = "kits";
/// Where intents are, likewise.
const INTENTS: &str = "intents";

/// A person's desk: one installation with its folder. Clones share its store.
#[derive(Debug, Clone)]
pub struct Desk {
    folder: PathBuf,
    clock: SharedClock,
    store: Arc<Sqlite>,
    mended: Option<MendedRecord>,
    /// Whether the store is that of the folder, and no other's.
    is_own: bool,
    /// The store itself, or Leases.
    helm: Arc<dyn Helm>,
}

/// A rollout as lists show it.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The stored row.
    pub row: RolloutRow,
    /// The plan it runs.
    pub plan: Plan,
    /// Its state by the journal.
    pub state: State,
    /// Since when it is in its stage.
    pub since: Timestamp,
    /// Steps that replay otherwise than was recorded; always 0, or the plan or the rules are not those that ran.
    pub differing: u64,
}

impl Desk {
    /// Opens the store in `folder`, which is made where it is not there.
    pub async fn open(folder: &Path, clock: &SharedClock) -> Result<Self, BridgeError> {
        Self::of(folder, None, clock).await
    }

    /// As [`Desk::open`], over the store at `url` in place of the one in the folder.
    pub async fn of(folder: &Path, url: Option<&SecretString>, clock: &SharedClock) -> Result<Self, BridgeError> {
        make_folder(folder)?;
        let opened = at::store(folder, url, clock).await?;
        Ok(Self::over(opened, url.is_none(), folder, clock))
    }

    /// As [`Desk::of`], for an emergency rollback, which waits for no mending and for nobody else: a store that is not open within a
    /// few seconds is read as it is, and can take nothing then. Errors within as many again where not even that is to be had.
    pub async fn in_time(folder: &Path, url: Option<&SecretString>, clock: &SharedClock) -> Result<Self, BridgeError> {
        // Where it cannot be made there is nothing in it, which the opening says; where it takes nothing it is there.
        let _ = make_folder(folder);
        let opened = at::in_time(folder, url, clock, FOR_OPENING).await?;
        Ok(Self::over(opened, url.is_none(), folder, clock))
    }

    /// The store's `file` in `folder` as it is, for whoever only looks: it is neither mended nor brought to this version.
    pub(crate) async fn to_look(file: &Path, folder: &Path, clock: &SharedClock) -> Result<Self, BridgeError> {
        let store = Sqlite::open_to_look(file, clock.clone()).await?;
        Ok(Self::over((store, None), true, folder, clock))
    }

    fn over((store, mended): (Sqlite, Option<MendedRecord>), is_own: bool, folder: &Path, clock: &SharedClock) -> Self {
        let store = Arc::new(store);
        Self {
            folder: folder.to_owned(),
            clock: clock.clone(),
            helm: store.clone(),
            store,
            mended,
            is_own,
        }
    }

    /// What was mended when this was opened: its file was damaged, and is another one now.
    pub fn mended(&self) -> Option<&MendedRecord> {
        self.mended.as_ref()
    }

    pub(crate) fn store(&self) -> &Arc<Sqlite> {
        &self.store
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn clock(&self) -> &SharedClock {
        &self.clock
    }

    /// How large its store is and what room is left for it, in words; `None` where that is not known within a moment.
    pub async fn room(&self) -> Option<StoreSize> {
        let room = within(&*self.clock, FOR_ROOM, self.store.room()).await;
        Some(crate::room::told(&room.ok()?.ok()?, self.store.place()))
    }

    /// All rollouts with their state by the journal, the last opened first.
    pub async fn rollouts(&self) -> Result<Vec<Listed>, BridgeError> {
        let mut out = Vec::new();
        for row in self.store.rollouts().await? {
            let listed = self.listed(row).await?;
            if listed.row.environment != SIMULATOR && listed.row.closed_at.is_none() {
                self.keep_kit_of(&listed.row, &listed.state).await;
            }
            out.push(listed);
        }
        Ok(out)
    }

    /// One rollout with its state by the journal.
    pub async fn listed(&self, row: RolloutRow) -> Result<Listed, BridgeError> {
        let (parsed, _) = self.plan_of(&row).await?;
        let replayed = timonel_engine::state_of(&*self.store, &row.id, &parsed.plan).await?;
        Ok(Listed {
            plan: parsed.plan,
            state: replayed.state,
            since: replayed.since.unwrap_or(row.opened_at),
            differing: replayed.differing,
            row,
        })
    }

    /// Opens a rollout of a plan in one of its environments, as a draft: nothing is connected and nothing moves. The plan is
    /// kept as it was written; another text than one that is kept makes a new revision. The id is the plan's with the day
    /// (UTC), and a number where that day has one already.
    pub async fn draft(&self, plan_text: &str, environment: &str) -> Result<RolloutRow, BridgeError> {
        let plan = in_environment(plan_text, environment)?.plan;
        let revision = self.keep(&plan.id, plan_text).await?;
        let now = self.clock.now();
        let taken = self.store.rollouts().await?;
        let day = now.to_string().chars().take(DAY).collect::<String>();
        let stem = plan.id.as_str().chars().take(LONGEST_STEM).collect::<String>();
        let id = (1..)
            .map(|n| match n {
                1 => format!("{stem}-{day}"),
                n => format!("{stem}-{day}-{n}"),
            })
            .find(|id| taken.iter().all(|row| row.id.as_str() != id));
        let id = RolloutId::new(&id.unwrap_or_default()).expect("the id of a plan, and digits");
        let row = RolloutRow {
            id,
            plan: plan.id,
            revision,
            environment: environment.to_owned(),
            opened_at: now,
            closed_at: None,
        };
        self.store.put_rollout(&row).await?;
        Ok(row)
    }

    /// The rollout of this plan in this environment that is not over, else a new one, as a draft. Errors where it runs another
    /// text of the plan and somebody has to watch it: two of them would move the same calls.
    pub async fn unfinished_or_draft(&self, plan_text: &str, environment: &str) -> Result<RolloutRow, BridgeError> {
        let plan = in_environment(plan_text, environment)?.plan;
        for row in self.store.rollouts().await? {
            if row.plan != plan.id || row.environment != plan.environment || row.closed_at.is_some() {
                continue;
            }
            let same = self.plan_of(&row).await.is_ok_and(|(_, kept)| kept == plan_text);
            let stands = self.listed(row.clone()).await?;
            if stands.is_over() {
                continue;
            }
            if same {
                return Ok(row);
            }
            if is_under_way(stands.state.stage.into()) {
                let findings = format!(
                    "rollout {} runs another text of it and is under way; finish or close that first",
                    row.id
                );
                return Err(BridgeError::Unsound { findings });
            }
        }
        self.draft(plan_text, environment).await
    }

    /// Keeps a plan under the revision that has this text already, or the first that is free.
    async fn keep(&self, id: &PlanId, text: &str) -> Result<u32, BridgeError> {
        let mut revision = 1;
        while let Some(kept) = self.store.plan(id, revision).await? {
            if kept.text() == text {
                return Ok(revision);
            }
            revision += 1;
        }
        let new = PlanRevision::new(id.clone(), revision, text.to_owned());
        self.store.put_plan(&new).await?;
        Ok(revision)
    }

    /// The plan of a rollout as it was kept, in its environment.
    pub async fn plan_of(&self, row: &RolloutRow) -> Result<(Parsed, String), BridgeError> {
        let broken = |why: String| BridgeError::Plan {
            plan: row.plan.to_string(),
            why,
        };
        let kept = self.store.plan(&row.plan, row.revision).await?;
        let text = kept
            .ok_or_else(|| broken("it is not in the store".to_owned()))?
            .text()
            .to_owned();
        let checked = timonel_plan::check(&text);
        let Some(parsed) = checked.value else {
            return Err(broken(
                checked
                    .findings
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join("; "),
            ));
        };
        let mut parsed = parsed
            .in_environment(&row.environment)
            .map_err(|e| broken(e.to_string()))?;
        parsed.plan.revision = row.revision;
        Ok((parsed, text))
    }

    /// A desk that was told how a rollout stands can put it back without the store from then on.
    async fn keep_kit_of(&self, row: &RolloutRow, state: &State) {
        let seen = self.clock.now();
        let kept = async { self.keep_kit(row, &self.plan_of(row).await?.1, state, seen).await };
        if let Err(error) = kept.await {
            tracing::error!(%error, rollout = %row.id, "the rollback kit is not up to date");
        }
    }

    async fn own_name(&self) -> Result<(Writer, Option<File>), BridgeError> {
        let folder = self.folder.clone();
        let taken = tokio::task::spawn_blocking(move || own_name(&folder, PROGRAM)).await;
        taken.map_err(|_| BridgeError::Gone)?
    }

    pub(crate) fn kits(&self, row: &RolloutRow) -> Kits {
        Kits::Of(KitFolder::new(self.folder.join(KITS)), row.id.clone())
    }

    /// The engine of a rollout of this installation, over what is connected. Its state is that of the journal. Whoever starts it
    /// goes on watching, so it obeys what people anywhere send through the store too.
    pub(crate) async fn start(
        &self,
        row: &RolloutRow,
        plan: Plan,
        plan_text: String,
        targets: Vec<Arc<dyn Target>>,
        sources: Vec<Rhythmic>,
        writer: Writer,
    ) -> Result<(Engine, Receiver<Bulletin>, QueueEnd), BridgeError> {
        let orders = self.store.order_feed(&row.id, &writer);
        let (mut parts, commands) = self.parts(row, plan, plan_text, targets, sources, writer);
        parts.orders = Some(Box::new(orders));
        let (engine, bulletins) = Engine::start(parts).await?;
        Ok((engine, bulletins, commands))
    }

    fn parts(
        &self,
        row: &RolloutRow,
        plan: Plan,
        plan_text: String,
        targets: Vec<Arc<dyn Target>>,
        sources: Vec<Rhythmic>,
        writer: Writer,
    ) -> (Parts, QueueEnd) {
        let (commands, feed) = in_process(&self.clock);
        let parts = Parts {
            rollout: row.id.clone(),
            plan,
            plan_text,
            clock: self.clock.clone(),
            writer,
            store: self.store.clone(),
            helm: self.helm.clone(),
            commands: Box::new(feed),
            orders: None,
            targets,
            sources,
            intents: IntentFolder::new(self.folder.join(INTENTS)),
        };
        (parts, commands)
    }

    /// One rollout by its id. Where none is named: the only one that is not closed, or among several the only one under way.
    pub async fn rollout(&self, id: Option<&RolloutId>) -> Result<RolloutRow, BridgeError> {
        let rows = self.store.rollouts().await?;
        let open: Vec<_> = rows.iter().filter(|r| r.closed_at.is_none()).collect();
        let advice = match open.as_slice() {
            [] => "No rollout is open in this installation.".to_owned(),
            open => format!(
                "Open are: {}.",
                open.iter().map(|r| r.id.as_str()).collect::<Vec<_>>().join(", ")
            ),
        };
        let name = id.map_or_else(|| "(none named)".to_owned(), ToString::to_string);
        let unknown = BridgeError::Unknown {
            what: "rollout",
            name,
            advice,
        };
        match (id, open.as_slice()) {
            (Some(id), _) => rows.iter().find(|r| r.id == *id).cloned().ok_or(unknown),
            (None, [only]) => Ok((*only).clone()),
            (None, open) => {
                let mut under_way = Vec::new();
                for row in open {
                    // Nobody knows where one stands whose past cannot be read.
                    let listed = self.listed((*row).clone()).await;
                    if listed.map_or(true, |listed| is_under_way(listed.state.stage.into())) {
                        under_way.push(*row);
                    }
                }
                match under_way.as_slice() {
                    [only] => Ok((*only).clone()),
                    _ => Err(unknown),
                }
            }
        }
    }
}

fn make_folder(folder: &Path) -> Result<(), BridgeError> {
    std::fs::create_dir_all(folder).map_err(|e| BridgeError::Folder {
        place: folder.display().to_string(),
        why: e.to_string(),
    })
}

/// A plan by its text, in one of its real environments.
pub(crate) fn in_environment(plan_text: &str, environment: &str) -> Result<Parsed, BridgeError> {
    let checked = timonel_plan::check(plan_text);
    let Some(parsed) = checked.value else {
        let findings: Vec<_> = checked.findings.iter().map(ToString::to_string).collect();
        return Err(BridgeError::Unsound {
            findings: findings.join("; "),
        });
    };
    let known: Vec<_> = parsed.environments.keys().cloned().collect();
    let unknown = BridgeError::Unknown {
        what: "environment",
        name: environment.to_owned(),
        advice: match known.as_slice() {
            [] => "The plan names none: add one under [environments].".to_owned(),
            known => format!("The plan has: {}.", known.join(", ")),
        },
    };
    if environment == SIMULATOR {
        return Err(unknown);
    }
    parsed.in_environment(environment).map_err(|_| unknown)
}
