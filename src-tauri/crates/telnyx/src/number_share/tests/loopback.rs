//! What the contract of all targets cannot see: what a process knows that has read nothing, answers that are lost at a chosen
//! place, an account full of jobs, fields that cannot be cleared, and how many requests a lever is.

use std::sync::Arc;

use serde_json::{Value, json};
use timonel_domain::value::Weight;
use timonel_ports::kit::{Kit, KitError, Memory};
use timonel_ports::target::{Goal, Operation, Progress, Reading, Target, TargetError};

use super::super::NumberShare;
use super::fake::{CANARY, Peer};
use super::{generation, lower, raise};

async fn start(target: &NumberShare, steps: &[timonel_ports::target::Step]) -> Result<Vec<Operation>, TargetError> {
    let mut operations = Vec::new();
    for step in steps {
        operations.push(target.start(step).await?);
    }
    Ok(operations)
}

/// Reads, plans, starts and polls everything once: nothing takes its time here unless it is held.
async fn carry_out(target: &NumberShare, goal: &Goal) -> Result<Reading, TargetError> {
    let steps = target.plan(goal, &target.read().await?)?;
    for operation in start(target, &steps).await? {
        assert_eq!(target.poll(&operation).await?, Progress::Done);
    }
    target.read().await
}

fn nothing() -> Arc<Memory> {
    Arc::new(Memory::default())
}

fn writes(peer: &Peer) -> Vec<String> {
    let seen = peer.see();
    seen.requests
        .iter()
        .filter(|request| !request.starts_with("GET"))
        .cloned()
        .collect()
}

#[tokio::test]
async fn a_process_that_has_read_nothing_pulls_the_lever_in_one_request_and_knows_whom_to_bring_home() {
    let (peer, kit) = (Peer::start().await, nothing());
    let reading = carry_out(&peer.target(kit.clone()), &raise(50)).await.unwrap();
    // Nineteen are in scope: nine of them are 47.36 %.
    assert_eq!(
        (reading.weight, peer.on_canary()),
        (Weight::from_hundredths(4736).unwrap(), 9)
    );

    let late = peer.target(kit);
    peer.see().requests.clear();
    late.recall().await;
    let lever = late.instant_lever(&lower(0)).expect("the kit knows");
    assert!(peer.see().requests.is_empty());
    let pulled = late.start(&lever).await.unwrap();
    assert_eq!(peer.see().requests, [format!("PATCH texml_applications/{CANARY}")]);
    assert_eq!(late.poll(&pulled).await, Ok(Progress::Done));
    let canary = peer.canary();
    assert_eq!(
        (
            &canary["voice_url"],
            &canary["friendly_name"],
            &canary["inbound"],
            &canary["tags"]
        ),
        (
            &json!("https://old/voice"),
            &json!("new"),
            &json!({"channel_limit": null, "sip_subdomain": "nuevo"}),
            &json!(["ivr", "timonel-raise=1.1", "timonel-mark=1.0"]),
        )
    );
    start(&late, &late.clean_up(&lower(0))).await.unwrap();
    assert_eq!(peer.on_canary(), 0);
    assert_eq!(writes(&peer).len(), 2);

    // A third process releases it from what the kit has kept of the canary's own settings.
    let later = Goal::raise(Weight::ZERO, generation(1, 2));
    let reading = carry_out(&late, &later).await.unwrap();
    assert!(!reading.levered && reading.apart == timonel_domain::rollout::Apart::NONE);
    let canary = peer.canary();
    assert_eq!(
        (&canary["voice_url"], &canary["inbound"]["channel_limit"]),
        (&json!("https://new/voice"), &json!(10))
    );
}

