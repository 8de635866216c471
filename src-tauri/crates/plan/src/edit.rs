//! Changes to the text of a plan file. Whatever runs is kept as it ran, so a change is made to the text, never only to what was read.

use std::time::Duration;

use toml_edit::{DocumentMut, Item, TableLike, value};

use crate::text::duration;

/// The same plan with no phase baking longer than `most`, as scenarios ask for; everything else, comments too, stays.
/// `None` where the text is no TOML. Rule windows are never touched.
pub fn with_bake_at_most(text: &str, most: Duration) -> Option<String> {
    in_each_phase(text, |phase| shorten(phase, "bake", most))
}

/// The same plan with no gate asking for more than `most` without an event (`lasting`), as scenarios ask for; everything
/// else, comments too, stays. `None` where the text is no TOML. The windows that gates look at (`over`) are never touched.
pub fn with_waits_at_most(text: &str, most: Duration) -> Option<String> {
    in_each_phase(text, |phase| {
        for gate in phase.get_mut("gates").map(tables).unwrap_or_default() {
            shorten(gate, "lasting", most);
        }
    })
}

fn in_each_phase(text: &str, change: impl FnMut(&mut dyn TableLike)) -> Option<String> {
    let mut document: DocumentMut = text.parse().ok()?;
    let phases = document.get_mut("phases").map(tables).unwrap_or_default();
    phases.into_iter().for_each(change);
    Some(document.to_string())
}

/// The tables of a list, whichever way it is written.
fn tables(list: &mut Item) -> Vec<&mut dyn TableLike> {
    match list {
        Item::ArrayOfTables(tables) => tables.iter_mut().map(|table| table as &mut dyn TableLike).collect(),
        Item::Value(list) => list
            .as_array_mut()
            .into_iter()
            .flat_map(|list| list.iter_mut())
            .filter_map(|entry| entry.as_inline_table_mut().map(|table| table as &mut dyn TableLike))
            .collect(),
        Item::None | Item::Table(_) => Vec::new(),
    }
}

fn shorten(table: &mut dyn TableLike, key: &str, most: Duration) {
    let Some(item) = table.get_mut(key) else { return };
    let longer = item
        .as_str()
        .is_some_and(|text| duration(text).is_ok_and(|length| length > most));
    if longer {
        *item = value(humantime::format_duration(most).to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: Duration = Duration::from_secs(90);

    #[test]
    fn longer_bakes_are_cut_and_nothing_else_is_touched() {
        let check =
            |text: &str, expect: &str| assert_eq!(with_bake_at_most(text, MOST).as_deref(), Some(expect), "{text}");
        check(
            "id = \"x\" # c\n[[phases]]\nbake = \"30m\"\n[[phases]]\nbake = \"1m\"\n",
            "id = \"x\" # c\n[[phases]]\nbake = \"1m 30s\"\n[[phases]]\nbake = \"1m\"\n",
        );
        check("phases = [{ bake = \"2m\" }]\n", "phases = [{ bake = \"1m 30s\" }]\n");
        check("other = 1\n", "other = 1\n");
        assert_eq!(with_bake_at_most("= 1", Duration::ZERO), None);
    }

    #[test]
    fn longer_waits_are_cut_and_no_window_is() {
        let check =
            |text: &str, expect: &str| assert_eq!(with_waits_at_most(text, MOST).as_deref(), Some(expect), "{text}");
        check(
            "[[phases]]\nbake = \"1w\"\ngates = [\n    { of = \"e\", over = \"24h\" }, # c\n    { without = \"critical-error\", lasting = \"72h\" },\n]\n",
            "[[phases]]\nbake = \"1w\"\ngates = [\n    { of = \"e\", over = \"24h\" }, # c\n    { without = \"critical-error\", lasting = \"1m 30s\" },\n]\n",
        );
        check(
            "[[phases]]\n[[phases.gates]]\nlasting = \"72h\"\n[[phases.gates]]\nlasting = \"1m\"\n",
            "[[phases]]\n[[phases.gates]]\nlasting = \"1m 30s\"\n[[phases.gates]]\nlasting = \"1m\"\n",
        );
        check("phases = [{ gates = 3 }, 4]\n", "phases = [{ gates = 3 }, 4]\n");
        assert_eq!(with_waits_at_most("= 1", Duration::ZERO), None);
    }
}
