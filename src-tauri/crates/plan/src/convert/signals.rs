//! Signals: which metric, from which source, and what rules and gates may ask of them. What is read for each side is
//! `queries`.

use std::collections::BTreeSet;
use std::time::Duration;

use timonel_domain::metric::{Direction, KnownMetric, Metric, MetricUnit, Statistic};
use timonel_domain::plan::{Incident, SignalPlan};
use timonel_domain::value::{Side, SignalId};

use super::queries::queries;
use super::{duration, id, once, parts, unknown};
use crate::finding::Findings;
use crate::model::{DirectionWord, IncidentWord, PlanFile, RecordsKind, SideWord, SignalFile, UnitOfMetric};
use crate::parsed::{Shape, SignalConfig, SourceConfig};
use crate::place::Path;
use crate::text::Unreadable;
use crate::when::Subject;

/// A signal with everything that others ask of it.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) plan: SignalPlan,
    pub(crate) config: SignalConfig,
}

/// The signals that could be read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Signals {
    pub(crate) known: Vec<Known>,
    /// Some could not be read, so that a name that is not here may be theirs.
    pub(crate) partial: bool,
}

impl Known {
    fn shape(&self) -> Option<Shape> {
        self.config.queries.first().map(|q| q.query.shape())
    }

    pub(crate) fn is_count(&self) -> bool {
        self.shape() == Some(Shape::Count)
    }

    pub(crate) fn is_level(&self) -> bool {
        self.shape() == Some(Shape::Level)
    }

    pub(crate) fn has_both_arms(&self) -> bool {
        [Side::Stable, Side::Canary]
            .iter()
            .all(|side| self.plan.sides.contains(side))
    }

    /// The statistic that is meant, where the writer may leave it out.
    pub(crate) fn statistic(&self, written: Option<Statistic>) -> Result<Statistic, Unreadable> {
        let name = self.plan.metric.name();
        let (possible, default): (&[Statistic], _) = match self.shape() {
            Some(Shape::Ratio) => (&[Statistic::Share], Some(Statistic::Share)),
            Some(Shape::Distribution) => (&[Statistic::Mean, Statistic::P50, Statistic::P95, Statistic::P99], None),
            Some(Shape::Count) => (&[Statistic::Total], Some(Statistic::Total)),
            Some(Shape::Level) | None => (&[Statistic::Latest, Statistic::Mean], Some(Statistic::Latest)),
        };
        let words: Vec<String> = possible.iter().map(|s| format!("`{name} {s}`")).collect();
        match written.or(default) {
            Some(statistic) if possible.contains(&statistic) => Ok(statistic),
            Some(statistic) => Err(Unreadable::new(
                format!("`{}` has no {statistic}", self.plan.id),
                format!("Write {}", words.join(" or ")),
            )),
            None => Err(Unreadable::new(
                format!(
                    "`{}` is a distribution, and the line does not say which value of it",
                    self.plan.id
                ),
                format!("Write {}", words.join(" or ")),
            )),
        }
    }

    /// The side that is meant: the canary's, or the whole's where there is no other.
    pub(crate) fn side(&self, written: Option<SideWord>) -> Result<Side, Unreadable> {
        let side = match written {
            Some(SideWord::Stable) => Side::Stable,
            Some(SideWord::Canary) => Side::Canary,
            Some(SideWord::Whole) => Side::Whole,
            None if self.plan.sides.contains(&Side::Canary) => Side::Canary,
            None => Side::Whole,
        };
        if self.plan.sides.contains(&side) {
            return Ok(side);
        }
        let message = format!("`{}` does not deliver this side", self.plan.id);
        let advice = if side == Side::Whole {
            "Write `on = \"canary\"`, or add a signal with `side = \"whole\"`"
        } else {
            "Write `on = \"whole\"`, or give the signal `arms`"
        };
        Err(Unreadable::new(message, advice))
    }
}

impl Signals {
    /// The signal of that id, with a finding where there is none.
    pub(super) fn find(&self, name: &str, path: &Path, out: &mut Findings) -> Option<&Known> {
        let found = self.known.iter().find(|s| s.plan.id.as_str() == name);
        if found.is_none() && !self.partial {
            unknown(
                "signal",
                name,
                self.known.iter().map(|s| s.plan.id.as_str()),
                "reference.signal",
                path,
                out,
            );
        }
        found
    }

