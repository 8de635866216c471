//! What is asked of the samples, and that no gap and no peak is lost on the way to the picture.

use std::collections::BTreeMap;

use proptest::prelude::*;
use timonel_domain::evidence::Tally;
use timonel_domain::plan::Comparison;
use timonel_domain::sample::{Sample, Value};
use timonel_domain::value::{Quantity, SignalId};
use timonel_report::Point;

use super::*;

const PLAN: &str = include_str!("../../../../../plans/conecta360-canary.toml");

fn plan() -> Plan {
    timonel_plan::check(PLAN).value.unwrap().plan
}

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(1_795_438_800 + secs)
}

fn point(secs: i64, percent: Option<i64>) -> Point {
    Point {
        at: at(secs),
        value: percent.map(|p| Quantity::from_micros(p * 10_000)),
    }
}

#[test]
fn a_metric_is_asked_for_as_the_strictest_rule_does() {
    let plan = plan();
    let asked = |name: &str| {
        let meant = Asked::of_name(&plan, name).unwrap();
        let question = meant.question.as_ref();
        (
            meant.signal.id.to_string(),
            question.map(|q| (q.statistic, q.window, q.least_units)),
        )
    };
    let minutes = |n: u64| Duration::from_secs(n * 60);
    assert_eq!(
        asked("error_rate"),
        ("errores".to_owned(), Some((Statistic::Share, minutes(5), 20)))
    );
    assert_eq!(asked("errores"), asked("error_rate"));
    assert_eq!(
        asked("response_time").1.map(|(s, w, _)| (s, w)),
        Some((Statistic::P95, minutes(5)))
    );
    // Nobody asks for its median, so no rule's window stands behind it.
    assert_eq!(asked("response_time p50"), ("respuesta".to_owned(), None));
    assert_eq!(asked("calls"), ("llamadas-asignadas".to_owned(), None));
    for bad in ["", "nonsense", "error_rate p1000", "error_rate share again"] {
        assert!(Asked::of_name(&plan, bad).is_none(), "{bad}");
    }
}

#[test]
fn a_rule_is_asked_for_as_it_asks_itself() {
    let plan = plan();
    for rule in &plan.rules {
        let meant = Asked::of_rule(&plan, &rule.id).unwrap();
        assert_eq!(meant.question.as_ref(), Some(&rule.question));
        assert_eq!(meant.signal.id, rule.question.signal);
    }
    assert!(Asked::of_rule(&plan, &RuleId::new("nada").unwrap()).is_none());
}

#[test]
fn the_limits_are_the_plans() {
    let mut plan = plan();
    let errors = plan.signal(&SignalId::new("errores").unwrap()).unwrap().clone();
    let of = |plan: &Plan, statistic| -> Vec<_> {
        let limits = limits(plan, &errors, statistic);
        limits
            .iter()
            .map(|l| (l.at.as_f64(), l.lasting.as_secs(), l.consequence))
            .collect()
    };
    assert_eq!(
        of(&plan, Statistic::Share),
        [(0.05, 300, Consequence::Freeze), (0.1, 300, Consequence::Rollback)]
    );
    assert!(
        limits(&plan, &errors, Statistic::Share)
            .iter()
            .all(|l| l.comparison == Comparison::Above)
    );
    assert!(of(&plan, Statistic::Mean).is_empty());
    // With automatic = false nothing goes back by itself, and the picture must not say that it would.
    plan.automatic = false;
    assert!(
        of(&plan, Statistic::Share)
            .iter()
            .all(|(.., then)| *then == Consequence::Freeze)
    );
}

