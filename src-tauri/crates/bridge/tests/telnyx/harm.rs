//! What may happen to people's calls, or to the one press that puts them back, when the account, a disk, another person or
//! another engine does what it should not.

use std::time::Duration;

use serde_json::json;
use timonel_domain::rollout::{Level, Stage};
use timonel_domain::value::Weight;
use timonel_engine::command::Wish;
use timonel_simulator::telnyx::{Fault, Scope};
use timonel_simulator::time::Speed;

use super::drive;
use super::helm::{Helm, levered, read_back};
use super::simulated::{CANARY, NEW, STABLE, number_id, tenant};

const TWENTY_FIVE: Weight = Weight::percent(25);
const APPLICATIONS: &str = "/v2/texml_applications";

fn applications() -> Scope {
    Scope::Path(APPLICATIONS.into())
}

fn nobody(telnyx: &timonel_simulator::telnyx::Telnyx) -> bool {
    telnyx.on_canary().is_empty()
}

/// Such as the PATCH of a raise, which has to name the address that it read: sent before the press, carried out after it.
#[test]
fn a_write_that_lands_after_the_lever_does_not_give_the_calls_back_to_the_canary() {
    drive(Speed::Max, |clock| async move {
        let mut helm = Helm::at(clock, &[50]).await;
        helm.telnyx.faults().set(Scope::All, Fault::JobsStuck);
        helm.press().await;
        helm.until("levered", 5, levered).await;
        helm.release_by_hand();
        assert!(helm.calls() > Weight::ZERO);
        helm.until_there("levered again", 6, |t| t.share_in_force(|_| 1) == Weight::ZERO)
            .await;
        // Also when it comes late.
        helm.pass(300).await;
        helm.release_by_hand();
        helm.until_there("levered again", 6, |t| t.share_in_force(|_| 1) == Weight::ZERO)
            .await;
        helm.telnyx.faults().clear_all();
        helm.until("rolled back", 1800, |s| s.stage == Stage::RolledBack).await;
        assert!(nobody(&helm.telnyx));
    });
}

#[test]
fn a_canary_application_that_is_gone_keeps_nobody() {
    drive(Speed::Max, |clock| async move {
        let mut helm = Helm::at(clock, &[25]).await;
        helm.telnyx.delete_application(CANARY).unwrap();
        helm.press().await;
        helm.until_there("empty", 60, nobody).await;
    });
}

#[test]
fn a_key_that_may_not_change_applications_brings_the_numbers_back_all_the_same() {
    drive(Speed::Max, |clock| async move {
        let mut helm = Helm::at(clock, &[25]).await;
        helm.telnyx.faults().set(applications(), Fault::RefusesWrites);
        helm.press().await;
        helm.until_there("empty", 60, nobody).await;
        helm.until("rolled back", 60, |s| s.stage == Stage::RolledBack).await;
    });
}

#[test]
fn applications_that_cannot_be_written_now_do_not_hold_up_the_numbers() {
    drive(Speed::Max, |clock| async move {
        for fault in [
            Fault::WritesDown,
            Fault::TooManyRequests {
                retry_after: Some(Duration::from_secs(600)),
            },
        ] {
            let mut helm = Helm::at(clock.clone(), &[25]).await;
            helm.telnyx.faults().set(applications(), fault);
            helm.press().await;
            helm.until_there("empty", 60, nobody).await;
        }
    });
}

#[test]
fn a_key_that_is_revoked_in_the_middle_and_comes_back_costs_seconds() {
    drive(Speed::Max, |clock| async move {
        let mut helm = Helm::at(clock, &[25]).await;
        let revoked = helm.telnyx.faults().set(Scope::All, Fault::Unauthorized);
        helm.press().await;
        helm.pass(120).await;
        assert_eq!(helm.calls(), TWENTY_FIVE);
        helm.telnyx.faults().clear(revoked);
        helm.until("read back", 10, read_back).await;
        assert_eq!(helm.calls(), Weight::ZERO);
        helm.until("rolled back", 60, |s| s.stage == Stage::RolledBack).await;
    });
}

