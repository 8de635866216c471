//! The figures of running engines in Prometheus' text format, version 0.0.4.
//!
//! Every family says what it is (`HELP`) and of which kind (`TYPE`). A value that nobody knows is left out, never 0: an owner that
//! does not answer leaves its rollout with `timonel_owner_answers 0` and nothing else that only it knows.

mod page;

use std::time::Duration;

use timonel_bridge::Snapshot;
use timonel_bridge::headless::figures::{Figures, Left, RolloutFigures};
use timonel_domain::board::Freshness;
use timonel_domain::rollout::{Hold, Stage};
use timonel_domain::value::{Side, Weight};
use timonel_wire::{SeverityName, StageKind};

use page::Kind::{Counter, Gauge};
use page::Page;

/// The content type.
pub(super) const FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

const STAGES: [StageKind; 10] = [
    StageKind::Draft,
    StageKind::Armed,
    StageKind::Shifting,
    StageKind::Baking,
    StageKind::Deciding,
    StageKind::AwaitingApproval,
    StageKind::RollingBack,
    StageKind::RolledBack,
    StageKind::Completed,
    StageKind::Closed,
];
const SEVERITIES: [SeverityName; 4] = [
    SeverityName::Low,
    SeverityName::Medium,
    SeverityName::High,
    SeverityName::Critical,
];
const HOLDS: [&str; 7] = ["operator", "alert", "drift", "shift", "gap", "helm-lost", "no-evidence"];

/// Everything as text.
pub(super) fn text(figures: &Figures) -> String {
    let mut page = Page::default();
    program(&mut page, figures);
    weights(&mut page, figures);
    standing(&mut page, figures);
    engine(&mut page, figures);
    watching(&mut page, figures);
    page.into_text()
}

fn program(page: &mut Page, figures: &Figures) {
    let version = [("version", env!("CARGO_PKG_VERSION"))];
    page.family("timonel_build_info", Gauge, "Which Timonel this is; always 1.");
    page.value(&version, 1.0);
    page.family(
        "timonel_threads_idle_seconds",
        Gauge,
        "Since the program's threads last came round; above 10 it is not healthy.",
    );
    page.value(&[], figures.beat.as_secs_f64());
    page.family(
        "timonel_machine_suspended_seconds",
        Gauge,
        "How long the machine has been suspended since it was started.",
    );
    page.value(&[], figures.asleep.as_secs_f64());
    page.family(
        "timonel_store_writable",
        Gauge,
        "Whether the store could be written when that was last tried.",
    );
    page.value(&[], bit(figures.store_writable));
    store(page, figures);
    page.family("timonel_rollouts", Gauge, "Rollouts that are kept up.");
    page.value(&[], figures.rollouts.len() as f64);
    page.family(
        "timonel_rollouts_not_taken_up",
        Gauge,
        "Rollouts that should be kept up and could not be taken up.",
    );
    page.value(&[], figures.not_taken_up as f64);
    page.family(
        "timonel_heartbeats_total",
        Counter,
        "Heartbeats by where to and what became of them.",
    );
    for (to, sent) in &figures.heartbeats {
        for (outcome, count) in [("taken", sent.taken), ("lost", sent.lost), ("withheld", sent.withheld)] {
            page.value(&[("to", to), ("outcome", outcome)], count as f64);
        }
    }
}

/// Nothing where the store does not say it.
fn store(page: &mut Page, figures: &Figures) {
    let Some(room) = &figures.room else { return };
    page.family(
        "timonel_store_bytes",
        Gauge,
        "All of the store, with the log of what was written last.",
    );
    page.value(&[], room.whole as f64);
    page.family(
        "timonel_store_part_bytes",
        Gauge,
        "What the parts of the store take, up to an hour ago; of the journal nothing is ever removed.",
    );
    let parts = &room.parts;
    for (part, bytes) in [
        ("journal", parts.journal),
        ("readings", parts.readings),
        ("outcomes", parts.outcomes),
        ("others", parts.others),
        ("unused", room.unused),
    ] {
        page.value(&[("part", part)], bytes as f64);
    }
    let Some(disk) = &room.disk else { return };
    page.family(
        "timonel_store_disk_free_bytes",
        Gauge,
        "What is left of the store's disk.",
    );
    page.value(&[], disk.free as f64);
    page.family("timonel_store_disk_bytes", Gauge, "All of the store's disk.");
    page.value(&[], disk.all as f64);
    page.family(
        "timonel_store_disk_low",
        Gauge,
        "Whether somebody has to free space: 0 no, 1 in the next days, 2 now.",
    );
    page.value(
        &[],
        match room.left() {
            Left::Enough => 0.0,
            Left::Low => 1.0,
            Left::Critical => 2.0,
        },
    );
}

