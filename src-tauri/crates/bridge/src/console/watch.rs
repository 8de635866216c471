//! Batches for one window: what changed since the last one, at most one a beat, nothing while nobody looks.

use std::sync::Arc;
use std::time::Duration;

use timonel_domain::time::Mono;
use timonel_ports::clock::SharedClock;
use timonel_wire::{Batch, Picture};
use tokio::sync::watch;

/// The batches of one window, in order. The one after a pause carries all that changed meanwhile, once.
#[derive(Debug)]
pub struct Watch {
    pictures: watch::Receiver<Arc<Picture>>,
    hidden: (watch::Sender<bool>, watch::Receiver<bool>),
    desk: SharedClock,
    beat: Duration,
    shown: Option<Arc<Picture>>,
    due: Option<Mono>,
}

/// Says whether anybody looks at a window. Clone it freely.
#[derive(Debug, Clone)]
pub struct Curtain(watch::Sender<bool>);

impl Curtain {
    /// While it is `hidden` no batch comes; the next one carries all that changed.
    pub fn draw(&self, hidden: bool) {
        self.0.send_replace(hidden);
    }
}

impl Watch {
    pub(super) fn new(pictures: watch::Receiver<Arc<Picture>>, desk: SharedClock, beat: Duration) -> Self {
        Self {
            pictures,
            hidden: watch::channel(false),
            desk,
            beat,
            shown: None,
            due: None,
        }
    }

    /// Says whether anybody looks.
    pub fn curtain(&self) -> Curtain {
        Curtain(self.hidden.0.clone())
    }

    /// The next batch; the first is everything. `None` once the console has closed. Cancel safe.
    pub async fn next(&mut self) -> Option<Batch> {
        loop {
            // The sender is ours, so this cannot fail.
            self.hidden.1.wait_for(|hidden| !hidden).await.ok()?;
            if let Some(due) = self.due {
                tokio::select! {
                    () = self.desk.sleep_until(due) => {}
                    _ = self.hidden.1.changed() => continue,
                }
            }
            if self.shown.is_some() {
                tokio::select! {
                    changed = self.pictures.changed() => changed.ok()?,
                    _ = self.hidden.1.changed() => continue,
                }
            }
            let newest = self.pictures.borrow_and_update().clone();
            let batch = match &self.shown {
                None => newest.whole(),
                Some(shown) => newest.since(shown),
            };
            self.shown = Some(newest);
            self.due = Some(self.desk.mono() + self.beat);
            return Some(batch);
        }
    }
}
