//! `plan power`: what a plan can show before it starts, in figures and sentences.
//!
//! The simulation is `judge`'s. Here stands which parts of a plan it is asked about: the share of failed calls, its
//! rollback rules, and the gates that want it below a limit. Rules and gates on other metrics are named as not
//! simulated: their rate of today is not known.

mod told;

use std::collections::BTreeSet;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::{Value, json};
use timonel_bridge::words::Words;
use timonel_domain::metric::{KnownMetric, Metric, MetricUnit, Statistic};
use timonel_domain::plan::{Action, Comparison, EvidenceMode, Gate, GateKind, Phase, Plan, Question, Rule, Unit};
use timonel_domain::value::Side;
use timonel_judge::Bounds;
use timonel_judge::power::{Asked, By, PhaseAsked, PhaseOdds, Report, RuleAsked, RuleEnd, Warning, report};

use crate::args::Power;
use crate::{Failure, files};

/// JUDGE.md, "Budget".
const ALPHA_ROLLBACK: f64 = 0.01;
const ALPHA_ALERT: f64 = 0.05;
/// An arm that is not drawn for each call by itself needs so many times the evidence.
const OBSERVATIONAL: f64 = 10.0;

pub(crate) fn power(args: Power, words: &Words) -> Result<(), Failure> {
    let plan = files::plan(&args.file)?.value.plan;
    let questions = Questions::of(&plan, args.units_per_day, args.base);
    let mut rng = ChaCha8Rng::seed_from_u64(args.seed);
    let report = match report(&questions.asked, &mut rng) {
        Ok(report) => report,
        Err(why) => {
            complain!(
                "timonelctl: {}",
                words.say("power-refused", &[("why", why.to_string())])
            );
            return Err(Failure::BadInput);
        }
    };
    if args.json {
        tell!("{}", questions.as_json(&report, args.seed));
    } else {
        told::tell(&questions, &report, words);
    }
    Ok(())
}

/// What the planner is asked about a plan, and what it is not.
struct Questions<'a> {
    plan: &'a Plan,
    asked: Asked,
    /// Those of `asked`, in its order.
    phases: Vec<&'a Phase>,
    rules: Vec<&'a Rule>,
    /// Rollback rules on metrics whose rate of today is not known.
    left_out: Vec<&'a Rule>,
    observational: bool,
}

/// A gate that wants another share within a limit: how many units say so at best.
struct AtBest<'a> {
    gate: &'a Gate,
    metric: &'a Metric,
    clean: Option<u64>,
}

impl<'a> Questions<'a> {
    fn of(plan: &'a Plan, units_per_day: f64, base: f64) -> Self {
        let rollbacks = plan.rules.iter().filter(|rule| rule.action == Action::Rollback);
        let (rules, left_out): (Vec<_>, Vec<_>) = rollbacks.partition(|rule| {
            rule.comparison == Comparison::Above
                && rule.question.side != Side::Stable
                && is_failure(plan, &rule.question)
        });
        // A phase without weight or time shows nothing.
        let phases: Vec<_> = plan
            .phases
            .iter()
            .filter(|phase| phase.weight.hundredths() > 0 && !phase.bake.is_zero())
            .collect();
        let observational = match plan.unit {
            Unit::Call | Unit::Request => false,
            Unit::Caller | Unit::Tenant | Unit::Number => true,
        };
        let needs = if observational { OBSERVATIONAL } else { 1.0 };
        let asked = Asked {
            units_per_day,
            base,
            alpha: ALPHA_ROLLBACK / watched(plan) as f64 / needs,
            alpha_go: ALPHA_ALERT,
            phases: phases
                .iter()
                .map(|phase| PhaseAsked {
                    weight: phase.weight.as_percent() / 100.0,
                    hours: phase.bake.as_secs_f64() / 3600.0,
                    go: strictest(plan, phase),
                })
                .collect(),
            rules: rules
                .iter()
                .map(|rule| RuleAsked {
                    limit: rule.limit.as_f64(),
                    window: rule.question.window.as_secs_f64() / 3600.0,
                    lasting: rule.lasting.as_secs_f64() / 3600.0,
                    least_units: usize::try_from(rule.question.least_units).unwrap_or(usize::MAX),
                    max_gap: rule.max_gap.as_secs_f64() / 3600.0,
                    evidence: needs
                        * match rule.evidence {
                            EvidenceMode::Literal | EvidenceMode::Gated => 50.0,
                            EvidenceMode::Fast => 20.0,
                        },
                })
                .collect(),
        };
        Self {
            plan,
            asked,
            phases,
            rules,
            left_out,
            observational,
        }
    }

