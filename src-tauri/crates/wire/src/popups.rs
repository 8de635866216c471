//! How the popups of the person's desk stand: a second way in which people are told, and never the only one.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::sentence::Sentence;

/// What is known of the popups of a desk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum PopupStanding {
    /// Whoever shows this has none: a page in a browser, a terminal.
    #[default]
    None,
    /// Nobody has confirmed yet that they are seen.
    Untested,
    /// A person pressed the button of a test popup, and nothing has failed since.
    Working,
    /// They are shown, and the desk cannot do everything with them.
    Degraded,
    /// They are not shown.
    Failed,
}

/// The popups of a desk.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, TS)]
pub struct PopupsState {
    /// What is known of them.
    pub standing: PopupStanding,
    /// What is wrong or missing, and what to do; only where they are degraded or failed.
    pub why: Option<Sentence>,
    /// The program that shows them, as it names itself.
    pub server: Option<String>,
    /// Whether a test popup stands and waits for a press.
    pub waiting: bool,
    /// The last test that a person confirmed.
    pub tested: Option<PopupsTested>,
    /// Why an alert was not acknowledged that a person acknowledged in a popup; until one is.
    pub refused: Option<Sentence>,
}

/// A test that a person confirmed by pressing the button of the popup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct PopupsTested {
    /// When, on the desk's own clock (the simulator's is another): milliseconds since 1970 in UTC.
    pub at: i64,
    /// Who sits at the desk.
    pub by: String,
}
