//! Signals: which metric, whose, and what to read for each side. The users' own mistake of writing errors a second
//! where a share of units is meant is found here, because it decides what kind of signal it is.

use std::collections::BTreeSet;

use timonel_domain::metric::{Direction, KnownMetric, Metric, MetricUnit, Statistic};
use timonel_domain::plan::{Incident, SignalPlan};
use timonel_domain::value::{Side, SignalId};

use super::{duration, id, once, parts, said, unknown};
use crate::finding::Findings;
use crate::model::{DirectionWord, IncidentWord, PlanFile, SideWord, SignalFile, SourceKind, UnitOfMetric};
use crate::parsed::{Query, SideQuery, SignalConfig, SourceConfig};
use crate::place::Path;
use crate::selector::{Form, form, inner_selector};
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
    fn query(&self) -> Option<&Query> {
        self.config.queries.first().map(|q| &q.query)
    }

    pub(crate) fn is_count(&self) -> bool {
        matches!(self.query(), Some(Query::Count { .. }))
    }

    pub(crate) fn is_level(&self) -> bool {
        matches!(self.query(), Some(Query::Level { .. }))
    }

    pub(crate) fn has_both_arms(&self) -> bool {
        [Side::Stable, Side::Canary].iter().all(|side| self.plan.sides.contains(side))
    }

    /// The statistic that is meant, where the writer may leave it out.
    pub(crate) fn statistic(&self, written: Option<Statistic>) -> Result<Statistic, Unreadable> {
        let name = self.plan.metric.name();
        let (possible, default): (&[Statistic], _) = match self.query() {
            Some(Query::Ratio { .. }) => (&[Statistic::Share], Some(Statistic::Share)),
            Some(Query::Distribution { .. }) => (&[Statistic::Mean, Statistic::P50, Statistic::P95, Statistic::P99], None),
            Some(Query::Count { .. }) => (&[Statistic::Total], Some(Statistic::Total)),
            Some(Query::Level { .. }) | None => (&[Statistic::Latest, Statistic::Mean], Some(Statistic::Latest)),
        };
        let words: Vec<String> = possible.iter().map(|s| format!("`{name} {s}`")).collect();
        match written.or(default) {
            Some(statistic) if possible.contains(&statistic) => Ok(statistic),
            Some(statistic) => Err(Unreadable::new(format!("`{}` has no {statistic}", self.plan.id), format!("Write {}", words.join(" or ")))),
            None => Err(Unreadable::new(format!("`{}` is a distribution, and the line does not say which value of it", self.plan.id), format!("Write {}", words.join(" or ")))),
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
        let advice = if side == Side::Whole { "Write `on = \"canary\"`, or add a signal with `side = \"whole\"`" } else { "Write `on = \"whole\"`, or give the signal `arms`" };
        Err(Unreadable::new(message, advice))
    }
}

impl Signals {
    /// The signal of that id, with a finding where there is none.
    pub(super) fn find(&self, name: &str, path: &Path, out: &mut Findings) -> Option<&Known> {
        let found = self.known.iter().find(|s| s.plan.id.as_str() == name);
        if found.is_none() && !self.partial {
            unknown("signal", name, self.known.iter().map(|s| s.plan.id.as_str()), "reference.signal", path, out);
        }
        found
    }

