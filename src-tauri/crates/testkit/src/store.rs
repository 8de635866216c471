//! The contract of the store and the helm: what the engine relies on, whichever database is behind it.
//!
//! Each function wants a store of its own that is empty, panics where the contract is broken, and names the rule.

mod checkpoint;
mod command;
mod helm;
mod kept;

use std::sync::Arc;

use timonel_domain::time::Timestamp;
use timonel_domain::value::{RolloutId, Writer};
use timonel_journal::chain::{Chain, Fault, Head, verify};
use timonel_journal::entry::{Body, Entry, Hash, Kind, Sealed};
use timonel_ports::store::{JournalStore, Part, Placed, Position, StoreError};

pub use checkpoint::checkpoints;
pub use command::{command, commands};
pub use helm::{helm, helms};
pub use kept::{begun, plans_and_rollouts, samples, units};

/// The writer `desk-N`.
pub fn writer(n: u32) -> Writer {
    Writer::new(&format!("desk-{n}")).expect("an id")
}

/// The rollout `text`.
pub fn rollout(text: &str) -> RolloutId {
    RolloutId::new(text).expect("an id")
}

/// Seals a note as the next entry of `chain`.
pub fn note(chain: &mut Chain, of: Option<&RolloutId>, text: &str) -> Sealed {
    let (kind, body) = (Kind::new("note").expect("a kind"), Body::of(&text).expect("JSON"));
    chain.seal(Timestamp::from_micros(1_700_000_000_000_001), of.cloned(), kind, body)
}

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(1_700_000_000 + secs)
}

fn sealed(placed: Vec<Placed>) -> Vec<Sealed> {
    placed.into_iter().map(|placed| placed.sealed).collect()
}

async fn all(store: &dyn JournalStore) -> Vec<Placed> {
    store
        .entries(Part::All, Position::START, u32::MAX)
        .await
        .expect("the journal can be read")
}

/// What is appended is read back byte by byte, in order, by rollout, by writer and from a position on.
pub async fn journal_gives_back_what_was_appended(store: &dyn JournalStore) {
    let (r1, r2) = (rollout("r1"), rollout("r2"));
    let (mut a, mut b) = (
        Chain::resume(writer(1), Head::EMPTY),
        Chain::resume(writer(2), Head::EMPTY),
    );
    assert_eq!(
        store.head(a.writer()).await.expect("a head"),
        Head::EMPTY,
        "an unknown writer has an empty chain"
    );
    let entries = [
        note(&mut a, None, "helm taken"),
        note(&mut a, Some(&r1), "ñandú \"\\\n"),
        note(&mut b, Some(&r1), "merged from elsewhere"),
        note(&mut a, Some(&r2), &"x".repeat(100_000)),
        note(&mut b, Some(&r2), ""),
        note(&mut a, Some(&r1), "last"),
    ];
    store.append(&entries[..1]).await.expect("one entry");
    store
        .append(&entries[1..4])
        .await
        .expect("several entries of several writers");
    store.append(&[]).await.expect("no entries");
    store.append(&entries[4..]).await.expect("the rest");

    let placed = all(store).await;
    assert_eq!(
        sealed(placed.clone()),
        entries,
        "the bytes are kept as they are, in the order of appending"
    );
    assert!(
        placed.windows(2).all(|w| w[0].position < w[1].position),
        "positions grow"
    );
    let verified = verify(&entries).expect("sound");
    for chain in [&a, &b] {
        assert_eq!(store.head(chain.writer()).await.expect("a head"), chain.head());
        verified.reaches(chain.writer(), chain.head()).expect("whole");
    }
    let (one, two) = (&entries[1], &entries[2]);
    let of_r1 = store
        .entries(Part::Rollout(&r1), Position::START, 2)
        .await
        .expect("entries");
    assert_eq!(
        sealed(of_r1.clone()),
        [one.clone(), two.clone()],
        "a limit cuts after the first ones"
    );
    let rest = store
        .entries(Part::Rollout(&r1), of_r1[1].position, 100)
        .await
        .expect("entries");
    assert_eq!(
        sealed(rest),
        [entries[5].clone()],
        "and the position of the last one goes on from there"
    );
    let of_b = store
        .entries(Part::Writer(b.writer()), Position::START, 100)
        .await
        .expect("entries");
    assert_eq!(sealed(of_b), [two.clone(), entries[4].clone()]);
    let none = store
        .entries(Part::Rollout(&rollout("other")), Position::START, 100)
        .await
        .expect("entries");
    assert_eq!(none, []);
}

