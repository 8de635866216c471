//! Why something was not done, without a language.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::sentence::Sentence;

/// Why a question was not answered or an order not taken: `code` is a Fluent key that also says what to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct WireError(pub Sentence);

impl WireError {
    /// The error of a code without arguments.
    pub fn new(code: &str) -> Self {
        Self(Sentence::new(code))
    }
}

impl std::fmt::Display for WireError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.code)
    }
}

impl std::error::Error for WireError {}

impl From<Sentence> for WireError {
    fn from(sentence: Sentence) -> Self {
        Self(sentence)
    }
}
