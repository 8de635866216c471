//! What happened, as codes and arguments: one sentence for each notice, rejection, cause, hold, blocker and stage.
//!
//! Whoever speaks to people speaks these codes: page, terminal, popups. The sentences are in `locales/*/notices.ftl`.

use std::time::Duration;

use timonel_domain::evidence::{Tally, Worse};
use timonel_domain::metric::{Metric, Statistic};
use timonel_domain::plan::{Comparison, EvidenceMode, Incident, Plan, Severity};
use timonel_domain::rollout::{Blocker, Cause, Effect, Event, Failure, Hold, Level, Notice, Rejection, Stage, State};
use timonel_domain::time::Timestamp;
use timonel_domain::value::{RuleId, Side, SignalId, TenantId, Weight};

use crate::ask::HoldName;
use crate::sentence::{Arg, Sentence};
use crate::{duration_millis, millis};

/// A sentence of one target.
fn of_target(code: &str, target: impl ToString) -> Sentence {
    Sentence::new(code).with("target", Arg::text(target))
}

/// Seconds in tenths, for sentences that say seconds themselves.
fn tenths(duration: std::time::Duration) -> u64 {
    duration_millis(duration).saturating_add(50) / 100
}

fn weight(weight: Weight) -> Arg {
    Arg::Weight(weight.hundredths())
}

/// The text of this file: who has kept sentences can tell whether they would be the same now.
pub const RULES: &str = include_str!("told.rs");

/// What followed from a step at `at`, as one line.
pub fn effect(effect: &Effect, plan: &Plan, at: Timestamp) -> Sentence {
    match effect {
        Effect::Notify(told) => notice(told, plan, at),
        Effect::Rejected(reason) => Sentence::new("rejected").with("reason", Arg::sentence(rejection(reason))),
        Effect::ShowManual { target, .. } => of_target("manual-due", target),
        Effect::Lower { target, to, .. } => of_target("lowering", target).with("to", weight(*to)),
        // A raise to nothing lets go of the lever, and puts nobody anywhere.
        Effect::Raise { target, to, .. } if *to == Weight::ZERO => of_target("releasing", target),
        Effect::Raise { target, to, .. } => of_target("raising", target).with("to", weight(*to)),
    }
}

/// How loud what followed is.
pub fn severity(effect: &Effect) -> Severity {
    match effect {
        Effect::Notify(notice) => notice.severity(),
        Effect::ShowManual { .. } => Severity::High,
        Effect::Rejected(_) | Effect::Lower { .. } | Effect::Raise { .. } => Severity::Low,
    }
}

/// What a person did, as one line; `None` for what nobody did. A rollback says itself who asked for it.
pub fn deed(event: &Event, plan: &Plan) -> Option<Sentence> {
    let of = |code: &str, by: &dyn std::fmt::Display| Sentence::new(code).with("person", Arg::text(by));
    let because = |sentence: Sentence, reason: &String| sentence.with("reason", Arg::text(reason));
    Some(match event {
        Event::Arm { by, .. } => of("deed-arm", by),
        Event::Start { by } => of("deed-start", by),
        Event::Sign { by, checklist } => of("deed-sign", by).with("checklist", Arg::text(checklist)),
        Event::Approve { by } => of("deed-approve", by),
        Event::Override { by, reason } => because(of("deed-override", by), reason),
        Event::Freeze { by, reason } => because(of("deed-freeze", by), reason),
        Event::Release { by, hold: held, reason } => {
            because(of("deed-release", by).with("hold", Arg::sentence(hold(held))), reason)
        }
        Event::Pin { by, tenant, reason } => because(of("deed-pin", by).with("tenant", name_of(tenant, plan)), reason),
        Event::Unpin { by, tenant, reason } => {
            because(of("deed-unpin", by).with("tenant", name_of(tenant, plan)), reason)
        }
        Event::Drill { by } => of("deed-drill", by),
        Event::Reset { by, reason } => because(of("deed-reset", by), reason),
        Event::Close { by } => of("deed-close", by),
        Event::RollBack { .. }
        | Event::Assessed(_)
        | Event::Incident { .. }
        | Event::Target { .. }
        | Event::Assigned { .. }
        | Event::Active { .. }
        | Event::Helm(_)
        | Event::Gap { .. }
        | Event::JournalBroken { .. }
        | Event::Mended { .. }
        | Event::Tick => return None,
    })
}

