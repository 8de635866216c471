//! Telnyx v2 on the wire: the paths and bodies that we use, one function a call.
//!
//! Models are tolerant: unknown fields are ignored, absent ones and `null` are the same, and a time that cannot be read is
//! no time rather than an answer that cannot be read. Only what a rollout cannot do without is required (an application's
//! `id` and `voice_url`, a number's `id` and number, a job's `id`), so that its absence is an error at once.
//!
//! Deliberately not here: deciding anything from what is read, and the calls of other products (assistants, messages).

mod applications;
mod audit;
mod billing;
mod calls;
mod deliveries;
mod ids;
mod jobs;
mod lenient;
mod numbers;
mod reports;

pub use applications::{
    Application, Connection, Inbound, application, connection, some_application, write_application,
};
pub use audit::{AuditChange, AuditEvent, audit_events};
pub use billing::{Balance, Whoami, balance, whoami};
pub use calls::{ActiveCall, CallEvent, CallEventQuery, active_calls, call_events};
pub use deliveries::{Attempt, Delivery, DeliveryQuery, DeliveryState, Webhook, webhook_deliveries};
pub use ids::{ConnectionId, JobId, NumberId};
pub use jobs::{
    FailedOperation, Job, JobNumber, JobState, MOST_IN_A_JOB, MOST_OPEN_JOBS, NumberMove, job, jobs, start_job,
};
pub use numbers::{Number, first_numbers_on, numbers_on};
pub use reports::{DetailQuery, DetailRecord, UsageQuery, UsageRow, detail_records, usage_reports};

use serde::Deserialize;

/// The envelope of one record.
#[derive(Debug, Deserialize)]
struct Data<T> {
    data: T,
}
