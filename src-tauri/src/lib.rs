//! The shell of the desktop program: it opens the window and hands questions on.
//!
//! Nothing is decided here. Timers, rules and rollouts live below `bridge`, which this package will call
//! from its commands, one thin caller a question; so far the window asks only who it is talking to.

mod about;

/// Why the program could not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no screen to open a window on.
    #[error(
        "there is no display (neither DISPLAY nor WAYLAND_DISPLAY is set), so no window can open; \
         start it from a desktop session, or work in the terminal with `timonelctl`"
    )]
    NoDisplay,
    /// The web view or its window could not be made.
    #[error("the window could not be opened: {0}; on Debian and Ubuntu `cargo xtask run` installs what it needs")]
    Window(#[source] tauri::Error),
}

/// Opens the window and stays until it is closed. Must be called on the main thread.
pub fn run() -> Result<(), Error> {
    // GTK panics without one, far from any message that a person could act on.
    if cfg!(target_os = "linux") && !display() {
        return Err(Error::NoDisplay);
    }
    tauri::Builder::default()
        .invoke_handler(tauri::generate_handler![about::about])
        .run(tauri::generate_context!())
        .map_err(Error::Window)
}

fn display() -> bool {
    ["WAYLAND_DISPLAY", "DISPLAY"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}