/// What people are told, of what happened at `at`.
pub fn notice(notice: &Notice, plan: &Plan, at: Timestamp) -> Sentence {
    let phase = |i: &usize| Arg::text(plan.phases.get(*i).map(|p| p.name.as_str()).unwrap_or_default());
    let by = |by: &Option<String>| match by {
        Some(by) => Arg::text(by),
        None => Arg::sentence(Sentence::new("somebody")),
    };
    let failed = |code, target: &_, failure| of_target(code, target).with("why", Arg::sentence(why(failure)));
    match notice {
        Notice::RuleFiring {
            rule, wants_rollback, ..
        } => {
            // What holds it back is the proof, unless the plan lets nothing act or the rule asks for none.
            let asks_for_proof = plan.automatic && plan.rule(rule).is_some_and(|r| r.evidence != EvidenceMode::Literal);
            let code = match (*wants_rollback, asks_for_proof) {
                (true, true) => "notice-rule-lacks-proof",
                (true, false) => "notice-rule-wants-rollback",
                (false, _) => "notice-rule-firing",
            };
            Sentence::new(code).with("rule", rule_of(rule, plan))
        }
        Notice::RuleResolved { rule } => Sentence::new("notice-rule-resolved").with("rule", rule_of(rule, plan)),
        Notice::Worse { signal, worse, proof } => {
            // Where all calls are the canary's, it is held against what stable used to have.
            let by_history = proof
                .as_ref()
                .is_some_and(|proof| proof.against_history > proof.against_stable);
            let code = match (worse, by_history) {
                (Worse::Alert, false) => "notice-worse",
                (Worse::Rollback, false) => "notice-worse-rollback",
                (Worse::Alert, true) => "notice-worse-than-before",
                (Worse::Rollback, true) => "notice-worse-than-before-rollback",
            };
            let told = Sentence::new(code).with("metric", metric_of(signal, plan));
            let Some(proof) = proof else { return told };
            told.with("canary", units(proof.canary))
                .with("stable", units(proof.stable))
        }
        Notice::Common { rule } => Sentence::new("notice-common").with("rule", rule_of(rule, plan)),
        Notice::Unrouted => Sentence::new("notice-unrouted"),
        Notice::JournalBroken { detail } => {
            Sentence::new("notice-journal-broken").with("detail", Arg::Text(detail.clone()))
        }
        Notice::Skewed { skew } => Sentence::new("notice-skewed")
            .with("weight", Arg::Weight(skew.weight.hundredths()))
            .with(
                "canary",
                units(Tally {
                    bad: skew.canary,
                    total: skew.stable.saturating_add(skew.canary),
                }),
            ),
        Notice::SignalsLost { lost } => {
            let named = lost.iter().map(|(signal, of)| {
                Sentence::new("signal-of-side")
                    .with("signal", Arg::text(signal))
                    .with("side", Arg::sentence(side(*of)))
            });
            Sentence::new("notice-signals-lost").with("signals", Arg::Sentences(named.collect()))
        }
        Notice::SignalsBack => Sentence::new("notice-signals-back"),
        // At most: a journal in which nothing happened says less than somebody watched. A clock that was set back says nothing.
        Notice::Gap { from } => match at.since(*from) {
            Duration::ZERO => Sentence::new("notice-gap"),
            unwatched => Sentence::new("notice-gap-for").with("for", Arg::Millis(duration_millis(unwatched))),
        }
        .with("from", Arg::Time(millis(*from))),
        Notice::Mended {
            entries,
            missing,
            armed,
        } => {
            let mended = Sentence::new("notice-mended")
                .with("entries", Arg::Count(*entries))
                .with("missing", Arg::Count(*missing));
            match armed {
                true => Sentence::new("notice-mended-armed").with("mended", Arg::sentence(mended)),
                false => mended,
            }
        }
        Notice::Incident { kind } => Sentence::new(match kind {
            Incident::CriticalError => "notice-critical-error",
            Incident::Security => "notice-security",
        }),
        Notice::PhaseEntered { phase: i } => Sentence::new("notice-phase-entered").with("phase", phase(i)),
        Notice::AwaitingApproval { phase: i } => Sentence::new("notice-awaiting-approval").with("phase", phase(i)),
        // A target that cannot be reached says no more than that; another answer, such as a refused credential, does.
        Notice::TargetSilent { target, failure } => match failure.code.as_str() {
            "target.unreachable" | "target.deadline" => of_target("notice-target-silent", target),
            _ => failed("notice-target-unread", target, failure),
        },
        Notice::TargetAnswers { target } => of_target("notice-target-answers", target),
        Notice::ShiftFailed { target, failure } => failed("notice-shift-failed", target, failure),
        Notice::LowerFailed { target, failure } => failed("notice-lower-failed", target, failure),
        Notice::Reaches {
            target,
            asked,
            weight: reached,
            members,
        } => {
            let code = members.map_or("notice-reaches", |_| "notice-reaches-members");
            let told = of_target(code, target)
                .with("asked", weight(*asked))
                .with("weight", weight(*reached));
            match members {
                Some(members) => told
                    .with("canary", Arg::Count(members.canary.into()))
                    .with("all", Arg::Count(members.all.into())),
                None => told,
            }
        }
        Notice::Levered { target } => of_target("notice-levered", target),
        Notice::NotCleanedUp { target } => of_target("notice-not-cleaned-up", target),
        Notice::Pinned { tenant } => Sentence::new("notice-pinned").with("tenant", name_of(tenant, plan)),
        Notice::Unpinned { tenant } => Sentence::new("notice-unpinned").with("tenant", name_of(tenant, plan)),
        Notice::Drilled { took } => Sentence::new("notice-drilled").with("secs", Arg::Tenths(tenths(*took))),
        Notice::RollbackStarted {
            cause: Cause::Drill(person),
            ..
        } => Sentence::new("notice-drill-started").with("person", Arg::text(person)),
        Notice::RollbackStarted { level, cause: why } => {
            let to = match level {
                Level::Total => Weight::ZERO,
                Level::Reduce(to) => *to,
            };
            Sentence::new("notice-rollback-started")
                .with("to", weight(to))
                .with("cause", Arg::sentence(cause(why, plan)))
        }
        Notice::NotReadBack { target } => of_target("notice-not-read-back", target),
        Notice::ContraryTraffic { target, units } => {
            of_target("notice-contrary", target).with("units", Arg::Count(*units))
        }
        Notice::RollbackVerified => Sentence::new("notice-rollback-verified"),
        Notice::Drained => Sentence::new("notice-drained"),
        Notice::DriftBelow { target, live, by: who } => of_target("notice-drift-below", target)
            .with("live", weight(*live))
            .with("by", by(who)),
        Notice::DriftAbove { target, live, by: who } => of_target("notice-drift-above", target)
            .with("live", weight(*live))
            .with("by", by(who)),
        Notice::DriftPersists { target } => of_target("notice-drift-persists", target),
        Notice::Completed => Sentence::new("notice-completed"),
    }
}

