//! From the model of scenario files to what the simulator plays. All mistakes are found at once.

use std::time::Duration;

use timonel_domain::value::{PhaseId, TargetId, Weight};

use super::file::{ArmFile, ArmsFile, ExpectFile, FaultFile, FaultKind, ScenarioFile, TelnyxFile, TrafficFile};
use super::{ArmHealth, CallTraffic, Expectation, Fault, Operator, Scenario, TelnyxWorld, TimedFault};
use crate::finding::Findings;
use crate::part::Part;
use crate::place::Path;
use crate::text::DurationText;

/// Converts what could be read; `None` where something is missing or wrong, with its finding.
pub(super) fn convert(file: &ScenarioFile, out: &mut Findings) -> Option<Scenario> {
    let root = Path::root();
    if file.schema != 1 {
        out.error(
            &root.key("schema"),
            "file.schema",
            format!("this is format {}, and Timonel reads format 1", file.schema),
            "Write `schema = 1`, or use a newer Timonel",
        );
    }
    if PhaseId::new(&file.id).is_err() {
        out.error(
            &root.key("id"),
            "file.id",
            format!("`{}` cannot be an id", file.id),
            "Use lowercase letters, digits and `-`, such as `canary-errors`",
        );
    }
    let start = file
        .start
        .parse()
        .map_err(|e| out.error(&root.key("start"), "file.moment", e.message, e.advice))
        .ok();
    let limit = duration(&file.limit, &root.key("limit"), out);
    let phases = file.phases.get();
    let mut at_most = |text: Option<&DurationText>, key: &str| {
        let path = root.key("phases").key(key);
        text.and_then(|text| duration(text, &path, out))
    };
    let bake_at_most = at_most(phases.and_then(|p| p.bake_at_most.as_ref()), "bake_at_most");
    let wait_at_most = at_most(phases.and_then(|p| p.wait_at_most.as_ref()), "wait_at_most");
    let expect = file
        .expect
        .get()
        .and_then(|expect| expectation(expect, &root.key("expect"), out));
    let traffic = file
        .traffic
        .get()
        .and_then(|traffic| calls(traffic, &root.key("traffic"), out));
    let telnyx = file
        .telnyx
        .get()
        .map(|file| telnyx_world(file, &root.key("telnyx"), out));
    let arms = root.key("arms");
    let mut arm = |part: fn(&ArmsFile) -> &Part<ArmFile>, name: &str| {
        file.arms
            .get()
            .and_then(|both| part(both).get())
            .and_then(|side| health(side, &arms.key(name), out))
    };
    let (stable, canary) = (arm(|both| &both.stable, "stable"), arm(|both| &both.canary, "canary"));
    let operator = file.operator.get().map(|operator| {
        let path = root.key("operator").key("approves_after");
        let approves_after = operator
            .approves_after
            .as_ref()
            .and_then(|after| duration(after, &path, out));
        Operator {
            signs: operator.signs,
            drills: operator.drills,
            approves_after,
        }
    });
    let mut faults = Vec::new();
    for (index, part) in file.fault.iter().enumerate() {
        faults.extend(
            part.get()
                .and_then(|one| fault(one, &root.key("fault").index(index), out)),
        );
    }
    Some(Scenario {
        id: file.id.clone(),
        title: file.title.clone(),
        text: file.text.clone(),
        seed: file.seed,
        start: start?,
        limit: limit?,
        bake_at_most,
        wait_at_most,
        expect: expect?,
        traffic: traffic?,
        telnyx: telnyx.flatten(),
        stable: stable?,
        canary: canary?,
        operator,
        faults,
    })
}

fn duration(text: &DurationText, path: &Path, out: &mut Findings) -> Option<Duration> {
    text.parse()
        .map_err(|e| out.error(path, "file.duration", e.message, e.advice))
        .ok()
}

fn number(value: f64, low: f64, high: f64, path: &Path, out: &mut Findings) -> Option<f64> {
    // A NaN is in no range.
    if (low..=high).contains(&value) {
        return Some(value);
    }
    out.error(
        path,
        "file.range",
        format!("{value} is not between {low} and {high}"),
        format!("Write a number from {low} to {high}"),
    );
    None
}

fn expectation(file: &ExpectFile, path: &Path, out: &mut Findings) -> Option<Expectation> {
    let phase = match &file.phase {
        None => None,
        Some(id) => match PhaseId::new(id) {
            Ok(id) => Some(id),
            Err(_) => {
                out.error(
                    &path.key("phase"),
                    "file.id",
                    format!("`{id}` cannot be the id of a phase"),
                    "Write the id of a phase of the plan",
                );
                return None;
            }
        },
    };
    Some(Expectation {
        outcome: file.outcome,
        verified: file.verified,
        escalated: file.escalated,
        phase,
    })
}

fn calls(file: &TrafficFile, path: &Path, out: &mut Findings) -> Option<CallTraffic> {
    let calls_per_day = number(file.calls_per_day, 0.0, 1e6, &path.key("calls_per_day"), out);
    let mean_call = duration(&file.mean_call, &path.key("mean_call"), out);
    let requests_per_call = number(file.requests_per_call, 0.0, 1000.0, &path.key("requests_per_call"), out);
    Some(CallTraffic {
        calls_per_day: calls_per_day?,
        profile: file.profile,
        mean_call: mean_call?,
        requests_per_call: requests_per_call?,
    })
}

