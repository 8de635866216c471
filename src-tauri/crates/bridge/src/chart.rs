//! Charts of a rollout from what this installation has stored: samples, the limits of its plan, phases by its journal.
//!
//! Each point of a chart is what a rule would have been told at that moment, over the rule's own window, so that a line
//! and its limit can be compared. Deliberately not here: drawing (`report`), and live charts (the window asks for series).

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

use timonel_domain::board::FURTHEST;
use timonel_domain::metric::Statistic;
use timonel_domain::plan::{Action, GateKind, Plan, Question, Rule, SignalPlan};
use timonel_domain::sample::{Sample, Value};
use timonel_domain::time::Timestamp;
use timonel_domain::value::{RolloutId, Side};
use timonel_domain::window;
use timonel_plan::parsed::SIMULATOR;
use timonel_ports::store::{RolloutRow, SampleStore, StoreError};
use timonel_report::{About, Chart, Consequence, Limit, PhaseBar, Point, ReportError, Series, Timeline};

pub use timonel_report::{BadZone, Format, Language, Look, Theme, Zone};

use crate::{BridgeError, Desk};

pub use story::Story;

mod story;

/// What a picture shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A metric of the catalogue, one that the plan declares, or a signal by its id; with a statistic after a space
    /// where it is not the one of the plan's rules: `response_time p95`.
    Metric(String),
    /// The phases as planned and as they were.
    Timeline,
}

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum ChartError {
    /// The plan has no such metric.
    #[error("the plan has no metric `{asked}`: it has {}, and `timeline`", .known.join(", "))]
    UnknownMetric {
        /// What was asked for.
        asked: String,
        /// The metrics of the plan.
        known: Vec<String>,
    },
    /// Nothing of it was stored in that time.
    #[error("there are no samples of `{metric}` {}: it was not read then, or its source did not answer", between(*.from, *.to))]
    NoSamples {
        /// What was asked for.
        metric: String,
        /// The beginning that was asked for.
        from: Option<Timestamp>,
        /// The end that was asked for.
        to: Option<Timestamp>,
    },
    /// The installation's store or journal does not answer.
    #[error(transparent)]
    Bridge(#[from] BridgeError),
    /// It cannot be drawn.
    #[error(transparent)]
    Report(#[from] ReportError),
}

impl From<StoreError> for ChartError {
    fn from(error: StoreError) -> Self {
        ChartError::Bridge(error.into())
    }
}

fn between(from: Option<Timestamp>, to: Option<Timestamp>) -> String {
    match (from, to) {
        (Some(from), Some(to)) => format!("between {from} and {to}"),
        (Some(from), None) => format!("since {from}"),
        (None, Some(to)) => format!("until {to}"),
        (None, None) => "in this rollout".to_owned(),
    }
}

/// After everything that is stored.
const FOREVER: Timestamp = Timestamp::from_micros(i64::MAX);
/// Where no rule and no gate of the plan says over how long a metric is looked at.
const WINDOW: Duration = Duration::from_secs(5 * 60);
/// Columns of a chart; a line keeps its least and greatest value in each.
const COLUMNS: i64 = 800;

impl Desk {
    /// A picture of a rollout, between two moments or over all that is known of it.
    pub async fn picture(
        &self,
        row: &RolloutRow,
        subject: &Subject,
        during: (Option<Timestamp>, Option<Timestamp>),
        look: &Look,
    ) -> Result<Vec<u8>, ChartError> {
        match subject {
            Subject::Metric(metric) => {
                let chart = self.chart(row, metric, during).await?;
                timonel_report::chart(&chart, look).map_err(|error| match error {
                    ReportError::Empty { .. } => ChartError::NoSamples {
                        metric: metric.clone(),
                        from: during.0,
                        to: during.1,
                    },
                    error @ (ReportError::Span { .. } | ReportError::Draw(_) | ReportError::Png(_)) => error.into(),
                })
            }
            Subject::Timeline => Ok(timonel_report::timeline(&self.timeline(row, during).await?, look)?),
        }
    }

    /// What a chart of a metric is drawn from.
    pub async fn chart(
        &self,
        row: &RolloutRow,
        asked: &str,
        during: (Option<Timestamp>, Option<Timestamp>),
    ) -> Result<Chart, ChartError> {
        let plan = self.plan_of(row).await?.0.plan;
        let meant = question(&plan, asked)?;
        let signal = meant.signal;
        let from = during.0.unwrap_or(row.opened_at);
        // The first points look back too.
        let until = during.1.unwrap_or(FOREVER - Duration::from_secs(1)) + Duration::from_micros(1);
        let samples = self
            .store()
            .samples(&row.id, &signal.id, from - FURTHEST..until)
            .await?;
        let newest = samples.iter().map(|s| s.as_of).filter(|at| *at >= from).max();
        let none = || ChartError::NoSamples {
            metric: asked.to_owned(),
            from: during.0,
            to: during.1,
        };
        let reading = &samples.iter().find(|s| s.as_of >= from).ok_or_else(none)?.value;
        let question = meant.question(reading);
        let span = from..during.1.or(newest).ok_or_else(none)?;
        let story = Story::read(self.store(), &row.id, &plan).await?;
        let series = signal.sides.iter().map(|side| Series {
            side: *side,
            points: decimated(points(&samples, *side, signal, &question, &span), &span),
        });
        Ok(Chart {
            metric: signal.metric.clone(),
            statistic: question.statistic,
            window: (question.statistic != Statistic::Latest).then_some(question.window),
            series: series.collect(),
            limits: limits(&plan, signal, question.statistic),
            weights: story.weights,
            marks: story.marks,
            about: about(row, span),
        })
    }

    /// What a timeline is drawn from.
    pub async fn timeline(
        &self,
        row: &RolloutRow,
        during: (Option<Timestamp>, Option<Timestamp>),
    ) -> Result<Timeline, ChartError> {
        let plan = self.plan_of(row).await?.0.plan;
        let story = Story::read(self.store(), &row.id, &plan).await?;
        let told = story.last.unwrap_or(row.opened_at);
        let newest = match &plan.traffic.assigned {
            Some(signal) => self.newest_sample(&row.id, signal, told).await?.unwrap_or(told),
            None => told,
        };
        let planned = planned(&plan, row, &story);
        let first = planned.iter().map(|p| p.start).min().unwrap_or(row.opened_at);
        let last = planned.iter().map(|p| p.end).max().unwrap_or(newest);
        let span = during.0.unwrap_or(first.min(row.opened_at))..during.1.unwrap_or(last.max(newest));
        let phases = plan.phases.iter().enumerate().map(|(i, phase)| PhaseBar {
            name: phase.name.clone(),
            weight: phase.weight,
            planned: planned.get(i).cloned(),
            actual: story
                .phases
                .iter()
                .filter(|p| p.phase == i)
                .map(|p| (p.entered, p.left))
                .collect(),
        });
        Ok(Timeline {
            newest,
            phases: phases.collect(),
            weights: story.weights,
            marks: story.marks,
            about: about(row, span),
        })
    }

    async fn newest_sample(
        &self,
        rollout: &RolloutId,
        signal: &timonel_domain::value::SignalId,
        after: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let samples = self.store().samples(rollout, signal, after..FOREVER).await?;
        Ok(samples.iter().map(|sample| sample.as_of).max())
    }
}

fn about(row: &RolloutRow, span: Range<Timestamp>) -> About {
    About {
        rollout: row.id.to_string(),
        environment: row.environment.clone(),
        span,
    }
}

/// Which signal is meant, and what of it: as the plan's rules ask, the strictest of them first, else as its gates do.
fn question<'a>(plan: &'a Plan, asked: &str) -> Result<Asked<'a>, ChartError> {
    let unknown = || {
        let mut known: Vec<String> = Vec::new();
        for name in plan.signals.iter().map(|s| s.metric.name()) {
            if !known.iter().any(|other| other == name) {
                known.push(name.to_owned());
            }
        }
        ChartError::UnknownMetric {
            asked: asked.to_owned(),
            known,
        }
    };
    let mut words = asked.split_whitespace();
    let name = words.next().ok_or_else(unknown)?;
    let wanted = match words.next() {
        None => None,
        Some(word) => Some(statistic(word).ok_or_else(unknown)?),
    };
    if words.next().is_some() {
        return Err(unknown());
    }
    let named: Vec<&SignalPlan> = match plan.signals.iter().find(|s| s.id.as_str() == name) {
        Some(signal) => vec![signal],
        None => plan.signals.iter().filter(|s| s.metric.name() == name).collect(),
    };
    let fits = |q: &Question, signal: &SignalPlan| q.signal == signal.id && wanted.is_none_or(|w| w == q.statistic);
    let of_rules = |signal: &SignalPlan| {
        let rules = plan.rules.iter().filter(|r| fits(&r.question, signal));
        rules
            .min_by_key(|r| consequence(plan, r) != Consequence::Rollback)
            .map(|r| r.question.clone())
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
    if let Some(found) = judged(&of_rules).or_else(|| judged(&of_gates)) {
        let (signal, question) = found;
        return Ok(Asked {
            signal,
            question: Some(question),
            wanted,
        });
    }
    Ok(Asked {
        signal: named.first().ok_or_else(unknown)?,
        question: None,
        wanted,
    })
}

/// What is meant by a name.
struct Asked<'a> {
    signal: &'a SignalPlan,
    /// As the plan asks it, where it does.
    question: Option<Question>,
    wanted: Option<Statistic>,
}

