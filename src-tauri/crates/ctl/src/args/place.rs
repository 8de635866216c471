//! Where an installation, its store and its helm are: what most commands begin with.

use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;
use secrecy::SecretString;
use timonel_bridge::desk::HelmKeeper;
use timonel_bridge::{BridgeError, Desk};
use timonel_ports::clock::SystemClock;

#[derive(Debug, ClapArgs)]
pub(crate) struct Folder {
    /// The installation's folder; by default $TIMONEL_HOME, else ~/.local/share/timonel.
    #[arg(long = "home")]
    home: Option<PathBuf>,
}

impl Folder {
    pub(crate) fn path(&self) -> PathBuf {
        self.home.clone().unwrap_or_else(timonel_bridge::home::folder)
    }
}

/// An installation, and where its store is.
#[derive(Debug, ClapArgs)]
pub(crate) struct Installation {
    #[command(flatten)]
    pub(crate) folder: Folder,
    /// The store: postgres://USER:PASSWORD@HOST/DATABASE, a path, or sqlite:PATH. The file in the installation's folder by default.
    #[arg(long, env = "TIMONEL_STORE", hide_env_values = true, value_parser = secret)]
    pub(crate) store: Option<SecretString>,
    /// Where helms are kept: store, or lease:NAMESPACE[@CONTEXT] for Leases of a Kubernetes cluster. The same for every program that
    /// works on the same rollouts.
    #[arg(long, env = "TIMONEL_HELM", default_value = "store")]
    pub(crate) helm: HelmKeeper,
}

impl Installation {
    /// Opens its store.
    pub(crate) async fn desk(&self) -> Result<Desk, BridgeError> {
        self.desk_by(None).await
    }

    /// Opens its store for a rollback, which waits for nothing else: [`Desk::in_time`].
    pub(crate) async fn desk_in_time(&self, kubeconfig: Option<&Path>) -> Result<Desk, BridgeError> {
        let desk = Desk::in_time(&self.folder.path(), self.store.as_ref(), &SystemClock::shared()).await?;
        Ok(desk.with_helms(&self.helm, kubeconfig).await)
    }

    /// Opens its store; Leases are reached by `kubeconfig` in place of the one kubectl would use.
    pub(crate) async fn desk_by(&self, kubeconfig: Option<&Path>) -> Result<Desk, BridgeError> {
        let desk = Desk::of(&self.folder.path(), self.store.as_ref(), &SystemClock::shared()).await?;
        Ok(desk.with_helms(&self.helm, kubeconfig).await)
    }
}

/// An address may hold a password.
#[expect(clippy::unnecessary_wraps, reason = "a value parser says so")]
fn secret(text: &str) -> Result<SecretString, std::convert::Infallible> {
    Ok(text.into())
}
