//! The source `telnyx`: what it records about calls, as signals.
//!
//! Lists of records are read in windows that follow one another (`window`), each list once for all signals that need it
//! (`ledger`, `fetch`); then each record is given to the arm whose URL was in force when its call began (`arms`, `count`).
//! What is refused, kept back for a rollback, or cannot be read is an error, never an empty window.
//!
//! Deliberately not here: any judgement of the values, and webhooks pushed to a receiver of ours.

mod arms;
mod count;
mod fetch;
mod kind;
mod ledger;
mod outcome;
mod window;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::future::join_all;
use timonel_domain::sample::{Sample, Value};
use timonel_domain::time::Timestamp;
use timonel_domain::value::{Arm, Side, SignalId};
use timonel_ports::signal::{Reading, SignalError, Source, SourceDescription};

use crate::account::{Account, Urgency};
use crate::api::{self, ConnectionId};

use arms::{Arms, InForce};
use count::{Counts, Missing};
use fetch::Events;
use ledger::{Found, Ledger, List, not_ahead, trusted};

pub use kind::{RecordSpec, RecordsError, RecordsKind, Timing};

/// How far the provider's clock may be from ours.
const TOLERANCE: Duration = Duration::from_secs(5);

/// The records of one account.
#[derive(Debug)]
pub struct Records {
    account: Account,
    place: String,
    signals: Vec<Signal>,
    ledgers: Vec<Ledger>,
    splits: Vec<Split>,
}

/// One side of one signal.
#[derive(Debug)]
struct Signal {
    id: SignalId,
    side: Side,
    kind: RecordsKind,
    scope: Scope,
    /// The lists that it is made of.
    ledgers: Vec<usize>,
}

/// Whose records count.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Scope {
    Account,
    Connection(ConnectionId),
    Arm { arm: Arm, split: usize },
}

/// Two applications between which calls are split.
#[derive(Debug)]
struct Split {
    stable: ConnectionId,
    canary: ConnectionId,
    arms: Mutex<Arms>,
}

impl Records {
    /// A source of what `account` records. Asks nothing. Errors: [`RecordsError`], where it could never be read.
    pub fn new(account: Account, timing: Timing, specs: Vec<RecordSpec>) -> Result<Self, RecordsError> {
        if timing.gap <= timing.interval {
            let Timing { interval, gap } = timing;
            return Err(RecordsError::Gap { interval, gap });
        }
        let mut records = Self {
            place: account.place(),
            account,
            signals: Vec::new(),
            ledgers: Vec::new(),
            splits: Vec::new(),
        };
        for spec in &specs {
            let scope = records.scope(spec, &specs)?;
            let lists = records.lists(spec.kind, &scope);
            let ledgers = lists.into_iter().map(|list| records.ledger(list, spec.kind, timing));
            let ledgers = ledgers.collect();
            records.signals.push(Signal {
                id: spec.id.clone(),
                side: spec.side,
                kind: spec.kind,
                scope,
                ledgers,
            });
        }
        Ok(records)
    }

    fn scope(&mut self, spec: &RecordSpec, specs: &[RecordSpec]) -> Result<Scope, RecordsError> {
        let signal = || spec.id.clone();
        let arm = match spec.side {
            Side::Stable => Arm::Stable,
            Side::Canary => Arm::Canary,
            Side::Whole => return whole(spec),
        };
        if spec.kind == RecordsKind::Balance {
            return Err(RecordsError::BalanceOfAnArm { signal: signal() });
        }
        let of = |side: Side| {
            let mut same = specs
                .iter()
                .filter(|other| other.id == spec.id && other.kind == spec.kind);
            same.find(|other| other.side == side)
                .and_then(|other| other.connection.clone())
        };
        if spec.connection.is_none() {
            return Err(RecordsError::NoConnection {
                signal: signal(),
                side: spec.side,
            });
        }
        match (of(Side::Stable), of(Side::Canary)) {
            (Some(stable), Some(canary)) if stable != canary => Ok(Scope::Arm {
                arm,
                split: self.split(stable, canary),
            }),
            (_, _) => Err(RecordsError::OneArm { signal: signal() }),
        }
    }

    fn split(&mut self, stable: ConnectionId, canary: ConnectionId) -> usize {
        let same = |split: &Split| split.stable == stable && split.canary == canary;
        self.splits.iter().position(same).unwrap_or_else(|| {
            self.splits.push(Split {
                stable,
                canary,
                arms: Mutex::default(),
            });
            self.splits.len() - 1
        })
    }

