//! The owner of a rollout: takes one message after the other, lets the step decide, and has the effects carried out.

mod hear;
mod heard;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use timonel_domain::board::Board;
use timonel_domain::plan::Plan;
use timonel_domain::rollout::{
    Cause, Effect, Event, Failure, Generation, Level, OpId, OpKind, Report, Rollback, Stage, State, blockers, step,
};
use timonel_domain::time::{Mono, Timestamp};
use timonel_domain::value::{RolloutId, TargetId, Weight};
use timonel_journal::chain::Chain;
use timonel_journal::entry::{Body, Kind};
use timonel_journal::intent::Intent;
use timonel_journal::record::{MergedRecord, STEP, StepRecord};
use timonel_ports::clock::SharedClock;
use timonel_ports::commands::CommandId;
use timonel_ports::mailbox::{Receiver, Sender};
use timonel_ports::target::{Goal, Operation, Target, TargetError};
use timonel_ports::task::{Task, spawn};

use crate::actuation::{Hands, Order, PATIENCE};
use crate::bulletin::{Acknowledgement, Bulletin, Manual};
use crate::helm::Shared;
use crate::intents::Errand;
use crate::merges::Merges;
use crate::message::Message;
use crate::scribe::Job;
use crate::sight;
use crate::traffic::Lookout;
use heard::Heard;

pub(crate) struct Owner {
    rollout: RolloutId,
    plan: Arc<Plan>,
    clock: SharedClock,
    chain: Chain,
    state: Arc<State>,
    board: Board,
    lookout: Lookout,
    watching_since: Timestamp,
    /// When the last tick was by both clocks, and how long the machine had been suspended until then.
    last_tick: Option<(Mono, Timestamp, Duration)>,
    /// Who wakes us when the board has something due, and when that is.
    alarm: Option<(Timestamp, Task<()>)>,
    targets: BTreeMap<TargetId, Arc<dyn Target>>,
    actuations: BTreeMap<TargetId, Task<()>>,
    /// Raises that wait for their decision to be in the journal, by its number.
    intended: BTreeMap<u64, Vec<Order>>,
    /// When the last operation of a target ended: a look that began before says nothing about now.
    settled: BTreeMap<TargetId, Mono>,
    me: Sender<Message>,
    jobs: Sender<Job>,
    intents: Sender<Errand>,
    /// How this engine stands to the helm.
    helm: Shared,
    /// The entry after which nothing is left of a rollback to finish; its intent goes once that is in the store.
    finished_in: Option<u64>,
    subscribers: Vec<Sender<Bulletin>>,
    commands: Heard,
    written: u64,
    store_fault: Option<String>,
    unit_seq: u64,
    /// Who has seen which alert.
    acknowledged: BTreeMap<String, Acknowledgement>,
    merges: Merges,
}

impl Owner {
    #[expect(clippy::too_many_arguments, reason = "called once, by the engine that has them all")]
    pub(crate) fn new(
        rollout: RolloutId,
        plan: Plan,
        clock: SharedClock,
        chain: Chain,
        state: State,
        targets: BTreeMap<TargetId, Arc<dyn Target>>,
        me: Sender<Message>,
        jobs: Sender<Job>,
        intents: Sender<Errand>,
        helm: Shared,
    ) -> Self {
        let board = Board::new(&plan);
        let (watching_since, written) = (clock.now(), chain.head().seq);
        Self {
            rollout,
            plan: Arc::new(plan),
            clock,
            chain,
            state: Arc::new(state),
            board,
            lookout: Lookout::default(),
            watching_since,
            last_tick: None,
            alarm: None,
            targets,
            actuations: BTreeMap::new(),
            intended: BTreeMap::new(),
            settled: BTreeMap::new(),
            me,
            jobs,
            intents,
            helm,
            finished_in: None,
            subscribers: Vec::new(),
            commands: Heard::default(),
            written,
            store_fault: None,
            unit_seq: 0,
            acknowledged: BTreeMap::new(),
            merges: Merges::default(),
        }
    }

    pub(crate) fn subscribe(&mut self, subscriber: Sender<Bulletin>) {
        self.subscribers.push(subscriber);
    }

    pub(crate) fn units_from(&mut self, last: u64) {
        self.unit_seq = last;
    }

    /// After a start: who has seen which alert, from the journal.
    pub(crate) fn has_seen(&mut self, acknowledged: BTreeMap<String, Acknowledgement>) {
        self.acknowledged = acknowledged;
    }

