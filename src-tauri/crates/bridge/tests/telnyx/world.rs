//! A simulated world with calls behind Prism: whatever the simulator says of them has to keep to the official contract, and
//! so has whatever the source `telnyx` asks.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use timonel_domain::value::{Side, SignalId, TargetId};
use timonel_plan::scenario::{ArmHealth, CallTraffic, Expectation, Outcome, Profile, Scenario, TelnyxWorld};
use timonel_ports::clock::{Clock, sleep};
use timonel_ports::signal::{SignalError, Source};
use timonel_simulator::simulator::{Place, Simulator};
use timonel_simulator::telnyx::{Fault as Trouble, Scope};
use timonel_simulator::time::{Speed, VirtualClock};
use timonel_telnyx::account::{Account, Urgency};
use timonel_telnyx::api::{self, ConnectionId, Job, JobId, JobState};
use timonel_telnyx::records::{RecordSpec, Records, RecordsKind, Timing};
use timonel_testkit::process::Prism;

use super::calls::{Named, ours};
use super::official::Official;
use super::simulated::{CANARY, STABLE};
use super::{account_of, drive};

const INTERVAL: Duration = Duration::from_secs(60);

fn scenario(clock: &VirtualClock) -> Scenario {
    let health = ArmHealth {
        error_rate: 0.1,
        abandonment: 0.1,
        latency_median: Duration::from_millis(300),
        latency_spread: 0.4,
        recognition: 0.95,
    };
    Scenario {
        id: "test".to_owned(),
        title: String::new(),
        text: String::new(),
        seed: 1,
        start: clock.now(),
        limit: Duration::from_secs(6 * 3600),
        bake_at_most: None,
        wait_at_most: None,
        expect: Expectation {
            outcome: Outcome::Completed,
            verified: true,
            escalated: false,
            phase: None,
        },
        traffic: CallTraffic {
            calls_per_day: 20_000.0,
            profile: Profile::Flat,
            mean_call: Duration::from_secs(90),
            requests_per_call: 6.0,
        },
        telnyx: Some(TelnyxWorld {
            numbers: 40,
            skew: 1.0,
            latency: Duration::from_millis(60),
            requests_per_second: 100,
            job_delay: Duration::from_secs(5),
            job_pace: 50,
            propagation: Duration::from_secs(2),
        }),
        stable: health.clone(),
        canary: health,
        operator: None,
        faults: Vec::new(),
    }
}

/// A world whose calls have gone on for some minutes on both applications, and Prism before its account.
struct World {
    simulator: Simulator,
    prism: Prism,
    account: Account,
}

impl World {
    /// `None`, and says so, where Prism is not installed.
    async fn open(official: &Official, clock: &VirtualClock) -> Option<Self> {
        let place = Place::NumberShare {
            stable: STABLE.to_owned(),
            canary: CANARY.to_owned(),
            named: Vec::new(),
            except: Vec::new(),
        };
        let target = TargetId::new("telnyx").unwrap();
        let simulator = Simulator::start(clock, &scenario(clock), 1, [(target, place)])
            .await
            .unwrap();
        let prism = official.proxy(clock, &simulator.telnyx_url().unwrap()).await?;
        let account = account_of(clock.shared(), &prism.url(), Simulator::TELNYX_KEY);
        let telnyx = simulator.telnyx().unwrap();
        let routing = telnyx.routing();
        let numbers: Vec<&str> = routing.iter().step_by(2).map(|routed| &*routed.e164).collect();
        telnyx.move_as("ana", &numbers, CANARY).unwrap();
        sleep(clock, Duration::from_secs(600)).await;
        Some(Self {
            simulator,
            prism,
            account,
        })
    }

    /// Posts a job that moves every number.
    async fn move_all(&self, connection: &str) -> JobId {
        let mut phone_numbers = Vec::new();
        for application in [STABLE, CANARY] {
            let on = api::numbers_on(&self.account, Urgency::Target, &ConnectionId::new(application)).await;
            phone_numbers.extend(on.unwrap().items.into_iter().map(|number| number.id));
        }
        let moved = api::NumberMove {
            phone_numbers,
            connection_id: ConnectionId::new(connection),
        };
        api::start_job(&self.account, Urgency::Target, &moved).await.unwrap().id
    }

    async fn job(&self, id: &JobId) -> Job {
        api::job(&self.account, Urgency::Target, id).await.unwrap()
    }

    /// Things of this account that calls can name; posts a job.
    async fn named(&self) -> Named {
        let stable = ConnectionId::new(STABLE);
        let numbers = api::numbers_on(&self.account, Urgency::Target, &stable).await.unwrap();
        let number = numbers.items[0].id.clone();
        let moved = api::NumberMove {
            phone_numbers: vec![number.clone()],
            connection_id: ConnectionId::new(CANARY),
        };
        let job = api::start_job(&self.account, Urgency::Target, &moved).await.unwrap();
        Named {
            application: ConnectionId::new(CANARY),
            number,
            job: job.id,
        }
    }
}

