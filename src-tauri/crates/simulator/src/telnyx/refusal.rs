//! What the API says when it does not do what it was asked for, in the words of the published contract.
//!
//! One shape, `errors`, since the endpoints of artificial intelligence with their other shape are not simulated.

use http::StatusCode;
use serde_json::{Value, json};

/// An answer other than 2xx.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) body: Value,
}

impl Refusal {
    fn new(status: StatusCode, code: &str, title: &str, detail: &str, pointer: &str) -> Self {
        let mut error = json!({
            "code": code, "title": title, "detail": detail,
            "meta": {"url": format!("https://developers.telnyx.com/docs/overview/errors/{code}")},
        });
        if !pointer.is_empty() {
            error["source"] = json!({"pointer": pointer});
        }
        Self {
            status,
            body: json!({"errors": [error]}),
        }
    }

    pub(super) fn unauthorized() -> Self {
        let detail = "Could not understand the provided credentials.";
        Self::new(StatusCode::UNAUTHORIZED, "10009", "Authentication failed", detail, "")
    }

    pub(super) fn forbidden() -> Self {
        let detail = "You are not authorized to access the requested resource.";
        Self::new(StatusCode::FORBIDDEN, "10010", "Not authorized", detail, "/")
    }

    pub(super) fn not_found() -> Self {
        let detail = "The requested resource or URL could not be found.";
        Self::new(StatusCode::NOT_FOUND, "10005", "Resource not found", detail, "/base")
    }

    pub(super) fn method_not_allowed() -> Self {
        let detail = "This method is not simulated here.";
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "10015",
            "Method not allowed",
            detail,
            "/base",
        )
    }

    /// The documented 429 has neither `meta` nor `source`.
    pub(super) fn too_many_requests() -> Self {
        let error = json!({
            "code": "10011", "title": "Too many requests",
            "detail": "You have exceeded the maximum number of allowed requests.",
        });
        Self {
            status: StatusCode::TOO_MANY_REQUESTS,
            body: json!({"errors": [error]}),
        }
    }

    pub(super) fn internal() -> Self {
        let detail = "An unexpected error occured.";
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Self::new(status, "10007", "Unexpected error", detail, "/base")
    }

    pub(super) fn unavailable() -> Self {
        let detail = "The service is temporarily unavailable. Please try again later.";
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Self::new(status, "10037", "Service unavailable", detail, "/base")
    }

    pub(super) fn malformed() -> Self {
        let detail = "The request failed because it was not well-formed.";
        Self::new(StatusCode::BAD_REQUEST, "10015", "Bad Request", detail, "/")
    }

    /// 422 with 10015, the code of everything that has none of its own.
    pub(super) fn bad_request(detail: &str, pointer: &str) -> Self {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        Self::new(status, "10015", "Bad Request", detail, pointer)
    }

    pub(super) fn missing(field: &str) -> Self {
        let detail = format!("Can't be blank: {field}");
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        Self::new(
            status,
            "10004",
            "Missing required parameter",
            &detail,
            &format!("/{field}"),
        )
    }

    /// `expected` such as `string`; `pointer` without its slash.
    pub(super) fn bad_type(field: &str, expected: &str) -> Self {
        let detail = format!("The '{field}' parameter must be of type '{expected}'");
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        Self::new(status, "10026", "Invalid parameter type", &detail, &format!("/{field}"))
    }

    pub(super) fn bad_choice(field: &str, choices: &str) -> Self {
        let detail = format!("{field} must be one of {choices}");
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        Self::new(
            status,
            "10032",
            "Invalid enumerated value",
            &detail,
            &format!("/{field}"),
        )
    }

    /// `of` is `size` or `number`.
    pub(super) fn bad_page(of: &str) -> Self {
        let detail = "The provided 'page' parameter is invalid. It must be an object with 'size' and/or 'number' with numeric values.";
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        Self::new(status, "10015", "Invalid pagination", detail, &format!("page/{of}"))
    }

    pub(super) fn bad_sort() -> Self {
        let detail = "The value provided for sorting is not valid. Check the value used and try again.";
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        Self::new(status, "10015", "Invalid sorting value", detail, "/sort")
    }

    /// With 400 in place of 422, as the lists of applications have it.
    pub(super) fn into_bad_request(mut self) -> Self {
        self.status = StatusCode::BAD_REQUEST;
        self
    }

    /// The first error's detail.
    pub(super) fn detail(&self) -> String {
        self.body["errors"][0]["detail"].as_str().unwrap_or_default().to_owned()
    }
}
