//! Pages by number and size: `page[number]`, `page[size]`, and the `meta` beside the data.

use serde_json::{Value, json};

use super::call::Call;
use super::refusal::Refusal;

/// The most that any of these lists gives at a time.
const MOST: usize = 250;

/// Which page of a list was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Page {
    number: usize,
    size: usize,
}

impl Page {
    /// As the request says, `usual` where it says no size.
    pub(super) fn read(call: &Call, usual: usize) -> Result<Self, Refusal> {
        let read = |name: &str, of: &str, most: usize, usual: usize| match call.param(name) {
            None => Ok(usual),
            Some(text) => text
                .parse::<usize>()
                .ok()
                .filter(|n| (1..=most).contains(n))
                .ok_or_else(|| Refusal::bad_page(of)),
        };
        Ok(Self {
            number: read("page[number]", "number", usize::MAX, 1)?,
            size: read("page[size]", "size", MOST, usual)?,
        })
    }

    /// That page of `all`, each shown by `show`. A page beyond the end is empty.
    pub(super) fn of<T>(self, all: &[T], show: impl Fn(&T) -> Value) -> Value {
        let from = (self.number - 1).saturating_mul(self.size);
        let data: Vec<Value> = all.iter().skip(from).take(self.size).map(show).collect();
        json!({
            "data": data,
            "meta": {
                "page_number": self.number, "page_size": self.size,
                "total_pages": all.len().div_ceil(self.size), "total_results": all.len(),
            },
        })
    }
}
