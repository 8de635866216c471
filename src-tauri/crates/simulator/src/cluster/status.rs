//! Refusals: the bodies a real API server answers with when it does not do what it was asked.
//!
//! Texts are copied from a real kube-apiserver 1.36; clients tell kinds apart by them, so they are not ours to better.

use http::StatusCode;
use serde_json::{Value, json};

use super::kind::{Key, Kind};

/// Who the bearer of the right token is.
pub(super) const USER: &str = "timonel@simulator.test";
/// Who nobody is.
pub(super) const ANONYMOUS: &str = "system:anonymous";

/// An answer that says no.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Refusal {
    pub(super) code: StatusCode,
    pub(super) body: RefusalBody,
    /// Seconds for the header `Retry-After`.
    pub(super) retry_after: Option<u64>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum RefusalBody {
    /// A `Status` object.
    Status(Value),
    Plain(&'static str),
    Html(&'static str),
}

/// One entry of `details.causes`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cause {
    pub(super) reason: &'static str,
    pub(super) message: String,
    pub(super) field: String,
}

impl Cause {
    pub(super) fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            reason: "FieldValueInvalid",
            message: message.into(),
            field: field.into(),
        }
    }

    pub(super) fn required(field: impl Into<String>) -> Self {
        Self {
            reason: "FieldValueRequired",
            message: "Required value".to_owned(),
            field: field.into(),
        }
    }

    fn json(&self) -> Value {
        json!({"reason": self.reason, "message": self.message, "field": self.field})
    }
}

/// A `Status` object that says no; `reason` and `details` where the real one has them.
pub(super) fn failure(code: u16, message: &str, reason: Option<&str>, details: Option<Value>) -> Value {
    let mut status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message, "code": code,
    });
    if let Some(reason) = reason {
        status["reason"] = reason.into();
    }
    if let Some(details) = details {
        status["details"] = details;
    }
    status
}

fn details(group: &str, kind: &str, name: &str) -> Value {
    let mut details = json!({"name": name, "kind": kind});
    if !group.is_empty() {
        details["group"] = group.into();
    }
    details
}

impl Refusal {
    fn status(code: StatusCode, message: &str, reason: Option<&str>, details: Option<Value>) -> Self {
        let body = RefusalBody::Status(failure(code.as_u16(), message, reason, details));
        Self {
            code,
            body,
            retry_after: None,
        }
    }

    fn text(code: StatusCode, body: RefusalBody) -> Self {
        Self {
            code,
            body,
            retry_after: None,
        }
    }

    /// What a person reads in it.
    pub(super) fn message(&self) -> String {
        match &self.body {
            RefusalBody::Status(status) => status["message"].as_str().unwrap_or_default().to_owned(),
            RefusalBody::Plain(text) | RefusalBody::Html(text) => (*text).to_owned(),
        }
    }

    /// A group, version or path that is not served.
    pub(super) fn no_such_path() -> Self {
        Self::text(StatusCode::NOT_FOUND, RefusalBody::Plain("404 page not found\n"))
    }

    pub(super) fn not_found(key: &Key) -> Self {
        let message = format!("{} \"{}\" not found", key.kind.resource(), key.name);
        let details = details(key.kind.group, key.kind.plural, &key.name);
        Self::status(StatusCode::NOT_FOUND, &message, Some("NotFound"), Some(details))
    }

    pub(super) fn already_exists(key: &Key) -> Self {
        let message = format!("{} \"{}\" already exists", key.kind.resource(), key.name);
        let details = details(key.kind.group, key.kind.plural, &key.name);
        Self::status(StatusCode::CONFLICT, &message, Some("AlreadyExists"), Some(details))
    }

