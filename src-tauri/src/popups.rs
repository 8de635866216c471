//! Popups of the desk: in the language of the desk, answered by the person who sits there.
//!
//! Which popups stand and what their buttons do is decided below (`bridge::popups`). Deliberately not here: the page, which
//! shows the same alerts and how the popups stand.

use std::sync::Arc;

use tauri::{AppHandle, Manager};
use timonel_bridge::popups::{PopupDesk, Speak};
use timonel_bridge::words::{Language as Tongue, Words};
use timonel_domain::time::Timestamp;

use crate::shell::Shell;
use crate::window;
use crate::words::Language;

const ES: &str = include_str!("../../locales/es/popups.ftl");
const EN: &str = include_str!("../../locales/en/popups.ftl");

/// Keeps the popups of this desk as the alerts of what is open are, until the program ends. It looks whether or not anybody sees the window.
pub(crate) async fn keep(app: AppHandle) {
    let shell = app.state::<Shell>();
    let (handle, speaker) = (app.clone(), app.clone());
    let open = move || window::show_from_anywhere(&handle);
    let sentences = [words(Language::Es), words(Language::En)];
    let speak: Speak = Arc::new(move |sentence| {
        let [es, en] = &sentences;
        match speaker.state::<Shell>().language() {
            Language::Es => es.tell(sentence),
            Language::En => en.tell(sentence),
        }
    });
    let mut desk = PopupDesk::of_this_desk(shell.clock.clone(), speak, shell.asker.clone(), open);
    shell.herald_is(desk.herald());
    let mut left = None;
    while let Some(console) = shell.berth.after(left.as_ref()).await {
        desk.follow(&console).await;
        left = Some(console);
    }
}

/// What a popup says in a language, with moments as the time of day in UTC: the desk's zone is the page's to know.
fn words(language: Language) -> Words {
    match language {
        Language::Es => Words::new(Tongue::Es, ES, clock),
        Language::En => Words::new(Tongue::En, EN, clock),
    }
}

/// `14:02:10 UTC` of `2026-11-22T14:02:10Z`.
fn clock(at: Timestamp) -> String {
    let written = at.to_string();
    let time = written.get(11..19).unwrap_or(&written);
    format!("{time} UTC")
}

#[cfg(test)]
mod tests {
    use timonel_wire::{Arg, Sentence};

    use super::*;

    #[test]
    fn a_popup_is_spoken_in_both_languages_with_its_moment() {
        let gap = Sentence::new("notice-gap").with("from", Arg::Time(1_795_356_130_000));
        let over = Sentence::new("popup-resolved").with("alert", Arg::sentence(gap));
        let said = [Language::Es, Language::En].map(|language| words(language).tell(&over));
        assert_eq!(said[0], "Ya pasó: Nadie vigiló desde 14:02:10 UTC.");
        assert!(said[1].contains("14:02:10 UTC") && said[1] != said[0], "{said:?}");
    }
}
