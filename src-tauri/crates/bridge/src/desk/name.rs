//! The name that a program writes journals under. Deliberately not here: what is written.

use std::fs::{File, TryLockError};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{Error, ErrorKind};
use std::path::Path;

use sha2::{Digest, Sha256};
use timonel_domain::value::Writer;

use crate::BridgeError;

/// Characters of an id at most.
const LONGEST: usize = 80;
/// Hexadecimal digits that stand for what was cut off.
const DIGITS: usize = 8;

/// A name of two ids, the same for the same two. What is too long for one is cut, and then ends with digits of the whole, so that two that
/// begin alike do not write one chain.
pub(crate) fn composed(program: &str, rest: &str) -> Writer {
    let whole = format!("{program}-{rest}");
    let name = if whole.len() <= LONGEST {
        whole
    } else {
        // Ids are ASCII.
        let begins: String = whole.chars().take(LONGEST - 1 - DIGITS).collect();
        let digest = Sha256::digest(whole.as_bytes());
        let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{begins}-{}", &digits[..DIGITS])
    };
    Writer::new(&name).expect("the beginnings of two ids, and digits")
}

/// So many programs of one kind can be at work in an installation at the same time.
const PROGRAMS: u32 = 20;

/// A name in the installation in `folder` that no other program has as long as the file is held: two that wrote one chain of
/// the journal would refuse each other's entries for ever. `program` itself where it is free, else with a number. Blocks for
/// as long as a disk takes. Where the folder takes no file, a full or read-only disk, the name ends with this process and moment,
/// which no other has, and is held by nothing: calls must not stay where they are for want of a name. Errors where all names are taken.
pub(crate) fn own_name(folder: &Path, program: &str) -> Result<(Writer, Option<File>), BridgeError> {
    let cannot = |why: String| BridgeError::Folder {
        place: folder.display().to_string(),
        why,
    };
    for n in 1..=PROGRAMS {
        let name = match n {
            1 => Writer::new(program).map_err(|e| cannot(e.to_string()))?,
            n => composed(program, &n.to_string()),
        };
        let path = folder.join(format!("{name}.lock"));
        let file = match File::create(path) {
            Ok(file) => file,
            Err(error) if takes_nothing(&error) => return Ok((composed(program, &unheard_of()), None)),
            Err(error) => return Err(cannot(error.to_string())),
        };
        match file.try_lock() {
            Ok(()) => return Ok((name, Some(file))),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(cannot(error.to_string())),
        }
    }
    Err(cannot(format!(
        "{PROGRAMS} orders from terminals are under way in it already; wait for one, or end one with Ctrl+C"
    )))
}

/// Whether a disk is full or may only be read.
pub(crate) fn takes_nothing(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::PermissionDenied
            | ErrorKind::ReadOnlyFilesystem
            | ErrorKind::StorageFull
            | ErrorKind::QuotaExceeded
            | ErrorKind::FileTooLarge
    )
}

/// What no other program's name ends with.
pub(crate) fn unheard_of() -> String {
    let random = RandomState::new().build_hasher().finish();
    format!("{}-{random:016x}", std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_belongs_to_one_program_and_is_free_again_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let take = || own_name(folder.path(), "escritorio").unwrap();
        let (first, held) = take();
        let (second, _held_too) = take();
        assert_eq!([first.as_str(), second.as_str()], ["escritorio", "escritorio-2"]);
        drop(held);
        assert_eq!(take().0, first);
    }

    #[test]
    fn long_names_that_begin_alike_stay_apart() {
        let (one, other) = (format!("{}-a", "r".repeat(77)), format!("{}-b", "r".repeat(77)));
        let names = ["motor-servidor", "motor"].map(|program| [composed(program, &one), composed(program, &other)]);
        let different: std::collections::BTreeSet<_> = names.as_flattened().iter().map(Writer::as_str).collect();
        assert_eq!(different.len(), 4, "{different:?}");
        assert_eq!(
            composed("motor", &one),
            composed("motor", &one),
            "the next start writes the same chain"
        );
        assert_eq!(
            composed("motor", "ivr-2026-11-22").as_str(),
            "motor-ivr-2026-11-22",
            "nothing is cut in vain"
        );

        let folder = tempfile::tempdir().unwrap();
        let program = "p".repeat(LONGEST);
        let (first, _held) = own_name(folder.path(), &program).unwrap();
        let (second, _too) = own_name(folder.path(), &program).unwrap();
        assert_ne!(first, second);
    }

    #[test]
    fn where_all_names_are_taken_a_person_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let take = || own_name(folder.path(), "escritorio");
        let _held: Vec<_> = (0..PROGRAMS).map(|_| take().unwrap()).collect();
        let told = take().unwrap_err().to_string();
        assert!(told.contains("Ctrl+C"), "{told}");
    }
}