/// A rule by what it wants, such as "errors > 10 % for 5 min": its id is for files. The id where the plan has no such rule.
fn rule_of(rule: &RuleId, plan: &Plan) -> Arg {
    let known = plan.rule(rule);
    let Some((rule, signal)) = known.and_then(|known| Some((known, plan.signal(&known.question.signal)?))) else {
        return Arg::text(rule);
    };
    let code = if rule.lasting.is_zero() {
        "rule-at-once"
    } else {
        "rule-lasting"
    };
    let comparison = match rule.comparison {
        Comparison::Above => ">",
        Comparison::Below => "<",
    };
    let limit = Arg::Value {
        number: rule.limit.as_f64(),
        unit: signal.metric.unit().into(),
    };
    let sentence = Sentence::new(code)
        .with("metric", Arg::sentence(metric(&signal.metric, rule.question.statistic)))
        .with("comparison", Arg::text(comparison))
        .with("limit", limit)
        .with("lasting", Arg::Millis(duration_millis(rule.lasting)));
    Arg::sentence(sentence)
}

/// The metric of a signal by its name; the signal's id where the plan has no such signal.
fn metric_of(signal: &SignalId, plan: &Plan) -> Arg {
    match plan.signal(signal) {
        Some(known) => Arg::sentence(metric(&known.metric, Statistic::Latest)),
        None => Arg::text(signal),
    }
}

