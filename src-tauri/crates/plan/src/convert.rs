//! From the model to what the rules and adapters get. Texts are read here, names are resolved here; whether the plan
//! is wise is `lint`'s. Nothing stops at the first mistake: what cannot be converted is left out, with its finding.

mod phases;
mod queries;
mod reach;
mod records;
mod rules;
mod signals;
mod targets;
mod tenants;

use std::collections::BTreeSet;
use std::time::Duration;

use timonel_domain::metric::MetricUnit;
use timonel_domain::plan::{Checklist, FreezeWindow, Plan, Traffic, Unit};
use timonel_domain::time::Timestamp;
use timonel_domain::value::{BadId, ChecklistId, PlanId, Quantity, SignalId};

use crate::finding::Findings;
use crate::model::{PlanFile, UnitWord};
use crate::parsed::Parsed;
use crate::part::Part;
use crate::place::Path;
use crate::read::nearest;
use crate::text::{DurationText, LimitText, MomentText, Unreadable};

pub(crate) use signals::Signals;

/// The window of rules without `for` and of gates, where they say none.
pub(crate) const DEFAULT_WINDOW: Duration = Duration::from_secs(5 * 60);

/// What a file became, and what of it could not be read, so that nobody complains about names that got lost on the way.
pub(crate) struct Converted {
    pub(crate) parsed: Parsed,
    /// Some target, rule or phase could not be read: statements about all of them are not made.
    pub(crate) partial: Partial,
}

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Partial {
    pub(crate) targets: bool,
    pub(crate) signals: bool,
    pub(crate) rules: bool,
    pub(crate) phases: bool,
}

/// Converts what can be converted; `None` only where the plan's own id cannot be read.
pub(crate) fn convert(file: &PlanFile, out: &mut Findings) -> Option<Converted> {
    let root = Path::root();
    if file.schema != 1 {
        let message = format!("this is format {}, and Timonel reads format 1", file.schema);
        out.error(
            &root.key("schema"),
            "file.schema",
            message,
            "Write `schema = 1`, or use a newer Timonel",
        );
    }
    let id = id(&file.id, &root.key("id"), out, PlanId::new);
    if file.name.trim().is_empty() {
        out.error(
            &root.key("name"),
            "file.name",
            "the plan has no name for people",
            "Write what is rolled out, such as \"Casos 2.4\"",
        );
    }
    let keep_stable = duration(&file.keep_stable, &root.key("keep_stable"), out).unwrap_or_default();
    let sources = reach::sources(file, out);
    let signals = signals::signals(file, &sources, out);
    let targets = targets::targets(file, out);
    let tenants = tenants::tenants(file, out);
    let rules = rules::rules(file, &signals, out);
    let checklists = checklists(file, out);
    let phases = phases::phases(file, &signals, &checklists, out);
    let traffic = traffic(file, &signals, out);
    let freezes = freezes(file, out);
    let notices = reach::notices(file, out);
    let environments = reach::environments(file, out);
    let partial = Partial {
        targets: targets.len() < file.targets.len(),
        signals: signals.partial,
        rules: rules.len() < file.rules.len(),
        phases: phases.len() < file.phases.len(),
    };
    let plan = Plan {
        id: id?,
        revision: 1,
        name: file.name.clone(),
        environment: file.environment.clone(),
        unit: match file.unit {
            UnitWord::Call => Unit::Call,
            UnitWord::Caller => Unit::Caller,
            UnitWord::Tenant => Unit::Tenant,
            UnitWord::Number => Unit::Number,
            UnitWord::Request => Unit::Request,
        },
        targets: targets.iter().map(|(plan, _)| plan.clone()).collect(),
        tenants: tenants.iter().map(|(plan, _)| plan.clone()).collect(),
        signals: signals.known.iter().map(|s| s.plan.clone()).collect(),
        rules,
        phases,
        checklists,
        traffic,
        keep_stable,
        automatic: file.automatic,
        freezes,
    };
    let parsed = Parsed {
        plan,
        targets: targets.into_iter().map(|(_, config)| config).collect(),
        tenants: tenants.into_iter().map(|(_, config)| config).collect(),
        sources,
        signals: signals.known.into_iter().map(|s| s.config).collect(),
        notices,
        environments,
    };
    Some(Converted { parsed, partial })
}

fn checklists(file: &PlanFile, out: &mut Findings) -> Vec<Checklist> {
    let mut seen = BTreeSet::new();
    let mut lists = Vec::new();
    for (path, list) in parts(&file.checklists, "checklists") {
        if list.items.iter().all(|item| item.trim().is_empty()) {
            out.error(
                &path.key("items"),
                "checklist.empty",
                "there is nothing to sign on this list",
                "Write what is checked, one item each",
            );
        }
        if let Some(id) = id(&list.id, &path.key("id"), out, ChecklistId::new) {
            once(&list.id, "checklist", &path.key("id"), &mut seen, out);
            lists.push(Checklist {
                id,
                items: list.items.clone(),
            });
        }
    }
    lists
}

