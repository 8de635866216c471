//! One page's socket: questions in, answers and batches out. No question waits for another, and a press for nothing.

use axum::extract::ws::{Message, Utf8Bytes, WebSocket};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures::{SinkExt, StreamExt};
use timonel_bridge::berth::Berth;
use timonel_bridge::console::{Asker, Curtain, Keys, Watch};
use timonel_ports::clock::{SharedClock, SystemClock};
use timonel_ports::task::spawn;
use timonel_wire::{About, Answer, Ask, PictureKept, Question, ServerMessage, WireError};
use tokio::sync::mpsc;

/// Answers that wait for a page that is slow to read; a question more waits to be heard.
const WAITING: usize = 64;
/// Bytes of a picture that go to a page in one message; charts have a tenth of it.
const LARGEST_PICTURE: usize = 4 << 20;

/// What goes to the writing half.
enum Out {
    Say(ServerMessage),
    /// Send batches of this from now on.
    Watch(Watch),
}

/// Talks with one page until it goes.
pub(super) async fn talk(socket: WebSocket, berth: Berth, keys: Keys, asker: Asker) {
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
                    // The program ends: without batches a page must not go on showing the last one as if it were now.
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
        berth,
        keys,
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
    berth: Berth,
    keys: Keys,
    asker: Asker,
    out: mpsc::Sender<Out>,
    curtain: Option<Curtain>,
}

impl Page {
    async fn hear(&mut self, text: &str) {
        let Ask { id, ask } = match serde_json::from_str::<Ask>(text) {
            Ok(ask) => ask,
            Err(error) => {
                // What the error says may repeat what was asked, and that may be a secret.
                let at = format!("{:?}, column {}", error.classify(), error.column());
                tracing::warn!("a page asked something that this version does not know ({at})");
                let id = serde_json::from_str::<Numbered>(text).map(|n| n.id).unwrap_or_default();
                let error = WireError::new("error-not-understood");
                return self.say(ServerMessage::Refused { id, error }).await;
            }
        };
        match ask {
            Question::Watch => {
                let watch = match self.berth.watch().await {
                    Ok(watch) => watch,
                    Err(error) => return self.say(ServerMessage::Refused { id, error }).await,
                };
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
            | Question::Environments
            | Question::PlanFile { .. }
            | Question::Plan
            | Question::Power { .. }
            | Question::Open { .. }
            | Question::Picture
            | Question::Order { .. }
            | Question::Acknowledge { .. }
            | Question::Series { .. }
            | Question::PictureFile { .. }
            | Question::Credentials
            | Question::CredentialPut { .. }
            | Question::CredentialTest { .. }
            | Question::CredentialDelete { .. }
            | Question::PopupTest) => {
                let (berth, keys) = (self.berth.clone(), self.keys.clone());
                let (asker, out) = (self.asker.clone(), self.out.clone());
                drop(spawn(&self.clock, async move {
                    let message = match answer(&berth, &keys, &asker, ask).await {
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

async fn answer(berth: &Berth, keys: &Keys, asker: &Asker, ask: Question) -> Result<Answer, WireError> {
    Ok(match ask {
        // Needs no console, so that the page can say that none is open.
        Question::About => Answer::About(About {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            languages: sys_locale::get_locales().collect(),
            read_only: asker.surface.is_read_only(),
        }),
        Question::Environments => Answer::Environments(berth.environments().await),
        Question::PlanFile { path } => Answer::PlanFile(berth.plan_file(asker, &path).await?),
        Question::Plan => Answer::Plan(berth.console().await?.plan_sheet().await?),
        Question::Power { today } => Answer::Power(berth.console().await?.power(today).await?),
        Question::Open { open } => {
            berth.open(asker, &open).await?;
            Answer::Done
        }
        Question::Picture => Answer::Picture(Box::new((*berth.console().await?.picture()).clone())),
        Question::Watch | Question::Hidden { .. } => Answer::Done,
        Question::Order { aim, order } => Answer::Receipt(berth.console().await?.order(asker, &aim, order).await?),
        Question::Acknowledge { aim, alert, comment } => {
            let console = berth.console().await?;
            console.acknowledge(asker, &aim, &alert, &comment).await?;
            Answer::Done
        }
        Question::Series {
            rule,
            width_px,
            from,
            to,
        } => Answer::Series(berth.console().await?.series(&rule, width_px, from, to).await?),
        Question::PictureFile { picture } => {
            let drawn = berth.console().await?.picture_file(&picture).await?;
            if drawn.bytes.len() > LARGEST_PICTURE {
                return Err(WireError::new("error-picture-too-large"));
            }
            Answer::PictureFile(PictureKept::Content {
                name: drawn.name,
                base64: BASE64_STANDARD.encode(drawn.bytes),
            })
        }
        Question::Credentials => Answer::Vault(keys.vault(asker).await?),
        Question::CredentialPut { name, keep, secret } => {
            Answer::CredentialChange(keys.put(asker, &name, keep, secret).await?)
        }
        Question::CredentialTest { name } => Answer::CredentialTest(keys.test(asker, &name).await?),
        Question::CredentialDelete { name, keep } => Answer::CredentialChange(keys.delete(asker, &name, keep).await?),
        Question::PopupTest => {
            berth.console().await?.test_popup(asker).await?;
            Answer::Done
        }
    })
}
