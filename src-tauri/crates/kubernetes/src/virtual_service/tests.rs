//! The pure half: objects in, patches out. The object is the shape of an Istio sample as an API server keeps it.

use json_patch::Patch;
use kube::core::DynamicObject;
use serde_json::json;
use timonel_domain::rollout::Generation;
use timonel_domain::value::Weight;

use super::object::changed_by;
use super::*;

fn destination(subset: &str) -> Destination {
    Destination {
        host: "ivr-agent".into(),
        subset: Some(subset.into()),
    }
}

fn spec() -> Spec {
    Spec {
        id: TargetId::new("mesh").unwrap(),
        namespace: "ivr".into(),
        name: "ivr-agent".into(),
        routes: vec!["primary".into()],
        stable: destination("stable"),
        canary: destination("canary"),
    }
}

fn live() -> Value {
    json!({
        "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
        "metadata": {
            "name": "ivr-agent", "namespace": "ivr", "resourceVersion": "480", "uid": "6c8431a7",
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"},
            "managedFields": [
                {"manager": "kubectl-client-side-apply", "operation": "Update", "apiVersion": "networking.istio.io/v1", "time": "2026-11-21T23:26:03Z",
                 "fieldsType": "FieldsV1", "fieldsV1": {"f:metadata": {"f:annotations": {}}, "f:spec": {".": {}, "f:hosts": {}}}},
                {"manager": "flux", "operation": "Update", "apiVersion": "networking.istio.io/v1", "time": "2026-11-21T23:27:31Z",
                 "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:http": {}}}},
                {"manager": "istiod", "operation": "Update", "apiVersion": "networking.istio.io/v1", "time": "2026-11-21T23:29:00Z",
                 "fieldsType": "FieldsV1", "fieldsV1": {"f:status": {}}, "subresource": "status"},
            ],
        },
        "spec": {"hosts": ["ivr-agent"], "http": [
            {"name": "pinned", "match": [{"headers": {"canary": {"exact": "true"}}}],
             "route": [{"destination": {"host": "ivr-agent", "subset": "canary"}}]},
            {"name": "primary", "match": [{"uri": {"prefix": "/texml"}}], "timeout": "5s", "retries": {"attempts": 2, "perTryTimeout": "2s"},
             "route": [
                {"destination": {"host": "ivr-agent", "subset": "stable"}, "weight": 95},
                {"destination": {"host": "ivr-agent", "subset": "canary"}, "weight": 5, "headers": {"request": {"add": {"x-canary": "1"}}}},
             ]},
            {"name": "fallback", "route": [{"destination": {"host": "ivr-agent", "subset": "stable"}}]},
        ]},
    })
}

fn snapshot_of(spec: &Spec, object: &Value) -> Result<Snapshot, NoSnapshot> {
    let object: DynamicObject = serde_json::from_value(object.clone()).unwrap();
    Snapshot::of(spec, "v1", &object)
}

fn generation(epoch: u64) -> Generation {
    Generation { epoch, revision: 0 }
}

fn raise(percent: u8, epoch: u64) -> Goal {
    Goal::raise(Weight::percent(percent), generation(epoch))
}

fn lower(percent: u8, epoch: u64) -> Goal {
    Goal::lower(Weight::percent(percent), generation(epoch))
}

fn plan(object: &Value, goal: &Goal) -> Result<Vec<Value>, TargetError> {
    patch::to_goal(&spec(), "x", &snapshot_of(&spec(), object).unwrap(), goal)
}

/// Plans, compares the patch, and gives the object that it makes.
#[track_caller]
fn check(object: &Value, goal: &Goal, expect: Value) -> Value {
    let ops = Value::Array(plan(object, goal).unwrap());
    assert_eq!(ops, expect, "got {ops:#}");
    let mut after = object.clone();
    json_patch::patch(&mut after, &serde_json::from_value::<Patch>(ops).unwrap()).unwrap();
    after
}

#[track_caller]
fn refused(object: &Value, goal: &Goal, code: &str, part: &str) {
    let error = plan(object, goal).unwrap_err();
    assert_eq!(error.code(), code, "{error}");
    assert!(error.to_string().contains(part), "`{error}` should contain `{part}`");
}

