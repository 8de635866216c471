//! Records as the official contract shapes them.

use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::fake::{Row, at};

/// A delivery whose attempts went to these URLs with these statuses, the first one first. In the list it is newest first.
pub(crate) fn delivery(id: &str, secs: f64, attempts: &[(&str, u16)]) -> Row {
    let mut each: Vec<Json> = Vec::new();
    for (index, (url, status)) in attempts.iter().enumerate() {
        let started = at(secs + index as f64 * 0.5);
        let outcome = if *status == 200 { "delivered" } else { "failed" };
        each.insert(
            0,
            json!({"started_at": started, "finished_at": started + Duration::from_millis(300), "status": outcome, "errors": [],
                "http": {"request": {"url": url, "headers": [["Accept", "*/*"]]},
                    "response": {"status": status, "body": "", "headers": []}}}),
        );
    }
    let last = attempts.last().is_some_and(|(_, status)| *status == 200);
    let json = json!({"id": id, "record_type": "webhook_delivery", "user_id": "u", "started_at": at(secs),
        "finished_at": at(secs + 1.0), "status": if last { "delivered" } else { "failed" }, "attempts": each,
        "webhook": {"event_type": "call.initiated", "id": id, "record_type": "event"}});
    row(secs, "", false, json)
}

pub(crate) fn event(secs: f64, connection: &'static str, session: &str, name: &str, failed: bool) -> Row {
    let json = json!({"record_type": "call_event", "call_leg_id": session, "call_session_id": session, "name": name,
        "type": "webhook", "event_timestamp": at(secs), "metadata": {}});
    row(secs, connection, failed, json)
}

/// A call that lasted `lasted` seconds and ended then.
pub(crate) fn ended(id: &str, secs: f64, lasted: f64, connection: &'static str, cause: &str) -> Row {
    let json = json!({"record_type": "call-control", "id": id, "direction": "inbound", "connection_id": connection,
        "started_at": at(secs - lasted), "finished_at": at(secs), "call_sec": lasted, "hangup_cause": cause});
    row(secs, connection, false, json)
}

pub(crate) fn hour(secs: f64, connection: &'static str, attempted: u64, completed: u64) -> Row {
    let json = json!({"product": "call-control", "connection_id": connection, "date_time": at(secs),
        "attempted": attempted, "completed": completed.to_string()});
    row(secs, connection, false, json)
}

fn row(secs: f64, connection: &'static str, failed: bool, json: Json) -> Row {
    Row {
        at: secs,
        seen: secs,
        connection,
        failed,
        json,
    }
}
