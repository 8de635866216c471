//! Enough of PromQL's selectors to tell a selector from an expression, and to say what to write instead. Deliberately
//! no PromQL parser: `bridge` has the full check by crate `prometheus`; this one finds the users' own mistakes.

/// What a text that should be a selector is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Form {
    /// A plain selector with the metric's name (empty where only labels are given).
    Selector(String),
    /// A comparison such as `… > 0.05`.
    Comparison,
    /// A call of rate(), irate(), increase() or deriv().
    Rate,
    /// Another function, an arithmetic expression, or a range.
    Expression,
    /// None of these.
    Unreadable,
}

/// Which form `text` has. A comparison hides whatever is compared.
pub(crate) fn form(text: &str) -> Form {
    // Quoted texts may hold anything; their insides do not count.
    let Some(bare) = without_quoted(text.trim()) else {
        return Form::Unreadable;
    };
    let outside = outside_braces(&bare);
    if outside.contains(['<', '>']) || outside.contains("==") || outside.contains("!=") {
        return Form::Comparison;
    }
    if ["rate", "irate", "increase", "deriv"]
        .iter()
        .any(|f| calls(&outside, f))
    {
        return Form::Rate;
    }
    if outside.contains(['(', ')', '[', ']', '/', '*', '+', '%', '^']) || outside.contains(" - ") {
        return Form::Expression;
    }
    let (name, labels) = match bare.split_once('{') {
        Some((name, labels)) => (name.trim(), Some(labels)),
        None => (bare.as_str(), None),
    };
    let labels_close = labels.is_none_or(|l| l.trim_end().ends_with('}') && l.matches(['{', '}']).count() == 1);
    let is_name = name
        .bytes()
        .enumerate()
        .all(|(at, b)| b.is_ascii_alphabetic() || matches!(b, b'_' | b':') || (at > 0 && b.is_ascii_digit()));
    if labels_close && is_name && (!name.is_empty() || labels.is_some()) {
        Form::Selector(name.to_owned())
    } else {
        Form::Unreadable
    }
}

fn calls(outside: &str, function: &str) -> bool {
    outside.match_indices(function).any(|(at, _)| {
        let before = outside[..at]
            .chars()
            .next_back()
            .is_none_or(|c| !c.is_alphanumeric() && c != '_');
        before && outside[at + function.len()..].trim_start().starts_with('(')
    })
}

/// `None` where a quote stays open.
fn without_quoted(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut quote = None;
    let mut escaped = false;
    for c in text.chars() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some(open) if c == open => {
                quote = None;
                out.push(c);
            }
            Some(_) => {}
            None => {
                if matches!(c, '"' | '\'' | '`') {
                    quote = Some(c);
                }
                out.push(c);
            }
        }
    }
    quote.is_none().then_some(out)
}

fn outside_braces(text: &str) -> String {
    let mut depth = 0usize;
    text.chars()
        .filter(|c| {
            match c {
                '{' => depth += 1,
                '}' => depth = depth.saturating_sub(1),
                _ => return depth == 0,
            }
            false
        })
        .collect()
}

/// The first selector inside a rate or another function: of `rate(x{a="b"}[5m]) > 0.05` it is `x{a="b"}`.
pub(crate) fn inner_selector(text: &str) -> Option<String> {
    let open = text.rfind('(').map_or(0, |at| at + 1);
    let inner = text.get(open..)?;
    let end = inner.find(['[', ')']).unwrap_or(inner.len());
    let end = match (inner.find('{'), inner.find('}')) {
        (Some(from), Some(to)) if from < end && to > from => to + 1,
        (Some(_) | None, Some(_) | None) => end,
    };
    let selector = inner.get(..end)?.trim();
    match form(selector) {
        Form::Selector(name) if !name.is_empty() => Some(selector.to_owned()),
        Form::Selector(_) | Form::Comparison | Form::Rate | Form::Expression | Form::Unreadable => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let check = |text: &str, expect: Form| assert_eq!(form(text), expect, "{text}");
        check("up{job=\"postgres\"}", Form::Selector("up".to_owned()));
        check("http_requests_total", Form::Selector("http_requests_total".to_owned()));
        check("{__name__=~\"a(b|c)[0-9]+ > 3\"}", Form::Selector(String::new()));
        check(
            "rate(http_requests_total{status=~\"5..\"}[5m]) > 0.05",
            Form::Comparison,
        );
        check("up{job=\"postgres\"} == 0", Form::Comparison);
        check("sum by (le) (rate(x[5m]))", Form::Rate);
        check("a / b", Form::Expression);
        check("corporate(x)", Form::Expression);
        check("x[5m]", Form::Expression);
        check("max(x)", Form::Expression);
        check("x{a=\"b}", Form::Unreadable);
        check("x{a=\"b\"", Form::Unreadable);
        check("two words", Form::Unreadable);
        check("", Form::Unreadable);
        check("ñ{", Form::Unreadable);
    }

    #[test]
    fn the_selector_inside() {
        let check = |text: &str, expect: Option<&str>| assert_eq!(inner_selector(text).as_deref(), expect, "{text}");
        check(
            "rate(http_requests_total{status=~\"5..\"}[5m]) > 0.05",
            Some("http_requests_total{status=~\"5..\"}"),
        );
        check("sum(rate(x[5m]))", Some("x"));
        check("1 + ", None);
    }
}
