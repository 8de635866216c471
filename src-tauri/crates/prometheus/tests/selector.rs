//! Plain selectors: what they match, what is refused, and that a refusal says what to write instead.

#![allow(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use proptest::prelude::*;
use timonel_prometheus::{Labels, Selector};

fn labels(pairs: &[(&str, &str)]) -> Labels {
    Labels::new(pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())))
}

#[test]
fn matching() {
    let canary = labels(&[("arm", "canary"), ("code", "503")]);
    let check = |text: &str, expect: bool| {
        assert_eq!(
            text.parse::<Selector>().unwrap().matches("calls_total", &canary),
            expect,
            "{text}"
        );
    };
    check("calls_total", true);
    check("calls", false);
    check("calls_total{}", true);
    check(r#"calls_total{arm="canary"}"#, true);
    check(r#"calls_total{arm="canary",code="200"}"#, false);
    check(r#" calls_total { arm = "canary" , code != "200" , } "#, true);
    check(r#"{__name__="calls_total",arm="canary"}"#, true);
    check(r#"calls_total{code=~"5.."}"#, true);
    check(r#"calls_total{code=~"5"}"#, false);
    check(r#"calls_total{code=~"4..|50[0-9]"}"#, true);
    check(r#"calls_total{code!~"5.."}"#, false);
    check(r#"calls_total{code=~"50|5033"}"#, false);
    // A label that is not there is empty.
    check(r#"calls_total{tenant=""}"#, true);
    check(r#"calls_total{tenant!=""}"#, false);
    check(r#"calls_total{tenant=~".*"}"#, true);
    check(r#"calls_total{tenant=~".+"}"#, false);
}

#[test]
fn escapes() {
    let check = |text: &str, value: &str| {
        let selector: Selector = text.parse().unwrap();
        assert!(
            selector.matches("m", &labels(&[("a", value)])),
            "{text} does not match {value:?}"
        );
    };
    check(r#"m{a="\"q\" \\ \n\t"}"#, "\"q\" \\ \n\t");
    check(r"m{a='it\'s \x41\101\u00f1\U0001F600'}", "it's AAñ😀");
    check(r"m{a=`C:\dir\n`}", r"C:\dir\n");
    check(r#"m{a=~"a\\.b"}"#, "a.b");
    check(r#"m{a="ñandú"}"#, "ñandú");
    check("m{a=~\"x.y\"}", "x\ny");
}

#[test]
fn refusals_say_what_to_write_instead() {
    for text in [
        "",
        "  ",
        "{}",
        r#"{arm="canary"}"#,
        "rate(calls_total[5m])",
        "sum(calls_total)",
        "a / b",
        "a+b",
        "calls_total[5m]",
        "calls_total offset 5m",
        "calls_total @ 0",
        "1",
        "9calls",
        "calls-total",
        r#"calls_total{arm="canary""#,
        r#"calls_total{arm="canary"#,
        r#"calls_total{arm=canary}"#,
        r#"calls_total{arm}"#,
        r#"calls_total{arm=="x"}"#,
        r#"calls_total{,}"#,
        r#"calls_total{a="b",,c="d"}"#,
        r#"calls_total{a="b" c="d"}"#,
        r#"calls_total{a=~"("}"#,
        r#"calls_total{a="\q"}"#,
        r#"calls_total{a="\x9"}"#,
        "calls_total{a=\"b\nc\"}",
        r#"calls_total{__name__="other"}"#,
        r#"{__name__=~"calls.*"}"#,
        r#"calls_total{a="b"}{c="d"}"#,
    ] {
        let error = text.parse::<Selector>().expect_err(text).to_string();
        assert!(
            error.contains("Name the counter itself") && error.contains("not a quotient"),
            "{error}"
        );
    }
    let error = "sum(calls_total)".parse::<Selector>().unwrap_err().to_string();
    assert!(
        error.contains("`sum` is used as a function (at character 4)"),
        "{error}"
    );
    let error = "año{a=b}".parse::<Selector>().unwrap_err().to_string();
    assert!(
        error.contains("at character 2"),
        "characters are counted, not bytes: {error}"
    );
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(text in "[a-z{}=~!\"'`\\\\,\\[\\] ñx0-9.(|]{0,30}") {
        let _ = text.parse::<Selector>();
    }

    #[test]
    fn written_and_read_again_it_is_the_same(value in any::<String>(), name in "[a-z_:]{1,8}") {
        let quoted = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let selector: Selector = format!("{name}{{a=\"{quoted}\",b!=\"x\"}}").parse().unwrap();
        let again: Selector = selector.to_string().parse().unwrap();
        prop_assert_eq!(&again, &selector);
        let series = labels(&[("a", &value)]);
        prop_assert!(again.matches(&name, &series));
    }
}
