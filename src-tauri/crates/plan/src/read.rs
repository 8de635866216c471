//! From text to the serde model, keeping the place of everything that does not fit: a small serde deserializer over
//! TOML values whose errors are findings. Deliberately no knowledge of plans or scenarios.
//!
//! serde stops at the first mistake. Here an unknown field is reported and passed over, and an element of a list that
//! cannot be read is reported and left out, so that one reading shows as many mistakes as possible.

use std::cell::RefCell;
use std::fmt;

use serde::de::{
    self, Deserialize, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Unexpected, Visitor,
};
use toml::Value;

use crate::finding::Findings;
use crate::part::PART;
use crate::place::Path;

/// Reads `text` as a `T`. `None` where the whole could not be read; then `findings` says why, as it does for every
/// part that could not.
pub(crate) fn read<T: for<'de> Deserialize<'de>>(text: &str, findings: &mut Findings) -> Option<T> {
    let (_, mistakes) = toml::de::DeTable::parse_recoverable(text);
    for mistake in &mistakes {
        findings.at_span(
            mistake.span(),
            "file.syntax",
            format!("this is no TOML: {}", mistake.message()),
            "Correct the line; a text stands in \"quotes\", a table in [brackets], and a name is given once".to_owned(),
        );
    }
    if !mistakes.is_empty() {
        return None;
    }
    // Where the recoverable parser saw nothing, this one agrees; a difference would still be a finding, not a panic.
    let value = match toml::from_str::<toml::Table>(text) {
        Ok(table) => Value::Table(table),
        Err(mistake) => {
            findings.at_span(
                mistake.span(),
                "file.syntax",
                format!("this is no TOML: {}", mistake.message()),
                "Correct the line".to_owned(),
            );
            return None;
        }
    };
    let defects = RefCell::new(Vec::new());
    let read = T::deserialize(Node {
        value: &value,
        path: Path::root(),
        defects: &defects,
    });
    let mut defects = defects.into_inner();
    let value = match read {
        Ok(value) => Some(value),
        Err(defect) => {
            defects.push(defect);
            None
        }
    };
    for defect in defects {
        findings.error(
            &defect.path.unwrap_or_default(),
            defect.code,
            defect.message,
            defect.advice,
        );
    }
    value
}

/// Something that does not fit the model.
#[derive(Debug, Clone)]
pub(crate) struct Defect {
    path: Option<Path>,
    /// The field within the place, where serde names one.
    field: Option<String>,
    code: &'static str,
    message: String,
    advice: String,
}

impl Defect {
    fn new(code: &'static str, message: String, advice: String) -> Self {
        Self {
            path: None,
            field: None,
            code,
            message,
            advice,
        }
    }

    /// The innermost place wins: it is the first to be said on the way out.
    fn at(mut self, path: &Path) -> Self {
        if self.path.is_none() {
            self.path = Some(match self.field.take() {
                Some(field) => path.key(&field),
                None => path.clone(),
            });
        }
        self
    }

    fn unknown_name(field: &str, known: &[&str]) -> Self {
        let advice = match nearest(field, known) {
            Some(near) => format!("Did you mean `{near}`? Known here: {}", known.join(", ")),
            None => format!("Take it out. Known here: {}", known.join(", ")),
        };
        let mut defect = Self::new("file.unknown-field", format!("`{field}` is not known here"), advice);
        defect.field = Some(field.to_owned());
        defect
    }
}

/// What serde expects, in the words of somebody who writes TOML.
fn plain(expected: &dyn de::Expected) -> String {
    let expected = expected.to_string();
    match expected.as_str() {
        "f64" => "a number".to_owned(),
        "u8" => "a whole number from 0 to 255".to_owned(),
        "u32" | "u64" => "a whole number, not below 0".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a string" => "a text in quotes".to_owned(),
        "a sequence" => "a list in [brackets]".to_owned(),
        "a map" => "a table".to_owned(),
        _ => expected,
    }
}

/// The word that was probably meant.
pub(crate) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let word = word.to_lowercase().replace('-', "_");
    known
        .iter()
        .map(|k| (strsim::jaro_winkler(&word, &k.to_lowercase().replace('-', "_")), *k))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, k)| k)
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Defect {}

