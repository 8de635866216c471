//! Prism, which holds requests and answers to an OpenAPI contract: npm packages as locked in xtask/prism.
//!
//! Into the target folder, as the other programs for tests: it needs no root, touches nothing of the page's own packages,
//! and `cargo clean` removes it. Without it the tests that need it say that they are skipped.

use std::fs;
use std::path::Path;

use xshell::cmd;

use crate::checkout::Checkout;
use crate::failure::Failure;

/// What npm needs to install it, in xtask/prism.
const FILES: [&str; 2] = ["package.json", "package-lock.json"];
/// A copy of the lock, written when everything in it is there.
const STAMP: &str = "installed.json";

pub(super) fn ensure(here: &Checkout) -> Result<(), Failure> {
    let source = here.root.join("xtask/prism");
    let lock = source.join(FILES[1]);
    let wanted = fs::read(&lock).map_err(Failure::file(&lock))?;
    let folder = here.prism();
    if is_there(&folder, &wanted) {
        return Ok(());
    }
    eprintln!("Installing Prism for tests into {}", folder.display());
    if let Err(problem) = install(here, &source, &folder, &wanted) {
        eprintln!("Prism could not be installed: tests that need it will be skipped. {problem}");
    }
    Ok(())
}

/// Whether `folder` has what the lock `wanted` names, and all of it.
fn is_there(folder: &Path, wanted: &[u8]) -> bool {
    folder.join("node_modules").is_dir() && fs::read(folder.join(STAMP)).is_ok_and(|found| found == wanted)
}

fn install(here: &Checkout, source: &Path, folder: &Path, wanted: &[u8]) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(Failure::file(folder))?;
    for name in FILES {
        let file = folder.join(name);
        fs::copy(source.join(name), &file).map_err(Failure::file(&file))?;
    }
    let _there = here.sh.push_dir(folder);
    // None of the packages needs its install script, and none gets to run one.
    cmd!(here.sh, "npm ci --ignore-scripts --no-audit --no-fund --loglevel=error").run()?;
    let stamp = folder.join(STAMP);
    fs::write(&stamp, wanted).map_err(Failure::file(&stamp))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{STAMP, is_there};

    #[test]
    fn only_the_whole_of_the_locked_version_counts() {
        let folder = std::env::temp_dir().join(format!("timonel-xtask-prism-{}", std::process::id()));
        fs::create_dir_all(folder.join("node_modules")).unwrap();
        assert!(!is_there(&folder, b"lock"), "an installation that was cut off");
        fs::write(folder.join(STAMP), "lock").unwrap();
        assert!(is_there(&folder, b"lock"));
        assert!(!is_there(&folder, b"a later lock"));
        fs::remove_dir(folder.join("node_modules")).unwrap();
        assert!(!is_there(&folder, b"lock"), "removed by hand");
        fs::remove_dir_all(&folder).unwrap();
    }
}
