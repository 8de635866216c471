//! What each kind of evidence says, and what it must not say.

use super::world::*;
use super::*;

fn evidence_of(plan: &Plan, samples: &[Sample]) -> Evidence {
    seen(plan, samples)
}

fn proof(evidence: &Evidence, outcome: Outcome) -> Proof {
    let proofs = evidence.proofs();
    let found = proofs.into_iter().find(|proof| proof.outcome == outcome);
    found.expect("one of this outcome")
}

#[test]
fn exceptions_are_held_against_the_share_of_the_calls() {
    let plan = only(&exceptions());
    let rule = plan.rules[0].id.clone();
    let minutes = |threw: (u64, u64)| -> Vec<_> {
        let reading = |n: i64| {
            [
                count_of(assigned(), Side::Stable, n * 15, 18),
                count_of(assigned(), Side::Canary, n * 15, 2),
                count_of(exceptions(), Side::Stable, n * 15, threw.0),
                count_of(exceptions(), Side::Canary, n * 15, threw.1),
            ]
        };
        (1..=80).flat_map(reading).collect()
    };
    let bad = evidence_of(&plan, &minutes((0, 1)));
    assert!(
        bad.of_rule(&rule)
            .is_some_and(|of| EvidenceMode::Gated.is_enough(of.at_once))
    );
    assert_eq!(bad.worse(&plan).values().collect::<Vec<_>>(), [&Worse::Rollback]);
    let told = proof(&bad, Outcome::Occurred);
    assert_eq!(
        (told.canary, told.stable),
        (Tally { bad: 40, total: 160 }, Tally { bad: 0, total: 1440 }),
        "what came in the first ten minutes may be of calls of an earlier weight"
    );
    // A tenth of the calls, and what that can be at most.
    assert!(
        told.share > Some(seconds(0.1)) && told.share < Some(seconds(0.2)),
        "{told:?}"
    );
    // The database that both use dies: nine of ten are stable's.
    let both = evidence_of(&plan, &minutes((9, 1)));
    assert!(both.of_rule(&rule).is_some_and(|of| of.strength < Strength::NONE));
    assert!(both.worse(&plan).is_empty());
}

/// A counter appears with the first that it counts.
#[test]
fn a_stable_that_has_never_thrown_is_held_for_none_while_its_calls_are_counted() {
    let plan = only(&exceptions());
    let rule = plan.rules[0].id.clone();
    let canary: Vec<_> = (1..=80)
        .flat_map(|n| {
            [
                count_of(exceptions(), Side::Canary, n * 15, 1),
                count_of(assigned(), Side::Canary, n * 15, 2),
                count_of(assigned(), Side::Stable, n * 15, 18),
            ]
        })
        .collect();
    let never = evidence_of(&plan, &canary);
    assert_eq!(never.worse(&plan).values().collect::<Vec<_>>(), [&Worse::Rollback]);
    let of = never.of_rule(&rule).expect("stable's calls are known");
    assert!(EvidenceMode::Gated.is_enough(of.at_once), "{of:?}");
    assert_eq!(proof(&never, Outcome::Occurred).stable, Tally { bad: 0, total: 1440 });
    // As soon as stable's has been read all is as if it had been read in time.
    let stable: Vec<_> = (1..=80)
        .map(|n| count_of(exceptions(), Side::Stable, n * 15, 9))
        .collect();
    let mut late = never;
    stable.iter().for_each(|sample| late.observe(sample));
    let mut in_time: Vec<_> = canary.iter().chain(&stable).cloned().collect();
    in_time.sort_by_key(|sample| sample.as_of);
    assert_eq!(late.proofs(), evidence_of(&plan, &in_time).proofs());
    assert!(late.worse(&plan).is_empty());
    // Where not even its calls are counted any more, the rule's limit is what remains.
    let calls_end = |sample: &&Sample| sample.signal != assigned() || sample.as_of < at(660);
    let blind: Vec<_> = canary.iter().filter(calls_end).cloned().collect();
    assert_eq!(evidence_of(&plan, &blind).of_rule(&rule), None);
}

