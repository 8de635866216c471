//! The rollback-intent file: written beside the first call of a rollback, so that a crash in the middle of it is
//! finished on the next start without a store, a helm or a metric source.
//!
//! One small file a rollout, `ROLLOUT.rollback`, in one folder: `HASH JSON`, as a line of a journal file. It is
//! there or it is not, never half: it is written under another name first. Whatever is found on start counts,
//! the half-written attempt of a crash too, since lowering a weight is always safe and a forgotten rollback never is.
//!
//! Deliberately not here: the 50 ms that a caller gives the write, and doing what the intent says.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use timonel_domain::rollout::{Generation, Level};
use timonel_domain::time::Timestamp;
use timonel_domain::value::{RolloutId, TargetId, Weight};

use crate::entry::Sealed;
use crate::file::{line_of, parts_of, sync_folder_of};

/// The version that this program writes, and the newest it reads.
pub const VERSION: u32 = 1;

const SUFFIX: &str = ".rollback";
const ATTEMPT: &str = ".rollback-attempt";

/// A rollback that was begun, with everything that is needed to finish it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    /// Of which rollout.
    pub rollout: RolloutId,
    /// The revision of the plan whose targets these are.
    pub plan_revision: u32,
    /// The generation of the decision.
    pub generation: Generation,
    /// How far.
    pub level: Level,
    /// Why, for people.
    pub cause: String,
    /// When it was decided.
    pub occurred_at: Timestamp,
    /// Every target with the weight it is to be set to.
    pub targets: Vec<(TargetId, Weight)>,
}

