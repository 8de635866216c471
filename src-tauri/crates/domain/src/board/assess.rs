//! One moment of the board: the rows that can say something else than before are looked at, and the assessment follows them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Asked, Assessment, Board, Finding, Firing, GateRow, Outlook, RequiredRow, Verdict};
use crate::plan::{GateKind, Plan};
use crate::rule::{RuleState, advance, changes_at};
use crate::time::Timestamp;
use crate::value::{Quantity, Side};
use crate::window::Answer;

/// What looking at a row gave: what to note of it, where it is not plainly well, and when it is to be looked at again.
type Looked = (Option<Finding>, Option<Timestamp>);

impl Board {
    /// Advances every rule to `now` and says where everything stands.
    pub fn assess(&mut self, outlook: Outlook, now: Timestamp) -> &Assessment {
        self.turn(outlook.epoch);
        let plan = Arc::clone(&self.plan);
        if self.last.is_some_and(|(_, last)| now < last) {
            self.feeds.rewind();
        }
        if self.last.is_none_or(|(known, last)| known != outlook || now < last) {
            self.look_at_all(&plan);
        }
        self.last = Some((outlook, now));
        self.follow_samples(&plan);
        let mut noted = Vec::new();
        for row in self.schedule.take(now) {
            let (finding, due) = self.look(&plan, row, outlook, now);
            noted.push((row, finding));
            self.schedule.set(row, due);
        }
        self.note(noted);
        self.assessment.unrouted = self.evidence.is_unrouted(now);
        self.assessment.skew = self.evidence.skew();
        &self.assessment
    }

    fn look_at_all(&mut self, plan: &Plan) {
        self.assessment = Assessment {
            worse: self.evidence.worse(plan),
            proofs: self.evidence.proofs(),
            ..Assessment::default()
        };
        self.noted.clear();
        self.schedule.call(0..self.rows.len());
    }

    /// Samples of a signal call its rows, and those of every signal whose evidence they may have moved.
    fn follow_samples(&mut self, plan: &Plan) {
        let came = std::mem::take(&mut self.moved);
        let signals = came.iter().map(|feed| &plan.signals[*feed].id);
        let moved = signals.flat_map(|signal| self.evidence.moved_by(signal));
        let mut moved: Vec<_> = moved.filter_map(|signal| self.feeds.number(signal)).collect();
        moved.sort_unstable();
        moved.dedup();
        for feed in moved {
            let rows = self.feeds.rows(feed);
            self.schedule.call(rows.iter().copied());
            let signal = &plan.signals[feed].id;
            let rules = rows.iter().filter_map(|row| plan.rules.get(*row));
            match rules.filter_map(|rule| self.evidence.worse_by(rule)).max() {
                Some(worse) => drop(self.assessment.worse.insert(signal.clone(), worse)),
                None => drop(self.assessment.worse.remove(signal)),
            }
            let proofs = &mut self.assessment.proofs;
            let from = proofs.partition_point(|proof| proof.signal < *signal);
            let known = proofs[from..].iter().take_while(|proof| proof.signal == *signal);
            let until = from + known.count();
            proofs.splice(from..until, self.evidence.proofs_of(signal));
        }
    }

    fn look(&mut self, plan: &Plan, row: usize, outlook: Outlook, now: Timestamp) -> Looked {
        let gate = row.checked_sub(self.rows.rules.len());
        let required = gate.and_then(|gate| gate.checked_sub(self.rows.gates.len()));
        match (gate, required) {
            (None, _) => self.look_at_rule(plan, row, outlook, now),
            (Some(gate), None) => self.look_at_gate(plan, gate, outlook, now),
            (Some(_), Some(required)) => (None, self.look_at_required(required, outlook, now)),
        }
    }

    fn answer_asked(&mut self, asked: Option<Asked>, now: Timestamp) -> (Answer, Option<Timestamp>) {
        asked.map(|asked| self.feeds.answer(asked, now)).unwrap_or_default()
    }