#[test]
fn a_lower_writes_both_weights_and_a_mark_and_nothing_else() {
    let after = check(
        &live(),
        &lower(0, 4),
        json!([
            {"op": "replace", "path": "/metadata/resourceVersion", "value": "480"},
            {"op": "test", "path": "/spec/http/1/name", "value": "primary"},
            {"op": "test", "path": "/spec/http/1/route/0/destination", "value": {"host": "ivr-agent", "subset": "stable"}},
            {"op": "test", "path": "/spec/http/1/route/1/destination", "value": {"host": "ivr-agent", "subset": "canary"}},
            {"op": "add", "path": "/spec/http/1/route/0/weight", "value": 100},
            {"op": "add", "path": "/spec/http/1/route/1/weight", "value": 0},
            {"op": "add", "path": "/metadata/annotations/timonel.dev~1rollback", "value": "4.0"},
        ]),
    );
    let mut expect = live();
    expect["spec"]["http"][1]["route"][0]["weight"] = json!(100);
    expect["spec"]["http"][1]["route"][1]["weight"] = json!(0);
    expect["metadata"]["annotations"][ROLLBACK_ANNOTATION] = json!("4.0");
    assert_eq!(after, expect);
}

#[test]
fn a_raise_of_a_later_generation_takes_the_mark_away() {
    let mut marked = live();
    marked["metadata"]["annotations"][ROLLBACK_ANNOTATION] = json!("4.0");
    refused(&marked, &raise(10, 4), "target.marked", "generation 4.0");
    let after = check(
        &marked,
        &raise(10, 5),
        json!([
            {"op": "replace", "path": "/metadata/resourceVersion", "value": "480"},
            {"op": "test", "path": "/spec/http/1/name", "value": "primary"},
            {"op": "test", "path": "/spec/http/1/route/0/destination", "value": {"host": "ivr-agent", "subset": "stable"}},
            {"op": "test", "path": "/spec/http/1/route/1/destination", "value": {"host": "ivr-agent", "subset": "canary"}},
            {"op": "add", "path": "/spec/http/1/route/0/weight", "value": 90},
            {"op": "add", "path": "/spec/http/1/route/1/weight", "value": 10},
            {"op": "remove", "path": "/metadata/annotations/timonel.dev~1rollback"},
            {"op": "add", "path": "/metadata/annotations/timonel.dev~1raised", "value": "5.0"},
        ]),
    );
    let snapshot = snapshot_of(&spec(), &after).unwrap();
    assert_eq!(
        (snapshot.weight(), snapshot.mark, snapshot.raised),
        (Weight::percent(10), None, Some(generation(5)))
    );
    refused(&after, &raise(20, 4), "target.refused", "another engine has the helm");
}

#[test]
fn a_map_of_annotations_is_made_where_there_is_none() {
    let mut bare = live();
    bare["metadata"].as_object_mut().unwrap().remove("annotations");
    for goal in [lower(0, 1), raise(7, 1)] {
        let ops = plan(&bare, &goal).unwrap();
        let at = ops
            .iter()
            .position(|op| *op == json!({"op": "add", "path": "/metadata/annotations", "value": {}}))
            .unwrap();
        assert_eq!(at, ops.len() - 2, "just before the annotation itself");
        json_patch::patch(
            &mut bare.clone(),
            &serde_json::from_value::<Patch>(Value::Array(ops)).unwrap(),
        )
        .unwrap();
    }
}

#[test]
fn weights_are_whole_percents_rounded_down() {
    let goal = Goal::raise(Weight::from_hundredths(1299).unwrap(), generation(1));
    let ops = plan(&live(), &goal).unwrap();
    let weights: Vec<_> = ops
        .iter()
        .filter(|op| op["path"].as_str().unwrap().ends_with("/weight"))
        .map(|op| &op["value"])
        .collect();
    assert_eq!(weights, [&json!(88), &json!(12)]);
}

#[test]
fn a_lower_never_raises_and_never_weakens_a_mark() {
    let mut marked = live();
    marked["metadata"]["annotations"][ROLLBACK_ANNOTATION] = json!("9.2");
    let ops = plan(&marked, &lower(50, 4)).unwrap();
    let value = |path: &str| ops.iter().find(|op| op["path"] == path).unwrap()["value"].clone();
    assert_eq!(value("/spec/http/1/route/1/weight"), json!(5));
    assert_eq!(value("/metadata/annotations/timonel.dev~1rollback"), json!("9.2"));
}

