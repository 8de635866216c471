//! From a snapshot and a goal to the one JSON patch that reaches it. Pure.
//!
//! A patch is locked by the resourceVersion of the reading (the API server answers 409 where anybody wrote in
//! between), tests what sits at each index before it writes there, and writes nothing but weights and our two annotations.
//! A merge patch would replace whole lists; server-side apply would claim all of `spec.http`.

use serde_json::{Value, json};
use timonel_domain::rollout::Generation;
use timonel_domain::value::Weight;
use timonel_ports::target::{Goal, TargetError};

use super::object::{Route, Seat, Snapshot, UNREADABLE};
use super::{Destination, GRAIN, RAISED_ANNOTATION, ROLLBACK_ANNOTATION, Spec};

/// The operations that take a snapshot to a goal, with their lock.
pub(super) fn to_goal(spec: &Spec, place: &str, snapshot: &Snapshot, goal: &Goal) -> Result<Vec<Value>, TargetError> {
    let mut patch =
        vec![json!({"op": "replace", "path": "/metadata/resourceVersion", "value": snapshot.resource_version})];
    let annotations = match goal {
        Goal::Raise { to, generation, .. } => {
            may_raise(spec, place, snapshot, *generation)?;
            patch.extend(weights(spec, place, snapshot, |_| *to)?);
            raised(snapshot, *generation)
        }
        Goal::Lower { to, generation, .. } => {
            // What is below the goal already is somebody's rollback and stays there.
            patch.extend(weights(spec, place, snapshot, |route| (*to).min(route.share))?);
            vec![
                json!({"op": "add", "path": pointer(ROLLBACK_ANNOTATION), "value": mark(snapshot, *generation).to_string()}),
            ]
        }
    };
    if !snapshot.annotated {
        patch.push(json!({"op": "add", "path": "/metadata/annotations", "value": {}}));
    }
    patch.extend(annotations);
    Ok(patch)
}

/// The operations that write what a snapshot already has, without lock or mark: for trying rights and webhooks.
pub(super) fn to_itself(spec: &Spec, place: &str, snapshot: &Snapshot) -> Result<Vec<Value>, TargetError> {
    weights(spec, place, snapshot, |route| route.share)
}

/// Tests and weights of the named routes; all tests come first.
pub(super) fn weights(
    spec: &Spec,
    place: &str,
    snapshot: &Snapshot,
    to: impl Fn(&Route) -> Weight,
) -> Result<Vec<Value>, TargetError> {
    let (mut tests, mut writes) = (Vec::new(), Vec::new());
    for route in &snapshot.routes {
        let percent = to(route).floor_to(GRAIN).hundredths() / GRAIN;
        let http = format!("/spec/http/{}", route.index);
        tests.push(json!({"op": "test", "path": format!("{http}/name"), "value": route.name}));
        for (seat, weight) in seats(spec, place, route, percent)? {
            let way = format!("{http}/route/{}", seat.index);
            tests.push(json!({"op": "test", "path": format!("{way}/destination"), "value": seat.destination}));
            writes.push(json!({"op": "add", "path": format!("{way}/weight"), "value": weight}));
        }
    }
    tests.append(&mut writes);
    Ok(tests)
}

/// Which seats of a route get which weight; an error where the route cannot be split as the plan says.
fn seats<'a>(spec: &Spec, place: &str, route: &'a Route, percent: u16) -> Result<Vec<(&'a Seat, u16)>, TargetError> {
    let shape = |what: String| {
        let detail = format!(
            "route `{}` {what}. Write it as\n{}",
            route.name,
            example(spec, &route.name)
        );
        Err(TargetError::Shape {
            place: place.to_owned(),
            detail,
        })
    };
    if route.misplaced_weight {
        return shape(
            "has a `weight` beside `route`, where Istio ignores it: the weight belongs beside each `destination`"
                .into(),
        );
    }
    match (&route.stable, &route.canary) {
        // All of it is stable's: closed, and it stays untouched.
        (Some(_), None) if route.destinations == 1 && percent == 0 => Ok(Vec::new()),
        (Some(stable), Some(canary)) if route.destinations == 2 => Ok(vec![(stable, 100 - percent), (canary, percent)]),
        (Some(_), Some(_)) => shape(format!(
            "has {} destinations, and Timonel weighs two",
            route.destinations
        )),
        (None, _) => shape(format!("does not send calls to stable ({})", spec.stable)),
        (Some(_), None) => shape(format!("does not send calls to the canary ({})", spec.canary)),
    }
}

fn may_raise(spec: &Spec, place: &str, snapshot: &Snapshot, generation: Generation) -> Result<(), TargetError> {
    let place = place.to_owned();
    match (snapshot.mark, snapshot.raised) {
        (Some(UNREADABLE), _) | (_, Some(UNREADABLE)) => {
            let detail = format!(
                "one of its annotations {ROLLBACK_ANNOTATION} and {RAISED_ANNOTATION} holds something that Timonel did not write. \
                 When nobody is rolling back, remove both: kubectl -n {} annotate virtualservices.networking.istio.io {} \
                 {ROLLBACK_ANNOTATION}- {RAISED_ANNOTATION}-",
                spec.namespace, spec.name
            );
            Err(TargetError::Shape { place, detail })
        }
        (Some(mark), _) if mark >= generation => Err(TargetError::Marked { place, mark }),
        (_, Some(raised)) if raised > generation => {
            let detail = format!(
                "generation {raised} has raised it already, and this is {generation}: another engine has the helm"
            );
            Err(TargetError::Refused { place, detail })
        }
        (_, _) => Ok(()),
    }
}

fn raised(snapshot: &Snapshot, generation: Generation) -> Vec<Value> {
    let mut ops = Vec::new();
    if snapshot.mark.is_some() {
        ops.push(json!({"op": "remove", "path": pointer(ROLLBACK_ANNOTATION)}));
    }
    ops.push(json!({"op": "add", "path": pointer(RAISED_ANNOTATION), "value": generation.to_string()}));
    ops
}

/// A mark is never put back to an earlier generation.
fn mark(snapshot: &Snapshot, generation: Generation) -> Generation {
    match snapshot.mark {
        Some(mark) if mark != UNREADABLE => mark.max(generation),
        Some(_) | None => generation,
    }
}

fn pointer(annotation: &str) -> String {
    format!(
        "/metadata/annotations/{}",
        annotation.replace('~', "~0").replace('/', "~1")
    )
}

/// What a route should look like, in YAML.
fn example(spec: &Spec, name: &str) -> String {
    let way = |to: &Destination, weight: u8| {
        let subset = to
            .subset
            .as_ref()
            .map(|subset| format!(", subset: {subset}"))
            .unwrap_or_default();
        format!("  - destination: {{host: {}{subset}}}\n    weight: {weight}", to.host)
    };
    format!(
        "- name: {name}\n  route:\n{}\n{}",
        way(&spec.stable, 100),
        way(&spec.canary, 0)
    )
}
