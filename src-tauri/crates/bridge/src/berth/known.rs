//! What can be opened: the rollouts of an installation with where they stand, and plan files with what is wrong in them.

use std::path::{Path, PathBuf};

use timonel_plan::finding::{Finding, Severity};
use timonel_plan::parsed::SIMULATOR;
use timonel_ports::store::{RolloutRow, RolloutStore};
use timonel_wire::{Arg, KnownRollout, PlanFile, PlanFinding, Sentence, WireError, millis, told};

use super::problem::told_to_window;
use crate::Desk;
use crate::console::{Console, is_under_way};

/// Where an installation's plan files are looked for, in its folder.
const PLANS: &str = "plans";
/// A plan is a few kilobytes; what is longer is another file.
const LONGEST: u64 = 1024 * 1024;

/// The real rollouts of an installation, the last opened first, or why they cannot be listed.
pub(super) async fn rollouts(desk: &Desk, open: Option<&Console>) -> (Vec<KnownRollout>, Option<Sentence>) {
    let rows = match desk.store().rollouts().await {
        Ok(rows) => rows,
        Err(error) => return (Vec::new(), Some(told_to_window(error.into()).0)),
    };
    let mut known = Vec::new();
    for row in rows.into_iter().filter(|row| row.environment != SIMULATOR) {
        let is_open = open.is_some_and(|console| !console.is_simulated() && *console.rollout() == row.id);
        known.push(rollout(desk, row, is_open).await);
    }
    (known, None)
}

async fn rollout(desk: &Desk, row: RolloutRow, open: bool) -> KnownRollout {
    let blank = KnownRollout {
        id: row.id.to_string(),
        plan: row.plan.to_string(),
        environment: row.environment.clone(),
        stage: None,
        standing: None,
        since: millis(row.opened_at),
        open,
        under_way: false,
        fault: None,
    };
    match desk.listed(row).await {
        Ok(listed) => KnownRollout {
            plan: listed.plan.name.clone(),
            stage: Some(listed.state.stage.into()),
            standing: Some(told::stage(&listed.state, &listed.plan)),
            since: millis(listed.since),
            under_way: is_under_way(listed.state.stage.into()),
            ..blank
        },
        Err(error) => KnownRollout {
            fault: Some(told_to_window(error).0),
            ..blank
        },
    }
}

/// The plan files of an installation, by name. One that cannot be read is left out: its path, typed, says why.
pub(super) async fn plans(home: &Path) -> Vec<PlanFile> {
    let folder = home.join(PLANS);
    let listed = tokio::task::spawn_blocking(move || {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let files = entries.map(|entry| entry.path());
        let mut files: Vec<_> = files
            .filter(|path| path.extension().is_some_and(|end| end == "toml"))
            .collect();
        files.sort();
        files
    });
    let mut plans = Vec::new();
    for path in listed.await.unwrap_or_default() {
        if let Ok((path, text)) = read(&path.to_string_lossy()).await {
            plans.push(plan_file(&path, &text));
        }
    }
    plans
}

/// A plan file with its whole path.
pub(super) async fn read(path: &str) -> Result<(PathBuf, String), WireError> {
    let typed = path.trim();
    let unreadable = |why: &str| {
        WireError::from(
            Sentence::new("error-open-plan-unreadable")
                .with("path", Arg::text(typed))
                .with("why", Arg::text(why)),
        )
    };
    let whole = match typed.strip_prefix("~/") {
        Some(below) => std::env::home_dir().map(|home| home.join(below)),
        None => Some(PathBuf::from(typed)),
    };
    // From where a relative one would begin, nobody at a window knows.
    let Some(path) = whole.filter(|path| path.is_absolute()) else {
        return Err(Sentence::new("error-open-plan-relative")
            .with("path", Arg::text(typed))
            .into());
    };
    let file = path.clone();
    let text = tokio::task::spawn_blocking(move || {
        let is = std::fs::metadata(&file)?;
        if !is.is_file() || is.len() > LONGEST {
            return Err(std::io::Error::other("it is no plan file"));
        }
        std::fs::read_to_string(&file)
    });
    match text.await {
        Ok(Ok(text)) => Ok((path, text)),
        Ok(Err(error)) => Err(unreadable(&error.to_string())),
        Err(_) => Err(WireError::new("error-gone")),
    }
}

/// What there is to know of a plan before it is opened.
pub(super) fn plan_file(path: &Path, text: &str) -> PlanFile {
    let checked = timonel_plan::check(text);
    let mut environments = Vec::new();
    if let Some(plan) = &checked.value {
        environments.extend(plan.environments.keys().cloned());
        // Stable: only the plan's own goes to the front.
        environments.sort_by_key(|name| *name != plan.plan.environment);
    }
    PlanFile {
        path: path.display().to_string(),
        name: checked.value.map(|plan| plan.plan.name),
        environments,
        findings: checked
            .findings
            .iter()
            .map(|finding| plan_finding(finding, text))
            .collect(),
    }
}

/// A finding of a plan's check, with its line in the text.
pub(crate) fn plan_finding(finding: &Finding, text: &str) -> PlanFinding {
    let line = finding.span.as_ref().and_then(|span| text.get(..span.start));
    let line = line.map(|before| before.matches('\n').count() + 1);
    PlanFinding {
        error: finding.severity == Severity::Error,
        code: finding.code.to_owned(),
        at: finding.path.clone(),
        line: line.and_then(|line| u32::try_from(line).ok()),
        message: finding.message.clone(),
        advice: finding.advice.clone(),
    }
}
