//! The records of an SQLite file whose tree cannot be walked: every page that still is a leaf is read by itself, of the file
//! and of its write-ahead log, as <https://sqlite.org/fileformat2.html> describes them.
//!
//! Old versions of a page come along with the newest, and so does what was written and never committed: whoever asks must
//! know by the record itself whether it is sound. Deliberately not here: what a record means.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// What SQLite makes where it is not told otherwise; a header that is lost cannot say it.
const USUAL: usize = 4096;
const FILE_HEADER: usize = 100;
const LOG_HEADER: usize = 32;
const FRAME_HEADER: usize = 24;
/// A leaf of a table with row ids.
const TABLE_LEAF: u8 = 0x0d;
/// Leaf and inner page of an index, or of a table without row ids: both hold records.
const INDEX_LEAF: u8 = 0x0a;
const INDEX_INNER: u8 = 0x02;
/// What a record may have: as much as an entry of the journal, and its columns.
const LONGEST: usize = 2 * 1024 * 1024;

/// A column's value. Reals are nowhere in our tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Null,
    Integer(i64),
    Text(String),
    Bytes(Vec<u8>),
}

/// Where a record begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// Page of [`Pages`].
    page: u32,
    /// Within the page.
    at: u16,
}

/// A record with its row id; 0 where its table has none.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) row: i64,
    pub(super) values: Vec<Value>,
}

/// All pages of a file and of its log, whatever they are.
#[derive(Debug)]
pub(super) struct Pages {
    sources: Vec<File>,
    /// Of each page: its source, where it begins, and its number in the database.
    pages: Vec<(usize, u64, u32)>,
    /// The newest page of each number, without what the log holds from before it was begun anew.
    newest: HashMap<u32, u32>,
    size: usize,
    usable: usize,
    /// The page that was read last.
    held: Option<(u32, Vec<u8>)>,
}

impl Pages {
    /// Of the file at `database` and the log at `log`; either may be missing.
    pub(super) fn open(database: &Path, log: &Path) -> io::Result<Self> {
        let mut head = Vec::new();
        let mut sources = Vec::new();
        let (mut database, mut log) = (there(database)?, there(log)?);
        let mut log_head = Vec::new();
        if let Some(file) = &mut database {
            file.take(FILE_HEADER as u64).read_to_end(&mut head)?;
        }
        if let Some(file) = &mut log {
            file.take(LOG_HEADER as u64).read_to_end(&mut log_head)?;
        }
        let sound = head.starts_with(b"SQLite format 3\0");
        let of_file = sound
            .then(|| number(&head, 16, 2))
            .flatten()
            .map(|n| if n == 1 { 65536 } else { n });
        let of_log = number(&log_head, 8, 4);
        let sizes = [of_file, of_log].into_iter().flatten();
        let size = sizes
            .filter_map(|n| usize::try_from(n).ok())
            .find(|n| n.is_power_of_two() && (512..=65536).contains(n));
        let size = size.unwrap_or(USUAL);
        let reserved = if sound {
            usize::from(head.get(20).copied().unwrap_or_default())
        } else {
            0
        };
        let mut pages = Vec::new();
        let mut newest = HashMap::new();
        if let Some(file) = database {
            // The last page may be cut off: what is there of it counts.
            let count = file.metadata()?.len().div_ceil(size as u64);
            let source = sources.len();
            for (n, number) in (0..count).zip(1..=u32::MAX) {
                newest.insert(number, number - 1);
                pages.push((source, n * size as u64, number));
            }
            sources.push(file);
        }
        if let Some(mut file) = log {
            let (len, step) = (file.metadata()?.len(), (FRAME_HEADER + size) as u64);
            let source = sources.len();
            let mut at = LOG_HEADER as u64;
            while at + FRAME_HEADER as u64 <= len {
                let mut frame = [0; FRAME_HEADER];
                file.seek(SeekFrom::Start(at))?;
                file.read_exact(&mut frame)?;
                let number = u32::from_be_bytes([frame[0], frame[1], frame[2], frame[3]]);
                if log_head.get(16..24) == frame.get(8..16) {
                    newest.insert(number, u32::try_from(pages.len()).unwrap_or(u32::MAX));
                }
                pages.push((source, at + FRAME_HEADER as u64, number));
                at += step;
            }
            sources.push(file);
        }
        Ok(Self {
            sources,
            pages,
            newest,
            size,
            usable: size.saturating_sub(reserved).max(480),
            held: None,
        })
    }

