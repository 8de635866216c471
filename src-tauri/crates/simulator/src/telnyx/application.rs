//! A TeXML application: its fields as the contract has them, and what a PATCH does to them.
//!
//! Kept as the JSON that is shown, for that is all there is to it; [`FIELDS`] says what may be written.

use http::Uri;
use serde_json::{Map, Value, json};
use timonel_domain::time::Timestamp;

use super::audit::Change;
use super::refusal::Refusal;
use super::setup::ApplicationSetup;

/// Where Telnyx anchors calls.
const SITES: &[&str] = &[
    "Latency",
    "Chicago, IL",
    "Ashburn, VA",
    "San Jose, CA",
    "Sydney, Australia",
    "Amsterdam, Netherlands",
    "London, UK",
    "Toronto, Canada",
    "Vancouver, Canada",
    "Frankfurt, Germany",
];

/// What a field may hold.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Text,
    Texts,
    Flag,
    Whole,
    Url,
    Choice(&'static [&'static str]),
    Inside(&'static [Field]),
}

/// A field that a PATCH may name.
#[derive(Debug, Clone, Copy)]
struct Field {
    name: &'static str,
    kind: Kind,
    /// Whether `null` unsets it: those whose default is null in the contract.
    unset: bool,
}

const fn field(name: &'static str, kind: Kind) -> Field {
    Field {
        name,
        kind,
        unset: false,
    }
}

const fn unset(name: &'static str, kind: Kind) -> Field {
    Field {
        name,
        kind,
        unset: true,
    }
}

const METHODS: Kind = Kind::Choice(&["get", "post"]);

const FIELDS: &[Field] = &[
    field("friendly_name", Kind::Text),
    field("active", Kind::Flag),
    field("anchorsite_override", Kind::Choice(SITES)),
    field("dtmf_type", Kind::Choice(&["RFC 2833", "Inband", "SIP INFO"])),
    field("first_command_timeout", Kind::Flag),
    field("first_command_timeout_secs", Kind::Whole),
    field("call_cost_in_webhooks", Kind::Flag),
    field("voice_url", Kind::Url),
    unset("voice_fallback_url", Kind::Url),
    field("voice_method", METHODS),
    unset("status_callback", Kind::Url),
    field("status_callback_method", METHODS),
    field("tags", Kind::Texts),
    field(
        "inbound",
        Kind::Inside(&[
            unset("channel_limit", Kind::Whole),
            field("shaken_stir_enabled", Kind::Flag),
            unset("sip_subdomain", Kind::Text),
            field(
                "sip_subdomain_receive_settings",
                Kind::Choice(&["only_my_connections", "from_anyone"]),
            ),
        ]),
    ),
    field(
        "outbound",
        Kind::Inside(&[
            unset("channel_limit", Kind::Whole),
            field("outbound_voice_profile_id", Kind::Text),
        ]),
    ),
];

/// A TeXML application.
#[derive(Debug, Clone)]
pub(super) struct Application {
    document: Map<String, Value>,
}

impl Application {
    pub(super) fn new(setup: &ApplicationSetup, created: Timestamp) -> Self {
        let mut document = json!({
            "id": setup.id, "record_type": "texml_application", "friendly_name": setup.friendly_name, "active": true,
            "anchorsite_override": "Latency", "dtmf_type": "RFC 2833", "first_command_timeout": false,
            "first_command_timeout_secs": 30, "call_cost_in_webhooks": false,
            "voice_url": setup.voice_url, "voice_method": setup.voice_method,
            "status_callback_method": setup.status_callback_method, "tags": setup.tags,
            "inbound": {"shaken_stir_enabled": false, "sip_subdomain_receive_settings": "from_anyone"}, "outbound": {},
            "created_at": created.to_string(), "updated_at": created.to_string(),
        });
        if let Some(url) = &setup.voice_fallback_url {
            document["voice_fallback_url"] = json!(url);
        }
        if let Some(url) = &setup.status_callback {
            document["status_callback"] = json!(url);
        }
        if let Some(limit) = setup.channel_limit {
            document["inbound"]["channel_limit"] = json!(limit);
        }
        let document = match document {
            Value::Object(document) => document,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
        };
        Self { document }
    }

    /// As the API shows it. What is not set is left out: the contract has no null there.
    pub(super) fn show(&self) -> Value {
        Value::Object(self.document.clone())
    }

