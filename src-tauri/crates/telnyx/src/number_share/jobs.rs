//! Bulk jobs: posting one, finding the one whose answer was lost, and judging it by its lists of operations.
//!
//! Every move is a job, also of few numbers: single PATCHes would be quicker, but one of many that failed half-way could not
//! be taken up from its bytes alone.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use timonel_domain::time::Timestamp;
use timonel_ports::target::{Progress, TargetError};

use super::NumberShare;
use super::plan::OpenJob;
use super::step::{Accepted, FORM, Listing, Move, Way};
use super::subset::Number;
use crate::account::{AccountError, Urgency};
use crate::api::{self, Job, JobId, JobState, MOST_OPEN_JOBS, NumberId, NumberMove};

/// Where Telnyx does not say when a job will be over, and the longest that it is believed.
const PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// A job that should be over by now is asked again after this.
const SHORTEST_PAUSE: Duration = Duration::from_millis(500);

impl NumberShare {
    /// Posts the job, or finds the one that an earlier attempt posted, or waits for room.
    pub(super) async fn start_move(&self, moved: &Move) -> Result<Accepted, TargetError> {
        if moved.to == Way::Canary {
            self.still_raising(moved.generation).await?;
        }
        self.keeper.memory().changed_by = None;
        let (listed, lost) = {
            let memory = self.keeper.memory();
            (memory.listing, memory.lost)
        };
        // A job twice to stable does no harm, so that it is looked for only where an answer was lost; one to the canary
        // could land behind a rollback, so that it is posted only by who has seen the jobs since it was planned.
        let stale = match (moved.to, &moved.listing) {
            (Way::Canary, Some(planned)) => listed.is_none_or(|(at, _)| at < planned.at),
            (Way::Canary, None) => true,
            (Way::Stable, _) => false,
        };
        let full = listed.is_some_and(|(_, open)| open >= MOST_OPEN_JOBS);
        if lost || stale || full {
            let jobs = self.jobs(Urgency::Target).await?;
            if let Some(found) = moved
                .listing
                .as_ref()
                .and_then(|planned| earlier(&jobs, moved, planned))
            {
                return Ok(accepted(found.id.as_str(), moved));
            }
            if is_full(&jobs) {
                return Ok(self.waiting(moved, &jobs));
            }
        }
        self.post(moved).await
    }

    async fn post(&self, moved: &Move) -> Result<Accepted, TargetError> {
        let connection = match moved.to {
            Way::Stable => &self.spec.stable,
            Way::Canary => {
                self.goes_on(moved.generation)?;
                &self.spec.canary
            }
        };
        let body = NumberMove {
            phone_numbers: moved.numbers.iter().map(NumberId::new).collect(),
            connection_id: connection.clone(),
        };
        match api::start_job(&self.account, Urgency::Target, &body).await {
            Ok(job) => {
                let mut memory = self.keeper.memory();
                memory.ours.insert(job.id.as_str().to_owned(), moved.to);
                if let Some((_, open)) = &mut memory.listing {
                    *open += 1;
                }
                Ok(accepted(job.id.as_str(), moved))
            }
            // Perhaps somebody else's jobs fill the account: then this waits, and is not refused for good.
            Err(refused @ AccountError::Refused { .. }) => {
                let jobs = self.jobs(Urgency::Target).await?;
                if is_full(&jobs) {
                    Ok(self.waiting(moved, &jobs))
                } else {
                    Err(self.target_error(&refused))
                }
            }
            Err(error) => {
                if error.may_have_acted() {
                    self.keeper.memory().lost = true;
                }
                Err(self.target_error(&error))
            }
        }
    }

    /// How far a job is.
    pub(super) async fn how_far(&self, id: &str, to: Way, count: usize) -> Result<Progress, TargetError> {
        let job = api::job(&self.account, Urgency::Target, &JobId::new(id))
            .await
            .map_err(|error| self.target_error(&error))?;
        self.keeper.memory().ours.entry(id.to_owned()).or_insert(to);
        Ok(judge(&job, count, self.account.clock().now()))
    }

    /// A job that waited for room: posted once there is some, or found where that happened already. What is posted here is
    /// found by the next poll, since an operation's bytes do not change.
    pub(super) async fn how_far_waiting(&self, moved: &Move) -> Result<Progress, TargetError> {
        let jobs = self.jobs(Urgency::Target).await?;
        if let Some(found) = moved
            .listing
            .as_ref()
            .and_then(|planned| earlier(&jobs, moved, planned))
        {
            return Ok(judge(found, moved.numbers.len(), self.account.clock().now()));
        }
        if is_full(&jobs) {
            return Ok(Progress::Pending(PAUSE));
        }
        if moved.to == Way::Canary {
            // Whoever takes a raise up asks for its end; nothing that was not begun begins with that.
            if !self.keeper.memory().waiting.contains(&moved.generation) {
                let count = moved.numbers.len();
                return Ok(Progress::Partial(format!(
                    "{count} of {count} numbers were not moved: the engine that waited for room in the account has stopped"
                )));
            }
            self.still_raising(moved.generation).await?;
        }
        self.post(moved).await?;
        Ok(Progress::Pending(PAUSE))
    }

