//! What happened, of a picture: alerts and the latest lines of the journal.

use timonel_engine::Snapshot;
use timonel_wire as wire;
use timonel_wire::millis;

use crate::console::past::{Past, PastAlert};

/// Alerts that cross at once; those that still ask for somebody are never left out.
const ALERTS: usize = 100;
/// Lines of the journal that cross at once.
const LINES: usize = 50;

pub(super) fn alerts(now: &Snapshot, past: &Past) -> Vec<wire::Alert> {
    let shown = |alert: &PastAlert| wire::Alert {
        id: alert.id.clone(),
        severity: alert.severity.into(),
        sentence: alert.sentence.clone(),
        since: millis(alert.since),
        resolved_at: alert.resolved_at.map(millis),
        acknowledged: now.acknowledged.get(&alert.id).map(|seen| wire::Acknowledged {
            by: seen.by.to_string(),
            at: millis(seen.at),
            comment: seen.comment.clone(),
        }),
    };
    let mut room = ALERTS;
    let newest_first = past.alerts.iter().rev().map(shown);
    newest_first
        .filter(|alert| {
            let asks = alert.resolved_at.is_none() && alert.acknowledged.is_none();
            room = room.saturating_sub(1);
            asks || room > 0
        })
        .collect()
}

/// The lines of steps and of acknowledgements, newest first.
pub(super) fn journal(now: &Snapshot, past: &Past) -> Vec<wire::JournalLine> {
    let seen = now.acknowledged.values().map(|seen| wire::JournalLine {
        seq: seen.seq,
        at: millis(seen.at),
        severity: wire::SeverityName::Low,
        sentence: wire::Sentence::new("acknowledged")
            .with("person", wire::Arg::text(&seen.by))
            .with("comment", wire::Arg::text(&seen.comment)),
    });
    let mut lines: Vec<_> = past.lines.iter().cloned().chain(seen).collect();
    // Stable: lines of one entry stay in their order before they are turned round.
    lines.sort_by_key(|line| (line.at, line.seq));
    lines.reverse();
    lines.truncate(LINES);
    lines
}
