//! What readings show of a rollout, whoever reads them: an engine that decides by it, or a viewer that only shows it. Deliberately
//! not here: what follows from any of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use timonel_domain::board::{Board, Freshness, Outlook};
use timonel_domain::plan::Plan;
use timonel_domain::rollout::State;
use timonel_domain::sample::{Sample, Value};
use timonel_domain::time::{Mono, Timestamp};
use timonel_domain::value::{RolloutId, Side, Weight};
use timonel_ports::target::{Goal, Target};

use crate::bulletin::{Acknowledgement, Manual, Snapshot};
use crate::helm::Standing;
use crate::traffic::Lookout;
use crate::watch::TICK;

/// Nobody watched if the next tick is this much late.
const STALL: Duration = Duration::from_secs(15);
/// A wall clock this far from where it should be was set; less is the work of a time server.
const SET: Duration = Duration::from_secs(5);

/// What must be known beside the samples to judge them.
pub(crate) fn outlook(state: &State, watching_since: Timestamp) -> Outlook {
    Outlook {
        phase: state.gated_phase(),
        canary_since: state.canary_since,
        watching_since,
        epoch: state.epoch,
    }
}

/// After a start: the evidence of the present phase, from all its samples that were kept.
pub(crate) fn believe(board: &mut Board, state: &State, mut samples: Vec<Sample>) {
    samples.sort_by_key(|sample| sample.as_of);
    board.restore(state.epoch, &samples);
}

/// After a start: the windows and states of the rules as they stood, from the samples that were kept. What happened
/// while nobody ran is missing data to them, as it was.
pub(crate) fn remember(board: &mut Board, outlook: Outlook, mut samples: Vec<Sample>, now: Timestamp) {
    samples.sort_by_key(|sample| sample.as_of);
    let Some(mut at) = samples.first().map(|first| first.as_of) else {
        return;
    };
    let mut samples = samples.into_iter().peekable();
    while at < now {
        while let Some(sample) = samples.next_if(|sample| sample.as_of <= at) {
            board.observe(sample);
        }
        board.assess(outlook, at);
        at = at + TICK;
    }
}

/// A time in which nobody watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stall {
    /// How long it was.
    pub(crate) passed: Duration,
    /// Whether the wall clock was set: what was counted by it, and the times of samples, mean nothing any more.
    pub(crate) was_set: bool,
}

/// Whether nobody watched between the last tick, at `last` by both clocks, and now.
pub(crate) fn stall((last, at): (Mono, Timestamp), mono: Mono, now: Timestamp) -> Option<Stall> {
    let passed = mono.saturating_since(last);
    let expected = at + passed;
    let was_set = now.since(expected).max(expected.since(now)) > SET;
    (passed > TICK + STALL || was_set).then_some(Stall { passed, was_set })
}

/// The commands by which a person lowers a target that does not confirm.
pub(crate) fn manual(target: &dyn Target, to: Weight, state: &State) -> Manual {
    let id = target.describe().id;
    // The mark that a person leaves by hand is that of the lowering that did not come through.
    let op = state.targets.get(&id).and_then(|t| t.op).map(|op| op.generation);
    let latch = state.latch.as_ref().map(|latch| latch.generation);
    let goal = Goal::Lower {
        to,
        generation: op.or(latch).unwrap_or(state.generation),
        pins: state.pins.clone(),
    };
    Manual {
        commands: target.manual_commands(&goal),
        target: id,
    }
}

/// The picture at a moment, as far as readings and the state tell it: nothing of a journal of one's own, and of the helm nothing.
pub(crate) fn snapshot(
    rollout: &RolloutId,
    plan: &Arc<Plan>,
    state: &Arc<State>,
    board: &Board,
    lookout: &Lookout,
    acknowledged: &BTreeMap<String, Acknowledgement>,
    now: Timestamp,
) -> Snapshot {
    let sides = plan
        .signals
        .iter()
        .flat_map(|s| s.sides.iter().map(move |side| (s.id.clone(), *side)));
    let (mut freshness, mut newest) = (BTreeMap::new(), BTreeMap::new());
    for (id, side) in sides {
        let of_side = board.newest(&id, side).map(|sample| sample.as_of);
        freshness.insert((id.clone(), side), board.freshness(&id, side, now));
        newest.extend(of_side.map(|as_of| ((id, side), as_of)));
    }
    let gated = state.gated_phase();
    Snapshot {
        rollout: rollout.clone(),
        plan: plan.clone(),
        at: now,
        state: state.clone(),
        freshness,
        newest,
        rules: board.rules_seen(now),
        evidence: board.evidence().sights(plan, gated),
        gates: gated.map(|phase| board.gates_seen(phase, now)).unwrap_or_default(),
        active: active(plan, board, now),
        acknowledged: acknowledged.clone(),
        observed: lookout.observed(now),
        entries: 0,
        unwritten: 0,
        store_fault: None,
        // Kept beside whoever shows it, who waits for nobody: whoever hands this on knows.
        helm: Standing::default(),
        looking_on: None,
    }
}

/// Units in progress, where what counts them is fresh.
fn active(plan: &Plan, board: &Board, now: Timestamp) -> BTreeMap<Side, u64> {
    let Some(signal) = &plan.traffic.active else {
        return BTreeMap::new();
    };
    let of = |side: Side| {
        let live = board.freshness(signal, side, now) == Freshness::Live;
        match board.newest(signal, side).filter(|_| live)?.value {
            Value::Level(level) => Some((side, u64::try_from(level.micros() / 1_000_000).ok()?)),
            Value::Ratio { .. } | Value::Distribution { .. } | Value::Count { .. } => None,
        }
    };
    [Side::Stable, Side::Canary].into_iter().filter_map(of).collect()
}
