//! The query of a list of records: filters, times, pages, and what is said where one of them is no good.
//!
//! Stricter than the real thing where that is unknown: a filter that is not simulated is refused rather than passed over,
//! since an answer to another question looks like an answer.

use std::str::FromStr;

use serde_json::{Value, json};
use timonel_domain::time::Timestamp;

use super::{DAY, SECOND};

/// Status and body of a 4xx.
pub(super) type Refused = (u16, Value);

/// The query pairs of a request, and the status with which this path refuses.
#[derive(Debug, Clone, Copy)]
pub(super) struct Query<'a> {
    pairs: &'a [(String, String)],
    status: u16,
}

/// The times of a filter: `from` belongs to it, `to` does not. Microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) from: i64,
    pub(super) to: i64,
}

impl Span {
    pub(super) const ALWAYS: Self = Self {
        from: i64::MIN,
        to: i64::MAX,
    };

    pub(super) fn has(self, at: i64) -> bool {
        (self.from..self.to).contains(&at)
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self {
            from: self.from.max(other.from),
            to: self.to.min(other.to),
        }
    }
}

/// A page by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Page {
    number: usize,
    size: usize,
}

impl Page {
    /// The page of a list of `total`, each shown by its place in it.
    pub(super) fn of(self, total: usize, show: impl FnMut(usize) -> Option<Value>) -> Value {
        let from = (self.number - 1).saturating_mul(self.size).min(total);
        let to = from.saturating_add(self.size).min(total);
        let data: Vec<Value> = (from..to).filter_map(show).collect();
        json!({
            "data": data,
            "meta": {
                "page_number": self.number, "page_size": self.size,
                "total_pages": total.div_ceil(self.size), "total_results": total,
            },
        })
    }
}

impl<'a> Query<'a> {
    pub(super) fn new(pairs: &'a [(String, String)], status: u16) -> Self {
        Self { pairs, status }
    }

    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        let pair = self.pairs.iter().find(|(key, _)| key == name);
        pair.map(|(_, value)| value.as_str())
    }

    /// The value of `filter[name]`.
    pub(super) fn filter(&self, name: &str) -> Option<&'a str> {
        self.get(&format!("filter[{name}]"))
    }

    /// Names of all pairs that begin so.
    pub(super) fn count(&self, head: &str) -> usize {
        self.pairs.iter().filter(|(key, _)| key.starts_with(head)).count()
    }

    /// Refuses what is none of these.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), Refused> {
        let stranger = self.pairs.iter().find(|(key, _)| !known.contains(&key.as_str()));
        match stranger {
            None => Ok(()),
            Some((key, _)) => {
                Err(self.refused("10015", "Bad Request", &format!("`{key}` is not simulated here."), key))
            }
        }
    }

    pub(super) fn refused(&self, code: &str, title: &str, detail: &str, parameter: &str) -> Refused {
        let error = json!({"code": code, "title": title, "detail": detail, "source": {"parameter": parameter}});
        (self.status, json!({"errors": [error]}))
    }

    pub(super) fn missing(&self, parameter: &str) -> Refused {
        let detail = format!("The '{parameter}' parameter is required and cannot be blank.");
        self.refused("10004", "Missing required parameter", &detail, parameter)
    }

    pub(super) fn page(&self, usual: usize, most: usize) -> Result<Page, Refused> {
        let size = self.whole("page[size]", most)?;
        Ok(Page {
            number: self.whole("page[number]", usize::MAX)?.unwrap_or(1),
            size: size.unwrap_or(usual),
        })
    }

    /// A whole number from 1 to `most`.
    pub(super) fn whole(&self, name: &str, most: usize) -> Result<Option<usize>, Refused> {
        let Some(text) = self.get(name) else { return Ok(None) };
        match text.parse::<usize>() {
            Ok(number) if (1..=most).contains(&number) => Ok(Some(number)),
            Ok(_) | Err(_) => {
                let detail = format!("'{name}' must be a whole number from 1 to {most}.");
                Err(self.refused("10015", "Invalid pagination", &detail, name))
            }
        }
    }

    /// One of these values, where it is given.
    pub(super) fn choice(&self, name: &str, choices: &[&str]) -> Result<Option<&'a str>, Refused> {
        match self.get(name) {
            Some(value) if !choices.contains(&value) => {
                let detail = format!("The value must be one of: {}.", choices.join(", "));
                Err(self.refused("10032", "Invalid enumerated value", &detail, name))
            }
            known => Ok(known),
        }
    }

    /// A time of RFC 3339, or a date: midnight in UTC.
    pub(super) fn time(&self, name: &str) -> Result<Option<i64>, Refused> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let full = if text.len() == "2026-11-22".len() {
            format!("{text}T00:00:00Z")
        } else {
            text.to_owned()
        };
        match Timestamp::from_str(&full) {
            Ok(at) => Ok(Some(at.micros())),
            Err(_) => Err(self.refused("10015", "Bad Request", &format!("`{text}` is no date and time."), name)),
        }
    }

    /// What `filter[field][gte]` and its like leave of all times.
    pub(super) fn times(&self, field: &str) -> Result<Span, Refused> {
        let bound = |operator: &str| self.time(&format!("filter[{field}][{operator}]"));
        let mut span = Span::ALWAYS;
        let mut narrow = |from: Option<i64>, to: Option<i64>| {
            span = span.and(Span {
                from: from.unwrap_or(i64::MIN),
                to: to.unwrap_or(i64::MAX),
            });
        };
        narrow(bound("gte")?, bound("lt")?);
        narrow(bound("gt")?.map(|at| at + 1), bound("lte")?.map(|at| at + 1));
        let at = bound("eq")?;
        narrow(at, at.map(|at| at + 1));
        Ok(span)
    }

    /// What `date_range` leaves of all times; days are those of UTC, weeks begin on Monday.
    pub(super) fn date_range(&self, name: &str, now: i64) -> Result<Span, Refused> {
        let Some(range) = self.get(name) else {
            return Ok(Span::ALWAYS);
        };
        let today = now.div_euclid(DAY);
        // The first of January 1970 was a Thursday.
        let monday = today - (today + 3).rem_euclid(7);
        let days = |from: i64, to: i64| Span {
            from: from * DAY,
            to: to * DAY,
        };
        let last_days = || {
            let count: i64 = range.strip_prefix("last_")?.strip_suffix("_days")?.parse().ok()?;
            (1..=365).contains(&count).then(|| days(today - count, today + 1))
        };
        match range {
            "today" => Ok(days(today, today + 1)),
            "yesterday" => Ok(days(today - 1, today)),
            "this_week" => Ok(days(monday, monday + 7)),
            "last_week" => Ok(days(monday - 7, monday)),
            _ => last_days().ok_or_else(|| {
                let detail = format!("The date range `{range}` is not simulated here.");
                self.refused("10015", "Bad Request", &detail, name)
            }),
        }
    }
}

