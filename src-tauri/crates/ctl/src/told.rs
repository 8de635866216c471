//! What happened, for people: one sentence for each notice, in the person's language.

use std::time::Duration;

use timonel_bridge::Bulletin;
use timonel_domain::plan::{Incident, Plan, Severity};
use timonel_domain::rollout::{Cause, Effect, Failure, Hold, Level, Notice, Rejection, Stage, State};
use timonel_domain::value::{Side, TenantId, Weight};

use crate::words::Words;

/// The sentences of a step that people should read; empty for most steps.
pub(crate) fn sentences(bulletin: &Bulletin, plan: &Plan, words: &Words) -> Vec<String> {
    let mut out = Vec::new();
    for effect in &bulletin.effects {
        let line = match effect {
            Effect::Notify(notice) => format!("{} {}", sign(notice.severity()), of_notice(notice, plan, words)),
            Effect::Rejected(reason) => words.say("rejected", &[("reason", of_rejection(reason, words))]),
            Effect::ShowManual { target, .. } => words.say("manual-due", &[("target", target.to_string())]),
            Effect::Lower { target, to, .. } => {
                words.say("lowering", &[("target", target.to_string()), ("to", words.weight(*to))])
            }
            // A raise to nothing lets go of the lever, and puts nobody anywhere.
            Effect::Raise { target, to, .. } if *to == Weight::ZERO => {
                words.say("releasing", &[("target", target.to_string())])
            }
            Effect::Raise { target, to, .. } => {
                words.say("raising", &[("target", target.to_string()), ("to", words.weight(*to))])
            }
        };
        out.push(format!("{}  {line}", clock(bulletin)));
    }
    for manual in &bulletin.manual {
        out.extend(
            manual
                .commands
                .iter()
                .map(|command| format!("          {}", command.line)),
        );
    }
    out
}

/// Shape beside every colour: the sign alone says how loud a line is.
fn sign(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "▲",
        Severity::High => "◆",
        Severity::Medium => "●",
        Severity::Low => "·",
    }
}

fn clock(bulletin: &Bulletin) -> String {
    // RFC 3339 in UTC: the time of day is enough on one screen.
    bulletin.at.to_string().get(11..19).unwrap_or_default().to_owned()
}

