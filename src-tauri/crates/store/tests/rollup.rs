//! Old readings and outcomes in coarser rows: nothing that they count is lost, and what is not old stays as it came.

#![allow(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::time::Duration;

use timonel_domain::sample::{Sample, Value};
use timonel_domain::time::Timestamp;
use timonel_domain::value::{Arm, Quantity, RolloutId, Side, SignalId, Weight};
use timonel_ports::clock::SystemClock;
use timonel_ports::store::{CallOutcome, SampleStore, UnitRow, Units};
use timonel_store::Sqlite;
use timonel_testkit::store::begun;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
/// Seconds between two readings.
const EVERY: i64 = 10;
/// Two hours of them.
const READINGS: i64 = 720;

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(1_700_000_040 + secs)
}

fn errors() -> SignalId {
    SignalId::new("errores").unwrap()
}

fn load() -> SignalId {
    SignalId::new("carga").unwrap()
}

async fn filled(store: &Sqlite) -> RolloutId {
    let rollout = begun(store).await;
    let mut samples = Vec::new();
    let mut units = Vec::new();
    for n in 1..=READINGS {
        // In the second hour's middle a reading is missing: nothing stands for the time before it.
        if n == 540 {
            continue;
        }
        for side in [Side::Stable, Side::Canary] {
            let (since, as_of) = (at((n - 1) * EVERY), at(n * EVERY));
            let value = Value::Ratio {
                since,
                bad: 1,
                total: 20,
            };
            samples.push(Sample {
                signal: errors(),
                side,
                as_of,
                value,
            });
            let units_of = Units::Batch {
                signal: errors(),
                side,
                since,
                as_of,
                bad: 1,
                total: 20,
            };
            let seq = u64::try_from(units.len()).unwrap() + 1;
            units.push(UnitRow {
                seq,
                weight: Weight::percent(5),
                units: units_of,
            });
        }
        let value = Value::Level(Quantity::from_micros(if n == 100 { 9_000_000 } else { n }));
        samples.push(Sample {
            signal: load(),
            side: Side::Whole,
            as_of: at(n * EVERY),
            value,
        });
        let call = CallOutcome {
            id: format!("call-{n}"),
            arm: Arm::Canary,
            tenant: None,
            started_at: at(n * EVERY - 5),
            ended_at: at(n * EVERY),
            failed: n % 10 == 0,
            abandoned: false,
            turns_ok: 3,
            turns_ko: 1,
            turn_latency_max: None,
            turn_latency_mean: None,
        };
        let seq = u64::try_from(units.len()).unwrap() + 1;
        units.push(UnitRow {
            seq,
            weight: Weight::percent(5),
            units: Units::Call(call),
        });
    }
    store.put_samples(&rollout, &samples).await.unwrap();
    store.put_units(&rollout, &units).await.unwrap();
    rollout
}

async fn roll_up(store: &Sqlite, rollout: &RolloutId, before: Timestamp, span: Duration) {
    let mut pieces = 0;
    while store.roll_up(rollout, &[errors(), load()], before, span).await.unwrap() {
        pieces += 1;
        assert!(pieces < 1000, "it comes to an end");
    }
}

async fn readings(store: &Sqlite, rollout: &RolloutId, signal: &SignalId) -> Vec<Sample> {
    store
        .samples(rollout, signal, at(0)..at(READINGS * EVERY + 1))
        .await
        .unwrap()
}

/// Bad and all units of a side.
fn sums(samples: &[Sample], of: Side) -> (u64, u64) {
    samples
        .iter()
        .filter(|sample| sample.side == of)
        .fold((0, 0), |sum, sample| match sample.value {
            Value::Ratio { bad, total, .. } => (sum.0 + bad, sum.1 + total),
            _ => sum,
        })
}

#[tokio::test]
async fn what_is_old_is_counted_in_fewer_rows_and_what_is_not_stays() {
    let store = Sqlite::temporary(SystemClock::shared()).await.unwrap();
    let rollout = filled(&store).await;
    let whole = readings(&store, &rollout, &errors()).await;
    let last = store.last_unit(&rollout).await.unwrap();
    let young = at(90 * 60);
    roll_up(&store, &rollout, young, MINUTE).await;

    let coarse = readings(&store, &rollout, &errors()).await;
    for side in [Side::Stable, Side::Canary] {
        assert_eq!(sums(&coarse, side), sums(&whole, side));
        let mut end = at(0);
        for sample in coarse.iter().filter(|sample| sample.side == side) {
            let since = sample.value.since().unwrap();
            assert!(
                since == end || since == at(540 * EVERY),
                "a reading goes on where the one before ended"
            );
            end = sample.as_of;
        }
    }
    let from = |samples: &[Sample], from| samples.iter().filter(|s| s.as_of > from).cloned().collect::<Vec<_>>();
    assert_eq!(from(&coarse, young), from(&whole, young), "as it came");
    let old = coarse.iter().filter(|sample| sample.as_of <= young).count();
    assert!((180..=192).contains(&old), "{old} rows for 90 minutes of two sides");

    let levels = readings(&store, &rollout, &load()).await;
    let most = levels.iter().map(|level| match level.value {
        Value::Level(level) => level.micros(),
        _ => 0,
    });
    assert_eq!(most.max(), Some(9_000_000), "the greatest stays");
    assert!(levels.len() < 400, "{}", levels.len());

    assert_eq!(
        store.last_unit(&rollout).await.unwrap(),
        last,
        "numbers are never given twice"
    );
    let units = store.units(&rollout, 0, u32::MAX).await.unwrap();
    assert!(units.len() < 900, "{} of {last}", units.len());
    assert!(units.is_sorted_by_key(|row| row.seq));
    let batched: u64 = units
        .iter()
        .map(|row| match &row.units {
            Units::Batch { total, .. } => *total,
            Units::Call(_) => 0,
        })
        .sum();
    assert_eq!(batched, u64::try_from(READINGS - 1).unwrap() * 2 * 20);

    roll_up(&store, &rollout, young, HOUR).await;
    let hours = readings(&store, &rollout, &errors()).await;
    for side in [Side::Stable, Side::Canary] {
        assert_eq!(sums(&hours, side), sums(&whole, side));
    }
    assert!(hours.len() < coarse.len(), "{} {}", hours.len(), coarse.len());
    assert_eq!(from(&hours, young), from(&whole, young));
    // Once more finds nothing.
    roll_up(&store, &rollout, young, MINUTE).await;
    roll_up(&store, &rollout, young, HOUR).await;
    assert_eq!(readings(&store, &rollout, &errors()).await, hours);
}
