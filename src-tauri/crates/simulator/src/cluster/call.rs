//! Reading a request: which object, which verb, which write, as whom.
//!
//! What then becomes of it is `answer`'s.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::Query;
use http::{HeaderMap, Method, header};
use serde_json::Value;

use super::fault::Subject;
use super::kind::{Key, Kind, Place};
use super::order::{Order, OrderBody, Unknown};
use super::selection::Selection;
use super::status::Refusal;
use super::watch::Terms;
use crate::request;

/// A request, read.
pub(super) struct Call {
    pub(super) id: Option<u64>,
    pub(super) method: Method,
    pub(super) path: String,
    query: Vec<(String, String)>,
    headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) place: Option<Place>,
    pub(super) subject: Subject,
}

impl Call {
    pub(super) fn read(parts: http::request::Parts, body: Bytes) -> Self {
        let path = parts.uri.path().to_owned();
        let query = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
            .map(|q| q.0)
            .unwrap_or_default();
        let id = request::id(&parts.headers);
        let mut call = Self {
            id,
            method: parts.method,
            place: Place::parse(&path),
            path,
            query,
            headers: parts.headers,
            body,
            subject: Subject::default(),
        };
        call.subject = call.read_subject();
        call
    }

    fn read_subject(&self) -> Subject {
        let writes = self.place.is_some() && self.method != Method::GET;
        let object = match &self.place {
            Some(Place::Object { key, .. }) => Some(key.clone()),
            Some(Place::Collection {
                kind,
                namespace: Some(namespace),
                ..
            }) if writes => {
                let object: Value = serde_json::from_slice(&self.body).unwrap_or_default();
                let name = object["metadata"]["name"].as_str().map(ToOwned::to_owned);
                name.map(|name| Key {
                    kind,
                    namespace: namespace.clone(),
                    name,
                })
            }
            Some(Place::Collection { .. }) => self.selection().ok().and_then(|selection| selection.object()),
            None => None,
        };
        Subject {
            object: object.map(|key| key.to_string()),
            writes,
        }
    }

    /// 4 to 26 ms, as a real server took. The same request at the same instant always takes as long.
    pub(super) fn latency(&self, seed: u64, now: u64) -> Duration {
        let drawn = request::draw(seed, now, &self.method, &self.path, &self.query, &self.body);
        Duration::from_micros(4_000 + drawn % 22_000)
    }

    fn param(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    fn flag(&self, name: &str) -> bool {
        self.param(name).is_some_and(|value| matches!(value, "" | "1" | "true"))
    }

    pub(super) fn header(&self, name: header::HeaderName) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// First word of the user agent: who writes, where the request does not say.
    pub(super) fn agent(&self) -> Option<&str> {
        self.header(header::USER_AGENT)
            .split(['/', ' '])
            .next()
            .filter(|word| !word.is_empty())
    }

    pub(super) fn verb(&self) -> &'static str {
        match (self.method.as_str(), &self.place) {
            ("GET", Some(Place::Collection { .. })) if self.flag("watch") => "watch",
            ("GET", Some(Place::Collection { .. })) => "list",
            ("POST", _) => "create",
            ("PUT", _) => "update",
            ("PATCH", _) => "patch",
            ("DELETE", _) => "delete",
            _ => "get",
        }
    }

    pub(super) fn selection(&self) -> Result<Selection, Refusal> {
        let Some(Place::Collection { kind, namespace, .. }) = &self.place else {
            return Err(Refusal::method_not_allowed());
        };
        let (fields, labels) = (self.param("fieldSelector"), self.param("labelSelector"));
        Selection::read(
            kind,
            namespace.clone(),
            fields.unwrap_or_default(),
            labels.unwrap_or_default(),
        )
        .map_err(|why| Refusal::bad_request(&why))
    }

