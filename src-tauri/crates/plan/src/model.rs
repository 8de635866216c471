//! The serde model of plan files, as people write them. Deliberately nothing is judged here: texts stay texts until
//! `convert` reads them, so that all mistakes of a file are found at once.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::read::Part;
use crate::text::{DurationText, LimitText, MomentText};

/// A plan file: phases, targets, signals, rules, gates and people of a rollout.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "Plan", expecting = "a plan file")]
pub struct PlanFile {
    /// The version of this format: 1.
    pub schema: u32,
    /// The plan's own name, the same in all its revisions: lowercase letters, digits, `-`, `_`, `.`.
    pub id: String,
    /// For people.
    pub name: String,
    /// Where it runs unless somebody chooses: one of `environments`, or `simulador`.
    #[serde(default = "simulator")]
    pub environment: String,
    /// What is assigned to an arm.
    #[serde(default)]
    pub unit: UnitWord,
    /// Whether a rule may roll back by itself.
    #[serde(default)]
    pub automatic: bool,
    /// How long the stable side is kept after completion, so that a rollback is still possible.
    #[serde(default = "one_week")]
    pub keep_stable: DurationText,
    /// How new units and units in progress are seen in traffic.
    #[serde(default)]
    pub traffic: Part<TrafficFile>,
    /// Where metrics are read, by name.
    #[serde(default)]
    pub sources: BTreeMap<String, Part<SourceFile>>,
    /// Control planes that hold a weight.
    #[serde(default)]
    pub targets: Vec<Part<TargetFile>>,
    /// What is measured.
    #[serde(default)]
    pub signals: Vec<Part<SignalFile>>,
    /// Thresholds and what they do.
    #[serde(default)]
    pub rules: Vec<Part<RuleFile>>,
    /// Steps, weights rising to 100.
    #[serde(default)]
    pub phases: Vec<Part<PhaseFile>>,
    /// Lists that people sign.
    #[serde(default)]
    pub checklists: Vec<Part<ChecklistFile>>,
    /// Who is told what.
    #[serde(default)]
    pub notices: Part<NoticesFile>,
    /// Where the plan can run besides the simulator, by name.
    #[serde(default)]
    pub environments: BTreeMap<String, Part<EnvironmentFile>>,
    /// When nothing may be raised.
    #[serde(default)]
    pub freezes: Vec<Part<FreezeFile>>,
}

fn simulator() -> String {
    crate::parsed::SIMULATOR.to_owned()
}

fn one_week() -> DurationText {
    "1w".into()
}

/// What is assigned to an arm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", rename = "Unit")]
pub enum UnitWord {
    /// Each call by itself.
    #[default]
    Call,
    /// All calls of a caller.
    Caller,
    /// All calls of a tenant.
    Tenant,
    /// All calls to a number.
    Number,
    /// Each request by itself.
    Request,
}

/// The signals by which traffic itself is seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "Traffic", expecting = "a table [traffic]")]
pub struct TrafficFile {
    /// A signal that counts new units by arm when they are assigned.
    pub assigned: Option<String>,
    /// A signal with the units in progress by arm.
    pub active: Option<String>,
}

/// Which adapter reads a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SourceKind {
    /// A Prometheus server's query API.
    Prometheus,
    /// An exposition endpoint (`/metrics`) itself.
    Scrape,
}

impl SourceKind {
    /// The word in plan files.
    pub fn name(self) -> &'static str {
        match self {
            SourceKind::Prometheus => "prometheus",
            SourceKind::Scrape => "scrape",
        }
    }
}

/// Where metrics are read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "Source", expecting = "a table with `kind` and `interval`")]
pub struct SourceFile {
    /// Which kind of endpoint it is; its address is the environment's.
    pub kind: SourceKind,
    /// How often it is read.
    pub interval: DurationText,
}

/// What a target does for the rollout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", rename = "Role")]
pub enum RoleWord {
    /// Divides the traffic; exactly one target does.
    Splitter,
    /// Opens (100 %) before the splitter and closes (0 %) after it.
    Follower,
}

/// Which adapter reaches a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum TargetKind {
    /// Weights of an Istio VirtualService.
    #[serde(rename = "kubernetes.virtual-service")]
    VirtualService,
}

impl TargetKind {
    /// The word in plan files.
    pub fn name(self) -> &'static str {
        match self {
            TargetKind::VirtualService => "kubernetes.virtual-service",
        }
    }
}

/// A control plane that holds a weight.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "Target", expecting = "a table [[targets]]")]
pub struct TargetFile {
    /// Its id within the plan.
    pub id: String,
    /// What it does for the rollout.
    pub role: RoleWord,
    /// Which adapter reaches it.
    pub kind: TargetKind,
    /// The way of a call that it stands in, in your own words. Two splitters never share one.
    pub call_path: String,
    /// The name of a connection; each environment says which kubeconfig context it is.
    pub cluster: String,
    /// The object's namespace.
    pub namespace: String,
    /// The object's name.
    pub name: String,
    /// The names of the routes whose weights are written (`spec.http[].name`).
    pub routes: Vec<String>,
    /// Where the old version is reached.
    pub stable: DestinationFile,
    /// Where the new version is reached.
    pub canary: DestinationFile,
    /// Whether it can put one tenant, number or caller on stable by itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pins: bool,
    /// The manifest's `spec.http` as it stands in your repository, in TOML. Not needed to run: it is checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<serde_json::Value>>")]
    pub http: Option<toml::Value>,
}

