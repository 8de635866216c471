//! A file that is damaged: it is set aside as it is, and another one is made of what in it is proved by its own hashes.
//!
//! Every entry of the journal whose chain holds from its first one on is taken over, and every plan that has its hash, with the
//! rollouts, and commands that nobody has answered (`commands`). What is sound and stands behind a break goes into a file beside the damaged one. Readings and outcomes are not
//! taken over: nothing proves them, and missing evidence only keeps weights where they are. What was done is an entry
//! of the new journal, for the whole store and for each rollout that is not closed, in the same file from its first moment on.
//!
//! Deliberately not here: a file that cannot be written, or is another program's, and what is told to whom.

mod commands;
mod pages;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use timonel_domain::time::Timestamp;
use timonel_domain::value::{PlanId, RolloutId, Writer};
use timonel_journal::chain::{Chain, Verifier};
use timonel_journal::entry::{Body, Hash, Kind, Sealed};
use timonel_journal::record::{EventRecord, MENDED, MendedRecord, STEP, StepRecord};
use timonel_ports::clock::SharedClock;
use timonel_ports::store::{JournalStore, PlanRevision, RolloutRow, RolloutStore, StoreError};

use crate::database::{Database, integer};
use crate::sqlite::take_turn;
use crate::statement;
use pages::{Pages, Place, Record, Value};

/// Who writes down that a store was mended.
const WRITER: &str = "reparacion";
/// Entries that are taken over at once.
const BURST: usize = 512;
/// Nobody knows how often the helm was taken after the last time that can be read. Targets bear marks of epochs, and one that was
/// there before could be mistaken for its successor.
const EPOCHS_AHEAD: u64 = 1000;
/// So far beyond the journal's last epoch one that only a row has is believed: the journal's end may be what is lost.
const EPOCHS_BELIEVED: u64 = 1_000_000;
/// The folder that a damaged file is moved to is named after it, with this and the moment.
const ASIDE: &str = ".damaged-";
/// The file that is being made, and the same once it is whole.
const MAKING: &str = "-mending";
const MADE: &str = "-mended";
/// Beside a file in which damage was found while it was open: what was found.
const SUSPECT: &str = "-suspect";
/// Sound entries behind a break, one a line as in a journal file.
const APART: &str = "entries-apart";

/// Why a file cannot be what it was, though SQLite would take it for a new one.
pub(crate) fn emptied(path: &Path) -> Option<String> {
    let len = |path: &Path| fs::metadata(path).map_or(0, |is| is.len());
    let log = len(&beside(path, "-wal"));
    (len(path) == 0 && log > 0).then(|| "it is empty, and its write-ahead log is not".to_owned())
}

/// Marks a file of which damage was found after it was opened: the next opening mends it.
pub(crate) fn suspect(path: &Path, found: &str) {
    if let Err(error) = fs::write(beside(path, SUSPECT), found) {
        tracing::warn!(%error, "the next opening will not know that the store is damaged");
    }
}

/// What was found in a file that was marked.
pub(crate) fn suspected(path: &Path) -> Option<String> {
    fs::read_to_string(beside(path, SUSPECT)).ok()
}

/// Ends a mending that was cut short when the new file was whole already.
pub(crate) async fn finish(path: &Path) -> Result<(), StoreError> {
    if !beside(path, MADE).exists() {
        return Ok(());
    }
    let turn = take_turn(path).await;
    finish_in_turn(path, turn.as_ref())
}

/// As [`finish`], for whoever has the turn. Another may have ended it while this one waited: then nothing is made any more.
pub(crate) fn finish_in_turn(path: &Path, turn: Option<&File>) -> Result<(), StoreError> {
    let made = beside(path, MADE);
    if !made.exists() {
        return Ok(());
    }
    let place = path.display().to_string();
    let newest = folders(path).pop();
    let aside = newest.unwrap_or_else(|| beside(path, &format!("{ASIDE}interrupted")));
    let swapped = match turn {
        Some(_) => swap(path, &made, &aside),
        None => Err(without_turn(path)),
    };
    swapped.map_err(|error| unmended(&place, "a mending was cut short", &error))
}

fn without_turn(path: &Path) -> io::Error {
    let file = beside(path, "-opening");
    io::Error::other(format!(
        "`{}` cannot be written: make it and its folder writable",
        file.display()
    ))
}

