//! What the samples say at one moment: the board's answer, and what the rollout's step decides by.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use timonel_judge::Strength;

use crate::evidence::{Proof, Skew, Worse};
use crate::plan::EvidenceMode;
use crate::time::Timestamp;
use crate::value::{GateId, Quantity, RuleId, Side, SignalId};

/// What the samples say at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Assessment {
    /// Rules that fire.
    pub firing: BTreeMap<RuleId, Firing>,
    /// Gates of the present phase that look at values.
    pub gates: BTreeMap<GateId, Verdict>,
    /// Required signals that are lost.
    pub lost: BTreeSet<(SignalId, Side)>,
    /// Metrics on which the canary is worse than stable beyond the phase's budget of false alarms.
    pub worse: BTreeMap<SignalId, Worse>,
    /// Rules whose limit the canary breaks beyond doubt, as stable does too: going back does not cure it.
    pub common: BTreeSet<RuleId>,
    /// Units go to stable and none to the canary, long enough that some should have.
    pub unrouted: bool,
    /// Units provably do not fall to the arms as the weight says.
    pub skew: Option<Skew>,
    /// The numbers behind it, of rules and gates that are not plainly well. Not part of [`Assessment::says_the_same`].
    pub findings: Vec<Finding>,
    /// The numbers behind the evidence. Not part of [`Assessment::says_the_same`] either.
    pub proofs: Vec<Proof>,
}

impl Assessment {
    /// Whether another assessment leads to the same decisions.
    pub fn says_the_same(&self, other: &Self) -> bool {
        let same = |(a, b): ((&RuleId, &Firing), (&RuleId, &Firing))| a == b || (a.0 == b.0 && a.1.says_the_same(b.1));
        self.firing.len() == other.firing.len()
            && self.firing.iter().zip(&other.firing).all(same)
            && self.gates == other.gates
            && self.lost == other.lost
            && self.worse == other.worse
            && self.common == other.common
            && self.unrouted == other.unrouted
            && self.skew.is_some() == other.skew.is_some()
    }
}

/// A rule that fires.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Firing {
    /// When the breach that led here began.
    pub breach: Timestamp,
    /// Since when it fires.
    pub since: Timestamp,
    /// Whether missing data, not a value, made it fire.
    pub blind: bool,
    /// Evidence of the rule's own metric; `None` where none belongs to it, and the rule acts literally.
    pub evidence: Option<Strength>,
}

impl Firing {
    /// Evidence grows with every unit; another decision follows only where it passes what a mode asks for.
    fn says_the_same(&self, other: &Self) -> bool {
        let passed = |firing: &Self| {
            let modes = [EvidenceMode::Literal, EvidenceMode::Fast, EvidenceMode::Gated];
            modes.map(|mode| firing.evidence.is_some_and(|evidence| mode.is_enough(evidence)))
        };
        let bare = |firing: &Self| (firing.breach, firing.since, firing.blind, firing.evidence.is_some());
        bare(self) == bare(other) && passed(self) == passed(other)
    }
}

/// What a gate says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Verdict {
    /// Go on.
    Go,
    /// Not to be gone on with.
    NoGo,
    /// Between the limits, or not long enough.
    Hold,
    /// There are no data to say.
    NoEvidence,
}

/// A number and its limit, for the record and the screen.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Finding {
    /// The rule or gate, by its id.
    pub of: String,
    /// The value, where there is one.
    pub value: Option<Quantity>,
    /// Units behind it.
    pub units: u64,
    /// The limit it was held against.
    pub limit: Quantity,
}
