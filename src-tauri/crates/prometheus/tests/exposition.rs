//! What Prometheus's own parsers read and refuse (prometheus/prometheus, `model/textparse`, the cases of its
//! `promparse_test.go` and `openmetricsparse_test.go`), as one table for each format, and our few words about the difference.

#![allow(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use proptest::prelude::*;
use timonel_prometheus::{Exposition, Format, Kind, parse};

/// A series as it is compared: written as PromQL, its value's bits made comparable, its time in microseconds.
type Row = (String, String, Option<i64>);

fn rows(exposition: &Exposition) -> Vec<Row> {
    let row = |s: &timonel_prometheus::Series| {
        (
            format!("{}{}", s.name, s.labels),
            s.value.to_string(),
            s.at.map(timonel_domain::time::Timestamp::micros),
        )
    };
    exposition.series().map(row).collect()
}

fn check(format: Format, input: &[u8], expect: &[(&str, f64, Option<i64>)]) {
    let shown = String::from_utf8_lossy(input);
    let got = parse(format, input).unwrap_or_else(|error| panic!("{shown:?} was refused: {error}"));
    let expect: Vec<Row> = expect
        .iter()
        .map(|(s, v, t)| ((*s).to_owned(), v.to_string(), *t))
        .collect();
    assert_eq!(rows(&got), expect, "{shown:?}");
}

fn text(input: &str, expect: &[(&str, f64, Option<i64>)]) {
    check(Format::Text, input.as_bytes(), expect);
}

/// With the end that the format demands.
fn openmetrics(input: &str, expect: &[(&str, f64, Option<i64>)]) {
    check(Format::OpenMetrics, format!("{input}\n# EOF\n").as_bytes(), expect);
    check(Format::OpenMetrics, format!("{input}\n# EOF").as_bytes(), expect);
}

