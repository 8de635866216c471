//! Bulk jobs from the request to the last number: what is refused, which numbers fail, what each operation writes.
//!
//! The limits and the words of the refusals are the published contract's.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use serde_json::Value;
use timonel_domain::time::Timestamp;

use super::account::Account;
use super::call::Call;
use super::filter::Filter;
use super::job::{Job, JobStatus, LIFETIME, Operation, Outcome};
use super::number::NumberChange;
use super::refusal::Refusal;
use crate::cluster::hash;

/// Most numbers of one job.
const MOST_NUMBERS: usize = 1000;
/// Most jobs that may be open in an account.
const MOST_OPEN: usize = 20;

impl Account {
    /// The numbers and the change of a request for a job. `bool`: they were named by E.164.
    pub(super) fn read_job(&self, call: &Call) -> Result<(Vec<usize>, bool, NumberChange), Refusal> {
        let (body, filter) = (call.object()?, Filter::read(call)?);
        let change = NumberChange::read(&body)?;
        let (numbers, by_e164) = if filter.is_empty() {
            self.read_named(body.get("phone_numbers"))?
        } else {
            // Whatever the body names: everything that matches, a thousand at a time.
            let matching = (0..self.numbers.len()).filter(|at| filter.admits(&self.numbers[*at], self));
            (matching.take(MOST_NUMBERS).collect(), false)
        };
        if numbers.is_empty() {
            let detail = "You must provide at least 1 phone number.";
            return Err(Refusal::bad_request(detail, "/phone_numbers"));
        }
        if change.is_empty() {
            let detail = "You must provide at least 1 updateable field.";
            return Err(Refusal::bad_request(detail, "/updateable_fields"));
        }
        Ok((numbers, by_e164, change))
    }

    fn read_named(&self, named: Option<&Value>) -> Result<(Vec<usize>, bool), Refusal> {
        let refuse = |detail: &str| Err(Refusal::bad_request(detail, "/phone_numbers"));
        let Some(named) = named else {
            return refuse("must be present");
        };
        let Ok(named) = serde_json::from_value::<Vec<String>>(named.clone()) else {
            return Err(Refusal::bad_type("phone_numbers", "array of strings"));
        };
        if named.len() > MOST_NUMBERS {
            return refuse("1000 numbers is the maximum allowed.");
        }
        let by_e164 = named.first().is_some_and(|first| first.starts_with('+'));
        if named.iter().any(|name| name.starts_with('+') != by_e164) {
            return refuse("You must specify either all phone numbers in the e164 format or all as phone number ids");
        }
        let mut found = Vec::with_capacity(named.len());
        for name in &named {
            match self.find(name) {
                None => return refuse("You must own every number in the bulk request"),
                Some(at) => found.push(at),
            }
        }
        let mut seen = HashSet::new();
        found.retain(|at| seen.insert(*at));
        Ok((found, by_e164))
    }

    /// Takes a job on; returns its index. It is taken up `after` later.
    pub(super) fn post_job(
        &mut self,
        who: &str,
        numbers: &[usize],
        by_e164: bool,
        change: NumberChange,
        after: Duration,
        now: Timestamp,
    ) -> Result<usize, Refusal> {
        if self.jobs.iter().filter(|job| job.status.is_open()).count() >= MOST_OPEN {
            let detail = "You can have at most 20 pending or in progress jobs";
            return Err(Refusal::bad_request(detail, "/base"));
        }
        let id = self.uuid("job", &self.jobs.len().to_string());
        let draw = |at: usize| hash(&[&self.seed.to_be_bytes(), id.as_bytes(), &at.to_be_bytes()]);
        let mut by_luck = numbers.to_vec();
        by_luck.sort_by_key(|at| draw(*at));
        let ranks: HashMap<usize, usize> = by_luck.into_iter().zip(0..).collect();
        let operation = |number: &usize| Operation {
            number: *number,
            rank: ranks[number],
            outcome: Outcome::Pending,
        };
        let count = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
        self.jobs.push(Job {
            status: JobStatus::Pending,
            who: who.to_owned(),
            created: now,
            updated: now,
            etc: now + after + self.pace.step() * count,
            change,
            by_e164,
            operations: numbers.iter().map(operation).collect(),
            next: 0,
            id,
        });
        Ok(self.jobs.len() - 1)
    }

    /// When a job posted at `now` is given up.
    pub(super) fn expiry(now: Timestamp) -> Timestamp {
        now + LIFETIME
    }

    /// Carries out the next operation of an open job, of whose numbers the first `failing` in its own order fail. Returns the
    /// number that was written.
    pub(super) fn operate(&mut self, job: usize, failing: usize, now: Timestamp) -> Option<usize> {
        let work = self.jobs.get(job)?;
        let operation = work.operations.get(work.next)?;
        let (number, unlucky) = (operation.number, operation.rank < failing);
        let (who, change) = (work.who.clone(), work.change.clone());
        let done = !unlucky && self.patch_number(&who, number, &change, now).is_ok();
        let outcome = if done {
            Outcome::Done
        } else {
            Outcome::Failed("/connection_id")
        };
        self.jobs.get_mut(job)?.note(outcome, now);
        done.then_some(number)
    }
}