#[test]
fn a_mark_that_nobody_can_read_keeps_everybody_from_raising_and_nobody_from_lowering() {
    let mut odd = live();
    odd["metadata"]["annotations"][ROLLBACK_ANNOTATION] = json!("see ticket 12");
    refused(&odd, &raise(10, u64::MAX), "target.shape", "timonel.dev/rollback-");
    let ops = plan(&odd, &lower(0, 3)).unwrap();
    assert_eq!(ops.last().unwrap()["value"], "3.0");
}

#[test]
fn every_named_route_is_written_and_the_highest_weight_counts() {
    let mut object = live();
    let mut second = object["spec"]["http"][1].clone();
    second["name"] = json!("night");
    second["route"][0]["weight"] = json!(80);
    second["route"][1]["weight"] = json!(20);
    second["route"].as_array_mut().unwrap().reverse();
    object["spec"]["http"].as_array_mut().unwrap().push(second);
    let spec = Spec {
        routes: vec!["primary".into(), "night".into()],
        ..spec()
    };
    let snapshot = snapshot_of(&spec, &object).unwrap();
    assert_eq!(snapshot.weight(), Weight::percent(20));
    assert_eq!(snapshot.disagreement().unwrap(), "primary 5 %, night 20 %");
    let ops = Value::Array(patch::to_goal(&spec, "x", &snapshot, &lower(0, 1)).unwrap());
    json_patch::patch(&mut object, &serde_json::from_value::<Patch>(ops).unwrap()).unwrap();
    let after = snapshot_of(&spec, &object).unwrap();
    assert_eq!((after.weight(), after.disagreement()), (Weight::ZERO, None));
    assert_eq!(
        object["spec"]["http"][3]["route"][0]["weight"], 0,
        "the canary comes first in this one"
    );
}

#[test]
fn shares_are_what_istio_makes_of_the_weights() {
    let weight = |change: fn(&mut Value)| {
        let mut object = live();
        change(&mut object["spec"]["http"][1]["route"]);
        snapshot_of(&spec(), &object).unwrap().weight().hundredths()
    };
    assert_eq!(weight(|_| {}), 500);
    // Typed Go clients leave a zero out.
    assert_eq!(
        weight(|route| drop(route[1].as_object_mut().unwrap().remove("weight"))),
        0
    );
    assert_eq!(
        weight(|route| drop(route[0].as_object_mut().unwrap().remove("weight"))),
        10_000
    );
    assert_eq!(weight(|route| route[0]["weight"] = json!(5)), 5_000);
    assert_eq!(
        weight(|route| (route[0]["weight"], route[1]["weight"]) = (json!(2), json!(1))),
        3_334
    );
    assert_eq!(
        weight(|route| (route[0]["weight"], route[1]["weight"]) = (json!(0), json!(0))),
        10_000
    );
    assert_eq!(
        weight(|route| *route = json!([{"destination": {"host": "ivr-agent", "subset": "stable"}}])),
        0
    );
    assert_eq!(
        weight(|route| *route = json!([{"destination": {"host": "ivr-agent", "subset": "canary"}}])),
        10_000
    );
}

#[test]
fn hosts_are_the_same_in_short_and_in_full() {
    let mut object = live();
    for (seat, host) in [(0, "ivr-agent.ivr.svc.cluster.local"), (1, "ivr-agent.ivr")] {
        object["spec"]["http"][1]["route"][seat]["destination"]["host"] = json!(host);
    }
    assert_eq!(snapshot_of(&spec(), &object).unwrap().weight(), Weight::percent(5));
    object["spec"]["http"][1]["route"][1]["destination"]["host"] = json!("ivr-agent.other.svc.cluster.local");
    refused(&object, &raise(10, 1), "target.shape", "canary (ivr-agent/canary)");
}

