//! Targets, sources, notices and environments: what adapters need to reach the outside.

use std::collections::{BTreeMap, BTreeSet};

use timonel_domain::plan::{Role, TargetPlan};
use timonel_domain::value::TargetId;

use super::{duration, id, once, parts, rules};
use crate::finding::Findings;
use crate::model::{DestinationFile, PlanFile, RoleWord, RouteFile, SeverityWord};
use crate::parsed::{Channel, Destination, Environment, NoticeRoute, SIMULATOR, SourceConfig, TargetConfig};
use crate::place::Path;

pub(super) fn sources(file: &PlanFile, out: &mut Findings) -> Vec<SourceConfig> {
    let mut sources = Vec::new();
    for (name, part) in &file.sources {
        let path = Path::root().key("sources").key(name);
        let Some(source) = part.get() else { continue };
        let Some(interval) = duration(&source.interval, &path.key("interval"), out) else {
            continue;
        };
        if interval.is_zero() {
            out.error(
                &path.key("interval"),
                "source.interval",
                "a source that is read all the time is never fresh",
                "Write how often it is read, such as 15s",
            );
        }
        sources.push(SourceConfig {
            name: name.clone(),
            kind: source.kind,
            interval,
            url: None,
        });
    }
    sources
}

pub(super) fn targets(file: &PlanFile, out: &mut Findings) -> Vec<(TargetPlan, TargetConfig)> {
    let mut seen = BTreeSet::new();
    let mut targets = Vec::new();
    for (path, target) in parts(&file.targets, "targets") {
        once(&target.id, "target", &path.key("id"), &mut seen, out);
        let role = match target.role {
            RoleWord::Splitter => Role::Splitter,
            RoleWord::Follower => Role::Follower,
        };
        for (key, text) in [
            ("call_path", &target.call_path),
            ("cluster", &target.cluster),
            ("namespace", &target.namespace),
            ("name", &target.name),
        ] {
            if text.trim().is_empty() {
                out.error(
                    &path.key(key),
                    "target.empty",
                    format!("`{key}` says nothing"),
                    format!("Write the target's {key}"),
                );
            }
        }
        let Some(id) = id(&target.id, &path.key("id"), out, TargetId::new) else {
            continue;
        };
        let destination = |file: &DestinationFile| Destination {
            host: file.host.clone(),
            subset: file.subset.clone(),
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
                cluster: target.cluster.clone(),
                namespace: target.namespace.clone(),
                name: target.name.clone(),
                routes: target.routes.clone(),
                stable: destination(&target.stable),
                canary: destination(&target.canary),
            },
        ));
    }
    targets
}

pub(super) fn notices(file: &PlanFile, out: &mut Findings) -> Vec<NoticeRoute> {
    let Some(notices) = file.notices.get() else {
        return Vec::new();
    };
    let mut routes = Vec::new();
    let levels = [
        ("critical", SeverityWord::Critical, &notices.critical),
        ("high", SeverityWord::High, &notices.high),
        ("medium", SeverityWord::Medium, &notices.medium),
        ("low", SeverityWord::Low, &notices.low),
    ];
    for (key, severity, route) in levels {
        let Some(route) = route else { continue };
        for (name, channel, list) in channels(route) {
            for (index, to) in list.iter().enumerate() {
                let path = Path::root().key("notices").key(key).key(name).index(index);
                if to.contains("://") {
                    out.error(
                        &path,
                        "notice.secret",
                        "an address of this kind carries its own secret, and plans are no place for secrets",
                        "Write the channel's name, such as #alertas; the address is kept in Conexiones",
                    );
                } else if to.trim().is_empty() {
                    out.error(
                        &path,
                        "notice.empty",
                        "a notice to nobody",
                        "Write a name, or take it out",
                    );
                }
                routes.push(NoticeRoute {
                    severity: rules::severity(severity),
                    channel,
                    to: to.clone(),
                });
            }
        }
    }
    routes
}

fn channels(route: &RouteFile) -> [(&'static str, Channel, &[String]); 4] {
    [
        ("slack", Channel::Slack, &route.slack),
        ("email", Channel::Email, &route.email),
        ("pagerduty", Channel::PagerDuty, &route.pagerduty),
        ("sms", Channel::Sms, &route.sms),
    ]
}

pub(super) fn environments(file: &PlanFile, out: &mut Findings) -> BTreeMap<String, Environment> {
    let mut environments = BTreeMap::new();
    for (name, part) in &file.environments {
        let path = Path::root().key("environments").key(name);
        if name == SIMULATOR {
            out.error(
                &path,
                "environment.reserved",
                format!("`{SIMULATOR}` is the simulator's world and always there"),
                "Give the environment another name",
            );
        }
        let Some(environment) = part.get() else { continue };
        for (source, address) in &environment.sources {
            let path = path.key("sources").key(source).key("url");
            let rest = address
                .url
                .strip_prefix("http://")
                .or_else(|| address.url.strip_prefix("https://"));
            match rest {
                None | Some("") => out.error(
                    &path,
                    "environment.url",
                    format!("`{}` is no address", address.url),
                    "Write it with http:// or https://",
                ),
                Some(rest) if rest.split('/').next().is_some_and(|host| host.contains('@')) => {
                    out.error(
                        &path,
                        "environment.secret",
                        "this address carries a password, and plans are no place for secrets",
                        "Take the part before @ out; credentials are kept in Conexiones",
                    );
                }
                Some(_) => {}
            }
            if !file.sources.contains_key(source) {
                super::unknown(
                    "source",
                    source,
                    file.sources.keys().map(String::as_str),
                    "reference.source",
                    &path,
                    out,
                );
            }
        }
        environments.insert(
            name.clone(),
            Environment {
                clusters: environment
                    .clusters
                    .iter()
                    .map(|(name, cluster)| (name.clone(), cluster.context.clone()))
                    .collect(),
                sources: environment
                    .sources
                    .iter()
                    .map(|(name, address)| (name.clone(), address.url.clone()))
                    .collect(),
                namespace: environment.namespace.clone(),
            },
        );
    }
    if file.environment != SIMULATOR && !file.environments.contains_key(&file.environment) {
        let known = std::iter::once(SIMULATOR).chain(file.environments.keys().map(String::as_str));
        super::unknown(
            "environment",
            &file.environment,
            known,
            "reference.environment",
            &Path::root().key("environment"),
            out,
        );
    }
    environments
}
