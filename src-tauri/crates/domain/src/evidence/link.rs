//! Which evidence belongs to which rule and gate: JUDGE.md's table.

use timonel_judge::Bounds;

use super::outcome::{Outcome, TIGHTEST};
use super::stream::Stream;
use super::{ALPHA_BOUND, Kept};
use crate::metric::{KnownMetric, Metric, Statistic};
use crate::plan::{Comparison, EvidenceMode, Gate, GateKind, Plan, Question, Unit};
use crate::value::{Quantity, Side, SignalId};

/// Of which signal, and what of it.
pub(super) type Of = (SignalId, Outcome);

/// Which streams a rule looks at.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Link {
    /// What its limit is about.
    pub(super) of: Of,
    /// The same observations against stable's own, whatever the limit.
    pub(super) beside: Option<Of>,
    /// The share that is the limit itself.
    pub(super) limit: Option<f64>,
    /// The share that O is tested against before a rule may act; [`Link::limit`] or half of it. `None` of a mean, whose
    /// limit states no share: stable's own is taken then.
    pub(super) tested: Option<f64>,
}

impl Link {
    pub(super) fn of(plan: &Plan, question: &Question, comparison: Comparison, limit: Quantity) -> Option<Self> {
        if question.side != Side::Canary {
            return None;
        }
        let share = |above: f64| (above > 0.0 && above < 1.0).then_some(above);
        let both = has_both(plan, &question.signal);
        let (outcome, limit, halved) = match (question.statistic, comparison) {
            (Statistic::Share, Comparison::Above) => (Outcome::Counted, share(limit.as_f64()), true),
            (Statistic::Share, Comparison::Below) => (Outcome::NotCounted, share(1.0 - limit.as_f64()), true),
            (Statistic::P50 | Statistic::P95 | Statistic::P99, Comparison::Above) => {
                let permille = question.statistic.permille()?;
                let beyond = share(1.0 - f64::from(permille) / 1000.0);
                (Outcome::Above(limit), beyond, false)
            }
            (Statistic::Mean, Comparison::Above) => (Outcome::Above(limit), None, false),
            // Without units of both arms nobody knows whose share of them this is.
            (Statistic::Total, Comparison::Above) if both && exposure(plan, &question.signal).is_some() => {
                (Outcome::Occurred, None, false)
            }
            (
                Statistic::P50
                | Statistic::P95
                | Statistic::P99
                | Statistic::Mean
                | Statistic::Total
                | Statistic::Latest,
                Comparison::Above | Comparison::Below,
            ) => return None,
        };
        let tested = if halved { limit.map(|limit| limit / 2.0) } else { limit };
        let beside = beside(plan, question).filter(|_| both && matches!(outcome, Outcome::Above(_)));
        Some(Self {
            of: (question.signal.clone(), outcome),
            beside: beside.map(|permille| (question.signal.clone(), Outcome::AboveStable(permille))),
            limit,
            tested,
        })
    }

    /// What it looks at.
    pub(super) fn all(&self) -> impl Iterator<Item = &Of> {
        std::iter::once(&self.of).chain(&self.beside)
    }
}

/// Whether any evidence belongs to this question; a rule without acts literally.
pub fn belongs_to(plan: &Plan, question: &Question, comparison: Comparison, limit: Quantity) -> bool {
    Link::of(plan, question, comparison, limit).is_some()
}

/// Above which of stable's quantiles the canary's observations are counted, in thousandths: the one that is asked for, three
/// quarters for the length of calls, and p95 for other means.
fn beside(plan: &Plan, question: &Question) -> Option<u16> {
    let metric = &plan.signal(&question.signal)?.metric;
    match (question.statistic, metric) {
        (_, Metric::Known(KnownMetric::CallDuration)) => Some(750),
        (Statistic::Mean, _) => Some(950),
        (statistic, _) => statistic.permille(),
    }
}

pub(super) fn has_both(plan: &Plan, signal: &SignalId) -> bool {
    let signal = plan.signal(signal);
    signal.is_some_and(|signal| signal.sides.contains(&Side::Stable) && signal.sides.contains(&Side::Canary))
}

/// What counts the units among which occurrences of `signal` come. Only where each unit is drawn by itself and nobody is
/// pinned: an arm that some callers always have can hold those who cause most of what occurs.
pub(super) fn exposure(plan: &Plan, signal: &SignalId) -> Option<SignalId> {
    let drawn = match plan.unit {
        Unit::Call | Unit::Request => plan.splitter().is_some_and(|splitter| !splitter.pins),
        Unit::Caller | Unit::Tenant | Unit::Number => false,
    };
    if !drawn {
        return None;
    }
    let assigned = plan.traffic.assigned.clone()?;
    (assigned != *signal && has_both(plan, &assigned)).then_some(assigned)
}

