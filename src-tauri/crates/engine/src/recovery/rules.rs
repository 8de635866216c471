//! A number for the text of all sources in some folders: another text, another number. Deliberately without any crate, since the build
//! script counts by it too, and not for anything that somebody could forge.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};

/// The number for everything below these folders and files, by their names and content. Errors where one cannot be read.
pub(crate) fn fingerprint(roots: &[PathBuf]) -> io::Result<u64> {
    let mut hasher = DefaultHasher::new();
    for root in roots {
        let mut files = Vec::new();
        list(root, &mut files)?;
        files.sort();
        for file in files {
            file.strip_prefix(root).unwrap_or(&file).hash(&mut hasher);
            fs::read(&file)?.hash(&mut hasher);
        }
    }
    Ok(hasher.finish())
}

fn list(at: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if !at.is_dir() {
        files.push(at.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(at)? {
        list(&entry?.path(), files)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_text_or_name_anywhere_is_another_number() {
        let folder = tempfile::tempdir().expect("a folder");
        let (within, file) = (folder.path().join("a/b"), folder.path().join("a/b/c.rs"));
        fs::create_dir_all(&within).expect("a folder");
        let roots = [folder.path().join("a"), folder.path().join("lock")];
        fs::write(&roots[1], "1").expect("a file");
        let mut seen = std::collections::BTreeSet::new();
        let mut is_new = |what: &str| {
            let number = fingerprint(&roots).expect("it can be read");
            assert_eq!(fingerprint(&roots).expect("it can be read"), number, "{what}");
            assert!(seen.insert(number), "{what}");
        };
        is_new("no file");
        fs::write(&file, "rule").expect("a file");
        is_new("a file");
        fs::write(&file, "Rule").expect("a file");
        is_new("another text");
        fs::rename(&file, within.join("d.rs")).expect("a file");
        is_new("another name");
        fs::write(&roots[1], "2").expect("a file");
        is_new("another dependency");
    }
}
