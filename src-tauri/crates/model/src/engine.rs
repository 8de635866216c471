//! What an engine does with an event and its effects, as `engine::owner` does.

use std::sync::Arc;

use timonel_domain::rollout::{Cause, Effect, Event, Failure, Level, OpKind, Report, State, blockers, step};
use timonel_domain::value::Weight;

use crate::canon::same;
use crate::plan::{at, person};
use crate::target::Order;
use crate::world::{Broken, Engine, Flaw, Hand, Rollouts, World};

/// A restart has a total rollback to finish: `engine::owner::to_finish`.
fn to_finish(state: &State) -> bool {
    let total = state.rollback.as_ref().filter(|r| r.level == Level::Total);
    let cleaning = state.targets.values().any(|t| t.op.is_some_and(|op| op.kind.lowers()));
    total.is_some_and(|r| r.verified_at.is_none() || cleaning)
}

pub(crate) fn failed(code: &str) -> Failure {
    Failure {
        code: code.to_owned(),
        text: String::new(),
    }
}

impl Rollouts {
    /// An event reaches the owner. One that slept hears first for how long.
    pub(crate) fn happens(&self, world: &mut World, e: usize, event: Event) {
        let Some(engine) = &mut world.engines[e] else { return };
        if let Some(since) = engine.away.take()
            && since < world.tick
        {
            self.decides(world, e, Event::Gap { from: at(since) });
        }
        self.decides(world, e, event);
    }

    /// The step decides, lowerings begin at once, raises wait for the record.
    fn decides(&self, world: &mut World, e: usize, event: Event) {
        let now = at(world.tick);
        let Some(engine) = &mut world.engines[e] else { return };
        let (mut state, effects) = step(&self.plan, &engine.state, &event, now);
        if state == *engine.state && effects.is_empty() {
            return;
        }
        self.spoil(&engine.state, &mut state);
        let before = std::mem::replace(&mut engine.state, Arc::new(state));
        for effect in &effects {
            let (op, target, to, generation, raises) = match effect {
                Effect::Raise {
                    op,
                    target,
                    to,
                    generation,
                } => (*op, target, *to, *generation, true),
                Effect::Lower {
                    op,
                    target,
                    to,
                    generation,
                } => (*op, target, *to, *generation, false),
                Effect::Notify(_) | Effect::ShowManual { .. } | Effect::Rejected(_) => continue,
            };
            let Some(t) = self.ids.iter().position(|id| id == target) else {
                continue;
            };
            let known = engine.state.targets.get(target).and_then(|t| t.accepted);
            let order = Order {
                op,
                to,
                raises,
                generation,
                known: known.filter(|_| raises),
            };
            if raises {
                engine.intended.push((t, order));
            } else {
                engine.hands[t] = Hand::Begun(order);
                world.targets[t].abandon(e);
            }
        }
        if to_finish(&engine.state) && !to_finish(&before) {
            world.intents[e] = true;
        }
        self.waits(world, e, &event, &effects);
        self.writes(world, e);
    }

    /// What a step that is not the product's would make of it.
    pub(crate) fn spoil(&self, before: &State, after: &mut State) {
        if self.flaw == Flaw::NoLatch && after.latch.is_some() && before.stage.is_running() {
            after.latch = None;
            after.stage = before.stage;
        }
    }

    /// The scribe: all that waits goes into the journal, and the raises that waited for it begin.
    pub(crate) fn writes(&self, world: &mut World, e: usize) {
        let Some(engine) = &mut world.engines[e] else { return };
        if engine.cut_off {
            return;
        }
        let (life, live) = (engine.life, engine.state.clone());
        if let Some(unwritten) = engine.unwritten.take() {
            self.enters(world, e, life, unwritten);
        }
        let journal = &world.journal;
        if journal.writer == life && !journal.foreign && !same(&journal.state, &live) {
            world.broken = Some(Broken::ReplayDiffers);
        }
        if !to_finish(&live) {
            world.intents[e] = false;
        }
        self.begins_raises(world, e);
    }

    /// `Owner::written`: what came in between stops a raise.
    fn begins_raises(&self, world: &mut World, e: usize) {
        let now = at(world.tick);
        let Some(engine) = &mut world.engines[e] else { return };
        let mut overtaken = Vec::new();
        for (t, order) in std::mem::take(&mut engine.intended) {
            let target = engine.state.targets.get(&self.ids[t]);
            if target.and_then(|t| t.op).is_none_or(|op| op.id != order.op) {
                continue;
            }
            if blockers(&self.plan, &engine.state, now).is_empty() {
                engine.hands[t] = Hand::Begun(order);
                world.targets[t].abandon(e);
            } else {
                overtaken.push((t, order));
            }
        }
        for (t, order) in overtaken {
            self.reports(
                world,
                e,
                t,
                Report::Failed {
                    op: order.op,
                    failure: failed("raise.overtaken"),
                },
            );
        }
    }