    /// Somebody else was faster.
    pub(super) fn conflict(key: &Key) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} \"{}\": the object has been modified; please apply your changes to the latest version and try again",
            key.kind.resource(),
            key.name
        );
        let details = details(key.kind.group, key.kind.plural, &key.name);
        Self::status(StatusCode::CONFLICT, &message, Some("Conflict"), Some(details))
    }

    /// A failed `test` or a bad path in a JSON patch: the real server does not say which.
    pub(super) fn unexplained() -> Self {
        let message = "the server rejected our request due to an error in our request";
        Self::status(
            StatusCode::UNPROCESSABLE_ENTITY,
            message,
            Some("Invalid"),
            Some(json!({})),
        )
    }

    /// An object that breaks rules. `causes` is not empty.
    pub(super) fn invalid(key: &Key, causes: &[Cause]) -> Self {
        let subject = if key.kind.group.is_empty() {
            key.kind.kind.to_owned()
        } else {
            format!("{}.{}", key.kind.kind, key.kind.group)
        };
        Self::invalid_as(
            &format!("{subject} \"{}\"", key.name),
            details(key.kind.group, key.kind.kind, &key.name),
            causes,
        )
    }

    pub(super) fn version_required(key: &Key) -> Self {
        let cause = Cause::invalid(
            "metadata.resourceVersion",
            "Invalid value: 0: must be specified for an update",
        );
        let subject = format!("{} \"{}\"", key.kind.resource(), key.name);
        Self::invalid_as(&subject, details(key.kind.group, key.kind.plural, &key.name), &[cause])
    }

    /// A patch whose result cannot be read as the kind it should be: the message carries the whole object.
    pub(super) fn undecodable_patch(object: &Value, why: &str) -> Self {
        let cause = Cause::invalid("patch", format!("Invalid value: {:?}: {why}", object.to_string()));
        Self::invalid_as(" \"\"", json!({}), &[cause])
    }

    fn invalid_as(subject: &str, mut details: Value, causes: &[Cause]) -> Self {
        let lines: Vec<String> = causes.iter().map(|c| format!("{}: {}", c.field, c.message)).collect();
        let lines = if lines.len() == 1 {
            lines.concat()
        } else {
            format!("[{}]", lines.join(", "))
        };
        details["causes"] = causes.iter().map(Cause::json).collect();
        let message = format!("{subject} is invalid: {lines}");
        Self::status(
            StatusCode::UNPROCESSABLE_ENTITY,
            &message,
            Some("Invalid"),
            Some(details),
        )
    }

    pub(super) fn bad_request(message: &str) -> Self {
        Self::status(StatusCode::BAD_REQUEST, message, Some("BadRequest"), None)
    }

    pub(super) fn unsupported_media_type(accepted: &str) -> Self {
        let message =
            format!("the body of the request was in an unknown format - accepted media types include: {accepted}");
        Self::status(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            &message,
            Some("UnsupportedMediaType"),
            None,
        )
    }

    pub(super) fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self::status(
            StatusCode::METHOD_NOT_ALLOWED,
            message,
            Some("MethodNotAllowed"),
            Some(json!({})),
        )
    }

    /// Something that a real server does and this one does not: said aloud, so that nobody trusts a false answer.
    pub(super) fn not_simulated(what: &str) -> Self {
        let message = format!("{what} is no part of the simulated cluster; use a JSON patch or a merge patch");
        Self::status(StatusCode::NOT_IMPLEMENTED, &message, None, None)
    }

    pub(super) fn unauthorized() -> Self {
        Self::status(StatusCode::UNAUTHORIZED, "Unauthorized", Some("Unauthorized"), None)
    }

    /// `user` may not do `verb` there; `name` is empty for a collection.
    pub(super) fn forbidden(user: &str, verb: &str, kind: &Kind, namespace: Option<&str>, name: &str) -> Self {
        let named = if name.is_empty() {
            String::new()
        } else {
            format!(" \"{name}\"")
        };
        let within = match namespace {
            Some(namespace) => format!("in the namespace \"{namespace}\""),
            None => "at the cluster scope".to_owned(),
        };
        let message = format!(
            "{}{named} is forbidden: User \"{user}\" cannot {verb} resource \"{}\" in API group \"{}\" {within}",
            kind.resource(),
            kind.plural,
            kind.group
        );
        let mut details = details(kind.group, kind.plural, name);
        if let (true, Some(details)) = (name.is_empty(), details.as_object_mut()) {
            details.remove("name");
        }
        Self::status(StatusCode::FORBIDDEN, &message, Some("Forbidden"), Some(details))
    }

    pub(super) fn forbidden_path(user: &str, verb: &str, path: &str) -> Self {
        let message = format!("forbidden: User \"{user}\" cannot {verb} path \"{path}\"");
        Self::status(StatusCode::FORBIDDEN, &message, Some("Forbidden"), Some(json!({})))
    }

    pub(super) fn webhook_denied(reason: &str) -> Self {
        let message = format!("admission webhook \"validation.istio.io\" denied the request: {reason}");
        Self::status(StatusCode::BAD_REQUEST, &message, None, None)
    }

    pub(super) fn webhook_down() -> Self {
        let cause = "failed calling webhook \"validation.istio.io\": failed to call webhook: Post \"https://127.0.0.1:29443/validate?timeout=5s\": dial tcp 127.0.0.1:29443: connect: connection refused";
        Self::internal(cause)
    }

    pub(super) fn internal(cause: &str) -> Self {
        let details = json!({"causes": [{"message": cause}]});
        let message = format!("Internal error occurred: {cause}");
        Self::status(
            StatusCode::INTERNAL_SERVER_ERROR,
            &message,
            Some("InternalError"),
            Some(details),
        )
    }

    /// Fair queuing's answer is plain text.
    pub(super) fn too_many_requests(retry_after: Option<u64>) -> Self {
        let body = RefusalBody::Plain("Too many requests, please try again later.\n");
        Self {
            retry_after,
            ..Self::text(StatusCode::TOO_MANY_REQUESTS, body)
        }
    }

    pub(super) fn unavailable() -> Self {
        let message = "the server is currently unable to handle the request";
        Self::status(
            StatusCode::SERVICE_UNAVAILABLE,
            message,
            Some("ServiceUnavailable"),
            Some(json!({})),
        )
    }

    /// A proxy's page where the API should be. It says 200, as such pages do.
    pub(super) fn html() -> Self {
        let page = "<!doctype html><html><head><title>Sign in</title></head><body><h1>Sign in to the network</h1></body></html>\n";
        Self::text(StatusCode::OK, RefusalBody::Html(page))
    }
}
