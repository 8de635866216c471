//! The simulated Telnyx v2: one account's numbers, applications and bulk jobs, over plain HTTP on a loopback socket, in virtual time.
//!
//! The control plane is what the API shows and writes; the data plane, where calls really go, follows it after a while. Answers
//! are in the shapes of the published contract. [`Telnyx`] is the world's handle on it: where calls go, other users of the
//! account, [`Faults`]. What calls leave behind (detail records, deliveries …) is asked of a [`book::Book`].
//!
//! Deliberately not here: ordering and deleting numbers, SIP trunks beyond their kind, messaging, assistants, TLS.

mod account;
mod agenda;
mod answer;
mod application;
mod audit;
pub mod book;
mod bulk;
mod call;
mod fault;
mod filter;
mod job;
mod limit;
mod number;
mod page;
mod plane;
pub(crate) mod records;
mod refusal;
mod setup;
mod state;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use serde_json::{Map, Value};
use timonel_domain::time::Timestamp;
use timonel_domain::value::Weight;
use timonel_ports::clock::Clock;
use timonel_ports::task;

pub use self::fault::{Fault, FaultId, Faults, Scope};
pub use self::plane::Routed;
pub use self::setup::{ApplicationSetup, ConnectionKind, JobPace, Limits, NumberSetup, Reset, Setup};

use self::book::Book;
use self::number::NumberChange;
use self::plane::share;
use self::refusal::Refusal;
use self::state::State;
use crate::time::VirtualClock;

/// Who makes the changes that come through the API; for [`Telnyx::user_id`].
pub const KEY_OWNER: &str = "owner of the API key";

/// Who deletes applications; nobody asks for the name.
const PORTAL: &str = "somebody in the portal";

/// A simulated Telnyx account; a handle, clone it freely.
///
/// Changes that take effect later need a runtime to be told of: call what changes something from within one.
#[derive(Debug, Clone)]
pub struct Telnyx(Arc<Shared>);

/// Behind every handle.
struct Shared {
    clock: VirtualClock,
    seed: u64,
    key: String,
    latency: Duration,
    book: Arc<dyn Book>,
    state: Mutex<State>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telnyx")
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}

/// What the scenario asked of the account cannot be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TelnyxError {
    /// Neither an id nor an E.164 of the account.
    #[error("the simulated account has no number `{0}`: name it by its id or as +34910000101")]
    UnknownNumber(String),
    /// Changes of an application are a JSON object.
    #[error("changes of an application are a JSON object such as {{\"voice_url\": …}}")]
    NoObject,
    /// The API refused the write.
    #[error("the simulated API answered {code}: {message}")]
    Refused {
        /// HTTP status.
        code: u16,
        /// What it said.
        message: String,
    },
}

impl From<Refusal> for TelnyxError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused {
            code: refusal.status.as_u16(),
            message: refusal.detail(),
        }
    }
}

/// See [`Telnyx::changes`].
#[derive(Debug)]
pub struct Changes(timonel_ports::mailbox::Receiver<()>);

impl Changes {
    /// Waits for the next change; `None` when the account is gone. To be polled in a task of `ports::task`.
    pub async fn next(&mut self) -> Option<()> {
        self.0.recv().await
    }
}

impl Telnyx {
    /// An account as `setup` says. `seed` decides ids, how long each answer takes and which numbers of a job fail; `key` is the
    /// API key that it accepts.
    pub fn new(clock: VirtualClock, seed: u64, key: &str, setup: Setup, book: Arc<dyn Book>) -> Self {
        let state = State::new(&setup, seed, clock.now());
        Self(Arc::new(Shared {
            clock,
            seed,
            key: key.to_owned(),
            latency: setup.latency,
            book,
            state: Mutex::new(state),
        }))
    }

    /// The API below `/v2`. Serve it with [`crate::cluster::serve`]: another server answers 502 where a connection should close
    /// without an answer.
    pub fn router(&self) -> Router {
        let telnyx = self.clone();
        Router::new().fallback(move |request: Request| answer::answer(telnyx.clone(), request))
    }