#[test]
fn missing_readings_and_windows_without_units_are_gaps() {
    let plan = plan();
    let meant = Asked::of_name(&plan, "error_rate").unwrap();
    let (signal, question) = (meant.signal, meant.question.unwrap());
    let sample = |secs: i64, bad, total| Sample {
        signal: signal.id.clone(),
        side: Side::Canary,
        as_of: at(secs),
        value: Value::Ratio {
            since: at(secs - 15),
            bad,
            total,
        },
    };
    // Read every 15 s; three minutes are missing; then nobody calls for longer than the window.
    let mut samples: Vec<Sample> = (0..20).map(|i| sample(i * 15, 1, 10)).collect();
    samples.extend((32..60).map(|i| sample(i * 15, 0, if i < 34 { 10 } else { 0 })));
    let span = at(0)..at(900);
    let points = points(&samples, Side::Canary, signal, &question, &span);
    assert_eq!(points[0].value, None, "ten units are not enough to say anything");
    assert_eq!(points[1].value, Quantity::from_f64(0.1));
    let gap = points.iter().skip(1).find(|p| p.value.is_none()).unwrap();
    assert_eq!(
        gap.at,
        at(19 * 15) + signal.late_after(),
        "from then on nobody knows what is"
    );
    assert_eq!(
        points.last().unwrap().value,
        None,
        "old units do not stand for new ones"
    );
    let silent = points.iter().filter(|p| p.at >= at(480) && p.value.is_none());
    assert_eq!(silent.map(|p| p.at).min(), Some(at(33 * 15 + 300)));
    assert!(super::points(&samples, Side::Stable, signal, &question, &span).is_empty());
}

#[test]
fn fewer_points_lose_no_peak_and_no_gap() {
    let span = at(0)..at(8000);
    // Ten seconds a column, one point a second.
    let line: Vec<Point> = (0..8000)
        .map(|s| {
            point(
                s,
                (!(4000..4003).contains(&s)).then_some(if s == 1234 { 90 } else { 5 + s % 3 }),
            )
        })
        .collect();
    let drawn = thin_out(&line, 800, &span);
    assert!(drawn.len() <= 2 * 800 + 3, "{}", drawn.len());
    assert!(drawn.contains(&point(1234, Some(90))));
    assert!(
        drawn
            .iter()
            .any(|p| p.value.is_none() && (at(4000)..at(4003)).contains(&p.at))
    );
    assert!(drawn.windows(2).all(|pair| pair[0].at <= pair[1].at));
    assert!(drawn.iter().all(|p| line.contains(p)), "no value is invented");
    let few: Vec<Point> = line.iter().copied().step_by(40).collect();
    assert_eq!(thin_out(&few, 800, &span), few);
}

fn column(at: Timestamp, columns: u32, span: &Range<Timestamp>) -> i64 {
    let length = (span.end.micros() - span.start.micros()).max(1);
    ((at.micros() - span.start.micros()) * i64::from(columns) / length).min(i64::from(columns) - 1)
}

#[derive(Debug, Default, PartialEq)]
struct Seen {
    least: Option<Quantity>,
    most: Option<Quantity>,
    values: usize,
    gaps: usize,
}

fn by_column(points: &[Point], columns: u32, span: &Range<Timestamp>) -> BTreeMap<i64, Seen> {
    let mut seen: BTreeMap<i64, Seen> = BTreeMap::new();
    for point in points.iter().filter(|p| span.start <= p.at && p.at <= span.end) {
        let here = seen.entry(column(point.at, columns, span)).or_default();
        match point.value {
            None => here.gaps += 1,
            Some(value) => {
                here.values += 1;
                here.least = Some(here.least.map_or(value, |least| least.min(value)));
                here.most = Some(here.most.map_or(value, |most| most.max(value)));
            }
        }
    }
    seen
}

proptest! {
    #[test]
    fn thinned_out_a_chart_looks_the_same(
        values in prop::collection::vec((1i64..500, prop::option::weighted(0.8, -1000i64..1000)), 0..400),
        columns in 1u32..80,
        from in 0i64..5_000,
        length in 1i64..60_000,
    ) {
        let mut at = 0;
        let points: Vec<Point> = values
            .into_iter()
            .map(|(step, value)| {
                at += step;
                Point { at: Timestamp::from_micros(at), value: value.map(Quantity::from_micros) }
            })
            .collect();
        let span = Timestamp::from_micros(from)..Timestamp::from_micros(from + length);
        let thin = thin_out(&points, columns, &span);
        let (all, kept) = (by_column(&points, columns, &span), by_column(&thin, columns, &span));
        prop_assert_eq!(all.keys().collect::<Vec<_>>(), kept.keys().collect::<Vec<_>>());
        for (column, seen) in &kept {
            prop_assert!(seen.values <= 2 && seen.gaps <= 1, "{column}: {seen:?}");
            prop_assert_eq!(seen.least, all[column].least);
            prop_assert_eq!(seen.most, all[column].most);
            prop_assert_eq!(seen.gaps > 0, all[column].gaps > 0);
        }
        prop_assert!(thin.windows(2).all(|pair| pair[0].at < pair[1].at), "in the order of time");
        prop_assert!(thin.iter().all(|point| points.contains(point)), "nothing is made up");
    }
}

