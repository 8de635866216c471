//! Charts of a rollout from what this installation has stored: samples, the limits of its plan, phases by its journal.
//!
//! Each point of a chart is what a rule would have been told at that moment, over the rule's own window, so that a line
//! and its limit can be compared. Deliberately not here: drawing (`report`), and what the window asks (`console`).

use std::ops::Range;
use std::time::Duration;

use timonel_domain::board::FURTHEST;
use timonel_domain::metric::Statistic;
use timonel_domain::plan::{Action, Plan, Rule, SignalPlan};
use timonel_domain::time::Timestamp;
use timonel_domain::value::{Quantity, RuleId, Side, SignalId};
use timonel_plan::parsed::SIMULATOR;
use timonel_ports::store::{RolloutRow, SampleStore, StoreError};
use timonel_report::{About, BandPoint, Chart, Consequence, Limit, PhaseBar, ReportError, Series, Timeline};
use timonel_store::Sqlite;

pub use timonel_report::{BadZone, Format, Language, Look, Theme, Zone};

use crate::{BridgeError, Desk};

pub use band::Era;
pub use story::Story;
pub(crate) use story::Telling;

use band::{band, before};
use lines::{Asked, points, thin_out};

pub(crate) mod band;
pub(crate) mod lines;
mod story;

/// What a picture shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A metric of the catalogue, one that the plan declares, or a signal by its id; with a statistic after a space
    /// where it is not the one of the plan's rules: `response_time p95`.
    Metric(String),
    /// What a rule of the plan looks at.
    Rule(RuleId),
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
/// Columns of a chart; a line keeps its least and greatest value in each.
const COLUMNS: u32 = 800;

impl Desk {
    /// A picture of a rollout, between two moments or over all that is known of it.
    pub async fn picture(
        &self,
        row: &RolloutRow,
        subject: &Subject,
        during: During,
        look: &Look,
    ) -> Result<Vec<u8>, ChartError> {
        let plan = self.plan_of(row).await?.0.plan;
        let store: &Sqlite = self.store();
        let album = Album {
            store,
            plan: &plan,
            row,
        };
        album.picture(subject, during, look).await
    }
}

/// Between these moments, where they are given.
pub type During = (Option<Timestamp>, Option<Timestamp>);

/// What pictures of a rollout are made from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Album<'a> {
    pub(crate) store: &'a Sqlite,
    pub(crate) plan: &'a Plan,
    pub(crate) row: &'a RolloutRow,
}

impl Album<'_> {
    /// A picture, drawn.
    pub(crate) async fn picture(&self, subject: &Subject, during: During, look: &Look) -> Result<Vec<u8>, ChartError> {
        let (asked, name) = match subject {
            Subject::Timeline => return Ok(timonel_report::timeline(&self.timeline(during).await?, look)?),
            Subject::Metric(metric) => (Asked::of_name(self.plan, metric), metric.clone()),
            Subject::Rule(rule) => (Asked::of_rule(self.plan, rule), rule.to_string()),
        };
        let asked = asked.ok_or_else(|| self.unknown(&name))?;
        let chart = self.chart(&asked, &name, during).await?;
        timonel_report::chart(&chart, look).map_err(|error| match error {
            ReportError::Empty { .. } => ChartError::NoSamples {
                metric: name,
                from: during.0,
                to: during.1,
            },
            error @ (ReportError::Span { .. } | ReportError::Draw(_) | ReportError::Png(_)) => error.into(),
        })
    }

    fn unknown(&self, asked: &str) -> ChartError {
        let mut known: Vec<String> = Vec::new();
        for name in self.plan.signals.iter().map(|s| s.metric.name()) {
            if !known.iter().any(|other| other == name) {
                known.push(name.to_owned());
            }
        }
        ChartError::UnknownMetric {
            asked: asked.to_owned(),
            known,
        }
    }

    /// What a chart of a metric is drawn from.
    async fn chart(&self, asked: &Asked<'_>, name: &str, during: During) -> Result<Chart, ChartError> {
        let (plan, row, signal) = (self.plan, self.row, asked.signal);
        let from = during.0.unwrap_or(row.opened_at);
        // The first points look back too.
        let until = during.1.unwrap_or(FOREVER - Duration::from_secs(1)) + Duration::from_micros(1);
        let samples = self.store.samples(&row.id, &signal.id, from - FURTHEST..until).await?;
        let newest = samples.iter().map(|s| s.as_of).filter(|at| *at >= from).max();
        let none = || ChartError::NoSamples {
            metric: name.to_owned(),
            from: during.0,
            to: during.1,
        };
        let reading = &samples.iter().find(|s| s.as_of >= from).ok_or_else(none)?.value;
        let question = asked.question(reading);
        let span = from..during.1.or(newest).ok_or_else(none)?;
        let story = Story::read(self.store, &row.id, plan).await?;
        let is_share = question.statistic == Statistic::Share;
        let eras: &[Era] = if is_share { &story.eras } else { &[] };
        let before = before(eras, from - FURTHEST);
        let mut whole = match before {
            Some(before) => self.store.samples(&row.id, &signal.id, before).await?,
            None => Vec::new(),
        };
        whole.extend(samples.iter().cloned());
        let series = signal.sides.iter().map(|side| Series {
            side: *side,
            points: thin_out(&points(&samples, *side, signal, &question, &span), COLUMNS, &span),
            band: band(&whole, *side, eras, COLUMNS, &span)
                .into_iter()
                .map(|point| BandPoint {
                    at: point.at,
                    bounds: point.bounds.map(|(low, high)| (micros(low), micros(high))),
                })
                .collect(),
        });
        Ok(Chart {
            metric: signal.metric.clone(),
            statistic: question.statistic,
            window: (question.statistic != Statistic::Latest).then_some(question.window),
            series: series.collect(),
            limits: limits(plan, signal, question.statistic),
            weights: story.weights,
            marks: story.marks,
            about: about(row, span),
        })
    }

    /// What a timeline is drawn from.
    async fn timeline(&self, during: During) -> Result<Timeline, ChartError> {
        let (plan, row) = (self.plan, self.row);
        let story = Story::read(self.store, &row.id, plan).await?;
        let told = story.last.unwrap_or(row.opened_at);
        let newest = match &plan.traffic.assigned {
            Some(signal) => self.newest_sample(signal, told).await?.unwrap_or(told),
            None => told,
        };
        let planned = planned(plan, row, &story);
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

    async fn newest_sample(&self, signal: &SignalId, after: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let samples = self.store.samples(&self.row.id, signal, after..FOREVER).await?;
        Ok(samples.iter().map(|sample| sample.as_of).max())
    }
}

/// A share as charts have it.
fn micros(share: f64) -> Quantity {
    Quantity::from_micros((share * 1e6).round() as i64)
}

fn about(row: &RolloutRow, span: Range<Timestamp>) -> About {
    About {
        rollout: row.id.to_string(),
        environment: row.environment.clone(),
        span,
    }
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
