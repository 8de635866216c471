//! The store of an engine that was started from a rollback kit: one rollout and its plan, and the kit's own chain in an
//! append-only file. It knows nothing of the rollout's past, takes readings and forgets them, and has no helm to give.
//!
//! A file that cannot be written keeps nobody from putting calls back: entries are refused, and tried again by whoever
//! appends. Deliberately not here: what is in a kit (`timonel_journal::rollback_kit`), and when one is used.

mod merge;
#[cfg(test)]
mod tests;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use timonel_domain::sample::Sample;
use timonel_domain::time::Timestamp;
use timonel_domain::value::{PlanId, RolloutId, SignalId, Writer};
use timonel_journal::chain::{Chain, Head};
use timonel_journal::entry::{Body, Kind, Sealed};
use timonel_journal::file::{FileError, Flush, JournalFile};
use timonel_journal::record::{KIT, KitRecord};
use timonel_ports::checkpoint::{Checkpoint, CheckpointStore};
use timonel_ports::clock::SharedClock;
use timonel_ports::helm::{Helm, HelmError, HelmState, Take};
use timonel_ports::store::{
    JournalStore, Part, Placed, PlanRevision, Position, RolloutRow, RolloutStore, SampleStore, StoreError, UnitRow,
};
use timonel_ports::task::unseen;

pub use merge::{MergeError, Merged, merge};

/// What an engine keeps while its store is away. Clones share the file.
#[derive(Debug, Clone)]
pub struct KitStore(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: SharedClock,
    row: RolloutRow,
    plan: PlanRevision,
    writer: Writer,
    path: PathBuf,
    chain: Mutex<Written>,
}

/// The chain: what is on the disk, and a press that is not yet.
#[derive(Debug, Default)]
struct Written {
    entries: Vec<Sealed>,
    /// It comes before everything else, or nobody could tell whose chain it is.
    waiting: Option<Sealed>,
    /// `None` before the first entry, and where it cannot be written any more: it is opened again before the next one.
    file: Option<JournalFile>,
}

impl Written {
    fn open(&mut self, path: &Path) -> Result<&mut JournalFile, FileError> {
        if self.file.is_none() {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder).map_err(|source| FileError::Open {
                    path: path.to_owned(),
                    source,
                })?;
            }
            self.file = Some(JournalFile::open(path, Flush::OnDemand)?.file);
        }
        Ok(self.file.as_mut().expect("it was opened just now"))
    }

    fn all(&self) -> impl Iterator<Item = &Sealed> {
        self.entries.iter().chain(&self.waiting)
    }

    fn head(&self) -> Head {
        self.all().last().map_or(Head::EMPTY, |last| Head {
            seq: self.all().count() as u64,
            hash: last.hash(),
        })
    }

    /// Appends what is not there yet, and returns once it is on the disk.
    fn append(&mut self, path: &Path, writer: &Writer, entries: &[Sealed]) -> Result<(), FileError> {
        let known = |sealed: &&Sealed| !self.entries.contains(sealed);
        let mut new: Vec<_> = self.waiting.iter().chain(entries).filter(known).cloned().collect();
        let kept = self.entries.len() as u64;
        let file = self.open(path)?;
        // More than is known to be kept, where an attempt failed after its writing.
        let there = file.verified().head(writer).seq;
        let mut unwritten = new
            .iter()
            .skip(usize::try_from(there.saturating_sub(kept)).unwrap_or(usize::MAX));
        let written = unwritten.try_for_each(|sealed| file.append(sealed));
        match written.and_then(|()| file.flush()) {
            Ok(()) => {
                self.entries.append(&mut new);
                self.waiting = None;
                Ok(())
            }
            Err(error) => {
                // What of it is on the disk is seen when it is opened again.
                self.file = None;
                Err(error)
            }
        }
    }
}

impl KitStore {
    /// For a rollout and its plan as a kit knows them. Each has a chain and a file of its own, at `path` of its writer, which is
    /// made with the first entry.
    pub fn new(clock: SharedClock, path: impl FnOnce(&Writer) -> PathBuf, row: RolloutRow, plan: PlanRevision) -> Self {
        let writer = new_writer();
        Self(Arc::new(Inner {
            clock,
            row,
            plan,
            path: path(&writer),
            writer,
            chain: Mutex::default(),
        }))
    }

    /// Whose chain it is: no other kit has this name.
    pub fn writer(&self) -> &Writer {
        &self.0.writer
    }

    /// Writes down that a person presses, before anything is done; on the disk when this returns without an error. Where it
    /// cannot be written it is the first to be written later.
    pub async fn press(&self, at: Timestamp, record: &KitRecord) -> Result<(), StoreError> {
        let mut chain = Chain::resume(self.0.writer.clone(), Head::EMPTY);
        let body = Body::of(record).expect("ids and times serialise");
        let kind = Kind::new(KIT).expect("a good kind");
        let sealed = chain.seal(at, Some(self.0.row.id.clone()), kind, body);
        self.chain().waiting = Some(sealed);
        self.append(&[]).await
    }

