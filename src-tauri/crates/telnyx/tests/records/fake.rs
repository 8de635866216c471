//! A clock that a test moves, and a server with applications and records.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Query, Request};
use axum::http::Response;
use axum::routing::any;
use serde_json::{Value as Json, json};
use timonel_domain::sample::Value;
use timonel_domain::time::{Mono, Timestamp};
use timonel_domain::value::{Quantity, Side, SignalId};
use timonel_ports::clock::{Busy, Clock, InFlight, Sleep, SystemClock};
use timonel_ports::signal::{SignalError, Source};
use timonel_ports::task;
use timonel_telnyx::account::{Access, Account};
use timonel_telnyx::api::ConnectionId;
use timonel_telnyx::records::{RecordSpec, Records, RecordsError, RecordsKind, Timing};
use tokio::net::TcpListener;

pub(crate) const STABLE: &str = "2150000000000000001";
pub(crate) const CANARY: &str = "2150000000000000002";
pub(crate) const OLD: &str = "https://old.example.com/voice";
pub(crate) const NEW: &str = "https://new.example.com/voice";
pub(crate) const KEY: &str = "KEY0123456789_s3cr3t";
pub(crate) const TIMING: Timing = Timing {
    interval: Duration::from_secs(15),
    gap: Duration::from_secs(120),
};

const START: &str = "2026-11-22T01:00:00Z";

/// So many seconds after the start.
pub(crate) fn at(secs: f64) -> Timestamp {
    Timestamp::from_micros(START.parse::<Timestamp>().unwrap().micros() + (secs * 1e6) as i64)
}

/// A clock of which a test moves both hands. Nobody is woken.
#[derive(Debug)]
struct Hands(Mutex<f64>);

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        at(*self.0.lock().unwrap())
    }
    fn mono(&self) -> Mono {
        let day = Duration::from_secs(24 * 3600);
        Mono::from_micros(0) + day + Duration::from_secs_f64(*self.0.lock().unwrap())
    }
    fn sleep_until(&self, _: Mono) -> Sleep {
        Box::pin(std::future::pending())
    }
    fn busy(&self) -> Busy {
        Busy::uncounted()
    }
    fn request(&self) -> InFlight {
        InFlight::uncounted(1)
    }
}

/// A record in a list.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// What the list is filtered and ordered by.
    pub(crate) at: f64,
    /// Nobody sees it before.
    pub(crate) seen: f64,
    pub(crate) connection: &'static str,
    pub(crate) failed: bool,
    pub(crate) json: Json,
}

/// Another answer than the records.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    /// In which paths.
    pub(crate) path: &'static str,
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, &'static str)>,
    pub(crate) body: &'static str,
}

#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) canary_url: String,
    pub(crate) updated_at: f64,
    pub(crate) deliveries: Vec<Row>,
    pub(crate) events: Vec<Row>,
    pub(crate) details: Vec<Row>,
    pub(crate) usage: Vec<Row>,
    /// Connection, session and seconds of each leg.
    pub(crate) active: Vec<(&'static str, &'static str, u64)>,
    pub(crate) credit: Json,
    pub(crate) refusal: Option<Refusal>,
    /// How far its clock is ahead, in seconds.
    pub(crate) ahead: f64,
    /// The largest page, whatever is asked for.
    pub(crate) largest: Option<usize>,
    /// Path and decoded query of every request.
    pub(crate) heard: Vec<(String, Vec<(String, String)>)>,
}

pub(crate) struct Fake {
    clock: Arc<Hands>,
    pub(crate) book: Arc<Mutex<Book>>,
    pub(crate) source: Records,
}

impl Fake {
    pub(crate) async fn new(specs: Vec<RecordSpec>) -> Self {
        let clock = Arc::new(Hands(Mutex::new(0.0)));
        let book = Arc::new(Mutex::new(Book {
            canary_url: NEW.to_owned(),
            updated_at: -3600.0,
            credit: json!({"data": {"record_type": "balance", "balance": "300.00", "credit_limit": "100.00",
                "available_credit": "400.00", "pending": "10.00", "currency": "USD"}}),
            ..Book::default()
        }));
        let address = serve(clock.clone(), book.clone()).await;
        let access = Access {
            name: "principal".to_owned(),
            base: format!("http://{address}"),
            key: KEY.into(),
        };
        let account = Account::new(clock.clone(), access).unwrap();
        let source = Records::new(account, TIMING, specs).unwrap();
        Self { clock, book, source }
    }