/// So many bad ones of so many.
fn units(tally: Tally) -> Arg {
    let told = Sentence::new("units-bad-of");
    Arg::sentence(
        told.with("bad", Arg::Count(tally.bad))
            .with("total", Arg::Count(tally.total)),
    )
}

/// A metric with what is asked of it, where that is not plain. One that only the plan declares brings its name along.
fn metric(metric: &Metric, statistic: Statistic) -> Sentence {
    let name = metric.name();
    let named = Sentence::new(&format!("metric-{}", name.replace(['_', '.'], "-")))
        .with("text", Arg::text(name.replace('_', " ")));
    match statistic {
        Statistic::Share | Statistic::Latest => named,
        Statistic::Mean | Statistic::P50 | Statistic::P95 | Statistic::P99 | Statistic::Total => {
            Sentence::new("metric-of").with("metric", Arg::sentence(named)).with(
                "statistic",
                Arg::sentence(Sentence::new(&format!("statistic-{statistic}"))),
            )
        }
    }
}

fn name_of(tenant: &TenantId, plan: &Plan) -> Arg {
    Arg::Text(tenant_name(tenant, plan))
}

/// A tenant as people call it.
pub fn tenant_name(tenant: &TenantId, plan: &Plan) -> String {
    let named = plan.tenants.iter().find(|t| t.id == *tenant);
    named.map_or_else(|| tenant.to_string(), |t| t.name.clone())
}

/// Why something was not done.
pub fn rejection(rejection: &Rejection) -> Sentence {
    match rejection {
        Rejection::Stage => Sentence::new("rejection-stage"),
        Rejection::Checks(failed) => Sentence::new("rejection-checks").with("checks", Arg::text(failed.join(", "))),
        Rejection::Latched => Sentence::new("rejection-latched"),
        Rejection::Unknown => Sentence::new("rejection-unknown"),
        Rejection::CannotPin => Sentence::new("rejection-cannot-pin"),
        Rejection::NoReason => Sentence::new("rejection-no-reason"),
        Rejection::SamePerson => Sentence::new("rejection-same-person"),
        Rejection::NotLower => Sentence::new("rejection-not-lower"),
        Rejection::StableKept { kept_until } => {
            Sentence::new("rejection-stable-kept").with("until", Arg::Time(millis(*kept_until)))
        }
        Rejection::StableGone { kept_until } => {
            Sentence::new("rejection-stable-gone").with("until", Arg::Time(millis(*kept_until)))
        }
    }
}

/// Why traffic is put back.
pub fn cause(cause: &Cause, plan: &Plan) -> Sentence {
    match cause {
        Cause::Person(person) => Sentence::new("cause-person").with("person", Arg::text(person)),
        Cause::Rule(rule) => Sentence::new("cause-rule").with("rule", rule_of(rule, plan)),
        Cause::Evidence(signal) => Sentence::new("cause-evidence").with("metric", metric_of(signal, plan)),
        Cause::Incident(Incident::CriticalError) => Sentence::new("cause-critical-error"),
        Cause::Incident(Incident::Security) => Sentence::new("cause-security"),
        Cause::Resumed => Sentence::new("cause-resumed"),
        Cause::Drill(person) => Sentence::new("cause-drill").with("person", Arg::text(person)),
    }
}