impl Asked<'_> {
    /// Where the plan asks nothing, what is plain for such readings.
    fn question(self, reading: &Value) -> Question {
        self.question.unwrap_or_else(|| {
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

fn consequence(plan: &Plan, rule: &Rule) -> Consequence {
    match rule.action {
        Action::Rollback if plan.automatic => Consequence::Rollback,
        Action::Rollback | Action::Alert => Consequence::Freeze,
        Action::Notify => Consequence::Alert,
    }
}

/// The limits of the plan's rules on one statistic of a signal, the gravest last so that it is drawn on top.
fn limits(plan: &Plan, signal: &SignalPlan, statistic: Statistic) -> Vec<Limit> {
    let of = |rule: &&Rule| {
        let question = &rule.question;
        question.signal == signal.id && question.statistic == statistic && question.side != Side::Stable
    };
    let mut limits: Vec<Limit> = plan
        .rules
        .iter()
        .filter(of)
        .map(|rule| Limit {
            comparison: rule.comparison,
            at: rule.limit,
            lasting: rule.lasting,
            consequence: consequence(plan, rule),
        })
        .collect();
    limits.sort_by_key(|limit| limit.consequence);
    limits.dedup();
    limits
}

/// What one side's samples said at each reading within `span`; a point without a value where they said nothing.
fn points(
    samples: &[Sample],
    side: Side,
    signal: &SignalPlan,
    question: &Question,
    span: &Range<Timestamp>,
) -> Vec<Point> {
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
        if let Some(before) = before.filter(|before| at.since(*before) > signal.late_after()) {
            out.push(Point {
                at: before.max(span.start),
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

/// The same line for the eye: in each column of the picture the least and the greatest value, and every gap.
fn decimated(points: Vec<Point>, span: &Range<Timestamp>) -> Vec<Point> {
    let width = (span.end.micros().saturating_sub(span.start.micros()) / COLUMNS).max(1);
    let column = |point: &Point| (point.at.micros() - span.start.micros()) / width;
    let mut out: Vec<Point> = Vec::new();
    for same in points.chunk_by(|a, b| a.value.is_some() == b.value.is_some() && column(a) == column(b)) {
        let least = same.iter().min_by_key(|p| p.value);
        let most = same.iter().max_by_key(|p| p.value);
        let (Some(least), Some(most)) = (least, most) else {
            continue;
        };
        out.push(if least.at <= most.at { *least } else { *most });
        if least.at != most.at && least.value.is_some() {
            out.push(if least.at <= most.at { *most } else { *least });
        }
    }
    out
}

/// When each phase was to be: at its planned start, else behind the one before it; each for its bake or until the next.
///
/// A rehearsal shortens bakes and has a calendar of its own, so there the plan begins when the first phase did.
fn planned(plan: &Plan, row: &RolloutRow, story: &Story) -> Vec<Range<Timestamp>> {
    let dated = |i: usize| {
        plan.phases
            .get(i)
            .and_then(|p| p.planned_start)
            .filter(|_| row.environment != SIMULATOR)
    };
    let mut at = story.phases.iter().map(|p| p.entered).min().unwrap_or(row.opened_at);
    let mut out = Vec::new();
    for (i, phase) in plan.phases.iter().enumerate() {
        let start = dated(i).unwrap_or(at);
        let end = dated(i + 1).filter(|next| *next > start).unwrap_or(start + phase.bake);
        out.push(start..end);
        at = end;
    }
    out
}

#[cfg(test)]
mod tests;
