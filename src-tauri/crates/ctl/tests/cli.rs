//! `timonelctl` as people and programs meet it: what it prints, where, and with which exit code.
//!
//! The world beside another process, and a rollback from here in it, are proved with the bridge's tests.

#![allow(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use sqlx::{Connection, SqliteConnection};

fn plans() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../plans")
}

fn plan() -> PathBuf {
    plans().join("conecta360-canary.toml")
}

fn scenario(name: &str) -> PathBuf {
    plans()
        .join("scenarios/conecta360-canary")
        .join(name)
        .with_extension("toml")
}

/// The program in a desk of nobody's: no home folder, no language, no kubeconfig of whoever runs the test.
fn timonelctl() -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_timonelctl"));
    program.env_clear().env("USER", "luz").stdin(Stdio::null());
    program
}

fn run<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Output {
    timonelctl().args(args).output().unwrap()
}

fn out(done: &Output) -> String {
    String::from_utf8(done.stdout.clone()).unwrap()
}

fn err(done: &Output) -> String {
    String::from_utf8(done.stderr.clone()).unwrap()
}

#[track_caller]
fn exits(done: &Output, code: i32) {
    assert_eq!(done.status.code(), Some(code), "{}{}", out(done), err(done));
}

fn rehearse(scenario: &Path) -> Command {
    let mut program = timonelctl();
    program.arg("rehearse").arg(plan()).arg("--scenario").arg(scenario);
    program
}

/// A rehearsal that ended rolled back, kept in `folder`.
fn kept(folder: &Path) -> Output {
    let done = rehearse(&scenario("critical-error"))
        .arg("--json")
        .arg("--keep")
        .arg(folder)
        .output()
        .unwrap();
    exits(&done, 0);
    done
}

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn a_rehearsal_says_one_object_a_line_and_the_summary_last() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("kept");
    let done = kept(&home);
    let lines: Vec<Value> = out(&done)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let (summary, before) = lines.split_last().unwrap();
    assert_eq!(before[0]["kind"], "opened");
    assert!(
        before.len() > 10 && before[1..].iter().all(|line| line["kind"] == "step"),
        "{before:#?}"
    );

    let named = [
        "kind",
        "outcome",
        "phase",
        "targets",
        "breach_at",
        "decided_at",
        "accepted_at",
        "verified_at",
        "lost_events",
    ];
    assert!(keys(summary).is_superset(&BTreeSet::from(named)), "{summary}");
    assert_eq!(
        (&summary["kind"], &summary["outcome"]),
        (&"summary".into(), &"rolled_back".into())
    );
    assert_eq!(summary["lost_events"], 0);
    for target in summary["targets"].as_array().unwrap() {
        let named = BTreeSet::from(["id", "requested", "accepted", "observed", "verified"]);
        assert!(keys(target).is_superset(&named), "{target}");
        assert_eq!((&target["requested"], &target["accepted"]), (&0.into(), &0.into()));
        assert_eq!(target["verified"], true);
    }

    // What is kept is an installation like any other.
    assert!(home.join("samples.om").exists());
    let (es, en) = (run_in("es", "status", &home), run_in("en", "status", &home));
    exits(&es, 0);
    exits(&en, 0);
    assert!(
        out(&es).contains("revertido") && out(&es).contains("derivacion"),
        "{}",
        out(&es)
    );
    assert!(
        out(&en).contains("rolled back") && out(&en).contains("derivacion"),
        "{}",
        out(&en)
    );
    for (said, size, part) in [(&es, "almacén: ", "bitácora "), (&en, "store: ", "journal ")] {
        let sizes = out(said);
        let line = sizes.lines().find(|line| line.contains(size)).expect(&sizes);
        assert!(line.contains("MiB") && line.contains(part), "{line}");
    }
    let doctor = run_in("en", "doctor", &home);
    exits(&doctor, 0);
    assert!(
        out(&doctor).contains("journal.chain") && out(&doctor).contains("store.sound"),
        "{}",
        out(&doctor)
    );

    let again = rehearse(&scenario("critical-error"))
        .arg("--keep")
        .arg(&home)
        .output()
        .unwrap();
    exits(&again, 2);
    assert!(err(&again).contains("not empty"), "{}", err(&again));
}

fn run_in(language: &str, command: &str, home: &Path) -> Output {
    timonelctl()
        .args(["--lang", language, command, "--home"])
        .arg(home)
        .output()
        .unwrap()
}

#[test]
fn for_people_it_speaks_both_languages() {
    for (language, word) in [("es", "instructor"), ("en", "instructor")] {
        let done = rehearse(&scenario("critical-error"))
            .args(["--lang", language])
            .output()
            .unwrap();
        exits(&done, 0);
        let said = out(&done);
        assert!(said.contains("casos") && !said.contains('{'), "{word}: {said}");
    }
}

