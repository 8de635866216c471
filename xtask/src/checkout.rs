//! Where the checkout, its build output and the programs for tests are.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use xshell::Shell;

use crate::failure::Failure;

/// The checkout that this xtask belongs to.
pub(crate) struct Checkout {
    /// A shell that stands in `root`.
    pub(crate) sh: Shell,
    /// The folder of the workspace's Cargo.toml.
    pub(crate) root: PathBuf,
    /// Cargo's target folder, wherever it was configured to be.
    pub(crate) target: PathBuf,
}

impl Checkout {
    /// Cargo says where our manifest is; the folder that we were built into is the target folder's `debug`.
    pub(crate) fn find() -> Result<Self, Failure> {
        let manifest =
            env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
        let root = manifest.parent().map_or_else(|| manifest.clone(), Path::to_owned);
        let exe = env::current_exe().map_err(Failure::file(Path::new("xtask")))?;
        let target = exe
            .ancestors()
            .nth(2)
            .map_or_else(|| root.join("target"), Path::to_owned);
        let sh = Shell::new()?;
        sh.change_dir(&root);
        Ok(Self { sh, root, target })
    }

    /// Where programs are that only tests need and the system does not have.
    pub(crate) fn tools(&self) -> PathBuf {
        self.target.join("tools")
    }

    /// Where Prism and its packages are, a program of the same kind.
    pub(crate) fn prism(&self) -> PathBuf {
        self.tools().join("prism")
    }

    /// PATH with those programs behind the system's own.
    pub(crate) fn path_with_tools(&self) -> Result<OsString, Failure> {
        let path = env::var_os("PATH").unwrap_or_default();
        let ours = [self.tools().join("usr/bin"), self.prism().join("node_modules/.bin")];
        let all = env::split_paths(&path).chain(ours);
        env::join_paths(all)
            .map_err(|cause| Failure::Advice(format!("the target folder's name cannot stand in PATH: {cause}")))
    }
}

/// The full path of `program`, where `path` (in the form of PATH) has it.
pub(crate) fn which(program: &str, path: &OsString) -> Option<PathBuf> {
    let name = format!("{program}{}", env::consts::EXE_SUFFIX);
    env::split_paths(path)
        .map(|folder| folder.join(&name))
        .find(|file| file.is_file())
}

/// The full path of `program`, where PATH has it.
pub(crate) fn on_path(program: &str) -> Option<PathBuf> {
    which(program, &env::var_os("PATH").unwrap_or_default())
}
