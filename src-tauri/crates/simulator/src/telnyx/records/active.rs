//! `GET /v2/connections/{id}/active_calls`: the calls in progress on a connection, at once, by cursor.
//!
//! A call stays on the connection on which it began, wherever its number has gone since.

use serde_json::{Value, json};

use super::query::{Query, Refused};
use super::{Moment, SECOND};
use crate::world::LoggedCall;

impl Moment<'_> {
    pub(super) fn active_calls(self, connection: &str, query: &Query<'_>) -> Result<Value, Refused> {
        query.only(&["page[after]", "page[limit]", "page[size]"])?;
        if !self.ledger.connections.iter().any(|known| known == connection) {
            let detail = "The requested connection_id (Call Control App ID) is either invalid or does not exist. Only Call \
                          Control Apps with valid webhook URL are accepted.";
            let title = "Invalid value for connection_id (Call Control App ID)";
            return Err(query.refused("10015", title, detail, "connection_id"));
        }
        let size = query.whole("page[size]", MOST)?;
        let limit = query.whole("page[limit]", MOST)?.or(size).unwrap_or(20);
        let after = match query.get("page[after]") {
            None => None,
            Some(cursor) => Some(serial(cursor).ok_or_else(|| {
                query.refused(
                    "10015",
                    "Invalid pagination",
                    "The cursor is not one of ours.",
                    "page[after]",
                )
            })?),
        };
        let calls: Vec<&LoggedCall> = self.log.open().filter(|call| self.is_on(call, connection)).collect();
        let from = calls.partition_point(|call| after.is_some_and(|after| call.serial <= after));
        let page = &calls[from..calls.len().min(from + limit)];

        let mut meta = json!({"total_items": calls.len(), "cursors": {}});
        if from > 0
            && let Some(first) = page.first()
        {
            meta["cursors"]["before"] = cursor(first.serial).into();
        }
        if from + page.len() < calls.len()
            && let Some(last) = page.last()
        {
            let after = cursor(last.serial);
            meta["next"] = format!("/v2/connections/{connection}/active_calls?page[after]={after}").into();
            meta["cursors"]["after"] = after.into();
        }
        let data: Vec<Value> = page.iter().map(|call| self.active_call(call)).collect();
        Ok(json!({"data": data, "meta": meta}))
    }

    fn active_call(self, call: &LoggedCall) -> Value {
        json!({
            "record_type": "call",
            "call_control_id": self.ledger.control_id(call.key()),
            "call_leg_id": self.ledger.leg_id(call.key()),
            "call_session_id": self.ledger.session_id(call.key()),
            // TeXML calls have none; the contract wants the field.
            "client_state": "",
            "call_duration": (self.now - call.started) / SECOND,
        })
    }
}

/// The most that one page has.
const MOST: usize = 250;

/// A place in the list, opaque to whoever has it: no number to calculate with.
fn cursor(serial: u64) -> String {
    format!("v1:{:016x}", serial.rotate_left(23) ^ 0x5a5a_a5a5_1234_8765)
}

fn serial(cursor: &str) -> Option<u64> {
    let digits = cursor.strip_prefix("v1:")?;
    let number = u64::from_str_radix(digits, 16).ok()?;
    Some((number ^ 0x5a5a_a5a5_1234_8765).rotate_right(23))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_come_back() {
        for number in [0, 1, 77, u64::MAX] {
            assert_eq!(serial(&cursor(number)), Some(number));
        }
        assert_eq!(serial("7"), None);
    }
}
