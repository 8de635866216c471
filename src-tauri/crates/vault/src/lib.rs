//! Secrets without a desk: variables of the process, its memory, and one file that only its owner may read.
//!
//! For servers and containers, and for whoever has no keychain. Deliberately not here: the keychain (crate `desktop`), which
//! place goes before which (`bridge::credentials`), and encrypting the file: whoever may read it may read its key as well.

mod environment;
mod file;
mod session;

pub use environment::{ANY_TELNYX_KEY, Environment, variable};
pub use file::SecretsFile;
pub use session::Session;
