//! The contract of [`Target`], the same for every adapter: each case is a name, a fault or a deed, and what must follow.
//!
//! An adapter's test brings a [`Harness`], which stands for the control plane: it makes fresh ones, breaks them,
//! looks at the live weight past the adapter, and plays the competitor. [`contract`] runs every case that the harness can play and
//! says which those were; a case that does not hold panics with its name.
//!
//! Deliberately not here: what a plan's bytes look like. That is each adapter's own affair, tested beside it.

mod deeds;
mod faults;
mod shell;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use timonel_domain::value::{TenantId, Weight};
use timonel_ports::clock::SharedClock;
use timonel_ports::target::{Target, TargetError};

use deeds::{
    conflict, drift, drill, is_idempotent, late_overwrite, late_raise, later_raises, leaves_mark, lever,
    lower_never_raises, mark_keeps, pins, polls_elsewhere, reads_back, rounds_down, set_drift, stale_never_raises,
    tells_change,
};
use faults::{answer_lost, fails, hang, partial, preflight, write_fails};
use shell::commands;

/// How long the contract waits for an operation to end, on the harness's clock.
const PATIENCE: Duration = Duration::from_secs(600);
/// The deadline that DESIGN.md gives one call.
const DEADLINE: Duration = Duration::from_secs(5);

/// What can go wrong with a control plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Requests get no answer, and have no effect.
    Hang,
    /// Connections are reset before an answer, with no effect.
    Reset,
    /// A write is done, but its answer never comes.
    AnswerLost,
    /// 401.
    Unauthenticated,
    /// 403.
    Forbidden,
    /// 404: the object is gone.
    Missing,
    /// 429, with `Retry-After` where given.
    Throttled {
        /// In whole seconds.
        retry_after: Option<Duration>,
    },
    /// 500.
    ServerError,
    /// 200 with a web page instead of JSON.
    Html,
    /// A validation refuses every change.
    Refuses,
    /// What the control plane needs for a change is down, reads go on.
    WritesDown,
    /// An operation does part of what it should.
    Partial,
}

/// Where a person's command runs.
#[derive(Debug, Clone, Default)]
pub struct Shell {
    /// Variables that the command may use: addresses, tokens, where a configuration is.
    pub environment: Vec<(String, String)>,
}

/// The control plane of one adapter's test.
#[async_trait]
pub trait Harness: Send {
    /// The clock that the target and its control plane share.
    fn clock(&self) -> SharedClock;
    /// A control plane without faults and marks at `weight`, and a target that has not read it yet.
    async fn fresh(&mut self, weight: Weight) -> Arc<dyn Target>;
    /// Makes the control plane go wrong until [`Harness::heal`]; `false` where it cannot go wrong in this way.
    async fn inject(&mut self, fault: Fault) -> bool;
    /// Ends all faults.
    async fn heal(&mut self);
    /// The live weight, past the adapter.
    async fn live(&mut self) -> Weight;
    /// Somebody else sets the weight.
    async fn write_as(&mut self, who: &str, weight: Weight);
    /// What [`Target::read`] calls that somebody, where the control plane tells.
    fn known_as(&self, who: &str) -> Option<String>;
    /// A tenant whose members a target that pins can keep on stable; `None` where it cannot pin.
    fn tenant(&self) -> Option<TenantId> {
        None
    }
    /// Whether new units of that tenant reach the canary, past the adapter.
    async fn reaches_canary(&mut self, tenant: &TenantId) -> bool {
        unreachable!("{tenant}: no tenant was named")
    }
    /// Where to run a manual command against this control plane; `None` where `program` is not there or cannot reach it.
    async fn shell(&mut self, program: &str) -> Option<Shell>;
}

/// What [`contract`] did.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The cases that ran and held.
    pub ran: Vec<&'static str>,
    /// The cases that this control plane cannot play.
    pub cannot: Vec<&'static str>,
}

impl std::fmt::Display for Report {
    /// One line a case.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.ran.iter().try_for_each(|case| writeln!(f, "holds       {case}"))?;
        self.cannot
            .iter()
            .try_for_each(|case| writeln!(f, "cannot play {case}"))
    }
}

/// Whether a case could be played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Played {
    Yes,
    No,
}

type Case = for<'a> fn(&'a mut dyn Harness) -> Pin<Box<dyn Future<Output = Played> + Send + 'a>>;

