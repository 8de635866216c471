//! Everything that can be made to go wrong, as a client sees it.

use std::time::Duration;

use serde_json::Value;
use timonel_ports::clock::within;
use timonel_ports::task::spawn;
use timonel_simulator::cluster::{Calls, ClusterError, Fault, Scope};

use super::client::{JSON_PATCH, LEASE, Stage, VS, on_stage, shift};

const LIMIT: Duration = Duration::from_secs(5);

fn the_object() -> Scope {
    Scope::Object(VS.replace("/v1/", "/v1beta1/"))
}

fn stable_weight(stage: &Stage) -> u32 {
    stage.cluster.effective_weights("ivr", "ivr-agent", "primary")[0].weight
}

fn stored_weights(stage: &Stage) -> Vec<i64> {
    super::client::weights(&stage.cluster.get(VS).unwrap())
}

#[test]
fn plain_answers() {
    on_stage(1, |stage| async move {
        let faults = stage.cluster.faults();
        let check = async |fault: Fault, code: u16, head: &str, body: &str| {
            faults.set_times(the_object(), Calls::All, fault.clone(), 1).unwrap();
            assert_eq!(stage.get(LEASE).await.code, 200, "{fault:?} is about another object");
            let answer = stage.patch(VS, JSON_PATCH, &shift(100, 0)).await;
            assert_eq!(answer.code, code, "{fault:?}: {}", answer.body);
            assert!(answer.head.contains(head), "{fault:?}: {}", answer.head);
            assert!(answer.body.contains(body), "{fault:?}: {}", answer.body);
            assert_eq!(
                stage.get(VS).await.weights(),
                [95, 5],
                "{fault:?} was for one request, which did nothing"
            );
        };
        check(Fault::Unauthorized, 401, "application/json", "Unauthorized").await;
        check(Fault::Forbidden, 403, "application/json", "cannot patch resource").await;
        let after = Some(Duration::from_secs(3));
        check(
            Fault::TooManyRequests { retry_after: after },
            429,
            "retry-after: 3",
            "Too many requests",
        )
        .await;
        check(Fault::InternalError, 500, "application/json", "InternalError").await;
        check(Fault::Unavailable, 503, "application/json", "ServiceUnavailable").await;
        check(Fault::Html, 200, "text/html", "<html>").await;
        let reason = "configuration is invalid: host not found".to_owned();
        check(
            Fault::WebhookDenies { reason: reason.clone() },
            400,
            "application/json",
            &reason,
        )
        .await;
        check(Fault::WebhookDown, 500, "application/json", "connection refused").await;

        faults
            .set(Scope::Cluster, Calls::All, Fault::TooManyRequests { retry_after: None })
            .unwrap();
        let answer = stage.get("/apis").await;
        assert!(
            answer.code == 429 && !answer.head.contains("retry-after"),
            "{}",
            answer.head
        );
        let nowhere = faults.set(
            Scope::Object("/api/v1/namespaces/ivr/services".to_owned()),
            Calls::All,
            Fault::Html,
        );
        assert!(matches!(nowhere, Err(ClusterError::NoObjectPath { .. })));
    });
}

#[test]
fn a_reset_closes_without_an_answer_and_without_a_write() {
    on_stage(2, |stage| async move {
        stage
            .cluster
            .faults()
            .set_times(the_object(), Calls::Writes, Fault::Reset, 1)
            .unwrap();
        assert!(stage.call("PATCH", VS, JSON_PATCH, &shift(100, 0)).await.is_err());
        assert_eq!(stored_weights(&stage), [95, 5]);
        assert_eq!(stage.patch(VS, JSON_PATCH, &shift(100, 0)).await.code, 200);
    });
}

#[test]
fn a_client_that_gave_up_has_written_nothing() {
    on_stage(3, |stage| async move {
        let slow = Fault::Slow {
            extra: Duration::from_secs(10),
        };
        stage.cluster.faults().set(the_object(), Calls::Writes, slow).unwrap();
        let gone = within(&stage.clock, LIMIT, stage.call("PATCH", VS, JSON_PATCH, &shift(100, 0))).await;
        assert!(gone.is_err());
        assert_eq!(stage.millis(), 5_000);
        stage.sleep(60).await;
        assert_eq!(stored_weights(&stage), [95, 5]);
        let patient = stage.patch(VS, JSON_PATCH, &shift(100, 0)).await;
        assert_eq!(patient.code, 200);
        assert!((75_004..=75_026).contains(&stage.millis()), "{}", stage.millis());
    });
}

#[test]
fn a_black_hole_lets_go_of_those_who_still_wait() {
    on_stage(4, |stage| async move {
        let hole = stage
            .cluster
            .faults()
            .set(Scope::Cluster, Calls::All, Fault::BlackHole)
            .unwrap();
        let half = shift(50, 50);
        let call = stage.call("PATCH", VS, JSON_PATCH, &half);
        assert!(within(&stage.clock, Duration::from_secs(2), call).await.is_err());
        let waiting = {
            let stage = stage.clone();
            spawn(&stage.clock.shared(), async move {
                (stage.patch(VS, JSON_PATCH, &shift(100, 0)).await.code, stage.millis())
            })
        };
        stage.sleep(3600).await;
        assert_eq!(stored_weights(&stage), [95, 5]);
        stage.cluster.faults().clear(hole);
        let (code, millis) = waiting.join().await.unwrap();
        assert_eq!(code, 200);
        assert!((3_602_004..=3_602_026).contains(&millis), "{millis}");
        assert_eq!(stored_weights(&stage), [100, 0]);
    });
}

