//! No file names a path of the machine that it was written on: it means nothing to anybody else, and tells who wrote it.

use std::path::Path;

use super::Finding;
use super::facts::TextFile;

/// Top folders that every system has; a file may well speak of them.
const COMMON: [&str; 16] = [
    "app", "bin", "data", "dev", "etc", "home", "lib", "mnt", "opt", "proc", "root", "run", "srv", "tmp", "usr", "var",
];

/// The beginnings of paths that must not stand in a file, from where the checkout and the person's home are.
pub(crate) fn needles(root: &Path, home: Option<&str>) -> Vec<String> {
    let root = root.to_string_lossy();
    let mut needles = Vec::new();
    let mut folders = root.split('/').filter(|part| !part.is_empty());
    if let (Some(top), Some(_)) = (folders.next(), folders.next()) {
        // In a home or a common folder the whole path tells; elsewhere its first folder does already.
        needles.push(if COMMON.contains(&top) {
            format!("{root}/")
        } else {
            format!("/{top}/")
        });
    }
    needles.extend(
        home.filter(|home| home.len() > 1)
            .map(|home| format!("{}/", home.trim_end_matches('/'))),
    );
    needles
}

pub(crate) fn check(files: &[TextFile], needles: &[String]) -> Vec<Finding> {
    let of_file = |file: &TextFile| {
        let path = file.path.clone();
        let lines: Vec<usize> = file
            .text
            .lines()
            .zip(1..)
            .filter(|(line, _)| needles.iter().any(|needle| names(line, needle)))
            .map(|(_, number)| number)
            .collect();
        lines
            .into_iter()
            .map(move |number| Finding::new(format!("{path}:{number}"), "names a path of this machine"))
    };
    files.iter().flat_map(of_file).collect()
}

/// Whether `line` has `needle` as a path of its own and not as the middle of another.
fn names(line: &str, needle: &str) -> bool {
    line.match_indices(needle).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|c| !c.is_alphanumeric() && !matches!(c, '.' | '-' | '_' | '~' | '}' | ']' | '*'))
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{check, needles};
    use crate::tidy::facts::TextFile;

    #[test]
    fn which_paths_are_of_this_machine() {
        assert_eq!(
            needles(Path::new("/builds/timonel"), Some("/home/ana")),
            ["/builds/", "/home/ana/"]
        );
        assert_eq!(
            needles(Path::new("/home/ana/timonel"), Some("/home/ana/")),
            ["/home/ana/timonel/", "/home/ana/"]
        );
        assert_eq!(needles(Path::new("/timonel"), Some("/")), [""; 0]);
    }

    #[test]
    fn a_path_is_found_and_a_part_of_another_is_not() {
        let found = |text: &str| check(&[TextFile::new("a.md", text)], &["/builds/".to_owned()]).len();
        assert_eq!(found("see /builds/timonel"), 1);
        assert_eq!(found("a\n\"/builds/x\"\n(/builds/y)\n"), 2);
        assert_eq!(found("ui/builds/x, ../builds/x"), 0);
    }
}
