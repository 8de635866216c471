//! The window's page: npm packages as locked, and a build where its sources are newer than it.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use xshell::cmd;

use crate::checkout::{Checkout, on_path};
use crate::failure::Failure;

/// What the page is made from, seen from the root. A folder counts with all it has.
const SOURCES: [&str; 9] = [
    "locales",
    "ui/src",
    "icons/32x32.png",
    "ui/index.html",
    "ui/package.json",
    "ui/package-lock.json",
    "ui/svelte.config.js",
    "ui/tsconfig.json",
    "ui/vite.config.ts",
];

pub(super) fn ensure(here: &Checkout) -> Result<(), Failure> {
    node(here)?;
    let _ui = here.sh.push_dir("ui");
    let lock = here.root.join("ui/package-lock.json");
    let stamp = here.target.join("ui/package-lock.json");
    let wanted = fs::read(&lock).map_err(Failure::file(&lock))?;
    let there = here.root.join("ui/node_modules").is_dir() && fs::read(&stamp).is_ok_and(|found| found == wanted);
    if !there {
        cmd!(here.sh, "npm ci --no-audit --no-fund --loglevel=error").run()?;
        let folder = here.target.join("ui");
        fs::create_dir_all(&folder).map_err(Failure::file(&folder))?;
        fs::write(&stamp, wanted).map_err(Failure::file(&stamp))?;
    }
    let built = here
        .root
        .join("ui/dist/index.html")
        .metadata()
        .and_then(|page| page.modified())
        .ok();
    let mut changed = SystemTime::UNIX_EPOCH;
    for source in SOURCES {
        let source = here.root.join(source);
        changed = changed.max(newest(&source).map_err(Failure::file(&source))?);
    }
    if built.is_none_or(|built| built < changed) {
        cmd!(here.sh, "npm run --silent build").run()?;
    }
    Ok(())
}

/// When the file, or the last thing in the folder, was changed. A folder's own time tells of what was removed from it.
fn newest(path: &Path) -> std::io::Result<SystemTime> {
    let found = path.metadata()?;
    let mut changed = found.modified()?;
    if found.is_dir() {
        for entry in path.read_dir()? {
            changed = changed.max(newest(&entry?.path())?);
        }
    }
    Ok(changed)
}

fn node(here: &Checkout) -> Result<(), Failure> {
    let found = match on_path("node") {
        Some(_) => cmd!(here.sh, "node --version").quiet().read()?,
        None => "none".to_owned(),
    };
    if serves(&found) && on_path("npm").is_some() {
        return Ok(());
    }
    Err(Failure::Advice(format!(
        "the window's page is built with Node 20.19 or later (22.12 or later of the next line) and its npm; found: {found}.\n\
         Debian 12's own is too old: take the current long-term version from nodejs.org, put it on PATH and start again."
    )))
}

/// Whether a version such as `v20.19.1` is one that the build tool supports.
fn serves(version: &str) -> bool {
    let mut parts = version
        .trim_start_matches('v')
        .split('.')
        .map(|part| part.parse::<u32>().unwrap_or(0));
    let (major, minor) = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    match major {
        20 => minor >= 19,
        22 => minor >= 12,
        later => later > 22,
    }
}

#[cfg(test)]
mod tests {
    use super::serves;

    #[test]
    fn node_versions() {
        for good in ["v20.19.0", "v20.20.2", "v22.12.0", "v24.0.1"] {
            assert!(serves(good), "{good}");
        }
        for bad in ["v18.20.4", "v20.18.3", "v21.7.0", "v22.11.0", "none", ""] {
            assert!(!serves(bad), "{bad}");
        }
    }
}
