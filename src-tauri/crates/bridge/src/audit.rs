//! Whether the journal in a store is what was written, and what was done from rollback kits beside it: every entry of every
//! writer, read once. Needs no engine, and changes nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use timonel_domain::value::Writer;
use timonel_journal::chain::Verifier;
use timonel_journal::entry::{Entry, Hash};
use timonel_journal::file::{self, FileError};
use timonel_journal::record::{KIT, MERGED, MergedRecord, STEP};
use timonel_ports::clock::SharedClock;
use timonel_ports::store::{JournalStore, Part, Position, StoreError};
use timonel_store::Sqlite;

use crate::desk::{STORE_FILE, kit_chains};

const PAGE: u32 = 1000;
/// How every SQLite file begins.
const SQLITE: &[u8] = b"SQLite format 3\0";

/// What the journal is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// Entries read.
    pub entries: u64,
    /// Those of them that are steps of rollouts.
    pub steps: u64,
    /// Whose chains there are.
    pub writers: u64,
    /// The first place where a chain is broken, in words.
    pub fault: Option<String>,
    /// The entries of merged rollback kits, in the order of their chains.
    kits: BTreeMap<Writer, Vec<Hash>>,
}

impl Audit {
    /// `Ok` where the chains are unbroken.
    pub fn in_words(&self) -> Result<String, String> {
        match &self.fault {
            None => Ok(format!("{} entries, chains unbroken", self.entries)),
            Some(fault) => Err(fault.clone()),
        }
    }
}

/// Reads and verifies everything. What a merge says of a kit's chain is held against the chain.
pub async fn audit(store: &(impl JournalStore + ?Sized)) -> Result<Audit, StoreError> {
    let mut out = Audit {
        entries: 0,
        steps: 0,
        writers: 0,
        fault: None,
        kits: BTreeMap::new(),
    };
    let mut verifier = Verifier::default();
    let mut merges = Vec::new();
    let mut after = Position::START;
    loop {
        let page = store.entries(Part::All, after, PAGE).await?;
        for placed in &page {
            after = placed.position;
            out.entries += 1;
            if let Ok(entry) = placed.sealed.entry() {
                out.steps += u64::from(entry.kind.as_str() == STEP);
                note(&entry, placed.sealed.hash(), &mut out.kits, &mut merges);
            }
            if let (Err(fault), None) = (verifier.push(&placed.sealed), &out.fault) {
                out.fault = Some(fault.to_string());
            }
        }
        if page.is_empty() {
            out.writers = verifier.finish().heads.len() as u64;
            let cut = || merges.iter().find_map(|merge| is_cut(merge, &out.kits));
            out.fault = out.fault.clone().or_else(cut);
            return Ok(out);
        }
    }
}

fn note(entry: &Entry, hash: Hash, kits: &mut BTreeMap<Writer, Vec<Hash>>, merges: &mut Vec<MergedRecord>) {
    if entry.kind.as_str() == KIT && entry.seq == 1 {
        kits.insert(entry.writer.clone(), Vec::new());
    }
    if let Some(chain) = kits.get_mut(&entry.writer) {
        chain.push(hash);
    }
    if entry.kind.as_str() == MERGED {
        merges.extend(entry.body.read::<MergedRecord>());
    }
}

/// What is wrong with the chain that a merge names.
fn is_cut(merge: &MergedRecord, kits: &BTreeMap<Writer, Vec<Hash>>) -> Option<String> {
    let at = usize::try_from(merge.seq.checked_sub(1)?).ok()?;
    let there = kits.get(&merge.kit).and_then(|chain| chain.get(at));
    (there != Some(&merge.hash)).then(|| {
        format!(
            "number {} of {} with hash {} was merged, and the journal does not have it",
            merge.seq, merge.kit, merge.hash
        )
    })
}

/// A chain, or chains, that were looked through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audited {
    /// Where they are.
    pub place: String,
    /// What is there.
    pub what: Chains,
    /// The first place where something is broken, in words, or why it cannot be read.
    pub fault: Option<String>,
}

