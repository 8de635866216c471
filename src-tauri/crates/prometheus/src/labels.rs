//! The labels of a series, sorted, without its name.

use std::fmt;

/// Labels in the order of their names; names are unique, empty values are kept out (to Prometheus they are no labels).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Labels(Vec<(String, String)>);

impl Labels {
    /// From names and values in any order; of two with the same name the first is kept.
    pub fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut pairs: Vec<_> = pairs.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        pairs.sort_by(|a, b| a.0.cmp(&b.0));
        pairs.dedup_by(|a, b| a.0 == b.0);
        Self(pairs)
    }

    /// The value of a label; empty where there is none, as matchers see it.
    pub fn get(&self, name: &str) -> &str {
        self.0
            .binary_search_by(|(other, _)| other.as_str().cmp(name))
            .map_or("", |at| &self.0[at].1)
    }

    /// All but the named label.
    pub fn without(&self, name: &str) -> Self {
        Self(self.0.iter().filter(|(other, _)| other != name).cloned().collect())
    }

    /// Names and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl fmt::Display for Labels {
    /// As PromQL writes them, such as `{arm="canary",code="500"}`; nothing where there are none.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (name, value)) in self.iter().enumerate() {
            write!(f, "{}{name}=\"{}\"", if i == 0 { "{" } else { "," }, escape(value))?;
        }
        if self.0.is_empty() { Ok(()) } else { f.write_str("}") }
    }
}

/// `text` as it stands between double quotes in PromQL and in the exposition formats.
pub(crate) fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
