//! Taking secrets out of what people and logs get to see: addresses and excerpts of answers.
//!
//! This is the second line of defence. The first is that a secret is a `SecretString` and never stands in an address.

use std::sync::LazyLock;

use regex::Regex;
use reqwest::Url;

/// What stands where a secret stood.
pub(crate) const MASK: &str = "***";

static SECRET_KEY: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)(token|secret|passw|pwd|api[-_]?key|access[-_]?key|^key$|^sig(nature)?$|auth|credential|session)")
        .expect("a constant pattern, compiled by a test")
});

static SECRET_TEXT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r#"(?i)(?P<scheme>\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{6,}"#,
        // A quoted value ends at its quote, escaped quotes inside it included.
        r#"|(?P<key>["']?[\w.-]*(?:token|secret|passw(?:or)?d|api[-_]?key|access[-_]?key|authorization|credential)[\w.-]*["']?\s*[:=]\s*)"#,
        r#"(?:"(?:\\.|[^"\\])*"?|'[^']*'?|(?:(?:bearer|basic)\s+)?[^\s,;&"'<>{}]+)"#,
        r#"|(?P<user>://)[^/\s@"'<>]+@"#,
    ))
    .expect("a constant pattern, compiled by a test")
});

/// An address for people: without user information, and without the values of query keys that look secret.
pub fn redact_url(url: &Url) -> String {
    let mut shown = url.clone();
    if !shown.username().is_empty() || shown.password().is_some() {
        // Both fail only for addresses that have no host, which cannot have user information either.
        let _ = shown.set_username(MASK);
        let _ = shown.set_password(None);
    }
    if url.query_pairs().any(|(key, _)| SECRET_KEY.is_match(&key)) {
        shown
            .query_pairs_mut()
            .clear()
            .extend_pairs(url.query_pairs().map(|(key, value)| {
                let value = if SECRET_KEY.is_match(&key) { MASK.into() } else { value };
                (key, value)
            }));
    }
    shown.set_fragment(None);
    shown.to_string()
}

/// A text of unknown content for people: without what looks like a credential in JSON, forms, headers or addresses.
pub fn redact_text(text: &str) -> String {
    SECRET_TEXT
        .replace_all(text, |found: &regex::Captures<'_>| {
            if let Some(scheme) = found.name("scheme") {
                format!("{}{MASK}", scheme.as_str())
            } else if found.name("user").is_some() {
                format!("://{MASK}@")
            } else {
                format!("{}{MASK}", found.name("key").map_or("", |key| key.as_str()))
            }
        })
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let check = |url: &str, expect: &str| assert_eq!(redact_url(&url.parse().unwrap()), expect);
        check("https://h/p?a=1", "https://h/p?a=1");
        check("https://u:pw@h/p", "https://***@h/p");
        check(
            "https://h/p?a=1&api_key=x%20y&b=2#frag",
            "https://h/p?a=1&api_key=***&b=2",
        );
        check(
            "https://h/p?X-Amz-Signature=1&Access-Token=q",
            "https://h/p?X-Amz-Signature=1&Access-Token=***",
        );
        check(
            "https://h/api/v1/query?query=sum%28a%29",
            "https://h/api/v1/query?query=sum%28a%29",
        );
    }

    #[test]
    fn texts() {
        let check = |text: &str, expect: &str| assert_eq!(redact_text(text), expect);
        check("Authorization: Bearer abcdef123456", "Authorization: ***");
        check("sent bearer abcdef123456.x, refused", "sent bearer ***, refused");
        check(r#"{"access_token":"a\"b","n":1}"#, r#"{"access_token":***,"n":1}"#);
        check("password=hunter2&user=ana", "password=***&user=ana");
        check("see https://ana:pw@h/x", "see https://***@h/x");
        check("nothing to hide: 12 of 340", "nothing to hide: 12 of 340");
    }
}