    /// What waits is looked for by what was there when it began to wait.
    fn waiting(&self, moved: &Move, jobs: &[Job]) -> Accepted {
        self.keeper.memory().waiting.insert(moved.generation);
        let mut job = moved.clone();
        let mut listing = job.listing.take().unwrap_or_default();
        listing.known.extend(jobs.iter().map(|job| job.id.as_str().to_owned()));
        job.listing = Some(listing);
        Accepted::Waiting { form: FORM, job }
    }

    /// The account's newest update jobs, remembered as a listing.
    pub(super) async fn jobs(&self, urgency: Urgency) -> Result<Vec<Job>, TargetError> {
        let at = self.account.clock().now();
        let jobs = api::jobs(&self.account, urgency)
            .await
            .map_err(|error| self.target_error(&error))?;
        let mut memory = self.keeper.memory();
        memory.listing = Some((at, jobs.iter().filter(|job| job.is_open()).count()));
        memory.lost = false;
        Ok(jobs)
    }
}

fn accepted(job: &str, moved: &Move) -> Accepted {
    Accepted::Job {
        form: FORM,
        job: job.to_owned(),
        to: moved.to,
        count: moved.numbers.len(),
    }
}

fn is_full(jobs: &[Job]) -> bool {
    jobs.iter().filter(|job| job.is_open()).count() >= MOST_OPEN_JOBS
}

/// The job that an earlier attempt at this very step posted: with exactly its numbers, and not there when it was planned.
fn earlier<'j>(jobs: &'j [Job], moved: &Move, planned: &Listing) -> Option<&'j Job> {
    let wanted: BTreeSet<_> = moved.numbers.iter().map(String::as_str).collect();
    jobs.iter().find(|job| {
        let named: BTreeSet<_> = job
            .phone_numbers
            .iter()
            .filter_map(|n| Some(n.id.as_ref()?.as_str()))
            .collect();
        named == wanted && !planned.known.iter().any(|known| known == job.id.as_str())
    })
}

/// By the lists of operations: the state alone would call a job completed that failed for half of its numbers.
pub(super) fn judge(job: &Job, count: usize, now: Timestamp) -> Progress {
    if job.is_open() {
        let pause = match job.etc {
            Some(etc) => etc.since(now).clamp(SHORTEST_PAUSE, LONGEST_PAUSE),
            None => PAUSE,
        };
        return Progress::Pending(pause);
    }
    let failed = job.failed_operations.len();
    if failed > 0 {
        let mut reasons: Vec<_> = job.failed_operations.iter().map(api::FailedOperation::said).collect();
        reasons.sort();
        reasons.dedup();
        let more = match reasons.len() {
            0 | 1 => String::new(),
            all => format!(", and {} other reasons", all - 1),
        };
        let first = reasons.first().map(String::as_str).unwrap_or_default();
        return Progress::Partial(format!("{failed} of {count} numbers failed: {first}{more}"));
    }
    let undone = match job.status {
        // Some answers leave out the list of those that went well: then the reading shows them.
        JobState::Completed => job.pending_operations.len(),
        JobState::Failed | JobState::Expired => count.saturating_sub(job.successful_operations.len()),
        JobState::Pending | JobState::InProgress | JobState::Unknown => count,
    };
    if undone == 0 {
        return Progress::Done;
    }
    let how = match job.status {
        JobState::Expired => "expired",
        JobState::Failed => "failed",
        JobState::Completed | JobState::Pending | JobState::InProgress | JobState::Unknown => "is over",
    };
    Progress::Partial(format!(
        "{undone} of {count} numbers were not moved: job {} {how}",
        job.id
    ))
}

