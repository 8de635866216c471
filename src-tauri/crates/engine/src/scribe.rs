//! Keeping what happened, in order, without anybody waiting for it but those who raise.
//!
//! A store that does not answer holds up nothing: entries wait here and are tried again until they are in.

mod waiting;

use std::sync::Arc;
use std::time::Duration;

use timonel_domain::sample::Sample;
use timonel_domain::value::RolloutId;
use timonel_journal::entry::Sealed;
use timonel_ports::clock::{SharedClock, sleep};
use timonel_ports::mailbox::{Receiver, Reply, Sender};
use timonel_ports::store::{Store, StoreError, UnitRow};

use crate::follower::Growth;
use crate::message::Message;
use waiting::Waiting;

const RETRY: Duration = Duration::from_secs(1);
/// At most so many entries in one transaction.
const BATCH: usize = 256;

/// Something to keep.
#[derive(Debug)]
pub(crate) enum Job {
    /// An entry of the journal with its number.
    Entry(u64, Sealed),
    /// Readings.
    Samples(Vec<Sample>),
    /// Units, as the judge is given them.
    Units(Vec<UnitRow>),
    /// Answer when everything before this is kept.
    Flush(Reply<()>),
}

pub(crate) struct Scribe {
    pub(crate) clock: SharedClock,
    pub(crate) rollout: RolloutId,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) owner: Sender<Message>,
    pub(crate) jobs: Receiver<Job>,
    /// The last entry that is known to be in the store.
    pub(crate) kept: u64,
    /// Who is woken when the journal has grown.
    pub(crate) grown: Growth,
}

impl Scribe {
    /// Runs until all senders are gone and everything is kept.
    pub(crate) async fn run(mut self) {
        let mut queue = Waiting::default();
        let mut failing = false;
        loop {
            if queue.is_empty() {
                match self.jobs.recv().await {
                    Some(job) => queue.push(job),
                    None => return,
                }
            }
            while let Some(job) = self.jobs.try_recv() {
                queue.push(job);
            }
            if let Err(error) = self.keep_first(&mut queue).await {
                tracing::warn!(%error, "the store does not take entries; they wait");
                let fault = match queue.dropped() {
                    0 => error.to_string(),
                    n => format!("{error}; {n} readings do not wait any more and are lost to the next start"),
                };
                self.owner.tell(Message::StoreFault(fault));
                failing = true;
                self.wait(&mut queue).await;
            } else if std::mem::take(&mut failing) {
                let dropped = queue.take_dropped();
                if dropped > 0 {
                    tracing::error!(rollout = %self.rollout, dropped, "readings were not kept while the store took nothing");
                }
                // Readings alone tell the owner nothing, and the fault is over with them too.
                self.owner.tell(Message::Written { through: self.kept });
            }
        }
    }

    /// Waits before the next attempt, and goes on taking jobs: an untaken message would hold up virtual time.
    async fn wait(&mut self, queue: &mut Waiting) {
        let mut pause = sleep(&*self.clock, RETRY);
        loop {
            tokio::select! {
                () = &mut pause => return,
                job = self.jobs.recv() => match job {
                    Some(job) => queue.push(job),
                    // The owner has ended; what it left is tried again all the same, and not faster than before.
                    None => return pause.await,
                },
            }
        }
    }

    async fn keep_first(&mut self, queue: &mut Waiting) -> Result<(), StoreError> {
        match queue.first() {
            None => {}
            Some(Job::Entry(..)) => return self.keep_entries(queue).await,
            Some(Job::Samples(samples)) => skip_refused(self.store.put_samples(&self.rollout, samples).await)?,
            Some(Job::Units(units)) => skip_refused(self.store.put_units(&self.rollout, units).await)?,
            Some(Job::Flush(_)) => {}
        }
        if let Some(Job::Flush(reply)) = queue.pop() {
            reply.send(());
        }
        Ok(())
    }

    async fn keep_entries(&mut self, queue: &mut Waiting) -> Result<(), StoreError> {
        let mut through = self.kept;
        let mut batch = Vec::new();
        for job in queue.iter().take(BATCH) {
            let Job::Entry(seq, sealed) = job else { break };
            through = *seq;
            batch.push(sealed.clone());
        }
        self.store.append(&batch).await?;
        for _ in 0..batch.len() {
            queue.pop();
        }
        self.grown.by(batch.len());
        self.kept = through;
        self.owner.tell(Message::Written { through });
        Ok(())
    }
}

/// Readings and units that the store will never take are left out: behind them wait the entries, and with those every raise.
fn skip_refused(put: Result<(), StoreError>) -> Result<(), StoreError> {
    match put {
        Err(error @ (StoreError::Conflict { .. } | StoreError::Unknown { .. } | StoreError::Range { .. })) => {
            tracing::error!(%error, "the store refuses these readings; they are left out");
            Ok(())
        }
        other => other,
    }
}