#[test]
fn an_end_that_the_scenario_does_not_expect_is_exit_1() {
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other.toml");
    let text = std::fs::read_to_string(scenario("critical-error")).unwrap();
    let text = text.replace("outcome = \"rolled_back\"", "outcome = \"completed\"");
    std::fs::write(&other, text).unwrap();
    let done = rehearse(&other).arg("--json").output().unwrap();
    exits(&done, 1);
    assert!(err(&done).contains("expected Completed"), "{}", err(&done));
    let last = out(&done);
    let summary: Value = serde_json::from_str(last.lines().last().unwrap()).unwrap();
    assert_eq!(
        summary["outcome"], "rolled_back",
        "it says what happened, not what was wished"
    );
}

#[test]
fn a_broken_plan_is_exit_2_with_its_place_and_what_to_write() {
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("broken.toml");
    let text = std::fs::read_to_string(plan()).unwrap();
    let line = 1 + text.lines().position(|line| line == "weight = 10").unwrap();
    std::fs::write(&broken, text.replace("weight = 10\n", "weight = \"diez\"\n")).unwrap();
    let checked = run([OsStr::new("plan"), OsStr::new("check"), broken.as_os_str()]);
    let rehearsed = timonelctl()
        .arg("rehearse")
        .arg(&broken)
        .arg("--scenario")
        .arg(scenario("calm"))
        .output()
        .unwrap();
    for done in [checked, rehearsed] {
        exits(&done, 2);
        let said = err(&done);
        assert!(
            said.contains("phases[0].weight") && said.contains(&format!("broken.toml:{line}:")),
            "{said}"
        );
        assert!(said.contains("Write a number"), "{said}");
        assert_eq!(out(&done), "");
    }
}

#[test]
fn what_cannot_be_read_is_exit_2_and_named() {
    let absent = Path::new("/nowhere/plan.toml");
    let runs = [
        run([OsStr::new("plan"), OsStr::new("check"), absent.as_os_str()]),
        rehearse(absent).output().unwrap(),
        timonelctl()
            .arg("rehearse")
            .arg(absent)
            .arg("--scenario")
            .arg(scenario("calm"))
            .output()
            .unwrap(),
    ];
    for done in runs {
        exits(&done, 2);
        assert!(err(&done).contains("/nowhere/plan.toml"), "{}", err(&done));
    }
    exits(&run(["rehearse"]), 2);
    exits(&run(["sail"]), 2);
    exits(
        &rehearse(&scenario("calm")).args(["--speed", "fast"]).output().unwrap(),
        2,
    );
}

#[test]
fn every_shipped_file_is_good() {
    // Each plan's scenarios stand in a folder of its name.
    for folder in std::fs::read_dir(plans().join("scenarios")).unwrap() {
        let folder = folder.unwrap().path();
        let plan = plans().join(folder.file_name().unwrap()).with_extension("toml");
        for file in std::fs::read_dir(folder).unwrap() {
            let file = file.unwrap().path();
            let done = timonelctl()
                .args(["plan", "check"])
                .arg(&plan)
                .arg("--scenario")
                .arg(&file)
                .output()
                .unwrap();
            exits(&done, 0);
        }
    }
}

#[test]
fn the_schemas_know_every_key_of_the_shipped_files() {
    let text = |path: PathBuf| std::fs::read_to_string(path).unwrap();
    for (args, file) in [
        (&["plan", "schema"][..], text(plan())),
        (&["plan", "schema"], text(plans().join("ivr-texml.toml"))),
        (&["plan", "schema", "--scenario"], text(scenario("target-down"))),
        (
            &["plan", "schema", "--scenario"],
            text(plans().join("scenarios/ivr-texml/forward-partial.toml")),
        ),
    ] {
        let done = run(args);
        exits(&done, 0);
        let schema: Value = serde_json::from_str(&out(&done)).unwrap();
        assert!(
            schema["$schema"].as_str().unwrap().contains("json-schema.org"),
            "{}",
            schema["$schema"]
        );
        let known = keys(&schema["properties"]);
        // Keys before the first table, and the tables' own first names.
        let mut in_tables = false;
        for line in file.lines().filter(|line| !line.starts_with(['#', ' ', ']'])) {
            let name = line.trim_start_matches('[').split(['.', ']', ' ', '=']).next().unwrap();
            in_tables |= line.starts_with('[');
            if !name.is_empty() && (line.starts_with('[') || !in_tables) {
                assert!(known.contains(name), "`{name}` is not in {known:?}");
            }
        }
    }
}

