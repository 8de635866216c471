//! What the shell keeps while it runs, and what it does when somebody presses something that is not in the page.

use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tauri::{AppHandle, Manager};
use timonel_bridge::console::{Asker, Surface};
use timonel_bridge::{Berth, Moorings};
use timonel_domain::time::Mono;
use timonel_domain::value::Person;
use timonel_ports::clock::{SharedClock, SystemClock, sleep};
use timonel_ports::task::spawn;
use timonel_wire::{Arg, Order, Sentence};

use crate::args::Installation;
use crate::audience::Audience;
use crate::tray::face::Face;
use crate::tray::host::{self, Host};
use crate::tray::{Choice, Tray};
use crate::window;
use crate::words::Language;

/// A second choice within so long ends the program, whatever is under way.
const QUIT_AGAIN: Duration = Duration::from_secs(30);

/// A picture comes twice a second. After so long without one the engine hangs, or this machine does.
const SILENCE: Duration = Duration::from_secs(5);

/// What the shell keeps while it runs.
pub(crate) struct Shell {
    /// The machine's clock: the shell's own waiting is never part of a rehearsal.
    pub(crate) clock: SharedClock,
    /// Whose rollouts it opens: a second start for another is not served.
    pub(crate) installation: Installation,
    /// What is open.
    pub(crate) berth: Berth,
    /// The page that listens.
    pub(crate) audience: Audience,
    /// Who sits at this desk. The page is never asked.
    pub(crate) asker: Asker,
    /// The language of the icon and its menu: the desk's, until a person chose another in the page.
    language: Mutex<Language>,
    /// Absent where the desk lacks the library, or the icon could not be made.
    tray: OnceLock<Tray>,
    /// Whether anybody would see the icon.
    host: Host,
    /// Who says something in a popup, once there is one.
    #[cfg(feature = "keychain")]
    herald: OnceLock<timonel_bridge::popups::Herald>,
    /// Whether the window was ever hidden behind the icon.
    hidden_before: AtomicBool,
    /// When it was last asked whether to end although something is under way.
    quit_asked: Mutex<Option<Mono>>,
}

/// The desk's languages as BCP 47 tags, the preferred first. `C` and `POSIX` are locales without a language.
pub(crate) fn languages() -> Vec<String> {
    let known = |tag: &String| tag.parse::<unic_langid::LanguageIdentifier>().is_ok();
    sys_locale::get_locales().filter(known).collect()
}

impl Shell {
    /// In the language of the desk, without an icon, with nothing open yet.
    pub(crate) fn new(installation: Installation, moorings: Moorings) -> Self {
        let user = ["USER", "USERNAME"].iter().find_map(|name| std::env::var(name).ok());
        let person = user.and_then(|name| Person::new(&name).ok());
        let person = person.unwrap_or_else(|| Person::new("desconocido").expect("a good id"));
        Self {
            clock: SystemClock::shared(),
            installation,
            berth: Berth::new(moorings),
            audience: Audience::default(),
            asker: Asker {
                surface: Surface::Main,
                person,
            },
            language: Mutex::new(Language::of(languages())),
            tray: OnceLock::new(),
            host: Host::unasked(),
            #[cfg(feature = "keychain")]
            herald: OnceLock::new(),
            hidden_before: AtomicBool::new(false),
            quit_asked: Mutex::new(None),
        }
    }

    /// Follows a person who chose a language in the page.
    pub(crate) fn speak(&self, app: &AppHandle, language: Language) {
        *self.language.lock().unwrap_or_else(PoisonError::into_inner) = language;
        // The texts follow at once where there is a picture to tell of, else with the first.
        let app = app.clone();
        let told = async move {
            let shell = app.state::<Shell>();
            if let Ok(console) = shell.berth.console().await {
                let face = Face::of(Some(&console.picture()), shell.language());
                shell.wear(&app, face);
            }
        };
        drop(spawn(&self.clock, told));
    }

    /// The language of what is said outside the page.
    pub(crate) fn language(&self) -> Language {
        *self.language.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who says something in a popup from now on.
    #[cfg(feature = "keychain")]
    pub(crate) fn herald_is(&self, herald: timonel_bridge::popups::Herald) {
        // The popups of a desk are kept once.
        drop(self.herald.set(herald));
    }

    /// Tells a person, who sees no page, that it is lost and comes back.
    pub(crate) fn tell_lost_page(&self) {
        #[cfg(feature = "keychain")]
        if let Some(herald) = self.herald.get() {
            herald.say(Sentence::new("popup-page-lost"));
        }
    }

    /// Whether a window that is hidden can be found again.
    pub(crate) fn can_hide(&self) -> bool {
        self.tray.get().is_some() && self.host.is_there()
    }

    /// Hides a window that was closed, where it can be found again. On the main thread.
    pub(crate) fn hide(&self, window: &tauri::Window) -> bool {
        self.can_hide() && window::hide(window, &self.clock, &self.hidden_before)
    }

    /// Whether a person who wants to end the program may: while somebody has to watch only the second time.
    pub(crate) fn may_quit(&self) -> bool {
        let mut asked = self.quit_asked.lock().unwrap_or_else(PoisonError::into_inner);
        may_quit(self.berth.is_needed(), &mut asked, self.clock.mono())
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
            let gone = move || window::show_from_anywhere(&app);
            drop(spawn(&self.clock, self.host.clone().follow(gone)));
        }
    }

