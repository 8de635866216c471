//! The world's calls as Telnyx records them: the calls in progress, the events, the webhook deliveries, the detail records and
//! the usage reports, each as late as its real counterpart may be.
//!
//! Everything is computed from the world's own log at the moment of the question; nothing is counted twice. Shapes are those
//! of the published contract; what it leaves open (fields of voice records, names of TeXML events) is marked where it is
//! decided. Deliberately not here: cursors of `call_events`, CSV reports, records of anything but calls.

mod active;
mod deliveries;
mod details;
mod events;
mod past;
mod query;
mod usage;

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use timonel_domain::time::Timestamp;

pub(crate) use self::past::Past;

use self::query::{Query, Refused};
use super::book::Book;
use crate::cluster::hash;
use crate::simulator::Scene;
use crate::world::{CallLog, LoggedCall};

const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3600 * SECOND;
const DAY: i64 = 24 * HOUR;

/// Where a call went: what Telnyx had in force for its number when it began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Way {
    /// The number's connection; nothing where it had none.
    pub(crate) connection: Option<String>,
    /// Where instructions were fetched; nothing where the connection is no TeXML application.
    pub(crate) url: Option<String>,
    /// Where they were fetched when that failed.
    pub(crate) fallback: Option<String>,
}

/// Every way there has been, so that a call's log can name its own by a small number.
#[derive(Debug, Default)]
pub(crate) struct Ways(Mutex<Vec<Way>>);

impl Ways {
    /// The number of this way, a new one where it is new.
    pub(crate) fn number(&self, way: &Way) -> u16 {
        let mut ways = self.ways();
        let place = ways.iter().position(|known| known == way).unwrap_or_else(|| {
            ways.push(way.clone());
            ways.len() - 1
        });
        // There are a few applications, and people change a URL now and then: 65 535 are never reached.
        u16::try_from(place).unwrap_or(u16::MAX)
    }

    fn ways(&self) -> MutexGuard<'_, Vec<Way>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the records know beside the log.
#[derive(Debug)]
pub(crate) struct Ledger {
    /// Settles the ids, callers and delays that nothing else decides.
    pub(crate) seed: u64,
    /// E.164 by line.
    pub(crate) numbers: Vec<String>,
    /// Id of the connection on which all calls were before the world began.
    pub(crate) stable: String,
    /// Ids of the connections whose calls can be asked for.
    pub(crate) connections: Vec<String>,
    /// By the number that the log has.
    pub(crate) ways: Ways,
    /// The calls before the world began.
    pub(crate) past: Past,
}

impl Ledger {
    /// 128 bits that look like a random UUID and are the same for the same parts.
    fn uuid(&self, parts: &[&[u8]]) -> String {
        let seed = self.seed.to_be_bytes();
        let half = |which: u8| {
            let own = [which];
            let all: Vec<&[u8]> = [&seed[..], &own[..]].into_iter().chain(parts.iter().copied()).collect();
            hash(&all)
        };
        let (high, low) = (half(1), half(2));
        let (a, b, c) = (high >> 32, high >> 16 & 0xffff, high & 0xfff);
        let (d, e) = (low >> 48 & 0x3fff | 0x8000, low & 0xffff_ffff_ffff);
        format!("{a:08x}-{b:04x}-4{c:03x}-{d:04x}-{e:012x}")
    }

    fn user_id(&self) -> String {
        self.uuid(&[b"user"])
    }

    fn leg_id(&self, call: CallKey) -> String {
        self.uuid(&[b"leg", &call.bytes()])
    }

    fn session_id(&self, call: CallKey) -> String {
        self.uuid(&[b"session", &call.bytes()])
    }

    fn control_id(&self, call: CallKey) -> String {
        let parts = [0_u8, 1, 2].map(|part| hash(&[&self.seed.to_be_bytes(), b"control", &[part], &call.bytes()]));
        format!("v3:{:016x}{:016x}{:016x}", parts[0], parts[1], parts[2])
    }

    /// A Spanish mobile number.
    fn caller(&self, call: CallKey) -> String {
        let digits = hash(&[&self.seed.to_be_bytes(), b"caller", &call.bytes()]) % 100_000_000;
        format!("+346{digits:08}")
    }

    fn number(&self, line: u32) -> &str {
        self.numbers.get(line as usize).map_or("", String::as_str)
    }

