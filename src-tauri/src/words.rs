//! What the shell itself says, in the language of the desk, from `locales/*/tray.ftl`. The page has its own words.

use fluent::concurrent::FluentBundle;
use fluent::{FluentArgs, FluentResource, FluentValue};
use unic_langid::LanguageIdentifier;

const ES: &str = include_str!("../../locales/es/tray.ftl");
const EN: &str = include_str!("../../locales/en/tray.ftl");

/// The languages there are texts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    /// Spanish, also for desks in neither of the two.
    Es,
    /// English.
    En,
}

impl Language {
    /// The first of `tags` (BCP 47, the preferred first) that there are texts in.
    pub(crate) fn of(tags: impl IntoIterator<Item = String>) -> Self {
        let known = |tag: String| match tag.split(['-', '_']).next()?.to_ascii_lowercase().as_str() {
            "es" => Some(Language::Es),
            "en" => Some(Language::En),
            _ => None,
        };
        tags.into_iter().find_map(known).unwrap_or(Language::Es)
    }
}

/// The sentences of one language.
pub(crate) struct Words(FluentBundle<FluentResource>);

impl Words {
    /// In `language`.
    pub(crate) fn new(language: Language) -> Self {
        let (text, tag) = match language {
            Language::Es => (ES, "es"),
            Language::En => (EN, "en"),
        };
        // Both texts are compiled in and tested below, so a fault here is ours and loses at most a sentence.
        let resource = FluentResource::try_new(text.to_owned()).unwrap_or_else(|(partial, _)| partial);
        let id: LanguageIdentifier = tag.parse().unwrap_or_default();
        let mut bundle = FluentBundle::new_concurrent(vec![id]);
        bundle.set_use_isolating(false);
        bundle.add_resource_overriding(resource);
        Self(bundle)
    }

    /// The sentence of `key` with its values, which are formatted already.
    pub(crate) fn say(&self, key: &str, values: &[(&str, FluentValue<'_>)]) -> String {
        let Some(pattern) = self.0.get_message(key).and_then(|message| message.value()) else {
            debug_assert!(false, "no sentence `{key}`");
            return key.to_owned();
        };
        let mut args = FluentArgs::new();
        for (name, value) in values {
            args.set(*name, value.clone());
        }
        self.0
            .format_pattern(pattern, Some(&args), &mut Vec::new())
            .into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_texts_are_well_formed() {
        for text in [ES, EN] {
            assert!(FluentResource::try_new(text.to_owned()).is_ok());
        }
    }

    #[test]
    fn the_first_language_that_there_are_texts_in_wins() {
        let of = |tags: &[&str]| Language::of(tags.iter().map(|tag| (*tag).to_owned()));
        assert_eq!(of(&["fr-FR", "en-GB", "es-ES"]), Language::En);
        assert_eq!(of(&["es_CO.UTF-8"]), Language::Es);
        assert_eq!(of(&["esu", "EN"]), Language::En);
        assert_eq!(of(&[]), Language::Es);
        assert_eq!(of(&["fr"]), Language::Es);
    }

    #[test]
    fn values_and_plurals_stand_in_the_sentence() {
        let words = Words::new(Language::Es);
        let alerts = |count: u32| {
            words.say(
                "tray-alerts",
                &[("count", count.into()), ("shown", count.to_string().into())],
            )
        };
        assert_eq!(alerts(1), "1 alerta sin reconocer");
        assert_eq!(alerts(3), "3 alertas sin reconocer");
    }
}