/// On another machine, or where the disk lost it: no list of numbers is waited for.
#[tokio::test]
async fn without_a_kit_the_lever_looks_up_the_two_applications_and_no_more() {
    let peer = Peer::start().await;
    carry_out(&peer.target(nothing()), &raise(50)).await.unwrap();
    let elsewhere = peer.target(nothing());
    peer.see().requests.clear();
    let lever = elsewhere.instant_lever(&lower(0)).expect("it looks them up");
    let pulled = elsewhere.start(&lever).await.unwrap();
    let seen = peer.see().requests.clone();
    assert_eq!((seen.len(), writes(&peer).len()), (3, 1), "{seen:?}");
    assert_eq!(elsewhere.poll(&pulled).await, Ok(Progress::Done));
    assert_eq!(peer.canary()["voice_url"], "https://old/voice");
    // What the canary has of its own is known from then on.
    let reading = carry_out(&elsewhere, &lower(0)).await.unwrap();
    assert!(reading.levered);
    let reading = carry_out(&elsewhere, &Goal::raise(Weight::ZERO, generation(1, 2))).await;
    assert!(!reading.unwrap().levered);
    assert_eq!(peer.canary()["voice_url"], "https://new/voice");
}

/// Telnyx may say yes to a `null` and leave what was there: the calls are back all the same.
#[tokio::test]
async fn a_lever_is_pulled_also_where_a_field_is_said_to_be_cleared_and_is_not() {
    let peer = Peer::start().await;
    peer.see().ignores_nulls = true;
    peer.see().applications[1]["status_callback"] = "https://new/status".into();
    let target = peer.target(nothing());
    carry_out(&target, &raise(50)).await.unwrap();
    let reading = carry_out(&target, &lower(0)).await.unwrap();
    assert!(reading.levered && peer.canary()["status_callback"] == "https://new/status");
}

/// What was told to stop may still be on its way through here.
#[tokio::test]
async fn a_raise_that_a_lowering_overtakes_within_a_process_writes_nothing_more() {
    let peer = Peer::start().await;
    let target = peer.target(nothing());
    let steps = target.plan(&raise(50), &target.read().await.unwrap()).unwrap();
    start(&target, &steps[..1]).await.unwrap();
    let lever = target
        .instant_lever(&Goal::lower(Weight::ZERO, generation(1, 1)))
        .unwrap();
    target.start(&lever).await.unwrap();
    // Somebody takes all of it off again, so that nothing at Telnyx keeps the raise back.
    peer.see().applications[1]["tags"] = json!(["timonel-raise=1.1"]);
    peer.see().applications[1]["voice_url"] = "https://new/voice".into();
    peer.see().requests.clear();
    for step in &steps {
        let stopped = target.start(step).await.unwrap_err();
        assert!(matches!(stopped, TargetError::Marked { .. }), "{stopped:?}");
    }
    assert!(writes(&peer).is_empty() && peer.on_canary() == 0);
}

#[tokio::test]
async fn who_takes_a_raise_up_does_not_post_what_was_waiting_for_room() {
    let peer = Peer::start().await;
    let target = peer.target(nothing());
    let steps = target.plan(&raise(50), &target.read().await.unwrap()).unwrap();
    start(&target, &steps[..1]).await.unwrap();
    let theirs = |at: usize| json!({"id": format!("theirs-{at}"), "status": "pending", "phone_numbers": [{"id": "9"}]});
    peer.see().jobs.extend((0..20).map(theirs));
    let waiting = target.start(&steps[1]).await.unwrap();
    let elsewhere = peer.target(nothing());
    assert!(matches!(elsewhere.poll(&waiting).await, Ok(Progress::Pending(_))));
    peer.see().jobs[0]["status"] = Value::from("completed");
    let Ok(Progress::Partial(what)) = elsewhere.poll(&waiting).await else {
        panic!("nothing new begins with asking")
    };
    assert!(what.contains("were not moved"), "{what}");
    assert_eq!((peer.jobs(), peer.on_canary()), (20, 0));
    // Who began it goes on.
    assert!(matches!(target.poll(&waiting).await, Ok(Progress::Pending(_))));
    assert_eq!((peer.jobs(), peer.on_canary()), (21, 9));
}

