//! Which signals are told by finished calls that are pushed, and which are read at their source all the same.
//!
//! A plan says where its signals are read; whoever runs its engine may push the calls of one source instead, and what calls do
//! not tell of it (levels, calls in progress, new calls) is read as the plan says. So a plan is rehearsed, and judged, alike.

use std::sync::Arc;

use timonel_inbox::{Counts, Feed, Inbox, Inboxes};
use timonel_plan::parsed::{Parsed, SignalConfig, SourceConfig};
use timonel_ports::clock::SharedClock;
use tokio::net::TcpListener;

use super::{Connections, Rhythmic};
use crate::calls::counts;

/// Finished calls are pushed for the source of this name, of whatever plan has one.
#[derive(Debug, Clone)]
pub struct Pushed {
    /// The source's name in plans.
    pub source: String,
    /// Where they are handed in.
    pub inboxes: Inboxes,
}

impl Pushed {
    /// Takes what is handed in at `listener`, for as long as it is polled.
    pub fn receive(
        &self,
        listener: TcpListener,
        clock: SharedClock,
    ) -> impl Future<Output = ()> + Send + 'static + use<> {
        timonel_inbox::receive(listener, self.inboxes.clone(), clock)
    }
}

/// What pushed calls tell of a signal; `None` where it is read at its source.
fn told(signal: &SignalConfig, plan: &Parsed, connections: &Connections) -> Option<Counts> {
    let (pushed, _) = connections.pushed.as_ref()?;
    if signal.source != pushed.source {
        return None;
    }
    match counts(signal, &plan.plan)? {
        // Which calls are new is not told by those that have ended: after a rollback, old ones end on the canary for a while.
        Counts::Calls => None,
        told @ (Counts::Failed | Counts::Abandoned | Counts::Recognised | Counts::Latency(_) | Counts::Length(_)) => {
            Some(told)
        }
    }
}

/// The signals that are read at a source.
pub(super) fn read_at<'a>(
    config: &'a SourceConfig,
    plan: &'a Parsed,
    connections: &'a Connections,
) -> impl Iterator<Item = &'a SignalConfig> {
    let here = plan.signals.iter().filter(|signal| signal.source == config.name);
    here.filter(|signal| told(signal, plan, connections).is_none())
}

/// Whether a source is read at all: one of which nothing is left to be read is not.
pub(super) fn is_read(config: &SourceConfig, plan: &Parsed, connections: &Connections) -> bool {
    let pushed = connections.pushed.as_ref();
    pushed.is_none_or(|(pushed, _)| pushed.source != config.name) || read_at(config, plan, connections).next().is_some()
}

/// The inbox that stands in for a source, open from now on.
pub(super) fn inbox(
    config: &SourceConfig,
    plan: &Parsed,
    connections: &Connections,
    clock: &SharedClock,
) -> Option<Rhythmic> {
    let (pushed, rollout) = connections.pushed.as_ref()?;
    let here = plan.signals.iter().filter(|signal| signal.source == config.name);
    let feeds: Vec<Feed> = here
        .filter_map(|signal| {
            Some(Feed {
                signal: signal.id.clone(),
                sides: signal.queries.iter().map(|query| query.side).collect(),
                counts: told(signal, plan, connections)?,
            })
        })
        .collect();
    if feeds.is_empty() {
        return None;
    }
    let place = format!("the inbox of {rollout}");
    let inbox: Arc<Inbox> = pushed.inboxes.open(rollout, clock.clone(), place, feeds);
    Some((inbox, config.interval))
}
