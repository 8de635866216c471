//! Where the helms of an installation are kept: in its store, or as Leases of a Kubernetes cluster.
//!
//! A Lease is noted in the store's row as well. Commands that come through the store are taken by whoever that row names, a
//! program that knows nothing of Leases is kept out, and a rollback from a terminal that takes the row by force is noticed. A store that
//! is away takes no helm from anybody. Deliberately not here: what a Lease is (`kubernetes::lease`).

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use timonel_domain::value::{RolloutId, Writer};
use timonel_kubernetes::{Access, Connection, LeaseHelm};
use timonel_ports::clock::{SharedClock, within};
use timonel_ports::helm::{Helm, HelmError, HelmState, Take};

use super::{Desk, FOR_OPENING};
use crate::BridgeError;

/// The store has this long to note a renewal: the Lease is renewed already.
const FOR_NOTE: Duration = Duration::from_secs(1);

/// Where helms are kept. Every program that works on the same rollouts says the same.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum HelmKeeper {
    /// In rows of the store.
    #[default]
    Store,
    /// As Leases of a namespace.
    Leases {
        /// The namespace.
        namespace: String,
        /// The context of the kubeconfig; its current one where none is named.
        context: Option<String>,
    },
}

/// The text names no keeper of helms.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` keeps no helms: write store, lease:NAMESPACE or lease:NAMESPACE@CONTEXT")]
pub struct BadKeeper(String);

impl std::str::FromStr for HelmKeeper {
    type Err = BadKeeper;
    fn from_str(text: &str) -> Result<Self, BadKeeper> {
        if text == "store" {
            return Ok(Self::Store);
        }
        let bad = || BadKeeper(text.to_owned());
        let place = text.strip_prefix("lease:").ok_or_else(bad)?;
        let (namespace, context) = match place.split_once('@') {
            Some((namespace, context)) => (namespace, Some(context)),
            None => (place, None),
        };
        if namespace.is_empty() || context.is_some_and(str::is_empty) {
            return Err(bad());
        }
        Ok(Self::Leases {
            namespace: namespace.to_owned(),
            context: context.map(str::to_owned),
        })
    }
}

impl Desk {
    /// The same desk, with its helms where `keeper` says; `kubeconfig` in place of the one that kubectl would use. Where that cannot be
    /// used nobody has a helm here: lists show what they show, a rollback begins without, and nothing is raised. Sends nothing.
    pub async fn with_helms(mut self, keeper: &HelmKeeper, kubeconfig: Option<&Path>) -> Self {
        let opened = within(&*self.clock, FOR_OPENING, self.helms(keeper, kubeconfig)).await;
        let opened = opened.map_err(|elapsed| elapsed.to_string());
        match opened.and_then(|helm| helm.map_err(|error| error.to_string())) {
            Ok(helm) => self.helm = helm,
            Err(error) => {
                tracing::error!(error, "nothing can be raised from here");
                self.helm = Arc::new(OutOfReach(error));
            }
        }
        self
    }

    /// As [`Desk::with_helms`], and an error where they cannot be used: for programs that try again.
    pub(crate) async fn only_with_helms(
        mut self,
        keeper: &HelmKeeper,
        kubeconfig: Option<&Path>,
    ) -> Result<Self, BridgeError> {
        self.helm = self.helms(keeper, kubeconfig).await?;
        Ok(self)
    }

    async fn helms(&self, keeper: &HelmKeeper, kubeconfig: Option<&Path>) -> Result<Arc<dyn Helm>, BridgeError> {
        let HelmKeeper::Leases { namespace, context } = keeper else {
            return Ok(self.store.clone());
        };
        let unfit = |error: timonel_kubernetes::KubernetesError| BridgeError::Connect {
            what: format!("the Leases of namespace {namespace}"),
            why: error.to_string(),
        };
        let access = kubeconfig.map_or(Access::Default, |file| Access::File(file.to_owned()));
        let connection = Connection::open(&access, context.as_deref(), self.clock.clone()).await;
        let leases = LeaseHelm::new(connection.map_err(unfit)?, namespace).map_err(unfit)?;
        Ok(Arc::new(Noted {
            clock: self.clock.clone(),
            leases,
            store: self.store.clone(),
            noted: Mutex::default(),
        }))
    }

