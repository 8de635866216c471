//! Reading the lists of records, page by page up to a bound, as what counting needs of them.
//!
//! A list may shift while it is read, since new records come in: then some come twice, which [`super::window`] sees to.
//! Deliberately not here: which window is counted, and whose a record is.

use std::future::Future;
use std::time::Duration;

use timonel_domain::time::Timestamp;
use timonel_domain::value::Arm;

use crate::account::{Account, AccountError, Page, Urgency};
use crate::api::{
    self, CallEvent, CallEventQuery, ConnectionId, DeliveryQuery, DeliveryState, DetailQuery, UsageQuery, UsageRow,
};

use super::count::{Delivery, Event, Hour};
use super::outcome::Finished;
use super::window::{Complete, Listed, Window};

/// The most pages of one list that one reading asks for.
const MOST_PAGES: u32 = 20;
/// The largest page of deliveries and events.
const PAGE: u32 = 250;
/// The largest page of a usage report.
const USAGE_PAGE: u32 = 5000;
/// The record type of calls of TeXML and Call Control applications; others are refused or have no application.
const CALLS: &str = "call-control";
/// The event that tells that a leg began, in both spellings of the contract.
const INITIATED: [&str; 2] = ["call.initiated", "call_initiated"];
/// Times in a query have milliseconds, and ours have microseconds: nothing before the end of a window may be left out.
const ROUNDED: Duration = Duration::from_millis(1);

/// Why a list is of no use.
#[derive(Debug)]
pub(crate) enum Failed {
    /// It was not answered.
    Account(AccountError),
    /// A record in it cannot be read, and why.
    Record(String),
}

/// The records of a list, and up to where they are complete.
pub(crate) type Fetched<T> = Result<(Vec<Listed<T>>, Complete), Failed>;

impl From<AccountError> for Failed {
    fn from(error: AccountError) -> Self {
        Failed::Account(error)
    }
}

/// Deliveries whose first attempt began in `window`. One without an attempt is left for later.
pub(crate) async fn deliveries(account: &Account, window: Window) -> Fetched<Delivery> {
    let (read, whole) = pages(|page| {
        let query = DeliveryQuery {
            status: None,
            since: window.from,
            until: Some(window.until + ROUNDED),
            page,
            size: PAGE,
        };
        async move { api::webhook_deliveries(account, Urgency::Background, &query).await }
    })
    .await?;
    let listed = read.iter().map(delivery).filter_map(Result::transpose);
    let listed: Vec<_> = listed.collect::<Result<_, _>>()?;
    let complete = Complete::of(&listed, whole);
    Ok((listed, complete))
}

fn delivery(delivery: &api::Delivery) -> Result<Option<Listed<Delivery>>, Failed> {
    let Some(first) = delivery.first_attempt() else {
        return Ok(None);
    };
    let unreadable = |what: &str| Failed::Record(format!("webhook delivery {} has no {what}", delivery.id));
    let at = delivery.started_at.or(first.started_at);
    let at = at.ok_or_else(|| unreadable("time at which it began"))?;
    let failed = match (first.status, first.answer()) {
        (Some(DeliveryState::Failed), _) => true,
        (Some(DeliveryState::Delivered), _) => false,
        (Some(DeliveryState::Unknown) | None, Some(status)) => !(200..300).contains(&status),
        (Some(DeliveryState::Unknown) | None, None) => return Err(unreadable("outcome of its first attempt")),
    };
    let url = first.url().map(str::to_owned);
    Ok(Some(Listed {
        id: identity(&delivery.id, || format!("{} {at}", url.as_deref().unwrap_or_default())),
        at,
        what: Delivery { url, failed },
    }))
}

/// What is asked for of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Events {
    /// Only that calls began.
    Initiated,
    /// All events and commands, and which of them failed.
    WithOutcome,
}

/// Events from the beginning of `window` on, of `connection` or else the account. An event does not say itself whether it
/// failed; the list of those that did is asked for after all of them, so that none can be bad without being counted.
pub(crate) async fn events(
    account: &Account,
    window: Window,
    connection: Option<&ConnectionId>,
    on: Option<Arm>,
    what: Events,
) -> Fetched<Event> {
    let ask = |failed| async move {
        pages(|page| {
            let query = CallEventQuery {
                connection: connection.cloned(),
                name: (what == Events::Initiated).then(|| INITIATED[0].to_owned()),
                failed,
                since: window.from,
                page,
                size: PAGE,
            };
            async move { api::call_events(account, Urgency::Background, &query).await }
        })
        .await
    };
    let listed = |events: &[CallEvent], failed| -> Result<Vec<_>, Failed> {
        events.iter().map(|read| event(read, on, failed)).collect()
    };
    let (read, whole) = ask(None).await?;
    let mut all = listed(&read, false)?;
    let mut complete = Complete::of(&all, whole);
    if what == Events::WithOutcome {
        let (read, whole) = ask(Some(true)).await?;
        let failed = listed(&read, true)?;
        complete = complete.and(Complete::of(&failed, whole));
        // First wins where the same event comes twice, so those that are known to have failed go before.
        all.splice(0..0, failed);
    }
    Ok((all, complete))
}

