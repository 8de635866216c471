//! The contract for what is kept beside the journal: plans, rollouts, samples, units.

use timonel_domain::sample::{Bucket, Sample, Value};
use timonel_domain::value::{Arm, PlanId, Quantity, RolloutId, Side, SignalId, Weight};
use timonel_ports::store::{
    CallOutcome, PlanRevision, RolloutRow, RolloutStore, SampleStore, StoreError, UnitRow, Units,
};

use super::{at, rollout};

/// A plan revision keeps its text; a rollout needs one, and keeps what it began with.
pub async fn plans_and_rollouts(store: &dyn RolloutStore) {
    let plan = PlanId::new("conecta360").expect("an id");
    assert_eq!(store.plan(&plan, 1).await.expect("read"), None);
    let first = PlanRevision::new(plan.clone(), 1, "título = \"uno\"\n".to_owned());
    let row = RolloutRow {
        id: rollout("r1"),
        plan: plan.clone(),
        revision: 1,
        environment: "producción".to_owned(),
        opened_at: at(10),
        closed_at: None,
    };
    let unknown = store.put_rollout(&row).await;
    assert!(matches!(unknown, Err(StoreError::Unknown { .. })), "{unknown:?}");
    store.put_plan(&first).await.expect("new");
    store.put_plan(&first).await.expect("the same again");
    let changed = store
        .put_plan(&PlanRevision::new(plan.clone(), 1, "título = \"dos\"\n".to_owned()))
        .await;
    assert!(matches!(changed, Err(StoreError::Conflict { .. })), "{changed:?}");
    store
        .put_plan(&PlanRevision::new(plan.clone(), 2, "título = \"dos\"\n".to_owned()))
        .await
        .expect("a revision");
    assert_eq!(store.plan(&plan, 1).await.expect("read"), Some(first));

    store.put_rollout(&row).await.expect("new");
    let later = RolloutRow {
        id: rollout("r2"),
        opened_at: at(20),
        ..row.clone()
    };
    store.put_rollout(&later).await.expect("a second one");
    let closed = RolloutRow {
        revision: 2,
        closed_at: Some(at(30)),
        ..row.clone()
    };
    store.put_rollout(&closed).await.expect("its new revision and end");
    assert_eq!(
        store.rollouts().await.expect("read"),
        [later.clone(), closed.clone()],
        "the last opened first"
    );
    for other in [
        RolloutRow {
            environment: "pruebas".to_owned(),
            ..closed.clone()
        },
        RolloutRow {
            opened_at: at(11),
            ..closed.clone()
        },
    ] {
        let refused = store.put_rollout(&other).await;
        assert!(matches!(refused, Err(StoreError::Conflict { .. })), "{refused:?}");
    }
    assert_eq!(store.rollouts().await.expect("read"), [later, closed]);
}

/// Puts a plan and the rollout `r1` of it, which samples, units and helms need.
pub async fn begun(store: &impl RolloutStore) -> RolloutId {
    begun_as(store, "r1").await
}

/// As [`begun`], by another name.
pub(super) async fn begun_as(store: &impl RolloutStore, name: &str) -> RolloutId {
    let plan = PlanId::new("conecta360").expect("an id");
    store
        .put_plan(&PlanRevision::new(plan.clone(), 1, String::new()))
        .await
        .expect("a plan");
    let id = rollout(name);
    let row = RolloutRow {
        id: id.clone(),
        plan,
        revision: 1,
        environment: "test".to_owned(),
        opened_at: at(0),
        closed_at: None,
    };
    store.put_rollout(&row).await.expect("a rollout");
    id
}

