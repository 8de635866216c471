//! The calls of one signal of the plan, summed up for each of its intervals, and the readings that follow.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use timonel_domain::metric::{KnownMetric, Metric};
use timonel_domain::plan::{GateKind, Plan, Question};
use timonel_domain::sample::{Bucket, Sample, Value};
use timonel_domain::time::Timestamp;
use timonel_domain::value::{Arm, Quantity, Side, SignalId};
use timonel_plan::parsed::{Shape, SignalConfig};

use super::Call;

/// Bounds of what takes seconds, in milliseconds; the limits of the plan's own rules and gates come besides.
const LATENCIES: [i64; 18] = [
    50, 100, 250, 500, 750, 1000, 1500, 2000, 2500, 3000, 4000, 5000, 7500, 10_000, 15_000, 20_000, 30_000, 60_000,
];
/// Bounds of the length of a call, in milliseconds.
const LENGTHS: [i64; 12] = [
    15_000, 30_000, 60_000, 90_000, 120_000, 180_000, 300_000, 420_000, 600_000, 900_000, 1_800_000, 3_600_000,
];

/// What of a call a signal counts.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Counts {
    Failed,
    Abandoned,
    Recognised,
    Latency(Vec<Quantity>),
    Length(Vec<Quantity>),
    Calls,
}

/// One signal.
#[derive(Debug)]
pub(super) struct Series {
    pub(super) signal: SignalId,
    pub(super) interval: Duration,
    sides: Vec<Side>,
    counts: Counts,
    /// By the end of the interval, in intervals since 1970; both arms.
    cells: BTreeMap<i64, [Cell; 2]>,
}

#[derive(Debug, Clone, Default)]
struct Cell {
    total: u64,
    /// Those that the signal looks for.
    found: u64,
    /// By bound, infinity last; empty where nothing is spread.
    spread: Vec<u64>,
    /// In millionths of a second.
    sum: i64,
}

impl Series {
    /// `None` where finished calls do not tell what it measures.
    pub(super) fn of(config: &SignalConfig, plan: &Plan) -> Option<Self> {
        let Metric::Known(metric) = config.metric else {
            return None;
        };
        let shape = config.queries.first()?.query.shape();
        let counts = match (metric, shape) {
            (KnownMetric::ErrorRate | KnownMetric::FailedCalls, Shape::Ratio) => Counts::Failed,
            (KnownMetric::Abandonment, Shape::Ratio) => Counts::Abandoned,
            (KnownMetric::SpeechRecognition, Shape::Ratio) => Counts::Recognised,
            (KnownMetric::ResponseTime, Shape::Distribution) => Counts::Latency(bounds(&LATENCIES, config, plan)),
            (KnownMetric::CallDuration, Shape::Distribution) => Counts::Length(bounds(&LENGTHS, config, plan)),
            (KnownMetric::Calls, Shape::Count) => Counts::Calls,
            _ => return None,
        };
        Some(Self {
            signal: config.id.clone(),
            interval: config.interval,
            sides: plan.signal(&config.id)?.sides.clone(),
            counts,
            cells: BTreeMap::new(),
        })
    }

    /// The end of the interval that `at` falls into, its last moment included.
    pub(super) fn end_of(&self, at: Timestamp) -> Timestamp {
        Timestamp::from_micros(self.index(at) * self.micros())
    }

    /// The end of the first interval after `from`.
    pub(super) fn first_end(&self, from: Timestamp) -> Timestamp {
        self.end_of(from + Duration::from_micros(1))
    }

    fn micros(&self) -> i64 {
        i64::try_from(self.interval.as_micros()).unwrap_or(i64::MAX).max(1)
    }

    fn index(&self, at: Timestamp) -> i64 {
        let micros = self.micros();
        at.micros().div_euclid(micros) + i64::from(at.micros().rem_euclid(micros) > 0)
    }