    /// After a start: the commands that the journal has answers to, when a person last said that rollbacks are over, and to whom to
    /// say which are answered.
    pub(crate) fn has_heard(
        &mut self,
        answered: impl Iterator<Item = CommandId>,
        reset: Option<Timestamp>,
        tell: Sender<CommandId>,
    ) {
        self.commands = Heard::new(answered, reset, tell);
    }

    /// After a start: what was merged while no engine was there, and has no answer yet.
    pub(crate) fn has_merged(&mut self, merges: Merges) {
        self.merges = merges;
        self.put_back_what_was_merged();
    }

    fn merged(&mut self, record: &MergedRecord) {
        self.merges.hear(record, &self.state);
        self.put_back_what_was_merged();
    }

    fn put_back_what_was_merged(&mut self) {
        if let Some(event) = self.merges.due()
            && self.state.latch.is_none()
        {
            tracing::warn!(rollout = %self.rollout, "a person has put it back from a rollback kit");
            self.happen(event);
        }
    }

    /// After a start: an intent file is there. What it says is done again, unless the journal has its end: it was verified, or a
    /// person has reset it since, and it is `meant` no longer.
    pub(crate) fn resume(&mut self, meant: bool) {
        // A verified reduction is no answer to a total rollback that was begun after it: only that one leaves an intent.
        let finished = |r: &Rollback| r.level == Level::Total && r.verified_at.is_some();
        let over = !meant || self.state.stage == Stage::Closed || self.state.rollback.as_ref().is_some_and(finished);
        if over {
            self.intents.tell(Errand::Remove(self.rollout.clone()));
        } else {
            self.happen(Event::RollBack {
                level: Level::Total,
                cause: Cause::Resumed,
                confirmed: true,
            });
        }
    }

    /// After a start: the time nobody watched, the helm, and operations whose end nobody saw. The gap comes first: until
    /// it is known, clocks count the time in which nobody ran and what the board said before is believed, enough for a raise.
    pub(crate) fn take_up(
        &mut self,
        last: Option<Timestamp>,
        mut operations: BTreeMap<OpId, Vec<Operation>>,
        epoch: Option<u64>,
    ) {
        if let Some(from) = last {
            self.happen(Event::Gap { from });
        }
        self.happen(Event::Helm(epoch));
        let open: Vec<_> = self
            .state
            .targets
            .iter()
            .filter_map(|(id, t)| Some((id.clone(), t.op?, t.accepted)))
            .collect();
        for (target, op, known) in open {
            let generation = op.generation;
            if op.kind == OpKind::Raise {
                let order = Order {
                    op: op.id,
                    target: target.clone(),
                    goal: self.raise_to(op.to, generation),
                    known,
                    patience: PATIENCE,
                };
                let place = self.targets[&target].describe().place;
                let unknown = TargetError::Unreachable {
                    place,
                    detail: "the engine stopped before the result was known".to_owned(),
                };
                let begun = operations.remove(&op.id).unwrap_or_default();
                self.act(&target, |hands| hands.take_up(order, begun, unknown));
            } else {
                let goal = self.lower_to(op.to, generation);
                self.lower(&target, op.id, goal);
            }
        }
    }

    /// Runs until it is told to stop, or nobody can tell it anything any more.
    pub(crate) async fn run(mut self, mut inbox: Receiver<Message>) {
        while let Some(message) = inbox.recv().await {
            self.mind_stall();
            match message {
                Message::Event(event) => self.happen(event),
                Message::Readings(readings) => self.readings(readings),
                Message::Live { target, begun, outcome } => self.live(target, begun, outcome),
                Message::Operating { target, op, operation } => self.operating(target, op, &operation),
                Message::PutOff(order) => self.raise(order),
                Message::Command(taken) => self.command(taken),
                Message::Checked {
                    by,
                    live,
                    failed,
                    command,
                } => {
                    let who = by.clone();
                    self.obey(Event::Arm { by, live, failed }, who, command);
                }
                Message::Written { through } => self.written(through),
                Message::StoreFault(fault) => self.store_failed(fault),
                Message::Broken(detail) => self.happen(Event::JournalBroken { detail }),
                Message::Merged(record) => self.merged(&record),
                Message::Tick => self.tick(),
                Message::Due => self.due(),
                Message::Look(reply) => reply.send(self.snapshot()),
                Message::Subscribe(subscriber) => self.subscribe(subscriber),
                Message::Stop(reply) => {
                    self.actuations.values().for_each(Task::abort);
                    self.call_off();
                    self.jobs.tell(Job::Flush(reply));
                    return;
                }
            }
        }
    }

