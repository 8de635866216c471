//! The built page from its folder (`ui/dist`): read anew each time, so that a rebuilt page needs no restart.

use std::path::{Component, Path, PathBuf};

use crate::Failure;

/// Where the page of this checkout is built.
pub(crate) const BUILT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../ui/dist");

/// A folder with an `index.html`.
#[derive(Debug)]
pub(super) struct Pages(PathBuf);

impl Pages {
    /// Checks that a page is there.
    pub(super) fn of(folder: &Path) -> Result<Self, Failure> {
        let index = folder.join("index.html");
        match index.metadata() {
            Ok(_) => Ok(Self(folder.to_owned())),
            Err(why) => Err(Failure::Unreadable {
                path: index.display().to_string(),
                why,
            }),
        }
    }

    /// The file of a request's path with its kind; `None` where there is none, or it would lead out of the folder.
    pub(super) async fn read(&self, path: &str) -> Option<(&'static str, Vec<u8>)> {
        let asked = path.trim_start_matches('/');
        let asked = Path::new(if asked.is_empty() { "index.html" } else { asked });
        if !asked.components().all(|part| matches!(part, Component::Normal(_))) {
            return None;
        }
        let kind = match asked.extension().and_then(|end| end.to_str()) {
            Some("html") => "text/html; charset=utf-8",
            Some("js") => "text/javascript; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("svg") => "image/svg+xml",
            Some("png") => "image/png",
            Some("woff2") => "font/woff2",
            Some("json") => "application/json",
            Some(_) | None => "application/octet-stream",
        };
        let bytes = tokio::fs::read(self.0.join(asked)).await.ok()?;
        Some((kind, bytes))
    }
}
