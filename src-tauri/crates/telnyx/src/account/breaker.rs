//! When to stop asking a provider that keeps failing. Pure: time is an argument.
//!
//! Only signals and measuring rest; a rollback goes on asking whatever this says, and what it finds counts here too.

use std::time::Duration;

use timonel_domain::time::{Mono, Timestamp};

/// So many failures in a row are trouble of the provider, not of one request.
pub(crate) const FAILURES: u32 = 5;
/// How long signals rest before one request is tried.
pub(crate) const COOL_DOWN: Duration = Duration::from_secs(30);

/// Whether the provider's API has been answering.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// The last request was answered, or none was sent yet.
    Good,
    /// The last requests failed, too few to speak of trouble.
    Failing {
        /// How many in a row.
        failures: u32,
        /// The last failure.
        last: String,
    },
    /// The provider's API is degraded: signals rest, and one request is tried now and then.
    Degraded {
        /// How many failures in a row.
        failures: u32,
        /// Since when, by our wall clock: the first failure of the row.
        since: Timestamp,
        /// The last failure.
        last: String,
    },
}

/// The row of failures that is under way, if any.
#[derive(Debug, Default)]
pub(crate) struct Breaker(Option<Row>);

#[derive(Debug)]
struct Row {
    failures: u32,
    since: Timestamp,
    last: String,
    /// No background request before this.
    rest_until: Mono,
}

impl Breaker {
    /// The request was answered by the API itself, whatever it said.
    pub(crate) fn succeeded(&mut self) {
        self.0 = None;
    }

    /// Nobody answered, or not the API.
    pub(crate) fn failed(&mut self, last: String, now: Timestamp, mono: Mono) {
        let (failures, since) = match &self.0 {
            Some(row) => (row.failures.saturating_add(1), row.since),
            None => (1, now),
        };
        self.0 = Some(Row {
            failures,
            since,
            last,
            rest_until: mono + COOL_DOWN,
        });
    }

    /// How long background requests rest yet, and the last failure; `None` where one may go.
    pub(crate) fn resting(&self, mono: Mono) -> Option<(Duration, String)> {
        let row = self.0.as_ref().filter(|row| row.failures >= FAILURES)?;
        let rest = row.rest_until.saturating_since(mono);
        (!rest.is_zero()).then(|| (rest, row.last.clone()))
    }

    /// A background request goes. While the provider is degraded it is the one probe: the others rest for another
    /// cool-down, also where nobody waits for the probe's answer any more.
    pub(crate) fn probing(&mut self, mono: Mono) {
        if let Some(row) = self.0.as_mut().filter(|row| row.failures >= FAILURES) {
            row.rest_until = mono + COOL_DOWN;
        }
    }

    /// For people.
    pub(crate) fn health(&self) -> Health {
        match &self.0 {
            None => Health::Good,
            Some(row) if row.failures < FAILURES => Health::Failing {
                failures: row.failures,
                last: row.last.clone(),
            },
            Some(row) => Health::Degraded {
                failures: row.failures,
                since: row.since,
                last: row.last.clone(),
            },
        }
    }
}
