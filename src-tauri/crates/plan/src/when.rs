//! The one line in which people write a rule or a gate: `response_time p95 > 3s for 5m over 10m`. Deliberately no
//! knowledge of the plan's signals: which unit the limit has is said by `convert`.

use std::time::Duration;

use timonel_domain::metric::Statistic;
use timonel_domain::plan::Comparison;

use crate::text::{Unreadable, duration};

/// What is looked at: `response_time p95`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subject {
    /// A signal's id or a metric's name.
    pub(crate) name: String,
    pub(crate) statistic: Option<Statistic>,
}

/// A rule's line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct When {
    pub(crate) subject: Subject,
    pub(crate) comparison: Comparison,
    /// As written; its unit is the metric's.
    pub(crate) limit: String,
    /// Zero where there is no `for`: it fires at the first breach.
    pub(crate) lasting: Duration,
    pub(crate) over: Option<Duration>,
}

const EXAMPLE: &str = "Write it like `error_rate > 10% for 5m`, or `response_time p95 > 3s for 5m over 10m`";

fn tokens(text: &str) -> Vec<String> {
    let mut spaced = String::with_capacity(text.len() + 8);
    let mut operator = false;
    for c in text.chars() {
        let is_operator = matches!(c, '<' | '>' | '=' | '!');
        if is_operator != operator {
            spaced.push(' ');
        }
        operator = is_operator;
        spaced.push(c);
    }
    spaced.split_whitespace().map(str::to_owned).collect()
}

fn is_operator(token: &str) -> bool {
    token.starts_with(['<', '>', '=', '!'])
}