    /// Lets the step decide and has its effects carried out: lowering first, then the record, raising after it.
    pub(crate) fn happen(&mut self, event: Event) {
        self.happen_by(event, None);
    }

    /// The number of the entry of what happened; `None` where it changed nothing.
    fn happen_by(&mut self, event: Event, command: Option<CommandId>) -> Option<u64> {
        let now = self.clock.now();
        let (state, effects) = step(&self.plan, &self.state, &event, now);
        if state == *self.state && effects.is_empty() {
            return None;
        }
        if is_reset(&event, &effects) {
            self.commands.reset(now);
        }
        self.merges.follow(&event, &effects, &state);
        let before = std::mem::replace(&mut self.state, Arc::new(state));
        let (mut raises, mut manual) = (Vec::new(), Vec::new());
        for effect in &effects {
            match effect {
                Effect::Lower {
                    op,
                    target,
                    to,
                    generation,
                } => {
                    let goal = self.lower_to(*to, *generation);
                    self.lower(target, *op, goal);
                }
                Effect::Raise {
                    op,
                    target,
                    to,
                    generation,
                } => {
                    let known = self.state.targets.get(target).and_then(|t| t.accepted);
                    let goal = self.raise_to(*to, *generation);
                    raises.push(Order {
                        op: *op,
                        target: target.clone(),
                        goal,
                        known,
                        patience: PATIENCE,
                    });
                }
                Effect::Notify(notice) => tracing::info!(rollout = %self.rollout, ?notice, "notice"),
                Effect::ShowManual { target, to } => manual.extend(self.manual(target, *to)),
                Effect::Rejected(reason) => tracing::info!(%reason, "rejected"),
            }
        }
        if to_finish(&self.state) && !to_finish(&before) {
            self.write_intent(now);
        }
        self.note_settled(&before);
        let seq = self.record(now, &event, &effects, command.as_ref());
        if !raises.is_empty() {
            self.intended.insert(seq, raises);
        }
        if to_finish(&self.state) {
            self.finished_in = None;
        } else if to_finish(&before) {
            self.finished_in = Some(seq);
        }
        let bulletin = Bulletin {
            rollout: self.rollout.clone(),
            at: now,
            seq,
            event,
            effects,
            state: self.state.clone(),
            command,
            manual,
        };
        self.subscribers.retain(|to| to.send(bulletin.clone()).is_ok());
        Some(seq)
    }

    /// The commands by which a person lowers a target that does not confirm.
    fn manual(&self, target: &TargetId, to: Weight) -> Option<Manual> {
        let target = self.targets.get(target)?;
        tracing::warn!(target = %target.describe().id, %to, "manual commands are due");
        Some(sight::manual(&**target, to, &self.state))
    }

    fn record(&mut self, now: Timestamp, event: &Event, effects: &[Effect], command: Option<&CommandId>) -> u64 {
        let record = StepRecord::new(event, effects).obeying(command.map(ToString::to_string));
        let body = Body::of(&record).expect("a step record serialises, and what it holds is bounded where it comes in");
        self.enter(now, STEP, body)
    }

    fn enter(&mut self, now: Timestamp, kind: &str, body: Body) -> u64 {
        let kind = Kind::new(kind).expect("a good kind");
        let sealed = self.chain.seal(now, Some(self.rollout.clone()), kind, body);
        let seq = self.chain.head().seq;
        // The scribe ends only after the owner.
        self.jobs.tell(Job::Entry(seq, sealed));
        seq
    }

    /// Beside the first call of a rollback its intent is written, so that a restart finishes it. Nobody waits for it.
    fn write_intent(&self, now: Timestamp) {
        let cause = self.state.rollback.as_ref().map(|r| in_words(&r.cause));
        self.intents.tell(Errand::Write(Intent {
            rollout: self.rollout.clone(),
            plan_revision: self.plan.revision,
            generation: self.state.generation,
            level: Level::Total,
            cause: cause.unwrap_or_default(),
            occurred_at: now,
            targets: self.targets.keys().map(|id| (id.clone(), Weight::ZERO)).collect(),
        }));
    }

    fn note_settled(&mut self, before: &State) {
        let now = self.clock.mono();
        for (id, target) in &self.state.targets {
            if target.op.is_none() && before.targets.get(id).is_some_and(|t| t.op.is_some()) {
                self.settled.insert(id.clone(), now);
            }
        }
    }

