//! What deny.toml says, read far enough to hold the graph to it where cargo-deny is not installed.
//!
//! It understands the forms that our own deny.toml uses, no more of TOML; its tests say which.

/// The lists of deny.toml.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Policy {
    /// Licences that any package may have.
    pub(crate) licences: Vec<String>,
    /// Package, and the licences that it alone may have.
    pub(crate) exceptions: Vec<(String, Vec<String>)>,
    /// Packages that must not be in the graph.
    pub(crate) banned: Vec<String>,
    /// Addresses of the registries that packages may come from.
    pub(crate) registries: Vec<String>,
}

impl Policy {
    pub(crate) fn read(text: &str) -> Self {
        let licences = section(text, "licenses");
        let bans = section(text, "bans");
        let exceptions = list(&licences, "exceptions");
        Self {
            licences: strings(&list(&licences, "allow")),
            exceptions: tables(&exceptions)
                .iter()
                .filter_map(|table| Some((crate_of(table)?, strings(&list(table, "allow")))))
                .collect(),
            banned: tables(&list(&bans, "deny"))
                .iter()
                .filter_map(|table| crate_of(table))
                .collect(),
            registries: strings(&list(&section(text, "sources"), "allow-registry")),
        }
    }
}

/// The lines of a table, without comments.
fn section(text: &str, name: &str) -> String {
    let heading = format!("[{name}]");
    let lines = text
        .lines()
        .map(uncommented)
        .skip_while(|line| line.trim() != heading)
        .skip(1);
    lines
        .take_while(|line| !line.starts_with('['))
        .collect::<Vec<_>>()
        .join("\n")
}

fn uncommented(line: &str) -> &str {
    let mut quoted = false;
    let comment = line.char_indices().find(|(_, c)| {
        quoted ^= *c == '"';
        *c == '#' && !quoted
    });
    comment.map_or(line, |(at, _)| &line[..at])
}

/// What stands between the brackets of `key = [ … ]`, where the key begins a line or follows a `{` or a comma; empty where it does not.
fn list(text: &str, key: &str) -> String {
    let Some(start) = text.match_indices(key).find_map(|(at, _)| {
        let before = text[..at].trim_end_matches([' ', '\t']);
        let begins = before.is_empty() || before.ends_with(['\n', '{', ',']);
        let value = text[at + key.len()..]
            .trim_start()
            .strip_prefix('=')?
            .trim_start()
            .strip_prefix('[')?;
        begins.then(|| text.len() - value.len())
    }) else {
        return String::new();
    };
    let mut depth = 1_u32;
    let inside = text[start..].chars().take_while(|c| {
        match c {
            '[' => depth += 1,
            ']' => depth -= 1,
            _ => {}
        }
        depth > 0
    });
    inside.collect()
}

fn tables(list: &str) -> Vec<&str> {
    list.split('{')
        .skip(1)
        .filter_map(|rest| rest.split('}').next())
        .collect()
}

fn strings(list: &str) -> Vec<String> {
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

fn crate_of(table: &str) -> Option<String> {
    let (_, rest) = table.split_once("crate")?;
    strings(rest).into_iter().next()
}

#[cfg(test)]
mod tests {
    use super::Policy;

    #[test]
    fn the_forms_that_our_file_uses() {
        let text = r#"
# allow = ["GPL-3.0"]
[graph]
all-features = true
[licenses]
unused-allowed-license = "allow"
allow = [
    "MIT", # a comment with "quotes"
    "Apache-2.0 WITH LLVM-exception",
]
exceptions = [
    # Why.
    { crate = "one", allow = ["LGPL-3.0", "LGPL-3.0-only"] },
    { crate = "two", allow = ["OFL-1.1"] },
]
[licenses.private]
ignore = true
[bans]
deny = [{ crate = "openssl-sys" }]
[sources]
allow-registry = ["https://example.org/#index"]
"#;
        let owned = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
        let expect = Policy {
            licences: owned(&["MIT", "Apache-2.0 WITH LLVM-exception"]),
            exceptions: vec![
                ("one".to_owned(), owned(&["LGPL-3.0", "LGPL-3.0-only"])),
                ("two".to_owned(), owned(&["OFL-1.1"])),
            ],
            banned: owned(&["openssl-sys"]),
            registries: owned(&["https://example.org/#index"]),
        };
        assert_eq!(Policy::read(text), expect);
    }

    #[test]
    fn an_empty_file_allows_nothing() {
        assert_eq!(Policy::read(""), Policy::default());
    }

    #[test]
    fn our_own_file_is_understood() {
        let ours = Policy::read(include_str!("../../../deny.toml"));
        assert!(ours.licences.iter().any(|licence| licence == "MIT"));
        assert!(ours.banned.iter().any(|package| package == "aws-lc-sys"));
        assert_eq!(ours.registries.len(), 1);
        assert!(ours.exceptions.iter().all(|(_, licences)| !licences.is_empty()));
    }
}