/// Sets the file at `path` aside and makes another of what it holds. `None` where somebody else has just done it.
pub(crate) async fn mend(path: &Path, found: &str, clock: &SharedClock) -> Result<Option<MendedRecord>, StoreError> {
    let place = path.display().to_string();
    let failed = |error: io::Error| unmended(&place, found, &error);
    let turn = take_turn(path).await;
    finish_in_turn(path, turn.as_ref())?;
    if emptied(path).is_none() && is_sound(path).await {
        remove(&beside(path, SUSPECT)).map_err(failed)?;
        return Ok(None);
    }
    if turn.is_none() {
        return Err(failed(without_turn(path)));
    }
    alone(path).map_err(failed)?;
    let aside = aside(path, clock.now());
    let making = beside(path, MAKING);
    remove(&making).map_err(failed)?;
    fs::create_dir(&aside).map_err(failed)?;
    tracing::error!(store = %place, found, aside = %aside.display(), "the store is damaged; another is made of what can be read");
    let made = make(path, &making, &aside, found, clock).await;
    let whole = match made {
        Ok(whole) => whole,
        Err(error) => {
            // The damaged file stays where it is: without another in its place nothing is set aside.
            let _ = (
                remove(&making),
                fs::remove_file(aside.join(APART)),
                fs::remove_dir(&aside),
            );
            return Err(match error {
                StoreError::Full { .. } | StoreError::ReadOnly { .. } | StoreError::Open { .. } => {
                    unmended(&place, found, &error)
                }
                other => other,
            });
        }
    };
    let settle = || {
        File::open(&making)?.sync_all()?;
        let made = beside(path, MADE);
        fs::rename(&making, &made)?;
        sync_folder(path)?;
        swap(path, &made, &aside)
    };
    settle().map_err(failed)?;
    remove(&beside(path, SUSPECT)).map_err(failed)?;
    Ok(Some(whole))
}

fn unmended(place: &str, found: &str, error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Corrupt {
        place: place.to_owned(),
        detail: format!("{found}; it was not set aside, since {error}"),
    }
}

/// What is to be taken over.
#[derive(Debug, Default)]
struct Held {
    /// By position, the file before its log.
    entries: Vec<(i64, Place)>,
    plans: BTreeMap<(PlanId, u32), String>,
    rollouts: BTreeMap<RolloutId, RolloutRow>,
    commands: commands::Waiting,
    epoch: u64,
}

async fn make(
    path: &Path,
    making: &Path,
    aside: &Path,
    found: &str,
    clock: &SharedClock,
) -> Result<MendedRecord, StoreError> {
    let read = |source: io::Error| StoreError::Read {
        what: "the damaged file",
        source: source.into(),
    };
    let (file, log) = (path.to_owned(), beside(path, "-wal"));
    let gathered = tokio::task::spawn_blocking(move || gather(&file, &log)).await;
    let (mut pages, held) = gathered.map_err(|e| read(e.into()))?.map_err(read)?;
    let store = Database::unsafe_until_closed(making, clock.clone()).await?;
    for ((plan, revision), text) in &held.plans {
        store
            .put_plan(&PlanRevision::new(plan.clone(), *revision, text.clone()))
            .await?;
    }
    let known = |row: &&RolloutRow| held.plans.contains_key(&(row.plan.clone(), row.revision));
    let rollouts: Vec<_> = held.rollouts.values().filter(known).collect();
    for row in &rollouts {
        store.put_rollout(row).await?;
    }
    let mut taken = Taken::new(aside.join(APART));
    for places in held.entries.chunks(BURST) {
        let mut burst = Vec::new();
        for (_, place) in places {
            if let Some(Kept::Entry(sealed)) = pages.record(*place).map_err(read)?.and_then(kept) {
                taken.take(sealed, &mut burst).map_err(read)?;
            }
        }
        store.append(&burst).await?;
    }
    taken.flush().map_err(read)?;
    // The row has no hash of its own: a number that no journal comes near would keep the helm from ever being taken again.
    let believed = held.epoch.min(taken.epoch.saturating_add(EPOCHS_BELIEVED));
    let epoch = believed.max(taken.epoch).saturating_add(EPOCHS_AHEAD);
    for row in &rollouts {
        let args = [row.id.as_str().into(), integer("an epoch", epoch)?.into()];
        store
            .execute(statement::SET_EPOCH, &args)
            .await
            .map_err(store.unwritten("the helm"))?;
    }
    let without_row = |id: &&RolloutId| !rollouts.iter().any(|row| row.id == **id);
    let is_known = |id: &RolloutId| rollouts.iter().any(|row| row.id == *id);
    let carried = held.commands.carry_over(&store, is_known).await?;
    if carried > 0 {
        tracing::warn!(
            carried,
            "commands that nobody had answered are taken over from the damaged file"
        );
    }
    let record = MendedRecord {
        aside: aside.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        found: found.to_owned(),
        entries: taken.count,
        apart: taken.apart.len() as u64,
        missing: taken.missing(),
        lost: taken.rollouts.iter().filter(without_row).cloned().collect(),
    };
    let open = rollouts
        .iter()
        .filter(|row| row.closed_at.is_none())
        .map(|row| Some(row.id.clone()));
    let told = write_down(&store, &record, open.chain([None]), clock).await?;
    store.close().await;
    is_whole(making, record.entries + told).await?;
    Ok(record)
}