    /// How many pages there are.
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.pages.len()).unwrap_or(u32::MAX)
    }

    /// The places of all records of a page; none where it holds no records, or is damaged. Errors where the disk does not
    /// give it.
    pub(super) fn places(&mut self, page: u32) -> io::Result<Vec<Place>> {
        let start = if self.pages.get(page as usize).is_some_and(|(_, _, number)| *number == 1) {
            FILE_HEADER
        } else {
            0
        };
        let bytes = self.page(page)?;
        let kind = bytes.get(start).copied();
        let cells = match kind {
            Some(TABLE_LEAF | INDEX_LEAF) => start + 8,
            Some(INDEX_INNER) => start + 12,
            Some(_) | None => return Ok(Vec::new()),
        };
        let count = number(bytes, start + 3, 2).unwrap_or_default() as usize;
        let at = (0..count).map_while(|n| number(bytes, cells + 2 * n, 2));
        Ok(at
            .filter_map(|at| {
                Some(Place {
                    page,
                    at: u16::try_from(at).ok()?,
                })
            })
            .collect())
    }

    /// The record at a place; `None` where none can be read there.
    pub(super) fn record(&mut self, place: Place) -> io::Result<Option<Record>> {
        let start = if self.pages[place.page as usize].2 == 1 {
            FILE_HEADER
        } else {
            0
        };
        let usable = self.usable;
        let bytes = self.page(place.page)?;
        let Some(kind) = bytes.get(start).copied() else {
            return Ok(None);
        };
        let Some((row, local, total, overflow)) = cell(bytes, kind, usize::from(place.at), usable) else {
            return Ok(None);
        };
        let mut payload = local.to_vec();
        let mut next = overflow;
        // Each page brings something, so a ring of pages ends too.
        while payload.len() < total && next != 0 {
            let Some(page) = self.newest.get(&next).copied() else {
                return Ok(None);
            };
            let Some(bytes) = self.read(page)? else { return Ok(None) };
            let Some(following) = number(&bytes, 0, 4) else {
                return Ok(None);
            };
            let part = bytes.get(4..usable.min(bytes.len())).unwrap_or_default();
            if part.is_empty() {
                return Ok(None);
            }
            payload.extend_from_slice(&part[..part.len().min(total - payload.len())]);
            next = u32::try_from(following).unwrap_or_default();
        }
        if payload.len() < total {
            return Ok(None);
        }
        Ok(values(&payload).map(|values| Record { row, values }))
    }

    fn page(&mut self, page: u32) -> io::Result<&[u8]> {
        if self.held.as_ref().is_none_or(|(held, _)| *held != page) {
            self.held = Some((page, self.read(page)?.unwrap_or_default()));
        }
        Ok(self
            .held
            .as_ref()
            .map(|(_, bytes)| bytes.as_slice())
            .unwrap_or_default())
    }

    fn read(&mut self, page: u32) -> io::Result<Option<Vec<u8>>> {
        let Some((source, at, _)) = self.pages.get(page as usize).copied() else {
            return Ok(None);
        };
        let file = &mut self.sources[source];
        let mut bytes = Vec::with_capacity(self.size);
        file.seek(SeekFrom::Start(at))?;
        file.take(self.size as u64).read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }
}

fn there(path: &Path) -> io::Result<Option<File>> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

/// `len` bytes at `at`, the greatest first.
fn number(bytes: &[u8], at: usize, len: usize) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(len)?)?;
    Some(bytes.iter().fold(0, |n, byte| (n << 8) | u64::from(*byte)))
}

