//! The client against servers that misbehave in one way each, on loopback sockets.

#![allow(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use timonel_domain::time::{Mono, Timestamp};
use timonel_http::{Answer, Client, HttpError, Limits, Method, Request, StatusCode, header};
use timonel_ports::clock::{Busy, Clock, InFlight, InFlightNote, REQUEST_ID_HEADER, SharedClock, Sleep, SystemClock};

/// Serves one connection with `serve` and hands over the head of the request.
fn server(serve: impl FnOnce(&mut TcpStream) + Send + 'static) -> (SocketAddr, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (heads, head) = mpsc::channel();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut read = Vec::new();
        let mut byte = [0];
        while !read.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
            read.push(byte[0]);
        }
        heads.send(String::from_utf8(read).unwrap()).ok();
        serve(&mut stream);
    });
    (address, head)
}

/// Answers with exactly these bytes.
fn answering(bytes: &'static str) -> (SocketAddr, mpsc::Receiver<String>) {
    server(move |stream| stream.write_all(bytes.as_bytes()).unwrap())
}

/// Waits, without a clock, until the client has hung up.
fn until_hung_up(stream: &mut TcpStream) {
    while stream.read(&mut [0; 64]).is_ok_and(|n| n > 0) {}
}

fn client() -> Client {
    Client::new(SystemClock::shared(), Limits::default()).unwrap()
}

fn get(address: SocketAddr, path: &str) -> Request {
    Request::get(&format!("http://{address}{path}")).unwrap()
}

async fn fails(request: Request) -> HttpError {
    client().send(request).await.expect_err("the server misbehaves")
}

#[tokio::test]
async fn a_status_is_an_answer() {
    let (address, head) = answering("HTTP/1.1 404 Not Found\r\ncontent-length: 4\r\nretry-after: 3\r\n\r\nnope");
    let answer = client().send(get(address, "/x?a=b")).await.unwrap();
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(&answer.body[..], b"nope");
    assert_eq!(answer.retry_after(Timestamp::default()), Some(Duration::from_secs(3)));
    let head = head.recv().unwrap().to_ascii_lowercase();
    assert!(head.starts_with("get /x?a=b http/1.1\r\n"), "{head}");
    assert!(
        head.contains(&format!("user-agent: timonel/{}\r\n", env!("CARGO_PKG_VERSION"))),
        "{head}"
    );
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (address, _head) =
        answering("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n");
    assert_eq!(
        client().send(get(address, "/")).await.unwrap().status,
        StatusCode::FOUND
    );
}

#[tokio::test]
async fn bodies_and_credentials_arrive_as_meant() {
    let (bodies, body) = mpsc::channel();
    let (address, head) = server(move |stream| {
        let mut read = vec![0; "a=1+2&b=%26".len()];
        stream.read_exact(&mut read).unwrap();
        bodies.send(String::from_utf8(read).unwrap()).unwrap();
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
    });
    let url = format!("http://{address}/form");
    let request = Request::new(Method::POST, &url)
        .unwrap()
        .form(&[("a", "1 2"), ("b", "&")]);
    client().send(request.basic("ana", "pw".into())).await.unwrap();
    assert_eq!(body.recv().unwrap(), "a=1+2&b=%26");
    let head = head.recv().unwrap();
    assert!(head.contains("authorization: Basic YW5hOnB3\r\n"), "{head}");
    assert!(
        head.contains("content-type: application/x-www-form-urlencoded\r\n"),
        "{head}"
    );
}

#[tokio::test]
async fn no_answer_in_time() {
    let (address, _head) = server(until_hung_up);
    let limit = Duration::from_millis(80);
    let error = fails(get(address, "/slow").deadline(limit)).await;
    assert!(
        matches!(&error, HttpError::Deadline { limit: l, .. } if *l == limit),
        "{error:?}"
    );
    assert!(error.may_have_acted());
    assert!(error.to_string().contains("read it back"), "{error}");
}

