//! The icon beside the clock: how things stand, the way back to the window, and the emergency control.
//!
//! It looks at the same picture as the window, from Rust, so it is right while no page is there. Deliberately not here: any
//! decision; a press goes where the window's goes.

pub(crate) mod face;
pub(crate) mod host;
mod shape;

use std::sync::{Mutex, PoisonError};

use tauri::menu::{Menu, MenuBuilder, MenuEvent, MenuItem, MenuItemBuilder};
use tauri::tray::{TrayIcon, TrayIconBuilder};
use tauri::{AppHandle, Wry};
use timonel_wire::Aim;

use face::Face;

/// What a person chose in the menu.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Choice {
    /// To see the window.
    Open,
    /// To put the rollout back that the entry was about.
    RollBack(Aim),
    /// To end the program.
    Quit,
}

const ROLL_BACK: &str = "roll-back:";

impl Choice {
    /// The id of its entry in the menu.
    fn id(&self) -> String {
        match self {
            Choice::Open => "open".to_owned(),
            // Ids of rollouts have no `:`.
            Choice::RollBack(Aim { rollout, environment }) => format!("{ROLL_BACK}{rollout}:{environment}"),
            Choice::Quit => "quit".to_owned(),
        }
    }

    /// The choice of an entry; `None` for entries that only say something.
    fn of(id: &str) -> Option<Self> {
        match id {
            "open" => Some(Choice::Open),
            "quit" => Some(Choice::Quit),
            other => {
                let (rollout, environment) = other.strip_prefix(ROLL_BACK)?.split_once(':')?;
                Some(Choice::RollBack(Aim {
                    rollout: rollout.to_owned(),
                    environment: environment.to_owned(),
                }))
            }
        }
    }
}

/// The icon, once it is there.
pub(crate) struct Tray {
    icon: TrayIcon,
    shown: Mutex<Shown>,
}

/// What the icon shows, and the entries whose texts change.
struct Shown {
    face: Face,
    entries: Entries,
}

impl Tray {
    /// Puts the icon up; `chosen` is called on the main thread. Ends the process where [`host::library_is_here`] is not asked
    /// before.
    pub(crate) fn put_up(
        app: &AppHandle,
        face: Face,
        chosen: impl Fn(&AppHandle, Choice) + Send + Sync + 'static,
    ) -> tauri::Result<Self> {
        let entries = Entries::new(app, &face)?;
        let icon = TrayIconBuilder::with_id("timonel")
            .icon(face.shape.icon())
            .tooltip(&face.state)
            .menu(&entries.menu(app)?)
            .on_menu_event(move |app, event: MenuEvent| {
                if let Some(choice) = Choice::of(event.id().as_ref()) {
                    chosen(app, choice);
                }
            })
            .build(app)?;
        let shown = Mutex::new(Shown { face, entries });
        Ok(Self { icon, shown })
    }

    /// Shows `face`, touching only what is different: a menu that is made anew closes under the person's pointer.
    pub(crate) fn show(&self, app: &AppHandle, face: Face) -> tauri::Result<()> {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if shown.face == face {
            return Ok(());
        }
        if shown.face.shape != face.shape {
            self.icon.set_icon(Some(face.shape.icon()))?;
        }
        self.icon.set_tooltip(Some(&face.state))?;
        if !shown.entries.say(&face)? {
            shown.entries = Entries::new(app, &face)?;
            self.icon.set_menu(Some(shown.entries.menu(app)?))?;
        }
        shown.face = face;
        Ok(())
    }
}

/// The entries of the menu.
struct Entries {
    state: MenuItem<Wry>,
    alerts: Option<MenuItem<Wry>>,
    open: MenuItem<Wry>,
    emergencies: Vec<MenuItem<Wry>>,
    quit: MenuItem<Wry>,
}

impl Entries {
    fn new(app: &AppHandle, face: &Face) -> tauri::Result<Self> {
        let line = |id: &str, text: &str| MenuItemBuilder::with_id(id, text).enabled(false).build(app);
        let entry = |choice: &Choice, text: &str| MenuItemBuilder::with_id(choice.id(), text).build(app);
        let emergency = |it: &face::Emergency| entry(&Choice::RollBack(it.aim.clone()), &it.label);
        Ok(Self {
            state: line("state", &face.state)?,
            alerts: face.alerts.as_ref().map(|text| line("alerts", text)).transpose()?,
            open: entry(&Choice::Open, &face.open)?,
            emergencies: face.emergencies.iter().map(emergency).collect::<Result<_, _>>()?,
            quit: entry(&Choice::Quit, &face.quit)?,
        })
    }

    /// The menu: what is, the window, the emergency by itself, and the end far from it.
    fn menu(&self, app: &AppHandle) -> tauri::Result<Menu<Wry>> {
        let mut menu = MenuBuilder::new(app).item(&self.state);
        if let Some(alerts) = &self.alerts {
            menu = menu.item(alerts);
        }
        menu = menu.item(&self.open).separator();
        for emergency in &self.emergencies {
            menu = menu.item(emergency);
        }
        if !self.emergencies.is_empty() {
            menu = menu.separator();
        }
        menu.item(&self.quit).build()
    }

    /// Gives the entries the texts of `face`. False where it has other entries than these.
    fn say(&self, face: &Face) -> tauri::Result<bool> {
        let same = self.emergencies.len() == face.emergencies.len()
            && self
                .emergencies
                .iter()
                .zip(&face.emergencies)
                .all(|(entry, wanted)| entry.id().as_ref() == Choice::RollBack(wanted.aim.clone()).id());
        if !same || self.alerts.is_some() != face.alerts.is_some() {
            return Ok(false);
        }
        self.state.set_text(&face.state)?;
        if let (Some(entry), Some(text)) = (&self.alerts, &face.alerts) {
            entry.set_text(text)?;
        }
        self.open.set_text(&face.open)?;
        for (entry, wanted) in self.emergencies.iter().zip(&face.emergencies) {
            entry.set_text(&wanted.label)?;
        }
        self.quit.set_text(&face.quit)?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use timonel_wire::Aim;

    use super::Choice;

    #[test]
    fn an_entry_leads_back_to_its_choice() {
        let aim = Aim {
            rollout: "quit".to_owned(),
            environment: "norte: producción".to_owned(),
        };
        for choice in [Choice::Open, Choice::Quit, Choice::RollBack(aim)] {
            assert_eq!(Choice::of(&choice.id()), Some(choice));
        }
        assert_eq!(Choice::of("state"), None);
    }
}
