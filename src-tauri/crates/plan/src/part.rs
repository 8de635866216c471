//! A part of a file that can be wrong without hiding its neighbours' mistakes. Deliberately no reporting of its own: the
//! deserializer of `read` knows the name and does it.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};

/// The name by which [`Part`] tells the deserializer of this file that a failure is not the whole file's.
pub(crate) const PART: &str = "$timonel::part";

/// A part of a file that can be wrong without hiding its neighbours' mistakes. Empty where it was absent or unreadable.
#[derive(Debug, Clone, PartialEq)]
pub struct Part<T>(Option<T>);

impl<T> Part<T> {
    /// The part, where it was there and readable.
    pub fn get(&self) -> Option<&T> {
        self.0.as_ref()
    }
}

impl<T> Default for Part<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> From<T> for Part<T> {
    fn from(part: T) -> Self {
        Self(Some(part))
    }
}

impl<T> Part<T> {
    pub(crate) fn is_absent(&self) -> bool {
        self.0.is_none()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Part<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Parts<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Parts<T> {
            type Value = Part<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a part of a file")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut attempt: A) -> Result<Part<T>, A::Error> {
                attempt.next_element().map(Part)
            }
            fn visit_newtype_struct<D: Deserializer<'de>>(self, from: D) -> Result<Part<T>, D::Error> {
                T::deserialize(from).map(Part::from)
            }
        }
        from.deserialize_newtype_struct(PART, Parts(PhantomData))
    }
}

impl<T: Serialize> Serialize for Part<T> {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl<T: JsonSchema> JsonSchema for Part<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }
    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        T::json_schema(generator)
    }
}
