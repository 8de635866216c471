//! A store that is damaged or takes no writes, in the middle of a rollout: the calls can be put back all the same.

use std::path::Path;
use std::process::Command as Program;

use timonel_domain::rollout::{Hold, Notice};
use timonel_journal::record::{EventRecord, MENDED, STEP, StepRecord};
use timonel_ports::clock::SystemClock;
use timonel_store::Sqlite;

use crate::played::{entries, runtime};
use crate::standing::{follow, timonelctl};
use crate::taken_up::World;

pub(crate) fn roll_back(timonelctl: &Path, world: &World) -> (Option<i32>, String) {
    let mut program = Program::new(timonelctl);
    program
        .args(["--lang", "en", "rollback", "--by", "luz", "--home"])
        .arg(world.home());
    let done = program.arg("--kubeconfig").arg(world.kubeconfig()).output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    (done.status.code(), said)
}

/// Writes over the header of the file, once its log is in it.
fn damage(world: &World) {
    let path = world.home().join("timonel.db");
    runtime().block_on(async {
        let store = Sqlite::open(&path, SystemClock::shared()).await.unwrap();
        store.close().await;
    });
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[..100].fill(0xa5);
    std::fs::write(&path, bytes).unwrap();
}

#[test]
fn a_rollout_whose_store_is_damaged_is_put_back_by_another_process() {
    let Some(timonelctl) = timonelctl() else { return };
    let world = World::start();
    world.rolled_out_and_killed();
    damage(&world);
    let (code, said) = roll_back(&timonelctl, &world);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("The database was damaged"), "{said}");
    assert_eq!(world.weights(), [0, 0], "{said}");
    let entries = runtime().block_on(entries(world.home()));
    let mended = entries.iter().position(|entry| entry.kind.as_str() == MENDED).unwrap();
    let told = entries[mended..]
        .iter()
        .filter(|entry| entry.kind.as_str() == STEP)
        .any(|entry| {
            let step: StepRecord = entry.body.read().unwrap();
            matches!(step.event, EventRecord::Mended { missing: 0, .. })
        });
    assert!(told, "the engine that took it up says so in the rollout's own journal");
}

/// Who takes it up is told, critically, and nothing goes on by itself.
#[test]
fn an_engine_that_takes_up_a_mended_store_holds_and_says_so_once() {
    let world = World::start();
    world.rolled_out_and_killed();
    damage(&world);
    let is_told = |b: &timonel_bridge::Bulletin| {
        b.effects.iter().any(|effect| {
            matches!(effect, timonel_domain::rollout::Effect::Notify(Notice::Mended { missing: 0, entries, armed: false }) if *entries > 3)
        })
    };
    runtime().block_on(async {
        let clock = SystemClock::shared();
        let path = world.home().join("timonel.db");
        let (store, mended) = Sqlite::open_or_mend(&path, clock.clone()).await.unwrap();
        assert!(mended.is_some());
        store.close().await;
        let (engine, mut bulletins, _commands) = world.engine(&clock).await;
        let steps = follow(&clock, &mut bulletins, is_told).await;
        assert!(steps.last().unwrap().state.holds.contains(&Hold::Alert));
        engine.stop().await;
        let (engine, mut bulletins, _commands) = world.engine(&clock).await;
        let judged = |b: &timonel_bridge::Bulletin| matches!(b.event, timonel_domain::rollout::Event::Assessed(_));
        let steps = follow(&clock, &mut bulletins, judged).await;
        assert!(!steps.iter().any(is_told), "it was told");
        assert!(
            steps.last().unwrap().state.holds.contains(&Hold::Alert),
            "until a person releases it"
        );
        engine.stop().await;
    });
    assert_eq!(world.weights(), [25, 100], "mending moves nothing");
}

/// The folder and all in it can be read and not written: as on a disk that the kernel has made read-only.
#[cfg(unix)]
#[test]
fn a_rollout_whose_store_takes_no_writes_is_put_back_by_another_process() {
    let Some(timonelctl) = timonelctl() else { return };
    let world = World::start();
    world.rolled_out_and_killed();
    // A mount of its own, that only this process and its children see.
    let mount = "mount --bind \"$1\" \"$1\" && mount -o remount,bind,ro \"$1\" && shift && exec \"$@\"";
    let run = |args: &[&std::ffi::OsStr]| {
        let mut program = Program::new("unshare");
        program.args(["--mount", "--map-root-user", "--user", "sh", "-c", mount, "sh"]);
        program.arg(world.home()).args(args).output()
    };
    let tried = run(&["touch".as_ref(), world.home().join("new").as_os_str()]);
    match &tried {
        Ok(done) if String::from_utf8_lossy(&done.stderr).contains("Read-only") => {}
        Ok(done) => {
            return println!(
                "skipped: nothing is mounted here: {}",
                String::from_utf8_lossy(&done.stderr)
            );
        }
        Err(error) => return println!("skipped: no unshare here ({error})"),
    }
    let kubeconfig = world.kubeconfig();
    let args = ["--lang", "en", "rollback", "--by", "luz", "--home"].map(std::ffi::OsStr::new);
    let rest = [
        world.home().as_os_str(),
        "--kubeconfig".as_ref(),
        kubeconfig.as_os_str(),
    ];
    let done = run(&[&[timonelctl.as_os_str()], args.as_slice(), &rest].concat()).unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    assert_eq!(world.weights(), [0, 0], "{said}");
    assert_eq!(
        done.status.code(),
        Some(1),
        "what happened is in no journal, and that is said: {said}"
    );
}