    /// The signal that a rule or gate names by its id, or by a metric that only one signal measures.
    pub(super) fn of(&self, subject: &Subject, path: &Path, out: &mut Findings) -> Option<&Known> {
        let by_id = self.known.iter().find(|s| s.plan.id.as_str() == subject.name);
        let by_metric: Vec<&Known> = self.known.iter().filter(|s| s.plan.metric.name() == subject.name).collect();
        match (by_id, by_metric.as_slice()) {
            (Some(known), _) => Some(known),
            (None, [known]) => Some(*known),
            (None, []) if self.partial => None,
            (None, []) if KnownMetric::ALL.iter().any(|m| m.name() == subject.name) => {
                let message = format!("no signal of the plan measures `{}`", subject.name);
                out.error(path, "reference.signal", message, format!("Add a [[signals]] with `metric = \"{}\"`", subject.name));
                None
            }
            (None, []) => self.find(&subject.name, path, out),
            (None, several) => {
                let ids: Vec<&str> = several.iter().map(|s| s.plan.id.as_str()).collect();
                let message = format!("several signals measure `{}`", subject.name);
                out.error(path, "reference.ambiguous", message, format!("Write the signal's id: {}", ids.join(" or ")));
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
            unknown("source", &signal.source, sources.iter().map(|s| s.name.as_str()), "reference.source", &path.key("source"), out);
        }
        let interval = match &signal.interval {
            Some(text) => duration(text, &path.key("interval"), out),
            None => source.map(|s| s.interval),
        };
        if interval.is_some_and(|i| i.is_zero()) {
            out.error(&path.key("interval"), "signal.interval", "a signal that is read all the time is never fresh", "Write how often it is read, such as 15s");
        }
        let queries = metric.as_ref().and_then(|metric| queries(signal, metric, source.map(|s| s.kind), &path, out));
        if let (Some(id), Some(metric), Some(source), Some(interval), Some(queries)) = (id, metric, source, interval, queries) {
            let incident = signal.incident.map(|incident| match incident {
                IncidentWord::CriticalError => Incident::CriticalError,
                IncidentWord::Security => Incident::Security,
            });
            let sides = queries.iter().map(|q| q.side).collect();
            known.push(Known {
                plan: SignalPlan { id: id.clone(), metric: metric.clone(), sides, interval, required: signal.required, incident },
                config: SignalConfig { id, source: source.name.clone(), metric, interval, queries },
            });
        }
    }
    Signals { partial: known.len() < file.signals.len(), known }
}

fn metric(signal: &SignalFile, path: &Path, out: &mut Findings) -> Option<Metric> {
    let catalogue = KnownMetric::ALL.iter().find(|m| m.name() == signal.metric);
    match (catalogue, signal.unit, signal.direction) {
        (Some(known), None, None) => Some(Metric::Known(*known)),
        (Some(known), _, _) => {
            let key = if signal.unit.is_some() { "unit" } else { "direction" };
            out.error(&path.key(key), "signal.catalogue-metric", format!("the catalogue already says unit and direction of `{}`", known.name()), "Take `unit` and `direction` out, or give the metric a name of your own");
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
            out.error(&path.key("metric"), "signal.unknown-metric", format!("`{}` is not in the catalogue and its unit and direction are not given", signal.metric), advice);
            None
        }
    }
}

/// The names of the fields that say what is read, with their selectors.
fn written(signal: &SignalFile) -> Vec<(&'static str, &str)> {
    let fields = [("bad", &signal.bad), ("total", &signal.total), ("buckets", &signal.buckets), ("count", &signal.count), ("level", &signal.level)];
    fields.into_iter().filter_map(|(key, text)| Some((key, text.as_deref()?))).collect()
}

/// Metrics whose value is a share of units, so that evidence can be computed from its two counts.
fn is_share_of_units(metric: &Metric) -> bool {
    match metric {
        Metric::Known(known) => matches!(
            known,
            KnownMetric::ErrorRate
                | KnownMetric::FailedCalls
                | KnownMetric::Abandonment
                | KnownMetric::SpeechRecognition
                | KnownMetric::MenuOptionShare
                | KnownMetric::ExternalErrors
        ),
        Metric::Declared { .. } => false,
    }
}

fn queries(signal: &SignalFile, metric: &Metric, source: Option<SourceKind>, path: &Path, out: &mut Findings) -> Option<Vec<SideQuery>> {
    let fields = written(signal);
    let keys: Vec<&str> = fields.iter().map(|(key, _)| *key).collect();
    let unit = metric.unit();
    let fits = match keys.as_slice() {
        ["bad", "total"] => unit == MetricUnit::Ratio,
        ["buckets"] => unit == MetricUnit::Seconds,
        ["count"] => unit == MetricUnit::Count,
        ["level"] => true,
        _ => {
            let advice = if keys.contains(&"bad") || is_share_of_units(metric) { "Write `bad` and `total`, each a selector of counters" } else { "Write exactly one of: `bad` with `total`, `buckets`, `count`, `level`" };
            out.error(path, "signal.shape", format!("`{}` does not say what to read", signal.id), advice);
            return None;
        }
    };
    if let (["level"], Some((_, text))) = (keys.as_slice(), fields.first())
        && is_share_of_units(metric)
    {
        share_as_level(signal, text, &path.key("level"), out);
        return None;
    }
    if !fits {
        out.error(&path.key(keys[0]), "signal.shape", format!("`{}` is in {}, which this does not give", metric.name(), crate::text::unit_name(unit)), "Ratios are read by `bad` and `total` (or `level`), times by `buckets` (or `level`), counts by `count` (or `level`)");
        return None;
    }
    if signal.incident.is_some() && keys != ["count"] {
        out.error(&path.key("incident"), "signal.incident", "only occurrences that are counted can be an event", "Write `count = …`, or take `incident` out");
    }
    let arms = match (&signal.arms, signal.side) {
        (Some(arms), None) => vec![(Side::Stable, Some(arms.stable.as_str())), (Side::Canary, Some(arms.canary.as_str()))],
        (None, Some(_)) => vec![(Side::Whole, None)],
        (Some(_), Some(_)) | (None, None) => {
            out.error(path, "signal.side", format!("whose value `{}` is, is not said once", signal.id), "Write `arms = { stable = \"stable\", canary = \"canary\" }` and `{arm}` in the selector, or `side = \"whole\"`");
            return None;
        }
    };
    if signal.arms.as_ref().is_some_and(|arms| arms.stable == arms.canary) {
        out.error(&path.key("arms"), "signal.arms-equal", "both sides read the same series", "Write the label's value on each side");
    }
    let mut sound = true;
    for (key, text) in &fields {
        let path = path.key(key);
        let has_arm = text.contains("{arm}");
        if has_arm != signal.arms.is_some() {
            sound = false;
            match has_arm {
                true => out.error(&path, "signal.arm", "`{arm}` stands for nothing here", "Add `arms = { stable = \"stable\", canary = \"canary\" }`"),
                false => out.error(&path, "signal.arm", "both sides would read the same series", "Write `{arm}` where the label's value differs, such as `version=\"{arm}\"`"),
            }
        }
        sound &= said(readable(key, &text.replace("{arm}", "arm"), source), "signal.selector", &path, out).is_some();
        counter_name(key, &text.replace("{arm}", "arm"), &path, out);
    }
    sound.then(|| arms.into_iter().map(|(side, arm)| SideQuery { side, query: query(signal, arm) }).collect())
}

fn share_as_level(signal: &SignalFile, text: &str, path: &Path, out: &mut Findings) {
    let message = match form(&text.replace("{arm}", "arm")) {
        Form::Rate | Form::Comparison => format!("this is errors a second, and `{}` is a share of units: at 1000 requests a second 0.05 would be 0.005 %", signal.metric),
        Form::Selector(_) | Form::Expression | Form::Unreadable => format!("`{}` as one number cannot be weighed by units", signal.metric),
    };
    let advice = match inner_selector(&text.replace("{arm}", "arm")) {
        Some(bad) => {
            let total = bad.split('{').next().unwrap_or_default();
            format!("Write `bad = '{bad}'` and `total = '{total}'`; limit and window belong to a rule: `{} > 5% for 5m`", signal.metric)
        }
        None => "Write `bad` and `total`, each a selector of counters".to_owned(),
    };
    out.error(path, "signal.rate-as-ratio", message, advice);
}

/// Whether a field's selector is of the form that its reading needs.
fn readable(key: &str, text: &str, source: Option<SourceKind>) -> Result<(), Unreadable> {
    let inner = || match inner_selector(text) {
        Some(inner) => format!("Write `{key} = '{inner}'`"),
        None => format!("Write a selector, such as `{key} = 'http_requests_total{{service=\"casos\"}}'`"),
    };
    match (form(text), key) {
        (Form::Selector(_), _) => Ok(()),
        (Form::Rate | Form::Expression, "level") if source != Some(SourceKind::Scrape) => Ok(()),
        (Form::Expression | Form::Rate, "level") => Err(Unreadable::new("an exposition endpoint computes nothing", inner())),
        (Form::Comparison, _) => Err(Unreadable::new(
            "this is an alert's expression: it compares with a limit",
            format!("{}; limit and window belong to a rule", inner()),
        )),
        (Form::Rate, "bad" | "total") => Err(Unreadable::new("this is events a second, not the counter itself: a ratio names its two counters", inner())),
        (Form::Rate | Form::Expression, _) => Err(Unreadable::new("this is an expression, not the counter itself: Timonel takes increases and quotients by itself", inner())),
        (Form::Unreadable, _) => Err(Unreadable::new(format!("`{text}` is no selector"), inner())),
    }
}

/// A gauge read as a counter shows nonsense that looks like a value.
fn counter_name(key: &str, text: &str, path: &Path, out: &mut Findings) {
    let Form::Selector(name) = form(text) else { return };
    if name.is_empty() {
        return;
    }
    if key == "buckets" && !name.ends_with("_bucket") {
        out.error(path, "signal.buckets", format!("`{name}` is not the series of a histogram's buckets"), format!("Write `{name}_bucket` where the metric is a histogram"));
    }
    let counts = ["_total", "_count", "_bucket", "_sum", "_created"];
    if matches!(key, "bad" | "total" | "count") && !counts.iter().any(|end| name.ends_with(end)) {
        out.warning(path, "signal.counter-name", format!("`{name}` does not look like a counter, whose name ends in `_total` or `_count`"), "Check that it only ever grows; a value that goes up and down is a `level`");
    }
}

fn query(signal: &SignalFile, arm: Option<&str>) -> Query {
    let of = |text: &Option<String>| {
        let text = text.clone().unwrap_or_default();
        arm.map_or_else(|| text.clone(), |arm| text.replace("{arm}", arm))
    };
    match (&signal.bad, &signal.buckets, &signal.count) {
        (Some(_), _, _) => Query::Ratio { bad: of(&signal.bad), total: of(&signal.total) },
        (None, Some(_), _) => Query::Distribution { buckets: of(&signal.buckets) },
        (None, None, Some(_)) => Query::Count { counter: of(&signal.count) },
        (None, None, None) => Query::Level { expr: of(&signal.level) },
    }
}
