//! The contract for checkpoints.

use timonel_journal::entry::Hash;
use timonel_ports::checkpoint::{Checkpoint, CheckpointStore};
use timonel_ports::store::{Position, RolloutStore, StoreError};

use super::kept::begun_as;
use super::rollout;

/// The last checkpoint of each reader of each rollout is read back as it was, a store whose opening looked through all of it
/// finds nothing wrong, and what was changed or is another's is told from what was made.
pub async fn checkpoints<S: CheckpointStore + RolloutStore>(store: &S) {
    let (maker, other) = (Hash::of(b"these rules"), Hash::of(b"other rules"));
    let made = |of: &str, reader: &str, at: i64, body: &[u8]| {
        let place = (Position(at), Hash::of(body));
        Checkpoint::new(rollout(of), reader, place, body.to_vec(), maker)
    };
    let homeless = store.put_checkpoint(&made("r1", "engine", 1, b"{}")).await;
    assert!(matches!(homeless, Err(StoreError::Unknown { .. })), "{homeless:?}");
    let (r1, r2) = (begun_as(store, "r1").await, begun_as(store, "r2").await);
    assert_eq!(store.checkpoint(&r1, "engine").await.expect("read"), None);

    let body = [b"\0\xff{\"n\":1}".as_slice(), &[7; 100_000]].concat();
    let (first, console, foreign) = (
        made("r1", "engine", 1000, &body),
        made("r1", "console", 900, b"lines"),
        made("r2", "engine", i64::MAX, b""),
    );
    for checkpoint in [&first, &console, &foreign] {
        store.put_checkpoint(checkpoint).await.expect("new");
        store.put_checkpoint(checkpoint).await.expect("the same again");
    }
    let kept = async |of, reader| store.checkpoint(of, reader).await.expect("read");
    assert_eq!(kept(&r1, "engine").await, Some(first.clone()));
    assert_eq!(kept(&r1, "console").await, Some(console));
    assert_eq!(kept(&r2, "engine").await, Some(foreign));
    assert_eq!(kept(&r2, "console").await, None);

    // Also one from before: whoever made the first one was wrong.
    let next = made("r1", "engine", 500, b"again");
    store.put_checkpoint(&next).await.expect("in its place");
    let there = kept(&r1, "engine").await;
    assert_eq!(there, Some(next.clone()));
    assert!(next.is_by(maker) && !next.is_by(other));
    for changed in [
        Checkpoint {
            body: b"agaim".to_vec(),
            ..next.clone()
        },
        Checkpoint {
            position: Position(501),
            ..next.clone()
        },
        Checkpoint {
            entry: Hash::ZERO,
            ..next.clone()
        },
        Checkpoint {
            rollout: r2,
            ..next.clone()
        },
        Checkpoint {
            reader: "console".to_owned(),
            ..next
        },
    ] {
        assert!(!changed.is_by(maker), "{changed:?}");
    }
}
