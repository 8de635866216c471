//! The helm as Leases of `coordination.k8s.io/v1`, for engines in a cluster: one for each rollout, and one that counts epochs.
//!
//! Every write is a PUT of the object that was read, with its `resourceVersion`: of any number at once one gets through, and
//! what others have put there stays. `leaseTransitions` of a rollout's Lease is its epoch, drawn from the Lease
//! [`COUNTER`], since targets bear epochs and know no rollouts; one that is drawn and not used is lost, and epochs only grow.
//!
//! A lease has ended once it was *seen* unrenewed for its whole length by the clock of whoever asks, which only goes forward: the times
//! in the object are its holder's and compared with nothing. So whoever comes anew waits for all of it. Deliberately
//! not here: watches (who waits looks once a second), and who chooses it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use http::StatusCode;
use k8s_openapi::api::coordination::v1::Lease;
use kube::Resource;
use kube::api::{GetParams, PostParams, Request};
use serde_json::{Value, json};
use timonel_domain::time::{Mono, Timestamp};
use timonel_domain::value::{RolloutId, Writer};
use timonel_ports::helm::{Held, Helm, HelmError, HelmState, LEASE, Take};
use timonel_ports::target::TargetError;

use crate::answer::Answer;
use crate::connection::{Connection, KubernetesError};

/// The Lease that nobody holds: its `leaseTransitions` is the newest epoch of all rollouts.
pub const COUNTER: &str = "timonel-epochs";
/// What the names of rollouts' Leases begin with.
const PREFIX: &str = "timonel-rollout";
/// So often somebody else may come in between before it is given up.
const TRIES: usize = 20;

/// The helms of one namespace's Leases. Programs that work on one rollout share cluster and namespace.
#[derive(Debug)]
pub struct LeaseHelm {
    connection: Connection,
    namespace: String,
    seen: Mutex<HashMap<RolloutId, Sighting>>,
}

/// Since when a Lease has been seen as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sighting {
    version: String,
    since: Mono,
}

/// A Lease as it was read; the whole object goes back with a write.
#[derive(Debug, Clone)]
struct Kept(Value);

