//! Calls that are going on, and what happened to calls in the last 24 hours.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use timonel_domain::time::Timestamp;

use super::{ConnectionId, lenient};
use crate::account::{Account, AccountError, Call, Item, List, Page, Urgency, cursored, page};

/// A call that is going on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActiveCall {
    /// Which call, as calls are commanded by.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub call_control_id: String,
    /// Which session it belongs to.
    #[serde(default, deserialize_with = "lenient::text")]
    pub call_session_id: Option<String>,
    /// How long it has lasted, in seconds.
    #[serde(default)]
    pub call_duration: Option<u64>,
}

impl Item for ActiveCall {
    fn key(&self) -> &str {
        &self.call_control_id
    }
}

/// Something that happened to a call: a command to it, or a webhook about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallEvent {
    /// Such as `call.initiated`; empty where not said.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub name: String,
    /// `command` or `webhook`.
    #[serde(default, rename = "type", deserialize_with = "lenient::text")]
    pub kind: Option<String>,
    /// Which leg.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub call_leg_id: String,
    /// Which session.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub call_session_id: String,
    /// When it happened.
    #[serde(default, rename = "event_timestamp", deserialize_with = "lenient::time")]
    pub at: Option<Timestamp>,
    /// What the event carried, as it came; its form is not in the contract.
    #[serde(default)]
    pub metadata: Value,
}

/// Which events to ask for. The provider takes one time filter only, so there is no end: leave out what is too new.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallEventQuery {
    /// Of which connection.
    pub connection: Option<ConnectionId>,
    /// Such as `call.initiated`.
    pub name: Option<String>,
    /// Only those that failed, or only those that did not; `None`: both.
    pub failed: Option<bool>,
    /// Only those at this time or later.
    pub since: Timestamp,
    /// Which page, counted from 1.
    pub page: u32,
    /// How many a page, 250 at most.
    pub size: u32,
}

/// All calls that are going on on a connection (`GET /v2/connections/{id}/active_calls`, by cursor).
pub async fn active_calls(
    account: &Account,
    urgency: Urgency,
    connection: &ConnectionId,
) -> Result<List<ActiveCall>, AccountError> {
    let call = Call::get("/v2/connections/{id}/active_calls").id(connection.as_str());
    cursored(account, urgency, &call).await
}

/// One page of events of TeXML calls (`GET /v2/call_events`).
pub async fn call_events(
    account: &Account,
    urgency: Urgency,
    query: &CallEventQuery,
) -> Result<Page<CallEvent>, AccountError> {
    let mut call = Call::get("/v2/call_events")
        .query("filter[product]", "texml")
        .query("filter[occurred_at][gte]", query.since.to_string());
    if let Some(connection) = &query.connection {
        call = call.query("filter[connection_id]", connection.as_str());
    }
    if let Some(name) = &query.name {
        call = call.query("filter[name]", name.clone());
    }
    if let Some(failed) = query.failed {
        call = call.query("filter[failed]", failed.to_string());
    }
    page(account, urgency, call, query.page, query.size).await
}
