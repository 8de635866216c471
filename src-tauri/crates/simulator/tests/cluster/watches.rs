//! Watches in virtual time: time must not step past an event that nobody has read yet.

use std::time::Duration;

use serde_json::{Value, json};
use timonel_domain::time::Mono;
use timonel_ports::clock::Clock;
use timonel_ports::mailbox::{Receiver, mailbox};
use timonel_ports::task::{Task, spawn};
use timonel_simulator::cluster::{Calls, Fault, Scope};

use super::client::{JSON_PATCH, Stage, VS, VSS, on_stage, shift, weights};

async fn version(stage: &Stage) -> String {
    stage.get(VSS).await.json()["metadata"]["resourceVersion"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// Reads on to the end, in a task: an event that lies unread would rightly hold up time.
fn rest(stage: &Stage, events: Receiver<(Mono, Value)>) -> Task<Vec<(Mono, Value)>> {
    spawn(&stage.clock.shared(), read_on(events))
}

async fn all(stage: &Stage, query: &str) -> Vec<(Mono, Value)> {
    read_on(stage.watch(query)).await
}

async fn read_on(mut events: Receiver<(Mono, Value)>) -> Vec<(Mono, Value)> {
    let mut all = Vec::new();
    while let Some((at, event)) = events.recv().await {
        if event.is_null() {
            all.push((at, event));
            return all;
        }
        all.push((at, event));
    }
    all
}

fn kinds(events: &[(Mono, Value)]) -> Vec<&str> {
    events
        .iter()
        .map(|(_, event)| event["type"].as_str().unwrap_or("EOF"))
        .collect()
}

#[test]
fn an_event_is_read_at_the_instant_of_its_write() {
    on_stage(1, |stage| async move {
        let (sender, mut events) = mailbox(&stage.clock.shared());
        for _ in 0..4 {
            stage.watch_into(sender.clone(), "fieldSelector=metadata.name%3Divr-agent");
        }
        for _ in 0..4 {
            assert_eq!(events.recv().await.unwrap().1["type"], "ADDED");
        }
        // Somebody who would step time by a microsecond whenever it may be stepped.
        let hurry = stage.clone();
        let hurried = spawn(&stage.clock.shared(), async move {
            loop {
                timonel_ports::clock::sleep(&hurry.clock, Duration::from_micros(1)).await;
            }
        });
        for round in 1..=50_i64 {
            timonel_ports::clock::sleep(&stage.clock, Duration::from_micros(10)).await;
            let written = stage.clock.mono();
            let patch = serde_json::from_str(&shift(100 - round, round)).unwrap();
            stage.cluster.write_as("argocd", VS, patch).unwrap();
            for _ in 0..4 {
                let (read, event) = events.recv().await.unwrap();
                assert_eq!(event["type"], "MODIFIED");
                assert_eq!(weights(&event["object"]), [100 - round, round]);
                assert_eq!(read, written);
            }
        }
        hurried.abort();
    });
}

#[test]
fn an_idle_watch_lets_time_pass_and_ends_with_a_bookmark() {
    on_stage(2, |stage| async move {
        let opened = stage.clock.mono();
        let query = format!(
            "resourceVersion={}&timeoutSeconds=290&allowWatchBookmarks=true",
            version(&stage).await
        );
        let events = rest(&stage, stage.watch(&query));
        stage.sleep(100).await;
        assert_eq!(stage.patch(VS, JSON_PATCH, &shift(90, 10)).await.code, 200);
        stage
            .cluster
            .delete("/api/v1/namespaces/ivr/services/ivr-agent")
            .unwrap();
        stage.cluster.delete(VS).unwrap();
        let now = version(&stage).await;
        let events = events.join().await.unwrap();
        assert_eq!(kinds(&events), ["MODIFIED", "DELETED", "BOOKMARK", "EOF"]);
        assert_eq!(events[2].1["object"]["metadata"]["resourceVersion"], now.as_str());
        let took = events[3].0.saturating_since(opened);
        assert!(
            took >= Duration::from_secs(290) && took < Duration::from_millis(290_060),
            "{took:?}"
        );
        assert_eq!(events[2].0, events[3].0);
    });
}

#[test]
fn a_watch_begins_where_it_is_told() {
    on_stage(3, |stage| async move {
        let start = version(&stage).await;
        stage.patch(VS, JSON_PATCH, &shift(90, 10)).await;
        stage.patch(VS, JSON_PATCH, &shift(80, 20)).await;
        let check = async |query: String, expect: &[&str]| {
            assert_eq!(
                kinds(&all(&stage, &format!("timeoutSeconds=5&{query}")).await),
                expect,
                "{query}"
            );
        };
        check(format!("resourceVersion={start}"), &["MODIFIED", "MODIFIED", "EOF"]).await;
        check("resourceVersion=0".to_owned(), &["ADDED", "EOF"]).await;
        check("resourceVersion=99999999".to_owned(), &["EOF"]).await;
        check("labelSelector=team%3Dnobody".to_owned(), &["EOF"]).await;
        let initial =
            "resourceVersion=0&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
        let events = all(&stage, &format!("timeoutSeconds=5&{initial}")).await;
        assert_eq!(kinds(&events), ["ADDED", "BOOKMARK", "BOOKMARK", "EOF"]);
        assert_eq!(
            events[1].1["object"]["metadata"]["annotations"],
            json!({"k8s.io/initial-events-end": "true"})
        );
    });
}

#[test]
fn who_resumes_too_late_must_list_again() {
    on_stage(4, |stage| async move {
        let start = version(&stage).await;
        let check = async |from: &str| {
            let events = all(&stage, &format!("timeoutSeconds=5&resourceVersion={from}")).await;
            assert_eq!(kinds(&events), ["ERROR", "EOF"], "{from}");
            let status = &events[0].1["object"];
            assert_eq!((&status["code"], &status["reason"]), (&json!(410), &json!("Expired")));
            let message = status["message"].as_str().unwrap();
            assert!(
                message.starts_with(&format!("too old resource version: {from} (")),
                "{message}"
            );
        };
        check("1").await;
        stage.cluster.forget_changes();
        check(&start).await;
        let now = version(&stage).await;
        assert_eq!(
            kinds(&all(&stage, &format!("timeoutSeconds=5&resourceVersion={now}")).await),
            ["EOF"]
        );
    });
}

#[test]
fn a_black_hole_silences_a_watch_until_it_closes() {
    on_stage(5, |stage| async move {
        let query = format!(
            "resourceVersion={}&timeoutSeconds=60&allowWatchBookmarks=true",
            version(&stage).await
        );
        let events = rest(&stage, stage.watch(&query));
        stage.sleep(10).await;
        let hole = stage
            .cluster
            .faults()
            .set(Scope::Cluster, Calls::All, Fault::BlackHole)
            .unwrap();
        stage
            .cluster
            .write_as("argocd", VS, serde_json::from_str(&shift(90, 10)).unwrap())
            .unwrap();
        stage.sleep(600).await;
        stage.cluster.faults().clear(hole);
        let healed = stage.clock.mono();
        let events = events.join().await.unwrap();
        assert_eq!(kinds(&events), ["MODIFIED", "BOOKMARK", "EOF"]);
        assert!(events.iter().all(|(at, _)| *at == healed), "{events:?}");
    });
}

#[test]
fn a_reset_tears_a_watch() {
    on_stage(6, |stage| async move {
        let mut events = stage.watch("resourceVersion=0");
        assert_eq!(events.recv().await.unwrap().1["type"], "ADDED");
        stage.sleep(10).await;
        stage
            .cluster
            .faults()
            .set(Scope::Cluster, Calls::Reads, Fault::Reset)
            .unwrap();
        assert_eq!(events.recv().await.unwrap().1, json!({"torn": true}));
    });
}
