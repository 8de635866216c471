//! Where something stands in a file: paths such as `phases[2].weight`, and the bytes that toml_edit found for them.
//! Deliberately no parsing of its own and no opinion on what a path means.

use std::fmt;
use std::ops::Range;

use toml_edit::{Document, Item, TableLike, Value};

/// A place in a file by names and positions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Path(Vec<Segment>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Key(String),
    Index(usize),
}

impl Path {
    pub(crate) fn root() -> Self {
        Self::default()
    }

    pub(crate) fn key(&self, key: &str) -> Self {
        self.with(Segment::Key(key.to_owned()))
    }

    pub(crate) fn index(&self, index: usize) -> Self {
        self.with(Segment::Index(index))
    }

    fn with(&self, segment: Segment) -> Self {
        let mut path = self.clone();
        path.0.push(segment);
        path
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Index(index) => write!(f, "[{index}]")?,
                Segment::Key(key) => {
                    let bare = !key.is_empty()
                        && key
                            .bytes()
                            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
                    let dot = if at > 0 { "." } else { "" };
                    if bare {
                        write!(f, "{dot}{key}")?
                    } else {
                        write!(f, "{dot}{key:?}")?
                    }
                }
            }
        }
        Ok(())
    }
}

/// The places of one file.
#[derive(Debug)]
pub(crate) struct Places {
    document: Document<String>,
}

impl Places {
    /// `None` where the text is no TOML: its syntax errors carry their own places.
    pub(crate) fn of(text: &str) -> Option<Self> {
        Document::parse(text.to_owned()).ok().map(|document| Self { document })
    }

    /// The bytes of `path`, or of its nearest ancestor that the file has: a missing field is shown at its table.
    pub(crate) fn span(&self, path: &Path) -> Option<Range<usize>> {
        let mut best = None;
        let mut here = Here::Item(self.document.as_item());
        for segment in &path.0 {
            let next = match segment {
                Segment::Key(key) => here.get(key).map(|(key_span, item)| {
                    // A table made of dotted keys or of a header has no bytes of its own: its name stands for it.
                    best = item.value_span().or(key_span).or(best.take());
                    item
                }),
                Segment::Index(index) => here.at(*index).inspect(|item| best = item.value_span().or(best.take())),
            };
            match next {
                Some(item) => here = item,
                None => break,
            }
        }
        best.map(|span| self.first_line(span))
    }

    /// A table over many lines is shown by its first one.
    fn first_line(&self, span: Range<usize>) -> Range<usize> {
        let raw = self.document.raw();
        match raw.get(span.clone()).and_then(|text| text.find('\n')) {
            Some(end) => span.start..span.start + end,
            None => span,
        }
    }
}

#[derive(Clone, Copy)]
enum Here<'a> {
    Item(&'a Item),
    Value(&'a Value),
    Table(&'a toml_edit::Table),
}

impl<'a> Here<'a> {
    fn get(self, key: &str) -> Option<(Option<Range<usize>>, Here<'a>)> {
        let table: &dyn TableLike = match self {
            Here::Item(item) => item.as_table_like()?,
            Here::Value(value) => value.as_inline_table()?,
            Here::Table(table) => table,
        };
        let (key, item) = table.get_key_value(key)?;
        Some((key.span(), Here::Item(item)))
    }

    fn at(self, index: usize) -> Option<Here<'a>> {
        match self {
            Here::Item(Item::ArrayOfTables(tables)) => tables.get(index).map(Here::Table),
            Here::Item(Item::Value(Value::Array(array))) | Here::Value(Value::Array(array)) => {
                array.get(index).map(Here::Value)
            }
            Here::Item(Item::None | Item::Value(_) | Item::Table(_)) | Here::Value(_) | Here::Table(_) => None,
        }
    }

    fn value_span(self) -> Option<Range<usize>> {
        match self {
            Here::Item(item) => item.span(),
            Here::Value(value) => value.span(),
            Here::Table(table) => table.span(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, path: &Path, expect: &str) {
        let span = Places::of(text).unwrap().span(path).unwrap();
        assert_eq!(&text[span], expect, "{path}");
    }

    #[test]
    fn every_way_to_write_a_table_has_a_place() {
        let text = "a.b.c = 1\nrows = [{ x = 2 }, { x = [3, 4] }]\n[[list]]\nid = 'p'\n[[list]]\nid = 'q'\ninner = { deep = true }\n[t.\"odd key\"]\nz = 5\n";
        let root = Path::root();
        check(text, &root.key("a").key("b").key("c"), "1");
        check(text, &root.key("a").key("b"), "b");
        check(text, &root.key("rows").index(1).key("x").index(1), "4");
        check(text, &root.key("list").index(1).key("id"), "'q'");
        check(text, &root.key("list").index(1).key("inner").key("deep"), "true");
        check(text, &root.key("list").index(0).key("absent"), "[[list]]");
        check(text, &root.key("t").key("odd key").key("z"), "5");
        assert_eq!(root.key("t").key("odd key").key("z").to_string(), "t.\"odd key\".z");
    }
}
