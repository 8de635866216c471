//! `GET /v2/detail_records`: one record a call that has ended, five minutes late, the past before the world included.
//!
//! The contract leaves the fields of voice records open. Here a record is made when its call ends (`created_at` is
//! `finished_at`), `cld` is the number that was dialled, and `status` is `completed` or `failed`. The same calls are told as
//! `call-control` and as `sip-trunking`; every other product has no records.

use std::ops::Range;

use serde_json::{Value, json};

use super::past::PastCall;
use super::query::{Query, Refused, Span};
use super::{CallKey, Moment, SECOND, time};
use crate::world::Outcome;

/// A call that has ended is told of so much later.
const DELAY: i64 = 300 * SECOND;

/// The products of the contract.
const PRODUCTS: [&str; 21] = [
    "ai-voice-assistant",
    "amd",
    "call-control",
    "conference",
    "conference-participant",
    "embedding",
    "fax",
    "inference",
    "inference-speech-to-text",
    "media_storage",
    "media-streaming",
    "messaging",
    "noise-suppression",
    "recording",
    "sip-trunking",
    "siprec-client",
    "stt",
    "tts",
    "verify",
    "webrtc",
    "wireless",
];

/// Those that the world's calls have records of.
pub(super) const VOICE: [&str; 2] = ["call-control", "sip-trunking"];

/// A finished call, lived or past.
#[derive(Debug, Clone, Copy)]
pub(super) struct Finished<'a> {
    pub(super) key: CallKey,
    pub(super) line: u32,
    pub(super) connection: Option<&'a str>,
    pub(super) started: i64,
    pub(super) ended: i64,
    pub(super) outcome: Outcome,
}

impl Finished<'_> {
    pub(super) fn seconds(&self) -> i64 {
        (self.ended - self.started) / SECOND
    }
}

/// What a record has to be like.
#[derive(Debug, Clone, Copy, Default)]
struct Wanted<'a> {
    number: Option<&'a str>,
    part: Option<(&'static str, &'a str)>,
    caller: Option<&'a str>,
    connection: Option<&'a str>,
    status: Option<&'a str>,
    nothing: bool,
}

impl Wanted<'_> {
    /// Whether every call will do.
    fn is_everything(&self) -> bool {
        self.number.is_none()
            && self.part.is_none()
            && self.caller.is_none()
            && self.connection.is_none()
            && self.status.is_none()
            && !self.nothing
    }
}

impl<'a> Moment<'a> {
    pub(super) fn detail_records(self, query: &Query<'_>) -> Result<Value, Refused> {
        query.only(&[
            "page[number]",
            "page[size]",
            "sort",
            "filter[record_type]",
            "filter[date_range]",
            "filter[created_at][eq]",
            "filter[created_at][gt]",
            "filter[created_at][gte]",
            "filter[created_at][lt]",
            "filter[created_at][lte]",
            "filter[finished_at][gt]",
            "filter[finished_at][gte]",
            "filter[finished_at][lt]",
            "filter[finished_at][lte]",
            "filter[cld]",
            "filter[cld][contains]",
            "filter[cld][starts_with]",
            "filter[cld][ends_with]",
            "filter[cli]",
            "filter[connection_id]",
            "filter[direction]",
            "filter[status]",
        ])?;
        let Some(product) = query.filter("record_type") else {
            return Err(query.missing("filter[record_type]"));
        };
        if !PRODUCTS.contains(&product) {
            let detail = format!("No matching record type was found matching given record type {product}");
            return Err(query.refused("10011", "Bad Request", &detail, "filter[record_type]"));
        }
        let page = query.page(20, 50)?;
        let sort = query.choice("sort", &["created_at", "-created_at"])?;
        let direction = query.choice("filter[direction]", &["inbound", "outbound"])?;
        let span = query
            .times("created_at")?
            .and(query.times("finished_at")?)
            .and(query.date_range("filter[date_range]", self.now)?);
        let part = ["contains", "starts_with", "ends_with"]
            .into_iter()
            .find_map(|how| Some((how, query.filter(&format!("cld][{how}"))?)));
        let wanted = Wanted {
            number: query.filter("cld"),
            part,
            caller: query.filter("cli"),
            connection: query.filter("connection_id"),
            status: query.filter("status"),
            nothing: direction == Some("outbound") || !VOICE.contains(&product),
        };
        let all = self.finished(span, DELAY);
        let show = |index: usize| Some(self.detail(product, &self.finished_call(index)?));
        let is_oldest_first = sort == Some("created_at");
        if wanted.is_everything() {
            // Nothing has to be looked at but the page itself.
            let place = |place: usize| {
                if is_oldest_first {
                    all.start + place
                } else {
                    all.end - 1 - place
                }
            };
            return Ok(page.of(all.len(), |nth| show(place(nth))));
        }
        let mut found = self.found(all, &wanted);
        if !is_oldest_first {
            found.reverse();
        }
        Ok(page.of(found.len(), |nth| show(found[nth])))
    }