/// Looks at the file that was made before the damaged one is moved: closing it says nothing of what did not get into it, and what is
/// left in a log beside it would not be moved with it.
async fn is_whole(making: &Path, entries: u64) -> Result<(), StoreError> {
    let unfit = |why: String| StoreError::Write {
        what: "the file that takes the damaged one's place",
        source: why.into(),
    };
    let options = SqliteConnectOptions::new().filename(making).disable_statement_logging();
    let there = async {
        let mut connection = options.connect().await?;
        let there = sqlx::query_scalar::<_, i64>(statement::COUNT_ENTRIES)
            .fetch_one(&mut connection)
            .await?;
        let (busy, _, _): (i64, i64, i64) = sqlx::query_as("PRAGMA wal_checkpoint(TRUNCATE)")
            .fetch_one(&mut connection)
            .await?;
        connection.close().await?;
        Ok((there, busy))
    };
    let (there, busy) = there.await.map_err(|error: sqlx::Error| unfit(error.to_string()))?;
    let log = fs::metadata(beside(making, "-wal")).map_or(0, |log| log.len());
    if busy != 0 || log > 0 {
        return Err(unfit("its write-ahead log could not be taken into it".to_owned()));
    }
    if u64::try_from(there) != Ok(entries) {
        return Err(unfit(format!("it has {there} entries of {entries}")));
    }
    if !is_sound(making).await {
        return Err(unfit("it is not sound".to_owned()));
    }
    Ok(())
}

/// The entries that say what was done: one for each rollout, whose past it belongs to, and one for the store. How many.
async fn write_down(
    store: &Database,
    record: &MendedRecord,
    of: impl Iterator<Item = Option<RolloutId>>,
    clock: &SharedClock,
) -> Result<u64, StoreError> {
    let writer = Writer::new(WRITER).expect("a good name");
    let head = store.head(&writer).await?;
    let mut chain = Chain::resume(writer, head);
    let body = Body::of(record).expect("what was mended serialises");
    let entries: Vec<_> = of
        .map(|of| chain.seal(clock.now(), of, Kind::new(MENDED).expect("a good kind"), body.clone()))
        .collect();
    store.append(&entries).await?;
    Ok(entries.len() as u64)
}

/// Entries on their way into the new journal.
#[derive(Debug)]
struct Taken {
    verifier: Verifier,
    count: u64,
    epoch: u64,
    rollouts: BTreeSet<RolloutId>,
    heads: BTreeMap<Writer, u64>,
    /// Sound, and following nothing: by writer and number.
    apart: BTreeSet<(Writer, u64)>,
    /// Where those go, which is made for the first of them.
    place: PathBuf,
    file: Option<BufWriter<File>>,
}

impl Taken {
    fn new(place: PathBuf) -> Self {
        Self {
            verifier: Verifier::default(),
            count: 0,
            epoch: 0,
            rollouts: BTreeSet::new(),
            heads: BTreeMap::new(),
            apart: BTreeSet::new(),
            place,
            file: None,
        }
    }

