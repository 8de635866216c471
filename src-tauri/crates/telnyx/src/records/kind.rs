//! Which records a source reads, and how late each kind of them tells what happened.

use std::time::Duration;

use timonel_domain::value::{Side, SignalId};

use crate::api::ConnectionId;

use super::window::Pace;

/// From which of Telnyx's records a signal is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordsKind {
    /// `webhook_deliveries`: how many of all deliveries failed at the first attempt. A ratio.
    WebhookDeliveries,
    /// `active_calls` of a connection: calls that are going on. A level.
    ActiveCalls,
    /// `call_events`: calls that began. A count.
    InitiatedCalls,
    /// `call_events`: how many of all events and commands failed. A ratio.
    CallEvents,
    /// `detail_records`: how many of the inbound calls that ended had failed. A ratio.
    DetailRecords,
    /// `usage_reports`: how many of the calls that were attempted were not completed, by the hour. A ratio.
    UsageReports,
    /// `balance`: what the account can still spend, in its currency. A level.
    Balance,
}

/// The rhythm of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// How often it is read.
    pub interval: Duration,
    /// A window that would be longer is not counted: counting begins anew. Hours of usage are exempt.
    pub gap: Duration,
}

/// One side of one signal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordSpec {
    /// Which signal.
    pub id: SignalId,
    /// Whose value.
    pub side: Side,
    /// From which records.
    pub kind: RecordsKind,
    /// The application that the side's numbers are connected to. Required for the sides of a split, and for active calls;
    /// for the whole, none means the account. Never for the balance, nor for the whole of the deliveries.
    pub connection: Option<ConnectionId>,
}

/// Signals that can never be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordsError {
    /// Something is missing that says whose records are meant.
    #[error(
        "signal `{signal}` ({side:?}) does not say which application is meant. Write arms = {{ stable = \"…\", canary = \"…\" }}"
    )]
    NoConnection {
        /// Which signal.
        signal: SignalId,
        /// Whose value.
        side: Side,
    },
    /// An application is named where records have none.
    #[error("signal `{signal}`: the {kind} is the account's, not an application's. Take the application out")]
    NeedlessConnection {
        /// Which signal.
        signal: SignalId,
        /// Its records, as plan files write them.
        kind: &'static str,
    },
    /// The balance belongs to no arm.
    #[error("signal `{signal}`: the balance belongs to no arm. Give it the side whole")]
    BalanceOfAnArm {
        /// Which signal.
        signal: SignalId,
    },
    /// The two arms cannot be told apart, or only one of them is known.
    #[error(
        "signal `{signal}` needs the applications of both arms, and two different ones: while the lever is pulled, calls on \
         the canary's application are stable's. Write arms = {{ stable = \"…\", canary = \"…\" }}"
    )]
    OneArm {
        /// Which signal.
        signal: SignalId,
    },
    /// Every reading would begin anew.
    #[error(
        "a gap of {gap:?} is not longer than the interval of {interval:?}, so nothing would ever be counted. Make it longer"
    )]
    Gap {
        /// How often the source is read.
        interval: Duration,
        /// The gap.
        gap: Duration,
    },
}

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
/// How long Telnyx is given to write a delivery or an event. Assumed; only a live account can tell (docs/telnyx.md).
const EVENTS_SETTLE: Duration = Duration::from_secs(30);
/// How long Telnyx is given to write a detail record after the call ended. Assumed, as above.
const DETAILS_SETTLE: Duration = Duration::from_secs(300);
/// How long Telnyx is given to finish the report of an hour. Assumed, as above.
const USAGE_SETTLE: Duration = HOUR;

impl RecordsKind {
    /// All of them.
    pub const ALL: [RecordsKind; 7] = [
        RecordsKind::WebhookDeliveries,
        RecordsKind::ActiveCalls,
        RecordsKind::InitiatedCalls,
        RecordsKind::CallEvents,
        RecordsKind::DetailRecords,
        RecordsKind::UsageReports,
        RecordsKind::Balance,
    ];

    /// As plan files write it.
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

    /// How far its newest sample may be behind by nature, so that it is not taken for late: 30 s for deliveries and events,
    /// 5 min for detail records, 2 h for usage (an hour is complete an hour after its end, and the next one is an hour away),
    /// nothing for what tells the present.
    pub fn lag(self) -> Duration {
        match self {
            RecordsKind::WebhookDeliveries | RecordsKind::InitiatedCalls | RecordsKind::CallEvents => EVENTS_SETTLE,
            RecordsKind::DetailRecords => DETAILS_SETTLE,
            RecordsKind::UsageReports => USAGE_SETTLE + HOUR,
            RecordsKind::ActiveCalls | RecordsKind::Balance => Duration::ZERO,
        }
    }

    /// How its records come in; for levels it says nothing.
    pub(crate) fn pace(self, timing: Timing) -> Pace {
        let (settle, overlap, grain) = match self {
            RecordsKind::WebhookDeliveries | RecordsKind::InitiatedCalls | RecordsKind::CallEvents => {
                (EVENTS_SETTLE, EVENTS_SETTLE, Duration::ZERO)
            }
            // Pages of 50 are small, so that not much of the past can be asked for again.
            RecordsKind::DetailRecords => (DETAILS_SETTLE, 60 * SECOND, Duration::ZERO),
            RecordsKind::UsageReports => (USAGE_SETTLE, Duration::ZERO, HOUR),
            RecordsKind::ActiveCalls | RecordsKind::Balance => (Duration::ZERO, Duration::ZERO, Duration::ZERO),
        };
        Pace {
            settle,
            overlap,
            grain,
            gap: timing.gap,
        }
    }
}
