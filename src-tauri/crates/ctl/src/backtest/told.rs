//! A backtest for people: where it is assumed to have stood, what each rule would have done, what was told when, and last a
//! summary in one line.

use std::collections::BTreeSet;
use std::time::Duration;

use timonel_bridge::backtest::{Missing, Outcomes, Tried};
use timonel_bridge::words::Words;
use timonel_domain::backtest::{GateTally, RuleReport, RuleTally};
use timonel_domain::board::Verdict;
use timonel_domain::metric::MetricUnit;
use timonel_domain::plan::{Action, Plan, Rule};
use timonel_domain::time::Timestamp;
use timonel_domain::value::{Side, SignalId};
use timonel_wire::{UnitName, told};

use super::Sums;
use crate::told::line;

/// Moments beyond these are counted on the screen and stand in `--json`.
const MOMENTS: usize = 200;

pub(super) fn tell(plan: &Plan, tried: &Tried, calls: Option<&Outcomes>, words: &Words) {
    let say = Say { plan, words };
    let report = &tried.report;
    let span = [
        ("plan", plan.id.to_string()),
        ("from", moment(report.from)),
        ("to", moment(report.to)),
    ];
    say.line("backtest-title", &span);
    say.standings(tried);
    if let Some(calls) = calls {
        say.calls(calls);
    }
    say.feeds(tried);
    tell!("");
    say.rules(tried);
    say.alone(tried);
    for (gate, tally) in &report.gates {
        say.gate(gate.as_str(), tally);
    }
    if !report.unrouted.is_zero() {
        say.line("backtest-unrouted", &[("for", words.span(report.unrouted))]);
    }
    tell!("");
    say.moments(tried);
    if let Some(calls) = calls {
        say.planner(report.to.since(report.from), calls);
    }
    say.summary(tried);
}

/// A moment in UTC to the second.
fn moment(at: Timestamp) -> String {
    at.to_string().get(..19).unwrap_or_default().replace('T', " ")
}

struct Say<'a> {
    plan: &'a Plan,
    words: &'a Words,
}

