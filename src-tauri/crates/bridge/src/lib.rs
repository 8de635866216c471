//! Composition: builds the engine from a configuration and answers the screen's questions.
//!
//! The only crate that knows every adapter, and the only one that knows the engine. Deliberately not here: windows,
//! terminals, and any decision about a rollout.

pub mod audit;
#[cfg(feature = "desktop")]
pub mod awake;
pub mod backtest;
pub mod berth;
mod calls;
pub mod chart;
pub mod connect;
pub mod console;
pub mod credentials;
pub mod desk;
pub mod doctor;
pub mod headless;
pub mod home;
pub mod operator;
pub mod popups;
pub mod power;
pub mod rehearsal;
mod room;
pub mod summary;
pub mod words;
mod world;

use timonel_engine::EngineError;
use timonel_ports::commands::CommandError;
use timonel_ports::store::StoreError;

pub use berth::{Berth, Moorings};
pub use desk::{Desk, Order};
pub use rehearsal::{Rehearsal, Told};
pub use summary::Summary;
pub use timonel_engine::{Answer, Bulletin, Snapshot};
pub use timonel_simulator::time::Speed;

/// Why a question of the screen could not be answered.
#[derive(Debug, thiserror::Error)]
pub enum BridgeError {
    /// A connection that the plan needs cannot be made.
    #[error("cannot connect {what}: {why}")]
    Connect {
        /// The target or source.
        what: String,
        /// Why, and what to do.
        why: String,
    },
    /// Nobody gave the key of an account. Nothing was asked and nothing was changed.
    #[error("there is no key for account {account}: set {variable} (or {instead}) and say it again")]
    NoKey {
        /// The account, by its name in the plan.
        account: String,
        /// The name under which the plan knows its key.
        credential: String,
        /// The variable that its key is read from.
        variable: String,
        /// The variable that is read where that one is not set.
        instead: &'static str,
    },
    /// The place that may hold the key of an account could not be asked. Nothing was changed.
    #[error("cannot connect account {account}: {why}; or set {variable}")]
    KeyOutOfReach {
        /// The account, by its name in the plan.
        account: String,
        /// The name under which the plan knows its key.
        credential: String,
        /// The variable that its key is read from.
        variable: String,
        /// What the place said, and what to do.
        why: String,
    },
    /// The store does not do what it should.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The engine does not start.
    #[error("{0}")]
    Engine(#[from] EngineError),
    /// A command could not be handed to whoever has the helm.
    #[error("{0}")]
    Command(#[source] CommandError),
    /// What a person says about an order is longer than an entry of the journal.
    #[error("that is too long for the journal: say it in fewer words")]
    TooLong,
    /// Nobody took a command in time. It was withdrawn, and nobody obeys it any more.
    #[error("nobody took it within {} s: it was withdrawn, and will not be done. See who has the helm before saying it again", .waited.as_secs())]
    Unheard {
        /// How long it was waited for.
        waited: std::time::Duration,
    },
    /// Somebody took a command, or may have, and has not said what became of it.
    #[error("it may have been begun, and nobody has said within {} s what became of it: it may yet be done. See who has the helm and what became of it before saying it again", .waited.as_secs())]
    Unsettled {
        /// How long it was waited for.
        waited: std::time::Duration,
    },
    /// The engine ended in the middle of it.
    #[error("the engine ended unexpectedly; start again, and look into the log")]
    Gone,
    /// The simulator's world cannot be built.
    #[error("the simulator does not start: {0}")]
    Simulator(String),
    /// Nothing of that name is there.
    #[error("there is no {what} `{name}`. {advice}")]
    Unknown {
        /// What kind of thing.
        what: &'static str,
        /// The name.
        name: String,
        /// What there is, or what to do.
        advice: String,
    },
    /// A folder cannot be used.
    #[error("cannot use the folder {place}: {why}")]
    Folder {
        /// Which folder.
        place: String,
        /// What the system said.
        why: String,
    },
    /// A plan does not pass its check.
    #[error("the plan cannot be used: {findings}")]
    Unsound {
        /// What is wrong in it, and where.
        findings: String,
    },
    /// The plan that the store keeps is not one that this version understands.
    #[error("the stored plan `{plan}` cannot be read by this version: {why}")]
    Plan {
        /// Which plan.
        plan: String,
        /// What is wrong with it.
        why: String,
    },
}

impl From<timonel_ports::mailbox::Closed> for BridgeError {
    fn from(_: timonel_ports::mailbox::Closed) -> Self {
        BridgeError::Gone
    }
}
