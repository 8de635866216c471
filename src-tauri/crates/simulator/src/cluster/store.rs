//! The objects: one resourceVersion counter over all, optimistic locks, generations, a log for watches, and what the data plane runs.
//!
//! Knows no HTTP and no time of its own. All writes of the API and of competing writers come through [`State::write`].

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde_json::{Map, Value, json};
use timonel_domain::time::Timestamp;
use timonel_ports::mailbox::Sender;

use super::fault::{Fault, Rules};
use super::kind::{Key, Kind};
use super::order::{Order, OrderBody, Unknown};
use super::ownership::{self, Writer};
use super::selection::Selection;
use super::status::Refusal;
use super::{check, patch};

/// How many changes a watch may be behind; a real server keeps about five minutes of them.
const LOG: usize = 1000;
/// A cluster that has lived a little, so that version 1 is too old.
const FIRST_VERSION: u64 = 400;

/// What the cluster is at one moment.
#[derive(Debug)]
pub(super) struct State {
    objects: BTreeMap<String, Value>,
    /// What the data plane still runs where the API says otherwise: `None` is nothing.
    held: BTreeMap<String, Option<Value>>,
    version: u64,
    log: VecDeque<Arc<Change>>,
    floor: u64,
    pub(super) rules: Rules,
    listeners: Vec<Sender<Signal>>,
}

/// One change of one object.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) version: u64,
    pub(super) key: Key,
    pub(super) before: Option<Value>,
    pub(super) after: Option<Value>,
}

/// What those who wait are told.
#[derive(Debug, Clone)]
pub(super) enum Signal {
    Changed(Arc<Change>),
    /// A fault was set or cleared.
    Faults,
}

/// A write that was done.
#[derive(Debug)]
pub(super) struct Done {
    /// The object in the version asked for, as it is now; as it was where it was deleted.
    pub(super) object: Value,
    pub(super) warnings: Vec<String>,
}

impl State {
    pub(super) fn new() -> Self {
        Self {
            objects: BTreeMap::new(),
            held: BTreeMap::new(),
            version: FIRST_VERSION,
            log: VecDeque::new(),
            floor: FIRST_VERSION,
            rules: Rules::default(),
            listeners: Vec::new(),
        }
    }

    pub(super) fn get(&self, key: &Key) -> Option<&Value> {
        self.objects.get(&key.to_string())
    }

    /// What the data plane runs.
    pub(super) fn effective(&self, key: &Key) -> Option<&Value> {
        let path = key.to_string();
        match self.held.get(&path) {
            Some(held) => held.as_ref(),
            None => self.objects.get(&path),
        }
    }

    /// The selected objects by path, in the version asked for.
    pub(super) fn list(&self, selection: &Selection, version: &str) -> Vec<Value> {
        self.objects
            .values()
            .filter(|object| Key::of(object).is_some_and(|key| selection.holds(&key, object)))
            .map(|object| served(object, selection.kind, version))
            .collect()
    }

    /// The version of the last change.
    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// The changes after `version`; `None` where they are forgotten.
    pub(super) fn since(&self, version: u64) -> Option<impl Iterator<Item = &Change>> {
        (version >= self.floor).then(|| {
            self.log
                .iter()
                .map(Arc::as_ref)
                .filter(move |change| change.version > version)
        })
    }

    /// Forgets what happened: whoever resumes a watch from before gets 410.
    pub(super) fn forget(&mut self) {
        // A compaction is itself a write in etcd's count, so that even the newest version known outside is too old.
        self.version += 1;
        self.floor = self.version;
        self.log.clear();
    }

    pub(super) fn listen(&mut self, listener: Sender<Signal>) {
        self.listeners.push(listener);
    }

    fn tell(&mut self, signal: &Signal) {
        self.listeners.retain(|listener| listener.send(signal.clone()).is_ok());
    }

    /// To be called after every change of the rules.
    pub(super) fn faults_changed(&mut self) {
        let rules = &self.rules;
        self.held.retain(|path, _| rules.lies(path));
        self.tell(&Signal::Faults);
    }

    /// Does a write, or says why not.
    pub(super) fn write(&mut self, order: &Order, now: Timestamp) -> Result<Done, Refusal> {
        let key = &order.key;
        let current = self.get(key).cloned();
        let (current, mut proposed) = match (&order.body, current) {
            (OrderBody::Create(_), Some(_)) => return Err(Refusal::already_exists(key)),
            (OrderBody::Create(body), None) => (None, body.clone()),
            (_, None) => return Err(Refusal::not_found(key)),
            (OrderBody::Delete(options), Some(current)) => return self.delete(order, options, current),
            (OrderBody::Replace(body), Some(current)) => (Some(current), body.clone()),
            (OrderBody::Json(operations), Some(current)) => {
                let patched = patch::json(served(&current, key.kind, order.version), operations);
                (Some(current), patched.map_err(|_| Refusal::unexplained())?)
            }
            (OrderBody::Merge(body), Some(current)) => {
                let patched = patch::merge(served(&current, key.kind, order.version), body);
                (Some(current), patched)
            }
            (OrderBody::Strategic(body), Some(current)) => {
                let patched = patch::strategic(served(&current, key.kind, order.version), body);
                (Some(current), patched)
            }
        };
        if let Some(why) = check::undecodable(key.kind, &proposed) {
            return Err(match order.body {
                OrderBody::Create(_) | OrderBody::Replace(_) | OrderBody::Delete(_) => {
                    let kind = key.kind.kind;
                    let version = order.version;
                    Refusal::bad_request(&format!(
                        "{kind} in version \"{version}\" cannot be handled as a {kind}: {why}"
                    ))
                }
                OrderBody::Json(_) | OrderBody::Merge(_) | OrderBody::Strategic(_) => {
                    Refusal::undecodable_patch(&proposed, &why)
                }
            });
        }
        order.check_identity(&proposed)?;
        if let Some(current) = &current {
            order.check_lock(current, &proposed)?;
        }

        let unknown = check::prune(key.kind, &mut proposed);
        let warnings = match order.unknown {
            Unknown::Refuse if !unknown.is_empty() => {
                let why = format!("strict decoding error: {}", unknown.join(", "));
                return Err(Refusal::undecodable_patch(&proposed, &why));
            }
            Unknown::Refuse | Unknown::Ignore => Vec::new(),
            Unknown::Warn => unknown,
        };
        let mut next = order.settle(current.as_ref(), proposed);
        if !order.status {
            check::schema(key, current.as_ref(), &next)?;
            self.admit(key, &next)?;
        }

        let untouched = current.as_ref().is_some_and(|current| *current == next);
        if let (true, Some(current)) = (untouched, &current) {
            return Ok(Done {
                object: served(current, key.kind, order.version),
                warnings,
            });
        }
        self.stamp(order, current.as_ref(), &mut next, now);
        if !order.dry_run {
            self.commit(key, current, Some(next.clone()));
            next = self.get(key).cloned().unwrap_or(next);
        }
        Ok(Done {
            object: served(&next, key.kind, order.version),
            warnings,
        })
    }