#[tokio::test]
async fn a_job_whose_answer_was_lost_is_found_and_not_posted_again() {
    let peer = Peer::start().await;
    let target = peer.target(nothing());
    let steps = target.plan(&raise(50), &target.read().await.unwrap()).unwrap();
    start(&target, &steps[..1]).await.unwrap();
    peer.see().loses_answers = true;
    let lost = target.start(&steps[1]).await.unwrap_err();
    assert!(lost.is_unknown(), "{lost:?}");
    peer.see().loses_answers = false;
    for taker in [&target, &peer.target(nothing())] {
        let found = taker.start(&steps[1]).await.unwrap();
        assert_eq!(taker.poll(&found).await, Ok(Progress::Done));
    }
    assert_eq!((peer.jobs(), peer.on_canary()), (1, 9));
}

#[tokio::test]
async fn an_account_full_of_jobs_is_waited_for() {
    let peer = Peer::start().await;
    let target = peer.target(nothing());
    carry_out(&target, &raise(50)).await.unwrap();
    let theirs = |at: usize| json!({"id": format!("theirs-{at}"), "status": "pending", "phone_numbers": [{"id": "9"}]});
    peer.see().jobs.extend((0..20).map(theirs));
    let steps = target.plan(&lower(0), &target.read().await.unwrap()).unwrap();
    let operations = start(&target, &steps).await.expect("it waits");
    let elsewhere = peer.target(nothing());
    for _ in 0..3 {
        assert!(matches!(elsewhere.poll(&operations[1]).await, Ok(Progress::Pending(_))));
    }
    let before = peer.jobs();
    peer.see().jobs[1]["status"] = Value::from("completed");
    assert!(matches!(elsewhere.poll(&operations[1]).await, Ok(Progress::Pending(_))));
    assert_eq!(elsewhere.poll(&operations[1]).await, Ok(Progress::Done));
    assert_eq!((peer.jobs(), peer.on_canary()), (before + 1, 0));
}

#[tokio::test]
async fn a_raise_that_was_planned_before_a_rollback_stops_at_its_mark() {
    let peer = Peer::start().await;
    let (ours, theirs) = (peer.target(nothing()), peer.target(nothing()));
    let late = ours
        .plan(
            &Goal::raise(Weight::percent(50), generation(1, 0)),
            &ours.read().await.unwrap(),
        )
        .unwrap();
    let begun = ours.start(&late[0]).await;
    assert!(begun.is_ok(), "{begun:?}");
    carry_out(&theirs, &lower(0)).await.unwrap();
    for step in [&late[1], &late[0], &late[1]] {
        let refused = ours.start(step).await;
        assert!(
            matches!(refused, Err(TargetError::Marked { mark, .. }) if mark == generation(1, 0)),
            "{refused:?}"
        );
    }
    assert!(peer.see().jobs.is_empty());
}

#[tokio::test]
async fn calls_leave_the_canary_also_where_no_field_can_be_cleared() {
    let peer = Peer::start().await;
    peer.see().clears_nothing = true;
    let target = peer.target(nothing());
    carry_out(&target, &raise(50)).await.unwrap();
    let reading = carry_out(&target, &lower(0)).await.unwrap();
    assert!(reading.levered && reading.mark == Some(generation(1, 0)));
    let canary = peer.canary();
    assert_eq!(
        (&canary["voice_url"], &canary["inbound"]["channel_limit"]),
        (&json!("https://old/voice"), &json!(10))
    );
}

#[tokio::test]
async fn somebody_elses_job_is_waited_for_and_what_it_overwrites_is_brought_back() {
    let peer = Peer::start().await;
    let target = peer.target(nothing());
    carry_out(&target, &raise(20)).await.unwrap();
    let first = peer.see().numbers[0].0.clone();
    peer.see()
        .jobs
        .push(json!({"id": "stray", "status": "pending", "phone_numbers": [{"id": first}]}));
    let reading = carry_out(&target, &lower(0)).await.unwrap();
    assert!(reading.unsettled.is_some_and(|what| what.contains("stray")));
    CANARY.clone_into(&mut peer.see().numbers[0].2);
    let last = peer.jobs() - 2;
    for job in &mut peer.see().jobs[last..] {
        job["status"] = Value::from("completed");
    }
    let overwritten = target.read().await.unwrap();
    assert_eq!(
        (overwritten.apart.surplus, overwritten.unsettled, overwritten.weight),
        (1, None, Weight::ZERO)
    );
    let reading = carry_out(&target, &lower(0)).await.unwrap();
    assert_eq!((reading.apart.surplus, peer.on_canary()), (0, 0));
}

