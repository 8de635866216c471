//! The board as it is meant, without any memory of what it said: everything is read off the samples again at every moment.
//! What [`Board`](super::super::Board) says has to be the same.

use std::collections::{BTreeMap, VecDeque};

use super::super::*;
use crate::rule::advance;
use crate::value::{RuleId, SignalId};

/// The windows of samples and the states of the rules.
#[derive(Debug, Clone)]
pub(super) struct Plain {
    plan: Plan,
    series: BTreeMap<(SignalId, Side), VecDeque<Sample>>,
    rules: BTreeMap<RuleId, RuleState>,
    evidence: Evidence,
}

impl Plain {
    /// An empty board for a plan.
    pub(super) fn new(plan: &Plan) -> Self {
        let rules = plan
            .rules
            .iter()
            .map(|r| (r.id.clone(), RuleState::default()))
            .collect();
        Self {
            plan: plan.clone(),
            series: BTreeMap::new(),
            rules,
            evidence: Evidence::new(plan),
        }
    }

    /// Takes a sample in. One that is not newer than what is there is ignored, as is one of an unknown signal.
    pub(super) fn observe(&mut self, sample: Sample) {
        if self.plan.signal(&sample.signal).is_none() {
            return;
        }
        let series = self.series.entry((sample.signal.clone(), sample.side)).or_default();
        if series.back().is_some_and(|last| last.as_of >= sample.as_of) {
            return;
        }
        self.evidence.observe(&sample);
        let oldest = sample.as_of - FURTHEST;
        series.push_back(sample);
        while series.front().is_some_and(|first| first.as_of < oldest) {
            series.pop_front();
        }
    }

    /// After a start: the evidence of an epoch from the samples that were kept, in the order of their times. They say nothing
    /// to the windows of rules.
    pub(super) fn restore(&mut self, epoch: Option<Epoch>, samples: &[Sample]) {
        self.evidence.begin(epoch);
        for sample in samples {
            self.evidence.observe(sample);
        }
    }

    /// The clock was set: what was counted by it means nothing any more, and what was proved stays proved.
    pub(super) fn forget_times(&mut self) {
        let evidence = std::mem::replace(&mut self.evidence, Evidence::new(&self.plan));
        *self = Self::new(&self.plan);
        self.evidence = evidence;
    }

    /// The evidence as it stands.
    pub(super) fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// Begins another epoch where one has begun, with what has been read since.
    fn turn(&mut self, epoch: Option<Epoch>) {
        if !self.evidence.begin(epoch) {
            return;
        }
        let mut known: Vec<&Sample> = self.series.values().flatten().collect();
        known.sort_by_key(|sample| (sample.as_of, &sample.signal, sample.side));
        for sample in known {
            self.evidence.observe(sample);
        }
    }

    /// How fresh a side of a signal is at `now`.
    pub(super) fn freshness(&self, signal: &SignalId, side: Side, now: Timestamp) -> Freshness {
        let newest = self
            .series
            .get(&(signal.clone(), side))
            .and_then(|s| s.back())
            .map(|s| s.as_of);
        self.freshness_since(signal, newest, now)
    }

    fn freshness_since(&self, signal: &SignalId, newest: Option<Timestamp>, now: Timestamp) -> Freshness {
        match (self.plan.signal(signal), newest) {
            (Some(plan), Some(newest)) if now.since(newest) <= plan.late_after() => Freshness::Live,
            (Some(plan), Some(newest)) if now.since(newest) <= plan.lost_after() => Freshness::Late,
            (Some(_) | None, Some(_) | None) => Freshness::Lost,
        }
    }

    /// The newest sample of a side of a signal.
    pub(super) fn newest(&self, signal: &SignalId, side: Side) -> Option<&Sample> {
        self.series.get(&(signal.clone(), side)).and_then(|s| s.back())
    }

    /// Answers a question from fresh data; `None` where data are not live or units too few.
    pub(super) fn answer(&self, question: &Question, now: Timestamp) -> Answer {
        if self.freshness(&question.signal, question.side, now) != Freshness::Live {
            return Answer::default();
        }
        match self.series.get(&(question.signal.clone(), question.side)) {
            Some(series) => window::answer(series, question, now),
            None => Answer::default(),
        }
    }

    /// The state of a rule.
    pub(super) fn rule(&self, id: &RuleId) -> &RuleState {
        static IDLE: RuleState = RuleState::Idle;
        self.rules.get(id).unwrap_or(&IDLE)
    }

    /// Advances every rule to `now` and says where everything stands.
    pub(super) fn assess(&mut self, outlook: Outlook, now: Timestamp) -> Assessment {
        self.turn(outlook.epoch);
        let mut out = Assessment {
            worse: self.evidence.worse(&self.plan),
            unrouted: self.evidence.is_unrouted(now),
            skew: self.evidence.skew(),
            proofs: self.evidence.proofs(),
            ..Assessment::default()
        };
        for rule in self.plan.rules.clone() {
            self.assess_rule(&rule, outlook, now, &mut out);
        }
        let gates = outlook
            .phase
            .and_then(|i| self.plan.phases.get(i))
            .map(|p| p.gates.clone())
            .unwrap_or_default();
        for gate in &gates {
            self.assess_gate(gate, now, &mut out);
        }
        for signal in self.plan.signals.iter().filter(|s| s.required) {
            for side in &signal.sides {
                if self.is_lost(&signal.id, *side, outlook, now) {
                    out.lost.insert((signal.id.clone(), *side));
                }
            }
        }
        out
    }

