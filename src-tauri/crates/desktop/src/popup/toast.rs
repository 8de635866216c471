//! Popups on macOS and Windows, through `notify-rust`.
//!
//! Neither can be changed nor taken away there once it stands, and on macOS all are equally loud. A popup under a key that
//! stands is shown again only where it has become more urgent; else the one that stands is left as it is. On Windows it bears
//! the name of PowerShell until an installer gives the program an identity of its own; macOS shows none for a program that is
//! not in a signed bundle.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use notify_rust::{CloseReason, Notification, NotificationResponse, Timeout};
use timonel_ports::clock::{SharedClock, within};
use timonel_ports::mailbox::{Sender, answer};
use timonel_ports::popup::{
    ActionId, Capabilities, Gone, Heard, Outcome, Popup, PopupError, PopupKey, Shortfall, Urgency,
};

use super::{LIMIT, LONGEST_BODY, LONGEST_TITLE, PROGRAM, plain};

/// What stands at this desk, each with the number of its showing.
type Standing = Arc<Mutex<BTreeMap<PopupKey, (u64, Urgency)>>>;

/// Shows popups, each from a thread of its own that waits for its answer.
pub(super) struct Screen {
    clock: SharedClock,
    tell: Sender<Heard>,
    standing: Standing,
    shown: u64,
}

impl Screen {
    pub(super) fn new(clock: SharedClock, tell: Sender<Heard>) -> Self {
        Self {
            clock,
            tell,
            standing: Standing::default(),
            shown: 0,
        }
    }

    /// Answers come from the threads.
    pub(super) async fn listen(&mut self) {
        std::future::pending().await
    }

    pub(super) async fn capabilities(&mut self) -> Result<Capabilities, PopupError> {
        Ok(Capabilities {
            server: std::env::consts::OS.to_owned(),
            shortfalls: SHORTFALLS.to_vec(),
        })
    }

    pub(super) async fn show(&mut self, popup: &Popup) -> Outcome {
        let stands = lock(&self.standing).get(&popup.key).map(|(_, urgency)| *urgency);
        if stands.is_some_and(|urgency| urgency >= popup.urgency) {
            return Outcome::Degraded(Shortfall::NoUpdate);
        }
        self.shown += 1;
        let (number, key) = (self.shown, popup.key.clone());
        lock(&self.standing).insert(key.clone(), (number, popup.urgency));
        let notification = notification(popup);
        let actions: Vec<ActionId> = popup.actions.iter().map(|action| action.id).collect();
        let (reply, answer) = answer(&self.clock);
        let (tell, standing) = (self.tell.clone(), self.standing.clone());
        let work = move || {
            let handle = match notification.show() {
                Ok(handle) => handle,
                Err(error) => return reply.send(Err(error.to_string())),
            };
            reply.send(Ok(()));
            let mut heard = None;
            let waited = handle.wait_for_response(|response: &NotificationResponse| heard = Some(response.clone()));
            if let Err(problem) = waited {
                tracing::warn!("nothing will be heard of the popup `{key}`: {problem}");
            }
            // Closed by us, or shown again more urgently, since: what becomes of this one is no news.
            if !taken(&standing, &key, number) {
                return;
            }
            let gone = |why| Heard::Gone { key: key.clone(), why };
            tell.tell(match heard {
                Some(NotificationResponse::Action(pressed)) => {
                    match actions.iter().copied().find(|action| action.0 == pressed) {
                        Some(action) => Heard::Pressed { key, action },
                        None => gone(Gone::Dismissed),
                    }
                }
                Some(NotificationResponse::Closed(CloseReason::Expired)) => gone(Gone::Expired),
                Some(
                    NotificationResponse::Default | NotificationResponse::Reply(_) | NotificationResponse::Closed(_),
                )
                | None => gone(Gone::Dismissed),
            });
        };
        let started = std::thread::Builder::new().name("popup".to_owned()).spawn(work);
        let shown = match started {
            Ok(_) => within(&*self.clock, LIMIT, answer.recv()).await,
            Err(error) => {
                taken(&self.standing, &popup.key, number);
                tracing::error!(%error, "no thread for a popup");
                return Outcome::Failed(PopupError::Ended);
            }
        };
        match shown {
            Ok(Ok(Ok(()))) => match SHORTFALLS.first() {
                Some(shortfall) => Outcome::Degraded(*shortfall),
                None => Outcome::Shown,
            },
            Ok(Ok(Err(said))) => {
                taken(&self.standing, &popup.key, number);
                Outcome::Failed(PopupError::Refused { said })
            }
            Ok(Err(_)) => Outcome::Failed(PopupError::Ended),
            Err(_) => Outcome::Failed(PopupError::Silent { limit: LIMIT }),
        }
    }

    /// It cannot be taken away; its answer is not heard any more.
    pub(super) async fn close(&mut self, key: &PopupKey) {
        lock(&self.standing).remove(key);
    }
}

#[cfg(windows)]
const SHORTFALLS: &[Shortfall] = &[Shortfall::NoUpdate];
#[cfg(target_os = "macos")]
const SHORTFALLS: &[Shortfall] = &[Shortfall::NoUpdate, Shortfall::NoUrgency];

fn notification(popup: &Popup) -> Notification {
    let mut made = Notification::new();
    made.appname(PROGRAM)
        .summary(&plain(&popup.title, LONGEST_TITLE))
        .body(&plain(&popup.body, LONGEST_BODY))
        .timeout(match popup.urgency {
            Urgency::Critical => Timeout::Never,
            Urgency::Normal | Urgency::Low => Timeout::Default,
        });
    #[cfg(windows)]
    made.urgency(match popup.urgency {
        Urgency::Low => notify_rust::Urgency::Low,
        Urgency::Normal => notify_rust::Urgency::Normal,
        Urgency::Critical => notify_rust::Urgency::Critical,
    });
    for action in &popup.actions {
        made.action(action.id.0, &action.label);
    }
    made
}

/// Takes the showing of this number out of what stands; false where it is not there any more.
fn taken(standing: &Standing, key: &PopupKey, number: u64) -> bool {
    let mut standing = lock(standing);
    let ours = standing.get(key).is_some_and(|(shown, _)| *shown == number);
    ours && standing.remove(key).is_some()
}

fn lock(standing: &Standing) -> std::sync::MutexGuard<'_, BTreeMap<PopupKey, (u64, Urgency)>> {
    standing.lock().unwrap_or_else(PoisonError::into_inner)
}
