//! Which series a query is about: the name of a metric and matchers of labels, and how they are read.

use regex::Regex;

use super::promql::{Cursor, QueryError};
use super::samples::Series;

/// Which series.
#[derive(Debug, Clone)]
pub(super) struct Selector(Vec<Matcher>);

#[derive(Debug, Clone)]
struct Matcher {
    label: String,
    wanted: Wanted,
    /// Whether it is the series that do *not* match.
    negated: bool,
}

#[derive(Debug, Clone)]
enum Wanted {
    Text(String),
    Pattern(Regex),
}

impl Matcher {
    fn matches(&self, value: &str) -> bool {
        let is_wanted = match &self.wanted {
            Wanted::Text(text) => text == value,
            Wanted::Pattern(pattern) => pattern.is_match(value),
        };
        is_wanted != self.negated
    }
}

impl Selector {
    /// Whether the series is among them; a label that it does not have is empty.
    pub(super) fn matches(&self, series: &Series) -> bool {
        self.0
            .iter()
            .all(|matcher| matcher.matches(series.label(&matcher.label)))
    }
}

impl Cursor<'_> {
    /// What follows the metric's name, which may be missing.
    pub(super) fn selector(&mut self, name: &str) -> Result<Selector, QueryError> {
        let mut matchers = Vec::new();
        if !name.is_empty() {
            let wanted = Wanted::Text(name.to_owned());
            matchers.push(Matcher {
                label: "__name__".to_owned(),
                wanted,
                negated: false,
            });
        }
        if self.has("{") {
            while !self.has("}") {
                matchers.push(self.matcher()?);
                if !self.has(",") {
                    self.expect("}")?;
                    break;
                }
            }
        } else if name.is_empty() {
            return Err(self.error("expected the name of a metric or `{`"));
        }
        if matchers.iter().all(|matcher| matcher.matches("")) {
            return Err(self.error("vector selector must contain at least one non-empty matcher"));
        }
        Ok(Selector(matchers))
    }

    fn matcher(&mut self) -> Result<Matcher, QueryError> {
        let label = self.name().to_owned();
        if label.is_empty() || label.contains(':') {
            return Err(self.error("expected the name of a label"));
        }
        self.space();
        let (is_pattern, negated) = match self.take_while(|c| matches!(c, '=' | '!' | '~')) {
            "=" => (false, false),
            "!=" => (false, true),
            "=~" => (true, false),
            "!~" => (true, true),
            other => return Err(self.error(format!("expected one of =, !=, =~, !~ but found `{other}`"))),
        };
        let text = self.string()?;
        let wanted = if is_pattern {
            // Anchored at both ends, as Prometheus does.
            let pattern = Regex::new(&format!("^(?:{text})$"));
            Wanted::Pattern(pattern.map_err(|_| self.error(format!("`{text}` is no regular expression")))?)
        } else {
            Wanted::Text(text)
        };
        Ok(Matcher { label, wanted, negated })
    }

    fn string(&mut self) -> Result<String, QueryError> {
        self.space();
        let quote = match self.peek() {
            Some(quote @ ('"' | '\'' | '`')) => quote,
            Some(_) | None => return Err(self.error("expected a string in quotes")),
        };
        self.skip(1);
        let mut text = String::new();
        let mut chars = self.rest().char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                _ if c == quote => {
                    self.skip(at + 1);
                    return Ok(text);
                }
                '\\' if quote != '`' => match chars.next() {
                    Some((_, 'n')) => text.push('\n'),
                    Some((_, 't')) => text.push('\t'),
                    Some((_, escaped @ ('\\' | '"' | '\''))) => text.push(escaped),
                    Some((_, other)) => return Err(self.error(format!("unknown escape sequence `\\{other}`"))),
                    None => break,
                },
                _ => text.push(c),
            }
        }
        Err(self.error("unterminated quoted string"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::promql::{Query, parse};

    fn series(labels: &[(&str, &str)]) -> Series {
        let labels = labels
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Series {
            labels,
            points: Vec::new(),
        }
    }

    #[test]
    fn matchers() {
        let check = |query: &str, expect: bool| {
            let Ok(Query::Newest(selector)) = parse(query) else {
                panic!("{query} is a selector")
            };
            let series = series(&[("__name__", "calls_total"), ("version", "canary"), ("path", "a\"b")]);
            assert_eq!(selector.matches(&series), expect, "{query}");
        };
        check("calls_total", true);
        check("calls", false);
        check("{__name__=\"calls_total\"}", true);
        check("{__name__=~\"calls.*\", version!=\"stable\"}", true);
        check("calls_total{version=\"canary\"}", true);
        check(" calls_total { version = 'canary' , } ", true);
        check("calls_total{version=~\"can\"}", false);
        check("calls_total{version=~\"can|canary\"}", true);
        check("calls_total{version!~\"stable|canary\"}", false);
        check("calls_total{path=\"a\\\"b\"}", true);
        check("calls_total{path=`a\"b`}", true);
        check("calls_total{absent=\"\"}", true);
        check("calls_total{absent!=\"\"}", false);
        check("calls_total{}", true);
    }
}