#[tokio::test]
async fn the_deadline_covers_the_body_too() {
    let (address, _head) = server(|stream| {
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf")
            .unwrap();
        until_hung_up(stream);
    });
    let error = fails(get(address, "/").deadline(Duration::from_millis(80))).await;
    assert!(matches!(error, HttpError::Deadline { .. }), "{error:?}");
}

#[tokio::test]
async fn an_announced_body_beyond_the_limit_is_not_read() {
    let (address, _head) = server(|stream| {
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
            .unwrap();
        until_hung_up(stream);
    });
    let error = fails(get(address, "/").body_limit(100)).await;
    assert!(matches!(error, HttpError::BodyTooLarge { limit: 100, .. }), "{error:?}");
}

#[tokio::test]
async fn an_endless_body_stops_at_the_limit() {
    let (address, _head) = server(|stream| {
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
            .unwrap();
        while stream.write_all(b"8\r\n12345678\r\n").is_ok() {}
    });
    let error = fails(get(address, "/").body_limit(100)).await;
    assert!(matches!(error, HttpError::BodyTooLarge { limit: 100, .. }), "{error:?}");
}

#[tokio::test]
async fn a_connection_that_breaks_is_told_from_one_that_never_was() {
    for cut in [
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\ncont",
        "",
    ] {
        let (address, _head) = answering(cut);
        let error = fails(get(address, "/")).await;
        assert!(matches!(error, HttpError::Broken { .. }), "{cut:?}: {error:?}");
        assert!(error.may_have_acted());
    }
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = fails(get(nobody, "/")).await;
    assert!(matches!(error, HttpError::Connect { .. }), "{error:?}");
    assert!(!error.may_have_acted());
    assert!(error.to_string().contains("refused"), "the cause is named: {error}");
}

#[tokio::test]
async fn a_plain_server_behind_https_is_a_tls_error() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        until_hung_up(&mut stream);
    });
    let error = fails(Request::get(&format!("https://{address}/")).unwrap()).await;
    assert!(matches!(error, HttpError::Tls { .. }), "{error:?}");
}

#[test]
fn addresses_are_checked_before_anything_is_sent() {
    for bad in [
        "",
        "host",
        "ftp://host/",
        "http://",
        "https://ana:pw@host/",
        "mailto:a@b",
    ] {
        let error = Request::get(bad).expect_err(bad);
        assert!(matches!(error, HttpError::BadUrl { .. }), "{bad}: {error:?}");
        assert!(!error.to_string().contains("pw"), "{error}");
    }
}

#[tokio::test]
async fn html_instead_of_json_is_named() {
    let (address, _head) = answering(
        "HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=utf-8\r\nconnection: close\r\n\r\n<!DOCTYPE html>\n<title>Log in</title>",
    );
    let answer = client().send(get(address, "/api")).await.unwrap();
    let error = answer.json::<serde_json::Value>().expect_err("it is HTML");
    let text = error.to_string();
    assert!(
        text.contains("200 with an HTML page") && text.contains("<title>Log in</title>"),
        "{text}"
    );
}

#[tokio::test]
async fn other_json_and_cut_json_are_told_apart() {
    let json = |body: &'static str| async move {
        let (address, _head) = server(move |stream| {
            write!(
                stream,
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            )
            .unwrap();
        });
        let answer: Answer = client().send(get(address, "/")).await.unwrap();
        answer.json::<Vec<u8>>().expect_err("not a list of bytes").to_string()
    };
    assert!(json("{\"a\":1}").await.contains("other JSON"));
    assert!(json("[1,2").await.contains("cut off"));
    assert!(json("").await.contains("with nothing"));
}

