//! The picture of one rollout as the screen shows it, and the batch that carries what changed of it.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::ask::{Aim, HoldName};
use crate::board::{BoardRow, GateRow};
use crate::code::{Freshness, SeverityName, StageKind};
use crate::evidence::EvidenceRow;
use crate::popups::PopupsState;
use crate::sentence::Sentence;

/// Declares the sections once: the picture has all of them, a batch only those that changed.
macro_rules! sections {
    ($($(#[$doc:meta])* $name:ident: $type:ty,)*) => {
        /// Everything that the screen shows of a rollout, at one moment.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
                pub struct Picture {
            /// Rises with every change.
            pub revision: u64,
            /// The moment, on the rollout's clock (the simulator's is not the desk's), in milliseconds since 1970 in UTC.
            pub at: i64,
            $($(#[$doc])* pub $name: $type,)*
        }

        /// The sections of a picture that changed.
        #[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, TS)]
                pub struct Sections {
            $(
                $(#[$doc])*
                #[serde(default, skip_serializing_if = "Option::is_none")]
                #[ts(optional)]
                pub $name: Option<$type>,
            )*
        }

        impl Picture {
            /// All of it, for whoever has nothing yet.
            pub fn whole(&self) -> Batch {
                let sections = Sections { $($name: Some(self.$name.clone()),)* };
                Batch { revision: self.revision, at: self.at, sections }
            }

            /// What makes this picture of an earlier one.
            pub fn since(&self, earlier: &Self) -> Batch {
                let sections = Sections {
                    $($name: (self.$name != earlier.$name).then(|| self.$name.clone()),)*
                };
                Batch { revision: self.revision, at: self.at, sections }
            }

            /// Takes in what changed. The page does the same in TypeScript.
            pub fn apply(&mut self, batch: Batch) {
                self.revision = batch.revision;
                self.at = batch.at;
                $(if let Some(section) = batch.sections.$name { self.$name = section; })*
            }

            /// Whether the sections are the same, whatever the moment.
            pub fn shows_the_same(&self, other: &Self) -> bool {
                $(self.$name == other.$name)&&*
            }
        }
    };
}

sections! {
    /// Where this runs, for the band on top.
    environment: EnvironmentBand,
    /// Where the rollout stands.
    rollout: RolloutHead,
    /// Every source with its freshness.
    sources: Vec<Source>,
    /// Every phase, planned and actual.
    phases: Vec<PhaseRow>,
    /// Every rule.
    board: Vec<BoardRow>,
    /// The gates of the present phase.
    gates: Vec<GateRow>,
    /// What is proved since the phase began, by metric; empty where no phase has begun.
    evidence: Vec<EvidenceRow>,
    /// What keeps the rollout from being raised, as Fluent keys with arguments; empty outside a running rollout.
    blockers: Vec<Sentence>,
    /// Every target.
    targets: Vec<Target>,
    /// Units in progress.
    units: Units,
    /// Newest first, at most 100; those that neither resolved nor were acknowledged are never left out.
    alerts: Vec<Alert>,
    /// The latest 50 lines, newest first.
    journal: Vec<JournalLine>,
    /// The lists of the plan.
    checklists: Vec<Checklist>,
    /// Whose calls can be kept on stable.
    tenants: Vec<Tenant>,
    /// What the emergency control would do.
    emergency: Emergency,
    /// The popups of the desk.
    popups: PopupsState,
}

impl Picture {
    /// What an order is meant for that is given before this picture.
    pub fn aim(&self) -> Aim {
        Aim {
            rollout: self.rollout.id.clone(),
            environment: self.environment.name.clone(),
        }
    }
}

/// What changed since the last batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct Batch {
    /// That of the picture it leads to.
    pub revision: u64,
    /// The moment of that picture.
    pub at: i64,
    /// Only the sections that changed; in the first one all.
    pub sections: Sections,
}

/// Where a rollout runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct EnvironmentBand {
    /// As the plan names it.
    pub name: String,
    /// Whether nothing of it is real.
    pub simulated: bool,
    /// How many of the rollout's seconds go by in one of the desk's; `null` where it does not keep to any.
    pub speed: Option<f64>,
    /// What is rehearsed, as the scenario's file names it.
    pub scenario: Option<String>,
    /// Why entries of the journal wait, where the store does not take them.
    pub store_fault: Option<String>,
    /// Steps that happened and are not in the store yet.
    pub unwritten: u64,
    /// How large the store is; `null` before anybody looked, and of a world that is not real.
    pub store: Option<StoreSize>,
    /// How it is seen from a console that only looks on, over a shared store; `null` where this program watches by itself.
    pub looking_on: Option<LookingOn>,
}

/// How large a store is and what room is left for it, in words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct StoreSize {
    /// All of it, and what is left of its disk.
    pub size: Sentence,
    /// What of it is what.
    pub parts: Sentence,
    /// What to do, where little is left.
    pub warning: Option<Sentence>,
}

/// How a rollout is seen from a console that only looks on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct LookingOn {
    /// When the shared store last said how the rollout stands, to the second; signals are read here and have a time of their own.
    pub read_at: i64,
    /// Whether the store does not say so any more: what is shown of the rollout is how it was then.
    pub lost: bool,
    /// Whether nobody had the helm when that was last heard: then nobody judges the signals and nobody raises or puts back.
    pub unled: bool,
    /// Whether it is put back from here and without the store; then what is shown of targets is that.
    pub from_kit: bool,
}

/// Where a rollout stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct RolloutHead {
    /// Its id.
    pub id: String,
    /// The id of its plan: what people call what is being moved.
    pub plan: String,
    /// The plan's name.
    pub name: String,
    /// Where it is in its life.
    pub stage: StageKind,
    /// The id of its phase, while it has one.
    pub phase: Option<String>,
    /// Whether it is running and something holds it.
    pub frozen: bool,
    /// What holds it.
    pub holds: Vec<HoldName>,
    /// Since when it is in this stage.
    pub since: i64,
    /// Since when nothing advances until a person resets it.
    pub latched: Option<i64>,
    /// Why it was put back last, where it was and has not been reset.
    pub cause: Option<Sentence>,
    /// Where it stands, in one sentence.
    pub sentence: Sentence,
    /// The orders that would be taken now, by their `order`.
    pub may: Vec<String>,
    /// Persons who approved leaving the present phase.
    pub approvals: Vec<String>,
    /// Who holds the helm; `null` where nobody is known to.
    pub helm: Option<HelmHolder>,
}

