//! This installation's own store, and putting a rollout of it back from here, with whatever is left working.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use timonel_domain::plan::Plan;
use timonel_domain::rollout::{Effect, Event, Level, Stage, State};
use timonel_domain::value::{Person, RolloutId, TargetId, TenantId, Writer};
use timonel_engine::command::Wish;
use timonel_engine::{Bulletin, Engine, Parts, Snapshot};
use timonel_journal::entry::Body;
use timonel_journal::intent::IntentFolder;
use timonel_journal::kit::KitFolder;
use timonel_plan::Parsed;
use timonel_ports::clock::{SharedClock, within};
use timonel_ports::commands::{Command, CommandId, Commands, in_process};
use timonel_ports::mailbox::Receiver;
use timonel_ports::store::{RolloutRow, RolloutStore};
use timonel_ports::target::{Goal, ManualCommand};
use timonel_store::Sqlite;

use crate::BridgeError;
use crate::connect::{self, Connections, Kits};

/// So long without news, and it is asked how things stand.
const QUIET: Duration = Duration::from_secs(1);
/// Traffic has this long to show what was read back before a person at a terminal is told that it has not.
const FOR_TRAFFIC: Duration = Duration::from_secs(60);

/// Where kits are, within an installation's folder.
pub(crate) const KITS: &str = "kits";

/// A person's desk: one installation with its folder.
#[derive(Debug)]
pub struct Desk {
    folder: PathBuf,
    clock: SharedClock,
    store: Arc<Sqlite>,
}

/// What a person at a desk can have done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Put everything back.
    RollBack {
        /// A second press, where the stable side is no longer kept.
        confirmed: bool,
    },
    /// Keep a tenant's calls on stable.
    Pin {
        /// Whose.
        tenant: TenantId,
        /// Why.
        reason: String,
    },
    /// Let a pinned tenant take part again.
    Unpin {
        /// Whose.
        tenant: TenantId,
        /// Why.
        reason: String,
    },
    /// Drill the rollback, at 0 %.
    Drill,
}

impl Order {
    fn wish(&self) -> Wish {
        match self.clone() {
            Order::RollBack { confirmed } => Wish::RollBack {
                level: Level::Total.into(),
                confirmed,
            },
            Order::Pin { tenant, reason } => Wish::Pin { tenant, reason },
            Order::Unpin { tenant, reason } => Wish::Unpin { tenant, reason },
            Order::Drill => Wish::Drill,
        }
    }

    /// Whether there is nothing more to wait for.
    fn is_over(&self, state: &State, waited: Duration) -> bool {
        let idle = state.targets.values().all(|t| t.op.is_none());
        match self {
            Order::RollBack { .. } => {
                let verified = state.rollback.as_ref().is_none_or(|r| r.verified_at.is_some());
                state.stage == Stage::RolledBack && (verified || waited >= FOR_TRAFFIC)
            }
            Order::Pin { .. } | Order::Unpin { .. } | Order::Drill => idle,
        }
    }
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
    /// Steps that replay otherwise than was recorded; always 0, or the plan or the rules are not those that ran.
    pub differing: u64,
}

impl Desk {
    /// Opens the store in `folder`, which is made where it is not there.
    pub async fn open(folder: &Path, clock: &SharedClock) -> Result<Self, BridgeError> {
        let made = std::fs::create_dir_all(folder);
        made.map_err(|e| BridgeError::Folder {
            place: folder.display().to_string(),
            why: e.to_string(),
        })?;
        let store = Sqlite::open(&folder.join("timonel.db"), clock.clone()).await?;
        Ok(Self {
            folder: folder.to_owned(),
            clock: clock.clone(),
            store: Arc::new(store),
        })
    }

    pub(crate) fn store(&self) -> &Sqlite {
        &self.store
    }

