//! What finished calls tell of a plan's signals: for files of the past and for calls that are pushed as they end.

use std::collections::BTreeSet;

use timonel_domain::metric::{KnownMetric, Metric};
use timonel_domain::plan::{GateKind, Plan, Question};
use timonel_domain::value::Quantity;
use timonel_inbox::Counts;
use timonel_plan::parsed::{Shape, SignalConfig};

/// Bounds of what takes seconds, in milliseconds; the limits of the plan's own rules and gates come besides.
const LATENCIES: [i64; 18] = [
    50, 100, 250, 500, 750, 1000, 1500, 2000, 2500, 3000, 4000, 5000, 7500, 10_000, 15_000, 20_000, 30_000, 60_000,
];
/// Bounds of the length of a call, in milliseconds.
const LENGTHS: [i64; 12] = [
    15_000, 30_000, 60_000, 90_000, 120_000, 180_000, 300_000, 420_000, 600_000, 900_000, 1_800_000, 3_600_000,
];

/// What of finished calls a signal counts; `None` where they do not tell what it measures.
pub(crate) fn counts(config: &SignalConfig, plan: &Plan) -> Option<Counts> {
    let Metric::Known(metric) = config.metric else {
        return None;
    };
    let shape = config.queries.first()?.query.shape();
    match (metric, shape) {
        (KnownMetric::ErrorRate | KnownMetric::FailedCalls, Shape::Ratio) => Some(Counts::Failed),
        (KnownMetric::Abandonment, Shape::Ratio) => Some(Counts::Abandoned),
        (KnownMetric::SpeechRecognition, Shape::Ratio) => Some(Counts::Recognised),
        (KnownMetric::ResponseTime, Shape::Distribution) => Some(Counts::Latency(bounds(&LATENCIES, config, plan))),
        (KnownMetric::CallDuration, Shape::Distribution) => Some(Counts::Length(bounds(&LENGTHS, config, plan))),
        (KnownMetric::Calls, Shape::Count) => Some(Counts::Calls),
        _ => None,
    }
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
