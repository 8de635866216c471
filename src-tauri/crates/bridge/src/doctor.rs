//! Whether everything that a rollout needs is there, each with its proof: for a person before a shift.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use timonel_domain::time::Timestamp;
use timonel_domain::value::{Side, SignalId};
use timonel_journal::intent::IntentFolder;
use timonel_plan::Parsed;
use timonel_ports::clock::{SharedClock, sleep};
use timonel_ports::signal::{Reading, SignalError};
use timonel_ports::store::JournalStore;
use timonel_ports::target::Check;

use crate::Desk;
use crate::audit::audit;
use crate::connect::{self, Connections, Kits, Rhythmic};

/// Checks this installation: folder, store, journal, unfinished rollbacks. Writes nothing.
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
    match Desk::to_look(&database, folder, clock).await {
        Ok(desk) => {
            check("store.open", Ok(database.display().to_string()));
            check("store.sound", sound(&desk).await);
            let audited = audit(&**desk.store()).await.map_err(|e| e.to_string());
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

/// Whether the file has no damage; one that has is mended by the next start, and not by whoever only looks.
async fn sound(desk: &Desk) -> Result<String, String> {
    match desk.store().look_through().await {
        Ok(()) => Ok("every page is where it belongs".to_owned()),
        Err(error) => Err(format!(
            "{error}; the next start sets it aside and makes another of what can be proved"
        )),
    }
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

/// What was found of a plan's targets and signals.
#[derive(Debug, Clone)]
pub struct Examined {
    /// Targets, and connections that cannot be made.
    pub checks: Vec<Check>,
    /// Every side of every signal whose source can be asked.
    pub signals: Vec<SignalAge>,
}

/// How old what a side of a signal tells is: by nature, and now.
#[derive(Debug, Clone)]
pub struct SignalAge {
    /// Which signal.
    pub signal: SignalId,
    /// Whose value.
    pub side: Side,
    /// Where it is read, for people.
    pub place: String,
    /// How often it is read.
    pub interval: Duration,
    /// How far its newest value is behind by nature.
    pub lag: Duration,
    /// From this age a value is late, and blocks progress where the plan requires it.
    pub late_after: Duration,
    /// Whether progress needs it.
    pub required: bool,
    /// What was read.
    pub found: Found,
}

/// What reading a signal gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A value of this age.
    Value {
        /// How long ago the newest value was true.
        age: Duration,
    },
    /// It answers, and what happened in between comes later than a person at a terminal waits for.
    Begun,
    /// Nothing that can be used.
    Failed(SignalError),
}

/// What a person has to do about a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing.
    Good,
    /// Know of it: nothing is held up by it now.
    Open,
    /// Mend it: it would block.
    Bad,
}

impl SignalAge {
    /// A value that is late is bad. So is one that is missing, but for a signal that the plan does not require, and for the
    /// canary's, which owes nothing before the first unit is there.
    pub fn verdict(&self) -> Verdict {
        let owed = match (&self.found, self.side) {
            (Found::Begun, _) => return Verdict::Good,
            (Found::Value { age }, _) if *age <= self.late_after => return Verdict::Good,
            (Found::Failed(SignalError::NoData { .. }), Side::Canary) => false,
            (Found::Value { .. } | Found::Failed(_), _) => self.required,
        };
        if owed { Verdict::Bad } else { Verdict::Open }
    }
}

/// How long [`plan`] waits at most between two readings of a counter: of one nobody knows what happened.
pub const BETWEEN_READINGS: Duration = Duration::from_secs(15);

/// Checks every target and source of a plan in its chosen environment. Writes nothing.
pub async fn plan(plan: &Parsed, connections: &Connections, clock: &SharedClock) -> Examined {
    let mut checks = Vec::new();
    let failed = |code: &str, error: &dyn std::fmt::Display| Check {
        code: code.to_owned(),
        ok: false,
        proof: error.to_string(),
    };
    match connect::targets(plan, connections, &Kits::Nowhere, clock).await {
        Ok(targets) => {
            for target in targets {
                let id = target.describe().id;
                match target.preflight().await {
                    Ok(found) => checks.extend(found.checks.into_iter().map(|c| Check {
                        proof: format!("{id}: {}", c.proof),
                        ..c
                    })),
                    Err(error) => checks.push(failed(error.code(), &error)),
                }
            }
        }
        Err(error) => checks.push(failed("target.connect", &error)),
    }
    let signals = match connect::sources(plan, connections, clock) {
        Ok(sources) => ages(plan, &sources, clock).await,
        Err(error) => {
            // One account that cannot be asked is told of once.
            let told = failed("signal.connect", &error);
            if checks.iter().all(|check| check.proof != told.proof) {
                checks.push(told);
            }
            Vec::new()
        }
    };
    Examined { checks, signals }
}

/// Reads every source; those whose counters need it a second time, and those that gave no answer, since the checks before may
/// have used up what a provider lets us ask.
async fn ages(plan: &Parsed, sources: &[Rhythmic], clock: &SharedClock) -> Vec<SignalAge> {
    let mut found = BTreeMap::new();
    let mut due: Vec<&Rhythmic> = sources.iter().collect();
    for round in 0..3 {
        if round > 0
            && let Some(pause) = due.iter().map(|(_, interval)| *interval).max()
        {
            sleep(&**clock, pause.min(BETWEEN_READINGS)).await;
        }
        let mut again = Vec::new();
        for rhythmic in due {
            let (source, _) = rhythmic;
            let readings = source.read().await;
            let wants_another = |reading: &Reading| match reading.outcome {
                Err(SignalError::First { .. }) => true,
                // Who is silent twice is down.
                Err(SignalError::Unreachable { .. }) => round == 0,
                Ok(_)
                | Err(
                    SignalError::NoData { .. }
                    | SignalError::Refused { .. }
                    | SignalError::Garbled { .. }
                    | SignalError::NotANumber { .. }
                    | SignalError::Skewed { .. },
                ) => false,
            };
            if readings.iter().any(wants_another) {
                again.push(rhythmic);
            }
            take(&source.describe().place, readings, &mut found);
        }
        due = again;
    }
    let now = clock.now();
    let age = |((signal, side), (place, outcome)): ((SignalId, Side), (String, Outcome))| {
        let plan = plan.plan.signal(&signal)?;
        Some(SignalAge {
            interval: plan.interval,
            lag: plan.lag,
            late_after: plan.late_after(),
            required: plan.required,
            found: match outcome {
                Ok(as_of) => Found::Value { age: now.since(as_of) },
                Err(SignalError::First { .. }) => Found::Begun,
                Err(error) => Found::Failed(error),
            },
            signal,
            side,
            place,
        })
    };
    found.into_iter().filter_map(age).collect()
}

/// The moment that the newest value is true for.
type Outcome = Result<Timestamp, SignalError>;

/// Takes readings in: a second one that has nothing new takes nothing back.
fn take(place: &str, readings: Vec<Reading>, found: &mut BTreeMap<(SignalId, Side), (String, Outcome)>) {
    for reading in readings {
        let newest = reading.outcome.and_then(|samples| {
            let newest = samples.last().map(|sample| sample.as_of);
            newest.ok_or(SignalError::NoData {
                place: place.to_owned(),
            })
        });
        let key = (reading.signal, reading.side);
        let nothing_new = matches!(newest, Err(SignalError::NoData { .. }));
        let had = found
            .get(&key)
            .is_some_and(|(_, had)| matches!(had, Ok(_) | Err(SignalError::First { .. })));
        if !(nothing_new && had) {
            found.insert(key, (place.to_owned(), newest));
        }
    }
}
