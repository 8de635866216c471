//! Keeping the intent file of a rollback: one errand after the other, so that a slow write never comes after the removal
//! that followed it. Nobody waits for it: a rollback goes on without its file.

use timonel_domain::value::RolloutId;
use timonel_journal::intent::{Intent, IntentError, IntentFolder};
use timonel_ports::clock::SharedClock;
use timonel_ports::mailbox::Receiver;
use timonel_ports::task::unseen;

/// Something to do with an intent file.
#[derive(Debug)]
pub(crate) enum Errand {
    /// A rollback began: a restart is to finish it.
    Write(Intent),
    /// There is nothing left to finish.
    Remove(RolloutId),
}

impl Errand {
    fn run(self, folder: &IntentFolder) -> Result<(), IntentError> {
        match self {
            Errand::Write(intent) => folder.write(&intent),
            Errand::Remove(rollout) => folder.remove(&rollout),
        }
    }
}

/// Runs until all senders are gone and every errand is done.
pub(crate) async fn keep(clock: SharedClock, folder: IntentFolder, mut errands: Receiver<Errand>) {
    while let Some(errand) = errands.recv().await {
        let folder = folder.clone();
        let done = tokio::task::spawn_blocking(move || errand.run(&folder));
        match unseen(&*clock, done).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the intent file is not as it should be"),
            Err(error) => tracing::error!(%error, "the intent file was not kept"),
        }
    }
}