impl LeaseHelm {
    /// Helms in `namespace` of the cluster behind `connection`. Sends nothing; errors where the name could not be a namespace.
    pub fn new(connection: Connection, namespace: &str) -> Result<Self, KubernetesError> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if namespace.is_empty() || namespace.len() > 63 || !namespace.bytes().all(plain) {
            return Err(KubernetesError::Name {
                what: "a namespace",
                name: namespace.to_owned(),
            });
        }
        Ok(Self {
            connection,
            namespace: namespace.to_owned(),
            seen: Mutex::default(),
        })
    }

    /// Brings the epoch of a helm that is held up to at least `least`, for marks that targets bear from a helm elsewhere. The epoch that is
    /// held from now on.
    pub async fn lift(&self, of: &RolloutId, by: &Writer, epoch: u64, least: u64) -> Result<u64, HelmError> {
        if epoch >= least {
            return Ok(epoch);
        }
        let lifted = self.draw(least - 1).await.map_err(unavailable)?;
        self.hold(of, by, epoch, |spec| spec["leaseTransitions"] = json!(lifted))
            .await?;
        Ok(lifted)
    }

    fn place(&self, name: &str) -> String {
        format!("Lease {}/{name}", self.namespace)
    }

    fn request(&self) -> Request {
        Request::new(Lease::url_path(&(), Some(&self.namespace)))
    }

    async fn call(
        &self,
        name: &str,
        request: Result<http::Request<Vec<u8>>, kube::core::request::Error>,
    ) -> Result<Answer, TargetError> {
        let place = self.place(name);
        let request = request.map_err(|error| TargetError::Refused {
            place: place.clone(),
            detail: error.to_string(),
        })?;
        self.connection.call(&place, request).await
    }

    /// The object, `None` where there is none.
    async fn get(&self, name: &str) -> Result<Option<Kept>, TargetError> {
        let answer = self.call(name, self.request().get(name, &GetParams::default())).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let object: Value = answer.json(&self.place(name))?;
        // What is written goes into it: of anything else a change could not even be made.
        let fits = object.is_object() && matches!(object["spec"], Value::Object(_) | Value::Null);
        if !fits {
            return Err(TargetError::Garbled {
                place: self.place(name),
                detail: "it is no object with a spec".to_owned(),
            });
        }
        Ok(Some(Kept(object)))
    }

    /// Writes what was read and changed, or makes it. Whether nobody else has written since.
    async fn put(&self, name: &str, kept: Option<Kept>, change: impl FnOnce(&mut Value)) -> Result<bool, TargetError> {
        let place = self.place(name);
        let known = kept.is_some();
        let mut object = kept.map_or_else(
            || {
                json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
                    "metadata": {"name": name, "namespace": self.namespace,
                        "labels": {"app.kubernetes.io/part-of": "timonel"}},
                    "spec": {}})
            },
            |kept| kept.0,
        );
        change(&mut object["spec"]);
        let body = serde_json::to_vec(&object).expect("JSON serialises");
        let params = PostParams::default();
        let request = if known {
            self.request().replace(name, &params, body)
        } else {
            self.request().create(&params, body)
        };
        let answer = self.call(name, request).await?;
        // Written, made or deleted by somebody else meanwhile.
        if answer.status == StatusCode::CONFLICT || (known && answer.status == StatusCode::NOT_FOUND) {
            return Ok(false);
        }
        answer.success(&place).map(|_| true)
    }

    /// A new epoch, greater than every one before and than `after`.
    async fn draw(&self, after: u64) -> Result<u64, TargetError> {
        for _ in 0..TRIES {
            let kept = self.get(COUNTER).await?;
            let epoch = kept.as_ref().map_or(0, Kept::epoch).max(after) + 1;
            if self
                .put(COUNTER, kept, |spec| spec["leaseTransitions"] = json!(epoch))
                .await?
            {
                return Ok(epoch);
            }
        }
        Err(TargetError::Conflict {
            place: self.place(COUNTER),
        })
    }

    /// Changes the Lease that `by` holds with `epoch`; [`HelmError::Lost`] where it does not.
    async fn hold(
        &self,
        of: &RolloutId,
        by: &Writer,
        epoch: u64,
        change: impl Fn(&mut Value),
    ) -> Result<(), HelmError> {
        let name = name(of);
        for _ in 0..TRIES {
            let kept = self.get(&name).await.map_err(unavailable)?;
            let Some(kept) = kept.filter(|kept| kept.holder() == Some(by.as_str()) && kept.epoch() == epoch) else {
                let now = self.current(of).await?;
                return Err(HelmError::Lost { now });
            };
            if self.put(&name, Some(kept), &change).await.map_err(unavailable)? {
                return Ok(());
            }
        }
        Err(unavailable(TargetError::Conflict {
            place: self.place(&name),
        }))
    }

    /// What a Lease says, with its end as it was seen from here.
    fn state(&self, of: &RolloutId, kept: &Kept) -> Result<HelmState, TargetError> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = Sighting {
            version: kept.version().to_owned(),
            since: self.connection.clock().mono(),
        };
        let now = fresh.since;
        let first = seen.entry(of.clone()).or_insert_with(|| fresh.clone());
        if first.version != fresh.version {
            *first = fresh;
        }
        let ended = now.saturating_since(first.since) >= LEASE;
        let held = kept.held().map_err(|detail| TargetError::Garbled {
            place: self.place(&name(of)),
            detail,
        })?;
        Ok(HelmState {
            epoch: kept.epoch(),
            held: held.filter(|_| !ended),
        })
    }
}

#[async_trait]
impl Helm for LeaseHelm {
    async fn current(&self, of: &RolloutId) -> Result<HelmState, HelmError> {
        match self.get(&name(of)).await.map_err(unavailable)? {
            Some(kept) => self.state(of, &kept).map_err(unavailable),
            None => Ok(HelmState::default()),
        }
    }

    async fn take(&self, of: &RolloutId, by: &Writer, how: Take) -> Result<u64, HelmError> {
        let name = name(of);
        for _ in 0..TRIES {
            let kept = self.get(&name).await.map_err(unavailable)?;
            let state = kept.as_ref().map(|kept| self.state(of, kept)).transpose();
            let state = state.map_err(unavailable)?.unwrap_or_default();
            match (&state.held, how) {
                (None, _) | (Some(_), Take::ByForce) => {}
                (Some(held), Take::Again) if held.by == *by => {}
                (Some(held), Take::Free | Take::Again) => return Err(HelmError::Held(held.clone())),
            }
            let epoch = self.draw(state.epoch).await.map_err(unavailable)?;
            let now = moment(self.connection.now());
            let taking = |spec: &mut Value| {
                spec["holderIdentity"] = json!(by.as_str());
                spec["leaseDurationSeconds"] = json!(LEASE.as_secs());
                spec["acquireTime"] = now.clone();
                spec["renewTime"] = now;
                spec["leaseTransitions"] = json!(epoch);
            };
            if self.put(&name, kept, taking).await.map_err(unavailable)? {
                return Ok(epoch);
            }
        }
        Err(unavailable(TargetError::Conflict {
            place: self.place(&name),
        }))
    }