    pub(super) fn terms(&self) -> Result<Terms, Refusal> {
        let number = |name: &str| match self.param(name) {
            None | Some("") => Ok(None),
            Some(text) => match text.parse::<u64>() {
                Ok(number) => Ok(Some(number)),
                Err(_) => Err(Refusal::bad_request(&format!(
                    "Invalid value: \"{text}\": {name} must be a number"
                ))),
            },
        };
        Ok(Terms {
            from: number("resourceVersion")?,
            timeout: number("timeoutSeconds")?
                .filter(|secs| *secs > 0)
                .map(Duration::from_secs),
            bookmarks: self.flag("allowWatchBookmarks"),
            initial_events: self.flag("sendInitialEvents"),
        })
    }

    pub(super) fn order(&self, place: &Place) -> Result<Order, Refusal> {
        let (key, version, status, body) = match place {
            Place::Object { key, version, status } => (key.clone(), *version, *status, self.order_body(key)?),
            Place::Collection {
                kind,
                version,
                namespace,
            } => {
                let object = self.object(kind)?;
                let Some(name) = object["metadata"]["name"].as_str() else {
                    return Err(Refusal::bad_request(
                        "name or generateName is required; only a name is simulated",
                    ));
                };
                if !object["metadata"]["resourceVersion"]
                    .as_str()
                    .unwrap_or_default()
                    .is_empty()
                {
                    return Err(Refusal::internal(
                        "resourceVersion should not be set on objects to be created",
                    ));
                }
                let namespace = namespace.clone().ok_or_else(Refusal::method_not_allowed)?;
                (
                    Key {
                        kind,
                        namespace,
                        name: name.to_owned(),
                    },
                    *version,
                    false,
                    OrderBody::Create(object),
                )
            }
        };
        Ok(Order {
            key,
            version,
            status,
            manager: self
                .param("fieldManager")
                .or(self.agent())
                .unwrap_or("unknown")
                .to_owned(),
            dry_run: self.param("dryRun") == Some("All"),
            unknown: match self.param("fieldValidation") {
                Some("Strict") => Unknown::Refuse,
                Some("Ignore") => Unknown::Ignore,
                Some(_) | None => Unknown::Warn,
            },
            body,
        })
    }

    fn order_body(&self, key: &Key) -> Result<OrderBody, Refusal> {
        let undecodable = |error: serde_json::Error| Refusal::bad_request(&format!("error decoding patch: {error}"));
        let read = || serde_json::from_slice::<Value>(&self.body).map_err(undecodable);
        match self.verb() {
            "update" => Ok(OrderBody::Replace(self.object(key.kind)?)),
            "delete" if self.body.is_empty() => Ok(OrderBody::Delete(Value::Null)),
            "delete" => Ok(OrderBody::Delete(read()?)),
            _ => match (self.media_type(), key.kind.custom) {
                ("application/json-patch+json", _) => Ok(OrderBody::Json(
                    serde_json::from_slice(&self.body).map_err(undecodable)?,
                )),
                ("application/merge-patch+json", _) => Ok(OrderBody::Merge(read()?)),
                ("application/strategic-merge-patch+json", false) => Ok(OrderBody::Strategic(read()?)),
                ("application/apply-patch+yaml", _) => Err(Refusal::not_simulated("server-side apply")),
                (_, true) => Err(Refusal::unsupported_media_type(
                    "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
                )),
                (_, false) => Err(Refusal::unsupported_media_type(
                    "application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json, application/apply-patch+yaml",
                )),
            },
        }
    }

    fn media_type(&self) -> &str {
        self.header(header::CONTENT_TYPE)
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
    }

    /// The object in a POST or PUT.
    fn object(&self, kind: &Kind) -> Result<Value, Refusal> {
        if !matches!(self.media_type(), "" | "application/json") {
            let custom = "application/json, application/yaml";
            let built_in = "application/json, application/yaml, application/vnd.kubernetes.protobuf";
            return Err(Refusal::unsupported_media_type(if kind.custom {
                custom
            } else {
                built_in
            }));
        }
        serde_json::from_slice(&self.body).map_err(|error| {
            let (name, version) = (kind.kind, kind.versions[0]);
            Refusal::bad_request(&format!(
                "{name} in version \"{version}\" cannot be handled as a {name}: {error}"
            ))
        })
    }
}
