//! What an API server's answer means: pure, so that every case seen on a real one is a line in a table.
//!
//! Texts are matched in two places only, both admission webhooks: the API server gives their refusals no reason, and
//! their absence the same reason as any other trouble of its own.

use std::time::Duration;

use http::StatusCode;
use kube::core::Status;
use serde::de::DeserializeOwned;
use timonel_ports::target::TargetError;

/// An answer that has been read to its end.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) retry_after: Option<Duration>,
    /// Says that it is a web page, by its content type.
    pub(crate) html: bool,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The body of a success; errors say what the API server refused.
    pub(crate) fn success(self, place: &str) -> Result<Vec<u8>, TargetError> {
        if !self.status.is_success() {
            return Err(self.refusal(place));
        }
        if self.is_html() {
            return Err(TargetError::Garbled {
                place: place.to_owned(),
                detail: excerpt(&self.body),
            });
        }
        Ok(self.body)
    }

    /// The body of a success as JSON.
    pub(crate) fn json<T: DeserializeOwned>(self, place: &str) -> Result<T, TargetError> {
        let body = self.success(place)?;
        serde_json::from_slice(&body).map_err(|error| TargetError::Garbled {
            place: place.to_owned(),
            detail: format!("{error} in {}", excerpt(&body)),
        })
    }

    /// A 422 without any explanation: a `test` of a JSON patch that did not hold, or a path that is not there. The API
    /// server does not say which.
    pub(crate) fn is_bare_invalid(&self) -> bool {
        let explained = |status: Status| {
            status
                .details
                .is_some_and(|details| !details.causes.is_empty() || !details.kind.is_empty())
        };
        self.status == StatusCode::UNPROCESSABLE_ENTITY && self.spoken().is_some_and(|status| !explained(status))
    }

    /// What an answer other than a success means.
    pub(crate) fn refusal(&self, place: &str) -> TargetError {
        let place = place.to_owned();
        let spoken = self.spoken();
        let detail = match &spoken {
            Some(status) => said(status),
            None => format!("{}: {}", self.status, excerpt(&self.body)),
        };
        if self.status.is_client_error()
            && detail.contains("admission webhook")
            && detail.contains("denied the request")
        {
            return TargetError::Refused { place, detail };
        }
        match self.status {
            StatusCode::UNAUTHORIZED => TargetError::Unauthenticated { place },
            StatusCode::TOO_MANY_REQUESTS => TargetError::Throttled {
                place,
                retry_after: self.retry_after,
            },
            StatusCode::FORBIDDEN => TargetError::Forbidden { place, detail },
            // No API server sends web pages: something on the way answered, and the change may have got through before.
            _ if self.is_html() => TargetError::Garbled { place, detail },
            StatusCode::NOT_FOUND if spoken.is_none() => {
                let detail = "the API server serves no such API group or version. Is Istio installed in this cluster?"
                    .to_owned();
                TargetError::Missing { place, detail }
            }
            StatusCode::NOT_FOUND => TargetError::Missing { place, detail },
            StatusCode::CONFLICT => match spoken {
                Some(status) if status.reason == "Conflict" && !has_owners(&status) => TargetError::Conflict { place },
                Some(_) | None => TargetError::Refused { place, detail },
            },
            status if status.is_server_error() => TargetError::Unavailable {
                place,
                detail: webhook_down(&detail).unwrap_or(detail),
            },
            status if status.is_client_error() => TargetError::Refused { place, detail },
            _ => TargetError::Garbled { place, detail },
        }
    }

    fn spoken(&self) -> Option<Status> {
        let status: Status = serde_json::from_slice(&self.body).ok()?;
        (status.code != 0 || status.status.is_some()).then_some(status)
    }

    fn is_html(&self) -> bool {
        self.html || self.body.trim_ascii_start().starts_with(b"<")
    }
}

/// Another manager's claim in server-side apply, which is no matter of timing: reading again does not help.
fn has_owners(status: &Status) -> bool {
    status.details.as_ref().is_some_and(|details| {
        details
            .causes
            .iter()
            .any(|cause| cause.reason == "FieldManagerConflict")
    })
}

/// The causes where there are any: some messages of a 422 contain the whole object.
fn said(status: &Status) -> String {
    let causes = status
        .details
        .iter()
        .flat_map(|details| &details.causes)
        .filter(|cause| !cause.field.is_empty());
    let causes: Vec<String> = causes
        .map(|cause| format!("{}: {}", cause.field, cause.message))
        .collect();
    let text = if causes.is_empty() {
        status.message.clone()
    } else {
        causes.join("; ")
    };
    excerpt(text.as_bytes())
}

fn webhook_down(detail: &str) -> Option<String> {
    let (_, rest) = detail.split_once("failed calling webhook \"")?;
    let (name, _) = rest.split_once('"')?;
    let whose = if name.ends_with("istio.io") {
        "istiod's admission webhook"
    } else {
        "an admission webhook"
    };
    Some(format!(
        "{whose} `{name}` is down, and without it the API server takes no change of this object. Bring it back, or take the calls \
         off the canary another way: scale its Deployment to 0, or turn the call path back before the mesh. ({detail})"
    ))
}

