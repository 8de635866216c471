//! The planner: what a phase can show before it begins, by simulation with the code that will decide.
//!
//! Numbers in, numbers out; the generator is the caller's. Traffic is taken as steady over the day and units as
//! independent of each other, which is the best case for every figure here. Deliberately not here: which rules and gates a
//! plan has, and words.

mod asked;
mod run;
mod walk;

use rand::Rng;

pub use asked::{Asked, PhaseAsked, RuleAsked};

use crate::odds::{Delays, Look, World, delays};
use crate::{Bounds, JudgeError, Over};

/// The failures of which is said how soon they are seen, as error rates of the canary.
pub const RATES: [f64; 5] = [1.0, 0.5, 0.3, 0.2, 0.1];
/// "The smallest regression that is seen" is seen in this share of the runs.
pub const POWER: f64 = 0.8;
/// A rule that rolls back a healthy canary more often than this in a phase is warned of.
pub const TOO_OFTEN: f64 = 0.05;

/// Units of one run, at most: a longer phase is looked at for so long.
const LONGEST: u64 = 200_000;
/// Units simulated for one question, and the runs that this may come to.
const BUDGET: u64 = 4_000_000;
const RUNS: (u64, u64) = (100, 2_000);
/// Canary units within which a gate's bound is looked for.
const GO_WITHIN: u64 = 20_000;
/// Halvings between the base rate and 1, on a logarithmic scale.
const HALVINGS: u32 = 9;

/// What the planner found.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// In the order of the phases.
    pub phases: Vec<PhaseOdds>,
    /// Where the plan cannot show what it asks.
    pub warnings: Vec<Warning>,
}

/// By what a phase sees a regression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// R, against stable's units of the same time.
    Stable,
    /// O, against the error rate of today: at 100 % there is nothing to compare with.
    History,
}

/// What one phase can show.
#[derive(Debug, Clone, PartialEq)]
pub struct PhaseOdds {
    /// Units of both arms.
    pub units: f64,
    /// Of them the canary's.
    pub canary_units: f64,
    /// Units of both arms that were looked at in each run; fewer than `units` in a phase with very many.
    pub looked_at: u64,
    /// Runs behind the odds of false alarms and rules: the fewer, the coarser.
    pub runs: u64,
    /// By what a regression is seen.
    pub by: By,
    /// How often evidence alone rolls back a healthy canary.
    pub false_alarms: f64,
    /// The lowest error rate of the canary that is seen with a probability of [`POWER`]; `None` where not even a total
    /// failure is.
    pub smallest: Option<f64>,
    /// How soon failures are seen, for those of [`RATES`] that are above the base rate.
    pub sights: Vec<Sight>,
    /// In the order of the rules.
    pub rules: Vec<RuleOdds>,
    /// What the gate's limit really needs.
    pub go: Option<GoOdds>,
}

/// How soon a failure is seen, from the first unit of the phase on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sight {
    /// The canary's error rate.
    pub rate: f64,
    /// How often it is seen within the phase.
    pub share: f64,
    /// Canary units until then, median over all runs; `None` where less than half of them see it.
    pub median: Option<u64>,
    /// The same for nine of ten runs.
    pub most: Option<u64>,
    /// How long the median takes, in hours.
    pub hours: Option<f64>,
}

/// What a rule does within the phase.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RuleOdds {
    /// Exactly as written.
    pub literal: RuleEnd,
    /// With its evidence.
    pub gated: RuleEnd,
}

/// How often and when a rule rolls back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RuleEnd {
    /// How often a healthy canary.
    pub healthy: f64,
    /// How often one that fails every unit.
    pub failing: f64,
    /// When it does that, in hours, median over all runs.
    pub hours: Option<f64>,
}

/// What a gate's limit needs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GoOdds {
    /// The limit.
    pub limit: f64,
    /// Canary units without a single bad one; `None` where no number is enough.
    pub clean: Option<u64>,
    /// Canary units at the base rate, median; `None` where it is not reached within 20,000.
    pub median: Option<u64>,
    /// Canary units at the base rate that are enough with a probability of [`POWER`].
    pub most: Option<u64>,
    /// How long that takes, in hours: the length that the phase really needs.
    pub hours: Option<f64>,
}

