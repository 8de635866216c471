//! Reading the live state: both applications, who is on the canary, and what is still under way.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::try_join;
use timonel_domain::time::Timestamp;
use timonel_domain::value::Weight;
use timonel_ports::clock::within;
use timonel_ports::target::{Reading, TargetError};

use super::NumberShare;
use super::jobs::of_ours;
use super::kit::Memory;
use super::mark::Marks;
use super::plan::Snapshot;
use super::settings::Settings;
use super::step::{FORM, Way};
use super::subset::{Number, apart};
use crate::account::{AccountError, List, Urgency};
use crate::api::{self, AuditEvent, ConnectionId, application, audit_events, first_numbers_on, numbers_on};

/// Who changed something is worth knowing, and not worth waiting for.
const WHO_WITHIN: Duration = Duration::from_secs(2);
/// How often a look reads every page.
const WHOLE_EVERY: Duration = Duration::from_secs(60);
/// So many are a page anyway.
const FEW: usize = 250;
/// The audit log's clock need not be ours.
const SKEW: Duration = Duration::from_secs(60);

impl NumberShare {
    /// Reads everything; who changed it is asked for only where numbers moved that we did not move.
    pub(super) async fn observe(&self, urgency: Urgency) -> Result<Reading, TargetError> {
        self.keeper.recall().await;
        let at = self.account.clock().now();
        let (snapshot, steady) = Box::pin(self.snapshot(urgency, at)).await?;
        let changed_by = self.changed_by(&snapshot).await;
        let crowd = self.planner().crowd(&snapshot, &BTreeSet::new());
        let levered = snapshot.is_levered();
        self.keeper.memory().last = Some(Arc::new(snapshot.clone()));
        let wavering = (!steady).then(|| "its list of numbers kept changing while it was read".to_owned());
        Ok(Reading {
            weight: if levered {
                Weight::ZERO
            } else {
                crowd.weight(snapshot.on_canary.iter().map(String::as_str))
            },
            apart: apart(&snapshot.on_canary, snapshot.aim.as_deref()),
            set: Some(crowd.members(snapshot.on_canary.len())),
            levered,
            unsettled: snapshot.unsettled().or(wavering),
            as_of: at,
            changed_by,
            mark: Marks::of(&snapshot.tags).mark,
            snapshot: serde_json::to_vec(&snapshot).map_err(|_| self.foreign())?,
        })
    }

    /// Everything as it is, and whether the lists kept still.
    async fn snapshot(&self, urgency: Urgency, at: Timestamp) -> Result<(Snapshot, bool), TargetError> {
        let unknown = self.keeper.memory().kit.numbers.is_empty();
        let (stable, canary, on_canary, jobs, on_stable) = try_join!(
            self.said(application(&self.account, urgency, &self.spec.stable)),
            self.said(application(&self.account, urgency, &self.spec.canary)),
            self.said(self.on_canary(urgency, at)),
            self.jobs(urgency),
            async {
                if unknown {
                    let listed = numbers_on(&self.account, Urgency::Target, &self.spec.stable);
                    self.said(listed).await.map(Some)
                } else {
                    Ok(None)
                }
            },
        )?;
        let steady = on_canary.steady && on_stable.as_ref().is_none_or(|list| list.steady);
        let on_canary = self.in_scope(&self.spec.canary, on_canary);
        self.keeper.memory().kit.stable = Some(Settings::of(&stable));
        self.remember(&canary);
        let mut memory = self.keeper.memory();
        if let Some(on_stable) = on_stable {
            let mut all = self.in_scope(&self.spec.stable, on_stable);
            all.extend(on_canary.iter().cloned());
            // A number that was moved while both were listed is on both.
            let mut seen = BTreeSet::new();
            all.retain(|number| seen.insert(number.id.clone()));
            memory.kit.list(&all, at);
        }
        let mut numbers = memory.kit.numbers();
        let known: BTreeSet<_> = numbers.iter().map(|number| number.id.clone()).collect();
        let strangers = on_canary.iter().filter(|number| !known.contains(number.id.as_str()));
        numbers.extend(strangers.map(|number| Number {
            id: number.id.as_str().to_owned(),
            e164: number.e164.clone(),
            calls: 0,
        }));
        let (open, known) = of_ours(&jobs, &numbers, |id| memory.ours.get(id) == Some(&Way::Stable));
        let snapshot = Snapshot {
            form: FORM,
            at,
            stable: Settings::of(&stable),
            canary: Settings::of(&canary),
            tags: canary.tags,
            own: memory.kit.own.clone(),
            numbers,
            on_canary: on_canary.iter().map(|number| number.id.as_str().to_owned()).collect(),
            aim: memory.kit.aim.clone(),
            open,
            known,
        };
        Ok((snapshot, steady))
    }

