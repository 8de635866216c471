//! What somebody without a token, or a page gone wrong, may hold of us: nothing for long, nothing large.

use timonel_wire::Question;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

use super::{Answer, LONG, PATIENCE, PLACES, SinkExt, StreamExt, SystemClock, answer, open, say, served, within};

/// Reads until the other side has closed; what it said.
async fn to_the_end(mut stream: TcpStream) -> Vec<u8> {
    let mut said = Vec::new();
    let ended = within(&*SystemClock::shared(), PATIENCE, stream.read_to_end(&mut said)).await;
    // A reset is an end as well.
    drop(ended.expect("it is closed"));
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_never_ends_is_not_waited_for_nor_kept() {
    let served = served().await;
    let mut silent = TcpStream::connect(&served.at).await.unwrap();
    silent.write_all(b"GET / HTTP/1.1\r\nhost: ").await.unwrap();
    to_the_end(silent).await;

    let mut endless = TcpStream::connect(&served.at).await.unwrap();
    endless.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    // It hangs up, or says why and does: either way no more is taken.
    while endless.write_all(&[b'a'; 4096]).await.is_ok() {}

    let mut socket = open(&served.at, &format!("?token={}", served.token), &[])
        .await
        .unwrap();
    say(&mut socket, 1, Question::About).await;
    assert!(
        matches!(answer(&mut socket, 1).await, Ok(Answer::About(_))),
        "who is let in is served"
    );
    served.berth.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_reads_no_answer_keeps_no_place() {
    let served = served().await;
    let mut deaf = Vec::new();
    for _ in 0..PLACES {
        let mut stream = TcpStream::connect(&served.at).await.unwrap();
        let request = format!("GET /long.js HTTP/1.1\r\nhost: {}\r\n\r\n", served.at);
        stream.write_all(request.as_bytes()).await.unwrap();
        deaf.push(stream);
    }
    // All places are taken; they are free again once nothing was taken for a while.
    let mut next = TcpStream::connect(&served.at).await.unwrap();
    let request = format!("GET / HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", served.at);
    next.write_all(request.as_bytes()).await.unwrap();
    let said = to_the_end(next).await;
    assert!(said.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&said));
    // Whose place it was is not known; whoever begins to read before the end gets all of it.
    let mut cut = false;
    while let Some(stream) = deaf.pop()
        && !cut
    {
        let said = to_the_end(stream).await;
        assert!(said.starts_with(b"HTTP/1.1 200"));
        cut = said.len() < LONG;
    }
    assert!(cut, "none of them was ended");
    served.berth.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_beyond_every_question_ends_its_socket() {
    let served = served().await;
    let mut socket = open(&served.at, &format!("?token={}", served.token), &[])
        .await
        .unwrap();
    // Sending may fail half-way, since the other side hangs up when it has read how long it is.
    drop(socket.send(Message::Text("x".repeat(20 << 20).into())).await);
    let ended = async { while let Some(Ok(_)) = socket.next().await {} };
    within(&*SystemClock::shared(), PATIENCE, ended)
        .await
        .expect("it is closed");
    served.berth.close().await;
}
