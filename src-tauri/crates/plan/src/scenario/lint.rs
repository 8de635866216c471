//! What can be wrong in a scenario that reads well: faults after the end, names that the plan does not have, a limit
//! that its phases do not fit into.

use std::collections::BTreeSet;
use std::time::Duration;

use timonel_domain::plan::{GateKind, Phase};
use timonel_domain::value::Weight;

use super::{Down, Fault, Gone, Outcome, Scenario, WorldSource};
use crate::finding::{Finding, Findings};
use crate::model::SourceKind;
use crate::parsed::{Parsed, TargetConfig, Way};
use crate::place::Path;
use crate::text::spoken;

/// What one scenario gets wrong by itself.
pub(super) fn check(scenario: &Scenario, out: &mut Findings) {
    let root = Path::root();
    if scenario.limit.is_zero() {
        out.error(
            &root.key("limit"),
            "scenario.limit",
            "the rehearsal ends before it starts",
            "Write how long it may last, such as 3h",
        );
    }
    if scenario.traffic.mean_call.is_zero() {
        out.error(
            &root.key("traffic").key("mean_call"),
            "scenario.mean-call",
            "calls of no length cannot be counted in progress",
            "Write the mean length of a call, such as 90s",
        );
    }
    if scenario.bake_at_most.is_some_and(|bake| bake.is_zero()) {
        out.error(
            &root.key("phases").key("bake_at_most"),
            "scenario.bake",
            "phases without bake time decide on nothing",
            "Write at least a few minutes, such as 10m",
        );
    }
    if scenario.wait_at_most.is_some_and(|wait| wait.is_zero()) {
        out.error(
            &root.key("phases").key("wait_at_most"),
            "scenario.wait",
            "gates that wait for no time say nothing",
            "Write at least a few minutes, such as 8m",
        );
    }
    for (index, timed) in scenario.faults.iter().enumerate() {
        let path = root.key("fault").index(index);
        if timed.at >= scenario.limit {
            let advice = format!("Let it begin before {}, or raise `limit`", spoken(scenario.limit));
            out.error(
                &path.key("at"),
                "scenario.fault-after-end",
                "the rehearsal is over before this fault begins",
                advice,
            );
        }
        if timed.lasting.is_some_and(|lasting| lasting.is_zero()) {
            out.error(
                &path.key("for"),
                "scenario.fault-without-time",
                "a fault that lasts no time does nothing",
                "Write how long it lasts, or leave `for` out for the rest of the rehearsal",
            );
        }
        if let Fault::Drift { every: Some(every), .. } = &timed.fault
            && *every < Duration::from_secs(1)
        {
            out.error(
                &path.key("every"),
                "scenario.drift-pace",
                "another writer comes back at most once a second",
                "Write 1s or more",
            );
        }
        if let Fault::StrayJob {
            weight: Weight::ZERO, ..
        } = &timed.fault
        {
            out.error(
                &path.key("weight"),
                "scenario.fault-without-effect",
                "a job of no numbers moves nothing",
                "Write the share of the calls that it moves, such as 20",
            );
        }
        if let Fault::JobFailures { share, .. } = &timed.fault
            && *share == 0.0
        {
            out.error(
                &path.key("share"),
                "scenario.fault-without-effect",
                "none of the numbers would fail",
                "Write the share that does, such as 0.3",
            );
        }
        if let Fault::SourceGone {
            source: WorldSource::Metrics,
            how: Gone::Nan,
        } = &timed.fault
        {
            out.warning(
                &path.key("how"),
                "scenario.nan-counters",
                "counters that are NaN are rare outside rehearsals",
                "Use `down` for a system that does not answer",
            );
        }
    }
    if scenario.expect.outcome == Outcome::Completed && scenario.operator.is_none() {
        out.warning(
            &root.key("expect").key("outcome"),
            "scenario.nobody-approves",
            "without an operator nobody signs or approves, so a plan that asks for it never completes",
            "Add `[operator]` with `signs = true` and `approves_after = \"1m\"`",
        );
    }
}

/// What a scenario gets wrong together with the plan that it is played with. `text` is the scenario's file.
pub fn check_with_plan(scenario: &Scenario, text: &str, parsed: &Parsed) -> Vec<Finding> {
    let mut out = Findings::new(text);
    let root = Path::root();
    let targets: Vec<&str> = parsed.plan.targets.iter().map(|t| t.id.as_str()).collect();
    for (index, timed) in scenario.faults.iter().enumerate() {
        let path = root.key("fault").index(index);
        if let Some(target) = timed.fault.target() {
            match parsed.targets.iter().find(|known| known.id == *target) {
                Some(known) => possible(&timed.fault, known, &path, &mut out),
                None => out.error(
                    &path.key("target"),
                    "reference.target",
                    format!("the plan has no target `{target}`"),
                    format!("Write one of: {}", targets.join(", ")),
                ),
            }
        }
        if let Fault::SourceGone { source, .. } = &timed.fault {
            let kind = match source {
                WorldSource::Prometheus => SourceKind::Prometheus,
                WorldSource::Metrics => SourceKind::Scrape,
            };
            if !parsed.sources.iter().any(|s| s.kind == kind) {
                out.error(
                    &path.key("source"),
                    "reference.source",
                    format!("the plan reads nothing from a source of kind `{}`", kind.name()),
                    "Take the fault out, or name the other source",
                );
            }
        }
    }
    if let Some(phase) = &scenario.expect.phase
        && !parsed.plan.phases.iter().any(|p| p.id == *phase)
    {
        let phases: Vec<&str> = parsed.plan.phases.iter().map(|p| p.id.as_str()).collect();
        out.error(
            &root.key("expect").key("phase"),
            "reference.phase",
            format!("the plan has no phase `{phase}`"),
            format!("Write one of: {}", phases.join(", ")),
        );
    }
    let longest = crate::lint::longest_rule(&parsed.plan);
    if let Some(bake) = scenario.bake_at_most
        && bake < longest
    {
        let path = root.key("phases").key("bake_at_most");
        out.warning(
            &path,
            "scenario.bake-below-rule",
            format!(
                "phases of {} end before the plan's slowest rule ({}) can fire",
                spoken(bake),
                spoken(longest)
            ),
            format!("Write {} or more", spoken(longest)),
        );
    }
    account(scenario, parsed, &mut out);
    let bakes = parsed
        .plan
        .phases
        .iter()
        .map(|phase| shortest(scenario, phase))
        .fold(Duration::ZERO, Duration::saturating_add);
    if scenario.limit < bakes {
        let message = format!(
            "the phases alone take {}, longer than the rehearsal of {}",
            spoken(bakes),
            spoken(scenario.limit)
        );
        match scenario.expect.outcome {
            Outcome::Completed => out.error(
                &root.key("limit"),
                "scenario.limit-below-phases",
                message,
                "Raise `limit`, or shorten the phases with `[phases]`: `bake_at_most`, and `wait_at_most` for their gates",
            ),
            // It ends in one of its phases; where it does not, the rehearsal says that its outcome is another.
            Outcome::RolledBack | Outcome::Frozen => {}
        }
    }
    out.finish()
}

