//! Which secrets are in the keychain and since when. Holds no secret: a keychain cannot list ours without being unlocked, and
//! a list should ask nobody for a password.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use timonel_domain::time::Timestamp;
use timonel_ports::secrets::{Place, SecretId, SecretsError, Stored};

/// How the file is written today.
const VERSION: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
struct Whole {
    version: u32,
    stored: BTreeMap<String, Timestamp>,
}

/// The file of names.
#[derive(Debug, Clone)]
pub(crate) struct Index(PathBuf);

impl Index {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    pub(crate) fn stored(&self) -> Result<Vec<Stored>, SecretsError> {
        let ids = self.load()?.stored.into_iter();
        // A name that is none any more cannot be asked for either.
        let ids = ids.filter_map(|(name, at)| Some((SecretId::new(&name).ok()?, at)));
        Ok(ids
            .map(|(id, at)| Stored {
                id,
                stored_at: Some(at),
            })
            .collect())
    }

    pub(crate) fn add(&self, id: &SecretId, at: Timestamp) -> Result<(), SecretsError> {
        self.change(|stored| {
            stored.insert(id.to_string(), at);
        })
    }

    /// Says whether it was there.
    pub(crate) fn remove(&self, id: &SecretId) -> Result<bool, SecretsError> {
        match self.load()?.stored.contains_key(id.as_str()) {
            true => self.change(|stored| stored.remove(id.as_str()).is_some()),
            false => Ok(false),
        }
    }

    fn load(&self) -> Result<Whole, SecretsError> {
        let text = match fs::read(&self.0) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                return Ok(Whole {
                    version: VERSION,
                    stored: BTreeMap::new(),
                });
            }
            Err(e) => return Err(self.system(e)),
        };
        let whole: Whole = serde_json::from_slice(&text).map_err(|e| self.damaged(e.to_string()))?;
        if whole.version == VERSION {
            Ok(whole)
        } else {
            Err(self.damaged(format!("version {}, and this program knows {VERSION}", whole.version)))
        }
    }

    /// Of two processes at once, one after the other.
    fn change<T>(&self, change: impl FnOnce(&mut BTreeMap<String, Timestamp>) -> T) -> Result<T, SecretsError> {
        fs::create_dir_all(self.folder()).map_err(|e| self.system(e))?;
        let alone = File::create(self.0.with_extension("lock")).and_then(|lock| lock.lock().map(|()| lock));
        let _alone = alone.map_err(|e| self.system(e))?;
        let mut whole = self.load()?;
        let out = change(&mut whole.stored);
        self.keep(&whole).map_err(|e| self.system(e))?;
        Ok(out)
    }

    fn keep(&self, whole: &Whole) -> io::Result<()> {
        let mut attempt = tempfile::Builder::new()
            .prefix(".keychain-")
            .tempfile_in(self.folder())?;
        attempt.write_all(&serde_json::to_vec_pretty(whole)?)?;
        attempt.as_file().sync_all()?;
        attempt.persist(&self.0).map_err(|e| e.error)?;
        Ok(())
    }

    fn folder(&self) -> &Path {
        match self.0.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            Some(_) | None => Path::new("."),
        }
    }

    fn place(&self) -> Place {
        Place::File(self.0.clone())
    }

    fn damaged(&self, said: String) -> SecretsError {
        SecretsError::Damaged {
            place: self.place(),
            said,
        }
    }

    fn system(&self, error: io::Error) -> SecretsError {
        SecretsError::System {
            place: self.place(),
            said: error.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kept_with_their_time_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let index = Index::new(folder.path().join("new/keychain.json"));
        let id = |name| SecretId::new(name).unwrap();
        assert_eq!(index.stored(), Ok(Vec::new()));
        assert_eq!(index.remove(&id("uno")), Ok(false));
        assert!(!index.folder().exists(), "nothing was kept, so nothing is made");
        for (name, secs) in [("uno", 1), ("dos", 2), ("uno", 3)] {
            index.add(&id(name), Timestamp::from_secs(secs)).unwrap();
        }
        let stored = |name, secs| Stored {
            id: id(name),
            stored_at: Some(Timestamp::from_secs(secs)),
        };
        assert_eq!(index.stored().unwrap(), [stored("dos", 2), stored("uno", 3)]);
        assert_eq!(index.remove(&id("uno")), Ok(true));
        assert_eq!(index.stored().unwrap(), [stored("dos", 2)]);
        fs::write(&index.0, "{\"version\": 2, \"stored\": {}}").unwrap();
        assert_eq!(index.stored().unwrap_err().code(), "secret.damaged");
    }
}
