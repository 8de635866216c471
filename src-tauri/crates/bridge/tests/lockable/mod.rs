//! A keychain in memory that a test can lock, unlock and let hang.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use secrecy::SecretString;
use timonel_ports::clock::SystemClock;
use timonel_ports::secrets::{Place, Probe, SecretId, Secrets, SecretsError, Stored};
use timonel_vault::Session;

/// A keychain in memory that can be locked.
#[derive(Debug)]
pub(crate) struct Lockable {
    kept: Session,
    locked: AtomicBool,
    lost: AtomicBool,
    /// Nobody is answered for as long as a test holds it.
    pub(crate) hangs: tokio::sync::Mutex<()>,
}

impl Lockable {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            kept: Session::new(SystemClock::shared()),
            locked: AtomicBool::new(false),
            lost: AtomicBool::new(false),
            hangs: tokio::sync::Mutex::new(()),
        })
    }

    pub(crate) fn lock(&self) {
        self.locked.store(true, Ordering::SeqCst);
    }

    #[allow(dead_code, reason = "not every test that locks one unlocks it")]
    pub(crate) fn unlock(&self) {
        self.locked.store(false, Ordering::SeqCst);
    }

    /// Takes an entry away behind our back, as a person does in the keychain's own program.
    #[allow(dead_code, reason = "not every test has such a person")]
    pub(crate) fn lose(&self) {
        self.lost.store(true, Ordering::SeqCst);
    }

    async fn open(&self) -> Result<&Session, SecretsError> {
        drop(self.hangs.lock().await);
        match self.locked.load(Ordering::SeqCst) {
            false => Ok(&self.kept),
            true => Err(SecretsError::Locked {
                place: Place::Keychain,
                said: "Prompt".to_owned(),
            }),
        }
    }
}

#[async_trait]
impl Secrets for Lockable {
    fn place(&self) -> Place {
        Place::Keychain
    }
    async fn get(&self, id: &SecretId) -> Result<Option<SecretString>, SecretsError> {
        let kept = self.open().await?.get(id).await?;
        Ok(kept.filter(|_| !self.lost.load(Ordering::SeqCst)))
    }
    async fn put(&self, id: &SecretId, secret: SecretString) -> Result<(), SecretsError> {
        self.open().await?.put(id, secret).await?;
        self.lost.store(false, Ordering::SeqCst);
        Ok(())
    }
    async fn delete(&self, id: &SecretId) -> Result<bool, SecretsError> {
        self.open().await?.delete(id).await
    }
    async fn list(&self) -> Result<Vec<Stored>, SecretsError> {
        self.kept.list().await
    }
    async fn probe(&self) -> Probe {
        self.open()
            .await
            .map_or_else(|error| error.probe(), |_| Probe::Available)
    }
}