/// The least time that a phase takes in this rehearsal: its bake, or the longest wait of its gates.
fn shortest(scenario: &Scenario, phase: &Phase) -> Duration {
    let cut = |time: Duration, most: Option<Duration>| most.map_or(time, |most| time.min(most));
    let waits = phase.gates.iter().filter_map(|gate| match &gate.kind {
        GateKind::Without { lasting, .. } => Some(cut(*lasting, scenario.wait_at_most)),
        GateKind::Limit { .. } | GateKind::Relative { .. } => None,
    });
    waits.fold(cut(phase.bake, scenario.bake_at_most), Duration::max)
}

/// Whether the world can do that to a target of this kind.
fn possible(fault: &Fault, target: &TargetConfig, path: &Path, out: &mut Findings) {
    let mut refuse = |key: &str, message: String, advice: &str| {
        out.error(&path.key(key), "scenario.fault-kind", message, advice);
    };
    match (&target.way, fault) {
        (Way::NumberShare(_), Fault::TargetDown { how, .. }) => match how {
            Down::WebhookDown | Down::WebhookRefuses => refuse(
                "how",
                format!("`{}` has no admission webhook", target.kind.name()),
                "Write one of: hang, reset, 503, 401, 403, 429",
            ),
            Down::Hang
            | Down::Reset
            | Down::Unavailable
            | Down::Unauthenticated
            | Down::Forbidden
            | Down::Throttled => {}
        },
        (Way::VirtualService(_), Fault::StrayJob { .. } | Fault::JobFailures { .. } | Fault::JobsStuck { .. }) => {
            refuse(
                "target",
                format!(
                    "`{}` is of kind `{}`, which has no bulk jobs",
                    target.id,
                    target.kind.name()
                ),
                "Name a target of kind `telnyx.number-share`",
            )
        }
        (Way::NumberShare(_), Fault::StrayJob { .. } | Fault::JobFailures { .. } | Fault::JobsStuck { .. })
        | (Way::VirtualService(_), Fault::TargetDown { .. })
        | (
            Way::NumberShare(_) | Way::VirtualService(_),
            Fault::Drift { .. }
            | Fault::ReadbackLies { .. }
            | Fault::CanaryErrors { .. }
            | Fault::CanaryLatency { .. }
            | Fault::CanaryAbandonment { .. }
            | Fault::SourceGone { .. }
            | Fault::OwnNetworkLost
            | Fault::CriticalError,
        ) => {}
    }
}

/// A plan that needs an account needs one in the world, with the numbers that the plan names.
fn account(scenario: &Scenario, parsed: &Parsed, out: &mut Findings) {
    let moved = parsed.targets.iter().any(|target| match &target.way {
        Way::NumberShare(_) => true,
        Way::VirtualService(_) => false,
    });
    let needed = moved || parsed.sources.iter().any(|source| source.kind == SourceKind::Telnyx);
    let path = Path::root().key("telnyx");
    match (&scenario.telnyx, needed) {
        (None, true) => out.error(
            &path,
            "scenario.telnyx",
            "the plan moves numbers of an account or reads its records, and this world has none",
            "Add `[telnyx]` with `numbers = 340`",
        ),
        (Some(_), false) => out.warning(
            &path,
            "scenario.telnyx",
            "the plan has nothing to do with the account of this world",
            "Take `[telnyx]` out",
        ),
        (Some(account), true) => {
            let tenants = parsed.tenants.iter().flat_map(|tenant| &tenant.numbers);
            let excepted = parsed.targets.iter().flat_map(|target| match &target.way {
                Way::NumberShare(share) => share.except.as_slice(),
                Way::VirtualService(_) => &[],
            });
            let named = tenants.chain(excepted).collect::<BTreeSet<_>>().len();
            if (account.numbers as usize) < named {
                out.error(
                    &path.key("numbers"),
                    "scenario.numbers",
                    format!(
                        "the plan names {named} numbers, and this world's account has {}",
                        account.numbers
                    ),
                    format!("Write {named} or more"),
                );
            }
        }
        (None, false) => {}
    }
}
