//! Where a picture goes that a person wants to send: a new file in the folder of pictures of their desk.
//!
//! The page is told the path and has no right to any file itself. A file that is there already is never written over.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use tauri::{AppHandle, Manager};
use timonel_bridge::console::PictureFile;
use timonel_wire::{Arg, Sentence, WireError};

/// Pictures of one moment that are kept beside one another, before somebody has to clear up.
const NAMESAKES: u32 = 100;

/// Writes a picture where the person looks for pictures, else where they look for downloads or documents, else at home.
pub(crate) fn keep(app: &AppHandle, picture: &PictureFile) -> Result<PathBuf, WireError> {
    let path = app.path();
    let folders = [
        path.picture_dir(),
        path.download_dir(),
        path.document_dir(),
        path.home_dir(),
    ];
    let mut why = "this desk has no folder for pictures".to_owned();
    for folder in folders.into_iter().flatten().filter(|folder| folder.is_dir()) {
        match write(&folder, picture) {
            Ok(path) => return Ok(path),
            Err(problem) => why = format!("{}: {problem}", folder.display()),
        }
    }
    Err(WireError(Sentence::new("error-not-kept").with("why", Arg::text(why))))
}

fn write(folder: &Path, picture: &PictureFile) -> std::io::Result<PathBuf> {
    let (stem, ending) = picture.name.rsplit_once('.').unwrap_or((&picture.name, "png"));
    for number in 1..=NAMESAKES {
        let name = match number {
            1 => picture.name.clone(),
            number => format!("{stem}-{number}.{ending}"),
        };
        let path = folder.join(name);
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(mut file) => {
                file.write_all(&picture.bytes)?;
                return Ok(path);
            }
            Err(problem) if problem.kind() == ErrorKind::AlreadyExists => {}
            Err(problem) => return Err(problem),
        }
    }
    Err(std::io::Error::new(
        ErrorKind::AlreadyExists,
        format!("too many files called {stem}"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_there_is_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let picture = |text: &str| PictureFile {
            name: "ivr-error-rate.png".to_owned(),
            bytes: text.as_bytes().to_vec(),
        };
        let first = write(folder.path(), &picture("one")).unwrap();
        let second = write(folder.path(), &picture("two")).unwrap();
        assert_eq!(first, folder.path().join("ivr-error-rate.png"));
        assert_eq!(second, folder.path().join("ivr-error-rate-2.png"));
        assert_eq!(std::fs::read_to_string(first).unwrap(), "one");
        assert_eq!(std::fs::read_to_string(second).unwrap(), "two");
    }
}