    /// The signal that a rule or gate names by its id, or by a metric that only one signal measures.
    pub(super) fn of(&self, subject: &Subject, path: &Path, out: &mut Findings) -> Option<&Known> {
        let by_id = self.known.iter().find(|s| s.plan.id.as_str() == subject.name);
        let by_metric: Vec<&Known> = self
            .known
            .iter()
            .filter(|s| s.plan.metric.name() == subject.name)
            .collect();
        match (by_id, by_metric.as_slice()) {
            (Some(known), _) => Some(known),
            (None, [known]) => Some(*known),
            (None, []) if self.partial => None,
            (None, []) if KnownMetric::ALL.iter().any(|m| m.name() == subject.name) => {
                let message = format!("no signal of the plan measures `{}`", subject.name);
                out.error(
                    path,
                    "reference.signal",
                    message,
                    format!("Add a [[signals]] with `metric = \"{}\"`", subject.name),
                );
                None
            }
            (None, []) => self.find(&subject.name, path, out),
            (None, several) => {
                let ids: Vec<&str> = several.iter().map(|s| s.plan.id.as_str()).collect();
                let message = format!("several signals measure `{}`", subject.name);
                out.error(
                    path,
                    "reference.ambiguous",
                    message,
                    format!("Write the signal's id: {}", ids.join(" or ")),
                );
                None
            }
        }
    }
}

pub(super) fn signals(file: &PlanFile, sources: &[SourceConfig], out: &mut Findings) -> Signals {
    let mut seen = BTreeSet::new();
    let mut known = Vec::new();
    let sources_partial = sources.len() < file.sources.len();
    for (path, signal) in parts(&file.signals, "signals") {
        let id = id(&signal.id, &path.key("id"), out, SignalId::new);
        once(&signal.id, "signal", &path.key("id"), &mut seen, out);
        let metric = metric(signal, &path, out);
        let source = sources.iter().find(|s| s.name == signal.source);
        if source.is_none() && !sources_partial {
            unknown(
                "source",
                &signal.source,
                sources.iter().map(|s| s.name.as_str()),
                "reference.source",
                &path.key("source"),
                out,
            );
        }
        let interval = match &signal.interval {
            Some(text) => duration(text, &path.key("interval"), out),
            None => source.map(|s| s.interval),
        };
        if interval.is_some_and(|i| i.is_zero()) {
            out.error(
                &path.key("interval"),
                "signal.interval",
                "a signal that is read all the time is never fresh",
                "Write how often it is read, such as 15s",
            );
        }
        let lag = match &signal.lag {
            Some(text) => duration(text, &path.key("lag"), out),
            None => Some(signal.records.map_or(Duration::ZERO, RecordsKind::lag)),
        };
        let queries = metric
            .as_ref()
            .and_then(|metric| queries(signal, metric, source.map(|s| s.kind), &path, out));
        if let (Some(id), Some(metric), Some(source), Some(interval), Some(lag), Some(queries)) =
            (id, metric, source, interval, lag, queries)
        {
            let incident = signal.incident.map(|incident| match incident {
                IncidentWord::CriticalError => Incident::CriticalError,
                IncidentWord::Security => Incident::Security,
            });
            let sides = queries.iter().map(|q| q.side).collect();
            known.push(Known {
                plan: SignalPlan {
                    id: id.clone(),
                    metric: metric.clone(),
                    sides,
                    interval,
                    lag,
                    required: signal.required,
                    incident,
                },
                config: SignalConfig {
                    id,
                    source: source.name.clone(),
                    metric,
                    interval,
                    queries,
                },
            });
        }
    }
    Signals {
        partial: known.len() < file.signals.len(),
        known,
    }
}

fn metric(signal: &SignalFile, path: &Path, out: &mut Findings) -> Option<Metric> {
    let catalogue = KnownMetric::ALL.iter().find(|m| m.name() == signal.metric);
    match (catalogue, signal.unit, signal.direction) {
        (Some(known), None, None) => Some(Metric::Known(*known)),
        (Some(known), _, _) => {
            let key = if signal.unit.is_some() { "unit" } else { "direction" };
            out.error(
                &path.key(key),
                "signal.catalogue-metric",
                format!("the catalogue already says unit and direction of `{}`", known.name()),
                "Take `unit` and `direction` out, or give the metric a name of your own",
            );
            None
        }
        (None, Some(unit), Some(direction)) => Some(Metric::Declared {
            name: signal.metric.clone(),
            unit: match unit {
                UnitOfMetric::Ratio => MetricUnit::Ratio,
                UnitOfMetric::Seconds => MetricUnit::Seconds,
                UnitOfMetric::Count => MetricUnit::Count,
            },
            direction: match direction {
                DirectionWord::LowerIsBetter => Direction::LowerIsBetter,
                DirectionWord::HigherIsBetter => Direction::HigherIsBetter,
            },
        }),
        (None, _, _) => {
            let names: Vec<&str> = KnownMetric::ALL.iter().map(|m| m.name()).collect();
            let advice = match crate::read::nearest(&signal.metric, &names) {
                Some(near) => format!("Did you mean `{near}`? A metric of your own needs `unit` and `direction` too"),
                None => "Add `unit = \"count\"` (or ratio, seconds) and `direction = \"lower-is-better\"` (or higher-is-better)".to_owned(),
            };
            out.error(
                &path.key("metric"),
                "signal.unknown-metric",
                format!(
                    "`{}` is not in the catalogue and its unit and direction are not given",
                    signal.metric
                ),
                advice,
            );
            None
        }
    }
}
