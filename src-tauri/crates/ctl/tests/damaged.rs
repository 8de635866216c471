//! A store that is damaged, or may only be read, as a person at a terminal meets it.

#![allow(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn timonelctl(args: &[&str], home: &Path) -> Output {
    ended(
        Command::new(env!("CARGO_BIN_EXE_timonelctl"))
            .args(args)
            .arg("--home")
            .arg(home),
    )
}

fn ended(program: &mut Command) -> Output {
    program
        .env_clear()
        .env("USER", "luz")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn all(done: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr)
    )
}

/// An installation in which a rollback was rehearsed.
fn rehearsed(folder: &Path) -> PathBuf {
    let plans = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../plans");
    let home = folder.join("kept");
    let done = ended(
        Command::new(env!("CARGO_BIN_EXE_timonelctl"))
            .arg("rehearse")
            .arg(plans.join("conecta360-canary.toml"))
            .arg("--scenario")
            .arg(plans.join("scenarios/conecta360-canary/critical-error.toml"))
            .arg("--keep")
            .arg(&home),
    );
    assert_eq!(done.status.code(), Some(0), "{}", all(&done));
    home
}

#[test]
fn a_damaged_store_is_told_of_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let home = rehearsed(folder.path());
    let database = home.join("timonel.db");
    let mut bytes = fs::read(&database).unwrap();
    for (lang, mended, stage) in [
        ("es", "La base de datos estaba dañada", "revertido"),
        ("en", "The database was damaged", "rolled back"),
    ] {
        bytes[..64].fill(0xa5);
        fs::write(&database, &bytes).unwrap();
        let status = timonelctl(&["--lang", lang, "status"], &home);
        assert_eq!(status.status.code(), Some(0), "{}", all(&status));
        assert!(
            all(&status).contains(mended) && all(&status).contains(stage),
            "{}",
            all(&status)
        );
        let again = timonelctl(&["--lang", lang, "status"], &home);
        assert!(
            !all(&again).contains(mended) && all(&again).contains(stage),
            "{}",
            all(&again)
        );
        bytes = fs::read(&database).unwrap();
    }
    let doctor = timonelctl(&["--lang", "en", "doctor"], &home);
    assert_eq!(doctor.status.code(), Some(0), "{}", all(&doctor));
    // Who only asks changes nothing.
    let whole = bytes.clone();
    let page = bytes.len() / 4096 / 2 * 4096;
    bytes[page..page + 4096].fill(0xa5);
    fs::write(&database, &bytes).unwrap();
    let doctor = timonelctl(&["--lang", "en", "doctor"], &home);
    assert_eq!(doctor.status.code(), Some(1), "{}", all(&doctor));
    assert!(all(&doctor).contains("store.sound"), "{}", all(&doctor));
    assert_eq!(fs::read(&database).unwrap(), bytes, "not mended");
    fs::write(&database, &whole).unwrap();
    let aside = fs::read_dir(&home).unwrap().flatten();
    let aside = aside.filter(|entry| entry.file_name().to_string_lossy().starts_with("timonel.db.damaged-"));
    assert_eq!(aside.count(), 2, "each is kept");
}

/// As somebody who may read the installation and write nothing of it.
#[cfg(unix)]
#[test]
fn a_store_that_may_only_be_read_is_read() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let home = rehearsed(folder.path());
    let modes = |of: u32, folder_mode: u32| {
        for entry in fs::read_dir(&home).unwrap().flatten() {
            let mode = if entry.path().is_dir() { folder_mode } else { of };
            fs::set_permissions(entry.path(), fs::Permissions::from_mode(mode)).unwrap();
        }
        fs::set_permissions(&home, fs::Permissions::from_mode(folder_mode)).unwrap();
    };
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    modes(0o444, 0o555);
    let nobody = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups", "true"])
        .status();
    let program = env!("CARGO_BIN_EXE_timonelctl");
    let as_nobody = nobody.is_ok_and(|status| status.success());
    let status = if as_nobody {
        let args = [
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            program,
            "--lang",
            "en",
            "status",
            "--home",
        ];
        let path = std::env::var_os("PATH").unwrap_or_default();
        Command::new("setpriv")
            .args(args)
            .arg(&home)
            .env_clear()
            .env("PATH", path)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    } else {
        timonelctl(&["--lang", "en", "status"], &home)
    };
    modes(0o644, 0o755);
    if all(&status).contains("Permission denied") && status.stdout.is_empty() {
        return println!("skipped: an ordinary account does not reach {program} here");
    }
    assert_eq!(status.status.code(), Some(0), "{}", all(&status));
    assert!(all(&status).contains("rolled back"), "{}", all(&status));
}
