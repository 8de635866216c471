//! Popups at the person's desk, of the alerts of a console: which stand is decided in `groups`, here it is carried out.
//!
//! It looks at the pictures of the console, whether or not anybody sees the window, and orders nothing but what the main window
//! could: an acknowledgement, by the person at the desk. Every outcome is remembered in the picture, so that a desk without
//! popups is told of where people look; popups are never the only way in which something is told. Putting traffic back is not
//! among the buttons: a popup is pressed by accident, and nobody knows by whom.
//!
//! Deliberately not here: the desk (`timonel-desktop`), languages (whoever starts this gives them), sounds.

mod groups;

use std::sync::Arc;
use std::time::Duration;

use timonel_domain::time::Mono;
use timonel_ports::clock::SharedClock;
use timonel_ports::mailbox::{Receiver, Reply, Sender, mailbox};
use timonel_ports::popup::{
    Action, ActionId, Gone, Heard, Outcome, Popup, PopupError, PopupKey, Popups, Shortfall, Urgency,
};
use timonel_wire::{Arg, PopupStanding, PopupsState, PopupsTested, Sentence, WireError, millis};

pub use groups::{ACKNOWLEDGE, OPEN, SEEN};

use crate::console::{Asker, Console, Watch};
use groups::{Deed, Face, Groups};

/// So often it is looked whether popups could be shown, while nothing needs one.
const LOOK: Duration = Duration::from_secs(30);

/// The keys of the test popup and of what is said of the program itself. No group has them: theirs begin with a rollout.
const TEST: &str = "test";
const SAID: &str = "said";

/// Puts a sentence into the language of the person at the desk.
pub type Speak = Arc<dyn Fn(&Sentence) -> String + Send + Sync>;

/// Has something said at a desk that is no alert of a rollout, but about the program itself. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Herald(Sender<Sentence>);

impl Herald {
    /// Has it said in a popup, in place of what was said last; by nobody once the desk is gone, or while nothing is open there.
    pub fn say(&self, what: Sentence) {
        self.0.tell(what);
    }
}

/// The popups of a desk, and what is known of them; for one console after the other.
pub struct PopupDesk {
    clock: SharedClock,
    herald: Herald,
    said: Receiver<Sentence>,
    popups: Arc<dyn Popups>,
    heard: Receiver<Heard>,
    speak: Speak,
    asker: Asker,
    open: Box<dyn Fn() + Send + Sync>,
    state: PopupsState,
    /// Why the last popup was not shown, or none could be.
    failed: Option<PopupError>,
    shortfall: Option<Shortfall>,
    /// Nothing is shown until then, after it could not be.
    blocked_until: Option<Mono>,
}

impl PopupDesk {
    /// Of the desk that this program runs at. Needs a tokio runtime, and keeps a task on it; `clock` must be the machine's.
    /// `asker` sits there and reads what `speak` says; `open` brings the window before the person.
    #[cfg(feature = "desktop")]
    pub fn of_this_desk(
        clock: SharedClock,
        speak: Speak,
        asker: Asker,
        open: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        let (popups, heard) = timonel_desktop::DeskPopups::new(&clock);
        Self::new(clock, (Arc::new(popups), heard), speak, asker, open)
    }

    /// As `of_this_desk`, with any popups and the mailbox of what persons answer to them.
    pub fn new(
        clock: SharedClock,
        (popups, heard): (Arc<dyn Popups>, Receiver<Heard>),
        speak: Speak,
        asker: Asker,
        open: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        let (herald, said) = mailbox(&clock);
        Self {
            clock,
            herald: Herald(herald),
            said,
            popups,
            heard,
            speak,
            asker,
            open: Box::new(open),
            state: PopupsState {
                standing: PopupStanding::Untested,
                ..PopupsState::default()
            },
            failed: None,
            shortfall: None,
            blocked_until: None,
        }
    }

    /// Who has something said here.
    pub fn herald(&self) -> Herald {
        self.herald.clone()
    }

    /// Keeps the popups as the alerts of `console` are, until it closes.
    pub async fn follow(&mut self, console: &Console) {
        let (tests, mut asked) = mailbox(&self.clock);
        let mut watch = console.watch();
        console.popup_seat().attend(tests);
        let mut following = Following {
            groups: Groups::default(),
            due: self.clock.mono(),
            console,
            desk: self,
        };
        while let Some(()) = following.next(&mut watch, &mut asked).await {
            following.tell();
        }
        following.end().await;
    }
}

