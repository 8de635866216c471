//! Telling an Alertmanager (its API v2) of alerts that are firing.
//!
//! An alert stands until its end, so whoever raises it says it again in time; one that is not renewed ends by itself, and what
//! is to be heard when we are gone is made of that. Deliberately not here: silences, reading alerts back, and which alerts.

use std::collections::BTreeMap;

use serde::Serialize;
use timonel_domain::time::Timestamp;
use timonel_http::Client;

use crate::endpoint::{Endpoint, success};
use crate::error::Error;

/// Where alerts are taken (<https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml>).
const ALERTS: &str = "/api/v2/alerts";

/// An Alertmanager. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Alertmanager {
    http: Client,
    endpoint: Endpoint,
}

/// An alert that is firing. Alerts of equal labels are the same alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    /// By which it is known and routed; `alertname` is one of them.
    pub labels: BTreeMap<String, String>,
    /// What people read.
    pub annotations: BTreeMap<String, String>,
    /// Since when, as RFC 3339.
    #[serde(serialize_with = "as_text")]
    pub starts_at: Timestamp,
    /// When it is over unless it is renewed.
    #[serde(serialize_with = "as_text")]
    pub ends_at: Timestamp,
}

impl Alertmanager {
    /// The one at `endpoint`, its base address. Sends nothing.
    pub fn new(http: Client, endpoint: Endpoint) -> Self {
        Self { http, endpoint }
    }

    /// Its address for people.
    pub fn place(&self) -> String {
        self.endpoint.place()
    }

    /// Raises or renews alerts. Errors where it cannot be asked or does not take them; then it knows what it knew before.
    pub async fn raise(&self, alerts: &[Alert]) -> Result<(), Error> {
        let request = self.endpoint.post(ALERTS)?.json(alerts)?;
        success(&self.http.send(request).await?)
    }
}

fn as_text<S: serde::Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(at)
}
