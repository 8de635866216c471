//! What the checker itself cannot say: where runs end, and whether a safe end can be reached from everywhere.
//!
//! The checker walks the model; each change that it makes is noted here. Afterwards the noted graph is walked backwards.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use stateright::{Checker, Expectation, HasDiscoveries, Model};

use crate::world::{Rollouts, World};

type Print = u64;

/// Every change that was made, by the prints of both worlds.
#[derive(Debug, Default)]
pub(crate) struct Graph(Mutex<Noted>);

#[derive(Debug, Default)]
struct Noted {
    walked: usize,
    changes: Vec<(Print, Print)>,
    safe: HashSet<Print>,
}

impl Graph {
    /// All that can follow on one more state was asked for.
    pub(crate) fn walks(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).walked += 1;
    }

    fn walked(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).walked
    }

    pub(crate) fn note(&self, before: &World, after: &World) {
        let (from, to) = (print(before), print(after));
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        noted.changes.push((from, to));
        if after.is_safe() {
            noted.safe.insert(to);
        }
    }
}

fn print(world: &impl Hash) -> Print {
    let mut hasher = DefaultHasher::new();
    world.hash(&mut hasher);
    hasher.finish()
}

/// What an exploration found.
#[derive(Debug)]
pub struct Found {
    /// Different states.
    pub states: usize,
    /// Changes from one to another.
    pub changes: usize,
    /// The longest way to a state.
    pub depth: usize,
    /// States in which nothing can happen any more.
    pub ends: usize,
    /// Properties that do not hold, with the way to where they do not.
    pub broken: Vec<(String, Vec<String>)>,
}

/// Walks everything within the bounds of `model`, on `threads` threads and for no longer than `limit`.
///
/// Panics where it did not come to an end within `limit`: what was not walked is not known.
pub fn explore(model: Rollouts, threads: usize, limit: Duration) -> Found {
    let checker = model.checker().threads(threads).timeout(limit);
    let checker = checker.finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    let walked = checker.model().graph.walked() == checker.unique_state_count();
    let broken: Vec<_> = checker
        .discoveries()
        .into_iter()
        .filter(|(name, _)| checker.model().property(name).expectation == Expectation::Always)
        .map(|(name, path)| {
            (
                name.to_owned(),
                path.into_actions().iter().map(|act| format!("{act:?}")).collect(),
            )
        })
        .collect();
    let states = checker.unique_state_count();
    assert!(
        walked || !broken.is_empty(),
        "not walked to the end within {limit:?}: {states} states so far"
    );
    let mut found = Found {
        states,
        changes: 0,
        depth: checker.max_depth(),
        ends: 0,
        broken,
    };
    if walked {
        let never = checker.model().properties().into_iter().filter(|property| {
            property.expectation == Expectation::Sometimes && checker.discovery(property.name).is_none()
        });
        found
            .broken
            .extend(never.map(|property| (format!("never: {}", property.name), Vec::new())));
        ends(checker.model(), &mut found);
    }
    found
}

/// Every run ends, every end is safe, and from everywhere one can be reached.
fn ends(model: &Rollouts, found: &mut Found) {
    let mut noted = model.graph.0.lock().unwrap_or_else(PoisonError::into_inner);
    let Noted { changes, safe, .. } = std::mem::take(&mut *noted);
    drop(noted);
    found.changes = changes.len();
    let (mut parent, mut into, mut out) = (HashMap::new(), HashMap::<Print, Vec<Print>>::new(), HashMap::new());
    for (from, to) in changes {
        parent.entry(to).or_insert(from);
        into.entry(to).or_default().push(from);
        *out.entry(from).or_insert(0u32) += 1;
        out.entry(to).or_insert(0);
    }
    let all: Vec<Print> = out.keys().copied().collect();
    let ends: Vec<Print> = all.iter().copied().filter(|state| out[state] == 0).collect();
    found.ends = ends.len();
    let mut say = |what: &str, state: Print| found.broken.push((what.to_owned(), way(model, &parent, state)));
    if let Some(unsafe_end) = ends.iter().find(|end| !safe.contains(end)) {
        say("every end is safe", *unsafe_end);
    }
    // Backwards from the safe ends; what is not met cannot reach one.
    let mut reach: HashSet<Print> = ends.iter().copied().filter(|end| safe.contains(end)).collect();
    let mut open: Vec<Print> = reach.iter().copied().collect();
    while let Some(state) = open.pop() {
        for before in into.get(&state).into_iter().flatten() {
            if reach.insert(*before) {
                open.push(*before);
            }
        }
    }
    if let Some(lost) = all.iter().find(|state| !reach.contains(state)) {
        say("a safe end can be reached from everywhere", *lost);
    }
    // Taken away from their ends one after the other, all states go, unless some are on a circle.
    let (mut left, mut open) = (out, ends);
    let mut gone = 0;
    while let Some(state) = open.pop() {
        gone += 1;
        for before in into.get(&state).into_iter().flatten() {
            let rest = left.entry(*before).or_insert(1);
            *rest -= 1;
            if *rest == 0 {
                open.push(*before);
            }
        }
    }
    if gone < all.len()
        && let Some(circling) = all.iter().find(|state| left[state] > 0)
    {
        say("every run ends", *circling);
    }
}

/// The acts that lead to a state, by the way on which it was first met.
fn way(model: &Rollouts, parent: &HashMap<Print, Print>, state: Print) -> Vec<String> {
    let mut prints = vec![state];
    let first = model.init_states();
    while let Some(before) = prints.last().and_then(|state| parent.get(state)) {
        prints.push(*before);
        if prints.last() == first.first().map(print).as_ref() {
            break;
        }
    }
    let mut acts = Vec::new();
    let mut world = first.into_iter().next();
    for next in prints.into_iter().rev().skip(1) {
        let Some(before) = &world else { break };
        let step = model
            .next_steps(before)
            .into_iter()
            .find(|(_, after)| print(after) == next);
        world = step.map(|(act, after)| {
            acts.push(format!("{act:?}"));
            after
        });
    }
    acts
}
