//! A share of the numbers whose engine ended without a word, and a person with a terminal: every order that the program
//! knows, given by another process, in real time, against an account that knows nothing of our processes.

use std::collections::BTreeSet;
use std::process::{Command as Program, Stdio};

use timonel_bridge::Desk;
use timonel_domain::rollout::OpKind;
use timonel_domain::value::{TargetId, Weight};
use timonel_journal::record::{CauseRecord, EventRecord, OPERATION, StepRecord};
use timonel_ports::clock::SystemClock;
use timonel_simulator::simulator::Simulator;
use timonel_simulator::telnyx::{Fault, Scope};
use timonel_testkit::process::until;

use crate::played::{entries, runtime};
use crate::shift::{AtWork, CANARY, KEY, Shift, said, see};
use crate::standing::{PATIENCE, rollout};

#[test]
fn another_process_pins_and_puts_back_what_a_killed_one_moved() {
    let Some(shift) = Shift::begin() else { return };
    shift.killed_in_its_first_phase();
    let before = shift.on_canary();
    let status = shift.status();
    assert!(status.contains("Canario 60 %, serving its time"), "{status}");

    let plan = shift.plan();
    let theirs = |numbers: &[String]| numbers.iter().any(|n| before.contains(n));
    let tenant = plan.tenants.iter().find(|t| theirs(&t.numbers));
    let tenant = tenant.expect("with three fifths of the calls somebody has a number on the canary");
    let pinned = shift
        .program("pin")
        .args([tenant.id.as_str(), "--reason", "no oyen nada"])
        .output()
        .unwrap();
    let pinned = said(&pinned, 0);
    assert!(pinned.contains(&tenant.name), "{pinned}");
    let left: BTreeSet<_> = before.iter().filter(|n| !tenant.numbers.contains(n)).cloned().collect();
    assert_eq!(shift.on_canary(), left, "nobody else is moved: {pinned}");
    assert!(!shift.is_levered(), "the others stay on the canary: {pinned}");
    let status = shift.status();
    assert!(status.contains(&tenant.name), "{status}");

    let unknown = shift.program("pin").args(["este", "--reason", "?"]).output().unwrap();
    let unknown = said(&unknown, 1);
    assert!(unknown.contains("not done"), "{unknown}");

    let back = AtWork::start(shift.program("rollback"), &shift);
    see("the lever", || shift.is_levered());
    assert_eq!(
        shift.on_canary(),
        left,
        "the lever comes before any number: {}",
        back.said()
    );
    let told = back.ends(0);
    shift.everything_is_back();
    assert!(told.contains("Rolling back to 0 %: luz asked for it"), "{told}");
    let luz = |cause: &CauseRecord| matches!(cause, CauseRecord::Person(person) if person.as_str() == "luz");
    let steps = shift.steps();
    let asked = steps
        .iter()
        .find(|(_, s)| matches!(&s.event, EventRecord::RollBack { cause, .. } if luz(cause)));
    assert_eq!(asked.unwrap().0, "escritorio");
    // The kit that the first process left is the one that this one worked from.
    let kit = shift.home().join("kits");
    assert!(kit.read_dir().unwrap().next().is_some(), "{}", kit.display());
}

#[test]
fn a_job_under_way_is_waited_for_and_undone_by_another_process() {
    let Some(shift) = Shift::begin() else { return };
    let telnyx = TargetId::new("telnyx").unwrap();
    shift.killed(true, |b| {
        let raising = b.state.targets.get(&telnyx).and_then(|t| t.op);
        raising.is_some_and(|op| op.kind == OpKind::Raise && op.to > Weight::ZERO) && !shift.account().jobs().is_empty()
    });
    assert!(
        !shift.jobs_are_over(),
        "it was ended in the middle: {:#?}",
        shift.account().jobs()
    );
    let done = shift.program("rollback").output().unwrap();
    let told = said(&done, 0);
    assert!(shift.account().jobs().len() >= 2, "there and back: {told}");
    shift.everything_is_back();
    let entries = runtime().block_on(entries(shift.home()));
    assert!(entries.iter().any(|e| e.kind.as_str() == OPERATION));
}

