//! The port to what a target needs for a rollback and its control plane cannot tell later: settings and memberships as
//! they were before anything was touched. Readable without store, network or helm. Holds no secret.
//!
//! Deliberately not here: what the bytes mean, which only the adapter knows that wrote them.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
pub use timonel_journal::kit::{KitError, KitFile};

use crate::clock::SharedClock;
use crate::task::unseen;

/// Where one target of one rollout keeps its kit.
#[async_trait]
pub trait Kit: Send + Sync + fmt::Debug {
    /// What was kept last; `None` where nothing was.
    async fn load(&self) -> Result<Option<Vec<u8>>, KitError>;
    /// Keeps `bytes` in place of what was kept before; on the disk when this returns.
    async fn keep(&self, bytes: Vec<u8>) -> Result<(), KitError>;
}

/// A kit that goes with the process: where nothing is going to be moved.
#[derive(Debug, Default)]
pub struct Memory(Mutex<Option<Vec<u8>>>);

#[async_trait]
impl Kit for Memory {
    async fn load(&self) -> Result<Option<Vec<u8>>, KitError> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    async fn keep(&self, bytes: Vec<u8>) -> Result<(), KitError> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(bytes);
        Ok(())
    }
}

/// A kit in a file.
#[derive(Debug)]
pub struct InFile {
    clock: SharedClock,
    file: KitFile,
}

impl InFile {
    /// In `file`. While the disk works, virtual time stands.
    pub fn new(clock: SharedClock, file: KitFile) -> Self {
        Self { clock, file }
    }
}

#[async_trait]
impl Kit for InFile {
    async fn load(&self) -> Result<Option<Vec<u8>>, KitError> {
        let file = self.file.clone();
        let read = tokio::task::spawn_blocking(move || file.load());
        unseen(&*self.clock, read).await.expect("reading a file does not panic")
    }

    async fn keep(&self, bytes: Vec<u8>) -> Result<(), KitError> {
        let file = self.file.clone();
        let written = tokio::task::spawn_blocking(move || file.keep(&bytes));
        unseen(&*self.clock, written)
            .await
            .expect("writing a file does not panic")
    }
}