/// Every kind of reading is read back as it was, by signal and time; the first reading for a time stays.
pub async fn samples<S: RolloutStore + SampleStore>(store: &S) {
    let signal = SignalId::new("errors").expect("an id");
    let sample = |secs, side, value| Sample {
        signal: signal.clone(),
        side,
        as_of: at(secs),
        value,
    };
    let unknown = store
        .put_samples(
            &rollout("r1"),
            &[sample(1, Side::Whole, Value::Level(Quantity::default()))],
        )
        .await;
    assert!(matches!(unknown, Err(StoreError::Unknown { .. })), "{unknown:?}");
    let r1 = begun(store).await;
    let bucket = |le: Option<i64>, n| Bucket {
        le: le.map(Quantity::from_micros),
        n,
    };
    let samples = [
        sample(
            1,
            Side::Canary,
            Value::Ratio {
                since: at(0),
                bad: 3,
                total: i64::MAX as u64,
            },
        ),
        sample(1, Side::Stable, Value::Count { since: at(0), n: 0 }),
        sample(
            2,
            Side::Canary,
            Value::Distribution {
                since: at(1),
                buckets: vec![bucket(Some(-5), 1), bucket(Some(250_000), 0), bucket(None, 7)],
                sum: Quantity::from_micros(-12),
            },
        ),
        sample(3, Side::Whole, Value::Level(Quantity::from_micros(-1))),
    ];
    store.put_samples(&r1, &samples).await.expect("new");
    store.put_samples(&r1, &samples).await.expect("the same again");
    let another = sample(3, Side::Whole, Value::Level(Quantity::from_micros(99)));
    store
        .put_samples(&r1, &[another])
        .await
        .expect("another reading for the same time");
    let read = async |from, to| store.samples(&r1, &signal, at(from)..at(to)).await.expect("read");
    let mut everything = read(0, 100).await;
    everything.sort_by_key(|s| (s.as_of, s.side != Side::Canary));
    assert_eq!(everything, samples, "as they were, and the first reading stays");
    assert_eq!(
        read(2, 3).await,
        samples[2..3],
        "from the first moment on, up to before the last"
    );
    let other = SignalId::new("latency").expect("an id");
    assert_eq!(store.samples(&r1, &other, at(0)..at(100)).await.expect("read"), []);

    let too_many = sample(
        4,
        Side::Whole,
        Value::Count {
            since: at(0),
            n: u64::MAX,
        },
    );
    let refused = store
        .put_samples(
            &r1,
            &[sample(5, Side::Whole, Value::Level(Quantity::default())), too_many],
        )
        .await;
    assert!(matches!(refused, Err(StoreError::Range { .. })), "{refused:?}");
    assert_eq!(read(4, 100).await, [], "all or none");
}

/// Batches and calls come back in the order of their numbers with the weight in force; a call counts once.
pub async fn units<S: RolloutStore + SampleStore>(store: &S) {
    let call = |seq, id: &str| UnitRow {
        seq,
        weight: Weight::from_hundredths(475).expect("a weight"),
        units: Units::Call(CallOutcome {
            id: id.to_owned(),
            arm: Arm::Canary,
            tenant: Some("clínica".to_owned()),
            started_at: at(1),
            ended_at: at(2),
            failed: true,
            abandoned: false,
            turns_ok: 4,
            turns_ko: u32::MAX,
            turn_latency_max: Some(Quantity::from_micros(1_250_000)),
            turn_latency_mean: None,
        }),
    };
    let batch = |seq, bad| UnitRow {
        seq,
        weight: Weight::FULL,
        units: Units::Batch {
            signal: SignalId::new("errors").expect("an id"),
            side: Side::Stable,
            since: at(0),
            as_of: at(15),
            bad,
            total: 500,
        },
    };
    let unknown = store.put_units(&rollout("r1"), &[batch(1, 0)]).await;
    assert!(matches!(unknown, Err(StoreError::Unknown { .. })), "{unknown:?}");
    let r1 = begun(store).await;
    assert_eq!(store.last_unit(&r1).await.expect("read"), 0);
    let rows = [batch(1, 3), call(2, "a"), call(3, "b"), batch(4, 0)];
    assert_eq!(
        rows.each_ref().map(|r| r.units.order_observed()),
        [false, true, true, false]
    );
    store.put_units(&r1, &rows[2..]).await.expect("out of turn");
    store
        .put_units(&r1, &rows)
        .await
        .expect("the same again, and what is missing");
    assert_eq!(
        store.units(&r1, 0, 100).await.expect("read"),
        rows,
        "in the order of their numbers"
    );
    assert_eq!(store.units(&r1, 1, 2).await.expect("read"), rows[1..3]);
    assert_eq!(store.last_unit(&r1).await.expect("read"), 4);
    for other in [
        batch(1, 4),
        call(1, "z"),
        call(2, "z"),
        call(9, "a"),
        UnitRow {
            weight: Weight::ZERO,
            ..batch(1, 3)
        },
    ] {
        let refused = store.put_units(&r1, &[batch(8, 0), other.clone()]).await;
        assert!(
            matches!(refused, Err(StoreError::Conflict { .. })),
            "{other:?}: {refused:?}"
        );
    }
    assert_eq!(store.units(&r1, 0, 100).await.expect("read"), rows, "all or none");
}