    fn take(&mut self, sealed: Sealed, burst: &mut Vec<Sealed>) -> io::Result<()> {
        let Ok(entry) = sealed.entry() else { return Ok(()) };
        // Copies of a page have the same entries again.
        if self.heads.get(&entry.writer).is_some_and(|head| entry.seq <= *head) {
            return Ok(());
        }
        if self.verifier.push(&sealed).is_err() {
            return self.keep_apart((entry.writer, entry.seq), &sealed);
        }
        if entry.kind.as_str() == STEP
            && let Ok(StepRecord {
                event: EventRecord::Helm { epoch: Some(epoch) },
                ..
            }) = entry.body.read()
        {
            self.epoch = self.epoch.max(epoch);
        }
        self.count += 1;
        self.rollouts.extend(entry.rollout);
        self.heads.insert(entry.writer, entry.seq);
        burst.push(sealed);
        Ok(())
    }

    fn keep_apart(&mut self, number: (Writer, u64), sealed: &Sealed) -> io::Result<()> {
        if !self.apart.insert(number) {
            return Ok(());
        }
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(BufWriter::new(File::create(&self.place)?)),
        };
        write!(file, "{} ", sealed.hash())?;
        file.write_all(sealed.bytes())?;
        file.write_all(b"\n")
    }

    fn flush(&mut self) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        file.flush()?;
        file.get_ref().sync_all()
    }

    /// How many entries are known to have been there and are not: those before the ones that follow nothing.
    fn missing(&self) -> u64 {
        let mut of = BTreeMap::<&Writer, (u64, u64)>::new();
        for (writer, seq) in &self.apart {
            let (count, last) = of.entry(writer).or_default();
            (*count, *last) = (*count + 1, *seq);
        }
        let head = |writer| self.heads.get(writer).copied().unwrap_or_default();
        of.into_iter()
            .map(|(writer, (count, last))| last.saturating_sub(head(writer) + count))
            .sum()
    }
}

/// Something that is what it was when it was written, or can do no harm.
enum Kept {
    Entry(Sealed),
    Plan(PlanRevision),
    Rollout(RolloutRow),
    Command(commands::Row),
    Epoch(u64),
}

fn gather(file: &Path, log: &Path) -> io::Result<(Pages, Held)> {
    let mut pages = Pages::open(file, log)?;
    let mut held = Held::default();
    for page in 0..pages.count() {
        for place in pages.places(page)? {
            let Some(record) = pages.record(place)? else { continue };
            let row = record.row;
            match kept(record) {
                Some(Kept::Entry(_)) => held.entries.push((row, place)),
                Some(Kept::Plan(plan)) => {
                    held.plans
                        .insert((plan.plan().clone(), plan.revision()), plan.text().to_owned());
                }
                Some(Kept::Rollout(row)) => {
                    // Of a row that was changed, older versions are found too.
                    let newer = |had: &RolloutRow| (had.revision, had.closed_at) < (row.revision, row.closed_at);
                    if held.rollouts.get(&row.id).is_none_or(newer) {
                        held.rollouts.insert(row.id.clone(), row);
                    }
                }
                Some(Kept::Command(command)) => held.commands.take(row, command),
                Some(Kept::Epoch(epoch)) => held.epoch = held.epoch.max(epoch),
                None => {}
            }
        }
    }
    held.entries.sort_unstable();
    Ok((pages, held))
}

