//! The text format.

use timonel_prometheus::{Format, Kind, parse};

use crate::{openmetrics, refused, text};

#[test]
fn text_that_prometheus_reads() {
    const V: f64 = 8.3835e-05;
    // Blanks, tabs and trailing commas in every place.
    for input in [
        r#"d{q="1",a="b"} 8.3835e-05"#,
        r#"d{q="1", a="b"} 8.3835e-05"#,
        r#"d{ q="1", a="b"} 8.3835e-05"#,
        r#"d{ q="1", a="b" } 8.3835e-05"#,
        r#"d { q="1", a="b" } 8.3835e-05"#,
        r#"d { q= "1", a= "b", } 8.3835e-05"#,
        r#"d { q = "1", a = "b" } 8.3835e-05"#,
        // Prometheus does not insist on the comma; by its own word that is unintended.
        r#"d { q = "1" a = "b" } 8.3835e-05"#,
        "d{q=\"1\",a=\"b\"}\t8.3835e-05",
        "  d{q=\"1\",a=\"b\"} 8.3835e-05  \n\n\n",
        // Quoted names, as Prometheus 3 writes them.
        r#"{"d",q="1",a="b"} 8.3835e-05"#,
        r#"{ "d", q = "1", a = "b", } 8.3835e-05"#,
        r#"{q="1","d",a="b"} 8.3835e-05"#,
    ] {
        text(input, &[(r#"d{a="b",q="1"}"#, V, None)]);
    }
    text(r#"d{q="0.25",} 7.4"#, &[(r#"d{q="0.25"}"#, 7.4, None)]);
    text(r#"w{A="2",c="3"} 12345"#, &[(r#"w{A="2",c="3"}"#, 12345.0, None)]);
    text("count 99", &[("count", 99.0, None)]);
    text(
        "some:aggregate:rate5m{a_b=\"c\"}\t1",
        &[(r#"some:aggregate:rate5m{a_b="c"}"#, 1.0, None)],
    );
    text(
        "go_goroutines 33  \t123123",
        &[("go_goroutines", 33.0, Some(123_123_000))],
    );
    text("_metric 1", &[("_metric", 1.0, None)]);
    text(r#"m{_label="foo"} 1"#, &[(r#"m{_label="foo"}"#, 1.0, None)]);
    text(r#"m{label="\"bar\""} 1"#, &[(r#"m{label="\"bar\""}"#, 1.0, None)]);
    text(
        r#"m{path="C:\\dir",nl="a\nb",x="\x",b="}"} 1"#,
        &[(r#"m{b="}",nl="a\nb",path="C:\\dir",x="\\x"}"#, 1.0, None)],
    );
    text("null{a=\"abc\0\"} 1", &[("null{a=\"abc\0\"}", 1.0, None)]);
    text("a{b=\"\0\"} 1\n", &[("a{b=\"\0\"}", 1.0, None)]);
    text(
        r#"{"Heizöl 10€ \"x\" {a\nb}","strange©\n'q' \"n\""="6"} 10.0"#,
        &[("Heizöl 10€ \"x\" {a\nb}{strange©\n'q' \"n\"=\"6\"}", 10.0, None)],
    );
    text("m{} 1", &[("m", 1.0, None)]);
    text(r#"m{empty=""} 1"#, &[("m", 1.0, None)]);
}

#[test]
fn text_numbers() {
    for (written, value) in [
        ("NaN", f64::NAN),
        ("nan", f64::NAN),
        ("+Inf", f64::INFINITY),
        ("-Inf", f64::NEG_INFINITY),
        ("Inf", f64::INFINITY),
        ("1e+06", 1e6),
        ("1.0E9", 1e9),
        (".5", 0.5),
        ("-3", -3.0),
        ("+3", 3.0),
        ("9007199254740993", 9_007_199_254_740_992.0),
    ] {
        text(&format!("m {written}"), &[("m", value, None)]);
        openmetrics(&format!("m {written}"), &[("m", value, None)]);
    }
}

#[test]
fn text_comments_and_families() {
    text("", &[]);
    text("\n", &[]);
    text(
        "#\n# comment \\n with \\ escapes\n# Hrandom\n#HELP\n#TYPE x nonsense\n",
        &[],
    );
    text("# HELP nohelp1\n# HELP nohelp2 \n# HELP m foo\0bar", &[]);
    text(
        "# HELP \"go.gc\" quoted\n# \tTYPE \"go.gc\" summary\n{\"go.gc\",quantile=\"0\"} 1",
        &[("go.gc{quantile=\"0\"}", 1.0, None)],
    );

    let exposition = parse(
        Format::Text,
        b"# TYPE calls_total counter\ncalls_total{a=\"1\"} 1\nalien 5\ncalls_total{b=\"2\"} NaN\n\
          # HELP l latency\n# TYPE l histogram\nl_bucket{le=\"+Inf\"} 2\nl_sum 3\nl_count 2\nl_max 9\n# TYPE g gauge\ng 1",
    )
    .unwrap();
    let families: Vec<_> = exposition
        .families
        .iter()
        .map(|f| (f.name.as_str(), f.kind, f.series.len()))
        .collect();
    assert_eq!(
        families,
        [
            ("calls_total", Kind::Counter, 2),
            ("alien", Kind::Unknown, 1),
            ("l", Kind::Histogram, 3),
            ("l_max", Kind::Unknown, 1),
            ("g", Kind::Gauge, 1)
        ]
    );
}

#[test]
fn of_equal_series_the_first_is_kept() {
    text(
        "m{a=\"b\",c=\"d\"} 1\nm{c=\"d\",a=\"b\"} 2",
        &[(r#"m{a="b",c="d"}"#, 1.0, None)],
    );
}

#[test]
fn text_that_prometheus_refuses() {
    for input in [
        &b"a"[..],
        b"a{b='c'} 1\n",
        b"a{b=\n",
        b"a{\xff=\"foo\"} 1\n",
        b"a{b=\"\xff\"} 1\n",
        br#"{"a", "b = "c"}"#,
        br#"{"a",b\nc="d"} 1"#,
        b"a true\n",
        b"something_weird{problem=\"",
        b"empty_label_name{=\"\"} 0",
        b"foo 1_2\n",
        b"foo 0x1p-3\n",
        b"foo 0x1P-3\n",
        b"foo 0 1_2\n",
        b"{a=\"ok\"} 1",
        b"# TYPE #\n#EOF\n",
        b"# HELP #\n#EOF\n",
        b"a{b=\0\"ssss\"} 1\n",
        b"a{b=\"\0",
        b"a{b\0=\"hiih\"}\t1",
        b"a\0{b=\"ddd\"} 1",
        b"a 0 1\0",
        // Beyond its table: its grammar.
        b"# TYPE m nonsense",
        b"# TYPE m info",
        b"a 1 1.5",
        b"a 1 2 3",
        b"a 1 # {id=\"x\"} 1",
        b"a 1\r\n",
        b"# TYPE a counter\r\na 1\r\n",
        b"9a 1",
        b"a{b=\"c\" 1",
        b"a{b=\"c\",,d=\"e\"} 1",
        b"a{,b=\"c\"} 1",
        b"a{b=\"1\",b=\"2\"} 1",
        b"{\"a\",\"b\"} 1",
        b"a{\"b\"} 1",
        b"a-b 1",
        b"{} 1",
    ] {
        refused(Format::Text, input);
    }
}

#[test]
fn a_parser_that_remembers_reads_the_same() {
    let mut parser = timonel_prometheus::Parser::default();
    for n in 0..3 {
        let input = format!("a{{x=\"1\"}} {n}\na{{ x = \"1\" }} 9\nb{n} 1 {n}\n# TYPE a counter\n");
        let again = parser.parse(Format::Text, input.as_bytes()).unwrap();
        assert_eq!(again, parse(Format::Text, input.as_bytes()).unwrap());
        assert_eq!(again.series().next().unwrap().value, f64::from(n));
        parser.parse(Format::Text, b"broken {").unwrap_err();
    }
}