#[test]
fn whatever_the_simulated_account_answers_keeps_to_the_official_contract() {
    let Some(official) = Official::open() else { return };
    drive(Speed::Max, |clock| async move {
        let Some(world) = World::open(&official, &clock).await else {
            return;
        };
        let named = world.named().await;
        // At an address that is neither arm's there is no fallback, so that some deliveries fail in the end.
        let elsewhere = json!({"voice_url": "https://ivr-3.example.com/voice"});
        let telnyx = world.simulator.telnyx().unwrap();
        telnyx.patch_application_as("ana", CANARY, elsewhere).unwrap();
        sleep(&clock, Duration::from_secs(300)).await;
        for call in ours() {
            let place = format!("{} {}", call.method, call.path);
            let records = (call.ask)(world.account.clone(), named.clone()).await;
            let records = records.unwrap_or_else(|error| panic!("{place}: {error}\n{:#?}", world.prism.breaches()));
            assert!(records > 0, "{place}: nothing was there to look at");
        }
        assert_eq!(world.prism.breaches(), [""; 0]);
        assert!(
            world.simulator.telnyx().unwrap().requests().len() >= 12,
            "what was asked did not arrive"
        );
    });
}

#[test]
fn whatever_the_source_asks_keeps_to_the_official_contract() {
    let Some(official) = Official::open() else { return };
    drive(Speed::Max, |clock| async move {
        let Some(world) = World::open(&official, &clock).await else {
            return;
        };
        let timing = Timing {
            interval: INTERVAL,
            gap: INTERVAL * 10,
        };
        let source = Records::new(world.account.clone(), timing, specs()).unwrap();
        let mut gave = BTreeSet::new();
        for _ in 0..15 {
            for reading in source.read().await {
                match reading.outcome {
                    Ok(_) => drop(gave.insert((reading.signal, reading.side))),
                    Err(SignalError::First { .. } | SignalError::NoData { .. }) => {}
                    Err(error) => panic!("{}: {error}\n{:#?}", reading.signal, world.prism.breaches()),
                }
            }
            sleep(&clock, INTERVAL).await;
        }
        assert_eq!(world.prism.breaches(), [""; 0]);
        // An hour of usage is told an hour after its end.
        let early = |spec: &RecordSpec| spec.kind != RecordsKind::UsageReports;
        let expected: BTreeSet<_> = specs()
            .into_iter()
            .filter(early)
            .map(|spec| (spec.id, spec.side))
            .collect();
        assert_eq!(
            gave.into_iter()
                .filter(|key| expected.contains(key))
                .collect::<BTreeSet<_>>(),
            expected
        );
    });
}

/// A contract that is asked only before and after a job would not see what is said of one meanwhile.
#[test]
fn a_job_keeps_to_the_official_contract_in_each_of_its_states() {
    let Some(official) = Official::open() else { return };
    drive(Speed::Max, |clock| async move {
        let Some(world) = World::open(&official, &clock).await else {
            return;
        };
        let faults = world.simulator.telnyx().unwrap().faults();
        let mut seen = Vec::new();
        // Taken up after 5 s, and over 0.8 s later.
        let job = world.move_all(CANARY).await;
        for pause in [0, 5_200, 5_000] {
            sleep(&clock, Duration::from_millis(pause)).await;
            seen.push(world.job(&job).await);
        }
        let (share, towards) = (0.3, None);
        faults.set(Scope::All, Trouble::JobFailures { share, towards });
        let job = world.move_all(STABLE).await;
        sleep(&clock, Duration::from_secs(30)).await;
        let partly = world.job(&job).await;
        faults.clear_all();
        faults.set(Scope::All, Trouble::JobsStuck);
        let job = world.move_all(STABLE).await;
        sleep(&clock, Duration::from_secs(16 * 60)).await;
        seen.push(world.job(&job).await);
        assert_eq!(world.prism.breaches(), [""; 0]);

        let states: Vec<_> = seen.iter().map(|job| job.status).collect();
        let expected = [
            JobState::Pending,
            JobState::InProgress,
            JobState::Completed,
            JobState::Expired,
        ];
        assert_eq!(states, expected);
        assert!(!seen[1].pending_operations.is_empty() && !seen[1].successful_operations.is_empty());
        let (failed, all) = (partly.failed_operations.len(), partly.phone_numbers.len());
        assert!(
            failed > 0 && failed + partly.successful_operations.len() == all,
            "{partly:?}"
        );
        assert!(!partly.is_open() && partly.failed_operations.iter().all(|failed| !failed.said().is_empty()));
    });
}

/// Every kind of records: the account's balance, the others for both applications.
fn specs() -> Vec<RecordSpec> {
    let spec = |kind: RecordsKind, side: Side, connection: Option<&str>| RecordSpec {
        id: SignalId::new(kind.name()).unwrap(),
        side,
        kind,
        connection: connection.map(ConnectionId::new),
    };
    RecordsKind::ALL
        .into_iter()
        .flat_map(|kind| match kind {
            RecordsKind::Balance => vec![spec(kind, Side::Whole, None)],
            RecordsKind::WebhookDeliveries
            | RecordsKind::ActiveCalls
            | RecordsKind::InitiatedCalls
            | RecordsKind::CallEvents
            | RecordsKind::DetailRecords
            | RecordsKind::UsageReports => vec![
                spec(kind, Side::Stable, Some(STABLE)),
                spec(kind, Side::Canary, Some(CANARY)),
            ],
        })
        .collect()
}
