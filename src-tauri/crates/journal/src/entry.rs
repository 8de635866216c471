//! One entry of the journal: its fields, its canonical bytes, and the hash that seals them.
//!
//! Version 1 is compact JSON with the keys in this order:
//! `{"version":1,"writer":"…","seq":1,"previous":"64 hex digits","occurred_at_us":0,"rollout":"…","kind":"…","body":…}`.
//! The bytes that were hashed are kept as they are and never rebuilt from a parsed form.
//!
//! Deliberately not here: what the bodies of the kinds say.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use timonel_domain::time::Timestamp;
use timonel_domain::value::{RolloutId, Writer};

/// The version that this program writes, and the newest it reads.
pub const VERSION: u32 = 1;

/// What was decided, done or seen, by whom it was written, and where it stands in that writer's chain.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Entry {
    /// Whose chain.
    pub writer: Writer,
    /// Place in the chain, from 1 without gaps.
    pub seq: u64,
    /// Hash of the entry before; [`Hash::ZERO`] in the first.
    pub previous: Hash,
    /// When it happened, by the writer's wall clock. May step back; the order is `seq`.
    pub occurred_at: Timestamp,
    /// Which rollout it belongs to; `None` for what belongs to the installation, such as a taken helm.
    pub rollout: Option<RolloutId>,
    /// What kind of thing happened; says how the body is read.
    pub kind: Kind,
    /// What happened.
    pub body: Body,
}

/// The keys before the body, in their canonical order. `body` is only checked to be there.
#[derive(Serialize, Deserialize)]
struct Header {
    version: u32,
    writer: Writer,
    seq: u64,
    previous: Hash,
    occurred_at_us: i64,
    rollout: Option<RolloutId>,
    kind: Kind,
    #[serde(skip_serializing, rename = "body")]
    _body: IgnoredAny,
}

impl Header {
    /// `{"version":1,…,"body":`
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec(self).expect("a header holds only texts and integers");
        bytes.pop();
        bytes.extend_from_slice(br#","body":"#);
        bytes
    }
}

impl Entry {
    /// Writes the canonical bytes and hashes them.
    pub fn seal(&self) -> Sealed {
        let header = Header {
            version: VERSION,
            writer: self.writer.clone(),
            seq: self.seq,
            previous: self.previous,
            occurred_at_us: self.occurred_at.micros(),
            rollout: self.rollout.clone(),
            kind: self.kind.clone(),
            _body: IgnoredAny,
        };
        let mut bytes = header.bytes();
        bytes.extend_from_slice(self.body.bytes());
        bytes.push(b'}');
        Sealed {
            hash: Hash::of(&bytes),
            bytes: bytes.into(),
        }
    }

    /// Reads canonical bytes. Refuses what is JSON but not in the canonical form: one entry has one form.
    pub fn parse(bytes: &[u8]) -> Result<Self, Unreadable> {
        #[derive(Deserialize)]
        struct Version {
            version: u32,
        }
        let garbled = |detail: &dyn fmt::Display| Unreadable::Garbled(detail.to_string());
        let Version { version } = serde_json::from_slice(bytes).map_err(|e| garbled(&e))?;
        if version != VERSION {
            return Err(Unreadable::Version(version));
        }
        let header: Header = serde_json::from_slice(bytes).map_err(|e| garbled(&e))?;
        let body = bytes
            .strip_prefix(header.bytes().as_slice())
            .and_then(|rest| rest.strip_suffix(b"}"))
            .ok_or_else(|| garbled(&"not in the canonical form"))?;
        Ok(Self {
            writer: header.writer,
            seq: header.seq,
            previous: header.previous,
            occurred_at: Timestamp::from_micros(header.occurred_at_us),
            rollout: header.rollout,
            kind: header.kind,
            body: Body::parse(body.to_vec()).map_err(|e| garbled(&e))?,
        })
    }
}

/// An entry's bytes as they were hashed, with their hash. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Sealed {
    bytes: Arc<[u8]>,
    hash: Hash,
}

impl Sealed {
    /// As it was stored. Nothing is checked here: [`Sealed::entry`] does.
    pub fn from_stored(bytes: impl Into<Arc<[u8]>>, hash: Hash) -> Self {
        Self {
            bytes: bytes.into(),
            hash,
        }
    }

    /// The hashed bytes. They hold no line break.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Their hash, as it was stored.
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// Checks the hash and reads the entry.
    pub fn entry(&self) -> Result<Entry, Unreadable> {
        let computed = Hash::of(&self.bytes);
        if computed != self.hash {
            return Err(Unreadable::Hash {
                stored: self.hash,
                computed,
            });
        }
        Entry::parse(&self.bytes)
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealed")
            .field("bytes", &String::from_utf8_lossy(&self.bytes))
            .field("hash", &self.hash)
            .finish()
    }
}

