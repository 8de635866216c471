//! One file with secrets, for servers: mode 0600, never half written, refused where others may read it.
//!
//! Not encrypted: whoever may read it could read the key beside it as well. Elsewhere than on Unix the file has the rights of
//! its folder, which is the user's own.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use secrecy::zeroize::{Zeroize, Zeroizing};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use timonel_domain::time::Timestamp;
use timonel_ports::clock::{SharedClock, within};
use timonel_ports::secrets::{Place, Probe, SecretId, Secrets, SecretsError, Stored, fits};

/// A disk that answers later than this hangs.
const LIMIT: Duration = Duration::from_secs(5);

/// How the file is written today.
const VERSION: u32 = 1;

/// What the file holds.
type Kept = BTreeMap<SecretId, (SecretString, Timestamp)>;

/// A file of secrets. It is made with the first one.
#[derive(Debug, Clone)]
pub struct SecretsFile {
    clock: SharedClock,
    path: PathBuf,
}

impl SecretsFile {
    /// At `path`. Touches nothing. Ages and time limits are by `clock`.
    pub fn new(clock: SharedClock, path: impl Into<PathBuf>) -> Self {
        Self {
            clock,
            path: path.into(),
        }
    }

    /// Runs `work` where blocking is allowed, for as long as a disk may take.
    async fn on_disk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, SecretsError> + Send + 'static,
    ) -> Result<T, SecretsError> {
        let here = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&here));
        match within(&*self.clock, LIMIT, done).await {
            Ok(done) => done.expect("reading and writing a file does not panic"),
            Err(_) => Err(SecretsError::Silent {
                place: self.place(),
                limit: LIMIT,
            }),
        }
    }

    fn load(&self) -> Result<Kept, SecretsError> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Kept::new()),
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
                return Err(self.denied("run as the user who owns it", e.to_string()));
            }
            Err(e) => return Err(self.system(e)),
        };
        self.only_ours(&file)?;
        let text = Zeroizing::new(io::read_to_string(file).map_err(|e| self.system(e))?);
        let whole: Whole = serde_json::from_str(&text).map_err(|e| {
            // The error's own text may repeat what it stumbled over.
            self.damaged(format!("line {}, column {}", e.line(), e.column()))
        })?;
        if whole.version != VERSION {
            return Err(self.damaged(format!(
                "version {} of the file, and this program knows {VERSION}",
                whole.version
            )));
        }
        let mut kept = Kept::new();
        for (name, row) in whole.secrets {
            let id = SecretId::new(&name).map_err(|_| self.damaged("a name in it is none".to_owned()))?;
            kept.insert(id, (SecretString::from(row.value), row.stored_at));
        }
        Ok(kept)
    }

    /// Loads, lets `change` work on it, and keeps the outcome; of two processes at once, one after the other.
    fn change<T>(&self, change: impl FnOnce(&mut Kept) -> T) -> Result<T, SecretsError> {
        let folder = self.folder();
        fs::create_dir_all(folder).map_err(|e| self.system(e))?;
        let alone = File::create(self.path.with_extension("lock")).and_then(|lock| lock.lock().map(|()| lock));
        let _alone = alone.map_err(|e| self.system(e))?;
        let mut kept = self.load()?;
        let out = change(&mut kept);
        self.keep(&kept).map_err(|e| self.system(e))?;
        Ok(out)
    }

    fn keep(&self, kept: &Kept) -> io::Result<()> {
        let rows = kept.iter().map(|(id, (secret, stored_at))| {
            let value = secret.expose_secret();
            (id.as_str(), RowRef { value, stored_at })
        });
        let whole = WholeRef {
            version: VERSION,
            secrets: rows.collect(),
        };
        let mut text = Zeroizing::new(Vec::with_capacity(4096));
        serde_json::to_writer_pretty(&mut *text, &whole)?;
        text.push(b'\n');
        // Made with mode 0600, beside the file, so that renaming it is one step.
        let mut attempt = tempfile::Builder::new()
            .prefix(".credentials-")
            .tempfile_in(self.folder())?;
        attempt.write_all(&text)?;
        attempt.as_file().sync_all()?;
        attempt.persist(&self.path).map_err(|e| e.error)?;
        #[cfg(unix)]
        File::open(self.folder())?.sync_all()?;
        Ok(())
    }

    fn folder(&self) -> &Path {
        match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            Some(_) | None => Path::new("."),
        }
    }

    #[cfg(unix)]
    fn only_ours(&self, file: &File) -> Result<(), SecretsError> {
        use std::os::unix::fs::PermissionsExt;
        let mode = file.metadata().map_err(|e| self.system(e))?.permissions().mode() & 0o777;
        if mode & 0o077 == 0 {
            return Ok(());
        }
        let what_to_do = format!(
            "others may read it, so run `chmod 600 {}` and renew what is in it",
            self.path.display()
        );
        Err(self.denied(&what_to_do, format!("its mode is {mode:04o}")))
    }

    #[cfg(not(unix))]
    fn only_ours(&self, _: &File) -> Result<(), SecretsError> {
        Ok(())
    }

    fn denied(&self, what_to_do: &str, said: String) -> SecretsError {
        SecretsError::Denied {
            place: self.place(),
            what_to_do: what_to_do.to_owned(),
            said,
        }
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

#[async_trait]
impl Secrets for SecretsFile {
    fn place(&self) -> Place {
        Place::File(self.path.clone())
    }

    async fn get(&self, id: &SecretId) -> Result<Option<SecretString>, SecretsError> {
        let id = id.clone();
        self.on_disk(move |here| Ok(here.load()?.remove(&id).map(|(secret, _)| secret)))
            .await
    }

    async fn put(&self, id: &SecretId, secret: SecretString) -> Result<(), SecretsError> {
        fits(&secret)?;
        let (id, now) = (id.clone(), self.clock.now());
        self.on_disk(move |here| {
            here.change(|kept| {
                kept.insert(id, (secret, now));
            })
        })
        .await
    }

    async fn delete(&self, id: &SecretId) -> Result<bool, SecretsError> {
        let id = id.clone();
        self.on_disk(move |here| match here.load()?.contains_key(&id) {
            true => here.change(|kept| kept.remove(&id).is_some()),
            // Nothing is written where there is nothing to take away: there may not even be a folder.
            false => Ok(false),
        })
        .await
    }

    async fn list(&self) -> Result<Vec<Stored>, SecretsError> {
        let stored = |(id, (_, at)): (SecretId, (SecretString, Timestamp))| Stored {
            id,
            stored_at: Some(at),
        };
        self.on_disk(move |here| Ok(here.load()?.into_iter().map(stored).collect()))
            .await
    }

    async fn probe(&self) -> Probe {
        match self.list().await {
            Ok(_) => Probe::Available,
            Err(error) => error.probe(),
        }
    }
}

/// The file as it is read.
#[derive(Deserialize)]
struct Whole {
    version: u32,
    secrets: BTreeMap<String, Row>,
}

#[derive(Deserialize)]
struct Row {
    value: Value,
    stored_at: Timestamp,
}

/// Erased also where reading ends in the middle of the file.
#[derive(Deserialize)]
struct Value(String);

impl Drop for Value {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl From<Value> for SecretString {
    fn from(mut value: Value) -> Self {
        std::mem::take(&mut value.0).into()
    }
}

/// The file as it is written, without copies of what is in it.
#[derive(Serialize)]
struct WholeRef<'a> {
    version: u32,
    secrets: BTreeMap<&'a str, RowRef<'a>>,
}

#[derive(Serialize)]
struct RowRef<'a> {
    value: &'a str,
    stored_at: &'a Timestamp,
}
