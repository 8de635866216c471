//! `GET /v2/webhook_deliveries` and one of them: each request for instructions with its attempts, the newest first, some seconds
//! late.
//!
//! A request that failed was tried once more at the fallback of the URL that was in force, where there is one; the delivery is
//! then delivered, and the call counts as failed in the world all the same: a fallback excuses itself, it does not serve.

use serde_json::{Value, json};

use super::query::{Query, Refused, Span};
use super::{CallKey, HOUR, Moment, SECOND, Way, time};
use crate::cluster::hash;
use crate::world::{LoggedCall, LoggedRequest};

/// How far back deliveries go.
const KEPT: i64 = 24 * HOUR;
/// No delivery takes longer than this, and so none that began later than so long ago is missed.
const LONGEST: i64 = 120 * SECOND;
const EVENT: &str = "call.gather.ended";

/// One delivery.
#[derive(Debug, Clone, Copy)]
struct Delivery<'a> {
    request: &'a LoggedRequest,
    call: &'a LoggedCall,
    url: &'a str,
    /// The second attempt's URL and when it was done.
    second: Option<(&'a str, i64)>,
}

impl Delivery<'_> {
    fn started(&self) -> i64 {
        self.request.started()
    }

    fn finished(&self) -> i64 {
        self.second.map_or(self.request.finished, |(_, at)| at)
    }

    fn status(&self) -> &'static str {
        if self.request.failed && self.second.is_none() {
            "failed"
        } else {
            "delivered"
        }
    }

    fn key(&self) -> CallKey {
        self.call.key()
    }
}

impl<'a> Moment<'a> {
    pub(super) fn deliveries(self, query: &Query<'_>) -> Result<Value, Refused> {
        query.only(&[
            "page[number]",
            "page[size]",
            "filter[status][eq]",
            "filter[event_type]",
            "filter[webhook][contains]",
            "filter[attempts][contains]",
            "filter[started_at][gte]",
            "filter[started_at][lte]",
            "filter[finished_at][gte]",
            "filter[finished_at][lte]",
        ])?;
        let page = query.page(20, 250)?;
        let status = query.choice("filter[status][eq]", &["delivered", "failed"])?;
        let since = Span {
            from: self.now - KEPT,
            to: self.now + 1,
        };
        let started = query.times("started_at")?.and(since);
        let finished = query.times("finished_at")?;
        let is_of = |event: &str| event.split(',').any(|event| event.trim().replace('_', ".") == EVENT);
        let attempted = query.get("filter[attempts][contains]");
        let webhook = query.get("filter[webhook][contains]");
        let from = started.from.max(finished.from.saturating_sub(LONGEST));
        let requests = self.log.done(from, started.to.saturating_add(LONGEST));
        let mut deliveries: Vec<Delivery<'_>> = requests
            .filter_map(|request| self.delivery_of(request))
            .filter(|delivery| {
                started.has(delivery.started())
                    && finished.has(delivery.finished())
                    && status.is_none_or(|status| status == delivery.status())
                    && query.filter("event_type").is_none_or(is_of)
                    && attempted.is_none_or(|part| {
                        delivery.url.contains(part) || delivery.second.is_some_and(|(url, _)| url.contains(part))
                    })
                    && self.is_told(delivery)
                    && webhook.is_none_or(|part| self.webhook(delivery).to_string().contains(part))
            })
            .collect();
        deliveries.sort_by_key(|delivery| {
            std::cmp::Reverse((delivery.started(), delivery.request.serial, delivery.request.turn))
        });
        Ok(page.of(deliveries.len(), |place| Some(self.shown(&deliveries[place]))))
    }

    pub(super) fn delivery(self, id: &str) -> Result<Value, Refused> {
        let requests = self.log.done(self.now - KEPT, self.now);
        let wanted = id.to_ascii_lowercase();
        let found = requests
            .filter_map(|request| self.delivery_of(request))
            .find(|delivery| self.delivery_id(delivery) == wanted);
        match found.filter(|delivery| self.is_told(delivery)) {
            Some(delivery) => Ok(json!({"data": self.shown(&delivery)})),
            None => {
                let detail = "The requested resource or URL could not be found.";
                let error = json!({"code": "10005", "title": "Resource not found", "detail": detail});
                Err((404, json!({"errors": [error]})))
            }
        }
    }

    /// Nothing where the call's connection fetches no instructions.
    fn delivery_of(self, request: &'a LoggedRequest) -> Option<Delivery<'a>> {
        let call = self.log.call(request.serial)?;
        let Way { url, fallback, .. } = self.way(call)?;
        let second = fallback.as_deref().filter(|_| request.failed).map(|fallback| {
            let turn = request.turn.to_be_bytes();
            let took = 60_000 + hash(&[b"fallback", &call.key().bytes(), &turn]) % 180_000;
            (fallback, request.finished + 4_000 + took as i64)
        });
        Some(Delivery {
            request,
            call,
            url: url.as_deref()?,
            second,
        })
    }

    fn is_told(self, delivery: &Delivery<'_>) -> bool {
        self.can_be_seen(delivery.key(), delivery.request.turn, delivery.finished())
    }

    fn delivery_id(self, delivery: &Delivery<'_>) -> String {
        let turn = delivery.request.turn.to_be_bytes();
        self.ledger.uuid(&[b"delivery", &delivery.key().bytes(), &turn])
    }

    fn webhook(self, delivery: &Delivery<'_>) -> Value {
        let turn = delivery.request.turn.to_be_bytes();
        let key = delivery.key();
        json!({
            "record_type": "event",
            "event_type": EVENT,
            "id": self.ledger.uuid(&[b"event", &key.bytes(), &turn]),
            "occurred_at": time(delivery.started()),
            "payload": {
                "CallSid": self.ledger.control_id(key),
                "ConnectionId": self.way(delivery.call).and_then(|way| way.connection.as_deref()),
                "From": self.ledger.caller(key),
                "To": self.ledger.number(delivery.call.line),
            },
        })
    }

    fn shown(self, delivery: &Delivery<'_>) -> Value {
        let first = attempt(
            delivery.url,
            delivery.started(),
            delivery.request.finished,
            delivery.request.failed,
        );
        let second = delivery
            .second
            .map(|(url, at)| attempt(url, delivery.request.finished + 4_000, at, false));
        // The newest first, as in the example of the contract.
        let attempts: Vec<Value> = second.into_iter().chain([first]).collect();
        json!({
            "record_type": "webhook_delivery",
            "id": self.delivery_id(delivery),
            "user_id": self.ledger.user_id(),
            "status": delivery.status(),
            "started_at": time(delivery.started()),
            "finished_at": time(delivery.finished()),
            "webhook": self.webhook(delivery),
            "attempts": attempts,
        })
    }
}

fn attempt(url: &str, started: i64, finished: i64, failed: bool) -> Value {
    let (status, outcome, body) = if failed {
        (500, "failed", "Internal Server Error")
    } else {
        (
            200,
            "delivered",
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response/>",
        )
    };
    let content = if failed { "text/plain" } else { "application/xml" };
    json!({
        "status": outcome,
        "started_at": time(started),
        "finished_at": time(finished),
        "http": {
            "request": {"url": url, "headers": [["Accept", "*/*"]]},
            "response": {"status": status, "headers": [["Content-Type", content]], "body": body},
        },
    })
}
