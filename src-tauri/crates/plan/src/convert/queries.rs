//! What is read for each side of a signal. The users' own mistake of writing errors a second where a share of units is
//! meant is found here, because it decides what kind of signal it is.

use timonel_domain::metric::{KnownMetric, Metric, MetricUnit};
use timonel_domain::value::Side;

use super::{records, said};
use crate::finding::Findings;
use crate::model::{SignalFile, SourceKind};
use crate::parsed::{Query, SideQuery};
use crate::place::Path;
use crate::selector::{Form, form, inner_selector};
use crate::text::Unreadable;

/// The names of the fields that say what is read, with their selectors.
fn written(signal: &SignalFile) -> Vec<(&'static str, &str)> {
    let fields = [
        ("bad", &signal.bad),
        ("total", &signal.total),
        ("buckets", &signal.buckets),
        ("count", &signal.count),
        ("level", &signal.level),
    ];
    fields
        .into_iter()
        .filter_map(|(key, text)| Some((key, text.as_deref()?)))
        .collect()
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

pub(super) fn queries(
    signal: &SignalFile,
    metric: &Metric,
    source: Option<SourceKind>,
    path: &Path,
    out: &mut Findings,
) -> Option<Vec<SideQuery>> {
    let fields = written(signal);
    let keys: Vec<&str> = fields.iter().map(|(key, _)| *key).collect();
    match (signal.records, source) {
        (Some(kind), _) if keys.is_empty() => return records::queries(signal, kind, metric, source, path, out),
        (Some(_), _) => {
            out.error(
                path,
                "signal.shape",
                format!("`{}` says twice what to read", signal.id),
                format!("Keep `records`, or {}", keys.join(" and ")),
            );
            return None;
        }
        (None, Some(SourceKind::Telnyx)) => {
            out.error(
                path,
                "signal.records",
                format!(
                    "`{}` is the records of an account, and no selector means anything there",
                    signal.source
                ),
                "Write `records = \"webhook-deliveries\"` or another of its kinds, and no selector",
            );
            return None;
        }
        (None, Some(SourceKind::Prometheus | SourceKind::Scrape) | None) => {}
    }
    let unit = metric.unit();
    let fits = match keys.as_slice() {
        ["bad", "total"] => unit == MetricUnit::Ratio,
        ["buckets"] => unit == MetricUnit::Seconds,
        ["count"] => unit == MetricUnit::Count,
        ["level"] => true,
        _ => {
            let advice = if keys.contains(&"bad") || is_share_of_units(metric) {
                "Write `bad` and `total`, each a selector of counters"
            } else {
                "Write exactly one of: `bad` with `total`, `buckets`, `count`, `level`, `records`"
            };
            out.error(
                path,
                "signal.shape",
                format!("`{}` does not say what to read", signal.id),
                advice,
            );
            return None;
        }
    };
    // A rate of processor seconds is a share of processors; of anything else it is so many a second.
    let a_second = |text: &str| {
        unit == MetricUnit::Ratio
            && *metric != Metric::Known(KnownMetric::Cpu)
            && !text.contains('/')
            && form(&text.replace("{arm}", "arm")) == Form::Rate
    };
    if let (["level"], Some((_, text))) = (keys.as_slice(), fields.first())
        && (is_share_of_units(metric) || a_second(text))
    {
        share_as_level(signal, text, &path.key("level"), out);
        return None;
    }
    if !fits {
        out.error(&path.key(keys[0]), "signal.shape", format!("`{}` is in {}, which this does not give", metric.name(), crate::text::unit_name(unit)), "Ratios are read by `bad` and `total` (or `level`), times by `buckets` (or `level`), counts by `count` (or `level`)");
        return None;
    }
    if signal.incident.is_some() && keys != ["count"] {
        out.error(
            &path.key("incident"),
            "signal.incident",
            "only occurrences that are counted can be an event",
            "Write `count = …`, or take `incident` out",
        );
    }
    let arms = match (&signal.arms, signal.side) {
        (Some(arms), None) => vec![
            (Side::Stable, Some(arms.stable.as_str())),
            (Side::Canary, Some(arms.canary.as_str())),
        ],
        (None, Some(_)) => vec![(Side::Whole, None)],
        (Some(_), Some(_)) | (None, None) => {
            out.error(path, "signal.side", format!("whose value `{}` is, is not said once", signal.id), "Write `arms = { stable = \"stable\", canary = \"canary\" }` and `{arm}` in the selector, or `side = \"whole\"`");
            return None;
        }
    };
    if signal.arms.as_ref().is_some_and(|arms| arms.stable == arms.canary) {
        out.error(
            &path.key("arms"),
            "signal.arms-equal",
            "both sides read the same series",
            "Write the label's value on each side",
        );
    }
    let mut sound = true;
    for (key, text) in &fields {
        let path = path.key(key);
        let has_arm = text.contains("{arm}");
        if has_arm != signal.arms.is_some() {
            sound = false;
            match has_arm {
                true => out.error(
                    &path,
                    "signal.arm",
                    "`{arm}` stands for nothing here",
                    "Add `arms = { stable = \"stable\", canary = \"canary\" }`",
                ),
                false => out.error(
                    &path,
                    "signal.arm",
                    "both sides would read the same series",
                    "Write `{arm}` where the label's value differs, such as `version=\"{arm}\"`",
                ),
            }
        }
        sound &= said(
            readable(key, &text.replace("{arm}", "arm"), source),
            "signal.selector",
            &path,
            out,
        )
        .is_some();
        counter_name(key, &text.replace("{arm}", "arm"), &path, out);
    }
    sound.then(|| {
        arms.into_iter()
            .map(|(side, arm)| SideQuery {
                side,
                query: query(signal, arm),
            })
            .collect()
    })
}

fn share_as_level(signal: &SignalFile, text: &str, path: &Path, out: &mut Findings) {
    let message = match form(&text.replace("{arm}", "arm")) {
        Form::Rate | Form::Comparison => format!(
            "this is so many a second, and `{}` is a share: 0.05 errors a second are 5 % of one request a second and 0.005 % of a thousand",
            signal.metric
        ),
        Form::Selector(_) | Form::Expression | Form::Unreadable => {
            format!("`{}` as one number cannot be weighed by units", signal.metric)
        }
    };
    let advice = match inner_selector(&text.replace("{arm}", "arm")) {
        Some(bad) => {
            let total = bad.split('{').next().unwrap_or_default();
            format!(
                "Write `bad = '{bad}'` and `total = '{total}'`; limit and window belong to a rule: `{} > 5% for 5m`",
                signal.metric
            )
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
        (Form::Selector(name), _) if name.is_empty() => Err(Unreadable::new(
            format!("`{text}` names no metric"),
            format!(
                "Write the metric's name before the braces, such as `{key} = 'http_requests_total{{service=\"casos\"}}'`"
            ),
        )),
        (Form::Selector(_), _) => Ok(()),
        (Form::Rate | Form::Expression, "level") if source != Some(SourceKind::Scrape) => Ok(()),
        (Form::Expression | Form::Rate, "level") => {
            Err(Unreadable::new("an exposition endpoint computes nothing", inner()))
        }
        (Form::Comparison, _) => Err(Unreadable::new(
            "this is an alert's expression: it compares with a limit",
            format!("{}; limit and window belong to a rule", inner()),
        )),
        (Form::Rate, "bad" | "total") => Err(Unreadable::new(
            "this is events a second, not the counter itself: a ratio names its two counters",
            inner(),
        )),
        (Form::Rate | Form::Expression, _) => Err(Unreadable::new(
            "this is an expression, not the counter itself: Timonel takes increases and quotients by itself",
            inner(),
        )),
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
        out.error(
            path,
            "signal.buckets",
            format!("`{name}` is not the series of a histogram's buckets"),
            format!("Write `{name}_bucket` where the metric is a histogram"),
        );
    }
    let counts = ["_total", "_count", "_bucket", "_sum", "_created"];
    if matches!(key, "bad" | "total" | "count") && !counts.iter().any(|end| name.ends_with(end)) {
        out.warning(
            path,
            "signal.counter-name",
            format!("`{name}` does not look like a counter, whose name ends in `_total` or `_count`"),
            "Check that it only ever grows; a value that goes up and down is a `level`",
        );
    }
}

fn query(signal: &SignalFile, arm: Option<&str>) -> Query {
    let of = |text: &Option<String>| {
        let text = text.clone().unwrap_or_default();
        arm.map_or_else(|| text.clone(), |arm| text.replace("{arm}", arm))
    };
    match (&signal.bad, &signal.buckets, &signal.count) {
        (Some(_), _, _) => Query::Ratio {
            bad: of(&signal.bad),
            total: of(&signal.total),
        },
        (None, Some(_), _) => Query::Distribution {
            buckets: of(&signal.buckets),
        },
        (None, None, Some(_)) => Query::Count {
            counter: of(&signal.count),
        },
        (None, None, None) => Query::Level {
            expr: of(&signal.level),
        },
    }
}