/// `retry-after: 600` on a burst that is over after three answers.
#[test]
fn a_burst_of_429_that_asks_for_ten_minutes_costs_half_a_minute() {
    drive(Speed::Max, |clock| async move {
        for scope in [Scope::Writes, Scope::Reads, Scope::All] {
            let mut helm = Helm::at(clock.clone(), &[25]).await;
            let retry_after = Some(Duration::from_secs(600));
            helm.telnyx
                .faults()
                .set_times(scope.clone(), Fault::TooManyRequests { retry_after }, 3);
            helm.press().await;
            helm.until_there("off the canary", 100, |t| t.share_in_force(|_| 1) == Weight::ZERO)
                .await;
            helm.until("read back", 100, read_back).await;
            helm.until("rolled back", 200, |s| s.stage == Stage::RolledBack).await;
        }
    });
}

/// Stable was moved to another host while nobody ran, and the kit knows the old one.
#[test]
fn a_kit_that_knows_an_old_address_of_stable_does_not_leave_the_calls_there() {
    drive(Speed::Max, |clock| async move {
        let mut helm = Helm::at(clock, &[25]).await;
        helm.telnyx.faults().set(Scope::All, Fault::JobsStuck);
        helm.stop().await;
        let moved = "https://ivr-2.example.com/voice";
        helm.address(STABLE, moved);
        helm.start().await;
        helm.press().await;
        helm.until_there("at stable's address", 5, |t| {
            t.url_in_force(CANARY).as_deref() == Some(moved)
        })
        .await;
    });
}

#[test]
fn without_a_kit_the_lever_is_pulled_and_told_at_once() {
    drive(Speed::Max, |clock| async move {
        let mut helm = Helm::at(clock, &[25]).await;
        helm.telnyx.faults().set(Scope::All, Fault::JobsStuck);
        helm.stop().await;
        helm.lose_kit();
        helm.start().await;
        helm.press().await;
        helm.until("levered", 5, levered).await;
        assert_eq!(helm.calls(), Weight::ZERO);
    });
}

/// The lever gave the canary stable's address of then. When stable moves on, that is not the canary's own.
#[test]
fn the_canarys_own_address_outlives_a_change_of_stables() {
    drive(Speed::Max, |clock| async move {
        let mut helm = Helm::at(clock, &[25]).await;
        helm.press().await;
        helm.until("rolled back", 120, |s| s.stage == Stage::RolledBack).await;
        helm.address(STABLE, "https://ivr-2.example.com/voice");
        helm.pass(60).await;
        helm.wish(Wish::Reset {
            reason: "otra vez".into(),
        })
        .await;
        helm.wish(Wish::Arm).await;
        helm.until("armed", 60, |s| s.stage == Stage::Armed).await;
        helm.go().await;
        assert_eq!(helm.telnyx.url_in_force(CANARY).as_deref(), Some(NEW));
        assert_eq!(helm.telnyx.on_canary().len(), 25);
    });
}

#[test]
fn a_tenant_that_is_pinned_behind_a_lever_pulled_by_hand_stays_off_when_it_is_released() {
    drive(Speed::Max, |clock| async move {
        let mut helm = Helm::at(clock, &[50]).await;
        let of_tenant = |helm: &Helm| {
            let there = helm.telnyx.on_canary();
            super::simulated::spec().tenants[&tenant()]
                .iter()
                .filter(|n| there.contains(n))
                .count()
        };
        assert!(of_tenant(&helm) > 0, "some of its numbers are on the canary");
        helm.lever_by_hand();
        helm.pass(30).await;
        let (tenant, reason) = (tenant(), "obras".to_owned());
        helm.wish(Wish::Pin { tenant, reason }).await;
        helm.pass(60).await;
        helm.release_by_hand();
        helm.pass(30).await;
        assert_eq!(of_tenant(&helm), 0);
    });
}