/// The stage in a few words.
pub(crate) fn stage(state: &State, plan: &Plan, words: &Words) -> String {
    let phase = |i: usize| plan.phases.get(i).map(|p| p.name.clone()).unwrap_or_default();
    let key = match state.stage {
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
    let name = state.stage.phase().map(phase).unwrap_or_default();
    let text = words.say(key, &[("phase", name)]);
    if state.is_frozen() {
        format!("{text} · {}", words.say("frozen", &[]))
    } else {
        text
    }
}

fn of_notice(notice: &Notice, plan: &Plan, words: &Words) -> String {
    let phase = |i: &usize| plan.phases.get(*i).map(|p| p.name.clone()).unwrap_or_default();
    let by = |by: &Option<String>| by.clone().unwrap_or_else(|| words.say("somebody", &[]));
    match notice {
        Notice::RuleFiring {
            rule, wants_rollback, ..
        } => {
            let key = if *wants_rollback {
                "notice-rule-wants-rollback"
            } else {
                "notice-rule-firing"
            };
            words.say(key, &[("rule", rule.to_string())])
        }
        Notice::RuleResolved { rule } => words.say("notice-rule-resolved", &[("rule", rule.to_string())]),
        Notice::SignalsLost { lost } => {
            let name = |(signal, side): &(_, Side)| format!("{signal} ({})", words.say(side_key(*side), &[]));
            let signals = lost.iter().map(name).collect::<Vec<_>>().join(", ");
            words.say("notice-signals-lost", &[("signals", signals)])
        }
        Notice::SignalsBack => words.say("notice-signals-back", &[]),
        Notice::Gap { from } => words.say("notice-gap", &[("from", from.to_string())]),
        Notice::Incident {
            kind: Incident::CriticalError,
        } => words.say("notice-critical-error", &[]),
        Notice::Incident {
            kind: Incident::Security,
        } => words.say("notice-security", &[]),
        Notice::PhaseEntered { phase: i } => words.say("notice-phase-entered", &[("phase", phase(i))]),
        Notice::AwaitingApproval { phase: i } => words.say("notice-awaiting-approval", &[("phase", phase(i))]),
        // A target that cannot be reached says no more than that; another answer, such as a refused credential, does.
        Notice::TargetSilent { target, failure } => match failure.code.as_str() {
            "target.unreachable" | "target.deadline" => {
                words.say("notice-target-silent", &[("target", target.to_string())])
            }
            _ => words.say(
                "notice-target-unread",
                &[("target", target.to_string()), ("why", why(failure, words))],
            ),
        },
        Notice::TargetAnswers { target } => words.say("notice-target-answers", &[("target", target.to_string())]),
        Notice::ShiftFailed { target, failure } => words.say(
            "notice-shift-failed",
            &[("target", target.to_string()), ("why", why(failure, words))],
        ),
        Notice::LowerFailed { target, failure } => words.say(
            "notice-lower-failed",
            &[("target", target.to_string()), ("why", why(failure, words))],
        ),
        Notice::Reaches {
            target,
            asked,
            weight,
            members,
        } => {
            let mut facts = vec![
                ("target", target.to_string()),
                ("asked", words.weight(*asked)),
                ("weight", words.weight(*weight)),
            ];
            match members {
                Some(members) => {
                    facts.push(("canary", members.canary.to_string()));
                    facts.push(("all", members.all.to_string()));
                    words.say("notice-reaches-members", &facts)
                }
                None => words.say("notice-reaches", &facts),
            }
        }
        Notice::Levered { target } => words.say("notice-levered", &[("target", target.to_string())]),
        Notice::NotCleanedUp { target } => words.say("notice-not-cleaned-up", &[("target", target.to_string())]),
        Notice::Pinned { tenant } => words.say("notice-pinned", &[("tenant", name_of(tenant, plan))]),
        Notice::Unpinned { tenant } => words.say("notice-unpinned", &[("tenant", name_of(tenant, plan))]),
        Notice::Drilled { took } => words.say(
            "notice-drilled",
            &[("secs", words.number(&format!("{:.1}", took.as_secs_f64())))],
        ),
        Notice::RollbackStarted {
            cause: Cause::Drill(person),
            ..
        } => words.say("notice-drill-started", &[("person", person.to_string())]),
        Notice::RollbackStarted { level, cause } => {
            let to = match level {
                Level::Total => "0 %".to_owned(),
                Level::Reduce(to) => words.weight(*to),
            };
            words.say(
                "notice-rollback-started",
                &[("to", to), ("cause", of_cause(cause, words))],
            )
        }
        Notice::NotReadBack { target } => words.say("notice-not-read-back", &[("target", target.to_string())]),
        Notice::ContraryTraffic { target, units } => words.say(
            "notice-contrary",
            &[("target", target.to_string()), ("units", units.to_string())],
        ),
        Notice::RollbackVerified => words.say("notice-rollback-verified", &[]),
        Notice::Drained => words.say("notice-drained", &[]),
        Notice::DriftBelow { target, live, by: who } => words.say(
            "notice-drift-below",
            &[
                ("target", target.to_string()),
                ("live", words.weight(*live)),
                ("by", by(who)),
            ],
        ),
        Notice::DriftAbove { target, live, by: who } => words.say(
            "notice-drift-above",
            &[
                ("target", target.to_string()),
                ("live", words.weight(*live)),
                ("by", by(who)),
            ],
        ),
        Notice::DriftPersists { target } => words.say("notice-drift-persists", &[("target", target.to_string())]),
        Notice::Completed => words.say("notice-completed", &[]),
    }
}

/// A tenant as people call it.
pub(crate) fn name_of(tenant: &TenantId, plan: &Plan) -> String {
    let named = plan.tenants.iter().find(|t| t.id == *tenant);
    named.map_or_else(|| tenant.to_string(), |t| t.name.clone())
}

/// Why something was not done, in the person's language.
fn of_rejection(rejection: &Rejection, words: &Words) -> String {
    match rejection {
        Rejection::Stage => words.say("rejection-stage", &[]),
        Rejection::Checks(failed) => words.say("rejection-checks", &[("checks", failed.join(", "))]),
        Rejection::Latched => words.say("rejection-latched", &[]),
        Rejection::Unknown => words.say("rejection-unknown", &[]),
        Rejection::CannotPin => words.say("rejection-cannot-pin", &[]),
        Rejection::NoReason => words.say("rejection-no-reason", &[]),
        Rejection::SamePerson => words.say("rejection-same-person", &[]),
        Rejection::NotLower => words.say("rejection-not-lower", &[]),
        Rejection::StableGone { kept_until } => {
            words.say("rejection-stable-gone", &[("until", kept_until.to_string())])
        }
    }
}

/// What holds a rollout, in the person's language.
pub(crate) fn hold(hold: &Hold, words: &Words) -> String {
    match hold {
        Hold::Operator => words.say("hold-operator", &[]),
        Hold::Alert => words.say("hold-alert", &[]),
        Hold::Drift(target) => words.say("hold-drift", &[("target", target.to_string())]),
        Hold::Shift(target) => words.say("hold-shift", &[("target", target.to_string())]),
        Hold::Gap => words.say("hold-gap", &[]),
        Hold::HelmLost => words.say("hold-helm-lost", &[]),
        Hold::NoEvidence => words.say("hold-no-evidence", &[]),
    }
}

/// Why something failed, in the person's language. What a provider said stands in it in its own words.
fn why(failure: &Failure, words: &Words) -> String {
    let key = format!("why-{}", failure.code.replace('.', "-"));
    let said = [("said", detail(&failure.text).to_owned())];
    words.known(&key, &said).unwrap_or_else(|| failure.text.clone())
}

/// What the other side said, of a text that begins with the place and what came of it, as those of `TargetError` do.
fn detail(text: &str) -> &str {
    text.split_once(": ").map_or(text, |(_, said)| said)
}

/// A span in its largest whole unit, near enough for a person: `31 s`, `5 min`, `2 h`.
pub(crate) fn span(span: Duration) -> String {
    match span.as_secs() {
        secs @ 0..120 => format!("{secs} s"),
        secs @ 120..7200 => format!("{} min", secs / 60),
        secs => format!("{} h", secs / 3600),
    }
}

pub(crate) fn side_key(side: Side) -> &'static str {
    match side {
        Side::Stable => "side-stable",
        Side::Canary => "side-canary",
        Side::Whole => "side-whole",
    }
}

fn of_cause(cause: &Cause, words: &Words) -> String {
    match cause {
        Cause::Person(person) => words.say("cause-person", &[("person", person.to_string())]),
        Cause::Rule(rule) => words.say("cause-rule", &[("rule", rule.to_string())]),
        Cause::Incident(Incident::CriticalError) => words.say("cause-critical-error", &[]),
        Cause::Incident(Incident::Security) => words.say("cause-security", &[]),
        Cause::Resumed => words.say("cause-resumed", &[]),
        Cause::Drill(person) => words.say("cause-drill", &[("person", person.to_string())]),
    }
}