#[test]
fn occurrences_have_evidence_only_where_each_call_is_drawn_and_nobody_is_pinned() {
    let belongs = |plan: &Plan| {
        let rule = &plan.rules[0];
        belongs_to(plan, &rule.question, rule.comparison, rule.limit)
    };
    let plan = only(&exceptions());
    assert!(belongs(&plan));
    let mut pinned = plan.clone();
    pinned.targets[0].pins = true;
    assert!(!belongs(&pinned));
    let unit = Unit::Number;
    assert!(!belongs(&Plan { unit, ..plan }));
}

#[test]
fn another_limit_on_one_metric_takes_nothing_from_the_others() {
    let needed = |plan: &Plan, signal: &SignalId| {
        let sights = begun(plan).sights(plan, Some(0));
        let found = sights.into_iter().find(|sight| sight.proof.signal == *signal);
        let found = found.expect("it is seen");
        (found.alert, found.rollback)
    };
    let all = plan();
    let mut fewer = plan();
    fewer.rules.retain(|rule| rule.question.statistic != Statistic::Mean);
    assert_eq!(needed(&all, &fixture::errors()), needed(&fewer, &fixture::errors()));
    assert_eq!((watched(&all), watched(&fewer)), (3, 3));
    let third = Strength::of_alpha(ALPHA_ROLLBACK / 3.0);
    assert_eq!(needed(&all, &fixture::errors()).1, Some(third));
    assert!(needed(&all, &latency()).1 > Some(third), "two of its own share it");
}

#[test]
fn stables_own_share_above_the_limit_of_a_mean_is_bounded_as_surely_as_a_rule_acts() {
    let mut plan = only(&latency());
    plan.rules.retain(|rule| rule.question.statistic == Statistic::Mean);
    plan.rules[0].limit = seconds(2.0);
    let samples = [
        distribution(Side::Stable, 15, 20, 0),
        distribution(Side::Canary, 30, 0, 4),
    ];
    let of = evidence_of(&plan, &samples).of_rule(&plan.rules[0].id);
    let of = of.expect("stable has shown something");
    let four = Tally { bad: 4, total: 4 };
    let often_wrong = Tally { bad: 0, total: 20 }.bounds().1;
    assert!(over(often_wrong, four).is_some_and(|o| EvidenceMode::Gated.is_enough(o)));
    assert!(!EvidenceMode::Gated.is_enough(of.at_once), "{of:?}");
}

#[test]
fn one_call_that_throws_fifty_times_is_one_call() {
    let plan = only(&exceptions());
    let mut samples = Vec::new();
    for n in 1..=100 {
        samples.push(count_of(assigned(), Side::Stable, n * 15, 3));
        samples.push(count_of(assigned(), Side::Canary, n * 15, u64::from(n % 3 == 0)));
        samples.push(count_of(exceptions(), Side::Stable, n * 15, 0));
        samples.push(count_of(
            exceptions(),
            Side::Canary,
            n * 15,
            if n == 90 { 50 } else { 0 },
        ));
    }
    let evidence = evidence_of(&plan, &samples);
    let strength = evidence.of_rule(&plan.rules[0].id).expect("it has evidence").at_once;
    assert!(
        strength > Strength::NONE && !EvidenceMode::Fast.is_enough(strength),
        "{strength:?}"
    );
}

#[test]
fn exceptions_leave_a_rule_to_its_limit_where_the_calls_of_both_do_not_come() {
    let mut plan = only(&exceptions());
    let samples: Vec<_> = (1..=80)
        .flat_map(|n| {
            [
                count_of(exceptions(), Side::Stable, n * 15, 0),
                count_of(exceptions(), Side::Canary, n * 15, 1),
            ]
        })
        .collect();
    let early = evidence_of(&plan, &samples[..84]).of_rule(&plan.rules[0].id);
    assert_eq!(
        early.map(|of| of.strength),
        Some(Strength::NONE),
        "they may be a moment late"
    );
    assert_eq!(evidence_of(&plan, &samples).of_rule(&plan.rules[0].id), None);
    // And nothing at all can be said where no signal counts them.
    plan.traffic.assigned = None;
    let rule = &plan.rules[0];
    assert!(!belongs_to(&plan, &rule.question, rule.comparison, rule.limit));
    assert_eq!(evidence_of(&plan, &samples).of_rule(&rule.id), None);
}