    /// Every number on the canary. A look between operations does not read hundreds of pages every few seconds: where their
    /// count and the first page are as at the last whole listing, and that is not long ago, that listing counts.
    async fn on_canary(&self, urgency: Urgency, at: Timestamp) -> Result<List<api::Number>, AccountError> {
        let former = self.keeper.memory().listed.clone();
        if let (Urgency::Look, Some((items, listed_at))) = (urgency, former)
            && at.since(listed_at) < WHOLE_EVERY
            && items.len() > FEW
        {
            let first = first_numbers_on(&self.account, urgency, &self.spec.canary).await?;
            if first.all == Some(items.len() as u64) && items.starts_with(&first.items) {
                return Ok(List { items, steady: true });
            }
        }
        let listed = numbers_on(&self.account, urgency, &self.spec.canary).await?;
        self.keeper.memory().listed = listed.steady.then(|| (listed.items.clone(), at));
        Ok(listed)
    }

    /// The numbers of a connection that may be moved.
    pub(super) fn in_scope(&self, connection: &ConnectionId, listed: List<api::Number>) -> Vec<api::Number> {
        let free = listed
            .items
            .into_iter()
            .filter(|number| !self.spec.except.contains(&number.e164));
        free.map(|number| api::Number {
            connection_id: number.connection_id.or_else(|| Some(connection.clone())),
            ..number
        })
        .collect()
    }

    /// Who moved the numbers that we did not move, remembered until we move some ourselves.
    async fn changed_by(&self, snapshot: &Snapshot) -> Option<String> {
        let (moved, since) = {
            let mut memory = self.keeper.memory();
            let moved = moved_by_others(&memory, snapshot);
            let since = memory.members.as_ref().map_or(snapshot.at, |(_, at)| *at);
            memory.members = Some((snapshot.on_canary.clone(), snapshot.at));
            memory.former.clear();
            (moved, since)
        };
        if !moved.is_empty() {
            let events = audit_events(&self.account, Urgency::Target, since - SKEW);
            let by = match within(self.account.clock().as_ref(), WHO_WITHIN, events).await {
                Ok(Ok(events)) => self.who(&events, &moved, snapshot),
                Ok(Err(error)) => {
                    tracing::debug!(%error, "the audit log does not say who moved numbers");
                    None
                }
                Err(late) => {
                    tracing::debug!(%late, "the audit log does not say who moved numbers");
                    None
                }
            };
            self.keeper.memory().changed_by = by;
        }
        self.keeper.memory().changed_by.clone()
    }

    /// Who made the newest change of one of these numbers that leads to where it is now.
    fn who(&self, events: &[AuditEvent], moved: &BTreeSet<String>, snapshot: &Snapshot) -> Option<String> {
        let numbers: Vec<_> = snapshot
            .numbers
            .iter()
            .filter(|number| moved.contains(&number.id))
            .collect();
        let led_here = |event: &&AuditEvent| {
            let names = [event.resource_id.as_deref(), event.alternate_resource_id.as_deref()];
            let number = numbers.iter().find(|number| {
                names.contains(&Some(number.id.as_str())) || names.contains(&Some(number.e164.as_str()))
            });
            let Some(number) = number else { return false };
            let change = event
                .changes
                .iter()
                .find(|change| change.field.ends_with("connection_id"));
            let came = snapshot.on_canary.contains(&number.id);
            // Where the event does not say which way, it counts.
            change.is_none_or(|change| (change.to.as_str() == Some(self.spec.canary.as_str())) == came)
        };
        events.iter().find(led_here).map(AuditEvent::by)
    }

    async fn said<T>(&self, asked: impl Future<Output = Result<T, AccountError>>) -> Result<T, TargetError> {
        asked.await.map_err(|error| self.target_error(&error))
    }
}

/// Numbers that moved since the last reading other than towards what was asked for. Before the first reading it is the set
/// that was asked for last that they are compared with.
fn moved_by_others(memory: &Memory, snapshot: &Snapshot) -> BTreeSet<String> {
    let aim: Option<BTreeSet<_>> = snapshot.aim.as_ref().map(|aim| aim.iter().cloned().collect());
    let before = memory.members.as_ref().map(|(members, _)| members).or(aim.as_ref());
    let Some(before) = before else { return BTreeSet::new() };
    let ours = |id: &String| {
        aim.as_ref()
            .is_some_and(|aim| aim.contains(id) == snapshot.on_canary.contains(id))
    };
    let moved = before.symmetric_difference(&snapshot.on_canary);
    moved.filter(|id| !ours(id)).cloned().collect()
}
