//! Popups of a console on the simulator: on a desk that does as it is told, and on a real dunst.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use timonel_bridge::Speed;
use timonel_bridge::console::{Asker, Console, Opening, Surface};
use timonel_bridge::popups::{ACKNOWLEDGE, OPEN, PopupDesk, SEEN, Speak};
use timonel_bridge::words::{Language, Words};
use timonel_domain::value::Person;
use timonel_ports::clock::{SharedClock, SystemClock};
use timonel_ports::mailbox::{Receiver, Sender, mailbox};
use timonel_ports::popup::{
    ActionId, Capabilities, Gone, Heard, Outcome, Popup, PopupError, PopupKey, Popups, Shortfall, Urgency,
};
use timonel_ports::task::{Task, spawn};
use timonel_testkit::process::until;
use timonel_wire::{Alert, PopupStanding, PopupsState};

const PATIENCE: Duration = Duration::from_secs(120);
/// A minute of the rollout in half a second.
const SPEED: f64 = 120.0;

/// Somebody lowers a target behind our back: an alert that stays until a person decides.
const SCENARIO: &str = include_str!("../../../../plans/scenarios/conecta360-canary/drift-down.toml");
const PLAN: &str = include_str!("../../../../plans/conecta360-canary.toml");
/// What its popup says.
const SAID: &str = "flux bajó casos a 0 %";

const TEXTS: &str = include_str!("../../../../locales/es/popups.ftl");

/// A desk that keeps what it is told to show, and fails when it is told to.
#[derive(Debug, Default)]
struct Fake {
    down: AtomicBool,
    standing: Mutex<Vec<Popup>>,
}

impl Fake {
    fn standing(&self) -> Vec<Popup> {
        self.standing.lock().expect("nobody panicked").clone()
    }

    fn take(&self, key: &PopupKey) {
        self.standing
            .lock()
            .expect("nobody panicked")
            .retain(|popup| popup.key != *key);
    }
}

#[async_trait]
impl Popups for Fake {
    async fn show(&self, popup: Popup) -> Outcome {
        if let Err(error) = self.capabilities().await {
            return Outcome::Failed(error);
        }
        self.take(&popup.key);
        self.standing.lock().expect("nobody panicked").push(popup);
        Outcome::Shown
    }

    async fn close(&self, key: &PopupKey) {
        self.take(key);
    }

    async fn capabilities(&self) -> Result<Capabilities, PopupError> {
        if self.down.load(Ordering::SeqCst) {
            let said = "nadie".to_owned();
            return Err(PopupError::NoServer { said });
        }
        Ok(Capabilities {
            server: "prueba".to_owned(),
            shortfalls: Vec::<Shortfall>::new(),
        })
    }
}

/// A console with popups, in a world where somebody lowers a target.
struct Scene {
    console: Console,
    opened: Arc<AtomicUsize>,
    following: Task<()>,
    _folder: tempfile::TempDir,
}

fn asker(surface: Surface) -> Asker {
    let person = Person::new("guardia").expect("a good name");
    Asker { surface, person }
}

impl Scene {
    async fn open(surface: Surface, popups: Arc<dyn Popups>, heard: Receiver<Heard>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut opening = Opening::of(PLAN, SCENARIO, folder.path().to_owned()).expect("sound files");
        opening.speed = Speed::Times(SPEED);
        opening.virtual_operator = true;
        let console = Console::open(opening).await.expect("a console");
        let clock = SystemClock::shared();
        let words = Words::new(Language::Es, TEXTS, |at| at.to_string());
        let speak: Speak = Arc::new(move |sentence| words.tell(sentence));
        let opened = Arc::new(AtomicUsize::new(0));
        let count = opened.clone();
        let open = move || {
            count.fetch_add(1, Ordering::SeqCst);
        };
        let mut desk = PopupDesk::new(clock.clone(), (popups, heard), speak, asker(surface), open);
        let followed = console.clone();
        let following = spawn(&clock, async move { desk.follow(&followed).await });
        Self {
            console,
            opened,
            following,
            _folder: folder,
        }
    }

