//! When each credential was last tried at its provider, so that a screen can say how long ago. Holds no secret.
//!
//! A trial is of one secret and not of its name: it counts only for what has been in that place since the same moment. Where a
//! place does not know since when, and in the memory of the process, a trial is forgotten with the process. Nothing depends on
//! this file: where it cannot be read or written, that is logged, and no age is shown.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use timonel_domain::time::Timestamp;
use timonel_ports::clock::{SharedClock, within};
use timonel_ports::secrets::{Place, SecretId};

/// A disk that answers later than this hangs.
const LIMIT: Duration = Duration::from_secs(2);

/// How the file is written today.
const VERSION: u32 = 1;

/// How a credential was last tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// When.
    pub at: Timestamp,
    /// Whether everything was as it should be.
    pub ok: bool,
}

/// A trial of what has been in its place since `stored_at`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Noted {
    stored_at: Option<Timestamp>,
    trial: Trial,
}

/// By the code of the place, then by name.
type ByPlace = BTreeMap<String, BTreeMap<String, Noted>>;

#[derive(Debug, Serialize, Deserialize)]
struct Whole {
    version: u32,
    tried: ByPlace,
}

/// What is known at one moment.
#[derive(Debug, Default)]
pub(super) struct Known(ByPlace);

impl Known {
    /// The trial of what has been in `place` under this name since `stored_at`.
    pub(super) fn of(&self, name: &SecretId, place: &Place, stored_at: Option<Timestamp>) -> Option<Trial> {
        let noted = self.0.get(place.code())?.get(name.as_str())?;
        (noted.stored_at == stored_at).then_some(noted.trial)
    }
}

/// The trials of an installation.
#[derive(Debug)]
pub(super) struct Trials {
    clock: SharedClock,
    file: Option<PathBuf>,
    /// Those that end with the process.
    passing: Mutex<ByPlace>,
    /// Writers of this process, one after the other; those of other processes wait at the lock beside the file.
    turn: Arc<Mutex<()>>,
}

impl Trials {
    /// Kept in `file`, in whatever of them outlives the process.
    pub(super) fn in_file(clock: SharedClock, file: PathBuf) -> Self {
        Self {
            file: Some(file),
            ..Self::in_memory(clock)
        }
    }

    /// Kept with the process.
    pub(super) fn in_memory(clock: SharedClock) -> Self {
        Self {
            clock,
            file: None,
            passing: Mutex::default(),
            turn: Arc::default(),
        }
    }

    /// The file, where what is tried in `place` outlives the process.
    fn file_of(&self, place: &Place) -> Option<&PathBuf> {
        match place {
            Place::Keychain | Place::File(_) => self.file.as_ref(),
            Place::Environment | Place::Session => None,
        }
    }

    /// All of them.
    pub(super) async fn load(&self) -> Known {
        let mut all = match self.file.clone() {
            Some(file) => self.on_disk(move || read(&file)).await.unwrap_or_default(),
            None => ByPlace::new(),
        };
        let passing = self.passing.lock().unwrap_or_else(PoisonError::into_inner);
        for (place, tried) in passing.iter() {
            all.entry(place.clone()).or_default().extend(tried.clone());
        }
        Known(all)
    }

    /// Keeps one in mind, in place of an earlier one.
    pub(super) async fn note(&self, name: &SecretId, place: &Place, stored_at: Option<Timestamp>, trial: Trial) {
        let (name, code) = (name.to_string(), place.code().to_owned());
        let noted = Noted { stored_at, trial };
        self.change(place, move |all| {
            all.entry(code).or_default().insert(name, noted);
        })
        .await;
    }

    /// Forgets what was in `place` under this name.
    pub(super) async fn forget(&self, name: &SecretId, place: &Place) {
        if self
            .load()
            .await
            .0
            .get(place.code())
            .is_none_or(|tried| !tried.contains_key(name.as_str()))
        {
            return;
        }
        let (name, code) = (name.to_string(), place.code().to_owned());
        self.change(place, move |all| {
            all.entry(code).or_default().remove(&name);
        })
        .await;
    }