    /// As the list of all kinds of connections shows it.
    pub(super) fn show_connection(&self) -> Value {
        let of = |name: &str| self.document.get(name).cloned().unwrap_or_default();
        json!({
            "id": of("id"), "record_type": of("record_type"), "connection_name": of("friendly_name"),
            "active": of("active"), "anchorsite_override": of("anchorsite_override"), "tags": of("tags"),
            "webhook_event_url": of("voice_url"), "webhook_event_failover_url": of("voice_fallback_url"),
            "webhook_api_version": "1", "created_at": of("created_at"), "updated_at": of("updated_at"),
        })
    }

    pub(super) fn text(&self, name: &str) -> &str {
        self.document.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// Sets what `wanted` names and leaves the rest, also within `inbound` and `outbound`; tags are replaced as a whole. Names
    /// that the contract does not have are ignored, as there. Says what is different now; nothing is written where it is refused.
    pub(super) fn patch(&mut self, wanted: &Map<String, Value>, now: Timestamp) -> Result<Vec<Change>, Refusal> {
        let mut document = self.document.clone();
        let mut changes = Vec::new();
        write(&mut document, FIELDS, wanted, "", &mut changes)?;
        if !changes.is_empty() {
            document.insert("updated_at".to_owned(), json!(now.to_string()));
            self.document = document;
        }
        Ok(changes)
    }

    /// What every PATCH through the API has to name, however little it changes.
    pub(super) fn require(wanted: &Map<String, Value>) -> Result<(), Refusal> {
        let blank = |name: &str| match wanted.get(name) {
            None | Some(Value::Null) => true,
            Some(Value::String(text)) => text.is_empty(),
            Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => false,
        };
        match ["friendly_name", "voice_url"].into_iter().find(|name| blank(name)) {
            Some(name) => Err(Refusal::missing(name)),
            None => Ok(()),
        }
    }
}

fn write(
    document: &mut Map<String, Value>,
    fields: &[Field],
    wanted: &Map<String, Value>,
    within: &str,
    changes: &mut Vec<Change>,
) -> Result<(), Refusal> {
    for field in fields {
        let Some(value) = wanted.get(field.name) else { continue };
        let full = format!("{within}{}", field.name);
        if let (Kind::Inside(fields), Value::Object(wanted)) = (field.kind, value) {
            let inner = document.entry(field.name).or_insert_with(|| json!({}));
            if let Value::Object(inner) = inner {
                write(inner, fields, wanted, &format!("{full}."), changes)?;
            }
            continue;
        }
        let from = document.get(field.name).cloned().unwrap_or_default();
        if field.unset && value.is_null() {
            document.remove(field.name);
        } else {
            check(field.kind, value, &full)?;
            document.insert(field.name.to_owned(), value.clone());
        }
        if from != *value {
            let to = value.clone();
            changes.push(Change { field: full, from, to });
        }
    }
    Ok(())
}

fn check(kind: Kind, value: &Value, field: &str) -> Result<(), Refusal> {
    let pointer = field.replace('.', "/");
    let expect = |holds: bool, name: &str| {
        if holds {
            Ok(())
        } else {
            Err(Refusal::bad_type(&pointer, name))
        }
    };
    match kind {
        Kind::Text => expect(value.is_string(), "string"),
        Kind::Texts => {
            let texts = value.as_array().is_some_and(|all| all.iter().all(Value::is_string));
            expect(texts, "array of strings")
        }
        Kind::Flag => expect(value.is_boolean(), "boolean"),
        Kind::Whole => expect(value.is_u64(), "integer"),
        Kind::Inside(_) => expect(false, "object"),
        Kind::Url => {
            expect(value.is_string(), "string")?;
            if value.as_str().is_some_and(is_url) {
                Ok(())
            } else {
                Err(Refusal::bad_request("The field is invalid.", &format!("/{pointer}")))
            }
        }
        Kind::Choice(choices) => {
            if value.as_str().is_some_and(|text| choices.contains(&text)) {
                Ok(())
            } else {
                Err(Refusal::bad_choice(&pointer, &choices.join(", ")))
            }
        }
    }
}

fn is_url(text: &str) -> bool {
    text.parse::<Uri>()
        .is_ok_and(|uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some())
}