/// When an hour begins, counted in hours since 1970: RFC 3339 without a fraction.
pub(super) fn hour_text(hour: i64) -> String {
    let text = Timestamp::from_micros(hour * 3600 * SECOND).to_string();
    text.replace(".000Z", "Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(name: &str, value: &str) -> Result<Span, Refused> {
        let now: Timestamp = "2026-11-22T04:30:00Z".parse().expect("a time");
        let pairs = [(name.to_owned(), value.to_owned())];
        let query = Query::new(&pairs, 400);
        if name == "date_range" {
            query.date_range(name, now.micros())
        } else {
            query.times("created_at")
        }
    }

    fn days(from: &str, to: &str) -> Span {
        let at = |day: &str| {
            format!("{day}T00:00:00Z")
                .parse::<Timestamp>()
                .expect("a time")
                .micros()
        };
        Span {
            from: at(from),
            to: at(to),
        }
    }

    #[test]
    fn date_ranges_are_whole_days() {
        for (range, from, to) in [
            ("today", "2026-11-22", "2026-11-23"),
            ("yesterday", "2026-11-21", "2026-11-22"),
            // The 22nd is a Sunday.
            ("this_week", "2026-11-16", "2026-11-23"),
            ("last_week", "2026-11-09", "2026-11-16"),
            ("last_7_days", "2026-11-15", "2026-11-23"),
        ] {
            assert_eq!(span("date_range", range), Ok(days(from, to)), "{range}");
        }
        assert!(span("date_range", "last_0_days").is_err() && span("date_range", "always").is_err());
    }

    #[test]
    fn bounds_belong_to_a_span_as_they_say() {
        let day = days("2026-11-20", "2026-11-21");
        let of = |operator: &str| span(&format!("filter[created_at][{operator}]"), "2026-11-20");
        assert_eq!(of("gte").map(|s| (s.from, s.to)), Ok((day.from, i64::MAX)));
        assert_eq!(of("gt").map(|s| (s.from, s.to)), Ok((day.from + 1, i64::MAX)));
        assert_eq!(of("lt").map(|s| (s.from, s.to)), Ok((i64::MIN, day.from)));
        assert_eq!(of("lte").map(|s| (s.from, s.to)), Ok((i64::MIN, day.from + 1)));
        assert!(of("eq").is_ok_and(|s| s.has(day.from) && !s.has(day.from + 1)));
        assert!(span("filter[created_at][gte]", "20/11/2026").is_err());
    }
}
