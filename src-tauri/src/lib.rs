//! The shell of the desktop program: windows, the icon beside the clock and IPC, and nothing that decides.
//!
//! Everything it shows and orders lives below `bridge`, on a runtime of its own: the window, the web view and GTK may hang,
//! crash or be closed, and a rollout goes on. The main thread never waits for that runtime.

mod args;
mod audience;
mod commands;
mod pictures;
#[cfg(feature = "keychain")]
mod popups;
mod shell;
mod tray;
mod window;
mod words;

use std::path::Path;
use std::time::Duration;

use clap::Parser;
use tauri::webview::PageLoadEvent;
use tauri::{AppHandle, Manager, RunEvent, WindowEvent};
use timonel_bridge::Moorings;
use timonel_bridge::console::Keys;
use timonel_bridge::credentials::Credentials;
use timonel_ports::clock::within;
use timonel_ports::task;
use timonel_wire::{Arg, Sentence, ToOpen};

use args::Args;
use shell::Shell;
use window::Renewal;

/// So long the program takes at most to write down what happened when it is ended.
const CLOSING: Duration = Duration::from_secs(5);

/// Why the program could not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no screen to open a window on.
    #[error(
        "there is no display (neither DISPLAY nor WAYLAND_DISPLAY is set), so no window can open; \
         start it from a desktop session, or work in the terminal with `timonelctl`"
    )]
    NoDisplay,
    /// The threads that everything runs on could not be started.
    #[error("the program's own threads could not be started: {0}; close other programs and start again")]
    Threads(#[source] std::io::Error),
    /// The web view or its window could not be made.
    #[error("the window could not be opened: {0}; on Debian and Ubuntu `cargo xtask run` installs what it needs")]
    Window(#[source] tauri::Error),
}

/// Opens the window and stays until the program is ended. Must be called on the main thread.
pub fn run() -> Result<(), Error> {
    let args = Args::parse();
    // GTK panics without one, far from any message that a person could act on.
    if cfg!(target_os = "linux") && !display() {
        return Err(Error::NoDisplay);
    }
    let filter = tracing_subscriber::EnvFilter::try_from_env("TIMONEL_LOG").unwrap_or_else(|_| "warn".into());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .thread_name("timonel")
        .enable_all()
        .build()
        .map_err(Error::Threads)?;
    tauri::async_runtime::set(runtime.handle().clone());
    // What the main thread starts, it starts there.
    let _inside = runtime.enter();
    let home = args.folder();
    let keys = Keys::new(Credentials::of_installation(&home));
    let here = std::env::current_dir().unwrap_or_default();
    let shell = Shell::new(
        args.installation(&here),
        Moorings {
            home,
            store: args.store.clone(),
            helm: args.helm.clone(),
            kubeconfig: args.kubeconfig.clone(),
            program: "ventana",
            keys: keys.clone(),
            speed: None,
            virtual_operator: false,
        },
    );
    let first = std::env::current_dir().ok().and_then(|at| args.to_open(&at));
    let app = tauri::Builder::default()
        // First of all: a second program must end before it has begun anything.
        .plugin(tauri_plugin_single_instance::init(|app, args, at| {
            started_again(app, args, Path::new(&at))
        }))
        .plugin(window::language())
        .manage(shell)
        .manage(keys)
        .manage(Renewal::default())
        .invoke_handler(tauri::generate_handler![
            commands::about,
            commands::picture,
            commands::watch,
            commands::hidden,
            commands::order,
            commands::acknowledge,
            commands::environments,
            commands::plan_file,
            commands::plan,
            commands::power,
            commands::open,
            commands::series,
            commands::picture_file,
            commands::credentials,
            commands::credential_put,
            commands::credential_test,
            commands::credential_delete,
            commands::popup_test,
            commands::language,
        ])
        .on_window_event(|window, event| {
            if let WindowEvent::CloseRequested { api, .. } = event
                && window.label() == window::MAIN
            {
                let shell = window.state::<Shell>();
                if shell.hide(window) {
                    api.prevent_close();
                } else if !shell.may_quit() {
                    // Without an icon the window is all there is: closing it ends the program.
                    api.prevent_close();
                    window::tell(window.app_handle(), &Sentence::new("told-quit-window"));
                }
            }
        })
        .on_page_load(|webview, load| {
            if webview.label() == window::MAIN && load.event() == PageLoadEvent::Finished {
                webview.state::<Renewal>().loaded();
            }
        })
        .setup(move |app| {
            begin(app.handle(), first);
            Ok(())
        })
        .build(tauri::generate_context!())
        .map_err(Error::Window)?;
    app.run(|app, event| match event {
        RunEvent::ExitRequested { code: None, api, .. } if app.state::<Renewal>().is_under_way() => api.prevent_exit(),
        // The last window went away without being closed by the person, who has just been asked otherwise.
        RunEvent::ExitRequested { code: None, api, .. } if !app.state::<Shell>().may_quit() => {
            api.prevent_exit();
            window::show_from_anywhere(app);
        }
        RunEvent::Exit => end(app),
        _ => {}
    });
    Ok(())
}

/// Starts what runs beside the window for as long as the program does.
fn begin(app: &AppHandle, first: Option<ToOpen>) {
    let shell = app.state::<Shell>();
    shell.put_up_icon(app);
    let handle = app.clone();
    drop(task::spawn(&shell.clock, async move {
        handle.state::<Shell>().berth.begin(first).await
    }));
    let handle = app.clone();
    drop(task::spawn(&shell.clock, async move {
        handle.state::<Shell>().keep_icon(&handle).await
    }));
    #[cfg(feature = "keychain")]
    drop(task::spawn(&shell.clock, popups::keep(app.clone())));
    #[cfg(feature = "keychain")]
    drop(task::spawn(
        &shell.clock,
        timonel_bridge::awake::keep(shell.berth.clone()),
    ));
    #[cfg(unix)]
    drop(task::spawn(&shell.clock, end_when_told(app.clone())));
    let handle = app.clone();
    let shown = move |shown: bool| handle.state::<Shell>().audience.window_is_hidden(!shown);
    drop(task::spawn(
        &shell.clock,
        window::attend(app.clone(), shell.clock.clone(), shown),
    ));
}

/// A second program was started in `at`: it ends, and what it was asked for is done here, or why not is told.
fn started_again(app: &AppHandle, args: Vec<String>, at: &Path) {
    // The bus calls on a thread of its own, which knows nothing of the program's runtime; a panic here would leave the second
    // program waiting for ever.
    let runtime = tauri::async_runtime::handle();
    let _inside = runtime.inner().enter();
    window::show_from_anywhere(app);
    let args = match Args::try_parse_from(args) {
        Ok(args) => args,
        Err(error) => return tracing::warn!(%error, "the second start was not understood"),
    };
    let handle = app.clone();
    let at = at.to_owned();
    let opening = async move {
        let shell = handle.state::<Shell>();
        let here = &shell.installation;
        let there = args.installation(&at);
        if !there.is(here) {
            let other = Sentence::new("told-other-installation")
                .with("here", Arg::text(here))
                .with("there", Arg::text(there));
            return window::tell(&handle, &other);
        }
        let Some(open) = args.to_open(&at) else {
            return;
        };
        // The same command once more leaves what is watched as it is.
        if let Err(error) = shell.berth.go_to(&shell.asker, &open).await {
            tracing::error!(%error, ?open, "was not opened");
            let refused = Sentence::new("told-not-opened").with("why", Arg::sentence(error.0));
            window::tell(&handle, &refused);
        }
    };
    drop(task::spawn(&app.state::<Shell>().clock, opening));
}

/// Ends the program in order where the desk ends it: at a log-out, or a press of Ctrl-C.
#[cfg(unix)]
async fn end_when_told(app: AppHandle) {
    use tokio::signal::unix::{SignalKind, signal};

    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::warn!("a log-out will not be noticed in time to write everything down");
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    app.exit(0);
}

/// Ends what runs beside the window. No window is left, so the main thread may wait, though not for ever.
fn end(app: &AppHandle) {
    let shell = app.state::<Shell>();
    let closing = within(&*shell.clock, CLOSING, shell.berth.close());
    if let Err(problem) = tauri::async_runtime::block_on(closing) {
        tracing::warn!("the program ends before everything is written down: {problem}");
    }
}

fn display() -> bool {
    ["WAYLAND_DISPLAY", "DISPLAY"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}