fn refused(format: Format, input: &[u8]) {
    let got = parse(format, input);
    assert!(
        got.is_err(),
        "{:?} was read as {:?}",
        String::from_utf8_lossy(input),
        rows(&got.unwrap())
    );
}

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
fn openmetrics_that_prometheus_reads() {
    openmetrics(
        r#"d{quantile="0"} 4.9351e-05"#,
        &[(r#"d{quantile="0"}"#, 4.9351e-05, None)],
    );
    openmetrics(
        r#"some:aggregate:rate5m{a_b="c"} 1"#,
        &[(r#"some:aggregate:rate5m{a_b="c"}"#, 1.0, None)],
    );
    openmetrics(
        "go_goroutines 33 123.123",
        &[("go_goroutines", 33.0, Some(123_123_000))],
    );
    openmetrics("m{a=\"b\",} 1", &[(r#"m{a="b"}"#, 1.0, None)]);
    openmetrics(r#"m{label="\"bar\""} 1"#, &[(r#"m{label="\"bar\""}"#, 1.0, None)]);
    openmetrics("m{a=\"abc\0\"} 1", &[("m{a=\"abc\0\"}", 1.0, None)]);
    openmetrics(
        "# HELP h \n# HELP h2 escape \\ \\n \\\\ \\\" \\x chars\n# UNIT nounit \n# HELP m foo\0bar\n# TYPE un unknown",
        &[],
    );
    openmetrics(
        "# TYPE gc_seconds summary\n# UNIT gc_seconds seconds\ngc_seconds_count 99",
        &[("gc_seconds_count", 99.0, None)],
    );
    // Exemplars on any kind of sample, with and without a time.
    for exemplar in [
        "{id=\"x\"} 4",
        "{id=\"x\",yy=\"zz\"} 4 123.123",
        "{} 4",
        "{\"id.thing\"=\"x\",other=\"#\"} 4",
        "{a=\" # \"} 1",
    ] {
        for series in [
            "h_bucket{le=\"+Inf\"}",
            "h_count",
            "g_count",
            "s_sum",
            "foo_total",
            "foo_total{a=\" # {\"}",
        ] {
            let name = series.to_owned();
            openmetrics(&format!("{series} 17 # {exemplar}"), &[(&name, 17.0, None)]);
            openmetrics(
                &format!("{series} 17.0 1520879607.789 # {exemplar}"),
                &[(&name, 17.0, Some(1_520_879_607_789_000))],
            );
        }
    }
    for (kind, series) in [
        ("info", "ii{foo=\"bar\"}"),
        ("stateset", "ii{ii=\"bar\"}"),
        ("gaugehistogram", "ii_bucket{le=\"+Inf\"}"),
    ] {
        openmetrics(&format!("# TYPE ii {kind}\n{series} 1"), &[(series, 1.0, None)]);
    }
    openmetrics(
        r#"{"http.status",q="0.9",a="b"} 8"#,
        &[(r#"http.status{a="b",q="0.9"}"#, 8.0, None)],
    );
    openmetrics(
        r#"{q="0.9","http.status",a="b"} 8"#,
        &[(r#"http.status{a="b",q="0.9"}"#, 8.0, None)],
    );
    openmetrics(r#"{"go.gc_sum"} 0.004304266"#, &[("go.gc_sum", 0.004304266, None)]);
    openmetrics(
        "# HELP \"go.gc_seconds\" x\n# TYPE \"go.gc_seconds\" summary\n# UNIT \"go.gc_seconds\" seconds",
        &[],
    );
    check(Format::OpenMetrics, b"# EOF", &[]);
    check(Format::OpenMetrics, b"# EOF\n", &[]);
}

#[test]
fn openmetrics_births_belong_to_their_series() {
    let births = |input: &str| {
        let read = parse(Format::OpenMetrics, format!("{input}\n# EOF\n").as_bytes()).unwrap();
        let row = |s: &timonel_prometheus::Series| {
            (
                format!("{}{}", s.name, s.labels),
                s.born.map(|born| born.micros() / 1000),
            )
        };
        read.series().map(row).collect::<Vec<_>>()
    };
    let some = |name: &str, millis: i64| (name.to_owned(), Some(millis));
    let none = |name: &str| (name.to_owned(), None);
    assert_eq!(
        births(
            "# TYPE foo counter\nfoo_total 17.0 1520879607.789 # {id=\"t\"} 5\nfoo_created 1520872607.123\n\
             foo_total{a=\"b\"} 17.0\nfoo_created{a=\"b\"} 1520872608.123\nfoo_total{le=\"1\"} 10.0"
        ),
        [
            some("foo_total", 1_520_872_607_123),
            some("foo_total{a=\"b\"}", 1_520_872_608_123),
            none("foo_total{le=\"1\"}")
        ]
    );
    // In any place within the family.
    for input in [
        "# TYPE baz histogram\nbaz_bucket{le=\"0.0\"} 0\nbaz_bucket{le=\"+Inf\"} 17\nbaz_created 1520872609.125",
        "# TYPE baz histogram\nbaz_created 1520872609.125\nbaz_bucket{le=\"0.0\"} 0\nbaz_bucket{le=\"+Inf\"} 17",
    ] {
        assert_eq!(
            births(input),
            [
                some("baz_bucket{le=\"0.0\"}", 1_520_872_609_125),
                some("baz_bucket{le=\"+Inf\"}", 1_520_872_609_125)
            ]
        );
    }
    assert_eq!(
        births("# TYPE bar summary\nbar_count 17\nbar{quantile=\"0.95\"} 123.7\nbar_created 1520872608.124"),
        [
            some("bar_count", 1_520_872_608_124),
            some("bar{quantile=\"0.95\"}", 1_520_872_608_124)
        ]
    );
    assert_eq!(
        births("# TYPE fizz_created gauge\nfizz_created 17.0"),
        [none("fizz_created")],
        "a gauge of that name"
    );
    assert_eq!(
        births("foo_total 17.0\nfoo_created 1520872607.123"),
        [none("foo_total"), none("foo_created")],
        "no type"
    );
}

#[test]
fn openmetrics_that_prometheus_refuses() {
    for input in [
        &b""[..],
        b"\n",
        b"metric",
        b"metric 1",
        b"metric 1\n",
        b"metric_total 1 # {aa=\"bb\"} 4",
        b" # EOF\n",
        b"# EOF\na 1",
        b"# EOF\n\n",
        b"# EOFa 1",
        b"#",
        b"# H",
        b"#\tTYPE c counter\n",
        b"# TYPE c  counter\n",
        b"#  TYPE c counter\n",
        b"a{b=\"\0",
        b"a{b\0=\"hiih\"}\t1",
    ] {
        refused(Format::OpenMetrics, input);
    }
    // Refused for what they say, not for a missing end.
    for input in [
        "a",
        "\n\n",
        " a 1",
        "9",
        "# TYPE u untyped",
        "# TYPE c counter ",
        "#  TYPE c counter",
        "# TYPE c  counter",
        "#\tTYPE c counter",
        "# TYPE ",
        "# TYPE m",
        "# UNIT metric suffix",
        "# UNIT metricsuffix suffix",
        "# UNIT m suffix",
        "# UNIT ",
        "# UNIT m",
        "# HELP ",
        "# HELP m",
        "a\t1",
        "a 1\t2",
        "a 1 2 ",
        "a 1 2 #",
        "a 1 1z",
        "a 1 1 1",
        "a{b='c'} 1",
        "a{,b=\"c\"} 1",
        "a{b=\"c\"d=\"e\"} 1",
        "a{b=\"c\",,d=\"e\"} 1",
        "a{b=",
        r#"{"a","b = "c"}"#,
        r#"{"a",b\nc="d"} 1"#,
        "a true",
        "something_weird{problem=\"",
        "empty_label_name{=\"\"} 0",
        "foo 1_2",
        "foo 0x1p-3",
        "foo 0x1P-3",
        "foo 0 1_2",
        "custom_metric_total 1 # {aa=bb}",
        "custom_metric_total 1 # {aa=\"bb\"}",
        "custom_metric_total 1 # {bb}",
        "custom_metric_total 1 # {bb} 1",
        "custom_metric_total 1 # {\"bb\"} 1",
        "custom_metric_total 1 # {bb, a=\"dd\"} 1",
        "custom_metric_total 1 # {aa=\"bb\",,cc=\"dd\"} 1",
        "custom_metric_total 1 # {aa=\"bb\"} 1_2",
        "custom_metric_total 1 # {aa=\"bb\"} 0x1p-3",
        "custom_metric_total 1 # {aa=\"bb\"} true",
        "custom_metric_total 1 # {aa=\"bb\",cc=}",
        "custom_metric_total 1 # {aa=\\\"x\\\"} 9.0",
        "custom_metric_total 1 # {b=\0\"ssss\"} 1",
        r#"{b="c",} 1"#,
        "a 1 NaN",
        "a 1 -Inf",
        "a 1 Inf",
        "# TYPE hhh histogram\nhhh_bucket{le=\"+Inf\"} 1 # {aa=\"bb\"} 4 NaN",
        "# TYPE hhh histogram\nhhh_bucket{le=\"+Inf\"} 1 # {aa=\"bb\"} 4 -Inf",
        "a{b=\0\"ssss\"} 1",
        "a\0{b=\"ddd\"} 1",
        // Beyond its table: its grammar.
        "a  1",
        "a {b=\"c\"} 1",
        "a{b=\"c\", d=\"e\"} 1",
        "a{ b=\"c\"} 1",
        "# TYPE m nonsense",
        "# comment",
        "a 1\r",
    ] {
        refused(Format::OpenMetrics, format!("{input}\n# EOF\n").as_bytes());
    }
    for bytes in [&b"a{\xff=\"foo\"} 1\n# EOF\n"[..], b"a{b=\"\xff\"} 1\n# EOF\n"] {
        refused(Format::OpenMetrics, bytes);
    }
}

#[test]
fn the_content_type_says_which_format() {
    assert_eq!(
        Format::of(Some("application/openmetrics-text; version=1.0.0; charset=utf-8")),
        Format::OpenMetrics
    );
    assert_eq!(Format::of(Some("text/plain; version=0.0.4")), Format::Text);
    assert_eq!(Format::of(None), Format::Text);
}

#[test]
fn a_refusal_names_the_line() {
    let error = parse(Format::Text, b"a 1\nb 2\nc x\n").unwrap_err().to_string();
    assert!(error.starts_with("line 3 "), "{error}");
    let error = parse(Format::OpenMetrics, b"a 1\nb 2\n").unwrap_err().to_string();
    assert!(error.contains("cut off"), "{error}");
}

/// Pieces that lines are made of, so that random inputs come near the grammar.
fn soup() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a", "b_total", "{", "}", "\"", "\\", ",", "=", " ", "\t", "\n", "#", "# TYPE ", "# HELP ", "# UNIT ", "# EOF",
        "1", "1e5", "NaN", "+Inf", ".5", " # {", "_created", "le", "counter", "ñ", "\0", "\r",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// As the text format writes a label value.
fn quoted(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

proptest! {
    #[test]
    fn nothing_makes_the_parsers_panic(input in soup(), bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for format in [Format::Text, Format::OpenMetrics] {
            let _ = parse(format, input.as_bytes());
            let _ = parse(format, &bytes);
        }
    }

    #[test]
    fn what_is_written_is_read(
        name in "[a-zA-Z_:][a-zA-Z0-9_:]{0,8}",
        // A carriage return inside a value is the one character that the library does not take.
        labels in prop::collection::btree_map("[a-zA-Z_][a-zA-Z0-9_]{0,5}", "[^\r]{1,8}", 0..4),
        value in prop::num::f64::NORMAL | prop::num::f64::ZERO,
        millis in prop::option::of(0_i64..4_000_000_000_000),
    ) {
        let written: Vec<_> = labels.iter().map(|(n, v)| format!("{n}=\"{}\"", quoted(v))).collect();
        let head = if written.is_empty() { name } else { format!("{name}{{{}}}", written.join(",")) };
        let at = millis.map(|ms| ms * 1000);
        let ms = millis.map(|ms| format!(" {ms}")).unwrap_or_default();
        let secs = millis.map(|ms| format!(" {}.{:03}", ms / 1000, ms % 1000)).unwrap_or_default();
        for (format, line) in [(Format::Text, format!("{head} {value:e}{ms}")), (Format::OpenMetrics, format!("{head} {value:e}{secs}\n# EOF"))] {
            let read = parse(format, line.as_bytes()).unwrap();
            prop_assert_eq!(rows(&read), vec![(head.clone(), value.to_string(), at)]);
        }
    }
}