/// Who may raise weights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct HelmHolder {
    /// The name of its chain in the journal: of a program on a machine.
    pub by: String,
    /// Since when, by the clock of whoever keeps the helm.
    pub since: i64,
    /// Whether that is the engine whose picture this is.
    pub here: bool,
}

/// A source of metrics.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Source {
    /// As the plan names it.
    pub name: String,
    /// Which adapter reads it: `prometheus`, `scrape`, `telnyx`.
    pub kind: String,
    /// How often it is read.
    pub interval_ms: u64,
    /// How far its slowest signal is behind by nature.
    pub lag_ms: u64,
    /// The moment of its newest data.
    pub newest_at: Option<i64>,
    /// That of its least fresh required signal.
    pub freshness: Freshness,
    /// Sides of signals that are not live, of all that it delivers.
    pub not_live: u32,
    /// All sides of signals that it delivers.
    pub all: u32,
}

/// Where a phase stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum PhaseState {
    /// Not entered.
    Ahead,
    /// The present one.
    Present,
    /// Left for the next one.
    Passed,
    /// Put back from.
    RolledBack,
}

/// A phase, planned and actual.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct PhaseRow {
    /// Its id in the plan.
    pub id: String,
    /// For people.
    pub name: String,
    /// In hundredths of a percent.
    pub weight: u16,
    /// Least watched, unfrozen time.
    pub bake_ms: u64,
    /// How much of it has been served; as much as was when it was left.
    pub baked_ms: u64,
    /// As the plan says.
    pub planned_start: Option<i64>,
    /// When it was begun.
    pub entered_at: Option<i64>,
    /// When it was left, up or down.
    pub left_at: Option<i64>,
    /// Where it stands.
    pub state: PhaseState,
    /// Persons who must approve leaving it.
    pub approvals: u8,
    /// The list that must be signed before it.
    pub checklist: Option<String>,
}

/// What a target is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
pub enum RoleName {
    /// Divides the traffic.
    Splitter,
    /// Opens before the splitter and closes after it.
    Follower,
}

/// New units that traffic showed lately.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Seen {
    /// On the canary.
    pub canary: u64,
    /// On either side.
    pub all: u64,
    /// Over this long.
    pub over_ms: u64,
}