    fn is_lost(&self, signal: &SignalId, side: Side, outlook: Outlook, now: Timestamp) -> bool {
        let owed_since = match side {
            Side::Stable | Side::Whole => Some(outlook.watching_since),
            Side::Canary => outlook.canary_since.map(|since| since.max(outlook.watching_since)),
        };
        let Some(owed_since) = owed_since else { return false };
        let newest = self
            .newest(signal, side)
            .map_or(owed_since, |s| s.as_of.max(owed_since));
        self.freshness_since(signal, Some(newest), now) == Freshness::Lost
    }

    fn assess_rule(&mut self, rule: &Rule, outlook: Outlook, now: Timestamp, out: &mut Assessment) {
        // Before its first unit the canary owes no data, and its rules cannot be blind.
        let asleep = rule.question.side == Side::Canary && outlook.canary_since.is_none();
        let answer = if asleep {
            Answer::default()
        } else {
            self.answer(&rule.question, now)
        };
        let whole = self.evidence.is_whole();
        let evidence = if asleep { None } else { self.evidence.of_rule(&rule.id) };
        if evidence.is_some_and(|evidence| evidence.common) {
            out.common.insert(rule.id.clone());
        }
        // What is proved needs neither the least units nor the time that a rule gives chance to pass.
        let proved = rule.action == Action::Rollback
            && rule.evidence != EvidenceMode::Literal
            && evidence.is_some_and(|evidence| rule.evidence.is_enough(evidence.at_once))
            && self.breaches_at_all(rule, now);
        let state = self.rules.entry(rule.id.clone()).or_default();
        *state = match state {
            _ if asleep => RuleState::Idle,
            RuleState::Idle | RuleState::Pending { .. } | RuleState::Blind { .. } if proved => RuleState::Firing {
                since: now,
                breach: state.breach().unwrap_or(now),
                clearing: None,
                blind: false,
            },
            RuleState::Idle | RuleState::Pending { .. } | RuleState::Blind { .. } | RuleState::Firing { .. } => {
                advance(rule, state, answer.value, now)
            }
        };
        if let RuleState::Firing {
            since, breach, blind, ..
        } = *state
        {
            out.firing.insert(
                rule.id.clone(),
                Firing {
                    breach,
                    since,
                    blind,
                    evidence: evidence.filter(|_| !whole).map(|evidence| evidence.strength),
                },
            );
        }
        if *state != RuleState::Idle {
            out.findings.push(Finding {
                of: rule.id.to_string(),
                value: answer.value,
                units: answer.units,
                limit: rule.limit,
            });
        }
    }

    /// Whether the value is beyond the limit by whatever units there are.
    fn breaches_at_all(&self, rule: &Rule, now: Timestamp) -> bool {
        let any = Question {
            least_units: 1,
            ..rule.question.clone()
        };
        let value = self.answer(&any, now).value;
        value.is_some_and(|value| rule.comparison.breaches(value, rule.limit))
    }

    fn assess_gate(&self, gate: &Gate, now: Timestamp, out: &mut Assessment) {
        let Some((verdict, answer, limit)) = self.weigh(gate, now) else {
            return;
        };
        out.gates.insert(gate.id.clone(), verdict);
        if verdict != Verdict::Go {
            let margin = match gate.kind {
                GateKind::Relative { margin, .. } => margin,
                GateKind::Limit { .. } | GateKind::Without { .. } => Quantity::default(),
            };
            out.findings.push(Finding {
                of: gate.id.to_string(),
                value: answer.value,
                units: answer.units,
                limit: limit.unwrap_or(margin),
            });
        }
    }

    /// The verdict of a gate that looks at values, with the value and what it is held against; `None` for other gates.
    fn weigh(&self, gate: &Gate, now: Timestamp) -> Option<(Verdict, Answer, Option<Quantity>)> {
        match &gate.kind {
            GateKind::Limit {
                question,
                comparison,
                go,
                no_go,
                evidence: _,
            } => {
                let answer = self.answer(question, now);
                let verdict = match answer.value {
                    None => Verdict::NoEvidence,
                    Some(value) if comparison.breaches(value, *no_go) => Verdict::NoGo,
                    Some(value) if comparison.breaches(value, *go) => Verdict::Hold,
                    // The value is well; whether it could be otherwise by chance is another question.
                    Some(_) => match self.evidence.keeps(&gate.id) {
                        Some(Kept { kept: false, .. }) => Verdict::Hold,
                        Some(Kept { kept: true, .. }) | None => Verdict::Go,
                    },
                };
                Some((verdict, answer, Some(*go)))
            }
            GateKind::Relative {
                question,
                comparison,
                margin,
                evidence: _,
            } => {
                let canary = self.answer(question, now);
                let stable = self.answer(
                    &Question {
                        side: Side::Stable,
                        ..question.clone()
                    },
                    now,
                );
                let limit = stable.value.map(|s| window::with_margin(s, *margin, *comparison));
                let verdict = match (canary.value, limit) {
                    (Some(value), Some(limit)) if comparison.breaches(value, limit) => Verdict::NoGo,
                    // The values are well; whether they could be otherwise by chance is another question.
                    (Some(_), Some(_)) => match self.evidence.keeps(&gate.id) {
                        Some(Kept { broken: true, .. }) => Verdict::NoGo,
                        Some(Kept { kept: false, .. }) => Verdict::Hold,
                        Some(Kept { kept: true, .. }) | None => Verdict::Go,
                    },
                    (Some(_) | None, Some(_) | None) => Verdict::NoEvidence,
                };
                Some((verdict, canary, limit))
            }
            GateKind::Without { .. } => None,
        }
    }
}
