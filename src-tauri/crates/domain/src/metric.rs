//! The closed catalogue of metrics with their units, and what may be asked of them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The unit in which limits and values of a metric are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MetricUnit {
    /// A share between 0 and 1, written as a percentage.
    Ratio,
    /// Seconds.
    Seconds,
    /// A number of things.
    Count,
}

/// Which way is worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Higher is worse, as with errors.
    LowerIsBetter,
    /// Lower is worse, as with speech recognition.
    HigherIsBetter,
}

/// What a signal measures. Closed, but for what a plan declares with unit and direction.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Metric {
    /// One of the catalogue.
    Known(KnownMetric),
    /// Declared by the plan.
    Declared {
        /// Its name in the plan.
        name: String,
        /// Its unit.
        unit: MetricUnit,
        /// Which way is worse.
        direction: Direction,
    },
}

macro_rules! catalogue {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $unit:ident, $direction:ident;)*) => {
        /// The catalogue of DESIGN.md section 6.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum KnownMetric {
            $($(#[$doc])* $variant,)*
        }

        impl KnownMetric {
            /// All of them, in the order of the catalogue.
            pub const ALL: &'static [KnownMetric] = &[$(KnownMetric::$variant,)*];

            /// The name in plans, such as `error_rate`.
            pub const fn name(self) -> &'static str {
                match self { $(KnownMetric::$variant => $name,)* }
            }

            /// Its unit.
            pub const fn unit(self) -> MetricUnit {
                match self { $(KnownMetric::$variant => MetricUnit::$unit,)* }
            }

            /// Which way is worse.
            pub const fn direction(self) -> Direction {
                match self { $(KnownMetric::$variant => Direction::$direction,)* }
            }
        }
    };
}

catalogue! {
    /// Share of units that ended in an error.
    ErrorRate = "error_rate", Ratio, LowerIsBetter;
    /// Share of calls that failed.
    FailedCalls = "failed_calls", Ratio, LowerIsBetter;
    /// Time to answer a request or a turn.
    ResponseTime = "response_time", Seconds, LowerIsBetter;
    /// Time of the data queries behind a call.
    DataQueryTime = "data_query_time", Seconds, LowerIsBetter;
    /// Share of calls that the caller left.
    Abandonment = "abandonment", Ratio, LowerIsBetter;
    /// Share of turns whose speech was recognised.
    SpeechRecognition = "speech_recognition", Ratio, HigherIsBetter;
    /// Length of a call.
    CallDuration = "call_duration", Seconds, LowerIsBetter;
    /// Calls in progress.
    ConcurrentCalls = "concurrent_calls", Count, LowerIsBetter;
    /// New units since the last reading.
    Calls = "calls", Count, HigherIsBetter;
    /// Share of one menu option.
    MenuOptionShare = "menu_option_share", Ratio, LowerIsBetter;
    /// How often a circuit breaker opened.
    BreakerOpens = "breaker_opens", Count, LowerIsBetter;
    /// Exceptions that nobody handled.
    UnhandledExceptions = "unhandled_exceptions", Count, LowerIsBetter;
    /// Share of the time that the system answers.
    Uptime = "uptime", Ratio, HigherIsBetter;
    /// Share of the processors in use.
    Cpu = "cpu", Ratio, LowerIsBetter;
    /// Share of the memory in use.
    Memory = "memory", Ratio, LowerIsBetter;
    /// Bytes a second on the network.
    Network = "network", Count, LowerIsBetter;
    /// Time across the network.
    NetworkLatency = "network_latency", Seconds, LowerIsBetter;
    /// Sessions kept open.
    ActiveSessions = "active_sessions", Count, LowerIsBetter;
    /// Mean opinion score, 1 to 5.
    AudioQuality = "audio_quality", Count, HigherIsBetter;
    /// Share of requests to external services that failed.
    ExternalErrors = "external_errors", Ratio, LowerIsBetter;
}

impl Metric {
    /// Its name in plans.
    pub fn name(&self) -> &str {
        match self {
            Metric::Known(known) => known.name(),
            Metric::Declared { name, .. } => name,
        }
    }

    /// Its unit.
    pub fn unit(&self) -> MetricUnit {
        match self {
            Metric::Known(known) => known.unit(),
            Metric::Declared { unit, .. } => *unit,
        }
    }

    /// Which way is worse.
    pub fn direction(&self) -> Direction {
        match self {
            Metric::Known(known) => known.direction(),
            Metric::Declared { direction, .. } => *direction,
        }
    }
}

/// What is asked of a signal over a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Statistic {
    /// Bad units by all units.
    Share,
    /// Mean of a distribution, or of a level over the window.
    Mean,
    /// Median of a distribution.
    P50,
    /// 95th percentile of a distribution.
    P95,
    /// 99th percentile of a distribution.
    P99,
    /// Occurrences within the window.
    Total,
    /// The newest level.
    Latest,
}

impl Statistic {
    /// The quantile in thousandths, where this is one.
    pub const fn permille(self) -> Option<u16> {
        match self {
            Statistic::P50 => Some(500),
            Statistic::P95 => Some(950),
            Statistic::P99 => Some(990),
            Statistic::Share | Statistic::Mean | Statistic::Total | Statistic::Latest => None,
        }
    }

    /// JUDGE.md layer 2's default of the least units that a statement needs.
    pub const fn least_units(self, metric: &Metric) -> u64 {
        match (self, metric) {
            (Statistic::P95 | Statistic::P99 | Statistic::P50, _) => 60,
            (Statistic::Share, Metric::Known(KnownMetric::Abandonment)) => 30,
            (Statistic::Share | Statistic::Mean, _) => 20,
            (Statistic::Total | Statistic::Latest, _) => 0,
        }
    }
}

impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Statistic::Share => "share",
            Statistic::Mean => "mean",
            Statistic::P50 => "p50",
            Statistic::P95 => "p95",
            Statistic::P99 => "p99",
            Statistic::Total => "total",
            Statistic::Latest => "latest",
        })
    }
}
