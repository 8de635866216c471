//! The console behind the window: opened beside the main thread, waited for by whoever asks before it is there.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tempfile::TempDir;
use timonel_bridge::console::{Console, Opening};
use timonel_wire::{Arg, Sentence, WireError};
use tokio::sync::watch;

/// Where the console stands.
#[derive(Debug, Clone)]
enum Standing {
    /// On its way.
    Opening,
    /// There.
    Open(Console),
    /// It will not come, and why.
    Failed(Arc<str>),
}

/// The one console of this program.
#[derive(Debug)]
pub(crate) struct Desk {
    standing: watch::Sender<Standing>,
    /// Where the simulator's store is; gone with the program.
    folder: Mutex<Option<TempDir>>,
}

impl Default for Desk {
    fn default() -> Self {
        Self {
            standing: watch::Sender::new(Standing::Opening),
            folder: Mutex::new(None),
        }
    }
}

impl Desk {
    /// Opens the simulator. Everybody who waits is told how it went.
    pub(crate) async fn open(&self) {
        let standing = match self.simulator().await {
            Ok(console) => Standing::Open(console),
            Err(why) => {
                tracing::error!("nothing can be shown: {why}");
                Standing::Failed(why.into())
            }
        };
        self.standing.send_replace(standing);
    }

    async fn simulator(&self) -> Result<Console, String> {
        let folder =
            TempDir::with_prefix("timonel-").map_err(|e| format!("no folder for the simulator's store: {e}"))?;
        let place: PathBuf = folder.path().to_owned();
        *self.folder.lock().unwrap_or_else(PoisonError::into_inner) = Some(folder);
        let opening = Opening::simulator(place).map_err(|e| e.to_string())?;
        Console::open(opening).await.map_err(|e| e.to_string())
    }

    /// The console, once it is there.
    pub(crate) async fn console(&self) -> Result<Console, WireError> {
        let mut standing = self.standing.subscribe();
        let settled = standing
            .wait_for(|standing| !matches!(standing, Standing::Opening))
            .await;
        match settled.as_deref() {
            Ok(Standing::Open(console)) => Ok(console.clone()),
            Ok(Standing::Failed(why)) => Err(WireError(Sentence::new("error-not-open").with("why", Arg::text(why)))),
            Ok(Standing::Opening) | Err(_) => Err(WireError::new("error-gone")),
        }
    }

    /// Writes down what happened and clears up. For the end of the program.
    pub(crate) async fn close(&self) {
        let standing = self.standing.send_replace(Standing::Failed("the program ends".into()));
        if let Standing::Open(console) = standing {
            console.close().await;
        }
        self.folder.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}
