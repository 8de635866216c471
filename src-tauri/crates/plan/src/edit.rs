//! Changes to the text of a plan file. Whatever runs is kept as it ran, so a change is made to the text, never only to what was read.

use std::time::Duration;

use toml_edit::{DocumentMut, Item, TableLike, value};

use crate::text::duration;

/// The same plan with no phase baking longer than `most`, as scenarios ask for; everything else, comments too, stays.
/// `None` where the text is no TOML. Rule windows are never touched.
pub fn with_bake_at_most(text: &str, most: Duration) -> Option<String> {
    let mut document: DocumentMut = text.parse().ok()?;
    match document.get_mut("phases") {
        Some(Item::ArrayOfTables(phases)) => phases.iter_mut().for_each(|phase| shorten(phase, most)),
        Some(Item::Value(phases)) => {
            for phase in phases.as_array_mut().into_iter().flat_map(|list| list.iter_mut()) {
                if let Some(phase) = phase.as_inline_table_mut() {
                    shorten(phase, most);
                }
            }
        }
        Some(Item::None | Item::Table(_)) | None => {}
    }
    Some(document.to_string())
}

fn shorten(phase: &mut dyn TableLike, most: Duration) {
    let Some(bake) = phase.get_mut("bake") else { return };
    let longer = bake
        .as_str()
        .is_some_and(|text| duration(text).is_ok_and(|bake| bake > most));
    if longer {
        *bake = value(humantime::format_duration(most).to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &str) {
        assert_eq!(
            with_bake_at_most(text, Duration::from_secs(90)).as_deref(),
            Some(expect)
        );
    }

    #[test]
    fn longer_bakes_are_cut_and_nothing_else_is_touched() {
        check(
            "id = \"x\" # c\n[[phases]]\nbake = \"30m\"\n[[phases]]\nbake = \"1m\"\n",
            "id = \"x\" # c\n[[phases]]\nbake = \"1m 30s\"\n[[phases]]\nbake = \"1m\"\n",
        );
        check("phases = [{ bake = \"2m\" }]\n", "phases = [{ bake = \"1m 30s\" }]\n");
        check("other = 1\n", "other = 1\n");
        assert_eq!(with_bake_at_most("= 1", Duration::ZERO), None);
    }
}
