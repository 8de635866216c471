//! What the chain of a rollback kit says beside steps, and what a merge of it says in the journal.

use serde::{Deserialize, Serialize};
use timonel_domain::rollout::Generation;
use timonel_domain::time::Timestamp;
use timonel_domain::value::{Person, PlanId, Writer};

use super::CauseRecord;
use crate::entry::Hash;

/// The kind of entries that hold a [`KitRecord`]: the first of every chain of a kit, and one more for each press after it.
/// Steps of the same writer are what was done from that kit. They tell a rollout's own past nothing but by a [`MERGED`] entry.
pub const KIT: &str = "kit";

/// The body of an entry of kind [`KIT`]: a person puts everything back from a kit, because the store is away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KitRecord {
    /// Who.
    pub by: Person,
    /// Of which plan.
    pub plan: PlanId,
    /// The revision that the kit knows.
    pub plan_revision: u32,
    /// SHA-256 of that plan's text.
    pub plan_hash: Hash,
    /// In which environment of it.
    pub environment: String,
    /// The generation that the kit knows.
    pub generation: Generation,
    /// When it was last brought up to date.
    pub refreshed_at: Timestamp,
}

/// The kind of entries that hold a [`MergedRecord`].
pub const MERGED: &str = "merged";

/// The body of an entry of kind [`MERGED`]: a kit's chain was appended to the journal, unchanged, beside this entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MergedRecord {
    /// Whose chain.
    pub kit: Writer,
    /// The number of its last entry.
    pub seq: u64,
    /// The hash of its last entry.
    pub hash: Hash,
    /// How many entries this merge added.
    pub entries: u64,
    /// The revision of the plan that was put back.
    pub plan_revision: u32,
    /// The generation that the kit knew: what was reset later is not rolled back again by it.
    pub generation: Generation,
    /// The rollback that it tells of; `None` where none was accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback: Option<KitRollback>,
}

/// A rollback from a kit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KitRollback {
    /// Who or what wanted it.
    pub cause: CauseRecord,
    /// When it was decided.
    pub at: Timestamp,
}
