//! What a detail record says about how a call ended.
//!
//! The official contract leaves the fields of voice records open, so each is looked for under the names that are known, and a
//! record that does not say enough is told of rather than counted on a guess. The tables below are the only place that knows.
//! Deliberately not here: which window or arm a call belongs to.

use std::time::Duration;

use serde_json::Value;
use timonel_domain::time::Timestamp;

use crate::api::DetailRecord;

/// A finished inbound call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finished {
    /// The record's own id, or else the call's.
    pub(crate) id: String,
    /// The connection that it came in on, where the record says so.
    pub(crate) connection: Option<String>,
    /// When it began.
    pub(crate) began: Timestamp,
    /// When it ended.
    pub(crate) ended: Timestamp,
    /// Whether it failed; `None` where the record does not say.
    pub(crate) failed: Option<bool>,
}

/// What a record lacks, for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a detail record has no readable {what} (its fields: {fields})")]
pub(crate) struct Lacks {
    what: &'static str,
    fields: String,
}

/// How a cause of hanging up is taken. Words are those of `call.hangup` and of the TeXML callbacks.
///
/// | cause | taken as | why |
/// |---|---|---|
/// | `normal_clearing`, `time_limit` | ended well | the call took place |
/// | `originator_cancel` | ended well | the caller hung up before anybody answered |
/// | `call_rejected`, `user_busy`, `no_answer`, `timeout`, `not_found` | failed | for an inbound call the other side is the application |
/// | `unspecified`, anything else | not said | the SIP code decides, then `status`, then `connected` |
const CAUSES: &[(&str, bool)] = &[
    ("normal_clearing", false),
    ("time_limit", false),
    ("originator_cancel", false),
    ("call_rejected", true),
    ("user_busy", true),
    ("no_answer", true),
    ("timeout", true),
    ("not_found", true),
];

const ID: &[&str] = &[
    "id",
    "call_control_id",
    "telnyx_call_control_id",
    "call_leg_id",
    "telnyx_leg_id",
    "call_id",
];
const BEGAN: &[&str] = &["started_at", "start_time"];
const ENDED: &[&str] = &["finished_at", "end_time"];
const SECONDS: &[&str] = &["call_sec", "call_duration"];
const CAUSE: &[&str] = &["hangup_cause"];
const SIP: &[&str] = &["sip_hangup_cause", "sip_code", "sip_response_code"];
const STATUS: &[&str] = &["status"];
const CONNECTED: &str = "connected";
const DIRECTION: &[&str] = &["direction"];

impl Finished {
    /// Reads a record; `None` for an outbound call, which is somebody else's to answer.
    pub(crate) fn read(record: &DetailRecord) -> Result<Option<Self>, Lacks> {
        let direction = text(record, DIRECTION).unwrap_or_default();
        if direction.to_ascii_lowercase().starts_with("out") {
            return Ok(None);
        }
        let lacks = |what| Lacks {
            what,
            fields: record.0.keys().cloned().collect::<Vec<_>>().join(", "),
        };
        let lasted = seconds(record);
        let (began, ended) = match (time(record, BEGAN), time(record, ENDED), lasted) {
            (Some(began), Some(ended), _) => (began, ended),
            (Some(began), None, Some(lasted)) => (began, began + lasted),
            (None, Some(ended), Some(lasted)) => (ended - lasted, ended),
            (None, None, _) | (Some(_), None, None) => return Err(lacks("end")),
            (None, Some(_), None) => return Err(lacks("beginning")),
        };
        Ok(Some(Self {
            id: text(record, ID).ok_or_else(|| lacks("id"))?,
            connection: record.connection(),
            began,
            ended,
            failed: failed(record),
        }))
    }
}

/// By the cause, or else the SIP code, or else the status, or else whether it was ever connected.
fn failed(record: &DetailRecord) -> Option<bool> {
    let cause = text(record, CAUSE).map(|cause| cause.to_ascii_lowercase().replace(['-', ' '], "_"));
    let known = cause.and_then(|cause| CAUSES.iter().find(|(name, _)| *name == cause));
    known
        .map(|(_, failed)| *failed)
        .or_else(|| text(record, SIP).and_then(|code| sip_failed(&code)))
        .or_else(|| text(record, STATUS).and_then(|status| status_failed(&status)))
        .or_else(|| {
            record
                .0
                .get(CONNECTED)
                .and_then(Value::as_bool)
                .map(|connected| !connected)
        })
}

/// The words of TeXML's `CallStatus` for calls that are over. For an inbound call, busy and no answer are the application's.
fn status_failed(status: &str) -> Option<bool> {
    match status.to_ascii_lowercase().as_str() {
        "completed" | "canceled" => Some(false),
        "failed" | "busy" | "no-answer" => Some(true),
        _ => None,
    }
}

/// 2xx is a call that took place and 487 one that the caller took back; from 400 on, all else is a failure. What is no final
/// response says nothing.
fn sip_failed(code: &str) -> Option<bool> {
    match code.parse::<u16>().ok()? {
        200..=299 | 487 => Some(false),
        400..=699 => Some(true),
        _ => None,
    }
}

/// The first of `names` that has something in it.
fn text(record: &DetailRecord, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| record.text(name))
}

