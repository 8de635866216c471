//! One page's socket: questions in, answers and batches out. No question waits for another, and a press for nothing.

use axum::extract::ws::{Message, Utf8Bytes, WebSocket};
use futures::{SinkExt, StreamExt};
use timonel_bridge::console::{Asker, Console, Curtain, Watch};
use timonel_ports::clock::{SharedClock, SystemClock};
use timonel_ports::task::spawn;
use timonel_wire::{Answer, Ask, Question, ServerMessage, WireError};
use tokio::sync::mpsc;

/// Answers that wait for a page that is slow to read; a question more waits to be heard.
const WAITING: usize = 64;

/// What goes to the writing half.
enum Out {
    Say(ServerMessage),
    /// Send batches of this from now on.
    Watch(Watch),
}

/// Talks with one page until it goes.
pub(super) async fn talk(socket: WebSocket, console: Console, asker: Asker) {
    let clock = SystemClock::shared();
    let (mut sink, mut stream) = socket.split();
    let (out, mut outgoing) = mpsc::channel::<Out>(WAITING);
    let writer = spawn(&clock, async move {
        let mut watch: Option<Watch> = None;
        loop {
            let message = tokio::select! {
                biased;
                out = outgoing.recv() => match out {
                    None => return,
                    Some(Out::Say(message)) => message,
                    Some(Out::Watch(new)) => {
                        watch = Some(new);
                        continue;
                    }
                },
                batch = next(&mut watch) => match batch {
                    Some(batch) => ServerMessage::Batch { batch: Box::new(batch) },
                    // The console has closed: without batches a page must not go on showing the last one as if it were now.
                    None => {
                        drop(sink.send(Message::Close(None)).await);
                        return;
                    }
                },
            };
            let text = serde_json::to_string(&message).expect("plain data serialise");
            if sink.send(Message::Text(Utf8Bytes::from(text))).await.is_err() {
                return;
            }
        }
    });
    let mut page = Page {
        clock,
        console,
        asker,
        out,
        curtain: None,
    };
    while let Some(Ok(message)) = stream.next().await {
        match message {
            Message::Text(text) => page.hear(&text).await,
            Message::Close(_) => break,
            Message::Binary(_) | Message::Ping(_) | Message::Pong(_) => {}
        }
    }
    writer.abort();
}

async fn next(watch: &mut Option<Watch>) -> Option<timonel_wire::Batch> {
    match watch {
        Some(watch) => watch.next().await,
        None => std::future::pending().await,
    }
}

struct Page {
    clock: SharedClock,
    console: Console,
    asker: Asker,
    out: mpsc::Sender<Out>,
    curtain: Option<Curtain>,
}

impl Page {
    async fn hear(&mut self, text: &str) {
        let Ask { id, ask } = match serde_json::from_str::<Ask>(text) {
            Ok(ask) => ask,
            Err(error) => {
                tracing::warn!(%error, "a page asked something that this version does not know");
                let id = serde_json::from_str::<Numbered>(text).map(|n| n.id).unwrap_or_default();
                let error = WireError::new("error-not-understood");
                return self.say(ServerMessage::Refused { id, error }).await;
            }
        };
        match ask {
            Question::Watch => {
                let watch = self.console.watch();
                self.curtain = Some(watch.curtain());
                self.say(done(id)).await;
                drop(self.out.send(Out::Watch(watch)).await);
            }
            Question::Hidden { hidden } => {
                if let Some(curtain) = &self.curtain {
                    curtain.draw(hidden);
                }
                self.say(done(id)).await;
            }
            ask @ (Question::About
            | Question::Picture
            | Question::Order { .. }
            | Question::Acknowledge { .. }
            | Question::Series { .. }) => {
                let (console, asker, out) = (self.console.clone(), self.asker.clone(), self.out.clone());
                drop(spawn(&self.clock, async move {
                    let message = match answer(&console, &asker, ask).await {
                        Ok(answer) => ServerMessage::Answer {
                            id,
                            answer: Box::new(answer),
                        },
                        Err(error) => ServerMessage::Refused { id, error },
                    };
                    drop(out.send(Out::Say(message)).await);
                }));
            }
        }
    }

    async fn say(&self, message: ServerMessage) {
        // The page may have gone meanwhile.
        drop(self.out.send(Out::Say(message)).await);
    }
}

/// The number of a question of whatever kind.
#[derive(serde::Deserialize)]
struct Numbered {
    id: u64,
}

fn done(id: u64) -> ServerMessage {
    ServerMessage::Answer {
        id,
        answer: Box::new(Answer::Done),
    }
}

async fn answer(console: &Console, asker: &Asker, ask: Question) -> Result<Answer, WireError> {
    Ok(match ask {
        Question::About => {
            Answer::About(console.about(asker, env!("CARGO_PKG_VERSION"), sys_locale::get_locales().collect()))
        }
        Question::Picture => Answer::Picture(Box::new((*console.picture()).clone())),
        Question::Watch | Question::Hidden { .. } => Answer::Done,
        Question::Order { order } => Answer::Receipt(console.order(asker, order).await?),
        Question::Acknowledge { alert, comment } => {
            console.acknowledge(asker, &alert, &comment).await?;
            Answer::Done
        }
        Question::Series {
            metric,
            width_px,
            from,
            to,
        } => Answer::Series(console.series(&metric, width_px, from, to).await?),
    })
}
