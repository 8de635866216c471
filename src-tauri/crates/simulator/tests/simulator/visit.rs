//! A test's view of a world: it starts one, waits in virtual time, asks over the sockets.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use timonel_domain::time::Timestamp;
use timonel_domain::value::TargetId;
use timonel_plan::scenario::{ArmHealth, CallTraffic, Expectation, Fault, Outcome, Profile, Scenario, TimedFault};
use timonel_ports::clock::{Clock, REQUEST_ID_HEADER, sleep};
use timonel_simulator::simulator::{FOLLOWER, Place, SPLITTER, Simulator};
use timonel_simulator::time::{Speed, VirtualClock, drive};

use crate::wire;

pub(crate) const SPLITTER_PATH: &str = "/apis/networking.istio.io/v1/namespaces/prod/virtualservices/casos-vs";
pub(crate) const FOLLOWER_PATH: &str = "/apis/networking.istio.io/v1/namespaces/prod/virtualservices/derivacion-vs";

pub(crate) fn minutes(n: u64) -> Duration {
    Duration::from_secs(n * 60)
}

pub(crate) fn start() -> Timestamp {
    "2026-11-23T10:00:00Z".parse().unwrap()
}

pub(crate) fn target(id: &str) -> TargetId {
    TargetId::new(id).unwrap()
}

pub(crate) fn fault(at: u64, lasting: Option<u64>, fault: Fault) -> TimedFault {
    TimedFault {
        at: minutes(at),
        lasting: lasting.map(minutes),
        fault,
    }
}

pub(crate) fn scenario(faults: Vec<TimedFault>) -> Scenario {
    let health = ArmHealth {
        error_rate: 0.01,
        abandonment: 0.03,
        latency_median: Duration::from_millis(300),
        latency_spread: 0.4,
        recognition: 0.95,
    };
    Scenario {
        id: "test".to_owned(),
        title: String::new(),
        text: String::new(),
        seed: 1,
        start: start(),
        limit: minutes(180),
        bake_at_most: None,
        wait_at_most: None,
        expect: Expectation {
            outcome: Outcome::Completed,
            verified: true,
            escalated: false,
            phase: None,
        },
        traffic: CallTraffic {
            calls_per_day: 40_000.0,
            profile: Profile::Flat,
            mean_call: Duration::from_secs(90),
            requests_per_call: 6.0,
        },
        telnyx: None,
        stable: health.clone(),
        canary: health,
        operator: None,
        faults,
    }
}

/// A test's view of the world.
pub(crate) struct Visit {
    pub(crate) clock: VirtualClock,
    pub(crate) world: Simulator,
}

impl Visit {
    pub(crate) async fn until(&self, minute: u64) {
        let passed = self.clock.now().since(start());
        sleep(&self.clock, minutes(minute).saturating_sub(passed)).await;
    }

    pub(crate) async fn get(&self, url: &str) -> io::Result<wire::Answer> {
        let (address, path) = split(url);
        let flight = self.clock.request();
        wire::ask(
            address,
            "GET",
            &path,
            &format!("{REQUEST_ID_HEADER}: {}\r\n", flight.id()),
            "",
        )
        .await
    }

    pub(crate) async fn metrics(&self) -> io::Result<wire::Answer> {
        self.get(&self.world.metrics_url()).await
    }

    /// The value of a query that gives one series at most.
    pub(crate) async fn query(&self, query: &str) -> Option<f64> {
        let url = format!(
            "{}/api/v1/query?query={}",
            self.world.prometheus_url(),
            wire::encoded(query)
        );
        let answer = self.get(&url).await.unwrap();
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(body["status"], "success", "{query}: {}", answer.body);
        body["data"]["result"][0]["value"][1]
            .as_str()
            .map(|value| value.parse().unwrap())
    }

    pub(crate) fn set(&self, path: &str, canary: u16) {
        let weights = json!([
            {"op": "add", "path": "/spec/http/1/route/0/weight", "value": 100 - canary},
            {"op": "add", "path": "/spec/http/1/route/1/weight", "value": canary},
        ]);
        self.world.cluster().write_as("somebody", path, weights).unwrap();
    }

    pub(crate) fn written(&self, path: &str) -> u64 {
        self.world.cluster().get(path).unwrap()["spec"]["http"][1]["route"][1]["weight"]
            .as_u64()
            .unwrap()
    }
}

pub(crate) fn split(url: &str) -> (SocketAddr, String) {
    let rest = url.strip_prefix("http://").unwrap();
    let (address, path) = rest.split_once('/').unwrap();
    (address.parse().unwrap(), format!("/{path}"))
}

/// Starts the world of `faults`, as fast as the machine can, and visits it.
pub(crate) fn visit<T>(faults: Vec<TimedFault>, visit: impl AsyncFnOnce(Visit) -> T) -> T {
    visit_at(Speed::Max, faults, visit)
}

/// The same at another speed.
pub(crate) fn visit_at<T>(speed: Speed, faults: Vec<TimedFault>, visit: impl AsyncFnOnce(Visit) -> T) -> T {
    play_at(speed, &scenario(faults), targets(), visit)
}

/// Those of a plan whose calls a cluster divides.
pub(crate) fn targets() -> Vec<(TargetId, Place)> {
    vec![
        (target("casos"), Place::VirtualService(SPLITTER.to_owned())),
        (target("derivacion"), Place::VirtualService(FOLLOWER.to_owned())),
    ]
}

/// Starts the world of a scenario with these targets, and visits it.
pub(crate) fn play_at<T>(
    speed: Speed,
    scenario: &Scenario,
    targets: Vec<(TargetId, Place)>,
    visit: impl AsyncFnOnce(Visit) -> T,
) -> T {
    drive(scenario.start, speed, |clock| async move {
        let world = Simulator::start(&clock, scenario, scenario.seed, targets)
            .await
            .unwrap();
        visit(Visit { clock, world }).await
    })
}