    async fn renew(&self, of: &RolloutId, by: &Writer, epoch: u64) -> Result<(), HelmError> {
        let now = moment(self.connection.now());
        self.hold(of, by, epoch, |spec| spec["renewTime"] = now.clone()).await
    }

    async fn release(&self, of: &RolloutId, by: &Writer, epoch: u64) -> Result<(), HelmError> {
        // Nobody is written by leaving the holder out; the API server refuses one without a name.
        let leave = |spec: &mut Value| {
            if let Some(spec) = spec.as_object_mut() {
                spec.remove("holderIdentity");
            }
        };
        match self.hold(of, by, epoch, leave).await {
            Ok(()) | Err(HelmError::Lost { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

impl Kept {
    fn version(&self) -> &str {
        self.0["metadata"]["resourceVersion"].as_str().unwrap_or_default()
    }

    fn holder(&self) -> Option<&str> {
        self.0["spec"]["holderIdentity"]
            .as_str()
            .filter(|holder| !holder.is_empty())
    }

    fn epoch(&self) -> u64 {
        self.0["spec"]["leaseTransitions"].as_u64().unwrap_or(0)
    }

    /// Who holds it by its text, ended or not.
    fn held(&self) -> Result<Option<Held>, String> {
        let Some(holder) = self.holder() else { return Ok(None) };
        let time = |field: &str| -> Result<Timestamp, String> {
            let text = self.0["spec"][field].as_str();
            let text = text.ok_or_else(|| format!("held, and without spec.{field}"))?;
            text.parse().map_err(|error| format!("spec.{field}: {error}"))
        };
        Ok(Some(Held {
            by: Writer::new(holder).map_err(|error| error.to_string())?,
            since: time("acquireTime")?,
            until: time("renewTime")? + LEASE,
        }))
    }
}

/// The Lease of a rollout. An id may have signs that a name in Kubernetes may not: then it stands there in hexadecimal.
fn name(of: &RolloutId) -> String {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let id = of.as_str();
    if id.bytes().all(plain) && !id.ends_with('-') {
        return format!("{PREFIX}-{id}");
    }
    let hex: String = id.bytes().map(|b| format!("{b:02x}")).collect();
    format!("{PREFIX}.{hex}")
}

/// A MicroTime: the API server refuses one without six digits.
fn moment(at: Timestamp) -> Value {
    json!(at)
}

fn unavailable(error: TargetError) -> HelmError {
    HelmError::Unavailable(error.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_has_a_name_of_its_own_that_kubernetes_takes() {
        let named = |id: &str| name(&RolloutId::new(id).unwrap());
        assert_eq!(named("ivr-2026-11-22"), "timonel-rollout-ivr-2026-11-22");
        assert_eq!(named("a_b"), "timonel-rollout.615f62");
        assert_ne!(named("a-b"), named("a_b"));
        let longest = named(&"_".repeat(80).replacen('_', "a", 1));
        assert!(longest.len() <= 253, "{longest}");
    }

    #[test]
    fn a_lease_of_somebody_else_is_read_or_said_to_be_garbled() {
        let kept = |spec: Value| Kept(json!({"metadata": {"resourceVersion": "7"}, "spec": spec}));
        assert_eq!(kept(json!({})).held(), Ok(None));
        assert_eq!(kept(json!({"holderIdentity": ""})).held(), Ok(None));
        let time = "2026-11-22T01:30:00.000000Z";
        let held =
            kept(json!({"holderIdentity": "motor-a", "acquireTime": time, "renewTime": time, "leaseTransitions": 3}));
        assert_eq!(held.epoch(), 3);
        let who = held.held().unwrap().unwrap();
        assert_eq!((who.by.as_str(), who.until), ("motor-a", who.since + LEASE));
        assert!(kept(json!({"holderIdentity": "motor-a"})).held().is_err());
        assert!(
            kept(json!({"holderIdentity": "UNA PERSONA", "acquireTime": time, "renewTime": time}))
                .held()
                .is_err()
        );
    }
}