#[test]
fn latency_is_held_against_stables_own_before_any_limit_is_passed() {
    let plan = only(&latency());
    // Stable: one in twenty slow. The canary: every third; never above the limit of 4 s.
    let reading = |n: i64| {
        [
            distribution(Side::Stable, n * 15, 19, 1),
            distribution(Side::Canary, n * 15, 2, 1),
        ]
    };
    let slower: Vec<_> = (1..=60).flat_map(reading).collect();
    let evidence = evidence_of(&plan, &slower);
    assert_eq!(evidence.worse(&plan).get(&latency()), Some(&Worse::Rollback));
    let told = proof(&evidence, Outcome::AboveStable(950));
    // Five in a hundred of stable's lie above 1 s and above 2 s alike: the lower end.
    assert_eq!(told.edge, Some(seconds(1.0)));
    assert_eq!(
        told.canary.total,
        3 * 59,
        "the first block has nothing before it to be held against"
    );
    assert_eq!(told.canary.bad, 59);
    // No slower than stable, and nobody is worse.
    let alike = |n: i64| {
        [
            distribution(Side::Stable, n * 15, 19, 1),
            distribution(Side::Canary, n * 15, 3, u64::from(n % 5 == 0)),
        ]
    };
    let alike: Vec<_> = (1..=60).flat_map(alike).collect();
    assert!(evidence_of(&plan, &alike).worse(&plan).is_empty());
}

#[test]
fn the_length_of_calls_is_held_against_three_quarters_of_stables() {
    let mut plan = only(&latency());
    for signal in plan.signals.iter_mut().filter(|signal| signal.id == latency()) {
        signal.metric = crate::metric::Metric::Known(crate::metric::KnownMetric::CallDuration);
    }
    let evidence = Evidence::new(&plan);
    let outcomes: Vec<_> = evidence.proofs().into_iter().map(|proof| proof.outcome).collect();
    assert!(outcomes.contains(&Outcome::AboveStable(750)), "{outcomes:?}");
    assert!(!outcomes.contains(&Outcome::AboveStable(950)), "{outcomes:?}");
}

#[test]
fn a_mean_is_proved_by_what_stable_shows_above_the_limit_or_by_what_the_plan_states() {
    let mut plan = only(&latency());
    plan.rules.retain(|rule| rule.question.statistic == Statistic::Mean);
    plan.rules[0].limit = seconds(2.0);
    let rule = plan.rules[0].id.clone();
    // All of stable's within the limit, then calls of the canary alone, so that nothing is beside them.
    let mut samples: Vec<_> = (1..=60).map(|n| distribution(Side::Stable, n * 15, 20, 0)).collect();
    samples.extend((1..=60).map(|n| distribution(Side::Canary, 900 + n * 15, 0, 1)));
    let evidence = evidence_of(&plan, &samples);
    assert_eq!(
        evidence.proofs()[0].against_stable,
        Some(Strength::NONE),
        "nothing is beside them"
    );
    assert!(
        evidence
            .of_rule(&rule)
            .is_some_and(|of| EvidenceMode::Gated.is_enough(of.at_once))
    );
    // Half of stable's have always been above it, the plan says, so a canary like that is no news.
    plan.rules[0].history = Quantity::from_f64(0.5);
    let half: Vec<_> = (1..=60)
        .map(|n| distribution(Side::Canary, 900 + n * 15, 1, 1))
        .collect();
    let of = evidence_of(&plan, &half).of_rule(&rule).expect("the plan states it");
    assert!(!EvidenceMode::Fast.is_enough(of.at_once), "{of:?}");
    let all: Vec<_> = (1..=60)
        .map(|n| distribution(Side::Canary, 900 + n * 15, 0, 1))
        .collect();
    let of = evidence_of(&plan, &all).of_rule(&rule).expect("the plan states it");
    assert!(EvidenceMode::Gated.is_enough(of.at_once), "{of:?}");
}