/// A number of one to nine bytes, and where it ends.
fn varint(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let mut n = 0_u64;
    for index in 0..8 {
        let byte = *bytes.get(at + index)?;
        n = (n << 7) | u64::from(byte & 0x7f);
        if byte < 0x80 {
            return Some((n, at + index + 1));
        }
    }
    Some(((n << 8) | u64::from(*bytes.get(at + 8)?), at + 9))
}

/// Row id, the part of the payload that stands here, its whole length, and the page where it goes on.
fn cell(bytes: &[u8], kind: u8, at: usize, usable: usize) -> Option<(i64, &[u8], usize, u32)> {
    let at = if kind == INDEX_INNER { at + 4 } else { at };
    let (total, at) = varint(bytes, at)?;
    let total = usize::try_from(total).ok().filter(|total| *total <= LONGEST)?;
    let (row, at) = if kind == TABLE_LEAF {
        varint(bytes, at)?
    } else {
        (0, at)
    };
    let most = if kind == TABLE_LEAF {
        usable - 35
    } else {
        (usable - 12) * 64 / 255 - 23
    };
    let least = (usable - 12) * 32 / 255 - 23;
    let local = if total <= most {
        total
    } else {
        let fitting = least + (total - least) % (usable - 4);
        if fitting <= most { fitting } else { least }
    };
    let payload = bytes.get(at..at + local)?;
    let overflow = if local < total {
        number(bytes, at + local, 4)?
    } else {
        0
    };
    Some((row.cast_signed(), payload, total, u32::try_from(overflow).ok()?))
}

fn values(payload: &[u8]) -> Option<Vec<Value>> {
    let (header, mut at) = varint(payload, 0)?;
    let header = usize::try_from(header).ok().filter(|len| *len <= payload.len())?;
    let mut body = header;
    let mut out = Vec::new();
    while at < header {
        let (kind, next) = varint(payload, at)?;
        at = next;
        let len = match kind {
            0 | 8 | 9 => 0,
            1..=4 => usize::try_from(kind).ok()?,
            5 => 6,
            6 => 8,
            7 | 10 | 11 => return None,
            text_or_bytes => usize::try_from((text_or_bytes - 12) / 2).ok()?,
        };
        let bytes = payload.get(body..body.checked_add(len)?)?;
        body += len;
        out.push(match kind {
            0 => Value::Null,
            8 => Value::Integer(0),
            9 => Value::Integer(1),
            1..=6 => Value::Integer(signed(bytes)),
            even if even.is_multiple_of(2) => Value::Bytes(bytes.to_vec()),
            _ => Value::Text(String::from_utf8(bytes.to_vec()).ok()?),
        });
    }
    Some(out)
}

/// Two's complement of as many bytes as there are.
fn signed(bytes: &[u8]) -> i64 {
    let first = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
    bytes
        .iter()
        .fold(if first { -1 } else { 0 }, |n, byte| (n << 8) | i64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_sqlite_writes_them() {
        assert_eq!(varint(&[0x7f], 0), Some((127, 1)));
        assert_eq!(varint(&[0x81, 0x00], 0), Some((128, 2)));
        assert_eq!(varint(&[0xff; 9], 0), Some((u64::MAX, 9)));
        assert_eq!(varint(&[0x81], 0), None);
        assert_eq!(signed(&[0xff, 0xfe]), -2);
        assert_eq!(signed(&[0x01, 0x00]), 256);
    }

    #[test]
    fn whatever_stands_in_a_page_nothing_panics() {
        let mut page = vec![0_u8; 512];
        for kind in [TABLE_LEAF, INDEX_LEAF, INDEX_INNER] {
            for fill in 0..=255_u8 {
                page.fill(fill);
                page[0] = kind;
                for at in 0..page.len() {
                    if let Some((_, payload, _, _)) = cell(&page, kind, at, 512) {
                        let _ = values(payload);
                    }
                }
            }
        }
    }
}
