//! Reading lists: whole ones page by page, and single pages.
//!
//! Two ways of paging are in use. By number: `page[number]`, `page[size]`, and the answer's `meta.total_pages`, which is the
//! only thing that ends the list, since the size that was asked for need not be honoured. By cursor: `page[limit]`,
//! `page[after]`, and `meta.cursors.after`.
//!
//! A page after a 429 is asked for again where the wait is short: it only reads, and the pages before it would be lost.

use std::collections::HashSet;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, DeserializeOwned, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use timonel_http::Url;
use timonel_ports::clock::sleep;

use super::call::Call;
use super::error::AccountError;
use super::{Account, PATIENCE, Urgency};

/// The largest page of most lists.
pub(crate) const PAGE: u32 = 250;
/// No list of an account is longer: a hundred thousand numbers in pages of 250.
const MOST_PAGES: u32 = 400;
/// The same in entries: pages may be larger than was asked for.
const MOST_ITEMS: usize = MOST_PAGES as usize * PAGE as usize;
/// The largest page of any list (usage reports). An entry may take thirty times the memory of its text, so that the limit of
/// bytes alone would not be one.
const MOST_ON_A_PAGE: usize = 5_000;
/// How often one page is asked for again.
const REPEATS: u32 = 3;
/// How often a list that changed while it was read is read again.
const AGAIN: u32 = 2;

/// A whole list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List<T> {
    /// Each once, in the order of the list.
    pub items: Vec<T>,
    /// Whether the list kept its length while it was read. Where not, something may be missing in it.
    pub steady: bool,
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// How many pages of this size there are, where the answer says it.
    pub pages: Option<u32>,
    /// How many there are in all, where the answer says it.
    pub all: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct Body<T> {
    #[serde(deserialize_with = "entries", bound(deserialize = "T: Deserialize<'de>"))]
    data: Vec<T>,
    meta: Option<Meta>,
}

/// What either way of paging says about the list. Everything may be absent.
#[derive(Debug, Default, Deserialize)]
struct Meta {
    total_pages: Option<u32>,
    total_results: Option<u64>,
    total_items: Option<u64>,
    cursors: Option<Cursors>,
    /// `Some(Null)` where the field is there and says that nothing follows.
    #[serde(default, deserialize_with = "present")]
    next: Option<Value>,
}

fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(from).map(Some)
}

#[derive(Debug, Deserialize)]
struct Cursors {
    after: Option<String>,
}

/// What tells one item of a list from another.
pub(crate) trait Item: DeserializeOwned {
    /// Unique in its list; empty where the item has none, which then counts as different from all others.
    fn key(&self) -> &str;
}

/// The page `number`, counted from 1, of `size` items at most.
pub(crate) async fn page<T: DeserializeOwned>(
    account: &Account,
    urgency: Urgency,
    call: Call,
    number: u32,
    size: u32,
) -> Result<Page<T>, AccountError> {
    let call = call
        .query("page[number]", number.to_string())
        .query("page[size]", size.to_string());
    let body: Body<T> = patiently(account, urgency, &call).await?;
    let meta = body.meta.unwrap_or_default();
    Ok(Page {
        items: body.data,
        pages: meta.total_pages,
        all: meta.total_results,
    })
}

/// All pages by number. A list that changed its length meanwhile is read again, a few times.
pub(crate) async fn whole<T: Item>(account: &Account, urgency: Urgency, call: &Call) -> Result<List<T>, AccountError> {
    let mut read = numbered(account, urgency, call).await?;
    for _ in 0..AGAIN {
        if read.steady {
            break;
        }
        read = numbered(account, urgency, call).await?;
    }
    Ok(read)
}

async fn numbered<T: Item>(account: &Account, urgency: Urgency, call: &Call) -> Result<List<T>, AccountError> {
    let mut items = Unique::default();
    let mut first = None;
    let mut steady = true;
    for number in 1..=MOST_PAGES {
        let page: Page<T> = page(account, urgency, call.clone(), number, PAGE).await?;
        let first = *first.get_or_insert(page.all);
        steady &= first == page.all;
        let empty = page.items.is_empty();
        let new = items.add(page.items);
        let over = match page.pages {
            Some(pages) => number >= pages,
            // Without a word about the end, a page with nothing new is the end: also where the number is ignored.
            None => !new,
        };
        if items.items.len() > MOST_ITEMS {
            break;
        }
        // An empty page ends the list whatever is said about further ones: it has become shorter.
        if over || empty {
            return Ok(List {
                items: items.items,
                steady,
            });
        }
    }
    Err(AccountError::Endless {
        what: call.name(),
        pages: MOST_PAGES,
    })
}