#[test]
fn a_drill_of_another_process_is_timed_and_leaves_the_rollout_armed() {
    let Some(shift) = Shift::begin() else { return };
    shift.killed(false, |_| unreachable!("it is only armed"));
    let before = shift.account().application(CANARY).unwrap();
    let drilled = shift.program("drill").output().unwrap();
    let told = said(&drilled, 0);
    let timed = told.lines().find(|line| line.contains("Rollback drill done: "));
    let timed = timed.unwrap_or_else(|| panic!("no time is told: {told}"));
    let secs = timed.split("done: ").nth(1).and_then(|rest| rest.split(' ').next());
    let secs: f64 = secs.unwrap().parse().unwrap();
    assert!(0.0 < secs && secs < PATIENCE.as_secs_f64(), "{timed}");
    assert!(
        told.contains("lever of telnyx"),
        "it says that the lever is let go of: {told}"
    );
    assert!(!shift.is_levered(), "{told}");
    let after = shift.account().application(CANARY).unwrap();
    assert_eq!(after["voice_url"], before["voice_url"]);
    assert!(shift.status().contains(": armed"), "{}", shift.status());
    let requests = shift.account().requests();
    let pulled = requests.get("PATCH /v2/texml_applications/{id}").copied();
    assert_eq!(pulled, Some(2), "pulled and released: {requests:?}");
    let steps = shift.steps();
    let by_luz = |step: &StepRecord| matches!(&step.event, EventRecord::Drill { by } if by.as_str() == "luz");
    assert!(
        steps
            .iter()
            .any(|(writer, step)| writer == "escritorio" && by_luz(step)),
        "{steps:#?}"
    );

    // A second one on a rollout that was rolled back is refused, and says why.
    said(&shift.program("rollback").output().unwrap(), 0);
    let refused = said(&shift.program("drill").output().unwrap(), 1);
    assert!(refused.contains("not done"), "{refused}");
}

/// Whether `program` is there; says so where it is not.
fn is_installed(program: &str) -> bool {
    let there = Program::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .status()
        .is_ok();
    if !there {
        println!("skipped: `{program}` is not installed");
    }
    there
}

#[test]
fn what_is_printed_works_in_a_shell_without_us_and_without_our_key() {
    let Some(shift) = Shift::begin() else { return };
    if !["bash", "curl", "jq"].into_iter().all(is_installed) {
        return;
    }
    shift.killed_in_its_first_phase();
    // No key is needed to print them, and what is there of Telnyx is not lost for a cluster that nobody can reach.
    let mut program = shift.without_key("rollback");
    program.arg("--commands").arg("--kubeconfig").arg("/nowhere/kubeconfig");
    let printed = program.output().unwrap();
    assert_eq!(printed.status.code(), Some(1), "one target is missing");
    assert!(String::from_utf8_lossy(&printed.stderr).contains("/nowhere/kubeconfig"));
    let printed = String::from_utf8(printed.stdout).unwrap();
    let of_telnyx = |line: &&str| line.contains("curl --fail-with-body");
    let commands: Vec<_> = printed.lines().filter(of_telnyx).collect();
    assert_eq!(commands.len(), 2, "from the kit, and without it: {printed}");
    let prepared: Vec<_> = printed.lines().filter(|line| line.starts_with("export ")).collect();
    assert_eq!(prepared.len(), 2, "the key and the address: {printed}");
    for command in commands {
        assert!(!shift.is_levered());
        let before = shift.account().application(CANARY).unwrap();
        let script = format!("{}\n{command}\n", prepared.join("\n"));
        let mut bash = Program::new("bash");
        bash.env_remove("TELNYX_API_KEY").env_remove("TELNYX_API_URL");
        let pasted = bash
            .env(KEY, Simulator::TELNYX_KEY)
            .args(["-c", &script])
            .output()
            .unwrap();
        said(&pasted, 0);
        see("the lever in force", || shift.is_levered());
        // As somebody who lets go of it in the portal, for the next command.
        let own = serde_json::json!({"voice_url": before["voice_url"]});
        let _runtime = shift.inside();
        shift.account().patch_application_as("luz", CANARY, own).unwrap();
        see("the canary's own address", || !shift.is_levered());
    }
    assert!(
        !shift.on_canary().is_empty(),
        "the commands take the calls off, not the numbers"
    );
    said(&shift.program("rollback").output().unwrap(), 0);
    shift.everything_is_back();
}

