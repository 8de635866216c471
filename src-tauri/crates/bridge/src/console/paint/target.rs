//! One target of a picture: its three weights, what is under way there, and how far its last lowering is.

use timonel_domain::plan::Role;
use timonel_domain::rollout::{OpKind, TargetState};
use timonel_domain::value::{TargetId, Weight};
use timonel_engine::Snapshot;
use timonel_plan::parsed::Way;
use timonel_wire as wire;
use timonel_wire::{Arg, Sentence, duration_millis, millis};

use super::{Easel, Place};
use crate::console::past::Past;

/// One target; `None` for one that the plan or its adapter does not know.
pub(super) fn target(easel: &Easel, id: &TargetId, role: Role, now: &Snapshot, past: &Past) -> Option<wire::Target> {
    let state: &TargetState = now.state.targets.get(id)?;
    let Place { kind } = easel.places.get(id)?;
    let splits = role == Role::Splitter;
    let marks = state.marks;
    let observed = now.observed.filter(|_| splits);
    Some(wire::Target {
        id: id.to_string(),
        kind: (*kind).to_owned(),
        place: place(easel, id)?,
        role: match role {
            Role::Splitter => wire::RoleName::Splitter,
            Role::Follower => wire::RoleName::Follower,
        },
        requested: hundredths(state.op.map(|op| op.to).or(state.asked)),
        accepted: hundredths(state.accepted),
        read: hundredths(state.read),
        observed: hundredths(observed.and_then(|seen| seen.weight())),
        seen: observed.map(|seen| wire::Seen {
            canary: seen.canary,
            all: seen.all,
            over_ms: duration_millis(seen.over),
        }),
        members: state.members.map(|members| wire::Members {
            canary: members.canary,
            all: members.all,
        }),
        levered: state.levered.map(millis),
        op: state.op.map(|op| wire::Operation {
            kind: match op.kind {
                OpKind::Raise => wire::Operating::Raise,
                OpKind::Rollback => wire::Operating::Rollback,
                OpKind::PutBack => wire::Operating::PutBack,
                OpKind::Correction => wire::Operating::Correction,
                OpKind::Pin => wire::Operating::Pin,
            },
            to: op.to.hundredths(),
            since: millis(op.since),
            failures: op.failures,
            escalated: op.escalated,
        }),
        silent: state.silent.filter(|s| s.told).map(|s| millis(s.since)),
        drift: hundredths(state.drift),
        marks: wire::Marks {
            decided: now.state.rollback.as_ref().map(|r| millis(r.decided_at)),
            accepted: marks.accepted.map(millis),
            read_back: marks.read_back.map(millis),
            seen: marks.seen.map(millis),
            drained: marks.drained.map(millis),
            contrary: marks.contrary,
            seeable: splits && easel.plan.traffic.assigned.is_some(),
        },
        manual: past.manual.get(id).cloned().unwrap_or_default(),
    })
}

/// Where it is, as the plan reaches it.
fn place(easel: &Easel, id: &TargetId) -> Option<Sentence> {
    Some(match easel.ways.get(id)? {
        Way::VirtualService(way) => Sentence::new("place-virtual-service")
            .with("namespace", Arg::text(&way.namespace))
            .with("name", Arg::text(&way.name))
            .with("cluster", Arg::text(&way.cluster)),
        Way::NumberShare(way) => Sentence::new("place-number-share")
            .with("account", Arg::text(&way.account))
            .with("stable", Arg::text(&way.stable))
            .with("canary", Arg::text(&way.canary)),
    })
}

fn hundredths(weight: Option<Weight>) -> Option<u16> {
    weight.map(Weight::hundredths)
}
