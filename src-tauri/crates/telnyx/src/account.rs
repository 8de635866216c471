//! The client of one Telnyx account: who asks, how urgently, within which budget, and what went wrong.
//!
//! Every request of every target and signal of an account goes through one [`Account`], so that measuring never uses up
//! the room that a rollback needs (`budget`), and a provider in trouble is not asked for signals over and over
//! (`breaker`). A request is sent once: whether to ask again is the engine's decision. The one exception are pages of
//! lists, which only read (`list`).
//!
//! Deliberately not here: which paths and bodies there are (`crate::api`), and what an answer means for a rollout.

mod breaker;
mod budget;
mod call;
mod check;
mod error;
mod list;
mod said;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use timonel_http::{Answer, Client, Limits, Request, redact_text};
use timonel_ports::clock::{SharedClock, sleep};
use timonel_ports::target::Check;

pub use breaker::Health;
pub use error::AccountError;
pub(crate) use list::{Item, PAGE, cursored, page, whole};
pub use list::{List, Page};
pub(crate) use said::faults;

use breaker::Breaker;
use budget::{Budget, Leave};
pub(crate) use call::Call;

/// The longest from asking to having the whole answer.
pub const DEADLINE: Duration = Duration::from_secs(5);

/// The largest answer: a page of jobs with a thousand numbers each, with room to spare.
const LARGEST: usize = 16 * 1024 * 1024;

/// The longest that a request waits here for the provider's limit, rather than being refused.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// What it takes to be let into an account. Its `Debug` shows no secret, not even one in a mistaken address.
#[derive(Clone)]
pub struct Access {
    /// The account's name in the plan, for people.
    pub name: String,
    /// The address without a path, such as `https://api.telnyx.com`.
    pub base: String,
    /// The API key (v2).
    pub key: SecretString,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access")
            .field("name", &self.name)
            .field("base", &redact_text(&self.base))
            .field("key", &self.key)
            .finish()
    }
}

/// How urgent a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// Signals and measuring: never takes the room that a rollback needs, and rests while the provider is in trouble.
    Background,
    /// The regular look at a target between operations: gives way for a moment to what a rollback may need, then goes.
    Look,
    /// Reading and moving a target: always goes, as far as the provider lets it.
    Target,
}

/// One account. Cheap to clone; clones share the budget and the breaker.
#[derive(Clone)]
pub struct Account(Arc<Inner>);

struct Inner {
    http: Client,
    access: Access,
    state: Mutex<State>,
}

/// What is remembered from one request to the next.
#[derive(Debug, Default)]
struct State {
    budget: Budget,
    breaker: Breaker,
    /// The provider's clock minus ours, by its last answer.
    skew_micros: Option<i64>,
}

impl Account {
    /// A client for `access` on the given clock. `Setup` where the address is none, or this machine has no trust store.
    /// Asks nothing.
    pub fn new(clock: SharedClock, access: Access) -> Result<Self, AccountError> {
        let limits = Limits {
            deadline: DEADLINE,
            body: LARGEST,
        };
        let http = Client::new(clock, limits).map_err(|error| AccountError::Setup {
            what: access.name.clone(),
            detail: error.to_string(),
        })?;
        let account = Self(Arc::new(Inner {
            http,
            access,
            state: Mutex::default(),
        }));
        // The address is tried now, so that a wrong one is found when the plan is loaded and not in a rollback.
        account.request(&Call::get("/v2/balance"))?;
        Ok(account)
    }

    /// The account's name in the plan.
    pub fn name(&self) -> &str {
        &self.0.access.name
    }

    /// The account for people: its name and where it is.
    pub fn place(&self) -> String {
        format!(
            "Telnyx account `{}` ({})",
            self.name(),
            redact_text(&self.0.access.base)
        )
    }

    /// The clock that its deadlines and waits run on.
    pub fn clock(&self) -> &SharedClock {
        self.0.http.clock()
    }

    /// Whether the provider's API has been answering, so that a screen can say that it is degraded.
    pub fn health(&self) -> Health {
        self.state().breaker.health()
    }

    /// The provider's clock minus ours in microseconds, as far as its last answer proves a difference (its `Date`, by the
    /// second); `None` where it did not say the time.
    pub fn skew_micros(&self) -> Option<i64> {
        self.state().skew_micros
    }

