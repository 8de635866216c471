//! What is watched goes on being watched: through a second start, through another that takes long to open, and where it ended
//! without anybody's wish.

use timonel_ports::task::spawn;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::*;

/// How often a test tries again that needs this machine to be faster than a provider's deadline.
const TRIES: u32 = 6;

/// A program with a rollout that has been opened and not begun, and a page.
pub(super) async fn draft(port: &Port) -> (Program, Page) {
    let program = port.program();
    program.is_given_the_key().await;
    program.berth.begin(Some(port.in_production())).await;
    let page = Page::of(&program).await;
    (program, page)
}

pub(super) async fn sign(program: &Program, page: &mut Page) {
    program.order(Order::SignAll).await;
    let live = |p: &Picture| p.sources.iter().all(|s| s.freshness == Freshness::Live);
    page.until("live sources", live).await;
}

pub(super) async fn arm(program: &Program, page: &mut Page) {
    program.order(Order::Arm).await;
    page.until("armed", |p| p.rollout.stage == StageKind::Armed).await;
}

#[test]
fn what_ends_by_itself_is_told_and_taken_up_again_without_anybody() {
    let port = Port::new();
    runtime().block_on(async {
        let (program, mut page) = draft(&port).await;
        assert!(!program.berth.is_needed(), "a draft is not watched");
        sign(&program, &mut page).await;
        arm(&program, &mut page).await;
        assert!(program.berth.is_needed());
        let lost = program.berth.console().await.unwrap();
        // Behind the program's back, as when the engine stops at a fault.
        lost.close().await;
        let why = within(&*SystemClock::shared(), PATIENCE, program.berth.unwatched()).await;
        assert_eq!(why.unwrap().expect("it goes on").0.code, "error-lost");
        assert!(
            program.berth.picture().is_none(),
            "what nobody keeps is not shown as live"
        );
        assert!(program.berth.is_needed(), "it is not ended in passing");
        let last = page.picture.revision;
        page.until("pictures again", |p| p.revision > last + 1_000).await;
        assert_eq!(page.picture.rollout.stage, StageKind::Armed);
        program.berth.close().await;
    });
}

#[test]
fn an_installation_that_cannot_be_read_is_tried_until_it_can() {
    let port = Port::new();
    runtime().block_on(async {
        let (program, page) = draft(&port).await;
        let rollout = page.picture.rollout.id;
        program.berth.close().await;

        let (store, aside) = (port.0.home().join("timonel.db"), port.0.home().join("aside.db"));
        std::fs::rename(&store, &aside).unwrap();
        std::fs::create_dir(&store).unwrap();
        let program = port.program();
        program.is_given_the_key().await;
        program.berth.begin(None).await;
        assert_eq!(program.berth.console().await.unwrap_err().0.code, "error-open-store");
        assert!(program.berth.is_needed(), "nobody knows what is under way");

        std::fs::remove_dir(&store).unwrap();
        std::fs::rename(&aside, &store).unwrap();
        let back = within(&*SystemClock::shared(), PATIENCE, program.berth.after(None)).await;
        assert_eq!(back.unwrap().expect("a console").rollout().to_string(), rollout);
        program.berth.close().await;
    });
}

#[test]
fn a_second_start_leaves_what_is_watched_alone_and_nothing_is_taken_up_anew_while_calls_move() {
    let port = Port::new();
    runtime().block_on(async {
        let (program, mut page) = draft(&port).await;
        sign(&program, &mut page).await;
        arm(&program, &mut page).await;
        let by = asker(Surface::Main);
        program.berth.go_to(&by, &port.in_production()).await.unwrap();
        let before = page.picture.revision;
        page.until("the next picture", |p| p.revision > before).await;
        assert!(page.picture.revision < before + 1_000, "another console shows it");

        let hole = port.0.account().faults().set(Scope::All, Fault::BlackHole);
        program.order(Order::Drill).await;
        page.until("an operation", |p| p.targets.iter().any(|t| t.op.is_some()))
            .await;
        let why = program.refused(&port.in_production()).await;
        assert_eq!(why.code, "error-open-moving");
        port.0.account().faults().clear(hole);
        page.until("over", |p| p.targets.iter().all(|t| t.op.is_none())).await;

        let before = page.picture.revision;
        program.berth.open(&by, &port.in_production()).await.unwrap();
        page.until("taken up anew", |p| p.revision > before + 1_000).await;
        assert_eq!(page.picture.rollout.stage, StageKind::Armed);
        program.berth.close().await;
    });
}

/// A way to the account on which nothing gets through before it is told to. Gives its address, and who waits there.
async fn gate(account: String, opened: watch::Receiver<bool>) -> (String, watch::Receiver<usize>) {
    let clock = SystemClock::shared();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let here = listener.local_addr().unwrap().to_string();
    let (arrived, arrivals) = watch::channel(0);
    let there = account
        .trim_start_matches("http://")
        .split('/')
        .next()
        .unwrap()
        .to_owned();
    let here = account.replace(&there, &here);
    let clock_too = clock.clone();
    drop(spawn(&clock, async move {
        while let Ok((mut near, _)) = listener.accept().await {
            arrived.send_modify(|n| *n += 1);
            let (mut opened, there) = (opened.clone(), there.clone());
            drop(spawn(&clock_too, async move {
                if opened.wait_for(|opened| *opened).await.is_ok()
                    && let Ok(mut far) = TcpStream::connect(there).await
                {
                    drop(copy_bidirectional(&mut near, &mut far).await);
                }
            }));
        }
    }));
    (here, arrivals)
}

/// What whoever opens another is told where what was open is armed meanwhile.
fn armed_meanwhile() -> Sentence {
    let port = Port::new();
    runtime().block_on(async {
        let (program, mut page) = draft(&port).await;
        sign(&program, &mut page).await;
        let (open, opened) = watch::channel(false);
        let account = port.0.account_url();
        let (way, mut arrivals) = gate(account.clone(), opened).await;
        let other = port.0.home().join("otro.toml");
        let text = port.plan_text().replace(&account, &way);
        std::fs::write(&other, text.replace("corto-numeros", "otro-numeros")).unwrap();
        let other = ToOpen::Plan {
            path: other.display().to_string(),
            environment: "produccion".to_owned(),
        };
        let by = asker(Surface::Main);
        let opening = program.berth.open(&by, &other);
        let meanwhile = async {
            arrivals.wait_for(|n| *n > 0).await.unwrap();
            arm(&program, &mut page).await;
            open.send_replace(true);
        };
        let (opened, ()) = tokio::join!(opening, meanwhile);
        let before = page.picture.revision;
        page.until("it goes on", |p| p.revision > before).await;
        assert_eq!(page.picture.rollout.stage, StageKind::Armed);
        program.berth.close().await;
        opened.unwrap_err().0
    })
}

#[test]
fn what_was_armed_while_another_was_opened_is_not_left() {
    // Where arming here takes longer than a provider may take to answer, nothing was made that could have been shown.
    let mut told = (0..TRIES).map(|_| armed_meanwhile());
    let why = told.find(|why| why.code != "error-open-target");
    let code = why.map(|why| why.code);
    assert_eq!(code.as_deref(), Some("error-open-under-way"));
}
