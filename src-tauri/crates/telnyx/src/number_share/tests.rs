//! The pure half: snapshots in, deeds out. What is sent and read stands in `loopback`.

mod fake;
mod loopback;

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::{btree_set, vec};
use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq, proptest};
use serde_json::Map;
use timonel_domain::rollout::Generation;
use timonel_domain::time::Timestamp;
use timonel_domain::value::{TenantId, Weight};
use timonel_ports::target::{Goal, Members, TargetError};

use super::plan::{OpenJob, Planner, Snapshot};
use super::settings::Settings;
use super::step::{Deed, FORM, Move, Way};
use super::subset::Number;

const NUMBERS: usize = 40;

fn settings(name: &str) -> Settings {
    Settings {
        friendly_name: name.to_owned(),
        voice_url: format!("https://{name}.example/voice"),
        voice_method: Some("post".to_owned()),
        voice_fallback_url: Some("https://old.example/voice".to_owned()),
        status_callback: None,
        status_callback_method: None,
        inbound: Map::new(),
    }
}

fn id(at: usize) -> String {
    format!("18500{at:02}")
}

/// Forty numbers of equal size, the first of them on the canary, and that many asked for.
fn snapshot(on_canary: usize) -> Snapshot {
    let number = |at| Number {
        id: id(at),
        e164: format!("+34910000{at:03}"),
        calls: 0,
    };
    let on_canary: BTreeSet<_> = (0..on_canary).map(id).collect();
    Snapshot {
        form: FORM,
        at: Timestamp::from_secs(1_000),
        stable: settings("old"),
        canary: settings("new"),
        tags: vec!["ivr".to_owned()],
        own: Some(settings("new")),
        numbers: (0..NUMBERS).map(number).collect(),
        aim: Some(on_canary.iter().cloned().collect()),
        on_canary,
        open: Vec::new(),
        known: Vec::new(),
    }
}

fn levered(mut snapshot: Snapshot) -> Snapshot {
    snapshot.canary = snapshot.canary.like(&snapshot.stable);
    snapshot.tags.push("timonel-mark=1.0".to_owned());
    snapshot.aim = Some(Vec::new());
    snapshot
}

fn job(id: &str, ours: &[usize], homeward: bool) -> OpenJob {
    OpenJob {
        id: id.to_owned(),
        created_at: "2026-11-22T01:00:00Z".to_owned(),
        ours: ours.iter().map(|&at| self::id(at)).collect(),
        homeward,
    }
}

fn generation(epoch: u64, revision: u32) -> Generation {
    Generation { epoch, revision }
}

fn raise(percent: u8) -> Goal {
    Goal::raise(Weight::percent(percent), generation(1, 1))
}

fn lower(percent: u8) -> Goal {
    Goal::lower(Weight::percent(percent), generation(1, 0))
}

/// The first five numbers are of one tenant.
fn tenants() -> BTreeMap<TenantId, BTreeSet<String>> {
    let numbers = (0..5).map(|at| format!("+34910000{at:03}")).collect();
    BTreeMap::from([(TenantId::new("norte").unwrap(), numbers)])
}

fn plan(goal: &Goal, snapshot: &Snapshot) -> Result<Vec<Deed>, TargetError> {
    let tenants = tenants();
    let planner = Planner {
        place: "there",
        salt: "plan",
        tenants: &tenants,
    };
    planner.deeds(goal, snapshot)
}

fn reach(goal: &Goal, snapshot: &Snapshot) -> (Weight, Option<Members>) {
    let tenants = tenants();
    let planner = Planner {
        place: "there",
        salt: "plan",
        tenants: &tenants,
    };
    let reach = planner.reach(goal, snapshot);
    (reach.weight, reach.set)
}

fn names(deeds: &[Deed]) -> Vec<&'static str> {
    let name = |deed: &Deed| match deed {
        Deed::Open(open) if open.release.is_some() => "release",
        Deed::Open(_) => "open",
        Deed::Pull(_) => "pull",
        Deed::Seek { .. } => "seek",
        Deed::Mark { .. } => "mark",
        Deed::Move(Move { to: Way::Stable, .. }) => "home",
        Deed::Move(Move { to: Way::Canary, .. }) => "out",
        Deed::Follow { .. } => "follow",
    };
    deeds.iter().map(name).collect()
}

