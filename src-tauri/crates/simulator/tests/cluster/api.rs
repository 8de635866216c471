//! Locks, no-ops, generations, owners of fields, selectors: what a client builds on without seeing a refusal.

use serde_json::{Value, json};
use timonel_ports::clock::Clock;
use timonel_ports::task::spawn;

use super::client::{JSON_PATCH, MERGE_PATCH, STRATEGIC, Stage, VS, VSS, on_stage, shift, weights};

const DEPLOYMENT: &str = "/apis/apps/v1/namespaces/ivr/deployments/ivr-agent-blue";
const SERVICE: &str = "/api/v1/namespaces/ivr/services/ivr-agent";

/// Five writers at once, all from the same read.
async fn race(stage: &Stage, locked: bool) -> Vec<u16> {
    let version = stage.get(VS).await.json()["metadata"]["resourceVersion"].clone();
    let racers: Vec<_> = (1..=5)
        .map(|canary| {
            let (stage, version) = (stage.clone(), version.clone());
            spawn(&stage.clock.shared(), async move {
                let mut patch: Vec<Value> = serde_json::from_str(&shift(100 - canary * 10, canary * 10)).unwrap();
                if locked {
                    patch.insert(
                        0,
                        json!({"op": "replace", "path": "/metadata/resourceVersion", "value": version}),
                    );
                }
                stage.patch(VS, JSON_PATCH, &Value::Array(patch).to_string()).await.code
            })
        })
        .collect();
    let mut codes = Vec::new();
    for racer in racers {
        codes.push(racer.join().await.unwrap());
    }
    codes.sort_unstable();
    codes
}

#[test]
fn of_five_locked_patches_one_wins() {
    on_stage(1, |stage| async move {
        assert_eq!(race(&stage, true).await, [200, 409, 409, 409, 409]);
        assert_eq!(race(&stage, false).await, [200; 5]);
    });
}

#[test]
fn races_end_the_same_in_every_run() {
    let outcome = |seed| {
        on_stage(seed, |stage| async move {
            race(&stage, true).await;
            (stage.get(VS).await.weights(), stage.clock.mono())
        })
    };
    let first = outcome(7);
    assert!(
        (0..5).all(|_| outcome(7) == first),
        "the runtime's haste decided the race"
    );
    assert!((8..16).any(|seed| outcome(seed) != first), "the seed decides nothing");
}

#[test]
fn a_replace_on_an_absent_weight_adds_it() {
    on_stage(2, |stage| async move {
        let remove = json!([{"op": "remove", "path": "/spec/http/0/route/1/weight"}]).to_string();
        assert_eq!(stage.patch(VS, JSON_PATCH, &remove).await.weights(), [95, 0]);
        let replace = json!([{"op": "replace", "path": "/spec/http/0/route/1/weight", "value": 5}]).to_string();
        assert_eq!(stage.patch(VS, JSON_PATCH, &replace).await.weights(), [95, 5]);
    });
}

#[test]
fn a_no_op_keeps_version_and_generation() {
    on_stage(3, |stage| async move {
        let before = stage.get(VS).await;
        assert_eq!(stage.patch(VS, JSON_PATCH, &shift(95, 5)).await.json(), before.json());
        let dry = stage
            .patch(&format!("{VS}?dryRun=All"), JSON_PATCH, &shift(50, 50))
            .await;
        assert_eq!(dry.weights(), [50, 50]);
        assert_eq!(
            dry.json()["metadata"]["resourceVersion"],
            before.json()["metadata"]["resourceVersion"]
        );
        assert_eq!(stage.get(VS).await.json(), before.json());
    });
}

#[test]
fn the_generation_follows_the_spec_and_the_status_is_apart() {
    on_stage(4, |stage| async move {
        let generation = |object: &Value| object["metadata"]["generation"].as_i64().unwrap();
        let status = json!({"status": {"observed": 1}}).to_string();
        let ignored = stage.patch(VS, MERGE_PATCH, &status).await;
        assert_eq!((ignored.code, &ignored.json()["status"]), (200, &Value::Null));
        let both = json!({"status": {"observed": 1}, "spec": {"hosts": ["other"]}}).to_string();
        let done = stage.patch(&format!("{VS}/status"), MERGE_PATCH, &both).await.json();
        assert_eq!(
            (&done["status"], &done["spec"]["hosts"]),
            (&json!({"observed": 1}), &json!(["ivr-agent"]))
        );
        assert_eq!(generation(&done), 1);
        let labelled = stage
            .patch(
                VS,
                MERGE_PATCH,
                &json!({"metadata": {"labels": {"x": "y"}}}).to_string(),
            )
            .await
            .json();
        assert_eq!(generation(&labelled), 1);
        assert_ne!(
            labelled["metadata"]["resourceVersion"],
            done["metadata"]["resourceVersion"]
        );
        let shifted = stage.patch(VS, JSON_PATCH, &shift(90, 10)).await.json();
        assert_eq!((generation(&shifted), &shifted["status"]), (2, &json!({"observed": 1})));
    });
}

