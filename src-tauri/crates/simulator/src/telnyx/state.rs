//! Everything that changes, behind one lock: the account, the data plane that follows it, what is due, faults, counts.
//!
//! [`State::advance`] does what is due before anybody looks, so that what is seen does not depend on which task ran first.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use timonel_domain::time::Timestamp;
use timonel_ports::mailbox::Sender;

use super::account::Account;
use super::agenda::{Agenda, Deed};
use super::fault::Rules;
use super::job::JobStatus;
use super::limit::Window;
use super::number::NumberChange;
use super::plane::{Plane, Routed};
use super::refusal::Refusal;
use super::setup::Setup;

#[derive(Debug)]
pub(super) struct State {
    pub(super) account: Account,
    plane: Plane,
    pub(super) agenda: Agenda,
    pub(super) rules: Rules,
    pub(super) window: Window,
    /// By method and template.
    pub(super) requests: BTreeMap<String, u64>,
    propagation: Duration,
    /// What would have been done but for stuck jobs.
    stalled: Vec<Deed>,
    /// To be told of changes of the data plane.
    listeners: Vec<Sender<()>>,
    /// Requests that hang, to be told of changes of the faults.
    waiting: Vec<Sender<()>>,
}

impl State {
    pub(super) fn new(setup: &Setup, seed: u64, now: Timestamp) -> Self {
        let account = Account::new(setup, seed, now);
        let url = |id: &str| account.applications.get(id).map(|app| app.text("voice_url").into());
        let plane = Plane {
            connections: account.numbers.iter().map(|number| number.connection.clone()).collect(),
            urls: [&account.stable, &account.canary]
                .into_iter()
                .filter_map(|id| Some((id.as_str().into(), url(id)?)))
                .collect(),
        };
        Self {
            account,
            plane,
            agenda: Agenda::default(),
            rules: Rules::default(),
            window: Window::new(setup.limits),
            requests: BTreeMap::new(),
            propagation: setup.propagation,
            stalled: Vec::new(),
            listeners: Vec::new(),
            waiting: Vec::new(),
        }
    }

    /// Does all that is due by `now`.
    pub(super) fn advance(&mut self, now: Timestamp) {
        let mut rerouted = false;
        while let Some((at, deed)) = self.agenda.take(now) {
            match deed {
                Deed::Begin(_) | Deed::Step(_) => self.work(at, deed),
                Deed::Expire(job) => {
                    if let Some(job) = self.account.jobs.get_mut(job).filter(|job| job.status.is_open()) {
                        job.status = JobStatus::Expired;
                        job.updated = at;
                    }
                }
                Deed::Follow(number, connection) => {
                    let followed = &mut self.plane.connections[number];
                    rerouted |= *followed != connection;
                    *followed = connection;
                }
                Deed::Serve(application, url) => {
                    rerouted = true;
                    match url {
                        Some(url) => drop(self.plane.urls.insert(application, url)),
                        None => drop(self.plane.urls.remove(&application)),
                    }
                }
            }
        }
        if rerouted {
            self.listeners.retain(|listener| listener.send(()).is_ok());
        }
    }

    /// The part of a job that is due at `at`.
    fn work(&mut self, at: Timestamp, deed: Deed) {
        let (Deed::Begin(at_job) | Deed::Step(at_job)) = deed else {
            return;
        };
        let Some(job) = self.account.jobs.get_mut(at_job).filter(|job| job.status.is_open()) else {
            return;
        };
        if self.rules.jobs_stuck() {
            self.stalled.push(deed);
            return;
        }
        if let Deed::Begin(_) = deed {
            job.status = JobStatus::InProgress;
            job.updated = at;
        } else {
            let failing = self
                .rules
                .failing(job.operations.len(), job.change.connection.as_deref());
            if let Some(number) = self.account.operate(at_job, failing, at) {
                self.follow(number, at);
            }
        }
        if self.account.jobs[at_job].status.is_open() {
            self.agenda.put(at + self.account.pace.step(), Deed::Step(at_job));
        }
    }

    /// The calls of a number follow what the API shows, after a while.
    fn follow(&mut self, number: usize, now: Timestamp) {
        let connection = self.account.numbers[number].connection.clone();
        self.agenda
            .put(now + self.propagation, Deed::Follow(number, connection));
    }

    /// Writes one number, and lets its calls follow.
    pub(super) fn patch_number(
        &mut self,
        who: &str,
        number: usize,
        change: &NumberChange,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        self.account.patch_number(who, number, change, now)?;
        if change.connection.is_some() {
            self.follow(number, now);
        }
        Ok(())
    }

    /// Writes an application, and lets its calls follow.
    pub(super) fn patch_application(
        &mut self,
        who: &str,
        id: &str,
        wanted: &Map<String, Value>,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let url = |account: &Account| account.applications.get(id).map(|app| app.text("voice_url").to_owned());
        let before = url(&self.account);
        self.account.patch_application(who, id, wanted, now)?;
        let after = url(&self.account);
        if after != before {
            let deed = Deed::Serve(id.into(), after.map(|url| url.as_str().into()));
            self.agenda.put(now + self.propagation, deed);
        }
        Ok(())
    }

    /// Removes an application; its calls fail after a while.
    pub(super) fn delete_application(&mut self, who: &str, id: &str, now: Timestamp) -> Result<(), Refusal> {
        self.account.delete_application(who, id, now)?;
        self.agenda.put(now + self.propagation, Deed::Serve(id.into(), None));
        Ok(())
    }

    /// Takes a job on, to be taken up `after` later; returns its index.
    pub(super) fn post_job(
        &mut self,
        who: &str,
        numbers: &[usize],
        by_e164: bool,
        change: NumberChange,
        after: Duration,
        now: Timestamp,
    ) -> Result<usize, Refusal> {
        let job = self.account.post_job(who, numbers, by_e164, change, after, now)?;
        self.agenda.put(now + after, Deed::Begin(job));
        self.agenda.put(Account::expiry(now), Deed::Expire(job));
        Ok(job)
    }

    pub(super) fn routing(&self) -> Vec<Routed> {
        let routed = |(at, number): (usize, &super::number::Number)| self.plane.routed(at, &number.e164);
        self.account.numbers.iter().enumerate().filter_map(routed).collect()
    }

    pub(super) fn routed(&self, id_or_e164: &str) -> Option<Routed> {
        let at = self.account.find(id_or_e164)?;
        self.plane.routed(at, &self.account.numbers[at].e164)
    }

    pub(super) fn url_in_force(&self, application: &str) -> Option<Arc<str>> {
        self.plane.urls.get(application).cloned()
    }

    pub(super) fn listen(&mut self, listener: Sender<()>) {
        self.listeners.push(listener);
    }

    pub(super) fn await_faults(&mut self, waiting: Sender<()>) {
        self.waiting.push(waiting);
    }

    /// Tells those that hang, and lets jobs go on that are no longer stuck.
    pub(super) fn faults_changed(&mut self, now: Timestamp) {
        for waiting in std::mem::take(&mut self.waiting) {
            waiting.tell(());
        }
        if !self.rules.jobs_stuck() {
            for deed in std::mem::take(&mut self.stalled) {
                self.agenda.put(now, deed);
            }
        }
    }
}
