//! Everything that can be made to go wrong, as a client sees it.

use std::time::Duration;

use serde_json::{Value, json};
use timonel_ports::clock::within;
use timonel_ports::task::spawn;
use timonel_simulator::telnyx::{Fault, Scope};

use super::stage::{APPLICATION, CANARY, CANARY_URL, JOBS, Stage, id, ids, on_stage, setup};

const LIMIT: Duration = Duration::from_secs(5);

fn rename(to: &str) -> Value {
    json!({"friendly_name": to, "voice_url": CANARY_URL})
}

fn name(stage: &Stage) -> String {
    let application = stage.telnyx.application(CANARY).unwrap();
    application["friendly_name"].as_str().unwrap().to_owned()
}

#[test]
fn plain_answers() {
    on_stage(1, setup(1), |stage| async move {
        let faults = stage.telnyx.faults();
        for (fault, status, code) in [
            (Fault::Unauthorized, 401, "10009"),
            (Fault::Forbidden, 403, "10010"),
            (Fault::InternalError, 500, "10007"),
            (Fault::Unavailable, 503, "10037"),
            (Fault::TooManyRequests { retry_after: None }, 429, "10011"),
            (Fault::RefusesWrites, 422, "10015"),
            (Fault::WritesDown, 503, "10037"),
        ] {
            let id = faults.set(Scope::All, fault.clone());
            let error = stage.patch(APPLICATION, rename("x")).await.error();
            assert_eq!((error.0, error.1.as_str()), (status, code), "{fault:?}");
            let read = stage.get(APPLICATION).await;
            if matches!(fault, Fault::RefusesWrites | Fault::WritesDown) {
                assert_eq!(read.code, 200, "{fault:?}: reading goes on");
            } else {
                assert_eq!(read.error().0, status, "{fault:?}");
            }
            faults.clear(id);
            assert_eq!(stage.get(APPLICATION).await.code, 200, "{fault:?} is over");
        }
        faults.set(Scope::All, Fault::Html);
        let page = stage.get(APPLICATION).await;
        assert_eq!(
            (page.code, page.header("content-type")),
            (200, Some("text/html; charset=utf-8"))
        );
        faults.clear_all();
        assert_eq!(name(&stage), "ivr new", "nothing was written");
    });
}

#[test]
fn a_429_says_when_to_come_again_only_where_it_is_told_to() {
    on_stage(1, setup(1), |stage| async move {
        let faults = stage.telnyx.faults();
        faults.set_times(Scope::All, Fault::TooManyRequests { retry_after: None }, 2);
        for _ in 0..2 {
            let mute = stage.get(APPLICATION).await;
            assert_eq!(
                (mute.code, mute.header("retry-after"), mute.header("x-ratelimit-reset")),
                (429, None, None)
            );
        }
        assert_eq!(stage.get(APPLICATION).await.code, 200, "the burst is over");
        let retry_after = Some(Duration::from_secs(7));
        faults.set(Scope::Jobs, Fault::TooManyRequests { retry_after });
        let told = stage.get(JOBS).await;
        assert_eq!(
            (told.code, told.header("retry-after"), told.header("x-ratelimit-reset")),
            (429, Some("7"), Some("7"))
        );
        assert_eq!(stage.get(APPLICATION).await.code, 200, "it is about jobs");
    });
}

#[test]
fn scopes() {
    on_stage(1, setup(1), |stage| async move {
        let faults = stage.telnyx.faults();
        let meets = async |scope: Scope| {
            faults.set(scope, Fault::InternalError);
            let codes = [
                stage.get(APPLICATION).await.code,
                stage.patch(APPLICATION, rename("ivr new")).await.code,
                stage.get(JOBS).await.code,
                stage.get("/v2/phone_numbers/slim").await.code,
            ];
            faults.clear_all();
            codes.map(|code| code == 500)
        };
        assert_eq!(meets(Scope::All).await, [true; 4]);
        assert_eq!(meets(Scope::Reads).await, [true, false, true, true]);
        assert_eq!(meets(Scope::Writes).await, [false, true, false, false]);
        assert_eq!(meets(Scope::Jobs).await, [false, false, true, false]);
        assert_eq!(
            meets(Scope::Path("/v2/phone_numbers/s".to_owned())).await,
            [false, false, false, true]
        );
    });
}

#[test]
fn a_reset_closes_without_an_answer_and_without_a_write() {
    on_stage(1, setup(1), |stage| async move {
        stage.telnyx.faults().set_times(Scope::Writes, Fault::Reset, 1);
        assert!(stage.call("PATCH", APPLICATION, &rename("x")).await.is_err());
        assert_eq!(name(&stage), "ivr new");
        assert_eq!(stage.patch(APPLICATION, rename("y")).await.code, 200);
    });
}

