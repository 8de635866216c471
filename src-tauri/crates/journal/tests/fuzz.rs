//! Files of ours that came back from a disk, or from somebody: the journal, the rollback-intent file, the kit, the body of an
//! entry. Whatever happened to them, nothing that was changed is ever taken for what was written, and nothing is lost.

#![allow(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::fs;
use std::path::Path;

use timonel_domain::rollout::{Event, Generation, Level};
use timonel_domain::time::Timestamp;
use timonel_domain::value::{Person, RolloutId, TargetId, Weight, Writer};
use timonel_hostile::fuzz;
use timonel_journal::chain::{Chain, Head};
use timonel_journal::entry::{Body, Entry, Kind, Sealed};
use timonel_journal::file::{self, FileError, Flush, JournalFile};
use timonel_journal::intent::{Intent, IntentFolder};
use timonel_journal::kit::{KitError, KitFolder};
use timonel_journal::record::StepRecord;

/// Each input is written, forced to the disk and opened again, so there are fewer of them.
const FILES: usize = 300;

fn rollout() -> RolloutId {
    RolloutId::new("ivr-1").unwrap()
}

fn entry(chain: &mut Chain, n: i64) -> Sealed {
    let step = StepRecord::new(
        &Event::Freeze {
            by: Person::new("luz").unwrap(),
            reason: format!("razón {n}"),
        },
        &[],
    );
    let kind = Kind::new("step").unwrap();
    chain.seal(Timestamp::from_secs(n), Some(rollout()), kind, Body::of(&step).unwrap())
}

/// Two journals, the second of two writers, and every entry that was ever sealed.
fn journals() -> (Vec<Vec<u8>>, Vec<Sealed>) {
    let folder = tempfile::tempdir().unwrap();
    let chain = |name: &str| Chain::resume(Writer::new(name).unwrap(), Head::EMPTY);
    let (mut luz, mut ana, mut eva) = (chain("luz"), chain("ana"), chain("eva"));
    let first: Vec<_> = (0..5).map(|n| entry(&mut luz, n)).collect();
    let second: Vec<_> = (0..6)
        .map(|n| entry(if n % 2 == 0 { &mut ana } else { &mut eva }, n))
        .collect();
    let bytes = [&first, &second].map(|entries| {
        let path = folder.path().join(format!("{}.journal", entries[0].hash()));
        let mut journal = JournalFile::open(&path, Flush::OnDemand).unwrap().file;
        entries.iter().for_each(|sealed| journal.append(sealed).unwrap());
        fs::read(path).unwrap()
    });
    (bytes.to_vec(), [first, second].concat())
}

/// The bytes of all files of a folder together.
fn kept(folder: &Path) -> usize {
    let files = fs::read_dir(folder).unwrap();
    let bytes: u64 = files.map(|file| file.unwrap().metadata().unwrap().len()).sum();
    usize::try_from(bytes).unwrap()
}

#[test]
fn a_journal_file() {
    let (seeds, sealed) = journals();
    let written: Vec<Entry> = sealed.iter().map(|sealed| sealed.entry().unwrap()).collect();
    fuzz!(
        seeds,
        |bytes: &[u8]| {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("luz.journal");
            fs::write(&path, bytes).unwrap();
            let mut believed: Vec<Entry> = Vec::new();
            let read = file::read(&path, |sealed| believed.push(sealed.entry().unwrap()));
            for (n, entry) in believed.iter().enumerate() {
                assert!(written.contains(entry), "it was never written: {entry:?}");
                let before = believed[..n].iter().filter(|other| other.writer == entry.writer);
                assert_eq!(
                    u64::try_from(before.count()).unwrap() + 1,
                    entry.seq,
                    "one is missing or twice"
                );
            }
            match JournalFile::open(&path, Flush::OnDemand) {
                Ok(mut opened) => {
                    let contents = read.unwrap();
                    assert_eq!(contents, opened.contents);
                    assert_eq!(contents.verified.count, u64::try_from(believed.len()).unwrap());
                    assert_eq!(
                        kept(folder.path()),
                        bytes.len(),
                        "what was torn is kept aside, byte for byte"
                    );
                    let writer = Writer::new("luz").unwrap();
                    let head = opened.contents.verified.head(&writer);
                    opened.file.append(&entry(&mut Chain::resume(writer, head), 9)).unwrap();
                    drop(opened);
                    let mut count = 0;
                    file::read(&path, |_| count += 1).unwrap();
                    assert_eq!(count, believed.len() + 1, "it goes on behind what is sound");
                }
                Err(error) => {
                    assert!(matches!(error, FileError::Broken { .. }), "{error:?}");
                    assert!(error.to_string().contains("luz.journal, line "), "{error}");
                    assert_eq!(fs::read(&path).unwrap(), bytes, "what is broken is left as it is");
                }
            }
        },
        FILES
    );
}

