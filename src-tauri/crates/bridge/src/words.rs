//! What is told without a page: the codes of `wire` as sentences of a person's language, for the terminal and the desktop.
//!
//! The sentences that every surface shares are in `locales/*/notices.ftl`; whoever speaks adds a catalogue of its own.
//! Deliberately not here: the page, which reads the same files by itself, and pictures (`report`).

use std::time::Duration;

use fluent::concurrent::FluentBundle;
use fluent::{FluentArgs, FluentResource, FluentValue};
use timonel_domain::time::Timestamp;
use timonel_domain::value::Weight;
use timonel_wire::{Arg, Sentence, UnitName};
use unic_langid::LanguageIdentifier;

pub use timonel_report::Language;

const ES: &str = include_str!("../../../../locales/es/notices.ftl");
const EN: &str = include_str!("../../../../locales/en/notices.ftl");

/// The sentences of one language.
pub struct Words {
    sentences: FluentBundle<FluentResource>,
    language: Language,
    clock: fn(Timestamp) -> String,
}

impl Words {
    /// The shared sentences of a language and those of `own`, the speaker's catalogue in that language. `clock` writes
    /// moments as the speaker's readers expect them.
    pub fn new(language: Language, own: &str, clock: fn(Timestamp) -> String) -> Self {
        let (shared, tag) = match language {
            Language::Es => (ES, "es"),
            Language::En => (EN, "en"),
        };
        let id: LanguageIdentifier = tag.parse().unwrap_or_default();
        let mut sentences = FluentBundle::new_concurrent(vec![id]);
        sentences.set_use_isolating(false);
        for text in [shared, own] {
            // The texts are compiled in and tested, so a fault here is ours and loses at most a sentence.
            let resource = FluentResource::try_new(text.to_owned()).unwrap_or_else(|(partial, _)| partial);
            sentences.add_resource_overriding(resource);
        }
        Self {
            sentences,
            language,
            clock,
        }
    }

    /// The language they are in.
    pub fn language(&self) -> Language {
        self.language
    }

    /// The sentence of `key` with its values, which are formatted already.
    pub fn say(&self, key: &str, values: &[(&str, String)]) -> String {
        let args = values
            .iter()
            .map(|(name, value)| (*name, FluentValue::from(value.as_str())));
        self.known(key, args.collect()).unwrap_or_else(|| {
            debug_assert!(false, "no sentence `{key}`");
            key.to_owned()
        })
    }

    /// A sentence of the wire. Where the catalogues have none for its code, what it brings along as its own text: a failure
    /// that is told in the words of whoever failed, the name of a metric that only a plan declares.
    pub fn tell(&self, sentence: &Sentence) -> String {
        let args = sentence
            .args
            .iter()
            .map(|(name, arg)| (name.as_str(), self.filled(arg)));
        let said = self.known(&sentence.code, args.collect());
        said.unwrap_or_else(|| match sentence.args.get("text") {
            Some(Arg::Text(text)) => text.clone(),
            _ => {
                debug_assert!(false, "no sentence `{}`", sentence.code);
                sentence.code.clone()
            }
        })
    }

    /// Whether there is a sentence of that key.
    pub fn has(&self, key: &str) -> bool {
        self.sentences.has_message(key)
    }

    fn known(&self, key: &str, args: FluentArgs<'_>) -> Option<String> {
        let pattern = self.sentences.get_message(key)?.value()?;
        let said = self.sentences.format_pattern(pattern, Some(&args), &mut Vec::new());
        Some(said.into_owned())
    }

    fn filled<'a>(&self, arg: &'a Arg) -> FluentValue<'a> {
        match arg {
            Arg::Text(text) => FluentValue::from(text.as_str()),
            // As a number, because catalogues choose the plural by it.
            Arg::Count(count) => FluentValue::from(*count),
            Arg::Weight(hundredths) => {
                let weight = Weight::from_hundredths(*hundredths);
                FluentValue::from(weight.map_or_else(|| hundredths.to_string(), |weight| self.weight(weight)))
            }
            Arg::Value { number, unit } => FluentValue::from(self.value(*number, *unit)),
            Arg::Millis(millis) => FluentValue::from(self.span(Duration::from_millis(*millis))),
            Arg::Tenths(tenths) => FluentValue::from(self.number(&format!("{}.{}", tenths / 10, tenths % 10))),
            Arg::Time(millis) => FluentValue::from((self.clock)(Timestamp::from_micros(millis.saturating_mul(1000)))),
            Arg::Sentence(sentence) => FluentValue::from(self.tell(sentence)),
            Arg::Sentences(all) => {
                let told: Vec<_> = all.iter().map(|sentence| self.tell(sentence)).collect();
                FluentValue::from(told.join(", "))
            }
        }
    }

    /// A number, written with a point, as this language writes it.
    pub fn number(&self, written: &str) -> String {
        match self.language {
            Language::Es => written.replace('.', ","),
            Language::En => written.to_owned(),
        }
    }

    /// A weight, such as `4,97 %`.
    pub fn weight(&self, weight: Weight) -> String {
        self.number(&weight.to_string())
    }

    /// A weight, or a dash where it is not known.
    pub fn weight_if_known(&self, weight: Option<Weight>) -> String {
        weight.map_or_else(|| "—".to_owned(), |weight| self.weight(weight))
    }

    /// A value of a metric with its unit, to three decimals at most: `2,5 %`, `0,44 s`, `15`.
    pub fn value(&self, value: f64, unit: UnitName) -> String {
        let plain = |value: f64| {
            let text = format!("{value:.3}");
            self.number(text.trim_end_matches('0').trim_end_matches('.'))
        };
        match unit {
            UnitName::Ratio => format!("{} %", plain(value * 100.0)),
            UnitName::Seconds => format!("{} s", plain(value)),
            UnitName::Count => plain(value),
        }
    }

    /// A span in its largest whole unit, near enough for a person: `31 s`, `5 min`, `2 h`.
    pub fn span(&self, span: Duration) -> String {
        match span.as_secs() {
            secs @ 0..120 => format!("{secs} s"),
            secs @ 120..7200 => format!("{} min", secs / 60),
            secs => format!("{} h", secs / 3600),
        }
    }
}

impl std::fmt::Debug for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Words").field(&self.language).finish()
    }
}

#[cfg(test)]
mod tests;
