//! A plan with a rule of every kind, and a world of calls drawn by a seed whose truth is known.

use super::*;
use crate::metric::{KnownMetric, Metric};
use crate::plan::{Question, SignalPlan};

/// Numbers of a seed (splitmix64).
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.share() < probability
    }
}

pub(super) fn exceptions() -> SignalId {
    SignalId::new("excepciones").expect("a good id")
}

pub(super) fn latency() -> SignalId {
    SignalId::new("respuesta").expect("a good id")
}

pub(super) fn assigned() -> SignalId {
    SignalId::new("asignadas").expect("a good id")
}

pub(super) fn seconds(secs: f64) -> Quantity {
    Quantity::from_f64(secs).expect("a good value")
}

fn signal(id: SignalId, metric: KnownMetric) -> SignalPlan {
    SignalPlan {
        id,
        metric: Metric::Known(metric),
        ..fixture::plan().signals[0].clone()
    }
}

fn rule(id: &str, signal: SignalId, statistic: Statistic, limit: Quantity) -> Rule {
    Rule {
        id: RuleId::new(id).expect("a good id"),
        question: Question {
            signal,
            statistic,
            ..fixture::question()
        },
        limit,
        clear_limit: limit,
        evidence: EvidenceMode::Gated,
        ..fixture::rule()
    }
}

/// Rollback rules on errors, exceptions, the p95 and the mean of the response.
pub(super) fn plan() -> Plan {
    let mut plan = gated();
    plan.targets.iter_mut().for_each(|target| target.pins = false);
    plan.signals
        .push(signal(exceptions(), KnownMetric::UnhandledExceptions));
    plan.signals.push(signal(latency(), KnownMetric::ResponseTime));
    plan.signals.push(signal(assigned(), KnownMetric::Calls));
    plan.rules.truncate(1);
    plan.rules.push(rule(
        "excepciones",
        exceptions(),
        Statistic::Total,
        Quantity::from_micros(2_000_000),
    ));
    plan.rules.push(rule("p95", latency(), Statistic::P95, seconds(4.0)));
    plan.rules.push(rule("media", latency(), Statistic::Mean, seconds(4.0)));
    plan
}

/// The same with nothing but the rules on this signal.
pub(super) fn only(signal: &SignalId) -> Plan {
    let mut plan = plan();
    plan.rules.retain(|rule| rule.question.signal == *signal);
    plan
}

/// What is true of a world.
#[derive(Debug, Clone, Copy)]
pub(super) struct Truth {
    /// The canary's share of the calls.
    pub(super) weight: f64,
    /// How often a call throws, on stable and on the canary.
    pub(super) throws: (f64, f64),
    /// How often a call is slow, on stable and on the canary.
    pub(super) slow: (f64, f64),
}

impl Truth {
    pub(super) const ALIKE: Self = Self {
        weight: 0.1,
        throws: (0.05, 0.05),
        slow: (0.08, 0.08),
    };
}

/// Readings every 15 s of up to `calls` calls, of which each takes a minute until it throws or ends.
pub(super) fn readings(truth: Truth, calls: u32, readings: i64, dice: &mut Dice) -> Vec<Sample> {
    let mut out = Vec::new();
    // What was assigned four readings ago comes to light now.
    let mut under_way = std::collections::VecDeque::from(vec![(0u64, 0u64); 4]);
    for n in 1..=readings {
        let mut came = (0u64, 0u64);
        for _ in 0..calls {
            match dice.chance(0.5) {
                true if dice.chance(truth.weight) => came.1 += 1,
                true => came.0 += 1,
                false => {}
            }
        }
        under_way.push_back(came);
        let ends = under_way.pop_front().unwrap_or_default();
        let mut count = |units: u64, share: f64| (0..units).filter(|_| dice.chance(share)).count() as u64;
        let threw = (count(ends.0, truth.throws.0), count(ends.1, truth.throws.1));
        let slow = (count(ends.0, truth.slow.0), count(ends.1, truth.slow.1));
        // The canary is read some seconds before stable, and calls are counted by another source.
        for (side, at_secs, came, ends, threw, slow) in [
            (Side::Canary, n * 15, came.1, ends.1, threw.1, slow.1),
            (Side::Stable, n * 15 + 4, came.0, ends.0, threw.0, slow.0),
        ] {
            out.push(count_of(assigned(), side, at_secs + 2, came));
            out.push(count_of(exceptions(), side, at_secs, threw));
            out.push(distribution(side, at_secs, ends - slow, slow));
            out.push(ratio(side, at_secs, threw.min(ends), ends));
        }
    }
    out
}

pub(super) fn count_of(signal: SignalId, side: Side, secs: i64, n: u64) -> Sample {
    Sample {
        signal,
        side,
        as_of: at(secs),
        value: Value::Count {
            since: at(secs - 15),
            n,
        },
    }
}

/// Half a second each, and three seconds each of the slow ones.
pub(super) fn distribution(side: Side, secs: i64, quick: u64, slow: u64) -> Sample {
    let bucket = |le: Option<f64>, n| Bucket { le: le.map(seconds), n };
    let buckets = vec![
        bucket(Some(1.0), quick),
        bucket(Some(2.0), 0),
        bucket(Some(4.0), slow),
        bucket(Some(8.0), 0),
        bucket(None, 0),
    ];
    Sample {
        signal: latency(),
        side,
        as_of: at(secs),
        value: Value::Distribution {
            since: at(secs - 15),
            buckets,
            sum: seconds(quick as f64 * 0.5 + slow as f64 * 3.0),
        },
    }
}

/// Whether evidence ever says, while these samples come, that the canary is to be put back.
pub(super) fn is_put_back(plan: &Plan, weight: Weight, samples: &[Sample]) -> bool {
    put_back(&evidence_at(weight, plan, samples), plan)
}

pub(super) fn evidence_at(weight: Weight, plan: &Plan, samples: &[Sample]) -> Evidence {
    let mut evidence = Evidence::new(plan);
    evidence.begin(Some(Epoch::new(at(0), weight)));
    samples.iter().for_each(|sample| evidence.observe(sample));
    evidence
}

pub(super) fn put_back(evidence: &Evidence, plan: &Plan) -> bool {
    // What is proved stays told, so the end tells of every moment.
    evidence.worse(plan).values().any(|worse| *worse == Worse::Rollback)
}
