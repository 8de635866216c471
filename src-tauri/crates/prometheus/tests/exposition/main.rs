//! What Prometheus's own parsers read and refuse (prometheus/prometheus, `model/textparse`, the cases of its
//! `promparse_test.go` and `openmetricsparse_test.go`), as a table for each format, and a few cases beyond.

#![allow(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

mod openmetrics;
mod text;

use proptest::prelude::*;
use timonel_prometheus::{Exposition, Format, parse};

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