#[test]
fn a_hole_that_opens_while_the_answer_is_on_its_way_swallows_it() {
    on_stage(5, |stage| async move {
        let rollback = shift(100, 0);
        let call = within(&stage.clock, LIMIT, stage.call("PATCH", VS, JSON_PATCH, &rollback));
        let faults = stage.cluster.faults();
        let dig = async {
            timonel_ports::clock::sleep(&stage.clock, Duration::from_millis(1)).await;
            faults.set(the_object(), Calls::All, Fault::BlackHole).unwrap();
        };
        let (outcome, ()) = tokio::join!(call, dig);
        assert!(outcome.is_err());
        assert_eq!(stored_weights(&stage), [95, 5]);
    });
}

#[test]
fn a_lost_answer_belongs_to_a_write_that_was_done() {
    on_stage(6, |stage| async move {
        stage
            .cluster
            .faults()
            .set_times(the_object(), Calls::Writes, Fault::AnswerLost, 1)
            .unwrap();
        let lost = within(&stage.clock, LIMIT, stage.call("PATCH", VS, JSON_PATCH, &shift(100, 0))).await;
        assert!(lost.is_err());
        assert_eq!((stage.millis(), stage.get(VS).await.weights()), (5_000, vec![100, 0]));
    });
}

#[test]
fn a_late_write_comes_after_its_answer_and_respects_the_lock() {
    on_stage(7, |stage| async move {
        let late = Fault::LateWrite {
            after: Duration::from_secs(30),
        };
        stage
            .cluster
            .faults()
            .set_times(the_object(), Calls::Writes, late.clone(), 1)
            .unwrap();
        assert_eq!(stage.patch(VS, JSON_PATCH, &shift(50, 50)).await.weights(), [50, 50]);
        assert_eq!(stage.get(VS).await.weights(), [95, 5]);
        stage.sleep(31).await;
        assert_eq!(stage.get(VS).await.weights(), [50, 50]);

        stage
            .cluster
            .faults()
            .set_times(the_object(), Calls::Writes, late, 1)
            .unwrap();
        let version = stage.get(VS).await.json()["metadata"]["resourceVersion"].clone();
        let mut locked: Vec<Value> = serde_json::from_str(&shift(10, 90)).unwrap();
        locked.insert(
            0,
            serde_json::json!({"op": "replace", "path": "/metadata/resourceVersion", "value": version}),
        );
        assert_eq!(
            stage
                .patch(VS, JSON_PATCH, &Value::Array(locked).to_string())
                .await
                .code,
            200
        );
        assert_eq!(stage.patch(VS, JSON_PATCH, &shift(100, 0)).await.code, 200);
        stage.sleep(31).await;
        assert_eq!(
            stage.get(VS).await.weights(),
            [100, 0],
            "the late write came with a stale lock"
        );
    });
}

#[test]
fn a_lying_read_back_shows_what_the_data_plane_does_not_do() {
    on_stage(8, |stage| async move {
        let lie = stage
            .cluster
            .faults()
            .set(the_object(), Calls::All, Fault::ReadBackLies)
            .unwrap();
        assert_eq!(stable_weight(&stage), 95);
        stage.patch(VS, JSON_PATCH, &shift(50, 50)).await;
        stage.patch(VS, JSON_PATCH, &shift(100, 0)).await;
        assert_eq!(stage.get(VS).await.weights(), [100, 0]);
        assert_eq!(stable_weight(&stage), 95);
        assert_ne!(stage.cluster.effective(VS), stage.cluster.get(VS));
        stage.cluster.faults().clear(lie);
        assert_eq!(stable_weight(&stage), 100);
        stage
            .cluster
            .faults()
            .set(Scope::Cluster, Calls::Writes, Fault::ReadBackLies)
            .unwrap();
        assert_eq!(stable_weight(&stage), 100, "a new lie begins with what is so now");
    });
}

#[test]
fn other_writers_are_told_what_they_did_wrong() {
    on_stage(9, |stage| async move {
        let write = |path: &str, patch: Value| stage.cluster.write_as("argocd", path, patch).unwrap_err();
        let zero = write(VS, serde_json::from_str(&shift(0, 0)).unwrap());
        assert!(matches!(zero, ClusterError::Refused { code: 400, .. }), "{zero}");
        assert!(matches!(write("/nope", Value::Null), ClusterError::NoObjectPath { .. }));
        assert!(matches!(
            write(VS, serde_json::json!([{"op": "jump"}])),
            ClusterError::BadPatch { .. }
        ));
        let unknown = stage
            .cluster
            .insert(serde_json::json!({"apiVersion": "v1", "kind": "Pod"}))
            .unwrap_err();
        assert!(matches!(unknown, ClusterError::UnknownKind { .. }));
    });
}