/// At most 400 characters on one line.
pub(crate) fn excerpt(text: &[u8]) -> String {
    const LIMIT: usize = 400;
    let text = String::from_utf8_lossy(text);
    let mut out: String = text
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .take(LIMIT)
        .collect();
    if out.chars().count() == LIMIT {
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        Answer {
            status: StatusCode::from_u16(status).unwrap(),
            retry_after: None,
            html: false,
            body: body.as_bytes().to_vec(),
        }
    }

    /// The bodies are those of a real API server 1.36.
    #[test]
    fn every_answer_seen_has_its_meaning() {
        let cases: &[(u16, &str, &str, &str)] = &[
            (
                401,
                r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Unauthorized","reason":"Unauthorized","code":401}"#,
                "target.unauthenticated",
                "",
            ),
            (
                403,
                r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"virtualservices.networking.istio.io \"ivr-agent\" is forbidden: User \"viewer\" cannot patch resource \"virtualservices\" in API group \"networking.istio.io\" in the namespace \"ivr\"","reason":"Forbidden","details":{"name":"ivr-agent","group":"networking.istio.io","kind":"virtualservices"},"code":403}"#,
                "target.forbidden",
                "User \"viewer\" cannot patch",
            ),
            (
                404,
                r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"virtualservices.networking.istio.io \"nope\" not found","reason":"NotFound","details":{"name":"nope","group":"networking.istio.io","kind":"virtualservices"},"code":404}"#,
                "target.missing",
                "\"nope\" not found",
            ),
            (404, "404 page not found\n", "target.missing", "no such API group"),
            (
                409,
                r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Operation cannot be fulfilled on virtualservices.networking.istio.io \"ivr-agent\": the object has been modified; please apply your changes to the latest version and try again","reason":"Conflict","details":{"name":"ivr-agent","group":"networking.istio.io","kind":"virtualservices"},"code":409}"#,
                "target.conflict",
                "somebody else",
            ),
            (
                409,
                r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"leases.coordination.k8s.io \"timonel-operator\" already exists","reason":"AlreadyExists","details":{"name":"timonel-operator","group":"coordination.k8s.io","kind":"leases"},"code":409}"#,
                "target.refused",
                "already exists",
            ),
            (
                409,
                r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Apply failed with 1 conflict","reason":"Conflict","details":{"causes":[{"reason":"FieldManagerConflict","message":"conflict with \"kubectl-client-side-apply\" using apps/v1","field":".spec.replicas"}]},"code":409}"#,
                "target.refused",
                "kubectl-client-side-apply",
            ),
            (
                422,
                r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"VirtualService.networking.istio.io \"ivr-agent\" is invalid: (the whole object)","reason":"Invalid","details":{"name":"ivr-agent","group":"networking.istio.io","kind":"VirtualService","causes":[{"reason":"FieldValueTypeInvalid","message":"must be of type integer","field":"spec.http[0].route[1].weight"}]},"code":422}"#,
                "target.refused",
                "spec.http[0].route[1].weight: must be of type integer",
            ),
            (
                400,
                r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"admission webhook \"validation.istio.io\" denied the request: configuration is invalid: total destination weight = 0","code":400}"#,
                "target.refused",
                "total destination weight = 0",
            ),
            (
                403,
                r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"admission webhook \"validation.gatekeeper.sh\" denied the request: no changes on Friday","reason":"Forbidden","code":403}"#,
                "target.refused",
                "no changes on Friday",
            ),
            (
                500,
                r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Internal error occurred: failed calling webhook \"validation.istio.io\": failed to call webhook: Post \"https://127.0.0.1:29443/validate?timeout=5s\": dial tcp 127.0.0.1:29443: connect: connection refused","reason":"InternalError","details":{"causes":[{"message":"failed calling webhook"}]},"code":500}"#,
                "target.unavailable",
                "istiod's admission webhook `validation.istio.io` is down",
            ),
            (
                500,
                r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"etcdserver: request timed out","code":500}"#,
                "target.unavailable",
                "etcdserver: request timed out",
            ),
            (
                503,
                "upstream connect error or disconnect/reset before headers",
                "target.unavailable",
                "upstream connect error",
            ),
            (
                502,
                "<html><body>Bad gateway</body></html>",
                "target.garbled",
                "Bad gateway",
            ),
            (302, "", "target.garbled", "302"),
            (
                415,
                r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"the body of the request was in an unknown format","reason":"UnsupportedMediaType","code":415}"#,
                "target.refused",
                "unknown format",
            ),
        ];
        for (status, body, code, part) in cases {
            let error = answer(*status, body).refusal("VirtualService ivr/ivr-agent");
            assert_eq!(error.code(), *code, "{status} {body}");
            assert!(error.to_string().contains(part), "`{error}` should contain `{part}`");
            assert!(error.to_string().starts_with("VirtualService ivr/ivr-agent"), "{error}");
        }
    }

    #[test]
    fn throttling_keeps_the_time_given() {
        let mut slow = answer(429, "too many requests");
        assert_eq!(
            slow.refusal("x"),
            TargetError::Throttled {
                place: "x".into(),
                retry_after: None
            }
        );
        slow.retry_after = Some(Duration::from_secs(7));
        assert_eq!(
            slow.refusal("x"),
            TargetError::Throttled {
                place: "x".into(),
                retry_after: Some(Duration::from_secs(7))
            }
        );
    }

    #[test]
    fn a_failed_test_of_a_patch_is_a_422_that_explains_nothing() {
        let bare = r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"the server rejected our request due to an error in our request","reason":"Invalid","details":{},"code":422}"#;
        assert!(answer(422, bare).is_bare_invalid());
        let explained = bare.replace(
            "\"details\":{}",
            "\"details\":{\"kind\":\"VirtualService\",\"causes\":[{\"field\":\"spec\"}]}",
        );
        assert!(!answer(422, &explained).is_bare_invalid());
        assert!(!answer(400, bare).is_bare_invalid());
    }

    #[test]
    fn a_web_page_with_status_200_is_no_success() {
        let page = answer(200, "\n<!DOCTYPE html><title>Sign in</title>")
            .success("x")
            .unwrap_err();
        assert_eq!(page.code(), "target.garbled");
        assert!(page.is_unknown());
    }
}
