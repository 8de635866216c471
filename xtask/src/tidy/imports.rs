//! Who may name what across a seam that no manifest shows.

use super::Finding;
use super::facts::TextFile;

const TAURI_API: &str = "@tauri-apps/";
const HOST: &str = "ui/src/lib/host/";
const CONTRACT_SUITES: &str = "timonel_testkit";

pub(crate) fn check(files: &[TextFile]) -> Vec<Finding> {
    files.iter().filter_map(of_file).collect()
}

fn of_file(file: &TextFile) -> Option<Finding> {
    let path = file.path.as_str();
    let page = path.starts_with("ui/") && [".ts", ".js", ".svelte", ".html"].iter().any(|end| path.ends_with(end));
    if page && !path.starts_with(HOST) && file.text.contains(TAURI_API) {
        return Some(Finding::new(
            path,
            format!("must not import {TAURI_API}…: ask through {HOST}, which an ordinary browser can answer too"),
        ));
    }
    // A bench is no product either, and starts the same real programs.
    let free = ["xtask/", "bench/"].iter().any(|folder| path.starts_with(folder)) || path.contains("/testkit/");
    let inside = path.ends_with(".rs") && path.contains("/src/") && !free;
    if inside && file.text.contains(CONTRACT_SUITES) {
        return Some(Finding::new(
            path,
            "must not use the contract suites inside src/: tests of a port stand in tests/",
        ));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::tidy::facts::TextFile;

    fn found(path: &str, text: &str) -> usize {
        check(&[TextFile::new(path, text)]).len()
    }

    #[test]
    fn only_the_host_folder_imports_the_tauri_api() {
        let import = "import { invoke } from '@tauri-apps/api/core';";
        assert_eq!(found("ui/src/lib/host/index.ts", import), 0);
        assert_eq!(found("ui/package.json", "\"@tauri-apps/api\": \"2\""), 0);
        assert_eq!(found("ui/src/App.svelte", import), 1);
        assert_eq!(found("ui/src/lib/hostess.ts", import), 1);
    }

    #[test]
    fn contract_suites_stay_in_tests() {
        let import = "use timonel_testkit::target;";
        assert_eq!(found("src-tauri/crates/store/tests/contract.rs", import), 0);
        assert_eq!(found("src-tauri/crates/testkit/src/lib.rs", import), 0);
        assert_eq!(found("bench/src/store.rs", import), 0);
        assert_eq!(found("src-tauri/crates/store/src/lib.rs", import), 1);
    }
}
