//! Popups of the person's desk.
//!
//! On Linux and the BSDs over the session bus, with one connection for as long as the program runs: GNOME takes popups away
//! with the connection that showed them. There we speak the protocol of freedesktop.org ourselves, through the `zbus` that the
//! window has anyway: with the crate `notify-rust` a popup that waits for an answer can be neither changed nor taken away
//! (waiting consumes its handle), and the wait never ends where the program that showed it does. On macOS and Windows through
//! `notify-rust`; what it cannot do there is named as a shortfall.
//!
//! Deliberately not here: sounds, and any popup of our own drawing.

#[cfg(all(unix, not(target_os = "macos")))]
mod freedesktop;
#[cfg(any(target_os = "macos", windows))]
mod toast;

use std::time::Duration;

use async_trait::async_trait;
use timonel_ports::clock::SharedClock;
use timonel_ports::mailbox::{Receiver, Reply, Sender, answer, mailbox};
use timonel_ports::popup::{Capabilities, Heard, Outcome, Popup, PopupError, PopupKey, Popups};
use timonel_ports::task::spawn;

#[cfg(all(unix, not(target_os = "macos")))]
use freedesktop::Screen;
#[cfg(any(target_os = "macos", windows))]
use toast::Screen;

/// So long the desk may take for an answer. Showing a popup takes a few milliseconds.
const LIMIT: Duration = Duration::from_secs(5);

/// Under this name the desk knows us.
const PROGRAM: &str = "Timonel";

/// Characters of a title and of a body; what is longer no desk shows.
const LONGEST_TITLE: usize = 160;
const LONGEST_BODY: usize = 600;

/// The popups of this desk. Cheap to clone; the last one to go takes the connection to the desk along.
#[derive(Debug, Clone)]
pub struct DeskPopups {
    clock: SharedClock,
    asks: Sender<Ask>,
}

/// What the one task that talks to the desk is asked.
#[derive(Debug)]
enum Ask {
    Show(Popup, Reply<Outcome>),
    Close(PopupKey, Reply<()>),
    Capabilities(Reply<Result<Capabilities, PopupError>>),
}

impl DeskPopups {
    /// With the mailbox of what persons answer. Asks nothing of the desk yet. Needs a tokio runtime, and keeps a task on it;
    /// `clock` must be the machine's.
    pub fn new(clock: &SharedClock) -> (Self, Receiver<Heard>) {
        let (asks, asked) = mailbox(clock);
        let (tell, heard) = mailbox(clock);
        drop(spawn(clock, attend(Screen::new(clock.clone(), tell), asked)));
        let clock = clock.clone();
        (Self { clock, asks }, heard)
    }

    async fn ask<T>(&self, ask: impl FnOnce(Reply<T>) -> Ask) -> Result<T, PopupError> {
        let (reply, answer) = answer(&self.clock);
        self.asks.send(ask(reply)).map_err(|_| PopupError::Ended)?;
        answer.recv().await.map_err(|_| PopupError::Ended)
    }
}

#[async_trait]
impl Popups for DeskPopups {
    async fn show(&self, popup: Popup) -> Outcome {
        let shown = self.ask(|reply| Ask::Show(popup, reply)).await;
        shown.unwrap_or_else(Outcome::Failed)
    }

    async fn close(&self, key: &PopupKey) {
        let key = key.clone();
        if let Err(problem) = self.ask(|reply| Ask::Close(key, reply)).await {
            tracing::debug!("a popup was not taken away: {problem}");
        }
    }

    async fn capabilities(&self) -> Result<Capabilities, PopupError> {
        self.ask(Ask::Capabilities).await.and_then(|answer| answer)
    }
}

/// Talks to the desk for as long as anybody holds its popups.
async fn attend(mut screen: Screen, mut asked: Receiver<Ask>) {
    loop {
        let ask = tokio::select! {
            // What a person pressed goes before what we want: an answer must not be lost to a popup that we take away.
            biased;
            () = screen.listen() => continue,
            ask = asked.recv() => ask,
        };
        match ask {
            None => return,
            Some(Ask::Show(popup, reply)) => reply.send(screen.show(&popup).await),
            Some(Ask::Close(key, reply)) => {
                screen.close(&key).await;
                reply.send(());
            }
            Some(Ask::Capabilities(reply)) => reply.send(screen.capabilities().await),
        }
    }
}

/// `text` without what no desk shows, and no longer than `longest` characters.
fn plain(text: &str, longest: usize) -> String {
    let shown = |c: &char| !c.is_control() || *c == '\n';
    let mut out: String = text.chars().filter(shown).take(longest + 1).collect();
    if out.chars().count() > longest {
        out = out.chars().take(longest - 1).collect();
        out.push('…');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn what_is_too_long_ends_with_an_ellipsis_and_nothing_steers_a_desk() {
        assert_eq!(plain("ñandú\u{7}\n\u{1b}[31m", 20), "ñandú\n[31m");
        assert_eq!(plain("ñandú", 5), "ñandú");
        assert_eq!(plain("ñandúes", 5), "ñand…");
    }
}
