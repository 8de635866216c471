//! The port to the popups of a person's desk: small notices beside the clock, shown by the desk and not by our window.
//!
//! A popup is never the only way in which something is told: a desk may swallow it, hide it, or show nobody anything. So every
//! attempt says what became of it, and what a desk cannot do is said before anybody relies on it. One popup a key: showing
//! another under the same key changes the one that stands. Calls end within a limit of their own on the machine's clock.
//!
//! Deliberately not here: which popups there should be, in which words (`bridge::popups`), and any desk.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

/// Which popup: whatever is shown under the same key changes the one that stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PopupKey(String);

impl PopupKey {
    /// The key of this text; any text can be one.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The key's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PopupKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How much a popup may disturb.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Urgency {
    /// News; it leaves by itself within seconds.
    Low,
    /// It stays as long as the desk thinks right.
    Normal,
    /// It stays until somebody answers it, and desks show it where they hold others back.
    Critical,
}

/// What a button does, as we know it: `acknowledge`. The person reads its label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActionId(pub &'static str);

/// A button.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// What it does.
    pub id: ActionId,
    /// What it says, in the person's language.
    pub label: String,
}

/// A popup in the person's language. Title and body are plain text: what a desk would take for markup is made plain by the
/// adapter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Popup {
    /// Which one.
    pub key: PopupKey,
    /// How much it may disturb.
    pub urgency: Urgency,
    /// One line.
    pub title: String,
    /// A sentence or two.
    pub body: String,
    /// Its buttons, the first one first. A press on the popup itself is none of them.
    pub actions: Vec<Action>,
}

/// What a desk that shows popups cannot do with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shortfall {
    /// No buttons: they can be read and not answered.
    NoActions,
    /// What stands can be neither changed nor taken away.
    NoUpdate,
    /// All are equally loud.
    NoUrgency,
}

impl Shortfall {
    /// A stable code: `no-actions`, `no-update`, `no-urgency`.
    pub fn code(self) -> &'static str {
        match self {
            Shortfall::NoActions => "no-actions",
            Shortfall::NoUpdate => "no-update",
            Shortfall::NoUrgency => "no-urgency",
        }
    }
}

/// Who shows popups at this desk, and what it cannot do; empty where it can everything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Capabilities {
    /// The program that shows them, as it names itself.
    pub server: String,
    /// What it cannot do, the worst first.
    pub shortfalls: Vec<Shortfall>,
}

impl Capabilities {
    /// Whether popups can be changed and taken away.
    pub fn can_update(&self) -> bool {
        !self.shortfalls.contains(&Shortfall::NoUpdate)
    }
}

/// Why a popup is not before the person. The message says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PopupError {
    /// The desk's programs cannot be reached at all.
    #[error("no popup: there is no session bus ({said}); start Timonel from a desktop session to have popups")]
    NoBus {
        /// What the system said.
        said: String,
    },
    /// No program shows popups.
    #[error(
        "no popup: no program of this desk shows them ({said}); start one, such as dunst, mako or the desktop's own"
    )]
    NoServer {
        /// What the system said.
        said: String,
    },
    /// The program that shows popups does not answer.
    #[error("no popup: the program that shows them has not answered within {limit:?}; start it anew")]
    Silent {
        /// How long it was waited for.
        limit: Duration,
    },
    /// The program that shows popups does not want this one.
    #[error(
        "no popup: the program that shows them refused it ({said}); look whether it is set to hide those of Timonel"
    )]
    Refused {
        /// What it said.
        said: String,
    },
    /// What shows popups in this program has ended.
    #[error("no popup: what shows them in this program has ended; start Timonel again")]
    Ended,
}

impl PopupError {
    /// A stable code: `no-bus`, `no-server`, `silent`, `refused`, `ended`.
    pub fn code(&self) -> &'static str {
        match self {
            PopupError::NoBus { .. } => "no-bus",
            PopupError::NoServer { .. } => "no-server",
            PopupError::Silent { .. } => "silent",
            PopupError::Refused { .. } => "refused",
            PopupError::Ended => "ended",
        }
    }
}

/// What became of a popup. That a desk took it does not prove that anybody saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a popup that is not shown has to be told of elsewhere"]
pub enum Outcome {
    /// The desk took it, with all that it needs.
    Shown,
    /// The desk took it and cannot do this with it.
    Degraded(Shortfall),
    /// It is not before the person.
    Failed(PopupError),
}

/// Why a popup went away without a press on a button.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gone {
    /// A person put it away, or pressed on the popup itself.
    Dismissed,
    /// Its time was over.
    Expired,
    /// The program that showed it has ended: every popup is gone, and nobody has put them away.
    Lost,
}

/// What is heard of a popup that was shown. Nothing is heard of one that was closed by us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// A person pressed a button; the popup is gone.
    Pressed {
        /// Of which popup.
        key: PopupKey,
        /// Which button.
        action: ActionId,
    },
    /// It went away without a press on a button.
    Gone {
        /// Which one.
        key: PopupKey,
        /// Why.
        why: Gone,
    },
}

/// The popups of a desk. What persons press comes through the mailbox that each implementation gives with itself.
#[async_trait]
pub trait Popups: Send + Sync + fmt::Debug {
    /// Shows `popup`, in place of the one that stands under its key.
    async fn show(&self, popup: Popup) -> Outcome;

    /// Takes a popup away. No error where none stands under this key, or the desk cannot.
    async fn close(&self, key: &PopupKey);

    /// Who would show popups now, without showing one.
    async fn capabilities(&self) -> Result<Capabilities, PopupError>;
}
