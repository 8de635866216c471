//! An append-only file of sealed entries: one a line, `HASH JSON`, on the disk before [`JournalFile::append`] returns.
//!
//! A line that a crash tore is found when the file is opened, and set aside in a file of its own: it was never
//! acknowledged, but it may say what was about to be done. Anything else that is wrong is a break, and is reported
//! with its line. Calls block; a caller on a runtime makes them on a blocking thread.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::chain::{Break, Fault, Verified, Verifier};
use crate::entry::{Body, Hash, Sealed, Unreadable};

/// Longest line that is read: a body, the keys before it, the hash. Keeps a hostile file out of memory.
const LINE_LIMIT: u64 = Body::LIMIT as u64 + 4096;

/// When appended entries are forced to the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flush {
    /// Before each append returns.
    Each,
    /// When [`JournalFile::flush`] is called; until then an appended entry may be lost.
    OnDemand,
}

/// Why a journal file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be opened, made or locked.
    #[error("cannot open the journal file {path}: check that the folder exists and may be written")]
    Open {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process appends to it.
    #[error("another Timonel writes the journal file {path}: end that one, or give this one a file of its own")]
    Busy {
        /// Which file.
        path: PathBuf,
    },
    /// It cannot be read.
    #[error("cannot read the journal file {path}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It was changed after it was written.
    #[error("{path}, line {line}: {broken}. Keep the file as it is and move it away; a new one is begun where none is")]
    Broken {
        /// Which file.
        path: PathBuf,
        /// Line, from 1.
        line: u64,
        /// Where and how.
        #[source]
        broken: Box<Break>,
    },
    /// A torn end was found and could not be kept aside.
    #[error("cannot set aside the torn end of the journal file {path}")]
    SetAside {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The entry does not follow what is in the file. Nothing was written.
    #[error("refused to append to {path}: {refused}")]
    Refused {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        refused: Box<Break>,
    },
    /// The disk is full. Nothing was appended.
    #[error("the disk of {path} is full: free some space; nothing was written")]
    Full {
        /// Which file.
        path: PathBuf,
    },
    /// Writing or forcing to the disk failed: whether the entry is on the disk is unknown until the file is opened again.
    #[error("writing {path} failed: open it again to see what is in it")]
    Append {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// An earlier append failed and left unknown what is on the disk.
    #[error("{path} is not written any more after a failed write: open it again to see what is in it")]
    Unsure {
        /// Which file.
        path: PathBuf,
    },
}

/// The end of a file that was being written when the process or the machine went down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Torn {
    /// Where it begins, in bytes.
    pub at: u64,
    /// How many bytes it has.
    pub len: u64,
}

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// Its sound entries: all but the torn end.
    pub verified: Verified,
    /// The torn end, where there is one.
    pub torn: Option<Torn>,
}

/// Reads and verifies a file without changing it, calling `each` for every sound entry in turn.
pub fn read(path: &Path, each: impl FnMut(Sealed)) -> Result<Contents, FileError> {
    let open = |source| FileError::Open {
        path: path.to_owned(),
        source,
    };
    let (verifier, torn) = scan(path, &fs::File::open(path).map_err(open)?, each)?;
    Ok(Contents {
        verified: verifier.finish(),
        torn,
    })
}

/// A file that was opened for appending.
#[derive(Debug)]
pub struct Opened {
    /// The file.
    pub file: JournalFile,
    /// What was in it.
    pub contents: Contents,
    /// Where its torn end is kept now, where it had one: tell the person.
    pub set_aside: Option<PathBuf>,
}

/// An append-only file, locked for this process.
#[derive(Debug)]
pub struct JournalFile {
    path: PathBuf,
    file: fs::File,
    flush: Flush,
    len: u64,
    verifier: Verifier,
    unsure: bool,
}

