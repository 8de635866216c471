//! One line of the tables: a clean plan with one thing written otherwise, and what must be found.

use timonel_plan::{Finding, Severity, check, draw};

pub(crate) fn lines(findings: &[Finding]) -> Vec<String> {
    findings
        .iter()
        .map(|f| {
            let severity = match f.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            };
            format!("{severity} {} {}", f.code, f.path)
        })
        .collect()
}

/// Replaces `from` by `to` in a clean plan and expects exactly these findings, in the order of the file.
#[track_caller]
pub(crate) fn expect(base: &str, from: &str, to: &str, expected: &[&str]) {
    assert!(base.contains(from), "the base has no {from}");
    let text = base.replacen(from, to, 1);
    let checked = check(&text);
    let found = lines(&checked.findings);
    assert_eq!(
        found,
        expected,
        "\n{}",
        draw(&checked.findings, "plan.toml", &text, false)
    );
    assert_eq!(
        checked.value.is_some(),
        !expected.iter().any(|e| e.starts_with("error"))
    );
    for finding in &checked.findings {
        assert!(
            finding.span.is_some()
                || finding.path.is_empty()
                || !text.contains(finding.path.split(['.', '[']).next().unwrap_or_default()),
            "no place: {finding}"
        );
        assert!(
            !finding.advice.is_empty() && !finding.message.ends_with('.'),
            "{finding}"
        );
    }
}
