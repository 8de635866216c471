//! Rules: one line each becomes a question, a limit and what firing does, with JUDGE.md's defaults.

use std::collections::BTreeSet;

use timonel_domain::metric::{MetricUnit, Statistic};
use timonel_domain::plan::{Action, EvidenceMode, OnNoData, Question, Rule, Severity};
use timonel_domain::value::{Quantity, RuleId};

use super::{DEFAULT_WINDOW, Signals, duration, id, limit, once, parts, said};
use crate::finding::Findings;
use crate::model::{ActionWord, EvidenceWord, NoDataWord, PlanFile, RuleFile, SeverityWord};
use crate::place::Path;
use crate::text;
use crate::when::when;

pub(super) fn rules(file: &PlanFile, signals: &Signals, out: &mut Findings) -> Vec<Rule> {
    let mut seen = BTreeSet::new();
    let mut rules = Vec::new();
    for (path, rule) in parts(&file.rules, "rules") {
        once(&rule.id, "rule", &path.key("id"), &mut seen, out);
        let id = id(&rule.id, &path.key("id"), out, RuleId::new);
        rules.extend(convert(rule, id, signals, &path, out));
    }
    rules
}

pub(super) fn severity(word: SeverityWord) -> Severity {
    match word {
        SeverityWord::Low => Severity::Low,
        SeverityWord::Medium => Severity::Medium,
        SeverityWord::High => Severity::High,
        SeverityWord::Critical => Severity::Critical,
    }
}

/// How a rule or a gate meets evidence, where the plan does not say.
pub(super) fn mode(word: Option<EvidenceWord>) -> EvidenceMode {
    match word {
        Some(EvidenceWord::Literal) => EvidenceMode::Literal,
        Some(EvidenceWord::Fast) => EvidenceMode::Fast,
        Some(EvidenceWord::Gated) | None => EvidenceMode::Gated,
    }
}

/// A share, whatever the unit of the metric.
fn history(written: &text::LimitText, path: &Path, out: &mut Findings) -> Option<Quantity> {
    let share = limit(written, MetricUnit::Ratio, path, out)?;
    if (0..=1_000_000).contains(&share.micros()) {
        return Some(share);
    }
    out.error(
        path,
        "rule.history",
        format!("{written} is no share of anything"),
        "Write what part of the old version's units it was, from 0% to 100%",
    );
    None
}

fn convert(rule: &RuleFile, id: Option<RuleId>, signals: &Signals, path: &Path, out: &mut Findings) -> Option<Rule> {
    let line = path.key("when");
    let optional = |text: &Option<text::DurationText>, key: &str, out: &mut Findings| match text {
        Some(text) => duration(text, &path.key(key), out).map(Some),
        None => Some(None),
    };
    let clear_for = optional(&rule.clear_for, "clear_for", out);
    let max_gap = optional(&rule.max_gap, "max_gap", out);
    let when = said(when(&rule.when), "rule.when", &line, out)?;
    let known = signals.of(&when.subject, &line, out)?;
    let metric = &known.plan.metric;
    let statistic = said(known.statistic(when.subject.statistic), "rule.statistic", &line, out);
    let side = said(known.side(rule.on), "rule.side", &path.key("on"), out);
    let written_limit = said(text::limit(&when.limit, metric.unit()), "file.limit", &line, out);
    let clear = match &rule.clear {
        Some(text) => limit(text, metric.unit(), &path.key("clear"), out),
        None => written_limit,
    };
    let (statistic, side, limit, clear_limit) = (statistic?, side?, written_limit?, clear?);
    if when.comparison.breaches(clear_limit, limit) {
        out.error(
            &path.key("clear"),
            "rule.clear",
            "the breach would end before it begins",
            format!("Write a value on the good side of {}", when.limit),
        );
    }
    // A level has no window of its own: its newest reading is looked at.
    let window = when.over.unwrap_or(if when.lasting.is_zero() {
        DEFAULT_WINDOW
    } else {
        when.lasting
    });
    let least_units = match (rule.least_units, statistic) {
        (Some(least), _) => u64::from(least),
        (None, Statistic::Share | Statistic::Mean | Statistic::P50 | Statistic::P95 | Statistic::P99)
            if known.is_level() =>
        {
            0
        }
        (None, statistic) => statistic.least_units(metric),
    };
    let history = match &rule.history {
        Some(text) => Some(history(text, &path.key("history"), out)?),
        None => None,
    };
    Some(Rule {
        id: id?,
        question: Question {
            signal: known.plan.id.clone(),
            side,
            statistic,
            window,
            least_units,
        },
        comparison: when.comparison,
        limit,
        lasting: when.lasting,
        clear_limit,
        clear_lasting: clear_for?.unwrap_or(when.lasting),
        max_gap: max_gap?.unwrap_or(when.lasting.max(known.plan.lost_after())),
        on_no_data: match rule.on_no_data {
            Some(NoDataWord::Rollback) => OnNoData::Rollback,
            Some(NoDataWord::Hold) | None => OnNoData::Hold,
        },
        action: match rule.then {
            ActionWord::Notify => Action::Notify,
            ActionWord::Alert => Action::Alert,
            ActionWord::Rollback => Action::Rollback,
        },
        evidence: match (rule.evidence, statistic) {
            // The limit of a counter is the statement itself: a breaker that opened so often is not asked to be proved.
            (None, Statistic::Total) => EvidenceMode::Literal,
            (written, _) => mode(written),
        },
        history,
        severity: severity(rule.severity),
    })
}