/// Who is on the canary once all deeds are done, by the moves alone.
fn after(snapshot: &Snapshot, deeds: &[Deed]) -> BTreeSet<String> {
    let mut on = snapshot.on_canary.clone();
    for deed in deeds {
        match deed {
            Deed::Move(Move {
                to: Way::Canary,
                numbers,
                ..
            }) => on.extend(numbers.iter().cloned()),
            Deed::Move(Move {
                to: Way::Stable,
                numbers,
                ..
            }) => on.retain(|id| !numbers.contains(id)),
            Deed::Open(_) | Deed::Pull(_) | Deed::Seek { .. } | Deed::Mark { .. } | Deed::Follow { .. } => {}
        }
    }
    on
}

fn aim(deeds: &[Deed]) -> Option<BTreeSet<String>> {
    deeds.iter().find_map(|deed| match deed {
        Deed::Open(open) => Some(open.aim.iter().cloned().collect()),
        Deed::Mark { aim, .. } => Some(aim.iter().cloned().collect()),
        Deed::Pull(_) | Deed::Seek { .. } => Some(BTreeSet::new()),
        Deed::Move(_) | Deed::Follow { .. } => None,
    })
}

fn refused(planned: Result<Vec<Deed>, TargetError>) -> String {
    match planned {
        Err(TargetError::Refused { detail, .. }) => detail,
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn a_raise_stamps_first_and_asks_for_exactly_whom_it_moves() {
    let snapshot = snapshot(2);
    let deeds = plan(&raise(25), &snapshot).unwrap();
    assert_eq!(names(&deeds), ["open", "out"]);
    let on = after(&snapshot, &deeds);
    assert_eq!((on.len(), aim(&deeds)), (10, Some(on.clone())));
    assert!(on.is_superset(&snapshot.on_canary));
    let members = Members { canary: 10, all: 40 };
    assert_eq!(reach(&raise(25), &snapshot), (Weight::percent(25), Some(members)));
    // Eleven numbers would be 27.5 %.
    let members = Members { canary: 10, all: 40 };
    assert_eq!(reach(&raise(27), &snapshot), (Weight::percent(25), Some(members)));
}

#[test]
fn a_raise_brings_back_whom_a_pin_holds_and_nobody_else() {
    let snapshot = snapshot(10);
    let goal = Goal::Raise {
        to: Weight::percent(50),
        generation: generation(1, 1),
        pins: tenants().into_keys().collect(),
    };
    let deeds = plan(&goal, &snapshot).unwrap();
    assert_eq!(names(&deeds), ["open", "home", "out"]);
    let on = after(&snapshot, &deeds);
    assert_eq!((on.len(), aim(&deeds)), (20, Some(on.clone())));
    assert!((0..5).all(|at| !on.contains(&id(at))) && (5..10).all(|at| on.contains(&id(at))));
}

#[test]
fn a_thousand_numbers_are_a_job() {
    let mut snapshot = snapshot(0);
    let number = |at: usize| Number {
        id: at.to_string(),
        e164: format!("+34{at:08}"),
        calls: 0,
    };
    snapshot.numbers = (0..2_300).map(number).collect();
    let deeds = plan(&raise(100), &snapshot).unwrap();
    assert_eq!(names(&deeds), ["open", "out", "out", "out"]);
    assert_eq!(after(&snapshot, &deeds).len(), 2_300);
}

#[test]
fn what_is_under_way_has_to_be_over_before_a_raise() {
    let mut open = snapshot(2);
    open.open = vec![job("j1", &[3, 30], false)];
    assert!(refused(plan(&raise(25), &open)).contains("j1"));
    assert!(open.unsettled().unwrap().contains("j1"));
    open.open = vec![job("j1", &[3], true)];
    assert!(refused(plan(&raise(25), &open)).contains("j1"), "also a job of ours");
    assert_eq!(open.unsettled(), None, "which only brings numbers home");
    open.open = vec![job("j2", &[], false)];
    assert_eq!(
        (names(&plan(&raise(25), &open).unwrap()), open.unsettled()),
        (vec!["open", "out"], None)
    );
}

#[test]
fn nobody_is_raised_beside_whom_nobody_asked_for() {
    let mut surplus = snapshot(4);
    surplus.aim = Some((0..2).map(id).collect());
    assert!(refused(plan(&raise(25), &surplus)).starts_with("2 numbers"));
    // Without anybody who asked, those who are there are taken as they are.
    surplus.aim = None;
    assert_eq!(names(&plan(&raise(25), &surplus).unwrap()), ["open", "out"]);
}

#[test]
fn marks_and_later_raises_keep_a_raise_off() {
    let mut marked = snapshot(0);
    marked.tags.push("timonel-mark=1.1".to_owned());
    assert!(matches!(plan(&raise(5), &marked), Err(TargetError::Marked { mark, .. }) if mark == generation(1, 1)));
    let mut stamped = snapshot(0);
    stamped.tags.push("timonel-raise=2.0".to_owned());
    assert!(refused(plan(&raise(5), &stamped)).contains("another engine"));
}

#[test]
fn to_nothing_the_lever_goes_first_and_everybody_after_it() {
    let mut snapshot = snapshot(6);
    snapshot.open = vec![job("theirs", &[0, 7], false)];
    let deeds = plan(&lower(0), &snapshot).unwrap();
    assert_eq!(names(&deeds), ["pull", "home"]);
    assert!(after(&snapshot, &deeds).is_empty());
    let Deed::Pull(pull) = &deeds[0] else { unreachable!() };
    assert_eq!(pull.wanted.voice_url, "https://old.example/voice");

    // Once it is pulled and nothing is asked for, only the numbers are left; what brings them home already is followed.
    let mut pulled = levered(snapshot);
    pulled.open.push(job("ours", &[0, 1, 2], true));
    let deeds = plan(&lower(0), &pulled).unwrap();
    assert_eq!(names(&deeds), ["follow", "home"]);
    assert_eq!(after(&pulled, &deeds), (0..3).map(id).collect());
    // A mark of an earlier decision is not enough.
    let later = Goal::lower(Weight::ZERO, generation(1, 5));
    assert_eq!(names(&plan(&later, &pulled).unwrap())[0], "pull");
    // And one field that stands otherwise neither.
    pulled.canary.voice_method = Some("get".to_owned());
    assert_eq!(names(&plan(&lower(0), &pulled).unwrap())[0], "pull");
}

#[test]
fn a_part_leaves_behind_the_mark_the_last_to_join_first() {
    let mut drifted = snapshot(8);
    drifted.aim = Some(vec![id(3), id(1), id(7), id(0), id(30)]);
    // 10 % are four of them; number 30 is not there, and 2, 4, 5, 6 were never asked for.
    let deeds = plan(&lower(10), &drifted).unwrap();
    assert_eq!(names(&deeds), ["mark", "home"]);
    assert_eq!(after(&drifted, &deeds), [3, 1, 7, 0].map(id).into());
    assert_eq!(aim(&deeds), Some([3, 1, 7, 0].map(id).into()));
    let deeds = plan(&lower(5), &drifted).unwrap();
    assert_eq!(after(&drifted, &deeds), [3, 1].map(id).into());
    assert_eq!(reach(&lower(5), &drifted).0, Weight::percent(5));
}

#[test]
fn a_lever_is_released_only_where_it_meets_nobody() {
    let behind = levered(snapshot(3));
    assert!(refused(plan(&raise(5), &behind)).contains("3 numbers are still on the canary"));
    let mut open = levered(snapshot(0));
    open.open = vec![job("j9", &[], false)];
    assert!(refused(plan(&raise(0), &open)).contains("j9"), "any job of the account");
    let mut unknown = levered(snapshot(0));
    unknown.own = None;
    assert!(refused(plan(&raise(0), &unknown)).contains("voice_url"));

    let free = levered(snapshot(0));
    for (to, expected) in [(0, vec!["release"]), (5, vec!["release", "out"])] {
        let deeds = plan(&raise(to), &free).unwrap();
        assert_eq!(names(&deeds), expected);
        assert!(matches!(&deeds[0], Deed::Open(open) if open.release == Some(settings("new"))));
    }
    assert_eq!(reach(&raise(0), &free).0, Weight::ZERO);
}

#[test]
fn a_raise_to_nothing_without_a_lever_only_stamps() {
    let snapshot = snapshot(2);
    let deeds = plan(&raise(0), &snapshot).unwrap();
    assert_eq!((names(&deeds), aim(&deeds)), (vec!["open"], Some(snapshot.on_canary)));
}

/// Any state without open jobs: who is there, who was asked for, whose calls count how much.
fn states() -> impl Strategy<Value = Snapshot> {
    let ids = || btree_set(0..NUMBERS, 0..NUMBERS);
    (ids(), any::<bool>(), ids(), vec(0_u64..500, NUMBERS), any::<bool>()).prop_map(
        |(there, asked, aim, calls, pulled)| {
            let mut state = snapshot(0);
            for (number, calls) in state.numbers.iter_mut().zip(calls) {
                number.calls = calls;
            }
            state.on_canary = there.into_iter().map(id).collect();
            state.aim = asked.then(|| aim.into_iter().map(id).collect());
            if pulled { levered(state) } else { state }
        },
    )
}

proptest! {
    #[test]
    fn whatever_is_there_a_lowering_puts_nobody_on_the_canary_and_reaches_its_weight(
        state in states(), to in 0_u16..=10_000, pinned in any::<bool>(),
    ) {
        let to = Weight::from_hundredths(to).unwrap();
        let pins: BTreeSet<_> = if pinned { tenants().into_keys().collect() } else { BTreeSet::new() };
        let goal = Goal::Lower { to, generation: generation(1, 0), pins };
        let deeds = plan(&goal, &state).unwrap();
        let on = after(&state, &deeds);
        prop_assert!(on.is_subset(&state.on_canary));
        prop_assert!(!pinned || (0..5).all(|at| !on.contains(&id(at))));
        let share = |set: &BTreeSet<String>| -> u64 {
            state.numbers.iter().filter(|n| set.contains(&n.id)).map(|n| n.calls + 1).sum()
        };
        let all: u64 = state.numbers.iter().map(|n| n.calls + 1).sum();
        prop_assert!(share(&on) * 10_000 <= u64::from(to.hundredths()) * all);
        // What is asked for from now on is who is there then, so that nothing is left over.
        if let Some(aim) = aim(&deeds) {
            prop_assert_eq!(aim, on);
        }
    }

    #[test]
    fn a_raise_that_is_not_refused_never_goes_above_and_takes_nobody_off(
        state in states(), to in 0_u16..=10_000, pinned in any::<bool>(),
    ) {
        let to = Weight::from_hundredths(to).unwrap();
        let pins: BTreeSet<_> = if pinned { tenants().into_keys().collect() } else { BTreeSet::new() };
        let goal = Goal::Raise { to, generation: generation(1, 1), pins };
        if let Ok(deeds) = plan(&goal, &state) {
            let on = after(&state, &deeds);
            let left: BTreeSet<_> = state.on_canary.difference(&on).cloned().collect();
            prop_assert!(left.iter().all(|gone| pinned && (0..5).any(|at| id(at) == *gone)));
            prop_assert!(!pinned || to == Weight::ZERO || (0..5).all(|at| !on.contains(&id(at))));
            let share: u64 = state.numbers.iter().filter(|n| on.contains(&n.id)).map(|n| n.calls + 1).sum();
            let all: u64 = state.numbers.iter().map(|n| n.calls + 1).sum();
            // Above it only where it was there already.
            let within = share * 10_000 <= u64::from(to.hundredths()) * all;
            prop_assert!(within || on.is_subset(&state.on_canary));
            prop_assert!(to == Weight::ZERO || aim(&deeds).is_some_and(|aim| on.is_subset(&aim)));
        }
    }
}
