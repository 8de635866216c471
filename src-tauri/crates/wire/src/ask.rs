//! What a window asks and orders, and the envelope in which it travels over a socket.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::credentials::{CredentialChange, CredentialTest, KeepName, Typed, Vault};
use crate::environments::{Environments, PlanFile, ToOpen};
use crate::error::WireError;
use crate::picture::{Batch, Picture};
use crate::plan::{PlanSheet, Power, PowerAsk};
use crate::series::{PictureAsk, PictureKept, Series};

/// What a person orders. Who it is and from which window is not said here: the host knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "order", rename_all = "kebab-case")]
pub enum Order {
    /// Check everything and arm.
    Arm,
    /// Start the first phase.
    Start,
    /// Sign one checklist.
    Sign {
        /// Which.
        checklist: String,
    },
    /// Sign all that is not signed.
    SignAll,
    /// Approve leaving the present phase.
    Approve,
    /// Freeze.
    Freeze {
        /// Why.
        reason: String,
    },
    /// Clear a hold.
    Release {
        /// Which.
        hold: HoldName,
        /// Why.
        reason: String,
    },
    /// Put everything back: one press.
    RollBack {
        /// A second press, where the stable side is no longer kept.
        #[serde(default)]
        confirmed: bool,
    },
    /// Reset the latch.
    Reset {
        /// Why.
        reason: String,
    },
    /// Keep a tenant on stable.
    Pin {
        /// Whose calls.
        tenant: String,
        /// Why.
        reason: String,
    },
    /// Let a pinned tenant take part again.
    Unpin {
        /// Whose calls.
        tenant: String,
        /// Why.
        reason: String,
    },
    /// Drill the rollback, at 0 %.
    Drill,
    /// Close a rollout that is over, or that nobody began.
    Close,
}

/// Which rollout an order is meant for: the one that the person had before them when they gave it. Another may have been opened
/// meanwhile, and an order for the one must never do anything to the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Aim {
    /// The rollout's id. All rollouts of the simulator have the same one.
    pub rollout: String,
    /// The environment's name, as the band on top has it.
    pub environment: String,
}

/// What holds a rollout.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS)]
#[serde(tag = "hold", rename_all = "kebab-case")]
pub enum HoldName {
    /// A person froze it, or a reduction waits for one.
    Operator,
    /// An alert did.
    Alert,
    /// Somebody lowered this target.
    Drift {
        /// Which.
        target: String,
    },
    /// A shift failed at this target.
    Shift {
        /// Which.
        target: String,
    },
    /// Nobody watched for a while; clears by itself.
    Gap,
    /// The helm is not ours; clears by itself.
    HelmLost,
    /// Signals are lost; clears by itself.
    NoEvidence,
}

/// What became of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum Receipt {
    /// It is in force; what follows shows in the picture.
    Taken,
    /// It was handed over, and nothing was heard of it within the time of an answer: either it changes nothing, or it is
    /// still being checked.
    Handed,
}

/// What the program says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct About {
    /// The program's version, such as `0.1.0`.
    pub version: String,
    /// The desktop's languages as BCP 47 tags, the preferred first; may be empty.
    pub languages: Vec<String>,
    /// Whether orders, acknowledgements and credentials are refused here.
    pub read_only: bool,
}

/// What a page asks over a socket. The answer bears the same number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct Ask {
    /// Chosen by the page.
    pub id: u64,
    /// What.
    pub ask: Question,
}

/// The questions, one for each command of the window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "ask", rename_all = "kebab-case")]
pub enum Question {
    /// Who is speaking.
    About,
    /// Everything now.
    Picture,
    /// Batches from now on; the first is everything.
    Watch,
    /// Nobody looks: no batches until somebody does.
    Hidden {
        /// Whether the page is hidden.
        hidden: bool,
    },
    /// A person orders.
    Order {
        /// For which rollout.
        aim: Aim,
        /// What.
        order: Order,
    },
    /// A person has seen an alert.
    Acknowledge {
        /// Of which rollout.
        aim: Aim,
        /// Which.
        alert: String,
        /// What they say about it; may be empty.
        comment: String,
    },
    /// The lines of a chart.
    Series {
        /// Of what this rule of the board looks at.
        rule: String,
        /// How many pixel columns the chart has.
        width_px: u32,
        /// First moment.
        from: i64,
        /// Last moment.
        to: i64,
    },
    /// A picture to be kept or sent.
    PictureFile {
        /// Which, and how it looks.
        picture: PictureAsk,
    },
    /// What can be opened, and what is.
    Environments,
    /// What there is to know of a plan file before it is opened.
    PlanFile {
        /// The file: a whole path, or one from the person's own folder on (`~/…`).
        path: String,
    },
    /// The plan of what is open, as it is written.
    Plan,
    /// What that plan can show, with so much traffic.
    Power {
        /// How much.
        today: PowerAsk,
    },
    /// A person opens something else.
    Open {
        /// What.
        open: ToOpen,
    },
    /// Places and credentials, without a secret. May make a keychain ask a person to unlock it.
    Credentials,
    /// A person has a credential kept, in place of what was kept there under its name.
    CredentialPut {
        /// Its name, as plans write it.
        name: String,
        /// Where.
        keep: KeepName,
        /// The secret: the only one that ever crosses, and only this way.
        #[ts(type = "string")]
        secret: Typed,
    },
    /// A person tries the credential in force at its provider. Writes nothing there.
    CredentialTest {
        /// Its name.
        name: String,
    },
    /// A person takes a credential away.
    CredentialDelete {
        /// Its name.
        name: String,
        /// From where.
        keep: KeepName,
    },
    /// A test popup, whose button a person has to press: only that proves that popups are seen.
    PopupTest,
}

/// What a page hears over a socket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum ServerMessage {
    /// The answer to a question.
    Answer {
        /// The number of the question.
        id: u64,
        /// What.
        answer: Box<Answer>,
    },
    /// Why a question is not answered.
    Refused {
        /// The number of the question.
        id: u64,
        /// Why.
        error: WireError,
    },
    /// What changed.
    Batch {
        /// Only the sections that did.
        batch: Box<Batch>,
    },
}

/// The answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", content = "value", rename_all = "kebab-case")]
pub enum Answer {
    /// To [`Question::About`].
    About(About),
    /// To [`Question::Picture`].
    Picture(Box<Picture>),
    /// To what has no other answer than that it was done.
    Done,
    /// To [`Question::Order`].
    Receipt(Receipt),
    /// To [`Question::Series`].
    Series(Vec<Series>),
    /// To [`Question::PictureFile`].
    PictureFile(PictureKept),
    /// To [`Question::Environments`].
    Environments(Environments),
    /// To [`Question::PlanFile`].
    PlanFile(PlanFile),
    /// To [`Question::Plan`].
    Plan(PlanSheet),
    /// To [`Question::Power`].
    Power(Power),
    /// To [`Question::Credentials`].
    Vault(Vault),
    /// To [`Question::CredentialPut`] and [`Question::CredentialDelete`].
    CredentialChange(CredentialChange),
    /// To [`Question::CredentialTest`].
    CredentialTest(CredentialTest),
}
