//! What the control plane holds: connections, numbers, jobs, audit events; and what the API says of them.
//!
//! Nothing here knows of the data plane or of time passing: whoever writes is told which numbers and applications to follow up.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use timonel_domain::time::Timestamp;

use super::application::Application;
use super::audit::{AuditEvent, Change};
use super::call::Call;
use super::filter::{Filter, order};
use super::job::Job;
use super::number::{Number, NumberChange};
use super::page::Page;
use super::refusal::Refusal;
use super::setup::{ConnectionKind, JobPace, Setup};
use crate::cluster::hash;

/// What a list of numbers or jobs shows where no size is asked for, and one of applications.
const USUAL: usize = 20;
const USUAL_APPLICATIONS: usize = 250;
/// How long before the beginning everything was bought and made.
const AGE: Duration = Duration::from_secs(30 * 24 * 3600);

/// What the account holds.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) seed: u64,
    opened: Timestamp,
    pub(super) stable: String,
    pub(super) canary: String,
    pub(super) applications: BTreeMap<String, Application>,
    others: BTreeMap<String, ConnectionKind>,
    pub(super) numbers: Vec<Number>,
    /// By id and by E.164, which never look alike.
    index: HashMap<Arc<str>, usize>,
    pub(super) jobs: Vec<Job>,
    pub(super) pace: JobPace,
    pub(super) events: Vec<AuditEvent>,
    /// In cents.
    pub(super) balance: i64,
}

impl Account {
    pub(super) fn new(setup: &Setup, seed: u64, now: Timestamp) -> Self {
        let opened = now - AGE;
        let applications = [&setup.stable, &setup.canary]
            .map(|setup| (setup.id.clone(), Application::new(setup, opened)))
            .into();
        let numbers: Vec<Number> = setup
            .numbers
            .iter()
            .zip(0_u64..)
            .map(|(setup, at)| Number::new(setup, opened + Duration::from_secs(at)))
            .collect();
        let names = |(at, number): (usize, &Number)| [(number.id.clone(), at), (number.e164.clone(), at)];
        Self {
            seed,
            opened,
            stable: setup.stable.id.clone(),
            canary: setup.canary.id.clone(),
            applications,
            others: setup.others.iter().cloned().collect(),
            index: numbers.iter().enumerate().flat_map(names).collect(),
            numbers,
            jobs: Vec::new(),
            pace: setup.jobs,
            events: Vec::new(),
            balance: setup.balance,
        }
    }

    /// A UUID of version 4 in form, the same for the same seed and parts.
    pub(super) fn uuid(&self, kind: &str, of: &str) -> String {
        let half = |half: u8| hash(&[&self.seed.to_be_bytes(), kind.as_bytes(), of.as_bytes(), &[half]]);
        let (high, low) = (half(0), half(1));
        let (a, b, c) = (high >> 32, (high >> 16) & 0xffff, high & 0x0fff);
        let (d, e) = ((low >> 48) & 0x3fff | 0x8000, low & 0xffff_ffff_ffff);
        format!("{a:08x}-{b:04x}-4{c:03x}-{d:04x}-{e:012x}")
    }

    pub(super) fn organization(&self) -> String {
        self.uuid("organization", "")
    }

    pub(super) fn user(&self, who: &str) -> String {
        self.uuid("user", who)
    }

    pub(super) fn find(&self, id_or_e164: &str) -> Option<usize> {
        self.index.get(id_or_e164).copied()
    }

    pub(super) fn has_connection(&self, id: &str) -> bool {
        self.applications.contains_key(id) || self.others.contains_key(id)
    }

    pub(super) fn connection_name(&self, id: &str) -> Option<&str> {
        let texml = self.applications.get(id).map(|app| app.text("friendly_name"));
        texml.or_else(|| self.others.get(id).map(|kind| kind.record_type()))
    }

    // What the API shows.

    pub(super) fn show_balance(&self) -> Value {
        let amount = |cents: i64| {
            let sign = if cents < 0 { "-" } else { "" };
            let cents = cents.unsigned_abs();
            format!("{sign}{}.{:02}", cents / 100, cents % 100)
        };
        json!({"data": {
            "record_type": "balance", "balance": amount(self.balance), "credit_limit": "0.00",
            "available_credit": amount(self.balance), "pending": "0.00", "currency": "USD",
        }})
    }

    pub(super) fn show_connection(&self, id: &str) -> Result<Value, Refusal> {
        if let Some(application) = self.applications.get(id) {
            return Ok(json!({"data": application.show_connection()}));
        }
        let kind = self.others.get(id).ok_or_else(Refusal::not_found)?;
        let made = self.opened.to_string();
        Ok(json!({"data": {
            "id": id, "record_type": kind.record_type(), "connection_name": kind.record_type(), "active": true,
            "anchorsite_override": "Latency", "tags": [], "webhook_api_version": "2", "webhook_event_url": null,
            "webhook_event_failover_url": null, "created_at": made, "updated_at": made,
        }}))
    }

    pub(super) fn show_call_control(&self, id: &str) -> Result<Value, Refusal> {
        if self.others.get(id) != Some(&ConnectionKind::CallControl) {
            return Err(Refusal::not_found());
        }
        let made = self.opened.to_string();
        Ok(json!({"data": {
            "id": id, "record_type": "call_control_application", "application_name": "call_control_application",
            "active": true, "anchorsite_override": "Latency", "webhook_event_url": "https://calls.example.com/events",
            "webhook_event_failover_url": null, "webhook_api_version": "2", "webhook_timeout_secs": null,
            "first_command_timeout": false, "first_command_timeout_secs": 30, "dtmf_type": "RFC 2833", "tags": [],
            "created_at": made, "updated_at": made,
        }}))
    }

