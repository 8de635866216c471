//! What an answer means: which failure it is, and what the provider said about it, in either of its shapes.
//!
//! The status decides, never the body's `code`: 10011 stands for "too many requests" and on a 400 as well.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use timonel_domain::time::Timestamp;
use timonel_http::{Answer, HttpError};

use super::error::AccountError;
use super::{Account, budget};

/// How much of what the provider said people get to see, in characters.
const LONGEST: usize = 400;

/// The failure that an answer is; `None` for a success.
pub(crate) fn failure(answer: &Answer, what: &str, account: &Account, now: Timestamp) -> Option<AccountError> {
    let what = what.to_owned();
    let status = answer.status.as_u16();
    let said = || account.clean(&said(answer));
    Some(match status {
        200..=299 if !answer.is_html() => return None,
        401 => AccountError::Unauthenticated { what, said: said() },
        429 => AccountError::Throttled {
            what,
            said: said(),
            retry_after: budget::retry_after(answer, now),
        },
        408 | 500..=599 => AccountError::Unavailable {
            what,
            status,
            said: said(),
        },
        // The API sends no web pages: something on the way answered, so this is no word about rights or existence.
        400..=499 if answer.is_html() => garbled(what, status, &said()),
        403 => AccountError::Forbidden { what, said: said() },
        404 => AccountError::Missing { what, said: said() },
        409 => AccountError::Conflict { what, said: said() },
        400..=499 => AccountError::Refused {
            what,
            status,
            said: said(),
        },
        _ => garbled(what, status, &said()),
    })
}

fn garbled(what: String, status: u16, said: &str) -> AccountError {
    AccountError::Garbled {
        what,
        detail: format!("{status}, {said}"),
    }
}

/// The body of a success as a `T`.
pub(crate) fn json<T: DeserializeOwned>(answer: &Answer, what: &str, account: &Account) -> Result<T, AccountError> {
    answer.json().map_err(|error| {
        // The parser names the field and the place, which the HTTP error leaves to its source.
        let detail = match &error {
            HttpError::NotJson { source, .. } => format!("{error} ({source})"),
            HttpError::BadUrl { .. }
            | HttpError::BadCredential { .. }
            | HttpError::BadBody { .. }
            | HttpError::Setup { .. }
            | HttpError::Connect { .. }
            | HttpError::Tls { .. }
            | HttpError::Deadline { .. }
            | HttpError::BodyTooLarge { .. }
            | HttpError::Broken { .. } => error.to_string(),
        };
        AccountError::Garbled {
            what: what.to_owned(),
            detail: account.clean(&detail),
        }
    })
}

/// One error as most products write it. Everything may be absent, and a code may be a number.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Fault {
    #[serde(default)]
    code: Value,
    title: Option<String>,
    detail: Option<String>,
    source: Option<Source>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Source {
    pointer: Option<String>,
    parameter: Option<String>,
}

impl Fault {
    /// `10015 Bad Request: 1000 numbers is the maximum allowed. (/phone_numbers)`
    fn told(&self) -> String {
        let code = match &self.code {
            Value::String(code) => code.clone(),
            Value::Number(code) => code.to_string(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => String::new(),
        };
        let title = self.title.clone().unwrap_or_default();
        let head = [code, title].join(" ").trim().to_owned();
        let detail = self.detail.clone().unwrap_or_default();
        let mut told = match (head.is_empty(), detail.is_empty()) {
            (false, false) => format!("{head}: {detail}"),
            (true, _) => detail,
            (false, true) => head,
        };
        let place = self.source.as_ref();
        if let Some(place) = place.and_then(|source| source.pointer.as_deref().or(source.parameter.as_deref())) {
            told = format!("{told} ({place})");
        }
        told.trim().to_owned()
    }
}

/// The errors of a list in the shape `{"code", "title", "detail", "source"}`, as jobs carry them too, in one line.
pub(crate) fn faults(errors: &Value) -> String {
    let told = errors.as_array().into_iter().flatten();
    let told: Vec<String> = told
        .filter_map(|error| Fault::deserialize(error).ok())
        .map(|fault| fault.told())
        .filter(|told| !told.is_empty())
        .collect();
    told.join("; ")
}

/// What the answer says, on one line, as short as people need it. Not yet without secrets.
fn said(answer: &Answer) -> String {
    if answer.is_html() {
        return format!("a web page: {}", answer.excerpt());
    }
    let told = serde_json::from_slice(&answer.body)
        .map(|body| told(&body))
        .unwrap_or_default();
    if told.is_empty() {
        // Nothing, or nothing that we know how to read.
        return answer.excerpt();
    }
    short(&told)
}

fn told(body: &Value) -> String {
    let errors = faults(&body["errors"]);
    if !errors.is_empty() {
        return errors;
    }
    let title = body["title"].as_str().unwrap_or_default();
    match &body["detail"] {
        Value::Array(details) => {
            let told: Vec<String> = details.iter().map(validation).filter(|told| !told.is_empty()).collect();
            told.join("; ")
        }
        // A gateway's `problem+json`, or FastAPI's own short form.
        Value::String(detail) if title.is_empty() => detail.clone(),
        Value::String(detail) => format!("{title}: {detail}"),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => title.to_owned(),
    }
}

/// `body.rules.0: field required`
fn validation(detail: &Value) -> String {
    let message = detail["msg"].as_str().unwrap_or_default();
    let place: Vec<String> = detail["loc"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|part| part.as_str().map_or_else(|| part.to_string(), str::to_owned))
        .collect();
    if place.is_empty() {
        return message.to_owned();
    }
    format!("{}: {message}", place.join("."))
}

fn short(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((cut, _)) => format!("{}…", &line[..cut]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The bodies are examples of the official contract, but the last four, which gateways send.
    #[test]
    fn both_shapes_are_told_in_one_line() {
        let cases = [
            (
                json!({"errors": [{"code": "10009", "title": "Authentication failed",
                    "detail": "Could not understand the provided credentials.",
                    "meta": {"url": "https://developers.telnyx.com/docs/overview/errors/10009"}}]}),
                "10009 Authentication failed: Could not understand the provided credentials.",
            ),
            (
                json!({"errors": [{"code": "10015", "title": "Bad Request", "detail": "1000 numbers is the maximum allowed.",
                    "source": {"pointer": "/phone_numbers"}}]}),
                "10015 Bad Request: 1000 numbers is the maximum allowed. (/phone_numbers)",
            ),
            (
                json!({"errors": [{"code": 10007, "title": "Unexpected error"}, {"detail": "second", "source": {"parameter": "page"}}]}),
                "10007 Unexpected error; second (page)",
            ),
            (
                json!({"detail": [{"loc": ["body", "rules", 0], "msg": "field required", "type": "value_error"}]}),
                "body.rules.0: field required",
            ),
            (json!({"detail": "Not Found"}), "Not Found"),
            (
                json!({"type": "https://stoplight.io/prism/errors#UNAUTHORIZED", "title": "Invalid security scheme used",
                    "status": 401, "detail": "Your request does not fullfil the security requirements"}),
                "Invalid security scheme used: Your request does not fullfil the security requirements",
            ),
            (json!({"errors": [], "title": "Bad gateway"}), "Bad gateway"),
            (json!(["nothing known"]), ""),
        ];
        for (body, expect) in cases {
            assert_eq!(told(&body), expect, "{body}");
        }
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let text = short(&"ñ ".repeat(500));
        assert_eq!(text.chars().count(), LONGEST + 1);
        assert!(text.ends_with('…'));
    }
}
