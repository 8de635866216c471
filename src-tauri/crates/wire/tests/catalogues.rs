//! Every code that crosses has its sentence in both languages.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The string literals of a source that are codes: lower case words with `-`, or the few single ones.
fn codes(source: &str) -> BTreeSet<&str> {
    let literals = source.split('"').skip(1).step_by(2);
    let code = |text: &&str| {
        let word = |c: char| c.is_ascii_lowercase() || c == '-';
        let single = [
            "rejected",
            "lowering",
            "raising",
            "releasing",
            "somebody",
            "acknowledged",
        ];
        text.chars().all(word) && (text.contains('-') && !text.ends_with('-') || single.contains(text))
    };
    literals.filter(code).collect()
}

#[test]
fn every_code_has_its_sentence_in_both_languages() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    let told = include_str!("../src/told.rs");
    let codes = codes(told);
    assert!(codes.len() > 90, "{codes:?}");
    for language in ["es", "en"] {
        let text = fs::read_to_string(root.join("locales").join(language).join("notices.ftl")).unwrap();
        let keys: BTreeSet<&str> = text
            .lines()
            .filter_map(|line| line.split_once(" ="))
            .map(|(key, _)| key)
            .collect();
        let missing: Vec<_> = codes.iter().filter(|code| !keys.contains(**code)).collect();
        assert!(missing.is_empty(), "{language}: {missing:?}");
    }
}