    fn lists(&self, kind: RecordsKind, scope: &Scope) -> Vec<List> {
        let connections = match scope {
            Scope::Account => vec![(None, None)],
            Scope::Connection(connection) => vec![(None, Some(connection.clone()))],
            Scope::Arm { split, .. } => {
                let Split { stable, canary, .. } = &self.splits[*split];
                let both = [(Arm::Stable, stable), (Arm::Canary, canary)];
                both.map(|(arm, connection)| (Some(arm), Some(connection.clone())))
                    .into()
            }
        };
        match kind {
            RecordsKind::WebhookDeliveries => vec![List::Deliveries],
            RecordsKind::InitiatedCalls | RecordsKind::CallEvents => vec![List::Events(connections)],
            RecordsKind::DetailRecords => vec![List::Details],
            RecordsKind::UsageReports => vec![List::Usage],
            RecordsKind::Balance => vec![List::Balance],
            RecordsKind::ActiveCalls => {
                let named = connections.into_iter().filter_map(|(_, connection)| connection);
                named.map(List::Active).collect()
            }
        }
    }

    fn ledger(&mut self, list: List, kind: RecordsKind, timing: Timing) -> usize {
        let known = self.ledgers.iter().position(|ledger| ledger.list == list);
        let index = known.unwrap_or_else(|| {
            self.ledgers.push(Ledger::new(list, kind, timing));
            self.ledgers.len() - 1
        });
        if kind == RecordsKind::CallEvents {
            self.ledgers[index].events = Events::WithOutcome;
        }
        index
    }

    /// Looks which URLs are in force, of every application once. An error for each split that this is not known of.
    async fn observe(&self, now: Timestamp) -> Vec<Result<(), SignalError>> {
        let ids: BTreeSet<&ConnectionId> = self
            .splits
            .iter()
            .flat_map(|split| [&split.stable, &split.canary])
            .collect();
        let read = join_all(ids.into_iter().map(|id| async move {
            let read = api::application(&self.account, Urgency::Background, id).await;
            (id, read.map_err(|error| error.signal(&self.place)))
        }))
        .await;
        let read: BTreeMap<_, _> = read.into_iter().collect();
        let in_force = |id: &ConnectionId| match read.get(id) {
            Some(Ok(application)) => {
                trusted(&self.account, &self.place)?;
                let now = self.account.clock().now();
                not_ahead(&self.place, application.updated_at.into_iter(), now)?;
                Ok(InForce {
                    voice_url: application.voice_url.clone(),
                    updated_at: application.updated_at,
                })
            }
            Some(Err(error)) => Err(error.clone()),
            None => Err(self.no_data()),
        };
        let each = self.splits.iter().map(|split| {
            let (stable, canary) = (in_force(&split.stable)?, in_force(&split.canary)?);
            split.with(|arms| arms.observe(&stable, &canary, now));
            Ok(())
        });
        each.collect()
    }

    /// What every list has that is new. A list of which some signal's arms are not known is not read, since what is read
    /// once is not read again.
    async fn found(&self, arms: &[Result<(), SignalError>], now: Timestamp) -> Vec<Result<Found, SignalError>> {
        let unknown = |index: usize| {
            let users = self.signals.iter().filter(|signal| signal.ledgers.contains(&index));
            let splits = users.filter_map(|signal| match signal.scope {
                Scope::Arm { split, .. } => Some(split),
                Scope::Account | Scope::Connection(_) => None,
            });
            splits.map(|split| arms[split].clone()).find_map(Result::err)
        };
        let each = self.ledgers.iter().enumerate().map(|(index, ledger)| {
            let unknown = unknown(index);
            async move {
                match unknown {
                    Some(error) => Err(error),
                    None => ledger.read(&self.account, &self.place, now).await,
                }
            }
        });
        join_all(each).await
    }

