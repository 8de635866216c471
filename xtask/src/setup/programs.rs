//! Programs that only tests start: a real Prometheus, its Alertmanager and `kubectl`.
//!
//! They are unpacked from the distribution's own packages into the target folder, not installed: Debian's
//! `prometheus` would start a service on every machine with systemd, and `kubernetes-client` breaks dpkg
//! where `kubectl` comes from somebody else's package. It needs no root, and `cargo clean` removes it.
//! Without them the tests that need them say that they are skipped.

use std::fs;
use std::path::Path;

use xshell::cmd;

use super::system::as_root;
use crate::checkout::{Checkout, on_path, which};
use crate::failure::Failure;

/// Program, and the package it is in.
const PROGRAMS: [(&str, &str); 4] = [
    ("prometheus", "prometheus"),
    ("promtool", "prometheus"),
    ("prometheus-alertmanager", "prometheus-alertmanager"),
    ("kubectl", "kubernetes-client"),
];

pub(super) fn ensure(here: &Checkout) -> Result<(), Failure> {
    let path = here.path_with_tools()?;
    let mut packages: Vec<&str> = PROGRAMS
        .iter()
        .filter(|(program, _)| which(program, &path).is_none())
        .map(|(_, package)| *package)
        .collect();
    packages.dedup();
    for package in packages {
        if on_path("apt-get").is_none() || on_path("dpkg-deb").is_none() {
            eprintln!("{package} is not here and cannot be unpacked without apt: tests that need it will be skipped.");
        } else if let Err(problem) = unpack(here, package) {
            eprintln!("{package} could not be unpacked: tests that need it will be skipped. {problem}");
        }
    }
    Ok(())
}

fn unpack(here: &Checkout, package: &str) -> Result<(), Failure> {
    let tools = here.tools();
    let download = tools.join("download").join(package);
    // A download that was cut off must not be taken for a package.
    if download.exists() {
        fs::remove_dir_all(&download).map_err(Failure::file(&download))?;
    }
    fs::create_dir_all(&download).map_err(Failure::file(&download))?;
    eprintln!("Unpacking {package} for tests into {}", tools.display());
    fetch(here, package, &download)?;
    for file in fs::read_dir(&download).map_err(Failure::file(&download))? {
        let file = file.map_err(Failure::file(&download))?.path();
        cmd!(here.sh, "dpkg-deb --extract {file} {tools}").run()?;
    }
    fs::remove_dir_all(&download).map_err(Failure::file(&download))
}

fn fetch(here: &Checkout, package: &str, into: &Path) -> Result<(), Failure> {
    let _there = here.sh.push_dir(into);
    // apt would give the download to its own user, who may not write here, and warn about it.
    let download = || cmd!(here.sh, "apt-get -o APT::Sandbox::User=root download {package}").run();
    if download().is_ok() {
        return Ok(());
    }
    // Fresh images come without package lists.
    if let Some(root) = as_root(here) {
        root.args(["apt-get", "update"]).run()?;
    }
    Ok(download()?)
}
