//! The contract of every target, in virtual time: directly, and through Prism, which lets nothing pass that the official
//! contract does not know, in either direction.

use std::time::Duration;

use timonel_domain::rollout::Generation;
use timonel_domain::value::Weight;
use timonel_ports::clock::{sleep, within};
use timonel_ports::target::{Goal, Progress};
use timonel_simulator::time::{Speed, VirtualClock};
use timonel_testkit::target::{Harness, Report, contract, manual_commands};

use super::drive;
use super::front::Front;
use super::official::Official;
use super::simulated::{STABLE, Simulated};

/// What no number share can play: its fence is advisory, and it cannot be watched.
const NEVER: [&str; 3] = [
    "a raise planned before a rollback does not land after it",
    "a write over somebody else's is a conflict (409)",
    "a change is told without being asked",
];
/// How many cases there are.
const CASES: usize = 33;

/// Between us and the account there is a Prism; `None`, and says so, where that cannot be.
async fn through_prism(official: &Official, clock: VirtualClock) -> Option<Simulated> {
    let front = Front::open(&clock).await;
    let prism = official.proxy(&clock, front.url()).await?;
    Some(Simulated::through(prism, clock, front))
}

#[test]
fn the_contract_of_every_target() {
    let report = drive(Speed::Max, |clock| async move {
        let front = Front::open(&clock).await;
        contract(&mut Simulated::directly(clock, front)).await
    });
    println!("{report}");
    assert_eq!(report.cannot, NEVER);
    assert_eq!(report.ran.len(), CASES - NEVER.len());
}

#[test]
fn the_contract_of_every_target_through_the_official_one() {
    let Some(official) = Official::open() else { return };
    let report: Option<Report> = drive(Speed::Max, |clock| async move {
        let mut simulated = through_prism(&official, clock).await?;
        let report = contract(&mut simulated).await;
        assert_eq!(simulated.breaches(), [""; 0]);
        Some(report)
    });
    let Some(report) = report else { return };
    println!("{report}");
    let cannot = [
        "a reset connection is unreachable",
        "500 is unavailable",
        "HTML instead of JSON is garbled",
        "writes that are down do not hide the reading",
    ];
    assert_eq!(report.cannot, [&NEVER[..], &cannot].concat());
    assert_eq!(report.ran.len(), CASES - NEVER.len() - cannot.len());
}

/// The contract has no way to clear a field: a `null` is refused. That must not keep calls on the canary.
#[test]
fn a_lever_that_may_not_clear_a_field_is_pulled_all_the_same() {
    let Some(official) = Official::open() else { return };
    drive(Speed::Max, |clock| async move {
        let shared = clock.shared();
        let Some(mut simulated) = through_prism(&official, clock).await else {
            return;
        };
        let target = simulated.fresh(Weight::percent(40)).await;
        simulated.without_status_callback(STABLE);
        target.read().await.unwrap();
        let goal = Goal::lower(Weight::ZERO, Generation { epoch: 1, revision: 0 });
        let lever = target.instant_lever(&goal).unwrap();
        let operation = target.start(&lever).await.unwrap();
        assert_eq!(simulated.live().await, Weight::ZERO);
        let refused = simulated.breaches();
        assert!(
            refused.len() == 1 && refused[0].contains("patch /v2/texml_applications/"),
            "{refused:?}"
        );
        let over = within(&*shared, Duration::from_secs(60), async {
            loop {
                match target.poll(&operation).await.unwrap() {
                    Progress::Pending(pause) => sleep(&*shared, pause).await,
                    over => return over,
                }
            }
        });
        assert_eq!(over.await.expect("the lever's operation ends"), Progress::Done);
        assert!(target.read().await.unwrap().levered);
    });
}

/// At real speed: virtual time cannot see bash, and the simulated latency has to pass.
#[test]
fn what_a_person_pastes_does_it() {
    let report = drive(Speed::Times(1.0), |clock| async move {
        let front = Front::open(&clock).await;
        manual_commands(&mut Simulated::directly(clock, front)).await
    });
    pasted(&report);
}

#[test]
fn what_a_person_pastes_keeps_to_the_official_contract() {
    let Some(official) = Official::open() else { return };
    let report = drive(Speed::Times(1.0), |clock| async move {
        let mut simulated = through_prism(&official, clock).await?;
        let report = manual_commands(&mut simulated).await;
        assert_eq!(simulated.breaches(), [""; 0]);
        Some(report)
    });
    report.iter().for_each(pasted);
}

fn pasted(report: &Report) {
    println!("{report}");
    assert!(
        report.ran.contains(&"manual commands after a reading"),
        "curl is everywhere: {report}"
    );
}