    /// The gates of a phase on other shares.
    fn at_best(&self, phase: &'a Phase) -> Vec<AtBest<'a>> {
        let bounds = Bounds::for_gates(self.asked.alpha_go).ok();
        let gates = phase.gates.iter().filter_map(|gate| {
            let GateKind::Limit {
                question,
                comparison,
                go,
                ..
            } = &gate.kind
            else {
                return None;
            };
            let metric = metric(self.plan, question)?;
            let is_share = question.statistic == Statistic::Share && metric.unit() == MetricUnit::Ratio;
            if is_failure(self.plan, question) || !is_share {
                return None;
            }
            let limit = match comparison {
                Comparison::Above => go.as_f64(),
                Comparison::Below => 1.0 - go.as_f64(),
            };
            let clean = bounds.and_then(|bounds| bounds.clean_units(0, 0, limit));
            Some(AtBest { gate, metric, clean })
        });
        gates.collect()
    }

    fn as_json(&self, report: &Report, seed: u64) -> Value {
        let phases = report.phases.iter().zip(&self.phases).zip(&self.asked.phases);
        let phases = phases.map(|((odds, phase), asked)| self.phase_as_json(odds, phase, asked));
        let warnings = report.warnings.iter().map(|warning| self.warning_as_json(warning));
        json!({
            "plan": self.plan.id.to_string(),
            "units_per_day": self.asked.units_per_day,
            "base": self.asked.base,
            "alpha": self.asked.alpha,
            "alpha_go": self.asked.alpha_go,
            "observational": self.observational,
            "seed": seed,
            "phases": phases.collect::<Vec<_>>(),
            "warnings": warnings.collect::<Vec<_>>(),
            "not_simulated": self.left_out.iter().map(|rule| rule.id.to_string()).collect::<Vec<_>>(),
        })
    }

    fn phase_as_json(&self, odds: &PhaseOdds, phase: &'a Phase, asked: &PhaseAsked) -> Value {
        let sights = odds.sights.iter().map(|sight| {
            json!({
                "rate": sight.rate, "share": sight.share,
                "median_canary_units": sight.median, "p90_canary_units": sight.most, "median_hours": sight.hours,
            })
        });
        let end = |end: &RuleEnd| {
            json!({
                "healthy_rolled_back": end.healthy, "failing_rolled_back": end.failing, "failing_median_hours": end.hours,
            })
        };
        let rules = odds.rules.iter().zip(&self.rules).map(|(odds, rule)| {
            json!({ "rule": rule.id.to_string(), "literal": end(&odds.literal), "gated": end(&odds.gated) })
        });
        let go = odds.go.as_ref().map(|go| {
            json!({
                "limit": go.limit, "clean_units": go.clean,
                "median_canary_units": go.median, "p80_canary_units": go.most, "p80_hours": go.hours,
            })
        });
        let others = self.at_best(phase).into_iter().map(
            |best| json!({ "gate": best.gate.id.to_string(), "metric": best.metric.name(), "clean_units": best.clean }),
        );
        json!({
            "phase": phase.id.to_string(),
            "weight": asked.weight * 100.0,
            "hours": asked.hours,
            "units": odds.units,
            "canary_units": odds.canary_units,
            "units_looked_at": odds.looked_at,
            "runs": odds.runs,
            "compared_with": match odds.by { By::Stable => "stable", By::History => "history" },
            "false_alarms": odds.false_alarms,
            "smallest_regression": odds.smallest,
            "sights": sights.collect::<Vec<_>>(),
            "rules": rules.collect::<Vec<_>>(),
            "go": go,
            "other_gates": others.collect::<Vec<_>>(),
        })
    }

    fn warning_as_json(&self, warning: &Warning) -> Value {
        let phase = |n: usize| self.phases[n].id.to_string();
        let rule = |n: usize| self.rules[n].id.to_string();
        match *warning {
            Warning::NothingToCompare { phase: n } => json!({ "warning": "nothing-to-compare", "phase": phase(n) }),
            Warning::Blind { phase: n } => json!({ "warning": "blind", "phase": phase(n) }),
            Warning::BlindAtLimit { phase: n, rule: r } => {
                json!({ "warning": "blind-at-limit", "phase": phase(n), "rule": rule(r) })
            }
            Warning::GoOutOfReach { phase: n } => json!({ "warning": "go-out-of-reach", "phase": phase(n) }),
            Warning::FalseRollbacks { phase: n, rule: r } => {
                json!({ "warning": "false-rollbacks", "phase": phase(n), "rule": rule(r) })
            }
        }
    }
}

fn metric<'a>(plan: &'a Plan, question: &Question) -> Option<&'a Metric> {
    plan.signal(&question.signal).map(|signal| &signal.metric)
}

/// Whether a question is about the share of failed units, whose rate of today is given.
fn is_failure(plan: &Plan, question: &Question) -> bool {
    question.statistic == Statistic::Share
        && matches!(
            metric(plan, question),
            Some(Metric::Known(KnownMetric::ErrorRate | KnownMetric::FailedCalls))
        )
}

/// The lowest limit below which a gate of the phase wants the share of failed units.
fn strictest(plan: &Plan, phase: &Phase) -> Option<f64> {
    let limits = phase.gates.iter().filter_map(|gate| match &gate.kind {
        GateKind::Limit {
            question,
            comparison: Comparison::Above,
            go,
            ..
        } if is_failure(plan, question) => Some(go.as_f64()),
        GateKind::Limit { .. } | GateKind::Relative { .. } | GateKind::Without { .. } => None,
    });
    limits.reduce(f64::min)
}

/// How many metrics share the budget: those with a rollback rule that evidence speaks about.
fn watched(plan: &Plan) -> usize {
    let rollbacks = plan.rules.iter().filter(|rule| rule.action == Action::Rollback);
    let metrics: BTreeSet<_> = rollbacks
        .filter_map(|rule| metric(plan, &rule.question))
        .filter(|metric| match metric {
            Metric::Known(known) => match known {
                KnownMetric::ErrorRate
                | KnownMetric::FailedCalls
                | KnownMetric::ResponseTime
                | KnownMetric::DataQueryTime
                | KnownMetric::Abandonment
                | KnownMetric::SpeechRecognition
                | KnownMetric::CallDuration
                | KnownMetric::BreakerOpens
                | KnownMetric::UnhandledExceptions
                | KnownMetric::ExternalErrors => true,
                KnownMetric::ConcurrentCalls
                | KnownMetric::Calls
                | KnownMetric::MenuOptionShare
                | KnownMetric::Uptime
                | KnownMetric::Cpu
                | KnownMetric::Memory
                | KnownMetric::Network
                | KnownMetric::NetworkLatency
                | KnownMetric::ActiveSessions
                | KnownMetric::AudioQuality => false,
            },
            Metric::Declared { .. } => false,
        })
        .map(Metric::name)
        .collect();
    metrics.len().max(1)
}
