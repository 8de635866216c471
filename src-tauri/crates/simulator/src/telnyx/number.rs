//! A phone number: what of it can be changed, and how the two lists show it.
//!
//! Emergency services, messaging and the settings under `voice` are not simulated; they are shown as a new number has them.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use timonel_domain::time::Timestamp;

use super::audit::Change;
use super::refusal::Refusal;
use super::setup::NumberSetup;

/// Prefixes and the countries that they stand for; the first that fits.
const COUNTRIES: &[(&str, &str)] = &[
    ("+34", "ES"),
    ("+351", "PT"),
    ("+33", "FR"),
    ("+39", "IT"),
    ("+44", "GB"),
    ("+49", "DE"),
    ("+52", "MX"),
];

/// Fields that are kept and shown, and decide nothing here: their names, whether they are a flag.
const SETTINGS: &[(&str, bool)] = &[
    ("customer_reference", false),
    ("billing_group_id", false),
    ("external_pin", false),
    ("hd_voice_enabled", true),
    ("deletion_lock_enabled", true),
];

/// A phone number of the account.
#[derive(Debug, Clone)]
pub(super) struct Number {
    pub(super) id: Arc<str>,
    pub(super) e164: Arc<str>,
    pub(super) connection: Arc<str>,
    pub(super) tags: Vec<String>,
    settings: Map<String, Value>,
    pub(super) created: Timestamp,
    updated: Timestamp,
}

/// What a PATCH or a job sets.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct NumberChange {
    pub(super) connection: Option<Arc<str>>,
    pub(super) tags: Option<Vec<String>>,
    settings: Map<String, Value>,
}

impl NumberChange {
    /// As a body names it. Whether the connection exists is seen when it is applied.
    pub(super) fn read(body: &Map<String, Value>) -> Result<Self, Refusal> {
        let mut change = Self::default();
        match body.get("connection_id") {
            None => {}
            Some(Value::String(id)) => change.connection = Some(id.as_str().into()),
            Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                return Err(Refusal::bad_type("connection_id", "string"));
            }
        }
        if let Some(tags) = body.get("tags") {
            let tags = serde_json::from_value(tags.clone());
            change.tags = Some(tags.map_err(|_| Refusal::bad_type("tags", "array of strings"))?);
        }
        for (name, is_flag) in SETTINGS {
            let Some(value) = body.get(*name) else { continue };
            let expected = if *is_flag { "boolean" } else { "string" };
            if !(if *is_flag {
                value.is_boolean()
            } else {
                value.is_string()
            }) {
                return Err(Refusal::bad_type(name, expected));
            }
            change.settings.insert((*name).to_owned(), value.clone());
        }
        if body.contains_key("voice") {
            let detail = "The settings under voice are not simulated.";
            return Err(Refusal::bad_request(detail, "/voice"));
        }
        Ok(change)
    }

    pub(super) fn to_connection(connection: Arc<str>) -> Self {
        Self {
            connection: Some(connection),
            ..Self::default()
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Number {
    pub(super) fn new(setup: &NumberSetup, created: Timestamp) -> Self {
        let settings = json!({
            "customer_reference": null, "billing_group_id": null, "external_pin": null,
            "hd_voice_enabled": false, "deletion_lock_enabled": false,
        });
        Self {
            id: setup.id.as_str().into(),
            e164: setup.e164.as_str().into(),
            connection: setup.connection_id.as_str().into(),
            tags: setup.tags.clone(),
            settings: settings.as_object().cloned().unwrap_or_default(),
            created,
            updated: created,
        }
    }

    /// Sets it; says what is different now.
    pub(super) fn apply(&mut self, change: &NumberChange, now: Timestamp) -> Vec<Change> {
        let mut changes = Vec::new();
        let mut note = |field: &str, from: Value, to: Value| {
            if from != to {
                let field = field.to_owned();
                changes.push(Change { field, from, to });
            }
        };
        if let Some(connection) = &change.connection {
            note("connection_id", json!(&*self.connection), json!(&**connection));
            self.connection = connection.clone();
        }
        if let Some(tags) = &change.tags {
            note("tags", json!(self.tags), json!(tags));
            self.tags.clone_from(tags);
        }
        for (name, value) in &change.settings {
            let from = self.settings.insert(name.clone(), value.clone()).unwrap_or_default();
            note(name, from, value.clone());
        }
        if !changes.is_empty() {
            self.updated = now;
        }
        changes
    }

    pub(super) fn country(&self) -> &'static str {
        let found = COUNTRIES.iter().find(|(prefix, _)| self.e164.starts_with(prefix));
        found.map_or("US", |(_, country)| country)
    }

    /// Of [`SETTINGS`].
    pub(super) fn setting(&self, name: &str) -> Option<&str> {
        self.settings.get(name)?.as_str()
    }

    /// In full.
    pub(super) fn show(&self, connection_name: Option<&str>) -> Value {
        let mut shown = self.common();
        for (name, _) in SETTINGS {
            shown[*name] = self.settings.get(*name).cloned().unwrap_or_default();
        }
        shown["tags"] = json!(self.tags);
        shown["connection_name"] = json!(connection_name);
        shown["emergency_address_id"] = Value::Null;
        shown["messaging_profile_id"] = Value::Null;
        shown["messaging_profile_name"] = Value::Null;
        shown["source_type"] = json!("number_order");
        shown
    }

    /// As the light list shows it, which leaves out what is not set; tags and the connection's name only where asked for.
    pub(super) fn show_slim(&self, tags: bool, connection_name: Option<&str>) -> Value {
        let mut shown = self.common();
        for name in ["customer_reference", "billing_group_id", "external_pin"] {
            if let Some(value) = self.setting(name) {
                shown[name] = json!(value);
            }
        }
        shown["hd_voice_enabled"] = self.settings.get("hd_voice_enabled").cloned().unwrap_or_default();
        if tags {
            shown["tags"] = json!(self.tags);
        }
        if let Some(name) = connection_name {
            shown["connection_name"] = json!(name);
        }
        shown
    }

    fn common(&self) -> Value {
        let created = self.created.to_string();
        json!({
            "id": &*self.id, "record_type": "phone_number", "phone_number": &*self.e164, "status": "active",
            "country_iso_alpha2": self.country(), "phone_number_type": "local", "connection_id": &*self.connection,
            "created_at": created, "purchased_at": created, "activated_at": created, "updated_at": self.updated.to_string(),
            "call_forwarding_enabled": false, "call_recording_enabled": false, "caller_id_name_enabled": false,
            "cnam_listing_enabled": false, "emergency_enabled": false, "emergency_status": "disabled",
            "inbound_call_screening": "disabled", "t38_fax_gateway_enabled": false,
        })
    }
}
