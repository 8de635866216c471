//! A write that somebody asks for, and what of it may take effect.

use json_patch::Patch;
use serde_json::Value;

use super::kind::Key;
use super::status::Refusal;

/// A write, in full: a late one is done from this again.
#[derive(Debug, Clone)]
pub(super) struct Order {
    pub(super) key: Key,
    /// The version it speaks.
    pub(super) version: &'static str,
    pub(super) status: bool,
    pub(super) manager: String,
    pub(super) dry_run: bool,
    pub(super) unknown: Unknown,
    pub(super) body: OrderBody,
}

#[derive(Debug, Clone)]
pub(super) enum OrderBody {
    Create(Value),
    Replace(Value),
    Json(Patch),
    Merge(Value),
    Strategic(Value),
    /// With `preconditions` of the DeleteOptions.
    Delete(Value),
}

/// `fieldValidation`: what happens to fields that the kind does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unknown {
    Ignore,
    Warn,
    Refuse,
}

impl Order {
    /// The object that is proposed must be the one the path names.
    pub(super) fn check_identity(&self, proposed: &Value) -> Result<(), Refusal> {
        let key = &self.key;
        let (api_version, kind) = (key.kind.api_version(self.version), key.kind.kind);
        if proposed["apiVersion"] != api_version || proposed["kind"] != kind {
            return Err(Refusal::bad_request(&format!(
                "the API version in the data ({}) or its kind ({}) does not match the expected {api_version}, {kind}",
                proposed["apiVersion"], proposed["kind"]
            )));
        }
        let metadata = &proposed["metadata"];
        if metadata["name"] != key.name.as_str() {
            let name = metadata["name"].as_str().unwrap_or_default();
            return Err(Refusal::bad_request(&format!(
                "the name of the object ({name}) does not match the name on the URL ({})",
                key.name
            )));
        }
        match metadata["namespace"].as_str() {
            Some(namespace) if namespace != key.namespace => Err(Refusal::bad_request(
                "the namespace of the provided object does not match the namespace sent on the request",
            )),
            Some(_) | None => Ok(()),
        }
    }

    /// The resourceVersion, where the writer names one, must be the current one.
    pub(super) fn check_lock(&self, current: &Value, proposed: &Value) -> Result<(), Refusal> {
        let wanted = proposed["metadata"]["resourceVersion"].as_str().unwrap_or_default();
        let is_put = matches!(self.body, OrderBody::Replace(_));
        if wanted.is_empty() {
            return if is_put && !self.key.kind.unconditional {
                Err(Refusal::version_required(&self.key))
            } else {
                Ok(())
            };
        }
        let uid = proposed["metadata"]["uid"].as_str();
        if current["metadata"]["resourceVersion"] != wanted || uid.is_some_and(|uid| current["metadata"]["uid"] != uid)
        {
            return Err(Refusal::conflict(&self.key));
        }
        Ok(())
    }

    /// What of the proposal takes effect: nobody writes the server's own fields, nor the status but through `/status`.
    pub(super) fn settle(&self, current: Option<&Value>, mut proposed: Value) -> Value {
        let key = &self.key;
        if let (true, Some(current)) = (self.status, current) {
            let mut next = current.clone();
            put(&mut next, "status", &proposed["status"]);
            return next;
        }
        proposed["apiVersion"] = key.kind.api_version(key.kind.versions[0]).into();
        if key.kind.has_status {
            put(
                &mut proposed,
                "status",
                current.map_or(&Value::Null, |current| &current["status"]),
            );
        }
        let metadata = &mut proposed["metadata"];
        metadata["namespace"] = key.namespace.as_str().into();
        for field in [
            "uid",
            "creationTimestamp",
            "generation",
            "resourceVersion",
            "managedFields",
        ] {
            put(
                metadata,
                field,
                current.map_or(&Value::Null, |current| &current["metadata"][field]),
            );
        }
        proposed
    }
}

fn put(map: &mut Value, field: &str, value: &Value) {
    let Some(map) = map.as_object_mut() else { return };
    if value.is_null() {
        map.remove(field);
    } else {
        map.insert(field.to_owned(), value.clone());
    }
}
