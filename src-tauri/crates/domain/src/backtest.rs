//! What a plan would have done with readings of the past, without doing it.
//!
//! The same [`Board`] assesses as often as in a rollout, and the same step is asked what follows. Nothing that it answers is
//! carried out or kept: the calls of the past were put back by nobody, so the next look finds the rollout at its weight
//! again, and everything that would have been decided is told, not only what came first. The plan is tried three times side
//! by side: as it is written, with every rule literal, and with every rollback waiting for its proof.
//!
//! Deliberately not here: where readings come from, files, sentences, and what people would have done (approve, override).

mod course;
mod report;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

pub use report::{Alone, Consequence, GateTally, Moment, Number, Report, RuleReport, RuleTally};

use self::course::{Course, Happened};
use crate::board::Verdict;
use crate::plan::{EvidenceMode, GateKind, Incident, OnNoData, Plan};
use crate::rollout::{Cause, Event, Notice, TICK};
use crate::sample::Sample;
use crate::time::Timestamp;
use crate::value::{GateId, SignalId, Weight};

/// Later moments are counted and not kept: a rule that flaps all day says no more by its ten-thousandth time.
pub const MOST_MOMENTS: usize = 10_000;

/// Where the rollout is assumed to have stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Whose gates are asked, as an index into the plan's phases; `None` where no phase has that weight.
    pub phase: Option<usize>,
    /// The share of new units that went to the canary.
    pub weight: Weight,
}

impl Standing {
    /// At this weight, with the gates of the first phase that has it.
    pub fn at_weight(plan: &Plan, weight: Weight) -> Self {
        Self {
            phase: plan.phases.iter().position(|phase| phase.weight == weight),
            weight,
        }
    }

    /// In this phase; `None` where the plan has no phase of that index.
    pub fn in_phase(plan: &Plan, phase: usize) -> Option<Self> {
        Some(Self {
            phase: Some(phase),
            weight: plan.phases.get(phase)?.weight,
        })
    }
}

/// A backtest under way. It is given readings in the order of the moments at which somebody would have had them.
#[derive(Debug)]
pub struct Backtest {
    from: Timestamp,
    /// The next look that falls due by itself.
    due: Timestamp,
    looked: Option<Timestamp>,
    written: Course,
    literal: Course,
    proven: Course,
    moments: Vec<Moment>,
    left_out: u64,
    alone: BTreeMap<SignalId, Alone>,
    gates: BTreeMap<GateId, GateTally>,
    /// How often, and when last.
    incidents: BTreeMap<Incident, (u64, Timestamp)>,
    unrouted: Duration,
}

impl Backtest {
    /// Before the first reading, at `from`. Signals that are not `fed` deliver nothing and owe nothing: neither their absence
    /// nor a rule about them is held against the canary.
    pub fn new(plan: &Plan, fed: &BTreeSet<SignalId>, standing: Standing, from: Timestamp) -> Self {
        let mut plan = plan.clone();
        for signal in plan.signals.iter_mut().filter(|signal| !fed.contains(&signal.id)) {
            signal.required = false;
        }
        for rule in plan
            .rules
            .iter_mut()
            .filter(|rule| !fed.contains(&rule.question.signal))
        {
            rule.on_no_data = OnNoData::Hold;
        }
        let with = |mode: fn(EvidenceMode) -> EvidenceMode| {
            let mut other = plan.clone();
            // What a rule would have done by itself is asked even of a plan that leaves it to people.
            other.automatic = true;
            for rule in &mut other.rules {
                rule.evidence = mode(rule.evidence);
            }
            Course::new(other, standing, from)
        };
        Self {
            from,
            due: from,
            looked: None,
            literal: with(|_| EvidenceMode::Literal),
            proven: with(|mode| match mode {
                EvidenceMode::Literal | EvidenceMode::Gated => EvidenceMode::Gated,
                EvidenceMode::Fast => EvidenceMode::Fast,
            }),
            written: Course::new(plan, standing, from),
            moments: Vec::new(),
            left_out: 0,
            alone: BTreeMap::new(),
            gates: BTreeMap::new(),
            incidents: BTreeMap::new(),
            unrouted: Duration::ZERO,
        }
    }

    /// From `at` on another weight was in force: evidence begins anew, as it does with a phase.
    pub fn moves(&mut self, at: Timestamp, standing: Standing) {
        self.passes(at);
        for course in self.courses() {
            course.stands(standing, at);
        }
    }

