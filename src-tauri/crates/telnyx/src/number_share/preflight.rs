//! What must hold before a rollout may be armed on this target, each with what was seen; and the kit, which is measured and
//! kept here. Nothing is written at Telnyx.

use timonel_http::redact_text;
use timonel_ports::target::{Check, Preflight, TargetError};

use super::NumberShare;
use super::kit::Memory;
use super::settings::Settings;
use super::subset::Crowd;
use crate::account::Urgency;
use crate::api::{Application, ConnectionId, application, connection, numbers_on};

fn check(code: &str, found: Result<String, String>) -> Check {
    let ok = found.is_ok();
    let (Ok(proof) | Err(proof)) = found;
    Check {
        code: code.to_owned(),
        ok,
        proof,
    }
}

impl NumberShare {
    /// All checks, as far as they can be made. An error where Telnyx cannot be asked at all, or does not know us.
    pub(super) async fn checks(&self) -> Result<Preflight, TargetError> {
        self.keeper.recall().await;
        let mut checks = self.account.check().await;
        let mut applications = Vec::new();
        for (code, id) in [
            ("target.application.stable", &self.spec.stable),
            ("target.application.canary", &self.spec.canary),
        ] {
            match self.texml(id).await? {
                Ok(application) => {
                    let name = format!("TeXML application {id}, `{}`", application.friendly_name);
                    checks.push(check(code, Ok(name)));
                    applications.push(application);
                }
                Err(why) => checks.push(check(code, Err(why))),
            }
        }
        let [stable, canary] = applications.as_slice() else {
            return Ok(Preflight { checks });
        };
        self.keeper.memory().kit.stable = Some(Settings::of(stable));
        self.remember(canary);
        let own = self.keeper.memory().kit.own.clone();
        checks.push(check("target.addresses", addresses(stable, canary, own.as_ref())));
        checks.push(check("target.fallback", Ok(fallback(stable, canary))));
        checks.push(check(
            "target.rights",
            Ok("the key may read the applications. Whether it may change them cannot be seen without a change: the drill shows it".to_owned()),
        ));
        checks.push(check("target.numbers", self.list().await?));
        checks.push(check("target.tenants", self.tenants()));
        checks.push(check("target.volumes", self.volumes().await));
        checks.push(check("target.grain", self.grain()));
        checks.push(check("target.pending", self.pending().await?));
        let damaged = self.keeper.memory().recalled.clone().and_then(Result::err);
        checks.push(check(
            "target.kit",
            match (self.keeper.keep().await, damaged) {
                (Err(what), _) => Err(what),
                (Ok(()), Some(what)) => Ok(format!("kept anew; what was there before could not be used: {what}")),
                (Ok(()), None) => Ok("numbers, settings and volumes are kept".to_owned()),
            },
        ));
        Ok(Preflight { checks })
    }

    /// The application, or why it is none that numbers can be moved to.
    async fn texml(&self, id: &ConnectionId) -> Result<Result<Application, String>, TargetError> {
        match application(&self.account, Urgency::Target, id)
            .await
            .map_err(|error| self.target_error(&error))
        {
            Ok(application) => Ok(Ok(application)),
            Err(TargetError::Missing { detail, .. }) => {
                let kind = connection(&self.account, Urgency::Target, id).await;
                Ok(Err(match kind {
                    Ok(connection) if !connection.record_type.is_empty() => format!(
                        "connection {id} is a {}, not a TeXML application: the calls of every number that is moved there would fail at \
                         once, since it does not answer TeXML. Write the id of a TeXML application into the plan",
                        connection.record_type
                    ),
                    Ok(_) | Err(_) => detail,
                }))
            }
            Err(TargetError::Forbidden { detail, .. }) => Ok(Err(detail)),
            Err(error) => Err(error),
        }
    }

    /// Lists all numbers. Once some were asked for, the kit keeps those that it has, as they were before.
    async fn list(&self) -> Result<Result<String, String>, TargetError> {
        let at = self.account.clock().now();
        let listed = |connection| async move {
            let listed = numbers_on(&self.account, Urgency::Target, connection).await;
            listed.map_err(|error| self.target_error(&error))
        };
        let stable = listed(&self.spec.stable).await?;
        let canary = listed(&self.spec.canary).await?;
        let steady = stable.steady && canary.steady;
        let (mut all, canary) = (
            self.in_scope(&self.spec.stable, stable),
            self.in_scope(&self.spec.canary, canary),
        );
        let (on_stable, on_canary) = (all.len(), canary.len());
        all.extend(canary);
        let mut memory = self.keeper.memory();
        if memory.kit.numbers.is_empty() || !memory.is_under_way() {
            memory.kit.list(&all, at);
        }
        Ok(match (all.len(), steady) {
            (0, _) => Err("neither application has a number. Connect the numbers of the rollout to stable".to_owned()),
            (_, false) => Err(
                "the lists of numbers kept changing while they were read. Try again when nobody moves any".to_owned(),
            ),
            (_, true) => Ok(format!(
                "{on_stable} numbers on stable and {on_canary} on the canary, without {} that the plan leaves out",
                self.spec.except.len()
            )),
        })
    }