/// A destination of a mesh route.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "Destination", expecting = "a table such as { host = \"casos-service\", subset = \"stable\" }")]
pub struct DestinationFile {
    /// The service's host as the route names it.
    pub host: String,
    /// The subset, where the route names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subset: Option<String>,
}

/// What is measured. Exactly one of `bad` with `total`, `buckets`, `count`, `level`.
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
    /// What `{arm}` stands for on each side. Absent where the signal is of both together.
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
#[serde(deny_unknown_fields, rename = "Arms", expecting = "a table such as { stable = \"v1\", canary = \"v2\" }")]
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

/// A step of the plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "Phase", expecting = "a table [[phases]]")]
pub struct PhaseFile {
    /// Its id within the plan.
    pub id: String,
    /// For people.
    pub name: String,
    /// Percentage of new units on the canary: above the phase before, 100 in the last.
    pub weight: f64,
    /// Least watched, unfrozen time at this weight.
    pub bake: DurationText,
    /// What must hold to leave the phase.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gates: Vec<Part<GateFile>>,
    /// Persons who must approve leaving it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub approvals: u8,
    /// A checklist that must be signed before the phase is entered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checklist: Option<String>,
    /// How often somebody checks in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check_in: Option<DurationText>,
    /// Planned start, for the timeline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned_start: Option<MomentText>,
}

fn is_zero(number: &u8) -> bool {
    *number == 0
}

/// What must hold to leave a phase. Exactly one of `go`, `not_worse_than`, `without`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "Gate", expecting = "a table such as { of = \"error_rate\", go = \"< 2%\", no_go = \"> 5%\", between = \"hold\" }")]
pub struct GateFile {
    /// Its id, unique over all phases; the phase's and the metric's names where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What is looked at: `error_rate`, `response_time p95`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// Within this the gate is open: `< 2%`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub go: Option<String>,
    /// Beyond this it is shut: `> 5%`. The same limit as `go` where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_go: Option<String>,
    /// What holds between `go` and `no_go`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub between: Option<BetweenWord>,
    /// The canary against this side, by `margin`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_worse_than: Option<ArmWord>,
    /// How much worse still counts as not worse: `1%`, `200ms`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin: Option<LimitText>,
    /// No such event for `lasting`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without: Option<IncidentWord>,
    /// How long without the event, in watched and unfrozen time at this weight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lasting: Option<DurationText>,
    /// The window that is looked at; 5m where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over: Option<DurationText>,
    /// Whose value; the canary's, or the whole's where the signal knows no sides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<SideWord>,
    /// Fewer units than these are no evidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least_units: Option<u32>,
}

/// What a gate does between `go` and `no_go`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", rename = "Between")]
pub enum BetweenWord {
    /// Neither goes on nor back: it waits and says so.
    Hold,
}

/// A side to compare with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", rename = "Arm")]
pub enum ArmWord {
    /// The old version at the same time.
    Stable,
}

/// A list that people sign.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "Checklist", expecting = "a table [[checklists]]")]
pub struct ChecklistFile {
    /// Its id within the plan.
    pub id: String,
    /// What is checked, one item each.
    pub items: Vec<String>,
}

/// Who is told what, by severity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "Notices", expecting = "tables [notices.critical], [notices.high], [notices.medium], [notices.low]")]
pub struct NoticesFile {
    /// Wakes people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub critical: Option<RouteFile>,
    /// Somebody should look now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<RouteFile>,
    /// Somebody should look today.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub medium: Option<RouteFile>,
    /// For the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<RouteFile>,
}

/// Names that the connections resolve; never an address with a secret in it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename = "Route", expecting = "a table with slack, email, pagerduty or sms")]
pub struct RouteFile {
    /// Slack channels.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub slack: Vec<String>,
    /// Mail addresses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub email: Vec<String>,
    /// PagerDuty services, by the name of the connection.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pagerduty: Vec<String>,
    /// Lists of telephone numbers, by the name of the connection.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sms: Vec<String>,
}

/// Where a plan can run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename = "Environment", expecting = "a table with `clusters` and `sources`")]
pub struct EnvironmentFile {
    /// Connections to clusters, by the name that targets use.
    pub clusters: BTreeMap<String, ClusterFile>,
    /// Addresses of sources, by name.
    pub sources: BTreeMap<String, AddressFile>,
    /// Stands in for the namespace of every target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

/// A connection to a cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "Cluster", expecting = "a table such as { context = \"prod\" }")]
pub struct ClusterFile {
    /// The kubeconfig's context.
    pub context: String,
}

/// The address of a source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "Address", expecting = "a table such as { url = \"http://prometheus:9090\" }")]
pub struct AddressFile {
    /// Without credentials: those are named in Conexiones.
    pub url: String,
}

/// When nothing may be raised.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename = "Freeze", expecting = "a table [[freezes]]")]
pub struct FreezeFile {
    /// First moment.
    pub from: MomentText,
    /// First moment after it.
    pub until: MomentText,
    /// For people.
    pub reason: String,
}