    /// The field without which nothing was counted.
    pub(super) fn missing_field(&self) -> Option<&'static str> {
        let field = match self.counts {
            Counts::Failed | Counts::Calls => return None,
            Counts::Abandoned => "abandoned",
            Counts::Recognised => "recognised",
            Counts::Latency(_) => "latency_ms",
            Counts::Length(_) => "duration_ms",
        };
        self.cells.is_empty().then_some(field)
    }

    pub(super) fn take(&mut self, call: &Call) {
        let index = self.index(call.at);
        let (found, total, spread) = match &self.counts {
            Counts::Failed => (u64::from(call.failed), 1, None),
            Counts::Calls => (1, 1, None),
            Counts::Abandoned => match call.abandoned {
                Some(abandoned) => (u64::from(abandoned), 1, None),
                None => return,
            },
            Counts::Recognised => match call.turns {
                Some((turns, recognised)) => (recognised.into(), turns.into(), None),
                None => return,
            },
            Counts::Latency(bounds) => match placed(bounds, call.latency_ms) {
                Some(spread) => (0, 1, Some(spread)),
                None => return,
            },
            Counts::Length(bounds) => match placed(bounds, call.duration_ms) {
                Some(spread) => (0, 1, Some(spread)),
                None => return,
            },
        };
        let cell = &mut self.cells.entry(index).or_default()[arm(call.arm)];
        cell.found += found;
        cell.total += total;
        if let Some((bucket, buckets, micros)) = spread {
            cell.spread.resize(buckets, 0);
            cell.spread[bucket] += 1;
            cell.sum = cell.sum.saturating_add(micros);
        }
    }

    /// What a reading at the end of an interval would have brought, of every side: nothing happened where no call ended.
    pub(super) fn samples(&self, end: Timestamp) -> Vec<Sample> {
        let cells = self.cells.get(&self.index(end));
        let sample = |side: &Side| Sample {
            signal: self.signal.clone(),
            side: *side,
            as_of: end,
            value: self.value(end - self.interval, &of_side(cells, *side)),
        };
        self.sides.iter().map(sample).collect()
    }

    fn value(&self, since: Timestamp, cell: &Cell) -> Value {
        match &self.counts {
            Counts::Failed | Counts::Abandoned | Counts::Recognised => Value::Ratio {
                since,
                bad: cell.found,
                total: cell.total,
            },
            Counts::Calls => Value::Count { since, n: cell.total },
            Counts::Latency(bounds) | Counts::Length(bounds) => {
                let bounds = bounds.iter().map(|bound| Some(*bound)).chain([None]);
                let n = |index: usize| cell.spread.get(index).copied().unwrap_or_default();
                Value::Distribution {
                    since,
                    buckets: bounds
                        .enumerate()
                        .map(|(index, le)| Bucket { le, n: n(index) })
                        .collect(),
                    sum: Quantity::from_micros(cell.sum),
                }
            }
        }
    }
}

fn arm(arm: Arm) -> usize {
    match arm {
        Arm::Stable => 0,
        Arm::Canary => 1,
    }
}

fn of_side(cells: Option<&[Cell; 2]>, side: Side) -> Cell {
    let Some([stable, canary]) = cells else {
        return Cell::default();
    };
    match side {
        Side::Stable => stable.clone(),
        Side::Canary => canary.clone(),
        Side::Whole => {
            let mut both = stable.clone();
            both.total += canary.total;
            both.found += canary.found;
            both.sum = both.sum.saturating_add(canary.sum);
            both.spread.resize(stable.spread.len().max(canary.spread.len()), 0);
            for (mine, more) in both.spread.iter_mut().zip(&canary.spread) {
                *mine += more;
            }
            both
        }
    }
}

/// In which bucket a time falls, of how many, and the time in millionths of a second.
fn placed(bounds: &[Quantity], millis: Option<f64>) -> Option<(usize, usize, i64)> {
    let value = Quantity::from_f64(millis? / 1000.0)?;
    let bucket = bounds.partition_point(|bound| *bound < value);
    Some((bucket, bounds.len() + 1, value.micros()))
}

/// The usual bounds, and those on which the plan's own limits lie: what is above a limit is known exactly then.
fn bounds(usual: &[i64], config: &SignalConfig, plan: &Plan) -> Vec<Quantity> {
    let asks = |question: &Question| question.signal == config.id;
    let rules = plan.rules.iter().filter(|rule| asks(&rule.question));
    let rules = rules.flat_map(|rule| [rule.limit, rule.clear_limit]);
    let gates = plan.phases.iter().flat_map(|phase| &phase.gates);
    let gates = gates.filter_map(|gate| match &gate.kind {
        GateKind::Limit {
            question, go, no_go, ..
        } if asks(question) => Some([*go, *no_go]),
        GateKind::Limit { .. } | GateKind::Relative { .. } | GateKind::Without { .. } => None,
    });
    let usual = usual.iter().map(|millis| Quantity::from_micros(millis * 1000));
    let all: BTreeSet<_> = usual
        .chain(rules)
        .chain(gates.flatten())
        .filter(|bound| bound.micros() > 0)
        .collect();
    all.into_iter().collect()
}
