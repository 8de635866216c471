use std::collections::BTreeSet;

use super::*;

fn words(language: Language) -> Words {
    Words::new(language, "", |at| at.to_string())
}

#[test]
fn both_languages_are_well_formed_and_have_the_same_sentences() {
    let keys = |text: &str| -> BTreeSet<String> {
        assert!(FluentResource::try_new(text.to_owned()).is_ok());
        let entries = text.lines().filter_map(|line| line.split_once(" = "));
        let keys = entries.map(|(key, _)| key.trim().to_owned());
        keys.filter(|key| !key.contains([' ', '[', '*'])).collect()
    };
    assert!(keys(ES).len() > 100);
    assert_eq!(keys(ES), keys(EN));
}

#[test]
fn a_sentence_is_filled_as_its_language_writes() {
    let reaches = Sentence::new("notice-reaches-members")
        .with("target", Arg::text("telnyx"))
        .with("asked", Arg::Weight(500))
        .with("weight", Arg::Weight(497))
        .with("canary", Arg::Count(15))
        .with("all", Arg::Count(339));
    assert_eq!(
        words(Language::Es).tell(&reaches),
        "A telnyx se le pidió 5 % y puede 4,97 %: 15 de 339 números."
    );
    assert!(words(Language::En).tell(&reaches).contains("4.97 %"));
}

#[test]
fn a_rule_is_told_by_what_it_wants() {
    let rule = Sentence::new("rule-lasting")
        .with("metric", Arg::sentence(Sentence::new("metric-error-rate")))
        .with("comparison", Arg::text(">"))
        .with(
            "limit",
            Arg::Value {
                number: 0.025,
                unit: UnitName::Ratio,
            },
        )
        .with("lasting", Arg::Millis(300_000));
    assert_eq!(words(Language::Es).tell(&rule), "Errores > 2,5 % durante 5 min");
    assert_eq!(words(Language::En).tell(&rule), "Errors > 2.5 % for 5 min");
}

#[test]
fn what_has_no_sentence_brings_its_own_text() {
    let declared = Sentence::new("metric-kafka-lag").with("text", Arg::text("kafka lag"));
    assert_eq!(words(Language::Es).tell(&declared), "kafka lag");
}