/// What holds a rollout.
pub fn hold(hold: &Hold) -> Sentence {
    match hold {
        Hold::Operator => Sentence::new("hold-operator"),
        Hold::Alert => Sentence::new("hold-alert"),
        Hold::Drift(target) => of_target("hold-drift", target),
        Hold::Shift(target) => of_target("hold-shift", target),
        Hold::Gap => Sentence::new("hold-gap"),
        Hold::HelmLost => Sentence::new("hold-helm-lost"),
        Hold::NoEvidence => Sentence::new("hold-no-evidence"),
    }
}

impl From<&Hold> for HoldName {
    fn from(hold: &Hold) -> Self {
        match hold {
            Hold::Operator => HoldName::Operator,
            Hold::Alert => HoldName::Alert,
            Hold::Drift(target) => HoldName::Drift {
                target: target.to_string(),
            },
            Hold::Shift(target) => HoldName::Shift {
                target: target.to_string(),
            },
            Hold::Gap => HoldName::Gap,
            Hold::HelmLost => HoldName::HelmLost,
            Hold::NoEvidence => HoldName::NoEvidence,
        }
    }
}

/// What keeps a rollout from being raised.
pub fn blocker(blocker: &Blocker, plan: &Plan) -> Sentence {
    match blocker {
        Blocker::NoHelm => Sentence::new("blocker-no-helm"),
        Blocker::Latched => Sentence::new("blocker-latched"),
        Blocker::Held(held) => Sentence::new("blocker-held").with("hold", Arg::sentence(hold(held))),
        Blocker::Drift(target) => of_target("blocker-drift", target),
        Blocker::Silent(target) => of_target("blocker-silent", target),
        Blocker::FreezeWindow(reason) => Sentence::new("blocker-freeze-window").with("reason", Arg::text(reason)),
        Blocker::NotAssessed => Sentence::new("blocker-not-assessed"),
        Blocker::SignalsLost => Sentence::new("blocker-signals-lost"),
        Blocker::Firing(rule) => Sentence::new("blocker-firing").with("rule", rule_of(rule, plan)),
        Blocker::Gate(gate) => Sentence::new("blocker-gate").with("gate", Arg::text(gate)),
        Blocker::BakeTime => Sentence::new("blocker-bake-time"),
        Blocker::Approvals => Sentence::new("blocker-approvals"),
        Blocker::Checklist(list) => Sentence::new("blocker-checklist").with("checklist", Arg::text(list)),
    }
}

/// Where a rollout stands.
pub fn stage(state: &State, plan: &Plan) -> Sentence {
    let code = match state.stage {
        Stage::Draft => "stage-draft",
        Stage::Armed => "stage-armed",
        Stage::Shifting { .. } => "stage-shifting",
        Stage::Baking { .. } => "stage-baking",
        Stage::Deciding { .. } => "stage-deciding",
        Stage::AwaitingApproval { .. } => "stage-awaiting-approval",
        Stage::RollingBack { .. } => "stage-rolling-back",
        Stage::RolledBack => "stage-rolled-back",
        Stage::Completed { .. } => "stage-completed",
        Stage::Closed => "stage-closed",
    };
    let phase = state.stage.phase().and_then(|i| plan.phases.get(i));
    Sentence::new(code).with("phase", Arg::text(phase.map(|p| p.name.as_str()).unwrap_or_default()))
}

/// Why something failed: a code for those that have a sentence of their own, else the target's own words.
///
/// The code's sentence is `why-…` with the dots of the failure's code as `-`; a catalogue without it says `text`. What the
/// other side said stands in `said`, in its own words.
pub fn why(failure: &Failure) -> Sentence {
    // Texts of failures begin with the place and what came of it.
    let said = failure
        .text
        .split_once(": ")
        .map_or(failure.text.as_str(), |(_, said)| said);
    Sentence::new(&format!("why-{}", failure.code.replace('.', "-")))
        .with("text", Arg::text(&failure.text))
        .with("said", Arg::text(said))
}

/// Whose values.
pub fn side(side: Side) -> Sentence {
    Sentence::new(match side {
        Side::Stable => "side-stable",
        Side::Canary => "side-canary",
        Side::Whole => "side-whole",
    })
}