fn units(secs: i64, side: Side, bad: u64, total: u64) -> Sample {
    Sample {
        signal: SignalId::new("errores").unwrap(),
        side,
        as_of: at(secs),
        value: Value::Ratio {
            since: at(secs - 15),
            bad,
            total,
        },
    }
}

#[test]
fn a_band_is_what_the_evidence_meter_said_at_each_moment() {
    use timonel_domain::evidence::{Epoch, Evidence, Outcome};
    use timonel_domain::value::Weight;

    let plan = plan();
    let mut evidence = Evidence::new(&plan);
    let epoch = Epoch::new(at(100), Weight::from_hundredths(500).unwrap());
    evidence.begin(Some(epoch));
    let sides = [Side::Stable, Side::Canary];
    let samples: Vec<_> = (0..40)
        .flat_map(|n| sides.map(|side| units(n * 15, side, u64::from(n % 7 == 0), 3)))
        .collect();
    let eras = [Era {
        since: epoch.since,
        until: None,
    }];
    let span = at(0)..at(600);
    let bands = sides.map(|side| band(&samples, side, &eras, 800, &span));
    for sample in &samples {
        evidence.observe(sample);
        let proof = evidence
            .proofs()
            .into_iter()
            .find(|p| p.signal == sample.signal && p.outcome == Outcome::Counted);
        let proof = proof.unwrap();
        let (tally, band) = match sample.side {
            Side::Stable => (proof.stable, &bands[0]),
            Side::Canary | Side::Whole => (proof.canary, &bands[1]),
        };
        let drawn = band.iter().find(|point| point.at == sample.as_of);
        // Readings that began before the epoch are no part of it.
        let expected = (tally.total > 0).then(|| tally.bounds());
        assert_eq!(drawn.map(|point| point.bounds), expected.map(Some), "{}", sample.as_of);
    }
    let widths: Vec<_> = bands[1]
        .iter()
        .filter_map(|p| p.bounds)
        .map(|(low, high)| high - low)
        .collect();
    assert!(
        widths.len() > 20 && widths.last() < widths.first(),
        "it narrows as units come"
    );
}

#[test]
fn a_band_begins_anew_with_each_era_and_counts_from_before_the_picture() {
    let era = |since: i64, until: Option<i64>| Era {
        since: at(since),
        until: until.map(at),
    };
    let eras = [era(0, Some(300)), era(300, None)];
    let samples: Vec<_> = (1..40).map(|n| units(n * 15, Side::Canary, 0, 5)).collect();
    let span = at(150)..at(600);
    let points = band(&samples, Side::Canary, &eras, 800, &span);
    let first = points.first().and_then(|point| point.bounds).unwrap();
    assert_eq!(
        first,
        Tally { bad: 0, total: 50 }.bounds(),
        "all units since its beginning"
    );
    assert!(points.iter().any(|point| point.bounds.is_none() && point.at == at(300)));
    let after = points
        .iter()
        .find(|point| point.at > at(300))
        .and_then(|point| point.bounds)
        .unwrap();
    assert_eq!(after, Tally { bad: 0, total: 5 }.bounds());
    assert_eq!(band::before(&eras, at(150)), Some(at(0)..at(150)));
    assert_eq!(band::before(&eras, at(300)), None);
    assert!(band(&samples, Side::Whole, &eras, 800, &span).is_empty());
    assert!(
        band(&samples, Side::Canary, &eras, 3, &span).len() < 10,
        "no more points than asked for"
    );
}
