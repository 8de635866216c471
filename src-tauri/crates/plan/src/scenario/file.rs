//! The serde model of scenario files. Deliberately as people write it: texts for times, numbers for ratios.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Down, Gone, Outcome, Profile, WorldSource};
use crate::part::Part;
use crate::text::{DurationText, MomentText};

/// A scenario file: what happens in the simulator during a rehearsal, and how it should end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "Scenario", expecting = "a scenario file")]
pub struct ScenarioFile {
    /// The version of this format: 1.
    pub schema: u32,
    /// Its own name: lowercase letters, digits, `-`.
    pub id: String,
    /// For people: one line.
    pub title: String,
    /// For people: what happens and what is to be seen.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// Of the world's generator; the same seed gives the same rehearsal.
    pub seed: u64,
    /// The virtual moment at which it starts.
    pub start: MomentText,
    /// The rehearsal ends here at the latest.
    pub limit: DurationText,
    /// What is shortened.
    #[serde(default, skip_serializing_if = "Part::is_absent")]
    pub phases: Part<PhasesFile>,
    /// How it should end.
    pub expect: Part<ExpectFile>,
    /// How calls arrive.
    pub traffic: Part<TrafficFile>,
    /// The Telnyx account, for plans that move numbers or read records.
    #[serde(default, skip_serializing_if = "Part::is_absent")]
    pub telnyx: Part<TelnyxFile>,
    /// How each side does.
    pub arms: Part<ArmsFile>,
    /// The virtual person who signs and approves; absent: nobody does.
    #[serde(default, skip_serializing_if = "Part::is_absent")]
    pub operator: Part<OperatorFile>,
    /// What goes wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fault: Vec<Part<FaultFile>>,
}

/// What a scenario shortens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "ScenarioPhases", expecting = "a table [phases]")]
pub struct PhasesFile {
    /// Each phase's bake is cut to this; rule windows never are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bake_at_most: Option<DurationText>,
    /// Each gate's `lasting` is cut to this; the windows that gates look at never are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_at_most: Option<DurationText>,
}

/// How a rehearsal should end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "Expect", expecting = "a table [expect]")]
pub struct ExpectFile {
    /// The rollout's end.
    pub outcome: Outcome,
    /// Whether every target is verified.
    pub verified: bool,
    /// Whether an escalation to people happened.
    #[serde(default)]
    pub escalated: bool,
    /// The phase in which it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
}

/// How calls arrive.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "CallTraffic", expecting = "a table [traffic]")]
pub struct TrafficFile {
    /// A day's calls, both sides together.
    pub calls_per_day: f64,
    /// How they are spread over the day.
    pub profile: Profile,
    /// Mean length of a call.
    pub mean_call: DurationText,
    /// Mean number of requests that one call makes.
    pub requests_per_call: f64,
}

/// The world's Telnyx account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename = "TelnyxWorld",
    expecting = "a table [telnyx] with `numbers`"
)]
pub struct TelnyxFile {
    /// How many numbers are on stable and canary, those that the plan names included. Nobody calls those that it excepts.
    pub numbers: u32,
    /// How unevenly calls fall on them, 0 (evenly) to 3: the exponent of a Zipf distribution.
    #[serde(default = "default_skew")]
    pub skew: f64,
    /// From a request to its answer.
    #[serde(default = "default_latency")]
    pub latency: DurationText,
    /// Requests above these in one second are answered with 429.
    #[serde(default = "default_requests_per_second")]
    pub requests_per_second: u32,
    /// From the posting of a job to the first number that it moves.
    #[serde(default = "default_job_delay")]
    pub job_delay: DurationText,
    /// Numbers that a job moves in a second.
    #[serde(default = "default_job_pace")]
    pub job_pace: u32,
    /// From the moment at which the API shows a change to the one at which calls follow it.
    #[serde(default = "default_propagation")]
    pub propagation: DurationText,
}

fn default_skew() -> f64 {
    1.0
}

fn default_latency() -> DurationText {
    "60ms".into()
}

fn default_requests_per_second() -> u32 {
    20
}