    fn look_at_rule(&mut self, plan: &Plan, row: usize, outlook: Outlook, now: Timestamp) -> Looked {
        let rule = &plan.rules[row];
        let before = std::mem::take(&mut self.rows.rules[row].state);
        // Before its first unit the canary owes no data, and its rules cannot be blind.
        if rule.question.side == Side::Canary && outlook.canary_since.is_none() {
            self.assessment.firing.remove(&rule.id);
            self.assessment.common.remove(&rule.id);
            self.ends.set(row, None);
            return (None, None);
        }
        let (answer, moves) = self.answer_asked(self.rows.rules[row].asked, now);
        let evidence = self.evidence.of_rule(&rule.id);
        if evidence.is_some_and(|evidence| evidence.common) {
            self.assessment.common.insert(rule.id.clone());
        } else {
            self.assessment.common.remove(&rule.id);
        }
        // What is proved needs neither the least units nor the time that a rule gives chance to pass.
        let at_once = self.rows.rules[row].at_once;
        let at_once = at_once.filter(|_| evidence.is_some_and(|evidence| rule.evidence.is_enough(evidence.at_once)));
        let (of_one, moves_at_once) = match at_once {
            Some(asked) if !before.is_firing() => self.feeds.answer(asked, now),
            Some(_) | None => Default::default(),
        };
        let breaches = |value| rule.comparison.breaches(value, rule.limit);
        let state = if of_one.value.is_some_and(breaches) {
            RuleState::Firing {
                since: now,
                breach: before.breach().unwrap_or(now),
                clearing: None,
                blind: false,
            }
        } else {
            advance(rule, &before, answer.value, now)
        };
        // What has just ended may begin again by what is still proved.
        let again = (at_once.is_some() && before.is_firing() && !state.is_firing()).then_some(now);
        let changes = changes_at(rule, &state, answer.value, now);
        let due = [moves, moves_at_once, again, changes].into_iter().flatten().min();
        self.ends.set(
            row,
            match &state {
                RuleState::Pending { .. } | RuleState::Blind { .. } => changes,
                RuleState::Idle | RuleState::Firing { .. } => None,
            },
        );
        match &state {
            RuleState::Firing {
                since, breach, blind, ..
            } => {
                let firing = Firing {
                    breach: *breach,
                    since: *since,
                    blind: *blind,
                    evidence: evidence
                        .filter(|_| !self.evidence.is_whole())
                        .map(|evidence| evidence.strength),
                };
                self.assessment.firing.insert(rule.id.clone(), firing);
            }
            RuleState::Idle | RuleState::Pending { .. } | RuleState::Blind { .. } if before.is_firing() => {
                self.assessment.firing.remove(&rule.id);
            }
            RuleState::Idle | RuleState::Pending { .. } | RuleState::Blind { .. } => {}
        }
        let finding = (state != RuleState::Idle).then(|| Finding {
            of: rule.id.to_string(),
            value: answer.value,
            units: answer.units,
            limit: rule.limit,
        });
        self.rows.rules[row].state = state;
        (finding, due)
    }

    fn look_at_gate(&mut self, plan: &Plan, row: usize, outlook: Outlook, now: Timestamp) -> Looked {
        let GateRow {
            phase,
            gate,
            canary,
            stable,
        } = self.rows.gates[row];
        if outlook.phase != Some(phase) {
            return (None, None);
        }
        let gate = &plan.phases[phase].gates[gate];
        let (canary, canary_moves) = self.answer_asked(canary, now);
        let (stable, stable_moves) = self.answer_asked(stable, now);
        let due = [canary_moves, stable_moves].into_iter().flatten().min();
        let Some((verdict, limit)) = self.verdict(gate, canary, stable) else {
            return (None, None);
        };
        self.assessment.gates.insert(gate.id.clone(), verdict);
        let finding = (verdict != Verdict::Go).then(|| Finding {
            of: gate.id.to_string(),
            value: canary.value,
            units: canary.units,
            limit: limit.unwrap_or(match gate.kind {
                GateKind::Relative { margin, .. } => margin,
                GateKind::Limit { .. } | GateKind::Without { .. } => Quantity::default(),
            }),
        });
        (finding, due)
    }

    /// When the signal will be lost, where that lies ahead.
    fn look_at_required(&mut self, row: usize, outlook: Outlook, now: Timestamp) -> Option<Timestamp> {
        let RequiredRow { feed, signal, side } = &self.rows.required[row];
        let owed_since = match side {
            Side::Stable | Side::Whole => Some(outlook.watching_since),
            Side::Canary => outlook.canary_since.map(|since| since.max(outlook.watching_since)),
        };
        let lost_from = owed_since.map(|owed_since| self.feeds.lost_from(*feed, *side, owed_since));
        let key = (signal.clone(), *side);
        if lost_from.is_some_and(|from| from <= now) {
            self.assessment.lost.insert(key);
            None
        } else {
            self.assessment.lost.remove(&key);
            lost_from
        }
    }

    /// Puts the findings of rows that were looked at into the assessment, which keeps them in the order of the rows.
    fn note(&mut self, looked: Vec<(usize, Option<Finding>)>) {
        let findings = &mut self.assessment.findings;
        let mut others = Vec::new();
        for (row, finding) in looked {
            match (self.noted.binary_search(&row), finding) {
                (Ok(at), Some(finding)) => findings[at] = finding,
                (Err(_), None) => {}
                (Ok(_), None) => others.push((row, None)),
                (Err(_), Some(finding)) => others.push((row, Some(finding))),
            }
        }
        if others.is_empty() {
            return;
        }
        let mut all: BTreeMap<_, _> = self.noted.drain(..).zip(findings.drain(..)).collect();
        for (row, finding) in others {
            match finding {
                Some(finding) => drop(all.insert(row, finding)),
                None => drop(all.remove(&row)),
            }
        }
        (self.noted, *findings) = all.into_iter().unzip();
    }
}
