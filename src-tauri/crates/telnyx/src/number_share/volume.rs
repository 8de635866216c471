//! How many calls each number gets: a sample of the records of the last days, spread evenly over all of them.
//!
//! Assumed, since only a live account can tell (docs/telnyx.md): calls of TeXML applications are recorded as `call-control`
//! with the called number in `cld`. What is counted only orders sizes: a number without records counts 1.

use std::collections::BTreeMap;
use std::time::Duration;

use timonel_domain::time::Timestamp;
use timonel_ports::target::TargetError;

use super::NumberShare;
use super::kit::{Contents, Volumes};
use crate::account::{Page, Urgency};
use crate::api::{DetailQuery, DetailRecord, detail_records};

/// Pages that are read at most, of 50 records each.
const MOST_PAGES: u32 = 60;
const RECORD_TYPE: &str = "call-control";
const DAY: Duration = Duration::from_secs(24 * 3600);

/// What was counted, by number in E.164.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    calls: BTreeMap<String, u64>,
    sampled: u64,
    all: u64,
}

impl Tally {
    fn add(&mut self, page: &Page<DetailRecord>) {
        self.sampled += page.items.len() as u64;
        self.all = self.all.max(page.all.unwrap_or_default()).max(self.sampled);
        for called in page.items.iter().filter_map(DetailRecord::called) {
            *self.calls.entry(called).or_default() += 1;
        }
    }

    /// Writes the counts to the kit's numbers.
    pub(super) fn keep(&self, kit: &mut Contents, at: Timestamp, days: u16) {
        for kept in &mut kit.numbers {
            kept.number.calls = self.calls.get(&kept.number.e164).copied().unwrap_or_default();
        }
        kit.volumes = Some(Volumes {
            at,
            sampled: self.sampled,
            all: self.all,
            days,
        });
    }
}

impl NumberShare {
    /// Reads the sample.
    pub(super) async fn measure(&self) -> Result<Tally, TargetError> {
        let mut tally = Tally::default();
        // One moment for all pages, so that they stay those of one list.
        let since = self.account.clock().now() - DAY * u32::from(self.spec.volume_days);
        let first = self.records(since, 1).await?;
        tally.add(&first);
        for page in spread(first.pages.unwrap_or(1)) {
            tally.add(&self.records(since, page).await?);
        }
        Ok(tally)
    }

    async fn records(&self, since: Timestamp, page: u32) -> Result<Page<DetailRecord>, TargetError> {
        let query = DetailQuery {
            record_type: RECORD_TYPE.to_owned(),
            filters: vec![
                // Not `date_range`: the published file describes `last_14_days` and refuses it by its own list of values.
                ("created_at][gte".to_owned(), since.to_string()),
                ("direction".to_owned(), "inbound".to_owned()),
            ],
            sort: Some("created_at".to_owned()),
            page,
        };
        // Nobody waits for a rollback while a rollout is being armed, yet another rollout of the account may be under way.
        let records = detail_records(&self.account, Urgency::Background, &query).await;
        records.map_err(|error| self.target_error(&error))
    }
}

/// The pages to read after the first of `pages`: all, or as many as may be read, evenly spread.
fn spread(pages: u32) -> Vec<u32> {
    let rest = pages.saturating_sub(1);
    let wanted = rest.min(MOST_PAGES - 1);
    let page = |at: u32| 2 + u32::try_from(u64::from(at) * u64::from(rest) / u64::from(wanted)).unwrap_or(u32::MAX - 2);
    (0..wanted).map(page).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn few_pages_are_all_read_and_many_evenly() {
        assert!(spread(0).is_empty() && spread(1).is_empty());
        assert_eq!(spread(4), [2, 3, 4]);
        assert_eq!(spread(60).len(), 59);
        let many = spread(60_000);
        assert_eq!(many.len(), 59);
        assert!(
            many.windows(2).all(|two| (1016..=1018).contains(&(two[1] - two[0]))),
            "{many:?}"
        );
        assert!(many[0] == 2 && many[58] <= 60_000);
    }

    #[test]
    fn records_are_counted_by_called_number() {
        let records = json!([{"cld": "+341"}, {"cld": "+342"}, {"cld": "+341"}, {"cld": null}, {"other": 1}]);
        let mut tally = Tally::default();
        let items: Vec<DetailRecord> = serde_json::from_value(records).unwrap();
        tally.add(&Page {
            items,
            pages: Some(3),
            all: Some(120),
        });
        assert_eq!((tally.sampled, tally.all), (5, 120));
        assert_eq!(
            tally.calls,
            BTreeMap::from([("+341".to_owned(), 2), ("+342".to_owned(), 1)])
        );
    }
}