#[test]
fn managed_fields_say_who_moved_the_weights() {
    on_stage(5, |stage| async move {
        let owner = |object: &Value| {
            let entries = object["metadata"]["managedFields"].as_array().unwrap().clone();
            let mut owners = entries.iter().filter(|e| !e["fieldsV1"]["f:spec"]["f:http"].is_null());
            let owner = owners.next().unwrap()["manager"].as_str().unwrap().to_owned();
            assert_eq!(owners.next(), None);
            owner
        };
        assert_eq!(owner(&stage.get(VS).await.json()), "kubectl-create");
        assert_eq!(owner(&stage.patch(VS, JSON_PATCH, &shift(90, 10)).await.json()), "test");
        let named = stage
            .patch(&format!("{VS}?fieldManager=timonel"), JSON_PATCH, &shift(100, 0))
            .await
            .json();
        assert_eq!(owner(&named), "timonel");
        let drift = stage
            .cluster
            .write_as("argocd", VS, serde_json::from_str(&shift(95, 5)).unwrap())
            .unwrap();
        assert_eq!((owner(&drift).as_str(), weights(&drift)), ("argocd", vec![95, 5]));
        let time = drift["metadata"]["managedFields"][1]["time"].as_str().unwrap();
        assert!(time.starts_with("2026-11-21T23:26:03") && time.ends_with('Z'), "{time}");
    });
}

#[test]
fn strategic_merge_keeps_ports_and_a_merge_patch_drops_them() {
    on_stage(6, |stage| async move {
        let patch =
            json!({"spec": {"template": {"spec": {"containers": [{"name": "agent", "image": "x:2"}]}}}}).to_string();
        let container = |object: Value| object["spec"]["template"]["spec"]["containers"][0].clone();
        let kept = container(stage.patch(DEPLOYMENT, STRATEGIC, &patch).await.json());
        assert_eq!(
            kept,
            json!({"name": "agent", "image": "x:2", "ports": [{"containerPort": 8080}]})
        );
        let dropped = container(stage.patch(DEPLOYMENT, MERGE_PATCH, &patch).await.json());
        assert_eq!(dropped, json!({"name": "agent", "image": "x:2"}));
    });
}

#[test]
fn puts_lists_selectors_versions_and_deletes() {
    on_stage(7, |stage| async move {
        let mut service = stage.get(SERVICE).await.json();
        service["metadata"].as_object_mut().unwrap().remove("resourceVersion");
        service["spec"]["selector"]["color"] = "green".into();
        let put = stage
            .call("PUT", SERVICE, "application/json", &service.to_string())
            .await
            .unwrap();
        assert_eq!(
            (put.code, &put.json()["spec"]["selector"]["color"]),
            (200, &json!("green"))
        );

        let count = async |query: &str| {
            let list = stage.get(&format!("{VSS}{query}")).await.json();
            assert_eq!(list["kind"], "VirtualServiceList");
            list["items"].as_array().unwrap().len()
        };
        assert_eq!(count("").await, 1);
        assert_eq!(
            count("?fieldSelector=metadata.name%3Divr-agent&labelSelector=team%3Dvoice").await,
            1
        );
        assert_eq!(count("?labelSelector=team!%3Dvoice").await, 0);
        assert_eq!(count("?fieldSelector=metadata.name%3Dother").await, 0);
        let everywhere = stage
            .get("/apis/networking.istio.io/v1alpha3/virtualservices")
            .await
            .json();
        assert_eq!(everywhere["items"][0]["apiVersion"], "networking.istio.io/v1alpha3");

        assert_eq!(
            stage.call("DELETE", VS, "", "").await.unwrap().json()["status"],
            "Success"
        );
        assert_eq!(stage.get(VS).await.code, 404);
        assert_eq!(
            stage.call("POST", VS, "application/json", "{}").await.unwrap().code,
            405
        );
    });
}

#[test]
fn answers_take_their_time() {
    on_stage(8, |stage| async move {
        for _ in 0..50 {
            let before = stage.clock.mono();
            stage.get(VS).await;
            let took = stage.clock.mono().saturating_since(before).as_millis();
            assert!((4..=26).contains(&took), "{took} ms");
        }
    });
}

#[test]
fn shares_of_the_data_plane() {
    on_stage(9, |stage| async move {
        let shares = |route: &str| -> Vec<(String, u32)> {
            let shares = stage.cluster.effective_weights("ivr", "ivr-agent", route);
            shares.into_iter().map(|share| (share.subset, share.weight)).collect()
        };
        assert_eq!(shares("primary"), [("stable".to_owned(), 95), ("canary".to_owned(), 5)]);
        assert_eq!(shares("fallback"), [("stable".to_owned(), 100)]);
        assert_eq!(shares("nope"), []);
    });
}