    /// The store answers that it takes nothing: what waited for it is not raised.
    pub(crate) fn store_fails(&self, world: &mut World, e: usize) {
        let Some(engine) = &mut world.engines[e] else { return };
        for (t, order) in std::mem::take(&mut engine.intended) {
            self.reports(
                world,
                e,
                t,
                Report::Failed {
                    op: order.op,
                    failure: failed("store.fault"),
                },
            );
        }
    }

    pub(crate) fn reports(&self, world: &mut World, e: usize, t: usize, report: Report) {
        let target = self.ids[t].clone();
        self.happens(world, e, Event::Target { target, report });
    }

    /// An engine starts: it takes the lease, or begins without, replays the journal, and goes on with what is open.
    pub(crate) fn take_up(&self, world: &mut World, e: usize, helm: bool) {
        let epoch = if helm { self.takes_lease(world, e) } else { 0 };
        let life = world.lives;
        world.lives += 1;
        world.engines[e] = Some(Engine {
            state: world.journal.state.clone(),
            hands: Default::default(),
            unwritten: None,
            intended: Vec::new(),
            mail: Vec::new(),
            away: None,
            asleep: false,
            woken: false,
            // Until it says under which epoch: what goes before that is written with it.
            cut_off: true,
            lost: !helm,
            epoch,
            life,
            superseded: false,
        });
        let resumes = world.intents[e];
        let finished = world.journal.state.rollback.as_ref();
        let finished = finished.is_some_and(|r| r.level == Level::Total && r.verified_at.is_some());
        if helm {
            (world.journal.writer, world.journal.foreign) = (life, false);
        }
        if life > 0 {
            let from = world.journal.last;
            self.happens(world, e, Event::Gap { from });
        }
        if let Some(engine) = &mut world.engines[e] {
            engine.cut_off = false;
        }
        self.happens(world, e, Event::Helm(helm.then_some(epoch)));
        self.writes(world, e);
        let Some(engine) = &mut world.engines[e] else { return };
        for (t, id) in self.ids.iter().enumerate() {
            let Some((op, known)) = engine.state.targets.get(id).and_then(|t| Some((t.op?, t.accepted))) else {
                continue;
            };
            let raises = op.kind == OpKind::Raise;
            let order = Order {
                op: op.id,
                to: op.to,
                raises,
                generation: op.generation,
                known: known.filter(|_| raises),
            };
            engine.hands[t] = if raises {
                Hand::Unknown(order)
            } else {
                Hand::Begun(order)
            };
        }
        if resumes && !finished {
            let (level, cause) = (Level::Total, Cause::Resumed);
            self.happens(
                world,
                e,
                Event::RollBack {
                    level,
                    cause,
                    confirmed: true,
                },
            );
        } else {
            world.intents[e] = false;
        }
    }

    /// A person arms: the checks read the targets first.
    pub(crate) fn arms(&self, world: &mut World, e: usize) {
        let live = self
            .ids
            .iter()
            .cloned()
            .zip(world.targets.iter().map(|t| t.weight))
            .collect();
        let (by, failed) = (person(), Vec::new());
        self.happens(world, e, Event::Arm { by, live, failed });
    }

    /// Whether it has been told to put everything back, and nobody has reset that.
    pub(crate) fn knows_of_rollback(engine: &Engine) -> bool {
        engine.state.rollback.as_ref().is_some_and(|r| r.level == Level::Total)
    }

    /// A raise goes out: what may never be is looked for here.
    pub(crate) fn judge_raise(&self, world: &mut World, e: usize, t: usize, order: &Order) {
        let Some(engine) = &world.engines[e] else { return };
        let (life, generation) = (engine.life, order.generation);
        let recorded = engine.unwritten.is_none() || {
            let written = world.journal.state.targets.get(&self.ids[t]);
            world.journal.writer != life || written.and_then(|t| t.op).is_some_and(|op| op.id == order.op)
        };
        let marked = world.targets[t].mark.is_some_and(|mark| mark >= generation);
        let shared = world
            .raised
            .iter()
            .any(|(epoch, by)| *epoch == generation.epoch && *by != life);
        if (Self::knows_of_rollback(engine) || marked) && order.to > Weight::ZERO {
            world.broken = Some(Broken::RaisedAfterRollback);
        } else if shared {
            world.broken = Some(Broken::SharedEpoch);
        } else if !recorded {
            world.broken = Some(Broken::RaisedUnwritten);
        } else if !world.raised.contains(&(generation.epoch, life)) {
            world.raised.push((generation.epoch, life));
        }
    }
}
