//! From where a console has its pictures, and where its orders go: an engine in this process, or the shared store that another
//! program's engine writes to. Deliberately not here: what is shown and what may be ordered, which are the same for both.

use timonel_engine::{Engine, Handle, Viewer};
use timonel_ports::commands::QueueEnd;

use super::elsewhere::Elsewhere;

/// What shows a rollout.
#[derive(Debug)]
pub(super) enum Origin {
    /// This process leads it.
    Engine(Engine),
    /// This process looks on.
    Viewer(Viewer),
}

impl Origin {
    pub(super) fn handle(&self) -> &Handle {
        match self {
            Origin::Engine(engine) => engine.handle(),
            Origin::Viewer(viewer) => viewer.handle(),
        }
    }

    /// Ends once everything that happened here is in the store.
    pub(super) async fn stop(self) {
        match self {
            Origin::Engine(engine) => engine.stop().await,
            Origin::Viewer(viewer) => viewer.stop().await,
        }
    }
}

/// Where orders go.
#[derive(Debug)]
pub(super) enum Way {
    /// Straight to the engine.
    Here(QueueEnd),
    /// Through the store, to whoever has the helm.
    Elsewhere(Elsewhere),
}

impl Way {
    /// Where they do not stay in this process.
    pub(super) fn elsewhere(&self) -> Option<&Elsewhere> {
        match self {
            Way::Here(_) => None,
            Way::Elsewhere(elsewhere) => Some(elsewhere),
        }
    }
}
