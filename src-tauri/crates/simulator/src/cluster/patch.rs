//! The three patches: JSON patch as lax as Kubernetes has it, RFC 7386 merge patch, and strategic merge of lists by key.
//!
//! Not here: server-side apply, and strategic directives other than `$patch: delete` and the order hints.

use json_patch::jsonptr::{Pointer, PointerBuf};
use json_patch::{AddOperation, Patch, PatchOperation};
use serde_json::{Map, Value};

/// A `test` failed or a path leads nowhere; the real server does not say which either.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unpatchable;

/// Applies a JSON patch. `replace` of an absent map key adds it, unlike in RFC 6902 and like in Kubernetes.
pub(super) fn json(mut doc: Value, patch: &Patch) -> Result<Value, Unpatchable> {
    for operation in &patch.0 {
        let operation = match operation {
            PatchOperation::Replace(replace) if is_absent_key(&doc, &replace.path) => {
                PatchOperation::Add(AddOperation {
                    path: replace.path.clone(),
                    value: replace.value.clone(),
                })
            }
            other => other.clone(),
        };
        json_patch::patch(&mut doc, &[operation]).map_err(|_| Unpatchable)?;
    }
    Ok(doc)
}

fn is_absent_key(doc: &Value, path: &PointerBuf) -> bool {
    let Some((parent, last)) = path.split_back() else {
        return false;
    };
    let parent: &Pointer = parent;
    match doc.pointer(parent.as_str()) {
        Some(Value::Object(map)) => !map.contains_key(last.decoded().as_ref()),
        Some(_) | None => false,
    }
}

/// Applies an RFC 7386 merge patch.
pub(super) fn merge(mut doc: Value, patch: &Value) -> Value {
    json_patch::merge(&mut doc, patch);
    doc
}

/// Lists that merge entry by entry, and the field that tells entries apart.
const BY_KEY: [(&str, &str); 4] = [
    ("containers", "name"),
    ("initContainers", "name"),
    ("env", "name"),
    ("volumes", "name"),
];

/// Applies a strategic merge patch: maps merge, the lists of [`BY_KEY`] merge by key, other lists are replaced.
pub(super) fn strategic(mut doc: Value, patch: &Value) -> Value {
    merge_strategic(&mut doc, patch);
    doc
}

fn merge_strategic(doc: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *doc = patch.clone();
        return;
    };
    if !doc.is_object() {
        *doc = Value::Object(Map::new());
    }
    let Value::Object(map) = doc else { return };
    for (key, value) in patch.iter().filter(|(key, _)| !key.starts_with('$')) {
        let by = BY_KEY.iter().find(|(list, _)| list == key).map(|(_, by)| *by);
        match (value, by) {
            (Value::Null, _) => {
                map.remove(key);
            }
            (Value::Array(entries), Some(by)) => merge_list(map.entry(key).or_insert(Value::Null), entries, by),
            (value, _) => merge_strategic(map.entry(key).or_insert(Value::Null), value),
        }
    }
}

fn merge_list(doc: &mut Value, entries: &[Value], by: &str) {
    if !doc.is_array() {
        *doc = Value::Array(Vec::new());
    }
    let Value::Array(list) = doc else { return };
    for entry in entries {
        let at = list.iter().position(|old| old[by] == entry[by]);
        match (at, entry["$patch"] == "delete") {
            (Some(at), true) => drop(list.remove(at)),
            (None, true) => {}
            (Some(at), false) => merge_strategic(&mut list[at], entry),
            (None, false) => {
                let mut added = Value::Null;
                merge_strategic(&mut added, entry);
                list.push(added);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check_json(doc: Value, patch: Value, expect: Result<Value, Unpatchable>) {
        assert_eq!(
            json(doc, &serde_json::from_value(patch.clone()).unwrap()),
            expect,
            "{patch}"
        );
    }

    #[test]
    fn replace_is_lax_for_map_keys_only() {
        let replace = |path: &str| json!([{"op": "replace", "path": path, "value": 5}]);
        check_json(
            json!({"route": {}}),
            replace("/route/weight"),
            Ok(json!({"route": {"weight": 5}})),
        );
        check_json(
            json!({"route": {"weight": 1}}),
            replace("/route/weight"),
            Ok(json!({"route": {"weight": 5}})),
        );
        check_json(json!({}), replace("/route/weight"), Err(Unpatchable));
        check_json(json!({"http": [1]}), replace("/http/7"), Err(Unpatchable));
        check_json(json!({"a/b": 1}), replace("/a~1b"), Ok(json!({"a/b": 5})));
    }

    #[test]
    fn strategic_merge_keeps_what_a_container_has_besides() {
        let doc = json!({"spec": {"containers": [{"name": "agent", "image": "1", "ports": [8080]}, {"name": "side"}]}});
        let patch = json!({"spec": {
            "$setElementOrder/containers": [{"name": "agent"}],
            "containers": [{"name": "agent", "image": "2"}, {"name": "side", "$patch": "delete"}, {"name": "new"}],
        }});
        let expect =
            json!({"spec": {"containers": [{"name": "agent", "image": "2", "ports": [8080]}, {"name": "new"}]}});
        assert_eq!(strategic(doc.clone(), &patch), expect);
        assert_eq!(
            merge(doc, &json!({"spec": {"containers": [1]}})),
            json!({"spec": {"containers": [1]}})
        );
    }
}
