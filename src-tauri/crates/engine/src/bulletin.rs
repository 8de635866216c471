//! What the engine tells whoever watches it: each step as it happened, and the whole picture when asked.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use timonel_domain::board::{Freshness, GateSight, RuleSight};
use timonel_domain::evidence::EvidenceSight;
use timonel_domain::plan::Plan;
use timonel_domain::rollout::{Effect, Event, State};
use timonel_domain::time::Timestamp;
use timonel_domain::value::{Person, RolloutId, Side, SignalId, TargetId};
use timonel_ports::commands::CommandId;
use timonel_ports::target::ManualCommand;

use crate::helm::Standing;
use crate::traffic::Observed;

/// One thing that happened to a rollout, in the order of its journal.
#[derive(Debug, Clone)]
pub struct Bulletin {
    /// Which rollout.
    pub rollout: RolloutId,
    /// When.
    pub at: Timestamp,
    /// Its number in the journal of this engine.
    pub seq: u64,
    /// What happened.
    pub event: Event,
    /// What followed.
    pub effects: Vec<Effect>,
    /// The state after it.
    pub state: Arc<State>,
    /// The command that it obeys.
    pub command: Option<CommandId>,
    /// What a person can paste where a target does not confirm; one for each [`Effect::ShowManual`].
    pub manual: Vec<Manual>,
}

/// The commands by which a person does what a target does not confirm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manual {
    /// Which target.
    pub target: TargetId,
    /// Any of them does it; they name the variables that hold secrets.
    pub commands: Vec<ManualCommand>,
}

/// The whole picture at one moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Which rollout.
    pub rollout: RolloutId,
    /// Its plan.
    pub plan: Arc<Plan>,
    /// When.
    pub at: Timestamp,
    /// Its state.
    pub state: Arc<State>,
    /// How fresh each side of each signal is.
    pub freshness: BTreeMap<(SignalId, Side), Freshness>,
    /// The moment that the newest value of each side of each signal is true for; absent where none was seen.
    pub newest: BTreeMap<(SignalId, Side), Timestamp>,
    /// Every rule with what it sees, in the plan's order.
    pub rules: Vec<RuleSight>,
    /// The gates that are asked for now and look at values, with what they see.
    pub gates: Vec<GateSight>,
    /// What is proved since the phase began.
    pub evidence: Vec<EvidenceSight>,
    /// Units in progress by side; absent where nothing fresh says so.
    pub active: BTreeMap<Side, u64>,
    /// Who has seen which alert, by the alert's id.
    pub acknowledged: BTreeMap<String, Acknowledgement>,
    /// What traffic itself shows, over the last readings; `None` where nothing recent is known.
    pub observed: Option<Observed>,
    /// The number of the last entry in this engine's chain of the journal.
    pub entries: u64,
    /// Steps that happened and are not in the store yet.
    pub unwritten: u64,
    /// Why the store does not take entries, where it does not.
    pub store_fault: Option<String>,
    /// Who holds the helm, and whether that is this engine.
    pub helm: Standing,
    /// How it is seen by one who only looks on; `None` where an engine shows itself.
    pub looking_on: Option<LookingOn>,
}

/// How a rollout is seen by one who only looks on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookingOn {
    /// When the store last said how it stands.
    pub read_at: Timestamp,
    /// Why the store does not say so any more; `None` while it does.
    pub lost: Option<String>,
    /// Whether nobody had the helm when that was last heard: then nobody judges the signals and nobody raises or puts back.
    pub unled: bool,
}

/// A person has seen an alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    /// Its number in the journal of the engine that took it.
    pub seq: u64,
    /// Who.
    pub by: Person,
    /// When.
    pub at: Timestamp,
    /// What they said about it; may be empty.
    pub comment: String,
}
