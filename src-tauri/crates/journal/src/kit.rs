//! The file of a target's kit: what a rollback of it needs and its control plane cannot tell later. One small file a target,
//! `HASH BYTES` like the other files here, never half: it is written under another name first.
//!
//! Deliberately not here: what the bytes mean.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use timonel_domain::value::{RolloutId, TargetId};

use crate::entry::Hash;
use crate::file::sync_folder_of;

const SUFFIX: &str = ".kit";
const ATTEMPT: &str = ".kit-attempt";

/// What went wrong with a kit.
#[derive(Debug, thiserror::Error)]
pub enum KitError {
    /// It cannot be written: nothing may be raised, since putting it back would lack what it needs.
    #[error("cannot keep {path}, which a rollback would need ({source}): free space or rights there, then raise again")]
    Write {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It cannot be read.
    #[error("cannot read {path}, which a rollback needs ({source}): the live state is read instead")]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is not what was written.
    #[error("{path} is damaged: the live state is read instead; compare it with the journal before raising again")]
    Damaged {
        /// Which file.
        path: PathBuf,
    },
}

/// The folder of an installation's kits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KitFolder(PathBuf);

impl KitFolder {
    /// In `folder`, which is made with the first kit.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self(folder.into())
    }

    /// The kit of one target of a rollout.
    pub fn of(&self, rollout: &RolloutId, target: &TargetId) -> KitFile {
        KitFile(self.0.join(rollout.as_str()).join(format!("{target}{SUFFIX}")))
    }
}

/// The kit of one target of one rollout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KitFile(PathBuf);

impl KitFile {
    pub(crate) fn at(path: PathBuf) -> Self {
        Self(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// What was kept last; `None` where there is no file.
    pub fn load(&self) -> Result<Option<Vec<u8>>, KitError> {
        let path = || self.0.clone();
        let whole = match fs::read(&self.0) {
            Ok(whole) => whole,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(KitError::Read { path: path(), source }),
        };
        let split = whole.iter().position(|b| *b == b' ');
        let (hash, rest) = whole.split_at(split.unwrap_or(whole.len()));
        let bytes = rest.get(1..).unwrap_or_default();
        if Hash::of(bytes).to_string().as_bytes() != hash {
            return Err(KitError::Damaged { path: path() });
        }
        Ok(Some(bytes.to_vec()))
    }

    /// Keeps `bytes` in place of what was there; on the disk when this returns.
    pub fn keep(&self, bytes: &[u8]) -> Result<(), KitError> {
        let attempt = self.0.with_extension(&ATTEMPT[1..]);
        let write = || {
            if let Some(folder) = self.0.parent() {
                fs::create_dir_all(folder)?;
            }
            let mut file = fs::File::create(&attempt)?;
            file.write_all(Hash::of(bytes).to_string().as_bytes())?;
            file.write_all(b" ")?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&attempt, &self.0)?;
            sync_folder_of(&self.0)
        };
        write().map_err(|source| KitError::Write {
            path: self.0.clone(),
            source,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kit(folder: &tempfile::TempDir) -> KitFile {
        KitFolder::new(folder.path().join("kits"))
            .of(&RolloutId::new("ivr-1").unwrap(), &TargetId::new("telnyx").unwrap())
    }

    #[test]
    fn what_was_kept_last_is_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let kit = kit(&folder);
        assert_eq!(kit.load().unwrap(), None);
        for bytes in [&b"{\"numbers\": 340}"[..], b"", b"two words\n"] {
            kit.keep(bytes).unwrap();
            assert_eq!(kit.load().unwrap().as_deref(), Some(bytes));
        }
    }

    #[test]
    fn a_damaged_kit_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let kit = kit(&folder);
        kit.keep(b"340 numbers").unwrap();
        let whole = fs::read(kit.path()).unwrap();
        for cut in 0..whole.len() {
            fs::write(kit.path(), &whole[..cut]).unwrap();
            assert!(matches!(kit.load(), Err(KitError::Damaged { .. })), "cut at {cut}");
        }
    }

    #[test]
    fn an_attempt_that_was_cut_short_leaves_the_former_one() {
        let folder = tempfile::tempdir().unwrap();
        let kit = kit(&folder);
        kit.keep(b"before").unwrap();
        fs::write(kit.path().with_extension("kit-attempt"), b"half").unwrap();
        assert_eq!(kit.load().unwrap().unwrap(), b"before");
        kit.keep(b"after").unwrap();
        assert_eq!(kit.load().unwrap().unwrap(), b"after");
    }
}
