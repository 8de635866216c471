//! A sentence before it has a language: its code (a Fluent key) and what it is filled with.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::board::UnitName;

/// A sentence before it has a language.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct Sentence {
    /// The key of the sentence in the catalogues.
    pub code: String,
    /// What it is filled with, by the name of the place; formatted by whoever speaks.
    pub args: BTreeMap<String, Arg>,
}

impl Sentence {
    /// A sentence without arguments.
    pub fn new(code: &str) -> Self {
        Self {
            code: code.to_owned(),
            args: BTreeMap::new(),
        }
    }

    /// The same with one place filled.
    #[must_use]
    pub fn with(mut self, name: &str, arg: Arg) -> Self {
        self.args.insert(name.to_owned(), arg);
        self
    }
}

/// What a place of a sentence is filled with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", content = "value", rename_all = "kebab-case")]
pub enum Arg {
    /// A name or another's words, as they are.
    Text(String),
    /// How many.
    Count(u64),
    /// A weight in hundredths of a percent.
    Weight(u16),
    /// A value of a metric.
    Value {
        /// In the metric's unit.
        number: f64,
        /// Which that is.
        unit: UnitName,
    },
    /// A duration in milliseconds.
    Millis(u64),
    /// A number in tenths, where the sentence names the unit itself.
    Tenths(u64),
    /// A time in milliseconds since 1970 in UTC.
    Time(i64),
    /// Another sentence.
    Sentence(Box<Sentence>),
    /// Several, to be joined as the language joins a list.
    Sentences(Vec<Sentence>),
}

impl Arg {
    /// A name or another's words.
    pub fn text(text: impl ToString) -> Self {
        Arg::Text(text.to_string())
    }

    /// A sentence within the sentence.
    pub fn sentence(sentence: Sentence) -> Self {
        Arg::Sentence(Box::new(sentence))
    }
}
