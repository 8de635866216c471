//! The planner's figures as sentences.

use std::time::Duration;

use timonel_bridge::power::{By, GoOdds, PhaseOdds, RuleEnd, RuleOdds, Sight, Subject, Unseen, Warning};
use timonel_bridge::words::Words;
use timonel_domain::metric::MetricUnit;
use timonel_wire::UnitName;

use super::Answer;

pub(super) fn tell(answer: &Answer<'_>, words: &Words) {
    let say = Say { words };
    let questions = answer.questions;
    say.line(
        "power-title",
        &[
            ("perDay", say.plain(questions.today.units_per_day)),
            ("base", say.share(questions.today.base)),
        ],
    );
    if questions.observational {
        say.line("power-observational", &[]);
    }
    for (n, (phase, reports)) in questions.phases.iter().zip(&answer.found).enumerate() {
        let asked = &questions.subjects[0].asked.phases[n];
        for (subject, odds) in questions
            .subjects
            .iter()
            .zip(reports.iter().flat_map(|report| &report.phases))
        {
            match subject.metric {
                None => {
                    tell!("");
                    let values = [
                        ("phase", phase.name.clone()),
                        ("weight", words.weight(phase.weight)),
                        ("length", say.hours(asked.hours)),
                        ("canary", say.plain(odds.canary_units.round())),
                    ];
                    say.line("power-phase", &values);
                }
                Some(metric) => {
                    let today = say.share(subject.said(subject.asked.base));
                    let bad = say.share(subject.asked.base);
                    say.line(
                        "power-share",
                        &[("metric", metric.name().to_owned()), ("today", today), ("bad", bad)],
                    );
                }
            }
            say.phase(subject, odds);
        }
        for best in questions.at_best(phase) {
            let gate = [
                ("gate", best.gate.id.to_string()),
                ("metric", best.metric.name().to_owned()),
            ];
            match best.clean {
                Some(clean) => {
                    let [gate, metric] = gate;
                    say.line("power-other-gate", &[gate, metric, ("clean", clean.to_string())]);
                }
                None => say.line("power-other-gate-never", &gate),
            }
        }
    }
    if answer.warnings().next().is_some() {
        tell!("");
    }
    for (subject, warning) in answer.warnings() {
        say.warning(answer, subject, warning);
    }
    if !questions.unseen.is_empty() {
        tell!("");
    }
    for (rule, why) in &questions.unseen {
        say.unseen(&rule.id.to_string(), rule.question.signal.as_str(), *why);
    }
}

struct Say<'a> {
    words: &'a Words,
}