    /// The account's faults.
    pub fn faults(&self) -> Faults {
        Faults(self.clone())
    }

    // The data plane.

    /// Where the calls of every number go now, in the order of the setup.
    pub fn routing(&self) -> Vec<Routed> {
        self.with(|state, _| state.routing())
    }

    /// Where the calls of one number go now; by id or E.164.
    pub fn routed(&self, number: &str) -> Option<Routed> {
        self.with(|state, _| state.routed(number))
    }

    /// The URL that answers the calls of an application now; `None` where it is gone.
    pub fn url_in_force(&self, application: &str) -> Option<Arc<str>> {
        self.with(|state, _| state.url_in_force(application))
    }

    /// Tells of every change of the data plane from now on; changes of one moment are told once. Time stands until each has been
    /// taken, so that the moment at which one is taken is the moment at which it happened.
    pub fn changes(&self) -> Changes {
        let (sender, inbox) = timonel_ports::mailbox::mailbox(&self.0.clock.shared());
        self.with(|state, _| state.listen(sender));
        Changes(inbox)
    }

    /// The share of calls that the canary's URL answers now, by the `volume` of each number (0 leaves it out of the count), in
    /// hundredths of a percent, rounded down, but never 0 while a number is there. Numbers on neither application do not count.
    pub fn share_in_force(&self, volume: impl Fn(&str) -> u64) -> Weight {
        let (routed, levered, stable, canary) = self.with(|state, _| {
            let (stable, canary) = (state.account.stable.clone(), state.account.canary.clone());
            let levered = state.url_in_force(&stable) == state.url_in_force(&canary);
            (state.routing(), levered, stable, canary)
        });
        let shares = routed.iter().filter_map(|routed| {
            let on_canary = *routed.connection_id == *canary;
            (on_canary || *routed.connection_id == *stable).then(|| (volume(&routed.e164), on_canary && !levered))
        });
        share(shares)
    }

    // The control plane, past the API.

    /// As [`Telnyx::share_in_force`], by what the API shows rather than by where calls go.
    pub fn share_shown(&self, volume: impl Fn(&str) -> u64) -> Weight {
        let shown = self.with(|state, _| {
            let account = &state.account;
            let url = |id: &str| account.applications.get(id).map(|app| app.text("voice_url"));
            let levered = url(&account.stable) == url(&account.canary);
            let shown = account.numbers.iter().filter_map(|number| {
                let on_canary = *number.connection == *account.canary;
                let in_scope = on_canary || *number.connection == *account.stable;
                in_scope.then(|| (number.e164.clone(), on_canary && !levered))
            });
            shown.collect::<Vec<_>>()
        });
        // Outside the lock: whoever knows the volumes may be asking where calls go.
        share(shown.iter().map(|(e164, on_canary)| (volume(e164), *on_canary)))
    }

    /// The numbers (E.164) whose connection is the canary, as the API shows it, in the order of the setup.
    pub fn on_canary(&self) -> Vec<String> {
        self.with(|state, _| {
            let account = &state.account;
            let on_canary = account.numbers.iter().filter(|n| *n.connection == *account.canary);
            on_canary.map(|n| n.e164.to_string()).collect()
        })
    }

    /// The id of the canary's application.
    pub(crate) fn canary(&self) -> String {
        self.with(|state, _| state.account.canary.clone())
    }

    /// The application as the API shows it.
    pub fn application(&self, id: &str) -> Option<Value> {
        self.with(|state, _| state.account.applications.get(id).map(|app| app.show()))
    }

    /// All jobs as the API shows them, newest first.
    pub fn jobs(&self) -> Vec<Value> {
        self.with(|state, _| {
            let account = &state.account;
            account
                .jobs
                .iter()
                .rev()
                .map(|job| job.show(&account.numbers))
                .collect()
        })
    }

