//! Which crate of ours may know which; ARCHITECTURE.md says why. Dev-dependencies count: a test that reaches
//! across says that two parts cannot be understood apart.

use std::collections::BTreeSet;

use super::Finding;
use super::facts::Ours;

/// Crate, and what it may name; what those may name it may name too.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("timonel-judge", &[]),
    ("timonel-domain", &["timonel-judge"]),
    ("timonel-plan", &["timonel-domain"]),
    ("timonel-wire", &["timonel-domain"]),
    ("timonel-journal", &["timonel-domain"]),
    ("timonel-ports", &["timonel-domain", "timonel-journal"]),
    ("timonel-engine", &["timonel-ports"]),
    ("timonel-model", &["timonel-domain", "timonel-journal"]),
    ("timonel-store", &["timonel-ports"]),
    ("timonel-http", &["timonel-ports"]),
    ("timonel-kubernetes", &["timonel-http"]),
    ("timonel-prometheus", &["timonel-http"]),
    ("timonel-telnyx", &["timonel-http"]),
    ("timonel-vault", &["timonel-ports"]),
    ("timonel-inbox", &["timonel-ports"]),
    ("timonel-desktop", &["timonel-ports"]),
    ("timonel-report", &["timonel-domain", "timonel-journal"]),
    ("timonel-simulator", &["timonel-plan", "timonel-ports"]),
    (
        "timonel-bridge",
        &[
            "timonel-desktop",
            "timonel-engine",
            "timonel-inbox",
            "timonel-kubernetes",
            "timonel-plan",
            "timonel-prometheus",
            "timonel-report",
            "timonel-simulator",
            "timonel-store",
            "timonel-telnyx",
            "timonel-vault",
            "timonel-wire",
        ],
    ),
    // The programs ask `bridge`; beside it they name only the plain types that its questions and answers are made of.
    (
        "timonel-ctl",
        &["timonel-bridge!", "timonel-plan", "timonel-ports", "timonel-wire"],
    ),
    (
        "timonel",
        &["timonel-bridge!", "timonel-plan", "timonel-ports", "timonel-wire"],
    ),
    ("timonel-testkit", &["timonel-ports"]),
    ("timonel-hostile", &[]),
    ("timonel-empty-window", &[]),
    // A bench may measure a part by itself; the engine it reaches as everybody does.
    (
        "timonel-bench",
        &[
            "timonel-bridge!",
            "timonel-plan",
            "timonel-prometheus",
            "timonel-simulator",
            "timonel-store",
            "timonel-wire",
        ],
    ),
    ("xtask", &[]),
];

/// Whose `tests/` may use the contract suites.
const TESTED_BY_CONTRACT: &[&str] = &[
    "timonel",
    "timonel-bridge",
    "timonel-desktop",
    "timonel-kubernetes",
    "timonel-prometheus",
    "timonel-store",
    "timonel-telnyx",
    "timonel-vault",
];

const BENCH: &str = "timonel-bench";

/// Without input and output, clock or logging.
const PURE: &[&str] = &[
    "timonel-judge",
    "timonel-domain",
    "timonel-plan",
    "timonel-journal",
    "timonel-wire",
    "timonel-report",
];
/// The shell, and the empty window that it is measured beside.
const WINDOWS: &[&str] = &["timonel", "timonel-empty-window"];
const IMPURE: &[&str] = &[
    "tokio",
    "tokio-util",
    "reqwest",
    "hyper",
    "axum",
    "kube",
    "sqlx",
    "tauri",
    "tracing",
    "tracing-subscriber",
];

pub(crate) fn check(ours: &[Ours]) -> Vec<Finding> {
    let names: BTreeSet<&str> = ours.iter().map(|package| package.name.as_str()).collect();
    ours.iter().flat_map(|package| of_package(package, &names)).collect()
}