    /// Checks key, rights and balance without writing anything; each check with what was seen.
    pub async fn check(&self) -> Vec<Check> {
        check::run(self).await
    }

    /// Sends one request, once, and reads its answer as the JSON of a `T`. Errors: every one of [`AccountError`] but
    /// `Endless` and `TooMany`.
    pub(crate) async fn ask<T: DeserializeOwned>(&self, urgency: Urgency, call: &Call) -> Result<T, AccountError> {
        let answer = self.send(urgency, call).await?;
        said::json(&answer, &call.name(), self)
    }

    async fn send(&self, urgency: Urgency, call: &Call) -> Result<Answer, AccountError> {
        let request = self.request(call)?;
        let _leaving = self.leave(urgency, call).await?;
        let outcome = self.0.http.send(request).await;
        let (now, mono) = (self.clock().now(), self.clock().mono());
        match outcome {
            Ok(answer) => {
                let failure = said::failure(&answer, &call.name(), self, now);
                let mut state = self.state();
                state.budget.answered(&call.budget(), &answer, now, mono);
                state.skew_micros = answer.skew_micros();
                match &failure {
                    Some(error) if error.speaks_of_trouble() => state.breaker.failed(error.to_string(), now, mono),
                    Some(_) | None => state.breaker.succeeded(),
                }
                failure.map_or(Ok(answer), Err)
            }
            Err(error) => {
                let error = AccountError::transport(call.name(), error, |text| self.clean(text));
                if error.speaks_of_trouble() {
                    self.state().breaker.failed(error.to_string(), now, mono);
                }
                Err(error)
            }
        }
    }

    /// Waits until the budget lets the request go. Dropping what it returns says that the request is over.
    async fn leave(&self, urgency: Urgency, call: &Call) -> Result<Leaving, AccountError> {
        // One wait is enough: after it the window is over, and what the provider then says counts.
        let mut waited = false;
        loop {
            let mono = self.clock().mono();
            let leave = {
                let mut state = self.state();
                if urgency == Urgency::Background
                    && let Some((rest, last)) = state.breaker.resting(mono)
                {
                    return Err(AccountError::Resting {
                        what: call.name(),
                        rest,
                        last,
                    });
                }
                let leave = match urgency {
                    Urgency::Background => state.budget.background(&call.budget(), mono),
                    Urgency::Look => state.budget.look(&call.budget(), waited, mono),
                    Urgency::Target => state.budget.target(&call.budget(), call.writes(), waited, mono),
                };
                if matches!(leave, Leave::Go) {
                    if urgency == Urgency::Background {
                        state.breaker.probing(mono);
                    }
                    state.budget.departed(&call.budget());
                }
                leave
            };
            match leave {
                Leave::Go => {
                    return Ok(Leaving {
                        account: self.clone(),
                        budget: call.budget(),
                    });
                }
                Leave::Wait(wait) => {
                    tracing::debug!(call = %call.name(), ?wait, "waits for the provider's limit");
                    sleep(self.clock().as_ref(), wait).await;
                    waited = true;
                }
                Leave::Throttled(wait) => {
                    return Err(AccountError::Throttled {
                        what: call.name(),
                        said: "its last answer said that no request is left".to_owned(),
                        retry_after: Some(wait),
                    });
                }
                Leave::Saved(wait) => {
                    return Err(AccountError::Saved {
                        what: call.name(),
                        wait,
                    });
                }
            }
        }
    }

    fn request(&self, call: &Call) -> Result<Request, AccountError> {
        call.request(&self.0.access.base)
            .map(|request| request.bearer(self.0.access.key.clone()))
    }

    /// A text of the other side for people: without our key, and without what looks like a credential.
    fn clean(&self, text: &str) -> String {
        let key = self.0.access.key.expose_secret();
        let text = if key.is_empty() {
            text.to_owned()
        } else {
            text.replace(key, "***")
        };
        redact_text(&text)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("access", &self.0.access)
            .finish_non_exhaustive()
    }
}

/// A request that is under way, as the budget counts it. Dropped with the request, also where nobody waits for it any more.
struct Leaving {
    account: Account,
    budget: String,
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.account.state().budget.arrived(&self.budget);
    }
}
