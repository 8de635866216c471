//! A world that goes on in real time whatever becomes of our processes, and how a test stands beside it: giving orders,
//! following an engine, and running the program as another process.

use std::path::PathBuf;
use std::process::Command as Program;
use std::sync::OnceLock;
use std::time::Duration;

use timonel_bridge::Bulletin;
use timonel_domain::value::{Person, RolloutId};
use timonel_engine::Engine;
use timonel_engine::command::Wish;
use timonel_journal::entry::Body;
use timonel_ports::clock::{SharedClock, sleep, within};
use timonel_ports::commands::{Command, CommandId, Commands, QueueEnd};
use timonel_ports::mailbox::Receiver;
use timonel_ports::task::spawn;
use timonel_simulator::time::{Speed, VirtualClock};
use timonel_testkit::process::until;

/// For anything that is waited for, on a loaded machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The one rollout of the installation.
pub(crate) fn rollout() -> RolloutId {
    RolloutId::new("martes").unwrap()
}

/// Virtual time goes from sleeper to sleeper, and nobody else sleeps on the clock of a world that stands alone.
pub(crate) async fn world_in_real_time(clock: VirtualClock) {
    const BEAT: Duration = Duration::from_millis(20);
    let beats = clock.clone();
    drop(spawn(&clock.shared(), async move {
        loop {
            sleep(&beats, BEAT).await;
        }
    }));
    clock.run(Speed::Times(1.0)).await;
}

/// A person's order, into the engine's queue.
pub(crate) async fn wish(clock: &SharedClock, commands: &QueueEnd, id: &str, wish: Wish) {
    let command = Command {
        id: CommandId::new(id).unwrap(),
        by: Person::new("luz").unwrap(),
        at: clock.now(),
        what: Body::of(&wish).unwrap(),
    };
    commands.submit(command).await.unwrap();
}

/// Every step up to the first of which `is_it` is true.
pub(crate) async fn follow(
    clock: &SharedClock,
    bulletins: &mut Receiver<Bulletin>,
    is_it: impl Fn(&Bulletin) -> bool,
) -> Vec<Bulletin> {
    let mut seen = Vec::new();
    let found = within(&**clock, PATIENCE, async {
        loop {
            let bulletin = bulletins.recv().await.expect("the engine runs");
            let found = is_it(&bulletin);
            seen.push(bulletin);
            if found {
                return;
            }
        }
    });
    let in_time = found.await.is_ok();
    let told: Vec<_> = seen.iter().map(|b| (b.at.to_string(), &b.event, &b.effects)).collect();
    assert!(in_time, "it did not come: {told:#?}");
    seen
}

/// What was told is on the disk a moment later, and a test that ends everything has to know what the next process will find.
pub(crate) async fn on_the_disk(engine: &Engine) {
    let written = until(PATIENCE, async || {
        let seen = engine.handle().look().await.unwrap();
        (seen.unwritten == 0).then_some(())
    });
    written.await.expect("the journal is written");
}

/// The program as it is in this tree now, built once; `None` where these tests are not run by cargo.
pub(crate) fn timonelctl() -> Option<PathBuf> {
    static BUILT: OnceLock<Option<PathBuf>> = OnceLock::new();
    BUILT.get_or_init(build).clone()
}

fn build() -> Option<PathBuf> {
    let Some(cargo) = std::env::var_os("CARGO") else {
        println!("skipped: without cargo nobody says that timonelctl is of this tree");
        return None;
    };
    let built = Program::new(cargo)
        .args(["build", "--quiet", "--package", "timonel-ctl", "--bin", "timonelctl"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status();
    assert!(built.unwrap().success());
    // target/debug/deps/product-…
    let here = std::env::current_exe().unwrap();
    Some(here.parent().unwrap().parent().unwrap().join("timonelctl"))
}