#[derive(Serialize, Deserialize)]
struct Written {
    version: u32,
    rollout: RolloutId,
    plan_revision: u32,
    generation: Generation,
    level: WrittenLevel,
    cause: String,
    occurred_at: Timestamp,
    targets: Vec<(TargetId, Weight)>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WrittenLevel {
    Reduce(Weight),
    Total,
}

/// What went wrong with an intent file.
#[derive(Debug, thiserror::Error)]
pub enum IntentError {
    /// It cannot be written. The rollback goes on without it.
    #[error("cannot write the rollback intent {path}: the rollback goes on, but a restart would not finish it")]
    Write {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The folder cannot be read: whether a rollback was under way is unknown.
    #[error("cannot look for unfinished rollbacks in {path}: check the live weights of every target by hand")]
    Look {
        /// Which folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A rollback was intended, and its file does not say how.
    #[error(
        "a rollback{} was under way, and its file {path} cannot be read ({detail}): roll back again now, or check \
         that every target stands at its safe weight; then remove the file",
        .rollout.as_ref().map(|r| format!(" of {r}")).unwrap_or_default()
    )]
    Corrupt {
        /// Which file.
        path: PathBuf,
        /// Of which rollout, by the file's name.
        rollout: Option<RolloutId>,
        /// What is wrong with it.
        detail: String,
    },
    /// It cannot be removed: the next start would repeat the rollback.
    #[error("cannot remove the rollback intent {path}: remove it by hand, or the next start repeats the rollback")]
    Remove {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The folder of the intent files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntentFolder(PathBuf);

impl IntentFolder {
    /// In `folder`, which is made with the first intent.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self(folder.into())
    }

    /// Writes `intent` in place of its rollout's former one; on the disk when this returns.
    pub fn write(&self, intent: &Intent) -> Result<(), IntentError> {
        let path = self.path(&intent.rollout, SUFFIX);
        let line = match line(intent) {
            Ok(line) => line,
            Err(source) => return Err(IntentError::Write { path, source }),
        };
        let attempt = self.path(&intent.rollout, ATTEMPT);
        let write = || {
            fs::create_dir_all(&self.0)?;
            let mut file = fs::File::create(&attempt)?;
            file.write_all(&line)?;
            file.sync_all()?;
            fs::rename(&attempt, &path)?;
            sync_folder_of(&path)
        };
        write().map_err(|source| IntentError::Write {
            path: path.clone(),
            source,
        })
    }

    /// Every intent that is there: the rollbacks to finish. Several of one rollout are possible after a crash; the
    /// lowest weight of each target counts. The outer error says that it is unknown whether there are any.
    pub fn pending(&self) -> Result<Vec<Result<Intent, IntentError>>, IntentError> {
        let look = |source| IntentError::Look {
            path: self.0.clone(),
            source,
        };
        let entries = match fs::read_dir(&self.0) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(look(e)),
        };
        let mut paths = entries
            .map(|e| e.map(|e| e.path()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(look)?;
        // A folder lists its files in no order; the same files are to give the same answer.
        paths.sort();
        Ok(paths
            .iter()
            .filter_map(|path| rollout_text(path).map(|rollout| read(path, rollout)))
            .collect())
    }

    /// Forgets the intent of `rollout`: its rollback is verified and journalled. No error where there is none.
    pub fn remove(&self, rollout: &RolloutId) -> Result<(), IntentError> {
        for path in [self.path(rollout, ATTEMPT), self.path(rollout, SUFFIX)] {
            let removed = match fs::remove_file(&path) {
                Ok(()) => sync_folder_of(&path),
                Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
                Err(e) => Err(e),
            };
            removed.map_err(|source| IntentError::Remove { path, source })?;
        }
        Ok(())
    }

    fn path(&self, rollout: &RolloutId, suffix: &str) -> PathBuf {
        self.0.join(format!("{rollout}{suffix}"))
    }
}

/// The part of an intent file's name that names the rollout; `None` for another file.
fn rollout_text(path: &Path) -> Option<&str> {
    let name = path.file_name()?.to_str()?;
    name.strip_suffix(SUFFIX).or_else(|| name.strip_suffix(ATTEMPT))
}

fn line(intent: &Intent) -> io::Result<Vec<u8>> {
    let written = Written {
        version: VERSION,
        rollout: intent.rollout.clone(),
        plan_revision: intent.plan_revision,
        generation: intent.generation,
        level: match intent.level {
            Level::Reduce(weight) => WrittenLevel::Reduce(weight),
            Level::Total => WrittenLevel::Total,
        },
        cause: intent.cause.clone(),
        occurred_at: intent.occurred_at,
        targets: intent.targets.clone(),
    };
    let bytes = serde_json::to_vec(&written)?;
    let hash = crate::entry::Hash::of(&bytes);
    Ok(line_of(&Sealed::from_stored(bytes, hash)))
}

fn read(path: &Path, rollout: &str) -> Result<Intent, IntentError> {
    let rollout = RolloutId::new(rollout).ok();
    let corrupt = |detail: String| IntentError::Corrupt {
        path: path.to_owned(),
        rollout: rollout.clone(),
        detail,
    };
    let sealed = parts_of(&fs::read(path).map_err(|e| corrupt(e.to_string()))?).map_err(|e| corrupt(e.to_string()))?;
    if crate::entry::Hash::of(sealed.bytes()) != sealed.hash() {
        return Err(corrupt("its bytes were changed".to_owned()));
    }
    let written: Written = serde_json::from_slice(sealed.bytes()).map_err(|e| corrupt(e.to_string()))?;
    if written.version != VERSION {
        return Err(corrupt(format!(
            "it has version {}, and this Timonel reads {VERSION}",
            written.version
        )));
    }
    if Some(&written.rollout) != rollout.as_ref() {
        return Err(corrupt(format!("it speaks of the rollout {}", written.rollout)));
    }
    Ok(Intent {
        rollout: written.rollout,
        plan_revision: written.plan_revision,
        generation: written.generation,
        level: match written.level {
            WrittenLevel::Reduce(weight) => Level::Reduce(weight),
            WrittenLevel::Total => Level::Total,
        },
        cause: written.cause,
        occurred_at: written.occurred_at,
        targets: written.targets,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn intent(rollout: &str, level: Level) -> Intent {
        Intent {
            rollout: RolloutId::new(rollout).unwrap(),
            plan_revision: 3,
            generation: Generation { epoch: 7, revision: 1 },
            level,
            cause: "error_rate > 10 % durante 5 min".to_owned(),
            occurred_at: Timestamp::from_micros(1_700_000_000_000_001),
            targets: vec![
                (TargetId::new("mesh").unwrap(), Weight::ZERO),
                (TargetId::new("flag").unwrap(), Weight::from_hundredths(475).unwrap()),
            ],
        }
    }

    fn folder() -> (tempfile::TempDir, IntentFolder) {
        let dir = tempfile::tempdir().unwrap();
        let folder = IntentFolder::new(dir.path().join("intents"));
        (dir, folder)
    }

    fn pending(folder: &IntentFolder) -> Vec<Intent> {
        folder.pending().unwrap().into_iter().map(Result::unwrap).collect()
    }

    #[test]
    fn an_intent_is_there_until_it_is_removed() {
        let (_dir, folder) = folder();
        assert_eq!(pending(&folder), []);
        let (a, b) = (
            intent("a", Level::Reduce(Weight::percent(5))),
            intent("b", Level::Total),
        );
        folder.write(&b).unwrap();
        folder.write(&a).unwrap();
        assert_eq!(pending(&folder), [a.clone(), b.clone()]);
        // A wider one takes the place of the one before.
        let wider = intent("a", Level::Total);
        folder.write(&wider).unwrap();
        assert_eq!(pending(&folder), [wider, b.clone()]);
        folder.remove(&a.rollout).unwrap();
        folder.remove(&a.rollout).unwrap();
        assert_eq!(pending(&folder), [b]);
    }

    /// A crash between writing the attempt and its renaming, or in the middle of it.
    #[test]
    fn an_attempt_counts_too() {
        let (_dir, folder) = folder();
        let a = intent("a", Level::Total);
        folder.write(&a).unwrap();
        fs::rename(folder.path(&a.rollout, SUFFIX), folder.path(&a.rollout, ATTEMPT)).unwrap();
        assert_eq!(pending(&folder), std::slice::from_ref(&a));
        fs::write(folder.path(&a.rollout, ATTEMPT), b"").unwrap();
        let error = folder.pending().unwrap().remove(0).unwrap_err();
        assert!(matches!(&error, IntentError::Corrupt { rollout: Some(r), .. } if *r == a.rollout));
        folder.remove(&a.rollout).unwrap();
        assert_eq!(pending(&folder), []);
    }

    /// Whatever is in the file, the answer is the intent as it was written, or that one was intended.
    #[test]
    fn a_corrupted_intent_still_says_that_a_rollback_was_intended() {
        let (_dir, folder) = folder();
        let a = intent("a", Level::Total);
        folder.write(&a).unwrap();
        let path = folder.path(&a.rollout, SUFFIX);
        let whole = fs::read(&path).unwrap();
        let cut = (0..whole.len()).map(|n| whole[..n].to_vec());
        let flipped = (0..whole.len()).map(|n| {
            let mut bytes = whole.clone();
            bytes[n] ^= 1;
            bytes
        });
        for bytes in cut.chain(flipped) {
            fs::write(&path, &bytes).unwrap();
            let error = folder.pending().unwrap().remove(0).unwrap_err();
            assert!(
                error.to_string().starts_with("a rollback of a was under way"),
                "{error}"
            );
        }
    }

    #[test]
    fn another_rollouts_file_under_this_name_is_not_believed() {
        let (_dir, folder) = folder();
        let a = intent("a", Level::Total);
        folder.write(&a).unwrap();
        fs::rename(folder.path(&a.rollout, SUFFIX), folder.0.join("b.rollback")).unwrap();
        let error = folder.pending().unwrap().remove(0).unwrap_err();
        assert!(error.to_string().contains("it speaks of the rollout a"), "{error}");
    }

    #[test]
    fn a_folder_that_cannot_be_read_is_not_an_empty_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a-file");
        fs::write(&path, "").unwrap();
        let folder = IntentFolder::new(path);
        assert!(matches!(folder.pending(), Err(IntentError::Look { .. })));
        assert!(matches!(
            folder.write(&intent("a", Level::Total)),
            Err(IntentError::Write { .. })
        ));
    }
}
