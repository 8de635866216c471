//! What the records of a window count for: one value for one side of one signal.
//!
//! Pure. Deliberately not here: how records are fetched, and which window is counted.

use std::collections::BTreeMap;
use std::time::Duration;

use timonel_domain::sample::Value;
use timonel_domain::time::Timestamp;
use timonel_domain::value::{Arm, Quantity};

use super::arms::{Arms, Whose};
use super::outcome::Finished;
use super::window::{Closed, Listed};

/// How long the beginning of a call is remembered. The events of a longer one count as of a call that began before we looked.
const LONGEST_CALL: Duration = Duration::from_secs(2 * 3600);

/// Whose records count for a signal.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Counts<'a> {
    /// All.
    All,
    /// Those of one connection.
    On(&'a str),
    /// Those of an arm of a split.
    Of {
        /// Which arm.
        arm: Arm,
        /// How its two applications stood over time.
        arms: &'a Arms,
        /// The connection of the stable arm's application.
        stable: &'a str,
        /// The connection of the canary's.
        canary: &'a str,
    },
}

/// Why there is no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Missing {
    /// Nothing is known.
    NoData,
    /// The records do not say enough; what is wrong with them.
    Garbled(String),
}

/// A webhook and its first attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Delivery {
    /// Where it was sent first.
    pub(crate) url: Option<String>,
    /// Whether that attempt failed, whatever became of later ones.
    pub(crate) failed: bool,
}

/// An event or a command of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    /// The session: all legs of what a caller takes for one call.
    pub(crate) session: String,
    /// Whether it tells that a leg began.
    pub(crate) initiated: bool,
    /// Whether it failed.
    pub(crate) failed: bool,
    /// The arm of the connection that was asked for it; `None` where only one connection or the account was.
    pub(crate) on: Option<Arm>,
}

/// One hour of one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hour {
    /// Which connection.
    pub(crate) connection: String,
    /// Calls that were attempted.
    pub(crate) attempted: u64,
    /// Calls that were completed.
    pub(crate) completed: u64,
}

/// An event with what is known of its call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    on: Option<Arm>,
    /// When its call began.
    began: Timestamp,
    /// Whether it is the first to tell that its call began.
    first: bool,
    failed: bool,
}

/// When the calls of one list began.
#[derive(Debug, Default)]
pub(crate) struct Sessions(BTreeMap<String, Timestamp>);

impl Sessions {
    /// Adds what is known of their calls to events. A call whose beginning was not seen began before `watched_since`.
    pub(crate) fn tell(&mut self, closed: Closed<Event>, watched_since: Timestamp) -> Closed<Told> {
        let forgotten = closed.since - LONGEST_CALL;
        self.0.retain(|_, began| *began >= forgotten);
        let mut initiated: Vec<&Listed<Event>> = closed.records.iter().filter(|event| event.what.initiated).collect();
        initiated.sort_by_key(|event| event.at);
        // A session has further legs, such as the one to an agent; only the first is the caller's.
        let mut firsts = BTreeMap::new();
        for event in initiated {
            self.0.entry(event.what.session.clone()).or_insert_with(|| {
                firsts.insert(event.what.session.clone(), event.id.clone());
                event.at
            });
        }
        let told = closed.records.iter().map(|event| Listed {
            id: event.id.clone(),
            at: event.at,
            what: Told {
                on: event.what.on,
                began: self.0.get(&event.what.session).copied().unwrap_or(watched_since),
                first: firsts.get(&event.what.session) == Some(&event.id),
                failed: event.what.failed,
            },
        });
        Closed {
            since: closed.since,
            until: closed.until,
            records: told.collect(),
        }
    }
}

/// How many deliveries failed at the first attempt, by where that attempt went.
pub(crate) fn deliveries(closed: &Closed<Delivery>, counts: Counts<'_>) -> Result<Value, Missing> {
    if let Counts::Of {
        arm: Arm::Canary, arms, ..
    } = counts
        && !arms.knows_canary()
    {
        return Err(Missing::NoData);
    }
    let ours = closed.records.iter().filter(|delivery| match counts {
        Counts::All => true,
        // No delivery names a connection, and no signal is made that asks for it.
        Counts::On(_) => false,
        Counts::Of { arm, arms, .. } => delivery.what.url.as_deref().and_then(|url| arms.of_url(url)) == Some(arm),
    });
    Ok(ratio(closed.since, ours.map(|delivery| delivery.what.failed)))
}

/// How many calls began.
pub(crate) fn initiated(closed: &Closed<Told>, counts: Counts<'_>) -> Value {
    let n = closed
        .records
        .iter()
        .filter(|event| event.what.first && event.what.counts(counts));
    Value::Count {
        since: closed.since,
        n: n.count() as u64,
    }
}