    /// A source of an account that is nowhere.
    pub(crate) fn try_with(timing: Timing, specs: Vec<RecordSpec>) -> Result<Records, RecordsError> {
        let access = Access {
            name: "principal".to_owned(),
            base: "http://127.0.0.1:1".to_owned(),
            key: KEY.into(),
        };
        Records::new(Account::new(SystemClock::shared(), access).unwrap(), timing, specs)
    }

    pub(crate) fn set(&self, secs: f64) {
        *self.clock.0.lock().unwrap() = secs;
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut Book)) {
        change(&mut self.book.lock().unwrap());
    }

    /// What each signal gave at that time, with the seconds that its sample is true for.
    pub(crate) async fn at(&self, secs: f64) -> Vec<Result<(f64, Value), SignalError>> {
        self.set(secs);
        let readings = self.source.read().await;
        let each = readings.into_iter().map(|reading| {
            let mut samples = reading.outcome?;
            assert_eq!(samples.len(), 1);
            let sample = samples.remove(0);
            assert_eq!((&sample.signal, sample.side), (&reading.signal, reading.side));
            Ok(((sample.as_of.micros() - at(0.0).micros()) as f64 / 1e6, sample.value))
        });
        each.collect()
    }

    /// What the only signal gave.
    pub(crate) async fn one(&self, secs: f64) -> Result<(f64, Value), SignalError> {
        let mut all = self.at(secs).await;
        assert_eq!(all.len(), 1);
        all.remove(0)
    }

    /// How often paths with this in them were asked since the last time.
    pub(crate) fn asked(&self, path: &str) -> usize {
        let mut book = self.book.lock().unwrap();
        let before = book.heard.len();
        book.heard.retain(|(heard, _)| !heard.contains(path));
        before - book.heard.len()
    }
}

pub(crate) fn spec(id: &str, side: Side, kind: RecordsKind, connection: Option<&str>) -> RecordSpec {
    RecordSpec {
        id: SignalId::new(id).unwrap(),
        side,
        kind,
        connection: connection.map(ConnectionId::new),
    }
}

/// Stable and canary of one kind.
pub(crate) fn both(kind: RecordsKind) -> Vec<RecordSpec> {
    vec![
        spec("s", Side::Stable, kind, Some(STABLE)),
        spec("s", Side::Canary, kind, Some(CANARY)),
    ]
}

/// The whole account, of one kind.
pub(crate) fn whole(kind: RecordsKind) -> Vec<RecordSpec> {
    vec![spec("s", Side::Whole, kind, None)]
}

pub(crate) fn ratio(since: f64, to: f64, bad: u64, total: u64) -> Result<(f64, Value), SignalError> {
    let since = at(since);
    Ok((to, Value::Ratio { since, bad, total }))
}

pub(crate) fn count(since: f64, to: f64, n: u64) -> Result<(f64, Value), SignalError> {
    Ok((to, Value::Count { since: at(since), n }))
}

pub(crate) fn level(to: f64, level: f64) -> Result<(f64, Value), SignalError> {
    Ok((to, Value::Level(Quantity::from_f64(level).unwrap())))
}

async fn serve(clock: Arc<Hands>, book: Arc<Mutex<Book>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answer = move |request: Request| {
        let (clock, book) = (clock.clone(), book.clone());
        async move {
            let key = request
                .headers()
                .get("authorization")
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            assert_eq!(key, format!("Bearer {KEY}"));
            let query = Query::<Vec<(String, String)>>::try_from_uri(request.uri()).unwrap().0;
            let now = *clock.0.lock().unwrap();
            let mut book = book.lock().unwrap();
            let path = request.uri().path().to_owned();
            book.heard.push((path.clone(), query.clone()));
            let refusal = book.refusal.as_ref().filter(|refusal| path.contains(refusal.path));
            // Without it the server would add the machine's own time.
            let mut response = Response::builder().header("date", date(now + book.ahead));
            let Some(refusal) = refusal else {
                let body = book.answer(&path, &query, now).to_string();
                return response
                    .header("content-type", "application/json")
                    .body(Body::from(body))
                    .unwrap();
            };
            response = response.status(refusal.status);
            for (name, value) in &refusal.headers {
                response = response.header(*name, *value);
            }
            response.body(Body::from(refusal.body)).unwrap()
        }
    };
    let router = Router::new().fallback(any(answer));
    // It ends with the runtime of its test.
    let _serving = task::spawn(
        &SystemClock::shared(),
        async move { axum::serve(listener, router).await },
    );
    address
}

fn date(now: f64) -> String {
    let text = at(now).to_string();
    format!("Sun, 22 Nov 2026 {} GMT", &text[11..19])
}