#[test]
fn without_a_key_a_rollback_puts_back_what_it_can_and_says_which_key_is_missing() {
    let Some(shift) = Shift::begin() else { return };
    shift.killed_in_its_first_phase();
    let before = shift.on_canary();
    let mut program = shift.without_key("rollback");
    program.arg("--kubeconfig").arg(shift.home().join("kubeconfig"));
    let back = AtWork::start(program, &shift);
    see("the other target", || shift.follower() == 0);
    see("which key", || {
        let said = back.said();
        said.contains(KEY) && said.contains("TELNYX_API_KEY") && said.contains("rollback --commands")
    });
    see("that its target is still up", || back.said().contains("cuenta-prueba"));
    assert_eq!(shift.on_canary(), before);
    // Ended by the person, who has found the key.
    drop(back);
    said(&shift.program("rollback").output().unwrap(), 0);
    shift.everything_is_back();
}

#[test]
fn two_programs_at_once_do_not_write_over_each_other() {
    let Some(shift) = Shift::begin() else { return };
    shift.killed_in_its_first_phase();
    let stuck = AtWork::start(shift.with_key("rollback", "KEY_wrong"), &shift);
    see("that it tries", || {
        stuck.said().contains("does not accept our credentials")
    });
    let done = said(&shift.program("rollback").output().unwrap(), 0);
    assert!(shift.on_canary().is_empty(), "{done}");
    drop(stuck);
    shift.everything_is_back();
    let writers: BTreeSet<_> = shift.steps().into_iter().map(|(writer, _)| writer).collect();
    assert!(
        writers.contains("escritorio") && writers.contains("escritorio-2"),
        "{writers:?}"
    );
}

#[test]
fn without_a_key_no_drill_and_with_a_wrong_one_a_person_is_told() {
    let Some(shift) = Shift::begin() else { return };
    shift.killed_in_its_first_phase();
    let before = shift.on_canary();
    let mut program = shift.without_key("drill");
    program.arg("--kubeconfig").arg(shift.home().join("kubeconfig"));
    let refused = said(&program.output().unwrap(), 2);
    assert!(refused.contains(KEY) && refused.contains("TELNYX_API_KEY"), "{refused}");
    assert!(refused.contains("rollback --commands"), "{refused}");
    assert_eq!((shift.on_canary(), shift.follower()), (before.clone(), 100));

    let wrong = AtWork::start(shift.with_key("rollback", "KEY_wrong"), &shift);
    see("the refusal", || {
        wrong.said().contains("does not accept our credentials")
    });
    see("the commands to paste", || {
        wrong.said().contains("curl --fail-with-body")
    });
    assert!(!wrong.said().contains("KEY_wrong"), "{}", wrong.said());
    assert_eq!(shift.on_canary(), before);
    see("the other target", || shift.follower() == 0);
    // Ended by the person, who has found the right key.
    drop(wrong);
    said(&shift.program("rollback").output().unwrap(), 0);
    shift.everything_is_back();
}

#[test]
fn an_account_that_does_not_answer_is_finished_when_it_does() {
    let Some(shift) = Shift::begin() else { return };
    shift.killed_in_its_first_phase();
    let down = shift.account().faults().set(Scope::All, Fault::Reset);
    let back = AtWork::start(shift.program("rollback"), &shift);
    see("the first failure", || {
        back.said().contains("did not go down at the first attempt")
    });
    see("the other target", || shift.follower() == 0);
    see("what to paste, and where its key comes from", || {
        let said = back.said();
        said.contains("curl --fail-with-body") && said.contains(&format!("export TELNYX_API_KEY=\"${{{KEY}"))
    });
    assert!(!shift.is_levered() && !shift.on_canary().is_empty());
    shift.account().faults().clear(down);
    back.ends(0);
    shift.everything_is_back();
}