    /// How long after it happened something can be asked for: from 3 to 25 seconds.
    fn delay(&self, call: CallKey, part: u16) -> i64 {
        let draw = hash(&[&self.seed.to_be_bytes(), b"delay", &call.bytes(), &part.to_be_bytes()]);
        3 * SECOND + (draw % (22 * SECOND as u64)) as i64
    }
}

/// Which call a record is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CallKey {
    /// Of the world, by its serial number.
    Lived(u64),
    /// Of the time before it, by its index there.
    Past(u64),
}

impl CallKey {
    fn bytes(self) -> [u8; 9] {
        let (kind, number) = match self {
            Self::Lived(serial) => (0, serial),
            Self::Past(index) => (1, index),
        };
        let mut bytes = [kind; 9];
        bytes[1..].copy_from_slice(&number.to_be_bytes());
        bytes
    }
}

impl LoggedCall {
    fn key(&self) -> CallKey {
        CallKey::Lived(self.serial)
    }
}

/// The records at one moment.
#[derive(Debug, Clone, Copy)]
struct Moment<'a> {
    ledger: &'a Ledger,
    log: &'a CallLog,
    ways: &'a [Way],
    /// Microseconds of wall time.
    now: i64,
}

impl<'a> Moment<'a> {
    fn way(self, call: &LoggedCall) -> Option<&'a Way> {
        self.ways.get(usize::from(call.way))
    }

    fn is_on(self, call: &LoggedCall, connection: &str) -> bool {
        let way = self.way(call);
        way.is_some_and(|way| way.connection.as_deref() == Some(connection))
    }

    /// Whether what happened to the call then can be asked for now.
    fn can_be_seen(self, call: CallKey, part: u16, at: i64) -> bool {
        at + self.ledger.delay(call, part) <= self.now
    }
}

/// The book of a world whose calls are split by line.
#[derive(Debug)]
pub(crate) struct Records {
    scene: Scene,
    ledger: std::sync::Arc<Ledger>,
}

impl Records {
    pub(crate) fn new(scene: Scene, ledger: std::sync::Arc<Ledger>) -> Self {
        Self { scene, ledger }
    }
}

impl Book for Records {
    fn answer(&self, path: &str, query: &[(String, String)], now: Timestamp) -> Option<Result<Value, (u16, Value)>> {
        let ask = Ask::of(path)?;
        self.scene.look(|seen| {
            let empty = CallLog::default();
            let ways = self.ledger.ways.ways();
            let moment = Moment {
                ledger: &self.ledger,
                log: seen.world().log().unwrap_or(&empty),
                ways: &ways,
                now: now.micros(),
            };
            Some(ask.answer(moment, query))
        })
    }
}

/// What can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ask<'a> {
    ActiveCalls(&'a str),
    CallEvents,
    DetailRecords,
    UsageReports,
    UsageOptions,
    Deliveries,
    Delivery(&'a str),
}

impl<'a> Ask<'a> {
    fn of(path: &'a str) -> Option<Self> {
        let parts: Vec<&str> = path.strip_prefix("/v2/")?.split('/').collect();
        match parts[..] {
            ["connections", id, "active_calls"] => Some(Self::ActiveCalls(id)),
            ["call_events"] => Some(Self::CallEvents),
            ["detail_records"] => Some(Self::DetailRecords),
            ["usage_reports"] => Some(Self::UsageReports),
            ["usage_reports", "options"] => Some(Self::UsageOptions),
            ["webhook_deliveries"] => Some(Self::Deliveries),
            ["webhook_deliveries", id] => Some(Self::Delivery(id)),
            _ => None,
        }
    }

    fn answer(self, moment: Moment<'_>, pairs: &[(String, String)]) -> Result<Value, Refused> {
        match self {
            Self::ActiveCalls(id) => moment.active_calls(id, &Query::new(pairs, 422)),
            Self::CallEvents => moment.call_events(&Query::new(pairs, 422)),
            Self::DetailRecords => moment.detail_records(&Query::new(pairs, 400)),
            Self::UsageReports => moment.usage_reports(&Query::new(pairs, 400)),
            Self::UsageOptions => usage::options(&Query::new(pairs, 400)),
            Self::Deliveries => moment.deliveries(&Query::new(pairs, 422)),
            Self::Delivery(id) => moment.delivery(id),
        }
    }
}

/// As the API writes times.
fn time(micros: i64) -> Value {
    // In microseconds, as the examples of the contract have it.
    serde_json::to_value(Timestamp::from_micros(micros)).unwrap_or(Value::Null)
}
