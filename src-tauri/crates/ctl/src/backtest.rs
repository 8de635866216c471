//! `backtest`: what a plan would have done with calls of the past, as a table for people or one JSON object for programs.
//!
//! It decides nothing itself and connects to no target. Whatever would have fired, it ends with 0: that is an answer.

mod json;
mod told;

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use timonel_bridge::backtest::{Asking, BadCall, BadLine, OutcomeError, Outcomes, PastError, Tried, of_prometheus};
use timonel_bridge::words::Words;
use timonel_domain::backtest::{Consequence, Standing};
use timonel_domain::plan::Plan;
use timonel_domain::rollout::Notice;
use timonel_domain::time::Timestamp;
use timonel_domain::value::Weight;
use timonel_plan::Parsed;
use timonel_ports::clock::SystemClock;

use crate::args::{Backtest, When};
use crate::judge::told_form;
use crate::{Failure, files};

pub(crate) async fn backtest(args: Backtest, words: &Words) -> Result<(), Failure> {
    let plan = files::plan(&args.plan)?.value;
    let standing = standing(&args, &plan.plan, words)?;
    let (tried, calls) = match (&args.outcomes, &args.prometheus) {
        (Some(file), _) => {
            let outcomes = outcomes(file, &plan, words)?;
            (outcomes.tried(&plan.plan, standing), Some(outcomes))
        }
        (None, Some(url)) => (past(url, &args, &plan, standing, words).await?, None),
        // The command line asks for one of them.
        (None, None) => return Err(Failure::BadInput),
    };
    if args.json {
        tell!("{}", json::of(&plan.plan, &tried, calls.as_ref()));
    } else {
        told::tell(&plan.plan, &tried, calls.as_ref(), words);
    }
    Ok(())
}

/// Where the person says that it stood; `None` where nothing is said.
fn standing(args: &Backtest, plan: &Plan, words: &Words) -> Result<Option<Standing>, Failure> {
    if let Some(asked) = &args.phase {
        let numbered = asked.parse::<usize>().ok().and_then(|n| n.checked_sub(1));
        let named = plan.phases.iter().position(|phase| phase.id.as_str() == asked.as_str());
        let found = named.or(numbered).and_then(|index| Standing::in_phase(plan, index));
        if found.is_none() {
            let known: Vec<_> = plan.phases.iter().map(|phase| phase.id.to_string()).collect();
            let values = [("asked", asked.clone()), ("known", known.join(", "))];
            return Err(refused(words.say("backtest-unknown-phase", &values)));
        }
        return Ok(found);
    }
    let Some(percent) = args.weight else { return Ok(None) };
    match Weight::try_from(percent) {
        Ok(weight) => Ok(Some(Standing::at_weight(plan, weight))),
        Err(_) => {
            let values = [("weight", percent.to_string())];
            Err(refused(words.say("judge-weight", &values)))
        }
    }
}

fn refused(said: String) -> Failure {
    complain!("timonelctl: {said}");
    Failure::BadInput
}

fn outcomes(file: &Path, plan: &Parsed, words: &Words) -> Result<Outcomes, Failure> {
    let unreadable = |why| Failure::Unreadable {
        path: file.display().to_string(),
        why,
    };
    let lines = BufReader::with_capacity(1 << 18, File::open(file).map_err(unreadable)?);
    match Outcomes::read(lines, plan) {
        Ok(outcomes) => Ok(outcomes),
        Err(OutcomeError::Unreadable(why)) => Err(unreadable(why)),
        Err(OutcomeError::Empty) => {
            let values = [("file", file.display().to_string())];
            Err(refused(words.say("backtest-empty", &values)))
        }
        Err(OutcomeError::Line { line, why }) => {
            let values = [
                ("file", file.display().to_string()),
                ("line", line.to_string()),
                ("why", wrong(&why, words)),
            ];
            Err(refused(words.say("judge-line", &values)))
        }
    }
}

fn wrong(why: &BadLine, words: &Words) -> String {
    match why {
        BadLine::Form(error) => told_form(error, words, "backtest-form"),
        BadLine::TooLong => words.say("backtest-too-long", &[]),
        BadLine::Weight(weight) => words.say("judge-weight", &[("weight", weight.to_string())]),
        BadLine::Call(BadCall::Millis { field, value }) => {
            let values = [("field", (*field).to_owned()), ("value", value.to_string())];
            words.say("backtest-millis", &values)
        }
        BadLine::Call(BadCall::Turns) => words.say("backtest-turns", &[]),
        BadLine::Otherwise { earlier } => words.say("judge-otherwise", &[("earlier", earlier.to_string())]),
        BadLine::Far { at } => words.say("backtest-far", &[("at", at.to_string())]),
        BadLine::TooMany => words.say("backtest-too-many", &[]),
    }
}

async fn past(
    url: &str,
    args: &Backtest,
    plan: &Parsed,
    standing: Option<Standing>,
    words: &Words,
) -> Result<Tried, Failure> {
    let clock = SystemClock::shared();
    let now = clock.now();
    let asking = Asking {
        url: url.to_owned(),
        from: args
            .from
            .unwrap_or(When::Ago(timonel_bridge::backtest::LONGEST))
            .at(now),
        to: args.to.map_or(now, |to| to.at(now)),
        // A Prometheus does not say at which weight its calls were divided.
        standing: standing
            .or_else(|| Standing::in_phase(&plan.plan, 0))
            .unwrap_or_else(|| Standing::at_weight(&plan.plan, Weight::ZERO)),
    };
    let moments = |from: Timestamp, to: Timestamp| [("from", from.to_string()), ("to", to.to_string())];
    match of_prometheus(plan, &asking, &clock).await {
        Ok(tried) => Ok(tried),
        Err(PastError::Empty { from, to }) => Err(refused(words.say("backtest-no-time", &moments(from, to)))),
        Err(PastError::Ahead { to }) => Err(refused(words.say("backtest-ahead", &[("to", to.to_string())]))),
        Err(PastError::TooLong) => Err(refused(words.say("backtest-too-much-time", &[]))),
        Err(PastError::NoSource) => Err(refused(words.say("backtest-no-source", &[]))),
        Err(PastError::Connect(error)) => Err(error.into()),
        Err(PastError::Source(error)) => {
            complain!(
                "timonelctl: {}",
                words.say("backtest-no-answer", &[("why", error.to_string())])
            );
            Err(Failure::NotAsItShould)
        }
    }
}

/// How often what would have followed.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    rollbacks: usize,
    freezes: usize,
    waits: usize,
    /// Rules that began to fire, whatever followed.
    fired: usize,
}

impl Sums {
    fn of(tried: &Tried) -> Self {
        let mut sums = Self::default();
        for moment in &tried.report.moments {
            match moment.consequence {
                Consequence::Rollback => sums.rollbacks += 1,
                Consequence::Freeze => sums.freezes += 1,
                Consequence::Wait => sums.waits += 1,
                Consequence::Nothing => {}
            }
            let fires = |notice: &&Notice| matches!(notice, Notice::RuleFiring { .. });
            sums.fired += moment.notices.iter().filter(fires).count();
        }
        sums
    }
}
