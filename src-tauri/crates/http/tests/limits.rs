//! What whoever is at the other end can make us spend: against servers on loopback sockets that drip, never end, unfold, or send
//! us round and round. Each ends with an error within its deadline, and without the memory that was meant for it.

#![allow(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use timonel_hostile::bounded;
use timonel_http::{Answer, Client, HttpError, Limits, Request, StatusCode};
use timonel_ports::clock::SystemClock;

/// Far longer than a loopback socket needs, far shorter than a test waits.
const DEADLINE: Duration = Duration::from_millis(400);
const LARGEST: usize = 8 << 20;

/// Serves every connection with `serve` once its request has come, and counts them.
fn server(serve: impl Fn(&mut TcpStream) -> std::io::Result<()> + Send + 'static) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            counted.fetch_add(1, Ordering::SeqCst);
            let (mut head, mut byte) = (Vec::new(), [0]);
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
                head.push(byte[0]);
            }
            // An error says that the client has gone, which is what most of these wait for.
            drop(serve(&mut stream));
        }
    });
    (address, count)
}

/// A byte now and then, for as long as somebody reads.
fn drip(stream: &mut TcpStream, byte: u8) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_millis(10)))?;
    loop {
        stream.write_all(&[byte])?;
        // The wait between two drops, and the end where the client hangs up.
        if let Ok(0) = stream.read(&mut [0]) {
            return Ok(());
        }
    }
}

/// Asks within the bounds of [`bounded`]; the deadline is [`DEADLINE`] and the largest body [`LARGEST`].
fn ask(address: SocketAddr) -> Result<Answer, HttpError> {
    // As in the programs: one that is busy with such a server keeps the deadline from nobody.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let limits = Limits {
        deadline: DEADLINE,
        body: LARGEST,
    };
    let outcome = std::cell::Cell::new(None);
    bounded(&[], &|_: &[u8]| {
        let client = Client::new(SystemClock::shared(), limits).unwrap();
        let request = Request::get(&format!("http://{address}/")).unwrap();
        outcome.set(Some(runtime.block_on(client.send(request))));
    });
    outcome.into_inner().expect("it was asked")
}

fn deadline(address: SocketAddr) {
    let error = ask(address).expect_err("it never ends");
    assert!(
        matches!(error, HttpError::Deadline { limit: DEADLINE, .. }),
        "{error:?}"
    );
}

#[test]
fn a_body_that_drips() {
    let (address, _) = server(|stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")?;
        drip(stream, b' ')
    });
    deadline(address);
}

#[test]
fn a_head_that_drips() {
    let (address, _) = server(|stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nx: ")?;
        drip(stream, b'a')
    });
    deadline(address);
}

#[test]
fn chunks_of_nothing() {
    let (address, _) = server(|stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1")?;
        drip(stream, b';')
    });
    let error = ask(address).expect_err("it never ends");
    assert!(
        matches!(error, HttpError::Deadline { .. } | HttpError::Broken { .. }),
        "{error:?}"
    );
}

#[test]
fn headers_without_end() {
    let (address, _) = server(|stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\n")?;
        loop {
            stream.write_all(b"x-another: one-more-of-them\r\n")?;
        }
    });
    let error = ask(address).expect_err("it never ends");
    assert!(matches!(error, HttpError::Broken { .. }), "{error:?}");
}

#[test]
fn one_header_without_end() {
    let (address, _) = server(|stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nx: ")?;
        loop {
            stream.write_all(&[b'a'; 4096])?;
        }
    });
    let error = ask(address).expect_err("it never ends");
    assert!(matches!(error, HttpError::Broken { .. }), "{error:?}");
}

/// Heads that say that the true one is still to come.
#[test]
fn interim_answers_without_end() {
    let (address, _) = server(|stream| {
        stream.set_read_timeout(Some(Duration::from_millis(1)))?;
        loop {
            stream.write_all(b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n")?;
            // The wait between two of them: a client sends nothing before the true one.
            drop(stream.read(&mut [0]));
        }
    });
    deadline(address);
}

#[test]
fn a_body_larger_than_it_announced_to_be() {
    let (address, _) = server(|stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
        loop {
            stream.write_all(&[b' '; 65_536])?;
        }
    });
    let error = ask(address).expect_err("it never ends");
    assert!(
        matches!(error, HttpError::BodyTooLarge { limit: LARGEST, .. }),
        "{error:?}"
    );
}

/// Nobody asks for compression, and what comes compressed all the same is not unfolded: it is as large as it came.
#[test]
fn a_gigabyte_folded_into_less_than_a_body() {
    let bomb = bomb(1 << 30);
    let length = bomb.len();
    assert!(length < LARGEST, "{length} bytes");
    let (address, _) = server(move |stream| {
        write!(
            stream,
            "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {length}\r\n\r\n"
        )?;
        stream.write_all(&bomb)
    });
    let answer = ask(address).unwrap();
    assert_eq!(answer.body.len(), length);
    assert!(answer.json::<serde_json::Value>().is_err());
}

#[test]
fn a_redirect_to_itself() {
    let (address, count) = server(|stream| {
        let to = stream.local_addr()?;
        write!(
            stream,
            "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://{to}/\r\ncontent-length: 0\r\n\r\n"
        )
    });
    assert_eq!(ask(address).unwrap().status, StatusCode::TEMPORARY_REDIRECT);
    assert_eq!(count.load(Ordering::SeqCst), 1, "it was followed");
}

/// A gzip of `length` zeros or a little more: one literal, and then "258 times the byte before" in the fixed code of RFC 1951,
/// 13 bits each.
fn bomb(length: usize) -> Vec<u8> {
    let mut bytes = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff".to_vec();
    let (mut bits, mut count) = (0_u32, 0);
    // Low bits first; the codes themselves stand in it high bit first, so they are written here turned round.
    let mut push = |value: u32, width: u32| {
        bits |= value << count;
        count += width;
        while count >= 8 {
            bytes.push((bits & 0xff) as u8);
            bits >>= 8;
            count -= 8;
        }
    };
    push(0b011, 3);
    push(0b0000_1100, 8);
    for _ in 0..length / 258 {
        push(0b1010_0011, 8);
        push(0b0_0000, 5);
    }
    push(0, 7);
    push(0, 8);
    bytes
}
