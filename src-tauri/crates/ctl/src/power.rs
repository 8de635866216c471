//! `plan power`: what a plan can show before it starts, in figures and sentences. What is asked of the planner, and what cannot
//! be, is `bridge`'s.

mod told;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use timonel_bridge::power::{By, PhaseOdds, Questions, Report, RuleEnd, Today, Unseen, Warning};
use timonel_bridge::words::Words;
use timonel_domain::metric::Metric;

use crate::args::Power;
use crate::{Failure, files};

pub(crate) fn power(args: Power, words: &Words) -> Result<(), Failure> {
    let plan = files::plan(&args.file)?.value.plan;
    let mut shares = BTreeMap::new();
    for (name, share) in args.today {
        let known = timonel_bridge::power::shares(&plan);
        if !known.iter().any(|signal| signal.metric.name() == name) {
            let known: Vec<_> = known.iter().map(|signal| signal.metric.name()).collect();
            let values = [("metric", name), ("known", known.join(", "))];
            complain!("timonelctl: {}", words.say("power-unknown-share", &values));
            return Err(Failure::BadInput);
        }
        shares.insert(name, share);
    }
    let today = Today {
        units_per_day: args.units_per_day,
        base: args.base,
        shares,
    };
    let questions = Questions::of(&plan, today);
    let mut found = Vec::new();
    for phase in 0..questions.phases.len() {
        let of_phase: Result<Vec<_>, _> = (0..questions.subjects.len())
            .map(|subject| questions.simulate(subject, phase, args.seed))
            .collect();
        match of_phase {
            Ok(reports) => found.push(reports),
            Err(why) => {
                complain!(
                    "timonelctl: {}",
                    words.say("power-refused", &[("why", why.to_string())])
                );
                return Err(Failure::BadInput);
            }
        }
    }
    let answer = Answer {
        questions: &questions,
        found,
    };
    if args.json {
        tell!("{}", answer.as_json(args.seed));
    } else {
        told::tell(&answer, words);
    }
    Ok(())
}

/// What was asked, and by phase and subject what was found.
struct Answer<'a> {
    questions: &'a Questions<'a>,
    found: Vec<Vec<Report>>,
}

impl Answer<'_> {
    /// The warnings, each with its subject's place.
    fn warnings(&self) -> impl Iterator<Item = (usize, &Warning)> {
        let reports = self.found.iter().flat_map(|reports| reports.iter().enumerate());
        reports.flat_map(|(subject, report)| report.warnings.iter().map(move |warning| (subject, warning)))
    }

    fn as_json(&self, seed: u64) -> Value {
        let questions = self.questions;
        let today = &questions.today;
        let not_simulated = questions.unseen.iter();
        json!({
            "plan": questions.plan.id.to_string(),
            "units_per_day": today.units_per_day,
            "base": today.base,
            "today": today.shares,
            "alpha": questions.subjects[0].asked.alpha,
            "alpha_go": questions.alpha_go,
            "observational": questions.observational,
            "seed": seed,
            "phases": (0..self.found.len()).map(|n| self.phase_as_json(n)).collect::<Vec<_>>(),
            "warnings": self.warnings().map(|(n, warning)| self.warning_as_json(n, warning)).collect::<Vec<_>>(),
            "not_simulated": not_simulated
                .map(|(rule, why)| json!({ "rule": rule.id.to_string(), "why": name_of(*why) }))
                .collect::<Vec<_>>(),
        })
    }

    /// The figures of failing units, and beside them those of other shares.
    fn phase_as_json(&self, n: usize) -> Value {
        let (questions, phase) = (self.questions, self.questions.phases[n]);
        let asked = &questions.subjects[0].asked.phases[n];
        let others = questions.at_best(phase).into_iter().map(
            |best| json!({ "gate": best.gate.id.to_string(), "metric": best.metric.name(), "clean_units": best.clean }),
        );
        let mut subjects = self.found[n]
            .iter()
            .enumerate()
            .filter_map(|(subject, report)| Some(self.odds_as_json(subject, report.phases.first()?)));
        let mut json = subjects.next().unwrap_or_else(|| json!({}));
        let more: Vec<_> = subjects.collect();
        let phase = json!({
            "phase": phase.id.to_string(),
            "weight": asked.weight * 100.0,
            "hours": asked.hours,
            "other_shares": more,
            "other_gates": others.collect::<Vec<_>>(),
        });
        if let (Value::Object(json), Value::Object(phase)) = (&mut json, phase) {
            json.extend(phase);
        }
        json
    }

    fn odds_as_json(&self, subject: usize, odds: &PhaseOdds) -> Value {
        let subject = &self.questions.subjects[subject];
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
        let rules = odds.rules.iter().zip(&subject.rules).map(|(odds, rule)| {
            json!({ "rule": rule.id.to_string(), "literal": end(&odds.literal), "gated": end(&odds.gated) })
        });
        let go = odds.go.as_ref().map(|go| {
            json!({
                "limit": go.limit, "clean_units": go.clean,
                "median_canary_units": go.median, "p80_canary_units": go.most, "p80_hours": go.hours,
            })
        });
        json!({
            "metric": subject.metric.map(Metric::name),
            "bad_today": subject.asked.base,
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
        })
    }

    fn warning_as_json(&self, subject: usize, warning: &Warning) -> Value {
        let subject = &self.questions.subjects[subject];
        let (name, phase, rule) = match *warning {
            Warning::NothingToCompare { phase } => ("nothing-to-compare", phase, None),
            Warning::Blind { phase } => ("blind", phase, None),
            Warning::BlindAtLimit { phase, rule } => ("blind-at-limit", phase, Some(rule)),
            Warning::GoOutOfReach { phase } => ("go-out-of-reach", phase, None),
            Warning::FalseRollbacks { phase, rule } => ("false-rollbacks", phase, Some(rule)),
        };
        json!({
            "warning": name,
            "phase": self.questions.phases[phase].id.to_string(),
            "metric": subject.metric.map(Metric::name),
            "rule": rule.map(|rule| subject.rules[rule].id.to_string()),
        })
    }
}

fn name_of(why: Unseen) -> &'static str {
    match why {
        Unseen::Today => "today-unknown",
        Unseen::Spread => "spread-unknown",
        Unseen::Occurrences => "occurrences",
        Unseen::Level => "level",
        Unseen::Side => "not-the-canary",
        Unseen::Backwards => "backwards",
    }
}
