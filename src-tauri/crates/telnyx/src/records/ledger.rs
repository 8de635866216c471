//! One list of records that is read for one or more signals: its windows, and what was found in the one just closed.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use timonel_domain::time::Timestamp;
use timonel_domain::value::{Arm, Quantity};
use timonel_ports::signal::SignalError;

use crate::account::{Account, Urgency};
use crate::api::{self, ConnectionId};

use super::count::{self, Delivery, Hour, Sessions, Told};
use super::fetch::{self, Events, Failed, Fetched};
use super::kind::{RecordsKind, Timing};
use super::outcome::Finished;
use super::window::{Closed, Complete, Due, Listed, Window, Windows};

/// Which list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum List {
    /// The account's webhook deliveries.
    Deliveries,
    /// Events of connections, each with the arm that it is of; `None` in place of a connection is the account.
    Events(Vec<(Option<Arm>, Option<ConnectionId>)>),
    /// The account's detail records.
    Details,
    /// The account's usage by connection and hour.
    Usage,
    /// The calls that are going on on a connection.
    Active(ConnectionId),
    /// The account's balance.
    Balance,
}

/// A list and what has been read of it.
#[derive(Debug)]
pub(crate) struct Ledger {
    /// Which list.
    pub(crate) list: List,
    /// Whether some signal wants to know which events failed.
    pub(crate) events: Events,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    windows: Windows,
    sessions: Sessions,
    /// Whether the list ever had anything in it.
    proven: bool,
}

/// What a reading of a list found.
#[derive(Debug)]
pub(crate) enum Found {
    /// Deliveries of a window.
    Deliveries(Closed<Delivery>),
    /// Events of a window.
    Events(Closed<Told>),
    /// Calls that ended in a window.
    Details(Closed<Finished>),
    /// An hour.
    Usage(Closed<Hour>),
    /// A connection, and how many seconds each of its calls has lasted, legs of one call taken together.
    Active(ConnectionId, Vec<u64>),
    /// What can be spent.
    Balance(Quantity),
}

impl Ledger {
    /// Nothing read yet of a list that signals of `kind` are made of.
    pub(crate) fn new(list: List, kind: RecordsKind, timing: Timing) -> Self {
        Self {
            list,
            events: Events::Initiated,
            state: Mutex::new(State {
                windows: Windows::new(kind.pace(timing)),
                sessions: Sessions::default(),
                proven: false,
            }),
        }
    }

    /// Reads what is new in it at `now`. What cannot be read is read again next time, as long as the gap allows.
    pub(crate) async fn read(&self, account: &Account, place: &str, now: Timestamp) -> Result<Found, SignalError> {
        match &self.list {
            List::Balance => return balance(account, place).await,
            List::Active(connection) => return active(account, place, connection).await,
            List::Deliveries | List::Events(_) | List::Details | List::Usage => {}
        }
        let due = self.state().windows.due(now);
        let place_of = || place.to_owned();
        match due {
            Due::First => Err(SignalError::First { place: place_of() }),
            Due::Nothing => Err(SignalError::NoData { place: place_of() }),
            Due::Window(window) => self.window(account, place, window).await,
        }
    }

    async fn window(&self, account: &Account, place: &str, window: Window) -> Result<Found, SignalError> {
        match &self.list {
            List::Deliveries => {
                let fetched = fetch::deliveries(account, window).await;
                self.close(account, place, window, fetched).map(Found::Deliveries)
            }
            List::Details => {
                let settle = self.state().windows.pace().settle;
                let fetched = fetch::details(account, window, settle).await;
                let (listed, complete, all) = fetched.map_err(|error| error.at(place))?;
                let closed = self.close(account, place, window, Ok((listed, complete)))?;
                let mut state = self.state();
                state.proven |= all > 0;
                if !state.proven {
                    return Err(no_data(place));
                }
                Ok(Found::Details(closed))
            }
            List::Usage => {
                let fetched = fetch::usage(account, window).await;
                // A report without a single row is one that has not been made yet.
                if fetched.as_ref().is_ok_and(|(listed, _)| listed.is_empty()) {
                    return Err(no_data(place));
                }
                self.close(account, place, window, fetched).map(Found::Usage)
            }
            List::Events(connections) => {
                let mut all = (Vec::new(), Complete::Whole);
                for (arm, connection) in connections {
                    let fetched = fetch::events(account, window, connection.as_ref(), *arm, self.events).await;
                    let (listed, complete) = fetched.map_err(|error| error.at(place))?;
                    all.0.extend(listed);
                    all.1 = all.1.and(complete);
                }
                let closed = self.close(account, place, window, Ok(all))?;
                let mut state = self.state();
                let watched_since = state.windows.began().unwrap_or(window.since);
                Ok(Found::Events(state.sessions.tell(closed, watched_since)))
            }
            // Levels have no window.
            List::Active(_) | List::Balance => Err(no_data(place)),
        }
    }