/// Where the plan cannot show what it asks. Phases and rules by their place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Warning {
    /// All units are the canary's: nothing to compare with, only limits and history remain.
    NothingToCompare {
        /// The phase.
        phase: usize,
    },
    /// Not even a canary that fails every unit is seen reliably.
    Blind {
        /// The phase.
        phase: usize,
    },
    /// An error rate as high as a rollback rule's limit may pass unseen.
    BlindAtLimit {
        /// The phase.
        phase: usize,
        /// The rule with the highest limit that is not seen.
        rule: usize,
    },
    /// The gate's limit needs a longer phase, or cannot be shown at all.
    GoOutOfReach {
        /// The phase.
        phase: usize,
    },
    /// Taken literally, the rule rolls back a healthy canary in more than [`TOO_OFTEN`] of the phases.
    FalseRollbacks {
        /// The phase.
        phase: usize,
        /// The rule.
        rule: usize,
    },
}

/// Simulates `asked`. The same seed gives the same report.
///
/// # Errors
/// [`JudgeError`] where a number is none that a plan can have.
pub fn report(asked: &Asked, rng: &mut dyn Rng) -> Result<Report, JudgeError> {
    asked.check()?;
    let mut phases = Vec::new();
    for phase in &asked.phases {
        phases.push(odds_of(asked, phase, rng)?);
    }
    let warnings = phases
        .iter()
        .enumerate()
        .flat_map(|(n, odds)| warnings(asked, n, odds))
        .collect();
    Ok(Report { phases, warnings })
}

fn odds_of(asked: &Asked, phase: &PhaseAsked, rng: &mut dyn Rng) -> Result<PhaseOdds, JudgeError> {
    let units = asked.units_per_day * phase.hours / 24.0;
    let looked_at = (libm::ceil(units) as u64).clamp(1, LONGEST);
    let per_hour = asked.units_per_day / 24.0 * phase.weight;
    let by = if phase.weight < 1.0 { By::Stable } else { By::History };
    let seen = |rate: f64, budget: u64, rng: &mut dyn Rng| match by {
        By::Stable => {
            let world = World::failing(phase.weight, asked.base, rate, looked_at);
            Ok(delays(
                &world,
                Look::FromSomeMoment,
                asked.alpha,
                runs(looked_at, budget),
                rng,
            ))
        }
        By::History => above_history(asked, rate, looked_at, runs(looked_at, budget), rng),
    };
    let mut sights = Vec::new();
    for rate in RATES.into_iter().filter(|rate| *rate > asked.base) {
        let found = seen(rate, BUDGET, rng)?;
        sights.push(Sight {
            rate,
            share: found.share(),
            median: found.median(),
            most: found.by(0.9),
            hours: found.median().map(|n| n as f64 / per_hour),
        });
    }
    let mut smallest = None;
    if asked.base < 1.0 && seen(1.0, BUDGET, rng)?.share() >= POWER {
        // Between the base rate, or one in ten thousand, and 1.
        let (mut unseen, mut enough) = (libm::log(asked.base.max(1e-4)), 0.0);
        for _ in 0..HALVINGS {
            let middle = f64::midpoint(unseen, enough);
            if seen(libm::exp(middle), BUDGET / 4, rng)?.share() >= POWER {
                enough = middle;
            } else {
                unseen = middle;
            }
        }
        smallest = Some(libm::exp(enough));
    }
    let runs = runs(looked_at, BUDGET);
    let healthy = run::ends(asked, phase, asked.base, looked_at, runs, rng)?;
    let failing = run::ends(asked, phase, 1.0, looked_at, runs, rng)?;
    let rules = healthy
        .rules
        .iter()
        .zip(&failing.rules)
        .map(|(healthy, failing)| RuleOdds {
            literal: run::end(&healthy.0, &failing.0, runs),
            gated: run::end(&healthy.1, &failing.1, runs),
        });
    let go = match phase.go {
        Some(limit) => Some(go(asked, limit, per_hour, rng)?),
        None => None,
    };
    let false_alarms = match by {
        By::Stable => healthy.evidence as f64 / runs as f64,
        By::History => seen(asked.base, BUDGET, rng)?.share(),
    };
    Ok(PhaseOdds {
        units,
        canary_units: units * phase.weight,
        looked_at,
        runs,
        by,
        false_alarms,
        smallest,
        sights,
        rules: rules.collect(),
        go,
    })
}