impl Book {
    fn answer(&self, path: &str, query: &[(String, String)], now: f64) -> Json {
        let asked = |key: &str| {
            query
                .iter()
                .find(|(name, _)| name == key)
                .map(|(_, value)| value.as_str())
        };
        let time = |key: &str| {
            asked(key).map(|text| (text.parse::<Timestamp>().unwrap().micros() - at(0.0).micros()) as f64 / 1e6)
        };
        // Visible, within the bounds, newest first.
        let within = |rows: &[Row], field: &str| {
            let (from, to) = (
                time(&format!("filter[{field}][gte]")),
                time(&format!("filter[{field}][lte]")),
            );
            let mut rows: Vec<Row> = rows
                .iter()
                .filter(|row| {
                    row.seen <= now && from.is_none_or(|from| row.at >= from) && to.is_none_or(|to| row.at <= to)
                })
                .cloned()
                .collect();
            rows.sort_by(|a, b| b.at.total_cmp(&a.at));
            rows
        };
        let page = |rows: &[Row]| {
            let number: usize = asked("page[number]").unwrap().parse().unwrap();
            let size: usize = asked("page[size]").unwrap().parse().unwrap();
            let size = self.largest.unwrap_or(size).min(size);
            let data: Vec<&Json> = rows
                .iter()
                .skip((number - 1) * size)
                .take(size)
                .map(|row| &row.json)
                .collect();
            json!({"data": data, "meta": {"page_number": number, "page_size": size,
                "total_pages": rows.len().div_ceil(size), "total_results": rows.len()}})
        };
        if let Some(id) = path.strip_prefix("/v2/texml_applications/") {
            let (url, updated_at) = match id {
                STABLE => (OLD, -3600.0),
                CANARY => (self.canary_url.as_str(), self.updated_at),
                other => panic!("{other}"),
            };
            return json!({"data": {"id": id, "record_type": "texml_application", "friendly_name": id, "voice_url": url,
                "voice_method": "post", "updated_at": at(updated_at)}});
        }
        if let Some(rest) = path.strip_prefix("/v2/connections/") {
            let connection = rest.strip_suffix("/active_calls").unwrap();
            let calls: Vec<_> = self.active.iter().filter(|(on, _, _)| *on == connection).collect();
            // Two a page; the cursor is where to go on.
            let from: usize = asked("page[after]").map_or(0, |after| after.parse().unwrap());
            let data: Vec<Json> = calls.iter().enumerate().skip(from).take(2).map(|(index, (_, session, secs))| {
                json!({"record_type": "call", "call_control_id": format!("{connection}:{index}"), "call_leg_id": "leg",
                    "call_session_id": session, "client_state": "", "call_duration": secs})
            }).collect();
            let after = (from + 2 < calls.len()).then(|| (from + 2).to_string());
            return json!({"data": data, "meta": {"total_items": calls.len(), "cursors": {"after": after}}});
        }
        match path {
            "/v2/webhook_deliveries" => page(&within(&self.deliveries, "started_at")),
            "/v2/call_events" => {
                let times = query.iter().filter(|(name, _)| name.contains("occurred_at")).count();
                assert_eq!(
                    (times, asked("filter[product]")),
                    (1, Some("texml")),
                    "one filter by time only"
                );
                let mut rows = within(&self.events, "occurred_at");
                rows.retain(|row| {
                    asked("filter[connection_id]").is_none_or(|id| id == row.connection)
                        && asked("filter[failed]").is_none_or(|failed| failed == row.failed.to_string())
                        && asked("filter[name]").is_none_or(|name| row.json["name"] == name)
                });
                page(&rows)
            }
            "/v2/detail_records" => {
                assert_eq!(asked("filter[record_type]"), Some("call-control"));
                let mut rows = within(&self.details, "created_at");
                if asked("sort") == Some("created_at") {
                    rows.reverse();
                }
                page(&rows)
            }
            "/v2/usage_reports" => {
                assert_eq!(asked("product"), Some("call-control"));
                assert_eq!(asked("dimensions"), Some("connection_id,date_time"));
                let (from, to) = (time("start_date").unwrap(), time("end_date").unwrap());
                let rows = self
                    .usage
                    .iter()
                    .filter(|row| row.seen <= now && row.at >= from && row.at <= to);
                page(&rows.cloned().collect::<Vec<_>>())
            }
            "/v2/balance" => self.credit.clone(),
            other => panic!("nobody asks for {other}"),
        }
    }
}
