//! Versions and features of dependencies stand in the root manifest alone.
//!
//! A feature that one crate adds is compiled when that crate is built by itself or with all, and not otherwise:
//! the same dependency is then built twice, minutes each time.

use super::Finding;
use super::facts::Ours;

pub(crate) fn check(ours: &[Ours]) -> Vec<Finding> {
    let of_package = |package: &Ours| {
        let name = package.name.clone();
        own_words(&package.manifest).into_iter().map(move |line| {
            Finding::new(
                &name,
                format!(
                    "`{line}`: write `{{ workspace = true }}`, and the version and features in the root Cargo.toml"
                ),
            )
        })
    };
    ours.iter().flat_map(of_package).collect()
}

/// The lines of a manifest's dependency tables that say more than where to look.
fn own_words(manifest: &str) -> Vec<String> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in manifest.lines().map(str::trim) {
        if let Some(table) = line.strip_prefix('[') {
            let table = table.trim_end_matches(']');
            inside = table.ends_with("dependencies") && !table.starts_with("workspace.");
            // `[dependencies.name]` is the long form of a line.
            if table.contains("dependencies.") && !table.starts_with("workspace.") {
                found.push(line.to_owned());
            }
        } else if inside && !line.is_empty() && !line.starts_with('#') && !plain(line) {
            found.push(line.to_owned());
        }
    }
    found
}

fn plain(line: &str) -> bool {
    let Some((name, value)) = line.split_once('=') else {
        return false;
    };
    let value = value.split('#').next().unwrap_or_default().replace(' ', "");
    match value.as_str() {
        "{workspace=true}" | "{workspace=true,optional=true}" => true,
        "true" => name.trim().ends_with(".workspace"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::own_words;

    #[test]
    fn only_the_root_names_versions_and_features() {
        let manifest = "[package]\nversion = \"1\"\n[workspace.dependencies]\na = { version = \"1\", features = [\"x\"] }\n\
                        [dependencies]\na = { workspace = true }\nb.workspace = true\nc = { workspace = true, optional = true }\n\
                        # why\n[lints]\nworkspace = true\n";
        assert_eq!(own_words(manifest), [""; 0]);
    }

    #[test]
    fn own_versions_and_features_are_found() {
        for line in [
            "a = \"1\"",
            "a = { workspace = true, features = [\"x\"] }",
            "a = { path = \"../a\" }",
            "a = { workspace = true, default-features = false }",
        ] {
            for table in [
                "dependencies",
                "dev-dependencies",
                "build-dependencies",
                "target.'cfg(unix)'.dependencies",
            ] {
                assert_eq!(own_words(&format!("[{table}]\n{line}\n")), [line], "{table}");
            }
        }
        assert_eq!(own_words("[dependencies.a]\nversion = \"1\"\n"), ["[dependencies.a]"]);
    }
}
