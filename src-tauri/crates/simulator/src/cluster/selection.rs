//! Which objects of a kind a list or a watch is about.

use serde_json::Value;

use super::kind::{Key, Kind};

/// A kind, narrowed by namespace, `fieldSelector` and `labelSelector`.
#[derive(Debug, Clone)]
pub(super) struct Selection {
    pub(super) kind: &'static Kind,
    namespace: Option<String>,
    name: Option<String>,
    labels: Vec<Label>,
}

#[derive(Debug, Clone)]
enum Label {
    Is(String, String),
    IsNot(String, String),
    Exists(String),
}

impl Selection {
    /// Reads the two selectors; the error is what a person should know.
    pub(super) fn read(
        kind: &'static Kind,
        namespace: Option<String>,
        fields: &str,
        labels: &str,
    ) -> Result<Self, String> {
        let mut selection = Self {
            kind,
            namespace,
            name: None,
            labels: Vec::new(),
        };
        for term in terms(fields) {
            let (field, value) = term
                .split_once('=')
                .map(|(f, v)| (f, v.trim_start_matches('=')))
                .unwrap_or((term, ""));
            match field {
                "metadata.name" => selection.name = Some(value.to_owned()),
                "metadata.namespace" => selection.namespace = Some(value.to_owned()),
                _ => return Err(format!("field label not supported: {field}")),
            }
        }
        for term in terms(labels) {
            let label = if let Some((key, value)) = term.split_once("!=") {
                Label::IsNot(key.trim().to_owned(), value.trim().to_owned())
            } else if let Some((key, value)) = term.split_once('=') {
                Label::Is(key.trim().to_owned(), value.trim_start_matches('=').trim().to_owned())
            } else if term.contains([' ', '!', '(']) {
                return Err(format!(
                    "unable to parse requirement: {term}: only =, != and existence are simulated"
                ));
            } else {
                Label::Exists(term.to_owned())
            };
            selection.labels.push(label);
        }
        Ok(selection)
    }

    /// The one object it can hold, where it names one.
    pub(super) fn object(&self) -> Option<Key> {
        let (namespace, name) = (self.namespace.clone()?, self.name.clone()?);
        Some(Key {
            kind: self.kind,
            namespace,
            name,
        })
    }

    /// Whether this object, of whatever kind, is in it.
    pub(super) fn holds(&self, key: &Key, object: &Value) -> bool {
        let labels = &object["metadata"]["labels"];
        key.kind == self.kind
            && self
                .namespace
                .as_ref()
                .is_none_or(|namespace| *namespace == key.namespace)
            && self.name.as_ref().is_none_or(|name| *name == key.name)
            && self.labels.iter().all(|label| match label {
                Label::Is(key, value) => labels[key] == value.as_str(),
                Label::IsNot(key, value) => labels[key] != value.as_str(),
                Label::Exists(key) => !labels[key].is_null(),
            })
    }
}

fn terms(selector: &str) -> impl Iterator<Item = &str> {
    selector.split(',').map(str::trim).filter(|term| !term.is_empty())
}
