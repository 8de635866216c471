//! Targets: what each kind needs, with a place for everything that is missing or means nothing to the kind.

use std::collections::BTreeSet;

use timonel_domain::plan::{Role, TargetPlan};
use timonel_domain::value::TargetId;

use super::{foreign, id, missing, once, parts, reach, tenants};
use crate::finding::Findings;
use crate::model::{DestinationFile, Fields, PlanFile, RoleWord, TargetFile, TargetKind};
use crate::parsed::{Destination, NumberShareConfig, TargetConfig, VirtualServiceConfig, Way};
use crate::place::Path;

/// Over how many days the calls of each number are counted, where the plan does not say: two whole weeks, so that every
/// weekday counts the same.
const VOLUME_DAYS: u16 = 14;
/// Further back the calls of a number say little of its calls tomorrow.
const VOLUME_DAYS_AT_MOST: u16 = 90;

pub(super) fn targets(file: &PlanFile, out: &mut Findings) -> Vec<(TargetPlan, TargetConfig)> {
    let mut seen = BTreeSet::new();
    let mut targets = Vec::new();
    for (path, target) in parts(&file.targets, "targets") {
        once(&target.id, "target", &path.key("id"), &mut seen, out);
        said("call_path", &target.call_path, &path, out);
        let id = id(&target.id, &path.key("id"), out, TargetId::new);
        let way = way(target, &path, out);
        let (Some(id), Some(way)) = (id, way) else { continue };
        let role = match target.role {
            RoleWord::Splitter => Role::Splitter,
            RoleWord::Follower => Role::Follower,
        };
        targets.push((
            TargetPlan {
                id: id.clone(),
                role,
                pins: target.pins,
            },
            TargetConfig {
                id,
                role,
                kind: target.kind,
                call_path: target.call_path.clone(),
                way,
            },
        ));
    }
    targets
}

/// Text that is there and says nothing is worse than none: it is taken for a name.
fn said(key: &str, text: &str, path: &Path, out: &mut Findings) {
    if text.trim().is_empty() {
        out.error(
            &path.key(key),
            "target.empty",
            format!("`{key}` says nothing"),
            format!("Write the target's {key}"),
        );
    }
}

/// Whether everything is there that the kind needs. All that is missing or too much is found at once.
fn complete(fields: Fields, given: &[&str], kind: TargetKind, path: &Path, out: &mut Findings) -> bool {
    let known: Vec<&str> = fields.known().collect();
    for field in given.iter().filter(|field| !known.contains(field)) {
        foreign(field, kind.name(), &known, path, out);
    }
    let absent: Vec<_> = fields.needs.iter().filter(|field| !given.contains(field)).collect();
    for field in &absent {
        missing(field, kind.name(), path, out);
    }
    absent.is_empty()
}

fn way(target: &TargetFile, path: &Path, out: &mut Findings) -> Option<Way> {
    let kind = target.kind;
    // Said in words of its own: it is no slip of the pen, but something that this kind cannot do.
    let cannot_pin = target.pins && !kind.can_pin();
    if cannot_pin {
        out.error(
            &path.key("pins"),
            "target.pins",
            format!(
                "a target of kind `{}` cannot put one tenant on stable by itself",
                kind.name()
            ),
            "Take `pins` out; a rollback of one tenant is then refused before anybody presses",
        );
    }
    let whole = complete(kind.fields(), &target.given(), kind, path, out);
    let stable = side(target.stable.as_ref(), kind, &path.key("stable"), out);
    let canary = side(target.canary.as_ref(), kind, &path.key("canary"), out);
    if !whole {
        return None;
    }
    let (stable, canary) = (stable?, canary?);
    Some(match kind {
        TargetKind::VirtualService => {
            let text = |key: &str, text: &Option<String>, out: &mut Findings| {
                let text = text.clone().unwrap_or_default();
                said(key, &text, path, out);
                text
            };
            Way::VirtualService(VirtualServiceConfig {
                cluster: text("cluster", &target.cluster, out),
                namespace: text("namespace", &target.namespace, out),
                name: text("name", &target.name, out),
                routes: target.routes.clone().unwrap_or_default(),
                stable: destination(stable),
                canary: destination(canary),
            })
        }
        TargetKind::NumberShare => {
            let account = target.account.clone().unwrap_or_default();
            let account = reach::connection("account", &account, &path.key("account"), out);
            tenants::e164(&target.except, &path.key("except"), out);
            let (stable, canary) = (
                application(stable, &path.key("stable"), out),
                application(canary, &path.key("canary"), out),
            );
            let volume_days = volume_days(target, path, out);
            Way::NumberShare(NumberShareConfig {
                account: account?,
                stable,
                canary,
                except: target.except.clone(),
                volume_days,
            })
        }
    })
}

fn side<'a>(
    side: Option<&'a DestinationFile>,
    kind: TargetKind,
    path: &Path,
    out: &mut Findings,
) -> Option<&'a DestinationFile> {
    side.filter(|side| complete(kind.destination_fields(), &side.given(), kind, path, out))
}

fn destination(file: &DestinationFile) -> Destination {
    Destination {
        host: file.host.clone().unwrap_or_default(),
        subset: file.subset.clone(),
    }
}

fn application(file: &DestinationFile, path: &Path, out: &mut Findings) -> String {
    let application = file.application.clone().unwrap_or_default();
    said("application", &application, path, out);
    application
}

fn volume_days(target: &TargetFile, path: &Path, out: &mut Findings) -> u16 {
    let days = target.volume_days.unwrap_or(VOLUME_DAYS);
    if !(1..=VOLUME_DAYS_AT_MOST).contains(&days) {
        out.error(
            &path.key("volume_days"),
            "target.volume-days",
            format!("{days} days of calls cannot be counted"),
            format!("Write 1 to {VOLUME_DAYS_AT_MOST}, whole weeks if possible; {VOLUME_DAYS} where you leave it out"),
        );
    }
    days
}
