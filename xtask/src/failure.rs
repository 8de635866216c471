//! Why a command stopped, in words for the person who started it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why a command stopped.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A program that was started failed; its own output stands above.
    Program(xshell::Error),
    /// `cargo metadata` did not answer.
    Metadata(cargo_metadata::Error),
    /// A file or folder could not be read or written.
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// Something only the person can do; the text says what.
    Advice(String),
    /// `tidy` found so many things, all printed already.
    Untidy(usize),
}

impl Failure {
    /// For `map_err` on an operation on `path`.
    pub(crate) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |cause| Self::File { path, cause }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Program(cause) => write!(f, "{cause}"),
            Self::Metadata(cause) => {
                write!(
                    f,
                    "{cause}\nIf Cargo.lock is out of date, run `cargo check` once and commit it."
                )
            }
            Self::File { path, cause } => write!(f, "{}: {cause}", path.display()),
            Self::Advice(text) => f.write_str(text),
            Self::Untidy(1) => f.write_str("1 thing to tidy up, see above"),
            Self::Untidy(n) => write!(f, "{n} things to tidy up, see above"),
        }
    }
}

impl From<xshell::Error> for Failure {
    fn from(cause: xshell::Error) -> Self {
        Self::Program(cause)
    }
}

impl From<cargo_metadata::Error> for Failure {
    fn from(cause: cargo_metadata::Error) -> Self {
        Self::Metadata(cause)
    }
}
