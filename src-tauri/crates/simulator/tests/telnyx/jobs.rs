//! Bulk jobs: what is refused, how they go, what they overwrite, which numbers fail, and when they expire.

use std::time::Duration;

use serde_json::{Value, json};
use timonel_simulator::telnyx::{Fault, Scope, TelnyxError};

use super::stage::{CANARY, JOBS, POST_JOB, STABLE, Stage, counts, e164, id, ids, on_stage, setup};

#[test]
fn a_job_goes_number_by_number() {
    on_stage(1, setup(30), |stage| async move {
        let job = stage.job(&ids(0..20), CANARY).await;
        let posted = stage.millis();
        assert_eq!(
            (&job["status"], &job["type"]),
            (&json!("pending"), &json!("update_phone_numbers"))
        );
        assert_eq!(job["phone_numbers"][3], json!({"id": id(3)}));
        assert_eq!(
            job["pending_operations"][3],
            json!({"id": id(3), "phone_number": e164(3)})
        );
        assert_eq!(counts(&job), [20, 0, 0]);
        // 5 s until it is taken up, 20 numbers at 10 a second.
        let etc = job["etc"]
            .as_str()
            .unwrap()
            .parse::<timonel_domain::time::Timestamp>()
            .unwrap();
        let created = job["created_at"].as_str().unwrap().parse().unwrap();
        assert_eq!(etc.since(created), Duration::from_secs(7));

        stage.until(posted + 4_900).await;
        assert_eq!(stage.telnyx.jobs()[0]["status"], "pending");
        stage.until(posted + 5_050).await;
        assert_eq!(stage.telnyx.jobs()[0]["status"], "in_progress");
        stage.until(posted + 6_050).await;
        let half = stage.telnyx.jobs().remove(0);
        assert_eq!((&half["status"], counts(&half)), (&json!("in_progress"), [10, 10, 0]));
        assert_eq!(stage.on_canary(), (0..10).collect::<Vec<_>>());
        stage.until(posted + 7_001).await;
        let done = stage.look(&job).await;
        assert_eq!((&done["status"], counts(&done)), (&json!("completed"), [0, 20, 0]));
        assert_eq!(stage.on_canary(), (0..20).collect::<Vec<_>>());
        assert_eq!(stage.get(&format!("{JOBS}/1")).await.error().0, 404);
    });
}

#[test]
fn numbers_go_by_e164_as_well_and_once_each() {
    on_stage(1, setup(3), |stage| async move {
        let job = stage.job(&[e164(2), e164(0), e164(2)], CANARY).await;
        assert_eq!(
            job["phone_numbers"],
            json!([{"phone_number": e164(2)}, {"phone_number": e164(0)}])
        );
        stage.sleep(10_000).await;
        assert_eq!(stage.on_canary(), [0, 2]);
    });
}

#[test]
fn what_the_contract_forbids_is_refused_in_its_words() {
    on_stage(1, setup(1001), |stage| async move {
        let to_canary = |numbers: Value| json!({"phone_numbers": numbers, "connection_id": CANARY});
        let cases = [
            (
                to_canary(json!(ids(0..1001))),
                "1000 numbers is the maximum allowed.",
                "/phone_numbers",
            ),
            (
                to_canary(json!([])),
                "You must provide at least 1 phone number.",
                "/phone_numbers",
            ),
            (json!({"connection_id": CANARY}), "must be present", "/phone_numbers"),
            (
                json!({"phone_numbers": [id(0)]}),
                "You must provide at least 1 updateable field.",
                "/updateable_fields",
            ),
            (
                to_canary(json!([id(0), e164(1)])),
                "You must specify either all phone numbers in the e164 format or all as phone number ids",
                "/phone_numbers",
            ),
            (
                to_canary(json!([id(0), "1"])),
                "You must own every number in the bulk request",
                "/phone_numbers",
            ),
        ];
        for (body, detail, pointer) in cases {
            let error = stage.post(POST_JOB, body).await.error();
            assert_eq!(
                (error.0, error.1.as_str(), error.2.as_str(), error.3.as_str()),
                (422, "10015", detail, pointer)
            );
        }
        assert!(stage.telnyx.jobs().is_empty());

        for _ in 0..20 {
            stage.job(&ids(0..1), CANARY).await;
        }
        let error = stage.post(POST_JOB, to_canary(json!([id(0)]))).await.error();
        assert_eq!(
            (error.0, error.2.as_str()),
            (422, "You can have at most 20 pending or in progress jobs")
        );
        let stray = stage.telnyx.post_job_as("ana", &[&id(0)], CANARY, Duration::ZERO);
        assert!(
            matches!(stray, Err(TelnyxError::Refused { code: 422, .. })),
            "{stray:?}"
        );
        stage.sleep(10_000).await;
        stage.job(&ids(0..1), CANARY).await;
    });
}