/// What asks for a test popup: the answer says that it stands, not that anybody saw it.
pub(crate) type Test = Reply<Result<(), WireError>>;

/// A console whose alerts are shown.
struct Following<'a> {
    console: &'a Console,
    desk: &'a mut PopupDesk,
    groups: Groups,
    /// When it is looked next whether popups can be shown.
    due: Mono,
}

impl Following<'_> {
    /// Does the next thing; `None` once the console has closed.
    async fn next(&mut self, watch: &mut Watch, asked: &mut Receiver<Test>) -> Option<()> {
        let clock = self.desk.clock.clone();
        tokio::select! {
            // A person's answer goes before the next picture, which would show again what was just answered.
            biased;
            Some(heard) = self.desk.heard.recv() => self.hear(heard).await,
            Some(reply) = asked.recv() => reply.send(self.test().await),
            Some(what) = self.desk.said.recv() => self.say(what).await,
            () = clock.sleep_until(self.due) => {
                self.due = clock.mono() + LOOK;
                self.look().await;
            }
            batch = watch.next() => {
                batch?;
                self.follow().await;
            }
        }
        Some(())
    }

    /// Makes the right popups stand.
    async fn follow(&mut self) {
        let now = self.desk.clock.mono();
        if self.desk.blocked_until.is_some_and(|until| now < until) {
            return;
        }
        self.desk.blocked_until = None;
        let picture = self.console.picture();
        for deed in self.groups.follow(&picture, now) {
            match deed {
                Deed::Close(key) => self.desk.popups.close(&key).await,
                // The others wait with it: where one cannot be shown, none can.
                Deed::Show(key, _) if self.desk.blocked_until.is_some() => self.groups.lost(&key),
                Deed::Show(key, face) => {
                    if !self.show(key.clone(), face).await {
                        self.groups.lost(&key);
                    }
                }
            }
        }
    }

    /// Shows a popup and remembers what became of it; false where it is not before the person.
    async fn show(&mut self, key: PopupKey, face: Face) -> bool {
        let actions = face.actions.iter().map(|id| Action {
            id: *id,
            label: (self.desk.speak)(&Sentence::new(label(*id))),
        });
        let popup = Popup {
            key,
            urgency: face.urgency,
            title: (self.desk.speak)(&face.title),
            body: (self.desk.speak)(&face.body),
            actions: actions.collect(),
        };
        let needs_buttons = !popup.actions.is_empty();
        match self.desk.popups.show(popup).await {
            Outcome::Shown => {
                self.works();
                if needs_buttons {
                    self.desk.shortfall = None;
                }
                true
            }
            Outcome::Degraded(shortfall) => {
                self.works();
                self.desk.shortfall = Some(shortfall);
                true
            }
            Outcome::Failed(error) => {
                self.fails(error);
                false
            }
        }
    }

    /// Says something of the program itself; it stands until somebody has answered it.
    async fn say(&mut self, what: Sentence) {
        let environment = groups::environment(&self.console.picture().environment);
        let face = Face {
            urgency: Urgency::Critical,
            title: Sentence::new("popup-title-program").with("environment", environment),
            body: what,
            actions: &[OPEN],
        };
        // Where it is not shown the picture says that popups fail, and a log has it.
        self.show(PopupKey::new(SAID), face).await;
    }

    /// Looks whether popups could be shown, without showing one.
    async fn look(&mut self) {
        match self.desk.popups.capabilities().await {
            Ok(can) => {
                self.works();
                self.desk.shortfall = can.shortfalls.first().copied();
                if self.desk.state.server.as_ref() != Some(&can.server) {
                    // What a person confirmed of another program says nothing of this one.
                    self.desk.state.tested = None;
                    self.desk.state.server = Some(can.server);
                }
            }
            Err(error) => self.fails(error),
        }
    }

    fn works(&mut self) {
        self.desk.failed = None;
        self.desk.blocked_until = None;
    }

    fn fails(&mut self, error: PopupError) {
        if self.desk.failed.as_ref() != Some(&error) {
            tracing::warn!("{error}");
        }
        self.desk.failed = Some(error);
        self.desk.blocked_until = Some(self.desk.clock.mono() + LOOK);
    }

    async fn hear(&mut self, heard: Heard) {
        match heard {
            Heard::Pressed { key, action: SEEN } if key.as_str() == TEST => {
                self.desk.state.waiting = false;
                self.desk.state.tested = Some(PopupsTested {
                    at: millis(self.desk.clock.now()),
                    by: self.desk.asker.person.to_string(),
                });
            }
            Heard::Pressed { key, action } => {
                self.groups.gone(&key);
                match action {
                    ACKNOWLEDGE => self.acknowledge(&key).await,
                    OPEN => (self.desk.open)(),
                    _ => {}
                }
            }
            Heard::Gone { key, .. } if key.as_str() == TEST => self.desk.state.waiting = false,
            Heard::Gone { key, why: Gone::Lost } => self.groups.lost(&key),
            Heard::Gone {
                key,
                why: Gone::Dismissed | Gone::Expired,
            } => self.groups.gone(&key),
        }
    }

    /// The person has seen the alerts that the popup told of.
    async fn acknowledge(&mut self, key: &PopupKey) {
        self.desk.state.refused = None;
        // The popup stands for this console alone, and is taken away with it.
        let aim = self.console.picture().aim();
        for alert in self.groups.alerts(key) {
            if let Err(WireError(why)) = self.console.acknowledge(&self.desk.asker, &aim, &alert, "").await {
                tracing::warn!("an alert was not acknowledged by its popup: {}", why.code);
                self.desk.state.refused = Some(why);
                // It comes back: to the person it looked acknowledged.
                self.groups.lost(key);
            }
        }
    }

    /// Shows the test popup, whose button the person has to press.
    async fn test(&mut self) -> Result<(), WireError> {
        let environment = groups::environment(&self.console.picture().environment);
        let face = Face {
            urgency: Urgency::Normal,
            title: Sentence::new("popup-title-test").with("environment", environment),
            body: Sentence::new("popup-test"),
            actions: &[SEEN],
        };
        self.desk.state.waiting = self.show(PopupKey::new(TEST), face).await;
        match &self.desk.failed {
            Some(error) => Err(WireError(of_error(error))),
            None => Ok(()),
        }
    }

    /// Says in the picture how the popups stand.
    fn tell(&mut self) {
        (self.desk.state.standing, self.desk.state.why) =
            match (&self.desk.failed, self.desk.shortfall, &self.desk.state.tested) {
                (Some(error), _, _) => (PopupStanding::Failed, Some(of_error(error))),
                (None, Some(shortfall), _) => (PopupStanding::Degraded, Some(of_shortfall(shortfall))),
                (None, None, Some(_)) => (PopupStanding::Working, None),
                (None, None, None) => (PopupStanding::Untested, None),
            };
        self.console.popup_seat().stand(self.desk.state.clone());
    }

    /// Leaves the desk as it was found.
    async fn end(&mut self) {
        self.console.popup_seat().leave();
        for key in self.groups.standing() {
            self.desk.popups.close(&key).await;
        }
        self.desk.popups.close(&PopupKey::new(TEST)).await;
        self.desk.state.waiting = false;
    }
}

/// What a button says.
fn label(action: ActionId) -> &'static str {
    match action {
        ACKNOWLEDGE => "popup-acknowledge",
        OPEN => "popup-open",
        _ => "popup-seen",
    }
}

/// What is wrong, and what to do.
fn of_error(error: &PopupError) -> Sentence {
    match error {
        PopupError::NoBus { said } => Sentence::new("popups-no-bus").with("said", Arg::text(said)),
        PopupError::NoServer { said } => Sentence::new("popups-no-server").with("said", Arg::text(said)),
        PopupError::Silent { .. } => Sentence::new("popups-silent"),
        PopupError::Refused { said } => Sentence::new("popups-refused").with("said", Arg::text(said)),
        PopupError::Ended => Sentence::new("popups-ended"),
    }
}

/// What a desk cannot do, and what that means.
fn of_shortfall(shortfall: Shortfall) -> Sentence {
    Sentence::new(match shortfall {
        Shortfall::NoActions => "popups-no-actions",
        Shortfall::NoUpdate => "popups-no-update",
        Shortfall::NoUrgency => "popups-no-urgency",
    })
}