    /// All rollouts with their state by the journal, the last opened first.
    pub async fn rollouts(&self) -> Result<Vec<Listed>, BridgeError> {
        let mut out = Vec::new();
        for row in self.store.rollouts().await? {
            let (parsed, _) = self.plan_of(&row).await?;
            let replayed = timonel_engine::state_of(&*self.store, &row.id, &parsed.plan).await?;
            out.push(Listed {
                row,
                plan: parsed.plan,
                state: replayed.state,
                differing: replayed.differing,
            });
        }
        Ok(out)
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

    /// Carries out an order on a rollout from here and follows it to its end: a rollback until every target is verified, or
    /// read back and traffic says nothing; anything else until nothing is under way.
    ///
    /// The engine is taken up in this process, so that it is journalled, verified and resumed as any other.
    pub async fn carry_out(
        &self,
        row: &RolloutRow,
        by: Person,
        order: Order,
        connections: &Connections,
        mut tell: impl FnMut(&Bulletin) + Send,
    ) -> Result<Snapshot, BridgeError> {
        let (engine, mut bulletins, commands) = self.engine(row, connections).await?;
        let command = Command {
            id: CommandId::new(&format!("desk:{}", self.clock.now().micros())).expect("a good id"),
            by,
            at: self.clock.now(),
            what: Body::of(&order.wish()).expect("a wish serialises"),
        };
        commands.submit(command).await.map_err(|_| BridgeError::Gone)?;
        let begun = self.clock.mono();
        loop {
            let bulletin = match within(&*self.clock, QUIET, bulletins.recv()).await {
                Ok(bulletin) => bulletin.ok_or(BridgeError::Gone)?,
                // Nothing happens: perhaps there was nothing left to do, or only traffic can say more.
                Err(_) => {
                    let state = engine.handle().look().await?.state;
                    let waited = self.clock.mono().saturating_since(begun);
                    if order.is_over(&state, waited) {
                        break;
                    }
                    continue;
                }
            };
            tell(&bulletin);
            let refused = bulletin.effects.iter().any(|e| matches!(e, Effect::Rejected(_)));
            let of_person = !matches!(
                bulletin.event,
                Event::Target { .. } | Event::Tick | Event::Assessed(_) | Event::Helm(_) | Event::Gap { .. }
            );
            if of_person && refused {
                break;
            }
        }
        let end = engine.handle().look().await?;
        engine.stop().await;
        Ok(end)
    }

    /// The commands by which a person can put each target of a rollout back to 0 % without us, or why there are none of it.
    /// Asks nobody, so it needs no key; what is there of one target is not lost for another.
    pub async fn manual_commands(
        &self,
        row: &RolloutRow,
        connections: &Connections,
    ) -> Result<Vec<(TargetId, Result<Vec<ManualCommand>, BridgeError>)>, BridgeError> {
        let (plan, _) = self.plan_of(row).await?;
        let state = timonel_engine::state_of(&*self.store, &row.id, &plan.plan).await?.state;
        let goal = Goal::lower(timonel_domain::value::Weight::ZERO, state.generation);
        let connections = connections.without_asking(&plan);
        let mut out = Vec::new();
        for target in &plan.targets {
            let mut alone = plan.clone();
            alone.targets.retain(|other| other.id == target.id);
            let made = connect::targets(&alone, &connections, &self.kits(row), &self.clock).await;
            let commands = made.map(|made| made.iter().flat_map(|t| t.manual_commands(&goal)).collect());
            out.push((target.id.clone(), commands));
        }
        Ok(out)
    }

    fn kits(&self, row: &RolloutRow) -> Kits {
        Kits::Of(KitFolder::new(self.folder.join(KITS)), row.id.clone())
    }

    async fn engine(
        &self,
        row: &RolloutRow,
        connections: &Connections,
    ) -> Result<(Engine, Receiver<Bulletin>, impl Commands + use<>), BridgeError> {
        let (plan, plan_text) = self.plan_of(row).await?;
        let targets = connect::targets(&plan, connections, &self.kits(row), &self.clock).await?;
        // Without sources the traffic's own marks stay open; the calls go back all the same.
        let sources = connect::sources(&plan, connections, &self.clock).unwrap_or_else(|error| {
            tracing::warn!(%error, "rolling back without metrics");
            Vec::new()
        });
        let (commands, feed) = in_process(&self.clock);
        let (engine, bulletins) = Engine::start(Parts {
            rollout: row.id.clone(),
            plan: plan.plan,
            plan_text,
            clock: self.clock.clone(),
            writer: Writer::new("escritorio").expect("a good id"),
            store: self.store.clone(),
            helm: self.store.clone(),
            commands: Box::new(feed),
            targets,
            sources,
            intents: IntentFolder::new(self.folder.join("intents")),
        })
        .await?;
        Ok((engine, bulletins, commands))
    }

    /// One rollout by its id, or the only one that is not closed where none is named.
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
            (None, _) => Err(unknown),
        }
    }
}
