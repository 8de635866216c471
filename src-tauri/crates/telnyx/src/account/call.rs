//! One request as `api` writes it: a path template, the ids in it, a query and a body.
//!
//! The template is kept beside the address, because the provider counts requests by endpoint and not by address.

use serde::Serialize;
use timonel_http::{HeaderValue, Method, Request, Url, redact_text};

use super::error::AccountError;

/// A request that has not been sent.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    method: Method,
    template: &'static str,
    ids: Vec<String>,
    query: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

impl Call {
    /// A GET of `template`, such as `/v2/phone_numbers/{id}`.
    pub(crate) fn get(template: &'static str) -> Self {
        Self::new(Method::GET, template)
    }

    /// A POST of `body` to `template`. `Setup` where the body cannot be written as JSON.
    pub(crate) fn post<T: Serialize>(template: &'static str, body: &T) -> Result<Self, AccountError> {
        Self::new(Method::POST, template).body(body)
    }

    /// A PATCH of `template` with `body`. `Setup` where the body cannot be written as JSON.
    pub(crate) fn patch<T: Serialize>(template: &'static str, body: &T) -> Result<Self, AccountError> {
        Self::new(Method::PATCH, template).body(body)
    }

    fn new(method: Method, template: &'static str) -> Self {
        Self {
            method,
            template,
            ids: Vec::new(),
            query: Vec::new(),
            body: None,
        }
    }

    fn body<T: Serialize>(mut self, body: &T) -> Result<Self, AccountError> {
        let bytes = serde_json::to_vec(body).map_err(|error| AccountError::Setup {
            what: self.name(),
            detail: format!("the request cannot be written as JSON: {error}"),
        })?;
        self.body = Some(bytes);
        Ok(self)
    }

    /// Puts `id` in the place of the template's next `{…}`.
    pub(crate) fn id(mut self, id: &str) -> Self {
        self.ids.push(id.to_owned());
        self
    }

    /// Adds `key=value` to the query.
    pub(crate) fn query(mut self, key: &str, value: impl Into<String>) -> Self {
        self.query.push((key.to_owned(), value.into()));
        self
    }

    /// Whether it changes something there.
    pub(crate) fn writes(&self) -> bool {
        self.method != Method::GET
    }

    /// The call for people: its method and template, without ids and query.
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.method, self.template)
    }

    /// What the provider's limit is counted by.
    pub(crate) fn budget(&self) -> String {
        self.name()
    }

    /// The request to the account at `base`, without a credential.
    pub(crate) fn request(&self, base: &str) -> Result<Request, AccountError> {
        let setup = |detail: String| AccountError::Setup {
            what: self.name(),
            detail,
        };
        let mut url: Url = base
            .parse()
            .map_err(|error| setup(format!("`{}` is no address: {error}", redact_text(base))))?;
        // Only a web address has segments; what else is wrong with it, the request says below.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty();
            let mut ids = self.ids.iter();
            for segment in self.template.split('/').filter(|segment| !segment.is_empty()) {
                if !segment.starts_with('{') {
                    path.push(segment);
                    continue;
                }
                let id = ids.next().map_or("", String::as_str);
                // An empty or dotted id would address the list instead of the one.
                if matches!(id, "" | "." | "..") {
                    return Err(setup(format!(
                        "`{id}` is no id. Copy the id from the Telnyx portal into the plan"
                    )));
                }
                path.push(id);
            }
        }
        let mut request = Request::new(self.method.clone(), url.as_str()).map_err(|error| setup(error.to_string()))?;
        for (key, value) in &self.query {
            request = request.query(key, value);
        }
        if let Some(body) = &self.body {
            request = request.body(HeaderValue::from_static("application/json"), body.clone());
        }
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(call: &Call, base: &str) -> Result<String, AccountError> {
        call.request(base).map(|request| request.place())
    }

    #[test]
    fn ids_stay_inside_their_segment() {
        let call = Call::get("/v2/calls/{id}/events").id("v3:a/b?c#d%2F");
        assert_eq!(
            place(&call, "https://h").unwrap(),
            "https://h/v2/calls/v3:a%2Fb%3Fc%23d%252F/events"
        );
        for id in ["", ".", ".."] {
            let error = place(&Call::get("/v2/calls/{id}").id(id), "https://h").unwrap_err();
            assert!(matches!(error, AccountError::Setup { .. }), "{error:?}");
        }
        assert!(
            place(&Call::get("/v2/calls/{id}"), "https://h").is_err(),
            "no id at all"
        );
    }

    #[test]
    fn a_base_may_have_a_path_and_a_slash() {
        let call = Call::get("/v2/balance").query("a[b]", "+1 &");
        for base in ["https://h/proxy", "https://h/proxy/"] {
            assert_eq!(
                place(&call, base).unwrap(),
                "https://h/proxy/v2/balance?a%5Bb%5D=%2B1+%26"
            );
        }
        for base in ["", "api.telnyx.com", "mailto:a@b", "https://u:pw@h"] {
            let error = place(&call, base).unwrap_err().to_string();
            assert!(!error.contains("pw"), "{error}");
        }
    }
}
