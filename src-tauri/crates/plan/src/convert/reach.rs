//! Sources, notices and environments: what adapters need to reach the outside. Targets are in `targets`.

use std::collections::BTreeMap;

use super::{duration, rules};
use crate::finding::Findings;
use crate::model::{AccountFile, EnvironmentFile, PlanFile, RouteFile, SeverityWord, SourceFile, SourceKind};
use crate::parsed::{AccountConfig, Channel, Environment, NoticeRoute, SIMULATOR, SourceConfig};
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
        let Some(account) = account_of(source, &path, out) else {
            continue;
        };
        sources.push(SourceConfig {
            name: name.clone(),
            kind: source.kind,
            interval,
            url: None,
            account,
        });
    }
    sources
}

/// The account of a source whose kind has one; `None` where it is missing.
fn account_of(source: &SourceFile, path: &Path, out: &mut Findings) -> Option<Option<String>> {
    match (source.kind, &source.account) {
        (SourceKind::Telnyx, Some(account)) => connection("account", account, &path.key("account"), out).map(Some),
        (SourceKind::Telnyx, None) => {
            super::missing("account", source.kind.name(), path, out);
            None
        }
        (SourceKind::Prometheus | SourceKind::Scrape, Some(_)) => {
            super::foreign("account", source.kind.name(), &["interval"], path, out);
            Some(None)
        }
        (SourceKind::Prometheus | SourceKind::Scrape, None) => Some(None),
    }
}

/// The name under which Conexiones keeps something. People paste the thing itself: that is given to nobody, so that no later
/// finding repeats it.
pub(super) fn connection(what: &str, name: &str, path: &Path, out: &mut Findings) -> Option<String> {
    if is_secret(name) {
        out.error(
            path,
            "file.secret",
            "this looks like a key, and plans are no place for secrets",
            "Write the name under which Conexiones keeps it, such as \"telnyx-produccion\", and renew the key: whoever has the file has it",
        );
        return None;
    }
    if name.trim().is_empty() {
        out.error(
            path,
            "file.empty",
            format!("`{what}` says nothing"),
            "Write the name that Conexiones knows, such as \"telnyx-produccion\"",
        );
        return None;
    }
    Some(name.to_owned())
}

/// Telnyx keys begin so. The name of a connection has no need to.
fn is_secret(name: &str) -> bool {
    name.trim_start().starts_with("KEY")
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
        if let Some(environment) = part.get() {
            addresses(file, environment, &path, out);
            environments.insert(name.clone(), convert(environment, &path, out));
        }
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

fn addresses(file: &PlanFile, environment: &EnvironmentFile, path: &Path, out: &mut Findings) {
    for (name, address) in &environment.sources {
        let path = path.key("sources").key(name).key("url");
        url(&address.url, &path, out);
        match file.sources.get(name).map(|part| part.get().map(|source| source.kind)) {
            None => super::unknown(
                "source",
                name,
                file.sources.keys().map(String::as_str),
                "reference.source",
                &path,
                out,
            ),
            Some(Some(SourceKind::Telnyx)) => out.error(
                &path,
                "environment.source-account",
                format!("`{name}` is read from an account, and this address of it means nothing"),
                "Take it out; an address of the account stands in `accounts.….url`",
            ),
            Some(Some(SourceKind::Prometheus | SourceKind::Scrape) | None) => {}
        }
    }
}

fn convert(environment: &EnvironmentFile, path: &Path, out: &mut Findings) -> Environment {
    let account = |(name, account): (&String, &AccountFile)| {
        let path = path.key("accounts").key(name);
        let credential = connection("credential", &account.credential, &path.key("credential"), out);
        if let Some(address) = &account.url {
            url(address, &path.key("url"), out);
        }
        let config = AccountConfig {
            credential: credential.unwrap_or_default(),
            url: account.url.clone(),
        };
        (name.clone(), config)
    };
    Environment {
        accounts: environment.accounts.iter().map(account).collect(),
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
    }
}

fn url(url: &str, path: &Path, out: &mut Findings) {
    match url.strip_prefix("http://").or_else(|| url.strip_prefix("https://")) {
        None | Some("") => out.error(
            path,
            "environment.url",
            format!("`{url}` is no address"),
            "Write it with http:// or https://",
        ),
        Some(rest) if rest.split('/').next().is_some_and(|host| host.contains('@')) => out.error(
            path,
            "environment.secret",
            "this address carries a password, and plans are no place for secrets",
            "Take the part before @ out; credentials are kept in Conexiones",
        ),
        Some(_) => {}
    }
}