#[test]
fn a_draft_that_nobody_closed_is_not_what_a_person_who_names_none_means() {
    let shift = Shift::without_program();
    shift.killed(false, |_| unreachable!("it is only armed"));
    runtime().block_on(async {
        let desk = Desk::open(shift.home(), &SystemClock::shared()).await.unwrap();
        let draft = desk.draft(&shift.plan_text(), "prueba").await.unwrap();
        assert_eq!(desk.rollout(None).await.unwrap().id, rollout());
        assert_eq!(desk.rollout(Some(&draft.id)).await.unwrap().id, draft.id);
    });
}

#[test]
fn doctor_proves_every_check_and_says_how_old_every_signal_is() {
    let Some(shift) = Shift::begin() else { return };
    let plan = shift.home().join("plan.toml");
    std::fs::write(&plan, shift.plan_text()).unwrap();
    let doctor = |mut program: Program, code: i32| {
        program.arg("--plan").arg(&plan);
        said(&program.output().unwrap(), code)
    };
    // On a busy machine a reading may be a second late, and doctor says so: it is asked until none was.
    let look = async || {
        let mut program = shift.with_key("doctor", Simulator::TELNYX_KEY);
        let looked = program.arg("--plan").arg(&plan).output().unwrap();
        looked.status.success().then(|| said(&looked, 0))
    };
    let well = runtime().block_on(until(PATIENCE, look));
    let well = well.unwrap_or_else(|| doctor(shift.with_key("doctor", Simulator::TELNYX_KEY), 0));
    for check in [
        "account.key",
        "account.balance",
        "target.numbers",
        "target.tenants",
        "target.pending",
        "target.kit",
    ] {
        let line = well.lines().find(|line| line.contains(check));
        let line = line.unwrap_or_else(|| panic!("{check}: {well}"));
        assert!(line.starts_with('✓') && line.len() > check.len() + 20, "{line}");
    }
    let of = |signal: &str| {
        well.lines()
            .find(|line| line[3..].trim_start().starts_with(signal))
            .unwrap()
    };
    // What the account records of deliveries is 30 s behind; what it has on it is not.
    let deliveries = of("entregas (stable)");
    assert!(
        deliveries.starts_with('✓') && deliveries.contains("comes 30 s late, read every 2 s"),
        "{deliveries}"
    );
    let age: u64 = deliveries
        .split("newest value ")
        .nth(1)
        .unwrap()
        .split(' ')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    assert!((30..=34).contains(&age), "{deliveries}");
    assert!(of("saldo (shared)").contains("comes at once"), "{well}");
    assert!(of("errores (new)").starts_with('✓'), "{well}");

    let refused = doctor(shift.with_key("doctor", "KEY_wrong"), 1);
    assert!(!refused.contains("KEY_wrong"), "{refused}");
    let key = refused
        .lines()
        .find(|line| line.contains("target.unauthenticated"))
        .unwrap();
    assert!(
        key.starts_with('✗') && key.contains("does not accept our credentials"),
        "{key}"
    );
    // Nothing is held up by the balance, but that it is missing is shown.
    assert!(refused.lines().any(|line| line.starts_with("· saldo")), "{refused}");

    let none = doctor(shift.without_key("doctor"), 1);
    assert!(none.contains(KEY), "{none}");
    shift.account().faults().set(Scope::All, Fault::Reset);
    let down = doctor(shift.with_key("doctor", Simulator::TELNYX_KEY), 1);
    assert!(
        down.lines()
            .any(|line| line.starts_with('✗') && line.contains("does not answer")),
        "{down}"
    );
}
