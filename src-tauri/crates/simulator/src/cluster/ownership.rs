//! Who last wrote which field: `metadata.managedFields`, operation Update.
//!
//! Lists count as one field, which is what a CRD without list maps does; built-in kinds would say more.
//! Operation Apply is not here, since server-side apply is not.

use serde_json::{Map, Value, json};

/// Who writes, through which version and subresource.
#[derive(Debug, Clone, Copy)]
pub(super) struct Writer<'a> {
    pub(super) manager: &'a str,
    pub(super) api_version: &'a str,
    pub(super) status: bool,
    /// RFC 3339, whole seconds.
    pub(super) time: &'a str,
}

/// The entries after `writer` has turned `old` into `new`: it gains what changed, everybody else loses it.
pub(super) fn record(entries: &Value, old: &Value, new: &Value, writer: Writer<'_>) -> Value {
    let (old, new) = (owned_part(old), owned_part(new));
    let mut gained = Map::new();
    let mut lost = Map::new();
    differences(&old, &new, &mut gained, &mut lost);

    let mut entries: Vec<Value> = entries.as_array().cloned().unwrap_or_default();
    let mine = |entry: &Value| {
        entry["manager"] == writer.manager
            && entry["operation"] == "Update"
            && entry["apiVersion"] == writer.api_version
            && (entry["subresource"] == "status") == writer.status
    };
    for entry in &mut entries {
        let is_mine = mine(entry);
        let Some(fields) = entry["fieldsV1"].as_object_mut() else {
            continue;
        };
        subtract(fields, &lost);
        if !is_mine {
            subtract(fields, &gained);
        }
    }
    if !gained.is_empty() {
        if !entries.iter().any(mine) {
            let mut entry = json!({
                "manager": writer.manager, "operation": "Update", "apiVersion": writer.api_version,
                "fieldsType": "FieldsV1", "fieldsV1": {},
            });
            if writer.status {
                entry["subresource"] = "status".into();
            }
            entries.push(entry);
        }
        for entry in entries.iter_mut().filter(|e| mine(e)) {
            entry["time"] = writer.time.into();
            if let Some(fields) = entry["fieldsV1"].as_object_mut() {
                add(fields, &gained);
            }
        }
    }
    entries.retain(|e| e["fieldsV1"].as_object().is_some_and(|f| !f.is_empty()));
    Value::Array(entries)
}

/// Without what the server itself writes.
fn owned_part(object: &Value) -> Map<String, Value> {
    let mut part = object.as_object().cloned().unwrap_or_default();
    part.remove("apiVersion");
    part.remove("kind");
    if let Some(metadata) = part.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.retain(|key, _| {
            matches!(
                key.as_str(),
                "annotations" | "labels" | "finalizers" | "ownerReferences"
            )
        });
    }
    part
}

fn differences(
    old: &Map<String, Value>,
    new: &Map<String, Value>,
    gained: &mut Map<String, Value>,
    lost: &mut Map<String, Value>,
) {
    for (key, value) in new {
        let field = format!("f:{key}");
        match (old.get(key), value) {
            (Some(before), now) if before == now => {}
            (Some(Value::Object(before)), Value::Object(now)) => {
                let (mut more, mut less) = (Map::new(), Map::new());
                differences(before, now, &mut more, &mut less);
                if !more.is_empty() {
                    gained.insert(field.clone(), Value::Object(more));
                }
                if !less.is_empty() {
                    lost.insert(field, Value::Object(less));
                }
            }
            (_, Value::Object(now)) if !now.is_empty() => {
                let mut more = Map::from_iter([(".".to_owned(), json!({}))]);
                differences(&Map::new(), now, &mut more, lost);
                if key == "metadata" {
                    more.remove(".");
                }
                gained.insert(field, Value::Object(more));
            }
            (None, Value::Object(_)) if key == "metadata" => {}
            (Some(_) | None, _) => {
                gained.insert(field, json!({}));
            }
        }
    }
    for key in old.keys().filter(|key| !new.contains_key(*key)) {
        lost.insert(format!("f:{key}"), json!({}));
    }
}

fn subtract(fields: &mut Map<String, Value>, taken: &Map<String, Value>) {
    for (key, under) in taken.iter().filter(|(key, _)| *key != ".") {
        let Some(under) = under.as_object().filter(|under| !under.is_empty()) else {
            fields.remove(key);
            continue;
        };
        let Some(Value::Object(left)) = fields.get_mut(key) else {
            continue;
        };
        if left.is_empty() {
            continue;
        }
        subtract(left, under);
        if left.is_empty() {
            fields.remove(key);
        }
    }
}

fn add(fields: &mut Map<String, Value>, more: &Map<String, Value>) {
    for (key, under) in more {
        match (fields.get_mut(key), under) {
            (Some(Value::Object(fields)), Value::Object(under)) => add(fields, under),
            (Some(_) | None, under) => {
                fields.insert(key.clone(), under.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writer(manager: &str) -> Writer<'_> {
        Writer {
            manager,
            api_version: "networking.istio.io/v1",
            status: false,
            time: "2026-11-21T23:26:03Z",
        }
    }

    #[test]
    fn the_second_writer_takes_over_what_it_changed_and_no_more() {
        let nothing = json!({});
        let first = json!({"kind": "VirtualService", "metadata": {"name": "x", "annotations": {"a": "1"}},
            "spec": {"hosts": ["x"], "http": [1]}});
        let entries = record(&json!([]), &nothing, &first, writer("kubectl"));
        assert_eq!(
            entries[0]["fieldsV1"],
            json!({"f:metadata": {"f:annotations": {".": {}, "f:a": {}}}, "f:spec": {".": {}, "f:hosts": {}, "f:http": {}}})
        );
        let mut second = first.clone();
        second["spec"]["http"] = json!([2]);
        let entries = record(&entries, &first, &second, writer("timonel"));
        assert_eq!(entries[1]["manager"], "timonel");
        assert_eq!(entries[1]["fieldsV1"], json!({"f:spec": {"f:http": {}}}));
        assert_eq!(entries[0]["fieldsV1"]["f:spec"], json!({".": {}, "f:hosts": {}}));
        let entries = record(&entries, &second, &first, writer("kubectl"));
        assert_eq!(
            entries.as_array().map(Vec::len),
            Some(1),
            "nothing is left of timonel: {entries}"
        );
    }

    #[test]
    fn a_removed_field_has_no_owner() {
        let with = json!({"metadata": {"labels": {"a": "1", "b": "2"}}});
        let without = json!({"metadata": {"labels": {"a": "1"}}});
        let entries = record(&json!([]), &json!({}), &with, writer("kubectl"));
        let entries = record(&entries, &with, &without, writer("timonel"));
        assert_eq!(entries.as_array().map(Vec::len), Some(1));
        assert_eq!(
            entries[0]["fieldsV1"],
            json!({"f:metadata": {"f:labels": {".": {}, "f:a": {}}}})
        );
    }
}
