//! The lines of a chart: at each reading what the rule over it saw then, and no more points than a screen has pixels.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use timonel_domain::metric::Statistic;
use timonel_domain::plan::{GateKind, Plan, Question, SignalPlan};
use timonel_domain::sample::{Sample, Value};
use timonel_domain::value::{Quantity, Side, SignalId};
use timonel_domain::window;
use timonel_wire::{Point, Series, millis};

/// Over how long a signal is looked at that neither a rule nor a gate asks about.
const WINDOW: Duration = Duration::from_secs(5 * 60);

/// One signal as a chart shows it: by the question of its first rule, else of its first gate, so that a line and its limit
/// speak of the same number.
#[derive(Debug)]
pub(super) struct Chart<'a> {
    signal: &'a SignalPlan,
    question: Option<Question>,
}

impl<'a> Chart<'a> {
    /// All signals that measure a metric, by the metric's name in plans.
    pub(super) fn of_metric(plan: &'a Plan, metric: &str) -> Vec<Self> {
        let signals = plan.signals.iter().filter(|s| s.metric.name() == metric);
        signals
            .map(|signal| Self {
                signal,
                question: question_of(plan, &signal.id),
            })
            .collect()
    }

    pub(super) fn signal(&self) -> &SignalId {
        &self.signal.id
    }

    /// How long before the first moment samples are needed.
    pub(super) fn reach(&self) -> Duration {
        // A window stretches while units are few; twice as far is where a chart may begin with a gap.
        self.question.as_ref().map_or(WINDOW, |q| q.window) * 2
    }

    /// One line for each side, from samples in the order of their times.
    pub(super) fn lines(&self, samples: &[Sample], width_px: u32, from: i64, to: i64) -> Vec<Series> {
        let sides = self.signal.sides.iter();
        sides
            .map(|side| Series {
                metric: self.signal.metric.name().to_owned(),
                signal: self.signal.id.to_string(),
                side: (*side).into(),
                unit: self.signal.metric.unit().into(),
                points: thin_out(&self.points(samples, *side, from, to), width_px, from, to),
            })
            .collect()
    }

    fn points(&self, samples: &[Sample], side: Side, from: i64, to: i64) -> Vec<Point> {
        let mut window = VecDeque::new();
        let mut points: Vec<Point> = Vec::new();
        let patience = i64::try_from(self.signal.late_after().as_millis()).unwrap_or(i64::MAX);
        for sample in samples.iter().filter(|s| s.side == side) {
            window.push_back(sample.clone());
            let at = millis(sample.as_of);
            if at < from || at > to {
                continue;
            }
            // Nobody knows what was between two readings that are so far apart.
            if let Some(Point(last, Some(_))) = points.last()
                && at - last > patience
            {
                points.push(Point(last.saturating_add(patience), None));
            }
            let question = Question {
                side,
                ..self.question.clone().unwrap_or_else(|| plain(self.signal, sample))
            };
            let value = window::answer(&window, &question, sample.as_of).value;
            points.push(Point(at, value.map(Quantity::as_f64)));
        }
        points
    }
}

fn question_of(plan: &Plan, signal: &SignalId) -> Option<Question> {
    let rules = plan.rules.iter().map(|rule| &rule.question);
    let gates = plan.phases.iter().flat_map(|phase| &phase.gates);
    let gates = gates.filter_map(|gate| match &gate.kind {
        GateKind::Limit { question, .. } | GateKind::Relative { question, .. } => Some(question),
        GateKind::Without { .. } => None,
    });
    rules.chain(gates).find(|question| question.signal == *signal).cloned()
}

/// What is asked of a signal that nobody else asks about.
fn plain(signal: &SignalPlan, sample: &Sample) -> Question {
    let statistic = match sample.value {
        Value::Ratio { .. } => Statistic::Share,
        Value::Distribution { .. } => Statistic::Mean,
        Value::Count { .. } => Statistic::Total,
        Value::Level(_) => Statistic::Latest,
    };
    Question {
        signal: signal.id.clone(),
        side: sample.side,
        statistic,
        window: WINDOW,
        least_units: statistic.least_units(&signal.metric),
    }
}

/// What is kept of one pixel column.
#[derive(Debug, Clone, Copy, Default)]
struct Column {
    least: Option<(i64, f64)>,
    most: Option<(i64, f64)>,
    gap: Option<i64>,
}

/// At most the least and the greatest value of each pixel column, and one gap where the column has any. Points are in the
/// order of time; what lies outside `from..=to` is left out.
pub(super) fn thin_out(points: &[Point], width_px: u32, from: i64, to: i64) -> Vec<Point> {
    let width = i128::from(width_px.max(1));
    let span = (i128::from(to) - i128::from(from)).max(1);
    let mut columns: BTreeMap<i128, Column> = BTreeMap::new();
    for Point(at, value) in points.iter().copied().filter(|Point(at, _)| (from..=to).contains(at)) {
        let column = ((i128::from(at) - i128::from(from)) * width / span).min(width - 1);
        let kept = columns.entry(column).or_default();
        match value {
            None => kept.gap = Some(at),
            Some(value) => {
                if kept.least.is_none_or(|(_, least)| value < least) {
                    kept.least = Some((at, value));
                }
                if kept.most.is_none_or(|(_, most)| value > most) {
                    kept.most = Some((at, value));
                }
            }
        }
    }
    let mut out = Vec::new();
    for column in columns.into_values() {
        let mut kept: Vec<Point> = Vec::new();
        kept.extend(column.least.map(|(at, value)| Point(at, Some(value))));
        kept.extend(
            column
                .most
                .filter(|most| column.least != Some(*most))
                .map(|(at, value)| Point(at, Some(value))),
        );
        kept.extend(column.gap.map(|at| Point(at, None)));
        kept.sort_by_key(|Point(at, _)| *at);
        out.append(&mut kept);
    }
    out
}
