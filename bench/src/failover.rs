//! `failover`: two `timonelctl engine` processes over one real PostgreSQL server, a rollout that bakes at a canary weight on a
//! cluster behind real sockets, and `kill -9` of whichever holds the helm: how long until the other decides again, and what
//! becomes of a rollback that a person commands in between.
//!
//! The baseline is the lease: nobody may take the helm of a program that may still be alive before its lease has run out, so the
//! least that a failover takes is what is left of it at the kill, 10 to 15 s. Deliberately not here: building `timonelctl`,
//! which `cargo xtask` does; a PostgreSQL server that fails over itself; two machines.

mod yard;

use serde_json::json;
use timonel_journal::record::{CauseRecord, EventRecord, STEP, StepRecord};
use timonel_ports::helm::LEASE;
use timonel_ports::store::Position;

use crate::{Found, median};
use yard::{PHASE, Yard, said};

/// How often the holder is killed while nothing else happens.
const KILLS: usize = 12;
/// How often a person commands a rollback right after it.
const ROLLBACKS: usize = 5;
/// Seconds beyond the lease that a failover may take.
const BEYOND: f64 = 1.0;
/// Who commands the rollbacks.
const PERSON: &str = "banco";

pub(crate) fn measure() -> Result<Found, String> {
    let runtime = tokio::runtime::Runtime::new().map_err(said)?;
    runtime.block_on(measured())
}

async fn measured() -> Result<Found, String> {
    let mut yard = Yard::start().await?;
    let mut took = Vec::new();
    let mut left = Vec::new();
    let rollout = yard.bakes().await?;
    for n in 0..KILLS {
        // At another moment of the renewals each time.
        yard.wait(PHASE * u32::try_from(n % 10).map_err(said)?).await;
        let lease = yard.lease_left(&rollout).await?;
        let seconds = failover(&mut yard, &rollout).await?;
        println!("kill {n}: the other decides after {seconds:.2} s; {lease:.2} s of the lease were left");
        left.push(seconds - lease);
        took.push(seconds);
    }
    yard.close(&rollout).await?;
    let (mut back, mut steps, mut writes) = (Vec::new(), Vec::new(), Vec::new());
    for n in 0..ROLLBACKS {
        let rolled = rolled_back(&mut yard).await?;
        println!(
            "rollback {n}: every call is back {:.2} s after the press, in {} step of the journal and {} writes for 2 targets",
            rolled.seconds, rolled.steps, rolled.writes
        );
        back.push(rolled.seconds);
        steps.push(rolled.steps);
        writes.push(rolled.writes);
    }
    let worst = took.iter().copied().fold(0.0, f64::max);
    let slowest = back.iter().copied().fold(0.0, f64::max);
    let aim = LEASE.as_secs_f64() + BEYOND;
    let (middle, beyond) = (median(took.clone()), median(left.clone()));
    println!(
        "kill -9 of the holder to the other's next decision, {KILLS} times: median {middle:.2} s, worst {worst:.2} s"
    );
    println!(
        "beyond what was left of the lease: median {beyond:.2} s, worst {:.2} s",
        left.iter().copied().fold(f64::MIN, f64::max)
    );
    println!(
        "a rollback pressed right after the kill, {ROLLBACKS} times: median {:.2} s, worst {slowest:.2} s",
        median(back.clone())
    );
    let once = steps.iter().all(|n| *n == 1);
    println!("each is one step of the journal: {}", if once { "yes" } else { "NO" });
    if !once {
        return Err(format!("rollbacks were journalled {steps:?} times"));
    }
    Ok(Found {
        name: "failover",
        figures: json!({
            "kills": KILLS, "decides_s": took, "median_s": middle, "worst_s": worst, "beyond_lease_s": left,
            "lease_s": LEASE.as_secs_f64(), "rollback_s": back, "rollback_steps": steps, "rollback_writes": writes,
        }),
        ratio: worst / aim,
        aim: 1.0,
    })
}

/// Kills the holder and starts it again. Seconds until the other says that it has the helm.
async fn failover(yard: &mut Yard, rollout: &timonel_domain::value::RolloutId) -> Result<f64, String> {
    let after = yard.end_of(rollout).await?;
    let (killed, at) = yard.kill_holder(rollout).await?;
    let decides = |step: &StepRecord| matches!(step.event, EventRecord::Helm { epoch: Some(_) });
    yard.until_step(rollout, after, decides).await?;
    let seconds = yard.since(at);
    yard.start_engine(killed).await?;
    yard.stands_by(killed).await?;
    Ok(seconds)
}

/// What a commanded rollback came to.
struct Rolled {
    seconds: f64,
    steps: usize,
    writes: usize,
}

/// A person commands a rollback right after the holder was killed.
async fn rolled_back(yard: &mut Yard) -> Result<Rolled, String> {
    let rollout = yard.bakes().await?;
    let (killed, _) = yard.kill_holder(&rollout).await?;
    let before = yard.writes();
    let pressed = yard.now();
    let press = yard.press(&["rollback", "--by", PERSON], &rollout)?;
    yard.until("every call is back", async |yard| yard.weights() == [0, 0])
        .await?;
    let seconds = yard.since(pressed);
    yard.ended(press).await?;
    yard.start_engine(killed).await?;
    // Whoever takes it up now finds it rolled back; whatever it did again would show.
    yard.is_kept_up(&rollout).await?;
    let writes = yard.writes() - before;
    let mut steps = 0;
    for entry in yard.entries(&rollout, Position::START).await? {
        if entry.kind.as_str() == STEP {
            let step: StepRecord = entry.body.read().map_err(said)?;
            let person = |cause: &CauseRecord| matches!(cause, CauseRecord::Person(by) if by.as_str() == PERSON);
            steps += usize::from(matches!(&step.event, EventRecord::RollBack { cause, .. } if person(cause)));
        }
    }
    yard.close(&rollout).await?;
    Ok(Rolled { seconds, steps, writes })
}
