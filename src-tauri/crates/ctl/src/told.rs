//! What happened, for people in a terminal: lines with their time and how loud they are. The sentences are `wire::told`'s.

use timonel_bridge::Bulletin;
use timonel_bridge::words::Words;
use timonel_domain::plan::{Plan, Severity};
use timonel_domain::rollout::{Effect, Notice, State};
use timonel_domain::time::Timestamp;
use timonel_wire::told;

/// The sentences of a step that people should read; empty for most steps.
pub(crate) fn sentences(bulletin: &Bulletin, plan: &Plan, words: &Words) -> Vec<String> {
    let mut out = Vec::new();
    for effect in &bulletin.effects {
        let said = words.tell(&told::effect(effect, plan, bulletin.at));
        let line = match effect {
            Effect::Notify(notice) => format!("{} {said}", sign(notice.severity())),
            Effect::Rejected(_) | Effect::ShowManual { .. } | Effect::Lower { .. } | Effect::Raise { .. } => said,
        };
        out.push(format!("{}  {line}", clock(bulletin)));
    }
    for manual in &bulletin.manual {
        out.extend(
            manual
                .commands
                .iter()
                .map(|command| format!("          {}", command.line)),
        );
    }
    out
}

/// What people are told by a notice of `at`, with how loud it is.
pub(crate) fn line(notice: &Notice, plan: &Plan, at: Timestamp, words: &Words) -> String {
    let said = words.tell(&told::notice(notice, plan, at));
    format!("{} {said}", sign(notice.severity()))
}

/// Shape beside every colour: the sign alone says how loud a line is.
fn sign(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "▲",
        Severity::High => "◆",
        Severity::Medium => "●",
        Severity::Low => "·",
    }
}

fn clock(bulletin: &Bulletin) -> String {
    // RFC 3339 in UTC: the time of day is enough on one screen.
    bulletin.at.to_string().get(11..19).unwrap_or_default().to_owned()
}

/// The stage in a few words.
pub(crate) fn stage(state: &State, plan: &Plan, words: &Words) -> String {
    let text = words.tell(&told::stage(state, plan));
    if state.is_frozen() {
        format!("{text} · {}", words.say("frozen", &[]))
    } else {
        text
    }
}