/// What was looked through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chains {
    /// A store's journal.
    Journal {
        /// Entries.
        entries: u64,
        /// Whose chains.
        writers: u64,
    },
    /// What was done from a rollback kit.
    Kit {
        /// Entries.
        entries: u64,
        /// How many of them the journal that was looked through has; `None` where there was none.
        merged: Option<u64>,
        /// Bytes of a torn end: nobody was told that they are written.
        torn: u64,
    },
    /// It could not be read.
    Unread,
}

/// The store of an installation, and all that was done from its rollback kits.
pub async fn of_installation(folder: &Path, store: Option<&SecretString>, clock: &SharedClock) -> Vec<Audited> {
    let (place, opened) = match store {
        Some(address) => {
            let opened = timonel_store::open(address, clock.clone()).await;
            // An address may hold a password, and an error says the place itself.
            let place = opened
                .as_ref()
                .map_or_else(|_| "--store".to_owned(), |store| store.place().to_owned());
            (place, opened)
        }
        None => {
            let path = folder.join(STORE_FILE);
            (path.display().to_string(), Sqlite::copy_of(&path, clock.clone()).await)
        }
    };
    let (journal, known) = of_store(place, opened).await;
    let mut out = vec![journal];
    match kit_chains(folder) {
        Ok(chains) => out.extend(chains.iter().map(|path| of_kit(path, known.as_ref()))),
        Err(error) => out.push(unread(folder.display().to_string(), error)),
    }
    out
}

/// Files, each a copy of a store or what was done from a rollback kit. Stores are looked through first, whatever their place.
pub async fn of_files(files: &[PathBuf], clock: &SharedClock) -> Vec<Audited> {
    let (stores, kits): (Vec<_>, Vec<_>) = files.iter().partition(|path| is_store(path));
    let (mut out, mut known) = (Vec::new(), None);
    for path in stores {
        let (audited, journal) = of_store(path.display().to_string(), Sqlite::copy_of(path, clock.clone()).await).await;
        out.push(audited);
        known = journal.or(known);
    }
    out.extend(kits.into_iter().map(|path| of_kit(path, known.as_ref())));
    out
}

fn is_store(path: &Path) -> bool {
    use std::io::Read;
    let mut begins = [0; SQLITE.len()];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut begins));
    read.is_ok() && begins == *SQLITE
}

async fn of_store(place: String, opened: Result<Sqlite, StoreError>) -> (Audited, Option<Audit>) {
    let read = match opened {
        Ok(store) => {
            let read = audit(&store).await;
            store.close().await;
            read
        }
        Err(error) => Err(error),
    };
    match read {
        Ok(journal) => {
            let what = Chains::Journal {
                entries: journal.entries,
                writers: journal.writers,
            };
            let fault = journal.fault.clone();
            (Audited { place, what, fault }, Some(journal))
        }
        Err(error) => (unread(place, error), None),
    }
}

fn of_kit(path: &Path, journal: Option<&Audit>) -> Audited {
    let place = path.display().to_string();
    let mut chain = Vec::new();
    let read = file::read(path, |sealed| chain.push(sealed));
    let contents = match read {
        Ok(contents) => contents,
        Err(FileError::Broken { line, broken, .. }) => {
            return Audited {
                place,
                what: Chains::Kit {
                    entries: chain.len() as u64,
                    merged: None,
                    torn: 0,
                },
                fault: Some(format!("line {line}: {broken}")),
            };
        }
        Err(error) => return unread(place, error),
    };
    let writer = contents.verified.heads.keys().next();
    let known = |journal: &'_ Audit| {
        writer
            .and_then(|writer| journal.kits.get(writer))
            .cloned()
            .unwrap_or_default()
    };
    let there = journal.map(known);
    let differs = there
        .as_ref()
        .and_then(|there| there.iter().zip(&chain).position(|(known, own)| *known != own.hash()));
    Audited {
        place,
        what: Chains::Kit {
            entries: chain.len() as u64,
            merged: there.as_ref().map(|there| there.len().min(chain.len()) as u64),
            torn: contents.torn.map_or(0, |torn| torn.len),
        },
        fault: differs.map(|at| format!("the journal has another entry than its number {}", at + 1)),
    }
}

fn unread(place: String, error: impl std::fmt::Display) -> Audited {
    Audited {
        place,
        what: Chains::Unread,
        fault: Some(error.to_string()),
    }
}
