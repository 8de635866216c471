//! A plain selector: one metric's name and matchers, such as `calls_total{arm="canary",code=~"5.."}`.
//!
//! Deliberately not here: any other PromQL. A quotient or a rate hides how many units it speaks about, and the judge
//! needs those.

use std::fmt;
use std::str::FromStr;

use regex::Regex;

use crate::error::Error;
use crate::labels::{Labels, escape};

/// A plain selector. Two are equal where they are written the same after normalisation.
#[derive(Debug, Clone)]
pub struct Selector {
    name: String,
    matchers: Vec<Matcher>,
}

#[derive(Debug, Clone)]
struct Matcher {
    label: String,
    /// Whether a match excludes the series.
    not: bool,
    value: String,
    /// Of the whole value, for `=~` and `!~`.
    regex: Option<Regex>,
}

impl Selector {
    /// The metric's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether a series of that name with those labels is selected.
    pub fn matches(&self, name: &str, labels: &Labels) -> bool {
        self.name == name && self.matchers.iter().all(|matcher| matcher.holds(labels))
    }

    /// The same matchers on another metric, without those on the label `without`.
    pub(crate) fn on(&self, name: &str, without: &str) -> Self {
        let matchers = self
            .matchers
            .iter()
            .filter(|matcher| matcher.label != without)
            .cloned()
            .collect();
        Self {
            name: name.to_owned(),
            matchers,
        }
    }
}

impl Matcher {
    fn holds(&self, labels: &Labels) -> bool {
        let value = labels.get(&self.label);
        self.not
            != self
                .regex
                .as_ref()
                .map_or(value == self.value, |regex| regex.is_match(value))
    }
}

impl fmt::Display for Selector {
    /// As PromQL, without blanks.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        for (i, matcher) in self.matchers.iter().enumerate() {
            let operator = match (matcher.not, &matcher.regex) {
                (false, None) => "=",
                (true, None) => "!=",
                (false, Some(_)) => "=~",
                (true, Some(_)) => "!~",
            };
            let open = if i == 0 { "{" } else { "," };
            write!(f, "{open}{}{operator}\"{}\"", matcher.label, escape(&matcher.value))?;
        }
        if self.matchers.is_empty() {
            Ok(())
        } else {
            f.write_str("}")
        }
    }
}

impl PartialEq for Selector {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

impl FromStr for Selector {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let mut scanner = Scanner { text, at: 0 };
        scanner.selector().map_err(|why| Error::NotASelector {
            text: text.to_owned(),
            why,
            at: text[..scanner.at].chars().count() + 1,
        })
    }
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn blanks(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn take(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        self.blanks();
        found
    }

    fn word(&mut self, colon: bool) -> Option<&'a str> {
        let rest = self.rest();
        let inside = |c: char| c.is_ascii_alphanumeric() || c == '_' || (colon && c == ':');
        let end = rest.find(|c| !inside(c)).unwrap_or(rest.len());
        if end == 0 || rest.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        self.at += end;
        self.blanks();
        Some(&rest[..end])
    }

    fn selector(&mut self) -> Result<Selector, String> {
        self.blanks();
        let mut name = self.word(true).map(str::to_owned);
        let mut matchers = Vec::new();
        if self.take("{") {
            while !self.take("}") {
                let start = self.at;
                let matcher = self.matcher()?;
                if matcher.label == "__name__" {
                    if name.is_some() || matcher.not || matcher.regex.is_some() {
                        self.at = start;
                        return Err("it must name exactly one metric".into());
                    }
                    name = Some(matcher.value);
                } else {
                    matchers.push(matcher);
                }
                if !self.take(",") && !self.rest().starts_with('}') {
                    return Err("a comma or the closing brace is missing".into());
                }
            }
        }
        let name = name.filter(|name| !name.is_empty()).ok_or("it names no metric")?;
        match self.rest().chars().next() {
            None => Ok(Selector { name, matchers }),
            Some('(') => Err(format!("`{name}` is used as a function")),
            Some('[') => Err("a range is not wanted here".into()),
            Some(_) => Err("there is more than a selector".into()),
        }
    }

    fn matcher(&mut self) -> Result<Matcher, String> {
        let label = self.word(false).ok_or("a label name is missing")?.to_owned();
        let (not, is_regex) = if self.take("=~") {
            (false, true)
        } else if self.take("!~") {
            (true, true)
        } else if self.take("!=") {
            (true, false)
        } else if self.take("=") {
            (false, false)
        } else {
            return Err("one of = != =~ !~ is missing".into());
        };
        let start = self.at;
        let value = self.string()?;
        // Prometheus matches the whole value, and lets a dot match a line's end.
        let regex = is_regex
            .then(|| Regex::new(&format!("^(?s:{value})$")))
            .transpose()
            .map_err(|_| {
                self.at = start;
                format!("`{value}` is no regular expression")
            })?;
        Ok(Matcher {
            label,
            not,
            value,
            regex,
        })
    }

    /// A quoted text with PromQL's escapes; between backticks there are none.
    fn string(&mut self) -> Result<String, String> {
        let rest = self.rest();
        let quote = rest
            .chars()
            .next()
            .filter(|c| matches!(c, '"' | '\'' | '`'))
            .ok_or("a quoted value is missing")?;
        let mut value = String::new();
        let mut chars = rest[1..].char_indices();
        while let Some((at, c)) = chars.next() {
            if c == quote {
                self.at += at + 2;
                self.blanks();
                return Ok(value);
            }
            if c == '\n' && quote != '`' {
                break;
            }
            if c != '\\' || quote == '`' {
                value.push(c);
                continue;
            }
            let (_, escape) = chars.next().ok_or("a quote is not closed")?;
            let digits = |n: usize, base: u32, first: Option<char>, chars: &mut std::str::CharIndices<'_>| {
                let read: String = first.into_iter().chain(chars.take(n).map(|(_, c)| c)).collect();
                let whole = read.chars().count() == n + usize::from(first.is_some());
                u32::from_str_radix(&read, base)
                    .ok()
                    .filter(|_| whole)
                    .and_then(char::from_u32)
            };
            let c = match escape {
                'a' => Some('\u{7}'),
                'b' => Some('\u{8}'),
                'f' => Some('\u{c}'),
                'n' => Some('\n'),
                'r' => Some('\r'),
                't' => Some('\t'),
                'v' => Some('\u{b}'),
                '\\' => Some('\\'),
                'x' => digits(2, 16, None, &mut chars).filter(char::is_ascii),
                'u' => digits(4, 16, None, &mut chars),
                'U' => digits(8, 16, None, &mut chars),
                '0'..='7' => digits(2, 8, Some(escape), &mut chars).filter(char::is_ascii),
                same if same == quote => Some(quote),
                _ => None,
            };
            value.push(c.ok_or_else(|| format!("`\\{escape}` is no escape; write a backslash as `\\\\`"))?);
        }
        Err("a quote is not closed".into())
    }
}