impl de::Error for Defect {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(
            "file.value",
            message.to_string(),
            "Write the value as the message says".to_owned(),
        )
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        let expected = plain(expected);
        Self::new(
            "file.type",
            format!("expected {expected}, found {found}"),
            format!("Write {expected} here"),
        )
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        let expected = plain(expected);
        Self::new(
            "file.value",
            format!("expected {expected}, found {found}"),
            format!("Write {expected} here"),
        )
    }

    fn unknown_variant(found: &str, known: &'static [&'static str]) -> Self {
        let list = known.join(", ");
        let advice = match nearest(found, known) {
            Some(near) => format!("Did you mean `{near}`? Possible: {list}"),
            None => format!("Write one of: {list}"),
        };
        Self::new(
            "file.unknown-word",
            format!("`{found}` is none of the words that are possible here"),
            advice,
        )
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        Self::unknown_name(field, known)
    }

    fn missing_field(field: &'static str) -> Self {
        let mut defect = Self::new(
            "file.missing-field",
            format!("`{field}` is missing"),
            format!("Add `{field} = …` here"),
        );
        defect.field = Some(field.to_owned());
        defect
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::new(
            "file.value",
            format!("`{field}` is given twice"),
            "Keep one of the two".to_owned(),
        )
    }
}

/// A value of the file at its place.
#[derive(Clone)]
struct Node<'a> {
    value: &'a Value,
    path: Path,
    defects: &'a RefCell<Vec<Defect>>,
}

impl<'a> Node<'a> {
    fn child(&self, value: &'a Value, path: Path) -> Self {
        Node {
            value,
            path,
            defects: self.defects,
        }
    }
}

impl<'de> Deserializer<'de> for Node<'_> {
    type Error = Defect;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Defect> {
        let path = self.path.clone();
        match self.value {
            Value::String(text) => visitor.visit_str(text),
            Value::Integer(number) => visitor.visit_i64(*number),
            Value::Float(number) => visitor.visit_f64(*number),
            Value::Boolean(truth) => visitor.visit_bool(*truth),
            Value::Datetime(moment) => visitor.visit_string(moment.to_string()),
            Value::Array(values) => visitor.visit_seq(Elements {
                parent: self.clone(),
                values,
                at: 0,
            }),
            Value::Table(table) => visitor.visit_map(Fields {
                parent: self.clone(),
                fields: table.iter().collect(),
                at: 0,
            }),
        }
        .map_err(|d| d.at(&path))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Defect> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Defect> {
        if name != PART {
            return visitor.visit_newtype_struct(self);
        }
        visitor.visit_seq(Attempt(self))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Defect> {
        let Value::Table(table) = self.value else {
            return self.deserialize_any(visitor);
        };
        let (fields, strange): (Vec<_>, Vec<_>) = table.iter().partition(|(key, _)| known.contains(&key.as_str()));
        for (key, _) in strange {
            self.defects
                .borrow_mut()
                .push(Defect::unknown_name(key, known).at(&self.path));
        }
        let path = self.path.clone();
        visitor
            .visit_map(Fields {
                parent: self,
                fields,
                at: 0,
            })
            .map_err(|d| d.at(&path))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Defect> {
        match self.value {
            Value::String(word) => visitor.visit_enum(IntoDeserializer::<Defect>::into_deserializer(word.as_str())),
            other => Err(Defect::new(
                "file.type",
                format!("expected a word, found {}", other.type_str()),
                format!("Write one of: {}", known.join(", ")),
            )),
        }
        .map_err(|d| d.at(&self.path))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}

/// Tries one part; what cannot be read is reported and becomes nothing.
struct Attempt<'a>(Node<'a>);

impl<'de> SeqAccess<'de> for Attempt<'_> {
    type Error = Defect;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Defect> {
        Ok(seed
            .deserialize(self.0.clone())
            .map_err(|defect| self.0.defects.borrow_mut().push(defect))
            .ok())
    }
}

struct Elements<'a> {
    parent: Node<'a>,
    values: &'a [Value],
    at: usize,
}

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = Defect;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Defect> {
        let Some(value) = self.values.get(self.at) else {
            return Ok(None);
        };
        let node = self.parent.child(value, self.parent.path.index(self.at));
        self.at += 1;
        seed.deserialize(node).map(Some)
    }
}

struct Fields<'a> {
    parent: Node<'a>,
    fields: Vec<(&'a String, &'a Value)>,
    at: usize,
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = Defect;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Defect> {
        match self.fields.get(self.at) {
            Some((key, _)) => seed.deserialize(key.as_str().into_deserializer()).map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Defect> {
        let Some((key, value)) = self.fields.get(self.at) else {
            return Err(de::Error::custom("a value was asked for where there is none"));
        };
        self.at += 1;
        seed.deserialize(self.parent.child(value, self.parent.path.key(key)))
    }
}
