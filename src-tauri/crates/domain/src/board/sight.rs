//! What the board sees at one moment, for whoever shows it: every rule and every gate of a phase with its values.
//!
//! Nothing here advances a rule or decides anything; it answers the same questions that [`Board::assess`] asks.

use std::collections::BTreeMap;

use super::{Board, Freshness, Verdict};
use crate::evidence::Kept;
use crate::plan::{Gate, Question};
use crate::rule::RuleState;
use crate::time::Timestamp;
use crate::value::{GateId, Quantity, RuleId, Side};
use crate::window::Answer;

/// One side over a rule's window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SideSight {
    /// The value and the units behind it.
    pub answer: Answer,
    /// How fresh its newest sample is.
    pub freshness: Freshness,
}

/// A rule with what it sees.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RuleSight {
    /// Which.
    pub rule: RuleId,
    /// Where it stands.
    pub state: RuleState,
    /// Every side that its signal delivers, over the rule's own window.
    pub sides: BTreeMap<Side, SideSight>,
}

/// A gate that looks at values, with what it sees.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GateSight {
    /// Which.
    pub gate: GateId,
    /// What it says.
    pub verdict: Verdict,
    /// The value that it looks at.
    pub answer: Answer,
    /// What that is held against: the limit itself, or what stable has now with the margin; `None` where stable has none.
    pub limit: Option<Quantity>,
    /// What its bound says, where one belongs to it.
    pub kept: Option<Kept>,
}

impl Board {
    /// Every rule of the plan in its order, with what each side shows over the rule's window at `now`.
    pub fn rules_seen(&self, now: Timestamp) -> Vec<RuleSight> {
        let rules = self.plan.rules.iter().zip(&self.rows.rules);
        let seen = rules.map(|(rule, row)| {
            let signal = self.plan.signal(&rule.question.signal);
            let sides = signal.map(|s| s.sides.as_slice()).unwrap_or_default().iter();
            let sides = sides.map(|side| {
                let question = Question {
                    side: *side,
                    ..rule.question.clone()
                };
                let sight = SideSight {
                    answer: self.answer(&question, now),
                    freshness: self.freshness(&question.signal, *side, now),
                };
                (*side, sight)
            });
            RuleSight {
                rule: rule.id.clone(),
                state: row.state.clone(),
                sides: sides.collect(),
            }
        });
        seen.collect()
    }

    /// The gates of `phase` that look at values, in its order; gates that wait for time are the rollout's to tell.
    pub fn gates_seen(&self, phase: usize, now: Timestamp) -> Vec<GateSight> {
        let gates = self
            .plan
            .phases
            .get(phase)
            .map(|p| p.gates.as_slice())
            .unwrap_or_default();
        gates.iter().filter_map(|gate| self.gate_seen(gate, now)).collect()
    }

    fn gate_seen(&self, gate: &Gate, now: Timestamp) -> Option<GateSight> {
        let (verdict, answer, limit) = self.weigh(gate, now)?;
        Some(GateSight {
            gate: gate.id.clone(),
            verdict,
            answer,
            limit,
            kept: self.evidence.keeps(&gate.id),
        })
    }
}