    /// How many requests came, by method and path with `{id}` in it, such as `GET /v2/texml_applications/{id}`.
    pub fn requests(&self) -> BTreeMap<String, u64> {
        self.with(|state, _| state.requests.clone())
    }

    /// How many requests the limit refused; those that a fault refused do not count.
    pub fn throttled(&self) -> u64 {
        self.with(|state, _| state.window.refused())
    }

    // The outside world: no latency, no faults, no limit, but in the audit events.

    /// The UUID under which `who` stands in audit events; [`KEY_OWNER`] for what came through the API.
    pub fn user_id(&self, who: &str) -> String {
        self.with(|state, _| state.account.user(who))
    }

    /// Somebody in the portal moves numbers, by id or E.164, to a connection now; all or none.
    pub fn move_as(&self, who: &str, numbers: &[impl AsRef<str>], connection: &str) -> Result<(), TelnyxError> {
        self.with(|state, now| {
            let found = find(state, numbers)?;
            let change = NumberChange::to_connection(connection.into());
            for number in found {
                state.patch_number(who, number, &change, now)?;
            }
            Ok(())
        })
    }

    /// Somebody else posts a job that moves numbers, by id or E.164, to a connection; it is taken up `after` later. Returns its id.
    pub fn post_job_as(
        &self,
        who: &str,
        numbers: &[impl AsRef<str>],
        connection: &str,
        after: Duration,
    ) -> Result<String, TelnyxError> {
        self.with(|state, now| {
            let found = find(state, numbers)?;
            let change = NumberChange::to_connection(connection.into());
            let job = state.post_job(who, &found, false, change, after, now)?;
            Ok(state.account.jobs[job].id.clone())
        })
    }

    /// Somebody in the portal changes an application now; unlike in the API nothing is required.
    pub fn patch_application_as(&self, who: &str, id: &str, changes: Value) -> Result<(), TelnyxError> {
        let changes: Map<String, Value> = serde_json::from_value(changes).map_err(|_| TelnyxError::NoObject)?;
        self.with(|state, now| Ok(state.patch_application(who, id, &changes, now)?))
    }

    /// Somebody in the portal deletes an application now. Numbers that are connected to it keep its id; their calls fail.
    pub fn delete_application(&self, id: &str) -> Result<(), TelnyxError> {
        self.with(|state, now| Ok(state.delete_application(PORTAL, id, now)?))
    }

    /// Sets what is on the account, in cents of a US dollar.
    pub fn set_balance(&self, cents: i64) {
        self.with(|state, _| state.account.balance = cents);
    }

    /// Looks at or changes the state, after all that is due by now and before all that this makes due.
    fn with<T>(&self, look: impl FnOnce(&mut State, Timestamp) -> T) -> T {
        let clock = &self.0.clock;
        let (out, alarm) = {
            let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
            let now = clock.now();
            state.advance(now);
            let out = look(&mut state, now);
            state.advance(now);
            let alarm = state.agenda.alarm().map(|at| (at, at.since(now)));
            (out, alarm)
        };
        if let Some((at, wait)) = alarm {
            self.wake(at, wait);
        }
        out
    }

    /// Does what is due at `at`, which is `wait` from now, then.
    fn wake(&self, at: Timestamp, wait: Duration) {
        let telnyx = self.clone();
        let clock = self.0.clock.shared();
        let sleep = timonel_ports::clock::sleep(&*clock, wait);
        task::spawn(&clock, async move {
            sleep.await;
            telnyx.with(|state, _| state.agenda.rang(at));
        });
    }
}

fn find(state: &State, numbers: &[impl AsRef<str>]) -> Result<Vec<usize>, TelnyxError> {
    let find = |name: &_| {
        let name: &str = AsRef::as_ref(name);
        let found = state.account.find(name);
        found.ok_or_else(|| TelnyxError::UnknownNumber(name.to_owned()))
    };
    numbers.iter().map(find).collect()
}
