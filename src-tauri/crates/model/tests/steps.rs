//! The real step under every order of events within the bounds; and that the check would notice if it were otherwise.
//!
//! `TIMONEL_MODEL=wide` walks further: one more disturbance in every run. It takes hours and tens of gigabytes. What is
//! modelled, and how far, is said in `timonel_model`.

use std::time::Duration;

use timonel_model::{Bounds, Flaw, Found, Rollouts, explore};

/// No machine should need it; a walk that is cut short fails.
const LIMIT: Duration = Duration::from_secs(15 * 60);
const WIDE: Duration = Duration::from_secs(12 * 3600);

/// One engine, through both phases, a rollback, a reset, and again.
const ALONE: Bounds = Bounds {
    engines: 1,
    disturbances: 1,
    ticks: 2,
    resets: 1,
};

/// Two engines and the lease between them.
const TOGETHER: Bounds = Bounds {
    engines: 2,
    disturbances: 1,
    ticks: 1,
    resets: 0,
};

/// One engine, and things that go wrong twice.
const TWICE: Bounds = Bounds {
    engines: 1,
    disturbances: 2,
    ticks: 1,
    resets: 0,
};

fn walk(what: &str, bounds: Bounds, flaw: Flaw) -> Found {
    let wide = std::env::var("TIMONEL_MODEL").is_ok_and(|how| how == "wide") && flaw == Flaw::None;
    let bounds = Bounds {
        disturbances: bounds.disturbances + u8::from(wide),
        ..bounds
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let found = explore(Rollouts::flawed(bounds, flaw), threads, if wide { WIDE } else { LIMIT });
    let Found {
        states,
        changes,
        ends,
        depth,
        broken,
    } = &found;
    println!("{what}, {bounds:?}: {states} states explored, {changes} changes, {ends} ends, depth {depth}");
    for (property, way) in broken {
        println!("  broken: {property}\n    {}", way.join("\n    "));
    }
    found
}

#[test]
fn one_engine_keeps_every_promise_whatever_goes_wrong_and_wherever() {
    let found = walk("one engine", ALONE, Flaw::None);
    assert!(found.broken.is_empty());
    assert!(found.states > 10_000 && found.ends > 0, "{found:?}");
}

#[test]
fn one_engine_keeps_every_promise_where_two_things_go_wrong() {
    let found = walk("one engine, twice", TWICE, Flaw::None);
    assert!(found.broken.is_empty());
    assert!(found.states > 10_000 && found.ends > 0, "{found:?}");
}

#[test]
fn two_engines_keep_every_promise_whatever_goes_wrong_and_wherever() {
    let found = walk("two engines", TOGETHER, Flaw::None);
    assert!(found.broken.is_empty());
    assert!(found.states > 10_000 && found.ends > 0, "{found:?}");
}

#[test]
fn the_check_finds_what_is_broken_on_purpose() {
    for (flaw, bounds, property) in [
        (Flaw::NoLatch, ALONE, "whoever knows of a rollback raises nothing"),
        (Flaw::NoFence, TOGETHER, "whoever knows of a rollback raises nothing"),
        (Flaw::LowersOnce, ALONE, "any other raise is undone before time goes by"),
        (Flaw::SameEpoch, TOGETHER, "two holders never raise in one epoch"),
        (Flaw::ForgetfulJournal, ALONE, "replay equals live"),
        (Flaw::NoSuccession, TOGETHER, "replay equals live"),
        (
            Flaw::NoMargin,
            TOGETHER,
            "two believe in their helm only where it was taken by force or a clock is too slow",
        ),
    ] {
        let found = walk(&format!("{flaw:?}"), bounds, flaw);
        let names: Vec<_> = found.broken.iter().map(|(name, _)| name.as_str()).collect();
        assert!(names.contains(&property), "{flaw:?}: {names:?}");
        assert!(
            found.broken.iter().all(|(_, way)| !way.is_empty()),
            "{flaw:?}: without a way to it"
        );
    }
}
