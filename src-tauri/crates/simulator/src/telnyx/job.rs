//! A bulk job: one change for many numbers, carried out later and number by number.
//!
//! When each step is due is the agenda's; what a step writes is the account's. A job overwrites what was written while it waited.

use std::time::Duration;

use serde_json::{Value, json};
use timonel_domain::time::Timestamp;

use super::number::{Number, NumberChange};

/// A job that is not done by then never will be.
pub(super) const LIFETIME: Duration = Duration::from_secs(15 * 60);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JobStatus {
    Pending,
    InProgress,
    Completed,
    Failed,
    Expired,
}

impl JobStatus {
    fn text(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Expired => "expired",
        }
    }

    pub(super) fn is_open(self) -> bool {
        match self {
            Self::Pending | Self::InProgress => true,
            Self::Completed | Self::Failed | Self::Expired => false,
        }
    }
}

/// How it went with one number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    Pending,
    Done,
    /// With the pointer to what was wrong.
    Failed(&'static str),
}

/// One number of a job.
#[derive(Debug, Clone)]
pub(super) struct Operation {
    /// Index of the account's number.
    pub(super) number: usize,
    /// Where it stands in the order in which this job's numbers fail, should some fail.
    pub(super) rank: usize,
    pub(super) outcome: Outcome,
}

/// An `update_phone_numbers` job.
#[derive(Debug, Clone)]
pub(super) struct Job {
    pub(super) id: String,
    /// Who posted it.
    pub(super) who: String,
    pub(super) status: JobStatus,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
    /// The estimated time of completion.
    pub(super) etc: Timestamp,
    pub(super) change: NumberChange,
    /// Whether the numbers were named by E.164 rather than by id.
    pub(super) by_e164: bool,
    pub(super) operations: Vec<Operation>,
    /// Index of the next operation.
    pub(super) next: usize,
}

impl Job {
    /// Notes how the next operation went, and ends the job after its last.
    pub(super) fn note(&mut self, outcome: Outcome, at: Timestamp) {
        if let Some(operation) = self.operations.get_mut(self.next) {
            operation.outcome = outcome;
        }
        self.next += 1;
        self.updated = at;
        if self.next >= self.operations.len() {
            let done = self.operations.iter().any(|op| op.outcome == Outcome::Done);
            // That a partly failed job counts as completed is our reading: the lists say how it went.
            self.status = if done { JobStatus::Completed } else { JobStatus::Failed };
        }
    }

    pub(super) fn show(&self, numbers: &[Number]) -> Value {
        let mut named = Vec::with_capacity(self.operations.len());
        let (mut pending, mut done, mut failed) = (Vec::new(), Vec::new(), Vec::new());
        for operation in &self.operations {
            let Some(number) = numbers.get(operation.number) else {
                continue;
            };
            named.push(if self.by_e164 {
                json!({"phone_number": &*number.e164})
            } else {
                json!({"id": &*number.id})
            });
            let mut shown = json!({"id": &*number.id, "phone_number": &*number.e164});
            match operation.outcome {
                Outcome::Pending => pending.push(shown),
                Outcome::Done => done.push(shown),
                Outcome::Failed(pointer) => {
                    shown["errors"] = json!([{
                        "code": "10015", "title": "Bad Request", "detail": "The field is invalid.",
                        "source": {"pointer": pointer},
                    }]);
                    failed.push(shown);
                }
            }
        }
        json!({
            "id": self.id, "record_type": "phone_numbers_job", "type": "update_phone_numbers", "status": self.status.text(),
            "created_at": self.created.to_string(), "updated_at": self.updated.to_string(), "etc": self.etc.to_string(),
            "phone_numbers": named, "pending_operations": pending, "successful_operations": done, "failed_operations": failed,
        })
    }
}
