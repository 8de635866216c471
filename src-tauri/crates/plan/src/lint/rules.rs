//! Rules and gates that can never fire, fire at nothing, or do something else than their words.

use std::time::Duration;

use timonel_domain::board::FURTHEST;
use timonel_domain::evidence::belongs_to;
use timonel_domain::metric::{Direction, MetricUnit, Statistic};
use timonel_domain::plan::{Action, Comparison, EvidenceMode, Plan, Rule, SignalPlan};
use timonel_domain::value::{Quantity, Side};

use super::paired;
use crate::convert::{Converted, parts};
use crate::finding::Findings;
use crate::model::{PlanFile, RuleFile};
use crate::place::Path;
use crate::text::spoken;

pub(super) fn check(file: &PlanFile, converted: &Converted, out: &mut Findings) {
    let plan = &converted.parsed.plan;
    for (path, written, rule) in paired(parts(&file.rules, "rules"), &plan.rules, |a, b| a.id == b.id.as_str()) {
        let Some(signal) = plan.signal(&rule.question.signal) else {
            continue;
        };
        timing(rule, signal, &path, out);
        reach(rule, signal, &path, out);
        units(rule, written, &path, out);
        acting(plan, rule, written, &path, out);
        history(plan, rule, &path, out);
    }
    for (path, phase) in parts(&file.phases, "phases") {
        for (index, gate) in phase.gates.iter().enumerate() {
            let Some(over) = gate.get().and_then(|g| g.over.as_ref()).and_then(|o| o.parse().ok()) else {
                continue;
            };
            let of = gate
                .get()
                .and_then(|g| g.of.as_deref())
                .and_then(|of| of.split_whitespace().next());
            let signal = plan
                .signals
                .iter()
                .find(|s| Some(s.id.as_str()) == of || Some(s.metric.name()) == of);
            if let Some(signal) = signal
                && over < signal.interval * 2
            {
                window_error(over, signal, &path.key("gates").index(index).key("over"), out);
            }
        }
    }
}

fn window_error(window: Duration, signal: &SignalPlan, path: &Path, out: &mut Findings) {
    let message = format!(
        "{} holds fewer than two readings of `{}`, which is read every {}",
        spoken(window),
        signal.id,
        spoken(signal.interval)
    );
    out.error(
        path,
        "rule.window",
        message,
        format!(
            "Look at {} or more: add `over`, or read the signal more often",
            spoken(signal.interval * 2)
        ),
    );
}

fn timing(rule: &Rule, signal: &SignalPlan, path: &Path, out: &mut Findings) {
    let path = path.key("when");
    let looks_back = rule.question.statistic != Statistic::Latest;
    if looks_back && rule.question.window > FURTHEST {
        let message = format!("no window reaches further back than {}", spoken(FURTHEST));
        out.error(
            &path,
            "rule.window-too-long",
            message,
            "Write a shorter window with `over`",
        );
    }
    if looks_back && rule.question.window < signal.interval * 2 {
        window_error(rule.question.window, signal, &path, out);
    }
    if !rule.lasting.is_zero() && rule.lasting < signal.interval {
        let message = format!(
            "`for {}` is over before the next reading, {} later: one reading fires it",
            spoken(rule.lasting),
            spoken(signal.interval)
        );
        out.warning(
            &path,
            "rule.for",
            message,
            format!(
                "Write `for {}` or more, or leave `for` out if one reading is enough",
                spoken(signal.interval * 2)
            ),
        );
    }
    let breach = rule.lasting.max(rule.question.window);
    if rule.action != Action::Notify && signal.lag >= breach {
        out.warning(
            &path,
            "rule.lag",
            format!(
                "`{}` is {} behind by nature: when this rule sees a breach of {}, it has lasted twice as long or more",
                signal.id,
                spoken(signal.lag),
                spoken(breach)
            ),
            "Use a signal that is nearer to the present, or let this one only `notify`",
        );
    }
}

