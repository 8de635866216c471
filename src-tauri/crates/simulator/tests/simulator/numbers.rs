//! A world whose calls are divided by the numbers of a Telnyx account: volumes, arms, the follower.

use std::time::Duration;

use serde_json::json;
use timonel_domain::time::Timestamp;
use timonel_domain::value::{Arm, TargetId, Weight};
use timonel_plan::scenario::{Scenario, TelnyxWorld, TimedFault};
use timonel_ports::clock::{Clock, REQUEST_ID_HEADER, sleep};
use timonel_simulator::simulator::{FOLLOWER, NUMBERS_FOLLOWER, Place, Simulator};
use timonel_simulator::telnyx::Telnyx;
use timonel_simulator::time::Speed;

use crate::visit::{FOLLOWER_PATH, Visit, play_at, split, target};
use crate::wire;

pub(crate) const STABLE: &str = "2150000000000000001";
pub(crate) const CANARY: &str = "2150000000000000002";
pub(crate) const TENANT: &str = "+34910000101";
pub(crate) const TEST_LINE: &str = "+34910009999";
pub(crate) const PATH: &str = "/apis/networking.istio.io/v1/namespaces/prod/virtualservices/consultas-vs";

pub(crate) fn scenario(faults: Vec<TimedFault>) -> Scenario {
    Scenario {
        telnyx: Some(TelnyxWorld {
            numbers: 40,
            skew: 1.0,
            latency: Duration::from_millis(60),
            requests_per_second: 20,
            job_delay: Duration::from_secs(5),
            job_pace: 50,
            propagation: Duration::from_secs(2),
        }),
        ..crate::visit::scenario(faults)
    }
}

pub(crate) fn targets() -> Vec<(TargetId, Place)> {
    let numbers = Place::NumberShare {
        stable: STABLE.to_owned(),
        canary: CANARY.to_owned(),
        named: vec![TENANT.to_owned()],
        except: vec![TEST_LINE.to_owned()],
    };
    let follower = Place::VirtualService(NUMBERS_FOLLOWER.to_owned());
    vec![(target("telnyx"), numbers), (target("consultas"), follower)]
}

/// Starts a world with an account, as fast as the machine can, and visits it.
pub(crate) fn visit<T>(faults: Vec<TimedFault>, visit: impl AsyncFnOnce(Visit) -> T) -> T {
    play_at(Speed::Max, &scenario(faults), targets(), visit)
}

impl Visit {
    pub(crate) fn telnyx(&self) -> &Telnyx {
        self.world.telnyx().unwrap()
    }

    pub(crate) fn numbers(&self) -> Vec<String> {
        let routing = self.telnyx().routing();
        routing.iter().map(|routed| routed.e164.to_string()).collect()
    }

    pub(crate) fn move_to(&self, numbers: &[String], connection: &str) {
        let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
        self.telnyx().move_as("ana", &numbers, connection).unwrap();
    }

    pub(crate) async fn ask(&self, method: &str, path: &str, body: &str) -> std::io::Result<wire::Answer> {
        let (address, path) = split(&format!("{}{path}", self.world.telnyx_url().unwrap()));
        let flight = self.clock.request();
        let header = format!(
            "Authorization: Bearer {}\r\n{REQUEST_ID_HEADER}: {}\r\nContent-Type: application/json\r\n",
            Simulator::TELNYX_KEY,
            flight.id()
        );
        wire::ask(address, method, &path, &header, body).await
    }

    pub(crate) async fn pause(&self, seconds: u64) {
        sleep(&self.clock, Duration::from_secs(seconds)).await;
    }
}

#[test]
fn an_account_has_the_numbers_of_plan_and_scenario() {
    visit(Vec::new(), async |visit| {
        let routing = visit.telnyx().routing();
        let on_stable = routing.iter().filter(|routed| *routed.connection_id == *STABLE);
        assert_eq!(on_stable.count(), 40, "the test line included");
        let numbers = visit.numbers();
        assert!(numbers.contains(&TENANT.to_owned()) && numbers.contains(&TEST_LINE.to_owned()));
        assert!(
            numbers
                .iter()
                .all(|number| number.starts_with("+349") && number.len() == 12),
            "{numbers:?}"
        );
        let ids = visit
            .ask("GET", "/v2/phone_numbers/slim?page%5Bsize%5D=250", "")
            .await
            .unwrap();
        let body: serde_json::Value = serde_json::from_str(&ids.body).unwrap();
        for number in body["data"].as_array().unwrap() {
            let id = number["id"].as_str().unwrap();
            assert!(id.len() == 19 && id.bytes().all(|b| b.is_ascii_digit()), "{id}");
        }
        assert_eq!(visit.world.splitter(), Weight::ZERO);
        let foreign = routing.iter().filter(|routed| routed.voice_url.is_none());
        assert_eq!(foreign.count(), 3, "numbers that are none of ours");
    });
}