#[test]
fn a_filter_updates_all_that_match_whatever_the_body_names() {
    on_stage(1, setup(9), |stage| async move {
        let path = format!("{POST_JOB}?filter[tag]=tenant-2");
        let body = json!({"phone_numbers": [id(0)], "connection_id": CANARY});
        assert_eq!(stage.post(&path, body).await.code, 202);
        stage.sleep(10_000).await;
        assert_eq!(stage.on_canary(), [2, 5, 8]);
    });
}

#[test]
fn a_pending_job_overwrites_what_was_done_meanwhile() {
    on_stage(1, setup(4), |stage| async move {
        let forward = stage.job(&ids(0..4), CANARY).await;
        for at in 0..4 {
            let back = stage
                .patch(
                    &format!("/v2/phone_numbers/{}", id(at)),
                    json!({"connection_id": STABLE}),
                )
                .await;
            assert_eq!(back.code, 200);
        }
        assert!(stage.on_canary().is_empty());
        stage.sleep(10_000).await;
        assert_eq!(stage.look(&forward).await["status"], "completed");
        assert_eq!(
            stage.on_canary(),
            [0, 1, 2, 3],
            "the last writer is the one that is processed last"
        );
    });
}

#[test]
fn the_job_that_is_processed_last_wins_whoever_posted_first() {
    on_stage(1, setup(2), |stage| async move {
        let telnyx = &stage.telnyx;
        telnyx
            .post_job_as("eva", &[&id(0), &id(1)], CANARY, Duration::from_secs(30))
            .unwrap();
        stage.job(&ids(0..2), STABLE).await;
        stage.sleep(20_000).await;
        assert!(stage.on_canary().is_empty());
        stage.sleep(20_000).await;
        assert_eq!(stage.on_canary(), [0, 1]);
        let moved = stage.get("/v2/audit_events").await.data();
        assert_eq!(moved[0]["user_id"], telnyx.user_id("eva"), "the job's poster did it");
        assert_eq!(moved.as_array().unwrap().len(), 2);
    });
}

#[test]
fn jobs_are_listed_newest_first_and_in_pages() {
    on_stage(1, setup(3), |stage| async move {
        let mut posted = Vec::new();
        for at in 0..3 {
            posted.insert(0, stage.job(&ids(at..at + 1), CANARY).await["id"].clone());
        }
        let listed = async |query: &str| -> Vec<Value> {
            let jobs = stage.get(&format!("{JOBS}?{query}")).await.data();
            jobs.as_array().unwrap().iter().map(|job| job["id"].clone()).collect()
        };
        assert_eq!(listed("filter[type]=update_phone_numbers").await, posted);
        assert_eq!(listed("page[size]=2&page[number]=2").await, posted[2..]);
        assert!(listed("filter[type]=delete_phone_numbers").await.is_empty());
        assert_eq!(stage.get(&format!("{JOBS}?filter[type]=other")).await.error().0, 422);
        assert_eq!(stage.get(&format!("{JOBS}?sort=status")).await.error().3, "/sort");
    });
}

