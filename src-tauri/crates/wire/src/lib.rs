//! What crosses between `bridge` and whatever shows it: a window, a page, a terminal.
//!
//! Plain data with its TypeScript (`ui/src/lib/wire`, generated; `tests/typescript.rs` keeps it). No sentence in any
//! language crosses, only a code and its arguments, and no formatted number: ratios are 0 to 1, weights hundredths of a
//! percent, durations and times milliseconds (times since 1970 in UTC). Deliberately not here: how a picture is made
//! (`bridge::console`), and what is written where (`locales/*`).

mod ask;
mod board;
mod code;
mod credentials;
mod environments;
mod error;
mod evidence;
mod picture;
mod plan;
mod popups;
mod sentence;
mod series;
pub mod told;

pub use ask::{About, Aim, Answer, Ask, HoldName, Order, Question, Receipt, ServerMessage};
pub use board::{Better, BoardRow, Compare, GateRow, GateVerdict, Progress, Reading, RuleStage, SideName, UnitName};
pub use code::{ActionName, Freshness, SeverityName, StageKind};
pub use credentials::{
    Credential, CredentialChange, CredentialCheck, CredentialTest, Effect, KeepName, LastTest, PlaceCondition,
    PlaceName, PlaceState, Typed, Use, Vault, Wanted,
};
pub use environments::{Environments, KnownRollout, PlanFile, PlanFinding, ToOpen};
pub use error::WireError;
pub use evidence::{EvidenceKind, EvidenceRow, Goal, MeanRow, TallyRow};
pub use picture::{
    Acknowledged, Alert, Batch, Checklist, Drill, Emergency, EnvironmentBand, HelmHolder, JournalLine, LookingOn,
    Marks, Members, Operating, Operation, PhaseRow, PhaseState, Picture, RoleName, RolloutHead, Sections, Seen, Source,
    StoreSize, Target, Tenant, Units,
};
pub use plan::{
    AtBest, GoPower, MeasuredShare, MeasuredToday, PhasePower, PlanGate, PlanPhase, PlanSheet, Power, PowerAsk,
    RuleOdds, RulePower, SharePower, Sight,
};
pub use popups::{PopupStanding, PopupsState, PopupsTested};
pub use sentence::{Arg, Sentence};
pub use series::{BandPoint, PictureAsk, PictureFormat, PictureKept, PictureOf, Point, Series};

/// A time as it crosses: milliseconds since 1970-01-01T00:00:00Z.
pub fn millis(at: timonel_domain::time::Timestamp) -> i64 {
    at.micros().div_euclid(1000)
}

/// A duration as it crosses: whole milliseconds.
pub fn duration_millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
