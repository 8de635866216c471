//! Who changed what in the account. Best-effort and eventually consistent, as the provider says.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use timonel_domain::time::Timestamp;

use super::lenient;
use crate::account::{Account, AccountError, Call, PAGE, Page, Urgency, page};

/// One change of one resource.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditEvent {
    /// Its id; empty where not said.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub id: String,
    /// When it happened.
    #[serde(default, deserialize_with = "lenient::time")]
    pub created_at: Option<Timestamp>,
    /// Such as `organization_member`, `account_owner` or `telnyx`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub change_made_by: Option<String>,
    /// Such as `update`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub change_type: Option<String>,
    /// Which user, where it was one.
    #[serde(default, deserialize_with = "lenient::text")]
    pub user_id: Option<String>,
    /// What was changed.
    #[serde(default, deserialize_with = "lenient::text")]
    pub resource_id: Option<String>,
    /// What was changed by its other name, such as a number in E.164.
    #[serde(default, deserialize_with = "lenient::text")]
    pub alternate_resource_id: Option<String>,
    /// Field by field.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub changes: Vec<AuditChange>,
}

impl AuditEvent {
    /// Who it was, for people: `organization_member 550e8400-…`.
    pub fn by(&self) -> String {
        let who = self.change_made_by.as_deref().unwrap_or("somebody");
        match &self.user_id {
            Some(user) => format!("{who} {user}"),
            None => who.to_owned(),
        }
    }
}

/// One field of a change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditChange {
    /// Its name, dotted where it is nested.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub field: String,
    /// What it was.
    #[serde(default)]
    pub from: Value,
    /// What it is.
    #[serde(default)]
    pub to: Value,
}

/// The newest changes since `after`, newest first (`GET /v2/audit_events`, one page).
pub async fn audit_events(
    account: &Account,
    urgency: Urgency,
    after: Timestamp,
) -> Result<Vec<AuditEvent>, AccountError> {
    let call = Call::get("/v2/audit_events")
        .query("filter[created_after]", after.to_string())
        .query("sort", "desc");
    let page: Page<AuditEvent> = page(account, urgency, call, 1, PAGE).await?;
    Ok(page.items)
}