impl JournalFile {
    /// Opens or makes the file, locks it, verifies it, and sets its torn end aside beside it.
    pub fn open(path: &Path, flush: Flush) -> Result<Opened, FileError> {
        let open = |source| FileError::Open {
            path: path.to_owned(),
            source,
        };
        let aside = |source| FileError::SetAside {
            path: path.to_owned(),
            source,
        };
        let mut file = fs::File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(open)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(FileError::Busy { path: path.to_owned() }),
            Err(fs::TryLockError::Error(source)) => return Err(open(source)),
        }
        sync_folder_of(path).map_err(open)?;
        let (verifier, torn) = scan(path, &file, |_| ())?;
        let set_aside = torn
            .map(|torn| set_aside(path, &mut file, torn))
            .transpose()
            .map_err(aside)?;
        let len = file.seek(SeekFrom::End(0)).map_err(open)?;
        let contents = Contents {
            verified: verifier.clone().finish(),
            torn,
        };
        let file = Self {
            path: path.to_owned(),
            file,
            flush,
            len,
            verifier,
            unsure: false,
        };
        Ok(Opened {
            file,
            contents,
            set_aside,
        })
    }

    /// Appends one entry, which must be the next of its writer.
    pub fn append(&mut self, sealed: &Sealed) -> Result<(), FileError> {
        if self.unsure {
            return Err(FileError::Unsure {
                path: self.path.clone(),
            });
        }
        let (writer, head) = self.verifier.check(sealed).map_err(|refused| FileError::Refused {
            path: self.path.clone(),
            refused: Box::new(refused),
        })?;
        let line = line_of(sealed);
        if let Err(source) = self.file.write_all(&line) {
            // What was written of the line goes again, or the next line would stand behind a torn one.
            let back = self
                .file
                .set_len(self.len)
                .and_then(|()| self.file.seek(SeekFrom::Start(self.len)));
            self.unsure = back.is_err();
            return Err(match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded if back.is_ok() => FileError::Full {
                    path: self.path.clone(),
                },
                _ => FileError::Append {
                    path: self.path.clone(),
                    source,
                },
            });
        }
        self.len += line.len() as u64;
        self.verifier.accept(writer, head);
        match self.flush {
            Flush::Each => self.flush(),
            Flush::OnDemand => Ok(()),
        }
    }

    /// Forces everything that was appended to the disk.
    pub fn flush(&mut self) -> Result<(), FileError> {
        self.file.sync_data().map_err(|source| {
            // After a failed sync the system may have dropped the pages; a second one that succeeds says nothing.
            self.unsure = true;
            FileError::Append {
                path: self.path.clone(),
                source,
            }
        })
    }

    /// What is in it now.
    pub fn verified(&self) -> Verified {
        self.verifier.clone().finish()
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// `HASH JSON\n`
pub(crate) fn line_of(sealed: &Sealed) -> Vec<u8> {
    let mut line = sealed.hash().to_string().into_bytes();
    line.push(b' ');
    line.extend_from_slice(sealed.bytes());
    line.push(b'\n');
    line
}

/// The two parts of a line. What they say is checked elsewhere.
pub(crate) fn parts_of(line: &[u8]) -> Result<Sealed, Unreadable> {
    let parts = || {
        let text = line.strip_suffix(b"\n")?;
        let (hash, bytes) = (text.get(..64)?, text.get(64..)?.strip_prefix(b" ")?);
        let hash: Hash = std::str::from_utf8(hash).ok()?.parse().ok()?;
        Some(Sealed::from_stored(bytes, hash))
    };
    parts().ok_or_else(|| Unreadable::Garbled("a line is a SHA-256 in hexadecimal, a space, and JSON".to_owned()))
}

/// Verifies line by line. Only the end may be torn: a line without its line break, or with blocks that never
/// reached the disk (they read as NUL, which no line contains), and no sound line after it.
fn scan(path: &Path, file: &fs::File, mut each: impl FnMut(Sealed)) -> Result<(Verifier, Option<Torn>), FileError> {
    let read = |source| FileError::Read {
        path: path.to_owned(),
        source,
    };
    let (mut lines, mut verifier, mut at) = (BufReader::new(file), Verifier::default(), 0);
    loop {
        let line = next_line(&mut lines).map_err(read)?;
        if line.is_empty() {
            return Ok((verifier, None));
        }
        let index = verifier.count();
        let taken = parts_of(&line)
            .map_err(|unreadable| Break {
                index,
                place: None,
                fault: Fault::Unreadable(unreadable),
            })
            .and_then(|sealed| verifier.push(&sealed).map(|()| sealed));
        match taken {
            Ok(sealed) => each(sealed),
            Err(broken) => {
                let cut = line.len() < LINE_LIMIT as usize && !line.ends_with(b"\n");
                if (cut || line.contains(&0)) && !any_sound(&mut lines).map_err(read)? {
                    let len = file.metadata().map_err(read)?.len() - at;
                    return Ok((verifier, Some(Torn { at, len })));
                }
                return Err(FileError::Broken {
                    path: path.to_owned(),
                    line: index + 1,
                    broken: Box::new(broken),
                });
            }
        }
        at += line.len() as u64;
    }
}

/// A line with its break; without one at the end of the file or at the limit; empty after the end.
fn next_line(lines: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    lines.take(LINE_LIMIT).read_until(b'\n', &mut line)?;
    Ok(line)
}

/// Whether any of the remaining lines is an entry with a right hash.
fn any_sound(lines: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let line = next_line(lines)?;
        if line.is_empty() {
            return Ok(false);
        }
        if parts_of(&line).is_ok_and(|sealed| sealed.entry().is_ok()) {
            return Ok(true);
        }
    }
}

/// Copies the torn end to a new file beside `path`, and only then takes it off.
fn set_aside(path: &Path, file: &mut fs::File, torn: Torn) -> io::Result<PathBuf> {
    let (kept_in, mut kept) = fresh_beside(path, torn.at)?;
    file.seek(SeekFrom::Start(torn.at))?;
    io::copy(&mut Read::by_ref(file).take(torn.len), &mut kept)?;
    kept.sync_all()?;
    sync_folder_of(path)?;
    file.set_len(torn.at)?;
    file.sync_all()?;
    Ok(kept_in)
}

/// `NAME.torn-AT`, or with a number behind it where a crash left one: nothing that was set aside is written over.
fn fresh_beside(path: &Path, at: u64) -> io::Result<(PathBuf, fs::File)> {
    for n in 0_u32.. {
        let mut name = path.as_os_str().to_owned();
        name.push(if n == 0 {
            format!(".torn-{at}")
        } else {
            format!(".torn-{at}-{n}")
        });
        match fs::File::create_new(&name) {
            Ok(file) => return Ok((name.into(), file)),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(e),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Forces a folder's list of names to the disk: a synced file whose name is lost is lost.
pub(crate) fn sync_folder_of(path: &Path) -> io::Result<()> {
    // Elsewhere a folder cannot be opened, and its names are journalled by the file system.
    #[cfg(unix)]
    {
        let folder = path
            .parent()
            .filter(|p| !p.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        fs::File::open(folder)?.sync_all()?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

#[cfg(test)]
mod tests;