impl Say<'_> {
    fn line(&self, key: &str, values: &[(&str, String)]) {
        tell!("{}", self.words.say(key, values));
    }

    fn standings(&self, tried: &Tried) {
        for (since, standing) in &tried.standings {
            let mut values = vec![
                ("since", moment(*since)),
                ("weight", self.words.weight(standing.weight)),
            ];
            match standing.phase.and_then(|phase| self.plan.phases.get(phase)) {
                Some(phase) => {
                    values.push(("phase", phase.name.clone()));
                    self.line("backtest-standing", &values);
                }
                None => self.line("backtest-standing-bare", &values),
            }
        }
    }

    fn calls(&self, calls: &Outcomes) {
        let n = |n: u64| n.to_string();
        let values = [
            ("stable", n(calls.stable.total)),
            ("stableFailed", n(calls.stable.failed)),
            ("canary", n(calls.canary.total)),
            ("canaryFailed", n(calls.canary.failed)),
        ];
        self.line("backtest-calls", &values);
        if calls.again > 0 {
            self.line("backtest-repeated", &[("n", n(calls.again))]);
        }
    }

    /// What was not read, each reason once with its signals.
    fn feeds(&self, tried: &Tried) {
        let (mut not_of_calls, mut elsewhere) = (BTreeSet::new(), BTreeSet::new());
        let mut fields = BTreeSet::new();
        for feed in &tried.feeds {
            let signal = feed.signal.to_string();
            match &feed.missing {
                None => {}
                Some(Missing::NotOfCalls) => drop(not_of_calls.insert(signal)),
                Some(Missing::Elsewhere) => drop(elsewhere.insert(signal)),
                Some(Missing::NoField(field)) => drop(fields.insert((signal, *field))),
                Some(Missing::Spans { spans, of, why }) => {
                    let values = [
                        ("signal", self.side(&feed.signal, feed.side)),
                        ("spans", spans.to_string()),
                        ("of", of.to_string()),
                        ("why", why.clone()),
                    ];
                    self.line("backtest-missing-spans", &values);
                }
            }
        }
        let joined = |all: BTreeSet<String>| all.into_iter().collect::<Vec<_>>().join(", ");
        for (signal, field) in fields {
            let values = [("signal", signal), ("field", field.to_owned())];
            self.line("backtest-missing-field", &values);
        }
        if !not_of_calls.is_empty() {
            self.line("backtest-missing-calls", &[("signals", joined(not_of_calls))]);
        }
        if !elsewhere.is_empty() {
            self.line("backtest-missing-elsewhere", &[("signals", joined(elsewhere))]);
        }
    }

    fn side(&self, signal: &SignalId, side: Side) -> String {
        format!("{signal} ({})", self.words.tell(&told::side(side)))
    }

    fn rules(&self, tried: &Tried) {
        let unread = tried.unread();
        let heads = [
            "backtest-head-rule",
            "backtest-head-fired",
            "backtest-head-first",
            "backtest-head-lasted",
            "backtest-head-written",
            "backtest-head-literal",
            "backtest-head-proven",
        ];
        let mut rows = vec![heads.map(|key| self.words.say(key, &[])).to_vec()];
        let mut silent = Vec::new();
        for report in &tried.report.rules {
            match self.plan.rule(&report.rule) {
                Some(rule) if unread.contains(&rule.question.signal) => silent.push(rule.id.to_string()),
                Some(rule) => rows.push(self.row(rule, report)),
                None => {}
            }
        }
        table(&rows);
        if !silent.is_empty() {
            self.line("backtest-unread-rules", &[("rules", silent.join(", "))]);
        }
    }

    fn row(&self, rule: &Rule, report: &RuleReport) -> Vec<String> {
        let written = &report.written;
        let dash = || "—".to_owned();
        let lasted = if written.fired == 0 {
            dash()
        } else {
            let open = if written.open { "…" } else { "" };
            format!("{}{open}", self.words.span(written.lasted))
        };
        let first = [
            rule.id.to_string(),
            written.fired.to_string(),
            written.first.map_or_else(dash, moment),
            lasted,
        ];
        let does = match rule.action {
            Action::Notify => [self.words.say("backtest-notifies", &[]), dash(), dash()],
            Action::Alert => [self.words.say("backtest-freezes", &[]), dash(), dash()],
            Action::Rollback => [&report.written, &report.literal, &report.proven].map(|tally| self.put_back(tally)),
        };
        first.into_iter().chain(does).collect()
    }

    fn put_back(&self, tally: &RuleTally) -> String {
        match tally.first_rollback {
            None => "0".to_owned(),
            Some(first) => {
                let values = [("n", tally.rolled_back.to_string()), ("first", moment(first))];
                self.words.say("backtest-put-back", &values)
            }
        }
    }

    fn alone(&self, tried: &Tried) {
        for alone in &tried.report.alone {
            let signal = ("signal", alone.signal.to_string());
            match (alone.rollback, alone.alert) {
                (Some(at), _) => self.line("backtest-alone-rollback", &[signal, ("at", moment(at))]),
                (None, Some(at)) => self.line("backtest-alone-alert", &[signal, ("at", moment(at))]),
                (None, None) => {}
            }
        }
    }

    fn gate(&self, gate: &str, tally: &GateTally) {
        let all = (tally.go + tally.hold + tally.no_go + tally.no_evidence).as_secs_f64();
        let share = |part: Duration| {
            let share = if all > 0.0 { part.as_secs_f64() / all } else { 0.0 };
            self.words
                .value((share * 1000.0).round() / 1000.0, MetricUnit::Ratio.into())
        };
        let last = match tally.last {
            Some(Verdict::Go) => "backtest-go",
            Some(Verdict::NoGo) => "backtest-no-go",
            Some(Verdict::Hold) => "backtest-hold",
            Some(Verdict::NoEvidence) | None => "backtest-no-evidence",
        };
        let values = [
            ("gate", gate.to_owned()),
            ("go", share(tally.go)),
            ("hold", share(tally.hold)),
            ("noGo", share(tally.no_go)),
            ("noEvidence", share(tally.no_evidence)),
            ("last", self.words.say(last, &[])),
        ];
        self.line("backtest-gate", &values);
        if let Some(units) = tally.kept.filter(|kept| !kept.kept).and_then(|kept| kept.clean_units) {
            self.line("backtest-gate-missing", &[("units", units.to_string())]);
        }
    }

    fn moments(&self, tried: &Tried) {
        let report = &tried.report;
        for told in report.moments.iter().take(MOMENTS) {
            for notice in &told.notices {
                let line = line(notice, self.plan, told.at, self.words);
                tell!("{}  {line}", moment(told.at));
            }
        }
        let more = report.moments.len().saturating_sub(MOMENTS) as u64 + report.left_out;
        if more > 0 {
            self.line("backtest-more", &[("n", more.to_string())]);
        }
        if !report.moments.is_empty() {
            tell!("");
        }
    }

    /// The odds are the planner's to tell: with what the file has shown of today.
    fn planner(&self, lasted: Duration, calls: &Outcomes) {
        let days = lasted.as_secs_f64() / 86_400.0;
        let all = calls.stable.total + calls.canary.total;
        if days <= 0.0 || calls.stable.total == 0 || calls.stable.failed == 0 {
            return;
        }
        let base = calls.stable.failed as f64 / calls.stable.total as f64;
        let values = [
            ("perDay", format!("{:.0}", (all as f64 / days).max(1.0))),
            ("base", format!("{base:.4}")),
        ];
        self.line("backtest-planner", &values);
    }

    fn summary(&self, tried: &Tried) {
        let sums = Sums::of(tried);
        if tried.report.moments.is_empty() {
            return self.line("backtest-summary-nothing", &[]);
        }
        let n = |n: usize| self.words.value(n as f64, UnitName::Count);
        let values = [
            ("rollbacks", n(sums.rollbacks)),
            ("freezes", n(sums.freezes)),
            ("waits", n(sums.waits)),
            ("fired", n(sums.fired)),
        ];
        self.line("backtest-summary", &values);
    }
}

/// Columns as wide as their widest cell.
fn table(rows: &[Vec<String>]) {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
    };
    let widths: Vec<_> = (0..columns).map(|column| width(column).unwrap_or_default()).collect();
    for row in rows {
        let cells: Vec<_> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        tell!("  {}", cells.join("  ").trim_end());
    }
}