/// The same entry again is passed over; another one with its number is refused, and the first stays.
pub async fn journal_has_one_entry_a_number(store: &dyn JournalStore) {
    let mut chain = Chain::resume(writer(1), Head::EMPTY);
    let first = note(&mut chain, None, "first");
    let (mut fork, second) = (chain.clone(), note(&mut chain, None, "second"));
    let other = note(&mut fork, None, "another second");
    store.append(std::slice::from_ref(&first)).await.expect("new");
    store
        .append(std::slice::from_ref(&first))
        .await
        .expect("the same again");
    store
        .append(&[first.clone(), second.clone()])
        .await
        .expect("the same again and a new one");
    store
        .append(&[first.clone(), second.clone()])
        .await
        .expect("both again");
    let refused = store.append(std::slice::from_ref(&other)).await;
    assert!(matches!(refused, Err(StoreError::Conflict { .. })), "{refused:?}");
    let mut forked = Chain::resume(writer(1), Head::EMPTY);
    let refused = store.append(&[note(&mut forked, None, "another first")]).await;
    assert!(matches!(refused, Err(StoreError::Conflict { .. })), "{refused:?}");
    assert_eq!(
        sealed(all(store).await),
        [first, second],
        "nothing was added or changed"
    );
}

/// What does not follow, and what is not sound, is refused; several entries are appended all or none.
pub async fn journal_refuses_what_does_not_follow(store: &dyn JournalStore) {
    let mut chain = Chain::resume(writer(1), Head::EMPTY);
    let entries: Vec<_> = (0..4).map(|i| note(&mut chain, None, &format!("entry {i}"))).collect();
    let out_of_order = |refused: Result<(), StoreError>, seq: u64| match refused {
        Err(StoreError::OutOfOrder { writer: of, seq: found }) => assert_eq!((of, found), (writer(1), seq)),
        other => panic!("expected number {seq} to be out of order: {other:?}"),
    };
    out_of_order(store.append(&entries[1..2]).await, 2);
    out_of_order(store.append(&[entries[0].clone(), entries[2].clone()]).await, 3);
    assert_eq!(all(store).await, [], "the first of the two is not there either");
    store.append(&entries[..2]).await.expect("in order");
    out_of_order(store.append(&entries[3..]).await, 4);
    let mut elsewhere = Chain::resume(
        writer(1),
        Head {
            seq: 2,
            hash: Hash::of(b"another entry"),
        },
    );
    out_of_order(store.append(&[note(&mut elsewhere, None, "follows another")]).await, 3);
    let mut beginning = entries[0].entry().expect("sound");
    (beginning.writer, beginning.previous) = (writer(2), Hash::of(b"something before the first"));
    let refused = store.append(&[beginning.seal()]).await;
    assert!(matches!(refused, Err(StoreError::OutOfOrder { .. })), "{refused:?}");

    let changed = Sealed::from_stored(entries[2].bytes(), Hash::of(b"another"));
    let refused = store.append(&[changed]).await;
    assert!(matches!(refused, Err(StoreError::Unsound(_))), "{refused:?}");
    let huge = Entry {
        seq: u64::MAX,
        ..entries[2].entry().expect("sound")
    }
    .seal();
    let refused = store.append(&[huge]).await;
    assert!(matches!(refused, Err(StoreError::Range { .. })), "{refused:?}");
    assert_eq!(sealed(all(store).await), entries[..2]);
}

/// Many tasks append to chains of their own at once: every chain is whole.
pub async fn journal_takes_writers_at_once(store: Arc<dyn JournalStore>) {
    const WRITERS: u32 = 8;
    const ENTRIES: usize = 25;
    let appending = (0..WRITERS).map(|n| {
        let store = store.clone();
        async move {
            let mut chain = Chain::resume(writer(n), Head::EMPTY);
            for i in 0..ENTRIES {
                let entry = note(&mut chain, None, &format!("entry {i}"));
                store
                    .append(&[entry])
                    .await
                    .expect("nobody is refused because another writes");
            }
            chain.head()
        }
    });
    let heads = futures::future::join_all(appending).await;
    let verified = verify(sealed(all(&*store).await)).expect("no chain is broken");
    assert_eq!(verified.count, u64::from(WRITERS) * ENTRIES as u64);
    for (n, head) in (0..).zip(heads) {
        verified
            .reaches(&writer(n), head)
            .expect("every acknowledged entry is there");
        let short = verified
            .reaches(
                &writer(n),
                Head {
                    seq: head.seq + 1,
                    ..head
                },
            )
            .expect_err("one more is missing");
        assert!(matches!(short.fault, Fault::Short(_)));
    }
}