/// What the bound of a gate is about.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct GateLink {
    pub(super) of: Of,
    pub(super) asks: Asks,
}

/// What a gate asks of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Asks {
    /// The share of bad units, between 0 and 1, stays below this.
    Share(f64),
    /// The mean stays below this.
    Mean(Quantity),
    /// The share of bad units is no more than stable's and this.
    ShareOfStable(f64),
    /// The mean is no more than stable's and this.
    MeanOfStable(Quantity),
    /// The quantile, in thousandths, is no more than stable's and this.
    QuantileOfStable(u16, Quantity),
}

impl GateLink {
    /// `None` for gates that no bound belongs to: they go by the value.
    pub(super) fn of(plan: &Plan, gate: &Gate) -> Option<Self> {
        let gated = |mode: EvidenceMode| match mode {
            EvidenceMode::Literal => false,
            EvidenceMode::Gated | EvidenceMode::Fast => true,
        };
        match &gate.kind {
            GateKind::Limit {
                question,
                comparison,
                go,
                evidence,
                ..
            } if gated(*evidence) => Self::absolute(plan, question, *comparison, *go),
            GateKind::Relative {
                question,
                comparison,
                margin,
                evidence,
            } if gated(*evidence) => Self::relative(plan, question, *comparison, *margin),
            GateKind::Limit { .. } | GateKind::Relative { .. } | GateKind::Without { .. } => None,
        }
    }

    fn absolute(plan: &Plan, question: &Question, comparison: Comparison, go: Quantity) -> Option<Self> {
        let link = Link::of(plan, question, comparison, go)?;
        let (outcome, asks) = match (link.limit, question.statistic) {
            (Some(share), _) => (link.of.1, Asks::Share(share)),
            (None, Statistic::Mean) => (Outcome::Mean, Asks::Mean(go)),
            (None, _) => return None,
        };
        Some(Self {
            of: (question.signal.clone(), outcome),
            asks,
        })
    }

    fn relative(plan: &Plan, question: &Question, comparison: Comparison, margin: Quantity) -> Option<Self> {
        if question.side != Side::Canary || !has_both(plan, &question.signal) {
            return None;
        }
        let (outcome, asks) = match (question.statistic, comparison) {
            (Statistic::Share, Comparison::Above) => (Outcome::Counted, Asks::ShareOfStable(margin.as_f64())),
            (Statistic::Share, Comparison::Below) => (Outcome::NotCounted, Asks::ShareOfStable(margin.as_f64())),
            (Statistic::Mean, Comparison::Above) => (Outcome::Mean, Asks::MeanOfStable(margin)),
            (Statistic::P50 | Statistic::P95 | Statistic::P99, Comparison::Above) => {
                let permille = question.statistic.permille()?;
                (Outcome::Mean, Asks::QuantileOfStable(permille, margin))
            }
            (
                Statistic::Mean
                | Statistic::P50
                | Statistic::P95
                | Statistic::P99
                | Statistic::Total
                | Statistic::Latest,
                Comparison::Above | Comparison::Below,
            ) => return None,
        };
        Some(Self {
            of: (question.signal.clone(), outcome),
            asks,
        })
    }
}

/// Whether the canary's share of bad units stays below `limit`.
pub(super) fn share_keeps(stream: &Stream, limit: f64) -> Option<Kept> {
    let canary = stream.canary();
    let bounds = Bounds::tuned(ALPHA_BOUND, TIGHTEST).ok()?;
    Some(Kept {
        kept: bounds.below(canary.bad, canary.total, limit),
        broken: bounds.above(canary.bad, canary.total, limit),
        clean_units: bounds.clean_units(canary.bad, canary.total, limit),
    })
}

/// The most that the canary's share of bad units may be to be no worse than stable by more than `margin`, and whether it
/// is: by the far ends of both intervals, each of which may err half as often.
pub(super) fn share_not_worse(stream: &Stream, margin: f64) -> Option<(f64, Kept)> {
    let (stable, canary) = (stream.stable(), stream.canary());
    let bounds = Bounds::tuned(ALPHA_BOUND / 2.0, TIGHTEST).ok()?;
    let (least, most) = bounds.around(stable.bad, stable.total);
    let limit = least + margin;
    let kept = Kept {
        kept: bounds.below(canary.bad, canary.total, limit),
        broken: bounds.above(canary.bad, canary.total, most + margin),
        clean_units: bounds.clean_units(canary.bad, canary.total, limit),
    };
    Some((limit, kept))
}
