//! The planner's answer for one phase, for the page.

use std::time::Duration;

use timonel_domain::plan::{EvidenceMode, Rule};
use timonel_wire as wire;
use timonel_wire::{Arg, Sentence, UnitName, duration_millis};

use crate::power::{By, GoOdds, PhaseOdds, Questions, Report, RuleEnd, Subject, Unseen, Warning};

/// What a phase can show, from one report for each subject.
pub(super) fn phase(questions: &Questions<'_>, place: usize, reports: &[Report]) -> wire::PhasePower {
    let phase = questions.phases[place];
    let odds = || reports.iter().zip(&questions.subjects);
    let shares = odds().filter_map(|(report, subject)| Some(share(questions, subject, report.phases.first()?, report)));
    let first = reports.first().and_then(|report| report.phases.first());
    wire::PhasePower {
        phase: phase.id.to_string(),
        units: first.map_or(0.0, |odds| odds.units),
        canary_units: first.map_or(0.0, |odds| odds.canary_units),
        bake_ms: duration_millis(phase.bake),
        shares: shares.collect(),
        at_best: questions
            .at_best(phase)
            .into_iter()
            .map(|best| wire::AtBest {
                gate: best.gate.id.to_string(),
                metric: best.metric.name().to_owned(),
                clean: best.clean,
            })
            .collect(),
    }
}

/// Why a rule is not simulated.
pub(super) fn unseen(rule: &Rule, why: Unseen) -> Sentence {
    let code = match why {
        Unseen::Today => "plan-unseen-today",
        Unseen::Spread => "plan-unseen-spread",
        Unseen::Occurrences => "plan-unseen-occurrences",
        Unseen::Level => "plan-unseen-level",
        Unseen::Side => "plan-unseen-side",
        Unseen::Backwards => "plan-unseen-backwards",
    };
    Sentence::new(code)
        .with("rule", Arg::text(&rule.id))
        .with("signal", Arg::text(&rule.question.signal))
}

fn share(questions: &Questions<'_>, subject: &Subject<'_>, odds: &PhaseOdds, report: &Report) -> wire::SharePower {
    let rules = odds
        .rules
        .iter()
        .zip(&subject.rules)
        .map(|(odds, rule)| wire::RulePower {
            rule: rule.id.to_string(),
            is_literal: rule.evidence == EvidenceMode::Literal,
            literal: end(odds.literal),
            gated: end(odds.gated),
        });
    let sights = odds.sights.iter().map(|sight| wire::Sight {
        rate: sight.rate,
        share: sight.share,
        units: sight.median,
        after_ms: sight.hours.map(hours),
    });
    wire::SharePower {
        metric: subject.metric.map(|metric| metric.name().to_owned()),
        bad_today: subject.asked.base,
        by_history: odds.by == By::History,
        smallest: odds.smallest,
        false_alarms: odds.false_alarms,
        sights: sights.collect(),
        rules: rules.collect(),
        go: odds.go.as_ref().map(|needs| go(needs, odds)),
        warnings: report
            .warnings
            .iter()
            .map(|said| warning(questions, subject, odds, said))
            .collect(),
        looked_at: ((odds.looked_at as f64) < odds.units.floor()).then_some(odds.looked_at),
    }
}

fn end(end: RuleEnd) -> wire::RuleOdds {
    wire::RuleOdds {
        healthy: end.healthy,
        failing: end.failing,
        after_ms: end.hours.map(hours),
    }
}

fn go(go: &GoOdds, odds: &PhaseOdds) -> wire::GoPower {
    wire::GoPower {
        limit: go.limit,
        clean: go.clean,
        units: go.most,
        needs_ms: go.hours.map(hours),
        enough: go.most.is_some_and(|most| most as f64 <= odds.canary_units),
    }
}

fn warning(questions: &Questions<'_>, subject: &Subject<'_>, odds: &PhaseOdds, warning: &Warning) -> Sentence {
    let rule = |place: usize| Arg::text(&subject.rules[place].id);
    let share = |number: f64| Arg::Value {
        number,
        unit: UnitName::Ratio,
    };
    let (said, place) = match *warning {
        Warning::NothingToCompare { phase } => (Sentence::new("plan-warn-nothing-to-compare"), phase),
        Warning::Blind { phase } => (Sentence::new("plan-warn-blind"), phase),
        Warning::BlindAtLimit { phase, rule: r } => {
            let said = Sentence::new("plan-warn-blind-at-limit").with("rule", rule(r));
            // There is one, else it would be blind altogether.
            (said.with("rate", share(odds.smallest.unwrap_or(1.0))), phase)
        }
        Warning::GoOutOfReach { phase } => (Sentence::new("plan-warn-go"), phase),
        Warning::FalseRollbacks { phase, rule: r } => {
            let code = match subject.rules[r].evidence {
                EvidenceMode::Literal => "plan-warn-false",
                EvidenceMode::Gated | EvidenceMode::Fast => "plan-warn-false-spared",
            };
            let healthy = odds.rules.get(r).map_or(0.0, |odds| odds.literal.healthy);
            let said = Sentence::new(code).with("rule", rule(r)).with("share", share(healthy));
            (said, phase)
        }
    };
    said.with("phase", Arg::text(&questions.phases[place].name))
}

fn hours(hours: f64) -> u64 {
    duration_millis(Duration::try_from_secs_f64(hours * 3600.0).unwrap_or(Duration::MAX))
}
