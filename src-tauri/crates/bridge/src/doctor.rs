//! Whether everything that a rollout needs is there, each with its proof: for a person before a shift.

use std::path::Path;

use timonel_journal::intent::IntentFolder;
use timonel_plan::Parsed;
use timonel_ports::clock::SharedClock;
use timonel_ports::signal::{Reading, SignalError};
use timonel_ports::target::Check;

use crate::Desk;
use crate::audit::audit;
use crate::connect::{self, Connections, Kits};

/// Checks this installation: folder, store, journal, unfinished rollbacks.
pub async fn installation(folder: &Path, clock: &SharedClock) -> Vec<Check> {
    let mut out = Vec::new();
    let mut check = |code: &str, found: Result<String, String>| {
        let ok = found.is_ok();
        out.push(Check {
            code: code.to_owned(),
            ok,
            proof: found.unwrap_or_else(|e| e),
        });
    };
    let database = folder.join("timonel.db");
    if !database.exists() {
        check(
            "store.absent",
            Ok(format!(
                "{} is not there yet: the first rollout makes it",
                database.display()
            )),
        );
        return out;
    }
    match Desk::open(folder, clock).await {
        Ok(desk) => {
            check("store.open", Ok(database.display().to_string()));
            let audited = audit(desk.store()).await.map_err(|e| e.to_string());
            check("journal.chain", audited.and_then(|a| a.in_words()));
            check("journal.replay", replays(&desk).await);
        }
        Err(error) => check("store.open", Err(error.to_string())),
    }
    let pending = match IntentFolder::new(folder.join("intents")).pending() {
        Ok(found) if found.is_empty() => Ok("no rollback is under way".to_owned()),
        Ok(found) => Err(found
            .iter()
            .map(|f| match f {
                Ok(intent) => format!(
                    "a rollback of {} was begun at {} and is not verified",
                    intent.rollout, intent.occurred_at
                ),
                Err(error) => error.to_string(),
            })
            .collect::<Vec<_>>()
            .join("; ")),
        Err(error) => Err(error.to_string()),
    };
    check("rollback.unfinished", pending);
    out
}

/// Whether every rollout replays to what was recorded.
async fn replays(desk: &Desk) -> Result<String, String> {
    let rollouts = desk.rollouts().await.map_err(|e| e.to_string())?;
    match rollouts.iter().find(|listed| listed.differing > 0) {
        None => Ok(format!(
            "{} rollouts, each replays to what was recorded",
            rollouts.len()
        )),
        Some(listed) => Err(format!(
            "{} steps of {} replay otherwise than was recorded: the plan or the program is not the one that ran; \
             believe the live weights, not this state",
            listed.differing, listed.row.id
        )),
    }
}

/// Checks every target and source of a plan in its chosen environment. Writes nothing.
pub async fn plan(plan: &Parsed, connections: &Connections, clock: &SharedClock) -> Vec<Check> {
    let mut out = Vec::new();
    let failed = |code: &str, error: &dyn std::fmt::Display| Check {
        code: code.to_owned(),
        ok: false,
        proof: error.to_string(),
    };
    match connect::targets(plan, connections, &Kits::Nowhere, clock).await {
        Ok(targets) => {
            for target in targets {
                let place = target.describe().place;
                match target.preflight().await {
                    Ok(found) => out.extend(found.checks.into_iter().map(|c| Check {
                        proof: format!("{place}: {}", c.proof),
                        ..c
                    })),
                    Err(error) => out.push(failed(error.code(), &error)),
                }
            }
        }
        Err(error) => out.push(failed("target.connect", &error)),
    }
    match connect::sources(plan, connections, clock) {
        Ok(sources) => {
            for (source, _) in sources {
                let place = source.describe().place;
                out.extend(
                    source
                        .read()
                        .await
                        .into_iter()
                        .map(|reading| of_reading(&place, reading)),
                );
            }
        }
        Err(error) => out.push(failed("signal.connect", &error)),
    }
    out
}

fn of_reading(place: &str, reading: Reading) -> Check {
    let what = format!("{place}: {} {:?}", reading.signal, reading.side);
    let (ok, proof) = match reading.outcome {
        Ok(samples) => (true, format!("{what}: {} samples", samples.len())),
        // One reading of a counter tells only that it is there.
        Err(SignalError::First { .. }) => (true, format!("{what}: there")),
        Err(error) => (false, format!("{what}: {error}")),
    };
    Check {
        code: "signal.read".to_owned(),
        ok,
        proof,
    }
}