#[test]
fn a_reader_that_goes_away_stops_nothing() {
    let mut child = rehearse(&scenario("critical-error"))
        .arg("--json")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let done = child.wait_with_output().unwrap();
    exits(&done, 0);
    let mut child = timonelctl()
        .args(["plan", "schema"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let done = child.wait_with_output().unwrap();
    assert!(!err(&done).contains("panicked"), "{}", err(&done));
}

#[test]
fn a_fresh_folder_has_nothing_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("fresh");
    let doctor = run_in("en", "doctor", &home);
    exits(&doctor, 0);
    assert!(!home.exists(), "doctor writes nothing");
    for (language, words) in [("es", "No hay despliegues"), ("en", "no rollouts")] {
        let status = run_in(language, "status", &home);
        exits(&status, 0);
        assert!(
            out(&status).to_lowercase().contains(&words.to_lowercase()),
            "{}",
            out(&status)
        );
    }
    let rollback = timonelctl()
        .args(["rollback", "--commands", "--home"])
        .arg(&home)
        .output()
        .unwrap();
    exits(&rollback, 2);
    assert!(err(&rollback).contains("No rollout is open"), "{}", err(&rollback));
}

#[test]
fn a_journal_that_was_tampered_with_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("kept");
    kept(&home);
    let database = home.join("timonel.db");
    into_one_file(&database);
    exits(&run_in("en", "doctor", &home), 0);

    let mut bytes = std::fs::read(&database).unwrap();
    let name = b"\"by\":\"instructor\"";
    // Each copy, since SQLite leaves old ones in free places. Somebody else's name, just as long: `instruct0r`.
    let copies = (0..=bytes.len() - name.len()).filter(|at| bytes[*at..].starts_with(name));
    let copies: Vec<_> = copies.collect();
    assert!(!copies.is_empty());
    for at in copies {
        bytes[at + name.len() - 3] = b'0';
    }
    std::fs::write(&database, bytes).unwrap();
    let doctor = run_in("en", "doctor", &home);
    exits(&doctor, 1);
    let found = out(&doctor);
    let chain = found.lines().find(|line| line.contains("journal.chain")).unwrap();
    assert!(chain.starts_with('✗') && chain.contains("broken at entry"), "{found}");
}

/// Everything that stands beside a database goes into it.
fn into_one_file(database: &Path) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut connection = SqliteConnection::connect(&format!("sqlite://{}", database.display()))
            .await
            .unwrap();
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
            .execute(&mut connection)
            .await
            .unwrap();
        connection.close().await.unwrap();
    });
}

/// SIGKILL in the middle of a rollout: what was decided is in the journal, which is whole.
#[test]
fn kill_9_leaves_a_whole_journal() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("kept");
    let mut child = rehearse(&scenario("critical-error"))
        .args(["--json", "--speed", "60", "--keep"])
        .arg(&home)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let baking = lines.map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
    let seen = baking.take_while(|line| line["stage"] != "baking").count();
    assert!(seen > 3);
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().code(), None, "it was killed");

    let status = run_in("en", "status", &home);
    exits(&status, 0);
    assert!(
        out(&status).contains("ensayo") && out(&status).contains("casos"),
        "{}",
        out(&status)
    );
    exits(&run_in("en", "doctor", &home), 0);
}

#[test]
fn a_person_on_another_machine_reaches_the_store_that_an_engine_uses() {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("sqlite:{}", folder.path().join("compartida.db").display());
    let (server, desk) = (folder.path().join("servidor"), folder.path().join("guardia"));
    let short = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bridge/tests/product/data/short.toml");
    let opened = timonelctl()
        .args(["--lang", "en", "open", "--environment", "prueba", "--store", &store])
        .arg(short)
        .arg("--home")
        .arg(&server)
        .output()
        .unwrap();
    exits(&opened, 0);

    let at_desk = |command: &[&str]| {
        let mut program = timonelctl();
        program.args(["--lang", "en"]).args(command).arg("--home").arg(&desk);
        program
    };
    let listed = at_desk(&["status", "--store", &store]).output().unwrap();
    exits(&listed, 0);
    assert!(out(&listed).contains("prueba"), "{}", out(&listed));
    let listed = at_desk(&["status"]).env("TIMONEL_STORE", &store).output().unwrap();
    assert!(out(&listed).contains("prueba"), "{}", out(&listed));

    // None of them finds the cluster here; what counts is that they find the rollout.
    let orders: [&[&str]; 5] = [
        &["rollback", "--commands"],
        &["rollback"],
        &["pin", "acme", "--reason", "no oyen"],
        &["pin", "acme", "--reason", "ya oyen", "--off"],
        &["drill"],
    ];
    for order in orders {
        let unknown = at_desk(order).output().unwrap();
        exits(&unknown, 2);
        assert!(
            err(&unknown).contains("No rollout is open"),
            "{order:?}: {}",
            err(&unknown)
        );
    }
    for order in orders.into_iter().filter(|order| *order != ["rollback"]) {
        let found = at_desk(order)
            .env("KUBECONFIG", folder.path().join("none"))
            .args(["--store", &store])
            .output()
            .unwrap();
        assert!(
            !err(&found).contains("No rollout is open"),
            "{order:?}: {}",
            err(&found)
        );
    }
}
