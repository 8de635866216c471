//! The lines of a chart: what of a signal is meant, what a rule over it saw at each reading, and no more points than a
//! picture has columns. The window's charts and those that are drawn to be sent come from here alike.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::time::Duration;

use timonel_domain::board::FURTHEST;
use timonel_domain::metric::Statistic;
use timonel_domain::plan::{GateKind, Plan, Question, Rule, SignalPlan};
use timonel_domain::sample::{Sample, Value};
use timonel_domain::time::Timestamp;
use timonel_domain::value::{RuleId, Side};
use timonel_domain::window;
use timonel_report::{Consequence, Point};

use super::consequence;

/// Where no rule and no gate of the plan says over how long a metric is looked at.
const WINDOW: Duration = Duration::from_secs(5 * 60);

/// What is meant by a name.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    /// The signal that measures it.
    pub(crate) signal: &'a SignalPlan,
    /// As the plan asks it, where it does.
    pub(super) question: Option<Question>,
    /// The statistic that was asked for by its name.
    wanted: Option<Statistic>,
}

impl<'a> Asked<'a> {
    /// What a rule of the plan asks.
    pub(crate) fn of_rule(plan: &'a Plan, rule: &RuleId) -> Option<Self> {
        let question = plan.rule(rule)?.question.clone();
        Some(Self {
            signal: plan.signal(&question.signal)?,
            question: Some(question),
            wanted: None,
        })
    }

    /// What a person writes: a metric or a signal's id, with a statistic after a space. It is asked as the plan's rules do,
    /// the strictest of them first, else as its gates do.
    pub(super) fn of_name(plan: &'a Plan, asked: &str) -> Option<Self> {
        let mut words = asked.split_whitespace();
        let name = words.next()?;
        let wanted = match words.next() {
            None => None,
            Some(word) => Some(statistic(word)?),
        };
        if words.next().is_some() {
            return None;
        }
        let named: Vec<&SignalPlan> = match plan.signals.iter().find(|s| s.id.as_str() == name) {
            Some(signal) => vec![signal],
            None => plan.signals.iter().filter(|s| s.metric.name() == name).collect(),
        };
        let fits = |q: &Question, signal: &SignalPlan| q.signal == signal.id && wanted.is_none_or(|w| w == q.statistic);
        let of_rules = |signal: &SignalPlan| {
            let rules = plan.rules.iter().filter(|r| fits(&r.question, signal));
            let strictest = rules.min_by_key(|r: &&Rule| consequence(plan, r) != Consequence::Rollback);
            strictest.map(|r| r.question.clone())
        };
        let of_gates = |signal: &SignalPlan| {
            let gates = plan.phases.iter().flat_map(|p| &p.gates);
            let mut questions = gates.filter_map(|gate| match &gate.kind {
                GateKind::Limit { question, .. } | GateKind::Relative { question, .. } => Some(question),
                GateKind::Without { .. } => None,
            });
            questions.find(|q| fits(q, signal)).cloned()
        };
        // Two signals may measure the same; the one that something hangs on is meant.
        let judged = |find: &dyn Fn(&SignalPlan) -> Option<Question>| named.iter().find_map(|s| Some((*s, find(s)?)));
        let (signal, question) = match judged(&of_rules).or_else(|| judged(&of_gates)) {
            Some((signal, question)) => (signal, Some(question)),
            None => (*named.first()?, None),
        };
        Some(Self {
            signal,
            question,
            wanted,
        })
    }

    /// The question; where the plan asks nothing, what is plain for such readings.
    pub(crate) fn question(&self, reading: &Value) -> Question {
        self.question.clone().unwrap_or_else(|| {
            let statistic = self.wanted.unwrap_or(match reading {
                Value::Ratio { .. } => Statistic::Share,
                Value::Distribution { .. } => Statistic::P95,
                Value::Count { .. } => Statistic::Total,
                Value::Level(_) => Statistic::Latest,
            });
            Question {
                signal: self.signal.id.clone(),
                side: Side::Canary,
                statistic,
                window: WINDOW,
                least_units: statistic.least_units(&self.signal.metric),
            }
        })
    }
}

fn statistic(word: &str) -> Option<Statistic> {
    use Statistic::{Latest, Mean, P50, P95, P99, Share, Total};
    [Share, Mean, P50, P95, P99, Total, Latest]
        .into_iter()
        .find(|s| s.to_string() == word)
}

/// What one side's samples said at each reading within `span`; a point without a value where they said nothing, and where
/// readings are missing. Samples of up to [`FURTHEST`] before the span stand behind its first points.
pub(crate) fn points(
    samples: &[Sample],
    side: Side,
    signal: &SignalPlan,
    question: &Question,
    span: &Range<Timestamp>,
) -> Vec<Point> {
    let question = &Question {
        side,
        ..question.clone()
    };
    let mut seen: VecDeque<Sample> = VecDeque::new();
    let mut out: Vec<Point> = Vec::new();
    for sample in samples.iter().filter(|s| s.side == side && s.as_of <= span.end) {
        let at = sample.as_of;
        let before = seen.back().map(|s| s.as_of);
        seen.push_back(sample.clone());
        while seen.front().is_some_and(|first| at.since(first.as_of) > FURTHEST) {
            seen.pop_front();
        }
        if at < span.start {
            continue;
        }
        // Nobody knows what was between two readings that are so far apart.
        if let Some(before) = before.filter(|before| at.since(*before) > signal.late_after()) {
            out.push(Point {
                at: (before + signal.late_after()).max(span.start),
                value: None,
            });
        }
        // A window may reach back for its least units; a line of values that nothing new stands behind would mislead.
        let units = seen.iter().rev().take_while(|s| at.since(s.as_of) < question.window);
        let silent = question.statistic != Statistic::Total
            && units
                .filter_map(|s| s.value.units())
                .fold(None, |sum: Option<u64>, n| Some(sum.unwrap_or(0) + n))
                == Some(0);
        let value = window::answer(&seen, question, at).value.filter(|_| !silent);
        out.push(Point { at, value });
    }
    out
}

/// What is kept of one column.
#[derive(Debug, Clone, Copy, Default)]
struct Column {
    least: Option<Point>,
    most: Option<Point>,
    gap: Option<Point>,
}

/// The same line for the eye: of each of so many columns at most the least and the greatest value, and one gap where it has
/// any. Points are in the order of time; what lies outside `span`, its end included, is left out.
pub(crate) fn thin_out(points: &[Point], columns: u32, span: &Range<Timestamp>) -> Vec<Point> {
    let width = i128::from(columns.max(1));
    let from = i128::from(span.start.micros());
    let length = (i128::from(span.end.micros()) - from).max(1);
    let mut kept: BTreeMap<i128, Column> = BTreeMap::new();
    for point in points.iter().filter(|p| span.start <= p.at && p.at <= span.end) {
        let column = ((i128::from(point.at.micros()) - from) * width / length).min(width - 1);
        let here = kept.entry(column).or_default();
        if point.value.is_none() {
            here.gap = Some(*point);
        } else {
            if here.least.is_none_or(|least| point.value < least.value) {
                here.least = Some(*point);
            }
            if here.most.is_none_or(|most| point.value > most.value) {
                here.most = Some(*point);
            }
        }
    }
    let mut out = Vec::new();
    for Column { least, most, gap } in kept.into_values() {
        let mut column: Vec<Point> = [least, most.filter(|_| most != least), gap]
            .into_iter()
            .flatten()
            .collect();
        column.sort_by_key(|point| point.at);
        out.append(&mut column);
    }
    out
}
