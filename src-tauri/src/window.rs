//! The main window: closing it, hiding it, and making it anew where its page does not answer any more.
//!
//! A window that is lost loses nothing: all state is in Rust, and a new page asks for the whole picture.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tauri::plugin::{self, TauriPlugin};
use tauri::{AppHandle, Manager, WebviewWindow, WebviewWindowBuilder, Wry};
use timonel_ports::clock::{SharedClock, sleep, within};
use timonel_ports::task::spawn;
use timonel_wire::Sentence;
use tokio::sync::oneshot;

use crate::shell::Shell;

/// The label of the main window, in the configuration and in its capability.
pub(crate) const MAIN: &str = "main";

/// Runs in every page before its own scripts. The web view passes a desk's locale on as it is, and on a desk in none (`C`) every
/// script that formats a number in "the browser's language" would end there, some of them while they are loaded.
const LANGUAGE: &str = r#"
  try {
    Intl.getCanonicalLocales(navigator.language);
  } catch {
    Object.defineProperties(navigator, { language: { value: "es" }, languages: { value: Object.freeze(["es"]) } });
  }
"#;

/// Gives pages a language where the desk has none.
pub(crate) fn language() -> TauriPlugin<Wry> {
    plugin::Builder::new("language").js_init_script(LANGUAGE).build()
}

/// So long a person has to read that the window hides, the first time.
const TO_READ: Duration = Duration::from_secs(3);
/// So often it is looked after.
const LOOK: Duration = Duration::from_secs(1);
/// So long a page may take for an answer.
const PATIENCE: Duration = Duration::from_secs(4);
/// So many unanswered questions in a row, and the page is taken for lost.
const LOST_AFTER: u32 = 3;
/// A page that has not loaded by then counts as silent too.
const LOADING: Duration = Duration::from_secs(30);

/// Where the window is between being made and being made anew.
#[derive(Debug, Default)]
pub(crate) struct Renewal {
    under_way: AtomicBool,
    loaded: AtomicBool,
}

impl Renewal {
    /// Whether the window goes away for a moment and comes back: the program must not end meanwhile.
    pub(crate) fn is_under_way(&self) -> bool {
        self.under_way.load(Ordering::Relaxed)
    }

    /// Takes down that the page has loaded: from now on its silence means something.
    pub(crate) fn loaded(&self) {
        self.loaded.store(true, Ordering::Relaxed);
        tracing::info!("the page has loaded");
    }
}

/// Brings the window before the person, whatever became of it.
pub(crate) fn show(app: &AppHandle) {
    let shown = match app.get_webview_window(MAIN) {
        Some(window) => window
            .show()
            .and_then(|()| window.unminimize())
            .and_then(|()| window.set_focus()),
        None => open(app),
    };
    if let Err(problem) = shown {
        tracing::warn!("the window could not be shown: {problem}");
    }
}

/// [`show`] for threads other than the main one; does not wait for it.
pub(crate) fn show_from_anywhere(app: &AppHandle) {
    let handle = app.clone();
    if let Err(problem) = app.run_on_main_thread(move || show(&handle)) {
        tracing::debug!("the main loop has ended: {problem}");
    }
}

/// Says something in the page, over whatever it shows. A page that is not there hears nothing, and is no worse for it.
pub(crate) fn tell(app: &AppHandle, sentence: &Sentence) {
    let told = app.get_webview_window(MAIN).map(|window| {
        let detail = serde_json::to_string(sentence).expect("a sentence serialises");
        window.eval(format!(
            "window.dispatchEvent(new CustomEvent('timonel-told', {{ detail: {detail} }}))"
        ))
    });
    if let Some(Err(problem)) = told {
        tracing::warn!("the page was not told `{}`: {problem}", sentence.code);
    }
}

/// The first time it is closed, the person is told where it goes before it goes; true where it will be hidden.
pub(crate) fn hide(window: &tauri::Window, clock: &SharedClock, hidden_before: &AtomicBool) -> bool {
    if hidden_before.swap(true, Ordering::Relaxed) {
        return window.hide().is_ok();
    }
    tell(window.app_handle(), &Sentence::new("told-hides"));
    let (window, clock_too) = (window.clone(), clock.clone());
    let later = async move {
        sleep(&*clock_too, TO_READ).await;
        if let Err(problem) = window.hide() {
            tracing::warn!("the window could not be hidden: {problem}");
        }
    };
    drop(spawn(clock, later));
    true
}