    /// With the tenants that stay on stable now.
    fn raise_to(&self, to: Weight, generation: Generation) -> Goal {
        let pins = self.state.pins.clone();
        Goal::Raise { to, generation, pins }
    }

    fn lower_to(&self, to: Weight, generation: Generation) -> Goal {
        let pins = self.state.pins.clone();
        Goal::Lower { to, generation, pins }
    }

    fn hands(&self, target: &TargetId) -> Option<Hands> {
        let target = self.targets.get(target)?.clone();
        Some(Hands {
            clock: self.clock.clone(),
            reports: self.me.clone(),
            target,
            helm: self.helm.clone(),
        })
    }

    /// Starts an actuation on a target in place of the one that may be under way there.
    fn act<F: Future<Output = ()> + Send + 'static>(&mut self, target: &TargetId, work: impl FnOnce(Hands) -> F) {
        let Some(hands) = self.hands(target) else { return };
        // First: what is replaced must not write any more when this one begins.
        if let Some(replaced) = self.actuations.remove(target) {
            replaced.abort();
        }
        let task = spawn(&self.clock, work(hands));
        self.actuations.insert(target.clone(), task);
    }

    fn lower(&mut self, target: &TargetId, op: OpId, goal: Goal) {
        let order = Order {
            op,
            target: target.clone(),
            goal,
            known: None,
            patience: Duration::ZERO,
        };
        let mut random = ChaCha8Rng::seed_from_u64(op.0);
        let jitter = move |up_to: Duration| up_to.mul_f64(random.random_range(0.0..0.5));
        self.act(target, |hands| hands.lower(order, jitter));
    }

    fn written(&mut self, through: u64) {
        self.written = through;
        self.store_fault = None;
        self.commands.written(through);
        let later = self.intended.split_off(&(through + 1));
        for order in std::mem::replace(&mut self.intended, later).into_values().flatten() {
            self.raise(order);
        }
        if self.finished_in.is_some_and(|seq| seq <= through) {
            self.finished_in = None;
            self.intents.tell(Errand::Remove(self.rollout.clone()));
        }
    }

    /// Begins a raise whose decision is in the store, unless something has come in between.
    fn raise(&mut self, order: Order) {
        let target = self.state.targets.get(&order.target);
        // A rollback may have replaced it meanwhile.
        if target.and_then(|t| t.op).is_none_or(|op| op.id != order.op) {
            return;
        }
        let overtaken = blockers(&self.plan, &self.state, self.clock.now());
        if overtaken.is_empty() {
            self.act(&order.target.clone(), |hands| hands.raise(order));
        } else {
            let failure = Failure {
                code: "raise.overtaken".to_owned(),
                text: format!("not raised: since the decision there is {overtaken:?}"),
            };
            self.not_raised(order, failure);
        }
    }

    /// A decision that cannot be written is not carried out upwards.
    fn store_failed(&mut self, fault: String) {
        for order in std::mem::take(&mut self.intended).into_values().flatten() {
            let failure = Failure {
                code: "store.fault".to_owned(),
                text: fault.clone(),
            };
            self.not_raised(order, failure);
        }
        self.store_fault = Some(fault);
    }

    fn not_raised(&mut self, order: Order, failure: Failure) {
        self.happen(Event::Target {
            target: order.target,
            report: Report::Failed { op: order.op, failure },
        });
    }
}

/// Whether a person has said by this that rollbacks are over.
pub(crate) fn is_reset(event: &Event, effects: &[Effect]) -> bool {
    matches!(event, Event::Reset { .. }) && !effects.iter().any(|e| matches!(e, Effect::Rejected(_)))
}

/// Whether a restart has a total rollback to finish: until it is verified and cleaned up, or a person has reset or closed
/// it unverified. A drill that is cut short is finished as a rollback.
fn to_finish(state: &State) -> bool {
    let total = state.rollback.as_ref().filter(|r| r.level == Level::Total);
    let cleaning = state.targets.values().any(|t| t.op.is_some_and(|op| op.kind.lowers()));
    state.stage != Stage::Closed && total.is_some_and(|r| r.verified_at.is_none() || cleaning)
}

/// A cause for the intent file.
fn in_words(cause: &Cause) -> String {
    match cause {
        Cause::Person(person) => format!("person {person}"),
        Cause::Rule(rule) => format!("rule {rule}"),
        Cause::Evidence(signal) => format!("evidence {signal}"),
        Cause::Incident(incident) => format!("incident {incident:?}"),
        Cause::Resumed => "resumed".to_owned(),
        Cause::Drill(person) => format!("drill by {person}"),
    }
}
