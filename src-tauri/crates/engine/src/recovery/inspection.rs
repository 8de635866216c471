//! Looking through, while the engine runs, what its start had no time for: pages of the store that nothing was read from, the
//! chains of all writers, and whether the journal comes to what the checkpoint said.

use std::sync::{Arc, LazyLock};

use timonel_domain::plan::Plan;
use timonel_domain::value::RolloutId;
use timonel_journal::chain::Verifier;
use timonel_ports::mailbox::Sender;
use timonel_ports::store::{Part, Position, Store, StoreError};
use tokio::sync::{Semaphore, watch};

use super::{Fold, PAGE};
use crate::message::Message;

/// One at a time in this program.
static TURN: Semaphore = Semaphore::const_new(1);
/// How many engines are starting in this program.
static STARTS: LazyLock<watch::Sender<usize>> = LazyLock::new(watch::Sender::default);

/// An engine is starting, until this is dropped.
#[derive(Debug)]
pub(crate) struct Starting(());

impl Starting {
    pub(crate) fn now() -> Self {
        STARTS.send_modify(|starts| *starts += 1);
        Self(())
    }

    /// Waits until none is.
    async fn none() {
        let mut starts = STARTS.subscribe();
        // The sender is never dropped.
        let _ = starts.wait_for(|starts| *starts == 0).await;
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        STARTS.send_modify(|starts| *starts -= 1);
    }
}

/// What is to be looked through, and who is told.
pub(crate) struct Inspection {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) rollout: RolloutId,
    pub(crate) plan: Plan,
    /// What the checkpoint said, and where its entry stands; `None` where everything was read.
    pub(crate) believed: Option<(Position, Fold)>,
    pub(crate) owner: Sender<Message>,
}

/// Why an inspection did not end well.
enum Found {
    /// What is there is not what was written.
    Broken(String),
    /// It could not be read; whatever needs the store says so as well.
    Unread(StoreError),
}

impl From<StoreError> for Found {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Corrupt { .. } => Self::Broken(error.to_string()),
            other => Self::Unread(other),
        }
    }
}

impl Inspection {
    /// Looks through everything once, while no engine of this program starts and none else is looked through: what they need of
    /// the disk and the store comes first.
    pub(crate) async fn run(self) {
        // It is never closed.
        let _turn = TURN.acquire().await;
        match self.look().await {
            Ok(()) => {}
            Err(Found::Broken(detail)) => {
                tracing::error!(rollout = %self.rollout, detail, "the journal is not what was written");
                self.owner.tell(Message::Broken(detail));
            }
            Err(Found::Unread(error)) => {
                tracing::warn!(rollout = %self.rollout, %error, "the journal could not be looked through");
            }
        }
    }

    async fn look(&self) -> Result<(), Found> {
        Starting::none().await;
        self.store.look_through().await?;
        let (through, said) = match &self.believed {
            Some((through, said)) => (*through, Some(said)),
            None => (Position::START, None),
        };
        let mut verifier = Verifier::default();
        let mut fold = Fold::new(&self.plan);
        let mut after = Position::START;
        loop {
            Starting::none().await;
            let page = self.store.entries(Part::All, after, PAGE).await?;
            for placed in &page {
                after = placed.position;
                let broken = |error: &dyn std::fmt::Display| Found::Broken(error.to_string());
                verifier.push(&placed.sealed).map_err(|e| broken(&e))?;
                if placed.position > through {
                    continue;
                }
                let entry = placed.sealed.entry().map_err(|e| broken(&e))?;
                if entry.rollout.as_ref() == Some(&self.rollout) {
                    let pushed = fold.push(&self.rollout, &self.plan, &entry, |_| ());
                    pushed.map_err(|e| broken(&e))?;
                }
            }
            if page.len() < PAGE as usize {
                break;
            }
        }
        match said {
            Some(said) if *said != fold => Err(Found::Broken(
                "its entries do not come to what a checkpoint said of them".to_owned(),
            )),
            Some(_) | None => Ok(()),
        }
    }
}