    fn chain(&self) -> std::sync::MutexGuard<'_, Written> {
        self.0.chain.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A name that nobody else has, on whatever machine.
fn new_writer() -> Writer {
    // Seeded by the system's random numbers.
    let random = [(); 2].map(|()| RandomState::new().build_hasher().finish());
    Writer::new(&format!("kit-{:016x}{:016x}", random[0], random[1])).expect("letters and digits")
}

fn fault(place: String, error: FileError) -> StoreError {
    match error {
        FileError::Full { .. } => StoreError::Full { place },
        FileError::Broken { .. } => StoreError::Corrupt {
            place,
            detail: error.to_string(),
        },
        FileError::Open { source, .. } if source.kind() == io::ErrorKind::StorageFull => StoreError::Full { place },
        FileError::Busy { .. } => StoreError::Unavailable {
            place,
            source: error.into(),
        },
        FileError::Open { .. }
        | FileError::Read { .. }
        | FileError::SetAside { .. }
        | FileError::Refused { .. }
        | FileError::Append { .. }
        | FileError::Unsure { .. } => StoreError::Append { source: error.into() },
    }
}

#[async_trait]
impl JournalStore for KitStore {
    async fn append(&self, entries: &[Sealed]) -> Result<(), StoreError> {
        let (kit, entries) = (self.clone(), entries.to_vec());
        let writing = tokio::task::spawn_blocking(move || {
            let Inner { path, writer, .. } = &*kit.0;
            kit.chain().append(path, writer, &entries)
        });
        let written = unseen(&*self.0.clock, writing).await;
        written
            .expect("writing a file does not panic")
            .map_err(|error| fault(self.0.path.display().to_string(), error))
    }

    async fn head(&self, writer: &Writer) -> Result<Head, StoreError> {
        let ours = *writer == self.0.writer;
        Ok(if ours { self.chain().head() } else { Head::EMPTY })
    }

    async fn look_through(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn entries(&self, of: Part<'_>, after: Position, limit: u32) -> Result<Vec<Placed>, StoreError> {
        let ours = match of {
            Part::All => true,
            Part::Rollout(rollout) => *rollout == self.0.row.id,
            Part::Writer(writer) => *writer == self.0.writer,
        };
        let chain = self.chain();
        let placed = (1..).map(Position).zip(chain.all().cloned());
        let placed = placed.map(|(position, sealed)| Placed { position, sealed });
        Ok(placed
            .filter(|placed| ours && placed.position > after)
            .take(limit as usize)
            .collect())
    }
}

/// Nothing of a kit's is ever read again by a start.
#[async_trait]
impl CheckpointStore for KitStore {
    async fn put_checkpoint(&self, _: &Checkpoint) -> Result<(), StoreError> {
        Ok(())
    }

    async fn checkpoint(&self, _: &RolloutId, _: &str) -> Result<Option<Checkpoint>, StoreError> {
        Ok(None)
    }
}

#[async_trait]
impl RolloutStore for KitStore {
    async fn put_plan(&self, _: &PlanRevision) -> Result<(), StoreError> {
        Ok(())
    }

    async fn plan(&self, plan: &PlanId, revision: u32) -> Result<Option<PlanRevision>, StoreError> {
        let known = &self.0.plan;
        Ok((known.plan() == plan && known.revision() == revision).then(|| known.clone()))
    }

    async fn put_rollout(&self, _: &RolloutRow) -> Result<(), StoreError> {
        Ok(())
    }

    async fn rollouts(&self) -> Result<Vec<RolloutRow>, StoreError> {
        Ok(vec![self.0.row.clone()])
    }
}

/// Nothing is decided by readings here, and the store that is away has those that count.
#[async_trait]
impl SampleStore for KitStore {
    async fn put_samples(&self, _: &RolloutId, _: &[Sample]) -> Result<(), StoreError> {
        Ok(())
    }

    async fn samples(&self, _: &RolloutId, _: &SignalId, _: Range<Timestamp>) -> Result<Vec<Sample>, StoreError> {
        Ok(Vec::new())
    }

    async fn put_units(&self, _: &RolloutId, _: &[UnitRow]) -> Result<(), StoreError> {
        Ok(())
    }

    async fn units(&self, _: &RolloutId, _: u64, _: u32) -> Result<Vec<UnitRow>, StoreError> {
        Ok(Vec::new())
    }

    async fn last_unit(&self, _: &RolloutId) -> Result<u64, StoreError> {
        Ok(0)
    }
}

#[async_trait]
impl Helm for KitStore {
    async fn current(&self, _: &RolloutId) -> Result<HelmState, HelmError> {
        Err(away())
    }

    async fn take(&self, _: &RolloutId, _: &Writer, _: Take) -> Result<u64, HelmError> {
        Err(away())
    }

    async fn renew(&self, _: &RolloutId, _: &Writer, _: u64) -> Result<(), HelmError> {
        Err(away())
    }

    async fn release(&self, _: &RolloutId, _: &Writer, _: u64) -> Result<(), HelmError> {
        Ok(())
    }
}

fn away() -> HelmError {
    HelmError::Unavailable("a rollback kit has no helm to give".into())
}