/// The open jobs, and the ids of all that hold numbers of ours.
pub(super) fn of_ours(
    jobs: &[Job],
    numbers: &[Number],
    homeward: impl Fn(&str) -> bool,
) -> (Vec<OpenJob>, Vec<String>) {
    let by_id: BTreeSet<_> = numbers.iter().map(|number| number.id.as_str()).collect();
    let by_e164: BTreeMap<_, _> = numbers
        .iter()
        .map(|number| (number.e164.as_str(), number.id.as_str()))
        .collect();
    let (mut open, mut known) = (Vec::new(), Vec::new());
    for job in jobs {
        let named = job
            .phone_numbers
            .iter()
            .chain(&job.pending_operations)
            .chain(&job.successful_operations);
        let named = named.map(|number| (number.id.as_ref(), number.e164.as_deref()));
        let failed = job
            .failed_operations
            .iter()
            .map(|failed| (failed.id.as_ref(), failed.e164.as_deref()));
        let ours: BTreeSet<String> = named
            .chain(failed)
            .filter_map(|(id, e164)| {
                let by_id = id.map(NumberId::as_str).and_then(|id| by_id.get(id).copied());
                by_id.or_else(|| by_e164.get(e164?).copied()).map(str::to_owned)
            })
            .collect();
        let id = job.id.as_str().to_owned();
        if !ours.is_empty() {
            known.push(id.clone());
        }
        if job.is_open() {
            open.push(OpenJob {
                homeward: homeward(&id),
                created_at: job
                    .created_at
                    .map_or_else(|| "an unknown time".to_owned(), |at| at.to_string()),
                id,
                ours,
            });
        }
    }
    (open, known)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn job(extra: Value) -> Job {
        let mut job = json!({
            "id": "42587e44", "type": "update_phone_numbers", "status": "completed",
            "created_at": "2026-11-22T01:00:00Z", "phone_numbers": [{"id": "1"}, {"id": "2"}],
            "pending_operations": [], "failed_operations": [],
            "successful_operations": [{"id": "1", "phone_number": "+341"}, {"id": "2", "phone_number": "+342"}],
        });
        for (name, value) in extra.as_object().unwrap() {
            job[name] = value.clone();
        }
        serde_json::from_value(job).unwrap()
    }

    fn judged(extra: Value) -> Progress {
        judge(&job(extra), 2, "2026-11-22T01:00:05Z".parse().unwrap())
    }

    fn moved(numbers: &[&str]) -> Move {
        Move {
            to: Way::Stable,
            numbers: numbers.iter().map(|&id| id.to_owned()).collect(),
            generation: timonel_domain::rollout::Generation { epoch: 1, revision: 0 },
            listing: None,
        }
    }

    #[test]
    fn a_job_is_judged_by_its_lists() {
        assert_eq!(judged(json!({})), Progress::Done);
        let failure =
            json!([{"id": "2", "phone_number": "+342", "errors": [{"code": "10015", "title": "Bad Request"}]}]);
        let Progress::Partial(what) = judged(json!({"failed_operations": failure})) else {
            panic!("a completed job with a failure is not done")
        };
        assert!(what.starts_with("1 of 2 numbers failed: 10015"), "{what}");
        let expired =
            json!({"status": "expired", "successful_operations": [], "pending_operations": [{"id": "1"}, {"id": "2"}]});
        assert_eq!(
            judged(expired),
            Progress::Partial("2 of 2 numbers were not moved: job 42587e44 expired".to_owned())
        );
        let left = json!({"pending_operations": [{"id": "2"}]});
        assert!(matches!(judged(left), Progress::Partial(_)));
    }

    #[test]
    fn an_open_job_is_asked_again_when_it_should_be_over() {
        let secs = |progress| match progress {
            Progress::Pending(pause) => pause,
            other => panic!("{other:?}"),
        };
        assert_eq!(secs(judged(json!({"status": "pending"}))), PAUSE);
        let etc = |at: &str| secs(judged(json!({"status": "in_progress", "etc": at})));
        assert_eq!(etc("2026-11-22T01:00:08Z"), Duration::from_secs(3));
        assert_eq!(etc("2026-11-29T01:00:00Z"), LONGEST_PAUSE);
        assert_eq!(etc("2026-11-22T01:00:00Z"), SHORTEST_PAUSE);
        assert_eq!(secs(judged(json!({"status": "new word"}))), PAUSE);
    }

    #[test]
    fn a_lost_job_is_found_by_its_numbers_and_never_mixed_up_with_one_from_before() {
        let jobs = [
            job(json!({"id": "b", "phone_numbers": [{"id": "2"}, {"id": "1"}]})),
            job(json!({"id": "a"})),
        ];
        let planned = |known: &[&str]| Listing {
            at: Timestamp::from_secs(0),
            known: known.iter().map(|&id| id.to_owned()).collect(),
        };
        let found = |moved: &Move, known: &[&str]| earlier(&jobs, moved, &planned(known)).map(|job| job.id.to_string());
        assert_eq!(found(&moved(&["1", "2"]), &["a"]).as_deref(), Some("b"));
        assert_eq!(found(&moved(&["1", "2"]), &["a", "b"]), None);
        assert_eq!(found(&moved(&["1"]), &[]), None);
        assert_eq!(found(&moved(&["1", "2", "3"]), &[]), None);
    }

    #[test]
    fn jobs_hold_our_numbers_in_either_form() {
        let number = |id: &str, e164: &str| Number {
            id: id.to_owned(),
            e164: e164.to_owned(),
            calls: 0,
        };
        let numbers = [number("1", "+341"), number("7", "+347")];
        let bare = json!({"id": "c", "status": "pending", "phone_numbers": [{"phone_number": "+347"}, {"phone_number": "+340"}],
            "successful_operations": []});
        let foreign =
            json!({"id": "d", "status": "in_progress", "phone_numbers": [{"id": "9"}], "successful_operations": []});
        let (open, known) = of_ours(&[job(bare), job(foreign), job(json!({"id": "e"}))], &numbers, |id| {
            id == "d"
        });
        let ids: Vec<_> = open
            .iter()
            .map(|job| (job.id.as_str(), job.ours.len(), job.homeward))
            .collect();
        assert_eq!(ids, [("c", 1, false), ("d", 0, true)]);
        assert_eq!(known, ["c", "e"]);
    }
}
