//! `GET /v2/call_events`: what happened to the calls of the last 24 hours, the newest first, some seconds late.
//!
//! The contract has no list of the names of TeXML events; a call has `call.initiated` when it begins, `call.gather.ended` for
//! each request for instructions and `call.hangup` when it ends. `failed` is said of a request that failed.

use serde_json::{Value, json};

use super::query::{Query, Refused, Span};
use super::{HOUR, Moment, time};
use crate::world::LoggedCall;

/// How far back events go.
const KEPT: i64 = 24 * HOUR;

const INITIATED: &str = "call.initiated";
const ASKED: &str = "call.gather.ended";
const HUNG_UP: &str = "call.hangup";

/// One event.
#[derive(Debug, Clone, Copy)]
struct Event<'a> {
    at: i64,
    name: &'static str,
    failed: bool,
    /// Sets the events of one call apart.
    part: u16,
    call: &'a LoggedCall,
}

impl<'a> Moment<'a> {
    pub(super) fn call_events(self, query: &Query<'_>) -> Result<Value, Refused> {
        query.only(&[
            "page[number]",
            "page[size]",
            "filter[connection_id]",
            "filter[name]",
            "filter[type]",
            "filter[failed]",
            "filter[product]",
            "filter[from]",
            "filter[to]",
            "filter[leg_id]",
            "filter[application_session_id]",
            "filter[occurred_at][eq]",
            "filter[occurred_at][gt]",
            "filter[occurred_at][gte]",
            "filter[occurred_at][lt]",
            "filter[occurred_at][lte]",
        ])?;
        if query.count("filter[occurred_at]") > 1 {
            let detail = "Only one filter of occurred_at can be used at a time.";
            return Err(query.refused("10015", "Bad Request", detail, "filter[occurred_at]"));
        }
        let page = query.page(20, 250)?;
        let kind = query.choice("filter[type]", &["command", "webhook"])?;
        let product = query.choice("filter[product]", &["call_control", "fax", "texml"])?;
        let failed = query.choice("filter[failed]", &["true", "false"])?;
        let span = query.times("occurred_at")?.and(Span {
            from: self.now - KEPT,
            to: self.now + 1,
        });
        // Instructions come in answer to webhooks: no commands, and nothing but TeXML.
        let none = kind == Some("command") || product.is_some_and(|product| product != "texml");
        let mut events = if none {
            Vec::new()
        } else {
            self.events(span, query.filter("name"))
        };
        let ledger = self.ledger;
        events.retain(|event| {
            let is = |wanted: Option<&str>, have: &dyn Fn() -> String| wanted.is_none_or(|wanted| wanted == have());
            failed.is_none_or(|failed| (failed == "true") == event.failed)
                && query
                    .filter("connection_id")
                    .is_none_or(|id| self.is_on(event.call, id))
                && self.can_be_seen(event.call.key(), event.part, event.at)
                && query.filter("to").is_none_or(|to| to == ledger.number(event.call.line))
                && is(query.filter("from"), &|| ledger.caller(event.call.key()))
                && is(query.filter("leg_id"), &|| ledger.leg_id(event.call.key()))
                && is(query.filter("application_session_id"), &|| {
                    ledger.session_id(event.call.key())
                })
        });
        events.sort_by_key(|event| std::cmp::Reverse((event.at, event.call.serial, event.part)));
        Ok(page.of(events.len(), |place| Some(self.event(events[place]))))
    }

    fn events(self, span: Span, name: Option<&str>) -> Vec<Event<'a>> {
        let wants = |one: &str| name.is_none_or(|name| name == one);
        let (from, last) = (span.from, span.to.saturating_sub(1));
        let mut events = Vec::new();
        if wants(INITIATED) {
            events.extend(self.log.begun(from, last).map(|call| Event {
                at: call.started,
                name: INITIATED,
                failed: false,
                part: u16::MAX - 1,
                call,
            }));
        }
        if wants(ASKED) {
            events.extend(self.log.done(from, last).filter_map(|request| {
                Some(Event {
                    at: request.finished,
                    name: ASKED,
                    failed: request.failed,
                    part: request.turn,
                    call: self.log.call(request.serial)?,
                })
            }));
        }
        if wants(HUNG_UP) {
            let ended = self.log.ended_before(from)..self.log.ended_before(span.to);
            events.extend(ended.filter_map(|index| {
                let call = self.log.ended(index)?;
                let (at, _) = call.end?;
                Some(Event {
                    at,
                    name: HUNG_UP,
                    failed: false,
                    part: u16::MAX,
                    call,
                })
            }));
        }
        events
    }

    fn event(self, event: Event<'_>) -> Value {
        let way = self.way(event.call);
        let key = event.call.key();
        json!({
            "record_type": "call_event",
            "type": "webhook",
            "name": event.name,
            "event_timestamp": time(event.at),
            "call_leg_id": self.ledger.leg_id(key),
            "call_session_id": self.ledger.session_id(key),
            "metadata": {
                "product": "texml",
                "failed": event.failed,
                "connection_id": way.and_then(|way| way.connection.as_deref()),
                "url": way.and_then(|way| way.url.as_deref()),
                "from": self.ledger.caller(key),
                "to": self.ledger.number(event.call.line),
            },
        })
    }
}
