//! Every package says what it is for, in its manifest and at the top of what it compiles, and keeps the workspace's lints.

use super::Finding;
use super::facts::Ours;

pub(crate) fn check(ours: &[Ours]) -> Vec<Finding> {
    ours.iter().flat_map(of_package).collect()
}

fn of_package(package: &Ours) -> Vec<Finding> {
    let mut findings = Vec::new();
    let description = package.description.as_deref().unwrap_or_default();
    if description.split_whitespace().count() < 3 {
        findings.push(Finding::new(
            &package.name,
            "needs a `description` in Cargo.toml: one sentence on what it is for",
        ));
    }
    if !keeps_lints(&package.manifest) {
        findings.push(Finding::new(
            &package.name,
            "needs `[lints]` with `workspace = true` in Cargo.toml",
        ));
    }
    for file in &package.roots {
        let first = file
            .text
            .lines()
            .find(|line| !line.trim().is_empty())
            .unwrap_or_default();
        let purpose = first.strip_prefix("//!").unwrap_or_default();
        // The shortest true one so far has two words: "The desktop program." has three.
        if purpose.split_whitespace().count() < 2 {
            findings.push(Finding::new(&file.path, "must begin with `//!` and what it is for"));
        }
    }
    findings
}

fn keeps_lints(manifest: &str) -> bool {
    let mut lines = manifest
        .lines()
        .map(str::trim)
        .skip_while(|line| *line != "[lints]")
        .skip(1);
    lines
        .find(|line| !line.is_empty() && !line.starts_with('#'))
        .is_some_and(|line| line.replace(' ', "") == "workspace=true")
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::tidy::facts::{Ours, TextFile};

    fn good() -> Ours {
        Ours {
            name: "timonel-judge".to_owned(),
            description: Some("Pure mathematics of decisions.".to_owned()),
            manifest: "[package]\nname = \"x\"\n\n[lints]\nworkspace = true\n".to_owned(),
            roots: vec![TextFile::new("src/lib.rs", "//! Pure mathematics of decisions.\n")],
            ..Ours::default()
        }
    }

    #[test]
    fn a_package_that_says_what_it_is_for_is_fine() {
        assert_eq!(check(&[good()]), []);
    }

    #[test]
    fn silence_is_found() {
        let check = |spoil: fn(&mut Ours)| {
            let mut package = good();
            spoil(&mut package);
            assert_eq!(check(&[package.clone()]).len(), 1, "{package:?}");
        };
        check(|p| p.description = None);
        check(|p| p.description = Some("TBD".to_owned()));
        check(|p| p.manifest = "[lints]\nworkspace = false\n".to_owned());
        check(|p| p.manifest = "[package]\n".to_owned());
        check(|p| p.roots = vec![TextFile::new("src/lib.rs", "use std::fmt;\n")]);
        check(|p| p.roots = vec![TextFile::new("src/lib.rs", "//! x\n")]);
    }
}
