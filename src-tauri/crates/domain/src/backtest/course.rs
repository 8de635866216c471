//! One reading of the plan: its board, and the step that is asked what follows from it.

use std::collections::BTreeMap;

use super::Standing;
use super::report::{Consequence, Number, RuleTally};
use crate::board::{Assessment, Board, GateSight, Outlook};
use crate::evidence::{Epoch, Proof};
use crate::plan::{Gate, Plan};
use crate::rollout::{Cause, Effect, Event, Hold, Level, Notice, Stage, State, step};
use crate::sample::Sample;
use crate::time::Timestamp;
use crate::value::RuleId;

#[derive(Debug)]
pub(super) struct Course {
    plan: Plan,
    board: Board,
    /// The rollout at its weight, with nothing under way. Every look begins with it.
    at_weight: State,
    outlook: Outlook,
    since: Timestamp,
    last: Assessment,
    tallies: BTreeMap<RuleId, RuleTally>,
}

/// What the step answered.
#[derive(Debug)]
pub(super) struct Happened {
    pub(super) notices: Vec<Notice>,
    pub(super) consequence: Consequence,
    pub(super) numbers: Vec<Number>,
}

impl Course {
    pub(super) fn new(plan: Plan, standing: Standing, from: Timestamp) -> Self {
        let rules = plan.rules.iter().map(|rule| (rule.id.clone(), RuleTally::default()));
        let mut course = Self {
            board: Board::new(&plan),
            at_weight: State::new(&plan),
            outlook: Outlook {
                canary_since: Some(from),
                watching_since: from,
                ..Outlook::default()
            },
            since: from,
            last: Assessment::default(),
            tallies: rules.collect(),
            plan,
        };
        course.stands(standing, from);
        course
    }

    pub(super) fn stands(&mut self, standing: Standing, since: Timestamp) {
        let epoch = Some(Epoch::new(since, standing.weight));
        (self.since, self.outlook.phase, self.outlook.epoch) = (since, standing.phase, epoch);
        let mut state = State::new(&self.plan);
        state.stage = Stage::Baking {
            phase: standing.phase.unwrap_or_default(),
        };
        // Nobody presses here: the phase is neither left nor ended by itself.
        state.holds.insert(Hold::Operator);
        (state.helm, state.assessed) = (true, true);
        (state.settled, state.epoch) = (standing.weight, epoch);
        state.canary_since = self.outlook.canary_since;
        for target in &self.plan.targets {
            let goal = Some(self.plan.goal(target, standing.weight));
            if let Some(known) = state.targets.get_mut(&target.id) {
                (known.asked, known.accepted, known.read) = (goal, goal, goal);
            }
        }
        self.at_weight = state;
    }

    /// When a rule in the making will have lasted.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.board.next_due()
    }

    pub(super) fn observe(&mut self, sample: &Sample) {
        self.board.observe(sample.clone());
    }

    /// Assesses, and asks what follows where it says something else than before.
    pub(super) fn look(&mut self, now: Timestamp) -> Option<Happened> {
        let assessment = self.board.assess(self.outlook, now);
        if assessment.says_the_same(&self.last) {
            return None;
        }
        for (rule, firing) in &assessment.firing {
            if !self.last.firing.contains_key(rule) {
                let tally = self.tallies.entry(rule.clone()).or_default();
                tally.fired += 1;
                tally.first.get_or_insert(firing.since);
            }
        }
        for (rule, firing) in &self.last.firing {
            if !assessment.firing.contains_key(rule) {
                self.tallies.entry(rule.clone()).or_default().lasted += now.since(firing.since);
            }
        }
        let event = Event::Assessed(assessment.clone());
        let mut happened = self.ask(&event, now);
        if let Event::Assessed(assessment) = event {
            happened.numbers = Number::of(&assessment, &happened.notices);
            self.last = assessment;
        }
        Some(happened)
    }

    /// What the step makes of it, and who asked for a rollback.
    pub(super) fn ask(&mut self, event: &Event, now: Timestamp) -> Happened {
        let mut state = self.at_weight.clone();
        state.assessment = self.last.clone();
        let (after, effects) = step(&self.plan, &state, event, now);
        let notices: Vec<_> = effects
            .into_iter()
            .filter_map(|effect| match effect {
                Effect::Notify(notice) => Some(notice),
                Effect::Raise { .. } | Effect::Lower { .. } | Effect::ShowManual { .. } | Effect::Rejected(_) => None,
            })
            .collect();
        for notice in &notices {
            if let Notice::RollbackStarted { cause, .. } = notice
                && let Cause::Rule(rule) = cause
            {
                let tally = self.tallies.entry(rule.clone()).or_default();
                tally.rolled_back += 1;
                tally.first_rollback.get_or_insert(now);
            }
        }
        let put_back = |notice: &Notice| {
            matches!(
                notice,
                Notice::RollbackStarted {
                    level: Level::Total,
                    ..
                }
            )
        };
        let consequence = if notices.iter().any(put_back) {
            Consequence::Rollback
        } else if after.holds.contains(&Hold::Alert) {
            Consequence::Freeze
        } else if after.holds.contains(&Hold::NoEvidence) {
            Consequence::Wait
        } else {
            Consequence::Nothing
        };
        Happened {
            notices,
            consequence,
            numbers: Vec::new(),
        }
    }

    pub(super) fn plan(&self) -> &Plan {
        &self.plan
    }

    pub(super) fn last(&self) -> &Assessment {
        &self.last
    }

    /// Since when it stands at its weight.
    pub(super) fn since(&self) -> Timestamp {
        self.since
    }

    /// The gates that are asked.
    pub(super) fn gates(&self) -> &[Gate] {
        let phase = self.outlook.phase.and_then(|phase| self.plan.phases.get(phase));
        phase.map(|phase| phase.gates.as_slice()).unwrap_or_default()
    }

    pub(super) fn gates_seen(&self, now: Timestamp) -> Vec<GateSight> {
        self.outlook
            .phase
            .map(|phase| self.board.gates_seen(phase, now))
            .unwrap_or_default()
    }

    pub(super) fn proofs(&self) -> Vec<Proof> {
        self.board.evidence().proofs()
    }

    /// Every rule of the plan in its order, with what fires still counted until `to`.
    pub(super) fn ends(mut self, to: Timestamp) -> Vec<(RuleId, RuleTally)> {
        for (rule, firing) in &self.last.firing {
            let tally = self.tallies.entry(rule.clone()).or_default();
            tally.lasted += to.since(firing.since);
            tally.open = true;
        }
        let rules = self.plan.rules.iter();
        rules
            .map(|rule| (rule.id.clone(), self.tallies.remove(&rule.id).unwrap_or_default()))
            .collect()
    }
}
