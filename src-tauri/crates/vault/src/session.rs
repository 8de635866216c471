//! Secrets in the memory of the process: for a person who wants nothing of them kept.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use secrecy::SecretString;
use timonel_domain::time::Timestamp;
use timonel_ports::clock::SharedClock;
use timonel_ports::secrets::{Place, Probe, SecretId, Secrets, SecretsError, Stored, fits};

/// What was put here since the process started. Erased as it is dropped.
#[derive(Debug)]
pub struct Session {
    clock: SharedClock,
    kept: Mutex<BTreeMap<SecretId, (SecretString, Timestamp)>>,
}

impl Session {
    /// Empty; ages are by `clock`.
    pub fn new(clock: SharedClock) -> Self {
        Self {
            clock,
            kept: Mutex::default(),
        }
    }

    fn kept(&self) -> MutexGuard<'_, BTreeMap<SecretId, (SecretString, Timestamp)>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Secrets for Session {
    fn place(&self) -> Place {
        Place::Session
    }

    async fn get(&self, id: &SecretId) -> Result<Option<SecretString>, SecretsError> {
        Ok(self.kept().get(id).map(|(secret, _)| secret.clone()))
    }

    async fn put(&self, id: &SecretId, secret: SecretString) -> Result<(), SecretsError> {
        fits(&secret)?;
        self.kept().insert(id.clone(), (secret, self.clock.now()));
        Ok(())
    }

    async fn delete(&self, id: &SecretId) -> Result<bool, SecretsError> {
        Ok(self.kept().remove(id).is_some())
    }

    async fn list(&self) -> Result<Vec<Stored>, SecretsError> {
        let stored = |(id, (_, at)): (&SecretId, &(SecretString, Timestamp))| Stored {
            id: id.clone(),
            stored_at: Some(*at),
        };
        Ok(self.kept().iter().map(stored).collect())
    }

    async fn probe(&self) -> Probe {
        Probe::Available
    }
}
