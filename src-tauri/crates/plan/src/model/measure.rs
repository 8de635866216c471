//! The part of the model that says what is measured and what breaches do: signals and rules.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::{DurationText, LimitText};

/// What is measured. Exactly one of `bad` with `total`, `buckets`, `count`, `level`, `records`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "Signal", expecting = "a table [[signals]]")]
pub struct SignalFile {
    /// Its id within the plan.
    pub id: String,
    /// A metric of the catalogue, such as `error_rate`; or a name of your own with `unit` and `direction`.
    pub metric: String,
    /// The unit of a metric of your own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<UnitOfMetric>,
    /// Which way is better, for a metric of your own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<DirectionWord>,
    /// The name of a source.
    pub source: String,
    /// How often it is read; the source's interval where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<DurationText>,
    /// What `{arm}` stands for on each side; with `records`, the application of each side. Absent where the signal is of
    /// both together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arms: Option<ArmsFile>,
    /// `whole`: one value of both sides together, or of what they share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub side: Option<WholeWord>,
    /// Selects the counters of units with the bad (or looked-for) outcome. Never a quotient, never rate().
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bad: Option<String>,
    /// Selects the counters of all units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<String>,
    /// Selects a histogram's counters, named `…_bucket`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buckets: Option<String>,
    /// Selects counters whose increase is the number of occurrences.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<String>,
    /// Selects gauges, or an expression over them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// Reads one of the records that the account of a source of kind `telnyx` keeps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records: Option<RecordsKind>,
    /// How far the newest value is behind by nature. Absent: what the records state of themselves, and nothing for all else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lag: Option<DurationText>,
    /// Each occurrence that `count` counts is this event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<IncidentWord>,
    /// Whether progress needs it fresh.
    #[serde(default = "yes")]
    pub required: bool,
}

fn yes() -> bool {
    true
}

/// A kind of records that a Telnyx account keeps of its calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", rename = "Records")]
pub enum RecordsKind {
    /// Share of webhooks whose first attempt our application did not answer well; the arm is that of the URL of that attempt.
    WebhookDeliveries,
    /// Calls in progress.
    ActiveCalls,
    /// New calls.
    InitiatedCalls,
    /// Share of commands and webhooks that failed.
    CallEvents,
    /// Share of finished calls that failed.
    DetailRecords,
    /// Share of attempted calls that were not completed, hour by hour.
    UsageReports,
    /// What the account has left, in its own currency.
    Balance,
}

impl RecordsKind {
    /// The word in plan files.
    pub fn name(self) -> &'static str {
        match self {
            RecordsKind::WebhookDeliveries => "webhook-deliveries",
            RecordsKind::ActiveCalls => "active-calls",
            RecordsKind::InitiatedCalls => "initiated-calls",
            RecordsKind::CallEvents => "call-events",
            RecordsKind::DetailRecords => "detail-records",
            RecordsKind::UsageReports => "usage-reports",
            RecordsKind::Balance => "balance",
        }
    }

    /// How far they are behind by nature: up to so long after a call they do not hold all that they will hold of it. Telnyx
    /// promises none of these times, so a plan may write its own.
    pub const fn lag(self) -> Duration {
        match self {
            RecordsKind::ActiveCalls | RecordsKind::Balance => Duration::ZERO,
            RecordsKind::WebhookDeliveries | RecordsKind::InitiatedCalls | RecordsKind::CallEvents => {
                Duration::from_secs(30)
            }
            RecordsKind::DetailRecords => Duration::from_secs(5 * 60),
            // An hour is complete an hour after its end, and the next one is an hour away.
            RecordsKind::UsageReports => Duration::from_secs(2 * 3600),
        }
    }

    /// Whether they are of each application by itself; the account's balance is of both together.
    pub const fn has_arms(self) -> bool {
        !matches!(self, RecordsKind::Balance)
    }
}

/// The unit of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", rename = "MetricUnit")]
pub enum UnitOfMetric {
    /// A share, written as a percentage.
    Ratio,
    /// A time.
    Seconds,
    /// A number of things.
    Count,
}

/// Which way is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", rename = "Direction")]
pub enum DirectionWord {
    /// As with errors.
    LowerIsBetter,
    /// As with speech recognition.
    HigherIsBetter,
}

/// The value of a label on each side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename = "Arms",
    expecting = "a table such as { stable = \"v1\", canary = \"v2\" }"
)]
pub struct ArmsFile {
    /// Stands for `{arm}` when the old version is asked for.
    pub stable: String,
    /// Stands for `{arm}` when the new version is asked for.
    pub canary: String,
}

/// Of both sides together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", rename = "Whole")]
pub enum WholeWord {
    /// Of both sides together, or of what they share.
    Whole,
}

/// An event that resets clocks or triggers at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", rename = "Incident")]
pub enum IncidentWord {
    /// An error that touches data or integrity: rolls back at once.
    CriticalError,
    /// A breach of security.
    Security,
}

/// Whose value a rule or gate looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", rename = "Side")]
pub enum SideWord {
    /// The old version's.
    Stable,
    /// The new version's.
    Canary,
    /// Of both together.
    Whole,
}

/// A threshold and what it does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "Rule", expecting = "a table [[rules]]")]
pub struct RuleFile {
    /// Its id within the plan.
    pub id: String,
    /// One line: `error_rate > 10% for 5m`, `response_time p95 > 3s for 5m over 10m`, `critical_errors > 0`.
    pub when: String,
    /// Whose value; the canary's, or the whole's where the signal knows no sides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<SideWord>,
    /// What it does when it fires.
    pub then: ActionWord,
    /// How loud it is.
    pub severity: SeverityWord,
    /// How a rollback rule meets evidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<EvidenceWord>,
    /// What this value was on the old version before the rollout: of a share that share, such as `2%`; of a time the share of
    /// the observations above the limit. Evidence begins with it, and at 100 % holds the new version against it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history: Option<LimitText>,
    /// Fewer units than these are no evidence; by default 20 for rates and means, 60 for quantiles, 30 for abandonment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least_units: Option<u32>,
    /// The value that ends a breach; the limit itself where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clear: Option<LimitText>,
    /// How long the value must be back; as long as `for` where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clear_for: Option<DurationText>,
    /// How long a breach in the making survives missing data; as long as `for`, at least four readings, where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_gap: Option<DurationText>,
    /// What missing data do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_no_data: Option<NoDataWord>,
}

/// What a firing rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", rename = "Action")]
pub enum ActionWord {
    /// Alerts and goes on.
    Notify,
    /// Alerts and freezes the rollout.
    Alert,
    /// Puts everything back on stable.
    Rollback,
}

/// How loud an alert is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", rename = "Severity")]
pub enum SeverityWord {
    /// For the record.
    Low,
    /// Somebody should look today.
    Medium,
    /// Somebody should look now.
    High,
    /// Wakes people.
    Critical,
}

/// How a rollback rule meets evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", rename = "Evidence")]
pub enum EvidenceWord {
    /// The rule exactly as it is written.
    Literal,
    /// Breach and evidence of at least 50 (the default).
    Gated,
    /// Breach and evidence of at least 20.
    Fast,
}

/// What missing data do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", rename = "OnNoData")]
pub enum NoDataWord {
    /// Blocks progress and raises its own alert (the default).
    Hold,
    /// Rolls back after the rule's duration without data.
    Rollback,
}
