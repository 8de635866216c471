//! The target `telnyx.number-share`: two TeXML applications, and which numbers are connected to which.
//!
//! The weight is the share of the calls, as measured when the rollout was armed, that belongs to the numbers on the canary
//! application. Raising moves numbers there in bulk jobs; the instant lever gives the canary application stable's address, and
//! the numbers follow. Everything that is decided (`subset`, `plan`, `mark`, `settings`, `manual`) is pure; `reading`,
//! `lever`, `jobs`, `volume` and `preflight` call.
//!
//! The fence is advisory: Telnyx has no conditional write. A raise reads before it writes, and again before each job.
//!
//! Deliberately not here: calls in progress, which stay where they are.

mod jobs;
mod kit;
mod lever;
mod manual;
mod mark;
mod plan;
mod preflight;
mod reading;
mod settings;
mod step;
mod subset;
#[cfg(test)]
mod tests;
mod volume;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use serde::Serialize;
use timonel_domain::rollout::Generation;
use timonel_domain::value::{TargetId, TenantId, Weight};
use timonel_ports::kit::Kit;
use timonel_ports::target::{
    Description, Fence, Goal, ManualCommand, Operation, Preflight, Progress, Reach, Reading, Step, Target, TargetError,
};

use crate::account::{Account, AccountError, Urgency};
use crate::api::ConnectionId;
use kit::Keeper;
use plan::{JOB_SIZE, Planner, Snapshot};
use step::{Accepted, Deed, FORM, Planned, Pull, Way};

pub use mark::{MARK, RAISE};

const KIND: &str = "telnyx.number-share";

/// Which numbers between which applications.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// The target's id in the plan.
    pub id: TargetId,
    /// The TeXML application of the old system.
    pub stable: ConnectionId,
    /// The TeXML application of the new system.
    pub canary: ConnectionId,
    /// Numbers in E.164 that are never moved and not counted.
    pub except: BTreeSet<String>,
    /// The numbers in E.164 of each tenant.
    pub tenants: BTreeMap<TenantId, BTreeSet<String>>,
    /// What the order of the numbers depends on: the same for a whole rollout.
    pub salt: String,
    /// Over how many days the calls of each number are counted.
    pub volume_days: u16,
}

/// The target `telnyx.number-share`. Reads may run at the same time as writes.
#[derive(Debug)]
pub struct NumberShare {
    spec: Spec,
    place: String,
    account: Account,
    keeper: Keeper,
}

impl NumberShare {
    /// A target in `account` that keeps its kit in `kit`. Asks and reads nothing; call [`NumberShare::recall`] where a rollback
    /// may be the first thing that is wanted of it.
    pub fn new(spec: Spec, account: Account, kit: Arc<dyn Kit>) -> Self {
        // Short, since it begins every sentence about it; which applications they are, the preflight says.
        let place = format!("the numbers of Telnyx account `{}`", account.name());
        let keeper = Keeper::new(account.clock().clone(), kit, &spec.stable, &spec.canary);
        Self {
            spec,
            place,
            account,
            keeper,
        }
    }

    /// Reads the kit, so that the instant lever is known before anything was read from Telnyx. A kit that cannot be read is
    /// told in the log and by the preflight; the live state serves instead.
    pub async fn recall(&self) {
        self.keeper.recall().await;
    }

    fn planner(&self) -> Planner<'_> {
        Planner {
            place: &self.place,
            salt: &self.spec.salt,
            tenants: &self.spec.tenants,
        }
    }

    fn remembered(&self, reading: &Reading) -> Result<Snapshot, TargetError> {
        let snapshot: Snapshot = serde_json::from_slice(&reading.snapshot).map_err(|_| self.foreign())?;
        if snapshot.form == FORM {
            Ok(snapshot)
        } else {
            Err(self.foreign())
        }
    }

    fn step(&self, deed: Deed) -> Result<Step, TargetError> {
        let planned = Planned {
            form: FORM,
            stable: self.spec.stable.as_str().to_owned(),
            canary: self.spec.canary.as_str().to_owned(),
            deed,
        };
        Ok(Step(self.bytes(&planned)?))
    }

    fn bytes(&self, travelling: &impl Serialize) -> Result<Vec<u8>, TargetError> {
        serde_json::to_vec(travelling).map_err(|_| self.foreign())
    }

    /// The lever as far as it is known here.
    fn lever(&self, generation: Generation) -> Option<Pull> {
        let memory = self.keeper.memory();
        let stable = memory.kit.stable.as_ref()?;
        let had = memory.live.as_ref().or(memory.kit.own.as_ref())?;
        Some(Pull {
            generation,
            wanted: had.like(stable),
            had: had.clone(),
            tags: memory.kit.tags.clone(),
        })
    }

    fn target_error(&self, error: &AccountError) -> TargetError {
        error.target(&self.place)
    }

    fn foreign(&self) -> TargetError {
        let detail =
            "what was kept of it was not written by this target, or by another version. Read it again and plan anew";
        TargetError::Shape {
            place: self.place.clone(),
            detail: detail.to_owned(),
        }
    }
}

