//! A clock and a server that say what a test wants, and the signals that the tests share.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use timonel_domain::time::{Mono, Timestamp};
use timonel_domain::value::{Side, SignalId};
use timonel_http::{Client, Limits};
use timonel_ports::clock::{Busy, Clock, InFlight, SharedClock, Sleep, SystemClock};
use timonel_prometheus::{Measure, SignalSpec, Timing};

pub(crate) const START: &str = "2026-11-22T01:00:00Z";
pub(crate) const TIMING: Timing = Timing {
    interval: Duration::from_secs(10),
    gap: Duration::from_secs(120),
};

/// Wall time stands still until a test moves it.
#[derive(Debug)]
pub(crate) struct Hands {
    inner: SharedClock,
    micros: AtomicI64,
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.micros.load(Ordering::SeqCst))
    }
    fn mono(&self) -> Mono {
        self.inner.mono()
    }
    fn sleep_until(&self, at: Mono) -> Sleep {
        self.inner.sleep_until(at)
    }
    fn busy(&self) -> Busy {
        self.inner.busy()
    }
    fn request(&self) -> InFlight {
        self.inner.request()
    }
}

impl Hands {
    pub(crate) fn at_start() -> Arc<Self> {
        let start: Timestamp = START.parse().unwrap();
        Arc::new(Self {
            inner: SystemClock::shared(),
            micros: AtomicI64::new(start.micros()),
        })
    }

    /// Seconds after the start.
    pub(crate) fn set(&self, secs: f64) {
        self.micros.store(at(secs).micros(), Ordering::SeqCst);
    }
}

pub(crate) fn at(secs: f64) -> Timestamp {
    Timestamp::from_micros(START.parse::<Timestamp>().unwrap().micros() + (secs * 1e6) as i64)
}

pub(crate) fn client(clock: &Arc<Hands>) -> Client {
    Client::new(
        clock.clone(),
        Limits {
            deadline: Duration::from_secs(5),
            ..Limits::default()
        },
    )
    .unwrap()
}

/// Answers every request with what `say` makes of its head: status line and headers, and the body.
pub(crate) fn server(say: impl Fn(&str) -> (String, String) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let (mut head, mut byte) = (Vec::new(), [0]);
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
                head.push(byte[0]);
            }
            let (start, body) = say(&String::from_utf8_lossy(&head));
            let length = body.len();
            write!(
                stream,
                "HTTP/1.1 {start}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
            )
            .ok();
        }
    });
    address
}

pub(crate) fn spec(id: &str, measure: Measure) -> SignalSpec {
    SignalSpec {
        id: SignalId::new(id).unwrap(),
        side: Side::Canary,
        measure,
    }
}

pub(crate) fn ratio() -> SignalSpec {
    let bad = r#"calls_total{arm="canary",outcome="failed"}"#.parse().unwrap();
    spec(
        "errors",
        Measure::Ratio {
            bad,
            total: r#"calls_total{arm="canary"}"#.parse().unwrap(),
        },
    )
}

pub(crate) fn level(expr: &str) -> SignalSpec {
    spec("level", Measure::Level { expr: expr.to_owned() })
}