/// Reads `error_rate` or `response_time p95`.
pub(crate) fn subject(text: &str) -> Result<Subject, Unreadable> {
    let words = tokens(text);
    subject_of(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

fn subject_of(words: &[&str]) -> Result<Subject, Unreadable> {
    match words {
        [] => Err(Unreadable::new("the name of a signal or metric is missing", EXAMPLE)),
        [name] => Ok(Subject {
            name: (*name).to_owned(),
            statistic: None,
        }),
        [name, word] => match statistic(word) {
            Some(statistic) => Ok(Subject {
                name: (*name).to_owned(),
                statistic: Some(statistic),
            }),
            None => Err(Unreadable::new(
                format!("`{word}` is no statistic"),
                "Write one of: mean, p50, p95, p99, total, latest, share",
            )),
        },
        [name, _, rest @ ..] => Err(Unreadable::new(
            format!("`{}` after `{name}` is not understood", rest.join(" ")),
            EXAMPLE,
        )),
    }
}

fn statistic(word: &str) -> Option<Statistic> {
    [
        Statistic::Share,
        Statistic::Mean,
        Statistic::P50,
        Statistic::P95,
        Statistic::P99,
        Statistic::Total,
        Statistic::Latest,
    ]
    .into_iter()
    .find(|s| s.to_string() == word)
}

/// Reads a rule's line.
pub(crate) fn when(text: &str) -> Result<When, Unreadable> {
    let words = tokens(text);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let Some(operator) = words.iter().position(|w| is_operator(w)) else {
        return Err(Unreadable::new(
            format!("`{text}` compares nothing: there is no > or <"),
            EXAMPLE,
        ));
    };
    let subject = subject_of(&words[..operator])?;
    let comparison = match words[operator] {
        ">" => Comparison::Above,
        "<" => Comparison::Below,
        other => {
            let advice = match other {
                ">=" => "Write `>`: a rule fires beyond its limit",
                "<=" => "Write `<`: a rule fires beyond its limit",
                _ => "Write `>` or `<`; instead of `== 0` write `< 1`",
            };
            return Err(Unreadable::new(
                format!("a rule does not compare with `{other}`"),
                advice,
            ));
        }
    };
    let rest = &words[operator + 1..];
    let clause = |w: &&str| ["for", "over"].contains(w);
    let end = rest.iter().position(clause).unwrap_or(rest.len());
    let limit = rest[..end].join(" ");
    if limit.is_empty() {
        return Err(Unreadable::new(format!("`{text}` has no limit"), EXAMPLE));
    }
    let (mut lasting, mut over) = (None, None);
    let mut rest = &rest[end..];
    while let [word, after @ ..] = rest {
        let end = after.iter().position(clause).unwrap_or(after.len());
        let slot = if *word == "for" { &mut lasting } else { &mut over };
        if slot.is_some() {
            return Err(Unreadable::new(
                format!("`{word}` is written twice"),
                "Keep one of the two",
            ));
        }
        *slot = Some(duration(&after[..end].join(" "))?);
        rest = &after[end..];
    }
    Ok(When {
        subject,
        comparison,
        limit,
        lasting: lasting.unwrap_or_default(),
        over,
    })
}

/// Reads a bound of a gate, such as `< 2%`: whether it looks downwards, and the limit as written.
/// The limit itself is always within, so `<` and `<=` say the same.
pub(crate) fn bound(text: &str) -> Result<(Comparison, String), Unreadable> {
    let words = tokens(text);
    let unreadable = || {
        Unreadable::new(
            format!("`{text}` is no bound"),
            "Write it like `< 2%`, `> 1200ms` or `<= 0`",
        )
    };
    match words.split_first() {
        Some((operator, limit)) if !limit.is_empty() => match operator.as_str() {
            "<" | "<=" => Ok((Comparison::Below, limit.join(" "))),
            ">" | ">=" => Ok((Comparison::Above, limit.join(" "))),
            _ => Err(unreadable()),
        },
        Some(_) | None => Err(unreadable()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_as_the_users_write_them() {
        let check = |text: &str, name: &str, statistic, comparison, limit: &str, lasting: u64, over: Option<u64>| {
            let expect = When {
                subject: Subject {
                    name: name.to_owned(),
                    statistic,
                },
                comparison,
                limit: limit.to_owned(),
                lasting: Duration::from_secs(lasting),
                over: over.map(Duration::from_secs),
            };
            assert_eq!(when(text), Ok(expect), "{text}");
        };
        check(
            "error_rate > 10% for 5m",
            "error_rate",
            None,
            Comparison::Above,
            "10%",
            300,
            None,
        );
        check(
            "response_time p95>3s for 5m over 10m",
            "response_time",
            Some(Statistic::P95),
            Comparison::Above,
            "3s",
            300,
            Some(600),
        );
        check(
            "speech_recognition < 75 % over 1h 30m for 30m",
            "speech_recognition",
            None,
            Comparison::Below,
            "75 %",
            1800,
            Some(5400),
        );
        check(
            "critical_errors > 0",
            "critical_errors",
            None,
            Comparison::Above,
            "0",
            0,
            None,
        );
    }

    #[test]
    fn lines_that_say_something_else() {
        let check = |text: &str, advice: &str| assert_eq!(when(text).unwrap_err().advice, advice, "{text}");
        check("up == 0 for 1m", "Write `>` or `<`; instead of `== 0` write `< 1`");
        check("error_rate >= 10%", "Write `>`: a rule fires beyond its limit");
        check("error_rate", EXAMPLE);
        check("error_rate > for 5m", EXAMPLE);
        check("> 10%", EXAMPLE);
        check(
            "response_time p96 > 3s",
            "Write one of: mean, p50, p95, p99, total, latest, share",
        );
        check("error_rate > 10% for 5", "Write the unit: `5s`, `5m` or `5h`");
        check("error_rate > 10% for 5m for 6m", "Keep one of the two");
    }

    #[test]
    fn bounds() {
        assert_eq!(bound("< 2%"), Ok((Comparison::Below, "2%".to_owned())));
        assert_eq!(bound("<=0"), Ok((Comparison::Below, "0".to_owned())));
        assert!(bound("2%").is_err());
        assert!(bound(">").is_err());
        assert!(bound("== 2").is_err());
    }
}