#[test]
fn calls_go_where_their_number_goes() {
    visit(Vec::new(), async |visit| {
        visit.set(PATH, 100);
        visit.until(10).await;
        assert_eq!(visit.world.assigned_since(Arm::Canary, Timestamp::default()), 0);
        let half: Vec<String> = visit.numbers().into_iter().take(12).collect();
        visit.move_to(&half, CANARY);
        visit.pause(1).await;
        assert_eq!(visit.world.splitter(), Weight::ZERO, "calls follow two seconds later");
        visit.pause(2).await;
        let weight = visit.world.splitter();
        assert!(weight > Weight::percent(5) && weight < Weight::percent(90), "{weight}");
        let since = visit.clock.now();
        visit.until(70).await;
        let [stable, canary] = [Arm::Stable, Arm::Canary].map(|arm| visit.world.assigned_since(arm, since) as f64);
        let expect = f64::from(weight.hundredths()) / 10_000.0;
        let all = stable + canary;
        let deviation = (all * expect * (1.0 - expect)).sqrt();
        assert!(
            (canary - all * expect).abs() < 4.5 * deviation,
            "{canary} of {all}, not {weight}"
        );
        let failed = "sum(increase(http_requests_total{version=\"canary\",status=\"500\"}[30m]))";
        assert!(visit.query(failed).await.unwrap() < 0.05 * canary * 6.0);
    });
}

#[test]
fn the_arm_follows_the_url_in_force() {
    visit(Vec::new(), async |visit| {
        visit.set(PATH, 100);
        let all = visit.numbers();
        visit.move_to(&all[..20], CANARY);
        visit.until(20).await;
        assert!(visit.world.splitter() > Weight::ZERO);
        let stable = visit.telnyx().application(STABLE).unwrap()["voice_url"].clone();
        let own = visit.telnyx().application(CANARY).unwrap()["voice_url"].clone();
        let pull = |url: &serde_json::Value| {
            let changes = json!({"voice_url": url});
            visit.telnyx().patch_application_as("ana", CANARY, changes).unwrap();
        };
        pull(&stable);
        visit.pause(3).await;
        assert_eq!(
            visit.world.splitter(),
            Weight::ZERO,
            "the lever: numbers are still on the canary"
        );
        assert_eq!(visit.telnyx().on_canary().len(), 20);
        let since = visit.clock.now();
        visit.until(40).await;
        assert_eq!(visit.world.assigned_since(Arm::Canary, since), 0);
        assert_eq!(visit.world.in_progress(Arm::Canary), 0, "drained");
        pull(&own);
        visit.pause(3).await;
        assert!(visit.world.splitter() > Weight::ZERO);
    });
}

#[test]
fn everything_that_is_dialled_can_move() {
    visit(Vec::new(), async |visit| {
        let dialled: Vec<String> = visit.numbers().into_iter().take(39).collect();
        visit.move_to(&dialled, CANARY);
        visit.pause(3).await;
        assert_eq!(visit.world.splitter(), Weight::FULL, "nobody dials the test line");
    });
}

#[test]
fn a_number_that_leaves_texml_fails_its_calls() {
    visit(Vec::new(), async |visit| {
        let elsewhere = visit.telnyx().routing().pop().unwrap();
        assert!(elsewhere.voice_url.is_none(), "a connection of another kind");
        let dialled: Vec<String> = visit.numbers().into_iter().take(39).collect();
        visit.move_to(&dialled, &elsewhere.connection_id);
        visit.until(20).await;
        let of = |labels: &str| format!("sum(increase(http_requests_total{{version=\"stable\"{labels}}}[10m]))");
        let all = visit.query(&of("")).await.unwrap();
        assert!(all > 500.0);
        assert_eq!(visit.query(&of(",status=\"500\"")).await, Some(all));
        assert_eq!(visit.world.splitter(), Weight::ZERO);
    });
}

#[test]
fn the_same_seed_gives_the_same_calls() {
    let run = |speed| {
        play_at(speed, &scenario(Vec::new()), targets(), async |visit| {
            visit.set(PATH, 100);
            visit.move_to(&visit.numbers()[..10], CANARY);
            visit.until(30).await;
            visit.world.dump_openmetrics()
        })
    };
    assert_eq!(run(Speed::Max), run(Speed::Times(20_000.0)));
}

#[test]
fn the_follower_lets_the_canarys_calls_through() {
    let failures = async |visit: &Visit| {
        let of = |labels: &str| format!("sum(increase(http_requests_total{{version=\"canary\"{labels}}}[10m]))");
        visit.query(&of(",status=\"500\"")).await.unwrap() / visit.query(&of("")).await.unwrap()
    };
    visit(Vec::new(), async |visit| {
        visit.move_to(&visit.numbers()[..20], CANARY);
        visit.until(15).await;
        assert_eq!(visit.world.follower(), Weight::ZERO);
        assert_eq!(failures(&visit).await, 1.0, "it is closed");
        visit.set(PATH, 100);
        visit.until(30).await;
        assert!(failures(&visit).await < 0.05);
        assert!(visit.world.cluster().get(FOLLOWER_PATH).is_some());
    });
    let alone = targets().into_iter().take(1).collect();
    play_at(Speed::Max, &scenario(Vec::new()), alone, async |visit| {
        assert_eq!(
            visit.world.follower(),
            Weight::FULL,
            "no target follows, and nothing is in the way"
        );
    });
    let other = vec![
        targets().remove(0),
        (target("derivacion"), Place::VirtualService(FOLLOWER.to_owned())),
    ];
    play_at(Speed::Max, &scenario(Vec::new()), other, async |visit| {
        assert_eq!(visit.world.follower(), Weight::ZERO);
        visit.set(FOLLOWER_PATH, 100);
        visit.pause(1).await;
        assert_eq!(visit.world.follower(), Weight::FULL);
    });
}

#[test]
fn a_world_without_an_account_has_neither_socket_nor_follower_of_numbers() {
    crate::visit::visit(Vec::new(), async |visit| {
        assert!(visit.world.telnyx().is_none() && visit.world.telnyx_url().is_none());
        assert!(visit.world.cluster().get(PATH).is_none());
    });
}
