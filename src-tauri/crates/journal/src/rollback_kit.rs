//! A rollback kit: what a person's desk needs to put a rollout back while the store is away. The plan in force, the ids, the
//! generation, and how old all that is. Holds no secret. Beside it stands the chain of what was done from it.
//!
//! Deliberately not here: what a single target needs ([`crate::kit`]), and when a kit is brought up to date.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use timonel_domain::rollout::Generation;
use timonel_domain::time::Timestamp;
use timonel_domain::value::{PlanId, RolloutId, Writer};

use crate::kit::{KitError, KitFile};

/// The version that this program writes, and the newest it reads.
pub const VERSION: u32 = 1;

const SUFFIX: &str = ".kit";
const CHAIN: &str = ".journal";
/// Under this name a chain is kept once the journal has it.
const MERGED: &str = ".merged";

/// What is known of a rollout without its store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollbackKit {
    /// Format; [`VERSION`].
    pub version: u32,
    /// Which rollout.
    pub rollout: RolloutId,
    /// Of which plan.
    pub plan: PlanId,
    /// The plan's revision in force.
    pub plan_revision: u32,
    /// The plan as it was written.
    pub plan_text: String,
    /// In which of its environments.
    pub environment: String,
    /// When the rollout was opened.
    pub opened_at: Timestamp,
    /// What was decided last.
    pub generation: Generation,
    /// Whether somebody had to watch it then.
    pub under_way: bool,
    /// When all this was so.
    pub refreshed_at: Timestamp,
}

/// The folder of a desk's rollback kits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollbackKits(PathBuf);

