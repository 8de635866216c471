//! Bringing the chain of a rollback kit into the journal, once, and unchanged.
//!
//! Its entries keep their writer and their hashes. Beside them, in the same transaction, stands one entry of kind
//! [`MERGED`] that names the head of the chain and the rollback that it tells of; by that entry the engines of the rollout
//! hear of it. It is in a chain of its own beside the kit's, so that of two who merge the same at once one is refused.

use std::path::{Path, PathBuf};

use timonel_domain::time::Timestamp;
use timonel_domain::value::{RolloutId, Writer};
use timonel_journal::chain::{Chain, Head};
use timonel_journal::entry::{Body, Entry, Kind, Sealed};
use timonel_journal::file::{self, FileError, Flush, JournalFile};
use timonel_journal::record::{
    EffectRecord, EventRecord, KIT, KitRecord, KitRollback, LevelRecord, MERGED, MergedRecord, STEP, StepRecord,
};
use timonel_journal::rollback_kit::RollbackKits;
use timonel_ports::clock::SharedClock;
use timonel_ports::store::{Part, Position, Store, StoreError};
use timonel_ports::task::unseen;

/// Entries that are compared at a time.
const PAGE: u32 = 1000;
/// Attempts, where somebody else merges the same at the same moment.
const ATTEMPTS: u32 = 3;

/// Why the chain of a kit was not merged. It stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// The file cannot be used.
    #[error("{0}")]
    File(#[from] FileError),
    /// It is the chain of another rollout, or of no kit at all.
    #[error("{path} is not what was done from the kit of {rollout} ({detail}): nothing was merged; move the file away")]
    Foreign {
        /// Which file.
        path: PathBuf,
        /// The rollout that it was taken for.
        rollout: RolloutId,
        /// What it is instead.
        detail: String,
    },
    /// The store knows no such rollout.
    #[error("{path} tells of {rollout}, which this store does not know: merge it into the store of that rollout")]
    Unknown {
        /// Which file.
        path: PathBuf,
        /// The rollout.
        rollout: RolloutId,
    },
    /// The journal has other entries of the same kit.
    #[error("{path} and the journal have different entries under number {seq} of {kit}: nothing was merged; keep both")]
    Forked {
        /// Which file.
        path: PathBuf,
        /// Whose chain.
        kit: Writer,
        /// The first number at which they differ.
        seq: u64,
    },
    /// The store did not take it.
    #[error("{0}")]
    Store(#[from] StoreError),
}

/// What a merge did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// Of which rollout.
    pub rollout: RolloutId,
    /// Whose chain.
    pub kit: Writer,
    /// Its last entry.
    pub head: Head,
    /// How many entries are new in the journal; 0 where all were there.
    pub entries: u64,
    /// Where the file is kept now that the journal has what it says.
    pub kept: PathBuf,
}

/// A chain that was read and may be merged.
struct Chained {
    writer: Writer,
    entries: Vec<(Entry, Sealed)>,
    head: Head,
}

/// Merges the file at `path`, which was written from the kit of `rollout`, and then keeps it under another name. The same
/// file again, or a copy of it, adds nothing. `None` where nobody has written anything to it; errors leave file and journal as they are.
pub async fn merge(
    store: &dyn Store,
    clock: &SharedClock,
    path: &Path,
    rollout: &RolloutId,
) -> Result<Option<Merged>, MergeError> {
    let (at, of) = (path.to_owned(), rollout.clone());
    let read = unseen(&**clock, tokio::task::spawn_blocking(move || read(&at, &of))).await;
    let Some((file, chain)) = read.expect("reading a file does not panic")? else {
        return Ok(None);
    };
    if !store.rollouts().await?.iter().any(|row| row.id == *rollout) {
        return Err(MergeError::Unknown {
            path: path.to_owned(),
            rollout: rollout.clone(),
        });
    }
    let mut attempts = 0;
    let entries = loop {
        attempts += 1;
        match append(store, clock.now(), path, rollout, &chain).await {
            Err(MergeError::Store(StoreError::Conflict { .. } | StoreError::OutOfOrder { .. }))
                if attempts < ATTEMPTS => {}
            other => break other?,
        }
    };
    let kept = RollbackKits::merged(path);
    let (from, to) = (path.to_owned(), kept.clone());
    // Locked until it has its other name, so that nobody writes to what is merged.
    let renaming = tokio::task::spawn_blocking(move || {
        let renamed = std::fs::rename(from, to);
        drop(file);
        renamed
    });
    if let Ok(Err(error)) = unseen(&**clock, renaming).await {
        tracing::warn!(%error, path = %path.display(), "merged, and still under its old name; it will be merged again, which adds nothing");
    }
    Ok(Some(Merged {
        rollout: rollout.clone(),
        kit: chain.writer,
        head: chain.head,
        entries,
        kept,
    }))
}

