//! The evidence as a person sees it, and the numbers for the record.

use std::collections::BTreeSet;

use super::link::{Asks, Of};
use super::{ALPHA_ALERT, Evidence, Kept, Outcome, Proof, Strength, has_consequences, puts_back};
use crate::plan::{Plan, Rule};
use crate::value::{Side, SignalId};

/// The evidence of one metric as a person sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct EvidenceSight {
    /// The numbers.
    pub proof: Proof,
    /// From this strength of R the rollout is frozen.
    pub alert: Strength,
    /// From this everything is put back; `None` where no rule of the metric may.
    pub rollback: Option<Strength>,
    /// What the present phase asks of the metric.
    pub goal: Option<Goal>,
}

/// What a gate asks for, and how far that is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Goal {
    /// What the upper bound must stay below: a share of bad units between 0 and 1, or a value in the metric's unit.
    pub limit: f64,
    /// Whether `limit` is a share of bad units.
    pub is_share: bool,
    /// What the bound says.
    pub kept: Kept,
}

impl Evidence {
    /// The numbers behind everything, for the record and the screen: one for each metric and outcome, by signal.
    pub fn proofs(&self) -> Vec<Proof> {
        let units = self.streams.keys().map(|(signal, _)| signal);
        let signals: BTreeSet<_> = units
            .chain(self.occurred.keys())
            .chain(self.observations.keys())
            .collect();
        signals.into_iter().flat_map(|signal| self.proofs_of(signal)).collect()
    }

    /// The proofs of one signal.
    pub fn proofs_of(&self, signal: &SignalId) -> Vec<Proof> {
        let bare = |outcome| Proof {
            signal: signal.clone(),
            outcome,
            stable: Default::default(),
            canary: Default::default(),
            against_stable: None,
            observational: self.observational,
            against_history: None,
            edge: None,
            share: None,
            means: None,
        };
        let streams = self.streams.range((signal.clone(), Outcome::FIRST)..);
        let of_it = streams.take_while(|((of, _), _)| of == signal);
        let units = of_it.map(|((_, outcome), stream)| Proof {
            stable: stream.stable(),
            canary: stream.canary(),
            against_stable: stream.both().then(|| self.weakened(stream.r())),
            against_history: stream.history_o().filter(|_| self.is_whole()).map(|(now, _)| now),
            edge: stream.edge(),
            ..bare(*outcome)
        });
        let occurred = self.occurred.get(signal).map(|occurred| Proof {
            stable: occurred.tally(Side::Stable),
            canary: occurred.tally(Side::Canary),
            against_stable: Some(self.weakened(occurred.strength())),
            share: occurred.share(),
            ..bare(Outcome::Occurred)
        });
        let means = self.observations.get(signal).map(|observations| {
            let (stable, canary) = observations.units();
            Proof {
                stable,
                canary,
                means: observations.means(),
                ..bare(Outcome::Mean)
            }
        });
        units.chain(occurred).chain(means).collect()
    }

    /// What a person sees of it while `phase` is on: of every metric that a rule with consequences, or a gate, looks at.
    pub fn sights(&self, plan: &Plan, phase: Option<usize>) -> Vec<EvidenceSight> {
        if self.epoch.is_none() {
            return Vec::new();
        }
        let phase = phase.and_then(|phase| plan.phases.get(phase));
        let gates = phase.map(|phase| phase.gates.as_slice()).unwrap_or_default();
        let looked_at = |of: &Of, by: &dyn Fn(&Rule) -> bool| {
            let links = plan.rules.iter().filter(|rule| by(rule));
            links
                .filter_map(|rule| self.rules.get(&rule.id))
                .any(|link| link.all().any(|looked_at| looked_at == of))
        };
        // Of what only a gate looks at nothing follows; a person sees it by the whole budget.
        let alone = Strength::of_alpha(ALPHA_ALERT);
        let sight = |proof: Proof| {
            let of = (proof.signal.clone(), proof.outcome);
            let goal = gates.iter().find_map(|gate| {
                let link = self.gates.get(&gate.id).filter(|link| link.of == of)?;
                let (limit, kept) = self.asked(link)?;
                let is_share = match link.asks {
                    Asks::Share(_) | Asks::ShareOfStable(_) => true,
                    Asks::Mean(_) | Asks::MeanOfStable(_) | Asks::QuantileOfStable(..) => false,
                };
                Some(Goal { limit, is_share, kept })
            });
            let matters = looked_at(&of, &has_consequences) || goal.is_some();
            matters.then(|| EvidenceSight {
                alert: self.alert.get(&of.0).copied().unwrap_or(alone),
                rollback: self.rollback.get(&of.0).copied().filter(|_| looked_at(&of, &puts_back)),
                goal,
                proof,
            })
        };
        self.proofs().into_iter().filter_map(sight).collect()
    }
}
