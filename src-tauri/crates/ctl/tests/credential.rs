//! `timonelctl credential` as people meet it: a key goes in by a pipe or a terminal, and never comes out.

#![allow(clippy::unwrap_used, reason = "a test stops where it cannot go on")]
#![cfg(unix)]

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const KEY: &str = "KEY0198secreta_9f3c7a51";
const NAME: &str = "telnyx-produccion";

fn timonelctl(home: &Path) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_timonelctl"));
    program
        .env_clear()
        .env("TIMONEL_HOME", home)
        .env("TIMONEL_LOG", "trace");
    program.stdin(Stdio::null()).args(["--lang", "en", "credential"]);
    program
}

/// Everything that it said, with its exit code. Never the key.
#[track_caller]
fn said(done: &Output, code: i32) -> String {
    let out = format!(
        "{}{}",
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr)
    );
    assert_eq!(done.status.code(), Some(code), "{out}");
    assert!(!out.contains("0198secreta"), "{out}");
    out
}

fn piped(mut program: Command, input: &str) -> Output {
    let program = program
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = program.spawn().unwrap();
    // It may refuse its arguments before it reads.
    drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
    child.wait_with_output().unwrap()
}

fn set(home: &Path) -> Command {
    let mut program = timonelctl(home);
    program.args(["set", NAME, "--in", "file"]);
    program
}

#[test]
fn a_key_is_stored_listed_and_taken_away() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    assert!(said(&timonelctl(home).arg("list").output().unwrap(), 0).contains("No credential"));
    let kept = said(&piped(set(home), &format!(" {KEY}\r\n")), 0);
    assert!(kept.contains(NAME) && kept.contains("credentials.json"), "{kept}");
    let file = home.join("credentials.json");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(
        fs::read_to_string(&file).unwrap().contains(&format!("\"{KEY}\"")),
        "without its blanks"
    );

    let listed = said(&timonelctl(home).arg("list").output().unwrap(), 0);
    assert!(
        listed.contains(NAME) && listed.contains("(0 d ago)") && listed.contains("in use"),
        "{listed}"
    );
    let mut shadowed = timonelctl(home);
    let shadowed = shadowed
        .arg("list")
        .env("TIMONEL_KEY_TELNYX_PRODUCCION", KEY)
        .output()
        .unwrap();
    let shadowed = said(&shadowed, 0);
    assert!(shadowed.contains("another place goes before"), "{shadowed}");

    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let refused = said(&timonelctl(home).arg("list").output().unwrap(), 1);
    assert!(refused.contains("chmod 600"), "{refused}");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();

    assert!(said(&timonelctl(home).args(["delete", NAME]).output().unwrap(), 0).contains("taken out"));
    assert!(!fs::read_to_string(&file).unwrap().contains(KEY));
    let gone = said(&timonelctl(home).args(["delete", NAME]).output().unwrap(), 2);
    assert!(gone.contains("no credential of that name"), "{gone}");
}

#[test]
fn a_key_in_the_place_of_its_name_is_refused_and_not_repeated() {
    let home = tempfile::tempdir().unwrap();
    let mut program = timonelctl(home.path());
    program.args(["set", KEY]);
    let refused = said(&piped(program, "x"), 2);
    assert!(refused.contains("does not name a credential"), "{refused}");
    let mut program = timonelctl(home.path());
    let refused = program.args(["set", NAME, KEY]).output().unwrap();
    assert_eq!(refused.status.code(), Some(2), "a key is no argument");
    let empty = said(&piped(set(home.path()), "\n"), 1);
    assert!(empty.contains("empty or too long"), "{empty}");
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
}

/// `script` of util-linux gives a program a terminal, which shows what is typed unless the program switches that off.
#[test]
fn a_terminal_does_not_show_what_is_typed() {
    let known = Command::new("script").arg("--version").output();
    if !known.is_ok_and(|done| String::from_utf8_lossy(&done.stdout).contains("util-linux")) {
        println!("skipped: `script` of util-linux is not installed");
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let tty = home.path().join("tty");
    let line = format!(
        "tty > {}; {} --lang en credential set {NAME} --in file; cat",
        tty.display(),
        env!("CARGO_BIN_EXE_timonelctl")
    );
    let mut script = Command::new("script");
    script.args([
        "--quiet",
        "--return",
        "--echo",
        "always",
        "--command",
        &line,
        "/dev/null",
    ]);
    script.env("TIMONEL_HOME", home.path()).env("SHELL", "/bin/sh");
    let script = script
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = script.spawn().unwrap();
    let mut keys = child.stdin.take().unwrap();
    let shows = |wanted: bool| {
        // Each look is a process, so this is half a minute at least.
        let reached = (0..10_000).any(|_| {
            let terminal = fs::read_to_string(&tty).unwrap_or_default();
            let asked = Command::new("stty")
                .args(["-F", terminal.trim(), "-a"])
                .output()
                .unwrap();
            let state = String::from_utf8_lossy(&asked.stdout).into_owned();
            state
                .split_whitespace()
                .any(|word| word == if wanted { "echo" } else { "-echo" })
        });
        assert!(reached, "the terminal's echo is never {wanted}");
    };
    shows(false);
    keys.write_all(format!("{KEY}\n").as_bytes()).unwrap();
    // Afterwards it shows again what is typed, here to `cat`.
    shows(true);
    keys.write_all(b"shown again\n\x04").unwrap();
    drop(keys);
    let said = said(&child.wait_with_output().unwrap(), 0);
    assert!(said.contains("Key of telnyx-produccion (not shown):"), "{said}");
    assert_eq!(said.matches("shown again").count(), 2, "typed and printed: {said}");
    assert!(
        fs::read_to_string(home.path().join("credentials.json"))
            .unwrap()
            .contains(KEY)
    );
}