/// Every case that needs no program of a person's shell. Panics where one does not hold.
pub async fn contract(harness: &mut dyn Harness) -> Report {
    let cases: &[(&'static str, Case)] = &[
        ("reads back what it wrote", |h| Box::pin(reads_back(h))),
        ("is idempotent", |h| Box::pin(is_idempotent(h))),
        ("rounds down to what it can hold", |h| Box::pin(rounds_down(h))),
        ("an operation can be polled by another process", |h| {
            Box::pin(polls_elsewhere(h))
        }),
        ("a lower leaves its mark", |h| Box::pin(leaves_mark(h))),
        ("a mark keeps the same generation from raising", |h| {
            Box::pin(mark_keeps(h))
        }),
        ("a later generation raises over a mark", |h| Box::pin(later_raises(h))),
        ("a lower never raises", |h| Box::pin(lower_never_raises(h))),
        ("a stale generation never raises", |h| Box::pin(stale_never_raises(h))),
        ("a raise planned before a rollback does not land after it", |h| {
            Box::pin(late_raise(h))
        }),
        ("a write over somebody else's is a conflict (409)", |h| {
            Box::pin(conflict(h))
        }),
        ("a late overwrite is seen", |h| Box::pin(late_overwrite(h))),
        ("drift up is seen, with who did it", |h| Box::pin(drift(h, 5, 40))),
        ("drift down is seen, with who did it", |h| Box::pin(drift(h, 40, 5))),
        (
            "the instant lever takes everything off, and is released only when nothing is left behind it",
            |h| Box::pin(lever(h)),
        ),
        ("a drill at 0 % pulls the lever and releases it", |h| Box::pin(drill(h))),
        ("a pinned tenant is taken off and stays off", |h| Box::pin(pins(h))),
        ("a set is compared by its members", |h| Box::pin(set_drift(h))),
        ("a change is told without being asked", |h| Box::pin(tells_change(h))),
        ("no answer ends with the deadline", |h| Box::pin(hang(h))),
        ("a lost answer is read back and can be repeated", |h| {
            Box::pin(answer_lost(h))
        }),
        ("a reset connection is unreachable", |h| {
            Box::pin(fails(h, Fault::Reset, |e| matches!(e, TargetError::Unreachable { .. })))
        }),
        ("401 is unauthenticated", |h| {
            Box::pin(fails(h, Fault::Unauthenticated, |e| {
                matches!(e, TargetError::Unauthenticated { .. })
            }))
        }),
        ("403 is forbidden", |h| {
            Box::pin(fails(h, Fault::Forbidden, |e| {
                matches!(e, TargetError::Forbidden { .. })
            }))
        }),
        ("404 is missing", |h| {
            Box::pin(fails(h, Fault::Missing, |e| matches!(e, TargetError::Missing { .. })))
        }),
        ("429 without Retry-After is throttled", |h| {
            let fault = Fault::Throttled { retry_after: None };
            Box::pin(fails(h, fault, |e| {
                matches!(e, TargetError::Throttled { retry_after: None, .. })
            }))
        }),
        ("429 with Retry-After says how long", |h| {
            let fault = Fault::Throttled {
                retry_after: Some(Duration::from_secs(7)),
            };
            Box::pin(fails(
                h,
                fault,
                |e| matches!(e, TargetError::Throttled { retry_after: Some(d), .. } if d.as_secs() == 7),
            ))
        }),
        ("500 is unavailable", |h| {
            Box::pin(fails(h, Fault::ServerError, |e| {
                matches!(e, TargetError::Unavailable { .. })
            }))
        }),
        ("HTML instead of JSON is garbled", |h| {
            Box::pin(fails(h, Fault::Html, |e| matches!(e, TargetError::Garbled { .. })))
        }),
        ("a validation's refusal says what it says", |h| {
            Box::pin(write_fails(h, Fault::Refuses, |e| {
                matches!(e, TargetError::Refused { .. })
            }))
        }),
        ("writes that are down do not hide the reading", |h| {
            Box::pin(write_fails(h, Fault::WritesDown, |e| {
                matches!(e, TargetError::Unavailable { .. })
            }))
        }),
        ("a partial success is said and can be finished", |h| {
            Box::pin(partial(h))
        }),
        ("preflight passes, and writes nothing", |h| Box::pin(preflight(h))),
    ];
    let mut report = Report::default();
    for (name, case) in cases {
        harness.heal().await;
        // A panic carries the place, not the case: the last line printed says which one it was.
        println!("contract: {name}");
        match case(harness).await {
            Played::Yes => report.ran.push(name),
            Played::No => report.cannot.push(name),
        }
    }
    harness.heal().await;
    report
}

/// The commands that a person would paste, run in bash. Apart from [`contract`], since other programs see no virtual
/// time: let it pass at real speed meanwhile. Panics where one does not hold.
pub async fn manual_commands(harness: &mut dyn Harness) -> Report {
    const KNOWN: &str = "manual commands after a reading";
    const UNKNOWN: &str = "manual commands without any reading";
    let mut report = Report::default();
    for (name, read) in [(KNOWN, true), (UNKNOWN, false)] {
        println!("contract: {name}");
        match commands(harness, read).await {
            Played::Yes => report.ran.push(name),
            Played::No => report.cannot.push(name),
        }
    }
    report
}