#[tokio::test]
async fn secrets_are_in_no_error_and_no_excerpt() {
    let (address, head) = server(|stream| {
        stream.write_all(b"HTTP/1.1 401 Unauthorized\r\nconnection: close\r\n\r\nbad key sk-live-0123456789 for {\"password\":\"p\"}").unwrap();
    });
    let request = get(address, "/?api_key=in-the-query").bearer("sk-live-0123456789".into());
    assert!(!format!("{request:?}").contains("sk-live"), "{request:?}");
    let answer = client().send(request).await.unwrap();
    assert!(
        head.recv()
            .unwrap()
            .contains("authorization: Bearer sk-live-0123456789\r\n"),
        "sent it was"
    );
    let error = answer.json::<Vec<u8>>().expect_err("no JSON");
    let shown = format!("{error} {error:?} {}", answer.excerpt());
    for secret in ["sk-live", "in-the-query", "\"p\""] {
        assert!(!shown.contains(secret), "{secret}: {shown}");
    }

    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = fails(get(nobody, "/?api_key=in-the-query")).await;
    let mut shown = format!("{error} {error:?}");
    let mut at = std::error::Error::source(&error);
    while let Some(source) = at {
        shown += &format!(" {source} {source:?}");
        at = source.source();
    }
    assert!(!shown.contains("in-the-query"), "{shown}");
}

#[tokio::test]
async fn a_credential_with_a_line_break_is_refused_before_sending() {
    let error = fails(get("127.0.0.1:1".parse().unwrap(), "/").bearer("abc\n".into())).await;
    assert!(matches!(error, HttpError::BadCredential { .. }), "{error:?}");
    assert!(error.to_string().contains("Store it again"), "{error}");
}

/// The machine's clock that also counts who is in flight.
#[derive(Debug)]
struct Counting {
    inner: SharedClock,
    next: AtomicU64,
    open: Arc<Mutex<Vec<u64>>>,
}

impl Clock for Counting {
    fn now(&self) -> Timestamp {
        self.inner.now()
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
        let (id, open) = (self.next.fetch_add(1, Ordering::Relaxed), self.open.clone());
        open.lock().unwrap().push(id);
        InFlight::new(id, move |note| {
            if note == InFlightNote::Done {
                open.lock().unwrap().retain(|other| *other != id);
            }
        })
    }
}

#[tokio::test]
async fn a_request_is_in_flight_until_its_body_has_been_read_and_carries_its_id() {
    let open = Arc::new(Mutex::new(Vec::new()));
    let clock = Arc::new(Counting {
        inner: SystemClock::shared(),
        next: AtomicU64::new(41),
        open: open.clone(),
    });
    let client = Client::new(clock, Limits::default()).unwrap();

    let seen = open.clone();
    let (sizes, size) = mpsc::channel();
    let (address, head) = server(move |stream| {
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nha")
            .unwrap();
        sizes.send(seen.lock().unwrap().clone()).unwrap();
        stream.write_all(b"lf").unwrap();
    });
    client.send(get(address, "/")).await.unwrap();
    assert_eq!(
        size.recv().unwrap(),
        [41],
        "still in flight between head and end of the body"
    );
    assert!(open.lock().unwrap().is_empty(), "and not after");
    assert!(head.recv().unwrap().contains(&format!("{REQUEST_ID_HEADER}: 41\r\n")));

    let (address, _head) = server(until_hung_up);
    client
        .send(get(address, "/").deadline(Duration::from_millis(50)))
        .await
        .expect_err("silent");
    assert!(open.lock().unwrap().is_empty(), "given up is not in flight");
}

#[tokio::test]
async fn the_date_of_an_answer_is_read() {
    let (address, _head) =
        answering("HTTP/1.1 200 OK\r\ndate: Sun, 22 Nov 2020 01:30:00 GMT\r\ncontent-length: 0\r\n\r\n");
    let answer = client().send(get(address, "/")).await.unwrap();
    assert_eq!(answer.date(), Some("2020-11-22T01:30:00Z".parse().unwrap()));
    assert!(answer.skew_micros().unwrap() < -5_000_000, "years behind us");
    assert!(!answer.headers.contains_key(header::RETRY_AFTER));
}
