//! The same seed gives the same rehearsal, step by step and to the microsecond, at every speed.

use serde_json::{Value, json};
use timonel_bridge::Speed;
use timonel_journal::record::StepRecord;

use crate::played::{Played, Stage, data};

fn short() -> Stage {
    Stage::of(&data("short.toml"), &data("short-errors.toml"))
}

/// Everything that is to be the same, the summary last.
fn trace(played: &Played) -> Vec<Value> {
    let step = |step: &timonel_bridge::Bulletin| {
        json!({
            "at": step.at,
            "seq": step.seq,
            "stage": format!("{:?}", step.state.stage),
            "record": StepRecord::new(&step.event, &step.effects),
        })
    };
    let summary = serde_json::to_value(&played.end.summary).unwrap();
    let samples = json!(played.end.samples);
    played.steps.iter().map(step).chain([samples, summary]).collect()
}

#[track_caller]
fn same(a: &Played, b: &Played) {
    let (a, b) = (trace(a), trace(b));
    for (index, (a, b)) in a.iter().zip(&b).enumerate() {
        assert_eq!(a, b, "they part at {index}");
    }
    assert_eq!(a.len(), b.len());
}

#[test]
fn the_shipped_rollback_twice() {
    let play = || Stage::shipped("canary-errors").play();
    same(&play(), &play());
}

/// Jobs, limits and records of calls are part of it.
#[test]
fn a_late_job_twice_and_at_another_speed() {
    let play = || Stage::numbers("job-late-overwrite");
    let first = play().play();
    same(&first, &play().play());
    same(&first, &play().at_speed(Speed::Times(400.0)).play());
}

#[test]
fn as_fast_as_it_goes_five_times() {
    let first = short().play();
    for _ in 0..4 {
        same(&first, &short().play());
    }
}

#[test]
fn at_twenty_times_real_time() {
    same(&short().play(), &short().at_speed(Speed::Times(20.0)).play());
}

#[test]
fn at_real_time() {
    same(&short().play(), &short().at_speed(Speed::Times(1.0)).play());
}

#[test]
fn another_seed_is_another_world_with_the_same_end() {
    let (one, other) = (short().play(), short().with_seed(12).play());
    assert_ne!(one.end.samples, other.end.samples);
    assert_ne!(trace(&one), trace(&other));
    assert_eq!(one.end.summary.outcome, other.end.summary.outcome);
    assert_eq!(one.end.summary.phase, other.end.summary.phase);
}
