use std::fs;

use tempfile::TempDir;
use timonel_domain::time::Timestamp;
use timonel_domain::value::Writer;

use super::*;
use crate::chain::{Chain, Head, verify};
use crate::entry::Kind;

fn chain() -> Chain {
    Chain::resume(Writer::new("desk-1").unwrap(), Head::EMPTY)
}

fn next(chain: &mut Chain, text: &str) -> Sealed {
    chain.seal(
        Timestamp::from_secs(1),
        None,
        Kind::new("note").unwrap(),
        Body::of(&text).unwrap(),
    )
}

/// A folder with a journal of `n` entries.
fn with(n: u64) -> (TempDir, PathBuf, Chain) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("desk-1.journal");
    let mut file = JournalFile::open(&path, Flush::Each).unwrap().file;
    let mut chain = chain();
    for i in 0..n {
        file.append(&next(&mut chain, &format!("entry {i}"))).unwrap();
    }
    (dir, path, chain)
}

fn all(path: &Path) -> Vec<Sealed> {
    let mut entries = Vec::new();
    read(path, |e| entries.push(e)).unwrap();
    entries
}

#[test]
fn what_was_appended_is_read_back_and_goes_on_after_reopening() {
    let (_dir, path, mut chain) = with(3);
    let opened = JournalFile::open(&path, Flush::OnDemand).unwrap();
    assert_eq!(
        (opened.contents.verified.count, opened.contents.torn, opened.set_aside),
        (3, None, None)
    );
    let mut file = opened.file;
    file.append(&next(&mut chain, "four")).unwrap();
    file.flush().unwrap();
    let entries = all(&path);
    assert_eq!(verify(&entries).unwrap(), file.verified());
    assert_eq!(file.verified().head(chain.writer()), chain.head());
    assert_eq!(entries.len(), 4);
}

#[test]
fn a_file_has_one_writer() {
    let (_dir, path, _) = with(1);
    let first = JournalFile::open(&path, Flush::Each).unwrap();
    assert!(matches!(
        JournalFile::open(&path, Flush::Each),
        Err(FileError::Busy { .. })
    ));
    drop(first);
    JournalFile::open(&path, Flush::Each).unwrap();
}

#[test]
fn an_entry_that_does_not_follow_is_refused_and_not_written() {
    let (_dir, path, mut chain) = with(1);
    let mut file = JournalFile::open(&path, Flush::Each).unwrap().file;
    let second = next(&mut chain, "second");
    let third = next(&mut chain, "third");
    let refused = |result| match result {
        Err(FileError::Refused { refused, .. }) => refused.fault,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(file.append(&third)), Fault::Gap { expected: 2 });
    file.append(&second).unwrap();
    assert_eq!(refused(file.append(&second)), Fault::Duplicate);
    file.append(&third).unwrap();
    assert_eq!(all(&path).len(), 3);
}

/// Every place at which a crash can cut the last line.
#[test]
fn a_torn_line_is_set_aside_wherever_it_was_cut() {
    let (_dir, path, mut chain) = with(2);
    let whole = fs::read(&path).unwrap();
    let line = line_of(&next(&mut chain, "ñ third"));
    for cut in 1..line.len() {
        let torn = [&whole[..], &line[..cut]].concat();
        fs::write(&path, &torn).unwrap();
        assert_eq!(
            read(&path, |_| ()).unwrap().torn,
            Some(Torn {
                at: whole.len() as u64,
                len: cut as u64
            })
        );
        assert_eq!(fs::read(&path).unwrap(), torn, "reading changes nothing");

        let opened = JournalFile::open(&path, Flush::Each).unwrap();
        assert_eq!(opened.contents.verified.count, 2);
        assert_eq!(
            opened.contents.torn,
            Some(Torn {
                at: whole.len() as u64,
                len: cut as u64
            })
        );
        assert_eq!(fs::read(opened.set_aside.unwrap()).unwrap(), line[..cut]);
        assert_eq!(fs::read(&path).unwrap(), whole);
    }
}

#[test]
fn blocks_that_never_reached_the_disk_are_a_torn_end() {
    let (_dir, path, mut chain) = with(2);
    let whole = fs::read(&path).unwrap();
    let mut line = line_of(&next(&mut chain, "third"));
    line[70..90].fill(0);
    fs::write(&path, [&whole[..], &line[..]].concat()).unwrap();
    let mut opened = JournalFile::open(&path, Flush::Each).unwrap();
    assert_eq!(fs::read(opened.set_aside.unwrap()).unwrap(), line);
    // The entry was never acknowledged, so its number is given again.
    let mut chain = Chain::resume(chain.writer().clone(), opened.contents.verified.head(chain.writer()));
    opened.file.append(&next(&mut chain, "another third")).unwrap();
    assert_eq!(all(&path).len(), 3);
}

#[test]
fn nothing_set_aside_is_written_over() {
    let (_dir, path, _) = with(1);
    let mut kept = Vec::new();
    for text in ["a", "b"] {
        fs::write(&path, [&fs::read(&path).unwrap()[..], text.as_bytes()].concat()).unwrap();
        kept.push(JournalFile::open(&path, Flush::Each).unwrap().set_aside.unwrap());
    }
    assert_eq!(fs::read(&kept[0]).unwrap(), b"a");
    assert_eq!(fs::read(&kept[1]).unwrap(), b"b");
}

/// A changed byte anywhere is a break with its line, and the file stays as it is: it is evidence.
#[test]
fn a_changed_byte_is_a_break_in_its_line() {
    let (_dir, path, _) = with(3);
    let whole = fs::read(&path).unwrap();
    let mut line = 1;
    for at in 0..whole.len() - 1 {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        fs::write(&path, &changed).unwrap();
        let result = JournalFile::open(&path, Flush::Each);
        match result {
            Err(FileError::Broken { line: found, .. }) => assert_eq!(found, line, "byte {at}"),
            other => panic!("byte {at}: {other:?}"),
        }
        assert_eq!(fs::read(&path).unwrap(), changed);
        if whole[at] == b'\n' {
            line += 1;
        }
    }
}

#[test]
fn zeroed_blocks_before_sound_lines_are_a_break_and_not_a_torn_end() {
    let (_dir, path, _) = with(3);
    let mut changed = fs::read(&path).unwrap();
    changed[80] = 0;
    fs::write(&path, &changed).unwrap();
    assert!(matches!(
        JournalFile::open(&path, Flush::Each),
        Err(FileError::Broken { line: 1, .. })
    ));
}

#[test]
fn a_line_without_end_is_not_read_into_memory() {
    let (_dir, path, _) = with(1);
    let long = vec![b'x'; LINE_LIMIT as usize * 2];
    fs::write(&path, [&fs::read(&path).unwrap()[..], &long[..]].concat()).unwrap();
    assert!(matches!(read(&path, |_| ()), Err(FileError::Broken { line: 2, .. })));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_named() {
    // Every write to /dev/full fails with ENOSPC, and it cannot be shortened.
    let file = fs::File::options().write(true).open("/dev/full").unwrap();
    let (path, flush, verifier) = ("/dev/full".into(), Flush::Each, Verifier::default());
    let mut file = JournalFile {
        path,
        file,
        flush,
        len: 0,
        verifier,
        unsure: false,
    };
    let first = next(&mut chain(), "first");
    let error = file.append(&first).unwrap_err();
    match error {
        FileError::Append { source, .. } => assert_eq!(source.kind(), io::ErrorKind::StorageFull),
        other => panic!("{other:?}"),
    }
    assert!(matches!(file.append(&first), Err(FileError::Unsure { .. })));
    assert_eq!(file.verified().count, 0);
}