    async fn change(&self, place: &Place, change: impl FnOnce(&mut ByPlace) + Send + 'static) {
        let Some(file) = self.file_of(place).cloned() else {
            change(&mut self.passing.lock().unwrap_or_else(PoisonError::into_inner));
            return;
        };
        let turn = self.turn.clone();
        self.on_disk(move || {
            let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
            fs::create_dir_all(folder(&file))?;
            let alone = File::create(file.with_extension("lock"))?;
            alone.lock()?;
            let mut all = read(&file)?;
            change(&mut all);
            write(&file, all)
        })
        .await;
    }

    /// `None` where the disk did not do it, which is logged.
    async fn on_disk<T: Send + 'static>(&self, work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Option<T> {
        match within(&*self.clock, LIMIT, tokio::task::spawn_blocking(work)).await {
            Ok(Ok(Ok(out))) => Some(out),
            Ok(Ok(Err(error))) => {
                tracing::warn!(%error, "when credentials were tried cannot be kept or read");
                None
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, "when credentials were tried cannot be kept or read");
                None
            }
            Err(late) => {
                tracing::warn!(%late, "the disk does not answer: when credentials were tried is not known");
                None
            }
        }
    }
}

fn folder(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    }
}

/// What a newer version wrote, and what is damaged, is as if nothing had been tried.
fn read(file: &Path) -> io::Result<ByPlace> {
    let text = match fs::read(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(ByPlace::new()),
        Err(error) => return Err(error),
    };
    let whole: Option<Whole> = serde_json::from_slice(&text).ok();
    Ok(whole
        .filter(|whole| whole.version == VERSION)
        .map(|whole| whole.tried)
        .unwrap_or_default())
}

/// Never half written: beside it first, then in its place.
fn write(file: &Path, tried: ByPlace) -> io::Result<()> {
    let whole = Whole {
        version: VERSION,
        tried,
    };
    let beside = file.with_extension("new");
    let mut attempt = File::create(&beside)?;
    attempt.write_all(&serde_json::to_vec_pretty(&whole)?)?;
    attempt.sync_all()?;
    fs::rename(&beside, file)
}

#[cfg(test)]
mod tests {
    use timonel_ports::clock::SystemClock;

    use super::*;

    #[tokio::test]
    async fn a_trial_counts_for_what_was_tried_and_outlives_the_process_where_that_does() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("new/tried.json");
        let open = || Trials::in_file(SystemClock::shared(), file.clone());
        let (name, since) = (SecretId::new("telnyx").unwrap(), Some(Timestamp::from_secs(5)));
        let trial = Trial {
            at: Timestamp::from_secs(9),
            ok: true,
        };
        let trials = open();
        for (place, stored_at) in [
            (Place::Keychain, since),
            (Place::Session, since),
            (Place::Environment, None),
        ] {
            trials.note(&name, &place, stored_at, trial).await;
            let known = trials.load().await;
            assert_eq!(known.of(&name, &place, stored_at), Some(trial));
            assert_eq!(
                known.of(&name, &place, Some(Timestamp::from_secs(6))),
                None,
                "another secret by now"
            );
        }
        let later = open().load().await;
        assert_eq!(later.of(&name, &Place::Keychain, since), Some(trial));
        assert_eq!(later.of(&name, &Place::Session, since), None);
        assert_eq!(later.of(&name, &Place::Environment, None), None);

        trials.forget(&name, &Place::Keychain).await;
        assert_eq!(open().load().await.of(&name, &Place::Keychain, since), None);
        fs::write(&file, "{").unwrap();
        trials.note(&name, &Place::Keychain, since, trial).await;
        assert_eq!(
            open().load().await.of(&name, &Place::Keychain, since),
            Some(trial),
            "a damaged file is written anew"
        );
    }
}