fn weights(page: &mut Page, figures: &Figures) {
    type Of = fn(&timonel_domain::rollout::TargetState) -> Option<Weight>;
    let readings: [(&str, &str, Of); 3] = [
        (
            "timonel_target_requested_weight_ratio",
            "The canary's share that a target was last asked for, 0 to 1.",
            |t| t.op.map(|op| op.to).or(t.asked),
        ),
        (
            "timonel_target_accepted_weight_ratio",
            "The canary's share that a target last accepted, 0 to 1.",
            |t| t.accepted,
        ),
        (
            "timonel_target_read_weight_ratio",
            "The canary's share that a target said when it was last read, 0 to 1.",
            |t| t.read,
        ),
    ];
    for (name, help, of) in readings {
        page.family(name, Gauge, help);
        for (rollout, snapshot) in said(figures) {
            for (id, target) in &snapshot.state.targets {
                if let Some(weight) = of(target) {
                    page.value(&[rollout, ("target", id.as_str())], ratio(weight));
                }
            }
        }
    }
    page.family(
        "timonel_observed_weight_ratio",
        Gauge,
        "The canary's share of new units in the traffic itself, 0 to 1; absent where too few were seen.",
    );
    for (rollout, snapshot) in said(figures) {
        if let Some(weight) = snapshot.observed.as_ref().and_then(|observed| observed.weight()) {
            page.value(&[rollout], ratio(weight));
        }
    }
    page.family(
        "timonel_units_in_progress",
        Gauge,
        "Units in progress by arm; absent where nothing fresh says so.",
    );
    for (rollout, snapshot) in said(figures) {
        for (side, units) in &snapshot.active {
            page.value(&[rollout, ("side", side_name(*side))], *units as f64);
        }
    }
}

fn standing(page: &mut Page, figures: &Figures) {
    page.family(
        "timonel_rollout_info",
        Gauge,
        "A rollout with its plan and environment; always 1.",
    );
    for of in &figures.rollouts {
        let environment = ("environment", of.environment.as_str());
        page.value(&[("rollout", of.rollout.as_str()), environment], 1.0);
    }
    page.family(
        "timonel_rollout_stage",
        Gauge,
        "1 for the stage that a rollout is in, 0 for the others.",
    );
    for (rollout, snapshot) in said(figures) {
        let now = StageKind::from(snapshot.state.stage);
        for stage in STAGES {
            page.value(&[rollout, ("stage", &name(&stage))], bit(stage == now));
        }
    }
    page.family(
        "timonel_rollout_phase",
        Gauge,
        "The phase that a rollout is in, the first being 1; absent outside phases.",
    );
    for (rollout, snapshot) in said(figures) {
        if let Some(phase) = snapshot.state.stage.phase() {
            page.value(&[rollout], phase as f64 + 1.0);
        }
    }
    page.family("timonel_holds", Gauge, "What keeps a rollout from going on, by kind.");
    for (rollout, snapshot) in said(figures) {
        for kind in HOLDS {
            let held = snapshot
                .state
                .holds
                .iter()
                .filter(|hold| hold_name(hold) == kind)
                .count();
            page.value(&[rollout, ("hold", kind)], held as f64);
        }
    }
    page.family(
        "timonel_latched",
        Gauge,
        "Whether a total rollback is latched until a person resets it.",
    );
    for (rollout, snapshot) in said(figures) {
        page.value(&[rollout], bit(snapshot.state.latch.is_some()));
    }
    page.family("timonel_rolling_back", Gauge, "Whether calls are being put back now.");
    for (rollout, snapshot) in said(figures) {
        page.value(
            &[rollout],
            bit(matches!(snapshot.state.stage, Stage::RollingBack { .. })),
        );
    }
    page.family(
        "timonel_alerts_open",
        Gauge,
        "Alerts that are not over, by how loud they are.",
    );
    for of in &figures.rollouts {
        for severity in SEVERITIES {
            let open = of.alerts.get(&severity).copied().unwrap_or_default();
            page.value(
                &[("rollout", of.rollout.as_str()), ("severity", &name(&severity))],
                open as f64,
            );
        }
    }
    type Counted = fn(&RolloutFigures) -> u64;
    let counts: [(&str, &str, Counted); 3] = [
        (
            "timonel_rollbacks_total",
            "Total rollbacks in a rollout's life, drills left out.",
            |of| of.counts.rollbacks,
        ),
        (
            "timonel_reductions_total",
            "Reductions to a lower weight in a rollout's life.",
            |of| of.counts.reductions,
        ),
        (
            "timonel_gaps_total",
            "Times in a rollout's life in which nobody watched.",
            |of| of.counts.gaps,
        ),
    ];
    for (name, help, of) in counts {
        page.family(name, Counter, help);
        for figures in &figures.rollouts {
            page.value(&[("rollout", figures.rollout.as_str())], of(figures) as f64);
        }
    }
    page.family(
        "timonel_unwatched_seconds_total",
        Counter,
        "How long nobody watched a rollout in its life, at most.",
    );
    for of in &figures.rollouts {
        page.value(&[("rollout", of.rollout.as_str())], of.counts.unwatched.as_secs_f64());
    }
}

