//! What the owner hears that is no event yet: readings, looks at targets, commands, the time.

use timonel_domain::board::{Freshness, Outlook};
use timonel_domain::rollout::{Event, OpId, Report};
use timonel_domain::sample::{Sample, Value};
use timonel_domain::time::{Mono, Timestamp};
use timonel_domain::value::{Person, Side, TargetId, Weight};
use timonel_journal::entry::Body;
use timonel_journal::record::{
    ACKNOWLEDGEMENT, AcknowledgementRecord, AnswerRecord, COMMAND, CommandRecord, OPERATION, OperationRecord,
};
use timonel_ports::commands::{Command, CommandId, Taken};
use timonel_ports::signal;
use timonel_ports::store::{UnitRow, Units};
use timonel_ports::target::{Operation, Reading, TargetError};
use timonel_ports::task::spawn;

use super::Owner;
use crate::actuation::failure;
use crate::arming;
use crate::bulletin::{Acknowledgement, Snapshot};
use crate::command::{Asked, KEEPS, Wish};
use crate::scribe::Job;
use crate::sight::{self, Stall};
use crate::watch;

/// Bytes that a command may have: an entry holds it more than once, and has a limit of its own.
const LONGEST_COMMAND: usize = 64 * 1024;

impl Owner {
    /// After a start: [`sight::believe`].
    pub(crate) fn believe(&mut self, samples: Vec<Sample>) {
        sight::believe(&mut self.board, &self.state, samples);
    }

    /// After a start: [`sight::remember`].
    pub(crate) fn remember(&mut self, samples: Vec<Sample>) {
        let (outlook, now) = (self.outlook(), self.clock.now());
        sight::remember(&mut self.board, outlook, samples, now);
    }

    pub(super) fn tick(&mut self) {
        let now = self.clock.now();
        self.last_tick = Some((self.clock.mono(), now, self.clock.asleep()));
        self.assess(now);
        self.happen(Event::Tick);
    }

    /// A rule has lasted: what follows does not wait for the next tick.
    pub(super) fn due(&mut self) {
        self.alarm = None;
        self.assess(self.clock.now());
    }

    /// Wakes us when the board has something due, in place of when it had before.
    fn mind_due(&mut self, now: Timestamp) {
        let due = self.board.next_due().filter(|due| *due > now);
        if self.alarm.as_ref().map(|(at, _)| *at) == due {
            return;
        }
        self.call_off();
        self.alarm = due.map(|due| (due, watch::due(&self.clock, due.since(now), self.me.clone())));
    }

    /// Nobody wakes us any more.
    pub(super) fn call_off(&mut self) {
        if let Some((_, alarm)) = self.alarm.take() {
            alarm.abort();
        }
    }

    /// Whatever is heard first after a stall, the stall comes before it: clocks must not count it as watched. A wall clock
    /// that was set is a gap as well, since what was counted by it, and the times of samples, mean nothing any more.
    pub(super) fn mind_stall(&mut self) {
        let (mono, now) = (self.clock.mono(), self.clock.now());
        let Some((last, at, asleep)) = self.last_tick else {
            return;
        };
        let Some(Stall { passed, was_set }) = sight::stall((last, at), mono, now) else {
            return;
        };
        if was_set {
            self.board.forget_times();
        }
        let asleep_now = self.clock.asleep();
        // The journal says that nobody watched; why is for whoever looks after the machine.
        tracing::error!(
            rollout = %self.rollout,
            unwatched_s = passed.as_secs(),
            asleep_s = asleep_now.saturating_sub(asleep).as_secs(),
            clock_was_set = was_set,
            "nobody watched"
        );
        self.last_tick = Some((mono, now, asleep_now));
        self.watching_since = now;
        self.happen(Event::Gap { from: at });
    }

    fn outlook(&self) -> Outlook {
        sight::outlook(&self.state, self.watching_since)
    }

    fn assess(&mut self, now: Timestamp) {
        let assessment = self.board.assess(self.outlook(), now);
        if !self.state.assessed || !assessment.says_the_same(&self.state.assessment) {
            let assessment = assessment.clone();
            self.happen(Event::Assessed(assessment));
        }
        self.mind_due(now);
    }

    pub(super) fn readings(&mut self, readings: Vec<signal::Reading>) {
        let mut samples = Vec::new();
        for reading in readings {
            match reading.outcome {
                Ok(mut new) => samples.append(&mut new),
                Err(error) => tracing::debug!(signal = %reading.signal, side = ?reading.side, %error, "no sample"),
            }
        }
        if samples.is_empty() {
            return;
        }
        let mut events = Vec::new();
        let mut units = Vec::new();
        for sample in &samples {
            self.board.observe(sample.clone());
            events.extend(self.lookout.see(&self.plan.traffic, sample));
            events.extend(Event::incident(&self.plan, sample));
            units.extend(self.units(sample));
        }
        if !units.is_empty() {
            self.jobs.tell(Job::Units(units));
        }
        self.jobs.tell(Job::Samples(samples));
        for event in events {
            self.happen(event);
        }
        self.assess(self.clock.now());
    }

    fn units(&mut self, sample: &Sample) -> Option<UnitRow> {
        let Value::Ratio { since, bad, total } = sample.value else {
            return None;
        };
        if total == 0 || sample.side == Side::Whole {
            return None;
        }
        self.unit_seq += 1;
        let splitter = self.plan.splitter().and_then(|s| self.state.targets.get(&s.id));
        let weight = splitter.and_then(|t| t.accepted).unwrap_or(Weight::ZERO);
        let (signal, side, as_of) = (sample.signal.clone(), sample.side, sample.as_of);
        let units = Units::Batch {
            signal,
            side,
            since,
            as_of,
            bad,
            total,
        };
        Some(UnitRow {
            seq: self.unit_seq,
            weight,
            units,
        })
    }

