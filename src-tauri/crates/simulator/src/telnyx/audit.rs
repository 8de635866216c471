//! Who changed what: the account's audit events.
//!
//! The real list is best-effort and eventually consistent; this one is complete at once. Everybody is a member of the organisation.

use serde_json::{Value, json};
use timonel_domain::time::Timestamp;

use super::call::Call;
use super::page::Page;
use super::refusal::Refusal;

/// What a list shows where no size is asked for.
const USUAL: usize = 20;

/// A field that is different now.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Change {
    /// With dots where it is nested.
    pub(super) field: String,
    pub(super) from: Value,
    pub(super) to: Value,
}

/// One change by one user.
#[derive(Debug, Clone)]
pub(super) struct AuditEvent {
    pub(super) id: String,
    pub(super) at: Timestamp,
    /// A UUID.
    pub(super) user: String,
    /// A UUID.
    pub(super) organization: String,
    pub(super) kind: &'static str,
    pub(super) resource: String,
    /// The number itself, where it is one.
    pub(super) e164: Option<String>,
    pub(super) changes: Vec<Change>,
}

impl AuditEvent {
    fn show(&self) -> Value {
        let changes: Vec<Value> = self
            .changes
            .iter()
            .map(|change| json!({"field": change.field, "from": change.from, "to": change.to}))
            .collect();
        json!({
            "id": self.id, "record_type": "audit_event", "created_at": self.at.to_string(), "user_id": self.user,
            "organization_id": self.organization, "change_made_by": "organization_member", "change_type": self.kind,
            "resource_id": self.resource, "alternate_resource_id": self.e164, "changes": changes,
        })
    }
}

/// `GET /v2/audit_events`; `events` are in the order in which they happened, and newest first where no order is asked for.
pub(super) fn list(events: &[AuditEvent], call: &Call) -> Result<Value, Refusal> {
    let moment = |name: &str| match call.param(name) {
        None => Ok(None),
        Some(text) => match text.parse::<Timestamp>() {
            Ok(at) => Ok(Some(at)),
            Err(_) => Err(Refusal::bad_request("The date is not valid.", "/filter")),
        },
    };
    let (after, before) = (moment("filter[created_after]")?, moment("filter[created_before]")?);
    let page = Page::read(call, USUAL)?;
    let mut found: Vec<&AuditEvent> = events
        .iter()
        .filter(|event| after.is_none_or(|after| event.at > after) && before.is_none_or(|before| event.at < before))
        .collect();
    match call.param("sort") {
        None | Some("desc") => found.reverse(),
        Some("asc") => {}
        Some(_) => return Err(Refusal::bad_sort()),
    }
    Ok(page.of(&found, |event| event.show()))
}
