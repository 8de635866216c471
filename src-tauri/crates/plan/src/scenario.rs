//! Scenario files: what happens in the simulator's world during a rehearsal, and how it should end. The simulator
//! plays them, the bridge compares the end with `expect`. Deliberately no engine settings: a rehearsal runs the plan
//! as it is, with shorter bakes and waits at most.

mod convert;
mod file;
mod lint;

use std::time::Duration;

use timonel_domain::time::Timestamp;
use timonel_domain::value::{PhaseId, TargetId, Weight};

pub use file::ScenarioFile;
pub use lint::check_with_plan;

use crate::finding::{Checked, Findings};

/// A scenario, ready to be played. Times are of the virtual clock.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// Its own name.
    pub id: String,
    /// For people: one line.
    pub title: String,
    /// For people: what happens and what is to be seen.
    pub text: String,
    /// Of the world's generator; the same seed gives the same rehearsal.
    pub seed: u64,
    /// The virtual moment at which it starts.
    pub start: Timestamp,
    /// The rehearsal ends here at the latest, counted from `start`.
    pub limit: Duration,
    /// Each phase's bake is cut to this; rule windows never are.
    pub bake_at_most: Option<Duration>,
    /// Each gate's wait without an event (`lasting`) is cut to this; the windows that gates look at never are.
    pub wait_at_most: Option<Duration>,
    /// How it should end.
    pub expect: Expectation,
    /// The calls.
    pub traffic: CallTraffic,
    /// The Telnyx account, where the world has one.
    pub telnyx: Option<TelnyxWorld>,
    /// The old system.
    pub stable: ArmHealth,
    /// The new system while no fault is at work.
    pub canary: ArmHealth,
    /// The virtual person who signs and approves; nobody does where there is none.
    pub operator: Option<Operator>,
    /// In the order of the file.
    pub faults: Vec<TimedFault>,
}

/// How a rehearsal should end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectation {
    /// The rollout's end.
    pub outcome: Outcome,
    /// Whether every target is verified at the weight that the outcome asks for.
    pub verified: bool,
    /// Whether an escalation to people happened.
    pub escalated: bool,
    /// The phase in which it ends, where the scenario says so.
    pub phase: Option<PhaseId>,
}

/// How a rollout ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Everything is back on stable.
    RolledBack,
    /// Everything is on the canary.
    Completed,
    /// Where it stood, waiting for a person or for data.
    Frozen,
}

/// How calls arrive.
#[derive(Debug, Clone, PartialEq)]
pub struct CallTraffic {
    /// A day's calls, both arms together; with `flat`, spread evenly over 24 hours.
    pub calls_per_day: f64,
    /// How they are spread over the day.
    pub profile: Profile,
    /// Mean length of a call.
    pub mean_call: Duration,
    /// Mean number of requests that one call makes.
    pub requests_per_call: f64,
}

/// How calls are spread over the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// Office hours with their peaks.
    Office,
    /// The same at every hour.
    Flat,
}

/// The world's Telnyx account.
#[derive(Debug, Clone, PartialEq)]
pub struct TelnyxWorld {
    /// How many numbers are on stable and canary: those that the plan names first, its tenants' and those that it excepts. Nobody
    /// calls the excepted ones.
    pub numbers: u32,
    /// How unevenly calls fall on them: the exponent of a Zipf distribution. At 0 each number has as many as any other, at 1 the
    /// busiest of 340 has about one call in six.
    pub skew: f64,
    /// From a request to its answer.
    pub latency: Duration,
    /// Requests above these in one second are answered with 429.
    pub requests_per_second: u32,
    /// From the posting of a job to the first number that it moves.
    pub job_delay: Duration,
    /// Numbers that a job moves in a second.
    pub job_pace: u32,
    /// From the moment at which the API shows a change to the one at which calls follow it.
    pub propagation: Duration,
}

/// How one side does. Ratios are between 0 and 1.
#[derive(Debug, Clone, PartialEq)]
pub struct ArmHealth {
    /// Share of requests (and so of calls) that fail.
    pub error_rate: f64,
    /// Share of calls that the caller leaves.
    pub abandonment: f64,
    /// Median of the response time.
    pub latency_median: Duration,
    /// Spread of the response time: the standard deviation of its natural logarithm. At 0.4 the p95 is about twice the median.
    pub latency_spread: f64,
    /// Share of speech turns that are recognised.
    pub recognition: f64,
}

/// The virtual person of a rehearsal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    /// Whether checklists are signed.
    pub signs: bool,
    /// Whether the rollback is drilled before the start.
    pub drills: bool,
    /// How long after being asked an approval is given; `None`: never.
    pub approves_after: Option<Duration>,
}

