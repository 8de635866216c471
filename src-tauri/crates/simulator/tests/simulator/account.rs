//! Faults of a Telnyx account, as they look from outside.

use std::time::Duration;

use serde_json::json;
use timonel_domain::value::{Arm, Weight};
use timonel_plan::scenario::{Down, Fault};
use timonel_ports::clock::{Clock, within};

use crate::numbers::{CANARY, PATH, STABLE, TEST_LINE, visit};
use crate::visit::{fault, minutes, start, target};

#[test]
fn the_account_is_down() {
    let down = |at, how| {
        let target = target("telnyx");
        fault(at, Some(1), Fault::TargetDown { target, how })
    };
    let faults = vec![
        down(10, Down::Unavailable),
        down(11, Down::Unauthenticated),
        down(12, Down::Forbidden),
        down(13, Down::Throttled),
        down(14, Down::Reset),
        down(15, Down::Hang),
        down(16, Down::WebhookDown),
        down(17, Down::WebhookRefuses),
        fault(20, Some(1), Fault::OwnNetworkLost),
    ];
    visit(faults, async |visit| {
        let status = async || visit.ask("GET", "/v2/balance", "").await.map(|answer| answer.status);
        assert_eq!(status().await.unwrap(), 200);
        for (minute, expect) in [(10, 503), (11, 401), (12, 403), (13, 429)] {
            visit.until(minute).await;
            visit.pause(1).await;
            assert_eq!(status().await.unwrap(), expect);
        }
        visit.until(14).await;
        visit.pause(1).await;
        assert!(status().await.is_err());
        for minute in [15, 20] {
            visit.until(minute).await;
            visit.pause(1).await;
            let answer = within(&visit.clock, Duration::from_secs(5), status()).await;
            assert!(answer.is_err(), "minute {minute}");
        }
        assert_eq!(visit.clock.now(), start() + minutes(20) + Duration::from_secs(6));
        assert_eq!(status().await.unwrap(), 200, "one that waits gets through");
    });
}

#[test]
fn writes_are_down_or_refused_while_reads_go_on() {
    let down = |at, how| {
        let target = target("telnyx");
        fault(at, Some(1), Fault::TargetDown { target, how })
    };
    let faults = vec![down(1, Down::WebhookDown), down(2, Down::WebhookRefuses)];
    visit(faults, async |visit| {
        let path = format!("/v2/texml_applications/{CANARY}");
        let body = json!({"friendly_name": "IVR nuevo", "voice_url": "https://otra.example.com/voz"}).to_string();
        for (minute, expect) in [(1, 503), (2, 422), (3, 200)] {
            visit.until(minute).await;
            visit.pause(1).await;
            assert_eq!(
                visit.ask("PATCH", &path, &body).await.unwrap().status,
                expect,
                "minute {minute}"
            );
            assert_eq!(visit.ask("GET", &path, "").await.unwrap().status, 200);
        }
    });
}

#[test]
fn somebody_moves_numbers_again_and_again() {
    let drift = Fault::Drift {
        target: target("telnyx"),
        to: Weight::percent(40),
        by: "portal".to_owned(),
        every: Some(minutes(1)),
    };
    let back = Fault::Drift {
        target: target("telnyx"),
        to: Weight::ZERO,
        by: "portal".to_owned(),
        every: None,
    };
    visit(vec![fault(10, Some(3), drift), fault(20, None, back)], async |visit| {
        for minute in [10, 11, 12] {
            visit.until(minute).await;
            visit.pause(4).await;
            let weight = visit.world.splitter();
            assert!(
                weight > Weight::percent(35) && weight <= Weight::percent(40),
                "minute {minute}: {weight}"
            );
            let members = visit.telnyx().on_canary();
            assert!(!members.contains(&TEST_LINE.to_owned()));
            visit.move_to(&members, STABLE);
        }
        visit.until(19).await;
        assert_eq!(visit.world.splitter(), Weight::ZERO, "three times, and no more");
        let ours: Vec<String> = visit.numbers().into_iter().take(5).collect();
        visit.move_to(&ours, CANARY);
        visit.until(21).await;
        assert!(visit.telnyx().on_canary().is_empty(), "below as well");
        let events = visit
            .ask("GET", "/v2/audit_events?page%5Bsize%5D=100", "")
            .await
            .unwrap();
        assert!(events.body.contains(&visit.telnyx().user_id("portal")));
    });
}

#[test]
fn a_stray_job_comes_late() {
    let stray = Fault::StrayJob {
        target: target("telnyx"),
        by: "portal".to_owned(),
        weight: Weight::percent(30),
        after: minutes(5),
    };
    visit(vec![fault(10, None, stray)], async |visit| {
        visit.until(11).await;
        let jobs = visit.telnyx().jobs();
        assert_eq!((jobs.len(), jobs[0]["status"].as_str()), (1, Some("pending")));
        assert_eq!(visit.world.splitter(), Weight::ZERO);
        visit.until(16).await;
        let weight = visit.world.splitter();
        assert!(
            weight > Weight::percent(25) && weight <= Weight::percent(30),
            "{weight}"
        );
        assert_eq!(visit.telnyx().jobs()[0]["status"], "completed");
    });
}

#[test]
fn jobs_fail_in_part_or_stand_still() {
    let failures = Fault::JobFailures {
        target: target("telnyx"),
        share: 0.25,
    };
    let stuck = Fault::JobsStuck {
        target: target("telnyx"),
    };
    visit(
        vec![fault(1, Some(5), failures), fault(10, Some(20), stuck)],
        async |visit| {
            let post = async || {
                let numbers: Vec<String> = visit.numbers().into_iter().take(8).collect();
                let body = json!({"phone_numbers": numbers, "connection_id": CANARY}).to_string();
                let path = "/v2/phone_numbers/jobs/update_phone_numbers";
                assert_eq!(visit.ask("POST", path, &body).await.unwrap().status, 202);
            };
            visit.until(2).await;
            post().await;
            visit.until(4).await;
            let job = visit.telnyx().jobs().remove(0);
            let count = |list: &str| job[list].as_array().unwrap().len();
            assert_eq!((count("successful_operations"), count("failed_operations")), (6, 2));
            assert_eq!(visit.telnyx().on_canary().len(), 6);
            visit.until(11).await;
            post().await;
            visit.until(20).await;
            assert_eq!(visit.telnyx().jobs()[0]["status"], "pending");
            visit.until(27).await;
            assert_eq!(visit.telnyx().jobs()[0]["status"], "expired");
        },
    );
}

#[test]
fn calls_stay_where_they_went_while_the_account_lies() {
    let lie = Fault::ReadbackLies {
        target: target("telnyx"),
    };
    visit(vec![fault(10, Some(10), lie)], async |visit| {
        visit.set(PATH, 100);
        let some: Vec<String> = visit.numbers().into_iter().take(15).collect();
        visit.move_to(&some, CANARY);
        visit.until(11).await;
        let weight = visit.world.splitter();
        visit.move_to(&some, STABLE);
        let since = visit.clock.now();
        visit.until(19).await;
        assert!(visit.telnyx().on_canary().is_empty(), "the API shows what was written");
        assert_eq!(visit.world.splitter(), weight);
        assert!(
            visit.world.assigned_since(Arm::Canary, since) > 20,
            "traffic knows better"
        );
        visit.until(21).await;
        assert_eq!(
            visit.world.splitter(),
            Weight::ZERO,
            "what was written holds when the lie ends"
        );
    });
}