/// How many events and commands failed.
pub(crate) fn events(closed: &Closed<Told>, counts: Counts<'_>) -> Value {
    let ours = closed.records.iter().filter(|event| event.what.counts(counts));
    ratio(closed.since, ours.map(|event| event.what.failed))
}

/// How many of the calls that ended had failed.
pub(crate) fn details(closed: &Closed<Finished>, counts: Counts<'_>) -> Result<Value, Missing> {
    let mut outcomes = Vec::new();
    for Listed { id, what: call, .. } in &closed.records {
        let ours = match counts {
            Counts::All => true,
            Counts::On(_) | Counts::Of { .. } => {
                let connection = call.connection.as_deref();
                let connection = connection.ok_or_else(|| garbled(id, "connection it came in on"))?;
                counts.has(connection, call.began)
            }
        };
        if ours {
            outcomes.push(call.failed.ok_or_else(|| garbled(id, "way it ended"))?);
        }
    }
    Ok(ratio(closed.since, outcomes.into_iter()))
}

/// How many attempted calls were not completed.
pub(crate) fn usage(closed: &Closed<Hour>, counts: Counts<'_>) -> Result<Value, Missing> {
    if let Counts::Of { arms, .. } = counts
        && arms.over(closed.since, closed.until) == Whose::Both
    {
        let why = "the lever was pulled or released in this hour, so its calls cannot be told apart";
        return Err(Missing::Garbled(why.to_owned()));
    }
    let (mut bad, mut total) = (0_u64, 0_u64);
    for Listed { what: hour, .. } in &closed.records {
        if !counts.has(&hour.connection, closed.since) {
            continue;
        }
        let Some(not_completed) = hour.attempted.checked_sub(hour.completed) else {
            let (completed, attempted) = (hour.completed, hour.attempted);
            let why = format!("an hour has {completed} completed calls of {attempted} attempted");
            return Err(Missing::Garbled(why));
        };
        bad = bad.saturating_add(not_completed);
        total = total.saturating_add(hour.attempted);
    }
    Ok(Value::Ratio {
        since: closed.since,
        bad,
        total,
    })
}

/// How many of the calls that are going on count. `lasting` are the connections that were asked, each with the seconds that
/// its calls have lasted at `now`.
pub(crate) fn active(lasting: &[(&str, &[u64])], counts: Counts<'_>, now: Timestamp) -> Option<Quantity> {
    let calls = lasting
        .iter()
        .flat_map(|(connection, calls)| calls.iter().map(move |secs| (*connection, *secs)));
    let n = calls
        .filter(|(connection, secs)| counts.has(connection, now - Duration::from_secs(*secs)))
        .count();
    Quantity::from_f64(n as f64)
}

/// Money as Telnyx writes it, such as `400.00`, exactly; what is finer than a millionth is left out. `None` where it is no
/// such number, or less than nothing.
pub(crate) fn money(text: &str) -> Option<Quantity> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) || text.ends_with('.') {
        return None;
    }
    let micros = format!("{:0<6.6}", fraction).parse::<i64>().ok()?;
    let whole = whole.parse::<i64>().ok()?.checked_mul(1_000_000)?;
    whole.checked_add(micros).map(Quantity::from_micros)
}

impl Counts<'_> {
    /// Whether a call counts that began at `began` on `connection`.
    fn has(self, connection: &str, began: Timestamp) -> bool {
        match self {
            Counts::All => true,
            Counts::On(one) => connection == one,
            Counts::Of {
                arm,
                arms,
                stable,
                canary,
            } => {
                let came_in = match connection {
                    _ if connection == stable => Some(Arm::Stable),
                    _ if connection == canary => Some(Arm::Canary),
                    _ => None,
                };
                came_in.is_some_and(|came_in| arms.of_call(came_in, began) == arm)
            }
        }
    }
}

impl Told {
    fn counts(&self, counts: Counts<'_>) -> bool {
        match counts {
            Counts::All | Counts::On(_) => true,
            Counts::Of { arm, arms, .. } => self.on.is_some_and(|on| arms.of_call(on, self.began) == arm),
        }
    }
}

fn ratio(since: Timestamp, failed: impl Iterator<Item = bool>) -> Value {
    let (mut bad, mut total) = (0, 0);
    for failed in failed {
        total += 1;
        bad += u64::from(failed);
    }
    Value::Ratio { since, bad, total }
}

fn garbled(id: &str, what: &str) -> Missing {
    Missing::Garbled(format!("detail record {id} does not say the {what}"))
}

#[cfg(test)]
mod tests;