/// What a user's own document shows: two entries with one destination each and the weight beside `route`.
#[test]
fn a_weight_beside_the_route_is_refused_with_what_to_write() {
    let mut object = live();
    object["spec"]["http"] = json!([
        {"match": [{"headers": {"canary": {"exact": "true"}}}], "route": [{"destination": {"host": "ivr-agent", "subset": "canary"}}], "weight": 10},
        {"name": "primary", "route": [{"destination": {"host": "ivr-agent", "subset": "stable"}}], "weight": 90},
    ]);
    refused(
        &object,
        &raise(10, 1),
        "target.shape",
        "  - destination: {host: ivr-agent, subset: canary}\n    weight: 0",
    );
    refused(&object, &raise(10, 1), "target.shape", "beside each `destination`");
    // An API server drops the unknown field, and leaves a route that has no canary at all.
    object["spec"]["http"][1].as_object_mut().unwrap().remove("weight");
    refused(
        &object,
        &raise(10, 1),
        "target.shape",
        "does not send calls to the canary",
    );
    let ops = plan(&object, &lower(0, 1)).unwrap();
    assert!(
        ops.iter().all(|op| !op["path"].as_str().unwrap().ends_with("/weight")),
        "closed already: only the mark is written"
    );
}

#[test]
fn shapes_that_cannot_hold_a_weight() {
    let mut third = live();
    let route = third["spec"]["http"][1]["route"].as_array_mut().unwrap();
    route.push(json!({"destination": {"host": "ivr-shadow"}, "weight": 0}));
    refused(&third, &lower(0, 1), "target.shape", "3 destinations");

    let mut unnamed = live();
    unnamed["spec"]["http"][1].as_object_mut().unwrap().remove("name");
    let Err(NoSnapshot::Shape(detail)) = snapshot_of(&spec(), &unnamed) else {
        panic!("a route that is not there has no weight")
    };
    assert!(
        detail.contains(r#"no `http` entry is named ["primary"]"#) && detail.contains("(without a name)"),
        "{detail}"
    );

    let mut other = live();
    other["kind"] = json!("Status");
    assert!(matches!(snapshot_of(&spec(), &other), Err(NoSnapshot::Garbled(_))));
}

#[test]
fn of_what_the_other_side_writes_people_read_the_beginning() {
    let said = beginning("ñ".repeat(LONGEST));
    assert_eq!((said.len(), said.chars().last()), (LONGEST + '…'.len_utf8(), Some('…')));
    assert_eq!(beginning("short".to_owned()), "short");
}

#[test]
fn who_changed_the_weights_last() {
    let object: DynamicObject = serde_json::from_value(live()).unwrap();
    assert_eq!(changed_by(&object.metadata).as_deref(), Some("flux"));
}

#[test]
fn manual_commands_name_what_they_need_and_hold_no_lock() {
    let snapshot = snapshot_of(&spec(), &live()).unwrap();
    let weights = patch::weights(&spec(), "x", &snapshot, |_| Weight::ZERO).unwrap();
    let commands = manual::commands(&spec(), &snapshot, weights, generation(4));
    assert_eq!(
        commands[0].line,
        "kubectl -n ivr patch virtualservices.networking.istio.io ivr-agent --type=json -p \
         '[{\"op\":\"test\",\"path\":\"/spec/http/1/name\",\"value\":\"primary\"},\
         {\"op\":\"test\",\"path\":\"/spec/http/1/route/0/destination\",\"value\":{\"host\":\"ivr-agent\",\"subset\":\"stable\"}},\
         {\"op\":\"test\",\"path\":\"/spec/http/1/route/1/destination\",\"value\":{\"host\":\"ivr-agent\",\"subset\":\"canary\"}},\
         {\"op\":\"add\",\"path\":\"/spec/http/1/route/0/weight\",\"value\":100},\
         {\"op\":\"add\",\"path\":\"/spec/http/1/route/1/weight\",\"value\":0}]' \
         && kubectl -n ivr annotate --overwrite virtualservices.networking.istio.io ivr-agent timonel.dev/rollback=4.0"
    );
    assert!(
        commands
            .iter()
            .all(|command| !command.line.contains("resourceVersion") && !command.line.contains('\n'))
    );
    assert!(
        commands[1].line.starts_with(": \"${TIMONEL_KUBE_API:?"),
        "{}",
        commands[1].line
    );
    assert!(commands[1].line.contains("--fail-with-body"));
}