fn event(event: &CallEvent, on: Option<Arm>, failed: bool) -> Result<Listed<Event>, Failed> {
    let CallEvent { name, kind, .. } = event;
    let (session, leg) = (&event.call_session_id, &event.call_leg_id);
    let unreadable = |what: &str| Failed::Record(format!("call event {name} of leg {leg} has no {what}"));
    let at = event.at.ok_or_else(|| unreadable("time"))?;
    if session.is_empty() {
        return Err(unreadable("call_session_id"));
    }
    // Events have no id.
    let kind = kind.as_deref().unwrap_or_default();
    Ok(Listed {
        id: format!("{session} {leg} {name} {kind} {}", at.micros()),
        at,
        what: Event {
            session: session.clone(),
            initiated: kind != "command" && INITIATED.contains(&name.as_str()),
            failed,
            on,
        },
    })
}

/// Inbound calls that ended in `window`. Their records were made after they ended and up to `settle` later; `created_at` is
/// the only time of a record that the contract filters by. The number tells how many records there were of any kind: a filter
/// that Telnyx does not know has been seen to be answered with an empty list rather than refused.
pub(crate) async fn details(
    account: &Account,
    window: Window,
    settle: Duration,
) -> Result<(Vec<Listed<Finished>>, Complete, usize), Failed> {
    let (read, whole) = pages(|page| {
        let query = DetailQuery {
            record_type: CALLS.to_owned(),
            filters: vec![
                ("created_at][gte".to_owned(), window.from.to_string()),
                (
                    "created_at][lte".to_owned(),
                    (window.until + settle + ROUNDED).to_string(),
                ),
            ],
            sort: Some("created_at".to_owned()),
            page,
        };
        async move { api::detail_records(account, Urgency::Background, &query).await }
    })
    .await?;
    let finished = read.iter().map(Finished::read).filter_map(Result::transpose);
    let listed = finished.map(|call| {
        call.map(|call| Listed {
            id: call.id.clone(),
            at: call.ended,
            what: call,
        })
    });
    let listed: Vec<_> = listed
        .collect::<Result<_, _>>()
        .map_err(|lacks| Failed::Record(lacks.to_string()))?;
    let complete = Complete::of(&listed, whole);
    Ok((listed, complete, read.len()))
}

/// The hours of `window`.
pub(crate) async fn usage(account: &Account, window: Window) -> Fetched<Hour> {
    let (read, whole) = pages(|page| {
        let query = UsageQuery {
            product: CALLS.to_owned(),
            dimensions: vec!["connection_id".to_owned(), "date_time".to_owned()],
            metrics: vec!["attempted".to_owned(), "completed".to_owned()],
            since: window.since,
            until: window.until,
            page,
            size: USAGE_PAGE,
        };
        async move { api::usage_reports(account, Urgency::Background, &query).await }
    })
    .await?;
    let listed: Vec<_> = read.iter().map(hour).collect::<Result<_, _>>()?;
    let complete = Complete::of(&listed, whole);
    Ok((listed, complete))
}

fn hour(row: &UsageRow) -> Result<Listed<Hour>, Failed> {
    let unreadable = |what: &str| {
        let fields = row.0.keys().cloned().collect::<Vec<_>>().join(", ");
        Failed::Record(format!("a usage row has no readable {what} (its fields: {fields})"))
    };
    let number = |name: &str| {
        let number = row
            .number(name)
            .filter(|number| *number >= 0.0 && number.fract() == 0.0);
        number.map(|number| number as u64).ok_or_else(|| unreadable(name))
    };
    let connection = row.text("connection_id").ok_or_else(|| unreadable("connection_id"))?;
    let at = row.text("date_time").and_then(|text| date_time(&text));
    let at = at.ok_or_else(|| unreadable("date_time"))?;
    Ok(Listed {
        id: format!("{connection} {at}"),
        at,
        what: Hour {
            connection,
            attempted: number("attempted")?,
            completed: number("completed")?,
        },
    })
}

/// An hour as RFC 3339, or as databases write it, in UTC: the contract shows neither.
fn date_time(text: &str) -> Option<Timestamp> {
    let text = text.trim().replacen(' ', "T", 1);
    text.parse().or_else(|_| format!("{text}Z").parse()).ok()
}

/// Pages up to the bound, and whether that is the whole list.
async fn pages<T, F, R>(ask: F) -> Result<(Vec<T>, bool), AccountError>
where
    T: PartialEq,
    F: Fn(u32) -> R,
    R: Future<Output = Result<Page<T>, AccountError>>,
{
    let mut read: Vec<T> = Vec::new();
    let mut last = 0;
    for number in 1..=MOST_PAGES {
        let page = ask(number).await?;
        let over = match page.pages {
            Some(pages) => number >= pages,
            // Without a word about the end, a page that says nothing new is the end: also where the number is ignored.
            None => page.items[..] == read[last..],
        };
        // An empty page ends a list whatever is said about further ones.
        let over = over || page.items.is_empty();
        last = read.len();
        read.extend(page.items);
        if over {
            return Ok((read, true));
        }
    }
    Ok((read, false))
}

/// An id, or else what tells the record from others.
fn identity(id: &str, otherwise: impl Fn() -> String) -> String {
    if id.is_empty() { otherwise() } else { id.to_owned() }
}
