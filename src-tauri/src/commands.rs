//! What the page may ask, one command a question. Each is in the manifest of `build.rs`, granted to a window by its capability,
//! and calls one thing below.

use tauri::{AppHandle, State};
use timonel_wire::About;

use crate::shell::Shell;
use crate::tray::face::Face;
use crate::words::Language;

/// What program this is and which languages its user reads: asked of the desktop and not of the web view, because the icon
/// beside the clock must speak the same language as the window.
#[tauri::command]
pub(crate) fn about(app: AppHandle) -> About {
    About {
        version: app.package_info().version.to_string(),
        languages: sys_locale::get_locales().collect(),
        read_only: false,
    }
}

/// The language (BCP 47) that a person chose in the page: the icon and its menu follow.
#[tauri::command]
pub(crate) fn language(app: AppHandle, shell: State<'_, Shell>, tag: String) {
    shell.speak(Language::of([tag]));
    shell.wear(&app, Face::of(None, shell.language()));
}
