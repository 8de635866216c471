//! System packages on Debian, Ubuntu and what is made from them.

use std::fs;
use std::path::PathBuf;

use xshell::{Cmd, cmd};

use super::Purpose;
use crate::checkout::{Checkout, on_path};
use crate::failure::Failure;

/// A C compiler: SQLite and ring are compiled.
const TERMINAL: &[&str] = &["build-essential"];
/// The second draws the icon beside the clock; the program opens it when it runs.
const WINDOW: &[&str] = &["libwebkit2gtk-4.1-dev", "libayatana-appindicator3-1", "pkg-config"];
/// Tests execute the manual commands of a rollback in bash, and open the window on a desk of its own: a display, a D-Bus session, a
/// real keyring, popups. Its page they open in a browser besides.
const TESTS: &[&str] = &[
    "ca-certificates",
    "curl",
    "dbus",
    "dbus-x11",
    "dunst",
    "fonts-dejavu-core",
    "gnome-keyring",
    "jq",
    "libnotify-bin",
    "libsecret-tools",
    "webkit2gtk-driver",
    "x11-utils",
    "xauth",
    "xvfb",
];

/// A browser by the names that systems give it, the first that is there.
const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

fn wanted_for(purpose: Purpose) -> Vec<&'static str> {
    match purpose {
        Purpose::Terminal => TERMINAL.to_vec(),
        Purpose::Window => [TERMINAL, WINDOW].concat(),
        Purpose::Tests => [TERMINAL, WINDOW, TESTS].concat(),
    }
}

pub(super) fn ensure(here: &Checkout, purpose: Purpose) -> Result<(), Failure> {
    if !cfg!(target_os = "linux") {
        return Ok(());
    }
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let wanted = &wanted_for(purpose);
    if !debian_like(&release) || on_path("dpkg-query").is_none() {
        eprintln!(
            "This is not Debian or Ubuntu, so nothing is installed. Needed, by Debian's names: {}",
            wanted.join(" ")
        );
        return Ok(());
    }
    let missing = not_installed(here, wanted)?;
    if missing.is_empty() {
        return Ok(());
    }
    let line = line_to_install(&missing);
    let Some(root) = as_root(here) else {
        return Err(Failure::Advice(format!(
            "system packages are missing. Install them and start again:\n  sudo sh -c '{line}'"
        )));
    };
    eprintln!("Installing system packages: {}", missing.join(" "));
    root.args(["DEBIAN_FRONTEND=noninteractive", "sh", "-c", &line]).run()?;
    Ok(())
}

/// The browser that the page is tested in, if there is one.
pub(crate) fn browser() -> Option<PathBuf> {
    BROWSERS.iter().find_map(|name| on_path(name))
}

/// Brings a browser where there is none. Not every system has one to be had this way (Ubuntu's is no package), so without it
/// the tests that need it say that they are skipped.
pub(super) fn ensure_browser(here: &Checkout) {
    if browser().is_some() || on_path("apt-get").is_none() {
        return;
    }
    let line = line_to_install(&["chromium"]);
    let Some(root) = as_root(here) else {
        eprintln!(
            "There is no browser for the tests of the page, which will be skipped. To have them:\n  sudo sh -c '{line}'"
        );
        return;
    };
    eprintln!("Installing a browser for the tests of the page: chromium");
    let installing = root.args(["DEBIAN_FRONTEND=noninteractive", "sh", "-c", &line]);
    if let Err(problem) = installing.run() {
        eprintln!("chromium could not be installed: the tests of the page in a browser will be skipped. {problem}");
    }
}

