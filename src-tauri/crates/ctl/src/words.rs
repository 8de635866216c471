//! What the terminal says, in the person's language: Spanish first, English second, from `locales/*/terminal.ftl`.

use fluent::concurrent::FluentBundle;
use fluent::{FluentArgs, FluentResource, FluentValue};
use timonel_bridge::chart::Language;
use timonel_domain::value::Weight;
use unic_langid::LanguageIdentifier;

/// The sentences of one language.
pub(crate) struct Words {
    sentences: FluentBundle<FluentResource>,
    /// Between the whole and its parts.
    decimal: char,
    /// In which pictures speak.
    language: Language,
}

const ES: &str = include_str!("../../../../locales/es/terminal.ftl");
const EN: &str = include_str!("../../../../locales/en/terminal.ftl");

impl Words {
    /// In `asked`, else in the desk's language; Spanish where that is neither of the two.
    pub(crate) fn of_this_desk(asked: Option<&str>) -> Self {
        let desk = asked
            .map(str::to_owned)
            .or_else(sys_locale::get_locale)
            .unwrap_or_default();
        Self::new(if desk.to_lowercase().starts_with("en") {
            "en"
        } else {
            "es"
        })
    }

    fn new(language: &str) -> Self {
        let text = if language == "en" { EN } else { ES };
        // Both texts are compiled in and tested below, so a fault here is ours and loses at most a sentence.
        let resource = FluentResource::try_new(text.to_owned()).unwrap_or_else(|(partial, _)| partial);
        let id: LanguageIdentifier = language.parse().unwrap_or_default();
        let mut bundle = FluentBundle::new_concurrent(vec![id]);
        bundle.set_use_isolating(false);
        bundle.add_resource_overriding(resource);
        Self {
            sentences: bundle,
            decimal: if language == "en" { '.' } else { ',' },
            language: if language == "en" { Language::En } else { Language::Es },
        }
    }

    /// The language, for pictures.
    pub(crate) fn language(&self) -> Language {
        self.language
    }

    /// The sentence of `key` where there is one; for keys that are made of codes.
    pub(crate) fn known(&self, key: &str, values: &[(&str, String)]) -> Option<String> {
        self.sentences.has_message(key).then(|| self.say(key, values))
    }

    /// A number, written with a point, as this language writes it.
    pub(crate) fn number(&self, written: &str) -> String {
        written.replace('.', &self.decimal.to_string())
    }

    /// A weight, such as `4,97 %`.
    pub(crate) fn weight(&self, weight: Weight) -> String {
        self.number(&weight.to_string())
    }

    /// A weight, or a dash where it is not known.
    pub(crate) fn weight_if_known(&self, weight: Option<Weight>) -> String {
        weight.map_or_else(|| "—".to_owned(), |weight| self.weight(weight))
    }

    /// The sentence of `key` with its values, which are formatted already.
    pub(crate) fn say(&self, key: &str, values: &[(&str, String)]) -> String {
        let Some(pattern) = self.sentences.get_message(key).and_then(|m| m.value()) else {
            debug_assert!(false, "no sentence `{key}`");
            return key.to_owned();
        };
        let mut args = FluentArgs::new();
        for (name, value) in values {
            args.set(*name, FluentValue::from(value.as_str()));
        }
        self.sentences
            .format_pattern(pattern, Some(&args), &mut Vec::new())
            .into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_parse_and_speak() {
        for (language, text) in [("es", ES), ("en", EN)] {
            assert!(FluentResource::try_new(text.to_owned()).is_ok(), "{language}");
            let words = Words::new(language);
            let said = words.say("notice-not-read-back", &[("target", "casos".to_owned())]);
            assert!(said.contains("casos") && said.len() > 20, "{said}");
        }
    }

    #[test]
    fn every_sentence_that_is_asked_for_is_there() {
        let sources = [
            include_str!("chart.rs"),
            include_str!("told.rs"),
            include_str!("shift.rs"),
            include_str!("ensayo.rs"),
            include_str!("credential.rs"),
            include_str!("doctor.rs"),
            include_str!("files.rs"),
            include_str!("main.rs"),
            include_str!("host.rs"),
        ];
        let asked = sources.iter().flat_map(|source| source.split("words.say(").skip(1));
        let keys: Vec<_> = asked
            .filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next())
            .collect();
        assert!(keys.len() > 40, "{keys:?}");
        for language in ["es", "en"] {
            let words = Words::new(language);
            for key in &keys {
                assert!(words.known(key, &[]).is_some(), "{language}: {key}");
            }
        }
    }
}
