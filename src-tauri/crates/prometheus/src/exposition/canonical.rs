//! Taking a sample line apart, and spelling its name and labels the one way that the library reads, where Prometheus
//! reads them in several.
//!
//! Every difference is one of Prometheus's own parser cases: tabs and runs of blanks; a quoted metric name that is not the
//! first thing in the braces; labels with no comma between them (text format only); a backslash before any other
//! character, which stays. OpenMetrics instead allows exactly one blank between the parts, which the library does not
//! insist on, and an exemplar, which the library takes only where it knows the family's type.
//! Anything that is wrong otherwise is left for the library to refuse.

use super::Format;

/// One line, taken apart.
#[derive(Debug)]
pub(super) struct Line<'a> {
    /// The sample.
    pub(super) sample: Part<'a>,
    /// The exemplar, as a sample of a series called `exemplar`.
    pub(super) exemplar: Option<Part<'a>>,
}

/// A name with labels, a number, perhaps a time.
#[derive(Debug)]
pub(super) struct Part<'a> {
    /// The name and labels in the library's spelling.
    pub(super) head: String,
    /// The number as it is written.
    pub(super) value: &'a str,
    /// The time as it is written.
    pub(super) at: Option<&'a str>,
}

/// `line` taken apart.
pub(super) fn canonical(line: &str, format: Format) -> Result<Line<'_>, String> {
    let (head, tail) = head(line, format)?;
    match format {
        Format::Text => {
            let words = tail.split([' ', '\t']).filter(|word| !word.is_empty());
            Ok(Line {
                sample: part(head, words)?,
                exemplar: None,
            })
        }
        Format::OpenMetrics => {
            let (tail, exemplar) = match tail.split_once(" # ") {
                Some((tail, exemplar)) => (tail, Some(exemplar)),
                None => (tail, None),
            };
            let exemplar = exemplar.map(|text| {
                let (head, tail) = self::head(text, format)?;
                if !text.starts_with('{') {
                    return Err("its exemplar has no labels".to_owned());
                }
                part(format!("exemplar{head}"), words(tail)?)
            });
            Ok(Line {
                sample: part(head, words(tail)?)?,
                exemplar: exemplar.transpose()?,
            })
        }
    }
}

/// The words after a head in OpenMetrics: each after exactly one blank.
fn words(tail: &str) -> Result<impl Iterator<Item = &str>, String> {
    let words = tail
        .strip_prefix(' ')
        .ok_or("one blank and the value must follow the name and labels")?;
    if words.split(' ').any(|word| word.is_empty() || word.contains('\t')) {
        return Err("its parts must be set apart by exactly one blank".into());
    }
    Ok(words.split(' '))
}

fn part<'a>(head: String, mut words: impl Iterator<Item = &'a str>) -> Result<Part<'a>, String> {
    let value = words.next().ok_or("the value is missing")?;
    let at = words.next();
    match words.next() {
        None => Ok(Part { head, value, at }),
        Some(more) => Err(format!("`{more}` is one too many after the value and its time")),
    }
}

/// The name and labels without blanks and with a quoted name first, and what follows them.
fn head(line: &str, format: Format) -> Result<(String, &str), String> {
    let blank = |c: char| c == ' ' || c == '\t';
    let name_end = line.find(|c| blank(c) || c == '{').unwrap_or(line.len());
    let (name, rest) = line.split_at(name_end);
    let labels = match format {
        Format::Text => rest.trim_start_matches(blank),
        Format::OpenMetrics => rest,
    };
    let Some(mut rest) = labels.strip_prefix('{') else {
        return Ok((name.to_owned(), rest));
    };

    let mut quoted_name = None;
    let mut items: Vec<String> = Vec::new();
    loop {
        let trim = |text| skip_blanks(text, format);
        rest = trim(rest);
        if let Some(after) = rest.strip_prefix('}') {
            rest = after;
            break;
        }
        let key_end = if rest.starts_with('"') {
            quoted_end(rest).ok_or("a quote is not closed")?
        } else {
            rest.find(|c| blank(c) || matches!(c, '=' | ',' | '}' | '"'))
                .ok_or("a brace is not closed")?
        };
        let (key, after) = rest.split_at(key_end);
        if key.is_empty() {
            return Err("a label name is missing".into());
        }
        rest = trim(after);
        if let Some(value) = rest.strip_prefix('=') {
            let value = trim(value);
            let end = quoted_end(value).ok_or("a label value is missing or not closed")?;
            items.push(format!("{}={}", spell_quoted(key), spell_quoted(&value[..end])));
            rest = trim(&value[end..]);
        } else if key.starts_with('"') && rest.starts_with([',', '}']) && quoted_name.is_none() && name.is_empty() {
            quoted_name = Some(spell_quoted(key));
        } else {
            return Err(format!("`{key}` has no value"));
        }
        match (rest.strip_prefix(','), format) {
            (Some(after), _) => rest = after,
            // Prometheus's text parser does not insist on the comma.
            (None, Format::Text) => {}
            (None, Format::OpenMetrics) if rest.starts_with('}') => {}
            (None, Format::OpenMetrics) => return Err("a comma is missing between labels".into()),
        }
    }
    let parts: Vec<String> = quoted_name.into_iter().chain(items).collect();
    Ok((format!("{name}{{{}}}", parts.join(",")), rest))
}

fn skip_blanks(text: &str, format: Format) -> &str {
    match format {
        Format::Text => text.trim_start_matches([' ', '\t']),
        Format::OpenMetrics => text,
    }
}

/// Where the quoted text at the start of `text` ends, its closing quote included.
pub(super) fn quoted_end(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.strip_prefix('"')?.char_indices() {
        match c {
            '"' if !escaped => return Some(at + 2),
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    None
}

/// The same text with a backslash doubled where it escapes nothing.
fn spell_quoted(text: &str) -> String {
    let mut spelled = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        spelled.push(c);
        if c == '\\' {
            match chars.next() {
                Some(next @ ('\\' | '"' | 'n')) => spelled.push(next),
                Some(next) => {
                    spelled.push('\\');
                    spelled.push(next);
                }
                None => {}
            }
        }
    }
    spelled
}
