//! Batches for one window: what changed since the last one, at most one a beat, nothing while nobody looks.

use std::sync::Arc;
use std::time::Duration;

use timonel_domain::time::Mono;
use timonel_ports::clock::SharedClock;
use timonel_wire::{Batch, Picture};
use tokio::sync::watch;

/// Whose pictures there are to be seen.
#[derive(Debug, Clone)]
pub(crate) enum Scene {
    /// Nobody's yet.
    Empty,
    /// Those of one console.
    Of(watch::Receiver<Arc<Picture>>),
    /// Nobody's any more.
    Over,
}

/// The batches of one window, in order. The one after a pause carries all that changed meanwhile, once; the first of
/// another console carries everything.
#[derive(Debug)]
pub struct Watch {
    scenes: watch::Receiver<Scene>,
    /// Those of the present scene; `None` before it was looked at.
    pictures: Option<watch::Receiver<Arc<Picture>>>,
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
    /// Of one console, until it closes.
    pub(super) fn new(pictures: watch::Receiver<Arc<Picture>>, desk: SharedClock, beat: Duration) -> Self {
        Self::following(watch::channel(Scene::Of(pictures)).1, desk, beat)
    }

    /// Of whichever console is in force.
    pub(crate) fn following(scenes: watch::Receiver<Scene>, desk: SharedClock, beat: Duration) -> Self {
        Self {
            scenes,
            pictures: None,
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

    /// The next batch; the first is everything. `None` once the console has closed and no other will come. Cancel safe.
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
            let Some(pictures) = &mut self.pictures else {
                let scene = self.scenes.borrow_and_update().clone();
                match scene {
                    Scene::Empty => self.scenes.changed().await.ok()?,
                    Scene::Of(pictures) => (self.pictures, self.shown) = (Some(pictures), None),
                    Scene::Over => return None,
                }
                continue;
            };
            if self.shown.is_some() {
                tokio::select! {
                    Ok(()) = self.scenes.changed() => {
                        self.pictures = None;
                        continue;
                    }
                    changed = pictures.changed() => if changed.is_err() {
                        // It has closed. Another may take its place.
                        self.scenes.changed().await.ok()?;
                        self.pictures = None;
                        continue;
                    },
                    _ = self.hidden.1.changed() => continue,
                }
            }
            let newest = pictures.borrow_and_update().clone();
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
