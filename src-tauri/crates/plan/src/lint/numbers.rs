//! Shares of numbers: two applications, numbers that belong to one tenant each, and signals that look at the same
//! applications as the target.

use std::collections::BTreeMap;

use crate::convert::{Converted, parts};
use crate::finding::Findings;
use crate::model::{PlanFile, RoleWord, TargetFile, UnitWord};
use crate::parsed::{NumberShareConfig, Query, TargetConfig, Way};
use crate::place::Path;

use super::paired;

pub(super) fn check(file: &PlanFile, converted: &Converted, out: &mut Findings) {
    let pairs = paired(parts(&file.targets, "targets"), &converted.parsed.targets, |a, b| {
        a.id == b.id.as_str()
    });
    let shares: Vec<(Path, &TargetFile, &NumberShareConfig)> = pairs
        .into_iter()
        .filter_map(|(path, written, target)| Some((path, written, share(target)?)))
        .collect();
    applications(&shares, out);
    unit(file, &shares, out);
    numbers(file, &shares, out);
    arms(file, converted, &shares, out);
    pins(file, converted, out);
}

fn share(target: &TargetConfig) -> Option<&NumberShareConfig> {
    match &target.way {
        Way::NumberShare(share) => Some(share),
        Way::VirtualService(_) => None,
    }
}

/// Two that write the same application would undo each other: each takes the other's numbers for somebody else's doing.
fn applications(shares: &[(Path, &TargetFile, &NumberShareConfig)], out: &mut Findings) {
    let mut written: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    for (path, target, share) in shares {
        if share.stable == share.canary {
            out.error(
                &path.key("canary"),
                "target.destinations",
                "stable and canary are the same application",
                "Write the id of the new version's application",
            );
        }
        for (key, application) in [("stable", &share.stable), ("canary", &share.canary)] {
            let other = written.insert((&share.account, application), &target.id);
            if let Some(other) = other.filter(|other| *other != target.id) {
                out.error(
                    &path.key(key),
                    "target.same-application",
                    format!("`{other}` moves numbers of the same application"),
                    "Let one target hold each application; put what they share into one",
                );
            }
        }
    }
}

fn unit(file: &PlanFile, shares: &[(Path, &TargetFile, &NumberShareConfig)], out: &mut Findings) {
    let splits = |target: &TargetFile| target.role == RoleWord::Splitter;
    if file.unit != UnitWord::Number
        && let Some((path, target, _)) = shares.iter().find(|(_, target, _)| splits(target))
    {
        // Not at `unit`, which may not be written.
        out.warning(
            &path.key("role"),
            "plan.unit",
            format!(
                "`{}` moves whole numbers, so that all calls to a number share its arm, and the plan's unit is another",
                target.id
            ),
            "Write `unit = \"number\"` at the head of the plan",
        );
    }
}

/// A number that two claim would be pinned for one and moved for the other.
fn numbers(file: &PlanFile, shares: &[(Path, &TargetFile, &NumberShareConfig)], out: &mut Findings) {
    let mut claimed: BTreeMap<&str, String> = BTreeMap::new();
    for (path, tenant) in parts(&file.tenants, "tenants") {
        for (index, number) in tenant.numbers.iter().enumerate() {
            if let Some(other) = claimed.insert(number, format!("`{}`", tenant.id)) {
                out.error(
                    &path.key("numbers").index(index),
                    "tenant.number-twice",
                    format!("`{number}` already belongs to {other}"),
                    "Let each number stand once in one tenant",
                );
            }
        }
    }
    for (path, target, share) in shares {
        let mut seen: BTreeMap<&str, ()> = BTreeMap::new();
        for (index, number) in share.except.iter().enumerate() {
            let owner = claimed.get(number.as_str());
            let twice = seen.insert(number, ()).is_some();
            let message = match (owner, twice) {
                (Some(owner), _) => format!("`{number}` belongs to {owner}, and `{}` never moves it", target.id),
                (None, true) => format!("`{number}` stands here twice"),
                (None, false) => continue,
            };
            out.error(
                &path.key("except").index(index),
                "tenant.number-twice",
                message,
                "Take it out of one of the two; a tenant that must stay on stable says `pinned = true`",
            );
        }
    }
}

/// A signal with its arms exchanged would roll back a sound canary and keep a broken one.
fn arms(
    file: &PlanFile,
    converted: &Converted,
    shares: &[(Path, &TargetFile, &NumberShareConfig)],
    out: &mut Findings,
) {
    let parsed = &converted.parsed;
    let written = paired(parts(&file.signals, "signals"), &parsed.signals, |a, b| {
        a.id == b.id.as_str()
    });
    for (path, _, signal) in written {
        let connections: Vec<&str> = signal
            .queries
            .iter()
            .filter_map(|query| match &query.query {
                Query::Records { connection, .. } => connection.as_deref(),
                Query::Ratio { .. } | Query::Distribution { .. } | Query::Count { .. } | Query::Level { .. } => None,
            })
            .collect();
        let ([stable, canary], Some(source)) = (
            connections.as_slice(),
            parsed.sources.iter().find(|s| s.name == signal.source),
        ) else {
            continue;
        };
        let held: Vec<&NumberShareConfig> = shares
            .iter()
            .map(|(_, _, share)| *share)
            .filter(|share| Some(&share.account) == source.account.as_ref())
            // A target without two applications is told of by itself, and nobody should copy what it says.
            .filter(|share| share.stable != share.canary)
            .filter(|share| ![&share.stable, &share.canary].iter().any(|id| id.trim().is_empty()))
            .collect();
        if let Some(first) = held.first()
            && !held
                .iter()
                .any(|share| share.stable == *stable && share.canary == *canary)
        {
            out.error(
                &path.key("arms"),
                "signal.arms-apart",
                format!(
                    "these are not stable and canary of a target on account `{}`",
                    first.account
                ),
                format!(
                    "Write `arms = {{ stable = \"{}\", canary = \"{}\" }}`",
                    first.stable, first.canary
                ),
            );
        }
    }
}

fn pins(file: &PlanFile, converted: &Converted, out: &mut Findings) {
    // What could not be read may be the target that pins.
    if converted.partial.targets
        || file
            .targets
            .iter()
            .any(|part| part.get().is_some_and(|target| target.pins))
    {
        return;
    }
    for (path, tenant) in parts(&file.tenants, "tenants").filter(|(_, tenant)| tenant.pinned) {
        out.error(
            &path.key("pinned"),
            "tenant.pinned",
            format!("no target can keep `{}` on stable", tenant.id),
            "Write `pins = true` in the target that moves its numbers, or take `pinned` out",
        );
    }
}
