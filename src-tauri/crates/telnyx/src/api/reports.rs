//! Records of finished calls, and hourly sums of them.
//!
//! The contract does not say which fields a voice record has, so a record keeps all of them and the names that we assume
//! stand in [`DetailRecord`]'s methods only (docs/telnyx.md lists them as not verified).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use timonel_domain::time::Timestamp;

use crate::account::{Account, AccountError, Call, Page, Urgency, page};

/// The largest page of detail records.
const DETAIL_PAGE: u32 = 50;

/// A record of one finished call, as it came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DetailRecord(pub Map<String, Value>);

impl DetailRecord {
    /// A field as a text, also where it is a number; `None` where it is absent or empty.
    pub fn text(&self, field: &str) -> Option<String> {
        text(&self.0, field)
    }

    /// The number that was called (`cld`).
    pub fn called(&self) -> Option<String> {
        self.text("cld")
    }

    /// The connection that took it (`connection_id`).
    pub fn connection(&self) -> Option<String> {
        self.text("connection_id")
    }

    /// When the call came in (`started_at`, else `created_at`).
    pub fn started_at(&self) -> Option<Timestamp> {
        let text = self.text("started_at").or_else(|| self.text("created_at"))?;
        text.parse().ok()
    }

    /// When the call ended (`finished_at`).
    pub fn finished_at(&self) -> Option<Timestamp> {
        self.text("finished_at")?.parse().ok()
    }
}

/// Which records to ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetailQuery {
    /// `filter[record_type]`, such as `call-control`, `sip-trunking` or `ai-voice-assistant`.
    pub record_type: String,
    /// Further filters by field, such as `("direction", "inbound")` or `("created_at][gte", "2026-11-22T00:00:00Z")`: the
    /// first of a pair stands between the brackets of `filter[…]`. For a number of days name the moment: the published file
    /// describes a `date_range` of `last_14_days`, and its own list of values does not have it.
    pub filters: Vec<(String, String)>,
    /// Such as `-created_at`.
    pub sort: Option<String>,
    /// Which page, counted from 1. A page has 50 records at most.
    pub page: u32,
}

/// One row of a usage report: dimensions and metrics by name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UsageRow(pub Map<String, Value>);

impl UsageRow {
    /// A dimension as a text.
    pub fn text(&self, field: &str) -> Option<String> {
        text(&self.0, field)
    }

    /// A metric as a number, also where it is written as a text.
    pub fn number(&self, field: &str) -> Option<f64> {
        text(&self.0, field)?
            .parse()
            .ok()
            .filter(|value: &f64| value.is_finite())
    }
}

/// Which sums to ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageQuery {
    /// Such as `call-control`.
    pub product: String,
    /// Such as `connection_id`, `date_time`.
    pub dimensions: Vec<String>,
    /// Such as `attempted`, `connected`, `completed`.
    pub metrics: Vec<String>,
    /// From when on; 31 days before `until` at most.
    pub since: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// Which page, counted from 1.
    pub page: u32,
    /// How many a page, 5000 at most.
    pub size: u32,
}

fn text(fields: &Map<String, Value>, field: &str) -> Option<String> {
    match fields.get(field)? {
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// One page of records of finished calls (`GET /v2/detail_records`).
pub async fn detail_records(
    account: &Account,
    urgency: Urgency,
    query: &DetailQuery,
) -> Result<Page<DetailRecord>, AccountError> {
    let mut call = Call::get("/v2/detail_records").query("filter[record_type]", query.record_type.clone());
    for (field, value) in &query.filters {
        call = call.query(&format!("filter[{field}]"), value.clone());
    }
    if let Some(sort) = &query.sort {
        call = call.query("sort", sort.clone());
    }
    page(account, urgency, call, query.page, DETAIL_PAGE).await
}

/// One page of a usage report (`GET /v2/usage_reports`, which the provider calls beta).
pub async fn usage_reports(
    account: &Account,
    urgency: Urgency,
    query: &UsageQuery,
) -> Result<Page<UsageRow>, AccountError> {
    let call = Call::get("/v2/usage_reports")
        .query("product", query.product.clone())
        .query("dimensions", query.dimensions.join(","))
        .query("metrics", query.metrics.join(","))
        .query("start_date", whole_second(query.since))
        .query("end_date", whole_second(query.until));
    page(account, urgency, call, query.page, query.size).await
}

/// The contract's form has no fraction of a second: `2026-11-22T01:00:00Z`.
fn whole_second(at: Timestamp) -> String {
    let text = at.to_string();
    match text.split_once('.') {
        Some((whole, _)) => format!("{whole}Z"),
        None => text,
    }
}
