//! OpenMetrics.

use timonel_prometheus::{Format, parse};

use crate::{check, openmetrics, refused};

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