/// A lever that somebody pulled by hand is respected, and nothing goes on when it is released by hand.
#[test]
fn a_stray_lever_is_respected_and_its_release_raises_nothing() {
    drive(Speed::Max, |clock| async move {
        let mut helm = Helm::at(clock, &[25, 50]).await;
        helm.lever_by_hand();
        helm.pass(30).await;
        assert!(helm.state().await.is_frozen());
        helm.release_by_hand();
        helm.pass(900).await;
        assert!(helm.state().await.is_frozen(), "a person lets it go on");
        assert_eq!((helm.calls(), helm.telnyx.on_canary().len()), (TWENTY_FIVE, 25));
        helm.press().await;
        helm.until("rolled back", 60, |s| s.stage == Stage::RolledBack).await;
    });
}

#[test]
fn a_press_over_a_reduction_whose_job_is_stuck_is_back_at_once_and_ends_after_it() {
    drive(Speed::Max, |clock| async move {
        let mut helm = Helm::at(clock, &[50]).await;
        helm.telnyx.faults().set(Scope::All, Fault::JobsStuck);
        let level = Level::Reduce(Weight::percent(10)).into();
        helm.wish(Wish::RollBack {
            level,
            confirmed: false,
        })
        .await;
        helm.pass(8).await;
        helm.press().await;
        helm.until("read back", 3, read_back).await;
        assert_eq!(helm.calls(), Weight::ZERO);
        helm.pass(960).await;
        helm.telnyx.faults().clear_all();
        helm.until("rolled back", 120, |s| s.stage == Stage::RolledBack).await;
        assert!(nobody(&helm.telnyx));
    });
}

/// The process ends while the forward job is pending, and the next one finds it.
#[test]
fn a_forward_job_that_outlives_its_engine_ends_behind_the_lever() {
    drive(Speed::Max, |clock| async move {
        let mut helm = Helm::at(clock, &[25, 50]).await;
        helm.pass(560).await;
        helm.telnyx.faults().set(Scope::All, Fault::JobsStuck);
        helm.until("raising", 120, |s| s.stage == Stage::Shifting { phase: 1 })
            .await;
        helm.pass(5).await;
        helm.press().await;
        helm.until("rolling back", 5, levered).await;
        helm.stop().await;
        helm.lose_kit();
        helm.start().await;
        helm.until("read back", 5, read_back).await;
        assert_eq!(helm.calls(), Weight::ZERO);
        helm.pass(30).await;
        helm.telnyx.faults().clear_all();
        helm.until("rolled back", 1200, |s| s.stage == Stage::RolledBack).await;
        helm.pass(120).await;
        assert!(nobody(&helm.telnyx));
    });
}

#[test]
fn a_number_that_left_the_account_keeps_nobody_else_on_the_canary() {
    drive(Speed::Max, |clock| async move {
        let mut helm = Helm::at(clock, &[25]).await;
        // Nobody can be asked about it any more; the simulator's portal cannot delete, so that it goes elsewhere.
        let gone = helm.telnyx.on_canary()[0].clone();
        helm.telnyx.move_as("ana", &[gone], "2150000000000000009").ok();
        helm.press().await;
        helm.until("rolled back", 120, |s| s.stage == Stage::RolledBack).await;
        assert!(nobody(&helm.telnyx));
    });
}

#[test]
fn a_press_during_a_drill_and_a_drill_that_hangs_are_rollbacks() {
    drive(Speed::Max, |clock| async move {
        let mut helm = Helm::armed(clock.clone(), &[25]).await;
        helm.wish(Wish::Drill).await;
        helm.press().await;
        helm.until("rolled back", 60, |s| s.stage == Stage::RolledBack && s.latch.is_some())
            .await;

        let mut helm = Helm::armed(clock, &[25]).await;
        let hangs = helm.telnyx.faults().set(Scope::All, Fault::BlackHole);
        helm.wish(Wish::Drill).await;
        helm.pass(30).await;
        helm.press().await;
        helm.telnyx.faults().clear(hangs);
        helm.until("rolled back", 60, |s| s.stage == Stage::RolledBack && s.latch.is_some())
            .await;
        assert_eq!(helm.telnyx.url_in_force(CANARY), helm.telnyx.url_in_force(STABLE));
    });
}

