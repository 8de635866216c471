//! The account's limit and how it is told.

use timonel_simulator::telnyx::{Limits, Reset, Setup};

use super::stage::{Answer, Stage, on_stage, setup};

fn limited(limits: Limits) -> Setup {
    Setup { limits, ..setup(1) }
}

fn ten() -> Limits {
    Limits {
        requests_per_second: Some(10),
        ..Limits::default()
    }
}

fn told(answer: &Answer) -> [Option<&str>; 4] {
    [
        "x-ratelimit-limit",
        "x-ratelimit-remaining",
        "x-ratelimit-reset",
        "retry-after",
    ]
    .map(|name| answer.header(name))
}

#[test]
fn every_answer_tells_what_is_left() {
    on_stage(1, limited(ten()), |stage| async move {
        let first = stage.get("/v2/balance").await;
        assert_eq!(told(&first), [Some("10"), Some("9"), Some("1"), None]);
        assert_eq!(
            told(&stage.get("/v2/nothing").await),
            [Some("10"), Some("8"), Some("1"), None]
        );
        stage.until(1_000).await;
        assert_eq!(told(&stage.get("/v2/balance").await)[1], Some("9"), "each second anew");
    });
    on_stage(1, setup(1), |stage| async move {
        assert_eq!(told(&stage.get("/v2/balance").await), [None; 4], "no limit, no headers");
    });
}

async fn burst(stage: &Stage) -> Vec<Answer> {
    let asked = (0..15).map(|at| {
        let stage = stage.clone();
        async move {
            stage
                .get(&format!("/v2/phone_numbers/slim?page[number]={}", at + 1))
                .await
        }
    });
    futures::future::join_all(asked).await
}

#[test]
fn whoever_asks_too_often_is_refused_until_the_next_second() {
    on_stage(3, limited(ten()), |stage| async move {
        let answers = burst(&stage).await;
        let refused: Vec<_> = answers.iter().filter(|answer| answer.code == 429).collect();
        assert_eq!(
            (refused.len(), answers.iter().filter(|a| a.code == 200).count()),
            (5, 10)
        );
        let error = refused[0].error();
        assert_eq!(
            (error.1.as_str(), error.2.as_str()),
            ("10011", "You have exceeded the maximum number of allowed requests.")
        );
        assert_eq!(told(refused[0]), [Some("10"), Some("0"), Some("1"), None]);
        assert_eq!(stage.telnyx.throttled(), 5);
        stage.until(1_000).await;
        assert_eq!(stage.get("/v2/balance").await.code, 200);
    });
}

#[test]
fn the_same_requests_are_refused_each_time() {
    let codes = || {
        on_stage(3, limited(ten()), |stage| async move {
            burst(&stage).await.iter().map(|answer| answer.code).collect::<Vec<_>>()
        })
    };
    let first = codes();
    for _ in 0..5 {
        assert_eq!(codes(), first);
    }
}

#[test]
fn the_reset_may_be_a_moment_and_a_refusal_may_say_how_long() {
    let limits = Limits {
        requests_per_second: Some(1),
        reset: Reset::Epoch,
        retry_after: true,
    };
    on_stage(1, limited(limits), |stage| async move {
        let good = stage.get("/v2/balance").await;
        let next = "1795312801";
        assert_eq!(told(&good), [Some("1"), Some("0"), Some(next), None]);
        let refused = stage.get("/v2/balance").await;
        assert_eq!(
            (refused.code, told(&refused)),
            (429, [Some("1"), Some("0"), Some(next), Some("1")])
        );
    });
}
