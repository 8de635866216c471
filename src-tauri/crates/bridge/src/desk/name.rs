//! The name that a program writes journals under. Deliberately not here: what is written.

use std::fs::{File, TryLockError};
use std::path::Path;

use timonel_domain::value::Writer;

use crate::BridgeError;

/// So many programs of one kind can be at work in an installation at the same time.
const PROGRAMS: u32 = 20;

/// A name in the installation in `folder` that no other program has as long as the file is held: two that wrote one chain of
/// the journal would refuse each other's entries for ever. `program` itself where it is free, else with a number. Blocks for
/// as long as a disk takes. Errors where the folder cannot be used, or where all names are taken.
pub(crate) fn own_name(folder: &Path, program: &str) -> Result<(Writer, File), BridgeError> {
    let cannot = |why: String| BridgeError::Folder {
        place: folder.display().to_string(),
        why,
    };
    for n in 1..=PROGRAMS {
        let name = match n {
            1 => program.to_owned(),
            n => format!("{program}-{n}"),
        };
        let path = folder.join(format!("{name}.lock"));
        let file = File::create(path).map_err(|e| cannot(e.to_string()))?;
        match file.try_lock() {
            Ok(()) => return Ok((Writer::new(&name).expect("a name of ours and a number"), file)),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(cannot(error.to_string())),
        }
    }
    Err(cannot(format!(
        "{PROGRAMS} orders from terminals are under way in it already; wait for one, or end one with Ctrl+C"
    )))
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
    fn where_all_names_are_taken_a_person_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let take = || own_name(folder.path(), "escritorio");
        let _held: Vec<_> = (0..PROGRAMS).map(|_| take().unwrap()).collect();
        let told = take().unwrap_err().to_string();
        assert!(told.contains("Ctrl+C"), "{told}");
    }
}