/// Whether any value can breach the limit, and whether breaching it is bad.
fn reach(rule: &Rule, signal: &SignalPlan, path: &Path, out: &mut Findings) {
    let path = path.key("when");
    let unit = signal.metric.unit();
    let never = match (rule.comparison, unit) {
        (Comparison::Above, MetricUnit::Ratio) => rule.limit >= Quantity::from_micros(1_000_000),
        (Comparison::Above, MetricUnit::Seconds | MetricUnit::Count) => false,
        (Comparison::Below, MetricUnit::Ratio | MetricUnit::Seconds | MetricUnit::Count) => {
            rule.limit <= Quantity::from_micros(0)
        }
    };
    if never {
        let advice = match rule.comparison {
            Comparison::Above => "A share is never above 100%: write a smaller percentage",
            Comparison::Below => "Nothing is below zero here: write a limit above 0, such as `< 1`",
        };
        out.error(
            &path,
            "rule.never-fires",
            "no value breaches this limit, so the rule never fires",
            advice,
        );
    }
    let good_way = matches!(
        (signal.metric.direction(), rule.comparison),
        (Direction::LowerIsBetter, Comparison::Below) | (Direction::HigherIsBetter, Comparison::Above)
    );
    // Too few calls or too many can both be bad; shares and times have one bad direction.
    if good_way && unit != MetricUnit::Count {
        let sign = if rule.comparison == Comparison::Below { ">" } else { "<" };
        out.warning(
            &path,
            "rule.direction",
            format!("this fires when `{}` is good", signal.metric.name()),
            format!("Write `{sign}` if the opposite is meant"),
        );
    }
}

/// Occurrences and levels are not made of units, so that no number of them is ever too few.
fn units(rule: &Rule, written: &RuleFile, path: &Path, out: &mut Findings) {
    let counts = matches!(rule.question.statistic, Statistic::Total | Statistic::Latest);
    if counts && written.least_units.is_some() {
        out.warning(
            &path.key("least_units"),
            "rule.least-units",
            format!(
                "`{}` is looked at whatever the number of calls",
                rule.question.statistic
            ),
            "Take `least_units` out",
        );
    }
}

/// Whether the history is of something that can be proved, and the only one that the plan states of it.
fn history(plan: &Plan, rule: &Rule, path: &Path, out: &mut Findings) {
    let Some(history) = rule.history else { return };
    let path = path.key("history");
    let question = &rule.question;
    if question.statistic == Statistic::Total || !belongs_to(plan, question, rule.comparison, rule.limit) {
        out.warning(
            &path,
            "rule.history",
            "nothing that is proved about this value begins with a share",
            "Take `history` out",
        );
        return;
    }
    // Of a share every rule asks the same; of a time only one with the same limit does.
    let limit = |rule: &Rule| (rule.question.statistic != Statistic::Share).then_some(rule.limit);
    let first = plan.rules.iter().find(|other| {
        let same = other.question.signal == question.signal && other.comparison == rule.comparison;
        same && limit(other) == limit(rule) && other.history.is_some()
    });
    if let Some(first) = first.filter(|first| first.history != Some(history)) {
        out.error(
            &path,
            "rule.history",
            format!("the rule `{}` states another history of the same", first.id),
            "Write the same in both, or in one of them only",
        );
    }
}

fn acting(plan: &Plan, rule: &Rule, written: &RuleFile, path: &Path, out: &mut Findings) {
    if rule.action != Action::Rollback {
        if written.evidence.is_some() {
            out.warning(
                &path.key("evidence"),
                "rule.evidence",
                "evidence matters only to rules that roll back",
                "Take `evidence` out",
            );
        }
        if written.on_no_data == Some(crate::model::NoDataWord::Rollback) {
            out.error(
                &path.key("on_no_data"),
                "rule.no-data",
                "missing data would do more than the breach itself",
                "Write `then = \"rollback\"`, or take `on_no_data` out",
            );
        }
        return;
    }
    let unsaid = written.evidence.is_none() && rule.question.statistic == Statistic::Total;
    let unproved = !belongs_to(plan, &rule.question, rule.comparison, rule.limit);
    if unsaid || (rule.evidence != EvidenceMode::Literal && unproved) {
        let at = if written.evidence.is_some() {
            path.key("evidence")
        } else {
            path.key("then")
        };
        out.warning(
            &at,
            "rule.no-evidence",
            if unproved {
                "nothing can be proved about this value, so the rule will act exactly as it is written"
            } else {
                "what is counted needs no proof unless that is asked for, so the rule will act exactly as it is written"
            },
            "Write `evidence = \"literal\"` to say so, or `then = \"alert\"` if it shall not act by itself",
        );
    }
    match rule.question.side {
        Side::Canary => {}
        Side::Whole | Side::Stable => {
            out.warning(
                &path.key("on"),
                "rule.not-the-canary",
                "this rolls back for something that stable shares, which putting calls back does not cure",
                "Write `then = \"alert\"`: it freezes and offers the rollback",
            );
        }
    }
}