fn of_package(package: &Ours, names: &BTreeSet<&str>) -> Vec<Finding> {
    let name = package.name.as_str();
    let found = |says: String| Finding::new(name, says);
    let Some(known) = may_know(name) else {
        return vec![found(
            "is new: say in xtask/src/tidy/directions.rs and in ARCHITECTURE.md which crates it may know".to_owned(),
        )];
    };
    let mut findings = Vec::new();
    for used in &package.uses {
        let other = used.name.as_str();
        if other == "timonel-testkit" {
            // A bench starts the same real programs as the tests.
            if name == BENCH {
                continue;
            }
            if !used.dev {
                findings.push(found(format!(
                    "may use {other} from its tests only: make it a dev-dependency"
                )));
            } else if !TESTED_BY_CONTRACT.contains(&name) {
                findings.push(found(format!(
                    "must not use {other}: only adapters, bridge and the shell are tested by contract"
                )));
            }
        } else if other == "timonel-hostile" {
            // It knows nothing of ours, so any crate's tests may use it.
            if !used.dev {
                findings.push(found(format!(
                    "may use {other} from its tests only: make it a dev-dependency"
                )));
            }
        } else if names.contains(other) && !known.contains(other) {
            let kind = if used.dev { " even in its tests" } else { "" };
            findings.push(found(format!(
                "must not depend on {other}{kind}: see the directions in ARCHITECTURE.md"
            )));
        }
        if PURE.contains(&name) && IMPURE.contains(&other) {
            findings.push(found(format!(
                "is pure and must not depend on {other}: time and data are arguments"
            )));
        }
        if !WINDOWS.contains(&name) && (other == "tauri" || other.starts_with("tauri-")) {
            findings.push(found(format!(
                "must not depend on {other}: only the shell knows the window"
            )));
        }
    }
    findings
}

/// All that a crate may name; `None` where nobody has said. A `!` at the end of a name keeps what that crate knows out.
fn may_know(name: &str) -> Option<BTreeSet<&'static str>> {
    let (_, direct) = MAY_KNOW.iter().find(|(crate_, _)| *crate_ == name)?;
    let mut all = BTreeSet::new();
    for other in *direct {
        if let Some(alone) = other.strip_suffix('!') {
            all.insert(alone);
        } else {
            all.insert(*other);
            all.extend(may_know(other).unwrap_or_default());
        }
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::{check, may_know};
    use crate::tidy::facts::{Ours, Use};

    fn package(name: &str, uses: &[(&str, bool)]) -> Ours {
        let uses = uses
            .iter()
            .map(|(name, dev)| Use {
                name: (*name).to_owned(),
                dev: *dev,
            })
            .collect();
        Ours {
            name: name.to_owned(),
            uses,
            ..Ours::default()
        }
    }

    /// What is said of a package with these dependencies (`true` is a dev-dependency) in a workspace with all the others.
    fn said(name: &str, uses: &[(&str, bool)]) -> Vec<String> {
        let others = super::MAY_KNOW
            .iter()
            .filter(|(other, _)| *other != name)
            .map(|(other, _)| package(other, &[]));
        let all: Vec<Ours> = others.chain([package(name, uses)]).collect();
        check(&all).into_iter().map(|finding| finding.says).collect()
    }

    #[test]
    fn what_is_allowed_is_not_said() {
        assert!(
            said(
                "timonel-engine",
                &[("timonel-ports", false), ("timonel-domain", false), ("tokio", false)]
            )
            .is_empty()
        );
        assert!(
            said(
                "timonel-kubernetes",
                &[("timonel-http", false), ("timonel-testkit", true)]
            )
            .is_empty()
        );
        assert!(said("timonel-ctl", &[("timonel-bridge", false), ("timonel-plan", false)]).is_empty());
        assert!(said("timonel", &[("tauri", false), ("tauri-build", false)]).is_empty());
    }

    #[test]
    fn what_is_not_allowed_is_said() {
        for (name, used, dev) in [
            ("timonel-kubernetes", "timonel-engine", false),
            ("timonel-kubernetes", "timonel-prometheus", true),
            ("timonel-prometheus", "timonel-simulator", true),
            ("timonel-simulator", "timonel-engine", false),
            ("timonel-ctl", "timonel-engine", false),
            ("timonel", "timonel-store", false),
            ("timonel-judge", "timonel-domain", true),
            ("timonel-domain", "tokio", true),
            ("timonel-journal", "tracing", false),
            ("timonel-bridge", "tauri", false),
            ("timonel-ctl", "tauri-build", false),
            ("timonel-store", "timonel-testkit", false),
            ("timonel-domain", "timonel-testkit", true),
            ("xtask", "timonel-domain", false),
        ] {
            assert_eq!(said(name, &[(used, dev)]).len(), 1, "{name} -> {used}");
        }
    }

    #[test]
    fn a_new_crate_has_to_be_placed() {
        assert_eq!(said("timonel-novelty", &[]).len(), 1);
    }

    #[test]
    fn only_the_bridge_may_know_the_engine() {
        let who: Vec<&str> = super::MAY_KNOW
            .iter()
            .map(|(name, _)| *name)
            .filter(|name| may_know(name).is_some_and(|known| known.contains("timonel-engine")))
            .collect();
        assert_eq!(who, ["timonel-bridge"]);
    }
}