fn time(record: &DetailRecord, names: &[&str]) -> Option<Timestamp> {
    text(record, names)?.parse().ok()
}

fn seconds(record: &DetailRecord) -> Option<Duration> {
    let seconds = text(record, SECONDS)?.parse::<f64>().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn record(fields: Value) -> DetailRecord {
        serde_json::from_value(fields).unwrap()
    }

    fn read(record: Value) -> Result<Option<Finished>, Lacks> {
        Finished::read(&self::record(record))
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_fields_that_the_live_service_was_seen_to_send() {
        let record = json!({
            "record_type": "call-control", "id": "4b679aae", "direction": "inbound", "cli": "+34600000001",
            "cld": "+34910000101", "connection_id": "2150000000000000002", "started_at": "2026-11-22T01:00:00Z",
            "finished_at": "2026-11-22T01:00:54Z", "call_sec": 50, "connected": true,
        });
        let finished = Finished {
            id: "4b679aae".into(),
            connection: Some("2150000000000000002".into()),
            began: at("2026-11-22T01:00:00Z"),
            ended: at("2026-11-22T01:00:54Z"),
            failed: Some(false),
        };
        assert_eq!(read(record), Ok(Some(finished)));
        let outbound = json!({"direction": "outbound"});
        assert_eq!(read(outbound), Ok(None));
    }

    #[test]
    fn how_a_call_ended() {
        let table = [
            (json!({"hangup_cause": "normal_clearing"}), Some(false)),
            (
                json!({"hangup_cause": "NORMAL_CLEARING", "sip_hangup_cause": "503"}),
                Some(false),
            ),
            (
                json!({"hangup_cause": "originator-cancel", "connected": false}),
                Some(false),
            ),
            (json!({"hangup_cause": "time_limit"}), Some(false)),
            (json!({"hangup_cause": "call_rejected"}), Some(true)),
            (json!({"hangup_cause": "user_busy"}), Some(true)),
            (json!({"hangup_cause": "no_answer"}), Some(true)),
            (json!({"hangup_cause": "timeout"}), Some(true)),
            (json!({"hangup_cause": "not_found", "connected": true}), Some(true)),
            (json!({"hangup_cause": "unspecified"}), None),
            (
                json!({"hangup_cause": "unspecified", "sip_hangup_cause": "503"}),
                Some(true),
            ),
            (
                json!({"hangup_cause": "unspecified", "sip_hangup_cause": "unspecified", "connected": true}),
                Some(false),
            ),
            (json!({"hangup_cause": "something_new", "sip_code": 200}), Some(false)),
            (json!({"sip_response_code": "487"}), Some(false)),
            (json!({"sip_response_code": "404"}), Some(true)),
            (json!({"sip_code": "180"}), None),
            (
                json!({"hangup_cause": "unspecified", "status": "failed", "connected": true}),
                Some(true),
            ),
            (
                json!({"hangup_cause": "unspecified", "status": "completed"}),
                Some(false),
            ),
            (json!({"status": "no-answer"}), Some(true)),
            (json!({"status": "canceled", "connected": false}), Some(false)),
            (json!({"status": "delivered"}), None),
            (json!({"connected": false}), Some(true)),
            (json!({"connected": "yes"}), None),
            (json!({"hangup_cause": ""}), None),
            (json!({}), None),
        ];
        for (fields, expected) in table {
            assert_eq!(failed(&record(fields.clone())), expected, "{fields}");
        }
    }

    #[test]
    fn times_are_taken_from_what_there_is_or_told_of() {
        let (began, ended) = ("2026-11-22T01:00:00Z", "2026-11-22T01:00:50Z");
        let table = [
            json!({"id": "a", "started_at": began, "finished_at": ended, "call_sec": 3}),
            json!({"id": "a", "started_at": began, "call_sec": 50}),
            json!({"id": "a", "started_at": began, "finished_at": "", "call_sec": "50"}),
            json!({"id": "a", "finished_at": ended, "call_sec": 50.0}),
            json!({"id": "a", "start_time": began, "end_time": ended}),
        ];
        for record in table {
            let finished = read(record.clone()).unwrap().unwrap();
            assert_eq!((finished.began, finished.ended), (at(began), at(ended)), "{record}");
        }
        let told = |record: Value| read(record).unwrap_err().to_string();
        assert!(told(json!({"id": "a", "started_at": began})).contains("no readable end (its fields: id, started_at)"));
        assert!(told(json!({"id": "a", "finished_at": ended})).contains("beginning"));
        assert!(told(json!({"id": "a", "started_at": "yesterday", "call_sec": 5})).contains("end"));
        assert!(told(json!({"id": "a", "started_at": began, "call_sec": -5})).contains("end"));
        assert!(told(json!({"started_at": began, "finished_at": ended})).contains("id"));
    }

    #[test]
    fn an_id_is_text_however_it_is_written() {
        let record = json!({"id": null, "call_leg_id": "leg", "connection_id": 2_150_000_000_000_000_002_u64,
            "started_at": "2026-11-22T01:00:00Z", "call_sec": 0});
        let finished = read(record).unwrap().unwrap();
        assert_eq!(
            (finished.id.as_str(), finished.connection.as_deref()),
            ("leg", Some("2150000000000000002"))
        );
    }
}