    pub(super) fn show_application(&self, id: &str) -> Result<Value, Refusal> {
        let application = self.applications.get(id).ok_or_else(Refusal::not_found)?;
        Ok(json!({"data": application.show()}))
    }

    pub(super) fn list_applications(&self, call: &Call) -> Result<Value, Refusal> {
        let page = Page::read(call, USUAL_APPLICATIONS).map_err(Refusal::into_bad_request)?;
        let part = call.param("filter[friendly_name]").unwrap_or_default().to_lowercase();
        let mut found: Vec<&Application> = self
            .applications
            .values()
            .filter(|app| app.text("friendly_name").to_lowercase().contains(&part))
            .collect();
        let sort = call.param("sort").unwrap_or("created_at");
        match sort.trim_start_matches('-') {
            // All are active.
            field @ ("created_at" | "friendly_name" | "active") => found.sort_by_key(|app| app.text(field)),
            _ => return Err(Refusal::bad_sort().into_bad_request()),
        }
        if sort.starts_with('-') {
            found.reverse();
        }
        Ok(page.of(&found, |app| app.show()))
    }

    pub(super) fn list_numbers(&self, call: &Call, slim: bool) -> Result<Value, Refusal> {
        let (filter, page, order) = (Filter::read(call)?, Page::read(call, USUAL)?, order(call)?);
        if slim {
            filter.check_slim(call)?;
        }
        let mut found: Vec<&Number> = self
            .numbers
            .iter()
            .filter(|number| filter.admits(number, self))
            .collect();
        found.sort_by(|a, b| order(self, a, b));
        let (tags, names) = (call.flag("include_tags"), call.flag("include_connection"));
        Ok(page.of(&found, |number| {
            let name = self.connection_name(&number.connection);
            if slim {
                number.show_slim(tags, name.filter(|_| names))
            } else {
                number.show(name)
            }
        }))
    }

    pub(super) fn show_number(&self, at: usize) -> Result<Value, Refusal> {
        let number = self.numbers.get(at).ok_or_else(Refusal::not_found)?;
        Ok(json!({"data": number.show(self.connection_name(&number.connection))}))
    }

    pub(super) fn list_jobs(&self, call: &Call) -> Result<Value, Refusal> {
        let page = Page::read(call, USUAL)?;
        if !matches!(call.param("sort"), None | Some("created_at")) {
            return Err(Refusal::bad_sort());
        }
        let mut found: Vec<&Job> = match call.param("filter[type]") {
            None | Some("update_phone_numbers") => self.jobs.iter().rev().collect(),
            // There are none of these.
            Some("update_emergency_settings" | "delete_phone_numbers") => Vec::new(),
            Some(_) => return Err(Refusal::bad_request("The filter is not supported.", "/filter/type")),
        };
        // A named order is ascending, as everywhere else in the contract.
        if call.param("sort").is_some() {
            found.reverse();
        }
        Ok(page.of(&found, |job| job.show(&self.numbers)))
    }

    pub(super) fn show_job(&self, id: &str) -> Result<Value, Refusal> {
        let job = self
            .jobs
            .iter()
            .find(|job| job.id == id)
            .ok_or_else(Refusal::not_found)?;
        Ok(json!({"data": job.show(&self.numbers)}))
    }

    // What is written.

    pub(super) fn patch_application(
        &mut self,
        who: &str,
        id: &str,
        wanted: &Map<String, Value>,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let application = self.applications.get_mut(id).ok_or_else(Refusal::not_found)?;
        let changes = application.patch(wanted, now)?;
        self.record(who, "update", id.to_owned(), None, changes, now);
        Ok(())
    }

    /// Numbers that are connected to it keep its id; their calls fail.
    pub(super) fn delete_application(&mut self, who: &str, id: &str, now: Timestamp) -> Result<(), Refusal> {
        self.applications.remove(id).ok_or_else(Refusal::not_found)?;
        self.record(who, "delete", id.to_owned(), None, Vec::new(), now);
        Ok(())
    }

    /// Changes one number.
    pub(super) fn patch_number(
        &mut self,
        who: &str,
        at: usize,
        change: &NumberChange,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        if change.connection.as_ref().is_some_and(|id| !self.has_connection(id)) {
            return Err(Refusal::bad_request("The field is invalid.", "/connection_id"));
        }
        let number = self.numbers.get_mut(at).ok_or_else(Refusal::not_found)?;
        let changes = number.apply(change, now);
        let (id, e164) = (number.id.to_string(), number.e164.to_string());
        self.record(who, "update", id, Some(e164), changes, now);
        Ok(())
    }

    fn record(
        &mut self,
        who: &str,
        kind: &'static str,
        resource: String,
        e164: Option<String>,
        changes: Vec<Change>,
        now: Timestamp,
    ) {
        if changes.is_empty() && kind == "update" {
            return;
        }
        self.events.push(AuditEvent {
            id: self.uuid("event", &self.events.len().to_string()),
            // As precise as it is shown, so that asking for what came after one does not give that one again.
            at: Timestamp::from_micros(now.micros() - now.micros().rem_euclid(1000)),
            user: self.user(who),
            organization: self.organization(),
            kind,
            resource,
            e164,
            changes,
        });
    }
}
