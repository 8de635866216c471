//! `tidy`: the rules of the code base that no compiler knows.
//!
//! Each check is a function from data to findings, so that its tests can show it failing; reading the data is `facts`.

mod deny;
mod directions;
mod facts;
mod features;
mod imports;
mod licences;
mod machine;
mod purpose;
mod spdx;
mod texts;

use xshell::cmd;

use crate::checkout::{Checkout, on_path};
use crate::failure::Failure;

/// Something to tidy up: where, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// A file of the checkout, or a package.
    pub(crate) place: String,
    /// What is wrong and what to do.
    pub(crate) says: String,
}

impl Finding {
    pub(crate) fn new(place: impl Into<String>, says: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            says: says.into(),
        }
    }
}

pub(crate) fn tidy(here: &Checkout) -> Result<(), Failure> {
    let facts = facts::gather(here)?;
    let policy = deny::Policy::read(&facts.text_of("deny.toml"));
    let findings = [
        directions::check(&facts.ours),
        purpose::check(&facts.ours),
        features::check(&facts.ours),
        licences::check(&facts.foreign, &policy),
        imports::check(&facts.files),
        texts::check(&facts.files),
        machine::check(
            &facts.files,
            &machine::needles(&here.root, std::env::var("HOME").ok().as_deref()),
        ),
    ]
    .concat();
    for finding in &findings {
        eprintln!("{}: {}", finding.place, finding.says);
    }
    if on_path("cargo-deny").is_some() {
        cmd!(here.sh, "cargo deny --log-level error check bans licenses sources").run()?;
    }
    if findings.is_empty() {
        Ok(())
    } else {
        Err(Failure::Untidy(findings.len()))
    }
}