/// What a record is, by its own shape: which table a page belongs to is not known any more.
fn kept(record: Record) -> Option<Kept> {
    use Value::{Bytes, Integer, Null, Text};
    Some(match record.values.as_slice() {
        [
            Null,
            Text(_),
            Integer(_),
            Bytes(_),
            Bytes(hash),
            Integer(_),
            Text(_) | Null,
            Text(_),
            Bytes(bytes),
        ] => {
            let hash = Hash::try_from(hash.as_slice()).ok()?;
            if Hash::of(bytes) != hash {
                return None;
            }
            Kept::Entry(Sealed::from_stored(bytes.as_slice(), hash))
        }
        [Text(plan), Integer(revision), Bytes(hash), Text(text)] => {
            let plan = PlanRevision::new(PlanId::new(plan).ok()?, u32::try_from(*revision).ok()?, text.clone());
            if Hash::try_from(hash.as_slice()).ok()? != plan.hash() {
                return None;
            }
            Kept::Plan(plan)
        }
        [
            Text(id),
            Text(plan),
            Integer(revision),
            Text(environment),
            Integer(opened),
            closed @ (Integer(_) | Null),
        ] => Kept::Rollout(RolloutRow {
            id: RolloutId::new(id).ok()?,
            plan: PlanId::new(plan).ok()?,
            revision: u32::try_from(*revision).ok()?,
            environment: environment.clone(),
            opened_at: Timestamp::from_micros(*opened),
            closed_at: match closed {
                Integer(at) => Some(Timestamp::from_micros(*at)),
                Null | Text(_) | Bytes(_) => None,
            },
        }),
        [
            Text(_),
            Integer(epoch),
            Text(_) | Null,
            Integer(_) | Null,
            Integer(_) | Null,
        ] => Kept::Epoch(u64::try_from(*epoch).ok()?),
        other => Kept::Command(commands::Row::of(other)?),
    })
}

async fn is_sound(path: &Path) -> bool {
    let options = SqliteConnectOptions::new().filename(path).disable_statement_logging();
    let Ok(mut connection) = options.connect().await else {
        return false;
    };
    let found = sqlx::query_scalar::<_, String>("PRAGMA quick_check(1)")
        .fetch_one(&mut connection)
        .await;
    let _ = connection.close().await;
    found.is_ok_and(|found| found == "ok")
}

/// Errors where another program has it open: what that one writes would go into the file that is set aside.
#[cfg(unix)]
fn alone(path: &Path) -> io::Result<()> {
    let file = match File::options().read(true).write(true).open(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        file => file?,
    };
    // SQLite's own locks are of this kind, and its connections to a file with a log keep one for as long as they are open.
    rustix::fs::fcntl_lock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive)
        .map_err(|_| io::Error::other("another program has it open: end that one, and open this again"))
}

/// A file that is open cannot be moved there, which says the same.
#[cfg(not(unix))]
fn alone(_path: &Path) -> io::Result<()> {
    Ok(())
}

/// Moves the damaged file with what belongs to it into `aside`, and the one at `made` into its place. Done again after it was
/// cut short, it goes on where it was; what is in `aside` already stays as it is. Only for whoever has the turn.
fn swap(path: &Path, made: &Path, aside: &Path) -> io::Result<()> {
    fs::create_dir_all(aside)?;
    for part in ["", "-wal", "-shm"].map(|suffix| beside(path, suffix)) {
        let Some(name) = part.file_name() else { continue };
        match fs::rename(&part, free(aside.join(name))) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            Ok(()) | Err(_) => {}
        }
    }
    fs::rename(made, path)?;
    sync_folder(path)
}

/// The folders of what was set aside before, the last one last.
fn folders(path: &Path) -> Vec<PathBuf> {
    let stem = beside(path, ASIDE);
    let stem = stem.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let listed = path.parent().and_then(|folder| fs::read_dir(folder).ok());
    let mut found: Vec<_> = listed
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(&stem))
        .map(|entry| entry.path())
        .collect();
    found.sort();
    found
}

/// A folder that is not there yet, by the moment: `timonel.db.damaged-2026-11-22T145323Z`.
fn aside(path: &Path, now: Timestamp) -> PathBuf {
    let moment: String = now.to_string().chars().filter(|c| *c != ':').collect();
    free(beside(path, &format!("{ASIDE}{moment}")))
}

/// That path, or where something is there already the same with a number.
fn free(path: PathBuf) -> PathBuf {
    let numbered = (2..).map(|n: u32| beside(&path, &format!("-{n}")));
    std::iter::once(path.clone())
        .chain(numbered)
        .find(|path| !path.exists())
        .expect("one of so many is free")
}

fn remove(file: &Path) -> io::Result<()> {
    for part in [
        file.to_owned(),
        beside(file, "-wal"),
        beside(file, "-shm"),
        beside(file, "-opening"),
    ] {
        match fs::remove_file(part) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Renames are on the disk once their folder is.
fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent().filter(|_| cfg!(unix)) {
        Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
        Some(_) | None => Ok(()),
    }
}