#[test]
fn a_rollback_intent_file() {
    let folder = tempfile::tempdir().unwrap();
    let intents = IntentFolder::new(folder.path());
    let path = folder.path().join("ivr-1.rollback");
    let target = |id| TargetId::new(id).unwrap();
    let written = [Level::Total, Level::Reduce(Weight::percent(5))].map(|level| Intent {
        rollout: rollout(),
        plan_revision: 3,
        generation: Generation { epoch: 7, revision: 2 },
        level,
        cause: "regla «errores»".to_owned(),
        occurred_at: Timestamp::from_secs(1_790_000_000),
        targets: vec![(target("malla"), Weight::ZERO), (target("telnyx"), Weight::percent(5))],
    });
    let seeds = written.clone().map(|intent| {
        intents.write(&intent).unwrap();
        fs::read(&path).unwrap()
    });
    fuzz!(
        seeds,
        |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            // There is always one: a rollback that was wanted is never forgotten, only no longer understood.
            let [found] = intents.pending().unwrap().try_into().unwrap();
            match found {
                Ok(intent) => assert!(written.contains(&intent), "{intent:?}"),
                Err(error) => {
                    let said = error.to_string();
                    assert!(
                        said.contains("ivr-1.rollback") && said.contains("roll back again"),
                        "{said}"
                    );
                }
            }
        },
        FILES
    );
}

#[test]
fn a_kit_file() {
    let folder = tempfile::tempdir().unwrap();
    let kit = KitFolder::new(folder.path()).of(&rollout(), &TargetId::new("telnyx").unwrap());
    let written = [
        &b"{\"numbers\":[\"+34910000001\"],\"volumes\":{\"a\":0.25}}"[..],
        b"",
        b"two words\n",
    ];
    let seeds = written.map(|bytes| {
        kit.keep(bytes).unwrap();
        fs::read(kit.path()).unwrap()
    });
    fuzz!(
        seeds,
        |bytes: &[u8]| {
            fs::write(kit.path(), bytes).unwrap();
            match kit.load() {
                Ok(found) => assert!(written.contains(&found.unwrap().as_slice())),
                Err(error) => {
                    assert!(matches!(error, KitError::Damaged { .. }), "{error:?}");
                    assert!(error.to_string().contains("telnyx.kit"), "{error}");
                }
            }
        },
        FILES
    );
}

/// What another writer put into a body of the kind that is replayed: it is an event or it is none, and its event means the same
/// when it is written again.
#[test]
fn the_body_of_a_step() {
    let by = || Person::new("luz").unwrap();
    let target = || TargetId::new("malla").unwrap();
    let events = [
        Event::Arm {
            by: by(),
            live: vec![(target(), Weight::percent(5))],
            failed: vec!["drill".to_owned()],
        },
        Event::RollBack {
            level: Level::Reduce(Weight::percent(5)),
            cause: timonel_domain::rollout::Cause::Person(by()),
            confirmed: true,
        },
        Event::Release {
            by: by(),
            hold: timonel_domain::rollout::Hold::Drift(target()),
            reason: "visto".to_owned(),
        },
    ];
    let seeds = events.map(|event| Body::of(&StepRecord::new(&event, &[])).unwrap().bytes().to_vec());
    fuzz!(seeds, |bytes: &[u8]| {
        let Ok(body) = Body::parse(bytes.to_vec()) else { return };
        let Ok(step) = body.read::<StepRecord>() else { return };
        let event = Event::from(step.event);
        let again: StepRecord = Body::of(&StepRecord::new(&event, &[])).unwrap().read().unwrap();
        assert_eq!(Event::from(again.event), event);
    });
}
