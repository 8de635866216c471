//! A desk where nobody can be told anything: no program shows popups, or the session bus itself hangs. A rollback waits for neither,
//! and whoever looks at the screen is told that the channel is gone.

#![cfg(target_os = "linux")]

use std::time::Duration;

use timonel_bridge::popups::{PopupDesk, Speak};
use timonel_desktop::DeskPopups;
use timonel_testkit::process::keyring::at_a_desk;
use timonel_wire::PopupStanding;

use super::kept::{arm, draft, sign};
use super::*;

/// So long the desk may take for an answer (`timonel_desktop`'s own limit): what waits for it takes longer than this.
const POPUPS: Duration = Duration::from_secs(5);

/// Rolls out with popups that cannot be shown, and puts it back.
fn put_back_unheard() {
    let port = Port::new();
    runtime().block_on(async {
        let (program, mut page) = draft(&port).await;
        let console = program.berth.console().await.unwrap();
        let clock = SystemClock::shared();
        let (popups, heard) = DeskPopups::new(&clock);
        let speak: Speak = Arc::new(|sentence| sentence.code.clone());
        let channel = (Arc::new(popups) as Arc<dyn timonel_ports::popup::Popups>, heard);
        let mut desk = PopupDesk::new(clock, channel, speak, asker(Surface::Main), || {});
        let told = async {
            desk.follow(&console).await;
            panic!("the console goes on");
        };
        let put_back = async {
            page.until("that nobody is told anything", |p| {
                p.popups.standing == PopupStanding::Failed && p.popups.why.is_some()
            })
            .await;
            sign(&program, &mut page).await;
            arm(&program, &mut page).await;
            page.until("that it may start", |p| may(p, "start")).await;
            program.order(Order::Start).await;
            page.until("its first phase", |p| p.rollout.stage == StageKind::Baking)
                .await;
            assert!(!port.0.on_canary().is_empty());
            program.order(Order::RollBack { confirmed: false }).await;
            page.until("everything back", |p| {
                p.rollout.stage == StageKind::RolledBack && p.targets.iter().all(|t| t.op.is_none())
            })
            .await;
        };
        tokio::select! {
            () = told => {}
            () = put_back => {}
        }
        let picture = &page.picture;
        assert_eq!((port.0.on_canary(), port.0.follower()), (BTreeSet::new(), 0));
        for target in &picture.targets {
            let took = target.marks.accepted.unwrap() - target.marks.decided.unwrap();
            assert!(
                u128::try_from(took).unwrap() < POPUPS.as_millis(),
                "{took} ms: {target:?}"
            );
            assert!(target.marks.read_back.is_some() && target.read == Some(0), "{target:?}");
        }
        assert!(!picture.alerts.is_empty(), "there was something to tell");
        assert_eq!(picture.popups.standing, PopupStanding::Failed, "{:?}", picture.popups);
        drop(console);
        program.berth.close().await;
    });
}

#[test]
fn a_rollback_waits_for_nobody_where_no_program_shows_popups() {
    let name = "berth::unheard::a_rollback_waits_for_nobody_where_no_program_shows_popups";
    at_a_desk(name, async |_desk| beside(put_back_unheard));
}

#[test]
fn a_rollback_waits_for_nobody_where_the_bus_hangs() {
    let name = "berth::unheard::a_rollback_waits_for_nobody_where_the_bus_hangs";
    at_a_desk(name, async |desk| {
        desk.hang_bus();
        beside(put_back_unheard);
        desk.let_bus_go_on();
    });
}