    /// Which calls ended in the span, and at least `delay` ago: places in the order of all that ever ended.
    pub(super) fn finished(self, span: Span, delay: i64) -> Range<usize> {
        let before = |at: i64| {
            let at = at.min(self.now - delay + 1);
            self.ledger.past.ended_before(at) + self.log.ended_before(at)
        };
        let (from, to) = (before(span.from), before(span.to));
        from..to.max(from)
    }

    /// The call at that place.
    pub(super) fn finished_call(self, index: usize) -> Option<Finished<'a>> {
        let past = self.ledger.past.len();
        let Some(lived) = index.checked_sub(past) else {
            let PastCall {
                line,
                started,
                ended,
                outcome,
            } = self.ledger.past.call(index);
            return Some(Finished {
                key: CallKey::Past(index as u64),
                line,
                connection: Some(&self.ledger.stable),
                started,
                ended,
                outcome,
            });
        };
        let call = self.log.ended(lived)?;
        let (ended, outcome) = call.end?;
        Some(Finished {
            key: call.key(),
            line: call.line,
            connection: self.way(call).and_then(|way| way.connection.as_deref()),
            started: call.started,
            ended,
            outcome,
        })
    }

    fn found(self, all: Range<usize>, wanted: &Wanted<'_>) -> Vec<usize> {
        if wanted.nothing {
            return Vec::new();
        }
        let past = self.ledger.past.len();
        let is_in_past = wanted.connection.is_none_or(|id| id == self.ledger.stable);
        let of_past: Vec<usize> = match wanted.number {
            _ if !is_in_past => Vec::new(),
            // A number's own calls are known; nobody has to look through all.
            Some(number) => self.of_number(number, &all),
            None => (all.start..all.end.min(past)).collect(),
        };
        let lived = all.start.max(past)..all.end;
        let is_wanted = |index: &usize| {
            let call = self.finished_call(*index);
            call.is_some_and(|call| self.is_wanted(&call, wanted))
        };
        of_past.into_iter().chain(lived).filter(is_wanted).collect()
    }

    fn of_number(self, number: &str, all: &Range<usize>) -> Vec<usize> {
        let Some(line) = self.ledger.numbers.iter().position(|known| known == number) else {
            return Vec::new();
        };
        let places = self.ledger.past.of_line(line).iter().map(|index| *index as usize);
        places.filter(|index| all.contains(index)).collect()
    }

    fn is_wanted(self, call: &Finished<'_>, wanted: &Wanted<'_>) -> bool {
        let number = self.ledger.number(call.line);
        let has_part = |(how, part): (&str, &str)| match how {
            "contains" => number.contains(part),
            "starts_with" => number.starts_with(part),
            _ => number.ends_with(part),
        };
        wanted.number.is_none_or(|wanted| wanted == number)
            && wanted.part.is_none_or(has_part)
            && wanted.connection.is_none_or(|id| call.connection == Some(id))
            && wanted.status.is_none_or(|wanted| wanted == status(call.outcome))
            && wanted
                .caller
                .is_none_or(|wanted| wanted == self.ledger.caller(call.key))
    }

    fn detail(self, product: &str, call: &Finished<'_>) -> Value {
        let key = call.key.bytes();
        let seconds = call.seconds();
        let billed = (seconds + 59) / 60 * 60;
        json!({
            "record_type": product,
            "id": self.ledger.uuid(&[b"detail", product.as_bytes(), &key]),
            "user_id": self.ledger.user_id(),
            "direction": "inbound",
            "cli": self.ledger.caller(call.key),
            "cld": self.ledger.number(call.line),
            "connection_id": call.connection,
            "call_leg_id": self.ledger.leg_id(call.key),
            "call_session_id": self.ledger.session_id(call.key),
            "status": status(call.outcome),
            "connected": true,
            "hangup_cause": match call.outcome {
                Outcome::Ok | Outcome::Abandoned => "normal_clearing",
                Outcome::Failed => "unspecified",
            },
            // Answered, and then the application failed it.
            "sip_hangup_cause": match call.outcome {
                Outcome::Ok | Outcome::Abandoned => "200",
                Outcome::Failed => "503",
            },
            "hangup_source": match call.outcome {
                Outcome::Ok | Outcome::Abandoned => "caller",
                Outcome::Failed => "callee",
            },
            "created_at": time(call.ended),
            "started_at": time(call.started),
            "answered_at": time(call.started),
            "finished_at": time(call.ended),
            "call_sec": seconds,
            "billed_sec": billed,
            "cost": format!("{:.4}", cost(billed)),
            "currency": "USD",
        })
    }
}

/// For the carrier a caller who hangs up has completed the call.
pub(super) fn status(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Ok | Outcome::Abandoned => "completed",
        Outcome::Failed => "failed",
    }
}

/// Of so many seconds, in US dollars.
pub(super) fn cost(billed: i64) -> f64 {
    billed as f64 / 60.0 * 0.0055
}