#[tokio::test]
async fn a_call_control_application_is_found_before_anything_is_moved() {
    let peer = Peer::start().await;
    peer.see().applications[1]["record_type"] = Value::from("call_control_application");
    let checks = peer.target(nothing()).preflight().await.unwrap().checks;
    let failed: Vec<_> = checks.iter().filter(|check| !check.ok).collect();
    assert!(
        failed.len() == 1 && failed[0].code == "target.application.canary",
        "{checks:?}"
    );
    assert!(failed[0].proof.contains("call_control_application") && failed[0].proof.contains("would fail"));
    assert!(writes(&peer).is_empty());
}

#[tokio::test]
async fn a_preflight_says_what_a_pin_would_miss_and_keeps_what_is_there() {
    let (peer, kit) = (Peer::start().await, nothing());
    peer.see().numbers.remove(2);
    let target = peer.target(kit.clone());
    let checks = target.preflight().await.unwrap().checks;
    let failed: Vec<_> = checks
        .iter()
        .filter(|check| !check.ok)
        .map(|check| check.proof.as_str())
        .collect();
    assert!(failed.len() == 1 && failed[0].contains("of norte"), "{checks:?}");
    let kept: Value = serde_json::from_slice(&kit.load().await.unwrap().unwrap()).unwrap();
    assert_eq!(
        kept["numbers"].as_array().map(Vec::len),
        Some(18),
        "without the one that the plan leaves out"
    );
    assert_eq!(kept["own"]["voice_url"], "https://new/voice");
    // Another target's kit is not used.
    let mut other = kept;
    other["canary_id"] = Value::from("9");
    kit.keep(serde_json::to_vec(&other).unwrap()).await.unwrap();
    let late = peer.target(kit);
    late.recall().await;
    peer.see().requests.clear();
    late.start(&late.instant_lever(&lower(0)).unwrap()).await.unwrap();
    assert_eq!(peer.see().requests.len(), 3, "it is looked up anew");
}

#[tokio::test]
async fn a_number_that_somebody_took_to_a_third_application_is_left_there() {
    let peer = Peer::start().await;
    let target = peer.target(nothing());
    let steps = target.plan(&raise(50), &target.read().await.unwrap()).unwrap();
    for number in &mut peer.see().numbers {
        number.2 = "2999".to_owned();
    }
    let refused = start(&target, &steps).await.unwrap_err();
    assert!(matches!(refused, TargetError::Refused { .. }), "{refused:?}");
    assert!(
        refused.to_string().contains("9 numbers are on neither application"),
        "{refused}"
    );
    assert_eq!((writes(&peer), peer.on_canary()), (Vec::<String>::new(), 0));
}

#[derive(Debug)]
struct FullDisk;

#[async_trait::async_trait]
impl Kit for FullDisk {
    async fn load(&self) -> Result<Option<Vec<u8>>, KitError> {
        Ok(None)
    }

    async fn keep(&self, _: Vec<u8>) -> Result<(), KitError> {
        Err(KitError::Write {
            path: "here".into(),
            source: std::io::ErrorKind::StorageFull.into(),
        })
    }
}

#[tokio::test]
async fn nothing_is_raised_where_the_kit_cannot_be_kept_and_a_lever_is_pulled_all_the_same() {
    let peer = Peer::start().await;
    let target = peer.target(Arc::new(FullDisk));
    let refused = carry_out(&target, &raise(50)).await.unwrap_err();
    assert!(matches!(refused, TargetError::Refused { .. }), "{refused:?}");
    assert!(refused.to_string().contains("cannot keep here"), "{refused}");
    assert_eq!((writes(&peer), peer.on_canary()), (Vec::<String>::new(), 0));
    let reading = carry_out(&target, &lower(0)).await.unwrap();
    assert!(reading.levered);
}