fn engine(page: &mut Page, figures: &Figures) {
    page.family(
        "timonel_owner_answers",
        Gauge,
        "Whether a rollout's owner answered this scrape in time; 0 asks for a restart.",
    );
    for of in &figures.rollouts {
        page.value(&[("rollout", of.rollout.as_str())], bit(of.said.is_some()));
    }
    page.family(
        "timonel_owner_lag_seconds",
        Gauge,
        "How long a rollout's owner took to answer this scrape.",
    );
    for of in &figures.rollouts {
        if let Some((_, took)) = &of.said {
            page.value(&[("rollout", of.rollout.as_str())], took.as_secs_f64());
        }
    }
    page.family(
        "timonel_helm_held",
        Gauge,
        "Whether this engine holds the helm: only then a weight is raised.",
    );
    for (rollout, snapshot) in said(figures) {
        page.value(&[rollout], bit(snapshot.state.helm));
    }
    page.family(
        "timonel_helm_epoch",
        Gauge,
        "The epoch of the helm under which this engine last decided.",
    );
    for (rollout, snapshot) in said(figures) {
        page.value(&[rollout], snapshot.state.generation.epoch as f64);
    }
    page.family(
        "timonel_journal_position",
        Gauge,
        "The number of the last entry in this engine's chain of the journal.",
    );
    for (rollout, snapshot) in said(figures) {
        page.value(&[rollout], snapshot.entries as f64);
    }
    page.family(
        "timonel_journal_unwritten",
        Gauge,
        "Entries that wait to be kept by the store.",
    );
    for (rollout, snapshot) in said(figures) {
        page.value(&[rollout], snapshot.unwritten as f64);
    }
    page.family(
        "timonel_journal_fault",
        Gauge,
        "Whether the store does not take entries.",
    );
    for (rollout, snapshot) in said(figures) {
        page.value(&[rollout], bit(snapshot.store_fault.is_some()));
    }
}

fn watching(page: &mut Page, figures: &Figures) {
    page.family(
        "timonel_signal_age_seconds",
        Gauge,
        "The age of a signal's newest value, by the moment that it is true for; absent where none was seen.",
    );
    for (rollout, snapshot) in said(figures) {
        for ((signal, side), newest) in &snapshot.newest {
            let labels = [rollout, ("signal", signal.as_str()), ("side", side_name(*side))];
            page.value(&labels, seconds(snapshot.at.since(*newest)));
        }
    }
    for (name, help, is) in [
        (
            "timonel_signal_late",
            "Whether a signal's newest value is older than twice its interval, and not lost.",
            Freshness::Late,
        ),
        (
            "timonel_signal_lost",
            "Whether a signal's newest value is too old to be used, or was never seen.",
            Freshness::Lost,
        ),
    ] {
        page.family(name, Gauge, help);
        for (rollout, snapshot) in said(figures) {
            for ((signal, side), fresh) in &snapshot.freshness {
                let labels = [rollout, ("signal", signal.as_str()), ("side", side_name(*side))];
                page.value(&labels, bit(*fresh == is));
            }
        }
    }
    page.family(
        "timonel_target_silent",
        Gauge,
        "Whether a target does not answer: a rollback would not get through there now.",
    );
    for (rollout, snapshot) in said(figures) {
        for (id, target) in &snapshot.state.targets {
            page.value(&[rollout, ("target", id.as_str())], bit(target.silent.is_some()));
        }
    }
}

/// Rollouts whose owner answered, with the label of each.
fn said(figures: &Figures) -> impl Iterator<Item = ((&'static str, &str), &Snapshot)> {
    figures.rollouts.iter().filter_map(|of| {
        let (snapshot, _) = of.said.as_ref()?;
        Some((("rollout", of.rollout.as_str()), snapshot))
    })
}

fn ratio(weight: Weight) -> f64 {
    f64::from(weight.hundredths()) / 10_000.0
}

fn bit(so: bool) -> f64 {
    f64::from(u8::from(so))
}

fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}

fn side_name(side: Side) -> &'static str {
    match side {
        Side::Stable => "stable",
        Side::Canary => "canary",
        Side::Whole => "whole",
    }
}

fn hold_name(hold: &Hold) -> &'static str {
    match hold {
        Hold::Operator => "operator",
        Hold::Alert => "alert",
        Hold::Drift(_) => "drift",
        Hold::Shift(_) => "shift",
        Hold::Gap => "gap",
        Hold::HelmLost => "helm-lost",
        Hold::NoEvidence => "no-evidence",
    }
}

/// As it crosses to a window.
fn name(plain: &impl serde::Serialize) -> String {
    let written = serde_json::to_value(plain).ok();
    written
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_hold_has_its_own_name() {
        let target = || timonel_domain::value::TargetId::new("t").unwrap();
        let all = [
            Hold::Operator,
            Hold::Alert,
            Hold::Drift(target()),
            Hold::Shift(target()),
            Hold::Gap,
            Hold::HelmLost,
            Hold::NoEvidence,
        ];
        assert_eq!(all.each_ref().map(hold_name), HOLDS);
    }
}