#[async_trait]
impl Target for NumberShare {
    fn describe(&self) -> Description {
        Description {
            id: self.spec.id.clone(),
            kind: KIND,
            place: self.place.clone(),
            fence: Fence::Advisory,
        }
    }

    async fn preflight(&self) -> Result<Preflight, TargetError> {
        self.checks().await
    }

    async fn read(&self) -> Result<Reading, TargetError> {
        self.observe(Urgency::Target).await
    }

    async fn look(&self) -> Result<Reading, TargetError> {
        self.observe(Urgency::Look).await
    }

    /// Nothing where the reading is of another target.
    fn reach(&self, goal: &Goal, reading: &Reading) -> Reach {
        match self.remembered(reading) {
            Ok(snapshot) => self.planner().reach(goal, &snapshot),
            Err(_) => Reach {
                weight: Weight::ZERO,
                set: None,
            },
        }
    }

    fn plan(&self, goal: &Goal, reading: &Reading) -> Result<Vec<Step>, TargetError> {
        let snapshot = self.remembered(reading)?;
        let deeds = self.planner().deeds(goal, &snapshot)?;
        deeds.into_iter().map(|deed| self.step(deed)).collect()
    }

    async fn start(&self, step: &Step) -> Result<Operation, TargetError> {
        let planned: Planned = serde_json::from_slice(&step.0).map_err(|_| self.foreign())?;
        let (stable, canary) = (self.spec.stable.as_str(), self.spec.canary.as_str());
        if (planned.form, planned.stable.as_str(), planned.canary.as_str()) != (FORM, stable, canary) {
            return Err(self.foreign());
        }
        let accepted = match planned.deed {
            Deed::Pull(pull) => self.pull(&pull).await?,
            Deed::Seek { generation } => self.seek(generation).await?,
            Deed::Mark { generation, aim } => self.leave_mark(generation, &aim).await?,
            Deed::Open(open) => self.open(&open).await?,
            Deed::Move(moved) => self.start_move(&moved).await?,
            Deed::Follow { job, to, count } => Accepted::Job {
                form: FORM,
                job,
                to,
                count,
            },
        };
        Ok(Operation(self.bytes(&accepted)?))
    }

    async fn poll(&self, operation: &Operation) -> Result<Progress, TargetError> {
        match serde_json::from_slice(&operation.0).map_err(|_| self.foreign())? {
            Accepted::Written => Ok(Progress::Done),
            Accepted::Set { form: FORM, wanted } => self.is_set(&wanted).await,
            Accepted::Pulled { form: FORM, wanted } => self.is_pulled(&wanted).await,
            Accepted::Job {
                form: FORM,
                job,
                to,
                count,
            } => self.how_far(&job, to, count).await,
            Accepted::Waiting { form: FORM, job } => self.how_far_waiting(&job).await,
            Accepted::Set { .. } | Accepted::Pulled { .. } | Accepted::Job { .. } | Accepted::Waiting { .. } => {
                Err(self.foreign())
            }
        }
    }

    /// Known from the kit or a former reading, see [`NumberShare::recall`]; without either it looks both applications up.
    fn instant_lever(&self, goal: &Goal) -> Option<Step> {
        match goal {
            Goal::Lower { to, generation, .. } if *to == Weight::ZERO => {
                let generation = *generation;
                let deed = self.lever(generation).map_or(Deed::Seek { generation }, Deed::Pull);
                self.step(deed).ok()
            }
            Goal::Lower { .. } | Goal::Raise { .. } => None,
        }
    }

    /// Jobs for every number that may be on the canary by what is known here. What else is there, the next reading shows.
    fn clean_up(&self, goal: &Goal) -> Vec<Step> {
        let Goal::Lower { to, generation, .. } = goal else {
            return Vec::new();
        };
        if *to != Weight::ZERO {
            return Vec::new();
        }
        let leaving: Vec<_> = self.keeper.memory().perhaps_on_canary().into_iter().collect();
        let deeds = plan::moves(&leaving, Way::Stable, *generation, None);
        deeds.into_iter().filter_map(|deed| self.step(deed).ok()).collect()
    }

    /// For a lowering only: nobody checks gates on a raise by hand. Where only a part is to leave and it is not known who is
    /// there, it is the lever that is offered: it takes all new calls off.
    fn manual_commands(&self, goal: &Goal) -> Vec<ManualCommand> {
        let Goal::Lower { to, generation, .. } = goal else {
            return Vec::new();
        };
        let (stable, canary) = (self.spec.stable.as_str(), self.spec.canary.as_str());
        let last = self.keeper.memory().last.clone();
        if *to > Weight::ZERO
            && let Some(snapshot) = last
        {
            let leaving = self.planner().leaving(goal, &snapshot);
            let jobs: Vec<_> = leaving.chunks(JOB_SIZE).map(<[String]>::to_vec).collect();
            return vec![manual::reducing(stable, canary, &jobs, *generation)];
        }
        let known = self.lever(*generation).map(|pull| {
            let tags = mark::lowered(&pull.tags, pull.generation);
            manual::known(canary, &pull.wanted.patch(&pull.had, &tags))
        });
        known
            .into_iter()
            .chain([manual::searching(stable, canary, *generation)])
            .collect()
    }
}
