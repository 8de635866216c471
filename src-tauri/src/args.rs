//! The command line of the desktop program: which installation, and what its window opens on.

use std::fmt;
use std::path::{Path, PathBuf};

use clap::Parser;
use secrecy::{ExposeSecret, SecretString};
use timonel_bridge::desk::HelmKeeper;
use timonel_bridge::home;
use timonel_wire::ToOpen;

/// Moves live phone calls to a new system a little at a time, and puts every call back at once.
///
/// Without more the window opens the rollout of this installation that was left open, else the simulator.
#[derive(Debug, Parser)]
#[command(name = "timonel", version)]
pub(crate) struct Args {
    /// The installation's folder; by default $TIMONEL_HOME, else ~/.local/share/timonel.
    #[arg(long)]
    home: Option<PathBuf>,
    /// A store that is shared, as `timonelctl` takes it: the window looks on at what whoever has the helm leads there, sends it orders,
    /// and puts back itself only where nobody else does.
    #[arg(long, env = "TIMONEL_STORE", hide_env_values = true, value_parser = secret)]
    pub(crate) store: Option<SecretString>,
    /// Where helms are kept: store, or lease:NAMESPACE[@CONTEXT] for Leases of a Kubernetes cluster. The same for every program that
    /// works on the same rollouts.
    #[arg(long, env = "TIMONEL_HELM", default_value = "store")]
    pub(crate) helm: HelmKeeper,
    /// A kubeconfig in place of the one kubectl would use.
    #[arg(long)]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// A plan to open in one of its environments: its rollout that is not over, else a new one, as a draft.
    #[arg(long, requires = "environment", conflicts_with_all = ["rollout", "simulator"])]
    plan: Option<PathBuf>,
    /// The plan's environment.
    #[arg(long, requires = "plan")]
    environment: Option<String>,
    /// A rollout of this installation to take up.
    #[arg(long, conflicts_with = "simulator")]
    rollout: Option<String>,
    /// The simulator, whatever was left open.
    #[arg(long)]
    simulator: bool,
}

/// An installation, and the store, the helms and the cluster that it was told to use.
#[derive(Debug, Clone)]
pub(crate) struct Installation {
    home: PathBuf,
    store: Option<SecretString>,
    helm: HelmKeeper,
    kubeconfig: Option<PathBuf>,
}

impl Installation {
    /// Whether both are one: two ways to write a place are one place.
    pub(crate) fn is(&self, other: &Self) -> bool {
        let whole = |path: &PathBuf| std::fs::canonicalize(path).unwrap_or_else(|_| path.clone());
        let [ours, theirs] = [self, other].map(|it| {
            let store = it.store.as_ref().map(|address| address.expose_secret());
            (whole(&it.home), store, &it.helm, it.kubeconfig.as_ref().map(whole))
        });
        ours == theirs
    }
}

impl fmt::Display for Installation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.home.display())?;
        match &self.kubeconfig {
            Some(kubeconfig) => write!(f, " ({})", kubeconfig.display()),
            None => Ok(()),
        }
    }
}

impl Args {
    /// The installation's folder.
    pub(crate) fn folder(&self) -> PathBuf {
        self.home.clone().unwrap_or_else(home::folder)
    }

    /// Which installation with which cluster somebody who stands in `at` means, told apart from any other.
    pub(crate) fn installation(&self, at: &Path) -> Installation {
        Installation {
            home: at.join(self.folder()),
            store: self.store.clone(),
            helm: self.helm.clone(),
            kubeconfig: self.kubeconfig.as_deref().map(|path| at.join(path)),
        }
    }

    /// What is asked for, by somebody who stands in `at`; `None` where the installation's own state says it.
    pub(crate) fn to_open(&self, at: &Path) -> Option<ToOpen> {
        if let (Some(plan), Some(environment)) = (&self.plan, &self.environment) {
            return Some(ToOpen::Plan {
                path: at.join(plan).display().to_string(),
                environment: environment.clone(),
            });
        }
        let rollout = self.rollout.clone().map(|rollout| ToOpen::Rollout { rollout });
        rollout.or(self.simulator.then_some(ToOpen::Simulator))
    }
}

/// An address may hold a password.
#[expect(clippy::unnecessary_wraps, reason = "a value parser says so")]
fn secret(text: &str) -> Result<SecretString, std::convert::Infallible> {
    Ok(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(args: &[&str]) -> Option<ToOpen> {
        let args = ["timonel"].iter().chain(args);
        let args = Args::try_parse_from(args).expect("a good command line");
        args.to_open(Path::new("/planes"))
    }

    #[test]
    fn a_command_line_says_what_is_opened() {
        assert_eq!(asked(&[]), None);
        assert_eq!(asked(&["--simulator"]), Some(ToOpen::Simulator));
        let rollout = "ivr-2026-11-22".to_owned();
        assert_eq!(
            asked(&["--rollout", &rollout.clone()]),
            Some(ToOpen::Rollout { rollout })
        );
        let path = Path::new("/planes").join("ivr.toml").display().to_string();
        let environment = "produccion".to_owned();
        let plan = ["--plan", "ivr.toml", "--environment", "produccion"];
        assert_eq!(asked(&plan), Some(ToOpen::Plan { path, environment }));
    }

    #[test]
    fn another_folder_or_cluster_is_another_installation() {
        let folder = tempfile::tempdir().expect("a folder");
        let (at, here) = (folder.path(), folder.path().display().to_string());
        let meant = |args: &[&str]| {
            let args = ["timonel"].iter().chain(args);
            Args::try_parse_from(args)
                .expect("a good command line")
                .installation(at)
        };
        let first = meant(&["--home", "."]);
        assert!(
            first.is(&meant(&["--home", &here, "--simulator"])),
            "written in two ways"
        );
        assert!(!first.is(&meant(&["--home", "otra"])));
        assert!(!first.is(&meant(&["--home", ".", "--kubeconfig", "norte"])));
        let shared = ["--home", ".", "--store", "postgres://ana:pa55@bd/timonel"];
        let shared = meant(&shared);
        assert!(!first.is(&shared) && shared.is(&shared.clone()));
        assert!(!format!("{shared} {shared:?}").contains("pa55"));
    }

    #[test]
    fn a_plan_without_its_environment_is_no_command() {
        for wrong in [
            &["timonel", "--plan", "ivr.toml"][..],
            &["timonel", "--environment", "produccion"],
            &["timonel", "--simulator", "--rollout", "otro"],
        ] {
            assert!(Args::try_parse_from(wrong).is_err(), "{wrong:?}");
        }
    }
}