/// All pages by cursor.
pub(crate) async fn cursored<T: Item>(
    account: &Account,
    urgency: Urgency,
    call: &Call,
) -> Result<List<T>, AccountError> {
    let mut items = Unique::default();
    let mut cursors = HashSet::new();
    let mut after: Option<String> = None;
    let mut first = None;
    let mut steady = true;
    for pages in 1..=MOST_PAGES {
        let mut call = call.clone().query("page[limit]", PAGE.to_string());
        if let Some(after) = &after {
            call = call.query("page[after]", after.clone());
        }
        let body: Body<T> = patiently(account, urgency, &call).await?;
        let meta = body.meta.unwrap_or_default();
        let first = *first.get_or_insert(meta.total_items);
        steady &= first == meta.total_items;
        let empty = body.data.is_empty();
        items.add(body.data);
        if items.items.len() > MOST_ITEMS {
            break;
        }
        after = next(&meta).filter(|_| !empty);
        match &after {
            Some(cursor) if !cursors.insert(cursor.clone()) => {
                return Err(AccountError::Endless {
                    what: call.name(),
                    pages,
                });
            }
            Some(_) => {}
            None => {
                return Ok(List {
                    items: items.items,
                    steady,
                });
            }
        }
    }
    Err(AccountError::Endless {
        what: call.name(),
        pages: MOST_PAGES,
    })
}

/// The cursor of the next page. The contract shows `meta.next` beside `meta.cursors.after` and does not say whether the
/// last page still has a cursor: where there is a `next` field, it decides.
fn next(meta: &Meta) -> Option<String> {
    let after = meta.cursors.as_ref().and_then(|cursors| cursors.after.clone());
    match &meta.next {
        Some(Value::String(next)) if !next.is_empty() => after.or_else(|| cursor_of(next)),
        Some(_) => None,
        None => after,
    }
    .filter(|cursor| !cursor.is_empty())
}

/// `page[after]` in an address such as `/v2/connections/1/active_calls?page[after]=v1:g3QA`.
fn cursor_of(next: &str) -> Option<String> {
    // Only the query counts, so any base will do.
    let base: Url = "https://api.telnyx.com".parse().ok()?;
    let url = base.join(next).ok()?;
    let found = url.query_pairs().find(|(key, _)| key == "page[after]");
    found.map(|(_, value)| value.into_owned())
}

/// Asks for one page, and again where it was refused for a short while.
async fn patiently<T: DeserializeOwned>(account: &Account, urgency: Urgency, call: &Call) -> Result<T, AccountError> {
    let mut repeats = 0;
    loop {
        let error = match account.ask(urgency, call).await {
            Ok(body) => return Ok(body),
            Err(error) => error,
        };
        let wait = match &error {
            AccountError::Throttled { .. } | AccountError::Saved { .. } => error.retry_after(),
            AccountError::Setup { .. }
            | AccountError::Unreachable { .. }
            | AccountError::Deadline { .. }
            | AccountError::Unauthenticated { .. }
            | AccountError::Forbidden { .. }
            | AccountError::Missing { .. }
            | AccountError::Conflict { .. }
            | AccountError::Refused { .. }
            | AccountError::Unavailable { .. }
            | AccountError::Garbled { .. }
            | AccountError::Resting { .. }
            | AccountError::Endless { .. }
            | AccountError::TooMany { .. } => None,
        };
        match wait.filter(|wait| *wait <= PATIENCE) {
            Some(wait) if repeats < REPEATS => {
                repeats += 1;
                sleep(account.clock().as_ref(), wait).await;
            }
            Some(_) | None => return Err(error),
        }
    }
}

/// The entries of a page, of which there are not too many.
fn entries<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    struct Entries<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a list of at most {MOST_ON_A_PAGE} entries")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Vec<T>, A::Error> {
            let mut entries = Vec::new();
            while let Some(entry) = from.next_element()? {
                if entries.len() == MOST_ON_A_PAGE {
                    return Err(de::Error::invalid_length(MOST_ON_A_PAGE + 1, &self));
                }
                entries.push(entry);
            }
            Ok(entries)
        }
    }

    from.deserialize_seq(Entries(PhantomData))
}

/// Items that a list gave, each once: a page that shifted while it was read shows some twice.
#[derive(Debug)]
struct Unique<T> {
    items: Vec<T>,
    seen: HashSet<String>,
}

impl<T> Default for Unique<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            seen: HashSet::new(),
        }
    }
}

impl<T: Item> Unique<T> {
    /// Whether any of them is new.
    fn add(&mut self, page: Vec<T>) -> bool {
        let before = self.items.len();
        for item in page {
            if item.key().is_empty() || self.seen.insert(item.key().to_owned()) {
                self.items.push(item);
            }
        }
        self.items.len() > before
    }
}
