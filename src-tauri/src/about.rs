//! The window's first question: what program is this, and which language does its user read.

use serde::Serialize;

/// What the window needs to introduce the program.
#[derive(Debug, Serialize)]
pub(crate) struct About {
    /// The program's version, such as `0.1.0`.
    version: String,
    /// The desktop's languages as BCP 47 tags, the preferred first; may be empty.
    languages: Vec<String>,
}

/// Asked of the desktop and not of the web view, because the tray and the popups must speak the same language as the window.
#[tauri::command]
pub(crate) fn about(app: tauri::AppHandle) -> About {
    About {
        version: app.package_info().version.to_string(),
        languages: sys_locale::get_locales().collect(),
    }
}
