//! What the checks look at: packages from `cargo metadata`, and the text files of the checkout.

use std::fs;

use cargo_metadata::{DependencyKind, MetadataCommand};
use xshell::cmd;

use crate::checkout::Checkout;
use crate::failure::Failure;

/// Everything that is looked at.
pub(crate) struct Facts {
    /// The packages of this workspace.
    pub(crate) ours: Vec<Ours>,
    /// All others in the graph, for every platform.
    pub(crate) foreign: Vec<Foreign>,
    /// Text files that are in the repository or would be with the next `git add`.
    pub(crate) files: Vec<TextFile>,
}

/// A package of this workspace.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ours {
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    /// Text of its Cargo.toml.
    pub(crate) manifest: String,
    /// What it depends on by name, ours and others'.
    pub(crate) uses: Vec<Use>,
    /// First file of each target, seen from the root.
    pub(crate) roots: Vec<TextFile>,
}

/// A dependency of a package of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Use {
    pub(crate) name: String,
    /// Only its tests, examples and benches use it.
    pub(crate) dev: bool,
}

/// Somebody else's package.
#[derive(Debug, Clone)]
pub(crate) struct Foreign {
    pub(crate) name: String,
    pub(crate) version: String,
    /// SPDX expression.
    pub(crate) licence: Option<String>,
    /// Such as `registry+https://…`.
    pub(crate) source: String,
}

/// A text file and its path from the root, with `/`.
#[derive(Debug, Clone, Default)]
pub(crate) struct TextFile {
    pub(crate) path: String,
    pub(crate) text: String,
}

impl TextFile {
    /// For tests.
    #[cfg(test)]
    pub(crate) fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }
}

impl Facts {
    /// The text of a file; empty where it is not there.
    pub(crate) fn text_of(&self, path: &str) -> String {
        self.files
            .iter()
            .find(|file| file.path == path)
            .map(|file| file.text.clone())
            .unwrap_or_default()
    }
}

pub(crate) fn gather(here: &Checkout) -> Result<Facts, Failure> {
    let metadata = MetadataCommand::new()
        .current_dir(&here.root)
        .other_options(["--locked".to_owned()])
        .exec()?;
    let mut ours = Vec::new();
    let mut foreign = Vec::new();
    for package in metadata.packages {
        if let Some(source) = package.source {
            foreign.push(Foreign {
                name: package.name.to_string(),
                version: package.version.to_string(),
                licence: package.license,
                source: source.repr,
            });
            continue;
        }
        let uses = package.dependencies.iter().map(|dependency| Use {
            name: dependency.name.clone(),
            dev: dependency.kind == DependencyKind::Development,
        });
        let manifest = package.manifest_path.as_std_path();
        let mut roots = Vec::new();
        for target in &package.targets {
            let path = target.src_path.as_std_path();
            roots.push(TextFile {
                path: path.strip_prefix(&here.root).unwrap_or(path).display().to_string(),
                text: fs::read_to_string(path).map_err(Failure::file(path))?,
            });
        }
        ours.push(Ours {
            name: package.name.to_string(),
            description: package.description,
            manifest: fs::read_to_string(manifest).map_err(Failure::file(manifest))?,
            uses: uses.collect(),
            roots,
        });
    }
    Ok(Facts {
        ours,
        foreign,
        files: files(here)?,
    })
}

fn files(here: &Checkout) -> Result<Vec<TextFile>, Failure> {
    let listed = cmd!(here.sh, "git ls-files --cached --others --exclude-standard -z")
        .quiet()
        .read()?;
    let mut files = Vec::new();
    for path in listed.split('\0').filter(|path| !path.is_empty()) {
        // A file may be deleted and not yet committed, or not be text.
        if let Ok(text) = fs::read_to_string(here.root.join(path)) {
            files.push(TextFile {
                path: path.to_owned(),
                text,
            });
        }
    }
    Ok(files)
}