#[test]
fn at_100_percent_the_history_is_what_remains() {
    let mut plan = only(&fixture::errors());
    let whole = Some(Epoch::new(at(0), Weight::FULL));
    let run = |plan: &Plan| {
        let mut evidence = Evidence::new(plan);
        evidence.begin(whole);
        (1..=60).for_each(|n| evidence.observe(&ratio(Side::Canary, n * 15, 1, 4)));
        evidence
    };
    assert!(run(&plan).worse(&plan).is_empty(), "nothing to compare with");
    plan.rules[0].history = Quantity::from_f64(0.02);
    let evidence = run(&plan);
    assert_eq!(evidence.worse(&plan).values().collect::<Vec<_>>(), [&Worse::Rollback]);
    assert!(evidence.proofs()[0].against_history > Some(Strength::from_millilog10(2000)));
}

#[test]
fn a_history_is_what_stable_is_taken_for_before_its_first_units() {
    let mut plan = only(&fixture::errors());
    let r = |plan: &Plan| {
        let samples = [
            ratio(Side::Stable, 15, 4, 20),
            ratio(Side::Canary, 15, 1, 2),
            ratio(Side::Stable, 30, 4, 20),
            ratio(Side::Canary, 30, 1, 2),
        ];
        evidence_of(plan, &samples).proofs()[0].against_stable
    };
    let unknown = r(&plan);
    plan.rules[0].history = Quantity::from_f64(0.2);
    assert_ne!(r(&plan), unknown);
    assert_eq!(plan.rules[0].bad_history(), Some(0.2));
    plan.rules[0].comparison = Comparison::Below;
    assert_eq!(plan.rules[0].bad_history(), Some(0.8));
}

#[test]
fn a_splitter_that_holds_less_than_all_still_leaves_something_to_compare_with() {
    let plan = only(&fixture::errors());
    let run = |held: u8| {
        let mut evidence = Evidence::new(&plan);
        evidence.begin(Some(Epoch {
            since: at(0),
            weight: Weight::FULL,
            held: Weight::percent(held),
        }));
        evidence
    };
    assert!(run(100).is_whole());
    let mut less = run(97);
    assert!(!less.is_whole());
    // Somebody is pinned while the phase is on: nothing begins anew.
    let held_less = Some(Epoch {
        since: at(0),
        weight: Weight::FULL,
        held: Weight::percent(96),
    });
    less.observe(&ratio(Side::Canary, 15, 1, 2));
    assert!(!less.begin(held_less));
    assert_eq!(less.proofs()[0].canary.total, 2);
}

#[test]
fn a_share_is_promised_only_where_each_call_is_drawn_and_nobody_is_pinned() {
    let skewed = |plan: &Plan| {
        let samples: Vec<_> = (1..=200)
            .flat_map(|n| {
                [
                    count_of(assigned(), Side::Stable, n * 15, 10),
                    count_of(assigned(), Side::Canary, n * 15, 10),
                ]
            })
            .collect();
        evidence_of(plan, &samples).skew()
    };
    let skew = skewed(&plan()).expect("half of the calls at a weight of a tenth");
    assert_eq!(
        (skew.weight, skew.canary),
        (Weight::percent(10), 1960),
        "after a minute"
    );
    let mut pinned = plan();
    pinned.targets[0].pins = true;
    assert_eq!(skewed(&pinned), None);
    let by_number = Plan {
        unit: Unit::Number,
        ..plan()
    };
    assert_eq!(skewed(&by_number), None);
}

#[test]
fn what_is_seen_of_every_kind_names_its_numbers() {
    let plan = plan();
    let samples = readings(Truth::ALIKE, 8, 120, &mut Dice(7));
    let sights = evidence_of(&plan, &samples).sights(&plan, Some(0));
    let kinds: Vec<_> = sights.iter().map(|sight| sight.proof.outcome).collect();
    for kind in [
        Outcome::Counted,
        Outcome::Above(seconds(4.0)),
        Outcome::AboveStable(950),
        Outcome::Occurred,
    ] {
        assert!(kinds.contains(&kind), "{kinds:?}");
    }
    assert!(sights.iter().all(|sight| sight.rollback.is_some()), "each may put back");
}
