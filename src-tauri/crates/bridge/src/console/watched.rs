//! Whether somebody has to watch what is open, and when nobody can any more.

use timonel_domain::rollout::Stage;
use timonel_ports::clock::within;
use timonel_wire::StageKind;

use super::{ANSWER, Console};

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
    /// The stage of a real rollout that somebody has to watch; `None` where it may be left. One that does not answer is where
    /// it was seen last.
    pub(crate) async fn wants_watching(&self) -> Option<StageKind> {
        if self.is_simulated() {
            return None;
        }
        let stage = match within(&*self.0.desk, ANSWER, self.0.handle.look()).await {
            Ok(Ok(snapshot)) => snapshot.state.stage.into(),
            Ok(Err(_)) | Err(_) => self.picture().rollout.stage,
        };
        is_under_way(stage).then_some(stage)
    }

    /// Whether calls are being moved or put back, as far as anybody can say. One that has ended moves none.
    pub(crate) async fn is_moving(&self) -> bool {
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

    /// Ends when there will be no picture any more, whoever ended it.
    pub(crate) async fn ended(&self) {
        let mut pictures = self.0.pictures.clone();
        while pictures.changed().await.is_ok() {}
    }
}
