//! `GET /v2/usage_reports` and its options: finished calls by connection and hour, an hour late.
//!
//! An hour has the calls that ended in it. JSON only; the report over sub-accounts is not simulated.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::details::{Finished, VOICE, cost, status};
use super::query::{Query, Refused, Span, hour_text};
use super::{DAY, HOUR, Moment};

/// A call that has ended is counted so much later.
const DELAY: i64 = HOUR;
/// A report covers no more.
const LONGEST: i64 = 31 * DAY;

const DIMENSIONS: [&str; 3] = ["connection_id", "date_time", "direction"];
const METRICS: [&str; 6] = ["attempted", "billed_sec", "call_sec", "completed", "connected", "cost"];

/// What has been added up.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    attempted: u64,
    completed: u64,
    call_sec: i64,
    billed_sec: i64,
}

impl Sums {
    fn add(&mut self, call: &Finished<'_>) {
        self.attempted += 1;
        self.completed += u64::from(status(call.outcome) == "completed");
        self.call_sec += call.seconds();
        self.billed_sec += (call.seconds() + 59) / 60 * 60;
    }

    fn metric(&self, name: &str) -> Value {
        match name {
            // Telnyx answers every call; whether anybody served it shows in `completed`.
            "attempted" | "connected" => self.attempted.into(),
            "completed" => self.completed.into(),
            "call_sec" => self.call_sec.into(),
            "billed_sec" => self.billed_sec.into(),
            _ => ((cost(self.billed_sec) * 1e4).round() / 1e4).into(),
        }
    }
}

impl Moment<'_> {
    pub(super) fn usage_reports(self, query: &Query<'_>) -> Result<Value, Refused> {
        query.only(&[
            "page[number]",
            "page[size]",
            "product",
            "dimensions",
            "metrics",
            "start_date",
            "end_date",
            "date_range",
            "format",
            "filter[connection_id]",
        ])?;
        let Some(product) = query.get("product") else {
            return Err(query.missing("product"));
        };
        if !VOICE.contains(&product) {
            let detail = format!("Available products: {}.", VOICE.join(","));
            return Err(query.refused("10003", "Product invalid value", &detail, "product"));
        }
        let dimensions = listed(query, product, "dimensions", &DIMENSIONS)?;
        let metrics = listed(query, product, "metrics", &METRICS)?;
        query.choice("format", &["json"])?;
        let page = query.page(20, 5_000)?;
        let span = self.report_span(query)?;

        let connection = query.filter("connection_id");
        let mut rows: BTreeMap<Vec<String>, Sums> = BTreeMap::new();
        let calls = self.finished(span, DELAY).filter_map(|index| self.finished_call(index));
        for call in calls.filter(|call| connection.is_none_or(|id| call.connection == Some(id))) {
            let key = dimensions.iter().map(|dimension| match *dimension {
                "connection_id" => call.connection.unwrap_or_default().to_owned(),
                "date_time" => hour_text(call.ended.div_euclid(HOUR)),
                _ => "inbound".to_owned(),
            });
            rows.entry(key.collect()).or_default().add(&call);
        }
        let rows: Vec<Value> = rows
            .iter()
            .map(|(key, sums)| {
                let mut row = Map::new();
                row.insert("product".to_owned(), product.into());
                row.extend(
                    dimensions
                        .iter()
                        .zip(key)
                        .map(|(name, value)| ((*name).to_owned(), value.as_str().into())),
                );
                row.extend(metrics.iter().map(|name| ((*name).to_owned(), sums.metric(name))));
                Value::Object(row)
            })
            .collect();
        Ok(page.of(rows.len(), |place| rows.get(place).cloned()))
    }

    /// The times that the report is about; the last day where it says nothing.
    fn report_span(self, query: &Query<'_>) -> Result<Span, Refused> {
        if query.get("date_range").is_some() {
            return query.date_range("date_range", self.now);
        }
        let to = query.time("end_date")?.unwrap_or(self.now);
        let from = query.time("start_date")?.unwrap_or(to - DAY);
        if from > to || to - from > LONGEST {
            let detail = "The range from start_date to end_date must have between 0 and 31 days.";
            return Err(query.refused("10015", "Bad Request", detail, "start_date"));
        }
        Ok(Span { from, to })
    }
}

/// The values of a list that is joined by commas.
fn listed<'a>(query: &Query<'a>, product: &str, name: &str, known: &[&str]) -> Result<Vec<&'a str>, Refused> {
    let Some(text) = query.get(name).filter(|text| !text.is_empty()) else {
        return Err(query.missing(name));
    };
    let values: Vec<&str> = text.split(',').collect();
    if values.iter().any(|value| !known.contains(value)) {
        let detail = format!("Available {name} values for {product}: {}.", known.join(","));
        return Err(query.refused("10003", &format!("Invalid {name} values"), &detail, name));
    }
    Ok(values)
}

/// What can be asked of which product.
pub(super) fn options(query: &Query<'_>) -> Result<Value, Refused> {
    query.only(&["product"])?;
    let product = query.choice("product", &VOICE)?;
    let data: Vec<Value> = VOICE
        .iter()
        .filter(|one| product.is_none_or(|product| product == **one))
        .map(|one| json!({"product": one, "product_dimensions": DIMENSIONS, "product_metrics": METRICS, "record_types": []}))
        .collect();
    Ok(json!({"data": data}))
}