async fn failed(stage: &Stage, numbers: usize) -> Vec<Value> {
    let job = stage.job(&ids(0..numbers), CANARY).await;
    stage.sleep(20_000).await;
    stage.look(&job).await["failed_operations"].as_array().unwrap().clone()
}

#[test]
fn a_share_of_a_job_fails_and_says_why() {
    on_stage(7, setup(30), |stage| async move {
        let fault = stage.telnyx.faults().set(
            Scope::All,
            Fault::JobFailures {
                share: 0.1,
                towards: None,
            },
        );
        let first = failed(&stage, 30).await;
        assert_eq!(first.len(), 3);
        assert_eq!(first[0]["errors"][0]["code"], "10015");
        assert_eq!(first[0]["errors"][0]["source"]["pointer"], "/connection_id");
        assert_eq!(
            (stage.on_canary().len(), &stage.telnyx.jobs()[0]["status"]),
            (27, &json!("completed"))
        );
        assert_ne!(failed(&stage, 30).await, first, "each job has its own luck");
        assert_eq!(failed(&stage, 1).await.len(), 1, "rounded up");
        assert_eq!(stage.telnyx.jobs()[0]["status"], "failed", "nothing of it was done");
        stage.telnyx.faults().clear(fault);
        assert!(failed(&stage, 30).await.is_empty());
    });
}

#[test]
fn a_connection_that_is_gone_fails_every_number() {
    on_stage(1, setup(3), |stage| async move {
        let job = stage.job(&ids(0..3), CANARY).await;
        stage.telnyx.delete_application(CANARY).unwrap();
        stage.sleep(10_000).await;
        let job = stage.look(&job).await;
        assert_eq!((&job["status"], counts(&job)), (&json!("failed"), [0, 0, 3]));
        assert!(stage.on_canary().is_empty());
    });
}

#[test]
fn stuck_jobs_expire_after_a_quarter_of_an_hour() {
    on_stage(1, setup(20), |stage| async move {
        let half_way = stage.job(&ids(0..20), CANARY).await;
        let posted = stage.millis();
        stage.until(posted + 6_050).await;
        let stuck = stage.telnyx.faults().set(Scope::All, Fault::JobsStuck);
        let never = stage.job(&ids(0..20), STABLE).await;
        stage.until(posted + 899_000).await;
        assert_eq!(stage.telnyx.jobs()[1]["status"], "in_progress");
        stage.until(posted + 900_100).await;
        let expired = stage.look(&half_way).await;
        assert_eq!((&expired["status"], counts(&expired)), (&json!("expired"), [10, 10, 0]));
        assert_eq!(stage.telnyx.jobs()[0]["status"], "pending");
        stage.sleep(10_000).await;
        let expired = stage.look(&never).await;
        assert_eq!((&expired["status"], counts(&expired)), (&json!("expired"), [20, 0, 0]));
        stage.telnyx.faults().clear(stuck);
        stage.sleep(60_000).await;
        assert_eq!(
            stage.on_canary(),
            (0..10).collect::<Vec<_>>(),
            "what has expired is never done"
        );
    });
}

#[test]
fn stuck_jobs_go_on_where_they_stood() {
    on_stage(1, setup(20), |stage| async move {
        let job = stage.job(&ids(0..20), CANARY).await;
        stage.sleep(6_050).await;
        let stuck = stage.telnyx.faults().set(Scope::All, Fault::JobsStuck);
        stage.sleep(60_000).await;
        assert_eq!(stage.on_canary().len(), 10);
        stage.telnyx.faults().clear(stuck);
        stage.sleep(2_000).await;
        assert_eq!(stage.look(&job).await["status"], "completed");
        assert_eq!(stage.on_canary().len(), 20);
    });
}