/// A target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct Target {
    /// Its id in the plan.
    pub id: String,
    /// Which adapter reaches it, such as `telnyx.number-share`.
    pub kind: String,
    /// Where it is.
    pub place: Sentence,
    /// What it is for.
    pub role: RoleName,
    /// What it was last asked for, in hundredths of a percent.
    pub requested: Option<u16>,
    /// What it accepted of it.
    pub accepted: Option<u16>,
    /// What it said last when it was read.
    pub read: Option<u16>,
    /// What traffic itself shows; only where it can be seen.
    pub observed: Option<u16>,
    /// The new units that traffic showed, where it can be seen and any were; few of them show no weight.
    pub seen: Option<Seen>,
    /// How many of a set are on the canary, where it holds one.
    pub members: Option<Members>,
    /// Since when its instant lever is pulled.
    pub levered: Option<i64>,
    /// What is under way.
    pub op: Option<Operation>,
    /// Since when it does not answer.
    pub silent: Option<i64>,
    /// What somebody else moved it to.
    pub drift: Option<u16>,
    /// The four marks of its last lowering.
    pub marks: Marks,
    /// The commands that a person can paste while it does not confirm.
    pub manual: Vec<String>,
}

/// How many of a set are on the canary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Members {
    /// On the canary.
    pub canary: u32,
    /// In all.
    pub all: u32,
}

/// Why a target is being moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each is the domain operation of the same name")]
pub enum Operating {
    Raise,
    Rollback,
    PutBack,
    Correction,
    Pin,
}

/// What is under way at a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Operation {
    /// Why.
    pub kind: Operating,
    /// The weight to reach.
    pub to: u16,
    /// Since when.
    pub since: i64,
    /// How often it failed.
    pub failures: u32,
    /// Whether a person was called.
    pub escalated: bool,
}

/// The four marks of a lowering, each a moment or `null`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
pub struct Marks {
    /// When the rollback was decided; the seconds of the others count from here.
    pub decided: Option<i64>,
    /// The control plane accepted it.
    pub accepted: Option<i64>,
    /// It was read back.
    pub read_back: Option<i64>,
    /// Enough new units were seen, all on stable.
    pub seen: Option<i64>,
    /// No unit is left on the canary.
    pub drained: Option<i64>,
    /// New units on the canary since the acceptance: there should be none.
    pub contrary: u64,
    /// Whether traffic can show marks three and four for this target at all.
    pub seeable: bool,
}

/// Units in progress by arm; `null` where nothing fresh says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Units {
    /// On stable.
    pub stable: Option<u64>,
    /// On the canary.
    pub canary: Option<u64>,
}

/// Something that people were told and may have to act on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct Alert {
    /// The same in every batch.
    pub id: String,
    /// How loud it is.
    pub severity: SeverityName,
    /// What it says.
    pub sentence: Sentence,
    /// Since when.
    pub since: i64,
    /// When it was over by itself; `null` where it is not, or is nothing that ends.
    pub resolved_at: Option<i64>,
    /// Who has seen it.
    pub acknowledged: Option<Acknowledged>,
}

/// Who has seen an alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Acknowledged {
    /// Who.
    pub by: String,
    /// When.
    pub at: i64,
    /// What they said about it; may be empty.
    pub comment: String,
}

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct JournalLine {
    /// The number of its entry; lines of one entry share it.
    pub seq: u64,
    /// When.
    pub at: i64,
    /// How loud it is.
    pub severity: SeverityName,
    /// What it says.
    pub sentence: Sentence,
}

/// A list that people sign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Checklist {
    /// Its id in the plan.
    pub id: String,
    /// What is checked, in the plan's own words.
    pub items: Vec<String>,
    /// Who signed it.
    pub signed_by: Option<String>,
}

/// Whose calls can be kept on stable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Tenant {
    /// Its id in the plan.
    pub id: String,
    /// For people.
    pub name: String,
    /// How many numbers it has.
    pub numbers: u32,
    /// Whether it stays on stable now.
    pub pinned: bool,
}

/// What the emergency control would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Emergency {
    /// Which rollout.
    pub rollout: String,
    /// The id of its plan: what people call what is being moved.
    pub plan: String,
    /// Whether a press is taken now.
    pub possible: bool,
    /// Whether it needs a second press, since the stable side may be gone.
    pub confirm: bool,
    /// From this weight of the splitter; hundredths of a percent.
    pub from: u16,
    /// To this one.
    pub to: u16,
    /// At these targets.
    pub targets: Vec<String>,
    /// When it was drilled last, and how long that took.
    pub last_drill: Option<Drill>,
    /// Targets whose last lowering is verified, while a rollback is not reset.
    pub verified: Option<u32>,
}

/// A drill that ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Drill {
    /// When it ended.
    pub at: i64,
    /// From the press to the last read-back.
    pub took_ms: u64,
}