    fn close<T>(
        &self,
        account: &Account,
        place: &str,
        window: Window,
        fetched: Fetched<T>,
    ) -> Result<Closed<T>, SignalError> {
        let (listed, complete): (Vec<Listed<T>>, Complete) = fetched.map_err(|error| error.at(place))?;
        trusted(account, place)?;
        not_ahead(place, listed.iter().map(|record| record.at), account.clock().now())?;
        let closed = self.state().windows.close(window, listed, complete);
        closed.map_err(|many| SignalError::Garbled {
            place: place.to_owned(),
            detail: format!(
                "there are more than the {} records that were read since {}, in an order that does not say which are \
                 missing. A shorter span is asked for next",
                many.read, window.since
            ),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Never held across an await, and no code under it panics; a poisoned state is still a state.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn balance(account: &Account, place: &str) -> Result<Found, SignalError> {
    let balance = api::balance(account, Urgency::Background).await;
    let balance = balance.map_err(|error| error.signal(place))?;
    trusted(account, place)?;
    let said = balance.available_credit.unwrap_or_default();
    let available = count::money(said.trim()).ok_or_else(|| SignalError::Garbled {
        place: place.to_owned(),
        detail: format!("the available credit is `{said}`, which is no amount that can be spent. See the balance in the Telnyx portal"),
    })?;
    Ok(Found::Balance(available))
}

async fn active(account: &Account, place: &str, connection: &ConnectionId) -> Result<Found, SignalError> {
    let list = api::active_calls(account, Urgency::Background, connection).await;
    let list = list.map_err(|error| error.signal(place))?;
    trusted(account, place)?;
    // A session has further legs, such as the one to an agent; the longest is the caller's.
    let mut lasting: BTreeMap<&str, u64> = BTreeMap::new();
    for leg in &list.items {
        let secs = leg.call_duration.ok_or_else(|| SignalError::Garbled {
            place: place.to_owned(),
            detail: format!("a call that is going on on connection {connection} has no call_duration"),
        })?;
        let session = leg.call_session_id.as_deref().unwrap_or(&leg.call_control_id);
        let longest = lasting.entry(session).or_default();
        *longest = secs.max(*longest);
    }
    Ok(Found::Active(connection.clone(), lasting.into_values().collect()))
}

/// `Skewed` where the provider's clock, by its last answer, is further from ours than clocks may differ: then its
/// records cannot be placed in time.
pub(crate) fn trusted(account: &Account, place: &str) -> Result<(), SignalError> {
    let skew = account.skew_micros().unwrap_or(0);
    if u128::from(skew.unsigned_abs()) > super::TOLERANCE.as_micros() {
        return Err(SignalError::Skewed {
            place: place.to_owned(),
            skew_secs: skew / 1_000_000,
        });
    }
    Ok(())
}

/// `Skewed` where the provider's times lie further ahead of `now`, ours, than clocks may differ: then nothing of it can be
/// placed in time.
pub(crate) fn not_ahead(
    place: &str,
    times: impl Iterator<Item = Timestamp>,
    now: Timestamp,
) -> Result<(), SignalError> {
    let ahead = times.max().map(|at| at.since(now)).unwrap_or_default();
    if ahead > super::TOLERANCE {
        return Err(SignalError::Skewed {
            place: place.to_owned(),
            skew_secs: i64::try_from(ahead.as_secs()).unwrap_or(i64::MAX),
        });
    }
    Ok(())
}

impl Failed {
    fn at(self, place: &str) -> SignalError {
        match self {
            Failed::Account(error) => error.signal(place),
            Failed::Record(detail) => SignalError::Garbled {
                place: place.to_owned(),
                detail,
            },
        }
    }
}

fn no_data(place: &str) -> SignalError {
    SignalError::NoData {
        place: place.to_owned(),
    }
}
