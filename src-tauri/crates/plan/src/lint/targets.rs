//! Targets: one splitter on a call path, and the manifests' excerpts that people paste, with the users' own mistake of
//! a weight beside `route`.

use std::collections::BTreeMap;

use timonel_domain::plan::Role;
use toml::Value;

use crate::convert::{Converted, parts};
use crate::finding::Findings;
use crate::model::{PlanFile, RoleWord, TargetFile};
use crate::parsed::{Destination, VirtualServiceConfig, Way};
use crate::place::Path;

use super::paired;

pub(super) fn check(file: &PlanFile, converted: &Converted, out: &mut Findings) {
    splitters(file, converted, out);
    let mut written: BTreeMap<(&str, &str, &str, &str), &str> = BTreeMap::new();
    let pairs = paired(parts(&file.targets, "targets"), &converted.parsed.targets, |a, b| {
        a.id == b.id.as_str()
    });
    for (path, target, config) in pairs {
        let Way::VirtualService(way) = &config.way else {
            continue;
        };
        if way.routes.is_empty() {
            out.error(
                &path.key("routes"),
                "target.routes",
                "no route is named, so no weight is written",
                "Write the names of the routes: `routes = [\"casos\"]`, and give them `name` in the VirtualService",
            );
        }
        if way.stable == way.canary {
            out.error(
                &path.key("canary"),
                "target.destinations",
                "stable and canary are the same destination",
                "Write the subset or host of the new version",
            );
        }
        for (index, route) in way.routes.iter().enumerate() {
            let key = (
                way.cluster.as_str(),
                way.namespace.as_str(),
                way.name.as_str(),
                route.as_str(),
            );
            if let Some(other) = written.insert(key, &target.id) {
                out.error(
                    &path.key("routes").index(index),
                    "target.same-route",
                    format!("`{other}` writes the same route"),
                    "Let one target write each route",
                );
            }
        }
        if let Some(http) = &target.http {
            excerpt(way, http, &path.key("http"), out);
        }
    }
}

fn splitters(file: &PlanFile, converted: &Converted, out: &mut Findings) {
    if file.targets.is_empty() {
        out.error(
            &Path::root().key("targets"),
            "target.none",
            "the plan has no targets",
            "Add [[targets]] with `role = \"splitter\"`",
        );
        return;
    }
    let splitters: Vec<(Path, &TargetFile)> = parts(&file.targets, "targets")
        .filter(|(_, t)| t.role == RoleWord::Splitter)
        .collect();
    let Some(((_, first), others)) = splitters.split_first() else {
        if !converted.partial.targets && !converted.parsed.plan.targets.iter().any(|t| t.role == Role::Splitter) {
            out.error(
                &Path::root().key("targets").index(0).key("role"),
                "target.no-splitter",
                "no target divides the traffic",
                "Write `role = \"splitter\"` in the one that does",
            );
        }
        return;
    };
    for (path, other) in others {
        let path = path.key("role");
        if other.call_path == first.call_path {
            let message = format!(
                "`{}` and `{}` both split `{}`: fetches of one call would land on different versions",
                first.id, other.id, other.call_path
            );
            out.error(
                &path,
                "target.two-on-one-path",
                message,
                "Write `role = \"follower\"`: it opens before the splitter and closes after it",
            );
        } else {
            let message = format!(
                "`{}` already splits: arm and weight of a rollout have one source",
                first.id
            );
            out.error(
                &path,
                "target.two-splitters",
                message,
                "Write `role = \"follower\"`, or put the other call path into a plan of its own",
            );
        }
    }
}

/// The pasted `spec.http` against what the target is going to write.
fn excerpt(target: &VirtualServiceConfig, http: &Value, path: &Path, out: &mut Findings) {
    let Some(routes) = http.as_array() else {
        out.error(
            path,
            "target.http",
            "this is not the `http` list of a VirtualService",
            "Write `http = [{ name = \"casos\", route = [ … ] }]`",
        );
        return;
    };
    let mut names = Vec::new();
    for (index, entry) in routes.iter().enumerate() {
        let path = path.index(index);
        let name = entry.get("name").and_then(Value::as_str);
        names.extend(name);
        let Some(list) = entry.get("route").and_then(Value::as_array) else {
            if entry.get("weight").is_some() {
                beside_route(target, &path, out);
            }
            continue;
        };
        if entry.get("weight").is_some() {
            beside_route(target, &path, out);
            continue;
        }
        if name.is_some_and(|name| target.routes.iter().any(|r| r == name)) {
            split(target, list, &path.key("route"), out);
        }
    }
    for (index, route) in target.routes.iter().enumerate() {
        if !names.contains(&route.as_str()) {
            out.error(
                &path.clone(),
                "target.route-unnamed",
                format!("no entry of `http` has the name `{route}` (routes[{index}])"),
                format!("Give the route that is to be split `name = \"{route}\"`"),
            );
        }
    }
}

/// Seed 002 wrote it so, and Istio ignores it: each route would take all of its traffic.
fn beside_route(target: &VirtualServiceConfig, path: &Path, out: &mut Findings) {
    let entry = |to: &Destination, weight: u8| match &to.subset {
        Some(subset) => format!(
            "{{ destination = {{ host = \"{}\", subset = \"{subset}\" }}, weight = {weight} }}",
            to.host
        ),
        None => format!("{{ destination = {{ host = \"{}\" }}, weight = {weight} }}", to.host),
    };
    out.error(
        &path.key("weight"),
        "target.weight-beside-route",
        "a weight beside `route` divides nothing: it belongs to each destination inside `route`, both in one route",
        format!(
            "Write `route = [{}, {}]` and no weight beside it",
            entry(&target.stable, 100),
            entry(&target.canary, 0)
        ),
    );
}

fn split(target: &VirtualServiceConfig, list: &[Value], path: &Path, out: &mut Findings) {
    let is = |entry: &Value, to: &Destination| {
        let destination = entry.get("destination");
        let text = |key: &str| destination.and_then(|d| d.get(key)).and_then(Value::as_str);
        text("host") == Some(to.host.as_str()) && text("subset") == to.subset.as_deref()
    };
    for (role, to) in [("stable", &target.stable), ("canary", &target.canary)] {
        if !list.iter().any(|entry| is(entry, to)) {
            let subset = to
                .subset
                .as_deref()
                .map(|s| format!(", subset {s}"))
                .unwrap_or_default();
            out.error(
                path,
                "target.destination-missing",
                format!("the {role} destination (host {}{subset}) is not in this route", to.host),
                "Add it with its weight; a follower or splitter at 0 % has it with `weight = 0`",
            );
        }
    }
    if list.len() > 2 {
        out.error(
            path,
            "target.destinations",
            "Timonel divides between two destinations, and this route has more",
            "Split off the others into a route of their own",
        );
    }
    let weights: Vec<i64> = list
        .iter()
        .map(|entry| entry.get("weight").and_then(Value::as_integer).unwrap_or(0))
        .collect();
    if weights.iter().any(|w| !(0..=100).contains(w))
        || weights.iter().fold(0i64, |sum, w| sum.saturating_add(*w)) != 100
    {
        out.error(
            path,
            "target.weights-sum",
            "the weights of this route do not add up to 100",
            "Write whole percents that do, such as 100 and 0",
        );
    }
}