    /// Takes readings that somebody would have had at `at`. All looks that fell due before are made first.
    pub fn hears(&mut self, at: Timestamp, samples: &[Sample]) {
        self.passes(at);
        for sample in samples {
            for course in self.courses() {
                course.observe(sample);
            }
            if let Some(event) = Event::incident(self.written.plan(), sample) {
                self.happens(event, at);
            }
        }
        self.look(at);
    }

    /// What it came to until `to`.
    pub fn ends(mut self, to: Timestamp) -> Report {
        self.passes(to);
        self.look(to);
        for sight in self.written.gates_seen(to) {
            if let Some(gate) = self.gates.get_mut(&sight.gate) {
                gate.kept = sight.kept;
            }
        }
        let proofs = self.written.proofs();
        let written = self.written.ends(to).into_iter();
        let others = self.literal.ends(to).into_iter().zip(self.proven.ends(to));
        let rules = written
            .zip(others)
            .map(|((rule, written), ((_, literal), (_, proven)))| RuleReport {
                rule,
                written,
                literal,
                proven,
            });
        Report {
            from: self.from,
            to,
            rules: rules.collect(),
            alone: self.alone.into_values().collect(),
            gates: self.gates,
            incidents: self.incidents.into_iter().map(|(kind, (n, _))| (kind, n)).collect(),
            unrouted: self.unrouted,
            moments: self.moments,
            left_out: self.left_out,
            proofs,
        }
    }

    fn courses(&mut self) -> [&mut Course; 3] {
        [&mut self.written, &mut self.literal, &mut self.proven]
    }

    /// Makes the looks that fall due before `at`: every tick, and whenever a rule in the making will have lasted.
    fn passes(&mut self, at: Timestamp) {
        loop {
            let ends = self.courses().into_iter().filter_map(|course| course.next_due()).min();
            // One that ended before the last look was made at it already.
            let ends = ends.filter(|end| self.looked.is_none_or(|looked| *end > looked));
            let next = ends.map_or(self.due, |end| end.min(self.due));
            if next >= at {
                return;
            }
            self.look(next);
            if next == self.due {
                self.due = self.due + TICK;
            }
        }
    }

    fn look(&mut self, now: Timestamp) {
        self.count(now);
        self.literal.look(now);
        self.proven.look(now);
        if let Some(happened) = self.written.look(now) {
            self.keep(now, happened);
        }
    }

    /// What the look before found was so until this one.
    fn count(&mut self, now: Timestamp) {
        let passed = self.looked.map(|looked| now.since(looked)).unwrap_or_default();
        self.looked = Some(now);
        if self.written.last().unrouted {
            self.unrouted += passed;
        }
        for (gate, verdict) in &self.written.last().gates {
            self.gates.entry(gate.clone()).or_default().count(*verdict, passed, now);
        }
        let since = self.written.since();
        for gate in self.written.gates() {
            let GateKind::Without { event, lasting } = &gate.kind else {
                continue;
            };
            let last = self.incidents.get(event).map_or(since, |(_, last)| since.max(*last));
            let quiet = now.since(last) >= *lasting;
            let verdict = if quiet { Verdict::Go } else { Verdict::Hold };
            self.gates
                .entry(gate.id.clone())
                .or_default()
                .count(verdict, passed, now);
        }
    }

    fn happens(&mut self, event: Event, at: Timestamp) {
        if let Event::Incident { kind, count } = event {
            let (n, last) = self.incidents.entry(kind).or_insert((0, at));
            (*n, *last) = (n.saturating_add(count), at);
        }
        let happened = self.written.ask(&event, at);
        self.keep(at, happened);
    }

    fn keep(&mut self, at: Timestamp, happened: Happened) {
        for notice in &happened.notices {
            if let Notice::Worse { signal, .. } = notice {
                self.alone_of(signal).alert.get_or_insert(at);
            }
            if let Notice::RollbackStarted { cause, .. } = notice
                && let Cause::Evidence(signal) = cause
            {
                self.alone_of(signal).rollback.get_or_insert(at);
            }
        }
        if happened.notices.is_empty() {
            return;
        }
        if self.moments.len() >= MOST_MOMENTS {
            self.left_out += 1;
            return;
        }
        self.moments.push(Moment {
            at,
            notices: happened.notices,
            consequence: happened.consequence,
            numbers: happened.numbers,
        });
    }

    fn alone_of(&mut self, signal: &SignalId) -> &mut Alone {
        self.alone.entry(signal.clone()).or_insert_with(|| Alone {
            signal: signal.clone(),
            alert: None,
            rollback: None,
        })
    }
}

#[cfg(test)]
mod tests;
