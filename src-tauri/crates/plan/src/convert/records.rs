//! Signals that read the records of an account: which application is which side, and whether the metric is what such
//! records can say.

use timonel_domain::metric::{Direction, Metric, MetricUnit};
use timonel_domain::value::Side;

use crate::finding::Findings;
use crate::model::{RecordsKind, SignalFile, SourceKind};
use crate::parsed::{Query, Shape, SideQuery};
use crate::place::Path;
use crate::text::unit_name;

pub(super) fn queries(
    signal: &SignalFile,
    kind: RecordsKind,
    metric: &Metric,
    source: Option<SourceKind>,
    path: &Path,
    out: &mut Findings,
) -> Option<Vec<SideQuery>> {
    let at = path.key("records");
    match source {
        Some(SourceKind::Telnyx) | None => {}
        Some(other @ (SourceKind::Prometheus | SourceKind::Scrape)) => out.error(
            &at,
            "signal.records",
            format!(
                "`{}` are kept by a Telnyx account, and `{}` is a source of kind `{}`",
                kind.name(),
                signal.source,
                other.name()
            ),
            "Name a source of kind `telnyx`, or write selectors: `bad` with `total`, `buckets`, `count`, `level`",
        ),
    }
    if signal.incident.is_some() {
        out.error(
            &path.key("incident"),
            "signal.incident",
            "no records tell of an event that touches data, integrity or security",
            "Take `incident` out, and count the event with `count` from a source of your own system",
        );
    }
    let (wants, given) = match Shape::of(kind) {
        Shape::Ratio => (MetricUnit::Ratio, "shares"),
        Shape::Distribution => (MetricUnit::Seconds, "times"),
        Shape::Count | Shape::Level => (MetricUnit::Count, "numbers of things"),
    };
    if metric.unit() != wants {
        let message = format!(
            "`{}` is in {}, and `{}` give {given}",
            metric.name(),
            unit_name(metric.unit()),
            kind.name()
        );
        out.error(&at, "signal.shape", message, "Name another metric, or other records");
        return None;
    }
    if wants == MetricUnit::Ratio && metric.direction() == Direction::HigherIsBetter {
        out.error(
            &at,
            "signal.shape",
            format!(
                "`{}` is better when higher, and `{}` give the share that failed",
                metric.name(),
                kind.name()
            ),
            "Name a metric of failures, such as `error_rate` or `failed_calls`",
        );
        return None;
    }
    sides(signal, kind, path, out)
}

fn sides(signal: &SignalFile, kind: RecordsKind, path: &Path, out: &mut Findings) -> Option<Vec<SideQuery>> {
    let of = |side, connection: Option<&String>| SideQuery {
        side,
        query: Query::Records {
            kind,
            connection: connection.cloned(),
        },
    };
    match (kind.has_arms(), &signal.arms, signal.side) {
        (true, Some(arms), None) => {
            for (key, application) in [("stable", &arms.stable), ("canary", &arms.canary)] {
                if application.trim().is_empty() {
                    out.error(
                        &path.key("arms").key(key),
                        "file.empty",
                        format!("`{key}` says nothing"),
                        "Write the id of the application, as the account shows it",
                    );
                }
            }
            if arms.stable == arms.canary {
                out.error(
                    &path.key("arms"),
                    "signal.arms-equal",
                    "both sides read the records of the same application",
                    "Write the id of each side's application",
                );
            }
            Some(vec![
                of(Side::Stable, Some(&arms.stable)),
                of(Side::Canary, Some(&arms.canary)),
            ])
        }
        (false, None, Some(_)) => Some(vec![of(Side::Whole, None)]),
        (has_arms, _, _) => {
            let (wrong, advice) = if has_arms {
                (
                    format!("`{}` does not say which application is which side", signal.id),
                    "Write `arms = { stable = \"…\", canary = \"…\" }` with the ids of the applications, and no `side`",
                )
            } else {
                (
                    format!(
                        "`{}` is the whole account's, and no side has one of its own",
                        kind.name()
                    ),
                    "Write `side = \"whole\"`, and no `arms`",
                )
            };
            out.error(path, "signal.side", wrong, advice);
            None
        }
    }
}
