//! From a person's order to the engine's wish, and back from what happened to whose order it was.

use timonel_domain::plan::Plan;
use timonel_domain::rollout::{Cause, Effect, Event, Hold, Level, State, step};
use timonel_domain::time::Timestamp;
use timonel_domain::value::{ChecklistId, Person, TargetId, TenantId};
use timonel_engine::Snapshot;
use timonel_engine::command::Wish;
use timonel_wire::{Aim, Arg, HoldName, Order, Receipt, Sentence, WireError, told};

use super::LONGEST_COMMENT;

/// Whether what is `open` is what a person had before them. The one place where that is decided, for every order and every
/// acknowledgement of every surface.
pub(super) fn aimed(aim: &Aim, open: &Aim) -> Result<(), WireError> {
    if aim == open {
        return Ok(());
    }
    let other = Sentence::new("error-other-rollout")
        .with("rollout", Arg::text(&aim.rollout))
        .with("environment", Arg::text(&aim.environment))
        .with("open", Arg::text(&open.rollout))
        .with("place", Arg::text(&open.environment));
    Err(WireError(other))
}

/// The wish of an order that is one; signing all is several ([`unsigned`]).
pub(crate) fn wish(order: Order) -> Result<Wish, WireError> {
    Ok(match order {
        Order::Arm => Wish::Arm,
        Order::Start => Wish::Start,
        Order::Sign { checklist } => Wish::Sign {
            checklist: ChecklistId::new(&checklist).map_err(|_| unknown())?,
        },
        Order::SignAll => return Err(unknown()),
        Order::Approve => Wish::Approve,
        Order::Freeze { reason } => Wish::Freeze {
            reason: bounded(reason)?,
        },
        Order::Release { hold: name, reason } => Wish::Release {
            hold: hold(&name)?.into(),
            reason: bounded(reason)?,
        },
        Order::RollBack { confirmed } => Wish::RollBack {
            level: Level::Total.into(),
            confirmed,
        },
        Order::Reset { reason } => Wish::Reset {
            reason: bounded(reason)?,
        },
        Order::Pin { tenant, reason } => Wish::Pin {
            tenant: TenantId::new(&tenant).map_err(|_| unknown())?,
            reason: bounded(reason)?,
        },
        Order::Unpin { tenant, reason } => Wish::Unpin {
            tenant: TenantId::new(&tenant).map_err(|_| unknown())?,
            reason: bounded(reason)?,
        },
        Order::Drill => Wish::Drill,
        Order::Close => Wish::Close,
    })
}

/// The wishes that sign every list that nobody has signed.
pub(super) fn unsigned(snapshot: &Snapshot) -> Vec<Wish> {
    let lists = snapshot.plan.checklists.iter();
    let open = lists.filter(|list| !snapshot.state.signed.contains_key(&list.id));
    open.map(|list| Wish::Sign {
        checklist: list.id.clone(),
    })
    .collect()
}

/// Whether this is what became of a wish of this person. Two of the same kind by one person answer each other: that is the
/// same answer.
pub(super) fn is_of(event: &Event, wish: &Wish, person: &Person) -> bool {
    match (event, wish) {
        (Event::Arm { by, .. }, Wish::Arm)
        | (Event::Start { by }, Wish::Start)
        | (Event::Approve { by }, Wish::Approve)
        | (Event::Override { by, .. }, Wish::Override { .. })
        | (Event::Freeze { by, .. }, Wish::Freeze { .. })
        | (Event::Release { by, .. }, Wish::Release { .. })
        | (
            Event::RollBack {
                cause: Cause::Person(by),
                ..
            },
            Wish::RollBack { .. },
        )
        | (Event::Pin { by, .. }, Wish::Pin { .. })
        | (Event::Unpin { by, .. }, Wish::Unpin { .. })
        | (Event::Drill { by }, Wish::Drill)
        | (Event::Reset { by, .. }, Wish::Reset { .. })
        | (Event::Close { by }, Wish::Close) => by == person,
        (Event::Sign { by, checklist }, Wish::Sign { checklist: asked }) => by == person && checklist == asked,
        _ => false,
    }
}