fn traffic(file: &PlanFile, signals: &Signals, out: &mut Findings) -> Traffic {
    let Some(traffic) = file.traffic.get() else {
        return Traffic::default();
    };
    let mut of =
        |name: &Option<String>, key: &str, wants: &str, fits: fn(&signals::Known) -> bool| -> Option<SignalId> {
            let path = Path::root().key("traffic").key(key);
            let known = signals.find(name.as_deref()?, &path, out)?;
            if !fits(known) || !known.has_both_arms() {
                let message = format!("`{}` cannot show this: it needs {wants} with both arms", known.plan.id);
                out.error(
                    &path,
                    "traffic.signal",
                    message,
                    format!("Name a signal with {wants} and `arms = {{ stable = …, canary = … }}`"),
                );
            }
            Some(known.plan.id.clone())
        };
    Traffic {
        assigned: of(
            &traffic.assigned,
            "assigned",
            "`count` (or records of new calls)",
            signals::Known::is_count,
        ),
        active: of(
            &traffic.active,
            "active",
            "`level` (or records of calls in progress)",
            signals::Known::is_level,
        ),
    }
}

fn freezes(file: &PlanFile, out: &mut Findings) -> Vec<FreezeWindow> {
    let mut windows = Vec::new();
    for (path, freeze) in parts(&file.freezes, "freezes") {
        let (from, until) = (
            moment(&freeze.from, &path.key("from"), out),
            moment(&freeze.until, &path.key("until"), out),
        );
        if let (Some(from), Some(until)) = (from, until) {
            if until <= from {
                out.error(
                    &path.key("until"),
                    "freeze.reversed",
                    "this window ends before it begins",
                    "Exchange `from` and `until`",
                );
            }
            windows.push(FreezeWindow {
                from,
                until,
                reason: freeze.reason.clone(),
            });
        }
    }
    windows
}

/// The parts that could be read, each with its place.
pub(crate) fn parts<'a, T>(list: &'a [Part<T>], name: &'a str) -> impl Iterator<Item = (Path, &'a T)> {
    list.iter()
        .enumerate()
        .filter_map(move |(index, part)| Some((Path::root().key(name).index(index), part.get()?)))
}

fn id<T>(text: &str, path: &Path, out: &mut Findings, make: fn(&str) -> Result<T, BadId>) -> Option<T> {
    make(text)
        .map_err(|_| {
            let tidy: String = text
                .to_lowercase()
                .chars()
                .map(|c| {
                    if c.is_ascii_alphanumeric() || matches!(c, '_' | '.') {
                        c
                    } else {
                        '-'
                    }
                })
                .collect();
            let tidy = tidy.trim_matches(['-', '_', '.']);
            let advice = if tidy.is_empty() {
                "Write 1 to 80 of a-z, 0-9, `-`, `_`, `.`".to_owned()
            } else {
                format!("Write `{}`", &tidy[..tidy.len().min(80)])
            };
            out.error(
                path,
                "file.id",
                format!("`{text}` cannot be an id: only a-z, 0-9, `-`, `_`, `.`, starting with a letter or digit"),
                advice,
            );
        })
        .ok()
}

fn once(text: &str, what: &str, path: &Path, seen: &mut BTreeSet<String>, out: &mut Findings) {
    if !seen.insert(text.to_owned()) {
        out.error(
            path,
            "file.duplicate-id",
            format!("there is another {what} `{text}`"),
            "Give each its own id",
        );
    }
}

/// A field that the rest of its table asks for.
fn missing(field: &str, kind: &str, path: &Path, out: &mut Findings) {
    out.error(
        &path.key(field),
        "file.missing-field",
        format!("`{field}` is missing"),
        format!("Add `{field} = …` here: the kind `{kind}` needs it"),
    );
}

/// A field that means nothing beside the rest of its table is a mistake: somebody believes that it does something.
fn foreign(field: &str, kind: &str, known: &[&str], path: &Path, out: &mut Findings) {
    out.error(
        &path.key(field),
        "file.foreign-field",
        format!("`{field}` means nothing to the kind `{kind}`"),
        format!("Take it out; this kind knows {}", known.join(", ")),
    );
}

fn unknown<'a>(
    what: &str,
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
    code: &'static str,
    path: &Path,
    out: &mut Findings,
) {
    let known: Vec<&str> = known.into_iter().collect();
    let advice = match (nearest(name, &known), known.is_empty()) {
        (Some(near), _) => format!("Did you mean `{near}`? There are: {}", known.join(", ")),
        (None, true) => format!("Describe the {what} first"),
        (None, false) => format!("Write one of: {}", known.join(", ")),
    };
    out.error(path, code, format!("the plan has no {what} `{name}`"), advice);
}

fn said<T>(result: Result<T, Unreadable>, code: &'static str, path: &Path, out: &mut Findings) -> Option<T> {
    result.map_err(|e| out.error(path, code, e.message, e.advice)).ok()
}

fn duration(text: &DurationText, path: &Path, out: &mut Findings) -> Option<Duration> {
    said(text.parse(), "file.duration", path, out)
}

fn limit(text: &LimitText, unit: MetricUnit, path: &Path, out: &mut Findings) -> Option<Quantity> {
    said(text.parse(unit), "file.limit", path, out)
}

fn moment(text: &MomentText, path: &Path, out: &mut Findings) -> Option<Timestamp> {
    said(text.parse(), "file.moment", path, out)
}