impl RollbackKits {
    /// In `folder`, which is made with the first kit.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self(folder.into())
    }

    /// Keeps a kit in place of the former one of its rollout; on the disk when this returns. One that knows less than what is there
    /// is passed over: whoever saw more has been here meanwhile, and nothing that was under way becomes a draft again.
    pub fn keep(&self, kit: &RollbackKit) -> Result<(), KitError> {
        let file = self.file(&kit.rollout);
        let knows = |kit: &RollbackKit| (kit.under_way, kit.generation, kit.refreshed_at);
        // What is there and cannot be read is worth nothing.
        if let Ok(Some(there)) = self.load(&kit.rollout)
            && knows(&there) > knows(kit)
        {
            return Ok(());
        }
        let bytes = serde_json::to_vec(kit).map_err(|e| KitError::Write {
            path: file.path().to_owned(),
            source: e.into(),
        })?;
        file.keep(&bytes)
    }

    /// The kit of a rollout; `None` where there is none.
    pub fn load(&self, rollout: &RolloutId) -> Result<Option<RollbackKit>, KitError> {
        let file = self.file(rollout);
        let Some(bytes) = file.load()? else { return Ok(None) };
        let damaged = || KitError::Damaged {
            path: file.path().to_owned(),
        };
        let kit: RollbackKit = serde_json::from_slice(&bytes).map_err(|_| damaged())?;
        if kit.version > VERSION || kit.rollout != *rollout {
            return Err(damaged());
        }
        Ok(Some(kit))
    }

    /// Forgets the kit of a rollout that is closed. What was done from it stays. No error where there is none.
    pub fn forget(&self, rollout: &RolloutId) -> io::Result<()> {
        match fs::remove_file(self.file(rollout).path()) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// All kits, by their rollouts' ids.
    pub fn all(&self) -> io::Result<Vec<Result<RollbackKit, KitError>>> {
        let kits = self.named(|name| RolloutId::new(name.strip_suffix(SUFFIX)?).ok())?;
        let load = |(rollout, _)| self.load(&rollout).transpose();
        Ok(kits.into_iter().filter_map(load).collect())
    }

    /// Where `writer` writes what is done from the kit of a rollout, until that is merged.
    pub fn chain(&self, rollout: &RolloutId, writer: &Writer) -> PathBuf {
        self.0.join(format!("{rollout}+{writer}{CHAIN}"))
    }

    /// Where a chain is kept once the journal has it.
    pub fn merged(chain: &Path) -> PathBuf {
        chain.with_extension(&MERGED[1..])
    }

    /// What was done from a kit and is not merged yet, with the rollout that it belongs to.
    pub fn unmerged(&self) -> io::Result<Vec<(RolloutId, PathBuf)>> {
        let of = |name: &str| RolloutId::new(name.strip_suffix(CHAIN)?.split_once('+')?.0).ok();
        self.named(of)
    }

    /// All that was done from kits, merged or not.
    pub fn chains(&self) -> io::Result<Vec<PathBuf>> {
        let of = |name: &str| {
            let stem = name.strip_suffix(CHAIN).or_else(|| name.strip_suffix(MERGED))?;
            RolloutId::new(stem.split_once('+')?.0).ok()
        };
        Ok(self.named(of)?.into_iter().map(|(_, path)| path).collect())
    }

    fn file(&self, rollout: &RolloutId) -> KitFile {
        KitFile::at(self.0.join(format!("{rollout}{SUFFIX}")))
    }

    /// The files whose names say a rollout, by their names.
    fn named(&self, of: impl Fn(&str) -> Option<RolloutId>) -> io::Result<Vec<(RolloutId, PathBuf)>> {
        let entries = match fs::read_dir(&self.0) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(e),
        };
        let mut out = Vec::new();
        for entry in entries {
            let path = entry?.path();
            let rollout = path.file_name().and_then(|name| of(name.to_str()?));
            out.extend(rollout.map(|rollout| (rollout, path)));
        }
        out.sort();
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kit(rollout: &str) -> RollbackKit {
        RollbackKit {
            version: VERSION,
            rollout: RolloutId::new(rollout).unwrap(),
            plan: PlanId::new("ivr").unwrap(),
            plan_revision: 2,
            plan_text: "id = \"ivr\"\n".to_owned(),
            environment: "produccion".to_owned(),
            opened_at: Timestamp::from_secs(10),
            generation: Generation { epoch: 3, revision: 1 },
            under_way: true,
            refreshed_at: Timestamp::from_secs(20),
        }
    }

    #[test]
    fn the_kit_that_was_kept_last_counts_until_its_rollout_is_closed() {
        let folder = tempfile::tempdir().unwrap();
        let kits = RollbackKits::new(folder.path().join("kits"));
        let (a, b) = (kit("a"), kit("b.journal"));
        assert_eq!((kits.load(&a.rollout).unwrap(), kits.all().unwrap().len()), (None, 0));
        kits.forget(&a.rollout).unwrap();
        for kit in [&b, &a] {
            kits.keep(kit).unwrap();
        }
        let newer = RollbackKit {
            plan_revision: 3,
            ..a.clone()
        };
        kits.keep(&newer).unwrap();
        let late = RollbackKit {
            generation: Generation { epoch: 2, revision: 9 },
            refreshed_at: Timestamp::from_secs(30),
            ..a.clone()
        };
        kits.keep(&late).unwrap();
        let all: Vec<_> = kits.all().unwrap().into_iter().map(Result::unwrap).collect();
        assert_eq!(all, [newer.clone(), b]);
        assert_eq!(kits.unmerged().unwrap(), []);
        let chain = kits.chain(&a.rollout, &Writer::new("kit-7").unwrap());
        fs::write(&chain, b"").unwrap();
        fs::write(RollbackKits::merged(&chain), b"").unwrap();
        assert_eq!(kits.chains().unwrap().len(), 2);
        assert_eq!(kits.unmerged().unwrap(), [(a.rollout.clone(), chain)]);
        kits.forget(&a.rollout).unwrap();
        assert_eq!(
            (kits.load(&a.rollout).unwrap(), kits.unmerged().unwrap().len()),
            (None, 1)
        );
    }

    #[test]
    fn a_damaged_kit_and_that_of_another_rollout_are_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let kits = RollbackKits::new(folder.path());
        let a = kit("a");
        kits.keep(&a).unwrap();
        let path = folder.path().join("a.kit");
        let whole = fs::read(&path).unwrap();
        fs::write(folder.path().join("b.kit"), &whole).unwrap();
        let other = kits.load(&RolloutId::new("b").unwrap());
        assert!(matches!(other, Err(KitError::Damaged { .. })), "{other:?}");
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            fs::write(&path, bytes).unwrap();
            assert!(
                matches!(kits.load(&a.rollout), Err(KitError::Damaged { .. })),
                "byte {at}"
            );
        }
    }
}