/// What a step that is a person's order says of it: in force, or why not.
pub(super) fn taken(effects: &[Effect]) -> Result<Receipt, WireError> {
    let refused = effects.iter().find_map(|effect| match effect {
        Effect::Rejected(rejection) => Some(told::rejection(rejection)),
        Effect::Raise { .. } | Effect::Lower { .. } | Effect::Notify(_) | Effect::ShowManual { .. } => None,
    });
    match refused {
        Some(why) => Err(WireError(why)),
        None => Ok(Receipt::Taken),
    }
}

/// The orders that would be taken now: those that the step itself would not reject.
pub(super) fn possible(plan: &Plan, state: &State, now: Timestamp) -> Vec<String> {
    let by = || Person::new("consola").expect("a good id");
    let reason = || "…".to_owned();
    let live = || {
        plan.targets
            .iter()
            .map(|t| (t.id.clone(), timonel_domain::value::Weight::ZERO))
    };
    let mut asked = vec![
        (
            "arm",
            Event::Arm {
                by: by(),
                live: live().collect(),
                failed: Vec::new(),
            },
        ),
        ("start", Event::Start { by: by() }),
        ("approve", Event::Approve { by: by() }),
        (
            "freeze",
            Event::Freeze {
                by: by(),
                reason: reason(),
            },
        ),
        (
            "roll-back",
            Event::RollBack {
                level: Level::Total,
                cause: Cause::Person(by()),
                confirmed: true,
            },
        ),
        ("drill", Event::Drill { by: by() }),
        ("close", Event::Close { by: by() }),
        (
            "reset",
            Event::Reset {
                by: by(),
                reason: reason(),
            },
        ),
    ];
    if let Some(list) = plan.checklists.iter().find(|l| !state.signed.contains_key(&l.id)) {
        let checklist = list.id.clone();
        asked.push(("sign-all", Event::Sign { by: by(), checklist }));
    }
    if let Some(hold) = state.holds.iter().find(|h| !h.clears_by_itself()).cloned() {
        let reason = reason();
        asked.push(("release", Event::Release { by: by(), hold, reason }));
    }
    if let Some(tenant) = plan.tenants.iter().find(|t| !state.pins.contains(&t.id)) {
        let (tenant, reason) = (tenant.id.clone(), reason());
        asked.push((
            "pin",
            Event::Pin {
                by: by(),
                tenant,
                reason,
            },
        ));
    }
    if let Some(tenant) = state.pins.first().cloned() {
        let reason = reason();
        asked.push((
            "unpin",
            Event::Unpin {
                by: by(),
                tenant,
                reason,
            },
        ));
    }
    let taken = |event: &Event| {
        let (next, effects) = step(plan, state, event, now);
        let rejected = effects.iter().any(|e| matches!(e, Effect::Rejected(_)));
        !rejected && (next != *state || !effects.is_empty())
    };
    asked
        .into_iter()
        .filter(|(_, event)| taken(event))
        .map(|(name, _)| name.to_owned())
        .collect()
}

/// Whether a total rollback needs a second press now.
pub(super) fn needs_confirmation(plan: &Plan, state: &State, now: Timestamp) -> bool {
    let press = Event::RollBack {
        level: Level::Total,
        cause: Cause::Person(Person::new("consola").expect("a good id")),
        confirmed: false,
    };
    let (_, effects) = step(plan, state, &press, now);
    effects.iter().any(|effect| match effect {
        Effect::Rejected(timonel_domain::rollout::Rejection::StableGone { .. }) => true,
        Effect::Rejected(_)
        | Effect::Raise { .. }
        | Effect::Lower { .. }
        | Effect::Notify(_)
        | Effect::ShowManual { .. } => false,
    })
}

fn hold(name: &HoldName) -> Result<Hold, WireError> {
    let target = |id: &str| TargetId::new(id).map_err(|_| unknown());
    Ok(match name {
        HoldName::Operator => Hold::Operator,
        HoldName::Alert => Hold::Alert,
        HoldName::Drift { target: id } => Hold::Drift(target(id)?),
        HoldName::Shift { target: id } => Hold::Shift(target(id)?),
        HoldName::Gap => Hold::Gap,
        HoldName::HelmLost => Hold::HelmLost,
        HoldName::NoEvidence => Hold::NoEvidence,
    })
}

fn bounded(reason: String) -> Result<String, WireError> {
    if reason.chars().count() > LONGEST_COMMENT {
        return Err(WireError::new("error-comment-too-long"));
    }
    Ok(reason)
}

fn unknown() -> WireError {
    WireError::new("rejection-unknown")
}