/// A fault with its time.
#[derive(Debug, Clone, PartialEq)]
pub struct TimedFault {
    /// From here on, counted from the scenario's start.
    pub at: Duration,
    /// For so long; `None`: to the end.
    pub lasting: Option<Duration>,
    /// What goes wrong.
    pub fault: Fault,
}

/// What goes wrong. Ratios are between 0 and 1.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// The canary's error rate becomes this.
    CanaryErrors {
        /// The new error rate.
        rate: f64,
    },
    /// The canary's median response time becomes this.
    CanaryLatency {
        /// The new median.
        median: Duration,
    },
    /// The canary's abandonment becomes this.
    CanaryAbandonment {
        /// The new share.
        rate: f64,
    },
    /// The control plane of one target misbehaves.
    TargetDown {
        /// Which target of the plan.
        target: TargetId,
        /// In which way.
        how: Down,
    },
    /// Another writer sets the live weight.
    Drift {
        /// Which target of the plan.
        target: TargetId,
        /// The weight that it sets.
        to: Weight,
        /// Its name as the control plane tells it.
        by: String,
        /// How often it does so again; `None`: once.
        every: Option<Duration>,
    },
    /// A source of metrics is gone.
    SourceGone {
        /// Which of the world's two.
        source: WorldSource,
        /// In which way.
        how: Gone,
    },
    /// Our own network is gone: nothing answers us, while traffic goes on as it is.
    OwnNetworkLost,
    /// One critical error in data or integrity, counted for the canary.
    CriticalError,
    /// The control plane accepts writes and reads back what was written, while traffic keeps the weight that it had
    /// when the fault began.
    ReadbackLies {
        /// Which target of the plan.
        target: TargetId,
    },
    /// Somebody else posts a bulk job towards the canary.
    StrayJob {
        /// Which target of the plan.
        target: TargetId,
        /// Its author as the account tells it.
        by: String,
        /// The share of the calls whose numbers it moves.
        weight: Weight,
        /// From its posting to the first number that it moves.
        after: Duration,
    },
    /// Some of the numbers of each bulk job towards the canary cannot be moved.
    JobFailures {
        /// Which target of the plan.
        target: TargetId,
        /// The share of a job's numbers.
        share: f64,
    },
    /// Bulk jobs are accepted, never worked on, and expire after 15 minutes.
    JobsStuck {
        /// Which target of the plan.
        target: TargetId,
    },
}

impl Fault {
    /// The target of the plan that it is about, where it is about one.
    pub fn target(&self) -> Option<&TargetId> {
        match self {
            Fault::TargetDown { target, .. }
            | Fault::Drift { target, .. }
            | Fault::ReadbackLies { target }
            | Fault::StrayJob { target, .. }
            | Fault::JobFailures { target, .. }
            | Fault::JobsStuck { target } => Some(target),
            Fault::CanaryErrors { .. }
            | Fault::CanaryLatency { .. }
            | Fault::CanaryAbandonment { .. }
            | Fault::SourceGone { .. }
            | Fault::OwnNetworkLost
            | Fault::CriticalError => None,
        }
    }
}

/// How a control plane misbehaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Down {
    /// Accepts connections and never answers.
    Hang,
    /// Cuts connections.
    Reset,
    /// Answers 503.
    #[serde(rename = "503")]
    Unavailable,
    /// Its own admission webhook does not answer: 500.
    WebhookDown,
    /// Its admission webhook refuses every write: 400.
    WebhookRefuses,
    /// Answers 401.
    #[serde(rename = "401")]
    Unauthenticated,
    /// Answers 403.
    #[serde(rename = "403")]
    Forbidden,
    /// Answers 429.
    #[serde(rename = "429")]
    Throttled,
}

/// One of the world's two sources of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WorldSource {
    /// The query API; serves the plan's sources of kind `prometheus`.
    Prometheus,
    /// The exposition endpoint; serves the plan's sources of kind `scrape`.
    Metrics,
}

/// How a source is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Gone {
    /// Answers, with no series.
    Empty,
    /// Does not answer.
    Down,
    /// Answers NaN.
    Nan,
}

/// Reads a scenario file and finds what is wrong in it.
pub fn check(text: &str) -> Checked<Scenario> {
    let mut findings = Findings::new(text);
    let value =
        crate::read::read::<ScenarioFile>(text, &mut findings).and_then(|file| convert::convert(&file, &mut findings));
    if let Some(scenario) = &value {
        lint::check(scenario, &mut findings);
    }
    let value = value.filter(|_| !findings.has_errors());
    Checked {
        value,
        findings: findings.finish(),
    }
}
