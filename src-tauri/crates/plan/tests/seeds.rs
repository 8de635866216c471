//! The mistakes of the users' own documents, all in one plan: each is found, with its place and what to write instead.

use timonel_plan::{check, draw};

const TEXT: &str = include_str!("seeds-mistakes.toml");

#[test]
fn all_of_them_are_found_at_once() {
    let checked = check(TEXT);
    assert_eq!(checked.value, None);
    for code in [
        "target.weight-beside-route",
        "target.two-on-one-path",
        "signal.rate-as-ratio",
        "signal.selector",
        "gate.gap",
        "gate.margin",
        "phase.last-weight",
        "notice.critical",
        "traffic.assigned",
    ] {
        assert!(
            checked.findings.iter().any(|f| f.code == code),
            "{code} is not among {:#?}",
            checked.findings
        );
    }
    insta::assert_snapshot!(draw(&checked.findings, "seeds-mistakes.toml", TEXT, false));
}
