//! What the terminal says, in the person's language: Spanish first, English second, from `locales/*/terminal.ftl` and the
//! sentences that it shares with the other surfaces. Moments are UTC, in full: they are compared with logs.

use timonel_bridge::words::{Language, Words};

const ES: &str = include_str!("../../../../locales/es/terminal.ftl");
const EN: &str = include_str!("../../../../locales/en/terminal.ftl");

/// In `asked`, else in the desk's language; Spanish where that is neither of the two.
pub(crate) fn of_this_desk(asked: Option<&str>) -> Words {
    let desk = asked
        .map(str::to_owned)
        .or_else(sys_locale::get_locale)
        .unwrap_or_default();
    new(if desk.to_lowercase().starts_with("en") {
        Language::En
    } else {
        Language::Es
    })
}

fn new(language: Language) -> Words {
    let own = match language {
        Language::Es => ES,
        Language::En => EN,
    };
    Words::new(language, own, |at| at.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sentence_that_is_asked_for_is_there() {
        let sources = [
            include_str!("backtest.rs"),
            include_str!("backtest/told.rs"),
            include_str!("chart.rs"),
            include_str!("told.rs"),
            include_str!("shift.rs"),
            include_str!("watch.rs"),
            include_str!("ensayo.rs"),
            include_str!("credential.rs"),
            include_str!("doctor.rs"),
            include_str!("files.rs"),
            include_str!("main.rs"),
            include_str!("host.rs"),
            include_str!("judge.rs"),
            include_str!("power.rs"),
            include_str!("power/told.rs"),
        ];
        let ways = ["words.say(", "say.line(", "self.line(", "told_form(error, words, "];
        let asked = sources
            .iter()
            .flat_map(|source| ways.iter().flat_map(|way| source.split(way).skip(1)));
        let keys: Vec<_> = asked
            .filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next())
            .collect();
        assert!(keys.len() > 30, "{keys:?}");
        for language in [Language::Es, Language::En] {
            for key in &keys {
                assert!(new(language).has(key), "{language:?}: {key}");
            }
        }
    }
}
