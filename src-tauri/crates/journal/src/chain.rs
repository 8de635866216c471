//! Hash chains: sealing a writer's next entry, and finding the first place where a journal was changed.
//!
//! What a chain proves by itself: nothing before its last entry was changed, left out or put elsewhere. That its
//! end was not cut off can only be proved against a head that is known from elsewhere: [`Verified::reaches`].

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fmt;

use timonel_domain::time::Timestamp;
use timonel_domain::value::{RolloutId, Writer};

use crate::entry::{Body, Entry, Hash, Kind, Sealed, Unreadable};

/// The last entry of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Head {
    /// Its number; 0 where the chain is empty.
    pub seq: u64,
    /// Its hash; [`Hash::ZERO`] where the chain is empty.
    pub hash: Hash,
}

impl Head {
    /// Of a chain without entries.
    pub const EMPTY: Self = Self {
        seq: 0,
        hash: Hash::ZERO,
    };
}

/// One writer's chain, of which only the head is kept here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    writer: Writer,
    head: Head,
}

impl Chain {
    /// Continues after `head`, which a store or a file gave; [`Head::EMPTY`] for a new writer.
    pub fn resume(writer: Writer, head: Head) -> Self {
        Self { writer, head }
    }

    /// Seals the next entry and makes it the head. Whoever asks must see to it that it is kept: where keeping it
    /// fails and it is given up, continue from the head before it with [`Chain::resume`].
    pub fn seal(&mut self, occurred_at: Timestamp, rollout: Option<RolloutId>, kind: Kind, body: Body) -> Sealed {
        let seq = self.head.seq + 1;
        let writer = self.writer.clone();
        let sealed = Entry {
            writer,
            seq,
            previous: self.head.hash,
            occurred_at,
            rollout,
            kind,
            body,
        }
        .seal();
        self.head = Head {
            seq,
            hash: sealed.hash(),
        };
        sealed
    }

    /// Whose chain.
    pub fn writer(&self) -> &Writer {
        &self.writer
    }

    /// Its last entry.
    pub fn head(&self) -> Head {
        self.head
    }
}

/// Where a journal stops being what was written, and how.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the journal is broken at entry {}{}: {fault}", .index + 1, OfWriter(.place))]
pub struct Break {
    /// How many entries before it are sound: its index in what was verified.
    pub index: u64,
    /// Whose entry it says it is, and which number; `None` where that cannot be read.
    pub place: Option<(Writer, u64)>,
    /// What is wrong with it.
    pub fault: Fault,
}

struct OfWriter<'a>(&'a Option<(Writer, u64)>);

impl fmt::Display for OfWriter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some((writer, seq)) => write!(f, " (number {seq} of {writer})"),
            None => Ok(()),
        }
    }
}

/// What can be wrong with an entry in its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Its bytes were changed, its version is unknown, or it is no entry.
    #[error("{0}")]
    Unreadable(#[from] Unreadable),
    /// Entries before it are missing.
    #[error("number {expected} of this writer is missing before it")]
    Gap {
        /// The number that should stand here.
        expected: u64,
    },
    /// Its number was there already.
    #[error("this number of this writer was there before")]
    Duplicate,
    /// It follows another entry than the one before it.
    #[error("it follows the entry with hash {claimed}, and before it stands {actual}")]
    Previous {
        /// What it says it follows.
        claimed: Hash,
        /// What stands before it.
        actual: Hash,
    },
    /// The chain ends before a head that is known from elsewhere, or has another entry in its place.
    #[error("the chain does not reach number {} with hash {}, which is known to have been written", .0.seq, .0.hash)]
    Short(Head),
}

/// Verifies entries one by one, of any number of writers mixed in any way that keeps each writer's order.
#[derive(Debug, Clone, Default)]
pub struct Verifier {
    count: u64,
    heads: BTreeMap<Writer, Head>,
}

impl Verifier {
    /// Continues after heads that are known to be sound, so that a long journal need not be read again.
    pub fn after(heads: BTreeMap<Writer, Head>) -> Self {
        Self { count: 0, heads }
    }

    /// Says whether `sealed` may stand next, and what the head of its writer would be. Changes nothing.
    pub fn check(&self, sealed: &Sealed) -> Result<(Writer, Head), Break> {
        let broken = |place, fault| Break {
            index: self.count,
            place,
            fault,
        };
        let entry = sealed.entry().map_err(|unreadable| broken(None, unreadable.into()))?;
        let head = self.heads.get(&entry.writer).copied().unwrap_or(Head::EMPTY);
        let fault = if entry.seq <= head.seq {
            Some(Fault::Duplicate)
        } else if entry.seq != head.seq + 1 {
            Some(Fault::Gap { expected: head.seq + 1 })
        } else if entry.previous != head.hash {
            Some(Fault::Previous {
                claimed: entry.previous,
                actual: head.hash,
            })
        } else {
            None
        };
        match fault {
            Some(fault) => Err(broken(Some((entry.writer, entry.seq)), fault)),
            None => Ok((
                entry.writer,
                Head {
                    seq: entry.seq,
                    hash: sealed.hash(),
                },
            )),
        }
    }

    /// Takes `sealed` as the next entry. Where it breaks the chain nothing changes.
    pub fn push(&mut self, sealed: &Sealed) -> Result<(), Break> {
        let (writer, head) = self.check(sealed)?;
        self.accept(writer, head);
        Ok(())
    }

    /// Makes an entry that [`Verifier::check`] passed the head of its writer.
    pub(crate) fn accept(&mut self, writer: Writer, head: Head) {
        self.heads.insert(writer, head);
        self.count += 1;
    }

    /// How many entries were taken.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// What was verified.
    pub fn finish(self) -> Verified {
        Verified {
            count: self.count,
            heads: self.heads,
        }
    }
}

/// A journal without a break.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verified {
    /// How many entries were verified.
    pub count: u64,
    /// The last entry of each writer.
    pub heads: BTreeMap<Writer, Head>,
}

impl Verified {
    /// The last entry of `writer`.
    pub fn head(&self, writer: &Writer) -> Head {
        self.heads.get(writer).copied().unwrap_or(Head::EMPTY)
    }

    /// Checks that `writer`'s chain ends with `known`: a cut-off end is no break in the chain itself.
    pub fn reaches(&self, writer: &Writer, known: Head) -> Result<(), Break> {
        let head = self.head(writer);
        if head == known {
            return Ok(());
        }
        Err(Break {
            index: self.count,
            place: Some((writer.clone(), head.seq)),
            fault: Fault::Short(known),
        })
    }
}

/// Verifies a whole journal and names its first broken place.
pub fn verify<I>(entries: I) -> Result<Verified, Break>
where
    I: IntoIterator,
    I::Item: Borrow<Sealed>,
{
    let mut verifier = Verifier::default();
    for sealed in entries {
        verifier.push(sealed.borrow())?;
    }
    Ok(verifier.finish())
}

#[cfg(test)]
mod tests;
