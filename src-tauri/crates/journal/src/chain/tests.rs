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
