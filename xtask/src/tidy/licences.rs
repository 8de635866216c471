//! Licences, sources and bans of everybody else's packages, by the lists of deny.toml.

use super::Finding;
use super::deny::Policy;
use super::facts::Foreign;
use super::spdx;

pub(crate) fn check(foreign: &[Foreign], policy: &Policy) -> Vec<Finding> {
    foreign.iter().flat_map(|package| of_package(package, policy)).collect()
}

fn of_package(package: &Foreign, policy: &Policy) -> Vec<Finding> {
    let place = format!("{} {}", package.name, package.version);
    let mut findings = Vec::new();
    if policy.banned.contains(&package.name) {
        findings.push(Finding::new(
            &place,
            "is banned by deny.toml; `cargo tree -i` says who brings it",
        ));
    }
    let registry = package
        .source
        .strip_prefix("registry+")
        .or_else(|| package.source.strip_prefix("sparse+"));
    if !registry.is_some_and(|registry| policy.registries.iter().any(|known| known == registry)) {
        findings.push(Finding::new(
            &place,
            format!("comes from {}, which deny.toml does not name", package.source),
        ));
    }
    let own = policy
        .exceptions
        .iter()
        .filter(|(name, _)| *name == package.name)
        .flat_map(|(_, licences)| licences);
    let allowed: Vec<&String> = policy.licences.iter().chain(own).collect();
    let licence = package.licence.as_deref().unwrap_or_default();
    match spdx::satisfied(licence, &|name| allowed.iter().any(|known| *known == name)) {
        Some(true) => {}
        Some(false) => findings.push(Finding::new(
            &place,
            format!("has the licence {licence}, which deny.toml does not allow"),
        )),
        None => findings.push(Finding::new(
            &place,
            format!("has a licence that cannot be read: `{licence}`"),
        )),
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::tidy::deny::Policy;
    use crate::tidy::facts::Foreign;

    fn found(name: &str, licence: Option<&str>, source: &str) -> usize {
        let policy = Policy {
            licences: vec!["MIT".to_owned()],
            exceptions: vec![("parser".to_owned(), vec!["LGPL-3.0".to_owned()])],
            banned: vec!["openssl-sys".to_owned()],
            registries: vec!["https://example.org/index".to_owned()],
        };
        let package = Foreign {
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            licence: licence.map(str::to_owned),
            source: source.to_owned(),
        };
        check(&[package], &policy).len()
    }

    #[test]
    fn packages() {
        let home = "registry+https://example.org/index";
        assert_eq!(found("serde", Some("MIT OR GPL-3.0"), home), 0);
        assert_eq!(found("serde", Some("GPL-3.0"), home), 1);
        assert_eq!(found("serde", None, home), 1);
        assert_eq!(found("parser", Some("LGPL-3.0"), home), 0);
        assert_eq!(found("other", Some("LGPL-3.0"), home), 1);
        assert_eq!(found("openssl-sys", Some("MIT"), home), 1);
        assert_eq!(found("serde", Some("MIT"), "registry+https://example.com/index"), 1);
        assert_eq!(found("serde", Some("MIT"), "git+https://example.org/index"), 1);
    }
}