impl Say<'_> {
    fn line(&self, key: &str, values: &[(&str, String)]) {
        tell!("{}", self.words.say(key, values));
    }

    fn plain(&self, value: f64) -> String {
        self.words.value(value, UnitName::Count)
    }

    /// A share in percent, with one decimal where it is small.
    fn share(&self, share: f64) -> String {
        let digits = if share < 0.1 { 1000.0 } else { 100.0 };
        self.words
            .value((share * digits).round() / digits, MetricUnit::Ratio.into())
    }

    fn hours(&self, hours: f64) -> String {
        if hours >= 96.0 {
            return self
                .words
                .say("power-days", &[("n", self.plain((hours / 2.4).round() / 10.0))]);
        }
        self.words
            .span(Duration::try_from_secs_f64(hours * 3600.0).unwrap_or(Duration::MAX))
    }

    fn phase(&self, subject: &Subject<'_>, odds: &PhaseOdds) {
        for sight in &odds.sights {
            self.sight(sight);
        }
        match odds.smallest {
            Some(rate) => self.line("power-smallest", &[("rate", self.share(rate))]),
            None => self.line("power-smallest-none", &[]),
        }
        let alone = [("share", self.share(odds.false_alarms))];
        match odds.by {
            By::Stable => self.line("power-alone", &alone),
            By::History => self.line("power-alone-history", &alone),
        }
        for (odds, rule) in odds.rules.iter().zip(&subject.rules) {
            self.rule(&rule.id.to_string(), odds);
        }
        if let Some(go) = &odds.go {
            self.go(go, odds);
        }
        if (odds.looked_at as f64) < odds.units.floor() {
            self.line("power-looked-at", &[("units", odds.looked_at.to_string())]);
        }
    }

    fn sight(&self, sight: &Sight) {
        let rate = ("rate", self.share(sight.rate));
        match (sight.median.zip(sight.hours), sight.most) {
            (Some((median, hours)), most) => {
                let values = [rate, ("median", median.to_string()), ("when", self.hours(hours))];
                match most {
                    Some(most) => {
                        let [rate, median, when] = values;
                        self.line("power-sight", &[rate, median, when, ("most", most.to_string())]);
                    }
                    None => self.line("power-sight-half", &values),
                }
            }
            (None, _) => self.line("power-sight-rare", &[rate, ("share", self.share(sight.share))]),
        }
    }

    fn rule(&self, rule: &str, odds: &RuleOdds) {
        for (key, end) in [("power-rule-literal", &odds.literal), ("power-rule-gated", &odds.gated)] {
            let values = [
                ("rule", rule.to_owned()),
                ("healthy", self.share(end.healthy)),
                ("failing", self.failing(end)),
            ];
            self.line(key, &values);
        }
    }

    fn failing(&self, end: &RuleEnd) -> String {
        let share = ("share", self.share(end.failing));
        match end.hours {
            Some(hours) => self.words.say("power-failing", &[share, ("when", self.hours(hours))]),
            None => self.words.say("power-failing-rare", &[share]),
        }
    }

    fn go(&self, go: &GoOdds, odds: &PhaseOdds) {
        let limit = ("limit", self.share(go.limit));
        let Some(clean) = go.clean else {
            return self.line("power-go-never", &[limit]);
        };
        let clean = ("clean", clean.to_string());
        match (go.most, go.hours) {
            (Some(most), Some(hours)) => {
                let values = [limit, clean, ("most", most.to_string()), ("length", self.hours(hours))];
                let enough = most as f64 <= odds.canary_units;
                self.line(if enough { "power-go" } else { "power-go-longer" }, &values);
            }
            (None, _) | (_, None) => self.line("power-go-far", &[limit, clean]),
        }
    }

    fn warning(&self, answer: &Answer<'_>, subject: usize, warning: &Warning) {
        let questions = answer.questions;
        let rules = &questions.subjects[subject].rules;
        let odds = |phase: usize| answer.found[phase][subject].phases.first();
        let phase = |n: usize| ("phase", questions.phases[n].name.clone());
        let rule = |n: usize| ("rule", rules[n].id.to_string());
        match *warning {
            Warning::NothingToCompare { phase: n } => {
                // The same for every share.
                if subject == 0 {
                    self.line("power-warn-nothing-to-compare", &[phase(n)]);
                }
            }
            Warning::Blind { phase: n } => self.line("power-warn-blind", &[phase(n)]),
            Warning::BlindAtLimit { phase: n, rule: r } => {
                let smallest = odds(n).and_then(|odds| odds.smallest);
                let smallest = smallest.map_or_else(|| "—".to_owned(), |rate| self.share(rate));
                self.line("power-warn-blind-at-limit", &[phase(n), rule(r), ("rate", smallest)]);
            }
            Warning::GoOutOfReach { phase: n } => self.line("power-warn-go", &[phase(n)]),
            Warning::FalseRollbacks { phase: n, rule: r } => {
                let healthy = odds(n).map_or(0.0, |odds| odds.rules[r].literal.healthy);
                self.line("power-warn-false", &[phase(n), rule(r), ("share", self.share(healthy))]);
            }
        }
    }

    fn unseen(&self, rule: &str, signal: &str, why: Unseen) {
        let values = [("rule", rule.to_owned()), ("signal", signal.to_owned())];
        match why {
            Unseen::Today => self.line("power-unseen-today", &values),
            Unseen::Spread => self.line("power-unseen-spread", &values),
            Unseen::Occurrences => self.line("power-unseen-occurrences", &values),
            Unseen::Level => self.line("power-unseen-level", &values),
            Unseen::Side => self.line("power-unseen-side", &values),
            Unseen::Backwards => self.line("power-unseen-backwards", &values),
        }
    }
}
