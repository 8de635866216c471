//! What an account holds when it begins: applications, numbers, limits, delays.
//!
//! Plain values, written by a scenario or a test; nothing here is checked against what Telnyx would accept.

use std::time::Duration;

/// An account as it begins.
#[derive(Debug, Clone, PartialEq)]
pub struct Setup {
    /// The application of the old system.
    pub stable: ApplicationSetup,
    /// The application of the new system.
    pub canary: ApplicationSetup,
    /// Connections of other kinds: id and kind.
    pub others: Vec<(String, ConnectionKind)>,
    /// In the order in which they were bought.
    pub numbers: Vec<NumberSetup>,
    /// How many requests the account may make.
    pub limits: Limits,
    /// How long an answer takes; up to an eighth more, drawn from the seed.
    pub latency: Duration,
    /// How bulk jobs go.
    pub jobs: JobPace,
    /// From the moment at which the API shows a change to the one at which calls follow it.
    pub propagation: Duration,
    /// What is on the account, in cents of a US dollar.
    pub balance: i64,
}

/// A TeXML application as it begins. What is `None` is not set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationSetup {
    /// A decimal string.
    pub id: String,
    /// For people.
    pub friendly_name: String,
    /// Where Telnyx fetches instructions for a call.
    pub voice_url: String,
    /// `get` or `post`.
    pub voice_method: String,
    /// Where it fetches them if `voice_url` fails.
    pub voice_fallback_url: Option<String>,
    /// Where it tells how calls go.
    pub status_callback: Option<String>,
    /// `get` or `post`.
    pub status_callback_method: String,
    /// Most incoming calls at a time.
    pub channel_limit: Option<u32>,
    /// In this order.
    pub tags: Vec<String>,
}

impl ApplicationSetup {
    /// An application that is told by POST, without fallback, status callback, limit and tags.
    pub fn new(id: impl Into<String>, friendly_name: impl Into<String>, voice_url: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            friendly_name: friendly_name.into(),
            voice_url: voice_url.into(),
            voice_method: "post".to_owned(),
            voice_fallback_url: None,
            status_callback: None,
            status_callback_method: "post".to_owned(),
            channel_limit: None,
            tags: Vec::new(),
        }
    }
}

/// What else a number can be connected to. A number that is moved to one of these leaves TeXML, and its calls fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionKind {
    /// A Voice API application.
    CallControl,
    /// A SIP trunk by name.
    Fqdn,
    /// A SIP trunk by address.
    Ip,
}

impl ConnectionKind {
    /// As `GET /v2/connections/{id}` says.
    pub(super) fn record_type(self) -> &'static str {
        match self {
            Self::CallControl => "call_control_application",
            Self::Fqdn => "fqdn_connection",
            Self::Ip => "ip_connection",
        }
    }
}

/// A number as it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberSetup {
    /// A decimal string.
    pub id: String,
    /// Such as `+34910000101`.
    pub e164: String,
    /// What it is connected to.
    pub connection_id: String,
    /// In this order.
    pub tags: Vec<String>,
}

/// How many requests the account may make, and how it says so. None at all by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// In each second that begins with the clock's, over all endpoints. `None`: any number, and no headers.
    pub requests_per_second: Option<u32>,
    /// How `x-ratelimit-reset` is to be read.
    pub reset: Reset,
    /// Whether a 429 has `retry-after` as well.
    pub retry_after: bool,
}

/// The two readings of `x-ratelimit-reset` in Telnyx's own pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reset {
    /// Seconds until the limit begins anew.
    #[default]
    Seconds,
    /// The Unix time at which it does.
    Epoch,
}

/// How a bulk job goes. Jobs do not wait for each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobPace {
    /// From the request to the moment at which the job is taken up.
    pub delay: Duration,
    /// Numbers a second of one job from then on; 0 counts as 1.
    pub per_second: u32,
}

impl JobPace {
    /// From one number to the next.
    pub(super) fn step(self) -> Duration {
        Duration::from_secs(1) / self.per_second.max(1)
    }
}

impl Default for JobPace {
    /// 5 s, then 50 numbers a second.
    fn default() -> Self {
        Self {
            delay: Duration::from_secs(5),
            per_second: 50,
        }
    }
}