    fn state(&self) -> PopupsState {
        self.console.picture().popups.clone()
    }

    fn alerts(&self) -> Vec<Alert> {
        self.console.picture().alerts.clone()
    }

    async fn until_state(&self, what: &str, fits: impl Fn(&PopupsState) -> bool) {
        let there = until(PATIENCE, async || fits(&self.state()).then_some(())).await;
        assert!(there.is_some(), "{what}: {:?}", self.state());
    }
}

/// The first popup of the rollout that stands and that `fits`.
async fn popup(fake: &Fake, what: &str, fits: impl Fn(&Popup) -> bool) -> Popup {
    let look = async || fake.standing().into_iter().find(|popup| fits(popup));
    let found = until(PATIENCE, look).await;
    found.unwrap_or_else(|| panic!("{what}: {:#?}", fake.standing()))
}

fn fake() -> (Arc<Fake>, Sender<Heard>, Receiver<Heard>) {
    let clock: SharedClock = SystemClock::shared();
    let (press, heard) = mailbox(&clock);
    (Arc::new(Fake::default()), press, heard)
}

fn pressed(popup: &Popup, action: ActionId) -> Heard {
    Heard::Pressed {
        key: popup.key.clone(),
        action,
    }
}

fn drifted(alert: &&Alert) -> bool {
    alert.sentence.code == "notice-drift-below"
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_comes_as_a_popup_and_its_button_acknowledges_it() {
    let (fake, press, heard) = fake();
    let scene = Scene::open(Surface::Main, fake.clone(), heard).await;
    scene
        .until_state("nobody has confirmed it", |state| {
            state.standing == PopupStanding::Untested
        })
        .await;
    assert_eq!(scene.state().server.as_deref(), Some("prueba"));

    let shown = popup(&fake, "the drift's popup", |popup| popup.body.contains(SAID)).await;
    assert!(
        shown.title.contains("SIMULADOR") && !shown.title.contains("popup-"),
        "{shown:?}"
    );
    assert!(
        !shown.body.contains("rule-") && !shown.body.contains("metric-"),
        "{shown:?}"
    );
    let buttons: Vec<_> = shown.actions.iter().map(|a| (a.id, a.label.as_str())).collect();
    assert_eq!(buttons, [(ACKNOWLEDGE, "Reconocer"), (OPEN, "Abrir")]);

    // As a desk does: the popup goes with the press.
    fake.take(&shown.key);
    press.tell(pressed(&shown, ACKNOWLEDGE));
    let seen = async || {
        let by = |alert: &Alert| alert.acknowledged.as_ref().is_some_and(|seen| seen.by == "guardia");
        scene.alerts().iter().any(by).then_some(())
    };
    assert!(until(PATIENCE, seen).await.is_some(), "{:?}", scene.alerts());
    assert_eq!(scene.state().refused, None);

    // All is over when the console is, and the desk is as it was.
    scene.console.close().await;
    scene.following.join().await.expect("it ends");
    assert_eq!(fake.standing(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledgement_that_is_refused_is_told_and_the_popup_comes_back() {
    let (fake, press, heard) = fake();
    let scene = Scene::open(Surface::Wallboard, fake.clone(), heard).await;
    let shown = popup(&fake, "the drift's popup", |popup| popup.body.contains(SAID)).await;
    fake.take(&shown.key);
    press.tell(pressed(&shown, ACKNOWLEDGE));
    scene
        .until_state("the refusal is told", |state| state.refused.is_some())
        .await;
    assert_eq!(scene.state().refused.expect("it is told").code, "error-read-only");
    popup(&fake, "it comes back", |popup| popup.key == shown.key).await;
    let untouched = scene.alerts().iter().all(|alert| alert.acknowledged.is_none());
    assert!(untouched, "{:?}", scene.alerts());
    // To look is no order.
    press.tell(pressed(&shown, OPEN));
    let opened = async || (scene.opened.load(Ordering::SeqCst) == 1).then_some(());
    assert!(until(PATIENCE, opened).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_desk_without_popups_is_told_of_and_a_test_that_works_brings_what_waited() {
    let (fake, press, heard) = fake();
    fake.down.store(true, Ordering::SeqCst);
    let scene = Scene::open(Surface::Main, fake.clone(), heard).await;
    scene
        .until_state("it is told", |state| state.standing == PopupStanding::Failed)
        .await;
    assert_eq!(scene.state().why.expect("it is told").code, "popups-no-server");
    let there = async || scene.alerts().iter().find(drifted).map(|_| ());
    assert!(until(PATIENCE, there).await.is_some(), "an alert");
    let refused = scene.console.test_popup(&asker(Surface::Main)).await;
    assert_eq!(refused.expect_err("nobody shows it").0.code, "popups-no-server");
    let refused = scene.console.test_popup(&asker(Surface::Wallboard)).await;
    assert_eq!(refused.expect_err("it only looks").0.code, "error-read-only");
    assert_eq!((fake.standing(), scene.state().waiting), (vec![], false));

    fake.down.store(false, Ordering::SeqCst);
    scene
        .console
        .test_popup(&asker(Surface::Main))
        .await
        .expect("somebody shows it now");
    let test = popup(&fake, "the test", |popup| popup.actions.iter().any(|a| a.id == SEEN)).await;
    assert_eq!(test.urgency, Urgency::Normal);
    popup(&fake, "what waited", |popup| {
        popup.actions.iter().any(|a| a.id == ACKNOWLEDGE)
    })
    .await;
    scene
        .until_state("it stands", |state| {
            state.waiting && state.standing == PopupStanding::Untested
        })
        .await;
    assert_eq!(scene.state().tested, None, "that it stands proves nothing");

    // Put away is no proof.
    let gone = |why| Heard::Gone {
        key: test.key.clone(),
        why,
    };
    press.tell(gone(Gone::Dismissed));
    scene.until_state("it was put away", |state| !state.waiting).await;
    assert_eq!(
        (scene.state().tested, scene.state().standing),
        (None, PopupStanding::Untested)
    );
    scene
        .console
        .test_popup(&asker(Surface::Main))
        .await
        .expect("once more");
    press.tell(pressed(&test, SEEN));
    scene
        .until_state("it is proved", |state| state.standing == PopupStanding::Working)
        .await;
    let tested = scene.state().tested.expect("it is proved");
    assert!(
        tested.by == "guardia" && tested.at > 1_700_000_000_000,
        "the desk's own time: {tested:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_popups_are_nobody_can_test_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let opening = Opening::simulator(folder.path().to_owned()).expect("sound files");
    let console = Console::open(opening).await.expect("a console");
    assert_eq!(console.picture().popups.standing, PopupStanding::None);
    let refused = console.test_popup(&asker(Surface::Browser)).await;
    assert_eq!(refused.expect_err("nobody shows it").0.code, "error-no-popups");
}

#[cfg(target_os = "linux")]
#[test]
fn an_alert_is_answered_on_a_real_desk() {
    use timonel_testkit::popup::Screen;
    use timonel_testkit::process::dunst::Dunst;
    use timonel_testkit::process::keyring::at_a_desk;

    at_a_desk("an_alert_is_answered_on_a_real_desk", async |desk| {
        let Some(dunst) = Dunst::start(desk).await else { return };
        let (popups, heard) = timonel_desktop::DeskPopups::new(&SystemClock::shared());
        let scene = Scene::open(Surface::Main, Arc::new(popups), heard).await;
        let received = async || dunst.received().into_iter().find(|popup| popup.body.contains(SAID));
        let shown = until(PATIENCE, received).await.expect("a popup");
        assert!(shown.title.contains("SIMULADOR"), "{shown:?}");
        let mut acknowledged = async || {
            dunst.press("Reconocer").await;
            let seen = |alert: &Alert| alert.acknowledged.as_ref().is_some_and(|seen| seen.by == "guardia");
            scene.alerts().iter().any(seen).then_some(())
        };
        assert!(
            until(PATIENCE, &mut acknowledged).await.is_some(),
            "{:?}",
            scene.alerts()
        );
    });
}
