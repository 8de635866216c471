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
mod tests {
    use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_assert_eq, proptest};
    use proptest::sample::Index;

    use super::*;

    fn writer(n: u8) -> Writer {
        Writer::new(&format!("desk-{n}")).unwrap()
    }

    /// A journal of up to three writers, mixed, with the bodies and times that `seeds` say.
    fn journal(seeds: &[(u8, i64, String)]) -> Vec<Sealed> {
        let mut chains: BTreeMap<u8, Chain> = BTreeMap::new();
        seeds
            .iter()
            .map(|(who, at, text)| {
                let who = who % 3;
                let chain = chains
                    .entry(who)
                    .or_insert_with(|| Chain::resume(writer(who), Head::EMPTY));
                let rollout = (at % 2 == 0).then(|| RolloutId::new("r1").unwrap());
                chain.seal(
                    Timestamp::from_micros(*at),
                    rollout,
                    Kind::new("note").unwrap(),
                    Body::of(text).unwrap(),
                )
            })
            .collect()
    }

    fn journals() -> impl Strategy<Value = Vec<Sealed>> {
        proptest::collection::vec((any::<u8>(), any::<i64>(), ".{0,20}"), 2..20).prop_map(|seeds| journal(&seeds))
    }

    fn writer_of(sealed: &Sealed) -> Writer {
        sealed.entry().unwrap().writer
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_was_sealed_verifies_and_reads_back(entries in journals()) {
            let verified = verify(&entries).unwrap();
            prop_assert_eq!(verified.count, entries.len() as u64);
            for sealed in &entries {
                prop_assert_eq!(&sealed.entry().unwrap().seal(), sealed);
            }
            for (writer, head) in &verified.heads {
                let last = entries.iter().rfind(|e| writer_of(e) == *writer).unwrap();
                prop_assert_eq!(head.hash, last.hash());
                verified.reaches(writer, *head).unwrap();
            }
        }

        #[test]
        fn a_flipped_bit_is_found_where_it_is(mut entries in journals(), at: Index, byte: Index, bit in 0..8_u8) {
            let index = at.index(entries.len());
            let mut bytes = entries[index].bytes().to_vec();
            let place = byte.index(bytes.len());
            bytes[place] ^= 1 << bit;
            entries[index] = Sealed::from_stored(bytes, entries[index].hash());
            let broken = verify(&entries).unwrap_err();
            prop_assert_eq!(broken.index, index as u64);
            let of_hash = matches!(broken.fault, Fault::Unreadable(Unreadable::Hash { .. }));
            prop_assert_eq!(of_hash, true);
        }

        /// Whoever changes an entry and seals it anew breaks the entry after it, or the known head.
        #[test]
        fn a_resealed_entry_is_found(mut entries in journals(), at: Index) {
            let heads = verify(&entries).unwrap().heads;
            let index = at.index(entries.len());
            let mut forged = entries[index].entry().unwrap();
            forged.body = Body::of(&"forged").unwrap();
            if forged == entries[index].entry().unwrap() {
                return Ok(());
            }
            entries[index] = forged.seal();
            let next = (index + 1..entries.len()).find(|i| writer_of(&entries[*i]) == forged.writer);
            match (verify(&entries), next) {
                (Err(broken), Some(next)) => {
                    prop_assert_eq!(broken.index, next as u64);
                    prop_assert_eq!(matches!(broken.fault, Fault::Previous { .. }), true);
                }
                (Ok(verified), None) => {
                    let known = heads[&forged.writer];
                    prop_assert_eq!(verified.reaches(&forged.writer, known).unwrap_err().fault, Fault::Short(known));
                }
                other => panic!("{other:?}"),
            }
        }

        #[test]
        fn a_dropped_entry_is_found_where_it_is_missing(mut entries in journals(), at: Index) {
            let heads = verify(&entries).unwrap().heads;
            let dropped = entries.remove(at.index(entries.len())).entry().unwrap();
            let next = entries.iter().position(|e| {
                let entry = e.entry().unwrap();
                entry.writer == dropped.writer && entry.seq == dropped.seq + 1
            });
            match (verify(&entries), next) {
                (Err(broken), Some(next)) => {
                    prop_assert_eq!(broken.index, next as u64);
                    prop_assert_eq!(broken.fault, Fault::Gap { expected: dropped.seq });
                }
                (Ok(verified), None) => {
                    let known = heads[&dropped.writer];
                    prop_assert_eq!(verified.reaches(&dropped.writer, known).unwrap_err().fault, Fault::Short(known));
                }
                other => panic!("{other:?}"),
            }
        }

        #[test]
        fn a_repeated_entry_is_found_where_it_is_repeated(
            (entries, from, to) in journals().prop_flat_map(|e| {
                let len = e.len();
                (Just(e), 0..len)
            }).prop_flat_map(|(e, from)| {
                let len = e.len();
                (Just(e), Just(from), from + 1..=len)
            })
        ) {
            let mut entries = entries;
            entries.insert(to, entries[from].clone());
            let broken = verify(&entries).unwrap_err();
            prop_assert_eq!(broken.index, to as u64);
            prop_assert_eq!(broken.fault, Fault::Duplicate);
        }

        #[test]
        fn two_entries_that_changed_places_are_found(mut entries in journals(), a: Index, b: Index) {
            let (a, b) = (a.index(entries.len()), b.index(entries.len()));
            let (first, second) = (a.min(b), a.max(b));
            entries.swap(first, second);
            // The place is the first whose writer's numbers do not come in order any more; writers that only
            // changed places among each other are no break.
            let mut seen: BTreeMap<Writer, u64> = BTreeMap::new();
            let place = entries.iter().position(|e| {
                let entry = e.entry().unwrap();
                let last = seen.entry(entry.writer.clone()).or_default();
                *last += 1;
                entry.seq != *last
            });
            match (verify(&entries), place) {
                (Ok(_), None) => {}
                (Err(broken), Some(place)) => prop_assert_eq!(broken.index, place as u64),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn an_entry_of_a_newer_version_is_named_as_such() {
        let entries = journal(&[(0, 0, String::new()), (0, 0, String::new())]);
        let newer = String::from_utf8(entries[1].bytes().to_vec())
            .unwrap()
            .replace(r#""version":1"#, r#""version":9"#);
        let newer = Sealed::from_stored(newer.as_bytes(), Hash::of(newer.as_bytes()));
        let broken = verify([&entries[0], &newer]).unwrap_err();
        assert_eq!(broken.index, 1);
        assert_eq!(broken.fault, Fault::Unreadable(Unreadable::Version(9)));
    }

    #[test]
    fn a_message_names_the_place() {
        let entries = journal(&[(0, 0, String::new()), (0, 0, String::new()), (0, 0, String::new())]);
        let broken = verify([&entries[0], &entries[2]]).unwrap_err();
        assert_eq!(
            broken.to_string(),
            "the journal is broken at entry 2 (number 3 of desk-0): number 2 of this writer is missing before it"
        );
    }

    #[test]
    fn verifying_goes_on_after_a_known_head() {
        let entries = journal(&[(0, 0, String::new()), (0, 1, String::new()), (0, 2, String::new())]);
        let known = verify(&entries[..2]).unwrap();
        let mut rest = Verifier::after(known.heads);
        rest.push(&entries[2]).unwrap();
        assert_eq!(
            rest.finish().head(&writer(0)),
            Head {
                seq: 3,
                hash: entries[2].hash()
            }
        );
    }
}