    /// istiod's say.
    fn admit(&mut self, key: &Key, object: &Value) -> Result<(), Refusal> {
        if key.kind.kind != "VirtualService" {
            return Ok(());
        }
        match self.rules.take_webhook(&key.to_string()) {
            Some(Fault::WebhookDown) => Err(Refusal::webhook_down()),
            Some(Fault::WebhookDenies { reason }) => Err(Refusal::webhook_denied(&reason)),
            Some(_) | None => check::istiod(object).map_err(|reason| Refusal::webhook_denied(&reason)),
        }
    }

    fn delete(&mut self, order: &Order, options: &Value, current: Value) -> Result<Done, Refusal> {
        for field in ["uid", "resourceVersion"] {
            let wanted = &options["preconditions"][field];
            if !wanted.is_null() && *wanted != current["metadata"][field] {
                return Err(Refusal::conflict(&order.key));
            }
        }
        let object = served(&current, order.key.kind, order.version);
        if !order.dry_run {
            self.commit(&order.key, Some(current), None);
        }
        Ok(Done {
            object,
            warnings: Vec::new(),
        })
    }

    /// What the server itself writes into an object that changes: generation and owners of fields; of a new one also its identity.
    fn stamp(&self, order: &Order, old: Option<&Value>, next: &mut Value, now: Timestamp) {
        let time = format!("{}Z", now.to_string().split('.').next().unwrap_or_default());
        let key = &order.key;
        if old.is_none() {
            next["metadata"]["uid"] = uid(key, self.version).into();
            next["metadata"]["creationTimestamp"] = time.clone().into();
        }
        if key.kind.has_generation {
            let generation = old.and_then(|old| old["metadata"]["generation"].as_i64()).unwrap_or(0);
            let is_new = old.is_none_or(|old| desired(old) != desired(next));
            next["metadata"]["generation"] = (generation + i64::from(is_new)).into();
        }
        let nothing = json!({});
        let old = old.unwrap_or(&nothing);
        let api_version = key.kind.api_version(order.version);
        let writer = Writer {
            manager: &order.manager,
            api_version: &api_version,
            status: order.status,
            time: &time,
        };
        next["metadata"]["managedFields"] = ownership::record(&old["metadata"]["managedFields"], old, next, writer);
    }

    fn commit(&mut self, key: &Key, before: Option<Value>, mut after: Option<Value>) {
        self.version += 1;
        let path = key.to_string();
        if self.rules.lies(&path) {
            self.held.entry(path.clone()).or_insert_with(|| before.clone());
        } else {
            self.held.remove(&path);
        }
        match &mut after {
            Some(object) => {
                object["metadata"]["resourceVersion"] = self.version.to_string().into();
                self.objects.insert(path, object.clone());
            }
            None => drop(self.objects.remove(&path)),
        }
        let change = Arc::new(Change {
            version: self.version,
            key: key.clone(),
            before,
            after,
        });
        self.log.push_back(change.clone());
        if self.log.len() > LOG
            && let Some(forgotten) = self.log.pop_front()
        {
            self.floor = forgotten.version;
        }
        self.tell(&Signal::Changed(change));
    }
}

/// Looks like a random UUID and is the same in every run.
fn uid(key: &Key, version: u64) -> String {
    let path = key.to_string();
    let half = |salt: &[u8]| super::hash(&[salt, &version.to_be_bytes(), path.as_bytes()]);
    let hex = format!("{:016x}{:016x}", half(b"high"), half(b"low"));
    format!(
        "{}-{}-4{}-8{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[13..16],
        &hex[17..20],
        &hex[20..]
    )
}

/// The object as a version shows it.
pub(super) fn served(object: &Value, kind: &Kind, version: &str) -> Value {
    let mut object = object.clone();
    object["apiVersion"] = kind.api_version(version).into();
    object
}

/// What a change of raises the generation.
fn desired(object: &Value) -> Map<String, Value> {
    let mut object = object.as_object().cloned().unwrap_or_default();
    for not_desired in ["metadata", "status", "apiVersion", "kind"] {
        object.remove(not_desired);
    }
    object
}