    /// A number of a tenant that is not in scope is a slip of the pen, and would make a pin mean less than it says.
    fn tenants(&self) -> Result<String, String> {
        let memory = self.keeper.memory();
        let there = |e164: &String| {
            self.spec.except.contains(e164) || memory.kit.numbers.iter().any(|kept| kept.number.e164 == *e164)
        };
        let lost: Vec<_> = self
            .spec
            .tenants
            .iter()
            .flat_map(|(tenant, numbers)| numbers.iter().map(move |number| (tenant, number)))
            .filter(|(_, number)| !there(number))
            .map(|(tenant, number)| format!("{number} of {tenant}"))
            .collect();
        if lost.is_empty() {
            return Ok(format!("all numbers of {} tenants are there", self.spec.tenants.len()));
        }
        Err(format!(
            "on neither application: {}. Correct the plan, or connect them to stable",
            lost.join(", ")
        ))
    }

    /// Measured once for a rollout: other volumes under a set that was asked for would be another weight.
    async fn volumes(&self) -> Result<String, String> {
        let days = self.spec.volume_days;
        let measured = {
            let memory = self.keeper.memory();
            memory.kit.volumes.clone().filter(|_| memory.is_under_way())
        };
        if measured.is_none() {
            match self.measure().await {
                Ok(tally) => tally.keep(&mut self.keeper.memory().kit, self.account.clock().now(), days),
                // The right to see records is not needed for moving numbers.
                Err(
                    error @ (TargetError::Forbidden { .. } | TargetError::Missing { .. } | TargetError::Refused { .. }),
                ) => {
                    return Ok(format!("not measured ({error}): every number counts the same"));
                }
                Err(error) => return Err(format!("could not be measured: {error}")),
            }
        }
        match &self.keeper.memory().kit.volumes {
            Some(volumes) if volumes.sampled > 0 => Ok(format!(
                "{} of {} records of {} days, at {}",
                volumes.sampled, volumes.all, volumes.days, volumes.at
            )),
            Some(_) | None => Ok(format!(
                "no records of calls in {days} days: every number counts the same"
            )),
        }
    }

    fn grain(&self) -> Result<String, String> {
        let numbers = self.keeper.memory().kit.numbers();
        let crowd = Crowd::new(&numbers, &self.spec.salt, &std::collections::BTreeSet::new());
        match crowd.busiest() {
            Some((number, weight)) => Ok(format!(
                "the busiest number, {}, is {weight} of the calls: a smaller weight leaves it out",
                number.e164
            )),
            None => Err("there is no number to move".to_owned()),
        }
    }

    async fn pending(&self) -> Result<Result<String, String>, TargetError> {
        let jobs = self.jobs(Urgency::Target).await?;
        let open: Vec<_> = jobs
            .iter()
            .filter(|job| job.is_open())
            .map(|job| job.id.to_string())
            .collect();
        Ok(if open.is_empty() {
            Ok("no update job of the account is open".to_owned())
        } else {
            Err(format!(
                "update jobs of the account are open and may still move numbers: {}. Wait until they are over",
                open.join(", ")
            ))
        })
    }
}

impl Memory {
    /// Whether numbers were asked for.
    fn is_under_way(&self) -> bool {
        self.kit.aim.as_ref().is_some_and(|aim| !aim.is_empty())
    }
}

/// Where calls go, and that the two are not the same but for a pulled lever.
fn addresses(stable: &Application, canary: &Application, own: Option<&Settings>) -> Result<String, String> {
    for application in [stable, canary] {
        if application.voice_url.is_empty() {
            return Err(format!(
                "application {} has no voice_url. Set it in the Telnyx portal",
                application.id
            ));
        }
    }
    for application in [stable, canary] {
        let urls = [
            Some(&application.voice_url),
            application.voice_fallback_url.as_ref(),
            application.status_callback.as_ref(),
        ];
        // What stands in them is kept for the rollback and shown in the commands to paste.
        if urls.into_iter().flatten().any(|url| redact_text(url) != *url) {
            return Err(format!(
                "an address of application {} carries a password or token, which would stand in the kit and in the commands to \
                 paste. Let the service check Telnyx's signature instead, and take it out of the address",
                application.id
            ));
        }
    }
    let (old, new) = (redact_text(&stable.voice_url), redact_text(&canary.voice_url));
    if stable.voice_url != canary.voice_url {
        return Ok(format!("stable {old}, canary {new}"));
    }
    match own {
        Some(own) => Ok(format!(
            "the lever is pulled: both ask {old}; the canary's own is {}",
            redact_text(&own.voice_url)
        )),
        None => Err(format!(
            "both applications ask {old}, so no call would reach the new system. Set the canary's voice_url in the Telnyx portal"
        )),
    }
}

fn fallback(stable: &Application, canary: &Application) -> String {
    match &canary.voice_fallback_url {
        Some(url) if *url == stable.voice_url => "calls that the canary does not answer go to stable".to_owned(),
        Some(url) => format!(
            "warning: calls that the canary does not answer go to {}, not to stable. Set its voice_fallback_url to stable's address",
            redact_text(url)
        ),
        None => "warning: calls that the canary does not answer fail. Set its voice_fallback_url to stable's address"
            .to_owned(),
    }
}
