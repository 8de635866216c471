//! The text format 0.0.4 of `/metrics`.
//!
//! Written here rather than by a client library: the values are the world's at a virtual instant, not a registry's.

use std::fmt::Write;

use super::number;
use crate::world::{Kind, Visitor, World};

/// The media type of [`render`]'s text.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The world's series as it stands; every value `NaN` where `nan` says so.
pub fn render(world: &World, nan: bool) -> String {
    let mut text = Text {
        out: String::with_capacity(16 * 1024),
        family: "",
        nan,
    };
    world.visit(&mut text);
    text.out
}

struct Text {
    out: String,
    family: &'static str,
    nan: bool,
}

impl Visitor for Text {
    fn family(&mut self, name: &'static str, kind: Kind, help: &'static str) {
        self.family = name;
        // Writing to a string cannot fail.
        let _ = writeln!(
            self.out,
            "# HELP {name} {}\n# TYPE {name} {}",
            escape_help(help),
            kind_text(kind)
        );
    }

    fn sample(&mut self, suffix: &'static str, labels: &[(&'static str, &'static str)], value: f64) {
        let value = if self.nan { f64::NAN } else { value };
        let _ = writeln!(
            self.out,
            "{}{suffix}{} {}",
            self.family,
            Braces(labels),
            number::text(value)
        );
    }
}

pub(super) fn kind_text(kind: Kind) -> &'static str {
    match kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram => "histogram",
    }
}

/// Labels in braces, nothing where there are none.
pub(super) struct Braces<'a, T>(pub(super) &'a [(T, T)]);

impl<T: AsRef<str>> std::fmt::Display for Braces<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, (name, value)) in self.0.iter().enumerate() {
            let open = if i == 0 { '{' } else { ',' };
            write!(f, "{open}{}=\"{}\"", name.as_ref(), escape_value(value.as_ref()))?;
        }
        if self.0.is_empty() { Ok(()) } else { f.write_str("}") }
    }
}

fn escape_help(text: &str) -> String {
    text.replace('\\', r"\\").replace('\n', r"\n")
}

fn escape_value(text: &str) -> String {
    escape_help(text).replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped() {
        let none: &[(&str, &str)] = &[];
        assert_eq!(Braces(none).to_string(), "");
        assert_eq!(
            Braces(&[("a", "b"), ("path", "C:\\x\n\"y\"")]).to_string(),
            r#"{a="b",path="C:\\x\n\"y\""}"#
        );
        assert_eq!(escape_help("one\\two\nthree \"four\""), r#"one\\two\nthree "four""#);
    }
}