/// Why stored bytes give no entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// The bytes are not those that were sealed.
    #[error("its bytes were changed: they hash to {computed}, it was sealed with {stored}")]
    Hash {
        /// The hash kept with the bytes.
        stored: Hash,
        /// The hash of the bytes as they are.
        computed: Hash,
    },
    /// Written by a newer Timonel.
    #[error("it has format version {0} and this Timonel reads up to {VERSION}: read it with a newer one")]
    Version(u32),
    /// No entry at all.
    #[error("it is not a journal entry: {0}")]
    Garbled(String),
}

/// A SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Hash([u8; 32]);

/// Bytes or text that are no SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a SHA-256: expected 32 bytes, as text 64 hexadecimal digits in lower case")]
pub struct BadHash;

impl Hash {
    /// What stands before the first entry of a chain.
    pub const ZERO: Self = Self([0; 32]);

    /// The hash of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Its 32 bytes.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl TryFrom<&[u8]> for Hash {
    type Error = BadHash;
    fn try_from(bytes: &[u8]) -> Result<Self, BadHash> {
        bytes.try_into().map(Self).map_err(|_| BadHash)
    }
}

impl FromStr for Hash {
    type Err = BadHash;
    fn from_str(text: &str) -> Result<Self, BadHash> {
        // One hash has one text: upper case would hash differently where the text is itself hashed.
        if text.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(BadHash);
        }
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| BadHash)?;
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for Hash {
    type Error = BadHash;
    fn try_from(text: String) -> Result<Self, BadHash> {
        text.parse()
    }
}

impl From<Hash> for String {
    fn from(hash: Hash) -> String {
        hash.to_string()
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

/// What kind of thing happened: 1 to 64 of `a`-`z`, `0`-`9`, `-`, `_`, `.`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Kind(Arc<str>);

/// Text that cannot be a kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` cannot be the kind of a journal entry: use 1 to 64 of a-z, 0-9, `-`, `_`, `.`")]
pub struct BadKind(String);

impl Kind {
    /// Checks and keeps `text`.
    pub fn new(text: &str) -> Result<Self, BadKind> {
        let fits = text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.'));
        if fits && !text.is_empty() && text.len() <= 64 {
            Ok(Self(text.into()))
        } else {
            Err(BadKind(text.to_owned()))
        }
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Kind {
    type Error = BadKind;
    fn try_from(text: String) -> Result<Self, BadKind> {
        Self::new(&text)
    }
}

impl From<Kind> for String {
    fn from(kind: Kind) -> String {
        kind.0.to_string()
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One JSON value in its compact form, at most [`Body::LIMIT`] bytes; kept as the bytes it was written with.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Body(Arc<[u8]>);

/// What cannot be a body.
#[derive(Debug, thiserror::Error)]
pub enum BadBody {
    /// It does not serialise, or it is not JSON.
    #[error("the body is no JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// It holds white space between its tokens, so it has more than one form.
    #[error("the body is not compact: white space at byte {0}")]
    Loose(usize),
    /// It is larger than an entry may be.
    #[error("the body has {0} bytes, more than the {limit} an entry may have: refer to it by its hash instead", limit = Body::LIMIT)]
    Large(usize),
}

impl Body {
    /// Bytes that a body may have.
    pub const LIMIT: usize = 1024 * 1024;

    /// Serialises `value`.
    pub fn of(value: &impl Serialize) -> Result<Self, BadBody> {
        Self::sized(serde_json::to_vec(value)?)
    }

    /// Checks and keeps bytes that were serialised elsewhere.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, BadBody> {
        serde_json::from_slice::<IgnoredAny>(&bytes)?;
        if let Some(at) = white_space(&bytes) {
            return Err(BadBody::Loose(at));
        }
        Self::sized(bytes)
    }

    fn sized(bytes: Vec<u8>) -> Result<Self, BadBody> {
        if bytes.len() > Self::LIMIT {
            Err(BadBody::Large(bytes.len()))
        } else {
            Ok(Self(bytes.into()))
        }
    }

    /// The JSON.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Reads it as a `T`.
    pub fn read<'a, T: Deserialize<'a>>(&'a self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.0)
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({})", String::from_utf8_lossy(&self.0))
    }
}

/// Where the first white space outside a string stands, in bytes that are known to be JSON.
fn white_space(json: &[u8]) -> Option<usize> {
    let (mut in_string, mut escaped) = (false, false);
    json.iter().position(|&byte| {
        if in_string {
            in_string = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
            return false;
        }
        in_string = byte == b'"';
        byte.is_ascii_whitespace()
    })
}

#[cfg(test)]
mod tests;
