//! The catalogues of the two languages say the same things: equal files, equal keys, equal variables in each text.
//!
//! Read line by line, which is enough for keys and variables; whether a text is well formed, the page's own tests say.

use std::collections::{BTreeMap, BTreeSet};

use super::Finding;
use super::facts::TextFile;

const LOCALES: [&str; 2] = ["es", "en"];

/// Key (`message`, `-term` or `message.attribute`) to the variables that its text uses.
type Entries = BTreeMap<String, BTreeSet<String>>;

pub(crate) fn check(files: &[TextFile]) -> Vec<Finding> {
    let [es, en] = LOCALES.map(|locale| catalogue(files, locale));
    if es.is_empty() {
        return vec![Finding::new("locales/es", "has no catalogue")];
    }
    let names: BTreeSet<&String> = es.keys().chain(en.keys()).collect();
    let mut findings = Vec::new();
    for name in names {
        match (es.get(name), en.get(name)) {
            (Some(es), Some(en)) => {
                findings.extend(less(&format!("locales/en/{name}"), es, en));
                findings.extend(less(&format!("locales/es/{name}"), en, es));
            }
            (Some(_), None) => findings.push(Finding::new(format!("locales/en/{name}"), "is missing")),
            (None, _) => findings.push(Finding::new(format!("locales/es/{name}"), "is missing")),
        }
    }
    findings
}

/// What `wanted` has and `found`, at `place`, has not.
fn less(place: &str, wanted: &Entries, found: &Entries) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (key, variables) in wanted {
        match found.get(key) {
            None => findings.push(Finding::new(
                place,
                format!("has no `{key}`, and the other language has"),
            )),
            Some(found) => findings.extend(variables.difference(found).map(|variable| {
                Finding::new(
                    place,
                    format!("`{key}` does not use {{ ${variable} }}, and the other language does"),
                )
            })),
        }
    }
    findings
}

fn catalogue(files: &[TextFile], locale: &str) -> BTreeMap<String, Entries> {
    let folder = format!("locales/{locale}/");
    let ours = files.iter().filter(|file| file.path.ends_with(".ftl"));
    ours.filter_map(|file| Some((file.path.strip_prefix(&folder)?.to_owned(), entries(&file.text))))
        .collect()
}

fn entries(text: &str) -> Entries {
    let mut all = Entries::new();
    let mut message = String::new();
    let mut key = String::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let trimmed = line.trim_start();
        if let Some(name) = name_before_equals(line) {
            message = name.to_owned();
            key.clone_from(&message);
        } else if let Some(name) = trimmed.strip_prefix('.').and_then(name_before_equals) {
            key = format!("{message}.{name}");
        }
        if !key.is_empty() {
            all.entry(key.clone()).or_default().extend(variables(line));
        }
    }
    all
}

fn name_before_equals(line: &str) -> Option<&str> {
    let name = line.split_once('=')?.0.trim_end();
    let mut letters = name.strip_prefix('-').unwrap_or(name).chars();
    let good = letters.next().is_some_and(|c| c.is_ascii_alphabetic())
        && letters.all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    good.then_some(name)
}

fn variables(line: &str) -> impl Iterator<Item = String> {
    let name = |rest: &str| {
        rest.chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '-' || *c == '_')
            .collect::<String>()
    };
    line.split('$').skip(1).map(name).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::{check, entries};
    use crate::tidy::facts::TextFile;

    fn found(es: &str, en: &str) -> Vec<String> {
        let files = [
            TextFile::new("locales/es/a.ftl", es),
            TextFile::new("locales/en/a.ftl", en),
        ];
        check(&files)
            .into_iter()
            .map(|finding| format!("{}: {}", finding.place, finding.says))
            .collect()
    }

    #[test]
    fn equal_catalogues() {
        assert!(
            found(
                "# título\na = Hola { $name }\n  y { $more }\n",
                "a = { $more }, { $name }\n"
            )
            .is_empty()
        );
    }

    #[test]
    fn plurals_attributes_and_terms_are_read() {
        let text =
            "a = { $n ->\n    [one] una\n   *[other] { $n } de { $all }\n }\n    .title = T { $x }\n-brand = Timonel\n";
        let all = entries(text);
        let keys: Vec<&str> = all.keys().map(String::as_str).collect();
        assert_eq!(keys, ["-brand", "a", "a.title"]);
        assert_eq!(all["a"].iter().map(String::as_str).collect::<Vec<_>>(), ["all", "n"]);
    }

    #[test]
    fn gaps_are_found_on_either_side() {
        assert_eq!(found("a = A\n", "a = A\nb = B\n").len(), 1);
        assert_eq!(found("a = A\nb = B\n", "a = A\n").len(), 1);
        assert_eq!(
            found("a = { $x }\n", "a = A\n"),
            ["locales/en/a.ftl: `a` does not use { $x }, and the other language does"]
        );
        assert_eq!(found("a = A\n    .title = T\n", "a = A\n").len(), 1);
    }

    #[test]
    fn a_missing_file_is_found() {
        assert_eq!(check(&[TextFile::new("locales/es/a.ftl", "a = A\n")]).len(), 1);
        assert_eq!(check(&[]).len(), 1);
        let both = [
            TextFile::new("locales/es/a.ftl", "a = A\n"),
            TextFile::new("locales/en/b.ftl", "a = A\n"),
        ];
        assert_eq!(check(&both).len(), 2);
    }
}
