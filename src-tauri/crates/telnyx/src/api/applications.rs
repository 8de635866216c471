//! TeXML applications, and connections of any kind.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use timonel_domain::time::Timestamp;

use super::{ConnectionId, Data, lenient};
use crate::account::{Account, AccountError, Call, Page, Urgency, page};

/// A TeXML application as it is there: where calls of its numbers get their instructions from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Application {
    /// Its id, which is also what a number's `connection_id` names.
    pub id: ConnectionId,
    /// Its name; every change has to repeat it.
    pub friendly_name: String,
    /// Where a new call asks for instructions.
    pub voice_url: String,
    /// `get` or `post`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub voice_method: Option<String>,
    /// Where it asks when `voice_url` answers with an error.
    #[serde(default, deserialize_with = "lenient::text")]
    pub voice_fallback_url: Option<String>,
    /// Where it tells how calls go on.
    #[serde(default, deserialize_with = "lenient::text")]
    pub status_callback: Option<String>,
    /// `get` or `post`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub status_callback_method: Option<String>,
    /// Whether it takes calls; `None` where the answer does not say it.
    #[serde(default)]
    pub active: Option<bool>,
    /// Free words; a change replaces all of them.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub tags: Vec<String>,
    /// How it takes calls.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub inbound: Inbound,
    /// When it was last changed.
    #[serde(default, deserialize_with = "lenient::time", skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
}

/// How an application takes calls. Fields that we do not know are kept, since a change may replace the whole of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Inbound {
    /// The most calls at once; further ones are refused. `None`: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel_limit: Option<u32>,
    /// All the rest, as it is there.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// A connection of any kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// Its id.
    pub id: ConnectionId,
    /// What it is, such as `texml_application`, `call_control_application` or `ip_connection`; empty where not said.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub record_type: String,
    /// Its name, for people.
    #[serde(default, deserialize_with = "lenient::text")]
    pub connection_name: Option<String>,
}

/// Reads one TeXML application (`GET /v2/texml_applications/{id}`). `Missing` where the id is of another kind.
pub async fn application(account: &Account, urgency: Urgency, id: &ConnectionId) -> Result<Application, AccountError> {
    let call = Call::get("/v2/texml_applications/{id}").id(id.as_str());
    Ok(account.ask::<Data<_>>(urgency, &call).await?.data)
}

/// Changes one TeXML application (`PATCH /v2/texml_applications/{id}`), and gives it as it is then. Sent once. `body` must
/// repeat `friendly_name` and `voice_url`, whatever else it sets; a `null` in it asks to clear a field, for which the published
/// contract names no way.
pub async fn write_application(
    account: &Account,
    urgency: Urgency,
    id: &ConnectionId,
    body: &Map<String, Value>,
) -> Result<Application, AccountError> {
    let call = Call::patch("/v2/texml_applications/{id}", body)?.id(id.as_str());
    Ok(account.ask::<Data<_>>(urgency, &call).await?.data)
}

/// Any one TeXML application of the account (`GET /v2/texml_applications`, one a page): whether the key may read them.
pub async fn some_application(account: &Account, urgency: Urgency) -> Result<Option<Application>, AccountError> {
    let call = Call::get("/v2/texml_applications");
    let page: Page<Application> = page(account, urgency, call, 1, 1).await?;
    Ok(page.items.into_iter().next())
}

/// Reads a connection of any kind (`GET /v2/connections/{id}`). A number put on one of another kind than its calls speak
/// fails every call, so ask before moving any.
pub async fn connection(account: &Account, urgency: Urgency, id: &ConnectionId) -> Result<Connection, AccountError> {
    let call = Call::get("/v2/connections/{id}").id(id.as_str());
    Ok(account.ask::<Data<_>>(urgency, &call).await?.data)
}