fn telnyx_world(file: &TelnyxFile, path: &Path, out: &mut Findings) -> Option<TelnyxWorld> {
    let mut at_least_one = |number: u32, key: &str| {
        if number == 0 {
            let message = format!("`{key}` is 0: nothing would ever be done");
            out.error(&path.key(key), "file.range", message, "Write 1 or more");
        }
        number
    };
    let numbers = at_least_one(file.numbers, "numbers");
    let requests_per_second = at_least_one(file.requests_per_second, "requests_per_second");
    let job_pace = at_least_one(file.job_pace, "job_pace");
    let skew = number(file.skew, 0.0, 3.0, &path.key("skew"), out);
    let latency = duration(&file.latency, &path.key("latency"), out);
    let job_delay = duration(&file.job_delay, &path.key("job_delay"), out);
    let propagation = duration(&file.propagation, &path.key("propagation"), out);
    Some(TelnyxWorld {
        numbers,
        skew: skew?,
        latency: latency?,
        requests_per_second,
        job_delay: job_delay?,
        job_pace,
        propagation: propagation?,
    })
}

fn health(file: &ArmFile, path: &Path, out: &mut Findings) -> Option<ArmHealth> {
    let error_rate = number(file.error_rate, 0.0, 1.0, &path.key("error_rate"), out);
    let abandonment = number(file.abandonment, 0.0, 1.0, &path.key("abandonment"), out);
    let latency_median = duration(&file.latency_median, &path.key("latency_median"), out);
    let latency_spread = number(file.latency_spread, 0.0, 3.0, &path.key("latency_spread"), out);
    let recognition = number(file.recognition, 0.0, 1.0, &path.key("recognition"), out);
    Some(ArmHealth {
        error_rate: error_rate?,
        abandonment: abandonment?,
        latency_median: latency_median?,
        latency_spread: latency_spread?,
        recognition: recognition?,
    })
}

fn fault(file: &FaultFile, path: &Path, out: &mut Findings) -> Option<TimedFault> {
    let at = duration(&file.at, &path.key("at"), out);
    let lasting = file
        .lasting
        .as_ref()
        .map(|lasting| duration(lasting, &path.key("for"), out));
    let kind = match &file.kind {
        FaultKind::CanaryErrors { rate } => {
            number(*rate, 0.0, 1.0, &path.key("rate"), out).map(|rate| Fault::CanaryErrors { rate })
        }
        FaultKind::CanaryLatency { median } => {
            duration(median, &path.key("median"), out).map(|median| Fault::CanaryLatency { median })
        }
        FaultKind::CanaryAbandonment { rate } => {
            number(*rate, 0.0, 1.0, &path.key("rate"), out).map(|rate| Fault::CanaryAbandonment { rate })
        }
        FaultKind::TargetDown { target, how } => {
            target_id(target, path, out).map(|target| Fault::TargetDown { target, how: *how })
        }
        FaultKind::Drift { target, to, by, every } => {
            let target = target_id(target, path, out);
            let every = every.as_ref().map(|every| duration(every, &path.key("every"), out));
            let to = weight(*to, &path.key("to"), out);
            match (target, to, every) {
                (Some(target), Some(to), None) => Some(Fault::Drift {
                    target,
                    to,
                    by: by.clone(),
                    every: None,
                }),
                (Some(target), Some(to), Some(Some(every))) => Some(Fault::Drift {
                    target,
                    to,
                    by: by.clone(),
                    every: Some(every),
                }),
                (Some(_), Some(_), Some(None)) | (None, _, _) | (_, None, _) => None,
            }
        }
        FaultKind::SourceGone { source, how } => Some(Fault::SourceGone {
            source: *source,
            how: *how,
        }),
        FaultKind::OwnNetworkLost => Some(Fault::OwnNetworkLost),
        FaultKind::CriticalError => Some(Fault::CriticalError),
        FaultKind::ReadbackLies { target } => target_id(target, path, out).map(|target| Fault::ReadbackLies { target }),
        FaultKind::StrayJob {
            target,
            by,
            weight: share,
            after,
        } => {
            let target = target_id(target, path, out);
            let weight = weight(*share, &path.key("weight"), out);
            let after = duration(after, &path.key("after"), out);
            match (target, weight, after) {
                (Some(target), Some(weight), Some(after)) => Some(Fault::StrayJob {
                    target,
                    by: by.clone(),
                    weight,
                    after,
                }),
                (None, _, _) | (_, None, _) | (_, _, None) => None,
            }
        }
        FaultKind::JobFailures { target, share } => {
            let share = number(*share, 0.0, 1.0, &path.key("share"), out);
            let target = target_id(target, path, out);
            target
                .zip(share)
                .map(|(target, share)| Fault::JobFailures { target, share })
        }
        FaultKind::JobsStuck { target } => target_id(target, path, out).map(|target| Fault::JobsStuck { target }),
    };
    let lasting = match lasting {
        Some(None) => return None,
        Some(Some(lasting)) => Some(lasting),
        None => None,
    };
    Some(TimedFault {
        at: at?,
        lasting,
        fault: kind?,
    })
}

fn weight(percent: f64, path: &Path, out: &mut Findings) -> Option<Weight> {
    Weight::try_from(percent)
        .map_err(|e| out.error(path, "file.weight", e.to_string(), "Write a percentage such as 40"))
        .ok()
}

fn target_id(text: &str, path: &Path, out: &mut Findings) -> Option<TargetId> {
    TargetId::new(text)
        .map_err(|e| {
            out.error(
                &path.key("target"),
                "file.id",
                e.to_string(),
                "Write the id of a target of the plan",
            )
        })
        .ok()
}
