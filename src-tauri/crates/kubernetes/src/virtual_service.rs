//! The weights of named routes of one Istio VirtualService.
//!
//! Everything that is decided (`object`, `patch`, `manual`) is pure; this file and `watch` and `preflight` beside it call. What the object
//! has beside the two weights of each named route and our two annotations is never written.
//!
//! There is no instant lever: the plain path is one PATCH already, and what else would take calls off the canary
//! (a Service's selector, a Deployment's scale) is a target of its own.

mod manual;
mod object;
mod patch;
mod preflight;
mod watch;

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::APIGroup;
use kube::api::{GetParams, Patch, PatchParams, Request};
use kube::core::DynamicObject;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use timonel_domain::value::TargetId;
use timonel_ports::target::{
    Apart, Description, Fence, Goal, ManualCommand, Operation, Preflight, Progress, Reach, Reading, Step, Target,
    TargetError,
};

use crate::answer::Answer;
use crate::connection::{Connection, KubernetesError};
use object::{NoSnapshot, Snapshot};
use watch::Watched;

/// Carries a rollback's generation on the object, until a raise of a later generation.
pub const ROLLBACK_ANNOTATION: &str = "timonel.dev/rollback";
/// Carries the generation of the last raise.
pub const RAISED_ANNOTATION: &str = "timonel.dev/raised";

const GROUP: &str = "networking.istio.io";
/// The versions that serve VirtualService, the one to prefer first. Their `spec.http` is the same.
const VERSIONS: [&str; 3] = ["v1", "v1beta1", "v1alpha3"];
const KIND: &str = "kubernetes.virtual-service";
const MANAGER: &str = "timonel";
/// Istio's weights are whole percents.
const GRAIN: u16 = 100;
/// Bytes of what is wrong with an object that people are told.
const LONGEST: usize = 2000;

/// What the other side wrote may be of any length; people read its beginning.
fn beginning(mut said: String) -> String {
    if said.len() > LONGEST {
        said.truncate(said.floor_char_boundary(LONGEST));
        said.push('…');
    }
    said
}

/// Which weights of which object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// The target's id in the plan.
    pub id: TargetId,
    /// The object's namespace.
    pub namespace: String,
    /// The object's name.
    pub name: String,
    /// The `name` of each entry of `spec.http` that splits the calls; all get the same weight.
    pub routes: Vec<String>,
    /// Where the old version is.
    pub stable: Destination,
    /// Where the new version is.
    pub canary: Destination,
}

/// One destination of a route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Destination {
    /// The Service's name, short (in the object's namespace) or in full.
    pub host: String,
    /// The subset of its DestinationRule, where the arms share a host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subset: Option<String>,
}

impl std::fmt::Display for Destination {
    /// Such as `casos-service/stable`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.host)?;
        self.subset.iter().try_for_each(|subset| write!(f, "/{subset}"))
    }
}

/// The target `kubernetes.virtual-service`. Watches and reads may run at the same time as writes.
#[derive(Debug)]
pub struct VirtualService {
    spec: Spec,
    place: String,
    connection: Connection,
    memory: Mutex<Memory>,
}

/// What earlier calls have taught, so that a rollback is one call and the manual commands know the places.
#[derive(Debug, Default)]
struct Memory {
    api_version: Option<String>,
    last: Option<Snapshot>,
    watched: Option<Watched>,
}

/// A step: one locked patch, complete, so that another process can send it.
#[derive(Debug, Serialize, Deserialize)]
struct Write {
    api_version: String,
    namespace: String,
    name: String,
    resource_version: String,
    patch: Value,
}

/// An operation: the patch has been answered, and this is the version that it made.
#[derive(Debug, Serialize, Deserialize)]
struct Written {
    resource_version: String,
}