    pub(super) fn live(&mut self, target: TargetId, begun: Mono, outcome: Result<Reading, TargetError>) {
        if self.settled.get(&target).is_some_and(|settled| begun <= *settled) {
            return;
        }
        match outcome {
            Ok(reading) => {
                let report = Report::Read {
                    op: None,
                    weight: reading.weight,
                    apart: reading.apart,
                    by: reading.changed_by,
                };
                self.happen(Event::Target { target, report });
            }
            Err(error) => {
                let report = Report::Silent {
                    failure: failure(&error),
                };
                self.happen(Event::Target { target, report });
            }
        }
    }

    /// What takes its time is journalled, so that whoever takes the rollout up can go on asking.
    pub(super) fn operating(&mut self, target: TargetId, op: OpId, operation: &Operation) {
        let open = self.state.targets.get(&target).and_then(|t| t.op);
        if open.is_none_or(|open| open.id != op) {
            return;
        }
        let record = OperationRecord {
            target: target.clone(),
            op: op.0,
            operation: hex::encode(&operation.0),
        };
        match Body::of(&record) {
            Ok(body) => drop(self.enter(self.clock.now(), OPERATION, body)),
            Err(error) => tracing::warn!(%error, %target, "an operation is too long for the journal"),
        }
        let report = Report::Working { op };
        self.happen(Event::Target { target, report });
    }

    pub(super) fn command(&mut self, taken: Taken) {
        let Taken { command, waited } = taken;
        let Command { id, by, what, .. } = command;
        if !self.commands.is_new(&id) {
            return;
        }
        let read = (what.bytes().len() <= LONGEST_COMMAND).then(|| what.read::<Wish>());
        let wish = match read {
            Some(Ok(wish)) => wish,
            Some(Err(error)) => {
                tracing::warn!(%error, %by, "a command that this version does not know");
                return self.answer(id, by, AnswerRecord::Unread);
            }
            None => {
                tracing::warn!(%by, "a command that is too long for the journal");
                return self.answer(id, by, AnswerRecord::Unread);
            }
        };
        if !wish.keeps() && waited > KEEPS {
            tracing::warn!(?wish, %by, waited_s = waited.as_secs(), "a command that waited too long is not obeyed");
            return self.answer(id, by, AnswerRecord::Late);
        }
        // Two clocks may be apart; what was wanted just now is wanted now, whatever they say.
        let waited_long = waited > KEEPS && matches!(wish, Wish::RollBack { .. });
        if waited_long && self.commands.is_overtaken(self.clock.now() - waited) {
            tracing::warn!(%by, "a rollback from before the last reset is not obeyed");
            return self.answer(id, by, AnswerRecord::Overtaken);
        }
        match wish.asked(by.clone()) {
            Asked::Event(event) => self.obey(event, by, id),
            Asked::Arming => self.check_arming(by, id),
            Asked::Acknowledgement { alert, comment } => {
                self.acknowledge(by.clone(), alert, comment);
                self.answer(id, by, AnswerRecord::Seen);
            }
        }
    }

    /// What a command asks for happens; its id goes into the same entry.
    pub(super) fn obey(&mut self, event: Event, by: Person, command: CommandId) {
        match self.happen_by(event, Some(command.clone())) {
            Some(seq) => self.commands.answered_in(seq, command),
            None => self.answer(command, by, AnswerRecord::Nothing),
        }
    }

    /// What became of a command that is no step.
    fn answer(&mut self, id: CommandId, by: Person, answer: AnswerRecord) {
        let record = CommandRecord {
            id: id.to_string(),
            by,
            answer,
        };
        let body = Body::of(&record).expect("two ids and a word serialise");
        let seq = self.enter(self.clock.now(), COMMAND, body);
        self.commands.answered_in(seq, id);
    }

    /// The first who has seen an alert is the one who has.
    fn acknowledge(&mut self, by: Person, alert: String, comment: String) {
        if self.acknowledged.contains_key(&alert) {
            return;
        }
        let now = self.clock.now();
        let record = AcknowledgementRecord { alert, by, comment };
        let body = Body::of(&record).expect("an acknowledgement serialises, and a command is no longer than an entry");
        let seq = self.enter(now, ACKNOWLEDGEMENT, body);
        let AcknowledgementRecord { alert, by, comment } = record;
        let seen = Acknowledgement {
            seq,
            by,
            at: now,
            comment,
        };
        self.acknowledged.insert(alert, seen);
    }

    fn check_arming(&mut self, by: Person, command: CommandId) {
        let now = self.clock.now();
        let stale = self
            .plan
            .signals
            .iter()
            .filter(|s| s.required)
            .flat_map(|s| s.sides.iter().map(move |side| (&s.id, *side)));
        let stale =
            stale.filter(|(id, side)| *side != Side::Canary && self.board.freshness(id, *side, now) != Freshness::Live);
        let failed = stale.map(|(id, side)| format!("signal.stale {id} {side:?}")).collect();
        let targets = self.targets.iter().map(|(id, t)| (id.clone(), t.clone())).collect();
        drop(spawn(
            &self.clock,
            arming::check(self.clock.clone(), targets, by, failed, command, self.me.clone()),
        ));
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        let Self {
            rollout,
            plan,
            state,
            board,
            lookout,
            acknowledged,
            ..
        } = self;
        Snapshot {
            entries: self.chain.head().seq,
            unwritten: self.chain.head().seq.saturating_sub(self.written),
            store_fault: self.store_fault.clone(),
            ..sight::snapshot(rollout, plan, state, board, lookout, acknowledged, self.clock.now())
        }
    }
}
