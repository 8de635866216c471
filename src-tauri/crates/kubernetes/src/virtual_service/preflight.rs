//! What must hold before a rollout may be armed on this target, each with what was seen. Writes nothing.

use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use kube::Resource as _;
use kube::api::{PostParams, Request};
use serde_json::Value;
use timonel_ports::target::{Check, Preflight, TargetError};

use super::{GROUP, VirtualService, patch};

fn check(code: &str, found: Result<String, String>) -> Check {
    let (ok, proof) = match found {
        Ok(proof) => (true, proof),
        Err(proof) => (false, proof),
    };
    Check {
        code: code.to_owned(),
        ok,
        proof,
    }
}

impl VirtualService {
    /// All checks, as far as they can be made. An error where the API server cannot be asked at all, or does not
    /// know us: then there is nothing to show but that.
    pub(super) async fn checks(&self) -> Result<Preflight, TargetError> {
        let ready = self.ready().await;
        if let Err(
            error @ (TargetError::Unreachable { .. }
            | TargetError::Deadline { .. }
            | TargetError::Unauthenticated { .. }),
        ) = ready
        {
            return Err(error);
        }
        let mut checks = vec![check("target.answers", ready.map_err(|error| error.to_string()))];
        match self.api_version().await {
            Ok(version) => checks.push(check("target.served", Ok(format!("{GROUP}/{version}")))),
            Err(error @ TargetError::Missing { .. }) => {
                checks.push(check("target.served", Err(error.to_string())));
                return Ok(Preflight { checks });
            }
            Err(error) => return Err(error),
        }
        for verb in ["get", "patch"] {
            checks.push(check(&format!("target.rights.{verb}"), self.allowed(verb).await?));
        }
        let (version, object) = match self.get().await {
            Ok(found) => found,
            Err(error @ (TargetError::Missing { .. } | TargetError::Forbidden { .. })) => {
                checks.push(check("target.present", Err(error.to_string())));
                return Ok(Preflight { checks });
            }
            Err(error) => return Err(error),
        };
        let uid = object.metadata.uid.as_deref().unwrap_or("unknown");
        checks.push(check("target.present", Ok(format!("{}, uid {uid}", self.place))));

        let planned = self.snapshot(&version, &object).and_then(|snapshot| {
            let patch = patch::to_itself(&self.spec, &self.place, &snapshot)?;
            Ok((snapshot, patch))
        });
        let (snapshot, patch) = match planned {
            Ok(planned) => planned,
            Err(error) => {
                checks.push(check("target.shape", Err(error.to_string())));
                return Ok(Preflight { checks });
            }
        };
        let seats: Vec<_> = snapshot
            .routes
            .iter()
            .map(|route| format!("spec.http[{}] {} {}", route.index, route.name, route.share))
            .collect();
        checks.push(check("target.shape", Ok(seats.join(", "))));
        checks.push(check(
            "target.agreement",
            match snapshot.disagreement() {
                Some(weights) => Err(format!(
                    "the routes have different weights: {weights}. Give all of them the same"
                )),
                None => Ok(format!("{} on every route", snapshot.weight())),
            },
        ));
        let tried = self
            .patch(&version, &Value::Array(patch), true)
            .await
            .and_then(|answer| answer.success(&self.place));
        checks.push(check(
            "target.dry-run",
            match tried {
                Ok(_) => Ok("a dry run of the present weights passed the schema and the webhooks".to_owned()),
                Err(error) => Err(error.to_string()),
            },
        ));
        Ok(Preflight { checks })
    }

    /// Not `/version`: only `/readyz` says that writes would be taken. Some clusters close it to everybody but their own.
    async fn ready(&self) -> Result<String, TargetError> {
        let request = http::Request::get("/readyz")
            .body(Vec::new())
            .map_err(|e| self.unbuilt(e))?;
        match self.connection.call(&self.place, request).await?.success(&self.place) {
            Ok(body) => Ok(format!("/readyz: {}", String::from_utf8_lossy(&body).trim())),
            Err(TargetError::Forbidden { .. } | TargetError::Missing { .. }) => {
                Ok("the API server answers; it does not show us /readyz".to_owned())
            }
            Err(error) => Err(error),
        }
    }

    async fn allowed(&self, verb: &str) -> Result<Result<String, String>, TargetError> {
        let attributes = ResourceAttributes {
            group: Some(GROUP.to_owned()),
            resource: Some("virtualservices".to_owned()),
            namespace: Some(self.spec.namespace.clone()),
            name: Some(self.spec.name.clone()),
            verb: Some(verb.to_owned()),
            ..ResourceAttributes::default()
        };
        let review = SelfSubjectAccessReview {
            spec: SelfSubjectAccessReviewSpec {
                resource_attributes: Some(attributes),
                ..Default::default()
            },
            ..SelfSubjectAccessReview::default()
        };
        let body = serde_json::to_vec(&review).map_err(|e| self.unbuilt(e))?;
        let request = Request::new(SelfSubjectAccessReview::url_path(&(), None)).create(&PostParams::default(), body);
        let request = request.map_err(|e| self.unbuilt(e))?;
        let review: SelfSubjectAccessReview = self.connection.call(&self.place, request).await?.json(&self.place)?;
        let status = review.status.unwrap_or_default();
        let reason = status.reason.filter(|reason| !reason.is_empty());
        Ok(if status.allowed {
            Ok(reason.unwrap_or_else(|| format!("may {verb} it")))
        } else {
            let why = reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
            Err(format!(
                "may not {verb} {}{why}. Its Role needs the verb `{verb}` on virtualservices in {GROUP}",
                self.place
            ))
        })
    }
}
