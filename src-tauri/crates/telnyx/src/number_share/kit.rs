//! What a rollback needs and Telnyx cannot tell later, kept before the first write of a raise: all numbers as they were, the
//! settings of both applications, the calls of each number, and the set that was asked for last.
//!
//! It lives in memory and in the file of the `Kit` port. After a lowering the file is written as soon as possible and never
//! waited for: a disk that hangs must not hold calls on the canary.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::lock::Mutex as Turn;
use serde::{Deserialize, Serialize};
use timonel_domain::rollout::Generation;
use timonel_domain::time::Timestamp;
use timonel_ports::clock::SharedClock;
use timonel_ports::kit::Kit;
use timonel_ports::task;

use super::plan::Snapshot;
use super::settings::Settings;
use super::step::{FORM, Way};
use super::subset::Number;
use crate::api::{self, ConnectionId};

/// What is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Contents {
    form: u32,
    /// Of which applications it speaks.
    stable_id: String,
    canary_id: String,
    /// When the numbers were listed.
    pub(super) listed_at: Option<Timestamp>,
    /// All numbers in scope.
    pub(super) numbers: Vec<Kept>,
    /// Where their calls were counted; `None` where they were not.
    pub(super) volumes: Option<Volumes>,
    /// The stable application's settings.
    pub(super) stable: Option<Settings>,
    /// The canary application's own: as they were when the lever was not pulled.
    pub(super) own: Option<Settings>,
    /// The address that a pulled lever gave it last, which is not its own, even when stable's is another one by now.
    #[serde(default)]
    pub(super) pulled: Option<String>,
    /// The canary application's tags, as seen last.
    pub(super) tags: Vec<String>,
    /// The numbers that were asked for last, in the order of joining.
    pub(super) aim: Option<Vec<String>>,
}

/// A number as it was before anything was moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    /// The number with its calls.
    #[serde(flatten)]
    pub(super) number: Number,
    /// The connection that it had.
    pub(super) connection_id: String,
    /// The tags that it had.
    pub(super) tags: Vec<String>,
}

/// How the calls of each number were counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Volumes {
    /// When.
    pub(super) at: Timestamp,
    /// How many records were read.
    pub(super) sampled: u64,
    /// Of how many.
    pub(super) all: u64,
    /// Over how many days.
    pub(super) days: u16,
}

impl Contents {
    fn new(stable: &ConnectionId, canary: &ConnectionId) -> Self {
        Self {
            form: FORM,
            stable_id: stable.as_str().to_owned(),
            canary_id: canary.as_str().to_owned(),
            listed_at: None,
            numbers: Vec::new(),
            volumes: None,
            stable: None,
            own: None,
            pulled: None,
            tags: Vec::new(),
            aim: None,
        }
    }

    /// The numbers alone.
    pub(super) fn numbers(&self) -> Vec<Number> {
        self.numbers.iter().map(|kept| kept.number.clone()).collect()
    }

    /// All numbers in scope as they were listed at `at`; the calls that were counted before stay.
    pub(super) fn list(&mut self, listed: &[api::Number], at: Timestamp) {
        let calls: BTreeMap<_, _> = self
            .numbers
            .iter()
            .map(|kept| (kept.number.id.clone(), kept.number.calls))
            .collect();
        let kept = |number: &api::Number| {
            let id = number.id.as_str().to_owned();
            Kept {
                number: Number {
                    calls: calls.get(&id).copied().unwrap_or_default(),
                    id,
                    e164: number.e164.clone(),
                },
                connection_id: number
                    .connection_id
                    .as_ref()
                    .map(|id| id.as_str().to_owned())
                    .unwrap_or_default(),
                tags: number.tags.clone(),
            }
        };
        self.numbers = listed.iter().map(kept).collect();
        self.listed_at = Some(at);
    }
}

/// What earlier calls have taught.
#[derive(Debug)]
pub(super) struct Memory {
    /// What is kept, or is about to be.
    pub(super) kit: Contents,
    /// Whether the file was asked; what was wrong with it.
    pub(super) recalled: Option<Result<bool, String>>,
    /// The canary application's settings in force, as seen last.
    pub(super) live: Option<Settings>,
    /// Who was on the canary at the last reading, and when that was.
    pub(super) members: Option<(BTreeSet<String>, Timestamp)>,
    /// Every number on the canary at the last whole listing, and when that was.
    pub(super) listed: Option<(Vec<api::Number>, Timestamp)>,
    /// Who was asked for when the lever was pulled: some of them may be on the canary still.
    pub(super) former: Vec<String>,
    /// The last reading.
    pub(super) last: Option<Arc<Snapshot>>,
    /// Who changed it last, where that was not us.
    pub(super) changed_by: Option<String>,
    /// Jobs that this process has posted, with where they bring their numbers.
    pub(super) ours: BTreeMap<String, Way>,
    /// The latest lowering that began here: no raise of before goes on.
    pub(super) lowered: Option<Generation>,
    /// Raises of this process whose jobs wait for room.
    pub(super) waiting: BTreeSet<Generation>,
    /// When the account's jobs were listed last, and how many were open.
    pub(super) listing: Option<(Timestamp, usize)>,
    /// Whether a job was posted since whose answer never came.
    pub(super) lost: bool,
}

