//! Whether somebody has to watch what is open, and when nobody can any more.

use std::time::Duration;

use timonel_domain::rollout::{OpKind, Stage};
use timonel_ports::clock::{sleep, within};
use timonel_wire::StageKind;

use super::{ANSWER, Console};

/// How often it is looked whether the helm was lost.
const LOOK: Duration = Duration::from_secs(1);

/// Whether somebody has to watch a rollout in this stage: calls may be on the canary, or a person has to act.
pub(crate) fn is_under_way(stage: StageKind) -> bool {
    match stage {
        StageKind::Draft | StageKind::Closed => false,
        StageKind::Armed
        | StageKind::Shifting
        | StageKind::Baking
        | StageKind::Deciding
        | StageKind::AwaitingApproval
        | StageKind::RollingBack
        | StageKind::RolledBack
        | StageKind::Completed => true,
    }
}

impl Console {
    /// Whether somebody has to go on with it here: a real rollout that this program leads, or a rollback that was pressed here.
    pub(crate) fn is_needed(&self) -> bool {
        match self.0.way.elsewhere() {
            Some(elsewhere) => elsewhere.is_at_work(),
            None => !self.is_simulated() && is_under_way(self.picture().rollout.stage),
        }
    }

    /// The stage of a real rollout that somebody has to watch here; `None` where it may be left. One that does not answer is where
    /// it was seen last.
    pub(crate) async fn wants_watching(&self) -> Option<StageKind> {
        if let Some(elsewhere) = self.0.way.elsewhere() {
            return elsewhere.is_at_work().then(|| self.picture().rollout.stage);
        }
        if self.is_simulated() {
            return None;
        }
        let stage = match within(&*self.0.desk, ANSWER, self.0.handle.look()).await {
            Ok(Ok(snapshot)) => snapshot.state.stage.into(),
            Ok(Err(_)) | Err(_) => self.picture().rollout.stage,
        };
        is_under_way(stage).then_some(stage)
    }

    /// Whether calls are being moved or put back from here, as far as anybody can say. One that has ended moves none.
    pub(crate) async fn is_moving(&self) -> bool {
        if let Some(elsewhere) = self.0.way.elsewhere() {
            return elsewhere.is_at_work();
        }
        match within(&*self.0.desk, ANSWER, self.0.handle.look()).await {
            Ok(Ok(snapshot)) => {
                let state = &snapshot.state;
                matches!(state.stage, Stage::RollingBack { .. }) || state.targets.values().any(|t| t.op.is_some())
            }
            Ok(Err(_)) => false,
            // It may be about to.
            Err(_) => true,
        }
    }

    /// Whether calls are being put back from here. What was being raised without the helm is not waited for: it goes no further.
    pub(crate) async fn is_putting_back(&self) -> bool {
        match within(&*self.0.desk, ANSWER, self.0.handle.look()).await {
            Ok(Ok(snapshot)) => {
                let state = &snapshot.state;
                let mut ops = state.targets.values().filter_map(|target| target.op.as_ref());
                matches!(state.stage, Stage::RollingBack { .. }) || ops.any(|op| op.kind != OpKind::Raise)
            }
            Ok(Err(_)) => false,
            Err(_) => true,
        }
    }

    /// Whether another took the helm from it. It only lowers from now on, and hears nothing of what the other does: it has to be taken
    /// up anew.
    pub(crate) fn has_lost_helm(&self) -> bool {
        self.0.handle.helm().lost
    }

    /// Ends when it has lost the helm, nobody holds that any more, its store takes writes, and nothing is being put back from here, so
    /// that it can be taken up anew. Until then it goes on: a person can still put everything back from it.
    pub(crate) async fn adrift(&self) {
        loop {
            sleep(&*self.0.desk, LOOK).await;
            if !self.has_lost_helm() {
                continue;
            }
            timonel_engine::vacant(&self.0.desk, &*self.0.helm, &self.0.rollout).await;
            let takes_writes = within(&*self.0.desk, ANSWER, self.0.store.takes_writes(&self.0.rollout)).await;
            // Taken up anew over a store that takes nothing it would be no better.
            if matches!(takes_writes, Ok(Ok(()))) && !self.is_putting_back().await {
                return;
            }
        }
    }

    /// Ends when there will be no picture any more, whoever ended it.
    pub(crate) async fn ended(&self) {
        let mut pictures = self.0.pictures.clone();
        while pictures.changed().await.is_ok() {}
    }
}
