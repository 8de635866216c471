//! How a berth makes a console of what a person wants to have open.

use std::time::Duration;

use futures::future::join_all;
use tempfile::TempDir;
use timonel_domain::rollout::Failure;
use timonel_plan::Parsed;
use timonel_ports::clock::within;
use timonel_ports::store::{RolloutRow, RolloutStore};
use timonel_ports::target::TargetError;
use timonel_wire::{Arg, Sentence, ToOpen, WireError, told};

use super::problem::told_to_window;
use super::{Berth, known};
use crate::connect::{self, Connections};
use crate::console::{Console, Opening, TakeUp, is_under_way};
use crate::desk::in_environment;
use crate::{BridgeError, Desk};

/// A rollout that is taken up waits no longer for keys: it may have calls to put back. A key that comes later is used.
const FOR_KEYS: Duration = Duration::from_secs(3);
/// A target of a new rollout has this long to answer before it is opened; one with thousands of numbers needs some.
const FOR_TARGETS: Duration = Duration::from_secs(30);

/// A console that is not in force yet.
pub(super) struct Made {
    pub(super) console: Console,
    pub(super) plan: Parsed,
    /// None on the simulator.
    pub(super) over: Option<Connections>,
}

impl Berth {
    pub(super) async fn make(&self, what: &ToOpen) -> Result<Made, WireError> {
        match what {
            ToOpen::Simulator => self.simulator().await.map_err(told_to_window),
            ToOpen::Rollout { rollout } => {
                let row = self.row(rollout).await?;
                self.take_up(row).await.map_err(told_to_window)
            }
            ToOpen::Plan { path, environment } => {
                let row = self.of_plan(path, environment).await?;
                self.take_up(row).await.map_err(told_to_window)
            }
        }
    }

    async fn simulator(&self) -> Result<Made, BridgeError> {
        let folder = TempDir::with_prefix("timonel-").map_err(|e| BridgeError::Folder {
            place: std::env::temp_dir().display().to_string(),
            why: e.to_string(),
        })?;
        let mut opening = Opening::simulator(folder.path().to_owned())?;
        opening.speed = self.0.with.speed.unwrap_or(opening.speed);
        opening.virtual_operator = self.0.with.virtual_operator;
        opening.first_picture = self.first_picture();
        let console = Console::open(opening).await?;
        self.keep_folder(Some(folder));
        Ok(Made {
            plan: console.plan().clone(),
            console,
            over: None,
        })
    }

    /// Where the journal stands, whatever of its keys is missing: others can be put back meanwhile. Of a shared store it is only looked
    /// on at.
    async fn take_up(&self, row: RolloutRow) -> Result<Made, BridgeError> {
        let quay = self.quay().await?;
        let (plan, _) = quay.desk.plan_of(&row).await?;
        self.0.with.keys.serve(plan.clone());
        let credentials = self.0.with.keys.credentials();
        let connections = self
            .unloaded(&plan)
            .with_keys_within(&plan, credentials, &self.0.clock, FOR_KEYS)
            .await;
        let with = || TakeUp {
            writer: quay.writer(&row.id),
            row: row.clone(),
            connections: connections.clone(),
            first_picture: self.first_picture(),
        };
        let console = if self.0.with.store.is_some() {
            Console::look_on(&quay.desk, with()).await?
        } else {
            match Console::take_up(&quay.desk, with()).await {
                Ok(console) => console,
                Err(refused) => {
                    quay.desk.wait_out(&row.id, refused).await?;
                    Console::take_up(&quay.desk, with()).await?
                }
            }
        };
        Ok(Made {
            console,
            plan,
            over: Some(connections),
        })
    }

    fn unloaded(&self, plan: &Parsed) -> Connections {
        Connections::of_environment(plan, self.0.with.kubeconfig.clone())
    }

    async fn connections(&self, plan: &Parsed) -> Connections {
        self.unloaded(plan)
            .with_keys(plan, self.0.with.keys.credentials())
            .await
    }

    async fn row(&self, rollout: &str) -> Result<RolloutRow, WireError> {
        let quay = self.quay().await.map_err(told_to_window)?;
        let rows = quay.desk.store().rollouts().await;
        let mut rows = rows.map_err(|error| told_to_window(error.into()))?.into_iter();
        let unknown = || Sentence::new("error-open-unknown-rollout").with("rollout", Arg::text(rollout));
        rows.find(|row| row.id.as_str() == rollout)
            .ok_or_else(|| unknown().into())
    }