impl Memory {
    /// Whoever was there at the last reading, or before any when the kit was made, and whoever was asked for.
    pub(super) fn perhaps_on_canary(&self) -> BTreeSet<String> {
        let mut ids = match &self.members {
            Some((members, _)) => members.clone(),
            None => {
                let there = self
                    .kit
                    .numbers
                    .iter()
                    .filter(|kept| kept.connection_id == self.kit.canary_id);
                there.map(|kept| kept.number.id.clone()).collect()
            }
        };
        ids.extend(self.kit.aim.iter().flatten().chain(&self.former).cloned());
        ids
    }
}

/// The memory with its file. Clones are the same.
#[derive(Debug, Clone)]
pub(super) struct Keeper {
    clock: SharedClock,
    file: Arc<dyn Kit>,
    memory: Arc<Mutex<Memory>>,
    /// Files are written one after the other, each with what is newest when its turn comes.
    turn: Arc<Turn<()>>,
}

impl Keeper {
    /// With an empty memory.
    pub(super) fn new(clock: SharedClock, file: Arc<dyn Kit>, stable: &ConnectionId, canary: &ConnectionId) -> Self {
        let memory = Memory {
            kit: Contents::new(stable, canary),
            recalled: None,
            live: None,
            members: None,
            listed: None,
            former: Vec::new(),
            last: None,
            changed_by: None,
            ours: BTreeMap::new(),
            lowered: None,
            waiting: BTreeSet::new(),
            listing: None,
            lost: false,
        };
        Self {
            clock,
            file,
            memory: Arc::new(Mutex::new(memory)),
            turn: Arc::default(),
        }
    }

    /// What is known. Never held across a wait.
    pub(super) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the file, once, and takes from it what is not known yet.
    pub(super) async fn recall(&self) {
        if self.memory().recalled.is_some() {
            return;
        }
        let loaded = match self.file.load().await {
            Ok(None) => Ok(None),
            Ok(Some(bytes)) => serde_json::from_slice::<Contents>(&bytes).map(Some).map_err(|error| {
                format!("the kit of this target cannot be read ({error}): the live state is used instead")
            }),
            Err(error) => Err(error.to_string()),
        };
        let mut memory = self.memory();
        if memory.recalled.is_some() {
            return;
        }
        memory.recalled = Some(match loaded {
            Ok(None) => Ok(false),
            Ok(Some(kept)) => {
                let same = |kit: &Contents| (kit.form, kit.stable_id.clone(), kit.canary_id.clone());
                if same(&kept) == same(&memory.kit) {
                    memory.kit.fill(kept);
                    Ok(true)
                } else {
                    Err("the kit of this target speaks of other applications or is of another version: the live state is used \
                         instead"
                        .to_owned())
                }
            }
            Err(what) => Err(what),
        });
        if let Some(Err(what)) = &memory.recalled {
            tracing::warn!(%what, "a kit is not used");
        }
    }

    /// Writes what is known now; on the disk when this returns. Errors are for people.
    pub(super) async fn keep(&self) -> Result<(), String> {
        // Waiting for a disk is not waiting for time.
        let waiting = self.clock.busy();
        let _turn = self.turn.lock().await;
        drop(waiting);
        // So that nothing that only the file has is lost.
        self.recall().await;
        let bytes = serde_json::to_vec(&self.memory().kit).map_err(|error| error.to_string())?;
        self.file.keep(bytes).await.map_err(|error| error.to_string())
    }

    /// The same, beside whatever comes next.
    pub(super) fn keep_soon(&self) {
        let keeper = self.clone();
        task::spawn(&self.clock, async move {
            if let Err(what) = keeper.keep().await {
                tracing::warn!(%what, "a kit could not be kept after a lowering");
            }
        });
    }
}

impl Contents {
    /// Takes from the file what is not known yet.
    fn fill(&mut self, kept: Contents) {
        if self.numbers.is_empty() {
            self.numbers = kept.numbers;
            self.listed_at = kept.listed_at;
            self.volumes = kept.volumes;
        }
        if self.tags.is_empty() {
            self.tags = kept.tags;
        }
        self.stable = self.stable.take().or(kept.stable);
        self.own = self.own.take().or(kept.own);
        self.pulled = self.pulled.take().or(kept.pulled);
        self.aim = self.aim.take().or(kept.aim);
    }
}