#[test]
fn somebody_elses_job_over_our_numbers_keeps_a_raise_off() {
    drive(Speed::Max, |clock| async move {
        let mut helm = Helm::armed(clock, &[25]).await;
        helm.telnyx.faults().set(Scope::All, Fault::JobsStuck);
        let theirs = helm
            .telnyx
            .post_job_as("ana", &[number_id(3)], STABLE, Duration::from_secs(5));
        theirs.unwrap();
        helm.wish(Wish::Start).await;
        helm.pass(60).await;
        assert!(helm.telnyx.jobs().len() == 1, "{:?}", json!(helm.telnyx.jobs()));
        assert!(helm.state().await.is_frozen());
    });
}

/// Whose calls are all that the canary has: the pin takes everybody off, and nobody else is moved in their place.
#[test]
fn a_pin_of_everybody_who_is_on_the_canary_leaves_it_empty() {
    drive(Speed::Max, |clock| async move {
        let mut setup = super::simulated::setup(Weight::ZERO);
        let of_tenant = super::simulated::spec().tenants[&tenant()].clone();
        setup.numbers.retain(|number| of_tenant.contains(&number.e164));
        let mut helm = Helm::armed_with(clock, setup, &[50]).await;
        helm.go().await;
        assert_eq!(helm.telnyx.on_canary().len(), 5);
        let (tenant, reason) = (tenant(), "obras".to_owned());
        helm.wish(Wish::Pin { tenant, reason }).await;
        helm.until_there("empty", 30, nobody).await;
        helm.pass(120).await;
        assert!(nobody(&helm.telnyx));
        helm.press().await;
        helm.until("rolled back", 60, |s| s.stage == Stage::RolledBack).await;
    });
}

/// A tenant is pinned while the job that takes its numbers to the canary waits: it is followed by one that brings them back.
#[test]
fn a_pin_while_a_forward_job_is_pending_outlives_the_job() {
    drive(Speed::Max, |clock| async move {
        let mut setup = super::simulated::setup(Weight::ZERO);
        setup.jobs.delay = Duration::from_secs(40);
        let mut helm = Helm::armed_with(clock, setup, &[50]).await;
        helm.wish(Wish::Start).await;
        helm.pass(10).await;
        assert_eq!(helm.telnyx.jobs().len(), 1, "it is on its way");
        let (tenant, reason) = (tenant(), "obras".to_owned());
        helm.wish(Wish::Pin {
            tenant: tenant.clone(),
            reason,
        })
        .await;
        helm.until("the first phase", 400, |s| s.stage == Stage::Baking { phase: 0 })
            .await;
        let there = helm.telnyx.on_canary();
        let pinned = &super::simulated::spec().tenants[&tenant];
        assert!(
            there.len() == 50 && there.iter().all(|number| !pinned.contains(number)),
            "{there:?}"
        );
    });
}

/// Two engines, two kits: the one without the helm is heard, and the other raises nothing over it.
#[test]
fn a_rollback_from_another_machine_is_respected_by_the_one_at_the_helm() {
    drive(Speed::Max, |clock| async move {
        let helm = Helm::at(clock, &[25, 50]).await;
        let other = helm.another().await;
        let goal = timonel_ports::target::Goal::lower(
            Weight::ZERO,
            timonel_domain::rollout::Generation { epoch: 9, revision: 0 },
        );
        let lever = timonel_ports::target::Target::instant_lever(&other, &goal).unwrap();
        timonel_ports::target::Target::start(&other, &lever).await.unwrap();
        assert_eq!(helm.calls(), Weight::ZERO);
        helm.until("frozen", 30, |s| s.is_frozen()).await;
        helm.pass(900).await;
        assert_eq!(helm.calls(), Weight::ZERO);
    });
}
