//! One page of Prometheus' text format as it is written.

use std::fmt::Write;

/// What a family's values are.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// It only grows.
    Counter,
    /// It is as it is now.
    Gauge,
}

/// The text as it grows.
#[derive(Debug, Default)]
pub(super) struct Page {
    text: String,
    family: &'static str,
}

impl Page {
    /// All of it.
    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// Begins a family; the values that follow are its own.
    pub(super) fn family(&mut self, name: &'static str, kind: Kind, help: &str) {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        };
        self.family = name;
        // Writing to a text cannot fail.
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    /// One value of the family, by its labels.
    pub(super) fn value(&mut self, labels: &[(&str, &str)], value: f64) {
        let escaped = |text: &str| text.replace('\\', r"\\").replace('"', "\\\"").replace('\n', "\\n");
        let labels: Vec<_> = labels
            .iter()
            .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
            .collect();
        let labels = if labels.is_empty() {
            String::new()
        } else {
            format!("{{{}}}", labels.join(","))
        };
        let _ = writeln!(self.text, "{}{labels} {value}", self.family);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_name_holds_the_text_stays_one() {
        let mut page = Page::default();
        page.family("timonel_x", Kind::Gauge, "Nothing.");
        page.value(&[("a", "una \"comilla\"\n\\ y más")], 0.25);
        page.value(&[], 3.0);
        assert_eq!(
            page.into_text(),
            "# HELP timonel_x Nothing.\n# TYPE timonel_x gauge\n\
             timonel_x{a=\"una \\\"comilla\\\"\\n\\\\ y más\"} 0.25\ntimonel_x 3\n"
        );
    }
}
