//! Background jobs that change many numbers.
//!
//! A job is posted with ids only: the contract takes ids or numbers but not both, and its `filter[…]` changes *everything*
//! that matches, so it is not even written here.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use timonel_domain::time::Timestamp;

use super::{ConnectionId, Data, JobId, NumberId, lenient};
use crate::account::{Account, AccountError, Call, Page, Urgency, faults, page};

/// The most numbers that one job can hold; the provider refuses more.
pub const MOST_IN_A_JOB: usize = 1000;
/// The most jobs of an account that may be pending or in progress; the provider refuses further ones.
pub const MOST_OPEN_JOBS: usize = 20;

/// Jobs on one page. Each may list a thousand numbers twice, so a page is not as large as it could be.
const JOBS_ON_A_PAGE: u32 = 20;
/// No more pages of jobs are read; that is a hundred jobs.
const MOST_JOB_PAGES: u32 = 5;
/// A job is said to expire after 15 minutes, so on a page whose jobs are all older and over, no open one can follow.
const SETTLED_AFTER: Duration = Duration::from_secs(20 * 60);

/// How far a job is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Not begun.
    Pending,
    /// Begun.
    InProgress,
    /// Over; single numbers may have failed all the same.
    Completed,
    /// Over and failed.
    Failed,
    /// Never begun, and never will be.
    Expired,
    /// No word, or one that is not in the contract; counts as open, since nothing says that it is over.
    #[default]
    #[serde(other)]
    Unknown,
}

/// A job. Judge it by its three lists of operations: its state says less.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// What it does, such as `update_phone_numbers`; empty where not said.
    #[serde(default, rename = "type", deserialize_with = "lenient::or_default")]
    pub kind: String,
    /// How far it is.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub status: JobState,
    /// When it was posted.
    #[serde(default, deserialize_with = "lenient::time")]
    pub created_at: Option<Timestamp>,
    /// When the provider expects it to be over.
    #[serde(default, deserialize_with = "lenient::time")]
    pub etc: Option<Timestamp>,
    /// The numbers it was posted with, each by what it was named: id or number.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub phone_numbers: Vec<JobNumber>,
    /// Numbers still to come.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub pending_operations: Vec<JobNumber>,
    /// Numbers done.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub successful_operations: Vec<JobNumber>,
    /// Numbers that failed, with what was said.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub failed_operations: Vec<FailedOperation>,
}

impl Job {
    /// Whether it may still change numbers.
    pub fn is_open(&self) -> bool {
        match self.status {
            JobState::Pending | JobState::InProgress | JobState::Unknown => true,
            JobState::Completed | JobState::Failed | JobState::Expired => false,
        }
    }

    /// Whether it names the number, in whichever way.
    pub fn holds(&self, id: &NumberId, e164: &str) -> bool {
        let named = self.phone_numbers.iter().chain(&self.pending_operations);
        named
            .chain(&self.successful_operations)
            .any(|number| number.id.as_ref() == Some(id) || number.e164.as_deref() == Some(e164))
            || self
                .failed_operations
                .iter()
                .any(|failed| failed.id.as_ref() == Some(id) || failed.e164.as_deref() == Some(e164))
    }
}

/// A number in a job, named by at least one of both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobNumber {
    /// Its id.
    #[serde(default)]
    pub id: Option<NumberId>,
    /// The number itself.
    #[serde(default, rename = "phone_number")]
    pub e164: Option<String>,
}

/// A number that a job could not change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FailedOperation {
    /// Its id.
    #[serde(default)]
    pub id: Option<NumberId>,
    /// The number itself.
    #[serde(default, rename = "phone_number")]
    pub e164: Option<String>,
    /// The provider's errors as they came.
    #[serde(default)]
    pub errors: Value,
}

impl FailedOperation {
    /// What was said, on one line: `10015 Bad Request: The field is invalid. (/connection_id)`.
    pub fn said(&self) -> String {
        faults(&self.errors)
    }
}

/// Numbers and the connection to move them to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumberMove {
    /// 1 to [`MOST_IN_A_JOB`] numbers.
    pub phone_numbers: Vec<NumberId>,
    /// Where their calls are to go.
    pub connection_id: ConnectionId,
}

/// Posts a job (`POST /v2/phone_numbers/jobs/update_phone_numbers`). Sent once: where the answer is lost, look for it among
/// [`jobs`] before posting another. `TooMany` where it holds no number or more than [`MOST_IN_A_JOB`]; `Refused` where
/// [`MOST_OPEN_JOBS`] are open.
pub async fn start_job(account: &Account, urgency: Urgency, moved: &NumberMove) -> Result<Job, AccountError> {
    let call = Call::post("/v2/phone_numbers/jobs/update_phone_numbers", moved)?;
    let count = moved.phone_numbers.len();
    if count == 0 || count > MOST_IN_A_JOB {
        return Err(AccountError::TooMany {
            what: call.name(),
            count,
            most: MOST_IN_A_JOB,
        });
    }
    Ok(account.ask::<Data<_>>(urgency, &call).await?.data)
}

/// Reads one job (`GET /v2/phone_numbers/jobs/{id}`).
pub async fn job(account: &Account, urgency: Urgency, id: &JobId) -> Result<Job, AccountError> {
    let call = Call::get("/v2/phone_numbers/jobs/{id}").id(id.as_str());
    Ok(account.ask::<Data<_>>(urgency, &call).await?.data)
}

/// The newest update jobs of the whole account, newest first (`GET /v2/phone_numbers/jobs`): all that can still be open, and
/// at least the newest twenty. Usually one page; further ones while a page has a job that is open or younger than 20 minutes.
pub async fn jobs(account: &Account, urgency: Urgency) -> Result<Vec<Job>, AccountError> {
    let call = Call::get("/v2/phone_numbers/jobs").query("filter[type]", "update_phone_numbers");
    let mut jobs: Vec<Job> = Vec::new();
    for number in 1..=MOST_JOB_PAGES {
        let page: Page<Job> = page(account, urgency, call.clone(), number, JOBS_ON_A_PAGE).await?;
        let now = account.clock().now();
        let young = |job: &Job| job.created_at.is_none_or(|at| now.since(at) < SETTLED_AFTER);
        let more = page.items.iter().any(|job| job.is_open() || young(job));
        // A job that is posted meanwhile moves others to the next page.
        let known = jobs.len();
        for job in page.items {
            if !jobs[..known].iter().any(|old| old.id == job.id) {
                jobs.push(job);
            }
        }
        if !more || page.pages.is_none_or(|pages| number >= pages) {
            break;
        }
    }
    Ok(jobs)
}