/// Reads the file and locks it; `None` where nothing is in it.
fn read(path: &Path, rollout: &RolloutId) -> Result<Option<(JournalFile, Chained)>, MergeError> {
    let foreign = |detail: String| MergeError::Foreign {
        path: path.to_owned(),
        rollout: rollout.clone(),
        detail,
    };
    let mut sealed = Vec::new();
    file::read(path, |entry| sealed.push(entry))?;
    let opened = JournalFile::open(path, Flush::Each)?;
    if opened.contents.verified.count != sealed.len() as u64 {
        // Written to in between; whoever did holds it no longer, and what they wrote comes with the next merge.
        return Err(MergeError::File(FileError::Busy { path: path.to_owned() }));
    }
    if let Some(torn) = &opened.set_aside {
        tracing::warn!(kept = %torn.display(), "the end of a kit's chain was torn; it is set aside and not merged");
    }
    let mut entries = Vec::new();
    for sealed in sealed {
        let entry = sealed.entry().map_err(|e| foreign(e.to_string()))?;
        if entry.rollout.as_ref() != Some(rollout) {
            let of = entry
                .rollout
                .map_or_else(|| "no rollout".to_owned(), |of| of.to_string());
            return Err(foreign(format!("entry {} is of {of}", entry.seq)));
        }
        entries.push((entry, sealed));
    }
    let Some((first, _)) = entries.first() else {
        return Ok(None);
    };
    let writer = first.writer.clone();
    if first.kind.as_str() != KIT {
        return Err(foreign(format!("it begins with an entry of kind {}", first.kind)));
    }
    if let Some((other, _)) = entries.iter().find(|(entry, _)| entry.writer != writer) {
        return Err(foreign(format!("it has entries of {writer} and of {}", other.writer)));
    }
    let head = opened.contents.verified.head(&writer);
    Ok(Some((opened.file, Chained { writer, entries, head })))
}

/// Appends what the journal lacks; how many entries that were.
async fn append(
    store: &dyn Store,
    now: Timestamp,
    path: &Path,
    rollout: &RolloutId,
    chain: &Chained,
) -> Result<u64, MergeError> {
    let there = compare(store, path, chain).await?;
    let missing = chain.entries.get(there..).unwrap_or_default();
    if missing.is_empty() {
        return Ok(0);
    }
    let record = told(chain, missing.len() as u64);
    let beside = Writer::new(&format!("{}-merge", chain.writer)).expect("an id of a kit, and letters");
    let mut own = Chain::resume(beside.clone(), store.head(&beside).await?);
    let body = Body::of(&record).expect("ids and times serialise");
    let merged = own.seal(
        now,
        Some(rollout.clone()),
        Kind::new(MERGED).expect("a good kind"),
        body,
    );
    let mut all: Vec<_> = missing.iter().map(|(_, sealed)| sealed.clone()).collect();
    all.push(merged);
    store.append(&all).await?;
    Ok(missing.len() as u64)
}

/// How many of the chain's entries the journal has. Errors where it has another.
async fn compare(store: &dyn Store, path: &Path, chain: &Chained) -> Result<usize, MergeError> {
    let (mut there, mut after) = (0, Position::START);
    loop {
        let page = store.entries(Part::Writer(&chain.writer), after, PAGE).await?;
        for placed in &page {
            after = placed.position;
            match chain.entries.get(there) {
                Some((_, sealed)) if sealed.hash() != placed.sealed.hash() => {
                    return Err(MergeError::Forked {
                        path: path.to_owned(),
                        kit: chain.writer.clone(),
                        seq: there as u64 + 1,
                    });
                }
                // An older copy of the file: the journal has it all, and more.
                Some(_) | None => there += 1,
            }
        }
        if page.len() < PAGE as usize {
            return Ok(there);
        }
    }
}

/// What the chain comes to.
fn told(chain: &Chained, entries: u64) -> MergedRecord {
    let presses = || {
        let kits = chain.entries.iter().filter(|(entry, _)| entry.kind.as_str() == KIT);
        kits.filter_map(|(entry, _)| entry.body.read::<KitRecord>().ok())
    };
    let mut rollbacks = chain.entries.iter().filter_map(|(entry, _)| rollback(entry));
    MergedRecord {
        kit: chain.writer.clone(),
        seq: chain.head.seq,
        hash: chain.head.hash,
        entries,
        plan_revision: presses().map(|press| press.plan_revision).max().unwrap_or_default(),
        generation: presses().map(|press| press.generation).max().unwrap_or_default(),
        rollback: rollbacks.next_back(),
    }
}

/// The total rollback that an entry decides.
fn rollback(entry: &Entry) -> Option<KitRollback> {
    if entry.kind.as_str() != STEP {
        return None;
    }
    let step: StepRecord = entry.body.read().ok()?;
    let refused = step.effects.iter().any(|e| matches!(e, EffectRecord::Rejected { .. }));
    match step.event {
        EventRecord::RollBack {
            level: LevelRecord::Total,
            cause,
            ..
        } if !refused => Some(KitRollback {
            cause,
            at: entry.occurred_at,
        }),
        _ => None,
    }
}