    /// Keeps the icon up to date until the program ends, whatever is open. It looks whether or not anybody sees the window.
    pub(crate) async fn keep_icon(&self, app: &AppHandle) {
        let mut watch = self.berth.follow();
        let mut shows = true;
        let mut speaks = false;
        loop {
            tokio::select! {
                batch = watch.next() => {
                    if batch.is_none() {
                        break;
                    }
                    (shows, speaks) = (true, true);
                    self.wear(app, Face::of(self.berth.picture().as_deref(), self.language()));
                }
                () = sleep(&*self.clock, SILENCE), if speaks => {
                    speaks = false;
                    if let Some(last) = self.berth.picture() {
                        self.wear(app, Face::silent(&last, self.language()));
                        window::show_from_anywhere(app);
                        window::tell(app, &Sentence::new("told-silent"));
                    }
                }
                why = self.berth.unwatched(), if shows => {
                    (shows, speaks) = (false, false);
                    self.wear(app, Face::of(None, self.language()));
                    if let Some(why) = why {
                        window::show_from_anywhere(app);
                        window::tell(app, &Sentence::new("told-unwatched").with("why", Arg::sentence(why.0)));
                    }
                }
            }
        }
        self.wear(app, Face::of(None, self.language()));
    }

    /// Shows a face, where there is an icon. Not on the main thread's behalf: it is asked, and does it when it can.
    fn wear(&self, app: &AppHandle, face: Face) {
        let handle = app.clone();
        let asked = app.run_on_main_thread(move || {
            if let Some(tray) = handle.state::<Shell>().tray.get()
                && let Err(problem) = tray.show(&handle, face)
            {
                tracing::warn!("the icon beside the clock could not be changed: {problem}");
            }
        });
        if let Err(problem) = asked {
            tracing::debug!("the main loop has ended: {problem}");
        }
    }
}

/// Whether the program may end at `now`, where it is `needed` only if it was `asked` to shortly before.
fn may_quit(needed: bool, asked: &mut Option<Mono>, now: Mono) -> bool {
    let sure = asked.is_some_and(|before| now.saturating_since(before) < QUIT_AGAIN);
    *asked = Some(now);
    !needed || sure
}

/// Does what was chosen in the icon's menu. The emergency first: the window comes while it is under way.
fn chosen(app: &AppHandle, choice: Choice) {
    match choice {
        Choice::Open => window::show(app),
        Choice::RollBack(aim) => {
            let handle = app.clone();
            let press = async move {
                let shell = handle.state::<Shell>();
                let press = Order::RollBack { confirmed: false };
                let taken = match shell.berth.console().await {
                    Ok(console) => console.order(&shell.asker, &aim, press).await,
                    Err(error) => Err(error),
                };
                let rollout = &aim.rollout;
                match taken {
                    Ok(_) => tracing::info!("{rollout} is put back, by the icon's menu"),
                    // The window is before the person by now.
                    Err(error) => {
                        tracing::error!("{rollout} was not put back by the icon's menu: {error}");
                        let refused = Sentence::new("order-refused").with("why", Arg::sentence(error.0));
                        window::tell(&handle, &refused);
                    }
                }
            };
            drop(spawn(&app.state::<Shell>().clock, press));
            window::show(app);
        }
        Choice::Quit if app.state::<Shell>().may_quit() => app.exit(0),
        Choice::Quit => {
            window::show(app);
            window::tell(app, &Sentence::new("told-quit"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_needed_ends_only_when_it_is_asked_twice_in_a_row() {
        let clock = SystemClock::shared();
        let start = clock.mono();
        let mut asked = None;
        assert!(may_quit(false, &mut asked, start), "nobody needs it");
        let mut asked = None;
        assert!(!may_quit(true, &mut asked, start));
        assert!(
            !may_quit(true, &mut asked, start + QUIT_AGAIN),
            "too late to be the same wish"
        );
        assert!(may_quit(true, &mut asked, start + QUIT_AGAIN + Duration::from_secs(1)));
    }
}