    /// Who may raise.
    pub(crate) fn helm(&self) -> &Arc<dyn Helm> {
        &self.helm
    }
}

/// Helms that cannot be asked, and why.
#[derive(Debug)]
struct OutOfReach(String);

impl OutOfReach {
    fn said<T>(&self) -> Result<T, HelmError> {
        Err(HelmError::Unavailable(self.0.clone().into()))
    }
}

#[async_trait]
impl Helm for OutOfReach {
    async fn current(&self, _: &RolloutId) -> Result<HelmState, HelmError> {
        self.said()
    }
    async fn take(&self, _: &RolloutId, _: &Writer, _: Take) -> Result<u64, HelmError> {
        self.said()
    }
    async fn renew(&self, _: &RolloutId, _: &Writer, _: u64) -> Result<(), HelmError> {
        self.said()
    }
    async fn release(&self, _: &RolloutId, _: &Writer, _: u64) -> Result<(), HelmError> {
        self.said()
    }
}

/// Leases, and the rows of the store beside them.
#[derive(Debug)]
struct Noted {
    clock: SharedClock,
    leases: LeaseHelm,
    store: Arc<dyn Helm>,
    /// The epochs of the rows.
    noted: Mutex<BTreeMap<RolloutId, u64>>,
}

impl Noted {
    fn row(&self, of: &RolloutId) -> Option<u64> {
        self.noted
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(of)
            .copied()
    }

    fn note(&self, of: &RolloutId, epoch: Option<u64>) {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        match epoch {
            Some(epoch) => drop(noted.insert(of.clone(), epoch)),
            None => drop(noted.remove(of)),
        }
    }
}

#[async_trait]
impl Helm for Noted {
    async fn current(&self, of: &RolloutId) -> Result<HelmState, HelmError> {
        let mut state = self.leases.current(of).await?;
        if state.held.is_none()
            && let Ok(Ok(row)) = within(&*self.clock, FOR_NOTE, self.store.current(of)).await
        {
            state.held = row.held;
        }
        Ok(state)
    }

    async fn take(&self, of: &RolloutId, by: &Writer, how: Take) -> Result<u64, HelmError> {
        let epoch = self.leases.take(of, by, how).await?;
        match self.store.take(of, by, how).await {
            Ok(row) => {
                self.note(of, Some(row));
                // Targets may bear marks of the rows' epochs, from before there were Leases.
                self.leases.lift(of, by, epoch, row).await
            }
            Err(error) if how == Take::ByForce => {
                tracing::warn!(%error, "the store does not note who took the helm");
                self.note(of, None);
                Ok(epoch)
            }
            Err(error) => {
                self.leases.release(of, by, epoch).await?;
                Err(error)
            }
        }
    }

    async fn renew(&self, of: &RolloutId, by: &Writer, epoch: u64) -> Result<(), HelmError> {
        self.leases.renew(of, by, epoch).await?;
        let Some(row) = self.row(of) else { return Ok(()) };
        match within(&*self.clock, FOR_NOTE, self.store.renew(of, by, row)).await {
            // Somebody who knows of no Lease put everything back.
            Ok(Err(lost @ HelmError::Lost { .. })) => Err(lost),
            Ok(Err(error)) => {
                tracing::warn!(%error, "the store does not note that the helm is renewed");
                Ok(())
            }
            Ok(Ok(())) | Err(_) => Ok(()),
        }
    }

    async fn release(&self, of: &RolloutId, by: &Writer, epoch: u64) -> Result<(), HelmError> {
        if let Some(row) = self.row(of)
            && let Ok(Err(error)) = within(&*self.clock, FOR_NOTE, self.store.release(of, by, row)).await
        {
            tracing::warn!(%error, "the store does not note that the helm was let go");
        }
        self.leases.release(of, by, epoch).await
    }
}

#[cfg(test)]
mod tests;
