//! Webhook deliveries: what our own side answered to the provider, and when.

use serde::{Deserialize, Serialize};
use timonel_domain::time::Timestamp;

use super::lenient;
use crate::account::{Account, AccountError, Call, Page, Urgency, page};

/// How a delivery, or one attempt of it, ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// It was taken.
    Delivered,
    /// It was not.
    Failed,
    /// A word that is not in the contract.
    #[serde(other)]
    Unknown,
}

/// One webhook and all attempts to deliver it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Delivery {
    /// Its id; empty where not said.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub id: String,
    /// How it ended.
    #[serde(default)]
    pub status: Option<DeliveryState>,
    /// When the first attempt began.
    #[serde(default, deserialize_with = "lenient::time")]
    pub started_at: Option<Timestamp>,
    /// When the last attempt ended.
    #[serde(default, deserialize_with = "lenient::time")]
    pub finished_at: Option<Timestamp>,
    /// What was to be delivered.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub webhook: Webhook,
    /// The attempts, newest first as the contract says; [`Delivery::first_attempt`] does not rely on it.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub attempts: Vec<Attempt>,
}

/// What was to be delivered. Its payload has people's numbers and is not read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Webhook {
    /// Such as `call_initiated`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub event_type: Option<String>,
}

/// One attempt. What was sent and answered beside address and status is not read: it has people's numbers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Attempt {
    /// How it ended.
    #[serde(default)]
    pub status: Option<DeliveryState>,
    /// When it began.
    #[serde(default, deserialize_with = "lenient::time")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, deserialize_with = "lenient::time")]
    pub finished_at: Option<Timestamp>,
    #[serde(default, deserialize_with = "lenient::or_default")]
    http: Exchange,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
struct Exchange {
    #[serde(default, deserialize_with = "lenient::or_default")]
    request: Asked,
    #[serde(default, deserialize_with = "lenient::or_default")]
    response: Answered,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
struct Asked {
    #[serde(default, deserialize_with = "lenient::text")]
    url: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
struct Answered {
    #[serde(default)]
    status: Option<u16>,
}

impl Attempt {
    /// The address that was asked.
    pub fn url(&self) -> Option<&str> {
        self.http.request.url.as_deref()
    }

    /// The HTTP status of our side's answer; `None` where it gave none.
    pub fn answer(&self) -> Option<u16> {
        self.http.response.status
    }
}

impl Delivery {
    /// The attempt that began first: it went to the primary address, whatever came after.
    pub fn first_attempt(&self) -> Option<&Attempt> {
        let timed = self.attempts.iter().filter(|attempt| attempt.started_at.is_some());
        // Without times, the contract's order: newest first.
        timed
            .min_by_key(|attempt| attempt.started_at)
            .or_else(|| self.attempts.last())
    }
}

/// Which deliveries to ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryQuery {
    /// Only those that ended so; `None`: all.
    pub status: Option<DeliveryState>,
    /// Only those whose first attempt began at this time or later.
    pub since: Timestamp,
    /// Only those whose first attempt began at this time or earlier.
    pub until: Option<Timestamp>,
    /// Which page, counted from 1.
    pub page: u32,
    /// How many a page, 250 at most.
    pub size: u32,
}

/// One page of deliveries (`GET /v2/webhook_deliveries`).
pub async fn webhook_deliveries(
    account: &Account,
    urgency: Urgency,
    query: &DeliveryQuery,
) -> Result<Page<Delivery>, AccountError> {
    let mut call = Call::get("/v2/webhook_deliveries").query("filter[started_at][gte]", query.since.to_string());
    if let Some(until) = query.until {
        call = call.query("filter[started_at][lte]", until.to_string());
    }
    let status = match query.status {
        Some(DeliveryState::Delivered) => Some("delivered"),
        Some(DeliveryState::Failed) => Some("failed"),
        Some(DeliveryState::Unknown) | None => None,
    };
    if let Some(status) = status {
        call = call.query("filter[status][eq]", status);
    }
    page(account, urgency, call, query.page, query.size).await
}
