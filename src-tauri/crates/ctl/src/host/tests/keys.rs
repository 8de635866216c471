//! A key over the socket: kept, shown, tried, taken away, and in no answer, no batch and no line of the log.

use std::io;
use std::sync::{Arc, Mutex};

use futures::{SinkExt, StreamExt};
use timonel_ports::clock::{SystemClock, within};
use timonel_wire::{Answer, KeepName, PlaceName, Question, ServerMessage, Vault};
use tokio_tungstenite::tungstenite::Message;

use super::{PATIENCE, Served, Socket, open, served};

const SECRET: &str = "CLAVE-QUE-NADIE-VE";

/// Whatever is logged, at every level.
#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// A page that remembers every text that it was sent.
struct Page {
    socket: Socket,
    heard: String,
    next: u64,
}

impl Page {
    async fn of(served: &Served) -> Self {
        let socket = open(&served.at, &format!("?token={}", served.token), &[]).await;
        Self {
            socket: socket.unwrap(),
            heard: String::new(),
            next: 1,
        }
    }

    /// Asks in JSON as a page writes it, since no type of ours writes a secret down.
    async fn ask(&mut self, ask: &str) -> Result<Answer, String> {
        let id = self.next;
        self.next += 1;
        let text = format!("{{\"id\":{id},\"ask\":{ask}}}");
        self.socket.send(Message::Text(text.into())).await.unwrap();
        let waiting = async {
            loop {
                match self.hear().await {
                    ServerMessage::Answer { id: of, answer } if of == id => return Ok(*answer),
                    ServerMessage::Refused { id: of, error } if of == id => return Err(error.0.code),
                    ServerMessage::Answer { .. } | ServerMessage::Refused { .. } | ServerMessage::Batch { .. } => {}
                }
            }
        };
        within(&*SystemClock::shared(), PATIENCE, waiting)
            .await
            .expect("an answer")
    }

    async fn hear(&mut self) -> ServerMessage {
        loop {
            if let Message::Text(text) = self.socket.next().await.unwrap().unwrap() {
                self.heard.push_str(&text);
                return serde_json::from_str(&text).unwrap();
            }
        }
    }

    async fn put(&mut self, name: &str, keep: &str, secret: &str) -> Result<Answer, String> {
        let ask = format!(r#"{{"ask":"credential-put","name":"{name}","keep":"{keep}","secret":"{secret}"}}"#);
        self.ask(&ask).await
    }

    async fn vault(&mut self) -> Vault {
        match self.ask(&serde_json::to_string(&Question::Credentials).unwrap()).await {
            Ok(Answer::Vault(vault)) => vault,
            other => panic!("{other:?}"),
        }
    }
}

/// On one thread, so that everything that is logged is seen.
#[tokio::test]
async fn a_key_goes_in_and_never_comes_out() {
    let log = Log::default();
    let writer = log.clone();
    let everything = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(everything);
    let served = served().await;
    let mut page = Page::of(&served).await;
    page.ask(r#"{"ask":"watch"}"#).await.unwrap();

    for (keep, place) in [("session", PlaceName::Session), ("file", PlaceName::File)] {
        let Ok(Answer::CredentialChange(kept)) = page.put("una", keep, SECRET).await else {
            panic!("not kept: {}", page.heard);
        };
        assert_eq!((kept.place, kept.in_force), (place, Some(PlaceName::Session)));
    }
    let vault = page.vault().await;
    assert_eq!(vault.credentials.iter().filter(|row| row.name == "una").count(), 2);
    assert!(
        vault.wanted.iter().any(|wanted| wanted.name == "telnyx-produccion"),
        "{:?}",
        vault.wanted
    );

    // What is refused repeats nothing, wherever the secret was written by mistake.
    let key = format!("KEY{SECRET}");
    assert_eq!(
        page.put(&key, "session", "x").await,
        Err("error-credential-name-is-key".to_owned())
    );
    assert_eq!(page.put("dos", &key, "x").await, Err("error-not-understood".to_owned()));
    let long = SECRET.repeat(500);
    assert_eq!(
        page.put("dos", "session", &long).await,
        Err("error-credential-size".to_owned())
    );
    let test = page.ask(r#"{"ask":"credential-test","name":"ninguna"}"#).await;
    // Where this desk should have a keychain and has none, nobody can say that it is unknown.
    let said = ["error-credential-unknown", "error-credential-absent"].map(|code| Err(code.to_owned()));
    assert!(said.contains(&test), "{test:?}");

    for keep in [KeepName::Session, KeepName::File] {
        let name = "una".to_owned();
        let ask = serde_json::to_string(&Question::CredentialDelete { name, keep }).unwrap();
        assert!(matches!(page.ask(&ask).await, Ok(Answer::CredentialChange(_))));
    }
    assert!(page.vault().await.credentials.iter().all(|row| row.name != "una"));
    // A batch after all that.
    while !matches!(page.hear().await, ServerMessage::Batch { .. }) {}

    assert!(
        page.heard.contains("\"batch\"") && !page.heard.contains(SECRET),
        "{}",
        page.heard
    );
    let logged = log.text();
    assert!(
        logged.contains("a credential was stored") && !logged.contains(SECRET),
        "{logged}"
    );
    served.berth.close().await;
}

/// A message beyond what any question needs ends the connection before it is read.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_far_too_long_is_not_read() {
    let served = served().await;
    let mut page = Page::of(&served).await;
    let text = format!(
        r#"{{"id":1,"ask":{{"ask":"about","x":"{}"}}}}"#,
        "x".repeat(super::super::LONGEST_MESSAGE)
    );
    // The host may have closed before all of it is sent.
    drop(page.socket.send(Message::Text(text.into())).await);
    let ended = async {
        while let Some(Ok(message)) = page.socket.next().await {
            assert!(!message.is_text(), "{message}");
        }
    };
    within(&*SystemClock::shared(), PATIENCE, ended)
        .await
        .expect("it is closed");
    served.berth.close().await;
}
