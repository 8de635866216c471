//! Lines of `judge replay` that somebody else wrote: one reading for each, or one refusal that names the line, within a moment.

#![allow(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::process::Command;

use serde_json::Value;
use timonel_hostile::fuzz;

const FILES: [&str; 3] = [
    "{\"arm\":\"canary\",\"failed\":true,\"weight\":5.0,\"id\":\"a\"}\n{\"arm\":\"stable\",\"failed\":false,\"weight\":5,\"id\":7}\n\n\
     {\"arm\":\"canary\",\"failed\":true,\"weight\":5.0,\"id\":\"a\",\"at\":\"2026-11-22T08:00:00Z\"}\n",
    "{\"arm\":\"stable\",\"failed\":true,\"weight\":0,\"latency_ms\":12.5}\n{\"arm\":\"canary\",\"failed\":false,\"weight\":100,\"tenant\":\"norte\"}\n",
    "\u{feff}{\"arm\":\"canary\",\"failed\":false,\"weight\":99.99}\r\n",
];

#[test]
fn lines_of_a_replay() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("calls.jsonl");
    fuzz!(
        FILES,
        |bytes: &[u8]| {
            std::fs::write(&file, bytes).unwrap();
            let mut program = Command::new(env!("CARGO_BIN_EXE_timonelctl"));
            program
                .env_clear()
                .args(["--lang", "en", "judge", "replay", "--p0", "0.05"])
                .arg(&file);
            let done = program.output().unwrap();
            let (out, err) = (
                String::from_utf8(done.stdout).unwrap(),
                String::from_utf8(done.stderr).unwrap(),
            );
            match done.status.code() {
                Some(0) => {
                    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| {
                        let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
                        !line.trim_ascii().is_empty()
                    });
                    assert_eq!(out.lines().count(), lines.count(), "{err}");
                    for line in out.lines() {
                        let reading: Value = serde_json::from_str(line).unwrap();
                        assert!(reading["log10_r"].is_f64() && reading["verdict"].is_string(), "{line}");
                    }
                }
                Some(2) => {
                    assert!(out.is_empty(), "of all lines or of none: {out}");
                    assert!(err.contains("calls.jsonl") && err.contains("line "), "{err}");
                }
                other => panic!("{other:?}: {err}"),
            }
        },
        60
    );
}
