//! What the shell keeps while it runs, and what it does when somebody presses something that is not in the page.

use std::sync::{Mutex, OnceLock, PoisonError};

use tauri::AppHandle;
use timonel_ports::clock::SharedClock;

use crate::tray::face::Face;
use crate::tray::host::{self, Host};
use crate::tray::{Choice, Tray};
use crate::window;
use crate::words::Language;

/// What the shell keeps while it runs.
pub(crate) struct Shell {
    /// The machine's clock: the shell's own waiting is never part of a rehearsal.
    pub(crate) clock: SharedClock,
    /// The language of the icon and its menu: the desk's, until a person chose another in the page.
    language: Mutex<Language>,
    /// Absent where the desk lacks the library, or the icon could not be made.
    tray: OnceLock<Tray>,
    /// Whether anybody would see the icon.
    host: Host,
}

impl Shell {
    /// In the language of the desk, without an icon.
    pub(crate) fn new(clock: SharedClock) -> Self {
        Self {
            clock,
            language: Mutex::new(Language::of(sys_locale::get_locales())),
            tray: OnceLock::new(),
            host: Host::unasked(),
        }
    }

    /// The language of the icon and its menu.
    pub(crate) fn language(&self) -> Language {
        *self.language.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Follows a person who chose a language in the page.
    pub(crate) fn speak(&self, language: Language) {
        *self.language.lock().unwrap_or_else(PoisonError::into_inner) = language;
    }

    /// Whether a window that is hidden can be found again.
    pub(crate) fn can_hide(&self) -> bool {
        self.tray.get().is_some() && self.host.is_there()
    }

    /// Puts the icon up where that is possible. On the main thread.
    pub(crate) fn put_up_icon(&self, app: &AppHandle) {
        if !host::library_is_here() {
            tracing::warn!(
                "no icon beside the clock: libayatana-appindicator3 is not installed \
                 (Debian and Ubuntu: apt-get install libayatana-appindicator3-1)"
            );
            return;
        }
        match Tray::put_up(app, Face::of(None, self.language()), chosen) {
            Ok(tray) => drop(self.tray.set(tray)),
            Err(problem) => {
                tracing::warn!("no icon beside the clock: {problem}");
                return;
            }
        }
        #[cfg(target_os = "linux")]
        {
            let app = app.clone();
            // Whatever was hidden behind the icon comes back when the icon is gone.
            let gone = move || window::show(&app);
            drop(timonel_ports::task::spawn(&self.clock, self.host.clone().follow(gone)));
        }
    }

    /// Shows a face, where there is an icon.
    pub(crate) fn wear(&self, app: &AppHandle, face: Face) {
        if let Some(tray) = self.tray.get()
            && let Err(problem) = tray.show(app, face)
        {
            tracing::warn!("the icon beside the clock could not be changed: {problem}");
        }
    }
}

/// Does what was chosen in the icon's menu.
fn chosen(app: &AppHandle, choice: Choice) {
    match choice {
        Choice::Open => window::show(app),
        Choice::RollBack(_) => {
            window::show(app);
        }
        Choice::Quit => app.exit(0),
    }
}