    fn outcome(
        &self,
        signal: &Signal,
        found: &[Result<Found, SignalError>],
        now: Timestamp,
    ) -> Result<Vec<Sample>, SignalError> {
        let lists: Vec<&Found> = signal
            .ledgers
            .iter()
            .map(|index| found[*index].as_ref().map_err(SignalError::clone))
            .collect::<Result<_, _>>()?;
        let read = match &signal.scope {
            Scope::Account => read(&lists, Counts::All, signal.kind, now),
            Scope::Connection(one) => read(&lists, Counts::On(one.as_str()), signal.kind, now),
            Scope::Arm { arm, split } => {
                let split = &self.splits[*split];
                let (stable, canary) = (split.stable.as_str(), split.canary.as_str());
                split.with(|arms| {
                    let counts = Counts::Of {
                        arm: *arm,
                        arms,
                        stable,
                        canary,
                    };
                    read(&lists, counts, signal.kind, now)
                })
            }
        };
        let (as_of, value) = read.map_err(|missing| match missing {
            Missing::NoData => self.no_data(),
            Missing::Garbled(detail) => SignalError::Garbled {
                place: self.place.clone(),
                detail,
            },
        })?;
        Ok(vec![Sample {
            signal: signal.id.clone(),
            side: signal.side,
            as_of,
            value,
        }])
    }

    fn no_data(&self) -> SignalError {
        SignalError::NoData {
            place: self.place.clone(),
        }
    }
}

#[async_trait]
impl Source for Records {
    fn describe(&self) -> SourceDescription {
        SourceDescription {
            kind: "telnyx",
            place: self.place.clone(),
            serves: self
                .signals
                .iter()
                .map(|signal| (signal.id.clone(), signal.side))
                .collect(),
        }
    }

    async fn read(&self) -> Vec<Reading> {
        let now = self.account.clock().now();
        let arms = self.observe(now).await;
        let found = self.found(&arms, now).await;
        let each = self.signals.iter().map(|signal| Reading {
            signal: signal.id.clone(),
            side: signal.side,
            outcome: self.outcome(signal, &found, now),
        });
        each.collect()
    }
}

impl Split {
    fn with<T>(&self, look: impl FnOnce(&mut Arms) -> T) -> T {
        // Never held across an await, and no code under it panics; a poisoned state is still a state.
        look(&mut self.arms.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The scope of a signal of both arms together, or of neither.
fn whole(spec: &RecordSpec) -> Result<Scope, RecordsError> {
    let signal = || spec.id.clone();
    match (spec.kind, &spec.connection) {
        (RecordsKind::Balance | RecordsKind::WebhookDeliveries, Some(_)) => Err(RecordsError::NeedlessConnection {
            signal: signal(),
            kind: spec.kind.name(),
        }),
        (RecordsKind::ActiveCalls, None) => Err(RecordsError::NoConnection {
            signal: signal(),
            side: spec.side,
        }),
        (_, Some(connection)) => Ok(Scope::Connection(connection.clone())),
        (_, None) => Ok(Scope::Account),
    }
}

/// The value of a signal of `kind` from what its lists had, and up to when it is complete.
fn read(
    lists: &[&Found],
    counts: Counts<'_>,
    kind: RecordsKind,
    now: Timestamp,
) -> Result<(Timestamp, Value), Missing> {
    match (kind, lists) {
        (RecordsKind::WebhookDeliveries, [Found::Deliveries(closed)]) => {
            Ok((closed.until, count::deliveries(closed, counts)?))
        }
        (RecordsKind::InitiatedCalls, [Found::Events(closed)]) => Ok((closed.until, count::initiated(closed, counts))),
        (RecordsKind::CallEvents, [Found::Events(closed)]) => Ok((closed.until, count::events(closed, counts))),
        (RecordsKind::DetailRecords, [Found::Details(closed)]) => Ok((closed.until, count::details(closed, counts)?)),
        (RecordsKind::UsageReports, [Found::Usage(closed)]) => Ok((closed.until, count::usage(closed, counts)?)),
        (RecordsKind::Balance, [Found::Balance(available)]) => Ok((now, Value::Level(*available))),
        (RecordsKind::ActiveCalls, lists) => {
            let lasting = lists.iter().filter_map(|found| match found {
                Found::Active(connection, lasting) => Some((connection.as_str(), lasting.as_slice())),
                Found::Deliveries(_) | Found::Events(_) | Found::Details(_) | Found::Usage(_) | Found::Balance(_) => {
                    None
                }
            });
            let lasting: Vec<_> = lasting.collect();
            let going_on = count::active(&lasting, counts, now).ok_or(Missing::NoData)?;
            Ok((now, Value::Level(going_on)))
        }
        // No signal is made of another kind's list.
        (_, _) => Err(Missing::NoData),
    }
}