#[test]
fn a_client_that_gave_up_has_written_nothing() {
    on_stage(1, setup(1), |stage| async move {
        let extra = Duration::from_secs(10);
        stage.telnyx.faults().set(Scope::Writes, Fault::Slow { extra });
        let gone = within(&stage.clock, LIMIT, stage.call("PATCH", APPLICATION, &rename("x"))).await;
        assert!(gone.is_err());
        assert_eq!(stage.millis(), 5_000);
        stage.sleep(60_000).await;
        assert_eq!(name(&stage), "ivr new");
        assert_eq!(stage.patch(APPLICATION, rename("x")).await.code, 200);
        assert!((75_060..=75_068).contains(&stage.millis()), "{}", stage.millis());
    });
}

#[test]
fn a_black_hole_lets_go_of_those_who_still_wait() {
    on_stage(1, setup(1), |stage| async move {
        let hole = stage.telnyx.faults().set(Scope::All, Fault::BlackHole);
        let gone = within(&stage.clock, LIMIT, stage.call("PATCH", APPLICATION, &rename("gone"))).await;
        assert!(gone.is_err());
        assert_eq!(stage.millis(), 5_000, "a request that hangs does not hold up time");
        let waiting = {
            let stage = stage.clone();
            spawn(&stage.clock.shared(), async move {
                stage.patch(APPLICATION, rename("patient")).await.code
            })
        };
        stage.sleep(60_000).await;
        assert_eq!(name(&stage), "ivr new");
        stage.telnyx.faults().clear(hole);
        assert_eq!(waiting.join().await.unwrap(), 200);
        assert_eq!(name(&stage), "patient");
    });
}

#[test]
fn a_black_hole_that_opens_on_the_way_swallows_as_well() {
    on_stage(1, setup(1), |stage| async move {
        let asking = {
            let stage = stage.clone();
            spawn(&stage.clock.shared(), async move {
                within(&stage.clock, LIMIT, stage.call("PATCH", APPLICATION, &rename("x")))
                    .await
                    .is_err()
            })
        };
        stage.sleep(30).await;
        stage.telnyx.faults().set(Scope::All, Fault::BlackHole);
        assert!(asking.join().await.unwrap());
        assert_eq!(name(&stage), "ivr new");
    });
}

#[test]
fn a_lost_answer_leaves_the_write_done() {
    on_stage(1, setup(2), |stage| async move {
        stage.telnyx.faults().set(Scope::All, Fault::AnswerLost);
        let body = json!({"phone_numbers": ids(0..1), "connection_id": CANARY});
        for (method, path, body) in [
            ("PATCH", APPLICATION, &rename("done")),
            ("POST", "/v2/phone_numbers/jobs/update_phone_numbers", &body),
        ] {
            let began = stage.millis();
            assert!(
                within(&stage.clock, LIMIT, stage.call(method, path, body))
                    .await
                    .is_err()
            );
            assert_eq!(stage.millis() - began, 5_000);
        }
        assert_eq!(name(&stage), "done");
        assert_eq!(
            stage.get(JOBS).await.json()["meta"]["total_results"],
            1,
            "reading is answered"
        );
        assert_eq!(stage.telnyx.jobs()[0]["phone_numbers"], json!([{"id": id(0)}]));
    });
}

#[test]
fn the_same_seed_gives_the_same_answers() {
    let run = |seed| {
        on_stage(seed, setup(20), |stage| async move {
            let faults = stage.telnyx.faults();
            faults.set(
                Scope::All,
                Fault::JobFailures {
                    share: 0.3,
                    towards: None,
                },
            );
            let job = stage.job(&ids(0..20), CANARY).await;
            stage.sleep(10_000).await;
            let looked = futures::future::join_all((0..10).map(|at| {
                let (stage, job) = (stage.clone(), job.clone());
                async move {
                    let number = stage.get(&format!("/v2/phone_numbers/{}", id(at))).await;
                    (stage.clock.clone(), stage.look(&job).await, number, stage.millis())
                }
            }))
            .await;
            let seen: Vec<_> = looked
                .into_iter()
                .map(|(_, job, number, at)| (job, number, at))
                .collect();
            (seen, stage.get("/v2/audit_events").await)
        })
    };
    let first = run(5);
    for _ in 0..3 {
        assert_eq!(run(5), first);
    }
    assert_ne!(run(6), first);
}