fn default_job_delay() -> DurationText {
    "5s".into()
}

fn default_job_pace() -> u32 {
    50
}

fn default_propagation() -> DurationText {
    "2s".into()
}

/// How each side does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename = "ArmsHealth",
    expecting = "the tables [arms.stable] and [arms.canary]"
)]
pub struct ArmsFile {
    /// The old system.
    pub stable: Part<ArmFile>,
    /// The new system while no fault is at work.
    pub canary: Part<ArmFile>,
}

/// How one side does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename = "ArmHealth",
    expecting = "a table with error_rate, abandonment, latency_median, latency_spread, recognition"
)]
pub struct ArmFile {
    /// Share of requests that fail, 0 to 1.
    pub error_rate: f64,
    /// Share of calls that the caller leaves, 0 to 1.
    pub abandonment: f64,
    /// Median of the response time.
    pub latency_median: DurationText,
    /// Standard deviation of the logarithm of the response time, 0 to 3; at 0.4 the p95 is about twice the median.
    pub latency_spread: f64,
    /// Share of speech turns that are recognised, 0 to 1.
    pub recognition: f64,
}

/// The virtual person of a rehearsal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "Operator", expecting = "a table [operator]")]
pub struct OperatorFile {
    /// Whether checklists are signed.
    pub signs: bool,
    /// Whether the rollback is drilled before the start.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub drills: bool,
    /// How long after being asked an approval is given; absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approves_after: Option<DurationText>,
}

/// A fault with its time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename = "Fault", expecting = "a table [[fault]]")]
#[schemars(extend("unevaluatedProperties" = false))]
pub struct FaultFile {
    /// From here on, counted from the start.
    pub at: DurationText,
    /// For so long; absent: to the end.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub lasting: Option<DurationText>,
    /// What goes wrong.
    #[serde(flatten)]
    pub kind: FaultKind,
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    tag = "kind",
    rename_all = "kebab-case",
    deny_unknown_fields,
    expecting = "a fault with its `kind`"
)]
pub enum FaultKind {
    /// The canary's error rate becomes `rate`.
    CanaryErrors {
        /// 0 to 1.
        rate: f64,
    },
    /// The canary's median response time becomes `median`.
    CanaryLatency {
        /// A time.
        median: DurationText,
    },
    /// The canary's abandonment becomes `rate`.
    CanaryAbandonment {
        /// 0 to 1.
        rate: f64,
    },
    /// The control plane of one target misbehaves.
    TargetDown {
        /// A target of the plan.
        target: String,
        /// In which way.
        how: Down,
    },
    /// Another writer sets the live weight.
    Drift {
        /// A target of the plan.
        target: String,
        /// The weight, 0 to 100.
        to: f64,
        /// Its name as the control plane tells it.
        by: String,
        /// How often it does so again; absent: once.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        every: Option<DurationText>,
    },
    /// A source of metrics is gone.
    SourceGone {
        /// The query API or the exposition endpoint.
        source: WorldSource,
        /// In which way.
        how: Gone,
    },
    /// Nothing answers us, while traffic goes on.
    OwnNetworkLost,
    /// One critical error in data or integrity.
    CriticalError,
    /// Writes are accepted and read back as written, while traffic keeps the weight it had.
    ReadbackLies {
        /// A target of the plan.
        target: String,
    },
    /// Somebody else posts a bulk job towards the canary.
    StrayJob {
        /// A target of the plan that moves numbers.
        target: String,
        /// Its author as the account tells it.
        by: String,
        /// The share of the calls whose numbers it moves, 0 to 100.
        weight: f64,
        /// From its posting to the first number that it moves.
        after: DurationText,
    },
    /// Some of the numbers of each bulk job towards the canary cannot be moved.
    JobFailures {
        /// A target of the plan that moves numbers.
        target: String,
        /// The share of a job's numbers, 0 to 1.
        share: f64,
    },
    /// Bulk jobs are accepted, never worked on, and expire after 15 minutes.
    JobsStuck {
        /// A target of the plan that moves numbers.
        target: String,
    },
}