/// Makes the window as the configuration says.
fn open(app: &AppHandle) -> tauri::Result<()> {
    let windows = &app.config().app.windows;
    let Some(config) = windows.iter().find(|window| window.label == MAIN) else {
        return Err(tauri::Error::WindowNotFound);
    };
    WebviewWindowBuilder::from_config(app, config)?.build().map(drop)
}

/// What a look at the window found.
struct Look {
    /// Whether a person can see it: neither hidden nor minimized.
    shown: bool,
    /// What the page answers, if it was asked. Never comes where the page has not loaded yet.
    answer: Option<oneshot::Receiver<String>>,
}

/// Looks after the window for ever: tells `shown` whenever it is hidden or shown, and makes it anew where its page is silent, which
/// a person is told of.
pub(crate) async fn attend(app: AppHandle, clock: SharedClock, mut shown: impl FnMut(bool) + Send) {
    let (mut seen, mut silent, mut since) = (true, 0, clock.mono());
    loop {
        sleep(&*clock, LOOK).await;
        // No answer is no news: the main loop is busy, or the window is closed for good.
        let Ok(Some(look)) = within(&*clock, PATIENCE, look(&app)).await else {
            continue;
        };
        if look.shown != seen {
            seen = look.shown;
            shown(seen);
        }
        let Some(answer) = look.answer else {
            silent = 0;
            continue;
        };
        // A page that crashed answers at once, with nothing.
        let answered = matches!(within(&*clock, PATIENCE, answer).await, Ok(Ok(answer)) if answer == ANSWER);
        silent = if answered { 0 } else { silent + 1 };
        let loading =
            !app.state::<Renewal>().loaded.load(Ordering::Relaxed) && clock.mono().saturating_since(since) < LOADING;
        if silent >= LOST_AFTER && !loading {
            tracing::warn!("the window's page does not answer: it is made anew");
            app.state::<Shell>().tell_lost_page();
            renew(&app, &clock).await;
            (silent, since) = (0, clock.mono());
        }
    }
}

/// What the page is asked, and what it answers.
const QUESTION: &str = "6 * 7";
const ANSWER: &str = "42";

async fn look(app: &AppHandle) -> Option<Look> {
    let (tell, told) = oneshot::channel();
    let handle = app.clone();
    // On the main thread nothing waits for another thread, and nobody waits for the main thread.
    let asked = app.run_on_main_thread(move || {
        let look = handle.get_webview_window(MAIN).map(|window| look_at(&window));
        // Nobody waits any more where the main loop was late.
        drop(tell.send(look));
    });
    asked.ok()?;
    told.await.ok()?
}

fn look_at(window: &WebviewWindow) -> Look {
    let shown = window.is_visible().unwrap_or(true) && !window.is_minimized().unwrap_or(false);
    // Web views put off the work of hidden pages: silence means nothing then.
    let answer = shown.then(|| {
        let (tell, told) = oneshot::channel();
        let tell = std::sync::Mutex::new(Some(tell));
        let asked = window.eval_with_callback(QUESTION, move |answer| {
            let first = tell.lock().ok().and_then(|mut tell| tell.take());
            if let Some(first) = first {
                drop(first.send(answer));
            }
        });
        if let Err(problem) = asked {
            tracing::debug!("the page could not be asked: {problem}");
        }
        told
    });
    Look { shown, answer }
}

/// Takes the window away and makes it again. The label has to be free before.
async fn renew(app: &AppHandle, clock: &SharedClock) {
    let renewal = app.state::<Renewal>();
    renewal.under_way.store(true, Ordering::Relaxed);
    renewal.loaded.store(false, Ordering::Relaxed);
    if let Some(window) = app.get_webview_window(MAIN) {
        if let Err(problem) = window.destroy() {
            tracing::warn!("the silent window could not be closed: {problem}");
        }
        while app.get_webview_window(MAIN).is_some() {
            sleep(&**clock, Duration::from_millis(50)).await;
        }
    }
    if let Err(problem) = open(app) {
        tracing::error!("the window could not be opened again: {problem}; start Timonel again to see it");
    }
    renewal.under_way.store(false, Ordering::Relaxed);
}
