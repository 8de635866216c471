//! Which span of a list is counted next: half-open windows that continue exactly where the last one ended.
//!
//! A list is asked for again a little further back than the window, so that a record that came in late is counted once, in
//! the next window. Deliberately not here: how a list is fetched, and what a record counts for.

use std::collections::BTreeMap;
use std::time::Duration;

use timonel_domain::time::Timestamp;

/// How the records of one list come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pace {
    /// A moment is counted when it is this long past.
    pub(crate) settle: Duration,
    /// How much further back than the window the list is asked for, for records that came in even later.
    pub(crate) overlap: Duration,
    /// Windows begin and end on multiples of this; zero where any moment will do.
    pub(crate) grain: Duration,
    /// A window that would be longer is not counted: counting begins anew.
    pub(crate) gap: Duration,
}

/// A record with its identity and the moment that decides in which window it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed<T> {
    /// Unique within its list.
    pub(crate) id: String,
    /// When.
    pub(crate) at: Timestamp,
    /// What it says.
    pub(crate) what: T,
}

/// What is to be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    /// Nothing: counting begins now, or anew.
    First,
    /// Nothing: no time has passed.
    Nothing,
    /// The records of a window.
    Window(Window),
}

/// `since` and all after it, before `until`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    /// The list is asked for from here on.
    pub(crate) from: Timestamp,
    /// The end of the window before.
    pub(crate) since: Timestamp,
    /// The end; not part of it.
    pub(crate) until: Timestamp,
}

/// A window that has been counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Closed<T> {
    /// The end of the window before.
    pub(crate) since: Timestamp,
    /// Complete up to here.
    pub(crate) until: Timestamp,
    /// The records that are new in it.
    pub(crate) records: Vec<Listed<T>>,
}

/// Up to where what was read of a list is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Complete {
    /// The whole list was read.
    Whole,
    /// It was cut off; of what is before this moment nothing is missing.
    Before(Timestamp),
    /// It was cut off, in an order that does not say what is missing.
    Nowhere,
}

/// More records than are read at once, in an order that does not say up to where they are complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooMany {
    /// How many were read.
    pub(crate) read: usize,
}

/// The windows of one list.
#[derive(Debug)]
pub(crate) struct Windows {
    pace: Pace,
    span: Option<Span>,
    seen: BTreeMap<String, Timestamp>,
    /// Not more than this at once; shrinks where a list was too long.
    at_most: Duration,
}

#[derive(Debug, Clone, Copy)]
struct Span {
    /// Counting began here; what is older is never counted.
    began: Timestamp,
    /// Complete up to here.
    done: Timestamp,
}

impl Windows {
    /// Nothing read yet.
    pub(crate) fn new(pace: Pace) -> Self {
        Self {
            pace,
            span: None,
            seen: BTreeMap::new(),
            at_most: pace.longest(),
        }
    }

    /// How the records come in.
    pub(crate) fn pace(&self) -> Pace {
        self.pace
    }

    /// Where counting began, if it has.
    pub(crate) fn began(&self) -> Option<Timestamp> {
        self.span.map(|span| span.began)
    }

    /// What is to be asked for at `now`. A first window, and one after a gap, begins with this question.
    pub(crate) fn due(&mut self, now: Timestamp) -> Due {
        let until = self.pace.aligned(now - self.pace.settle);
        match self.span {
            Some(Span { began, done }) if apart(until, done) <= self.pace.longest() => {
                let until = until.min(done + self.at_most);
                if until <= done {
                    return Due::Nothing;
                }
                Due::Window(Window {
                    from: (done - self.pace.overlap).max(began),
                    since: done,
                    until,
                })
            }
            Some(_) | None => {
                self.span = Some(Span {
                    began: until,
                    done: until,
                });
                self.seen.clear();
                Due::First
            }
        }
    }

    /// Takes the records that the list had for `window`. What was read only in part is counted up to where it is complete.
    pub(crate) fn close<T>(
        &mut self,
        window: Window,
        listed: Vec<Listed<T>>,
        complete: Complete,
    ) -> Result<Closed<T>, TooMany> {
        let until = match complete {
            Complete::Whole => {
                // Back to normal, slowly: a list that was too long a moment ago may be so again.
                self.at_most = (self.at_most * 2).min(self.pace.longest());
                window.until
            }
            Complete::Before(until) if self.pace.grain.is_zero() && until > window.since => until.min(window.until),
            Complete::Before(_) | Complete::Nowhere => {
                let span = window.until.since(window.since);
                self.at_most = (span / 4).max(Duration::from_secs(1)).max(self.pace.grain);
                return Err(TooMany { read: listed.len() });
            }
        };
        let began = self.span.map_or(window.since, |span| span.began);
        let mut records = Vec::new();
        for record in listed {
            let within = record.at >= began.max(window.from) && record.at < until;
            // The same record may come on two pages, and comes again where the questions overlap.
            if within && self.seen.insert(record.id.clone(), record.at).is_none() {
                records.push(record);
            }
        }
        let still_asked_for = until - self.pace.overlap;
        self.seen.retain(|_, at| *at >= still_asked_for);
        self.span = Some(Span { began, done: until });
        Ok(Closed {
            since: window.since,
            until,
            records,
        })
    }
}

impl Pace {
    /// An aligned window is at least one grain long, however small the gap.
    fn longest(&self) -> Duration {
        self.gap.max(self.grain)
    }

    /// The last moment up to `at` at which a window may end.
    fn aligned(&self, at: Timestamp) -> Timestamp {
        let grain = i64::try_from(self.grain.as_micros()).unwrap_or(i64::MAX);
        if grain == 0 {
            return at;
        }
        Timestamp::from_micros(at.micros() - at.micros().rem_euclid(grain))
    }
}

/// How far two moments are apart, in either direction: a clock set far back is a gap as well.
fn apart(a: Timestamp, b: Timestamp) -> Duration {
    a.since(b).max(b.since(a))
}

impl Complete {
    /// Of a list that was read as `listed`, to its end or not. One that was cut off and runs from old to new is complete up to
    /// its newest record; others may share that record's moment, so it is not part of what is complete.
    pub(crate) fn of<T>(listed: &[Listed<T>], whole: bool) -> Self {
        if whole {
            return Complete::Whole;
        }
        match listed.last() {
            Some(last) if listed.is_sorted_by_key(|record| record.at) => Complete::Before(last.at),
            Some(_) | None => Complete::Nowhere,
        }
    }

    /// Of two lists taken together.
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Complete::Nowhere, _) | (_, Complete::Nowhere) => Complete::Nowhere,
            (Complete::Before(a), Complete::Before(b)) => Complete::Before(a.min(b)),
            (Complete::Before(at), Complete::Whole) | (Complete::Whole, Complete::Before(at)) => Complete::Before(at),
            (Complete::Whole, Complete::Whole) => Complete::Whole,
        }
    }
}

#[cfg(test)]
mod tests;