fn runs(units: u64, budget: u64) -> u64 {
    (budget / units).clamp(RUNS.0, RUNS.1)
}

/// Canary units until O against the base rate is enough.
fn above_history(asked: &Asked, rate: f64, units: u64, runs: u64, rng: &mut dyn Rng) -> Result<Delays, JudgeError> {
    // A history without a single failure says "fewer than one in ten thousand", not "never".
    let before = Over::new(asked.base.max(1e-4))?;
    let enough = -libm::log(asked.alpha);
    let mut reached = Vec::new();
    for _ in 0..runs {
        let mut over = before.clone();
        let found = (1..=units).find(|_| {
            let bad = crate::odds::halves(rng.next_u64()).0 < rate;
            over.take(bad);
            // A good unit never adds to it.
            bad && over.ln_o() >= enough
        });
        reached.extend(found);
    }
    Ok(Delays::new(reached, runs))
}

/// When the upper bound of a canary at the base rate comes below the limit.
fn go(asked: &Asked, limit: f64, per_hour: f64, rng: &mut dyn Rng) -> Result<GoOdds, JudgeError> {
    let bounds = Bounds::for_gates(asked.alpha_go)?;
    // How many bad units among n still leave the bound below the limit: none, or as many as among n − 1, or one more.
    let mut allowed = vec![None::<u64>];
    let mut most = None;
    if asked.base < limit {
        for n in 1..=GO_WITHIN {
            let more = most.map_or(0, |k| k + 1);
            if bounds.below(more, n, limit) {
                most = Some(more);
            }
            allowed.push(most);
        }
    }
    let mut reached = Vec::new();
    let runs = RUNS.1;
    for _ in 0..runs {
        let mut bad = 0u64;
        let first = allowed.iter().enumerate().skip(1).find(|(_, allowed)| {
            bad += u64::from(crate::odds::halves(rng.next_u64()).0 < asked.base);
            allowed.is_some_and(|allowed| bad <= allowed)
        });
        reached.extend(first.map(|(n, _)| n as u64));
    }
    let found = Delays::new(reached, runs);
    Ok(GoOdds {
        limit,
        clean: bounds.clean_units(0, 0, limit),
        median: found.median(),
        most: found.by(POWER),
        hours: found.by(POWER).map(|n| n as f64 / per_hour),
    })
}

fn warnings(asked: &Asked, phase: usize, odds: &PhaseOdds) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if odds.by == By::History {
        warnings.push(Warning::NothingToCompare { phase });
    }
    match odds.smallest {
        None => warnings.push(Warning::Blind { phase }),
        Some(smallest) => {
            let unseen = asked.rules.iter().enumerate().filter(|(_, rule)| rule.limit < smallest);
            let highest = unseen.max_by(|(_, a), (_, b)| a.limit.total_cmp(&b.limit));
            warnings.extend(highest.map(|(rule, _)| Warning::BlindAtLimit { phase, rule }));
        }
    }
    let needs = |go: &GoOdds| go.most.is_none_or(|most| most as f64 > odds.canary_units);
    if odds.go.as_ref().is_some_and(needs) {
        warnings.push(Warning::GoOutOfReach { phase });
    }
    let often = odds
        .rules
        .iter()
        .enumerate()
        .filter(|(_, rule)| rule.literal.healthy > TOO_OFTEN);
    warnings.extend(often.map(|(rule, _)| Warning::FalseRollbacks { phase, rule }));
    warnings
}