/// Brings PostgreSQL's server where there is none: tests make servers of their own with it. Debian's package would make one
/// more that starts with the machine, so it is told not to before it comes. Without it the tests that need it say that they
/// are skipped.
pub(super) fn ensure_postgres(here: &Checkout) {
    if postgres_is_here() || on_path("apt-get").is_none() {
        return;
    }
    let file = "/etc/postgresql-common/createcluster.conf";
    let line = [
        &line_to_install(&["postgresql-common"]),
        &format!("sed -i \"s/^#*create_main_cluster.*/create_main_cluster = false/\" {file}"),
        &line_to_install(&["postgresql"]),
    ]
    .map(String::as_str)
    .join(" && ");
    let Some(root) = as_root(here) else {
        eprintln!(
            "PostgreSQL is not here: tests of the shared store will be skipped. To have them:\n  sudo sh -c '{line}'"
        );
        return;
    };
    eprintln!("Installing PostgreSQL for tests, without a server that runs by itself");
    let installing = root.args(["DEBIAN_FRONTEND=noninteractive", "sh", "-c", &line]);
    if let Err(problem) = installing.run() {
        eprintln!("PostgreSQL could not be installed: tests of the shared store will be skipped. {problem}");
    }
}

/// Debian keeps the server's programs out of the path, in a folder for each version.
fn postgres_is_here() -> bool {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    versions
        .map(|version| version.path().join("bin/postgres"))
        .any(|program| program.is_file())
}

fn line_to_install(packages: &[&str]) -> String {
    format!(
        "apt-get update && apt-get install -y --no-install-recommends {}",
        packages.join(" ")
    )
}

fn not_installed<'a>(here: &Checkout, wanted: &[&'a str]) -> Result<Vec<&'a str>, Failure> {
    // Fails where a package is unknown, and prints the others all the same.
    let format = "${db:Status-Abbrev} ${Package}\n";
    let known = cmd!(here.sh, "dpkg-query --show --showformat {format} {wanted...}")
        .quiet()
        .ignore_status()
        .ignore_stderr()
        .read()?;
    Ok(missing(wanted, &known))
}

/// `env` with the right to change the system, to be given the rest; `None` where that would ask for a password.
pub(super) fn as_root(here: &Checkout) -> Option<Cmd<'_>> {
    let sh = &here.sh;
    if cmd!(sh, "id -u").quiet().read().is_ok_and(|id| id == "0") {
        return Some(cmd!(sh, "env"));
    }
    let free = on_path("sudo").is_some()
        && cmd!(sh, "sudo -n true")
            .quiet()
            .ignore_stdout()
            .ignore_stderr()
            .run()
            .is_ok();
    free.then(|| cmd!(sh, "sudo -n env"))
}

/// Whether an `/etc/os-release` is of Debian, Ubuntu or a system made from them.
fn debian_like(release: &str) -> bool {
    release
        .lines()
        .filter_map(|line| line.strip_prefix("ID=").or_else(|| line.strip_prefix("ID_LIKE=")))
        .flat_map(|value| value.trim_matches('"').split(' '))
        .any(|id| id == "debian" || id == "ubuntu")
}

/// Those of `wanted` that dpkg does not show as installed. `known` has a line `STATUS PACKAGE` each.
fn missing<'a>(wanted: &[&'a str], known: &str) -> Vec<&'a str> {
    let installed = |package: &str| {
        known
            .lines()
            .any(|line| line.strip_prefix("ii ").is_some_and(|name| name.trim() == package))
    };
    wanted.iter().copied().filter(|package| !installed(package)).collect()
}

#[cfg(test)]
mod tests {
    use super::{debian_like, missing};

    #[test]
    fn debian_and_its_children_are_recognised() {
        assert!(debian_like("PRETTY_NAME=\"Debian\"\nID=debian\n"));
        assert!(debian_like("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n"));
        assert!(!debian_like("ID=fedora\nVARIANT=debian\n"));
        assert!(!debian_like(""));
    }

    #[test]
    fn removed_unknown_and_half_installed_packages_are_missing() {
        let known = "ii  curl\nrc  jq\nun  xvfb\niU  dbus\nii  libcurl4\n";
        assert_eq!(
            missing(&["curl", "jq", "xvfb", "dbus", "xauth"], known),
            ["jq", "xvfb", "dbus", "xauth"]
        );
    }
}
