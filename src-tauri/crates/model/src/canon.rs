//! Worlds that differ only by what nobody compares are one world.
//!
//! Operations are told apart by their numbers, never by which is greater; where none is open the count may begin anew.
//! What a finished rollback has left of the phase that it came from is cleared by the reset, before anybody looks at it again.
//! Generations are compared only with others of the same epoch, so all of an epoch may be counted from its least.

use std::collections::BTreeMap;
use std::sync::Arc;

use timonel_domain::rollout::{Cause, Generation, Stage, State, Stopwatch};
use timonel_domain::time::Timestamp;
use timonel_domain::value::Weight;

use crate::plan::at;
use crate::world::{Engine, Hand, Unwritten, World};

pub(crate) fn canonical(world: &mut World) {
    every_state(world, &mut forget_what_is_over);
    count_operations_anew(world);
    let mut least = BTreeMap::new();
    let mut differs = false;
    every_generation(world, &mut |generation| {
        let least = least.entry(generation.epoch).or_insert(generation.revision);
        *least = generation.revision.min(*least);
    });
    differs |= least.values().any(|least| *least > 0);
    if differs {
        every_generation(world, &mut |generation| generation.revision -= least[&generation.epoch]);
    }
}

fn every_state(world: &mut World, each: &mut impl FnMut(&mut Arc<State>)) {
    each(&mut world.journal.state);
    for engine in world.engines.iter_mut().flatten() {
        each(&mut engine.state);
        if let Some(Unwritten::Made { state, .. }) = &mut engine.unwritten {
            each(state);
        }
    }
}

/// Whether two states are one, but for what nobody looks at again.
pub(crate) fn same(one: &Arc<State>, other: &Arc<State>) -> bool {
    let over = |state: &Arc<State>| {
        let mut state = state.clone();
        forget_what_is_over(&mut state);
        state
    };
    one == other || over(one) == over(other)
}

fn forget_what_is_over(state: &mut Arc<State>) {
    let verified = state
        .rollback
        .as_ref()
        .is_some_and(|rollback| rollback.verified_at.is_some());
    if state.stage != Stage::RolledBack || !verified {
        return;
    }
    let state = Arc::make_mut(state);
    state.holds.clear();
    state.approvals.clear();
    state.bake = Stopwatch::default();
    state.epoch = None;
    state.steady_since = None;
    if let Some(latch) = &mut state.latch {
        latch.since = at(0);
    }
    if let Some(rollback) = &mut state.rollback {
        (rollback.decided_at, rollback.verified_at) = (at(0), Some(at(0)));
        (rollback.breach_at, rollback.from, rollback.cause) = (None, Weight::ZERO, Cause::Resumed);
    }
    for target in state.targets.values_mut() {
        let known = |mark: Option<Timestamp>| mark.map(|_| at(0));
        (target.marks.accepted, target.marks.read_back) = (known(target.marks.accepted), known(target.marks.read_back));
    }
}

fn count_operations_anew(world: &mut World) {
    let closed = |state: &State| state.targets.values().all(|target| target.op.is_none());
    let idle = |engine: &Engine| {
        closed(&engine.state)
            && engine.hands.iter().all(|hand| *hand == Hand::Idle)
            && engine.mail.is_empty()
            && engine.intended.is_empty()
            && engine.unwritten.is_none()
    };
    let begins = |state: &mut Arc<State>| {
        if state.next_op > 1 {
            Arc::make_mut(state).next_op = 1;
        }
    };
    let mut writes = false;
    for engine in world.engines.iter_mut().flatten() {
        if idle(engine) {
            begins(&mut engine.state);
            if engine.life == world.journal.writer && closed(&world.journal.state) {
                begins(&mut world.journal.state);
            }
        }
        writes |= engine.life == world.journal.writer;
    }
    if !writes && closed(&world.journal.state) {
        begins(&mut world.journal.state);
    }
}

/// States are shared, and are made anew only where something changes.
fn every_generation(world: &mut World, each: &mut impl FnMut(&mut Generation)) {
    let mut of_state = |state: &mut Arc<State>| {
        let mut all = [state.generation].to_vec();
        all.extend(state.latch.iter().map(|latch| latch.generation));
        all.extend(state.targets.values().filter_map(|target| Some(target.op?.generation)));
        let before = all.clone();
        all.iter_mut().for_each(&mut *each);
        if all == before {
            return;
        }
        let state = Arc::make_mut(state);
        let mut all = all.into_iter();
        let ops = state
            .targets
            .values_mut()
            .filter_map(|target| Some(&mut target.op.as_mut()?.generation));
        let latch = state.latch.iter_mut().map(|latch| &mut latch.generation);
        let places = std::iter::once(&mut state.generation).chain(latch).chain(ops);
        places.zip(&mut all).for_each(|(place, generation)| *place = generation);
    };
    every_state(world, &mut of_state);
    for engine in world.engines.iter_mut().flatten() {
        for hand in &mut engine.hands {
            match hand {
                Hand::Begun(order) | Hand::Sent(order) | Hand::Accepted(order) | Hand::Unknown(order) => {
                    each(&mut order.generation);
                }
                Hand::Idle => {}
            }
        }
        engine
            .intended
            .iter_mut()
            .for_each(|(_, order)| each(&mut order.generation));
    }
    world
        .targets
        .iter_mut()
        .for_each(|target| target.every_generation(each));
}
