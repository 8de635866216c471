//! The keychain of the person's desk: one entry a secret, and the index of their names.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use keyring::Entry;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use timonel_ports::clock::SharedClock;
use timonel_ports::secrets::{Place, Probe, SecretId, Secrets, SecretsError, Stored, fits};

use crate::answer;
use crate::index::Index;
use crate::lock;
use crate::thread::{Thread, Unanswered};

/// The time that a call has where nothing else is said. A person who has to type a password takes longer; then the call is
/// repeated, and finds the keychain unlocked.
pub const LIMIT: Duration = Duration::from_secs(5);

/// Under this name our entries stand in the keychain's own program.
const SERVICE: &str = "dev.timonel.console";

/// The entry by which the keychain is tried. No secret can have a name with a space.
const TRIAL: &str = "timonel trial";

/// The keychain, through a thread of its own. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Keychain(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: SharedClock,
    limit: Duration,
    index: Index,
    thread: Thread,
}

impl Keychain {
    /// With its index of names at `index`; a call has `limit` (see [`LIMIT`]) on `clock`, which must be the machine's. Asks
    /// nothing of the system.
    pub fn new(clock: SharedClock, index: impl Into<PathBuf>, limit: Duration) -> Self {
        Self(Arc::new(Inner {
            limit,
            index: Index::new(index.into()),
            thread: Thread::new(clock.clone()),
            clock,
        }))
    }

    async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, SecretsError> + Send + 'static,
    ) -> Result<T, SecretsError> {
        let inner = self.0.clone();
        match self.0.thread.ask(self.0.limit, move || work(&inner)).await {
            Ok(out) => out,
            Err(Unanswered::Late) => Err(SecretsError::Silent {
                place: Place::Keychain,
                limit: self.0.limit,
            }),
            Err(Unanswered::Ended) => Err(SecretsError::System {
                place: Place::Keychain,
                said: "the call to it ended unexpectedly".to_owned(),
            }),
        }
    }
}

/// What follows runs on the keychain's thread.
impl Inner {
    fn entry(&self, name: &str) -> Result<Entry, SecretsError> {
        Entry::new(SERVICE, name).map_err(|error| self.said(error))
    }

    fn get(&self, name: &str) -> Result<Option<SecretString>, SecretsError> {
        match self.entry(name)?.get_secret() {
            Ok(bytes) => {
                let bytes = Zeroizing::new(bytes);
                let text = std::str::from_utf8(&bytes);
                // What is wrong with them would be told by showing them.
                let text = text.map_err(|_| answer::damaged(format!("the entry `{name}` is no text")))?;
                Ok(Some(text.into()))
            }
            Err(error) => answer::of(error, self.limit).map_or(Ok(None), Err),
        }
    }

    fn put(&self, name: &str, secret: &SecretString) -> Result<(), SecretsError> {
        let entry = self.entry(name)?;
        let put = entry.set_secret(secret.expose_secret().as_bytes());
        put.map_err(|error| self.said(error))
    }

    fn delete(&self, name: &str) -> Result<bool, SecretsError> {
        match self.entry(name)?.delete_credential() {
            Ok(()) => Ok(true),
            Err(error) => answer::of(error, self.limit).map_or(Ok(false), Err),
        }
    }

    /// That nothing is found does not prove that something could be kept.
    fn try_out(&self) -> Result<(), SecretsError> {
        let trial = SecretString::from(self.clock.now().to_string());
        self.put(TRIAL, &trial)?;
        let back = self.get(TRIAL)?;
        self.delete(TRIAL)?;
        match back {
            Some(back) if back.expose_secret() == trial.expose_secret() => Ok(()),
            Some(_) | None => Err(answer::damaged("what is put into it does not come back".to_owned())),
        }
    }

    /// Where an entry is missing that was just made, the keychain cannot be trusted either.
    fn said(&self, error: keyring::Error) -> SecretsError {
        answer::of(error, self.limit).unwrap_or_else(|| answer::damaged("an entry went away".to_owned()))
    }
}

#[async_trait]
impl Secrets for Keychain {
    fn place(&self) -> Place {
        Place::Keychain
    }

    async fn get(&self, id: &SecretId) -> Result<Option<SecretString>, SecretsError> {
        let id = id.clone();
        self.ask(move |inner| inner.get(id.as_str())).await
    }

    async fn put(&self, id: &SecretId, secret: SecretString) -> Result<(), SecretsError> {
        fits(&secret)?;
        let id = id.clone();
        // The index goes with the entry on the same thread, so that one that is kept late is listed all the same.
        self.ask(move |inner| {
            inner.put(id.as_str(), &secret)?;
            inner.index.add(&id, inner.clock.now())
        })
        .await
    }

    async fn delete(&self, id: &SecretId) -> Result<bool, SecretsError> {
        let id = id.clone();
        self.ask(move |inner| {
            let was_there = inner.delete(id.as_str())?;
            inner.index.remove(&id)?;
            Ok(was_there)
        })
        .await
    }

    async fn list(&self) -> Result<Vec<Stored>, SecretsError> {
        let inner = self.0.clone();
        // Not on the keychain's thread: names are there while the keychain hangs.
        let listed = tokio::task::spawn_blocking(move || inner.index.stored());
        match timonel_ports::clock::within(&*self.0.clock, self.0.limit, listed).await {
            Ok(listed) => listed.expect("reading a file does not panic"),
            Err(_) => Err(SecretsError::Silent {
                place: Place::Keychain,
                limit: self.0.limit,
            }),
        }
    }

    async fn is_locked(&self) -> Option<bool> {
        lock::is_locked(&*self.0.clock).await
    }

    async fn probe(&self) -> Probe {
        match self.ask(Inner::try_out).await {
            Ok(()) => Probe::Available,
            Err(error) => error.probe(),
        }
    }
}
