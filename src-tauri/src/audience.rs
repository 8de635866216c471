//! Who is told what changed: one window, one succession of batches, and nothing while nobody looks at it.

use std::sync::{Mutex, PoisonError};

use tauri::ipc::Channel;
use timonel_bridge::console::{Curtain, Watch};
use timonel_ports::clock::SharedClock;
use timonel_ports::task::{Task, spawn};
use timonel_wire::Batch;

/// The page of the main window, as far as it listens.
#[derive(Debug, Default)]
pub(crate) struct Audience(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The window is hidden or minimized.
    window_hidden: bool,
    /// The page says that nobody sees it.
    page_hidden: bool,
    listening: Option<(Curtain, Task<()>)>,
}

impl State {
    fn draw(&self) {
        if let Some((curtain, _)) = &self.listening {
            curtain.draw(self.window_hidden || self.page_hidden);
        }
    }
}

impl Audience {
    /// Sends batches to a page that has just asked for them. What an earlier page of the window asked for ends.
    pub(crate) fn listen(&self, clock: &SharedClock, mut watch: Watch, channel: Channel<Batch>) {
        let curtain = watch.curtain();
        let sending = spawn(clock, async move {
            while let Some(batch) = watch.next().await {
                if let Err(problem) = channel.send(batch) {
                    tracing::info!("a page no longer listens: {problem}");
                    return;
                }
            }
        });
        let mut state = self.state();
        if let Some((_, earlier)) = state.listening.take() {
            earlier.abort();
        }
        // A page that asks is there to be seen.
        state.page_hidden = false;
        state.listening = Some((curtain, sending));
        state.draw();
    }

    /// The window was hidden or shown.
    pub(crate) fn window_is_hidden(&self, hidden: bool) {
        let mut state = self.state();
        state.window_hidden = hidden;
        state.draw();
    }

    /// The page says whether anybody sees it.
    pub(crate) fn page_is_hidden(&self, hidden: bool) {
        let mut state = self.state();
        state.page_hidden = hidden;
        state.draw();
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