impl VirtualService {
    /// A target over `connection`. Sends nothing; errors where a name could not be one in Kubernetes.
    pub fn new(spec: Spec, connection: Connection) -> Result<Self, KubernetesError> {
        for (what, name) in [("a namespace", &spec.namespace), ("a VirtualService", &spec.name)] {
            let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.');
            if name.is_empty() || name.len() > 253 || !name.bytes().all(plain) || name.starts_with('.') {
                return Err(KubernetesError::Name {
                    what,
                    name: name.clone(),
                });
            }
        }
        let place = format!("VirtualService {}/{}", spec.namespace, spec.name);
        Ok(Self {
            spec,
            place,
            connection,
            memory: Mutex::default(),
        })
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The version of the API group to use, asked for once.
    async fn api_version(&self) -> Result<String, TargetError> {
        if let Some(known) = self.memory().api_version.clone() {
            return Ok(known);
        }
        let request = http::Request::get(format!("/apis/{GROUP}"))
            .body(Vec::new())
            .map_err(|e| self.unbuilt(e))?;
        let group: APIGroup = self.connection.call(&self.place, request).await?.json(&self.place)?;
        let served: Vec<_> = group.versions.iter().map(|served| served.version.as_str()).collect();
        let Some(version) = VERSIONS.into_iter().find(|version| served.contains(version)) else {
            let detail = format!("the cluster serves {GROUP} in {served:?}, and Timonel knows {VERSIONS:?}");
            return Err(TargetError::Missing {
                place: self.place.clone(),
                detail,
            });
        };
        self.memory().api_version = Some(version.to_owned());
        Ok(version.to_owned())
    }

    async fn get(&self) -> Result<(String, DynamicObject), TargetError> {
        let version = self.api_version().await?;
        let request =
            Request::new(collection(&self.spec.namespace, &version)).get(&self.spec.name, &GetParams::default());
        let request = request.map_err(|e| self.unbuilt(e))?;
        let object = self.connection.call(&self.place, request).await?.json(&self.place);
        if let Err(TargetError::Missing { .. }) = &object {
            // Perhaps the cluster was upgraded and serves this version no more.
            self.memory().api_version = None;
        }
        Ok((version, object?))
    }

    async fn patch(&self, version: &str, patch: &Value, dry_run: bool) -> Result<Answer, TargetError> {
        let params = PatchParams {
            dry_run,
            field_manager: Some(MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let patch = serde_json::from_value(patch.clone()).map_err(|_| self.foreign())?;
        let request = Request::new(collection(&self.spec.namespace, version)).patch(
            &self.spec.name,
            &params,
            &Patch::Json::<()>(patch),
        );
        self.connection
            .call(&self.place, request.map_err(|e| self.unbuilt(e))?)
            .await
    }

    fn snapshot(&self, version: &str, object: &DynamicObject) -> Result<Snapshot, TargetError> {
        let place = self.place.clone();
        let snapshot = Snapshot::of(&self.spec, version, object).map_err(|why| match why {
            NoSnapshot::Garbled(detail) => TargetError::Garbled {
                place,
                detail: beginning(detail),
            },
            NoSnapshot::Shape(detail) => TargetError::Shape {
                place,
                detail: beginning(detail),
            },
        })?;
        self.memory().last = Some(snapshot.clone());
        Ok(snapshot)
    }

    /// Why a patch was answered with a 422 that explains nothing: one of its tests did not hold, or a path was gone.
    /// Where the object has moved on, that is what happened.
    async fn explain(&self, write: &Write) -> TargetError {
        match self.get().await {
            Ok((_, now)) if now.metadata.resource_version.as_ref() != Some(&write.resource_version) => {
                TargetError::Conflict {
                    place: self.place.clone(),
                }
            }
            Ok(_) => {
                let detail = "the API server rejected the patch without a reason, and the object is as it was when it was planned";
                TargetError::Refused {
                    place: self.place.clone(),
                    detail: detail.to_owned(),
                }
            }
            Err(error) => error,
        }
    }

    fn remembered(&self, reading: &Reading) -> Result<Snapshot, TargetError> {
        serde_json::from_slice(&reading.snapshot).map_err(|_| self.foreign())
    }

    fn foreign(&self) -> TargetError {
        let detail = "what was kept of it was not written by this target. Read it again and plan anew".to_owned();
        TargetError::Shape {
            place: self.place.clone(),
            detail,
        }
    }

    fn unbuilt(&self, error: impl std::fmt::Display) -> TargetError {
        TargetError::Shape {
            place: self.place.clone(),
            detail: format!("no request can be made of its names: {error}"),
        }
    }
}

/// The path of all VirtualServices of a namespace.
fn collection(namespace: &str, version: &str) -> String {
    format!("/apis/{GROUP}/{version}/namespaces/{namespace}/virtualservices")
}

#[async_trait]
impl Target for VirtualService {
    fn describe(&self) -> Description {
        Description {
            id: self.spec.id.clone(),
            kind: KIND,
            place: self.place.clone(),
            fence: Fence::Enforced,
        }
    }

    async fn preflight(&self) -> Result<Preflight, TargetError> {
        self.checks().await
    }

    async fn read(&self) -> Result<Reading, TargetError> {
        let (version, object) = self.get().await?;
        let snapshot = self.snapshot(&version, &object)?;
        Watched::read(&mut self.memory().watched, &snapshot.resource_version);
        if let Some(weights) = snapshot.disagreement() {
            tracing::warn!(place = %self.place, %weights, "the routes disagree; the highest weight counts");
        }
        Ok(Reading {
            weight: snapshot.weight(),
            apart: Apart::NONE,
            set: None,
            levered: false,
            unsettled: None,
            as_of: self.connection.now(),
            changed_by: object::changed_by(&object.metadata),
            mark: snapshot.mark,
            snapshot: serde_json::to_vec(&snapshot).map_err(|_| self.foreign())?,
        })
    }

    /// Istio divides by whole percents.
    fn reach(&self, goal: &Goal, _reading: &Reading) -> Reach {
        Reach {
            weight: goal.weight().floor_to(GRAIN),
            set: None,
        }
    }

    fn plan(&self, goal: &Goal, reading: &Reading) -> Result<Vec<Step>, TargetError> {
        let snapshot = self.remembered(reading)?;
        let write = Write {
            patch: Value::Array(patch::to_goal(&self.spec, &self.place, &snapshot, goal)?),
            api_version: snapshot.api_version,
            namespace: self.spec.namespace.clone(),
            name: self.spec.name.clone(),
            resource_version: snapshot.resource_version,
        };
        Ok(vec![Step(serde_json::to_vec(&write).map_err(|_| self.foreign())?)])
    }

    async fn start(&self, step: &Step) -> Result<Operation, TargetError> {
        let write: Write = serde_json::from_slice(&step.0).map_err(|_| self.foreign())?;
        if (&write.namespace, &write.name) != (&self.spec.namespace, &self.spec.name) {
            return Err(self.foreign());
        }
        let answer = self.patch(&write.api_version, &write.patch, false).await?;
        if answer.is_bare_invalid() {
            return Err(self.explain(&write).await);
        }
        let object: DynamicObject = answer.json(&self.place)?;
        let resource_version = self.snapshot(&write.api_version, &object)?.resource_version;
        Ok(Operation(
            serde_json::to_vec(&Written { resource_version }).map_err(|_| self.foreign())?,
        ))
    }

    /// Done from the start: a patch that was answered is stored. What the mesh's proxies do is for the traffic to show.
    async fn poll(&self, operation: &Operation) -> Result<Progress, TargetError> {
        let _: Written = serde_json::from_slice(&operation.0).map_err(|_| self.foreign())?;
        Ok(Progress::Done)
    }

    /// None; see the module's text.
    fn instant_lever(&self, _goal: &Goal) -> Option<Step> {
        None
    }

    /// For a lower only: nobody checks gates on a raise by hand.
    fn manual_commands(&self, goal: &Goal) -> Vec<ManualCommand> {
        let Goal::Lower { to, generation, .. } = goal else {
            return Vec::new();
        };
        let last = self.memory().last.clone();
        let Some(snapshot) = last else {
            let percent = to.floor_to(GRAIN).hundredths() / GRAIN;
            return manual::searching(&self.spec, percent, *generation);
        };
        match patch::weights(&self.spec, &self.place, &snapshot, |_| *to) {
            Ok(weights) => manual::commands(&self.spec, &snapshot, weights, *generation),
            // What the object's shape does not allow, no command reaches.
            Err(_) => Vec::new(),
        }
    }

    async fn changed(&self) -> Result<(), TargetError> {
        self.moved().await
    }
}

#[cfg(test)]
mod tests;