    /// A plan whose rollout is not over is that rollout.
    pub(super) async fn resolved(&self, what: &ToOpen) -> Result<ToOpen, WireError> {
        let ToOpen::Plan { path, environment } = what else {
            return Ok(what.clone());
        };
        let (plan, text) = sound(path, environment).await?;
        let quay = self.quay().await.map_err(told_to_window)?;
        let begun = self.unfinished(&quay.desk, &plan, &text).await?;
        Ok(begun.map_or_else(
            || what.clone(),
            |row| ToOpen::Rollout {
                rollout: row.id.to_string(),
            },
        ))
    }

    /// The rollout of a plan that is not over, else a new one, whose keys are there and whose targets answer.
    async fn of_plan(&self, path: &str, environment: &str) -> Result<RolloutRow, WireError> {
        let (plan, text) = sound(path, environment).await?;
        let quay = self.quay().await.map_err(told_to_window)?;
        if let Some(row) = self.unfinished(&quay.desk, &plan, &text).await? {
            return Ok(row);
        }
        self.0.with.keys.serve(plan.clone());
        self.answers(&plan).await?;
        quay.desk.draft(&text, environment).await.map_err(told_to_window)
    }

    /// A rollout of this plan in this environment that is not over. Errors where it runs another text of the plan and
    /// somebody has to watch it: two of them would move the same calls.
    async fn unfinished(&self, desk: &Desk, plan: &Parsed, text: &str) -> Result<Option<RolloutRow>, WireError> {
        let rows = desk.store().rollouts().await;
        for row in rows.map_err(|error| told_to_window(error.into()))? {
            if row.plan != plan.plan.id || row.environment != plan.plan.environment || row.closed_at.is_some() {
                continue;
            }
            let kept = desk.plan_of(&row).await;
            let same = kept.is_ok_and(|(_, kept)| kept == text);
            let stands = desk.listed(row.clone()).await.map_err(told_to_window)?;
            if stands.is_over() {
                continue;
            }
            if same {
                return Ok(Some(row));
            }
            if is_under_way(stands.state.stage.into()) {
                let other = Sentence::new("error-open-plan-changed").with("rollout", Arg::text(&row.id));
                return Err(other.into());
            }
        }
        Ok(None)
    }

    /// Whether every target of a plan can be reached and read. Writes nothing.
    async fn answers(&self, plan: &Parsed) -> Result<(), WireError> {
        let connections = self.connections(plan).await;
        let targets = connect::targets(plan, &connections, &connect::Kits::Nowhere, &self.0.clock).await;
        let targets = targets.map_err(told_to_window)?;
        connect::sources(plan, &connections, &self.0.clock).map_err(told_to_window)?;
        let looks = targets.iter().map(|target| async {
            let is = target.describe();
            let looked = within(&*self.0.clock, FOR_TARGETS, target.read()).await;
            let looked = looked.unwrap_or(Err(TargetError::Deadline {
                place: is.place,
                limit: FOR_TARGETS,
            }));
            looked.map_err(|error| (is.id, error))
        });
        match join_all(looks).await.into_iter().find_map(Result::err) {
            None => Ok(()),
            Some((id, error)) => {
                let failure = Failure {
                    code: error.code().to_owned(),
                    text: error.to_string(),
                };
                Err(Sentence::new("error-open-target")
                    .with("target", Arg::text(id))
                    .with("why", Arg::sentence(told::why(&failure)))
                    .into())
            }
        }
    }
}

/// A plan from its file in one of its real environments, and its text.
async fn sound(path: &str, environment: &str) -> Result<(Parsed, String), WireError> {
    let (path, text) = known::read(path).await?;
    let file = known::plan_file(&path, &text);
    if file.name.is_none() {
        let errors = file.findings.iter().filter(|finding| finding.error).count();
        return Err(Sentence::new("error-open-plan-unsound")
            .with("path", Arg::text(file.path))
            .with("errors", Arg::Count(errors as u64))
            .into());
    }
    if !file.environments.iter().any(|known| known == environment) {
        return Err(Sentence::new("error-open-unknown-environment")
            .with("environment", Arg::text(environment))
            .with("known", Arg::text(file.environments.join(", ")))
            .into());
    }
    let plan = in_environment(&text, environment).map_err(told_to_window)?;
    Ok((plan, text))
}
